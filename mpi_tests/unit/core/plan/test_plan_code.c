#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "base/url.h"
#include "core/plan/plan.h"

/* A sealed plan in which every field has something to say. */
static void make_plan(struct plan *plan)
{
    static const struct plan_entry entries[] = {
        { .path = "b", .key = "b?x", .size = 5, .want = { DIGEST_SHA256, { 1, 2, 3 } } },
        { .path = "a/c",
          .key = "c",
          .etag = "\"t 1\"",
          .size = 7,
          .flags = PLAN_WHOLE | PLAN_SIGNED },
        { .path = "a/b",
          .key = "k",
          .oid = "00ff",
          .xet = "ee",
          .flags = PLAN_LFS,
          .want = { DIGEST_GIT_BLOB, { 9 } } },
    };
    struct err err = { 0 };

    for (size_t i = 0; i < countof(entries); i++)
        assert_int_equal(plan_add(plan, &entries[i], &err), 0);
    assert_int_equal(plan_set(plan, &plan->source, "https://h", &err), 0);
    assert_int_equal(plan_set(plan, &plan->revision, "c0ffee", &err), 0);
    assert_int_equal(plan_set(plan, &plan->ref, "main", &err), 0);
    assert_int_equal(plan_set(plan, &plan->base, "https://h/", &err), 0);
    assert_int_equal(plan_set(plan, &plan->query, "?sig=1", &err), 0);
    assert_int_equal(plan_set(plan, &plan->repo, "models/a/b", &err), 0);
    assert_int_equal(plan_seal(plan, &err), 0);
}

static void encode(const struct plan *plan, struct strbuf *bytes)
{
    struct err err = { 0 };

    assert_int_equal(plan_encode(plan, bytes, &err), 0);
}

static void decodes_what_it_encodes(void **state)
{
    struct plan plan = { 0 }, back;
    struct strbuf bytes = { 0 }, again = { 0 };
    struct err err = { 0 };

    (void)state;
    make_plan(&plan);
    encode(&plan, &bytes);
    assert_int_equal(plan_decode(&back, bytes.data, bytes.len, &err), 0);
    assert_int_equal(back.nfiles, 3);
    assert_int_equal(back.nbytes, 12);
    assert_string_equal(plan_path(&back, 0), "a/b");
    assert_string_equal(plan_path(&back, 1), "a/c");
    assert_string_equal(plan_path(&back, 2), "b");
    assert_string_equal(plan_text(&back, back.files[1].etag), "\"t 1\"");
    assert_string_equal(plan_text(&back, back.files[0].xet), "ee");
    assert_string_equal(plan_text(&back, back.files[0].oid), "00ff");
    assert_string_equal(plan_text(&back, back.files[2].key), "b?x");
    assert_int_equal(back.files[1].flags, PLAN_WHOLE | PLAN_SIGNED);
    assert_memory_equal(&back.files[2].want, &plan.files[2].want,
                        sizeof(plan.files[2].want));
    assert_string_equal(plan_text(&back, back.source), "https://h");
    assert_string_equal(plan_text(&back, back.revision), "c0ffee");
    assert_string_equal(plan_text(&back, back.ref), "main");
    assert_string_equal(plan_text(&back, back.base), "https://h/");
    assert_string_equal(plan_text(&back, back.query), "?sig=1");
    assert_string_equal(plan_text(&back, back.repo), "models/a/b");
    encode(&back, &again);
    assert_int_equal(bytes.len, again.len);
    assert_memory_equal(bytes.data, again.data, bytes.len);
    strbuf_release(&bytes);
    strbuf_release(&again);
    plan_release(&plan);
    plan_release(&back);
}

static void a_plan_may_be_empty(void **state)
{
    struct plan plan = { 0 }, back;
    struct strbuf bytes = { 0 };
    struct err err = { 0 };

    (void)state;
    assert_int_equal(plan_seal(&plan, &err), 0);
    encode(&plan, &bytes);
    assert_int_equal(plan_decode(&back, bytes.data, bytes.len, &err), 0);
    assert_int_equal(back.nfiles, 0);
    assert_string_equal(plan_text(&back, back.repo), "");
    strbuf_release(&bytes);
    plan_release(&plan);
    plan_release(&back);
}

