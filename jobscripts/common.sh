# shellcheck shell=bash
# What the job scripts share; sourced by them. Change this one file for your site.

set -euo pipefail

# The same compiler and MPI that mpifetch was built with; a no-op where there are no modules.
if command -v module >/dev/null 2>&1; then
    module load openmpi
fi

# A shared file system that all nodes see. Models are published below it, each whole or not at
# all. Two jobs at one path both succeed, each having fetched everything; the later one
# wins. Better let one fetch and the others depend on it, as
# slurm-shared.sbatch does.
MODELS=${MODELS:-$HOME/models}

# A token never goes into argv, where every user of the node can read it. mpifetch finds
# HF_TOKEN, or the file that `hf auth login` wrote, by itself.

# One rank a node is enough to fill its link, and leaves the cores to the threads that hash.
# stdout is the published path and nothing else; the report tells where the time went.
export MPIFETCH_PROGRESS=plain
export MPIFETCH_REPORT=${MPIFETCH_REPORT:-mpifetch-report.json}

# Words for an mpirun that starts ranks on other nodes by ssh, where the environment of this
# script does not come along: every rank reads its options, proxies and certificates from it.
# Only what is set, since mpirun complains about the rest; srun and flux carry all of it.
carry=()
for name in "${!MPIFETCH_@}" {http,https,all,no}_proxy {HTTP,HTTPS,ALL,NO}_PROXY \
    CURL_CA_BUNDLE REQUESTS_CA_BUNDLE SSL_CERT_FILE SSL_CERT_DIR HF_TOKEN_PATH; do
    if [ -v "$name" ]; then
        carry+=(-x "$name")
    fi
done

# explain CODE: what the scheduler's log should say, and whether another try has a chance.
explain()
{
    case $1 in
    3) echo "the source refused: check the name, and your token" ;;
    4) echo "the source's files do not match their digests" ;;
    5) echo "the destination refused: check space and quota in $MODELS" ;;
    6 | 7) echo "the network or the time limit ended it: submit the job again" ;;
    *) echo "mpifetch ended with exit code $1" ;;
    esac >&2
}
