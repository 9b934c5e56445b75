#include "coordinate/mismatch.h"

#include <string.h>

#include "base/text.h"
#include "io/sha256.h"

int mismatch(const struct run *run, uint32_t file, const uint8_t sha256[32],
             struct err *err)
{
    const struct digest *want = &run->plan.files[file].want;
    const char *path = plan_path(&run->plan, file);
    char got[65], wanted[65];

    text_hex(got, sha256, 32);
    text_hex(wanted, want->bytes, 32);
    if (want->kind == DIGEST_GIT_BLOB)
        return err_set(err, ERR_DIGEST,
                       "'%s': the git blob id is not the one that the source announced, "
                       "even after a second fetch (SHA-256 is %s); nothing was published",
                       path, got);
    return err_set(err, ERR_DIGEST,
                   "'%s': SHA-256 is %s, but the source announced %s, even after a "
                   "second fetch; nothing was published",
                   path, got, wanted);
}

int mismatch_empty(const struct run *run, uint32_t file, uint8_t sha256[32], bool *wrong,
                   struct err *err)
{
    const struct digest *want = &run->plan.files[file].want;
    uint8_t sha1[20];

    sha256_bytes("", 0, sha256);
    if (git_blob_sha1("", 0, sha1, err) < 0)
        return -1;
    *wrong = memcmp(want->bytes, want->kind == DIGEST_SHA256 ? sha256 : sha1,
                    digest_length(want)) != 0;
    if (!*wrong || run->mode == RUN_REHASH)
        return 0;
    return err_set(
        err, ERR_DIGEST,
        "'%s': the source lists an empty file, but with the digest of other content",
        plan_path(&run->plan, file));
}
