/* floor.c -- what a part of the work costs by itself, with nothing of mpifetch in it.
 *
 *     floor receive|write|direct THREADS LIST FROM [TO]   FROM: URL of a directory
 *     floor hash|copy            THREADS LIST FROM [TO]   FROM: the directory itself
 *
 * LIST: a line "SIZE PATH" for each file. receive: libcurl, bytes are dropped. write: into files
 * below TO, through the page cache. direct: the same past it, with aligned buffers. hash: SHA-256
 * of each file. copy: from file to file. Each thread takes the next piece; a hash takes a whole
 * file, since it cannot be cut. Directories below TO exist. CURL_CA_BUNDLE: for https. */
#include <curl/curl.h>
#include <err.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BLOCK = 1 << 20, ALIGN = 4096 };
static const uint64_t PIECE = 64 << 20;

struct piece {
    char *path;
    uint64_t begin, end, size; /* size: of the file */
};

static struct {
    struct piece *pieces;
    size_t count;
    atomic_size_t next;
    const char *mode, *from, *to;
} work;

/* Where a transfer puts its bytes. */
struct sink {
    int fd; /* -1: nowhere */
    bool direct;
    uint64_t at;
    size_t filled;
    unsigned char *buffer;
};

static bool mode_is(const char *mode)
{
    return strcmp(work.mode, mode) == 0;
}

static void add_piece(char *path, uint64_t begin, uint64_t end, uint64_t size)
{
    work.pieces = realloc(work.pieces, (work.count + 1) * sizeof *work.pieces);
    if (!work.pieces)
        err(1, "memory");
    work.pieces[work.count++] = (struct piece){ path, begin, end, size };
}

static void read_list(const char *name)
{
    FILE *list = fopen(name, "r");
    char *line = NULL;
    size_t room = 0;

    if (!list)
        err(1, "%s", name);
    while (getline(&line, &room, list) > 0) {
        char *path;
        uint64_t size = strtoull(line, &path, 10);
        uint64_t step = mode_is("hash") ? UINT64_MAX : PIECE;

        path = strdup(path + 1);
        path[strcspn(path, "\n")] = 0;
        for (uint64_t at = 0; at < size; at += step < size - at ? step : size - at)
            add_piece(path, at, step < size - at ? at + step : size, size);
    }
    free(line);
    fclose(list);
}

static int open_below(const char *top, const char *path, int flags)
{
    char full[4096];
    int fd;

    snprintf(full, sizeof full, "%s/%s", top, path);
    fd = open(full, flags | O_CLOEXEC, 0666);
    if (fd < 0)
        err(1, "%s", full);
    return fd;
}

static void write_at(int fd, const void *data, size_t len, uint64_t at)
{
    const char *p = data;

    while (len > 0) {
        ssize_t n = pwrite(fd, p, len, (off_t)at);

        if (n <= 0)
            err(1, "write");
        p += n;
        at += (uint64_t)n;
        len -= (size_t)n;
    }
}

/* The last block of a file is written whole, and the file cut to its size after that. */
static void flush_direct(struct sink *sink)
{
    size_t len = (sink->filled + ALIGN - 1) / ALIGN * ALIGN;

    write_at(sink->fd, sink->buffer, len, sink->at);
    sink->at += sink->filled;
    sink->filled = 0;
}

static size_t take(char *data, size_t one, size_t len, void *arg)
{
    struct sink *sink = arg;

    (void)one;
    if (sink->fd >= 0 && !sink->direct) {
        write_at(sink->fd, data, len, sink->at);
        sink->at += len;
    }
    for (size_t done = 0; sink->direct && done < len;) {
        size_t n = BLOCK - sink->filled < len - done ? BLOCK - sink->filled : len - done;

        memcpy(sink->buffer + sink->filled, data + done, n);
        sink->filled += n;
        done += n;
        if (sink->filled == BLOCK)
            flush_direct(sink);
    }
    return len;
}

