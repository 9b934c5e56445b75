#include "io/fs/fs_attributes.h"

#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>

#include "base/text.h"

/* They lie one behind the other: the name with its NUL, the length in 4 bytes, and so many
 * bytes. A length of UNREADABLE stands for none. */
static const uint32_t UNREADABLE = UINT32_MAX;

enum { NAMES_MOST = 64 << 10, PROC_NAME = 40 };

const char *const fs_attribute_lists[FS_ATTRIBUTE_LISTS] = { "system.posix_acl_access",
                                                             "system.posix_acl_default",
                                                             "system.nfs4_acl",
                                                             "system.richacl" };

bool fs_attribute_is_list(const char *name)
{
    for (size_t i = 0; i < countof(fs_attribute_lists); i++)
        if (strcmp(name, fs_attribute_lists[i]) == 0)
            return true;
    return false;
}

bool fs_attribute_is_absent(int reason)
{
    return reason == ENODATA || reason == EOPNOTSUPP || reason == ENOSYS;
}

/* By a name that leads to what is held, whether we may read it or not. */
static const char *proc_name(char text[PROC_NAME], int fd)
{
    snprintf(text, PROC_NAME, "/proc/self/fd/%d", fd);
    return text;
}

static void add(struct strbuf *all, const char *name, const char *value, uint32_t len)
{
    strbuf_add(all, name, strlen(name) + 1);
    strbuf_add(all, &len, sizeof(len));
    if (len != UNREADABLE)
        strbuf_add(all, value, len);
}

static void read_one(int fd, const char *name, char *value, struct strbuf *all)
{
    char proc[PROC_NAME];
    ssize_t len = getxattr(proc_name(proc, fd), name, value, FS_ATTRIBUTE_MOST);

    if (len >= 0)
        add(all, name, value, (uint32_t)len);
    else if (!fs_attribute_is_absent(errno))
        add(all, name, NULL, UNREADABLE);
}

int fs_attributes_read(int fd, bool directory, struct strbuf *all, struct err *err)
{
    char *names = malloc(NAMES_MOST), *value = malloc(FS_ATTRIBUTE_MOST);
    char proc[PROC_NAME];
    ssize_t len;
    int rc = -1;

    if (!names || !value) {
        err_memory(err, "attributes");
        goto out;
    }
    /* Not all file systems name the lists among the others. */
    for (size_t i = 0; i < countof(fs_attribute_lists); i++)
        if (directory || i != 1)
            read_one(fd, fs_attribute_lists[i], value, all);
    len = listxattr(proc_name(proc, fd), names, NAMES_MOST);
    for (ssize_t at = 0; at < len; at += (ssize_t)strlen(names + at) + 1)
        if (!fs_attribute_is_list(names + at))
            read_one(fd, names + at, value, all);
    rc = all->failed ? err_memory(err, "attributes") : 0;
out:
    free(names);
    free(value);
    return rc;
}

bool fs_attributes_next(const struct strbuf *all, size_t *at, struct fs_attribute *one)
{
    uint32_t len;

    if (*at >= all->len)
        return false;
    one->name = all->data + *at;
    *at += strlen(one->name) + 1;
    memcpy(&len, all->data + *at, sizeof(len));
    *at += sizeof(len);
    one->value = all->data + *at;
    one->unreadable = len == UNREADABLE;
    one->len = one->unreadable ? 0 : len;
    *at += one->len;
    return true;
}

bool fs_attributes_find(const struct strbuf *all, const char *name,
                        struct fs_attribute *one)
{
    for (size_t at = 0; fs_attributes_next(all, &at, one);)
        if (strcmp(one->name, name) == 0)
            return true;
    return false;
}

/* Behind a version in 4 bytes; all little-endian. */
struct list_entry {
    uint16_t tag, permissions;
    uint32_t id;
};

enum { LIST_HEAD = 4, LIST_GROUP_OBJ = 0x04, LIST_MASK = 0x10, LIST_OTHER = 0x20 };

unsigned fs_attribute_group_rights(const char *list, uint32_t len)
{
    unsigned group = 0, most = 07;
    struct list_entry entry;

    for (size_t at = LIST_HEAD; at + sizeof(entry) <= len; at += sizeof(entry)) {
        memcpy(&entry, list + at, sizeof(entry));
        if (le16toh(entry.tag) == LIST_GROUP_OBJ)
            group = le16toh(entry.permissions);
        else if (le16toh(entry.tag) == LIST_MASK)
            most = le16toh(entry.permissions);
    }
    return group & most;
}

void fs_attribute_close_to_group(char *list, uint32_t len)
{
    unsigned rights = fs_attribute_group_rights(list, len);
    struct list_entry entry;

    for (size_t at = LIST_HEAD; at + sizeof(entry) <= len; at += sizeof(entry)) {
        memcpy(&entry, list + at, sizeof(entry));
        if (le16toh(entry.tag) == LIST_GROUP_OBJ)
            entry.permissions = 0;
        else if (le16toh(entry.tag) == LIST_OTHER)
            entry.permissions &= htole16((uint16_t)rights);
        memcpy(list + at, &entry, sizeof(entry));
    }
}
