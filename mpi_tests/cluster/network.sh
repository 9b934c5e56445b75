# shellcheck shell=bash disable=SC2154
# The cables: a switch with one bridge for wan0 and one for fab0, and a network namespace for
# each host. Sourced by cluster.sh.

longlink=${LONGLINK:-$project/build/mpi_tests/longlink}

network_up()
{
    ip netns add "$cluster-switch"
    ip -n "$cluster-switch" link add wan0 type bridge
    ip -n "$cluster-switch" link add fab0 type bridge
    ip -n "$cluster-switch" link set wan0 up
    ip -n "$cluster-switch" link set fab0 up
    # no firewall is asked about each frame: it is a tenth of what a frame costs
    # shellcheck disable=SC2016 # for the shell within
    ip netns exec "$cluster-switch" sh -c 'for setting in /proc/sys/net/bridge/bridge-nf-call-*; do
        [ ! -e "$setting" ] || echo 0 >"$setting"
    done'
}

# network_host NODE NUMBER IF...: with an address on each of these.
network_host()
{
    local name=$1 number=$2 card address
    ip netns add "$cluster-$name"
    ip -n "$cluster-$name" link set lo up
    for card in "${@:3}"; do
        [ "$card" = wan0 ] && address=10.99.0.$number || address=10.98.0.$number
        ip -n "$cluster-switch" link add "$name-$card" type veth \
            peer name "$card" netns "$cluster-$name"
        ip -n "$cluster-switch" link set "$name-$card" master "$card" up
        ip -n "$cluster-$name" addr add "$address/24" dev "$card"
        ip -n "$cluster-$name" link set "$card" up
    done
}

# A token bucket on what leaves each end of the cable. It holds half a millisecond at least,
# since a machine that is busy may come late.
network_shape()
{
    local name=$1 mbit=$2 card=$3 burst bucket
    burst=$((mbit > 2000 ? mbit / 16 : 128))
    bucket=(root tbf rate "${mbit}mbit" burst "${burst}k" latency 50ms)
    ip netns exec "$cluster-switch" tc qdisc replace dev "$name-$card" "${bucket[@]}"
    ip netns exec "$cluster-$name" tc qdisc replace dev "$card" "${bucket[@]}"
}

# Between the host's port of the switch and the bridge of all stands a program that keeps what
# passes for a while, since not every kernel has netem. The port has a bridge of its own
# meanwhile, and the bucket stays where it is.
network_delay()
{
    local ms=$2 card=$3 port=$1-$3
    network_shorten "$port" "$card"
    [ "$ms" != 0 ] || return 0
    node_hold "long-$port" nice -n -10 ip netns exec "$cluster-switch" \
        "$longlink" "$port-n" "$port-f" "$ms" "$dir/state/long-$port.ready"
    ip -n "$cluster-switch" link add "$port-b" type bridge
    ip -n "$cluster-switch" link set "$port-b" up
    # it may not have its turn for a while, on a machine that is busy
    ip -n "$cluster-switch" link set "$port-n" txqueuelen 10000 master "$card" up
    ip -n "$cluster-switch" link set "$port-f" txqueuelen 10000 master "$port-b" up
    ip -n "$cluster-switch" link set "$port" master "$port-b"
}

network_shorten()
{
    local port=$1 card=$2
    [ -d "$cgroup/long-$port" ] || return 0
    node_kill "long-$port"
    rmdir "$cgroup/long-$port"
    rm -f "$dir/state/long-$port".*
    ip -n "$cluster-switch" link set "$port" master "$card"
    ip -n "$cluster-switch" link del "$port-b"
}

network_link()
{
    ip -n "$cluster-switch" link set "$1-$2" "$3"
}

network_down()
{
    local place
    for place in "/run/netns/$cluster"-*; do
        # the name of another cluster may begin with this one's
        [[ -e $place && ${place%-*} == "/run/netns/$cluster" ]] || continue
        ip netns del "${place##*/}"
    done
}
