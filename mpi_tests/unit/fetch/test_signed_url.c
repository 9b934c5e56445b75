#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "fetch/signed_url.h"

static const uint32_t NONE = 77; /* what stays in *generation where there is no place */

static void put(struct places *places, uint32_t file, uint32_t generation)
{
    struct err err = { 0 };
    char url[64];

    snprintf(url, sizeof(url), "https://cdn/%u?generation=%u", (unsigned)file,
             (unsigned)generation);
    assert_int_equal(places_put(places, file, generation, url, &err), 0);
}

static void assert_place(const struct places *places, uint32_t file, uint32_t generation)
{
    uint32_t found = NONE;
    char *url = NULL, want[64];

    snprintf(want, sizeof(want), "https://cdn/%u?generation=%u", (unsigned)file,
             (unsigned)generation);
    assert_int_equal(places_fill(places, file, &url, &found, NULL), 0);
    assert_non_null(url);
    assert_string_equal(url, want);
    assert_int_equal(found, generation);
    free(url);
}

static void assert_no_place(const struct places *places, uint32_t file)
{
    uint32_t found = NONE;
    char *url = NULL;

    assert_int_equal(places_fill(places, file, &url, &found, NULL), 0);
    assert_null(url);
    assert_int_equal(found, NONE);
}

static void nothing_is_known_at_first(void **state)
{
    struct places places = { 0 };

    (void)state;
    assert_no_place(&places, 0);
    assert_no_place(&places, 3);
    places_release(&places);
}

/* File 0 is a file like any other: an unused entry must not be taken for it. */
static void a_place_is_found_by_its_file(void **state)
{
    struct places places = { 0 };

    (void)state;
    put(&places, 5, 1);
    put(&places, UINT32_MAX, 2);
    assert_no_place(&places, 0);
    put(&places, 0, 3);
    assert_place(&places, 0, 3);
    assert_place(&places, 5, 1);
    assert_place(&places, UINT32_MAX, 2);
    assert_no_place(&places, 6);
    places_release(&places);
}

static void the_newest_place_counts(void **state)
{
    struct places places = { 0 };

    (void)state;
    put(&places, 5, 1);
    put(&places, 6, 1);
    for (uint32_t generation = 2; generation < 3 * PLACES; generation++) {
        put(&places, 5, generation);
        assert_place(&places, 5, generation);
    }
    assert_place(&places, 6, 1); /* renewing one file takes nothing from the others */
    places_release(&places);
}

static void the_oldest_makes_room(void **state)
{
    struct places places = { 0 };

    (void)state;
    for (uint32_t file = 0; file < 5 * PLACES; file++) {
        put(&places, file, file + 1);
        for (uint32_t back = 0; back < PLACES && back <= file; back++)
            assert_place(&places, file - back, file - back + 1);
        if (file >= PLACES)
            assert_no_place(&places, file - PLACES);
    }
    places_release(&places);
}

/* A task keeps its copy when the table moves on. */
static void what_is_filled_is_a_copy(void **state)
{
    struct places places = { 0 };
    uint32_t generation;
    char *url = NULL;

    (void)state;
    put(&places, 1, 1);
    assert_int_equal(places_fill(&places, 1, &url, &generation, NULL), 0);
    put(&places, 1, 2);
    places_release(&places);
    assert_string_equal(url, "https://cdn/1?generation=1");
    free(url);
    assert_no_place(&places, 1);
    put(&places, 1, 3); /* as good as new */
    assert_place(&places, 1, 3);
    places_release(&places);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_known_at_first),
        cmocka_unit_test(a_place_is_found_by_its_file),
        cmocka_unit_test(the_newest_place_counts),
        cmocka_unit_test(the_oldest_makes_room),
        cmocka_unit_test(what_is_filled_is_a_copy),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
