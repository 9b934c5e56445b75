#include "doctor/exam_part.h"

#include "doctor/verdict.h"
#include "io/clock.h"

enum { HOSTS_NAMED = 3, NAME_RANDOM = 6 };

void exam_hosts(const struct exam *exam, const bool *marked, struct strbuf *out)
{
    int named = 0, more = 0;

    for (int node = 0; node < exam->nodes; node++) {
        if (!marked[node])
            continue;
        if (named == HOSTS_NAMED) {
            more++;
            continue;
        }
        strbuf_addf(out, "%s%s", named++ > 0 ? ", " : "",
                    comm_host(exam->run->ranks.comm, exam->first[node]));
    }
    if (more > 0)
        strbuf_addf(out, " and %d more", more);
}

const char *exam_below(struct exam *exam, struct strbuf *out, const char *dir,
                       const char *name)
{
    strbuf_clear(out);
    strbuf_addf(out, "%s/%s", dir, name);
    if (!out->failed)
        return out->data;
    exam->desk.failed = true;
    return "";
}

char *exam_new_name(const char *dir)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789";
    struct strbuf path = { 0 };

    strbuf_addf(&path, "%s/.mpifetch-doctor-", dir);
    for (int i = 0; i < NAME_RANDOM; i++)
        strbuf_add(&path, &letters[(size_t)(clock_random() * (sizeof(letters) - 1))], 1);
    return strbuf_steal(&path);
}

const char *exam_reason(struct strbuf *out, int trial)
{
    strbuf_clear(out);
    verdict_reason(out, trial);
    return out->failed ? "?" : out->data;
}

const char *exam_word(int trial)
{
    switch (trial) {
    case 0:
        return "works";
    case TRIAL_SILENT:
        return "silent";
    case TRIAL_WRONG:
        return "wrong";
    default:
        return verdict_refuses(trial) ? "refused" : "untested";
    }
}
