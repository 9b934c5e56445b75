#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "doctor/exam_part.h"
#include "doctor/volume.h"

static const uint64_t LUSTRE = 0x0bd00bd0; /* of statfs */

static void quota_row(struct exam *exam, const struct volume_quota *quota,
                      const char *key, const char *name)
{
    char used[32], limit[32];
    struct strbuf reason = { 0 };
    struct sheet_row *row;

    text_bytes(used, sizeof(used), quota->used);
    text_bytes(limit, sizeof(limit), quota->limit);
    if (quota->reason == ESRCH) { /* what quotactl says where quotas are switched off */
        sheet_row(&exam->sheet, key, name, "off", "none: quotas are not in use");
    } else if (quota->reason != 0) {
        sheet_row(&exam->sheet, key, name, "unreadable", "cannot be read (%s)",
                  exam_reason(&reason, quota->reason));
    } else {
        row =
            sheet_row(&exam->sheet, key, name, quota->limit ? "limited" : "unlimited",
                      quota->limit ? "%s used of %s" : "%s used, no limit", used, limit);
        row->number = (double)quota->limit;
        row->unit = "limit_bytes";
    }
    strbuf_release(&reason);
}

void exam_volume_rows(struct exam *exam, const struct volume *volume, int trial)
{
    const char *kind = mounts_kind(volume->magic);
    char total[32], bytes[32];
    struct strbuf text = { 0 };
    struct sheet *sheet = &exam->sheet;
    struct sheet_row *row;

    if (trial != 0) {
        sheet_row(sheet, "type", "type", exam_word(trial), "%s",
                  exam_reason(&text, trial));
        strbuf_release(&text);
        return;
    }
    row =
        sheet_row(sheet, "type", "type", "known", "%s (statfs says 0x%08llx%s%s)",
                  volume->mount.type[0] ? volume->mount.type : "unknown",
                  (unsigned long long)volume->magic, kind ? ", " : "", kind ? kind : "");
    row->number = (double)volume->magic;
    row->unit = "magic";
    if (volume->mount.type[0]) {
        sheet_row(sheet, "mounted", "mounted", "known", "%s on %s", volume->mount.source,
                  volume->mount.point);
        sheet_row(sheet, "options", "options", "known", "%s", volume->mount.options);
    }
    row = sheet_row(sheet, "free", "free", volume->writable ? "writable" : "read_only",
                    "%s of %s%s", text_bytes(bytes, sizeof(bytes), volume->bytes),
                    text_bytes(total, sizeof(total), volume->total),
                    volume->writable ? "" : "; we cannot write here");
    row->number = (double)volume->bytes;
    row->unit = "bytes";
    if (volume->inodes == UINT64_MAX) {
        sheet_row(sheet, "inodes", "inodes", "uncounted", "not counted");
    } else {
        row = sheet_row(sheet, "inodes", "inodes", "counted", "%llu free",
                        (unsigned long long)volume->inodes);
        row->number = (double)volume->inodes;
        row->unit = "count";
    }
    quota_row(exam, &volume->quota[VOLUME_USER], "quota_user", "quota of the user");
    quota_row(exam, &volume->quota[VOLUME_GROUP], "quota_group", "quota of the group");
}

/* Of one node; those that are alike share a section. */
struct found {
    struct volume volume;
    int trial;
    bool told;
};

static bool are_alike(const struct found *a, const struct found *b)
{
    return a->trial == b->trial && a->volume.magic == b->volume.magic &&
           a->volume.writable == b->volume.writable &&
           strcmp(a->volume.mount.type, b->volume.mount.type) == 0 &&
           strcmp(a->volume.mount.options, b->volume.mount.options) == 0;
}

