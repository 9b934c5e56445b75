"""What a killed run left is damaged before the next one sees it: that one publishes the right bytes
all the same, and fetches no more than what was damaged."""

import ctypes
import os
import re
from pathlib import Path

import pytest
from conftest import MIB, noise
from killing import (
    LAYOUTS,
    LINE,
    Jobs,
    assert_files,
    content,
    end_by_force,
    journals,
    noted,
    serve,
    wait_for,
)

OLD, NEW = (content(mark, small=6) for mark in ("old", "new"))
LARGE = ("other.bin", "same.bin")  # of several segments, and of other sizes
SUM = ctypes.CDLL("libxxhash.so.0").XXH3_64bits  # with which the program is linked
SUM.argtypes, SUM.restype = (ctypes.c_char_p, ctypes.c_size_t), ctypes.c_uint64


@pytest.fixture(params=["dir", "cache"])
def left(request, start, hub, tmp_path):
    """A place with what a killed run had fetched, at least two segments of one file among it."""
    serve(hub, tmp_path, NEW)
    jobs = Jobs(start, hub, LAYOUTS[request.param](tmp_path / "out"))
    stall = hub.trouble(kind="cdn", skip=6, stall=MIB // 2)
    job = jobs.begin(0, "--no-sync", "--max-connections", 2)
    assert wait_for(lambda: stall.hits > 1 and noted(jobs.place) >= 5 * MIB, job), job.result(None)
    end_by_force(job, "all")
    job.close()
    hub.troubles.clear()
    hub.troubles.let_go()
    return jobs


def finish(jobs, resumed, ranks=0, files=NEW):
    result = jobs.succeed(ranks, "--no-sync")
    assert resumed in (None, result.report["bytes"]["resumed"]), result
    assert_files(jobs.place, files)
    assert jobs.place.strays() == []
    return result


def lines_of(jobs):
    [journal] = journals(jobs.place)
    lines = journal.read_bytes().splitlines(keepends=True)
    return journal, [line for line in lines if LINE.fullmatch(line)]


def largest(jobs):
    """The lines of the segments of full size of the file that has most of them."""
    _, lines = lines_of(jobs)
    keys = [line[:16] for line in lines]
    key = max(keys, key=keys.count)
    found = [line for line in lines if line[:16] == key and int(line.split()[2]) == MIB]
    assert len(found) >= 2
    return found


def sum_of(data):
    """The checksum that the journal has of these bytes."""
    return b"%016x" % SUM(data, len(data))


def file_of(jobs, line):
    """The staged file that a line is about: its checksum says which one, its size where that is."""
    _, offset, length, wanted = line.split()
    begin, end = int(offset), int(offset) + int(length)
    [name] = [name for name in LARGE if sum_of(NEW[name][begin:end]) == wanted]
    files = jobs.place.stagings()[0].rglob("tree/**/*")
    return next(one for one in files if one.is_file() and one.stat().st_size == len(NEW[name]))


@pytest.mark.parametrize("where", ["begin", "middle of a line", "before the last line feed"])
def test_torn_journal(left, where):
    journal, lines = lines_of(left)
    size = journal.stat().st_size
    middle = len(lines[0]) + 20
    cut = {"begin": 7, "middle of a line": middle, "before the last line feed": size - 1}[where]
    os.truncate(journal, cut)
    kept = sum(int(m[3]) for m in LINE.finditer(journal.read_bytes()))
    finish(left, kept)


@pytest.mark.parametrize("ranks", [0, 3])
def test_flipped_bits(left, ranks):
    """One in each of two segments."""
    kept = noted(left.place)
    lines = largest(left)
    damaged = 0
    for line in lines[:2]:
        offset = int(line.split()[1])
        with open(file_of(left, line), "r+b") as opened:
            opened.seek(offset + 12345)
            byte = opened.read(1)[0]
            opened.seek(offset + 12345)
            opened.write(bytes([byte ^ 4]))
        damaged += MIB
    finish(left, kept - damaged, ranks)


JUNK = {
    "sums of other bytes": lambda line: line[:-17] + b"0123456789abcdef\n",
    "other offsets": lambda line: re.sub(rb" (\d+) ", rb" 4096 ", line, count=1),
    "offsets beyond the end": lambda line: re.sub(rb" (\d+) ", rb" 1099511627776 ", line, count=1),
    "offsets that overflow": lambda line: re.sub(
        rb" \d+ \d+ ", rb" 18446744073709551615 18446744073709551615 ", line
    ),
    "other lengths": lambda line: re.sub(rb" (\d+) (\d+) ", rb" \1 1\2 ", line),
    "other keys": lambda line: b"f" * 16 + line[16:],
    "bytes at random": lambda line: noise(len(line), line.decode()),
    "no lines at all": lambda line: line.rstrip(b"\n"),
}


@pytest.mark.parametrize("what", JUNK)
def test_lies_in_the_journal(left, what):
    journal, lines = lines_of(left)
    journal.write_bytes(b"".join(JUNK[what](line) for line in lines))
    finish(left, 0)


def test_lines_that_are_twice_there(left):
    """All of them stand in a second journal as well, in another order."""
    kept = noted(left.place)
    journal, lines = lines_of(left)
    Path(journal.parent, "77").write_bytes(b"".join(reversed(lines)))
    finish(left, kept, 2)


def test_checksum_that_fits_wrong_bytes(left):
    """A segment is put over another one, and so is its checksum: only the digest of the whole file
    tells."""
    lines = largest(left)
    one, other = lines[:2]
    file = file_of(left, one)
    at, to = (int(line.split()[1]) for line in (one, other))
    with open(file, "r+b") as opened:
        opened.seek(at)
        data = opened.read(MIB)
        opened.seek(to)
        opened.write(data)
    journal, all_lines = lines_of(left)
    lie = other[:-17] + one[-17:]
    journal.write_bytes(b"".join(lie if line == other else line for line in all_lines))
    result = finish(left, None)
    assert "has the wrong digest: fetching it again" in result.err, result


@pytest.mark.parametrize("what", ["shorter", "gone", "a directory", "a symlink", "a second name"])
def test_staged_file_is_something_else(left, tmp_path, what):
    kept = noted(left.place)
    lines = largest(left)
    file = file_of(left, lines[0])
    data = file.read_bytes()
    victim = tmp_path / "somebody's"
    if what == "shorter":
        os.truncate(file, MIB)
    elif what == "a second name":
        os.link(file, victim)
    else:
        file.unlink()
        if what == "a directory":
            file.mkdir()
        elif what == "a symlink":
            victim.write_bytes(data)
            file.symlink_to(victim)
    lost = 0 if what == "a second name" else sum(int(line.split()[2]) for line in lines)
    result = finish(left, None)
    assert kept - lost - MIB < result.report["bytes"]["resumed"] <= kept - lost, result
    if victim.exists():
        assert victim.read_bytes() == data
        assert victim.stat().st_nlink == 1


def test_source_has_changed(left, hub, tmp_path):
    """Files that are the same in the new revision are taken over, the others fetched."""
    changed = {**NEW, "same.bin": noise(len(NEW["same.bin"]), "changed"), "config.json": b"{}\n"}
    kept = noted(left.place)
    serve(hub, tmp_path / "changed", changed)
    result = finish(left, None, 2, changed)
    resumed = result.report["bytes"]["resumed"]
    assert 0 < resumed <= kept, result
    assert kept - resumed <= len(NEW["same.bin"]) + len(NEW["config.json"]), result
