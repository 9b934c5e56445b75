/* A manifest of any bytes below a directory that may be ours, or
 * somebody's idea of it. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/plan/path_rules.h"
#include "staging/manifest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char dest[] = "/tmp/mpifetch-fuzz-XXXXXX";
static char folder[sizeof(dest) + 32], manifest[sizeof(folder) + 32];

static void require(bool holds)
{
    if (!holds)
        abort();
}

static void leave(void)
{
    unlink(manifest);
    rmdir(folder);
    rmdir(dest);
}

/* Once, when the first input comes. */
static void enter(void)
{
    require(mkdtemp(dest) != NULL);
    snprintf(folder, sizeof(folder), "%s/.mpifetch", dest);
    require(mkdir(folder, 0700) == 0);
    snprintf(manifest, sizeof(manifest), "%s/manifest.json", folder);
    atexit(leave);
}

/* Cut to length only when it is written: of a file that was cut to nothing ext4 sends
 * what is written next to the disk as it is closed. */
static void put(const uint8_t *data, size_t size)
{
    int fd = open(manifest, O_WRONLY | O_CREAT, 0600);

    require(fd >= 0);
    require(write(fd, data, size) == (ssize_t)size);
    require(ftruncate(fd, (off_t)size) == 0);
    close(fd);
}

/* What a run does with it: look for the files of its plan. */
static void must_be_usable(const struct manifest *record)
{
    struct plan plan = { 0 };

    require(strlen(record->identity) == 64 && strlen(record->content_id) == 64);
    require(strlen(record->run) < MANIFEST_RUN && !strchr(record->run, '/'));
    for (size_t i = 0; i < record->nfiles; i++) {
        const struct manifest_file *file = &record->file[i];
        const struct plan_entry entry = { .path = file->path,
                                          .key = file->path,
                                          .etag = file->etag,
                                          .oid = file->oid,
                                          .size = file->size };

        require(!path_rules_fault(file->path) && file->size <= INT64_MAX);
        require(i == 0 || strcmp(record->file[i - 1].path, file->path) <= 0);
        require(strcmp(manifest_find(record, file->path)->path, file->path) == 0);
        require(plan_add(&plan, &entry, NULL) == 0);
    }
    for (size_t i = 0; i < plan.nfiles; i++) {
        const struct manifest_file *file = manifest_find(record, plan_path(&plan, i));

        manifest_has(file, &plan, i);
        require(!manifest_agrees(file, NULL, dest));
    }
    plan_release(&plan);
}

static void must_have_a_head(const struct manifest *record)
{
    struct manifest head;

    require(manifest_load_head(&head, NULL, folder, NULL) == 0);
    require(strcmp(head.content_id, record->content_id) == 0);
    manifest_release(&head);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err err = { 0 };
    struct manifest record;

    if (!*manifest)
        enter();
    put(data, size);
    if (manifest_load(&record, NULL, folder, &err) < 0) {
        require(err.code == ERR_DEST);
        return 0;
    }
    must_have_a_head(&record);
    must_be_usable(&record);
    manifest_release(&record);
    return 0;
}
