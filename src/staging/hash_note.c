#include "staging/hash_note.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "io/account.h"
#include "io/fs/fs.h"
#include "io/sha256.h"

enum { HASH_NOTE_ID = 16 /* hex digits of its name */ };

static const size_t note_most = (size_t)1 << 30; /* bytes worth reading */
static const int64_t tick = 1000000000;          /* the coarsest clock of a file system */
static const char head[] = "mpifetch hashed 1 ";

struct hash_note_line {
    uint64_t size, inode;
    int64_t mtime_ns, ctime_ns;
    const char *sha256, *git, *path;
};

/* The directory of notes; false: there is no home. */
static bool find_place(struct strbuf *place)
{
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");

    if (cache && *cache == '/')
        strbuf_addf(place, "%s/mpifetch", cache);
    else if (home && *home == '/')
        strbuf_addf(place, "%s/.cache/mpifetch", home);
    return place->len > 0 && !place->failed;
}

static const char *name_of(const char *dest, char name[FS_NAME])
{
    uint8_t digest[32];
    char hex[65];

    sha256_bytes(dest, strlen(dest), digest);
    text_hex(hex, digest, sizeof(digest));
    return fs_format(name, "hashed-%.*s", HASH_NOTE_ID, hex);
}

/* Nobody but this user can have written it. */
static bool is_own(const struct fs_dir *dir, const char *name)
{
    struct fs_info info;

    return fs_look(dir, name, &info, NULL) == 0 && info.kind == FS_FILE &&
           info.uid == account_mine() && !(info.mode & 022);
}

/* The next word; NULL: there is none. */
static char *take_word(char **at)
{
    char *word = *at, *blank = strchr(word, ' ');

    if (!blank || blank == word)
        return NULL;
    *blank = '\0';
    *at = blank + 1;
    return word;
}

static bool take_number(char **at, int64_t *number)
{
    char *word = take_word(at), *end = NULL;

    if (word)
        *number = strtoll(word, &end, 10);
    return word && end != word && !*end;
}

static bool parse_line(char *text, struct hash_note_line *line)
{
    int64_t size, inode;

    if (!take_number(&text, &size) || !take_number(&text, &line->mtime_ns) ||
        !take_number(&text, &line->ctime_ns) || !take_number(&text, &inode) ||
        !(line->sha256 = take_word(&text)) || !(line->git = take_word(&text)))
        return false;
    line->size = (uint64_t)size;
    line->inode = (uint64_t)inode;
    line->path = text;
    return *text;
}

static int by_path(const void *a, const void *b)
{
    return strcmp(((const struct hash_note_line *)a)->path,
                  ((const struct hash_note_line *)b)->path);
}

/* A torn line at the end has no newline, and does not count. */
static void parse(struct hash_note *note, const char *dest)
{
    char *at = note->text, *end;
    size_t room = 0;

    for (const char *c = at; (c = strchr(c, '\n')); c++)
        room++;
    if (room == 0 || !text_starts(at, head) || !(end = strchr(at, '\n')))
        return;
    *end = '\0';
    if (strcmp(at + strlen(head), dest) != 0 ||
        !(note->line = calloc(room, sizeof(*note->line))))
        return;
    for (at = end + 1; (end = strchr(at, '\n')); at = end + 1) {
        *end = '\0';
        if (parse_line(at, &note->line[note->count]))
            note->count++;
    }
    qsort(note->line, note->count, sizeof(*note->line), by_path);
}

void hash_note_read(struct hash_note *note, const char *dest)
{
    struct strbuf place = { 0 };
    struct fs_dir dir = { 0 };
    char name[FS_NAME];
    size_t len;

    *note = (struct hash_note){ 0 };
    name_of(dest, name);
    if (find_place(&place) && fs_dir_open(&dir, NULL, place.data, NULL) == 0 &&
        is_own(&dir, name) &&
        fs_read_regular(&dir, name, note_most, &note->text, &len, NULL) == 0)
        parse(note, dest);
    fs_dir_close(&dir);
    strbuf_release(&place);
}

