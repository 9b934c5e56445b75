/* Which descriptors are shared, kept and closed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "fetch/origins.h"
#include "scratch_dir.h"

static struct origins origins;

static int take(uint32_t file)
{
    char name[32];
    int fd;

    snprintf(name, sizeof(name), "file-%u", (unsigned)file);
    fd = open(name, O_WRONLY | O_CREAT, 0644);
    assert_true(fd >= 0);
    close(fd);
    fd = origins_take(&origins, file, name, NULL);
    assert_true(fd >= 0);
    return fd;
}

static bool is_open(int fd)
{
    return fcntl(fd, F_GETFD) >= 0;
}

static void test_one_open_for_all_readers(void **state)
{
    int fd, other;

    (void)state;
    origins_open(&origins);
    fd = take(3);
    assert_int_equal(take(3), fd);
    other = take(4);
    assert_int_not_equal(other, fd);
    origins_give(&origins, fd, false);
    origins_give(&origins, fd, false);
    origins_give(&origins, other, false);
    assert_int_equal(take(3), fd);
    origins_give(&origins, fd, true);
    assert_int_not_equal(take(3), fd); /* it failed */
    origins_release(&origins);
    assert_false(is_open(fd) || is_open(other));
    origins_release(&origins);
}

/* What is read is never closed, what was read last is closed last. */
static void test_as_many_as_are_kept(void **state)
{
    int fd[ORIGINS], beyond;

    (void)state;
    origins_open(&origins);
    for (uint32_t i = 0; i < ORIGINS; i++)
        fd[i] = take(i);
    beyond = take(ORIGINS);
    for (uint32_t i = 0; i < ORIGINS; i++)
        assert_true(is_open(fd[i]));
    origins_give(&origins, beyond, false);
    assert_false(is_open(beyond));
    for (uint32_t i = 2; i < ORIGINS; i++)
        origins_give(&origins, fd[i], false);
    take(ORIGINS);
    assert_false(is_open(fd[2]));
    for (uint32_t i = 0; i < ORIGINS; i++)
        assert_true(i == 2 || is_open(fd[i]));
    origins_release(&origins);
}

static void test_fails(void **state)
{
    struct err err = { 0 };

    (void)state;
    origins_open(&origins);
    assert_int_equal(origins_take(&origins, 1, "none", &err), -1);
    assert_sentence(&err, ERR_DEST, "open 'none'", ENOENT);
    origins_release(&origins);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_open_for_all_readers),
        cmocka_unit_test(test_as_many_as_are_kept),
        cmocka_unit_test(test_fails),
    };

    return cmocka_run_group_tests(tests, scratch_enter, scratch_leave);
}
