/* io/http/netenv.h -- certificates and proxies that the user or the environment asks for,
 * beyond what libcurl reads by itself.
 *
 * Life cycle   netenv_read, netenv_release.
 * Ownership    the struct owns copies: the program around us may change its environment.
 */
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

/* cacert, if not NULL, stands in for all the variables: CURL_CA_BUNDLE,
 * REQUESTS_CA_BUNDLE, SSL_CERT_FILE (the first one that is set; it may name a directory)
 * and SSL_CERT_DIR. proxy, if not NULL, stands in for HTTP_PROXY and its kin. ERR_USAGE
 * for a file that cannot be read and for what is no proxy. */
int netenv_read(struct netenv *env, const char *cacert, const char *proxy,
                struct err *err);
void netenv_release(struct netenv *env);

#endif
