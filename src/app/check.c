#include "app/check.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "core/hub/hub_name.h"
#include "core/plan/layout.h"
#include "io/fs/fs.h"
#include "io/hub_env.h"

/* Far more than any source accepts from one rank. */
enum { CHECK_CONNECTIONS = 1024 };
enum { CHECK_PER_NODE_MEMORY = 4 << 20 };

/* Seconds: with less, a busy node would be considered dead. */
static const double CHECK_RANK_TIMEOUT = 1;

/* DEST must not be above the current directory: processes in a directory that is renamed
 * stay in the old one, this shell first of all. */
static int check_not_here(const char *dest, struct err *err)
{
    struct fs_info info, here;

    if (fs_look(NULL, dest, &info, NULL) < 0 || fs_look(NULL, ".", &here, NULL) < 0 ||
        info.kind != FS_DIRECTORY || info.device != here.device ||
        info.inode != here.inode)
        return 0;
    return err_set(err, ERR_USAGE,
                   "'%s' is the current directory, which would be replaced: change to "
                   "another directory first",
                   dest);
}

/* The cache that the Hub library uses. */
static int default_cache(struct strbuf *dest, struct err *err)
{
    if (hub_env_cache(dest) && !dest->failed)
        return 0;
    return err_set(
        err, ERR_USAGE,
        "cannot locate the Hub cache: HF_HUB_CACHE, HF_HOME and HOME are not set");
}

/* Without "./" in front and slashes at the end. */
static int name_dest(struct session *s, const char *given, struct err *err)
{
    struct strbuf named = { 0 };
    int rc = 0;

    while (text_starts(given, "./"))
        given += 2 + strspn(given + 2, "/");
    if (*given != '/')
        rc = fs_here(&named, err);
    strbuf_adds(&named, given);
    while (named.len > 1 && named.data[named.len - 1] == '/')
        named.data[--named.len] = '\0';
    s->named = strbuf_steal(&named);
    return rc < 0 || s->named ? rc : err_memory(err, "a path");
}

/* Without symbolic links in front of its last part. */
static int resolve_dest(struct session *s, const char *given, struct err *err)
{
    struct strbuf dest = { 0 };
    int rc = fs_absolute(given, &dest, err);

    free(s->dest);
    s->dest = rc == 0 ? strbuf_steal(&dest) : NULL;
    if (rc == 0 && !s->dest)
        rc = err_memory(err, "a path");
    strbuf_release(&dest);
    return rc;
}

/* The place of a repository below --into. */
static int place_into(const struct mpifetch_options *o, struct strbuf *dest,
                      struct err *err)
{
    struct hub_name name;
    char shown[256];

    if (!o->source || !text_starts(o->source, "hf://"))
        return err_set(err, ERR_USAGE,
                       "--into takes Hub repositories, whose names become paths: '%s' is "
                       "none, give it a DEST",
                       session_source(o, shown, sizeof(shown)));
    if (hub_name_parse(&name, o->source, o->revision, o->repo_type, err) < 0)
        return -1;
    strbuf_addf(dest, "%s/%s", o->into, name.repo);
    return 0;
}

static int check_dest(struct session *s, struct err *err)
{
    bool publishes = s->task == SESSION_GET || s->task == SESSION_PLAN;
    bool cache = publishes && s->options->layout == MPIFETCH_LAYOUT_HF_CACHE;
    struct strbuf given = { 0 };
    int rc = 0;

    if (s->options->per_node)
        strbuf_adds(&given, s->options->per_node);
    else if (publishes && s->options->into)
        rc = place_into(s->options, &given, err);
    else if (s->options->dest && *s->options->dest)
        strbuf_adds(&given, s->options->dest);
    else if (cache)
        rc = default_cache(&given, err);
    else
        return s->only_plan ? 0 : err_set(err, ERR_USAGE, "no destination given");
    if (rc == 0 && given.failed)
        rc = err_memory(err, "a path");
    if (rc == 0)
        rc = resolve_dest(s, given.data, err);
    if (rc == 0)
        rc = name_dest(s, given.data, err);
    strbuf_release(&given);
    if (rc < 0)
        return -1;
    if (!*layout_name(s->dest) && !cache)
        return err_set(err, ERR_USAGE, "'%s' cannot be used as a destination", s->dest);
    return cache || !publishes ? 0 : check_not_here(s->dest, err);
}

