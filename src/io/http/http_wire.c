#include "io/http/http_wire.h"

#include <curl/curl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "base/url.h"
#include "io/http/netenv.h"
#include "io/http/sockets.h"

static const char identity[] = "Accept-Encoding: identity";

enum {
    READ_WISH = 512 << 10, /* bytes: fewer, larger reads cost less */
    DNS_SECONDS = 60,      /* that an address is kept: libcurl's own default */
    READ_SIZE = CURL_MAX_READ_SIZE < READ_WISH ? CURL_MAX_READ_SIZE : READ_WISH,
    READ_LEAST =
        16 << 10, /* a reply with its header: libcurl makes the buffer for each */
    READ_HEADER = 2 << 10
};

struct http_wire_hop {
    struct http_wire_hop *next; /* of those at rest */
    CURL *easy;                 /* keeps its settings from hop to hop */
    struct http_wire_request request;
    struct curl_slist *fields;
    char reason[CURL_ERROR_SIZE];
};

struct http_wire {
    CURLM *multi;
    struct sockets *sockets;
    struct http_config config; /* its texts up to cacert are copied elsewhere */
    struct curl_slist *resolve;
    char *user_agent;
    struct netenv env;
    struct curl_slist *plain; /* fields of a hop without any of its own */
    struct http_wire_hop *idle;
};

/* How libcurl's codes are mapped; all others are NET_PROTOCOL. */
static const struct fault_row {
    CURLcode curl;
    enum net_fault fault;
    enum err_code code;
    const char *reason; /* instead of libcurl's text, if that misleads */
} fault_rows[] = {
    { CURLE_OK, NET_OK, ERR_NONE, NULL },
    { CURLE_URL_MALFORMAT, NET_LOCAL, ERR_USAGE, NULL },
    { CURLE_COULDNT_RESOLVE_PROXY, NET_RESOLVE, ERR_NETWORK, "proxy host" },
    { CURLE_COULDNT_RESOLVE_HOST, NET_RESOLVE, ERR_NETWORK, NULL },
    { CURLE_COULDNT_CONNECT, NET_CONNECT, ERR_NETWORK, NULL },
    { CURLE_INTERFACE_FAILED, NET_LOCAL, ERR_USAGE, NULL },
    { CURLE_SSL_CERTPROBLEM, NET_LOCAL, ERR_USAGE, NULL },
    { CURLE_PROXY, NET_CONNECT, ERR_NETWORK, NULL },
    { CURLE_PARTIAL_FILE, NET_CUT, ERR_NETWORK, NULL },
    { CURLE_OUT_OF_MEMORY, NET_PROTOCOL, ERR_NETWORK, "the reply header is too long" },
    { CURLE_OPERATION_TIMEDOUT, NET_TIMEOUT, ERR_NETWORK, NULL },
    { CURLE_SSL_CONNECT_ERROR, NET_TLS, ERR_NETWORK, NULL },
    { CURLE_SSL_CIPHER, NET_TLS, ERR_NETWORK, NULL },
    { CURLE_PEER_FAILED_VERIFICATION, NET_CERT, ERR_NETWORK, NULL },
    { CURLE_SSL_CACERT_BADFILE, NET_CERT, ERR_USAGE, NULL },
    { CURLE_GOT_NOTHING, NET_CUT, ERR_NETWORK, NULL },
    { CURLE_SEND_ERROR, NET_CUT, ERR_NETWORK, NULL },
    { CURLE_RECV_ERROR, NET_CUT, ERR_NETWORK, NULL }, /* a sudden end of TLS, too */
    { CURLE_FAILED_INIT, NET_LOCAL, ERR_DEFECT, NULL },
};

/* A timeout belongs to the phase it happened in; a proxy that refuses is
 * not a cut reply. */
static enum net_fault refine(CURL *easy, enum net_fault fault)
{
    curl_off_t resolved = 0, connected = 0;
    long proxy_status = 0;

    curl_easy_getinfo(easy, CURLINFO_NAMELOOKUP_TIME_T, &resolved);
    curl_easy_getinfo(easy, CURLINFO_PRETRANSFER_TIME_T, &connected);
    curl_easy_getinfo(easy, CURLINFO_HTTP_CONNECTCODE, &proxy_status);
    if (fault == NET_TIMEOUT && connected == 0)
        return resolved == 0 ? NET_RESOLVE : NET_CONNECT;
    if (fault == NET_CUT && connected == 0 && proxy_status >= 300)
        return NET_CONNECT;
    return fault;
}

/* The server may have closed a kept connection just when the request left. */
static bool broke_while_kept(CURL *easy, CURLcode code)
{
    long connects = 1;

    if (code != CURLE_SEND_ERROR && code != CURLE_RECV_ERROR && code != CURLE_GOT_NOTHING)
        return false;
    curl_easy_getinfo(easy, CURLINFO_NUM_CONNECTS, &connects);
    return connects == 0;
}