static int tell(struct exam *exam, struct found *found, int node, struct err *err)
{
    bool *marked = calloc((size_t)exam->nodes, sizeof(*marked));
    struct strbuf hosts = { 0 };
    int count = 0;

    if (!marked)
        return err_memory(err, "the list of nodes");
    for (int i = node; i < exam->nodes; i++)
        if (!found[i].told && are_alike(&found[i], &found[node])) {
            found[i].told = i != node;
            marked[i] = true;
            count++;
        }
    exam_hosts(exam, marked, &hosts);
    if (count == exam->nodes)
        sheet_section(&exam->sheet, "file_system", "file system");
    else
        sheet_section(&exam->sheet, "file_system", "file system on %d of %d nodes (%s)",
                      count, exam->nodes, hosts.data ? hosts.data : "");
    exam_volume_rows(exam, &found[node].volume, found[node].trial);
    strbuf_release(&hosts);
    free(marked);
    return 0;
}

/* What a program prints, as one line. */
static void program_row(struct exam *exam, const char *key, const char *name,
                        const struct errand *errand)
{
    struct strbuf reason = { 0 };
    char *text = errand->bytes.data;

    for (size_t i = 0; text && i < errand->bytes.len; i++)
        if (text[i] == '\n' || text[i] == '\t')
            text[i] = ' ';
    if (errand->trial == 0 && text)
        sheet_row(&exam->sheet, key, name, "known", "%s", text + strspn(text, " "));
    else
        sheet_row(&exam->sheet, key, name, "unreadable", "cannot be read: lfs: %s",
                  exam_reason(&reason, errand->trial));
    strbuf_release(&reason);
}

/* Lustre's own program. */
static int ask_lfs(struct exam *exam, struct err *err)
{
    static const struct {
        const char *key, *name;
        const char *word[3];
    } rows[] = {
        { "stripes", "stripes", { "getstripe", "-d" } },
        { "quota_lustre", "quota (lfs)", { "quota", "-q" } },
    };

    for (size_t i = 0; i < countof(rows); i++) {
        const struct errand *errand;

        desk_order(&exam->desk, 0, 0, EXAM_PATIENCE, "program", "lfs", rows[i].word[0],
                   rows[i].word[1], exam->dir, NULL);
        errand = desk_wait_one(&exam->desk, err);
        if (!errand)
            return -1;
        program_row(exam, rows[i].key, rows[i].name, errand);
        if (errand->trial == TRIAL_SILENT)
            return 0; /* the other would hang as well */
    }
    return 0;
}

static int refuse(struct exam *exam, int trial, struct err *err)
{
    struct strbuf reason = { 0 };

    err_set(err, ERR_DEST, "'%s' cannot be examined: %s%s", exam->dir,
            exam_reason(&reason, trial),
            trial == ENOENT    ? " (make the directory first, or name its parent)"
            : trial == ENOTDIR ? " (a part of the path is a file)"
                               : "");
    strbuf_release(&reason);
    return -1;
}

int exam_volumes(struct exam *exam, struct err *err)
{
    struct found *found = calloc((size_t)exam->nodes, sizeof(*found));
    int rc = found ? 0 : err_memory(err, "the list of file systems");

    for (int node = 0; rc == 0 && node < exam->nodes; node++)
        desk_order(&exam->desk, exam->first[node], 0, EXAM_PATIENCE, "look", exam->dir,
                   NULL);
    if (rc == 0)
        rc = desk_wait(&exam->desk, err);
    for (int node = 0; rc == 0 && node < exam->nodes; node++) {
        const struct errand *errand = &exam->desk.errand[node];

        found[node].trial = errand->trial;
        if (errand->bytes.len == sizeof(found[node].volume))
            memcpy(&found[node].volume, errand->bytes.data, errand->bytes.len);
    }
    if (rc == 0 && found[0].trial != 0)
        rc = refuse(exam, found[0].trial, err);
    if (rc == 0) {
        exam->space = found[0].volume.bytes;
        exam->inodes = found[0].volume.inodes;
    }
    for (int node = 0; rc == 0 && node < exam->nodes; node++)
        if (!found[node].told)
            rc = tell(exam, found, node, err);
    if (rc == 0 && found[0].volume.magic == LUSTRE)
        rc = ask_lfs(exam, err);
    free(found);
    return rc;
}
