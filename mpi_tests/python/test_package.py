"""The package as such: the sdist, with the C sources inside, built and installed; the command;
processes that no MPI connects; and what tools say of its text."""

import json
import os
import re
import shlex
import shutil
import subprocess
import tarfile

import pytest
from conftest import noise
from installed import (
    BASE,
    PACKAGE,
    answers,
    call,
    environment,
    fresh,
    install,
    libraries_of,
    packages_of,
)
from job import MPIRUN, PATIENCE, ROOT
from trees import digests, files_of

pytest_plugins = "installed"

FILES = {
    "model.safetensors": noise(2_000_003, 1),
    "config.json": b'{"layers": 2}\n',
    ".gitattributes": b"*.safetensors filter=lfs\n",
}
VERSION = re.search(
    r'^#define MPIFETCH_VERSION "(.*)"$', (ROOT / "include" / "mpifetch.h").read_text(), re.M
)[1]


@pytest.fixture(scope="module")
def sdist(tmp_path_factory):
    """Made in the checkout, which it leaves as it is."""
    place = tmp_path_factory.mktemp("sdist")
    make = "import build_hooks, sys; build_hooks.build_sdist(sys.argv[1])"
    call(BASE, "-B", "-c", make, place, cwd=PACKAGE)
    assert not (PACKAGE / "tree").exists()
    [made] = place.iterdir()
    return made


@pytest.fixture(scope="module")
def bundled(tmp_path_factory, sdist):
    """Python with what the sdist makes, where no library is to be had. It is built without
    optimising,
    and where ccache is it has each file from the last time: as seen from the place where it is
    built all names are the same then."""
    place = tmp_path_factory.mktemp("bundled")
    python = fresh(place / "v")
    call("tar", "-xf", sdist, "-C", place)
    more = {
        "CMAKE_C_COMPILER_LAUNCHER": "ccache",
        "CCACHE_BASEDIR": str(place),
        "CCACHE_DEPEND": "1",  # no file goes through the preprocessor alone
    }
    settings = (
        "cmake.build-type=Quick",
        "cmake.define.MPIFETCH_BUNDLED=ON",
        f"build-dir={place}/b",
    )
    install(
        python,
        place / sdist.name.removesuffix(".tar.gz"),
        *(f"--config-settings={setting}" for setting in settings),
        **(more if shutil.which("ccache") else {}),
    )
    return python


def test_sdist(sdist):
    """Every C file is in it, and nothing that was made."""
    assert sdist.name == f"mpifetch-{VERSION}.tar.gz"
    with tarfile.open(sdist) as packed:
        found = {name.partition("/")[2] for name in packed.getnames()}
    sources = {
        f"tree/{path.relative_to(ROOT)}"
        for top in ("src", "include")
        for path in (ROOT / top).rglob("*.[ch]")
    }
    assert sources <= found and {"tree/LICENSE", "tree/CMakeLists.txt"} <= found
    assert not [name for name in found if re.search(r"__pycache__|\.so$|\.o$|mpi_tests", name)]


