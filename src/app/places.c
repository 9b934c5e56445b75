#include "app/places.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct places {
    struct options *options;
    const char *const *word;
    size_t count;
    const char *see;
    struct err *err;
};

static int refuse_word(const struct places *places, const char *word, const char *why)
{
    if (strpbrk(word, "*?"))
        why = "--include and --exclude take one pattern, and may be repeated";
    return err_set(places->err, ERR_USAGE, "unexpected argument '%s'%s%s; %s", word,
                   why ? ": " : "", why ? why : "", places->see);
}

/* No path looks like one. */
static bool is_source(const char *word)
{
    return strstr(word, "://") != NULL;
}

/* A copy on each node is looked at by itself. */
static int check_per_node(const struct places *places)
{
    const struct mpifetch_options *get = &places->options->get;

    if (get->dest)
        return err_set(places->err, ERR_USAGE,
                       "unexpected argument '%s': --per-node '%s' is instead of it; %s",
                       get->dest, get->per_node, places->see);
    return 0;
}

static int copy_each(const struct places *places, size_t count)
{
    struct options *options = places->options;

    options->each = calloc(count, sizeof(*options->each));
    options->reports = calloc(count, sizeof(*options->reports));
    if (!options->each || !options->reports)
        return err_memory(places->err, "options");
    options->count = count;
    return 0;
}

/* The one path of doctor and clean, or those of verify. */
static int take_paths(const struct places *places)
{
    struct options *options = places->options;
    bool verifies = options->command == COMMAND_VERIFY;
    struct mpifetch_options *get = &options->get;

    get->dest = places->word[0];
    if (get->per_node && options->command != COMMAND_DOCTOR)
        return check_per_node(places);
    if (places->count > 1 && !verifies)
        return err_set(places->err, ERR_USAGE,
                       "unexpected argument '%s': %s takes only DIR; %s", places->word[1],
                       command_name(options->command), places->see);
    if (!get->dest || !*get->dest)
        return err_set(places->err, ERR_USAGE, "missing %s; %s",
                       verifies ? "DEST, the path to verify"
                       : options->command == COMMAND_DOCTOR
                           ? "DIR, the directory to test"
                           : "DIR, the directory to clean",
                       places->see);
    if (places->count == 1)
        return 0;
    if (copy_each(places, places->count) < 0)
        return -1;
    for (size_t i = 0; i < options->count; i++)
        options->each[i].dest = places->word[i];
    return 0;
}

/* A list of files is instead of SOURCE. */
static int take_list(const struct places *places)
{
    struct mpifetch_options *get = &places->options->get;

    get->dest = places->word[0];
    if (places->count > 1)
        return refuse_word(places, places->word[1], "with --manifest give only DEST");
    return 0;
}

/* One that is there twice counts once. */
static int take_several(const struct places *places, size_t count)
{
    struct options *options = places->options;
    size_t kept = 0;

    if (copy_each(places, count) < 0)
        return -1;
    for (size_t i = 0; i < count; i++) {
        bool known = false;

        for (size_t j = 0; j < kept; j++)
            known = known || strcmp(options->each[j].source, places->word[i]) == 0;
        if (!known)
            options->each[kept++].source = places->word[i];
    }
    for (size_t i = 0; i < kept; i++)
        options->each[i].dest = options->get.dest;
    options->count = kept;
    if (kept == 1)
        places_release(options);
    return 0;
}

/* Words up to the first that is none; behind that nothing may follow. */
static int take_sources(const struct places *places, size_t *count)
{
    struct mpifetch_options *get = &places->options->get;

    if (places->count == 0 || !*places->word[0])
        return err_set(places->err, ERR_USAGE,
                       "missing SOURCE (such as hf://ns/name) or --manifest; %s",
                       places->see);
    get->source = places->word[0];
    *count = 1;
    while (*count < places->count && is_source(places->word[*count]))
        ++*count;
    if (*count == places->count)
        return 0;
    get->dest = places->word[*count];
    if (*count + 1 < places->count)
        return refuse_word(places, places->word[*count + 1], NULL);
    return 0;
}

static int check_into(const struct places *places)
{
    const struct mpifetch_options *get = &places->options->get;

    if (!get->dest)
        return 0;
    return err_set(places->err, ERR_USAGE,
                   "unexpected argument '%s': --into '%s' is instead of it; %s",
                   get->dest, get->into, places->see);
}

/* Of several, each needs a place of its own. */
static int check_places(const struct places *places, size_t count)
{
    struct options *options = places->options;
    struct mpifetch_options *get = &options->get;
    bool cache = get->layout == MPIFETCH_LAYOUT_HF_CACHE;

    if (cache && !get->dest)
        get->dest = options->cache_dir;
    else if (cache && options->cache_dir)
        return err_set(places->err, ERR_USAGE,
                       "unexpected argument '%s': --cache-dir '%s' is instead of it; %s",
                       get->dest, options->cache_dir, places->see);
    if (get->into)
        return check_into(places);
    if (get->per_node && (count > 1 || !get->dest || *get->dest))
        return 0;
    if (count > 1 && !cache && get->dest)
        return refuse_word(places, get->dest, "several sources take --into DIR");
    if (count > 1 && !cache && options->command != COMMAND_PLAN)
        return refuse_word(places, places->word[1],
                           "a second source requires --into DIR or --hf-cache");
    /* A plan needs none, and the Hub library has a cache of its own. */
    if (get->dest ? !*get->dest : !cache && options->command != COMMAND_PLAN)
        return err_set(places->err, ERR_USAGE, "missing DEST, the path to publish; %s",
                       places->see);
    return 0;
}

int places_take(struct options *options, const char *const *word, const char *see,
                struct err *err)
{
    struct places places = { options, word, 0, see, err };
    size_t count = 1;
    int rc;

    while (word[places.count])
        places.count++;
    if (options->command != COMMAND_GET && options->command != COMMAND_PLAN)
        return take_paths(&places);
    rc = options->get.manifest ? take_list(&places) : take_sources(&places, &count);
    if (rc < 0 || check_places(&places, count) < 0)
        return -1;
    return count > 1 ? take_several(&places, count) : 0;
}

void places_fill(struct options *options)
{
    for (size_t i = 0; i < options->count; i++) {
        struct mpifetch_options *one = &options->each[i];
        const char *source = one->source, *dest = one->dest;

        *one = options->get;
        one->source = source;
        one->dest = dest;
    }
}

void places_release(struct options *options)
{
    free(options->each);
    free(options->reports);
    options->each = NULL;
    options->reports = NULL;
    options->count = 0;
}
