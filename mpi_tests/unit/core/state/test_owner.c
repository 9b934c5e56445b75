/* core/state/owner.c: when an owner is certainly gone, and above all when it is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/text.h"
#include "core/state/owner.h"

static const struct owner_process here = { .host = "n1", .boot = "b1", .space = "s1" };
static const struct owner_job my_job = { "c1", 7, 2 };

/* Processes 100 to 199 live if they began at 5. */
static bool lives(void *arg, uint64_t pid, uint64_t start)
{
    assert_ptr_equal(arg, &here);
    return pid >= 100 && pid < 200 && start == 5;
}

static bool is_gone(const char *text)
{
    const struct owner_view view = { here, my_job, lives, (void *)(uintptr_t)&here };

    return owner_is_gone(text, &view);
}

static bool is_requeued(const char *text)
{
    const struct owner_view view = { here, my_job, lives, (void *)(uintptr_t)&here };

    return owner_is_requeued(text, &view);
}

static const struct {
    const char *text;
    bool gone; /* or, of one with a job, requeued: which is not to be gone */
} rows[] = {
    { "process n1 b1 s1 1 5\n", true },
    { "process n1 b1 s1 100 5\n", false },
    { "process n1 b1 s1 100 6\n", true }, /* the number is somebody else's by now */
    { "process n1 b1 s1 1 5\nprocess n1 b1 s1 2 5\n", true },
    { "process n1 b1 s1 1 5\nprocess n1 b1 s1 100 5\n", false },
    /* one that cannot be looked at from here */
    { "process n1 b1 s1 1 5\nprocess n2 b2 s1 2 5\n", false },
    { "process n1 b2 s1 1 5\n", false },
    { "process n1 b1 s2 1 5\n", false },
    /* a copy of the machine that was given a name of its own */
    { "process n9 b1 s1 1 5\n", false },
    { "", false },
    /* the job, before it was requeued */
    { "process n2 b2 s2 1 5\njob c1 7 1\n", true },
    { "process n2 b2 s2 1 5\njob c1 7 2\n", false },
    { "process n2 b2 s2 1 5\njob c1 7 3\n", false },
    { "process n2 b2 s2 1 5\njob c2 7 1\n", false },
    { "process n2 b2 s2 1 5\njob c1 8 1\n", false },
    { "process n2 b2 s2 1 5\njob c1 0 1\n", false },
    /* not what we write */
    { "process n1 b1 s1 1\n", false },
    { "process n1 b1 s1 1 5 6\n", false },
    { "process n1 b1 s1 -1 5\n", false },
    { "process n1  s1 1 5\n", false },
    { "process n1 b1 s1 1 5", false },
    { "something else\n", false },
    { "process n1 b1 s1 1 5\nmore\n", false },
};

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct strbuf text = { 0 };

        owner_begin(&text);
        strbuf_adds(&text, rows[i].text);
        owner_end(&text);
        if (is_gone(text.data) != (rows[i].gone && !strstr(rows[i].text, "job")) ||
            is_requeued(text.data) != (rows[i].gone && strstr(rows[i].text, "job")))
            fail_msg("%s", rows[i].text);
        strbuf_release(&text);
    }
}

static void test_torn_anywhere(void **state)
{
    struct owner_process process = here;
    struct strbuf text = { 0 };

    (void)state;
    process.pid = 1;
    process.start = 5;
    owner_begin(&text);
    owner_add_process(&text, &process);
    owner_add_job(&text, &(struct owner_job){ "c1", 7, 1 });
    owner_end(&text);
    assert_true(is_gone(text.data) && owner_is_whole(text.data));
    for (size_t len = 0; len < text.len; len++) {
        char torn[256];

        assert_true(len < sizeof(torn));
        memcpy(torn, text.data, len);
        torn[len] = '\0';
        assert_false(is_gone(torn) || owner_is_whole(torn));
        assert_true(owner_is_begun(torn));
    }
    assert_false(owner_is_begun("me\n") || owner_is_begun("mpifetch owner 2\n"));
    strbuf_release(&text);
}

/* What could not be found out is the same on every machine, and proves nothing. */
static void test_unknown_proves_nothing(void **state)
{
    static const char *const texts[] = {
        "mpifetch owner 1\nprocess n1 - s1 1 5\nend\n",
        "mpifetch owner 1\nprocess n1 b1 - 1 5\nend\n",
        "mpifetch owner 1\nprocess - b1 s1 1 5\nend\n",
    };
    struct owner_view view = { here, { "", 0, 0 }, lives, (void *)(uintptr_t)&here };

    (void)state;
    strcpy(view.here.boot, "-");
    assert_false(owner_is_gone(texts[0], &view));
    view.here = here;
    strcpy(view.here.space, "-");
    assert_false(owner_is_gone(texts[1], &view));
    view.here = here;
    strcpy(view.here.host, "-");
    assert_false(owner_is_gone(texts[2], &view));
}

static void test_no_job_is_not_written(void **state)
{
    struct strbuf text = { 0 };

    (void)state;
    owner_begin(&text);
    owner_add_job(&text, &(struct owner_job){ "", 0, 0 });
    owner_end(&text);
    assert_string_equal(text.data, "mpifetch owner 1\nend\n");
    strbuf_release(&text);
}

static void test_host(void **state)
{
    char host[OWNER_WORD];

    (void)state;
    owner_host("mpifetch owner 1\nprocess n3 b s 1 2\nprocess n4 b s 1 2\nend\n", host);
    assert_string_equal(host, "n3");
    owner_host("mpifetch owner 1\nend\n", host);
    assert_string_equal(host, "");
    owner_host("", host);
    assert_string_equal(host, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_torn_anywhere),
        cmocka_unit_test(test_unknown_proves_nothing),
        cmocka_unit_test(test_no_job_is_not_written),
        cmocka_unit_test(test_host),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
