#include "app/same_call.h"

#include <stdio.h>
#include <string.h>

#include "core/state/msg.h"

struct call {
    char function[32], version[32];
    int contract;
    unsigned long long sources;
    int beside; /* a DEST beside the copies of nodes: it has steps of its own */
};

static struct call call_of(const struct session *s)
{
    static const char *const names[] = { [SESSION_GET] = "mpifetch_get",
                                         [SESSION_PLAN] = "mpifetch_get",
                                         [SESSION_VERIFY] = "mpifetch_verify",
                                         [SESSION_CLEAN] = "clean",
                                         [SESSION_BARE] = "doctor" };
    struct call call;

    memset(&call, 0, sizeof(call)); /* padding too: the bytes are compared */
    snprintf(call.function, sizeof(call.function), "%s", names[s->task]);
    snprintf(call.version, sizeof(call.version), "%s", MPIFETCH_VERSION);
    call.contract = MSG_CONTRACT;
    call.sources = s->sources;
    call.beside = session_has_both(s);
    return call;
}

void same_call_pack(const struct session *s, struct strbuf *bytes)
{
    const struct call call = call_of(s);

    strbuf_add(bytes, &call, sizeof(call));
}

int same_call_unpack(const struct session *s, const char *bytes, size_t len, size_t *used,
                     struct err *err)
{
    const struct call mine = call_of(s);
    struct call first;

    if (len < sizeof(first))
        return err_set(err, ERR_USAGE,
                       "this rank runs mpifetch %s, rank 0 another version",
                       mine.version);
    memcpy(&first, bytes, sizeof(first));
    *used = sizeof(first);
    first.function[sizeof(first.function) - 1] = '\0';
    first.version[sizeof(first.version) - 1] = '\0';
    if (strcmp(mine.version, first.version) != 0 || mine.contract != first.contract)
        return err_set(
            err, ERR_USAGE,
            "this rank runs mpifetch %s (contract %d), rank 0 %s (contract %d)",
            mine.version, mine.contract, first.version, first.contract);
    if (strcmp(mine.function, first.function) != 0)
        return err_set(err, ERR_USAGE,
                       "this rank called %s, rank 0 %s: all ranks of a communicator must "
                       "make the same call",
                       mine.function, first.function);
    if (mine.sources != first.sources)
        return err_set(err, ERR_USAGE,
                       "this rank called %s for %llu sources, rank 0 for %llu: all ranks "
                       "of a communicator must make the same call",
                       mine.function, mine.sources, first.sources);
    if (mine.beside != first.beside)
        return err_set(err, ERR_USAGE,
                       "this rank called %s %s a destination beside per_node, rank 0 %s: "
                       "all ranks of a communicator must make the same call",
                       mine.function, mine.beside ? "with" : "without",
                       first.beside ? "with one" : "without");
    return 0;
}
