"""Recipes of tools that are not to be had here: what can be checked without them, and that no
file states another version than mpifetch.h."""

import ast
import os
import re
import shutil
import subprocess
from fnmatch import fnmatch

import pytest
import yaml
from job import ROOT
from roots import BUILD

SITE = ROOT / "jobscripts" / "site"
STATED = {
    # file, what stands before the version
    "changelog": (ROOT / "docs" / "changelog.md", r"^## "),
    "easyconfig": (SITE / "easybuild" / "mpifetch-{}.eb", r"^version = '"),
    "rpm": (SITE / "rpm" / "mpifetch.spec", r"^Version:\s+"),
    "spack": (SITE / "spack" / "mpifetch" / "package.py", r'^    version\("'),
    "conda": (SITE / "conda-forge" / "recipe.yaml", r'^  version: "'),
    "apptainer": (SITE / "apptainer" / "mpifetch.def", r"^    Version "),
}


@pytest.mark.parametrize("path, before", STATED.values(), ids=STATED)
def test_version_is_that_of_the_header(path, before, version):
    text = (path.parent / path.name.format(version)).read_text()
    found = re.search(before + r"(\d+\.\d+\.\d+)", text, re.MULTILINE)
    assert found and found[1] == version


def test_soname_of_rpm(version):
    spec = (SITE / "rpm" / "mpifetch.spec").read_text()
    assert f"%global soname {version.rpartition('.')[0]}\n" in spec


def test_no_other_version_is_named(version):
    """A line that names one is one of those above, or says where a tarball comes from."""
    for path in SITE.rglob("*"):
        if path.is_file():
            named = set(re.findall(r"mpifetch-(\d+\.\d+\.\d+)", path.read_text()))
            assert named <= {version}, path


@pytest.mark.parametrize("mpi", ["openmpi", "mpich"])
def test_rpm(mpi, version):
    spec = SITE / "rpm" / "mpifetch.spec"
    choice = [] if mpi == "openmpi" else ["--define=_without_openmpi 1", "--define=_with_mpich 1"]
    words = ["rpmspec", "-q", "--qf=%{name} %{version}\\n", *choice, spec]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    names = [f"mpifetch-{mpi}", f"mpifetch-{mpi}-libs", f"mpifetch-{mpi}-devel"]
    assert done.stdout.splitlines() == [f"{name} {version}" for name in names]


# What Enterprise Linux says once its Open MPI is loaded.
LOADED = {"MPI_HOME": "/usr/lib64/openmpi", "MPI_MAN": "/usr/share/man/openmpi-x86_64"}


def test_rpm_has_all_files(tmp_path):
    """What is installed with its options is what its lists of files say."""
    words = ["rpmspec", "-P", "--define=_libdir /usr/lib64", "--define=_arch x86_64",
             SITE / "rpm" / "mpifetch.spec"]  # fmt: skip
    spec = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True).stdout
    build, made = tmp_path / "build", tmp_path / "made"
    shutil.copytree(BUILD / "src", build / "src", symlinks=True)
    options = re.findall(r"-D[A-Z_]+=[\w$]+", spec)
    assert len(options) >= 5
    options = [re.sub(r"\$(\w+)", lambda name: LOADED[name[1]], option) for option in options]
    for words in (["cmake", "-S", ROOT, "-B", build, *options], ["cmake", "--install", build]):
        subprocess.run(words, env={**os.environ, "DESTDIR": str(made)}, stdout=subprocess.DEVNULL,
                       check=True)  # fmt: skip
    listed = re.findall(r"^(?:%exclude )?(/\S+)", spec.partition("\n%files\n")[2], re.MULTILINE)
    there = {f"/{path.relative_to(made)}" for path in made.rglob("*") if not path.is_dir()}
    named = set()
    for pattern in listed:
        found = {path for path in there if fnmatch(path, pattern) or path.startswith(f"{pattern}/")}
        assert found, f"{pattern} is not installed"
        named |= found
    assert named == there


# A rule of Mandriva; and a source that is not to be downloaded from anywhere.
NOT_OURS = {"lib-package-without-%mklibname", "no-buildroot-tag", "invalid-url"}


def test_rpmlint():
    words = ["rpmlint", SITE / "rpm" / "mpifetch.spec"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    print(done.stdout)
    said = re.findall(r"^mpifetch\.spec:(?:\d+:)? [EW]: (\S+)", done.stdout, re.MULTILINE)
    assert "1 specfiles checked" in done.stdout and set(said) <= NOT_OURS


def test_spack():
    """Python that defines the class Spack will look for, with a dependency on what CMake asks."""
    tree = ast.parse((SITE / "spack" / "mpifetch" / "package.py").read_text())
    (package,) = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    calls = [node.value for node in package.body if isinstance(node, ast.Expr)
             and isinstance(node.value, ast.Call)]  # fmt: skip
    wanted = {re.split("[@+]", call.args[0].value)[0] for call in calls
              if call.func.id == "depends_on"}  # fmt: skip
    assert package.name == "Mpifetch"
    assert {"c", "cmake", "mpi", "curl", "openssl", "jansson", "xxhash"} <= wanted


def test_conda():
    recipe = yaml.safe_load((SITE / "conda-forge" / "recipe.yaml").read_text())
    variants = yaml.safe_load((SITE / "conda-forge" / "variants.yaml").read_text())
    assert recipe["schema_version"] == 1 and recipe["package"]["name"] == "mpifetch"
    assert set(variants["mpi"]) == {"openmpi", "mpich"}
    # Without conda-forge's own pinning rattler-build knows no C library to build for.
    assert "${{ stdlib('c') }}" in recipe["requirements"]["build"] and len(variants["c_stdlib"]) == 1
    host = {str(one).split()[0] for one in recipe["requirements"]["host"]}
    assert {"libcurl", "openssl", "jansson", "xxhash"} <= host
