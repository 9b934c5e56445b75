# shellcheck shell=bash disable=SC2154
# The whole: a mount namespace that all hosts begin with ("site"), the hosts, their start and
# their end. Sourced by cluster.sh.

site_up()
{
    local count=$1 mbit=$2 i
    [ "$(id -u)" -eq 0 ] || die "only root can make namespaces"
    [ -d "${cgroup%/*}" ] || die "there is no file system of kind cgroup2"
    case $dir in
    /tmp* | /run* | /dev*) die "CLUSTER_DIR $dir: each host has its own there" ;;
    esac
    site_down
    mkdir -p "$dir"/{backing,images,local,project,shared,state} "$cgroup"
    : >"$dir/rules"
    echo plain >"$dir/state/pfs"
    site_names "$count"
    # shellcheck disable=SC2016 # for the shell within
    node_hold site unshare --mount --propagation private bash -euc '
        mount --bind "$0/backing" "$0/shared"
        mount --make-shared "$0/shared"
        touch "$0/state/site.ready"
        exec sleep infinity' "$dir"
    network_up
    network_host origin 1 wan0
    network_host head 2 wan0 fab0
    for ((i = 1; i <= count; i++)); do
        network_host "n$i" $((i + 10)) wan0 fab0
        [ "$mbit" = 0 ] || network_shape "n$i" "$mbit" wan0
    done
    for i in origin $(site_hosts); do
        node_start "$i"
    done
}

site_names()
{
    local count=$1 i
    {
        echo "127.0.0.1 localhost"
        echo "10.99.0.1 origin"
        echo "10.98.0.2 head"
        for ((i = 1; i <= count; i++)); do
            echo "10.98.0.$((i + 10)) n$i"
        done
    } >"$dir/hosts"
}

# All that see the shared directory.
site_hosts()
{
    awk '$1 ~ /^10\.98/ { print $2 }' "$dir/hosts"
}

# site_do COMMAND...: where mounts reach every host.
site_do()
{
    nsenter --target "$(node_pid site)" --mount -- "$@"
}

site_boot()
{
    node_start "$1"
    pfs_join "$1"
    slurm_join "$1"
}

# Killed first, removed after: nothing is unmounted by hand, since mounts go with the last
# process that sees them.
site_down()
{
    local group
    for group in "$cgroup"/*/; do
        [ -d "$group" ] || continue
        echo 1 >"$group/cgroup.kill"
    done
    for group in "$cgroup"/*/ "$cgroup"; do
        for _ in {1..3000}; do
            [ -d "$group" ] || break
            rmdir "$group" 2>/dev/null || sleep 0.02
        done
        [ ! -d "$group" ] || die "processes in $group do not end"
    done
    network_down
    rm -rf --one-file-system "$dir"
}
