"""The package with other MPIs. Label mpis: also run in the folders that run.sh builds with them,
where nothing but the program and the shared library is built."""

import re
import signal
from pathlib import Path

import pytest
import test_calls
from installed import libraries_of
from job import PROGRAM, ROOT
from test_calls import FILES, env  # noqa: F401 the fixtures want them here
from test_pages import page, test_quick  # noqa: F401 the ten lines of the page, on 4 ranks

pytest_plugins = "installed"


@pytest.fixture(scope="session")
def library(tmp_path_factory):
    """As installed.library, of what lies in the build."""
    place = tmp_path_factory.mktemp("pc")
    header = (ROOT / "include" / "mpifetch.h").read_text()
    version = re.search(r'^#define MPIFETCH_VERSION "(.*)"$', header, re.M)[1]
    built = Path(PROGRAM).parent
    (place / "mpifetch.pc").write_text(
        f"prefix={ROOT}\nincludedir={ROOT}/include\nlibdir={built}\n"
        f"Name: mpifetch\nDescription: the build\nVersion: {version}\n"
        "Cflags: -I${includedir}\nLibs: -L${libdir} -lmpifetch\n"
    )
    return place


def test_own_mpi(ask):
    """It was compiled for the MPI whose launcher starts it: four ranks see each other."""
    code = """
from mpifetch import _launch
_launch.open_comm(None, False, [])
tell(_launch.lib.binding_size(_launch.ffi.NULL))
"""
    assert ask(4, code) == [4]
    assert ask(0, code) == [1]


def test_communicator(ask, python, env, tree, tmp_path):  # noqa: F811
    """A wheel of mpi4py, which looks for an MPI as it starts, with the one that mpifetch uses: two
    halves of the ranks fetch side by side."""
    [mpi] = set(re.findall(r"libmpi(?:ch)?\.so\S* => (\S+)", libraries_of(python)))
    named = {**env, "MPI4PY_LIBMPI": mpi}
    if "libmpich" in mpi:  # as Debian calls what is libmpi.so.12 elsewhere, and for the wheel
        (tmp_path / "lib").mkdir()
        (tmp_path / "lib" / "libmpi.so.12").symlink_to(mpi)
        named["LD_LIBRARY_PATH"] = str(tmp_path / "lib")
    test_calls.test_part_of_the_ranks(ask, named, tree, tmp_path)


def test_interrupted(begin, hub, tree, env, dest):  # noqa: F811
    test_calls.test_interrupted(begin, hub, tree, env, dest, signal.SIGINT)
