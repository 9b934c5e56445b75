#!/usr/bin/env bash
# bench-scaling-node.sh VERB: what bench-scaling.sbatch wants of each of its nodes, which says by
# BENCH_... where. What it says on standard output is read by bench-scaling.py.
set -euo pipefail

mine=${BENCH_LOCAL:?}
shared=${BENCH_SHARED:?}
verb=$1

case $mine in
*/bench-scaling."$SLURM_JOB_ID") ;;
*) echo "'$mine' is not of this job" >&2; exit 2 ;;
esac

# A node is left as it was, whatever ends the job: Slurm may end what runs here before it ends this
# script, which then ends by an error.
trap 'exit 143' TERM
trap '[ $? = 0 ] || { trap "" TERM; wait; rm -rf "$mine" || rm -rf "$mine"; }' EXIT

# A signal is heard during a wait alone.
await()
{
    "$@" &
    wait $!
}

# The name of the card for the way out, and the bytes that it has received: "-" if there is none.
count()
{
    local card=${BENCH_WAN_IF:-} bytes=-
    [ -n "$card" ] || card=$(awk '$2 == "00000000" { print $1; exit }' /proc/net/route)
    [ -z "$card" ] || bytes=$(cat "/sys/class/net/$card/statistics/rx_bytes")
    echo "$(hostname) ${card:--} $bytes"
}

# After all have prepared.
private()
{
    local others
    others=$(find "$mine" -name 'of-*' ! -name "of-$(hostname)" -printf '%f ')
    [ -z "$others" ] || { echo "'${mine%/*}' of $(hostname) is that of ${others//of-/}too" >&2; exit 1; }
}

# sizes DIR: of what the source has, and not of what its tools keep there.
sizes()
{
    (cd "$1" && find . -type f ! -path './.cache/huggingface/*' ! -path './.mpifetch/*' \
        -printf '%s %P\n' | LC_ALL=C sort)
}

look()
{
    sizes "$shared/run/tree" | cmp - "$shared/sizes"
    echo "verified $(hostname)"
}

# verify DIR: all processors at it.
verify()
{
    # shellcheck disable=SC2016 # for the shell within
    (cd "$1" && xargs -d '\n' -n 16 -P "$(nproc)" sh -c \
        'printf "%s\n" "$@" | sha256sum --check --strict --quiet' sh <"$shared/SHA256SUMS")
    echo "verified $(hostname)"
}

# The Hub's token never stands in an argument.
token()
{
    local file=${HF_TOKEN_PATH:-${HF_HOME:-$HOME/.cache/huggingface}/token}
    case $BENCH_SOURCE in
    *hf://*)
        if [ -n "${HF_TOKEN:-}" ]; then
            echo "$HF_TOKEN"
        elif [ -r "$file" ]; then
            tr -d '[:space:]' <"$file"
        fi
        ;;
    esac
}

curl_settings()
{
    local token
    token=$(token)
    [ -z "$token" ] || echo "header = \"Authorization: Bearer $token\""
}

# A single MPI process: nothing of Slurm tells it that it is one of many.
fetch_mpifetch()
{
    local words
    read -ra words <<<"$BENCH_SOURCE"
    # shellcheck disable=SC2086 # names of variables
    unset ${!SLURM_@} ${!PMI@}
    MPIFETCH_REPORT=$BENCH_RUN/report-$(hostname).json mpifetch get --scratch none \
        "${words[@]}" "$1" >&2
}

# What it counts is not what has come: small files of unknown size are in it twice.
fetch_rclone()
{
    local token head=()
    [ "${BENCH_HEAD:-yes}" = yes ] || head=(--http-no-head)
    token=$(token)
    [ -z "$token" ] || export RCLONE_HTTP_HEADERS="Authorization,Bearer $token"
    rclone copy :http: "$1" --config /dev/null --http-url "$(cat "$shared/base")" \
        --files-from-raw "$shared/names" --no-traverse "${head[@]}" --transfers 8 \
        --multi-thread-streams 8 --log-level ERROR
    echo "fetched $(hostname)"
}

# get_one URL: a byte of it; who sends all of it, and is not done in time, would give it as well.
get_one()
{
    local rc=0
    curl -q -K <(curl_settings) -fsSL -m 20 --range 0-0 --output /dev/null "$1" || rc=$?
    [ "$rc" = 0 ] || [ "$rc" = 28 ]
}

# A request for each file, and one for each redirect; what it had to repeat is not known.
fetch_curl()
{
    local parallel=()
    ! curl --help all 2>/dev/null | grep -q -- --parallel-max || parallel=(-Z --parallel-max 16)
    mkdir "$1"
    (cd "$1" && curl -q -K <(curl_settings) -K "$shared/curl.conf" "${parallel[@]}" --fail -sS \
        --location --create-dirs --retry 5 --write-out '%{size_download} %{num_redirects}\n') |
        awk -v host="$(hostname)" '{ bytes += $1; files++; redirects += $2 } END {
            printf "fetched %s bytes=%.0f files=%d redirects=%d\n", host, bytes, files, redirects }'
}

alone()
{
    await "fetch_$BENCH_TOOL" "$mine/tree"
    if [ "$BENCH_TOOL" = mpifetch ]; then
        echo "verified $(hostname)"
    else
        await verify "$mine/tree"
    fi
}

# send FILE NAME: to $mine/NAME on each node of this step, which may not be all of the job.
send()
{
    sbcast --force --jobid="$SLURM_JOB_ID.$SLURM_STEP_ID" "$1" "$mine/$2"
}

# Files of BENCH_PACK MiB and more as they are, the others as one, since each call of sbcast costs time. It
# returns when all nodes have the file, so the last one tells them that they have all.
send_tree()
{
    local tree=$mine/fetched number=0 name less=+$(((BENCH_PACK << 20) - 1))c
    (cd "$tree" && find . -type f -size "$less" -printf '%P\n') >"$mine/large"
    (cd "$tree" && find . -type f ! -size "$less" -printf '%P\0') |
        tar -C "$tree" --null -T - -cf "$mine/small"
    send "$mine/small" got-small
    while IFS= read -r name; do
        send "$tree/$name" "got-$number"
        number=$((number + 1))
    done <"$mine/large"
    send "$mine/large" got-list
    send "$mine/small" got-all
}

receive_tree()
{
    local number=0 name
    mkdir "$mine/tree"
    tar -C "$mine/tree" -xf "$mine/got-small"
    while IFS= read -r name; do
        mkdir -p "$(dirname "$mine/tree/$name")"
        mv "$mine/got-$number" "$mine/tree/$name"
        number=$((number + 1))
    done <"$mine/got-list"
}

broadcast()
{
    if [ "$SLURM_PROCID" = 0 ]; then
        await "fetch_$BENCH_TOOL" "$mine/fetched"
        await send_tree
    fi
    while [ ! -e "$mine/got-all" ]; do
        await sleep 0.05
    done
    await receive_tree
    await verify "$mine/tree"
}

case $verb in
prepare) mkdir -p "$mine" && : >"$mine/of-$(hostname)" && count ;;
private) private ;;
count) count ;;
remove) rm -rf "$mine" ;;
sizes) sizes "$shared/run/tree" ;;
look) look ;;
head) curl -q -K <(curl_settings) -fsSLI -m 60 "$2" ;;
get) get_one "$2" ;;
alone) alone ;;
sbcast) broadcast ;;
*) echo "no such verb: $verb" >&2; exit 2 ;;
esac
