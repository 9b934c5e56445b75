"""Runs that end early in good order: told to, out of room, a sick disk, no network. Each says so,
touches nothing at DEST, and the same command later fetches only what is missing."""

import errno
import os
import re
import signal
import socket
import subprocess

import pytest
from conftest import MIB, noise, write_tree
from files import Files
from killing import (
    LAYOUTS,
    LINE,
    Dir,
    Jobs,
    assert_files,
    content,
    copied_late,
    journals,
    noted,
    sent_by,
    serve,
    size_of,
    wait_for,
)
from trees import assert_only_state, live, snapshot

OLD, NEW = (content(mark, small=6) for mark in ("old", "new"))


def published(start, hub, tmp_path, layout):
    """Something old to be left alone."""
    jobs = Jobs(start, hub, LAYOUTS[layout](tmp_path / "out"))
    serve(hub, tmp_path / "first", OLD)
    jobs.succeed(0, "--no-sync")
    serve(hub, tmp_path / "second", NEW)
    return jobs


def seen(place):
    """DEST as anybody would notice."""
    if not hasattr(place, "folder"):
        return snapshot(place.dest)
    return [snapshot(place.folder / name) for name in ("snapshots", "refs", "blobs")]


def go_on(jobs, ranks, *words):
    """To the end: what is noted is not fetched again."""
    kept, before = noted(jobs.place), sent_by(jobs.hub)
    result = jobs.succeed(ranks, "--no-sync", *words)
    told = result.report["bytes"]
    assert told["resumed"] == kept > 0, result
    missing = told["published"] - told["reused"] - told["resumed"] + told["duplicated"]
    assert told["fetched"] == missing, told
    assert sent_by(jobs.hub) - before <= missing + copied_late(result), told
    assert_files(jobs.place, NEW)
    assert jobs.place.strays() == []


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("whom", ["launcher", "rank 0", "last rank"])
def test_told_to_end(start, hub, tmp_path, layout, whom):
    jobs = published(start, hub, tmp_path, layout)
    before = seen(jobs.place)
    stall = hub.trouble(kind="cdn", skip=3, stall=MIB // 2)
    job = jobs.begin(2, "--no-sync", "--max-connections", 2)
    assert wait_for(lambda: stall.hits > 0 and noted(jobs.place) > 0, job), job.result(None)
    if whom == "launcher":
        job.signal(signal.SIGTERM)
    else:
        rank = {"rank 0": "0", "last rank": "1"}[whom]
        [pid] = [pid for pid in job.ranks() if rank_of(pid) == rank]
        subprocess.run(["kill", "-TERM", str(pid)], check=True)
    result = job.wait()
    assert job.wait_for_silence() == []
    hub.troubles.clear()
    hub.troubles.let_go()
    assert result.code == 7 or (whom == "launcher" and result.code > 0), result
    assert "interrupted" in result.err or "signal" in result.err, result
    assert seen(jobs.place) == before
    if layout == "dir":
        # mpirun kills what takes too long, so there may have been no time for good order
        assert_only_state(jobs.place.dest, orderly=whom != "launcher")
    go_on(jobs, 1)


def rank_of(pid):
    with open(f"/proc/{pid}/environ", "rb") as file:
        found = re.search(rb"OMPI_COMM_WORLD_RANK=(\d+)", file.read())
    return found[1].decode()


@pytest.fixture
def disk(tmp_path):
    """disk(size) -> a file system of its own, of that many bytes."""
    mounted = []

    def mount(size):
        path = tmp_path / f"disk-{len(mounted)}"
        path.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "none", path], check=True)
        mounted.append(path)
        return path

    yield mount
    for path in mounted:
        subprocess.run(["umount", path], check=True)


