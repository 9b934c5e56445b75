#include "staging/json_reader.h"

#include <stdlib.h>
#include <string.h>

#include "io/fs/fs.h"

enum {
    JSON_READER_BUFFER = 64 << 10,
    JSON_READER_VALUE = 1 << 20 /* bytes; most of one value: a path has 4 KiB */
};

static int fail(struct json_reader *file, const char *reason)
{
    if (!file->failed)
        err_set(file->err, ERR_DEST, "cannot parse '%s%s%s': %s",
                file->dir ? file->dir->path : "", file->dir ? "/" : "", file->name,
                reason);
    file->failed = true;
    return -1;
}

int json_reader_open(struct json_reader *file, const struct fs_dir *dir, const char *name,
                     struct err *err)
{
    struct fs_info info;

    *file = (struct json_reader){ .dir = dir, .name = name, .err = err, .fd = -1 };
    file->buffer = malloc(JSON_READER_BUFFER);
    if (!file->buffer)
        err_memory(err, "a record");
    else
        file->fd = fs_open_regular(dir, name, NULL, err);
    if (file->fd >= 0 && fs_look_open(file->fd, dir, name, &info, err) == 0) {
        file->size = info.size;
        return 0;
    }
    json_reader_close(file);
    return -1;
}

static bool fill(struct json_reader *file)
{
    uint64_t left = file->size - file->offset;
    size_t len = left < JSON_READER_BUFFER ? (size_t)left : JSON_READER_BUFFER;

    if (file->failed || len == 0)
        return false;
    if (fs_pread(file->fd, file->dir, file->name, file->buffer, len, file->offset,
                 file->err) < 0) {
        file->failed = true;
        return false;
    }
    file->offset += len;
    file->at = 0;
    file->end = len;
    return true;
}

/* The next byte, which stays; -1: the end, or an error. */
static int next(struct json_reader *file)
{
    if (file->at == file->end && !fill(file))
        return -1;
    return (unsigned char)file->buffer[file->at];
}

static bool is_blank(int c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static void skip_blanks(struct json_reader *file)
{
    while (is_blank(next(file)))
        file->at++;
}

bool json_reader_take(struct json_reader *file, char wanted)
{
    int c;

    skip_blanks(file);
    c = next(file);
    if (file->failed)
        return false;
    if (wanted == '\0')
        return c < 0;
    if (c != (unsigned char)wanted)
        return false;
    file->at++;
    return true;
}

/* Where a value ends is told by brackets and quotes alone; whether it is one, jansson
 * says. */
struct cut {
    unsigned depth;
    bool quoted, escaped;
};

/* Whether the value ends before c (a number or a word) or, *with, behind it. */
static bool ends(struct cut *cut, int c, bool *with)
{
    *with = true;
    if (cut->quoted) {
        bool closes = c == '"' && !cut->escaped;

        cut->escaped = c == '\\' && !cut->escaped;
        cut->quoted = !closes;
        return closes && cut->depth == 0;
    }
    if (c == '"')
        cut->quoted = true;
    else if (c == '{' || c == '[')
        cut->depth++;
    else if (cut->depth > 0 && (c == '}' || c == ']'))
        return --cut->depth == 0;
    else if (cut->depth == 0 &&
             (c == ',' || c == '}' || c == ']' || c == ':' || is_blank(c))) {
        *with = false;
        return true;
    }
    return false;
}

static int collect(struct json_reader *file)
{
    struct cut cut = { 0 };
    bool with = true;

    strbuf_clear(&file->value);
    skip_blanks(file);
    for (int c = next(file); c >= 0; c = next(file)) {
        bool end = ends(&cut, c, &with);
        char byte = (char)c;

        if (!end || with) {
            strbuf_add(&file->value, &byte, 1);
            file->at++;
        }
        if (end)
            break;
        if (file->value.len > JSON_READER_VALUE)
            return fail(file, "a value is too long");
    }
    if (file->value.failed)
        return fail(file, "out of memory");
    return file->failed ? -1 : 0;
}

json_t *json_reader_value(struct json_reader *file)
{
    json_error_t fault;
    json_t *value = NULL;

    if (!file->failed && collect(file) == 0) {
        value = json_loadb(file->value.data ? file->value.data : "", file->value.len,
                           JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &fault);
        if (!value)
            fail(file, fault.text);
    }
    return value;
}

void json_reader_close(struct json_reader *file)
{
    if (file->buffer && file->fd >= 0)
        fs_close(file->fd, file->dir, file->name, NULL);
    free(file->buffer);
    strbuf_release(&file->value);
    *file = (struct json_reader){ .fd = -1 };
}