static void refuses_any_other_length(void **state)
{
    struct plan plan = { 0 }, back;
    struct strbuf bytes = { 0 };

    (void)state;
    make_plan(&plan);
    encode(&plan, &bytes);
    for (size_t len = 0; len < bytes.len; len++) {
        /* of its own size, so that a look behind the end is seen by the sanitizer */
        char *cut = malloc(len + 1);
        struct err err = { 0 };

        memcpy(cut, bytes.data, len);
        assert_int_equal(plan_decode(&back, cut, len, &err), -1);
        assert_int_equal(err.code, ERR_DEFECT);
        assert_int_equal(back.nfiles, 0);
        free(cut);
    }
    strbuf_add(&bytes, "", 1);
    assert_int_equal(plan_decode(&back, bytes.data, bytes.len, NULL), -1);
    strbuf_release(&bytes);
    plan_release(&plan);
}

/* Each row breaks one promise of a sealed plan that encodes as it stands. */
static void break_order(struct plan *plan)
{
    struct plan_file first = plan->files[0];

    plan->files[0] = plan->files[2];
    plan->files[2] = first;
}

static void break_double(struct plan *plan)
{
    plan->files[1] = plan->files[0];
}

static void break_no_path(struct plan *plan)
{
    plan->files[2].path = 0;
}

static void break_path(struct plan *plan)
{
    assert_int_equal(plan_set(plan, &plan->files[2].path, "../x", NULL), 0);
}

static void break_sum(struct plan *plan)
{
    plan->nbytes++;
}

static void break_size(struct plan *plan)
{
    plan->files[0].size = UINT64_MAX;
}

static void break_flag(struct plan *plan)
{
    plan->files[0].flags = PLAN_UNSIZED;
}

static void break_kind(struct plan *plan)
{
    plan->files[0].want.kind = 3; /* has no bytes */
}

static void break_count(struct plan *plan)
{
    plan->nfiles--;
    plan->nbytes -= plan->files[2].size;
    plan->nbytes++; /* and the sum of others */
}

static void refuses_what_does_not_add_up(void **state)
{
    static void (*const breaks[])(struct plan * plan) = {
        break_order, break_double, break_no_path, break_path,  break_sum,
        break_size,  break_flag,   break_kind,    break_count,
    };

    (void)state;
    for (size_t i = 0; i < countof(breaks); i++) {
        struct plan plan = { 0 }, back;
        struct strbuf bytes = { 0 };
        struct err err = { 0 };

        make_plan(&plan);
        breaks[i](&plan);
        encode(&plan, &bytes);
        if (plan_decode(&back, bytes.data, bytes.len, &err) == 0)
            fail_msg("row %zu was taken", i);
        assert_int_equal(err.code, ERR_DEFECT);
        strbuf_release(&bytes);
        plan_release(&plan);
    }
}

/* A plan of two files with the path "p" and "q" and no other text, up to where the second
 * one's key is: what is put there decides. */
static void begin_bytes(struct strbuf *bytes)
{
    strbuf_add(bytes, "mpiplan2\2\2\0", 11);
    strbuf_add(bytes, "\0\0\0\0\0\0", 6);            /* source, revision ... */
    strbuf_add(bytes, "\0\1\0", 3);                  /* flags, size, no digest */
    strbuf_add(bytes, "\4\0\3key\4\0\1p\0\0\0", 13); /* key, path, etag ... */
    strbuf_add(bytes, "\0\1\0", 3);
}

