/* Maps that say which files each node gets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "core/plan/node_map.h"
#include "core/plan/node_wants.h"

static struct node_map map;

static int parse(const char *text, struct err *err)
{
    return node_map_parse(&map, "map", text, strlen(text), err);
}

static int teardown(void **state)
{
    (void)state;
    node_map_release(&map);
    return 0;
}

static void test_lines(void **state)
{
    (void)state;
    assert_int_equal(parse("\xef\xbb\xbf# a comment\n"
                           "  #node:0 *\n"
                           "\n"
                           "n0\ta  b/\r\n"
                           "node:2,5-7 *",
                           NULL),
                     0);
    assert_int_equal(map.rules, 2);
    assert_string_equal(map.rule[0].who, "n0");
    assert_int_equal(map.rule[0].count, 2);
    assert_string_equal(map.word[map.rule[0].first + 1], "b/");
    assert_int_equal(map.rule[1].count, 1);
}

static void test_whom_a_rule_is_for(void **state)
{
    static const struct {
        const char *rule, *host;
        uint32_t number;
        bool is;
    } rows[] = {
        { "n0 *", "n0", 7, true },
        { "n0 *", "n00", 7, false },
        { "n0 *", "n0.cluster.example", 7, true },
        { "n0.cluster.example *", "n0.cluster.example", 7, true },
        { "n0.cluster *", "n0.cluster.example", 7, false },
        { "n[0-3] *", "n3", 7, true },
        { "n[0-3] *", "n4", 7, false },
        { "* *", "n4.example", 7, true },
        { "node:7 *", "n4", 7, true },
        { "node:7 *", "node:7", 8, false }, /* a list of numbers is no pattern */
        { "node:3-7 *", "n4", 3, true },
        { "node:3-7 *", "n4", 7, true },
        { "node:3-7 *", "n4", 8, false },
        { "node:3-7 *", "n4", 2, false },
        { "node:1,9,3-4 *", "n4", 9, true },
        { "node:1,9,3-4 *", "n4", 5, false },
        { "node:65534 *", "n4", 65534, true },
        { "node7 *", "n4", 7, false },
    };

    for (size_t i = 0; i < countof(rows); i++) {
        assert_int_equal(parse(rows[i].rule, NULL), 0);
        if (node_map_is_for(&map, 0, rows[i].host, rows[i].number) != rows[i].is)
            fail_msg("'%s' for %s, %u", rows[i].rule, rows[i].host, rows[i].number);
        teardown(state);
    }
}

static void test_refusals(void **state)
{
    static const struct {
        const char *text, *said;
    } rows[] = {
        { "", "'map' has no rule" },
        { "# nothing\n\n", "'map' has no rule" },
        { "n0 *\nn1\n", "'map', line 2: no pattern of files follows 'n1'" },
        { "node: *\n", "'map', line 1: expected numbers of nodes such as node:0 or "
                       "node:0-3,6, got 'node:'" },
        { "node:x *\n", "got 'node:x'" },
        { "node:3-2 *\n", "got 'node:3-2'" },
        { "node:3- *\n", "got 'node:3-'" },
        { "node:1, *\n", "got 'node:1,'" },
        { "node:1;2 *\n", "got 'node:1;2'" },
        { "node:65535 *\n", "got 'node:65535'" },
        { "node:99999999999999999999 *\n", "got 'node:99999999999999999999'" },
        { "\n\nn0 \xff\n", "'map', line 3: it is not UTF-8" },
    };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct err err = { 0 };

        assert_int_equal(parse(rows[i].text, &err), -1);
        assert_int_equal(err.code, ERR_USAGE);
        if (!strstr(err.text, rows[i].said))
            fail_msg("'%s': %s", rows[i].text, err.text);
        assert_null(map.text);
    }
}

static void test_bounds(void **state)
{
    const char nul[] = "n0 a\0b\n";
    char *longest = malloc(NODE_MAP_MOST + 1);
    struct err err = { 0 };

    (void)state;
    assert_int_equal(node_map_parse(&map, "map", nul, sizeof(nul) - 1, &err), -1);
    assert_string_equal(err.text, "'map', line 1: it has a NUL byte");
    assert_non_null(longest);
    memset(longest, '\n', NODE_MAP_MOST + 1);
    longest[0] = longest[2] = '*';
    longest[1] = ' ';
    assert_int_equal(node_map_parse(&map, "map", longest, NODE_MAP_MOST, NULL), 0);
    node_map_release(&map);
    err_clear(&err);
    assert_int_equal(node_map_parse(&map, "map", longest, NODE_MAP_MOST + 1, &err), -1);
    assert_string_equal(err.text, "'map' is longer than 1 MiB");
    free(longest);
}

