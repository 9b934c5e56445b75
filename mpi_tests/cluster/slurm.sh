# shellcheck shell=bash disable=SC2154
# Slurm: munged and slurmctld on head, a slurmd on each other host. Sourced by cluster.sh.

slurm_up()
{
    local home=$dir/slurm count host
    count=$(site_hosts | grep -c '^n')
    [ ! -e "$home" ] || die "Slurm runs already"
    mkdir -p "$home/munge" "$home/state"
    chmod 755 "$home/munge"
    (umask 077 && head -c 1024 /dev/urandom >"$home/munge/key")
    slurm_configure "$home" "$count"
    export SLURM_CONF=$home/slurm.conf
    # One munged serves all hosts: its socket is a file, and files cross network namespaces.
    node_do head munged --force --key-file="$home/munge/key" --socket="$home/munge/socket" \
        --pid-file="$home/munge/pid" --log-file="$home/munge/log" \
        --seed-file="$home/munge/seed"
    node_do head slurmctld
    for host in $(site_hosts); do
        slurm_join "$host"
    done
    for _ in {1..900}; do
        [ "$(node_do head sinfo -h -o "%T %D" 2>/dev/null)" != "idle $count" ] || return 0
        sleep 0.1
    done
    node_do head sinfo -R >&2
    die "the nodes of Slurm are not idle"
}

# config_overrides: a host may have more CPUs than the machine. GPUs are files.
# cred_expire: a job that was requeued may not begin again before its credentials have ended.
# Slurm waits for what has no turn on a machine that is busy: KillWait is for programs that are
# told to end, SlurmdTimeout for hosts, which tests freeze for less than that.
slurm_configure()
{
    local home=$1 count=$2
    cat >"$home/slurm.conf" <<CONF
ClusterName=mpifetch
SlurmctldHost=head(10.98.0.2)
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket=$home/munge/socket,cred_expire=5
StateSaveLocation=$home/state
SlurmctldPidFile=$home/slurmctld.pid
SlurmctldLogFile=$home/slurmctld.log
SlurmdSpoolDir=/tmp/slurmd
SlurmdPidFile=/tmp/slurmd.pid
SlurmdLogFile=/tmp/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
MpiDefault=pmix
SlurmdParameters=config_overrides
ReturnToService=2
KillWait=60
MessageTimeout=20
SlurmdTimeout=45
SchedulerParameters=sched_interval=1,batch_sched_delay=0
GresTypes=gpu
NodeName=n[1-$count] CPUs=32 Gres=gpu:4 State=UNKNOWN
PartitionName=all Nodes=n[1-$count] Default=YES MaxTime=600 State=UP OverSubscribe=NO
CONF
    echo "CgroupPlugin=cgroup/v1" >"$home/cgroup.conf"
    touch "$home"/gpu{0..3}
    echo "Name=gpu File=$home/gpu[0-3]" >"$home/gres.conf"
}

# slurm_join NODE: also after it was off. For each step of a job slurmd starts a process whose hwloc
# looks at the PCI devices, which a virtual machine reads slowly.
slurm_join()
{
    [ -e "$dir/slurm" ] && [[ $1 == n* ]] || return 0
    SLURM_CONF=$dir/slurm/slurm.conf node_do "$1" env "${cheap_start[@]}" slurmd -N "$1"
}
