"""Two and more runs that want the same destination: at once, one after the death of the other, and
while the other is frozen.

Silence counts as death after 30 s by the waiter's own clock. The cases that wait for that are
played side by side.
"""

import os
import re
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from conftest import MIB, write_tree
from hub import Hub
from killing import (
    FOLDER,
    LAYOUTS,
    NAME,
    Dir,
    Jobs,
    assert_files,
    assert_reader,
    content,
    copied_late,
    end_by_force,
    sent_by,
    size_of,
    wait_for,
)
from trees import live, snapshot

PATIENCE = 30  # OWNER_PATIENCE of resume/owner_watch.h, seconds
OLD, NEW = (content(mark, small=4) for mark in ("old", "new"))


@pytest.fixture(scope="module")
def trees(tmp_path_factory):
    top = tmp_path_factory.mktemp("trees")
    return [write_tree(top / mark, files) for mark, files in (("old", OLD), ("new", NEW))]


def assert_fetched_once(hub, files, again=0):
    assert size_of(files) <= sent_by(hub) <= size_of(files) + again, hub.log()


@pytest.mark.parametrize("layout", LAYOUTS)
def test_same_content_at_once(start, hub, trees, tmp_path, layout):
    hub.add(NAME, trees[1])
    for turn in range(50 if layout == "dir" else 10):
        hub.quiet()
        hub.reset()
        jobs = Jobs(start, hub, LAYOUTS[layout](tmp_path / f"{layout}-{turn}"))
        ranks = (2, 1) if turn % 10 == 0 else (0, 0)
        pair = [jobs.begin(ranks[0], "--no-sync")]
        # at any moment of the first: before it asks for anything, and when it is about to end
        wait_for(lambda: hub.requests.wait(turn % 25, 0), pair[0])
        pair.append(jobs.begin(ranks[1], "--no-sync"))
        results = [job.wait() for job in pair]
        assert [result.code for result in results] == [0, 0], (turn, results)
        assert_files(jobs.place, NEW)
        assert jobs.place.strays() == [], (turn, results)
        assert_fetched_once(hub, NEW, copied_late(*results))
        for job in pair:
            job.close()


@pytest.mark.parametrize("layout", LAYOUTS)
def test_published_between_the_look_and_the_claim(start, hub, trees, tmp_path, layout):
    """One run has seen that there is nothing, and is about to stage it, when another does all of
    it. That one also takes the directory away which the first has just begun, since it is empty."""
    hub.add(NAME, trees[1])
    jobs = Jobs(start, hub, LAYOUTS[layout](tmp_path / "out"))
    gate = tmp_path / "gate"
    name = f"{FOLDER}/.mpifetch-" if layout == "cache" else "out/.model.mpifetch-"
    held = jobs.shim(hold=f"*/{name}??????", gate=gate)
    late = jobs.begin(0, "--no-sync", **held)
    assert wait_for(jobs.place.stagings, late), late.result(None)
    jobs.succeed(0, "--no-sync")
    assert jobs.place.stagings() == []
    gate.touch()
    result = late.wait()
    assert result.code == 0, result
    assert "already up to date" in result.err, result
    assert_files(jobs.place, NEW)
    assert jobs.place.strays() == []
    assert_fetched_once(hub, NEW)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_different_contents_at_once(start, hub, trees, tmp_path, layout):
    """Each asks for a revision of its own."""
    commits = [hub.add(NAME, tree).refs["refs/heads/main"] for tree in trees]
    for turn in range(8):
        jobs = Jobs(start, hub, LAYOUTS[layout](tmp_path / f"{layout}-{turn}"))
        ask = [("--no-sync", "--revision", commit) for commit in commits]
        pair = [jobs.begin(0, *words) for words in ask]
        results = [job.wait() for job in pair]
        assert [result.code for result in results] == [0, 0], (turn, results)
        if layout != "cache":
            assert_reader(jobs.place, OLD, NEW)
        else:
            for commit, files in zip(commits, (OLD, NEW)):
                jobs.place.commit = commit
                assert_files(jobs.place, files)
        assert jobs.place.strays() == [], (turn, results)
        for job in pair:
            job.close()