static void test_what_is_kept(void **state)
{
    (void)state;
    assert_int_equal(parse("n0 a b\nn1 b c\nn2 d\n", NULL), 0);
    node_map_place(&map, "n0", 0);
    node_map_place(&map, "n1", 1);
    assert_true(node_map_keeps(&map, "a"));
    assert_true(node_map_keeps(&map, "b"));
    assert_false(node_map_keeps(&map, "d"));
    assert_true(map.rule[1].placed);
    assert_false(map.rule[2].placed);
    assert_true(map.met[0]);
    assert_true(map.met[1]);
    assert_true(map.met[2]); /* the same of n1 */
    assert_false(map.met[3]);
}

static void add(struct plan *plan, const char *path)
{
    const struct plan_entry entry = { .path = path, .size = 10 };

    assert_int_equal(plan_add(plan, &entry, NULL), 0);
}

/* Two of three hosts share a disk. */
static void test_wants(void **state)
{
    static const struct node_host hosts[] = { { "n0", 0, 0 },
                                              { "n1", 1, 0 },
                                              { "n2", 2, 1 } };
    static const char *const paths[] = { "all", "none", "one", "two", "two-too" };
    static const bool want[][2] = {
        { true, true },  { false, false }, { true, false },
        { false, true }, { false, true },
    };
    struct plan plan = { 0 };
    struct node_wants wants;

    (void)state;
    for (size_t i = 0; i < countof(paths); i++)
        add(&plan, paths[i]);
    assert_int_equal(parse("* all\nn1 one\nnode:2 two*\n", NULL), 0);
    assert_int_equal(node_wants_create(&wants, &plan, 2, &map, hosts, 3, NULL), 0);
    for (size_t i = 0; i < countof(paths); i++)
        for (uint32_t node = 0; node < 2; node++)
            assert_int_equal(node_wants_file(&wants, node, i), want[i][node]);
    assert_int_equal(node_wants_part(&wants, 0).files, 2);
    assert_int_equal(node_wants_part(&wants, 1).files, 3);
    assert_int_equal(node_wants_part(&wants, 1).bytes, 30);
    assert_int_equal(node_wants_group(&wants, NULL), 0);
    assert_int_equal(wants.groups, 4);
    assert_int_equal(wants.group[3], wants.group[4]);
    assert_int_not_equal(wants.group[0], wants.group[2]);
    node_wants_release(&wants);
    plan_release(&plan);
}

/* More nodes than a byte has bits: each is told from the others. */
static void test_many_nodes(void **state)
{
    struct node_host hosts[100];
    struct node_wants wants;
    struct plan plan = { 0 };
    char text[100 * 16] = "", path[8];

    (void)state;
    for (uint32_t i = 0; i < 100; i++) {
        hosts[i] = (struct node_host){ "n", i, i };
        snprintf(text + strlen(text), 16, "node:%u %02u\n", (unsigned)i, (unsigned)i);
        snprintf(path, sizeof(path), "%02u", (unsigned)i);
        add(&plan, path);
    }
    assert_int_equal(parse(text, NULL), 0);
    assert_int_equal(node_wants_create(&wants, &plan, 100, &map, hosts, 100, NULL), 0);
    for (uint32_t node = 0; node < 100; node++)
        for (size_t i = 0; i < 100; i++)
            assert_int_equal(node_wants_file(&wants, node, i), i == node);
    assert_int_equal(node_wants_group(&wants, NULL), 0);
    assert_int_equal(wants.groups, 100);
    node_wants_release(&wants);
    plan_release(&plan);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_lines, teardown),
        cmocka_unit_test_teardown(test_whom_a_rule_is_for, teardown),
        cmocka_unit_test_teardown(test_refusals, teardown),
        cmocka_unit_test_teardown(test_bounds, teardown),
        cmocka_unit_test_teardown(test_what_is_kept, teardown),
        cmocka_unit_test_teardown(test_wants, teardown),
        cmocka_unit_test_teardown(test_many_nodes, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
