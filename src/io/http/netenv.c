#include "io/http/netenv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/text.h"
#include "io/http/proxy.h"

/* The first of the variables that is set and not empty, or NULL; *name
 * becomes its name. */
static const char *first_set(const char *const *names, size_t count, const char **name)
{
    for (size_t i = 0; i < count; i++) {
        const char *value = getenv(names[i]);

        *name = names[i];
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

int netenv_check_file(const char *name, const char *file, struct err *err)
{
    struct stat st;

    if (!file)
        return 0;
    if (access(file, R_OK) < 0 || stat(file, &st) < 0)
        return err_set(err, ERR_USAGE, "%s '%s': %s", name, file, strerror(errno));
    /* It is read for each connection, and by libraries that wait for a pipe or a terminal.
     * /dev/null stands for no certificates. */
    return S_ISREG(st.st_mode) || (S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3))
               ? 0
               : err_set(err, ERR_USAGE, "%s '%s': not a regular file", name, file);
}

int netenv_check_cert(const char *file, struct err *err)
{
    size_t len = file ? strcspn(file, ":") : 0;

    if (!file || !file[len] || access(file, F_OK) == 0)
        return netenv_check_file("--cert", file, err);
    return err_set(
        err, ERR_USAGE,
        "--cert '%.*s': a password behind ':' is not taken, since all users of a "
        "machine can read command lines: write the key without it to a file of "
        "mode 600 ('openssl pkey -in FILE -out KEY'), and name that with --key",
        (int)len, file);
}

/* The variables that libcurl and netenv_read use, in that order, for each scheme. */
static int check_proxies(const char *proxy, struct err *err)
{
    static const char *const names[][4] = {
        { "http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY" },
        { "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY" },
    };

    if (proxy)
        return proxy_check("--proxy", proxy, err);
    for (size_t i = 0; i < countof(names); i++) {
        const char *name;
        const char *value = first_set(names[i], countof(names[i]), &name);

        if (value && proxy_check(name, value, err) < 0)
            return -1;
    }
    return 0;
}

int netenv_read(struct netenv *env, const char *cacert, const char *proxy,
                struct err *err)
{
    static const char *const files[] = { "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE",
                                         "SSL_CERT_FILE" };
    static const char *const dirs[] = { "SSL_CERT_DIR" };
    const char *name = "--cacert", *dir_name;
    const char *file = cacert ? cacert : first_set(files, countof(files), &name);
    const char *dir = cacert ? NULL : first_set(dirs, countof(dirs), &dir_name);
    const char *http_proxy = proxy ? NULL : getenv("HTTP_PROXY");

    *env = (struct netenv){ 0 };
    /* An empty http_proxy means: no proxy. */
    if (getenv("http_proxy") || (http_proxy && !*http_proxy))
        http_proxy = NULL;
    if (file && is_directory(file)) {
        dir = file;
        file = NULL;
    }
    if (netenv_check_file(name, file, err) < 0 || check_proxies(proxy, err) < 0)
        return -1;
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
