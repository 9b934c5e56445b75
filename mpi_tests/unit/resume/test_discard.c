/* A directory that is to be removed, and whose name somebody else gives to another one in
 * time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dlfcn.h>
#include <unistd.h>

#include "base/text.h"
#include "io/process.h"
#include "publish_case.h"
#include "resume/discard.h"

static bool made_again;   /* the name, as soon as what had it is away */
static bool signed_early; /* what it went into, although nobody knew yet what it was */

int renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned flags)
{
    int (*real)(int from_dir, const char *from, int to_dir, const char *to,
                unsigned flags);
    void *found = dlsym(RTLD_NEXT, "renameat2");
    int rc;

    memcpy(&real, &found, sizeof(real));
    rc = real(from_dir, from, to_dir, to, flags);
    if (rc == 0 && strcmp(to, DISCARD_TAKEN) == 0)
        signed_early = faccessat(to_dir, "owner", F_OK, 0) == 0;
    if (rc == 0 && made_again && strcmp(to, DISCARD_TAKEN) == 0)
        assert_int_equal(mkdirat(from_dir, from, 0777), 0);
    return rc;
}

struct place {
    struct fs_dir parent, dir; /* dir: mpifetch-left in parent, signed */
    struct err err;
};

static void begin(struct place *place)
{
    *place = (struct place){ 0 };
    made_again = false;
    run_command("mkdir -p \"$PARENT/mpifetch-left/in\"");
    assert_int_equal(fs_dir_open(&place->parent, NULL, parent_path, NULL), 0);
    assert_int_equal(fs_dir_open(&place->dir, &place->parent, "mpifetch-left", NULL), 0);
    assert_int_equal(process_sign(&place->dir, ".", false, NULL), 0);
}

static int discard(struct place *place)
{
    return discard_directory(&place->parent, "mpifetch-left", &place->dir, &place->err);
}

static void end(struct place *place)
{
    fs_dir_close(&place->dir);
    fs_dir_close(&place->parent);
}

static void replace(void)
{
    run_command("cd \"$PARENT\" && mv mpifetch-left away && mkdir mpifetch-left && "
                "echo theirs >mpifetch-left/mine");
}

static void test_what_was_found(void **state)
{
    struct place place;

    (void)state;
    begin(&place);
    assert_int_equal(discard(&place), 0);
    assert_false(signed_early);
    assert_beside("");
    end(&place);
}

static void test_something_else_goes_back(void **state)
{
    struct place place;

    (void)state;
    begin(&place);
    replace();
    assert_int_equal(discard(&place), -1);
    assert_int_equal(place.err.code, ERR_DEST);
    assert_beside("away mpifetch-left ");
    run_command("grep -q theirs \"$PARENT/mpifetch-left/mine\"");
    end(&place);
}

/* It stays, and nothing says that it may be removed. */
static void test_something_else_cannot_go_back(void **state)
{
    struct place place;
    char *found;

    (void)state;
    begin(&place);
    replace();
    made_again = true;
    assert_int_equal(discard(&place), -1);
    found = output_of("cd \"$PARENT\" && ls -d mpifetch-*/taken | tr -d '\\n' && "
                      "test ! -e mpifetch-*/owner");
    assert_non_null(strstr(place.err.text, found));
    free(found);
    run_command("grep -q theirs \"$PARENT\"/mpifetch-*/taken/mine");
    end(&place);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_what_was_found, publish_enter),
        cmocka_unit_test_setup(test_something_else_goes_back, publish_enter),
        cmocka_unit_test_setup(test_something_else_cannot_go_back, publish_enter),
    };

    return cmocka_run_group_tests(tests, scratch_enter, scratch_leave);
}