static void knows_each_way_to_write_a_text(void **state)
{
    static const struct {
        const char *key, *path; /* as they are written */
        size_t key_len, path_len;
        const char *reads, *fault; /* key and path; or NULL and why not */
    } rows[] = {
        { "\0", "\4\0\1q", 1, 4, " q", NULL },
        { "\4\2\2-q", "\1\0\1", 5, 3, "ke-q q", NULL },
        { "\4\3\0", "\4\0\1q", 3, 4, "key q", NULL },
        { "\3\2\x0a\xff", "\4\0\1q", 4, 4, "0aff q", NULL },
        { "\4\4\0", "\4\0\1q", 3, 4, NULL, "shorter" },
        { "\4\0\1q", "\1\0\3", 4, 3, NULL, "shorter" },
        { "\1\0\1", "\4\0\1q", 3, 4, NULL, "shorter" }, /* of itself */
        { "\4\0\1q", "\1\1\1", 4, 3, NULL, "shorter" },
        { "\2", "\4\0\1q", 1, 4, NULL, "not there" },
        { "\5", "\4\0\1q", 1, 4, NULL, "unknown kind" },
        { "\4\0\2a\0", "\4\0\1q", 5, 4, NULL, "NUL" },
        { "\4\0\x7f", "\4\0\1q", 3, 4, NULL, "cut off" },
        { "\4\0\x80\x80\x80\x80\x80\x80\x80\x80\x80\x02", "", 12, 0, NULL, "number" },
        { "\4\0\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", "", 12, 0, NULL, "cut off" },
    };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct strbuf bytes = { 0 }, texts = { 0 };
        struct err err = { 0 };
        struct plan plan;
        int rc;

        begin_bytes(&bytes);
        strbuf_add(&bytes, rows[i].key, rows[i].key_len);
        strbuf_add(&bytes, rows[i].path, rows[i].path_len);
        strbuf_add(&bytes, "\0\0\0", 3);
        rc = plan_decode(&plan, bytes.data, bytes.len, &err);
        if ((rc < 0) != (rows[i].fault != NULL) ||
            (rc < 0 && !strstr(err.text, rows[i].fault)))
            fail_msg("row %zu: '%s'", i, err.text);
        if (rc == 0) {
            strbuf_addf(&texts, "%s %s", plan_text(&plan, plan.files[1].key),
                        plan_path(&plan, 1));
            assert_string_equal(texts.data, rows[i].reads);
        }
        plan_release(&plan);
        strbuf_release(&bytes);
        strbuf_release(&texts);
    }
}

/* What a list of many files says is sent in few bytes, whatever it is. */
static void packs_what_is_alike(void **state)
{
    static const char lfs[] =
        "0102030000000000000000000000000000000000000000000000000000000000";
    enum { FILES = 1000 };
    struct plan plan = { 0 }, back;
    struct strbuf bytes = { 0 };

    (void)state;
    for (unsigned i = 0; i < FILES; i++) {
        char key[100], oid[41];
        const struct plan_entry entry = { .path =
                                              key + strlen("https://host/some/mirror/"),
                                          .key = key,
                                          .etag = lfs,
                                          .oid = oid,
                                          .size = 1000 + i,
                                          .want = { DIGEST_SHA256, { 1, 2, 3 } } };

        snprintf(key, sizeof(key), "https://host/some/mirror/data/part-%06u.bin", i);
        for (unsigned k = 0; k < 40; k += 8)
            snprintf(oid + k, sizeof(oid) - k, "%08x", (i + 1) * 2654435761u * (k + 1));
        assert_int_equal(plan_add(&plan, &entry, NULL), 0);
    }
    assert_int_equal(plan_seal(&plan, NULL), 0);
    encode(&plan, &bytes);
    /* 32 of the digest, 20 of the oid */
    assert_in_range(bytes.len / FILES, 52, 80);
    assert_int_equal(plan_decode(&back, bytes.data, bytes.len, NULL), 0);
    for (unsigned i = 0; i < FILES; i++) {
        assert_string_equal(plan_path(&back, i), plan_path(&plan, i));
        assert_string_equal(plan_text(&back, back.files[i].key),
                            plan_text(&plan, plan.files[i].key));
        assert_string_equal(plan_text(&back, back.files[i].oid),
                            plan_text(&plan, plan.files[i].oid));
        assert_string_equal(plan_text(&back, back.files[i].etag), lfs);
        assert_int_equal(back.files[i].size, 1000 + i);
    }
    strbuf_release(&bytes);
    plan_release(&plan);
    plan_release(&back);
}

