#include "phase/mismatch.h"

#include "base/text.h"

int mismatch(const struct run *run, uint32_t file, const uint8_t sha256[32],
             struct err *err)
{
    const struct digest *want = &run->plan.files[file].want;
    const char *path = plan_path(&run->plan, file);
    char got[65], wanted[65];

    text_hex(got, sha256, 32);
    text_hex(wanted, want->bytes, 32);
    if (want->kind == DIGEST_GIT_BLOB)
        return err_set(err, ERR_DIGEST,
                       "'%s': its git blob id is not the one that the source announced, "
                       "also after a second fetch (its SHA-256 is %s); nothing was "
                       "published",
                       path, got);
    return err_set(err, ERR_DIGEST,
                   "'%s': SHA-256 is %s, but the source announced %s, also after a "
                   "second fetch; nothing was published",
                   path, got, wanted);
}
