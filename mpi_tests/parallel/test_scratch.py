"""Scratch that nobody asked for is a help at best: without it, or without room in it, a run goes on."""

import errno
import os
import subprocess

import pytest
from conftest import MIB, noise, write_tree
from files import Files
from trees import assert_same, sha256_of

STEPS = os.environ["MPIFETCH_STEPS"]
FILES = {f"{i}.bin": noise(9 * MIB + i, i) for i in range(4)}


@pytest.fixture
def tree(tmp_path):
    return write_tree(tmp_path / "tree", FILES)


@pytest.fixture
def web(tree):
    with Files(tree) as serving:
        yield serving


@pytest.fixture
def scratch(tmp_path):
    """Of that name since preload/steps.c lets the first two writes to a journal pass: here the one
    that signs the directory, and another."""
    place = tmp_path / "journal" / "scratch"
    place.mkdir(parents=True)
    return place


@pytest.fixture
def disk(tmp_path):
    """A destination on another file system than scratch."""
    place = tmp_path / "disk"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=128m", "none", place], check=True)
    (place / "out").mkdir()
    yield place / "out" / "model"
    subprocess.run(["umount", place], check=True)


def source(web, tree, tmp_path, kind):
    if kind == "file":
        return (f"file://{tree}",)
    rows = (f"{web.url}/{name} {sha256_of(data)} {len(data)} {name}\n" for name, data in FILES.items())
    (tmp_path / "list").write_text("".join(rows))
    return ("--manifest", tmp_path / "list")


@pytest.mark.parametrize("kind", ["file", "http"])
@pytest.mark.parametrize("reason", ["ENOSPC", "EDQUOT"])
@pytest.mark.parametrize("room", [MIB // 3, 5 * MIB])
def test_full(run, web, tree, tmp_path, scratch, disk, kind, reason, room):
    steps = {
        "LD_PRELOAD": STEPS,
        "STEPS_BELOW": str(scratch),
        "STEPS_ROOM": str(room),
        "STEPS_ERROR": str(getattr(errno, reason)),
        "TMPDIR": str(scratch),
    }
    words = ("get", "--segment-size", MIB, *source(web, tree, tmp_path, kind))
    result = run(2, *words, disk, each=[steps, steps])
    assert result.code == 0, result
    assert "is full: writing directly to staging" in result.err, result
    assert_same(disk, tree)
    assert os.listdir(scratch) == []
    # what was asked for is needed
    result = run(2, *words, "--scratch", scratch, disk.with_name("other"), each=[steps, steps])
    assert result.code == 5, result
    assert os.strerror(getattr(errno, reason)) in result.err


@pytest.mark.parametrize("asked", [False, True])
def test_in_memory(run, web, tree, tmp_path, dest, asked):
    """Which programs of the node need: used only if asked for."""
    memory = tmp_path / "memory"
    memory.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256m", "none", memory], check=True)
    try:
        calls = tmp_path / "calls"
        before = ("strace", "-f", "-qq", "-e", "trace=mkdirat,mkdir", "-o", calls)
        env = {"SLURM_TMPDIR": str(memory), "TMPDIR": str(memory)}
        words = ("--scratch", memory) if asked else ()
        what = source(web, tree, tmp_path, "http")
        result = run(0, "get", *words, *what, dest, env=env, before=before)
        assert result.code == 0, result
        assert (f"{memory}/mpifetch-" in calls.read_text()) == asked
    finally:
        subprocess.run(["umount", memory], check=True)
    assert_same(dest, tree)
