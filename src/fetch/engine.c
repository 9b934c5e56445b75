#include "fetch/engine.h"

int engine_open(struct http **out, const struct run *run, unsigned connections,
                struct err *err)
{
    const struct run_options *opt = &run->opt;
    struct http_config config = {
        .connections = connections,
        .user_agent = opt->user_agent,
        .proxy = opt->proxy,
        .cacert = opt->cacert,
        .netrc = opt->netrc,
        .netrc_file = opt->netrc_file,
        .cert = opt->cert,
        .key = opt->key,
        .resolve = opt->resolve,
        .interface = opt->interface,
        .connect_timeout = opt->connect_timeout,
        .low_speed = opt->speed_limit,
        .low_speed_time = opt->speed_time,
    };

    return http_create(out, &config, err);
}
