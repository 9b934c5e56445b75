/* Put in front of each source for clang-tidy, which does not look into other files:
 * without this it explores worlds in which "return err_set(...)" returns success. */
#include "../src/base/err.h"

#define err_set(...) (err_set(__VA_ARGS__), -1)
#define err_wrap(...) (err_wrap(__VA_ARGS__), -1)
#define err_memory(...) (err_memory(__VA_ARGS__), -1)
#define err_copy(...) (err_copy(__VA_ARGS__), -1)