static void fetch(CURL *easy, const struct piece *piece, struct sink *sink)
{
    char url[8192], range[64];
    CURLcode code;

    snprintf(url, sizeof url, "%s/%s", work.from, piece->path);
    snprintf(range, sizeof range, "%ju-%ju", (uintmax_t)piece->begin,
             (uintmax_t)piece->end - 1);
    sink->fd = -1;
    sink->at = piece->begin;
    sink->direct = mode_is("direct");
    if (!mode_is("receive"))
        sink->fd = open_below(work.to, piece->path,
                              O_WRONLY | O_CREAT | (sink->direct ? O_DIRECT : 0));
    curl_easy_setopt(easy, CURLOPT_URL, url);
    curl_easy_setopt(easy, CURLOPT_RANGE, range);
    code = curl_easy_perform(easy);
    if (code != CURLE_OK)
        errx(1, "%s: %s", url, curl_easy_strerror(code));
    if (sink->filled > 0)
        flush_direct(sink);
    if (sink->direct && piece->end == piece->size &&
        ftruncate(sink->fd, (off_t)piece->size) != 0)
        err(1, "truncate");
    if (sink->fd >= 0)
        close(sink->fd);
}

static void hash(const struct piece *piece, unsigned char *buffer)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    int fd = open_below(work.from, piece->path, O_RDONLY);
    ssize_t n;

    EVP_DigestInit_ex(context, EVP_sha256(), NULL);
    while ((n = read(fd, buffer, BLOCK)) > 0)
        EVP_DigestUpdate(context, buffer, (size_t)n);
    EVP_DigestFinal_ex(context, digest, NULL);
    EVP_MD_CTX_free(context);
    close(fd);
}

static void copy(const struct piece *piece, unsigned char *buffer)
{
    int from = open_below(work.from, piece->path, O_RDONLY);
    int to = open_below(work.to, piece->path, O_WRONLY | O_CREAT);

    for (uint64_t at = piece->begin; at < piece->end;) {
        size_t len = piece->end - at < BLOCK ? (size_t)(piece->end - at) : BLOCK;
        ssize_t n = pread(from, buffer, len, (off_t)at);

        if (n <= 0)
            err(1, "read '%s'", piece->path);
        write_at(to, buffer, (size_t)n, at);
        at += (uint64_t)n;
    }
    close(from);
    close(to);
}

static CURL *new_easy(struct sink *sink)
{
    CURL *easy = curl_easy_init();
    const char *ca = getenv("CURL_CA_BUNDLE");

    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, sink);
    curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, 512L << 10);
    curl_easy_setopt(easy, CURLOPT_FAILONERROR, 1L);
    if (ca)
        curl_easy_setopt(easy, CURLOPT_CAINFO, ca);
    return easy;
}

static void *one_thread(void *arg)
{
    struct sink sink = { .buffer = aligned_alloc(ALIGN, BLOCK) };
    CURL *easy = new_easy(&sink);
    size_t i;

    (void)arg;
    while ((i = atomic_fetch_add(&work.next, 1)) < work.count) {
        if (mode_is("hash"))
            hash(&work.pieces[i], sink.buffer);
        else if (mode_is("copy"))
            copy(&work.pieces[i], sink.buffer);
        else
            fetch(easy, &work.pieces[i], &sink);
    }
    curl_easy_cleanup(easy);
    free(sink.buffer);
    return NULL;
}

int main(int argc, char **argv)
{
    enum { MOST = 64 };
    pthread_t threads[MOST];
    int count = argc > 4 ? atoi(argv[2]) : 0;

    if (count < 1 || count > MOST)
        errx(2, "usage: floor receive|write|direct|hash|copy THREADS LIST FROM [TO]");
    work.mode = argv[1];
    work.from = argv[4];
    work.to = argc > 5 ? argv[5] : ".";
    read_list(argv[3]);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    for (int i = 0; i < count; i++)
        if (pthread_create(&threads[i], NULL, one_thread, NULL) != 0)
            errx(1, "no thread");
    for (int i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
    return 0;
}
