#include "core/plan/layout.h"

#include <string.h>

#include "base/text.h"

static const char not_ours[] = "exists and was not published by mpifetch: choose another "
                               "path, or use --force to replace it";
static const char no_exchange[] =
    "cannot be replaced atomically, because its file system does not support exchanging "
    "two names: publish to another path (with --versions, so that it can be updated), or "
    "remove it first";

static struct layout_choice refuse_dest(const char *reason)
{
    return (struct layout_choice){ LAYOUT_REFUSE, reason };
}

static struct layout_choice choose_step(enum layout_step step)
{
    return (struct layout_choice){ step, NULL };
}

struct layout_choice layout_choose(const struct layout_case *situation)
{
    switch (situation->dest) {
    case LAYOUT_MISSING:
    case LAYOUT_EMPTY:
        /* Without exchange a plain directory could never be updated: use a symlink
         * from the start. */
        return choose_step(situation->versions || !situation->can_exchange
                               ? LAYOUT_FLIP
                               : LAYOUT_RENAME);
    case LAYOUT_VERSIONED:
        return choose_step(LAYOUT_FLIP);
    case LAYOUT_OURS:
    case LAYOUT_FOREIGN:
        break;
    }
    if (situation->dest == LAYOUT_FOREIGN && !situation->force)
        return refuse_dest(not_ours);
    if (!situation->can_exchange)
        return refuse_dest(no_exchange);
    return choose_step(situation->versions ? LAYOUT_SWAP_LINK : LAYOUT_EXCHANGE);
}

const char *layout_name(const char *dest)
{
    const char *slash = strrchr(dest, '/');

    return slash ? slash + 1 : dest;
}

void layout_parent(const char *dest, struct strbuf *out)
{
    size_t len = (size_t)(layout_name(dest) - dest);

    strbuf_add(out, dest, len > 1 ? len - 1 : len);
}

void layout_staging_prefix(const char *dest, struct strbuf *out)
{
    strbuf_addf(out, ".%s.mpifetch-", layout_name(dest));
}

void layout_versions(const char *dest, struct strbuf *out)
{
    const char *name = layout_name(dest);

    strbuf_addf(out, "%.*s.%s.versions", (int)(name - dest), dest, name);
}

bool layout_is_version(const char *dest, const char *target)
{
    const char *name = layout_name(dest);
    size_t len = strlen(name);

    if (target[0] != '.' || strncmp(target + 1, name, len) != 0)
        return false;
    target += 1 + len;
    return text_starts(target, ".versions/") && target[10] != '\0' &&
           !strchr(target + 10, '/') && target[10] != '.';
}
