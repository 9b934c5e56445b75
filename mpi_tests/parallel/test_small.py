"""Thousands of small files: what each of them costs in calls of the system, fetched or found again."""

import os
import re
import subprocess
from pathlib import Path

import pytest
from conftest import noise, write_tree
from files import Files
from trees import assert_same, sha256_of

STEPS = os.environ["MPIFETCH_STEPS"]
FEW, MANY = 100, 400  # the difference leaves out what a run costs anyway
DIRECTORY = 50  # files


@pytest.fixture
def source(tmp_path):
    """source(count): its files, and what to fetch them with."""
    servers = []

    def make(count):
        place = tmp_path / f"source-{count}"
        place.mkdir()
        files = {f"d{i // DIRECTORY}/f{i}": noise(900 + i, i) for i in range(count)}
        tree = write_tree(place / "tree", files)
        servers.append(Files(tree).__enter__())
        lines = (f"{servers[-1].url}/{name} {sha256_of(data)} {len(data)} {name}\n" for name, data in files.items())
        (place / "list").write_text("".join(lines))
        return tree, ("get", "--manifest", place / "list")

    yield make
    for server in servers:
        server.__exit__()


def counted(path):
    """name of a call: how often, as strace -c has it."""
    rows = re.findall(r"^\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s+(?:\d+\s+)?(\w+)$", path.read_text(), re.M)
    return {name: int(count) for count, name in rows}


def calls_of(run, path, *words, ranks=0):
    result = run(ranks, *words, before=("strace", "-f", "-c", "-o", path))
    assert result.code == 0, result
    return counted(path)


def calls_of_both(run, source, tmp_path, *words):
    return [
        calls_of(run, tmp_path / f"calls-{count}", *source(count)[1], *words, tmp_path / f"dest-{count}")
        for count in (FEW, MANY)
    ]


def for_each(few, many, *names):
    """Calls of any of these for each file more."""
    return sum(many.get(name, 0) - few.get(name, 0) for name in names) / (MANY - FEW)


def leave_all(start, words, dest):
    """A run that is killed when all has landed and nothing is published."""
    steps = {"LD_PRELOAD": STEPS, "STEPS_BELOW": str(dest.parent), "STEPS_STOP": "syncfs"}
    job = start(0, *words, dest, env=steps)
    job.wait_until(lambda: Path(f"/proc/{job.process.pid}/stat").read_text().rpartition(")")[2].split()[0] == "T")
    job.kill()
    assert not dest.exists()


def test_fetched(run, source, tmp_path):
    few, many = calls_of_both(run, source, tmp_path, "--no-sync")
    assert for_each(few, many, "pwrite64") < 1.05
    assert for_each(few, many, "utimensat") < 1.05
    # the directory too, where each comes by itself because nothing else does
    assert for_each(few, many, "openat2", "openat", "open") < 2.1
    # two for each batch, which opens a directory at least: whether the staging is still the run's own
    opened = for_each(few, many, "openat2", "openat", "open") - 1
    assert for_each(few, many, "newfstatat", "fstat", "stat", "lstat", "statx") < 2 * opened + 0.2
    assert for_each(few, many, "renameat2", "renameat", "rename", "linkat", "unlinkat") < 0.1
    assert for_each(few, many, "mkdirat", "mkdir") < 0.1


def test_synced_at_once(run, source, tmp_path):
    """Where the file system is known to wait for each file, and to tell of it; elsewhere each by itself."""
    kind = subprocess.run(["stat", "-f", "-c", "%T", tmp_path], check=True, stdout=subprocess.PIPE, text=True)
    release = tuple(int(part) for part in re.match(r"(\d+)\.(\d+)", os.uname().release).groups())
    known = kind.stdout.strip() in ("ext2/ext3", "xfs", "btrfs", "tmpfs") and release >= (5, 17)
    few, many = calls_of_both(run, source, tmp_path)
    synced = for_each(few, many, "fsync", "fdatasync")
    assert synced < 0.1 if known else synced >= 1, (kind.stdout, release)
    assert many["syncfs"] >= 1


@pytest.mark.parametrize("ranks", [0, 2])
def test_found_again(run, start, source, tmp_path, ranks):
    few, many = {}, {}
    for count, into in ((FEW, few), (MANY, many)):
        tree, words = source(count)
        dest = tmp_path / f"parent-{count}" / "dest"
        dest.parent.mkdir()
        leave_all(start, words, dest)
        traced = ("strace", "-f", "-c", "-o", tmp_path / f"calls-{count}")
        whole = ("sh", "-c", f'exec {" ".join(map(str, traced))}-${{OMPI_COMM_WORLD_RANK:-0}} "$@"', "sh")
        result = run(ranks, *words, "--no-sync", dest, before=whole)
        assert result.code == 0, result
        assert result.report["bytes"]["fetched"] == 0, result
        assert_same(dest, tree)
        for path in tmp_path.glob(f"calls-{count}-*"):
            for name, calls in counted(path).items():
                into[name] = into.get(name, 0) + calls
    assert for_each(few, many, "pread64", "read") < 1.1
    assert for_each(few, many, "openat2", "openat", "open") < 1.3
    assert for_each(few, many, "newfstatat", "fstat", "stat", "lstat", "statx") < 2.2
    assert for_each(few, many, "renameat2", "renameat", "rename", "linkat") < 1.1
    assert for_each(few, many, "sendto", "send") < 0.1


def test_found_but_not_as_it_was_left(run, start, source, tmp_path):
    """What is not a file of ours with the right bytes is not taken, and what others see of it stays."""
    tree, words = source(FEW)
    dest = tmp_path / "parent" / "dest"
    dest.parent.mkdir()
    leave_all(start, words, dest)
    (left,) = dest.parent.glob(".dest.mpifetch-*/run-*/tree/d0")
    outside = tmp_path / "outside"
    outside.write_bytes((left / "f2").read_bytes())
    os.link(left / "f1", tmp_path / "second-name")
    bad = ["f2", "f3", "f4", "f5", "f6"]
    for name in bad:
        (left / name).unlink()
    (left / "f2").symlink_to(outside)
    os.mkfifo(left / "f3")
    (left / "f4").write_bytes((tree / "d0" / "f4").read_bytes()[:-1])
    (left / "f5").write_bytes((tree / "d0" / "f5").read_bytes()[::-1])
    if os.geteuid() == 0:
        os.chown(left / "f7", 12345, -1)
    before = [path.stat() for path in (outside, tmp_path / "second-name")]
    result = run(2, *words, dest)
    assert result.code == 0, result
    assert result.report["bytes"]["fetched"] == sum((tree / "d0" / name).stat().st_size for name in bad), result
    assert_same(dest, tree)
    after = [path.stat() for path in (outside, tmp_path / "second-name")]
    assert [(s.st_ino, s.st_mtime_ns) for s in after] == [(s.st_ino, s.st_mtime_ns) for s in before]
    assert (dest / "d0" / "f1").stat().st_ino != after[1].st_ino
    assert (dest / "d0" / "f7").stat().st_uid == os.geteuid()
