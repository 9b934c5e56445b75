#!/usr/bin/env bash
# install.sh SOURCE BUILD MPICC MPIRUN: install into a fresh prefix, look at what is there, then
# build and run docs/examples/embed.c against it by pkg-config and by CMake, as a user would.
set -euo pipefail
source=$1 build=$2 mpicc=$3 mpirun=$4
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# mpirun removes the directory that all of a user share in /tmp while another one starts
export OMPI_MCA_orte_tmpdir_base=$work
prefix=$work/prefix

die()
{
    echo "install: $1" >&2
    exit 1
}

cmake --install "$build" --prefix "$prefix" >"$work/install.log"
lib=$(dirname "$(find "$prefix" -name libmpifetch.so)")
for file in bin/mpifetch include/mpifetch.h share/man/man1/mpifetch.1 \
    share/bash-completion/completions/mpifetch share/zsh/site-functions/_mpifetch \
    share/fish/vendor_completions.d/mpifetch.fish "${lib#"$prefix"/}/libmpifetch.a" \
    "${lib#"$prefix"/}/pkgconfig/mpifetch.pc" \
    "${lib#"$prefix"/}/cmake/mpifetch/mpifetch-config.cmake"; do
    [ -f "$prefix/$file" ] || die "$file is missing"
done
find "$prefix" -name mkdocs | grep -q . && die "mkdocs was installed"

# Packagers install below DESTDIR, and nothing may end up beside it.
DESTDIR=$work/dest cmake --install "$build" --prefix /opt/mpifetch >>"$work/install.log"
[ -x "$work/dest/opt/mpifetch/bin/mpifetch" ] || die "DESTDIR was not respected"

# What is exported is what mpifetch.h declares, and nothing else.
nm -D --defined-only "$lib/libmpifetch.so" | awk '{ print $3 }' | sort >"$work/exported"
sed -n 's/^MPIFETCH_API .*[ *]\(mpifetch_[a-z_]*\)(.*/\1/p' "$source/include/mpifetch.h" |
    sort >"$work/declared"
diff "$work/declared" "$work/exported" || die "the library exports something else"

"$prefix/bin/mpifetch" --version | grep -Eq '[0-9]+\.[0-9]+\.[0-9]+$' || die "--version"
# An installed tree may be moved: nothing in it may point back to the build.
grep -rl --include='*.pc' --include='*.cmake' "$build" "$prefix" && die "build path inside"

mkdir "$work/tree"
printf 'one\n' >"$work/tree/a.txt"
head -c 3000000 /dev/urandom >"$work/tree/b.bin"

# run NAME: fetch the tree with the example and compare.
run()
{
    LD_LIBRARY_PATH=$lib "$mpirun" --oversubscribe -n 2 "$work/$1" "file://$work/tree" \
        "$work/out-$1" </dev/null
    cmp "$work/tree/a.txt" "$work/out-$1/a.txt"
    cmp "$work/tree/b.bin" "$work/out-$1/b.bin"
}

export PKG_CONFIG_PATH=$lib/pkgconfig
# shellcheck disable=SC2046 # the flags are words
"$mpicc" "$source/docs/examples/embed.c" -o "$work/by-pkg-config" \
    $(pkg-config --cflags --libs mpifetch)
run by-pkg-config

# shellcheck disable=SC2046
"$mpicc" "$source/docs/examples/embed.c" -o "$work/by-archive" \
    $(pkg-config --cflags mpifetch) "$lib/libmpifetch.a" \
    $(pkg-config --static --libs mpifetch | sed 's/-lmpifetch//')
run by-archive

mkdir "$work/user"
cp "$source/docs/examples/embed.c" "$work/user"
cat >"$work/user/CMakeLists.txt" <<'END'
cmake_minimum_required(VERSION 3.20)
project(user C)
find_package(mpifetch REQUIRED COMPONENTS static)
add_executable(by-cmake embed.c)
target_link_libraries(by-cmake mpifetch::mpifetch)
add_executable(by-cmake-static embed.c)
target_link_libraries(by-cmake-static mpifetch::static)
END
cmake -S "$work/user" -B "$work" -DCMAKE_PREFIX_PATH="$prefix" \
    -DMPI_C_COMPILER="$mpicc" >"$work/user.log" || { cat "$work/user.log"; exit 1; }
cmake --build "$work" >>"$work/user.log" || { cat "$work/user.log"; exit 1; }
run by-cmake
run by-cmake-static
echo "install: fine"
