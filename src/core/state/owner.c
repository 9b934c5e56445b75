#include "core/state/owner.h"

#include <inttypes.h>
#include <string.h>

#include "base/text.h"

static const char head[] = "mpifetch owner 1\n", tail[] = "end\n";

void owner_begin(struct strbuf *text)
{
    strbuf_adds(text, head);
}

void owner_add_process(struct strbuf *text, const struct owner_process *process)
{
    strbuf_addf(text, "process %s %s %s %" PRIu64 " %" PRIu64 "\n", process->host,
                process->boot, process->space, process->pid, process->start);
}

void owner_add_job(struct strbuf *text, const struct owner_job *job)
{
    if (job->id != 0)
        strbuf_addf(text, "job %s %" PRIu64 " %" PRIu64 "\n", job->cluster, job->id,
                    job->restart);
}

void owner_end(struct strbuf *text)
{
    strbuf_adds(text, tail);
}

/* A word and the blank behind it. */
static bool take_word(const char **at, char word[OWNER_WORD])
{
    size_t len = strcspn(*at, " \n");

    if (len == 0 || len >= OWNER_WORD || (*at)[len] != ' ')
        return false;
    memcpy(word, *at, len);
    word[len] = '\0';
    *at += len + 1;
    return true;
}

static bool take_char(const char **at, char c)
{
    if (**at != c)
        return false;
    ++*at;
    return true;
}

static bool take_numbers(const char **at, uint64_t *one, uint64_t *other)
{
    return text_take_u64(at, one) && take_char(at, ' ') && text_take_u64(at, other) &&
           take_char(at, '\n');
}

static bool take_process(const char **at, struct owner_process *process)
{
    static const char key[] = "process ";

    if (!text_starts(*at, key))
        return false;
    *at += strlen(key);
    return take_word(at, process->host) && take_word(at, process->boot) &&
           take_word(at, process->space) &&
           take_numbers(at, &process->pid, &process->start);
}

static bool take_job(const char **at, struct owner_job *job)
{
    static const char key[] = "job ";

    if (!text_starts(*at, key))
        return false;
    *at += strlen(key);
    return take_word(at, job->cluster) && take_numbers(at, &job->id, &job->restart);
}

static bool is_before(const struct owner_job *job, const struct owner_job *mine)
{
    return job->id != 0 && job->id == mine->id &&
           strcmp(job->cluster, mine->cluster) == 0 && job->restart < mine->restart;
}

static bool is_same(const char *one, const char *other)
{
    return strcmp(one, "-") != 0 && strcmp(one, other) == 0;
}

static bool is_dead(const struct owner_process *process, const struct owner_view *view)
{
    return is_same(process->host, view->here.host) &&
           is_same(process->boot, view->here.boot) &&
           is_same(process->space, view->here.space) &&
           !view->lives(view->arg, process->pid, process->start);
}

/* false: the text is not whole. view: NULL, none is asked after. */
static bool read_all(const char *text, const struct owner_view *view,
                     struct owner_job *job, bool *all_dead)
{
    struct owner_process process;
    uint64_t count = 0;

    *all_dead = view;
    *job = (struct owner_job){ .id = 0 };
    if (!text_starts(text, head))
        return false;
    for (text += strlen(head); take_process(&text, &process); count++)
        *all_dead = *all_dead && is_dead(&process, view);
    *all_dead = *all_dead && count > 0;
    take_job(&text, job);
    return count > 0 && strcmp(text, tail) == 0;
}

bool owner_is_whole(const char *text)
{
    struct owner_job job;
    bool all_dead;

    return read_all(text, NULL, &job, &all_dead);
}

bool owner_is_begun(const char *text)
{
    return text_starts(text, head) || text_starts(head, text);
}

bool owner_is_gone(const char *text, const struct owner_view *view)
{
    struct owner_job job;
    bool all_dead;

    return read_all(text, view, &job, &all_dead) && all_dead;
}

bool owner_is_requeued(const char *text, const struct owner_view *view)
{
    struct owner_job job;
    bool all_dead;

    return read_all(text, view, &job, &all_dead) && is_before(&job, &view->job);
}

void owner_host(const char *text, char host[OWNER_WORD])
{
    struct owner_process process;

    host[0] = '\0';
    if (!text_starts(text, head))
        return;
    text += strlen(head);
    if (take_process(&text, &process))
        memcpy(host, process.host, OWNER_WORD);
}