@pytest.mark.parametrize("scratch", ["none", "elsewhere"])
def test_no_room_at_the_destination(start, hub, tmp_path, disk, scratch):
    """It seems to fit when the run begins, and then somebody else takes the room."""
    serve(hub, tmp_path, NEW)
    place = Dir(disk(32 * MIB) / "out")
    (tmp_path / "scratch").mkdir()
    words = ("--scratch", "none" if scratch == "none" else tmp_path / "scratch")
    jobs = Jobs(start, hub, place)
    stall = hub.trouble(kind="cdn", skip=3, stall=MIB // 2)
    job = jobs.begin(2, "--no-sync", "--max-connections", 2, *words)
    assert wait_for(lambda: stall.hits > 0 and noted(place) > 0, job), job.result(None)
    filler = place.parent.parent / "filler"
    with pytest.raises(OSError), open(filler, "wb", 0) as file:
        while True:
            file.write(bytes(4096))
    hub.troubles.clear()
    hub.troubles.let_go()
    result = job.wait()
    assert result.code == 5, result
    assert "No space left" in result.err, result
    assert place.read() is None
    assert_only_state(place.dest)
    filler.unlink()
    go_on(jobs, 3, *words)


def test_no_room_from_the_start(start, hub, tmp_path, disk):
    serve(hub, tmp_path, NEW)
    jobs = Jobs(start, hub, Dir(disk(size_of(NEW) // 2) / "out"))
    result = jobs.run(2, "--no-sync")
    assert result.code == 5, result
    assert "not enough space in '" in result.err, result
    assert sent_by(hub) == 0
    assert jobs.place.strays() == []


def is_settled(hub, place, scratch):
    """What has come is where it belongs, so that no room is given back later, and two halves of
    segments have not got theirs yet."""
    came = [row["bytes"] for row in hub.requests.rows("cdn", settle=0) if row["bytes"]]
    halves = [size for size in map(size_at, live(scratch, "*/segment-*")) if size == MIB // 2]
    return len(came) == 3 and noted(place) >= sum(came) and len(halves) == 2


def size_at(path):
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return None


def test_no_room_in_scratch(start, hub, tmp_path, disk):
    """Full in mid run; then another scratch."""
    serve(hub, tmp_path, NEW)
    jobs = Jobs(start, hub, Dir(tmp_path / "out"))
    scratch = disk(64 * MIB)
    words = ("--no-sync", "--max-connections", 2, "--connections", 1)
    stall = hub.trouble(kind="cdn", skip=3, stall=MIB // 2)
    job = jobs.begin(2, *words, "--scratch", scratch)
    assert wait_for(lambda: is_settled(hub, jobs.place, scratch), job), job.result(None)
    with pytest.raises(OSError), open(scratch / "filler", "wb", 0) as file:
        while True:
            file.write(bytes(4096))
    hub.troubles.clear()
    hub.troubles.let_go()
    result = job.wait()
    assert result.code == 5, result
    assert "No space left" in result.err, result
    assert jobs.place.read() is None
    go_on(jobs, 1, "--scratch", "none")


@pytest.mark.parametrize("number", [errno.EIO, errno.EDQUOT, errno.ENOSPC])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_write_that_fails(start, hub, tmp_path, layout, number):
    jobs = published(start, hub, tmp_path, layout)
    before = seen(jobs.place)
    shim = jobs.shim(room=MIB, error=number)
    result = jobs.run(1, "--no-sync", "--connections", 1, **shim)
    assert result.code == 5, result
    assert {errno.EIO: "Input/output", errno.EDQUOT: "quota", errno.ENOSPC: "space"}[
        number
    ] in result.err, result
    assert seen(jobs.place) == before
    go_on(jobs, 2)


SYNC = re.compile(rb"sync 1\n.*done 1 ", re.DOTALL)


@pytest.mark.parametrize("layout", ["dir", "cache"])
def test_sync_that_fails(start, hub, tmp_path, layout):
    """A sync in mid run was good, the one at the end is not: only what was on the disk by then is
    used again, and what is missing is not written into the same file."""
    serve(hub, tmp_path, {"big.bin": noise(48 * MIB + 5, 7)})
    jobs = Jobs(start, hub, LAYOUTS[layout](tmp_path / "out"))
    of = "*/tree/*"
    hub.trouble(kind="cdn", skip=34, hold=True)  # until the first sync has come to its end
    job = jobs.begin(1, "--max-connections", 2, **jobs.shim(syncs=1, sync_of=of))
    synced = lambda: any(b"done 1 " in path.read_bytes() for path in journals(jobs.place))  # noqa: E731
    assert wait_for(synced, job), job.result(None)
    hub.troubles.clear()
    hub.troubles.let_go()
    result = job.wait()
    assert result.code == 5, result
    assert "cannot sync" in result.err and "will be fetched again" in result.err, result
    [journal] = journals(jobs.place)
    [found] = SYNC.finditer(journal.read_bytes())
    good = sum(int(m[3]) for m in LINE.finditer(journal.read_bytes()[: found.start()]))
    assert 32 * MIB <= good < noted(jobs.place)
    [left] = [path for top in jobs.place.stagings() for path in top.glob("*/tree/*") if path.is_file()]
    with open(left, "rb") as old:  # so that its number is not given to another file
        result = jobs.succeed(1)
        told = result.report["bytes"]
        assert told["resumed"] == good and told["fetched"] >= told["published"] - good, told
        assert_files(jobs.place, {"big.bin": noise(48 * MIB + 5, 7)})
        top = jobs.place.dest if layout == "dir" else jobs.place.folder / "blobs"
        new = [path.stat().st_ino for path in top.iterdir() if path.is_file()]
        assert new and os.fstat(old.fileno()).st_ino not in new
    assert jobs.place.strays() == []


@pytest.mark.parametrize("layout, what", [("dir", "*/out"), ("cache", "*/refs")])
def test_sync_of_the_step_that_fails(start, hub, tmp_path, layout, what):
    """What was to be shown is on the disk, only the name may not be: it is shown."""
    serve(hub, tmp_path, NEW)
    jobs = Jobs(start, hub, LAYOUTS[layout](tmp_path / "out"))
    result = jobs.succeed(0, **jobs.shim(syncs=0, sync_of=what))
    assert "is published, but a power failure may undo that: cannot sync" in result.err, result
    assert_files(jobs.place, NEW)
    assert jobs.place.strays() == []


@pytest.fixture
def port():
    """For servers alone, whether one listens there or not."""
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind(("127.0.0.1", 0))
        yield holder.getsockname()[1]


@pytest.mark.parametrize("ranks", [1, 3])
def test_network_goes_away(start, tmp_path, port, ranks):
    """The server stops listening in the middle; later it is there again under its old name."""
    root = write_tree(tmp_path / "web", {"one.bin": NEW["other.bin"]})
    with Files(root, port=port) as files:
        place = Dir(tmp_path / "out", ("--retries", 2, "--no-sync"), f"{files.url}/one.bin")
        jobs = Jobs(start, NoHub, place)
        stall = files.trouble(skip=3, stall=MIB // 2)
        job = jobs.begin(ranks, "--max-connections", ranks)
        assert wait_for(lambda: stall.hits > 0 and noted(place) > 0, job), job.result(None)
    result = job.wait()
    assert result.code == 6, result
    assert "127.0.0.1" in result.err and "refused" in result.err, result
    assert place.read() is None
    assert_only_state(place.dest)
    kept = noted(place)
    with Files(root, port=port) as files:
        result = jobs.succeed(1)
        assert result.report["bytes"]["resumed"] == kept > 0
        assert (place.dest / "one.bin").read_bytes() == NEW["other.bin"]
        body = sum(row["bytes"] for row in files.log() if row["range"])
        assert body <= len(NEW["other.bin"]) - kept + 4096
    assert place.strays() == []


class NoHub:
    endpoint = "http://127.0.0.1:1"
