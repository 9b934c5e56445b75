/* app/defaults.c -- mpifetch_options_init and mpifetch_version: what needs no MPI. */
#include "mpifetch.h"

void mpifetch_options_init(struct mpifetch_options *options)
{
    *options = (struct mpifetch_options){
        .retries = 5,
        .retry_delay = 1,
        .connect_timeout = 15,
        /* curl's own measure against transfers that hang: low enough for a busy server */
        .speed_limit = 1024,
        .speed_time = 30,
        /* longer than a healthy node ever keeps a process waiting */
        .rank_timeout = 60,
        /* a library is silent unless asked */
        .progress = MPIFETCH_PROGRESS_NONE,
        .verbosity = -1,
    };
}