/* What comes of an https:// URL has come through a tunnel, from the source itself. libcurl says
 * whether there is a proxy from 8.7 on. It is not asked of the options: which hosts are excepted
 * is libcurl's to know. */
static bool asked_proxy(const struct http_wire_hop *hop)
{
    long port = 0;

    if (!text_alike(hop->request.url, "http:", 5))
        return false;
    curl_easy_getinfo(hop->easy, CURLINFO_PRIMARY_PORT, &port);
    return port > 0 && (unsigned)port != url_port(hop->request.url);
}

static struct http_wire_end end_of(const struct http_wire_hop *hop, CURLcode code)
{
    struct http_wire_end end = { hop->request.owner,
                                 NET_PROTOCOL,
                                 ERR_NETWORK,
                                 hop->reason[0] ? hop->reason : curl_easy_strerror(code),
                                 broke_while_kept(hop->easy, code),
                                 asked_proxy(hop) };

    for (size_t i = 0; i < countof(fault_rows); i++) {
        if (fault_rows[i].curl != code)
            continue;
        end.fault = refine(hop->easy, fault_rows[i].fault);
        end.code = fault_rows[i].code;
        end.reason = fault_rows[i].reason ? fault_rows[i].reason : end.reason;
    }
    return end;
}

static size_t on_header(char *line, size_t size, size_t count, void *arg)
{
    struct http_wire_hop *hop = arg;
    size_t len = size * count;

    return hop->request.line(hop->request.owner, line, len) == EXCHANGE_GO ? len : 0;
}

static size_t on_body(char *bytes, size_t size, size_t count, void *arg)
{
    struct http_wire_hop *hop = arg;
    size_t len = size * count;
    enum exchange_step step = hop->request.body(hop->request.owner, bytes, len);

    return step == EXCHANGE_GO ? len : step == EXCHANGE_PAUSE ? CURL_WRITEFUNC_PAUSE : 0;
}

/* Who asks, and from where. */
static unsigned set_access(const struct http_config *config, CURL *easy)
{
    unsigned bad = 0;

    if (config->netrc) {
        bad |= curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_OPTIONAL);
        bad |= curl_easy_setopt(easy, CURLOPT_NETRC_FILE, config->netrc_file);
    }
    if (config->cert) /* else OpenSSL asks for a passphrase, on the terminal of a user */
        bad |= curl_easy_setopt(easy, CURLOPT_KEYPASSWD, "");
    if (config->interface)
        bad |= curl_easy_setopt(easy, CURLOPT_INTERFACE, config->interface);
    return bad;
}

