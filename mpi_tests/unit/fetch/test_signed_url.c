#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "fetch/signed_url.h"

static const uint32_t NONE = 77; /* what stays in *generation where there is no URL */

static void put(struct signed_urls *urls, uint32_t file, uint32_t generation)
{
    struct err err = { 0 };
    char url[64];

    snprintf(url, sizeof(url), "https://cdn/%u?generation=%u", (unsigned)file,
             (unsigned)generation);
    assert_int_equal(signed_urls_put(urls, file, generation, url, &err), 0);
}

static void assert_url(const struct signed_urls *urls, uint32_t file, uint32_t generation)
{
    uint32_t found = NONE;
    char *url = NULL, want[64];

    snprintf(want, sizeof(want), "https://cdn/%u?generation=%u", (unsigned)file,
             (unsigned)generation);
    assert_int_equal(signed_urls_fill(urls, file, &url, &found, NULL), 0);
    assert_non_null(url);
    assert_string_equal(url, want);
    assert_int_equal(found, generation);
    free(url);
}

static void assert_no_url(const struct signed_urls *urls, uint32_t file)
{
    uint32_t found = NONE;
    char *url = NULL;

    assert_int_equal(signed_urls_fill(urls, file, &url, &found, NULL), 0);
    assert_null(url);
    assert_int_equal(found, NONE);
}

static void nothing_is_known_at_first(void **state)
{
    struct signed_urls urls = { 0 };

    (void)state;
    assert_no_url(&urls, 0);
    assert_no_url(&urls, 3);
    signed_urls_release(&urls);
}

/* File 0 is a file like any other: an unused entry must not be taken for it. */
static void a_place_is_found_by_its_file(void **state)
{
    struct signed_urls urls = { 0 };

    (void)state;
    put(&urls, 5, 1);
    put(&urls, UINT32_MAX, 2);
    assert_no_url(&urls, 0);
    put(&urls, 0, 3);
    assert_url(&urls, 0, 3);
    assert_url(&urls, 5, 1);
    assert_url(&urls, UINT32_MAX, 2);
    assert_no_url(&urls, 6);
    signed_urls_release(&urls);
}

static void the_newest_place_counts(void **state)
{
    struct signed_urls urls = { 0 };

    (void)state;
    put(&urls, 5, 1);
    put(&urls, 6, 1);
    for (uint32_t generation = 2; generation < 3 * SIGNED_URLS; generation++) {
        put(&urls, 5, generation);
        assert_url(&urls, 5, generation);
    }
    assert_url(&urls, 6, 1); /* renewing one file takes nothing from the others */
    signed_urls_release(&urls);
}

static void the_oldest_makes_room(void **state)
{
    struct signed_urls urls = { 0 };

    (void)state;
    for (uint32_t file = 0; file < 5 * SIGNED_URLS; file++) {
        put(&urls, file, file + 1);
        for (uint32_t back = 0; back < SIGNED_URLS && back <= file; back++)
            assert_url(&urls, file - back, file - back + 1);
        if (file >= SIGNED_URLS)
            assert_no_url(&urls, file - SIGNED_URLS);
    }
    signed_urls_release(&urls);
}

/* A task keeps its copy when the table moves on. */
static void what_is_filled_is_a_copy(void **state)
{
    struct signed_urls urls = { 0 };
    uint32_t generation;
    char *url = NULL;

    (void)state;
    put(&urls, 1, 1);
    assert_int_equal(signed_urls_fill(&urls, 1, &url, &generation, NULL), 0);
    put(&urls, 1, 2);
    signed_urls_release(&urls);
    assert_string_equal(url, "https://cdn/1?generation=1");
    free(url);
    assert_no_url(&urls, 1);
    put(&urls, 1, 3); /* as good as new */
    assert_url(&urls, 1, 3);
    signed_urls_release(&urls);
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
