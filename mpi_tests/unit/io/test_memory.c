/* io/memory.c, over invented /proc and /sys. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"
#include "io/memory.h"
#include "scratch_dir.h"

#define MIB (UINT64_C(1) << 20)

/* A file of an invented node, and the directories above it. */
static void invent(const char *path, const char *text)
{
    char command[1100];

    snprintf(command, sizeof(command), "mkdir -p $(dirname %s)", path);
    assert_int_equal(system(command), 0);
    put_file(path, text);
}

/* 1 GiB free. */
static void invent_node(const char *node, const char *groups, const char *mounts)
{
    char path[1024];

    snprintf(path, sizeof(path), "%s/proc/meminfo", node);
    invent(path, "MemFree: 1 kB\nMemAvailable: 1048576 kB\n");
    snprintf(path, sizeof(path), "%s/proc/self/cgroup", node);
    invent(path, groups);
    snprintf(path, sizeof(path), "%s/proc/self/mountinfo", node);
    invent(path, mounts);
}

static void test_what_the_node_has_free(void **state)
{
    struct memory_room room;

    (void)state;
    invent_node("free", "", "");
    memory_look("free", &room);
    assert_int_equal(room.bytes, 1024 * MIB);
    assert_string_equal(room.group, "");
}

static void test_nothing_is_told(void **state)
{
    struct memory_room room;

    (void)state;
    memory_look("nowhere", &room);
    assert_int_equal(room.bytes, UINT64_MAX);
}

static const char v2[] = "30 23 0:26 / /cg rw - cgroup2 cgroup2 rw\n";

static void test_a_group_of_version_2(void **state)
{
    struct memory_room room;

    (void)state;
    invent_node("two", "0::/job/step\n", v2);
    invent("two/cg/job/step/memory.max", "max\n");
    invent("two/cg/job/step/memory.current", "1048576\n");
    invent("two/cg/job/memory.max", "209715200\n"); /* 200 MiB */
    invent("two/cg/job/memory.current", "104857600\n");
    invent("two/cg/job/memory.stat", "anon 1\ninactive_file 1048576\nactive_file 0\n");
    memory_look("two", &room);
    assert_int_equal(room.bytes, 101 * MIB);
    assert_int_equal(room.limit, 200 * MIB);
    assert_string_equal(room.group, "/cg/job");

    /* Held back long before. */
    invent("two/cg/job/memory.high", "157286400\n"); /* 150 MiB */
    memory_look("two", &room);
    assert_int_equal(room.bytes, 51 * MIB);
}

static void test_the_tightest_of_all_counts(void **state)
{
    struct memory_room room;

    (void)state;
    invent_node("tight", "0::/a/b\n", v2);
    invent("tight/cg/a/b/memory.max", "104857600\n");
    invent("tight/cg/a/b/memory.current", "0\n");
    invent("tight/cg/a/memory.max", "52428800\n");
    invent("tight/cg/a/memory.current", "0\n");
    memory_look("tight", &room);
    assert_int_equal(room.bytes, 50 * MIB);
    assert_string_equal(room.group, "/cg/a");
}

static void test_a_group_beyond_what_is_free(void **state)
{
    struct memory_room room;

    (void)state;
    invent_node("wide", "0::/a\n", v2);
    invent("wide/cg/a/memory.max", "10737418240\n");
    invent("wide/cg/a/memory.current", "0\n");
    memory_look("wide", &room);
    assert_int_equal(room.bytes, 1024 * MIB);
    assert_string_equal(room.group, "");
}

static void test_a_group_of_version_1(void **state)
{
    struct memory_room room;

    (void)state;
    invent_node("one", "4:memory:/slurm/job\n0::/\n",
                "35 31 0:32 / /cg/memory rw - cgroup cgroup rw,memory\n"
                "41 31 0:38 / /cg/unified rw - cgroup2 cgroup2 rw\n");
    invent("one/cg/memory/slurm/job/memory.limit_in_bytes", "104857600\n");
    invent("one/cg/memory/slurm/job/memory.usage_in_bytes", "31457280\n");
    invent("one/cg/memory/slurm/job/memory.stat",
           "inactive_file 7\ntotal_inactive_file 10485760\ntotal_active_file 0\n");
    invent("one/cg/memory/memory.limit_in_bytes", "9223372036854771712\n");
    invent("one/cg/memory/memory.usage_in_bytes", "9223372036854771712\n");
    memory_look("one", &room);
    assert_int_equal(room.bytes, 80 * MIB);
    assert_string_equal(room.group, "/cg/memory/slurm/job");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_the_node_has_free),
        cmocka_unit_test(test_nothing_is_told),
        cmocka_unit_test(test_a_group_of_version_2),
        cmocka_unit_test(test_the_tightest_of_all_counts),
        cmocka_unit_test(test_a_group_beyond_what_is_free),
        cmocka_unit_test(test_a_group_of_version_1),
    };

    return cmocka_run_group_tests(tests, scratch_enter, scratch_leave);
}
