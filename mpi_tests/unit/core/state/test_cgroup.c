#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/text.h"
#include "core/state/cgroup.h"

static const char hybrid[] =
    "31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755\n"
    "32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime shared:5 - cgroup cgroup rw,cpu\n"
    "35 31 0:32 / /sys/fs/cgroup/memory rw,relatime shared:6 master:2 - cgroup cgroup "
    "rw,memory\n"
    "41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n";
static const char together[] =
    "35 31 0:32 / /cg/cpu,memory rw - cgroup cgroup rw,cpu,memory\n";
static const char unified[] =
    "24 1 0:22 / /proc rw - proc proc rw\n"
    "30 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n";
static const char container[] =
    "30 23 0:26 /docker/ab /sys/fs/cgroup ro - cgroup cgroup rw,memory\n"
    "31 23 0:27 /docker/ab /sys/fs/unified ro - cgroup2 cgroup rw\n";

static void test_where_the_groups_are(void **state)
{
    static const struct {
        enum cgroup_version version;
        const char *groups, *mounts, *mount, *path; /* mount NULL: not found */
    } rows[] = {
        { CGROUP_V1, "4:memory:/slurm/uid_7/job_5\n0::/\n", hybrid,
          "/sys/fs/cgroup/memory", "/slurm/uid_7/job_5" },
        { CGROUP_V2, "4:memory:/slurm\n0::/user.slice\n", hybrid,
          "/sys/fs/cgroup/unified", "/user.slice" },
        { CGROUP_V1, "4:memory:/\n", hybrid, "/sys/fs/cgroup/memory", "" },
        { CGROUP_V1, "4:cpu,memory:/a\n", together, "/cg/cpu,memory", "/a" },
        { CGROUP_V1, "9:memoryless:/b\n5:cpu,memory:/a:b\n", together, "/cg/cpu,memory",
          "/a:b" },
        { CGROUP_V2, "0::/system.slice/slurmstepd.scope/job_5/step_0", unified,
          "/sys/fs/cgroup", "/system.slice/slurmstepd.scope/job_5/step_0" },
        /* No such hierarchy, no such group. */
        { CGROUP_V1, "0::/a\n", unified, NULL, NULL },
        { CGROUP_V1, "4:memory:/a\n", unified, NULL, NULL },
        { CGROUP_V2, "4:memory:/a\n", unified, NULL, NULL },
        { CGROUP_V2, "0::/a\n", together, NULL, NULL },
        { CGROUP_V2, "", "", NULL, NULL },
        { CGROUP_V2, "0:\n0\n0::\n", unified, NULL, NULL },
        /* The mount begins within the hierarchy. */
        { CGROUP_V1, "4:memory:/docker/ab/job\n", container, "/sys/fs/cgroup", "/job" },
        { CGROUP_V1, "4:memory:/docker/ab\n", container, "/sys/fs/cgroup", "" },
        { CGROUP_V1, "4:memory:/docker/abc\n", container, "/sys/fs/cgroup", "" },
        { CGROUP_V1, "4:memory:/other\n", container, "/sys/fs/cgroup", "" },
        { CGROUP_V2, "0::/../../up\n", unified, "/sys/fs/cgroup", "" },
    };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct cgroup_place place;
        bool found = cgroup_find(rows[i].version, rows[i].groups, rows[i].mounts, &place);

        assert_int_equal(found, rows[i].mount != NULL);
        if (!found)
            continue;
        assert_string_equal(place.mount, rows[i].mount);
        assert_string_equal(place.path, rows[i].path);
    }
}

static void test_a_path_that_is_too_long_is_not_cut(void **state)
{
    char groups[2048] = "0::/";
    struct cgroup_place place;

    (void)state;
    for (size_t i = 4; i < sizeof(groups) - 1; i++)
        groups[i] = 'x';
    assert_false(cgroup_find(CGROUP_V2, groups, unified, &place));
}

static void test_up_to_the_mount(void **state)
{
    struct cgroup_place place = { "/m", "/a/bc" };

    (void)state;
    assert_true(cgroup_up(&place));
    assert_string_equal(place.path, "/a");
    assert_true(cgroup_up(&place));
    assert_string_equal(place.path, "");
    assert_false(cgroup_up(&place));
}

static void test_limits(void **state)
{
    static const struct {
        const char *text;
        uint64_t limit;
    } rows[] = {
        { "max\n", UINT64_MAX },
        { "", UINT64_MAX },
        { "1073741824\n", 1073741824 },
        { "0\n", 0 },
        { "9223372036854771712\n", UINT64_MAX }, /* version 1: none */
    };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++)
        assert_int_equal(cgroup_limit(rows[i].text), rows[i].limit);
}

static void test_values(void **state)
{
    static const char meminfo[] = "MemTotal:       24684040 kB\n"
                                  "MemAvailable:      2048 kB\n";
    static const char stat[] = "inactive_file 5\nactive_file 7\n"
                               "total_inactive_file 50\ntotal_active_file 70\n";

    (void)state;
    assert_int_equal(cgroup_value(meminfo, "MemAvailable"), 2048 * 1024);
    assert_int_equal(cgroup_value(meminfo, "Mem"), 0);
    assert_int_equal(cgroup_value("a x\n", "a"), 0);
    assert_int_equal(cgroup_reclaimable(CGROUP_V2, stat), 12);
    assert_int_equal(cgroup_reclaimable(CGROUP_V1, stat), 120);
    assert_int_equal(cgroup_reclaimable(CGROUP_V1, ""), 0);
}

static void test_room(void **state)
{
    static const struct {
        uint64_t limit, used, reclaimable, room;
    } rows[] = {
        { 100, 30, 0, 70 },
        { 100, 100, 40, 40 },
        { 100, 120, 0, 0 },
        { 100, 20, 40, 100 },
        { UINT64_MAX, 5, 0, UINT64_MAX },
    };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++)
        assert_int_equal(cgroup_room(rows[i].limit, rows[i].used, rows[i].reclaimable),
                         rows[i].room);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_where_the_groups_are),
        cmocka_unit_test(test_a_path_that_is_too_long_is_not_cut),
        cmocka_unit_test(test_up_to_the_mount),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_room),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
