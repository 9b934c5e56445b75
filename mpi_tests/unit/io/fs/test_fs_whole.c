/* Small files at one go. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <sys/stat.h>

#include "io/fs/fs.h"
#include "scratch_dir.h"

static void test_read_all(void **state)
{
    struct err err = { 0 };
    char *bytes;
    size_t len;

    (void)state;
    put_file("ten", "0123456789");
    assert_int_equal(fs_read_all(NULL, "ten", 10, &bytes, &len, &err), 0);
    assert_int_equal(len, 10);
    assert_string_equal(bytes, "0123456789");
    free(bytes);
    put_file("empty", "");
    assert_int_equal(fs_read_all(NULL, "empty", 0, &bytes, &len, &err), 0);
    assert_int_equal(len, 0);
    assert_string_equal(bytes, "");
    free(bytes);
}

static void test_read_all_of_many_pieces(void **state)
{
    enum { SIZE = 100001 };
    char *text = malloc(SIZE + 1);
    struct err err = { 0 };
    char *bytes;
    size_t len;

    (void)state;
    for (size_t i = 0; i < SIZE; i++)
        text[i] = (char)('a' + i % 23);
    text[SIZE] = '\0';
    put_file("many", text);
    assert_int_equal(fs_read_all(NULL, "many", SIZE, &bytes, &len, &err), 0);
    assert_int_equal(len, SIZE);
    assert_memory_equal(bytes, text, SIZE + 1);
    free(bytes);
    free(text);
}

static void test_read_all_refuses(void **state)
{
    struct err err = { 0 };
    char *bytes;
    size_t len;

    (void)state;
    put_file("eleven", "0123456789a");
    assert_int_equal(fs_read_all(NULL, "eleven", 10, &bytes, &len, &err), -1);
    assert_sentence(&err, ERR_DEST, "'eleven'", EFBIG);
    assert_null(bytes);
    err_clear(&err);
    assert_int_equal(fs_read_all(NULL, ".", 10, &bytes, &len, &err), -1);
    assert_sentence(&err, ERR_DEST, "'.'", EISDIR);
    err_clear(&err);
    assert_int_equal(fs_read_all(NULL, "missing", 10, &bytes, &len, &err), -1);
    assert_sentence(&err, ERR_DEST, "'missing'", ENOENT);
}

static void test_write_all(void **state)
{
    struct err err = { 0 };

    (void)state;
    assert_int_equal(fs_write_all(NULL, "new", "first text", 10, false, true, &err), 0);
    assert_file("new", "first text");
    assert_int_equal(fs_write_all(NULL, "new", "no", 2, false, false, &err), -1);
    assert_sentence(&err, ERR_DEST, "'new'", EEXIST);
    assert_file("new", "first text");
    err_clear(&err);
    assert_int_equal(fs_write_all(NULL, "new", "second", 6, true, false, &err), 0);
    assert_file("new", "second");
    assert_int_equal(fs_write_all(NULL, "also", "made", 4, true, false, &err), 0);
    assert_file("also", "made");
}

static void test_write_all_to_devices(void **state)
{
    struct err err = { 0 };
    char back[8] = "", path[32];
    int pipes[2];

    (void)state;
    assert_int_equal(pipe(pipes), 0);
    snprintf(path, sizeof(path), "/dev/fd/%d", pipes[1]);
    assert_int_equal(fs_write_all(NULL, path, "report", 6, true, true, &err), 0);
    assert_int_equal(read(pipes[0], back, sizeof(back)), 6);
    assert_string_equal(back, "report");
    close(pipes[0]);
    close(pipes[1]);
    assert_int_equal(fs_write_all(NULL, "/dev/full", "x", 1, true, false, &err), -1);
    assert_sentence(&err, ERR_DEST, "'/dev/full'", ENOSPC);
}

/* umask decides, not we. */
static void test_write_all_mode(void **state)
{
    struct err err = { 0 };
    mode_t before = umask(0027);
    struct stat st;

    (void)state;
    assert_int_equal(fs_write_all(NULL, "moded", "x", 1, false, false, &err), 0);
    umask(before);
    assert_int_equal(stat("moded", &st), 0);
    assert_int_equal(st.st_mode & 0777, 0640);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read_all),
        cmocka_unit_test(test_read_all_of_many_pieces),
        cmocka_unit_test(test_read_all_refuses),
        cmocka_unit_test(test_write_all),
        cmocka_unit_test(test_write_all_to_devices),
        cmocka_unit_test(test_write_all_mode),
    };

    return cmocka_run_group_tests(tests, scratch_enter, scratch_leave);
}