/* What is the same for all hops. */
static bool set_up(const struct http_wire *wire, struct http_wire_hop *hop)
{
    const struct http_config *config = &wire->config;
    const struct {
        CURLoption option;
        long value;
    } numbers[] = {
        { CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1 },
        { CURLOPT_HTTP09_ALLOWED, 0 },
        { CURLOPT_FOLLOWLOCATION, 0 },
        { CURLOPT_NOSIGNAL, 1 },
        { CURLOPT_SUPPRESS_CONNECT_HEADERS, 1 },
        { CURLOPT_TCP_KEEPALIVE, 1 },
        { CURLOPT_CONNECTTIMEOUT_MS, (long)(config->connect_timeout * 1000) },
        { CURLOPT_LOW_SPEED_LIMIT, config->low_speed ? (long)config->low_speed : 1 },
        { CURLOPT_LOW_SPEED_TIME, (long)(config->low_speed_time + 0.999) },
#if LIBCURL_VERSION_NUM >= 0x075700
        /* A name server that does not answer must not delay the end of the program. */
        { CURLOPT_QUICK_EXIT, 1 },
#endif
    };
    CURL *easy = hop->easy;
    unsigned bad = 0;

    for (size_t i = 0; i < countof(numbers); i++)
        bad |= curl_easy_setopt(easy, numbers[i].option, numbers[i].value);
#if LIBCURL_VERSION_NUM >= 0x075500
    bad |= curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
#else
    bad |= curl_easy_setopt(easy, CURLOPT_PROTOCOLS,
                            (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
    bad |= curl_easy_setopt(easy, CURLOPT_USERAGENT, wire->user_agent);
    bad |= curl_easy_setopt(easy, CURLOPT_PROXY, wire->env.proxy);
    if (wire->env.ca_file)
        bad |= curl_easy_setopt(easy, CURLOPT_CAINFO, wire->env.ca_file);
    if (wire->env.ca_dir)
        bad |= curl_easy_setopt(easy, CURLOPT_CAPATH, wire->env.ca_dir);
    bad |= set_access(config, easy);
    bad |= curl_easy_setopt(easy, CURLOPT_RESOLVE, wire->resolve);
    bad |= curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, hop->reason);
    bad |= curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    bad |= curl_easy_setopt(easy, CURLOPT_HEADERDATA, hop);
    bad |= curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    bad |= curl_easy_setopt(easy, CURLOPT_WRITEDATA, hop);
    bad |= curl_easy_setopt(easy, CURLOPT_PRIVATE, hop);
    return bad == 0;
}

static bool add_field(struct curl_slist **fields, const char *line)
{
    struct curl_slist *longer = curl_slist_append(*fields, line);

    if (longer)
        *fields = longer;
    return longer != NULL;
}

static bool add_secret(struct curl_slist **fields, const char *name, const char *secret)
{
    struct strbuf line = { 0 };
    bool added;

    strbuf_addf(&line, "%s%s", name, secret);
    added = !line.failed && add_field(fields, line.data);
    if (line.data)
        explicit_bzero(line.data, line.len);
    strbuf_release(&line);
    return added;
}

static bool add_fields(struct http_wire_hop *hop)
{
    const struct http_wire_request *request = &hop->request;
    const char *const *header = request->headers;
    bool added;

    if (!request->bearer && !header && !request->cookie)
        return true;
    added = add_field(&hop->fields, identity) &&
            (!request->bearer ||
             add_secret(&hop->fields, "Authorization: Bearer ", request->bearer)) &&
            (!request->cookie || add_secret(&hop->fields, "Cookie: ", request->cookie));
    for (; added && header && *header; header++)
        added = add_field(&hop->fields, *header);
    return added;
}

/* A buffer of full size for a small reply would come from the system and go back to it. */
static long read_size(const struct http_wire_request *request)
{
    uint64_t len = request->range.end - request->range.begin;

    if (!request->ranged || len + READ_HEADER > READ_SIZE)
        return READ_SIZE;
    return len + READ_HEADER < READ_LEAST ? READ_LEAST : (long)len + READ_HEADER;
}

/* What is of this hop alone. */
static bool set_request(const struct http_wire *wire, struct http_wire_hop *hop)
{
    const struct http_wire_request *request = &hop->request;
    bool plain_text = text_alike(request->url, "http://", 7);
    char range[48];
    unsigned bad = 0;

    snprintf(range, sizeof(range), "%" PRIu64 "-%" PRIu64, request->range.begin,
             request->range.end - 1);
    hop->reason[0] = '\0';
    bad |= curl_easy_setopt(hop->easy, CURLOPT_URL, request->url);
    /* A wish: after a hop that failed before it had a connection libcurl keeps the old
     * buffer, and refuses another size. */
    curl_easy_setopt(hop->easy, CURLOPT_BUFFERSIZE, read_size(request));
    bad |= curl_easy_setopt(hop->easy, CURLOPT_RANGE, request->ranged ? range : NULL);
    bad |= curl_easy_setopt(hop->easy, CURLOPT_HTTPGET, 1L);
    bad |= curl_easy_setopt(hop->easy, CURLOPT_NOBODY, request->head ? 1L : 0L);
    bad |= curl_easy_setopt(hop->easy, CURLOPT_FRESH_CONNECT, request->fresh ? 1L : 0L);
    bad |= curl_easy_setopt(hop->easy, CURLOPT_FORBID_REUSE, 0L);
    /* Addresses are shuffled as they are looked up, not as they are taken from the cache. */
    bad |= curl_easy_setopt(hop->easy, CURLOPT_DNS_SHUFFLE_ADDRESSES,
                            request->fresh ? 1L : 0L);
    bad |= curl_easy_setopt(hop->easy, CURLOPT_DNS_CACHE_TIMEOUT,
                            request->fresh ? 0L : DNS_SECONDS);
    bad |= curl_easy_setopt(hop->easy, CURLOPT_HTTPHEADER,
                            hop->fields ? hop->fields : wire->plain);
    if (wire->config.cert) {
        bad |= curl_easy_setopt(hop->easy, CURLOPT_SSLCERT,
                                request->own ? wire->config.cert : NULL);
        bad |= curl_easy_setopt(hop->easy, CURLOPT_SSLKEY,
                                request->own ? wire->config.key : NULL);
    }
    if (wire->env.http_proxy)
        bad |= curl_easy_setopt(hop->easy, CURLOPT_PROXY,
                                plain_text ? wire->env.http_proxy : NULL);
    return bad == 0;
}

static void hop_destroy(struct http_wire_hop *hop)
{
    if (!hop)
        return;
    curl_easy_cleanup(hop->easy);
    curl_slist_free_all(hop->fields);
    free(hop);
}

static struct http_wire_hop *hop_create(const struct http_wire *wire)
{
    struct http_wire_hop *hop = calloc(1, sizeof(*hop));

    if (!hop)
        return NULL;
    hop->easy = curl_easy_init();
    if (hop->easy && set_up(wire, hop))
        return hop;
    hop_destroy(hop);
    return NULL;
}

struct http_wire_hop *http_wire_begin(struct http_wire *wire,
                                      const struct http_wire_request *request)
{
    struct http_wire_hop *hop = wire->idle;

    if (hop)
        wire->idle = hop->next;
    else
        hop = hop_create(wire);
    if (!hop)
        return NULL;
    hop->request = *request;
    if (add_fields(hop) && set_request(wire, hop) &&
        curl_multi_add_handle(wire->multi, hop->easy) == CURLM_OK)
        return hop;
    http_wire_end(wire, hop);
    return NULL;
}

void http_wire_end(struct http_wire *wire, struct http_wire_hop *hop)
{
    if (!hop)
        return;
    curl_multi_remove_handle(wire->multi, hop->easy);
    curl_easy_setopt(hop->easy, CURLOPT_HTTPHEADER, NULL);
    curl_slist_free_all(hop->fields);
    hop->fields = NULL;
    hop->next = wire->idle;
    wire->idle = hop;
}

unsigned http_wire_port(const struct http_wire_hop *hop)
{
    long port = 0;

    curl_easy_getinfo(hop->easy, CURLINFO_LOCAL_PORT, &port);
    return port > 0 ? (unsigned)port : 0;
}

/* libcurl reads this when the transfer ends. */
void http_wire_retire(struct http_wire_hop *hop)
{
    curl_easy_setopt(hop->easy, CURLOPT_FORBID_REUSE, 1L);
}

bool http_wire_resume(struct http_wire_hop *hop, struct http_wire_end *end)
{
    CURLcode code = curl_easy_pause(hop->easy, CURLPAUSE_CONT);

    /* libcurl itself would only notice with the next byte. */
    if (code != CURLE_OK)
        *end = end_of(hop, code);
    return code == CURLE_OK;
}

int http_wire_move(struct http_wire *wire, struct err *err)
{
    return sockets_move(wire->sockets, err);
}

bool http_wire_ended(struct http_wire *wire, struct http_wire_end *end)
{
    struct http_wire_hop *hop = NULL;
    int left;
    CURLMsg *message = curl_multi_info_read(wire->multi, &left);

    if (!message)
        return false;
    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &hop);
    *end = end_of(hop, message->data.result);
    return true;
}

