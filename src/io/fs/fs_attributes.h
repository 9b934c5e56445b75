/* io/fs/fs_attributes.h -- the extended attributes of a file, access control lists among
 * them, as bytes; others use io/fs/fs_traits.h. */
#ifndef IO_FS_FS_ATTRIBUTES_H
#define IO_FS_FS_ATTRIBUTES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/strbuf.h"

enum {
    FS_ATTRIBUTE_MOST = 64 << 10, /* bytes of a value, as the kernel has it */
    FS_ATTRIBUTE_LISTS = 4
};

struct fs_attribute {
    const char *name, *value;
    uint32_t len;
    bool unreadable; /* it is there, but what it is could not be read */
};

/* Names of the lists that say who may do what; the first two are those of POSIX, of which
 * the second, the default one, is of directories alone. */
extern const char *const fs_attribute_lists[FS_ATTRIBUTE_LISTS];
bool fs_attribute_is_list(const char *name);

/* Whether errno says that there is no such attribute, or none at all on that file
 * system. */
bool fs_attribute_is_absent(int reason);

/* Append all of an open file, which may be open as O_PATH, for the two below. */
int fs_attributes_read(int fd, bool directory, struct strbuf *all, struct err *err);

/* From *at on, which begins with 0; false: that was all. */
bool fs_attributes_next(const struct strbuf *all, size_t *at, struct fs_attribute *one);
bool fs_attributes_find(const struct strbuf *all, const char *name,
                        struct fs_attribute *one);

/* In the bytes of a POSIX list: what the owning group may do at most, as 0 to 7. */
unsigned fs_attribute_group_rights(const char *list, uint32_t len);

/* The owning group is to be another one, which may do nothing; and nobody else may do what
 * the members of the one before could not, who are among all others then. */
void fs_attribute_close_to_group(char *list, uint32_t len);

#endif
