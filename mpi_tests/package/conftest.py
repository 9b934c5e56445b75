"""What this suite has in common: our Debian packages, and roots to install them into."""

import re
import shutil
import subprocess

import pytest
from job import ROOT
from roots import BUILD, bare, changed, locked

SHELLS = ["bash-completion", "zsh", "fish", "man-db"]


@pytest.fixture(scope="session")
def version():
    header = (ROOT / "include" / "mpifetch.h").read_text()
    return re.search(r'#define MPIFETCH_VERSION "(.*)"', header)[1]


@pytest.fixture(scope="session")
def packages():
    """name -> the file that cpack has made of the build folder."""
    made = BUILD / "packages"
    with locked("packages.lock"):
        parts = [BUILD / "CPackConfig.cmake", *(BUILD / "src").iterdir(), *(BUILD / "debian").iterdir()]
        newest = max(part.stat().st_mtime for part in parts)
        if not any(file.stat().st_mtime > newest for file in made.glob("*.deb")):
            shutil.rmtree(made, ignore_errors=True)
            subprocess.run(["cpack"], cwd=BUILD, stdin=subprocess.DEVNULL, check=True)
    return {field(file, "Package"): file for file in sorted(made.glob("*.deb"))}


def field(package, name):
    words = ["dpkg-deb", "-f", package, name]
    return subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True).stdout.strip()


def depends(package):
    """The names of what it depends on."""
    return [one.split()[0] for one in field(package, "Depends").split(", ")]


@pytest.fixture(scope="module")
def debian(packages, tmp_path_factory):
    """A bare Debian that has what the program depends on, a choice of shells, and Lmod."""
    lower = bare([*depends(packages["mpifetch"]), *SHELLS, "lmod"])
    with changed(lower, tmp_path_factory.mktemp("debian")) as root:
        yield root


@pytest.fixture(scope="module")
def machine(tmp_path_factory):
    """This machine, with its compiler and its MPI."""
    with changed("/", tmp_path_factory.mktemp("machine")) as root:
        yield root
