/* io/http/netenv.h -- certificates and proxies from options and environment, beyond what
 * libcurl reads by itself.
 *
 * Life cycle   netenv_read, netenv_release.
 * Ownership    the struct owns copies: the program may change its environment later. */
#ifndef IO_HTTP_NETENV_H
#define IO_HTTP_NETENV_H

#include "base/err.h"

struct netenv {
    char *ca_file;    /* NULL: libcurl's own */
    char *ca_dir;     /* NULL: libcurl's own */
    char *proxy;      /* for all URLs; NULL: as libcurl reads the environment */
    char *http_proxy; /* for http:// URLs, where http_proxy is not set; or NULL. libcurl
                       * heeds only the lower-case name, other tools both */
};

/* cacert, if not NULL, replaces all the variables: CURL_CA_BUNDLE, REQUESTS_CA_BUNDLE,
 * SSL_CERT_FILE (the first one that is set; it may name a directory) and SSL_CERT_DIR.
 * proxy, if not NULL, replaces the usual proxy variables. ERR_USAGE for a file that
 * cannot be read and for an invalid proxy. */
int netenv_read(struct netenv *env, const char *cacert, const char *proxy,
                struct err *err);
void netenv_release(struct netenv *env);

/* ERR_USAGE if libcurl could not read that file, which would look like an error of the
 * network with each request. name: of the option. file may be NULL. */
int netenv_check_file(const char *name, const char *file, struct err *err);

/* The same of a client certificate. FILE:PASSWORD, as curl takes it, is refused without saying
 * the password. */
int netenv_check_cert(const char *file, struct err *err);

#endif
