#include "app/option_take.h"

#include <stdlib.h>
#include <string.h>

#include "app/places.h"
#include "base/text.h"

struct copy {
    struct copy *next;
    size_t size; /* it may be secret: all of it is wiped */
    _Alignas(void *) char text[];
};

static const char *const **list_field(struct options *options,
                                      const struct option *option)
{
    return (const char *const **)((char *)&options->get + option->field);
}

static int list_add(struct options *options, const struct option *option,
                    const char *text, struct err *err)
{
    const char *const **field = list_field(options, option);
    const char **list = (const char **)*field;
    size_t count = 0;

    while (list && list[count])
        count++;
    list = realloc(list, (count + 2) * sizeof(*list));
    if (!list)
        return err_memory(err, "options");
    list[count] = text;
    list[count + 1] = NULL;
    *field = list;
    return 0;
}

static int refuse(const struct option *option, const struct option_text *text,
                  struct err *err)
{
    const char *value = text->value;

    if (option->secret)
        return err_set(err, ERR_USAGE, "%s%s: expected %s; %s", text->prefix, text->name,
                       option_form(option), text->see);
    if (option->kind == OPTION_SIZE && text_ends(value, "/s"))
        return err_set(
            err, ERR_USAGE, "%s%s '%s': the unit is bytes per second, use %.*s; %s",
            text->prefix, text->name, value, (int)(strlen(value) - 2), value, text->see);
    return err_set(err, ERR_USAGE, "%s%s '%s': expected %s; %s", text->prefix, text->name,
                   value, option_form(option), text->see);
}

int option_take(struct options *options, const struct option *option,
                const struct option_text *text, struct err *err)
{
    if (!option_set(option, options, text->value))
        return refuse(option, text, err);
    return option_is_list(option) ? list_add(options, option, text->value, err) : 0;
}

bool option_is_taken(const struct options *options, const struct option *option,
                     enum option_place least)
{
    for (size_t i = 0; i < option_count; i++)
        if (options->place[i] >= least && option_table[i].own == option->own &&
            option_table[i].field == option->field)
            return true;
    return false;
}

void *option_keep_bytes(struct options *options, size_t size, struct err *err)
{
    struct copy *copy = calloc(1, sizeof(*copy) + size);

    if (!copy) {
        err_memory(err, "options");
        return NULL;
    }
    copy->next = options->owned;
    copy->size = size;
    options->owned = copy;
    return copy->text;
}

char *option_keep(struct options *options, const char *text, size_t len, struct err *err)
{
    char *copy = option_keep_bytes(options, len + 1, err);

    return copy ? memcpy(copy, text, len) : NULL;
}

/* Separated by newlines. */
static int take_lines(struct options *options, const struct option *option,
                      const struct option_text *text, struct err *err)
{
    char *copy = option_keep(options, text->value, strlen(text->value), err), *rest;
    struct option_text one = *text;

    if (!copy)
        return -1;
    for (one.value = strtok_r(copy, "\n", &rest); one.value;
         one.value = strtok_r(NULL, "\n", &rest))
        if (option_take(options, option, &one, err) < 0)
            return -1;
    return 0;
}

static int take_twin(struct options *options, const struct option *option,
                     const char *see, struct err *err)
{
    struct option_text text = { .prefix = "", .see = see };
    struct strbuf twin = { 0 };
    int rc = 0;

    option_twin(option, &twin);
    text.name = twin.data;
    text.value = twin.data ? getenv(twin.data) : NULL;
    if (twin.failed) {
        rc = err_memory(err, "options");
    } else if (text.value && *text.value) {
        rc = option_is_list(option) ? take_lines(options, option, &text, err)
                                    : option_take(options, option, &text, err);
        options->place[option - option_table] = PLACE_ENVIRONMENT;
    }
    strbuf_release(&twin);
    return rc;
}

int option_take_environment(struct options *options, const char *see, struct err *err)
{
    for (size_t i = 0; i < option_count; i++)
        if (!option_is_taken(options, &option_table[i], PLACE_ARGV) &&
            take_twin(options, &option_table[i], see, err) < 0)
            return -1;
    return 0;
}

void options_release(struct options *options)
{
    struct copy *copy = options->owned;

    places_release(options);
    for (size_t i = 0; i < option_count; i++)
        if (option_is_list(&option_table[i])) {
            const char *const **field = list_field(options, &option_table[i]);

            free((void *)*field);
            *field = NULL;
        }
    while (copy) {
        struct copy *next = copy->next;

        explicit_bzero(copy->text, copy->size);
        free(copy);
        copy = next;
    }
    options->owned = NULL;
}
