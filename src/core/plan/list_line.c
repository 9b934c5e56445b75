#include "core/plan/list_line.h"

#include <string.h>

#include "base/text.h"
#include "core/plan/path_rules.h"
#include "core/plan/plan.h"
#include "core/plan/url_path.h"

enum { HEX = 64 }; /* digits of a SHA-256 */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static size_t skip_blanks(const char *text, size_t len, size_t at)
{
    while (at < len && is_blank(text[at]))
        at++;
    return at;
}

static size_t field_end(const char *text, size_t len, size_t at)
{
    while (at < len && !is_blank(text[at]))
        at++;
    return at;
}

static bool parse_digest(struct digest *want, const char *text, size_t len)
{
    char hex[HEX + 1];

    *want = (struct digest){ .kind = DIGEST_NONE };
    if (len == 1 && text[0] == '-')
        return true;
    if (len != HEX)
        return false;
    memcpy(hex, text, HEX);
    hex[HEX] = '\0';
    want->kind = DIGEST_SHA256;
    return text_unhex(want->bytes, sizeof(want->bytes), hex);
}

static int path_check(const struct list_line *line, struct err *err)
{
    const char *fault;

    if (line->name.failed || line->path.failed)
        return err_memory(err, "a line of a list");
    fault = line->path.data ? path_rules_fault(line->path.data) : "it is empty";
    /* a path may be of any length: leave room for the reason */
    return fault ? err_set(err, ERR_SOURCE, "path '%.200s%s': %s",
                           line->path.data ? line->path.data : "",
                           line->path.len > 200 ? "..." : "", fault)
                 : 0;
}

/* Append a name, with the escapes of sha256sum undone. */
static int unescape(struct strbuf *out, const char *text, size_t len, struct err *err)
{
    static const char from[] = "\\nr";
    static const char to[] = "\\\n\r";

    for (size_t i = 0; i < len; i++) {
        const char *which;

        if (text[i] != '\\') {
            strbuf_add(out, text + i, 1);
            continue;
        }
        which = ++i < len ? memchr(from, text[i], sizeof(from) - 1) : NULL;
        if (!which)
            return err_set(err, ERR_SOURCE,
                           "the name has a '\\' that is not an escape of sha256sum");
        strbuf_add(out, &to[which - from], 1);
    }
    return 0;
}

/* A name relative to the base, with its digest. */
static int parse_name(struct list_line *line, const char *digest, const char *name,
                      size_t len, bool escaped, struct err *err)
{
    if (!parse_digest(&line->want, digest, HEX))
        return err_set(err, ERR_SOURCE, "the SHA-256 is not 64 hex digits");
    while (len > 1 && name[0] == '.' && name[1] == '/') {
        name += 2;
        len -= 2;
    }
    if (!escaped)
        strbuf_add(&line->name, name, len);
    else if (unescape(&line->name, name, len, err) < 0)
        return -1;
    strbuf_add(&line->path, line->name.data, line->name.len);
    return path_check(line, err);
}

/* <sha256>, a blank, a blank or '*' or neither, name; the digest is known to be there. */
static int parse_sum(struct list_line *line, const char *text, size_t len, bool escaped,
                     struct err *err)
{
    size_t at = HEX + 1;

    at += is_blank(text[at]) || text[at] == '*';
    return parse_name(line, text, text + at, len - at, escaped, err);
}

static bool is_sum(const char *text, size_t len)
{
    return len >= HEX + 2 && !memchr(text, ':', HEX) && is_blank(text[HEX]) &&
           !memchr(text, ' ', HEX) && !memchr(text, '\t', HEX);
}

/* The length of an algorithm's name and the '(' behind it, with a blank between as the
 * BSDs have it, or without as openssl; 0: the line is of another form. */
static size_t tag_length(const char *text, size_t len)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-/";
    size_t at = 0;

    while (at < len && text[at] && strchr(letters, text[at]))
        at++;
    if (at == 0 || at == len)
        return 0;
    at += text[at] == ' ';
    return at < len && text[at] == '(' ? at + 1 : 0;
}

/* SHA256 (name) = <sha256> */
static int parse_tagged(struct list_line *line, const char *text, size_t len,
                        size_t begin, bool escaped, struct err *err)
{
    size_t word = begin - 1 - (text[begin - 2] == ' ');
    size_t end;

    if (!(word == 6 && memcmp(text, "SHA256", 6) == 0) &&
        !(word == 8 && memcmp(text, "SHA2-256", 8) == 0))
        return err_set(err, ERR_SOURCE, "%.*s is not SHA256, the only digest supported",
                       (int)word, text);
    while (len > begin && is_blank(text[len - 1]))
        len--;
    if (len < begin + HEX)
        return err_set(err, ERR_SOURCE, "the SHA-256 is not 64 hex digits");
    end = len - HEX;
    while (end > begin && is_blank(text[end - 1]))
        end--;
    end -= end > begin && text[end - 1] == '=';
    end -= end > begin && text[end - 1] == ' ';
    if (end == begin || text[end - 1] != ')' || text[len - HEX - 1] == ')')
        return err_set(err, ERR_SOURCE, "expected 'SHA256 (NAME) = SHA256'");
    return parse_name(line, text + len - HEX, text + begin, end - 1 - begin, escaped,
                      err);
}

