"""The end of a run: a rank that would end late gives up what it has not fetched, and nothing is
fetched twice but the segment that it was in. Its ranges are of any length, and so are those that a
killed run leaves."""

import pytest
from conftest import MIB, noise
from limited import Limited
from limits import TwoSpeed
from trees import assert_alone, assert_came_once, assert_same, assert_verifiable, entries

SOURCE = "hf://acme/demo"
SIZE = 40 * MIB + 17
FILES = {"large.bin": noise(SIZE, 91)}
SLOW_IS_SECOND = 87  # a draw in which of the first 18 connections only the second one is: the
# first one asks for the size


def words(dest, *more):
    return ("get", "--connections", 1, *more, SOURCE, dest)


def assert_published(result, dest, tree):
    assert result.code == 0, result
    assert_same(dest, tree)
    assert_alone(dest)
    assert_verifiable(dest)


@pytest.fixture
def scratch(request, tmp_path):
    if request.param:
        return ("--scratch", tmp_path)
    return ("--scratch", "none")


@pytest.mark.parametrize("scratch", [False, True], indirect=True)
def test_a_transfer_that_stands_still(run, hub, tree, dest, scratch):
    """After three segments and a half: the half is lost, what came before counts, the other rank
    has the rest."""
    stall = hub.trouble(kind="cdn", stall=7 * MIB // 2, times=1)
    try:
        result = run(2, *words(dest, *scratch), env={"HF_ENDPOINT": hub.endpoint})
    finally:
        hub.troubles.release()
    assert_published(result, dest, tree)
    assert stall.hits == 1
    assert result.report["requests"]["cut"] >= 1
    assert result.report["requests"]["retried"] == 0
    assert_came_once(result, SIZE, MIB)


@pytest.mark.parametrize("scratch", [False, True], indirect=True)
def test_a_slow_transfer(run, tree, dest, scratch):
    """Of all that bring bytes the first is slow: so much that its own lease would take it longer
    than the other rank needs for all the rest on a machine that gives it a tenth of its time."""
    rule = TwoSpeed(slow=1e5, fast=16e6, slow_of_ten=1, seed=SLOW_IS_SECOND)
    with Limited(tree, rule) as source:
        url = f"{source.url}/large.bin"
        result = run(2, "get", "--connections", 1, *scratch, url, dest)
        speeds = [one["speed"] for one in source.stats()["connections"]]
    assert_published(result, dest, tree)
    assert speeds[1] == 1e5 and set(speeds[2:]) == {16e6}
    cut = result.report["requests"]["cut"]
    assert cut >= 1
    assert result.report["bytes"]["duplicated"] <= cut * MIB


def ranges(parent):
    """Of the journals there: offset -> end."""
    return {offset: offset + count for _, offset, count in entries(parent)}


@pytest.mark.parametrize("ranks, size", [(3, 0), (1, 0), (3, MIB), (2, 4 * MIB)])
def test_another_run_cuts_otherwise(start, run, hub, tree, dest, ranks, size):
    """Killed when some of it is there; what the next one uses of that is all of it, unless its
    segments are too long."""
    env = {"HF_ENDPOINT": hub.endpoint}
    hub.trouble(kind="cdn", skip=3, stall=1000)
    job = start(2, *words(dest, "--scratch", "none"), env=env)
    job.wait_until(lambda: len(ranges(dest.parent)) == 3)
    left = ranges(dest.parent)
    job.kill()
    hub.troubles.release()
    hub.troubles.clear()
    assert max(end - begin for begin, end in left.items()) > MIB
    kept = sum(end - begin for begin, end in left.items())
    fits = sum(
        end - begin
        for begin, end in left.items()
        if size == 0 or (begin % size == 0 and (end % size == 0 or end == SIZE))
    )
    result = run(ranks, *words(dest, "--segment-size", size, "--scratch", "none"), env=env)
    assert_published(result, dest, tree)
    assert result.report["bytes"]["resumed"] == fits <= kept
    assert_came_once(result, SIZE - fits, size or MIB)
