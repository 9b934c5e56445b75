# shellcheck shell=bash disable=SC2154
# One host: namespaces for mounts, name, IPC and network that live as long as a process sleeps
# in them, and a cgroup, so that all that runs there can be ended or frozen by one write. No
# namespace for processes: mpirun on one host could not enter another. Sourced by cluster.sh.

cgroup=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts)/$cluster

# node_hold NAME COMMAND...: begin a process of its own in the host's cgroup; it says that it
# is ready by a file.
node_hold()
{
    local name=$1 ready=$dir/state/$1.ready
    shift
    rm -f "$ready"
    mkdir -p "$cgroup/$name"
    (
        echo "$BASHPID" >"$cgroup/$name/cgroup.procs"
        exec setsid "$@"
    ) </dev/null >"$dir/state/$name.log" 2>&1 &
    echo $! >"$dir/state/$name.pid"
    for _ in {1..3000}; do
        [ ! -e "$ready" ] || return 0
        sleep 0.02
    done
    cat "$dir/state/$name.log" >&2
    die "$name did not start"
}

# It begins with the mounts of the site, and sees what is mounted there on shared later.
node_start()
{
    local name=$1 site
    site=$(node_pid site)
    mkdir -p "$dir/local/$name"
    chmod 1777 "$dir/local/$name"
    node_hold "$name" nsenter --mount="/proc/$site/ns/mnt" --net="/run/netns/$cluster-$name" \
        unshare --mount --propagation slave --uts --ipc \
        bash -euc "$(declare -f node_furnish); node_furnish \"\$@\"" node \
        "$name" "$dir" "$project"
}

# Within the host, before anything else runs there.
node_furnish()
{
    local name=$1 dir=$2 project=$3
    hostname "$name"
    # the project may lie below the /tmp that is about to be covered
    mount --bind "$project" "$dir/project"
    mount --bind "$dir/local/$name" /tmp
    mount -t tmpfs -o size=2g shm /dev/shm
    mount -t tmpfs run /run
    # sysfs shows the network cards of who mounts it, but covers the cgroups
    mkdir /run/lock /run/cgroup
    mount --rbind /sys/fs/cgroup /run/cgroup
    mount -t sysfs sys /sys
    mount --move /run/cgroup /sys/fs/cgroup
    mount --bind "$dir/hosts" /etc/hosts
    mkdir -p "$project"
    mount --bind "$dir/project" "$project"
    touch "$dir/state/$name.ready"
    exec sleep infinity
}

node_pid()
{
    cat "$dir/state/$1.pid" 2>/dev/null || die "there is no host '$1'"
}

node_enter()
{
    local name=$1 pid
    pid=$(node_pid "$name")
    [ -d "/proc/$pid/root$PWD" ] || cd /
    echo "$BASHPID" >"$cgroup/$name/cgroup.procs"
    exec nsenter --target "$pid" --mount --uts --ipc --net --wdns="$PWD" -- "${@:2}"
}

# node_do NODE COMMAND...: the same, and come back.
node_do()
{
    (node_enter "$@")
}

node_kill()
{
    echo 1 >"$cgroup/$1/cgroup.kill"
    for _ in {1..3000}; do
        grep -q 'populated 0' "$cgroup/$1/cgroup.events" && return 0
        sleep 0.02
    done
    die "processes of $1 do not end"
}

node_freeze()
{
    echo "$2" >"$cgroup/$1/cgroup.freeze"
    for _ in {1..3000}; do
        grep -q "frozen $2" "$cgroup/$1/cgroup.events" && return 0
        sleep 0.02
    done
    die "$1 does not reach the state 'frozen $2'"
}
