#include "app/login.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"

static const char scheme[] = "Authorization: Basic ";

/* As for curl, what the user says of the header counts. */
static bool is_said(const char *const *headers)
{
    for (size_t i = 0; headers && headers[i]; i++)
        if (text_alike(headers[i], scheme, strcspn(scheme, " ")))
            return true;
    return false;
}

bool login_is_given(const struct mpifetch_options *o)
{
    return o->user || is_said(o->headers);
}

int login_open(struct session *s, struct err *err)
{
    const struct mpifetch_options *o = s->options;
    struct strbuf line = { 0 };
    size_t count = 0;

    s->run.opt.headers = o->headers;
    if (!o->user || is_said(o->headers))
        return 0;
    while (o->headers && o->headers[count])
        count++;
    strbuf_adds(&line, scheme);
    text_base64(&line, o->user, strlen(o->user));
    s->login = strbuf_steal(&line);
    s->headers = calloc(count + 2, sizeof(*s->headers));
    if (!s->login || !s->headers)
        return err_memory(err, "options");
    for (size_t i = 0; i < count; i++)
        s->headers[i] = o->headers[i];
    s->headers[count] = s->login;
    s->run.opt.headers = s->headers;
    return 0;
}

void login_release(struct session *s)
{
    if (s->login)
        explicit_bzero(s->login, strlen(s->login));
    free(s->login);
    free(s->headers);
    s->login = NULL;
    s->headers = NULL;
}