int check_named(struct session *s, const char *named, size_t len, struct err *err)
{
    free(s->named);
    s->named = strndup(named, len);
    return s->named ? resolve_dest(s, s->named, err) : err_memory(err, "a path");
}

static int check_into(const struct mpifetch_options *o, struct err *err)
{
    if (!o->into)
        return 0;
    if (!*o->into)
        return err_set(err, ERR_USAGE, "--into: no directory given");
    if (o->dest)
        return err_set(
            err, ERR_USAGE,
            "a destination '%s' was given beside --into '%s': give one of them", o->dest,
            o->into);
    if (o->per_node || o->layout == MPIFETCH_LAYOUT_HF_CACHE)
        return err_set(err, ERR_USAGE, "--into cannot be used with %s",
                       o->per_node ? "--per-node" : "--layout hf-cache");
    return 0;
}

static int check_per_node(const struct mpifetch_options *o, bool publishes,
                          struct err *err)
{
    char least[32];

    if (o->per_node_memory > 0 && o->per_node_memory < CHECK_PER_NODE_MEMORY)
        return err_set(err, ERR_USAGE, "--per-node-memory is too small: at least %s",
                       text_bytes(least, sizeof(least), CHECK_PER_NODE_MEMORY));
    if (publishes && o->per_node_include && !o->per_node)
        return err_set(err, ERR_USAGE,
                       "--per-node-include can only be used with --per-node");
    if (!o->per_node)
        return 0;
    if (!*o->per_node)
        return err_set(err, ERR_USAGE, "--per-node: no directory given");
    if (o->dest && !publishes)
        return err_set(err, ERR_USAGE,
                       "a destination '%s' was given beside --per-node '%s': give one of "
                       "them",
                       o->dest, o->per_node);
    if (o->layout == MPIFETCH_LAYOUT_HF_CACHE)
        return err_set(err, ERR_USAGE,
                       "--per-node cannot be used with --layout hf-cache: it makes "
                       "directories");
    return 0;
}

int check_options(const struct mpifetch_options *o, enum session_task task,
                  struct err *err)
{
    bool publishes = task == SESSION_GET || task == SESSION_PLAN;

    if (o->segment_size % SEGMENT_ALIGN != 0)
        return err_set(err, ERR_USAGE, "the segment size must be a multiple of 1 MiB");
    if (o->connections > CHECK_CONNECTIONS)
        return err_set(err, ERR_USAGE,
                       "%u connections per rank are too many: the maximum is %d",
                       o->connections, CHECK_CONNECTIONS);
    if (o->stripe < MPIFETCH_STRIPE_NONE || o->stripe > MPIFETCH_STRIPE_MOST)
        return err_set(err, ERR_USAGE, "%d is no number of stripes", o->stripe);
    if (!(o->retry_delay >= 0) || !(o->connect_timeout > 0) || !(o->speed_time > 0))
        return err_set(err, ERR_USAGE,
                       "times must not be negative, and timeouts must not be 0");
    if (!(o->rank_timeout >= CHECK_RANK_TIMEOUT))
        return err_set(err, ERR_USAGE,
                       "a rank timeout of %g s is too short: the minimum is %g s",
                       o->rank_timeout, CHECK_RANK_TIMEOUT);
    return check_into(o, err) < 0 ? -1 : check_per_node(o, publishes, err);
}

static int check_file(const char *option, const char *path, struct err *err)
{
    if (!path || fs_can_write(NULL, path, err) == 0)
        return 0;
    err->code = ERR_USAGE;
    return err_wrap(err, "%s", option);
}

int check_places(struct session *s, struct err *err)
{
    if (s->task != SESSION_BARE && check_dest(s, err) < 0)
        return -1;
    if (s->run.ranks.rank != 0)
        return 0;
    if (check_file("--report", s->options->report, err) < 0)
        return -1;
    if (s->task != SESSION_GET && s->task != SESSION_PLAN)
        return 0;
    return check_file("--trace", s->options->trace, err);
}
