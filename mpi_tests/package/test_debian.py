"""The Debian packages: what lintian says, and what they bring to a bare system."""

import re
import subprocess

import pytest
from conftest import depends
from job import ROOT
from trees import noise, write_tree

FILES = {"one.bin": noise(3_000_000, 5), "a/b.txt": b"b\n"}
PROGRAM_AND_LIBRARY = ["mpifetch", "libmpifetch0.1"]


def test_lintian(packages):
    words = ["lintian", "--allow-root", "--fail-on=error", *packages.values()]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    print(done.stdout, done.stderr)
    assert done.returncode == 0 and len(packages) == 3


def test_development_needs_the_mpi_of_its_header(packages):
    wanted = depends(packages["libmpifetch-dev"])
    assert "libopenmpi-dev" in wanted and "libmpifetch0.1" in wanted


@pytest.fixture(scope="module")
def installed(debian, packages, tmp_path_factory):
    """The bare system with the program and the library, and a tree at /srv/tree."""
    tree = write_tree(tmp_path_factory.mktemp("source") / "tree", FILES)
    debian.copy_in(tree, "/srv/tree")
    debian.install([packages[name] for name in PROGRAM_AND_LIBRARY])
    return debian


def test_version(installed, version):
    assert installed.run("mpifetch", "--version").strip() == f"mpifetch {version}"


def test_library_is_found(installed, version):
    assert f"libmpifetch.so.{version.rpartition('.')[0]} " in installed.run("ldconfig", "-p")


def test_fetches(installed):
    installed.run("mpifetch", "get", "file:///srv/tree", "/srv/out")
    installed.run("diff", "-r", "--exclude=.mpifetch*", "/srv/tree", "/srv/out")


def test_manual(installed, version):
    said = installed.run("man", "--warnings=w", "--pager=cat", "mpifetch")
    assert "--require-digest" in said and version in said
    assert "warning" not in said.lower()


SHELLS = {
    "bash": ("bash", "--norc", "-i"),
    "zsh": ("zsh", "-f", "-i"),
    "fish": ("fish", "--private"),
}
READY = {
    # The words that it was called with, once completed; and what a login does.
    "bash": ". /usr/share/bash-completion/bash_completion; mpifetch() { echo \"<$*>\"; }; "
    "bind 'set enable-bracketed-paste off'",
    "zsh": "autoload -U compinit; compinit -u -D; mpifetch() { print \"<$*>\" }",
    "fish": "function mpifetch; echo \"<$argv>\"; end",
}
TYPED = {
    # a start, what the shell makes of it
    "option": ("get --require-d", "get --require-digest"),
    "command": ("doct", "doctor"),
    "choice": ("get --repo-type data", "get --repo-type dataset"),
    "path": ("get --manifest /etc/host.con", "get --manifest /etc/host.conf"),
    "directory": ("get --scratch /srv/tr", "get --scratch /srv/tree"),
}


@pytest.mark.parametrize("start, whole", TYPED.values(), ids=TYPED)
@pytest.mark.parametrize("shell", SHELLS)
def test_completes(installed, shell, start, whole):
    with installed.terminal(*SHELLS[shell]) as terminal:
        terminal.type(f"{READY[shell]}; echo read''y\n")
        terminal.wait_for("ready")
        terminal.type(f"mpifetch {start}\t end\n")
        terminal.wait_for("\r")
        terminal.wait_for("<")
        said = terminal.wait_for(">")
    # some shells leave the slash of a directory
    assert re.sub(r"/?\s+", " ", said) == f"{whole} end"


EMBED = """
set -e
cd /srv/user
mpicc embed.c -o by-pkg-config $(pkg-config --cflags --libs mpifetch)
cmake -S . -B build >/dev/null
cmake --build build >/dev/null
for program in ./by-pkg-config build/by-cmake build/by-cmake-static; do
    rm -rf /srv/out
    mpirun --oversubscribe -n 2 $program file:///srv/tree /srv/out
    diff -r --exclude='.mpifetch*' /srv/tree /srv/out
done
"""
PROJECT = """
cmake_minimum_required(VERSION 3.20)
project(user C)
find_package(mpifetch {version} REQUIRED COMPONENTS static)
add_executable(by-cmake embed.c)
target_link_libraries(by-cmake mpifetch::mpifetch)
add_executable(by-cmake-static embed.c)
target_link_libraries(by-cmake-static mpifetch::static)
"""


def test_development(machine, packages, version, tmp_path):
    user = write_tree(tmp_path / "user", {
        "CMakeLists.txt": PROJECT.format(version=version).encode(),
        "embed.c": (ROOT / "docs" / "examples" / "embed.c").read_bytes(),
    })  # fmt: skip
    machine.copy_in(user, "/srv/user")
    machine.copy_in(write_tree(tmp_path / "tree", FILES), "/srv/tree")
    machine.install(packages.values())
    machine.run("bash", "-c", EMBED)
