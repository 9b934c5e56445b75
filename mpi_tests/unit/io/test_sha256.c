/* Digests against published values, and midstates against one pass of OpenSSL's EVP,
 * which our code does not use for SHA-256. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <xxhash.h>

#include "base/text.h"
#include "io/sha256.h"

enum { BLOCK = 64 };

static void assert_hex(const uint8_t *digest, size_t len, const char *want)
{
    char hex[65];

    for (size_t i = 0; i < len; i++)
        snprintf(hex + 2 * i, 3, "%02x", digest[i]);
    assert_string_equal(hex, want);
}

/* FIPS 180-4: the examples of NIST's "SHA256.pdf", and the million times "a". */
static const struct {
    const char *text;
    size_t times;
    const char *hex;
} fips_rows[] = {
    { "", 1, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
    { "abc", 1, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
    { "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 1,
      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1" },
    { "a", 1000000, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0" },
};

static void test_fips(void **state)
{
    uint8_t digest[32];

    (void)state;
    for (size_t i = 0; i < countof(fips_rows); i++) {
        size_t one = strlen(fips_rows[i].text), len = one * fips_rows[i].times;
        char *bytes = malloc(len + 1);

        for (size_t k = 0; k < fips_rows[i].times; k++)
            memcpy(bytes + k * one, fips_rows[i].text, one);
        sha256_bytes(bytes, len, digest);
        assert_hex(digest, 32, fips_rows[i].hex);
        free(bytes);
    }
}

static void fill(uint8_t *bytes, size_t len)
{
    uint64_t x = 0x9e3779b97f4a7c15u;

    for (size_t i = 0; i < len; i++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        bytes[i] = (uint8_t)x;
    }
}

static void one_pass(const uint8_t *bytes, size_t len, uint8_t digest[32])
{
    assert_int_equal(EVP_Digest(bytes, len, digest, NULL, EVP_sha256(), NULL), 1);
}

/* Cut after each block, for data that end anywhere in their last block. */
static void test_split_at_every_block(void **state)
{
    static const size_t sizes[] = { 0,    1,    55,   56,   63,       64,
                                    65,   119,  120,  1023, 1024,     1025,
                                    2047, 2048, 2049, 4096, 4096 + 57 };
    uint8_t bytes[4096 + 57], want[32], got[32];
    struct midstate at;

    (void)state;
    fill(bytes, sizeof(bytes));
    for (size_t i = 0; i < countof(sizes); i++) {
        one_pass(bytes, sizes[i], want);
        for (size_t cut = 0; cut <= sizes[i]; cut += BLOCK) {
            at = midstate_start();
            sha256_blocks(&at, bytes, cut);
            assert_true(at.bytes == cut);
            sha256_end(&at, bytes + cut, sizes[i] - cut, got);
            assert_memory_equal(got, want, 32);
        }
    }
}

/* Many hand-overs in one run, as ranks do it, and the state that is handed on is data: a
 * copy of its values goes on as well as the original. */
static void test_relay(void **state)
{
    enum { SIZE = 100 * BLOCK + 5 };
    uint8_t bytes[SIZE], want[32], got[32];
    struct midstate at = midstate_start(), copy;
    size_t done = 0;

    (void)state;
    fill(bytes, SIZE);
    one_pass(bytes, SIZE, want);
    for (size_t blocks = 1; done + blocks * BLOCK <= SIZE; blocks++) {
        copy = (struct midstate){ .bytes = at.bytes };
        memcpy(copy.h, at.h, sizeof(copy.h));
        sha256_blocks(&copy, bytes + done, blocks * BLOCK);
        done += blocks * BLOCK;
        at = copy;
    }
    sha256_end(&at, bytes + done, SIZE - done, got);
    assert_memory_equal(got, want, 32);
}

/* The words of a midstate are numbers, not bytes in some order: after "no blocks" they
 * are the constants of FIPS 180-4, 5.3.3. */
static void test_words_are_numbers(void **state)
{
    struct midstate at = midstate_start();

    (void)state;
    sha256_blocks(&at, "", 0);
    assert_int_equal(at.h[0], 0x6a09e667);
    assert_int_equal(at.h[7], 0x5be0cd19);
}

/* The length at the end counts bits in 64: 512 MiB of bytes fill the lower half. Only the
 * count is large here; the padding must differ from that of the small count. */
static void test_long_count(void **state)
{
    static const uint64_t counts[] = { 0, 1u << 29, (uint64_t)1 << 32,
                                       (uint64_t)1 << 40 };
    uint8_t digests[countof(counts)][32];

    (void)state;
    for (size_t i = 0; i < countof(counts); i++) {
        struct midstate at = midstate_start();
        uint8_t padding[BLOCK] = { 0x80 };

        at.bytes = counts[i];
        sha256_end(&at, "", 0, digests[i]);
        /* What the standard appends, written out by hand, as one more block. */
        for (int k = 0; k < 8; k++)
            padding[BLOCK - 1 - k] = (uint8_t)(counts[i] * 8 >> 8 * k);
        at.bytes = 0;
        sha256_blocks(&at, padding, BLOCK);
        for (int k = 0; k < 32; k++)
            assert_int_equal(digests[i][k], (uint8_t)(at.h[k / 4] >> (24 - k % 4 * 8)));
    }
}

/* As git prints with "git hash-object". */
static void test_git_blob(void **state)
{
    static const char *const rows[][2] = {
        { "", "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391" },
        { "hello\n", "ce013625030ba8dba906f756967f9e9ca394464a" },
    };
    uint8_t digest[20];
    struct err err = { 0 };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        assert_int_equal(git_blob_sha1(rows[i][0], strlen(rows[i][0]), digest, &err), 0);
        assert_hex(digest, 20, rows[i][1]);
    }
}

static void test_git_blob_in_pieces(void **state)
{
    struct git_blob *blob = NULL;
    struct err err = { 0 };
    uint8_t digest[20];

    (void)state;
    assert_int_equal(git_blob_begin(&blob, 6, &err), 0);
    assert_int_equal(git_blob_feed(blob, "he", 2, &err), 0);
    assert_int_equal(git_blob_feed(blob, "", 0, &err), 0);
    assert_int_equal(git_blob_feed(blob, "llo\n", 4, &err), 0);
    assert_int_equal(git_blob_end(&blob, digest, &err), 0);
    assert_null(blob);
    assert_hex(digest, 20, "ce013625030ba8dba906f756967f9e9ca394464a");
    assert_int_equal(git_blob_begin(&blob, 6, &err), 0);
    git_blob_destroy(blob);
    git_blob_destroy(NULL);
}

static void test_checksum(void **state)
{
    enum { SIZE = 5000 };
    struct checksum *sum;
    uint8_t bytes[SIZE];

    (void)state;
    fill(bytes, SIZE);
    for (size_t cut = 0; cut <= SIZE; cut += 500) {
        assert_non_null(sum = checksum_create());
        checksum_feed(sum, bytes, cut);
        checksum_feed(sum, bytes + cut, SIZE - cut);
        assert_true(checksum_value(sum) == XXH3_64bits(bytes, SIZE));
        checksum_destroy(sum);
    }
    assert_true(checksum_bytes(bytes, SIZE) == XXH3_64bits(bytes, SIZE));
    assert_non_null(sum = checksum_create());
    assert_true(checksum_value(sum) == 0x2d06800538d394c2u); /* XXH3 of nothing */
    checksum_destroy(sum);
    checksum_destroy(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fips),
        cmocka_unit_test(test_split_at_every_block),
        cmocka_unit_test(test_relay),
        cmocka_unit_test(test_words_are_numbers),
        cmocka_unit_test(test_long_count),
        cmocka_unit_test(test_git_blob),
        cmocka_unit_test(test_git_blob_in_pieces),
        cmocka_unit_test(test_checksum),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
