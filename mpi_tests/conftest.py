"""Fixtures of all suites that run the real program."""

import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE / "servers")]

pytest.register_assert_rewrite("installed", "readers", "trees")

from hub import Hub  # noqa: E402
from job import Job  # noqa: E402
from mounts import fuse  # noqa: E402
from trees import noise, write_tree  # noqa: E402

MIB = 1 << 20


def pytest_configure(config):
    """Each session has a place of its own: what all share is closed to other users again by every
    session that begins. And what a shell or nohup has made us ignore the program would ignore as
    well, which tests send these signals."""
    for number in (signal.SIGHUP, signal.SIGINT):
        if signal.getsignal(number) == signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
    # Of what a test starts without job.py: see there.
    sessions = tempfile.mkdtemp(prefix="mf-")
    os.environ["OMPI_MCA_orte_tmpdir_base"] = sessions
    config.add_cleanup(lambda: shutil.rmtree(sessions, ignore_errors=True))
    if not config.option.basetemp:
        top = Path(tempfile.mkdtemp(prefix="mpifetch-tests-"))
        top.chmod(0o755)
        config.option.basetemp = str(top / "t")
        config.add_cleanup(lambda: shutil.rmtree(top, ignore_errors=True))


@pytest.fixture
def start(tmp_path):
    """start(ranks, *args, env=, umask=, user=, group=, below=) -> Job; 0 ranks: without mpirun.
    Its home is made below a directory that another user must be able to reach."""
    jobs = []

    def begin(ranks, *args, below=tmp_path, **how):
        home = below / f"home-{len(jobs)}"
        home.mkdir()
        jobs.append(Job(home, ranks, args, **how))
        return jobs[-1]

    yield begin
    for job in jobs:
        job.close()


@pytest.fixture
def run(start):
    """run(ranks, *args, timeout=, ...) -> Result, when it has ended."""

    def to_the_end(ranks, *args, timeout=None, **how):
        job = start(ranks, *args, **how)
        return job.wait(timeout) if timeout else job.wait()

    return to_the_end


@pytest.fixture
def folding(tmp_path):
    """A directory on a file system that takes some names for one."""
    with fuse(tmp_path, "fold") as place:
        yield place


@pytest.fixture
def hub():
    with Hub(need_query=True) as serving:
        yield serving


@pytest.fixture
def tree(request, hub, tmp_path):
    """What the Hub has as acme/demo: FILES of the module."""
    root = write_tree(tmp_path / "tree", request.module.FILES)
    hub.add("acme/demo", root)
    return root


@pytest.fixture
def change(request, hub, tmp_path):
    """change() -> the next revision of it, with CHANGES of the module. What the Hub has been asked
    for before does not count."""

    def make():
        root = write_tree(tmp_path / "changed", {**request.module.FILES, **request.module.CHANGES})
        hub.add("acme/demo", root)
        hub.reset()
        return root

    return make


@pytest.fixture
def dest(tmp_path):
    """A place to publish at, alone in its directory."""
    (tmp_path / "out").mkdir()
    return tmp_path / "out" / "model"


@pytest.fixture(scope="session")
def model(tmp_path_factory):
    """A repository as a directory: large, odd-sized, tiny, empty, nested, twice the same, and
    names that need quoting."""
    large = noise(20 * MIB + 17, 1)
    return write_tree(
        tmp_path_factory.mktemp("model"),
        {
            "model-1.safetensors": large,
            "model-2.safetensors": noise(20 * MIB, 2),
            "copy/of/model-1.safetensors": large,
            "just-lfs.bin": noise(MIB, 3),
            "just-not-lfs.bin": noise(MIB - 1, 4),
            "config.json": b'{"layers": 2}\n',
            "one-byte": b"x",
            "empty": b"",
            ".gitattributes": b"*.safetensors filter=lfs\n",
            "a/b/c/d/deep.txt": b"deep\n",
            "a/empty-too": b"",
            "names/with space.txt": b"space\n",
            "names/100%.txt": b"percent\n",
            "names/c#.txt": b"hash\n",
            "names/what?&x=y+z.txt": b"query\n",
            "names/%41.txt": b"not an A\n",
            "names/größe-模型.txt": "Größe\n".encode(),
            "names/[brackets]{and}'quotes'.txt": b"glob\n",
            **{f"many/part-{i:03}.txt": b"part %d\n" % i for i in range(40)},
        },
    )
