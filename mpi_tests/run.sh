#!/usr/bin/env bash
# All tests, from nothing: installs what is missing (apt as root or by sudo, pip into
# build/venv and build/clients), builds in build/ and once more with sanitizers in
# build-asan/, runs CTest in both, at the same time, and a few tests with other MPIs in
# build/mpis/. The last line is "N passed, N failed", counted in cases; the exit code is 0 only
# if some passed and none failed. A case that was skipped has failed.
#
#     mpi_tests/run.sh                 everything
#     mpi_tests/run.sh -L unit         arguments go to ctest, in build/ only
set -uo pipefail
exec </dev/null
cd "$(dirname "$0")/.." || exit 1
# shellcheck source=../jobscripts/packages.sh
. jobscripts/packages.sh
# shellcheck source=../jobscripts/model.sh
. jobscripts/model.sh

cores=$(nproc)
jobs=$((3 * cores)) # at once: two thirds of what a test does is waiting
export PYTHONDONTWRITEBYTECODE=1 PIP_DISABLE_PIP_VERSION_CHECK=1 CTEST_OUTPUT_ON_FAILURE=1
# Containers run as root; Open MPI wants to be told that this is meant.
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
mpis=(mpich4 openmpi5 mpich5)
for dir in build build-asan "${mpis[@]/#/build/mpis/}"; do
    rm -rf "$dir/junit" "$dir/Testing/TAG"
done

# Whatever happens, the last line says how it went.
fail()
{
    echo "run.sh: $1"
    echo "0 passed, 1 failed"
    exit 1
}

# stage NAME COMMAND...: run it, say how long it took.
stage()
{
    local name=$1 begin=$SECONDS rc=0
    shift
    echo "== $name"
    "$@" || rc=$?
    echo "== $name: $((SECONDS - begin)) s"
    return "$rc"
}

# make_venv DIR REQUIREMENTS: anew if these have changed since. All are filled by the pip of
# build/venv, since installing pip takes longer than most of what it installs; and files of others'
# tests are not compiled, which are every other one.
make_venv()
{
    local dir=$1 wanted=$2 python=/usr/bin/python3 pip=()
    [ -x "$python" ] || python=python3
    cmp -s "$wanted" "$dir/requirements.txt" && return 0
    [ "$dir" = build/venv ] || pip=(--without-pip)
    "$python" -m venv --clear "${pip[@]}" "$dir" &&
        timeout 600 build/venv/bin/pip --python "$dir/bin/python" install -q --no-compile \
            -r "$wanted" || return 1
    # Some are no Python yet, but what a tool makes it of.
    "$dir/bin/python" -m compileall -q -x 'site-packages/.*/tests?/' "$dir/lib" >/dev/null || true
    cp "$wanted" "$dir/requirements.txt"
}