static bool has_digest(const struct hash_note_line *line, const struct digest *want,
                       const uint8_t sha256[32])
{
    uint8_t noted[32];

    switch ((enum digest_kind)want->kind) {
    case DIGEST_GIT_BLOB:
        return text_unhex(noted, 20, line->git) && memcmp(noted, want->bytes, 20) == 0;
    case DIGEST_SHA256:
        return text_unhex(noted, 32, line->sha256) && memcmp(noted, want->bytes, 32) == 0;
    case DIGEST_NONE:
        break;
    }
    return text_unhex(noted, 32, line->sha256) && memcmp(noted, sha256, 32) == 0;
}

bool hash_note_has(const struct hash_note *note, const struct plan *plan, size_t i,
                   const struct fs_info *info, uint8_t sha256[32])
{
    const struct hash_note_line key = { .path = plan_path(plan, i) };
    const struct hash_note_line *line =
        note->count == 0 ? NULL
                         : bsearch(&key, note->line, note->count, sizeof(key), by_path);

    return line && line->size == info->size && line->inode == info->inode &&
           line->mtime_ns == info->mtime_ns && line->ctime_ns == info->ctime_ns &&
           has_digest(line, &plan->files[i].want, sha256) &&
           text_unhex(sha256, 32, line->sha256);
}

static void add_file(struct strbuf *text, const struct plan *plan, size_t i,
                     const struct existing_file *known)
{
    const struct digest *want = &plan->files[i].want;
    char hex[65], git[65] = "-";

    text_hex(hex, known->sha256, 32);
    if (want->kind == DIGEST_GIT_BLOB)
        text_hex(git, want->bytes, 20);
    strbuf_addf(text, "%" PRIu64 " %" PRId64 " %" PRId64 " %" PRIu64 " %s %s %s\n",
                plan->files[i].size, known->mtime_ns, known->ctime_ns, known->inode, hex,
                git, plan_path(plan, i));
}

/* Written where nobody looks, then renamed. */
static void show(const struct fs_dir *dir, const char *name, const struct strbuf *text)
{
    struct strbuf made = { 0 };
    char from[FS_NAME];

    if (fs_private_dir(dir, ".", "new-", &made, NULL) < 0)
        return;
    fs_format(from, "%s/note", made.data);
    if (fs_write_private(dir, from, text->data, text->len, NULL) == 0)
        fs_rename(dir, from, dir, name, FS_RENAME_REPLACE, NULL);
    fs_remove_tree(dir, made.data, NULL);
    strbuf_release(&made);
}

/* Of a file that nobody has read there is none. */
static bool is_hashed(const struct existing_file *known)
{
    static const uint8_t none[sizeof(known->sha256)];

    return known->there && memcmp(known->sha256, none, sizeof(none)) != 0;
}

void hash_note_write(const char *dest, const struct plan *plan,
                     const struct existing_file *existing, int64_t since)
{
    struct strbuf place = { 0 }, text = { 0 };
    struct fs_dir dir = { 0 };
    char name[FS_NAME];

    strbuf_addf(&text, "%s%s\n", head, dest);
    for (size_t i = 0; i < plan->nfiles; i++)
        if (is_hashed(&existing[i]) && existing[i].ctime_ns < since - tick)
            add_file(&text, plan, i, &existing[i]);
    if (!text.failed && find_place(&place) && fs_mkdirs(NULL, place.data, NULL) == 0 &&
        fs_dir_open(&dir, NULL, place.data, NULL) == 0)
        show(&dir, name_of(dest, name), &text);
    fs_dir_close(&dir);
    strbuf_release(&place);
    strbuf_release(&text);
}

void hash_note_release(struct hash_note *note)
{
    free(note->line);
    free(note->text);
    *note = (struct hash_note){ 0 };
}
