"""Fixtures of the suite: the package in a fresh environment of its own, which sees what run.sh has
installed in build/clients/python, and scripts run by the ranks of a job with it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from job import PATIENCE, PROGRAM, ROOT

CLIENTS = Path(os.environ.get("MPIFETCH_CLIENTS", ROOT / "build" / "clients"))
BASE = CLIENTS / "python" / "bin" / "python"
PACKAGE = ROOT / "src" / "python"

# what ranks of a script have: tell(x) is kept for the test, of this rank
PRELUDE = """
import json, os, sys
NAMES = ("RANK", "OMPI_COMM_WORLD_RANK", "PMI_RANK")
RANK = int(next((os.environ[name] for name in NAMES if name in os.environ), 0))
def tell(value):
    with open(f"{os.environ['TOLD']}.{RANK}", "a") as out:
        print(json.dumps(value), file=out)
def told(function, *args, **named):
    # what a call returned or raised, with what its exception is and knows
    try:
        value = function(*args, **named)
        tell({"value": value if isinstance(value, str) else vars(value)})
        return value
    except BaseException as error:
        response = getattr(error, "response", None)
        bases = type(error).__mro__
        tell({
            "error": str(error),
            "kinds": [f"{one.__module__.split('.')[0]}.{one.__name__}" for one in bases],
            **{name: getattr(error, name, None) for name in ("status", "reason", "rank")},
            "http": response is not None and [response.status_code, str(response.url)],
        })
"""


def call(*words, **how):
    done = subprocess.run(
        [*map(str, words)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=5 * PATIENCE,
        **how,
    )
    assert done.returncode == 0, f"{words}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def environment(**more):
    """For pip and what it runs: no registry, no library but the one that is named, and the MPI of
    the build."""
    env = {name: text for name, text in os.environ.items() if not name.startswith("PKG_CONFIG")}
    return {
        **env,
        "PIP_NO_INDEX": "1",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_NO_CACHE_DIR": "1",
        "CMAKE_ARGS": f"-DMPI_C_COMPILER={os.environ.get('MPICC', 'mpicc')}",
        **more,
    }


def fresh(place):
    """A new environment below place that sees the packages of BASE; its Python."""
    if not BASE.exists():
        raise FileNotFoundError(f"'{BASE}' is missing; mpi_tests/run.sh installs it")
    call(BASE, "-m", "venv", "--without-pip", place)
    python = place / "bin" / "python"
    (packages_of(python) / "others.pth").write_text(f"{packages_of(BASE)}\n")
    return python


def install(python, what, *options, **env):
    words = ("-m", "pip", "--python", python, "install", "-q", "--no-build-isolation", "--no-deps")
    call(sys.executable, *words, *options, what, env=environment(**env))


def libraries_of(python):
    """What the installed extension is linked to, as ldd says."""
    return call("ldd", next(packages_of(python).glob("mpifetch/_binding*.so")))


def packages_of(python):
    return next(python.parent.parent.glob("lib/python*/site-packages"))


@pytest.fixture(scope="session")
def library(tmp_path_factory):
    """The build installed somewhere; the directory of its mpifetch.pc."""
    prefix = tmp_path_factory.mktemp("prefix")
    call("cmake", "--install", Path(PROGRAM).parents[1], "--prefix", prefix)
    return next(prefix.rglob("mpifetch.pc")).parent


@pytest.fixture(scope="session")
def python(tmp_path_factory, library):
    """Python with the package, compiled against the build."""
    python = fresh(tmp_path_factory.mktemp("venv") / "v")
    install(python, PACKAGE, PKG_CONFIG_PATH=str(library))
    assert "libmpifetch.so" in libraries_of(python)
    return python


@pytest.fixture
def begin(start, python, tmp_path):
    """begin(ranks, code, *args, env=) -> Job of that many ranks, or of a process without mpirun."""

    def run(ranks, code, *args, env=(), with_python=None, **how):
        script = tmp_path / f"script-{len(list(tmp_path.glob('script-*')))}.py"
        script.write_text(PRELUDE + code)
        known = {"TOLD": str(script.with_suffix("")), **dict(env)}
        # the job's own word comes after these, and is no matter to the script
        before = (str(with_python or python), "-B", str(script), *map(str, args))
        job = start(ranks, env=known, before=before, **how)
        job.told = script.with_suffix("")
        return job

    return run


def answers(job, ranks):
    """What each rank told, one list a rank."""
    found = []
    for rank in range(ranks):
        path = Path(f"{job.told}.{rank}")
        found.append(
            [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
        )
    return found


@pytest.fixture
def ask(begin):
    """ask(ranks, code, ...) -> what all ranks told alike, when the job has ended well."""

    def run(ranks, code, *args, **how):
        job = begin(ranks, code, *args, **how)
        result = job.wait()
        assert result.code == 0, result
        first, *others = answers(job, max(ranks, 1))
        assert all(one == first for one in others), (first, others)
        return first

    return run


sys.path.append(str(ROOT / "mpi_tests" / "clients"))
