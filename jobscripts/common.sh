# shellcheck shell=bash
# What the job scripts share; sourced by them. Change this one file for your site.

set -euo pipefail

# The same compiler and MPI that mpifetch was built with; a no-op where there are no modules.
if command -v module >/dev/null 2>&1; then
    module load openmpi
fi

# A shared file system that all nodes see. Models are published below it, each completely or not
# at all. If two jobs fetch the same model to the same path, one waits for the other.
MODELS=${MODELS:-$HOME/models}

# A token never goes into argv, where every user of the node can read it. mpifetch finds
# HF_TOKEN or the file that `hf auth login` wrote by itself.

# One rank per node is enough to saturate its link, and leaves the cores to the hashing threads.
# stdout is the published path and nothing else; the report shows where the time went.
export MPIFETCH_PROGRESS=plain
export MPIFETCH_REPORT=${MPIFETCH_REPORT:-mpifetch-report.json}

# mpifetch gives the reason of a failure itself, so Open MPI's mpirun need not add its banner of
# ten lines. This hides all messages of mpirun, also those about a rank that was killed or
# a host that cannot be reached. Not orte_abort_on_non_zero_status=0: mpirun would return 0.
export OMPI_MCA_orte_execute_quiet=1

# Options for an mpirun that starts ranks on other nodes by ssh, where the environment of this
# script does not come along: every rank reads its options, proxies and certificates from it.
# Only what is set, since mpirun complains about the rest; srun and flux carry all of it.
carry=()
for name in "${!MPIFETCH_@}" {http,https,all,no}_proxy {HTTP,HTTPS,ALL,NO}_PROXY \
    CURL_CA_BUNDLE REQUESTS_CA_BUNDLE SSL_CERT_FILE SSL_CERT_DIR HF_TOKEN_PATH; do
    if [ -v "$name" ]; then
        carry+=(-x "$name")
    fi
done

# explain CODE: for the scheduler's log: what failed, and whether to submit the job again.
explain()
{
    case $1 in
    3) echo "source error: check the name and your token" ;;
    4) echo "the files of the source do not match their digests" ;;
    5) echo "destination error: check space and quota in $MODELS" ;;
    6 | 7) echo "network error, time limit or lost rank: submit the job again to resume" ;;
    *) echo "exit code $1; if there is no message of mpifetch above, run it again with" \
        "OMPI_MCA_orte_execute_quiet=0 to see those of mpirun" ;;
    esac >&2
}
