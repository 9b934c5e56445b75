# shellcheck shell=bash disable=SC2154
# GlusterFS with bricks on n1 and n2, mounted on every host. Sourced by cluster.sh.

gluster_up()
{
    local host
    for host in n1 n2; do
        gluster_daemon "$host"
    done
    gluster_wait "n1 does not answer" gluster_ask pool list
    gluster_wait "n2 does not answer n1" gluster_ask peer probe n2
    gluster_wait "n1 and n2 do not meet" gluster_met
    gluster_ask volume create pfs transport tcp n1:/tmp/gluster/brick n2:/tmp/gluster/brick \
        force >"$dir/state/gluster.log"
    gluster_ask volume start pfs >>"$dir/state/gluster.log"
}

# Its state lies below /var, which the hosts share with the machine.
gluster_daemon()
{
    # shellcheck disable=SC2016 # for the shell within
    node_do "$1" sh -ec '
        rm -rf /tmp/gluster
        mkdir -p /tmp/gluster/lib /tmp/gluster/log/bricks /tmp/gluster/brick /run/gluster
        cp -a /var/lib/glusterd/. /tmp/gluster/lib
        mount --bind /tmp/gluster/lib /var/lib/glusterd
        mount --bind /tmp/gluster/log /var/log/glusterfs
        glusterd --pid-file=/run/glusterd.pid'
}

gluster_ask()
{
    node_do n1 gluster --mode=script "$@"
}

gluster_met()
{
    gluster_ask peer status | grep -q 'Peer in Cluster (Connected)'
}

# gluster_wait WHY COMMAND...: until it succeeds.
gluster_wait()
{
    local why=$1
    shift
    for _ in {1..150}; do
        "$@" >/dev/null 2>&1 && return 0
        sleep 0.1
    done
    die "gluster: $why"
}

gluster_join()
{
    node_do "$1" glusterfs --volfile-server=n1 --volfile-id=pfs \
        --log-file=/tmp/gluster-mount.log "$dir/shared"
}

gluster_down()
{
    local host
    gluster_ask volume stop pfs force >>"$dir/state/gluster.log"
    for host in n1 n2; do
        # shellcheck disable=SC2016 # for the shell within
        node_do "$host" sh -ec '
            pid=$(cat /run/glusterd.pid)
            kill "$pid"
            while kill -0 "$pid" 2>/dev/null; do sleep 0.05; done
            umount /var/lib/glusterd /var/log/glusterfs'
    done
}
