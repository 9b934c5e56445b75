#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "doctor/probe.h"

static void quota_row(struct probe *probe, const struct volume_quota *quota,
                      const char *key, const char *name)
{
    char used[32], limit[32], reason[PROBE_REASON];
    struct results_row *row;

    text_bytes(used, sizeof(used), quota->used);
    text_bytes(limit, sizeof(limit), quota->limit);
    if (quota->reason == ESRCH) { /* what quotactl says where quotas are switched off */
        results_row(&probe->results, key, name, "off", "quotas are off");
    } else if (quota->reason != 0) {
        results_row(&probe->results, key, name, "unreadable", "cannot be read (%s)",
                    verdict_reason(reason, sizeof(reason), quota->reason));
    } else {
        row = results_row(
            &probe->results, key, name, quota->limit ? "limited" : "unlimited",
            quota->limit ? "%s used of %s" : "%s used, no limit", used, limit);
        row->number = (double)quota->limit;
        row->unit = "limit_bytes";
    }
}

static void room_rows(struct probe *probe, const struct volume *volume)
{
    bool told = volume->bytes != UINT64_MAX;
    char total[32], bytes[32], room[72];
    struct results_row *row;

    if (told)
        snprintf(room, sizeof(room), "%s of %s",
                 text_bytes(bytes, sizeof(bytes), volume->bytes),
                 text_bytes(total, sizeof(total), volume->total));
    row = results_row(&probe->results, "free", "free",
                      volume->writable ? "writable" : "read_only", "%s%s",
                      told ? room : "the size is not told",
                      volume->writable ? "" : "; not writable");
    if (told) {
        row->number = (double)volume->bytes;
        row->unit = "bytes";
    }
    if (volume->inodes == UINT64_MAX) {
        results_row(&probe->results, "inodes", "inodes", "uncounted", "not counted");
        return;
    }
    row = results_row(&probe->results, "inodes", "inodes", "counted", "%llu free",
                      (unsigned long long)volume->inodes);
    row->number = (double)volume->inodes;
    row->unit = "count";
}

void probe_volume_rows(struct probe *probe, const struct probe_node *node)
{
    const struct volume *volume = &node->volume;
    const char *kind = mounts_kind(volume->magic);
    struct results *results = &probe->results;
    char reason[PROBE_REASON];
    struct results_row *row;

    if (node->looked != 0) {
        results_row(results, "type", "type", probe_word(node->looked), "%s",
                    verdict_reason(reason, sizeof(reason), node->looked));
        return;
    }
    row = results_row(results, "type", "type", "known", "%s (statfs type 0x%08llx%s%s)",
                      volume->mount.type[0] ? volume->mount.type : "unknown",
                      (unsigned long long)volume->magic, kind ? ", " : "",
                      kind ? kind : "");
    row->number = (double)volume->magic;
    row->unit = "magic";
    if (volume->mount.type[0]) {
        results_row(results, "mounted", "mounted", "known", "%s on %s",
                    volume->mount.source, volume->mount.point);
        results_row(results, "options", "options", "known", "%s", volume->mount.options);
    }
    room_rows(probe, volume);
    quota_row(probe, &volume->quota[VOLUME_USER], "quota_user", "quota of the user");
    quota_row(probe, &volume->quota[VOLUME_GROUP], "quota_group", "quota of the group");
}

bool probe_same_volume(const struct probe_node *a, const struct probe_node *b)
{
    return a->looked == b->looked && a->volume.magic == b->volume.magic &&
           a->volume.writable == b->volume.writable &&
           strcmp(a->volume.mount.type, b->volume.mount.type) == 0 &&
           strcmp(a->volume.mount.options, b->volume.mount.options) == 0;
}

/* Nodes that are alike share a section. */
static void volume_section(struct probe *probe, int first)
{
    char hosts[PROBE_HOSTS];
    int count = 0;

    for (int i = 0; i < probe->nodes; i++) {
        struct probe_node *other = &probe->node[i];

        other->marked =
            i >= first && !other->told && probe_same_volume(other, &probe->node[first]);
        other->told |= other->marked;
        count += other->marked;
    }
    if (count == probe->nodes)
        results_section(&probe->results, "file_system", "file system");
    else
        results_section(&probe->results, "file_system",
                        "file system on %d of %d nodes (%s)", count, probe->nodes,
                        probe_hosts(probe, hosts));
    probe_volume_rows(probe, &probe->node[first]);
}

