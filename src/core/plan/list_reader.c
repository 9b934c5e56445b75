#include "core/plan/list_reader.h"

#include <string.h>

#include "base/text.h"

static const char byte_order_mark[] = "\xef\xbb\xbf";

enum { MARK = sizeof(byte_order_mark) - 1 };

static bool line_is(const char *text, size_t len, const char *wanted)
{
    while (len > 0 && strchr(" \t\r", text[len - 1]) && text[len - 1])
        len--;
    return len == strlen(wanted) && memcmp(text, wanted, len) == 0;
}

/* *skip: the line frames the message and names no file. */
static int read_frame(struct list_reader *reader, const char *text, size_t len,
                      bool *skip, struct err *err)
{
    static const struct {
        enum list_signed from, to;
        const char *line;
    } moves[] = {
        { LIST_UNSIGNED, LIST_SIGNED_HEADS, "-----BEGIN PGP SIGNED MESSAGE-----" },
        { LIST_SIGNED_HEADS, LIST_SIGNED_TEXT, "" },
        { LIST_SIGNED_TEXT, LIST_SIGNED_ARMOR, "-----BEGIN PGP SIGNATURE-----" },
        { LIST_SIGNED_ARMOR, LIST_SIGNED_BEHIND, "-----END PGP SIGNATURE-----" },
    };

    *skip = reader->part == LIST_SIGNED_HEADS || reader->part == LIST_SIGNED_ARMOR;
    for (size_t i = 0; i < countof(moves); i++) {
        if (reader->part != moves[i].from || !line_is(text, len, moves[i].line))
            continue;
        *skip = true;
        reader->part = moves[i].to;
        return reader->named ? err_set(err, ERR_SOURCE,
                                       "a signed text begins behind files that it does "
                                       "not cover")
                             : 0;
    }
    return 0;
}

static int parse_line(struct list_reader *reader, const char *text, size_t len,
                      bool *present, struct err *err)
{
    bool skip;

    *present = false;
    if (len > LIST_LINE_MOST)
        return err_set(err, ERR_SOURCE, "it is longer than %d bytes: not a list of files",
                       LIST_LINE_MOST);
    if (read_frame(reader, text, len, &skip, err) < 0)
        return -1;
    if (skip)
        return 0;
    /* a line that begins with a dash has "- " in front */
    if (reader->part == LIST_SIGNED_TEXT && len >= 2 && memcmp(text, "- ", 2) == 0) {
        text += 2;
        len -= 2;
    }
    if (list_line_parse(&reader->line, text, len, present, err) < 0)
        return -1;
    if (*present && reader->part == LIST_SIGNED_BEHIND)
        return err_set(err, ERR_SOURCE, "it is behind the signed text");
    reader->named |= *present && reader->part == LIST_UNSIGNED;
    return 0;
}

/* A line without its newline. */
static int take_line(struct list_reader *reader, const char *text, size_t len,
                     struct err *err)
{
    bool present = false;
    int rc;

    if (++reader->lines == 1 && len >= MARK && memcmp(text, byte_order_mark, MARK) == 0) {
        text += MARK;
        len -= MARK;
    }
    rc = parse_line(reader, text, len, &present, err);
    if (rc == 0 && present)
        rc = reader->visit(reader->arg, &reader->line, err);
    return rc < 0 ? err_wrap(err, "line %ju", (uintmax_t)reader->lines) : 0;
}

/* What came of a line before and these bytes: all of a line, or more of its beginning. */
static int add_rest(struct list_reader *reader, const char *bytes, size_t len, bool whole,
                    struct err *err)
{
    struct strbuf *rest = &reader->rest;
    int rc = 0;

    strbuf_add(rest, bytes, len);
    if (rest->failed)
        return err_memory(err, "a line of a list");
    /* what is too long already is refused without its end */
    if (whole || rest->len > LIST_LINE_MOST + MARK) {
        rc = take_line(reader, rest->data, rest->len, err);
        strbuf_clear(rest);
    }
    return rc;
}

int list_reader_feed(struct list_reader *reader, const char *bytes, size_t len,
                     struct err *err)
{
    int rc = 0;

    while (rc == 0 && len > 0) {
        const char *newline = memchr(bytes, '\n', len);
        size_t line = newline ? (size_t)(newline - bytes) : len;
        size_t used = line + (newline != NULL);

        if (newline && reader->rest.len == 0)
            rc = take_line(reader, bytes, line, err);
        else
            rc = add_rest(reader, bytes, line, newline != NULL, err);
        bytes += used;
        len -= used;
    }
    return rc;
}

int list_reader_end(struct list_reader *reader, struct err *err)
{
    if (reader->rest.len > 0 && add_rest(reader, "", 0, true, err) < 0)
        return -1;
    if (reader->part == LIST_UNSIGNED || reader->part == LIST_SIGNED_BEHIND)
        return 0;
    return err_set(err, ERR_SOURCE,
                   "the list is cut off: the end of its signature is missing");
}

void list_reader_release(struct list_reader *reader)
{
    list_line_release(&reader->line);
    strbuf_release(&reader->rest);
    *reader = (struct list_reader){ 0 };
}