def test_directory_alone(tmp_path):
    """As pip before 21.3 builds it, where the tree is out of sight: it says what helps."""
    for name in ("build_hooks.py", "pyproject.toml"):
        shutil.copy(PACKAGE / name, tmp_path)
    words = [BASE, "-B", "-c", "import build_hooks"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 1 and "pip install --upgrade pip" in done.stderr


def test_bundled(ask, hub, tree, dest, bundled):
    """It needs no library of ours, shows none of its names, and has the program."""
    assert "libmpifetch" not in libraries_of(bundled)
    [module] = packages_of(bundled).glob("mpifetch/_binding*.so")
    names = re.findall(r" T (\w+)", call("nm", "-D", "--defined-only", module))
    assert names == ["PyInit__binding"]
    code = """
import mpifetch
tell([mpifetch.__version__, mpifetch.get("hf://acme/demo", sys.argv[1]).files])
"""
    assert ask(2, code, dest, env=hub.env, with_python=bundled) == [[VERSION, len(FILES)]]
    assert digests(files_of(dest)) == digests(files_of(tree))
    said = call(bundled.parent / "mpifetch", "--version")
    assert said == f"mpifetch {VERSION}\n"
    metadata = "import importlib.metadata as m; print(m.version('mpifetch'))"
    assert call(bundled, "-c", metadata) == f"{VERSION}\n"


@pytest.mark.parametrize("which", ["python", "bundled"])
def test_command(request, hub, tree, dest, tmp_path, which):
    """python -m mpifetch is the command: words, output, exit code, ranks."""
    python = request.getfixturevalue(which)
    words = [MPIRUN, "--allow-run-as-root", "--oversubscribe", "-n", "2", python, "-m", "mpifetch"]
    env = {**os.environ, **hub.env, "HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        [*map(str, words), "get", "hf://acme/demo", str(dest)],
        env=env, capture_output=True, text=True, timeout=PATIENCE,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, f"{dest}\n"), done.stderr
    assert digests(files_of(dest)) == digests(files_of(tree))
    done = subprocess.run(
        [python, "-m", "mpifetch", "get", "--no-such-option"],
        env=env,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2 and "no-such-option" in done.stderr


# processes of torchrun


def torch(rank, of, **more):
    """What it tells each process."""
    return {
        "TORCHELASTIC_RUN_ID": "none",
        "RANK": str(rank),
        "LOCAL_RANK": str(rank),
        "WORLD_SIZE": str(of),
        "LOCAL_WORLD_SIZE": str(of),
        **more,
    }


SNAPSHOT = """
import mpifetch
told(mpifetch.snapshot_download, "acme/demo", revision="main", allow_patterns=["*.json", "*.bin"])
"""
# a task of MPI that starts two of them, as torchrun in a step of srun does
ABOVE = """
import subprocess
if "LOCAL_RANK" not in os.environ:
    started = [
        subprocess.Popen([sys.executable, *sys.argv], env={**os.environ, **one})
        for one in json.loads(os.environ["EACH"])
    ]
    sys.exit(max(one.wait() for one in started))
"""


@pytest.mark.parametrize("above", ["a shell", "a task of MPI"])
def test_unconnected(begin, hub, tree, tmp_path, python, above):
    """Each of them is told what to put before: that line, run as it stands, and then they find it
    there, without a request."""
    home = {**hub.env, "HF_HOME": str(tmp_path / "hf")}

    def both(**more):
        env = [torch(rank, 2, **more) for rank in range(2)]
        if above == "a task of MPI":
            jobs = 2 * [begin(1, ABOVE + SNAPSHOT, env={**home, "EACH": json.dumps(env)})]
        else:
            for one in env:  # what follows from those two is not needed
                del one["TORCHELASTIC_RUN_ID"], one["LOCAL_WORLD_SIZE"]
            jobs = [begin(0, SNAPSHOT, env={**home, **one}) for one in env]
        results = [job.wait() for job in jobs]
        assert all(result.code == 0 for result in results), results
        return [answers(job, 2)[rank][0] for rank, job in enumerate(jobs)]

    refused = both()
    assert hub.log() == []
    for answer in refused:
        assert answer["kinds"][0] == "mpifetch.UsageError", answer
        assert "torchrun started 2 processes" in answer["error"]
    assert refused[0]["error"] == refused[1]["error"]

    [line] = re.findall(r"put '(.*)' before torchrun", refused[0]["error"])
    launcher, tasks, *command = shlex.split(line)
    assert (launcher, tasks) == ("srun", "--ntasks-per-node=1")
    assert command[:3] == ["python", "-m", "mpifetch"]
    path = fetched_by(command, python, home)
    hub.reset()
    found = both(HF_HUB_OFFLINE="1")
    assert found == 2 * [{"value": path}] and hub.log() == []
    assert set(files_of(path)) == {"config.json"}


def test_exceptions_have_no_secrets(ask, dest):
    """Neither a password in a URL nor its signature: the line to put before torchrun, and the
    repository that an exception names."""
    code = """
import mpifetch
source = "https://me:tell-nobody@127.0.0.1:9/x?sig=tell-nobody"
told(mpifetch.get, source, sys.argv[1])
del os.environ["TORCHELASTIC_RUN_ID"], os.environ["WORLD_SIZE"]
told(mpifetch.get, source, sys.argv[1], retries=0)
try:
    mpifetch.get("hf://a/b", sys.argv[1], endpoint="http://me:tell-nobody@127.0.0.1:9", retries=0)
except mpifetch.NetworkError as error:
    tell({"error": f"{error} {error.url} {error!r}"})
"""
    refused, failed, hub = ask(0, code, dest, env=torch(0, 2))
    assert "mpifetch get 'https://127.0.0.1:9/x?...'" in refused["error"], refused
    assert failed["status"] == 6 and "127.0.0.1:9/x" in failed["error"], failed
    assert "http://127.0.0.1:9/api/models/a/b" in hub["error"]
    assert "tell-nobody" not in str([refused, failed, hub])


def fetched_by(command, python, env):
    """What the command prints that goes before torchrun, with mpirun for srun."""
    words = [MPIRUN, "--allow-run-as-root", "--oversubscribe", "-n", "2", python, *command[1:]]
    done = subprocess.run(
        [*map(str, words)],
        env={**os.environ, **env},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_alone(ask, hub, tree, dest):
    """A process that nobody launched, as in a notebook; and one whose launcher started it alone."""
    code = """
import mpifetch
tell(mpifetch.get("hf://acme/demo", sys.argv[1]).files)
"""
    assert ask(0, code, dest, env=hub.env) == [len(FILES)]
    assert ask(0, code, dest, env={**hub.env, **torch(0, 1)}) == [len(FILES)]


# text


def test_style():
    tool = BASE.parent / "ruff"
    for words in (("check",), ("format", "--diff")):
        call(tool, *words, "--no-cache", ".", cwd=PACKAGE)


def test_types(tmp_path, python):
    """mypy has nothing to say of the package, and sees what is wrong with a program that uses
    it."""
    mypy = (BASE.parent / "mypy", "--cache-dir", tmp_path / "cache")
    call(*mypy, cwd=PACKAGE)
    (tmp_path / "good.py").write_text(
        "import mpifetch\n"
        "path: str = mpifetch.snapshot_download('a/b', local_dir='/x')\n"
        "done: mpifetch.Report = mpifetch.get('hf://a/b', None, layout='hf-cache')\n"
        "def why(error: mpifetch.GatedRepoError) -> str:\n    return error.reason\n"
    )
    (tmp_path / "bad.py").write_text(
        "import mpifetch\nmpifetch.get('hf://a/b', '/x', layuot='dir')\n"
    )
    env = environment(MYPYPATH="")
    words = [*mypy, "--strict", "--python-executable", python]
    call(*words, tmp_path / "good.py", cwd=tmp_path, env=env)
    done = subprocess.run(
        [*map(str, words), tmp_path / "bad.py"],
        cwd=tmp_path,
        env=env,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1 and "layuot" in done.stdout, done.stdout
