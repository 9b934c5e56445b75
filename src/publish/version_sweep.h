/* publish/version_sweep.h -- after a publish: earlier versions go, but for the one that
 * DEST led to before, which a job may be reading. Rank 0.
 *
 * Of what stood in .NAME.versions before this run added its own only versions that this
 * user made are swept (resume/versions.h), none that DEST leads to or may soon lead to,
 * since another run may publish at any time, and none with files that mpifetch did not
 * create, whatever --force says. What stays for one of these reasons is named. */
#ifndef PUBLISH_VERSION_SWEEP_H
#define PUBLISH_VERSION_SWEEP_H

#include "ranks/run.h"

struct version_sweep {
    const struct run *run;    /* whose staging takes them, and is removed next */
    const char *version;      /* that it has published */
    const char *before;       /* that DEST led to before, or NULL */
    const struct strbuf *old; /* all names before, each with its NUL */
};

void version_sweep(const struct version_sweep *sweep);

#endif
