/* A record of a commit of any bytes, as somebody may leave it in a shared cache. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/hub/hub_cache.h"
#include "core/plan/path_rules.h"
#include "publish/commit_record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char file[] = "/tmp/mpifetch-fuzz-XXXXXX";

static void require(bool holds)
{
    if (!holds)
        abort();
}

static void leave(void)
{
    unlink(file);
}

/* Cut to length only when it is written: of a file that was cut to nothing ext4 sends
 * what is written next to the disk as it is closed. */
static void put(const uint8_t *data, size_t size)
{
    int fd = open(file, O_WRONLY);

    require(fd >= 0);
    require(write(fd, data, size) == (ssize_t)size);
    require(ftruncate(fd, (off_t)size) == 0);
    close(fd);
}

static int add(void *arg, const struct plan_entry *entry, struct err *err)
{
    require(hub_cache_is_etag(entry->etag));
    return plan_add(arg, entry, err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct plan plan = { .bare = true };
    struct err err = { 0 };
    static bool entered;
    int fd;

    if (!entered) {
        require((fd = mkstemp(file)) >= 0);
        close(fd);
        atexit(leave);
        entered = true;
    }
    put(data, size);
    if (commit_record_load(file, add, &plan, &err) < 0)
        require(err.code == ERR_DEST);
    else if (plan_seal(&plan, &err) == 0)
        for (size_t i = 0; i < plan.nfiles; i++)
            require(!path_rules_fault(plan_path(&plan, i)));
    plan_release(&plan);
    return 0;
}
