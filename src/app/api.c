/* app/api.c -- the functions of mpifetch.h. */
#include "mpifetch.h"

#include "app/several.h"
#include "base/err.h"

const char *mpifetch_version(void)
{
    return MPIFETCH_VERSION;
}

_Static_assert((int)MPIFETCH_REASON_GATED == (int)REASON_GATED &&
                   (int)MPIFETCH_REASON_UNREACHABLE == (int)REASON_UNREACHABLE &&
                   (int)MPIFETCH_REASON_RANK_LOST == (int)REASON_RANK_LOST &&
                   (int)MPIFETCH_REASON_RANK_LOST + 1 == (int)REASON_COUNT,
               "programs go by these numbers");

const char *mpifetch_reason_name(int reason)
{
    return err_reason_name((enum err_reason)reason);
}

int mpifetch_get(MPI_Comm comm, const struct mpifetch_options *options,
                 struct mpifetch_report *report)
{
    return mpifetch_get_several(comm, options, 1, report);
}

int mpifetch_get_several(MPI_Comm comm, const struct mpifetch_options *options,
                         size_t count, struct mpifetch_report *reports)
{
    return several_run(comm, options, count, reports,
                       options->dry_run ? SESSION_PLAN : SESSION_GET);
}

int mpifetch_plan(MPI_Comm comm, const struct mpifetch_options *options,
                  struct mpifetch_report *report)
{
    return several_run(comm, options, 1, report, SESSION_PLAN);
}

int mpifetch_verify(MPI_Comm comm, const struct mpifetch_options *options,
                    struct mpifetch_report *report)
{
    return several_run(comm, options, 1, report, SESSION_VERIFY);
}
