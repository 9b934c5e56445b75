# shellcheck shell=bash disable=SC2154
# What the shared directory is. Some kinds are mounted once, at the site, and all hosts look at
# that; others are mounted by each host for itself, which then has a cache of its own, as a
# client of a parallel file system does. Sourced by cluster.sh.

faultfs=${FAULTFS:-$project/build/mpi_tests/faultfs}

pfs_switch()
{
    local kind=$1 host
    pfs_leave
    : >"$dir/rules"
    case ${kind%+hidden} in
    plain | localflock | stale | hidden | metered) ;;
    noflock) printf '%s\n' "flock ENOSYS" "lock ENOSYS" >"$dir/rules" ;;
    noexchange) echo "rename2 EINVAL" >"$dir/rules" ;;
    slow)
        # a round trip to a server that is busy
        printf '%s OK ms=4\n' getattr open create unlink mkdir rmdir rename link symlink \
            >"$dir/rules"
        ;;
    ext4 | xfs | btrfs) pfs_image "$kind" ;;
    tmpfs) site_do mount -t tmpfs -o size=1g tmpfs "$dir/shared" ;;
    gluster) gluster_up ;;
    *) usage ;;
    esac
    echo "$kind" >"$dir/state/pfs"
    for host in $(site_hosts); do
        pfs_join "$host"
    done
}

# A file system of 1 GiB in a file. The device goes by itself after the last unmount.
pfs_image()
{
    local kind=$1 image=$dir/images/$1 device quiet=-q
    [ "$kind" != ext4 ] || quiet=-qF
    rm -f "$image"
    truncate -s 1G "$image"
    "mkfs.$kind" "$quiet" "$image" >"$dir/state/mkfs.log"
    device=$(losetup --find --show "$image")
    site_do mount "$device" "$dir/shared" || { losetup -d "$device"; die "mount $kind"; }
    losetup -d "$device"
}

# pfs_join NODE: mount what each host mounts for itself. KIND+hidden: a removed file that is open
# stays under another name as well, as it does with libfuse's default.
pfs_join()
{
    local host=$1 kind options=allow_other,default_permissions
    kind=$(cat "$dir/state/pfs")
    [ "$kind" = "${kind%+hidden}" ] || options+=,hide_removed
    case ${kind%+hidden} in
    stale) options+=,attr_timeout=4,entry_timeout=4,negative_timeout=4 ;;
    localflock) options+=,local_locks ;;
    hidden) options+=,hide_removed ;;
    metered) options+=,read_rate=100000000 ;;
    noflock | noexchange | slow) ;;
    gluster) gluster_join "$host" && return ;;
    *) return 0 ;;
    esac
    node_do "$host" "$faultfs" "$dir/backing" "$dir/rules" "$dir/shared" -o "$options"
}

# Back to plain. The hosts first, since their mounts lie on top.
pfs_leave()
{
    local kind host
    kind=$(cat "$dir/state/pfs")
    case $kind in
    plain) return 0 ;;
    ext4 | xfs | btrfs | tmpfs) site_do umount "$dir/shared" ;;
    *)
        for host in $(site_hosts); do
            node_do "$host" umount "$dir/shared"
        done
        ;;
    esac
    [ "$kind" != gluster ] || gluster_down
    echo plain >"$dir/state/pfs"
}
