#!/usr/bin/env bash
# mpifetch on a bare Debian 12 in a few minutes: installs what is missing, builds in build/,
# serves a small model from a Hub on the loopback interface, and fetches it with four ranks.
# Everything but the packages stays below build/.
set -euo pipefail
exec </dev/null
cd "$(dirname "$0")/.."
# shellcheck source=packages.sh
. jobscripts/packages.sh
# shellcheck source=model.sh
. jobscripts/model.sh

repo=acme/demo-model
demo=build/quickstart
# Containers run as root; Open MPI wants to be told that this is meant.
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1

say()
{
    printf '\n== %s\n' "$*"
}

build()
{
    local log=build/quickstart.log tests=()

    mkdir -p build
    # Tests need more packages: they are left as they are in a folder that has them.
    [ -f build/CMakeCache.txt ] || tests=(-DMPIFETCH_TESTS=OFF)
    cmake -S . -B build "${tests[@]}" >"$log" 2>&1 &&
        cmake --build build -j 2 >>"$log" 2>&1 && rm -f "$log" && return 0
    tail -n 40 "$log"
    return 1
}

# Where PyPI is out of reach: files of the same form, filled with noise, 300 MB.
invent_model()
{
    mkdir "$demo/model"
    python3 - "$demo/model" <<'END'
import json, os, struct, sys

top, layers, size = sys.argv[1], 3, 100 << 20
for i in range(1, layers + 1):
    shape = {"dtype": "U8", "shape": [size], "data_offsets": [0, size]}
    head = json.dumps({f"layer.{i}.weight": shape}).encode()
    with open(f"{top}/model-{i:05}-of-{layers:05}.safetensors", "wb") as file:
        file.write(struct.pack("<Q", len(head)) + head + os.urandom(size))
with open(f"{top}/config.json", "w") as file:
    json.dump({"model_type": "noise", "layers": layers}, file)
END
}

# Begins the server; it prints its endpoint once it listens.
serve()
{
    coproc HUB { exec python3 mpi_tests/servers/hub.py --repo "$repo=$demo/model"; }
    hub=$HUB_PID
    trap 'kill "$hub" 2>/dev/null || true; wait "$hub" 2>/dev/null || true' EXIT
    read -r -t 60 HF_ENDPOINT <&"${HUB[0]}" || { echo "the server did not start"; return 1; }
    export HF_ENDPOINT
}

get()
{
    mpirun --quiet --oversubscribe -n 4 build/src/mpifetch get \
        --report "$demo/report.json" "hf://$repo" "$demo/out" ||
        { code=$?; echo "mpirun ended with exit code $code" >&2; return "$code"; }
}

say "packages"
install_packages "${build_packages[@]}" "${quickstart_packages[@]}"
say "build"
build
build/src/mpifetch --version

say "test model"
rm -rf "$demo"
mkdir -p "$demo"
fetch_model "$demo/model" python3 2>/dev/null || { rm -rf "${demo:?}"/*; invent_model; }
du -sh "$demo/model"
serve
echo "a Hub at $HF_ENDPOINT serves $repo"

say "fetch with four ranks"
get

say "published files"
(cd "$demo/out" && find . -type f -printf '%10s  %P\n' | sort -k 2)

say "check all digests with sha256sum"
(cd "$demo/out" && sha256sum --quiet -c .cache/huggingface/mpifetch/SHA256SUMS && echo "all good")
diff -r --exclude=.cache "$demo/model" "$demo/out" &&
    echo "equal to what is served"

say "report"
python3 -c '
import json, sys
report = json.load(open(sys.argv[1]))
for name in ("bytes", "requests", "seconds"):
    print(f"{name}:", ", ".join(f"{k} {round(v, 2)}" for k, v in report[name].items()))
for rank in report["ranks"]:
    print("rank {rank} on {host}: {bytes} bytes".format(**rank))' "$demo/report.json"

say "the same command again: already up to date"
get

say "done; the tree is in $demo/out"