void http_wire_wait(struct http_wire *wire, double seconds)
{
    sockets_wait(wire->sockets, seconds);
}

void http_wire_wake(struct http_wire *wire)
{
    sockets_wake(wire->sockets);
}

static int fill_wire(struct http_wire *wire, const struct http_config *config,
                     struct err *err)
{
    long most = (long)config->connections;

    wire->config = *config;
    wire->config.user_agent = wire->config.proxy = wire->config.cacert = NULL;
    if (netenv_read(&wire->env, config->cacert, config->proxy, err) < 0 ||
        netenv_check_file("--netrc-file", config->netrc_file, err) < 0 ||
        netenv_check_cert(config->cert, err) < 0 ||
        netenv_check_file("--key", config->key, err) < 0)
        return -1;
    for (const char *const *one = config->resolve; one && *one; one++)
        if (!add_field(&wire->resolve, *one))
            return err_memory(err, "http");
    wire->user_agent = strdup(config->user_agent ? config->user_agent : "");
    wire->multi = curl_multi_init();
    wire->plain = curl_slist_append(NULL, identity);
    if (!wire->user_agent || !wire->multi || !wire->plain ||
        curl_multi_setopt(wire->multi, CURLMOPT_MAXCONNECTS, most) != CURLM_OK ||
        curl_multi_setopt(wire->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, most) != CURLM_OK)
        return err_memory(err, "http");
    return sockets_create(&wire->sockets, wire->multi, err);
}

int http_wire_create(struct http_wire **out, const struct http_config *config,
                     struct err *err)
{
    struct http_wire *wire;

    *out = NULL;
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return err_set(err, ERR_DEFECT, "cannot initialise libcurl");
    wire = calloc(1, sizeof(*wire));
    if (!wire) {
        curl_global_cleanup();
        return err_memory(err, "http");
    }
    if (fill_wire(wire, config, err) < 0) {
        http_wire_destroy(wire);
        return -1;
    }
    *out = wire;
    return 0;
}

void http_wire_destroy(struct http_wire *wire)
{
    if (!wire)
        return;
    while (wire->idle) {
        struct http_wire_hop *hop = wire->idle;

        wire->idle = hop->next;
        hop_destroy(hop);
    }
    curl_multi_cleanup(wire->multi);
    sockets_destroy(wire->sockets);
    curl_slist_free_all(wire->plain);
    curl_slist_free_all(wire->resolve);
    netenv_release(&wire->env);
    free(wire->user_agent);
    free(wire);
    curl_global_cleanup();
}
