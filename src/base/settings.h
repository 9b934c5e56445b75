/* base/settings.h -- a text of settings, line by line.
 *
 *     # a comment: at the start of a line, or behind a blank
 *     cacert = /etc/pki/site.pem
 *     no-sync
 *     no-sync = true
 *     header = X-Site: one
 *
 * A value reaches from its first to its last character that is no blank; nothing is quoted. */
#ifndef BASE_SETTINGS_H
#define BASE_SETTINGS_H

#include <stddef.h>

struct settings {
    const char *at, *end;     /* what is left of the text */
    unsigned line;            /* of the setting, from 1 on */
    const char *name, *value; /* of the setting; they end where the lengths say */
    size_t name_len, value_len;
    int has_value; /* there is a '=' */
};

void settings_open(struct settings *file, const char *text, size_t len);

/* 1: the next setting; 0: there are no more; -1: the line has a NUL byte or a control
 * character, and is no setting. */
int settings_next(struct settings *file);

#endif
