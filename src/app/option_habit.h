/* app/option_habit.h -- what people mean who type an option of curl, wget, aria2, rclone or
 * the Hub's tools. */
#ifndef APP_OPTION_HABIT_H
#define APP_OPTION_HABIT_H

#include <stddef.h>

/* "DEST is the second argument", for instance; NULL: nothing known. A name of one letter
 * is that of a short option. */
const char *option_habit(const char *name, size_t len);

#endif
