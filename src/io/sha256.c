#include "io/sha256.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <xxhash.h>

/* OpenSSL calls these deprecated in favour of EVP. But EVP does not give access to the
 * state between two blocks, which is what one rank sends to the next. */
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

static SHA256_CTX context_at(const struct midstate *state)
{
    SHA256_CTX context;

    SHA256_Init(&context);
    memcpy(context.h, state->h, sizeof(state->h));
    context.Nl = (SHA_LONG)(state->bytes << 3); /* bits, low and high half */
    context.Nh = (SHA_LONG)(state->bytes >> 29);
    return context;
}

/* Bytes that are fetched from memory while as many before them are hashed. OpenSSL has one
 * block after the other loaded and waits for each, which on some processors takes as long
 * again as hashing it. */
enum { AHEAD = 1024, CACHE_LINE = 64 };

static void feed(SHA256_CTX *context, const void *bytes, size_t len)
{
    const uint8_t *at = bytes;

    while (len > AHEAD) {
        size_t end = len < (size_t)2 * AHEAD ? len : (size_t)2 * AHEAD;

        for (size_t i = AHEAD; i < end; i += CACHE_LINE)
            __builtin_prefetch(at + i);
        SHA256_Update(context, at, AHEAD);
        at += AHEAD;
        len -= AHEAD;
    }
    SHA256_Update(context, at, len);
}

void sha256_blocks(struct midstate *state, const void *bytes, size_t len)
{
    SHA256_CTX context = context_at(state);

    assert(len % SHA256_CBLOCK == 0);
    feed(&context, bytes, len);
    memcpy(state->h, context.h, sizeof(state->h));
    state->bytes += len;
}

void sha256_end(const struct midstate *state, const void *bytes, size_t len,
                uint8_t digest[32])
{
    SHA256_CTX context = context_at(state);

    feed(&context, bytes, len);
    SHA256_Final(digest, &context);
}

void sha256_bytes(const void *bytes, size_t len, uint8_t digest[32])
{
    struct midstate state = midstate_start();

    sha256_end(&state, bytes, len, digest);
}

struct git_blob {
    EVP_MD_CTX *context;
};

static int fail_sha1(struct err *err)
{
    char reason[160];

    ERR_error_string_n(ERR_get_error(), reason, sizeof(reason));
    ERR_clear_error();
    return err_set(err, ERR_DEFECT, "cannot compute SHA-1 for a git blob id: %s", reason);
}

int git_blob_begin(struct git_blob **out, uint64_t size, struct err *err)
{
    struct git_blob *blob = calloc(1, sizeof(*blob));
    char header[32];
    int len = snprintf(header, sizeof(header), "blob %" PRIu64, size);
    int rc = -1;

    *out = NULL;
    if (blob)
        blob->context = EVP_MD_CTX_new();
    if (!blob || !blob->context) {
        err_memory(err, "a digest");
        goto out;
    }
    /* The NUL is part of the header. */
    if (EVP_DigestInit_ex(blob->context, EVP_sha1(), NULL) != 1 ||
        EVP_DigestUpdate(blob->context, header, (size_t)len + 1) != 1) {
        fail_sha1(err);
        goto out;
    }
    *out = blob;
    blob = NULL;
    rc = 0;
out:
    git_blob_destroy(blob);
    return rc;
}

int git_blob_feed(struct git_blob *blob, const void *bytes, size_t len, struct err *err)
{
    return EVP_DigestUpdate(blob->context, bytes, len) == 1 ? 0 : fail_sha1(err);
}

int git_blob_end(struct git_blob **blob, uint8_t digest[20], struct err *err)
{
    int rc = EVP_DigestFinal_ex((*blob)->context, digest, NULL) == 1 ? 0 : fail_sha1(err);

    git_blob_destroy(*blob);
    *blob = NULL;
    return rc;
}

void git_blob_destroy(struct git_blob *blob)
{
    if (!blob)
        return;
    EVP_MD_CTX_free(blob->context);
    free(blob);
}

int git_blob_sha1(const void *bytes, size_t len, uint8_t digest[20], struct err *err)
{
    struct git_blob *blob;
    int rc = -1;

    if (git_blob_begin(&blob, len, err) < 0)
        return -1;
    if (git_blob_feed(blob, bytes, len, err) < 0)
        goto out;
    rc = git_blob_end(&blob, digest, err);
out:
    git_blob_destroy(blob);
    return rc;
}

/* The library allocates its state by itself: it must lie on a multiple of 64. */
struct checksum {
    XXH3_state_t *state;
};

struct checksum *checksum_create(void)
{
    struct checksum *sum = malloc(sizeof(*sum));

    if (!sum)
        return NULL;
    sum->state = XXH3_createState();
    if (!sum->state) {
        free(sum);
        return NULL;
    }
    XXH3_64bits_reset(sum->state);
    return sum;
}

void checksum_feed(struct checksum *sum, const void *bytes, size_t len)
{
    XXH3_64bits_update(sum->state, bytes, len);
}

uint64_t checksum_value(const struct checksum *sum)
{
    return XXH3_64bits_digest(sum->state);
}

void checksum_restart(struct checksum *sum)
{
    XXH3_64bits_reset(sum->state);
}

void checksum_destroy(struct checksum *sum)
{
    if (!sum)
        return;
    XXH3_freeState(sum->state);
    free(sum);
}

uint64_t checksum_bytes(const void *bytes, size_t len)
{
    return XXH3_64bits(bytes, len);
}
