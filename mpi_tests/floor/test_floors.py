"""The oldest versions that are taken: said once for users, and kept where the C library's names
say it."""

import os
import re
import subprocess
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parents[2]
PROGRAM = Path(os.environ["MPIFETCH"])
GLIBC = (2, 34)
# How later headers call the functions that take numbers apart, whoever uses them.
RENAMED = "__isoc23_"

STATED = {
    "CMake": r"^cmake_minimum_required\(VERSION ([\d.]+)\)",
    "MPI": r"^find_package\(MPI ([\d.]+) ",
    "libcurl": r"^find_package\(CURL ([\d.]+) ",
    "OpenSSL": r"^find_package\(OpenSSL ([\d.]+) ",
    "jansson": r"jansson>=([\d.]+)\)",
    "xxhash": r"libxxhash>=([\d.]+)\)",
}


@pytest.mark.parametrize("page", ["README.md", "docs/building.md"])
@pytest.mark.parametrize("name", STATED)
def test_the_pages_say_what_cmake_takes(name, page):
    wanted = re.search(STATED[name], (TOP / "CMakeLists.txt").read_text(), re.M)[1]
    assert re.search(rf"\b{name} {re.escape(wanted)}(?![.\d]*\d)", (TOP / page).read_text())


def test_the_pages_say_which_c_library():
    said = f"glibc {'.'.join(map(str, GLIBC))}"
    assert said in (TOP / "docs/building.md").read_text()


def newer(symbols):
    """Names that the C library has got after the oldest one, from what readelf says."""
    for name, since in re.findall(r" UND (\w+)@+GLIBC_([\d.]+)", symbols):
        version = tuple(int(number) for number in since.split("."))
        if version > GLIBC and not name.startswith(RENAMED):
            yield f"{name} of glibc {since}"


@pytest.mark.parametrize("file", [PROGRAM, PROGRAM.with_name("libmpifetch.so")], ids=str)
def test_nothing_newer_of_the_c_library(file):
    said = subprocess.run(
        ["readelf", "-W", "--dyn-syms", file], capture_output=True, text=True, check=True
    ).stdout
    assert re.search(r" UND memcpy@+GLIBC_", said)
    assert not list(newer(said))


def test_a_newer_name_is_seen():
    """As readelf of binutils 2.40 writes them."""
    lines = """
     6: 0000000000000000     0 FUNC    GLOBAL DEFAULT  UND openat@GLIBC_2.4 (2)
     7: 0000000000000000     0 FUNC    GLOBAL DEFAULT  UND arc4random@GLIBC_2.36 (4)
     8: 0000000000000000     0 FUNC    GLOBAL DEFAULT  UND strlcpy@@GLIBC_2.38 (4)
     9: 0000000000000000     0 FUNC    GLOBAL DEFAULT  UND __isoc23_strtol@GLIBC_2.38 (4)
    10: 0000000000001139    11 FUNC    GLOBAL DEFAULT   14 pidfd_open@@GLIBC_2.36
    """
    assert list(newer(lines)) == ["arc4random of glibc 2.36", "strlcpy of glibc 2.38"]
