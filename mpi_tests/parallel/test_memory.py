"""--per-node where the disk is memory: a job that has too little of it is told so before the first
byte. And on a disk: what stays in memory of what was written."""

import ctypes
import errno
import mmap
import shutil
import tempfile
import time
from pathlib import Path

import pytest
from conftest import MIB
from job import PATIENCE
from trees import assert_alone, assert_same

ENTER = 'echo 0 >"$1/cgroup.procs" || exit; shift; exec "$@"'  # a control group, and run in it


def own_group():
    """The control group of this process that counts memory, and the name of its limit."""
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        for top, limit in (
            ("/sys/fs/cgroup/memory", "memory.limit_in_bytes"),
            ("/sys/fs/cgroup", "memory.max"),
        ):
            group = Path(top + path)
            if (controllers == "memory") == top.endswith("memory") and (group / limit).exists():
                return group, limit
    pytest.skip("no control group counts memory here")


@pytest.fixture
def group():
    above, limit = own_group()
    try:
        path = Path(tempfile.mkdtemp(prefix="mpifetch-", dir=above))
    except OSError as error:
        pytest.skip(f"no control group can be made: {error}")
    if not (path / limit).exists():
        path.rmdir()
        pytest.skip("control groups in this one do not count memory")
    yield path, path / limit
    until = time.monotonic() + PATIENCE
    while True:
        try:
            return path.rmdir()
        except OSError as error:  # the last of those that were in it are ending
            assert error.errno == errno.EBUSY and time.monotonic() < until, error
            time.sleep(0.05)


@pytest.fixture
def shm():
    path = Path(tempfile.mkdtemp(dir="/dev/shm"))
    yield path
    shutil.rmtree(path)


def source(path, **sizes):
    path.mkdir()
    for name, size in sizes.items():
        with open(path / name, "wb") as file:
            file.truncate(size)
    return f"file://{path}"


def test_too_little_in_the_control_group(start, group, shm, tmp_path):
    """The node itself has enough."""
    path, limit = group
    limit.write_text(str(256 * MIB))
    url = source(tmp_path / "source", model=300 * MIB)
    before = ["sh", "-c", ENTER, "sh", str(path)]
    result = start(2, "get", "--per-node", shm / "model", url, before=before).wait()
    assert result.code == 5
    assert f"'{shm}/model', which is in memory" in result.err
    assert f"control group '{path}'" in result.err
    assert list(shm.iterdir()) == []


def test_enough_of_it(start, group, shm, tmp_path):
    path, limit = group
    limit.write_text(str(1024 * MIB))
    url = source(tmp_path / "source", model=9 * MIB, small=5)
    before = ["sh", "-c", ENTER, "sh", str(path)]
    result = start(2, "get", "--per-node", shm / "model", url, before=before).wait()
    assert result.code == 0
    assert_same(shm / "model", tmp_path / "source")
    assert_alone(shm / "model")


def resident(path):
    """How many pages of a file are in the page cache."""
    libc = ctypes.CDLL(None, use_errno=True)
    size = path.stat().st_size
    pages = -(-size // mmap.PAGESIZE)
    states = (ctypes.c_ubyte * pages)()
    with open(path, "rb") as file, mmap.mmap(file.fileno(), size, access=mmap.ACCESS_COPY) as view:
        start = ctypes.addressof(ctypes.c_char.from_buffer(view))
        assert libc.mincore(ctypes.c_void_p(start), ctypes.c_size_t(size), states) == 0
    return sum(state & 1 for state in states)


@pytest.mark.parametrize("kept", [False, True], ids=["dropped", "kept"])
def test_pages(run, tmp_path, kept):
    """Of files that are written through the page cache, since they are short."""
    url = source(tmp_path / "source", one=3 * MIB, sub=70000)
    words = ["--per-node-keep-cached"] if kept else []
    result = run(2, "get", *words, "--per-node", tmp_path / "model", url)
    assert result.code == 0
    for name in ("one", "sub"):
        assert (resident(tmp_path / "model" / name) > 0) == kept
