#include "io/netenv.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/text.h"

/* The first of the variables that is set and not empty, or NULL. */
static const char *first_set(const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const char *value = getenv(names[i]);

        if (value && *value)
            return value;
    }
    return NULL;
}

static bool is_directory(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static int copy(char **out, const char *text, struct err *err)
{
    *out = text ? strdup(text) : NULL;
    return text && !*out ? err_memory(err, "network settings") : 0;
}

int netenv_read(struct netenv *env, const char *cacert, const char *proxy,
                struct err *err)
{
    static const char *const files[] = { "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE",
                                         "SSL_CERT_FILE" };
    static const char *const dirs[] = { "SSL_CERT_DIR" };
    const char *file = cacert ? cacert : first_set(files, countof(files));
    const char *dir = cacert ? NULL : first_set(dirs, countof(dirs));
    const char *http_proxy = proxy ? NULL : getenv("HTTP_PROXY");

    *env = (struct netenv){ 0 };
    /* An empty http_proxy is an answer as well: none. */
    if (getenv("http_proxy") || (http_proxy && !*http_proxy))
        http_proxy = NULL;
    if (file && is_directory(file)) {
        dir = file;
        file = NULL;
    }
    if (copy(&env->ca_file, file, err) < 0 || copy(&env->ca_dir, dir, err) < 0 ||
        copy(&env->proxy, proxy, err) < 0 ||
        copy(&env->http_proxy, http_proxy, err) < 0) {
        netenv_release(env);
        return -1;
    }
    return 0;
}

void netenv_release(struct netenv *env)
{
    if (!env)
        return;
    free(env->ca_file);
    free(env->ca_dir);
    free(env->proxy);
    free(env->http_proxy);
    *env = (struct netenv){ 0 };
}
