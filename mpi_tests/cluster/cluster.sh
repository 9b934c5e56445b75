#!/usr/bin/env bash
# cluster.sh: hosts of a cluster within this one, for root. What of it has a name in the machine
# is called after CLUSTER_DIR, so that there may be several, with the same hosts and addresses.
#
#     cluster.sh up [N] [MBIT]        N hosts n1..nN (4), "head" and "origin"; MBIT: each host's
#                                     link to origin (0: as fast as it goes)
#     cluster.sh run NODE CMD...      CMD on that host; environment and directory are kept
#     cluster.sh rsh NODE CMD...      as ssh would: nothing of the environment (mpirun's agent)
#     cluster.sh mpirun NODES RANKS ARG...    mpirun on n1, RANKS on each of n1..nNODES; 3,1,2: on
#                                     the first, the second and so on
#     cluster.sh slurm                start Slurm: then "run head srun -N4 ...", sbatch, scancel
#     cluster.sh pfs KIND             what the shared directory is on every host: plain ext4 xfs
#                                     btrfs tmpfs noflock localflock noexchange stale slow hidden gluster,
#                                     or one of FUSE and "+hidden"; metered: 100 MB/s of reads for all
#     cluster.sh shape NODE MBIT [IF] the speed of its wan0 (or fab0), both ways; origin: for all together
#     cluster.sh delay NODE MS [IF]   how much longer a round trip by its wan0 (or fab0) takes; 0: not;
#                                     origin: for all that it serves
#     cluster.sh link NODE IF up|down plug or pull the cable of wan0 or fab0
#     cluster.sh kill NODE | boot NODE        power off, on again
#     cluster.sh freeze NODE | thaw NODE      hang, go on
#     cluster.sh down                 end all of it; also what a crash has left of the same name
#
# Each host has its own name, wan0 (10.99.0.x), fab0 (10.98.0.x), /tmp, /dev/shm and /run, and
# finds the project where it is outside. All is kept in CLUSTER_DIR (/var/tmp/mpifetch-cluster):
# shared is the directory that all hosts see, rules says what goes wrong in it (faultfs.h).
set -euo pipefail
here=$(readlink -f "${BASH_SOURCE[0]}")
here=${here%/*}
project=${here%/*/*}
dir=${CLUSTER_DIR:-/var/tmp/mpifetch-cluster}
dir=${dir%/}
# its cgroup, and what the names of its network namespaces begin with
cluster=${dir##*/}
cluster=mpifetch-${cluster#mpifetch-}
# shellcheck source=network.sh
. "$here/network.sh"
# shellcheck source=node.sh
. "$here/node.sh"
# shellcheck source=site.sh
. "$here/site.sh"
# shellcheck source=launch.sh
. "$here/launch.sh"
# shellcheck source=pfs.sh
. "$here/pfs.sh"
# shellcheck source=gluster.sh
. "$here/gluster.sh"
# shellcheck source=slurm.sh
. "$here/slurm.sh"

usage()
{
    sed -n '2,/^set/s/^# \?//p' "$here/cluster.sh" >&2
    exit 2
}

die()
{
    echo "cluster: $1" >&2
    exit 1
}

# want WORDS HAVE: a usage error unless there are at least so many.
want()
{
    [ "$2" -ge "$1" ] || usage
}

verb=${1-}
shift || usage
case $verb in
up) site_up "${1:-4}" "${2:-0}" ;;
down) site_down ;;
run) want 2 $# && launch_environment && node_enter "$@" ;;
rsh) want 2 $# && launch_bare "$@" ;;
mpirun) want 3 $# && launch_environment && launch_mpirun "$@" ;;
slurm) slurm_up ;;
pfs) want 1 $# && pfs_switch "$1" ;;
shape) want 2 $# && network_shape "$1" "$2" "${3:-wan0}" ;;
delay) want 2 $# && network_delay "$1" "$2" "${3:-wan0}" ;;
link) want 3 $# && network_link "$1" "$2" "$3" ;;
kill) want 1 $# && node_kill "$1" ;;
boot) want 1 $# && site_boot "$1" ;;
freeze) want 1 $# && node_freeze "$1" 1 ;;
thaw) want 1 $# && node_freeze "$1" 0 ;;
*) usage ;;
esac
