/* io/sha256.h -- digests of bytes and of file parts; the only file that knows OpenSSL and
 * xxhash.
 *
 * Threads      values and objects are used by one thread at a time; nothing is shared. */
#ifndef IO_SHA256_H
#define IO_SHA256_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "core/plan/digest.h"

/* Continue from a midstate. len must be a multiple of 64. */
void sha256_blocks(struct midstate *state, const void *bytes, size_t len);

/* Hash the rest (any length) and end: the digest of all bytes since midstate_start. */
void sha256_end(const struct midstate *state, const void *bytes, size_t len,
                uint8_t digest[32]);

void sha256_bytes(const void *bytes, size_t len, uint8_t digest[32]);

/* SHA-1 as git names a blob of these bytes. */
int git_blob_sha1(const void *bytes, size_t len, uint8_t digest[20], struct err *err);

/* For blobs that do not fit in memory: begin with the size, feed, end. git_blob_end
 * releases the blob and clears the pointer, whether it succeeds or not; git_blob_destroy
 * is for blobs that are not finished, and takes NULL. */
struct git_blob;
int git_blob_begin(struct git_blob **out, uint64_t size, struct err *err);
int git_blob_feed(struct git_blob *blob, const void *bytes, size_t len, struct err *err);
int git_blob_end(struct git_blob **blob, uint8_t digest[20], struct err *err);
void git_blob_destroy(struct git_blob *blob);

/* XXH3, 64 bits: detects errors of disks and copies, not manipulation. */
struct checksum;
struct checksum *checksum_create(void); /* NULL: out of memory */
void checksum_feed(struct checksum *sum, const void *bytes, size_t len);
uint64_t checksum_value(const struct checksum *sum); /* of all that was fed */
void checksum_restart(struct checksum *sum);         /* as if nothing had been */
void checksum_destroy(struct checksum *sum);         /* takes NULL */
uint64_t checksum_bytes(const void *bytes, size_t len);

#endif
