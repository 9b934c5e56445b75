#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "core/sched/lag.h"

enum { NODES = 4, SLOW = 3, MB = 1000000, LEAST = 16 * MB };

/* The last one gets 10 MB/s from the others, of whose bytes it lacks so many; all fetch as
 * much. It is looked at for two seconds. */
struct scene {
    struct lag *lag;
    struct lag_node node[NODES];
    double now;
};

static void begin(struct scene *scene)
{
    *scene = (struct scene){ 0 };
    assert_int_equal(lag_create(&scene->lag, NODES, LEAST, NULL), 0);
    for (int i = 0; i < NODES; i++)
        scene->node[i].source = 10 * MB;
    scene->node[SLOW].coming = 2 * LEAST;
}

static void look(struct scene *scene, uint64_t lacks, uint64_t pending)
{
    scene->node[SLOW].lacks = lacks;
    for (int i = 0; i < 4; i++) {
        scene->now += 0.5;
        scene->node[SLOW].came += 5 * MB;
        lag_look(scene->lag, scene->node, pending, scene->now);
    }
}

static void expect_yields(const struct scene *scene, bool yields)
{
    for (int i = 0; i < SLOW; i++)
        assert_int_equal(lag_yields(scene->lag, i), yields);
    assert_false(lag_yields(scene->lag, SLOW)); /* to whom? */
}

/* 100 MB come to it in 10 s, in which it can fetch 100 MB. */
static void who_lags_gets_what_it_can_fetch_meanwhile(void **state)
{
    struct scene scene;

    (void)state;
    begin(&scene);
    look(&scene, 100 * MB, 110 * MB);
    expect_yields(&scene, false);
    look(&scene, 100 * MB, 90 * MB);
    expect_yields(&scene, true);
    /* It has to fetch what it was granted before. */
    scene.node[SLOW].leased = scene.node[SLOW].left = 20 * MB;
    look(&scene, 100 * MB, 90 * MB);
    expect_yields(&scene, false);
    /* What others were granted comes to it later. */
    scene.node[0].leased = 20 * MB;
    look(&scene, 100 * MB, 90 * MB);
    expect_yields(&scene, true);
    lag_destroy(scene.lag);
}

static void nobody_yields_to_who_cannot_fetch(void **state)
{
    struct scene scene;

    (void)state;
    begin(&scene);
    scene.node[SLOW].source = 0;
    look(&scene, 100 * MB, 10 * MB);
    expect_yields(&scene, false);
    scene.node[SLOW].source = 1 * MB;
    look(&scene, 100 * MB, 20 * MB);
    expect_yields(&scene, false);
    lag_destroy(scene.lag);
}

/* What it fetches faster it could not pass on. */
static void the_slower_link_counts(void **state)
{
    struct scene scene;

    (void)state;
    begin(&scene);
    scene.node[SLOW].source = 100 * MB;
    look(&scene, 100 * MB, 200 * MB);
    expect_yields(&scene, false);
    look(&scene, 100 * MB, 90 * MB);
    expect_yields(&scene, true);
    lag_destroy(scene.lag);
}

/* With little under way to it, it waits for those who fetch. */
static void nobody_yields_to_who_does_not_lag(void **state)
{
    struct scene scene;

    (void)state;
    begin(&scene);
    scene.node[SLOW].coming = LEAST - 1;
    look(&scene, 100 * MB, 10 * MB);
    expect_yields(&scene, false);
    lag_destroy(scene.lag);
}

/* All links are full, and all nodes lag as much. */
static void equals_do_not_yield_to_each_other(void **state)
{
    struct scene scene;

    (void)state;
    begin(&scene);
    for (int i = 0; i < 4; i++) {
        for (int n = 0; n < NODES; n++) {
            scene.node[n].came += 5 * MB;
            scene.node[n].coming = 2 * LEAST;
            scene.node[n].lacks = 100 * MB;
        }
        scene.now += 0.5;
        lag_look(scene.lag, scene.node, 10 * MB, scene.now);
        expect_yields(&scene, false);
    }
    lag_destroy(scene.lag);
}

/* Its link to the source has failed: the others go on. */
static void others_go_on_as_it_stops(void **state)
{
    struct scene scene;

    (void)state;
    begin(&scene);
    look(&scene, 100 * MB, 90 * MB);
    expect_yields(&scene, true);
    scene.node[SLOW].source = 0;
    look(&scene, 100 * MB, 90 * MB);
    expect_yields(&scene, false);
    lag_destroy(scene.lag);
}

/* Its link to the others has failed: nobody waits for what may never come. */
static void others_go_on_as_nothing_comes(void **state)
{
    struct scene scene;

    (void)state;
    begin(&scene);
    look(&scene, 100 * MB, 90 * MB);
    expect_yields(&scene, true);
    for (int i = 0; i < 8; i++) {
        scene.now += 0.5;
        lag_look(scene.lag, scene.node, 90 * MB, scene.now);
    }
    expect_yields(&scene, false);
    lag_destroy(scene.lag);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_lags_gets_what_it_can_fetch_meanwhile),
        cmocka_unit_test(nobody_yields_to_who_cannot_fetch),
        cmocka_unit_test(the_slower_link_counts),
        cmocka_unit_test(nobody_yields_to_who_does_not_lag),
        cmocka_unit_test(equals_do_not_yield_to_each_other),
        cmocka_unit_test(others_go_on_as_it_stops),
        cmocka_unit_test(others_go_on_as_nothing_comes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