def half_way(hub, jobs, ranks=2, *words):
    """A run that has journaled something and waits for the rest of a file."""
    stall = hub.trouble(kind="cdn", skip=5, stall=MIB // 2)
    job = jobs.begin(ranks, "--no-sync", "--max-connections", 2, *words)
    assert wait_for(lambda: stall.hits > 0, job), job.result(None)
    assert wait_for(lambda: entries(jobs.place) >= 5, job), job.result(None)
    return job


def entries(place):
    paths = (path for top in place.stagings() for path in live(top, "**/journal/*"))
    return sum(path.read_bytes().count(b"\n") for path in paths)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_waiter_takes_over_from_the_dead(start, hub, trees, tmp_path, layout):
    """On one host it is known at once that nobody lives, so nobody waits for a silence."""
    hub.add(NAME, trees[1])
    jobs = Jobs(start, hub, LAYOUTS[layout](tmp_path / "out"))
    owner = half_way(hub, jobs)
    waiter = jobs.begin(2, "--no-sync", "-v")
    waiter.wait_for_text("waiting for it")
    end_by_force(owner, "all")
    hub.troubles.clear()
    hub.troubles.let_go()
    result = waiter.wait()
    assert result.code == 0, result
    assert re.findall(r"the run that was fetching '.*' (.*): taking over", result.err) == [
        "has ended"
    ], result
    assert result.report["bytes"]["resumed"] > 0
    assert_files(jobs.place, NEW)
    assert jobs.place.strays() == []


def frozen(start, hub, tree, top, layout):
    """The owner is stopped, a waiter takes over, and then the owner wakes up."""
    hub.add(NAME, tree)
    jobs = Jobs(start, hub, LAYOUTS[layout](top / "out"))
    owner = half_way(hub, jobs)
    ranks = owner.ranks()
    for pid in ranks:
        os.kill(pid, signal.SIGSTOP)
    hub.troubles.clear()
    began = time.monotonic()
    result = jobs.begin(2, "--no-sync").wait()
    took = time.monotonic() - began
    assert result.code == 0, result
    assert took >= PATIENCE, took
    assert result.report["bytes"]["resumed"] > 0
    assert_files(jobs.place, NEW)
    before = snapshot(jobs.place.parent)
    for pid in ranks:
        os.kill(pid, signal.SIGCONT)
    hub.troubles.let_go()
    woken = owner.wait()
    assert woken.code in (0, 7), woken
    assert snapshot(jobs.place.parent) == before, woken
    assert jobs.place.strays() == []
    return took


def half_swept(start, hub, tree, top, layout):
    """The owner wakes up while another run, which has published, is removing what it took over."""
    hub.add(NAME, tree)
    jobs = Jobs(start, hub, LAYOUTS[layout](top / "out"))
    owner = half_way(hub, jobs)
    ranks = owner.ranks()
    for pid in ranks:
        os.kill(pid, signal.SIGSTOP)
    hub.troubles.clear()
    gate, held = top / "gate", top / "held"
    shim = jobs.shim(removals=1, hold="*/kept/tree/*", gate=gate, held=held)
    began = time.monotonic()
    other = jobs.begin(1, "--no-sync", **shim)
    assert wait_for(held.exists, other, 4 * PATIENCE), other.result(None)
    took = time.monotonic() - began
    assert took >= PATIENCE, took
    assert_files(jobs.place, NEW)
    before = contents(jobs.place.parent)
    assert any("/kept/tree/" in name for name in before), sorted(before)
    for pid in ranks:
        os.kill(pid, signal.SIGCONT)
    hub.troubles.let_go()
    woken = owner.wait()
    assert contents(jobs.place.parent) == before, woken
    assert woken.code == 7, woken
    gate.touch()
    result = other.wait()
    assert result.code == 0, result
    assert_files(jobs.place, NEW)
    assert jobs.place.strays() == []
    return took


def contents(top):
    """Each name below, with what lies there; but for the sign of life of a run at work."""
    found = {}
    for path in sorted(top.rglob("*")):
        status = path.lstat()
        plain = path.is_file() and not path.is_symlink() and path.name != "beat"
        found[str(path)] = (status.st_ino, status.st_mode, path.read_bytes() if plain else None)
    return found


def unprovable(start, hub, tree, top):
    """What a dead run left says that it ran under another kernel; three want it."""
    hub.add(NAME, tree)
    jobs = Jobs(start, hub, Dir(top / "out"))
    owner = half_way(hub, jobs)
    end_by_force(owner, "all")
    hub.troubles.clear()
    hub.troubles.let_go()
    [file] = [path for one in jobs.place.stagings() for path in one.glob("run-*/owner")]
    text = re.sub(r"^(process \S+) \S+", r"\1 another-boot", file.read_text(), flags=re.M)
    file.write_text(text)
    before = sent_by(hub)
    began = time.monotonic()
    contenders = [jobs.begin(1, "--no-sync") for _ in range(3)]
    results = [job.wait() for job in contenders]
    took = time.monotonic() - began
    assert [result.code for result in results] == [0, 0, 0], results
    assert took >= PATIENCE, took
    told = [result.report["bytes"] for result in results]
    resumed = sum(one["resumed"] for one in told)
    assert resumed > 0
    assert sent_by(hub) - before <= size_of(NEW) - resumed + copied_late(*results), results
    assert_files(jobs.place, NEW)
    assert jobs.place.strays() == []
    return took


def test_silence_counts_as_death_after_a_while(start, trees, tmp_path):
    """Side by side, each with a Hub of its own."""
    lock = threading.Lock()

    def begin(*args, **how):
        with lock:
            return start(*args, **how)

    cases = {
        "directory": lambda hub, top: frozen(begin, hub, trees[1], top, "dir"),
        "cache": lambda hub, top: frozen(begin, hub, trees[1], top, "cache"),
        "half swept": lambda hub, top: half_swept(begin, hub, trees[1], top, "dir"),
        "cache half swept": lambda hub, top: half_swept(begin, hub, trees[1], top, "cache"),
        "three": lambda hub, top: unprovable(begin, hub, trees[1], top),
    }

    def play(name):
        with Hub(need_query=True) as hub:
            return cases[name](hub, tmp_path / name)

    with ThreadPoolExecutor(len(cases)) as pool:
        took = dict(zip(cases, pool.map(play, cases)))
    print({name: f"{seconds:.1f} s" for name, seconds in took.items()})
