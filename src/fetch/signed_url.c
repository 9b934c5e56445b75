#include "fetch/signed_url.h"

#include <stdlib.h>
#include <string.h>

static struct signed_url *find_url(struct signed_urls *urls, uint32_t file)
{
    for (uint32_t i = 0; i < SIGNED_URLS; i++)
        if (urls->entry[i].url && urls->entry[i].file == file)
            return &urls->entry[i];
    return NULL;
}

int signed_urls_put(struct signed_urls *urls, uint32_t file, uint32_t generation,
                    const char *url, struct err *err)
{
    struct signed_url *entry = find_url(urls, file);
    char *copy = strdup(url);

    if (!copy)
        return err_memory(err, "a URL");
    if (!entry)
        entry = &urls->entry[urls->next++ % SIGNED_URLS];
    free(entry->url);
    *entry = (struct signed_url){ file, generation, copy };
    return 0;
}

int signed_urls_fill(const struct signed_urls *urls, uint32_t file, char **url,
                     uint32_t *generation, struct err *err)
{
    for (uint32_t i = 0; i < SIGNED_URLS; i++) {
        const struct signed_url *entry = &urls->entry[i];

        if (!entry->url || entry->file != file)
            continue;
        *generation = entry->generation;
        *url = strdup(entry->url);
        return *url ? 0 : err_memory(err, "a URL");
    }
    return 0;
}

void signed_urls_release(struct signed_urls *urls)
{
    for (uint32_t i = 0; i < SIGNED_URLS; i++)
        free(urls->entry[i].url);
    *urls = (struct signed_urls){ 0 };
}
