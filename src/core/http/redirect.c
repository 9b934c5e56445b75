#include "core/http/redirect.h"

#include "base/text.h"
#include "base/url.h"

bool redirect_status(int32_t status)
{
    static const int32_t statuses[] = { 301, 302, 303, 307, 308 };

    for (size_t i = 0; i < countof(statuses); i++)
        if (statuses[i] == status)
            return true;
    return false;
}

static const char *fault(const struct redirect *redirect)
{
    if (!redirect->to)
        return "redirected to an invalid URL";
    if (redirect->hops >= REDIRECT_HOPS)
        return "too many redirects, perhaps a loop";
    if (text_alike(redirect->to, "https://", 8))
        return NULL;
    if (!text_alike(redirect->to, "http://", 7))
        return "redirected to a URL that is neither http nor https";
    /* What TLS protected would be sent in the clear. */
    if (!text_alike(redirect->from, "http://", 7))
        return "redirected from https to http";
    return NULL;
}

enum redirect_step redirect_decide(const struct redirect *redirect, struct err *err)
{
    const char *reason = fault(redirect);

    if (reason) {
        err_set(err, ERR_SOURCE, "%s", reason);
        return REDIRECT_REFUSE;
    }
    if (redirect->stop_at_foreign && !url_same_origin(redirect->first, redirect->to))
        return REDIRECT_STOP;
    return REDIRECT_GO;
}
