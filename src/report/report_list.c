#include "report/report_list.h"

#include <jansson.h>
#include <string.h>

#include "report/json_file.h"

int report_list_put(struct report_list *list, size_t at, const char *source,
                    const struct run *run, const struct report *report, struct err *err)
{
    json_t *row = report_object(run, report);
    int rc = row ? 0 : -1;

    if (!list->rows)
        list->rows = json_array();
    if (rc == 0 && !*json_string_value(json_object_get(row, "source")))
        rc = json_object_set_new(row, "source", json_file_text(source));
    while (rc == 0 && json_array_size(list->rows) <= at)
        rc = json_array_append_new(list->rows, json_null());
    if (rc == 0)
        rc = json_array_set(list->rows, at, row);
    json_decref(row);
    return rc < 0 ? err_memory(err, "the report") : 0;
}

/* Of all whole numbers in that member of each row; of the named ones, if there are names. */
static json_t *sum_of(const json_t *rows, const char *member, const char *const *names)
{
    json_t *sums = json_object();
    size_t at;
    json_t *row;

    json_array_foreach(rows, at, row)
    {
        const char *key;
        json_t *value;

        json_object_foreach(json_object_get(row, member), key, value)
        {
            bool counts = json_is_integer(value) && !names;

            for (size_t i = 0; names && names[i]; i++)
                counts = counts || strcmp(names[i], key) == 0;
            if (counts)
                json_object_set_new(
                    sums, key,
                    json_integer(json_integer_value(json_object_get(sums, key)) +
                                 json_integer_value(value)));
        }
    }
    return sums;
}

/* The first that is not null. */
static json_t *first_of(const json_t *rows, const char *member)
{
    size_t at;
    json_t *row;

    json_array_foreach(rows, at, row)
    {
        json_t *value = json_object_get(row, member);

        if (value && !json_is_null(value))
            return json_incref(value);
    }
    return json_null();
}

static bool are_all_true(const json_t *rows, const char *member)
{
    size_t at;
    json_t *row;

    json_array_foreach(rows, at,
                       row) if (!json_is_true(json_object_get(row, member))) return false;
    return true;
}

int report_list_write(const struct report_list *list, int status, double seconds,
                      const char *path, struct err *err)
{
    static const char *const sizes[] = { "files", "bytes", NULL };
    const json_t *rows = list->rows;
    json_t *all = json_pack(
        "{s:s, s:i, s:i, s:o, s:o, s:b, s:o, s:o, s:o, s:{s:f}, s:O}", "format",
        "mpifetch-report", "version", REPORT_VERSION, "status", status, "error",
        first_of(rows, "error"), "reason", first_of(rows, "reason"), "unchanged",
        are_all_true(rows, "unchanged"), "plan", sum_of(rows, "plan", sizes), "bytes",
        sum_of(rows, "bytes", NULL), "requests", sum_of(rows, "requests", NULL),
        "seconds", "total", seconds, "sources", list->rows);

    return json_file_write(all, path, err);
}

void report_list_release(struct report_list *list)
{
    json_decref(list->rows);
    list->rows = NULL;
}
