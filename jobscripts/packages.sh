# shellcheck shell=bash disable=SC2034
# The Debian packages that mpifetch wants, in one place; sourced by quickstart.sh and
# mpi_tests/run.sh.

build_packages=(
    build-essential ca-certificates cmake libcurl4-openssl-dev libjansson-dev
    libopenmpi-dev libssl-dev libxxhash-dev openmpi-bin pkg-config
)
quickstart_packages=(python3 python3-pip python3-venv)
test_packages=(
    ccache clang clang-format clang-tidy curl libclang-rt-dev libcmocka-dev libcurl4-doc ninja-build
    python3 python3-dev python3-venv rclone shellcheck
    # the cluster
    btrfs-progs e2fsprogs fuse3 glusterfs-client glusterfs-server iproute2 libfuse3-dev munge
    slurm-client slurmctld slurmd strace xfsprogs
    # packages
    environment-modules file lintian mmdebstrap rpm rpmlint
    # other MPIs
    libmpich-dev mpich
)

# install_packages NAME...: by apt, and only what is missing, so that a machine without
# network or root that has them all is fine.
install_packages()
{
    local name missing=() root=()

    for name; do
        dpkg-query -W -f '${db:Status-Status}\n' "$name" 2>/dev/null |
            grep -qx installed || missing+=("$name")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    if [ "$(id -u)" -ne 0 ]; then
        if ! command -v sudo >/dev/null; then
            echo "these packages are missing and only root can install them:" \
                "${missing[*]}" >&2
            return 1
        fi
        root=(sudo)
    fi
    echo "installing ${missing[*]}"
    "${root[@]}" timeout 300 apt-get -q -o DPkg::Lock::Timeout=120 update &&
        without_services "${root[@]}" env DEBIAN_FRONTEND=noninteractive timeout 900 \
            apt-get -q -y -o DPkg::Lock::Timeout=120 \
            install --no-install-recommends "${missing[@]}"
}

# without_services COMMAND...: meanwhile no package may start what it brings; Slurm, munge and
# GlusterFS would. Uses the caller's root.
without_services()
{
    local policy=/usr/sbin/policy-rc.d

    if [ -e "$policy" ]; then
        "$@"
        return
    fi
    (
        trap '"${root[@]}" rm -f "$policy"' EXIT
        printf '#!/bin/sh\nexit 101\n' | "${root[@]}" install -m 755 /dev/stdin "$policy"
        "$@"
    )
}
