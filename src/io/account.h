/* io/account.h -- users, by number and by name. */
#ifndef IO_ACCOUNT_H
#define IO_ACCOUNT_H

#include <stdbool.h>
#include <stdint.h>

enum { ACCOUNT_TEXT = 96 };

/* "alice (uid 1000)", or "uid 1000" where it has no name. Returns text. */
const char *account_text(uint32_t uid, char text[ACCOUNT_TEXT]);

/* The user whom this process acts for. */
uint32_t account_mine(void);

/* A name or a number; false: there is no such user. */
bool account_find(const char *name, uint32_t *uid);

#endif
