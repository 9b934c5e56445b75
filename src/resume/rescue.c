#include "resume/rescue.h"

#include <stdlib.h>

#include "core/plan/layout.h"
#include "io/fs/fs.h"
#include "resume/versions.h"
#include "staging/foreign_files.h"

static void say_kept(const struct rescue *rescue, const char *place, const char *foreign)
{
    const struct log *log = &rescue->run->ranks.log;

    if (foreign)
        log_line(log, LOG_WARN,
                 "the previous '%s' was kept at '%s' because it contains '%s', which "
                 "mpifetch did not create",
                 rescue->dest, place, foreign);
    else
        log_line(log, LOG_WARN,
                 "the previous '%s' was kept at '%s' because not all of it can be read",
                 rescue->dest, place);
}

/* Move a tree out of staging, to a name that nothing removes. */
static bool set_aside(const struct rescue *rescue, const struct fs_dir *staging,
                      const char *tree, const char *foreign)
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
    say_kept(rescue, place, foreign);
    if (err.code != ERR_NONE)
        log_line(&rescue->run->ranks.log, LOG_WARN, "%s", err.text);
    strbuf_release(&kept);
    return done;
}

bool rescue_tree(const struct rescue *rescue, const struct fs_dir *staging,
                 const char *tree)
{
    const struct record_tree published = { staging, tree, rescue->parent, rescue->dest };
    char *foreign = NULL;
    bool saved = !foreign_files_are_in(&published, &foreign) ||
                 set_aside(rescue, staging, tree, foreign);

    free(foreign);
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
