#include "fetch/signed_url.h"

#include <stdlib.h>
#include <string.h>

static struct place *find(struct places *places, uint32_t file)
{
    for (uint32_t i = 0; i < PLACES; i++)
        if (places->place[i].url && places->place[i].file == file)
            return &places->place[i];
    return NULL;
}

int places_put(struct places *places, uint32_t file, uint32_t generation, const char *url,
               struct err *err)
{
    struct place *place = find(places, file);
    char *copy = strdup(url);

    if (!copy)
        return err_memory(err, "a URL");
    if (!place)
        place = &places->place[places->next++ % PLACES];
    free(place->url);
    *place = (struct place){ file, generation, copy };
    return 0;
}

int places_fill(const struct places *places, uint32_t file, char **url,
                uint32_t *generation, struct err *err)
{
    for (uint32_t i = 0; i < PLACES; i++) {
        const struct place *place = &places->place[i];

        if (!place->url || place->file != file)
            continue;
        *generation = place->generation;
        *url = strdup(place->url);
        return *url ? 0 : err_memory(err, "a URL");
    }
    return 0;
}

void places_release(struct places *places)
{
    for (uint32_t i = 0; i < PLACES; i++)
        free(places->place[i].url);
    *places = (struct places){ 0 };
}
