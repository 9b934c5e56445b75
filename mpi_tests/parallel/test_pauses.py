"""What a Hub asks to wait with, and what goes on meanwhile; requests that are not made twice."""

import time

import pytest
from conftest import MIB, noise
from job import PATIENCE
from trees import assert_alone, assert_same

SOURCE = "hf://acme/demo"
SMALL = 30
STALL = 15  # of coordinate/coordinator.c: seconds after which even what the Hub counts is cut
FILES = {"one.bin": noise(4 * MIB, 71), "two.bin": noise(4 * MIB, 72)}
FILES |= {f"small/{i}.txt": b"%d\n" % i for i in range(SMALL)}


def begin(start, hub, dest, *options):
    words = ("get", "--segment-size", MIB, *options, SOURCE, dest)
    return start(2, *words, env={"HF_ENDPOINT": hub.endpoint})


def wait_until(holds, timeout=PATIENCE):
    until = time.monotonic() + timeout
    while not holds():
        assert time.monotonic() < until, "it did not come to pass"
        time.sleep(0.05)


@pytest.mark.parametrize(
    "kind, path", [("api-revision", "*"), ("api-tree", "*"), ("resolve", "*/one.bin")]
)
def test_question_is_asked_again_no_sooner_than_told(start, hub, tree, dest, kind, path):
    pause = 2
    told = {"Retry-After": str(pause)}
    trouble = hub.trouble(kind=kind, path=path, status=429, headers=told, times=1)
    result = begin(start, hub, dest).wait()
    assert result.code == 0, result
    assert_same(dest, tree)
    assert trouble.hits == 1
    rows = hub.log(kind)
    refused = next(row for row in rows if row["status"] == 429)
    again = [row["time"] for row in rows if row["path"] == refused["path"] and row != refused]
    assert len(again) == 1 and again[0] >= refused["time"] + pause


def test_pause_for_questions_holds_no_transfer(start, hub, tree, dest):
    """The Hub wants to be left alone for ten minutes when it is asked where one file lies. The
    other is fetched meanwhile, from a host that did not complain."""
    told = {"Retry-After": "600"}
    trouble = hub.trouble(kind="resolve", path="*/two.bin", status=429, headers=told, times=1)
    stall = hub.trouble(kind="cdn", stall=1000)
    job = begin(start, hub, dest, "--connections", 1)
    assert hub.troubles.wait(trouble), job.result(None)
    assert hub.troubles.wait(stall), job.result(None)
    hub.troubles.release()
    wait_until(lambda: sum(row["bytes"] for row in hub.requests.rows("cdn", 0)) >= 4 * MIB)
    assert job.process.poll() is None
    assert [row["status"] for row in hub.log("resolve") if row["path"].endswith("two.bin")] == [429]


def test_slow_small_file_is_asked_for_once(start, hub, tree, dest):
    """The Hub counts requests for it: ranks without work leave it to the one that waits."""
    slow = hub.trouble(kind="resolve-cache", path="*/small/7.txt", hold=True)
    began = time.monotonic()
    job = begin(start, hub, dest, "--progress", "bar")
    assert hub.troubles.wait(slow), job.result(None)

    def rest_is_asked_for():
        rows = hub.requests.rows(settle=0)  # one stays under way
        asked = {row["path"] for row in rows if row["kind"] == "resolve"}
        return len(asked) == SMALL + 2 and len([r for r in rows if r["kind"] == "cdn"]) >= 8

    def lines_of_progress():
        return (job.report.parent / "stderr").read_text().count("ranks busy")

    wait_until(rest_is_asked_for)
    # The next line says that rank 0 has gone on meanwhile, and looked many times for late work.
    before = lines_of_progress()
    wait_until(lambda: lines_of_progress() > before)
    hits = slow.hits
    assert hits == 1 or time.monotonic() - began >= STALL
    hub.troubles.release()
    result = job.wait()
    assert result.code == 0, result
    assert_same(dest, tree)
    assert_alone(dest)
    asked = [row["path"] for row in hub.log("resolve")]
    assert len(asked) <= len(set(asked)) + result.report["requests"]["cut"], asked
