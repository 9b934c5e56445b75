#include "doctor/mounts.h"

#include <string.h>

#include "base/strbuf.h"
#include "base/text.h"
#include "base/utf8.h"

/* A word of a line: not ended by a NUL. */
struct word {
    const char *at;
    size_t len;
};

/* The words before and behind the lone "-" of a line; between them stand words whose
 * number varies. */
enum { WORD_ID, WORD_POINT = 4, WORD_OPTIONS = 5, WORDS = 6 };
enum { TAIL_TYPE, TAIL_SOURCE, TAIL_OPTIONS, TAIL_WORDS };

struct line {
    struct word word[WORDS], tail[TAIL_WORDS];
};

static struct word next_word(const char **at, const char *end)
{
    struct word word;

    while (*at < end && **at == ' ')
        (*at)++;
    word.at = *at;
    while (*at < end && **at != ' ')
        (*at)++;
    word.len = (size_t)(*at - word.at);
    return word;
}

static bool is_word(struct word word, const char *text)
{
    return word.len == strlen(text) && memcmp(word.at, text, word.len) == 0;
}

static bool read_line(const char *at, const char *end, struct line *line)
{
    struct word word;

    for (size_t i = 0; i < countof(line->word); i++)
        line->word[i] = next_word(&at, end);
    do
        word = next_word(&at, end);
    while (word.len > 0 && !is_word(word, "-"));
    for (size_t i = 0; i < countof(line->tail); i++)
        line->tail[i] = next_word(&at, end);
    return line->tail[TAIL_SOURCE].len > 0;
}

static bool is_octal(const char *at, const char *end)
{
    if (end - at < 4 || at[0] != '\\' || at[1] < '0' || at[1] > '3')
        return false;
    return at[2] >= '0' && at[2] <= '7' && at[3] >= '0' && at[3] <= '7';
}

/* Blanks, line ends and backslashes are written as \040 and so on. */
static void take_word(char *out, size_t size, struct word word)
{
    const char *at = word.at, *end = word.at + word.len;
    size_t len = 0;

    while (at < end && len + 1 < size) {
        if (is_octal(at, end)) {
            out[len++] = (char)((at[1] - '0') * 64 + (at[2] - '0') * 8 + (at[3] - '0'));
            at += 4;
        } else {
            out[len++] = *at++;
        }
    }
    out[len] = '\0';
    utf8_mask(out);
    if (at < end)
        utf8_cut(out, size);
}

static bool holds(const char *options, const char *option, size_t len)
{
    while (*options) {
        size_t own = strcspn(options, ",");

        if (own == len && memcmp(options, option, len) == 0)
            return true;
        options += own + (options[own] == ',');
    }
    return false;
}

static void add_options(char *out, size_t size, const char *more)
{
    while (*more) {
        size_t len = strcspn(more, ","), used = strlen(out);

        if (len > 0 && !holds(out, more, len) && !text_starts(more, "clientaddr=")) {
            if (used + len + 2 > size) {
                /* room for the three dots is made by the cut */
                memset(out + used, '.', size - 1 - used);
                out[size - 1] = '\0';
                utf8_cut(out, size);
                return;
            }
            if (used > 0)
                out[used++] = ',';
            memcpy(out + used, more, len);
            out[used + len] = '\0';
        }
        more += len + (more[len] == ',');
    }
}

static void take_line(struct mount *mount, const struct line *line)
{
    char own[sizeof(mount->options)], super[sizeof(mount->options)];

    take_word(mount->type, sizeof(mount->type), line->tail[TAIL_TYPE]);
    take_word(mount->source, sizeof(mount->source), line->tail[TAIL_SOURCE]);
    take_word(mount->point, sizeof(mount->point), line->word[WORD_POINT]);
    take_word(own, sizeof(own), line->word[WORD_OPTIONS]);
    take_word(super, sizeof(super), line->tail[TAIL_OPTIONS]);
    add_options(mount->options, sizeof(mount->options), own);
    add_options(mount->options, sizeof(mount->options), super);
}

bool mounts_find(const char *text, uint64_t id, struct mount *mount)
{
    *mount = (struct mount){ 0 };
    while (*text) {
        size_t len = strcspn(text, "\n");
        const char *digits = text;
        uint64_t found;
        struct line line;

        if (text_take_u64(&digits, &found) && found == id && *digits == ' ' &&
            read_line(text, text + len, &line)) {
            take_line(mount, &line);
            return true;
        }
        text += len + (text[len] == '\n');
    }
    return false;
}

bool mounts_id(const char *fdinfo, uint64_t *id)
{
    static const char key[] = "mnt_id:";
    const char *at = strstr(fdinfo, key);

    if (!at)
        return false;
    at += sizeof(key) - 1;
    at += strspn(at, " \t");
    return text_take_u64(&at, id);
}

/* From linux/magic.h and the file systems' own headers. */
const char *mounts_kind(uint64_t magic)
{
    static const struct {
        uint64_t magic;
        const char *name;
    } kinds[] = {
        { 0x0bd00bd0, "Lustre" },   { 0x6969, "NFS" },
        { 0x47504653, "GPFS" },     { 0x19830326, "BeeGFS" },
        { 0x65735546, "FUSE" },     { 0x00c36400, "Ceph" },
        { 0xaad7aaea, "PanFS" },    { 0xff534d42, "CIFS" },
        { 0xfe534d42, "SMB" },      { 0x517b, "SMB" },
        { 0x20030528, "OrangeFS" }, { 0x01021997, "9P" },
        { 0xef53, "ext2/3/4" },     { 0x58465342, "XFS" },
        { 0x9123683e, "btrfs" },    { 0x2fc12fc1, "ZFS" },
        { 0x01021994, "tmpfs" },    { 0x858458f6, "ramfs" },
        { 0x794c7630, "overlay" },  { 0x5346414f, "AFS" },
        { 0x01161970, "GFS2" },     { 0x7461636f, "OCFS2" },
        { 0xf2f52010, "F2FS" },     { 0x013111a8, "IBRIX" },
        { 0x7c7c6673, "PRL_FS" },   { 0x6a656a63, "virtiofs/FUSE block" },
        { 0xca451a4e, "bcachefs" },
    };

    for (size_t i = 0; i < countof(kinds); i++)
        if (kinds[i].magic == magic)
            return kinds[i].name;
    return NULL;
}
