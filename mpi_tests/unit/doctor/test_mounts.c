#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "doctor/mounts.h"

/* As of proc(5), and of machines with Lustre, NFS and overlays. */
static const char table[] =
    "22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw,discard\n"
    "36 22 0:45 / /lustre\\040one rw,noatime,flock shared:5 master:1 - lustre "
    "10.0.0.1@tcp:/scratch rw,noatime,flock,lazystatfs\n"
    "37 22 0:46 /sub /home ro,nosuid - nfs4 srv:/export "
    "rw,vers=4.2,clientaddr=10.1.2.3,local_lock=none\n"
    "40 22 0:50 / /tail\\134x\\7 rw - tmpfs tmpfs\n"
    "41 22 0:51 / /mnt rw - fuse.s3fs s3fs rw,user_id=0\n"
    "410 22 0:52 / /other rw - xfs /dev/sdb1 rw\n"
    "42 22 0:53 / /short rw shared:1\n"
    "-43 22 0:54 / /minus rw - xfs /dev/sdc rw\n"
    "44 22 0:55 / /last rw - btrfs /dev/sdd rw";

static void each_mount_is_found_by_its_number(void **state)
{
    static const struct {
        uint64_t id;
        const char *type, *source, *point, *options;
    } rows[] = {
        { 22, "ext4", "/dev/vda", "/", "rw,relatime,discard" },
        { 36, "lustre", "10.0.0.1@tcp:/scratch", "/lustre one",
          "rw,noatime,flock,lazystatfs" },
        { 37, "nfs4", "srv:/export", "/home", "ro,nosuid,rw,vers=4.2,local_lock=none" },
        { 40, "tmpfs", "tmpfs", "/tail\\x\\7", "rw" },
        { 41, "fuse.s3fs", "s3fs", "/mnt", "rw,user_id=0" },
        { 410, "xfs", "/dev/sdb1", "/other", "rw" },
        { 44, "btrfs", "/dev/sdd", "/last", "rw" },
    };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct mount mount;

        assert_true(mounts_find(table, rows[i].id, &mount));
        assert_string_equal(mount.type, rows[i].type);
        assert_string_equal(mount.source, rows[i].source);
        assert_string_equal(mount.point, rows[i].point);
        assert_string_equal(mount.options, rows[i].options);
    }
}

static void what_is_not_there_is_not_found(void **state)
{
    static const uint64_t ids[] = { 0, 1, 4, 42, 43, 3, UINT64_MAX };
    struct mount mount;

    (void)state;
    for (size_t i = 0; i < countof(ids); i++) {
        memset(&mount, 'x', sizeof(mount));
        assert_false(mounts_find(table, ids[i], &mount));
        assert_string_equal(mount.type, "");
    }
    assert_false(mounts_find("", 1, &mount));
}

/* The same option twice is one, and one is not the same as another that begins so. */
static void options_are_whole_words(void **state)
{
    struct mount mount;

    (void)state;
    assert_true(mounts_find(
        "5 1 0:1 / /l rw,localflock,user - lustre s flock,rw,use,,local", 5, &mount));
    assert_string_equal(mount.options, "rw,localflock,user,flock,use,local");
}

/* Overlays name all their layers. */
static void what_does_not_fit_ends_in_dots(void **state)
{
    enum { LONG = 4000 };
    char *line = malloc(LONG + 200);
    struct mount mount;
    size_t len;

    (void)state;
    assert_non_null(line);
    strcpy(line, "7 1 0:1 / /");
    len = strlen(line);
    memset(line + len, 'p', LONG / 2);
    strcpy(line + len + LONG / 2, " rw - overlay overlay rw,lowerdir=");
    len = strlen(line);
    memset(line + len, 'l', LONG / 2);
    line[len + LONG / 2] = '\0';
    assert_true(mounts_find(line, 7, &mount));
    assert_string_equal(mount.type, "overlay");
    assert_int_equal(strlen(mount.point), sizeof(mount.point) - 1);
    assert_true(text_ends(mount.point, "..."));
    assert_true(text_starts(mount.options, "rw,"));
    assert_true(text_ends(mount.options, "..."));
    free(line);
}

static void the_number_is_read_from_fdinfo(void **state)
{
    uint64_t id = 0;

    (void)state;
    assert_true(mounts_id("pos:\t0\nflags:\t0100000\nmnt_id:\t36\nino:\t2\n", &id));
    assert_int_equal(id, 36);
    assert_false(mounts_id("pos:\t0\n", &id));
    assert_false(mounts_id("mnt_id:\tx\n", &id));
    assert_false(mounts_id("", &id));
}

static void kinds_have_names(void **state)
{
    (void)state;
    assert_string_equal(mounts_kind(0x0bd00bd0), "Lustre");
    assert_string_equal(mounts_kind(0x6969), "NFS");
    assert_null(mounts_kind(1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_mount_is_found_by_its_number),
        cmocka_unit_test(what_is_not_there_is_not_found),
        cmocka_unit_test(options_are_whole_words),
        cmocka_unit_test(what_does_not_fit_ends_in_dots),
        cmocka_unit_test(the_number_is_read_from_fdinfo),
        cmocka_unit_test(kinds_have_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