static void whole_identity(const struct plan *plan, struct strbuf *text)
{
    size_t file = 0;

    assert_int_equal(plan_identity(plan, &file, SIZE_MAX, text, NULL), 0);
    assert_int_equal(file, plan->nfiles);
}

/* The parts of any length make up the whole. */
static void identity_comes_in_parts(void **state)
{
    struct plan plan = { 0 };
    struct strbuf whole = { 0 };

    (void)state;
    make_plan(&plan);
    whole_identity(&plan, &whole);
    for (size_t most = 1; most < whole.len + 10; most++) {
        struct strbuf all = { 0 }, part = { 0 };
        size_t file = 0, parts = 0;

        do {
            parts++;
            strbuf_clear(&part);
            assert_int_equal(plan_identity(&plan, &file, most, &part, NULL), 0);
            strbuf_add(&all, part.data, part.len);
        } while (file < plan.nfiles);
        assert_string_equal(all.data, whole.data);
        if (most == 1)
            assert_int_equal(parts, plan.nfiles);
        strbuf_release(&all);
        strbuf_release(&part);
    }
    strbuf_release(&whole);
    plan_release(&plan);
}

/* One file, by fields; "" where not given. */
struct one {
    const char *path, *key, *etag;
    uint64_t size;
    struct digest want;
};

static char *identity_of(const struct one *files, size_t count)
{
    struct plan plan = { 0 };
    struct strbuf text = { 0 };
    struct err err = { 0 };

    assert_int_equal(plan_set(&plan, &plan.base, "https://h/", &err), 0);
    for (size_t i = 0; i < count; i++) {
        const struct plan_entry entry = { .path = files[i].path,
                                          .key = files[i].key,
                                          .etag = files[i].etag,
                                          .size = files[i].size,
                                          .want = files[i].want };

        assert_int_equal(plan_add(&plan, &entry, &err), 0);
    }
    assert_int_equal(plan_seal(&plan, &err), 0);
    whole_identity(&plan, &text);
    plan_release(&plan);
    return strbuf_steal(&text);
}

static void other_content_is_another_identity(void **state)
{
    static const struct one rows[] = {
        { "a", "k", "", 1, { DIGEST_SHA256, { 1 } } },
        { "a", "k", "", 1, { DIGEST_SHA256, { 2 } } },
        { "a", "k", "", 1, { DIGEST_GIT_BLOB, { 1 } } },
        { "a", "k", "", 2, { DIGEST_SHA256, { 1 } } },
        { "b", "k", "", 1, { DIGEST_SHA256, { 1 } } },
        { "a", "k", "", 1, { 0 } },
        { "a", "k", "t", 1, { 0 } },
        { "a", "k", "t", 2, { 0 } },
        { "a", "k2", "t", 1, { 0 } },
        { "a", "k2", "", 1, { 0 } },
        { "a", "", "t k", 1, { 0 } },
        { "a", "k a", "t", 1, { 0 } },
        { "a a", "k", "t", 1, { 0 } },
        { "a", "k", "t\n1 etag t k b", 1, { 0 } },
    };
    char *texts[countof(rows)];

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        texts[i] = identity_of(&rows[i], 1);
        for (size_t k = 0; k < i; k++)
            if (strcmp(texts[i], texts[k]) == 0)
                fail_msg("rows %zu and %zu", k, i);
    }
    for (size_t i = 0; i < countof(rows); i++)
        free(texts[i]);
}