/* SIZE, if the field is one. */
static int parse_size(struct list_line *line, const char *text, size_t len, bool *is_size,
                      struct err *err)
{
    char digits[24];

    *is_size = true;
    if (len == 1 && text[0] == '-')
        return 0;
    /* a name such as "-5" is rarer than a wrong list */
    for (size_t i = text[0] == '-'; i < len; i++)
        if (text[i] < '0' || text[i] > '9')
            *is_size = false;
    if (!*is_size)
        return 0;
    if (len < sizeof(digits)) {
        memcpy(digits, text, len);
        digits[len] = '\0';
        line->sized =
            text_to_u64(digits, &line->size) && line->size <= (uint64_t)INT64_MAX;
    }
    return line->sized ? 0
                       : err_set(err, ERR_SOURCE, "the size is not between 0 and 2^63-1");
}

/* [SIZE] [PATH] from at on. */
static int parse_rest(struct list_line *line, const char *text, size_t len, size_t at,
                      struct err *err)
{
    size_t end = field_end(text, len, at);
    bool is_size = false;

    if (end > at && parse_size(line, text + at, end - at, &is_size, err) < 0)
        return -1;
    if (is_size)
        at = skip_blanks(text, len, end);
    if (at < len)
        strbuf_add(&line->path, text + at, len - at);
    else if (!url_path_name(line->name.data, &line->path))
        return err_set(err, ERR_SOURCE,
                       "the URL does not end in a file name: add a PATH");
    return path_check(line, err);
}

static int parse_url(struct list_line *line, const char *text, size_t len,
                     struct err *err)
{
    size_t end = field_end(text, len, 0);
    size_t digest = skip_blanks(text, len, end);
    size_t digest_end = field_end(text, len, digest);

    line->url = true;
    strbuf_add(&line->name, text, end);
    if (line->name.failed)
        return err_memory(err, "a line of a list");
    if (!text_starts(line->name.data, "file:///") && !url_path_is_web(line->name.data))
        return err_set(err, ERR_SOURCE, "the URL is not valid");
    if (digest == digest_end)
        return err_set(err, ERR_SOURCE,
                       "the SHA-256 after the URL is missing ('-' if there is none)");
    if (!parse_digest(&line->want, text + digest, digest_end - digest))
        return err_set(err, ERR_SOURCE, "the SHA-256 is not 64 hex digits");
    return parse_rest(line, text, len, skip_blanks(text, len, digest_end), err);
}

static bool is_url(const char *text, size_t len)
{
    static const char *const schemes[] = { "http://", "https://", "file://" };

    for (size_t i = 0; i < countof(schemes); i++)
        if (len >= strlen(schemes[i]) &&
            memcmp(text, schemes[i], strlen(schemes[i])) == 0)
            return true;
    return false;
}

int list_line_parse(struct list_line *line, const char *text, size_t len, bool *present,
                    struct err *err)
{
    bool escaped;
    size_t start, tag;

    strbuf_clear(&line->name);
    strbuf_clear(&line->path);
    line->url = line->sized = false;
    line->size = 0;
    if (len > 0 && text[len - 1] == '\r')
        len--;
    start = skip_blanks(text, len, 0);
    *present = start < len && text[start] != '#';
    if (!*present)
        return 0;
    if (memchr(text, '\0', len))
        return err_set(err, ERR_SOURCE, "the line has a NUL byte: not a list of files");
    escaped = text[0] == '\\';
    if (is_sum(text + escaped, len - escaped))
        return parse_sum(line, text + escaped, len - escaped, escaped, err);
    tag = tag_length(text + escaped, len - escaped);
    if (tag > 0)
        return parse_tagged(line, text + escaped, len - escaped, tag, escaped, err);
    text += start;
    len -= start;
    while (len > 0 && is_blank(text[len - 1]))
        len--;
    if (is_url(text, len))
        return parse_url(line, text, len, err);
    return err_set(err, ERR_SOURCE,
                   "expected 'SHA256  NAME' or 'URL SHA256 [SIZE] [PATH]'%s",
                   text[0] == '<' ? " (a login page or a proxy?)" : "");
}

void list_line_release(struct list_line *line)
{
    strbuf_release(&line->name);
    strbuf_release(&line->path);
}