/* What files made in the directory get. */
static void stripe_row(struct probe *probe, const struct fs_stripes *stripes)
{
    const struct stripe_layout *layout = &stripes->layout;
    const char *whose = stripes->own ? "of the directory" : "of the file system";
    unsigned count = layout->count > 0 ? layout->count : 1;
    struct results_row *row;

    if (layout->kind == STRIPE_UNKNOWN) {
        results_row(&probe->results, "layout", "layout", "unreadable", "cannot be read");
    } else if (layout->kind == STRIPE_COMPOSITE) {
        results_row(&probe->results, "layout", "layout", "composite",
                    "more stripes for larger files (%s)", whose);
    } else if (count == STRIPE_ALL) {
        results_row(&probe->results, "layout", "layout", "all",
                    "a stripe on each disk (%s)", whose);
    } else {
        row = results_row(&probe->results, "layout", "layout",
                          stripes->own ? "own" : "inherited", "%u stripe%s (%s)", count,
                          count == 1 ? "" : "s", whose);
        row->number = count;
        row->unit = "stripes";
    }
    probe->facts.lustre = true;
    probe->facts.own_layout = stripes->own;
    probe->facts.one_stripe =
        layout->kind == STRIPE_PLAIN && count == 1 && stripes->osts != 1;
}

/* Lustre's own program; what it prints as one line. */
static int ask_lfs(struct probe *probe, struct err *err)
{
    static const struct {
        const char *key, *name, *word;
    } rows[] = {
        { "stripes", "stripes", "getstripe" },
        { "quota_lustre", "quota (lfs)", "quota" },
    };

    for (size_t i = 0; i < countof(rows); i++) {
        char text[ANSWER_TEXT], reason[PROBE_REASON];
        const struct answer *answer;

        orders_give(&probe->orders, 0, 0, ORDER_LFS, rows[i].word, "%s", probe->dir);
        if (orders_carry_out(&probe->orders, err) < 0)
            return -1;
        answer = orders_answer(&probe->orders, 0, 0);
        memcpy(text, answer->text, sizeof(text));
        for (char *at = text; (at = strpbrk(at, "\n\t")) != NULL;)
            *at = ' ';
        if (answer->outcome == 0)
            results_row(&probe->results, rows[i].key, rows[i].name, "known", "%s",
                        text + strspn(text, " "));
        else
            results_row(&probe->results, rows[i].key, rows[i].name, "unreadable",
                        "cannot be read: lfs: %s",
                        verdict_reason(reason, sizeof(reason), answer->outcome));
        if (answer->outcome == OUTCOME_SILENT)
            return 0; /* the other would hang as well */
    }
    return 0;
}

static int refuse_dir(const struct probe *probe, int outcome, struct err *err)
{
    char reason[PROBE_REASON];

    return err_set(err, ERR_DEST, "cannot open the directory '%s': %s%s", probe->dir,
                   verdict_reason(reason, sizeof(reason), outcome),
                   outcome == ENOENT    ? " (create it first, or name its parent)"
                   : outcome == ENOTDIR ? " (a part of the path is a file)"
                                        : "");
}

int probe_volumes(struct probe *probe, struct err *err)
{
    const struct probe_node *first = &probe->node[0];

    for (int i = 0; i < probe->nodes; i++)
        orders_give(&probe->orders, i, 0, ORDER_LOOK, "", "%s", probe->dir);
    if (orders_carry_out(&probe->orders, err) < 0)
        return -1;
    for (int i = 0; i < probe->nodes; i++) {
        probe->node[i].looked = orders_answer(&probe->orders, i, 0)->outcome;
        probe->node[i].volume = orders_answer(&probe->orders, i, 0)->volume;
    }
    if (first->looked != 0)
        return refuse_dir(probe, first->looked, err);
    probe->space = first->volume.bytes;
    probe->inodes = first->volume.inodes;
    probe->facts.hides_links = first->volume.hides_links;
    for (int i = 0; i < probe->nodes; i++)
        if (!probe->node[i].told)
            volume_section(probe, i);
    if (!first->volume.stripes.lustre)
        return 0;
    stripe_row(probe, &first->volume.stripes);
    return ask_lfs(probe, err);
}
