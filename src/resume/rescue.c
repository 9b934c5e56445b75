#include "resume/rescue.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "core/plan/layout.h"
#include "io/fs/fs.h"
#include "resume/versions.h"
#include "staging/foreign_files.h"

/* Move a tree out of staging, to a name that nothing removes. */
static bool set_aside(const struct rescue *rescue, const struct fs_dir *staging,
                      const char *tree, const char *why)
{
    char prefix[FS_NAME], place[FS_NAME];
    struct strbuf kept = { 0 };
    struct err err = { 0 };
    bool done = false;

    fs_format(prefix, ".%s.kept-", layout_name(rescue->dest));
    if (fs_private_dir(rescue->parent, ".", prefix, &kept, &err) == 0) {
        size_t len = kept.len;

        strbuf_adds(&kept, "/tree");
        done = !kept.failed && fs_rename(staging, tree, rescue->parent, kept.data,
                                         FS_RENAME_ABSENT, &err) == 0;
        if (!done && !kept.failed) {
            kept.data[len] = '\0';
            fs_remove_empty(rescue->parent, kept.data, NULL);
        }
    }
    fs_format(place, "%s/%s", done ? rescue->parent->path : staging->path,
              done ? kept.data : tree);
    log_line(&rescue->run->ranks.log, LOG_WARN,
             "the previous '%s' was kept at '%s' because %s", rescue->dest, place, why);
    if (err.code != ERR_NONE)
        log_line(&rescue->run->ranks.log, LOG_WARN, "%s", err.text);
    strbuf_release(&kept);
    return done;
}

bool rescue_tree(const struct rescue *rescue, const struct fs_dir *staging,
                 const char *tree)
{
    const struct record_tree published = { staging, tree, rescue->parent, rescue->dest };
    char *foreign = NULL, why[FS_NAME + 80] = "not all of it can be read";
    struct record record;
    bool saved = true;

    if (foreign_files_are_in(&published, &foreign)) {
        if (foreign)
            snprintf(why, sizeof(why),
                     record_find(&record, &published, NULL) == 0
                         ? "it contains '%s', which mpifetch did not create"
                         : "without a record of it it is not known whether mpifetch "
                           "created '%s'",
                     foreign);
        saved = set_aside(rescue, staging, tree, why);
    }
    free(foreign);
    return saved;
}

const char rescue_probe_file[] = "rehearsal/file";
const char rescue_probe_full[] = "rehearsal/full";
const char rescue_probe_inner[] = ".mpifetch-rehearsal";

static int refuse_others(void *arg, const char *name, struct err *err)
{
    (void)arg;
    return strcmp(name, rescue_probe_inner) == 0
               ? 0
               : err_set(err, ERR_DEST, "'%s' is not ours", name);
}

/* Or nothing, which is no loss. */
static bool is_probe(const struct fs_dir *staging, const char *name)
{
    struct fs_info info;

    if (fs_look(staging, name, &info, NULL) < 0)
        return false;
    switch (info.kind) {
    case FS_MISSING:
        return true;
    case FS_FILE:
        return info.size == 0;
    case FS_DIRECTORY:
        return strcmp(name, rescue_probe_full) == 0 &&
               fs_list(staging, name, refuse_others, NULL, NULL) == 0;
    default:
        return false;
    }
}

bool rescue_dest(const struct rescue *rescue, const struct fs_dir *staging)
{
    const char *const probes[] = { rescue_probe_file, rescue_probe_full };
    char inner[FS_NAME];
    bool saved = true;

    for (size_t i = 0; i < countof(probes); i++) {
        if (is_probe(staging, probes[i]))
            continue;
        fs_format(inner, "%s/%s", probes[i], rescue_probe_inner);
        fs_remove_empty(staging, inner, NULL);
        saved = (fs_rename(staging, probes[i], rescue->parent, layout_name(rescue->dest),
                           FS_RENAME_ABSENT, NULL) == 0 ||
                 set_aside(rescue, staging, probes[i], "something else has its place")) &&
                saved;
    }
    return saved;
}

struct search {
    const struct rescue *rescue;
    const struct fs_dir *staging;
    bool saved;
};

static int rescue_version(void *arg, const char *name, struct err *err)
{
    struct search *search = arg;
    const struct rescue *rescue = search->rescue;
    struct err why = { 0 };
    int back;

    (void)err;
    if (!versions_are_swept_to(name) || fs_is_missing(search->staging, name))
        return 0;
    back = versions_put_back(rescue->parent, rescue->dest, search->staging, name, &why);
    if (back < 0)
        log_line(&rescue->run->ranks.log, LOG_WARN, "%s", why.text);
    if (back < 0 || (back == 0 && !rescue_tree(rescue, search->staging, name)))
        search->saved = false;
    return 0;
}

bool rescue_versions(const struct rescue *rescue, const struct fs_dir *staging)
{
    struct search search = { rescue, staging, true };

    return fs_list(staging, ".", rescue_version, &search, NULL) == 0 && search.saved;
}
