#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "core/plan/layout.h"

/* D5 of the design. Steps: Rename, Exchange, Flip, Swap link, x for refuse; in the order
 * no exchange, no exchange --versions, exchange, exchange --versions. */
static const struct {
    enum layout_dest dest;
    bool force;
    const char *steps;
} table[] = {
    { LAYOUT_MISSING, false, "FFRF" },   { LAYOUT_MISSING, true, "FFRF" },
    { LAYOUT_EMPTY, false, "FFRF" },     { LAYOUT_EMPTY, true, "FFRF" },
    { LAYOUT_OURS, false, "xxES" },      { LAYOUT_OURS, true, "xxES" },
    { LAYOUT_VERSIONED, false, "FFFF" }, { LAYOUT_VERSIONED, true, "FFFF" },
    { LAYOUT_FOREIGN, false, "xxxx" },   { LAYOUT_FOREIGN, true, "xxES" },
};

static enum layout_step step_of(char letter)
{
    static const enum layout_step steps[] = {
        ['R'] = LAYOUT_RENAME,    ['E'] = LAYOUT_EXCHANGE, ['F'] = LAYOUT_FLIP,
        ['S'] = LAYOUT_SWAP_LINK, ['x'] = LAYOUT_REFUSE,
    };

    return steps[(unsigned char)letter];
}

static void every_situation_has_its_step(void **state)
{
    (void)state;
    for (size_t i = 0; i < countof(table); i++) {
        for (unsigned column = 0; column < 4; column++) {
            const struct layout_case situation = { .dest = table[i].dest,
                                                   .force = table[i].force,
                                                   .can_exchange = column >= 2,
                                                   .versions = column % 2 == 1 };
            const struct layout_choice choice = layout_choose(&situation);

            assert_int_equal(choice.step, step_of(table[i].steps[column]));
            assert_int_equal(choice.step == LAYOUT_REFUSE, choice.reason != NULL);
        }
    }
}

/* What the user reads is what would help. */
static void a_refusal_says_the_way_out(void **state)
{
    struct layout_case situation = { .dest = LAYOUT_FOREIGN };

    (void)state;
    assert_non_null(strstr(layout_choose(&situation).reason, "--force"));
    situation.force = true; /* asked for already */
    assert_null(strstr(layout_choose(&situation).reason, "--force"));
    situation.dest = LAYOUT_OURS;
    assert_non_null(strstr(layout_choose(&situation).reason, "--versions"));
    assert_null(strstr(layout_choose(&situation).reason, "--force"));
}

static void assert_names(const char *dest, const char *parent, const char *name,
                         const char *prefix, const char *versions)
{
    struct strbuf text = { 0 };

    assert_string_equal(layout_name(dest), name);
    layout_parent(dest, &text);
    assert_string_equal(text.data, parent);
    strbuf_clear(&text);
    layout_staging_prefix(dest, &text);
    assert_string_equal(text.data, prefix);
    strbuf_clear(&text);
    layout_versions(dest, &text);
    assert_string_equal(text.data, versions);
    strbuf_release(&text);
}

static void all_names_are_siblings_of_dest(void **state)
{
    (void)state;
    assert_names("/p/name", "/p", "name", ".name.mpifetch-", "/p/.name.versions");
    assert_names("/a/b c/d.e", "/a/b c", "d.e", ".d.e.mpifetch-", "/a/b c/.d.e.versions");
    assert_names("/p/%s%n", "/p", "%s%n", ".%s%n.mpifetch-", "/p/.%s%n.versions");
    assert_names("/name", "/", "name", ".name.mpifetch-", "/.name.versions");
}

static void names_are_appended(void **state)
{
    struct strbuf text = { 0 };

    (void)state;
    layout_parent("/p/name", &text);
    strbuf_adds(&text, "/");
    layout_staging_prefix("/p/name", &text);
    assert_string_equal(text.data, "/p/.name.mpifetch-");
    strbuf_adds(&text, ":");
    layout_versions("/p/name", &text);
    assert_string_equal(text.data, "/p/.name.mpifetch-:/p/.name.versions");
    strbuf_release(&text);
}

/* A symlink that somebody else made must not be taken for ours: what it points at is
 * replaced without being asked for, and its neighbours are removed. */
static void only_our_own_form_is_a_version(void **state)
{
    static const struct {
        const char *target;
        bool ours;
    } rows[] = {
        { ".name.versions/0123abc", true },
        { ".name.versions/x", true },
        { "", false },
        { ".", false },
        { "..", false },
        { ".name", false },
        { ".name.versions", false },
        { ".name.versions/", false },
        { ".name.versions//x", false },
        { ".name.versions/.", false },
        { ".name.versions/..", false },
        { ".name.versions/.hidden", false },
        { ".name.versions/../x", false },
        { ".name.versions/x/", false },
        { ".name.versions/x/y", false },
        { ".name.versions/x/..", false },
        { ".name.versions/x/../../../etc", false },
        { ".name.versionsx/x", false },
        { ".name.version/x", false },
        { ".nam.versions/x", false },
        { ".names.versions/x", false },
        { ".Name.versions/x", false },
        { "name.versions/x", false },
        { "./.name.versions/x", false },
        { "../p/.name.versions/x", false },
        { "/p/.name.versions/x", false },
        { " .name.versions/x", false },
    };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++)
        assert_int_equal(layout_is_version("/p/name", rows[i].target), rows[i].ours);
    assert_true(layout_is_version("/p/.versions", "..versions.versions/x"));
    assert_false(layout_is_version("/p/.versions", "..versions/x"));
    assert_true(layout_is_version("/name", ".name.versions/x"));
}

/* What a run makes is what the next run takes for its own. */
static void what_is_published_is_known_again(void **state)
{
    static const char *const dests[] = { "/p/name", "/name", "/p/.hidden", "/p/a.b c" };

    (void)state;
    for (size_t i = 0; i < countof(dests); i++) {
        struct strbuf parent = { 0 }, versions = { 0 };
        char target[64];

        layout_parent(dests[i], &parent);
        layout_versions(dests[i], &versions);
        assert_true(text_starts(versions.data, parent.data));
        snprintf(target, sizeof(target), "%s/id", strrchr(versions.data, '/') + 1);
        assert_true(layout_is_version(dests[i], target));
        strbuf_release(&parent);
        strbuf_release(&versions);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_situation_has_its_step),
        cmocka_unit_test(a_refusal_says_the_way_out),
        cmocka_unit_test(all_names_are_siblings_of_dest),
        cmocka_unit_test(names_are_appended),
        cmocka_unit_test(only_our_own_form_is_a_version),
        cmocka_unit_test(what_is_published_is_known_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
