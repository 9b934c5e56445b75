"""The modulefiles of jobscripts/site, loaded by Lmod and by Environment Modules."""

import subprocess

import pytest
from job import ROOT
from roots import BUILD

SITE = ROOT / "jobscripts" / "site" / "modules"
LOAD = """
set -e
module use /opt/modulefiles
module load mpifetch/{version}
mpifetch --version
echo "man: ${{MANPATH%%:*}}"
echo "root: $MPIFETCH_ROOT"
ls "${{LD_LIBRARY_PATH%%:*}}/libmpifetch.so" "${{PKG_CONFIG_PATH%%:*}}/mpifetch.pc" | xargs -n 1 basename
manpath -q | tr : '\n' | sort -u | grep -x -e /usr/share/man -e "$MPIFETCH_ROOT/share/man"
echo "data: $XDG_DATA_DIRS"
module unload mpifetch
! command -v mpifetch
echo "left: ${{MPIFETCH_ROOT-nothing}}"
"""


@pytest.fixture(scope="module")
def prefix(tmp_path_factory, version):
    """An installed tree, by the name of its version."""
    prefix = tmp_path_factory.mktemp("prefix") / version
    words = ["cmake", "--install", BUILD, "--prefix", prefix]
    subprocess.run(words, stdout=subprocess.DEVNULL, check=True)
    return prefix


def check(root, prefix, version, name, start):
    root.copy_in(prefix, f"/opt/mpifetch/{version}")
    root.copy_in(SITE / name, f"/opt/modulefiles/mpifetch/{version}{'.lua' * name.endswith('.lua')}")
    said = root.run("bash", "-c", start + LOAD.format(version=version)).splitlines()
    assert said == [
        f"mpifetch {version}",
        f"man: /opt/mpifetch/{version}/share/man",
        f"root: /opt/mpifetch/{version}",
        "libmpifetch.so",
        "mpifetch.pc",
        f"/opt/mpifetch/{version}/share/man",
        "/usr/share/man",
        f"data: /opt/mpifetch/{version}/share:/usr/local/share:/usr/share",
        "left: nothing",
    ]


def test_lmod(debian, prefix, version):
    check(debian, prefix, version, "mpifetch.lua", ". /usr/share/lmod/lmod/init/bash")


def test_environment_modules(machine, prefix, version):
    check(machine, prefix, version, "mpifetch.tcl", ". /usr/share/modules/init/bash")