# One for pytest, one for each version of the Hub's library in build/clients, and one for each
# MPI that comes as a Python package in build/mpis.
make_venvs()
{
    local wanted name pid pids=() rc=0
    make_venv build/venv mpi_tests/requirements.txt || return 1
    for wanted in mpi_tests/clients/requirements-*.txt; do
        name=${wanted##*/requirements-}
        make_venv "build/clients/${name%.txt}" "$wanted" &
        pids+=($!)
    done
    for wanted in mpi_tests/mpis/requirements-*.txt; do
        name=${wanted##*/requirements-}
        make_venv "build/mpis/${name%.txt}/venv" "$wanted" &
        pids+=($!)
    done
    for pid in "${pids[@]}"; do
        wait "$pid" || rc=1
    done
    return "$rc"
}

# The pages of libcurl, for label floor. Images for containers make dpkg leave manual pages
# out: then they are taken from the package itself.
curl_man=/usr/share/man/man3
find_curl_man()
{
    local name=libcurl-symbols.3.gz doc=$PWD/build/curl-doc
    [ -e "$curl_man/$name" ] && return 0
    curl_man=$doc/usr/share/man/man3
    [ -e "$curl_man/$name" ] && return 0
    mkdir -p "$doc" && rm -f "$doc"/*.deb &&
        (cd "$doc" && { apt-get -q download libcurl4-doc ||
            { apt-get -q update && apt-get -q download libcurl4-doc; }; }) &&
        dpkg-deb -x "$doc"/libcurl4-doc_*.deb "$doc" && [ -e "$curl_man/$name" ]
}

# build_in DIR OPTION...: $target, or everything. Make itself takes 15 ms of the processor for
# each file that it compiles, Ninja takes none; a folder stays with what it was configured for.
build_in()
{
    local dir=$1 log=$1/build.log generator=()
    shift
    mkdir -p "$dir" || return 1
    [ -e "$dir/CMakeCache.txt" ] || generator=(-G Ninja)
    cmake -S . -B "$dir" "${generator[@]}" -DMPIFETCH_TESTS=ON \
        -DMPIFETCH_PYTHON="$PWD/build/venv/bin/python" \
        -DMPIFETCH_CLIENTS="$PWD/build/clients" -DMPIFETCH_CURL_MAN="$curl_man" \
        "$@" >"$log" 2>&1 &&
        cmake --build "$dir" -j "$cores" --target "${target-all}" >>"$log" 2>&1 && rm -f "$log" && return 0
    tail -n 60 "$log"
    return 1
}

# build_alike DIR OPTION...: as build_in, in folders that are compiled alike: each file once, and again
# only where it sees another mpi.h. Lines are all that is read of what helps a debugger.
build_alike()
{
    local -x CCACHE_DIR=$PWD/build/ccache CCACHE_BASEDIR='' CCACHE_NOHASHDIR=1 CCACHE_DEPEND=1
    build_in "$@" -DCMAKE_BUILD_TYPE=RelWithDebInfo "-DCMAKE_C_FLAGS_RELWITHDEBINFO=-O2 -g1" \
        -DCMAKE_C_COMPILER_LAUNCHER=ccache
}

# test_in DIR JOBS OPTION...: ctest's own exit code is not asked, the tally reads what it wrote.
# In this form also a CTest before 3.21 writes it, and wants a file that only those who send
# results somewhere fill.
test_in()
{
    local dir=$1 jobs=$2
    shift 2
    : >"$dir/DartConfiguration.tcl"
    ctest --test-dir "$dir" -T Test -j "$jobs" --no-tests=ignore --timeout 1800 "$@"
    return 0
}

# What tests need besides the build, from the network.
fetch()
{
    stage venvs make_venvs || { echo "run.sh: a Python package is missing" && return 1; }
    stage model fetch_model build/clients/model build/venv/bin/python ||
        { echo "run.sh: the model is missing" && return 1; }
}

# Of what helps a debugger, what a sanitizer says needs the lines alone.
sanitized()
{
    local target=sanitize

    stage build-asan build_in build-asan -DCMAKE_BUILD_TYPE=Debug -DCMAKE_C_FLAGS_DEBUG=-g1 \
        -DMPIFETCH_SANITIZE=address,undefined && stage test-asan test_in build-asan 2 -L sanitize
}

# with_mpi NAME MPICC MPIEXEC: the tests in which MPIs differ, with another one, in the build folder
# build/mpis/NAME.
with_mpi()
{
    local name=$1 dir=build/mpis/$1 target=mpis
    stage "build-$name" build_alike "$dir" -DMPIFETCH_CLANG=OFF -DMPI_C_COMPILER="$2" \
        -DMPIEXEC_EXECUTABLE="$3" &&
        stage "test-$name" test_in "$dir" 2 -L mpis
}

# Second builds and their tests, with what the first tests leave of the cores.
beside()
{
    local name venv

    with_mpi mpich4 /usr/bin/mpicc.mpich /usr/bin/mpiexec.mpich
    for name in openmpi5 mpich5; do
        venv=$PWD/build/mpis/$name/venv/bin
        with_mpi "$name" "$venv/mpicc" "$venv/mpiexec"
    done
    sanitized
}

stage packages install_packages "${build_packages[@]}" "${test_packages[@]}" ||
    fail "packages could not be installed"
stage pages find_curl_man || fail "the pages of libcurl could not be fetched"
mkdir -p build build-asan
fetch >build/fetch.log 2>&1 &
fetching=$!
stage build build_alike build -DMPIFETCH_SANITIZE= -DCMAKE_INSTALL_PREFIX=/usr || built=no
wait "$fetching" || fetched=no
cat build/fetch.log
[ "${built-yes}" = yes ] || fail "the build failed"
[ "${fetched-yes}" = yes ] || fail "what tests need could not be fetched"
if [ $# -gt 0 ]; then
    stage test test_in build "$jobs" "$@"
    exec build/venv/bin/python mpi_tests/tally.py build
fi
set -m # a process group of its own, which can be told to end
beside >build/beside.log 2>&1 &
besides=$!
set +m
trap 'kill -INT -- "-$besides"; fail interrupted' INT TERM
stage test test_in build "$jobs"
wait "$besides" || echo "run.sh: a second build failed"
cat build/beside.log
exec build/venv/bin/python mpi_tests/tally.py build build-asan "${mpis[@]/#/build/mpis/}"
