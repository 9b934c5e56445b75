"""A file of several times the memory that a rank has for it: whatever is hashed late, nothing that
is on the disk already holds up what comes in."""

import os
import signal

import pytest
from conftest import MIB
from files import Files
from killing import Dir, Jobs, noted, wait_for

SIZE = 200 * MIB  # of which 40 fit
HEAD = 8 * MIB


class NoHub:
    endpoint = "http://127.0.0.1:1"


@pytest.fixture
def served(tmp_path):
    """One file, full of holes."""
    (tmp_path / "web").mkdir()
    with open(tmp_path / "web" / "one.bin", "wb") as file:
        file.truncate(SIZE)
    with Files(tmp_path / "web") as files:
        yield files


def jobs_for(start, tmp_path, served, *words):
    place = Dir(tmp_path / "out", ("--no-sync", *words), f"{served.url}/one.bin")
    return Jobs(start, NoHub, place)


def assert_whole(jobs):
    assert os.stat(jobs.place.dest / "one.bin").st_size == SIZE
    assert jobs.place.strays() == []


def test_a_server_without_ranges(start, tmp_path, served):
    served.trouble(whole=True)
    jobs = jobs_for(start, tmp_path, served)
    result = jobs.succeed(1)
    assert result.report["bytes"]["fetched"] == SIZE
    assert_whole(jobs)


@pytest.mark.parametrize("ranks", [1, 2])
def test_the_head_comes_last(start, tmp_path, served, ranks):
    """The connection that has the head stands still for longer than all others take."""
    head = served.trouble(byte=MIB, ranged=True, hold=True)
    jobs = jobs_for(start, tmp_path, served, "--segment-size", HEAD, "--connections", 4)
    job = jobs.begin(ranks)
    assert wait_for(lambda: head.hits > 0 and noted(jobs.place) == SIZE - HEAD, job), job.result(None)
    served.troubles.release()
    result = job.wait()
    assert result.code == 0, result
    assert_whole(jobs)


def test_told_to_end_while_the_head_is_missing(start, tmp_path, served):
    head = served.trouble(byte=MIB, ranged=True, hold=True)
    jobs = jobs_for(start, tmp_path, served, "--segment-size", HEAD, "--connections", 4)
    job = jobs.begin(1)
    enough = 5 * HEAD // 2
    assert wait_for(lambda: head.hits > 0 and noted(jobs.place) >= enough, job), job.result(None)
    [pid] = job.ranks()
    os.kill(pid, signal.SIGTERM)
    result = job.wait()
    assert result.code == 7, result
    assert noted(jobs.place) >= enough