/* A validator is what a server writes, and could try to look like a line of its own. */
static void a_validator_cannot_pose_as_a_file(void **state)
{
    static const struct one two[] = {
        { "a", "k", "t", 1, { 0 } },
        { "b", "k", "u", 1, { 0 } },
    };
    static const struct one one = { "b", "k", "t https://h/k a\n1 etag u", 1, { 0 } };
    char *text = identity_of(two, 2), *other = identity_of(&one, 1);

    (void)state;
    assert_string_equal(text, "mpifetch content 1\n1 etag t https://h/k a\n"
                              "1 etag u https://h/k b\n");
    assert_string_not_equal(text, other);
    free(text);
    free(other);
}

/* With a digest, neither the place nor the validator nor the order of the list counts. */
static void same_content_is_the_same_identity(void **state)
{
    static const struct one files[] = {
        { "a", "k", "t", 1, { DIGEST_SHA256, { 1 } } },
        { "b", "k", "t", 2, { DIGEST_GIT_BLOB, { 1 } } },
        { "b", "https://mirror/k", "u", 2, { DIGEST_GIT_BLOB, { 1 } } },
        { "a", "x", "", 1, { DIGEST_SHA256, { 1 } } },
    };
    char *text = identity_of(files, 2), *other = identity_of(files + 2, 2);

    (void)state;
    assert_string_equal(text, other);
    assert_string_equal(text, "mpifetch content 1\n"
                              "1 sha256 01000000000000000000000000000000"
                              "00000000000000000000000000000000 a\n"
                              "2 git 0100000000000000000000000000000000000000 b\n");
    free(text);
    free(other);
}

/* A permission to read may run out, and the next one is for the same files; what else a URL
 * has in its query tells files apart. */
static void a_signature_is_no_content(void **state)
{
    static const struct {
        const char *key, *query;
        uint32_t flags;
        const char *url, *place;
    } rows[] = {
        { "k", "?sig=A", PLAN_SIGNED, "https://h/k?sig=A", "https://h/k" },
        { "k", "?sig=B", PLAN_SIGNED, "https://h/k?sig=B", "https://h/k" },
        { "k", "?sig=B", 0, "https://h/k", "https://h/k" },
        { "k?v=1", "?sig=A", 0, "https://h/k?v=1", "https://h/k?v=1" },
    };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct plan_entry entry = {
            .path = "a", .key = rows[i].key, .etag = "t", .flags = rows[i].flags
        };
        struct plan plan = { 0 };
        struct strbuf url = { 0 }, place = { 0 }, text = { 0 }, want = { 0 };

        assert_int_equal(plan_set(&plan, &plan.base, "https://h/", NULL), 0);
        assert_int_equal(plan_set(&plan, &plan.query, rows[i].query, NULL), 0);
        assert_int_equal(plan_add(&plan, &entry, NULL), 0);
        assert_int_equal(plan_seal(&plan, NULL), 0);
        plan_url(&plan, 0, &url);
        plan_place(&plan, 0, &place);
        assert_string_equal(url.data, rows[i].url);
        assert_string_equal(place.data, rows[i].place);
        whole_identity(&plan, &text);
        strbuf_adds(&want, "mpifetch content 1\n0 etag t ");
        url_quote(&want, rows[i].place, "/:");
        strbuf_adds(&want, " a\n");
        assert_string_equal(text.data, want.data);
        strbuf_release(&url);
        strbuf_release(&place);
        strbuf_release(&text);
        strbuf_release(&want);
        plan_release(&plan);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decodes_what_it_encodes),
        cmocka_unit_test(a_signature_is_no_content),
        cmocka_unit_test(a_plan_may_be_empty),
        cmocka_unit_test(refuses_any_other_length),
        cmocka_unit_test(refuses_what_does_not_add_up),
        cmocka_unit_test(knows_each_way_to_write_a_text),
        cmocka_unit_test(packs_what_is_alike),
        cmocka_unit_test(identity_comes_in_parts),
        cmocka_unit_test(other_content_is_another_identity),
        cmocka_unit_test(a_validator_cannot_pose_as_a_file),
        cmocka_unit_test(same_content_is_the_same_identity),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
