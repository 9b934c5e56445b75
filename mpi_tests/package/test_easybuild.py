"""The easyconfig of jobscripts/site, built by EasyBuild with the compiler and the MPI of this
machine, and the module that this makes, loaded."""

import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
from job import ROOT

CONFIG = next((ROOT / "jobscripts" / "site" / "easybuild").glob("*.eb"))
EASYBUILD = Path(sys.executable).with_name("eb")
# What a release has, as far as a build needs it.
SOURCES = ["CMakeLists.txt", "LICENSE", "README.md", "docs", "include", "jobscripts", "src"]
# With Environment Modules of Debian, which keeps its command elsewhere.
START = """
. /usr/share/modules/init/bash
export -f module
"""
LOAD = START + """
set -e
module use "$MODULES"
module load mpifetch
mpifetch --version
printf 'prefix: %s\\n' "$EBROOTMPIFETCH"
"""  # fmt: skip


@pytest.fixture
def sources(tmp_path, version):
    made = tmp_path / "sources" / f"mpifetch-{version}.tar.gz"
    made.parent.mkdir()
    with tarfile.open(made, "w:gz", compresslevel=1) as tar:
        for name in SOURCES:
            tar.add(ROOT / name, f"mpifetch-{version}/{name}")
    return made.parent


def shell(script, **env):
    words = ["bash", "-c", script]
    return subprocess.run(words, env={**os.environ, **env}, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          check=False)  # fmt: skip


def test_easybuild(tmp_path, sources, version):
    home = tmp_path / "modules"
    (home / "libexec").mkdir(parents=True)
    (home / "libexec" / "modulecmd.tcl").symlink_to("/usr/lib/modulecmd.tcl")
    words = [EASYBUILD, CONFIG, f"--prefix={tmp_path}", f"--sourcepath={sources}",
             "--modules-tool=EnvironmentModules", "--module-syntax=Tcl",
             "--allow-modules-tool-mismatch", "--allow-use-as-root-and-accept-consequences",
             "--disable-rpath"]  # fmt: skip
    built = shell(START + " ".join(map(str, words)), MODULESHOME=str(home), EB_PYTHON=sys.executable)
    print(built.stdout)
    assert built.returncode == 0, built.stdout
    loaded = shell(LOAD, MODULES=str(tmp_path / "modules" / "all"))
    print(loaded.stdout)
    software = tmp_path / "software" / "mpifetch" / version
    assert loaded.stdout.splitlines() == [f"mpifetch {version}", f"prefix: {software}"]
