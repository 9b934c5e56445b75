#include "doctor/report.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "base/utf8.h"
#include "report/json_file.h"

enum { DOCTOR_REPORT_VERSION = 1, ADVICE_INDENT = 11 };

static void add_advice(void *arg, enum advice_level level, const char *topic,
                       const char *text)
{
    struct strbuf *out = arg;
    struct strbuf words = { 0 };
    size_t len = strlen(advice_word(level));

    strbuf_addf(out, "  %s%*s", advice_word(level), (int)(ADVICE_INDENT - 2 - len), "");
    strbuf_addf(&words, "%s: %s", topic, text);
    if (words.failed)
        out->failed = true;
    else
        results_wrap(out, words.data, ADVICE_INDENT, ADVICE_INDENT);
    strbuf_release(&words);
}

void doctor_report_text(const struct probe *probe, struct strbuf *out)
{
    int ranks = probe->run->ranks.size;
    char *dir = strdup(probe->dir);

    if (dir)
        utf8_mask(dir);
    strbuf_addf(out, "%s, tested by %d rank%s on %d node%s\n", dir ? dir : "?", ranks,
                ranks == 1 ? "" : "s", probe->nodes, probe->nodes == 1 ? "" : "s");
    free(dir);
    results_text(&probe->results, out);
    if (probe->results.failed)
        out->failed = true;
    if (!probe->made)
        return;
    strbuf_adds(out, "\nadvice\n");
    advice_give(&probe->facts, add_advice, out);
}

/* Bytes and counts are, and a double holds them exactly up to here. */
static bool is_whole(double number)
{
    return number >= 0 && number < 9e15 && number == (double)(json_int_t)number;
}

static json_t *row_object(const struct results_row *row)
{
    json_t *object = json_pack("{s:s, s:o}", "verdict", row->verdict, "text",
                               json_file_text(row->words));

    if (row->unit)
        json_object_set_new(object, row->unit,
                            is_whole(row->number) ? json_integer((json_int_t)row->number)
                                                  : json_real(row->number));
    return object;
}

static json_t *sections_array(const struct results *results)
{
    json_t *array = json_array();
    size_t row = 0;

    for (size_t i = 0; i < results->nsections; i++) {
        json_t *findings = json_object();

        for (; row < results->nrows && results->row[row].section == i; row++)
            json_object_set_new(findings, results->row[row].key,
                                row_object(&results->row[row]));
        json_array_append_new(array, json_pack("{s:s, s:o, s:o}", "section",
                                               results->section[i].key, "title",
                                               json_file_text(results->section[i].title),
                                               "findings", findings));
    }
    return array;
}

static void append_advice(void *arg, enum advice_level level, const char *topic,
                          const char *text)
{
    json_array_append_new(arg, json_pack("{s:s, s:s, s:s}", "level", advice_word(level),
                                         "topic", topic, "text", text));
}

static json_t *advice_array(const struct probe *probe)
{
    json_t *array = json_array();

    if (probe->made)
        advice_give(&probe->facts, append_advice, array);
    return array;
}

static json_t *hosts_array(const struct probe *probe)
{
    json_t *array = json_array();

    for (int node = 0; node < probe->nodes; node++)
        json_array_append_new(array, json_file_text(probe->node[node].host));
    return array;
}

int doctor_report_write(const struct probe *probe, const struct err *fault,
                        double seconds, const char *path, struct err *err)
{
    json_t *object = json_pack(
        "{s:s, s:i, s:i, s:o, s:o, s:i, s:o, s:f, s:o, s:o}", "format", "mpifetch-doctor",
        "version", DOCTOR_REPORT_VERSION, "status", (int)fault->code, "error",
        fault->code == ERR_NONE ? json_null() : json_file_text(fault->text), "path",
        json_file_text(probe->dir), "ranks", probe->run->ranks.size, "nodes",
        hosts_array(probe), "seconds", seconds, "sections",
        sections_array(&probe->results), "advice", advice_array(probe));

    return json_file_write(object, path, err);
}
