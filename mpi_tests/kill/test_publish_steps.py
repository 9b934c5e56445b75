"""SIGKILL after each change of a name from the first one on: a reader sees one whole tree, and the
same command goes on to the end without fetching anything twice."""

import os
import shutil
import signal

import pytest
from conftest import write_tree
from killing import (
    Dir,
    Jobs,
    assert_files,
    assert_reader,
    content,
    noted,
    serve,
)
from trees import files_of

MOST = 400  # far more than a tree of this size takes
OLD, NEW = (content(mark, large=1 << 20, small=2) for mark in ("old", "new"))
FOREIGN = {"somebody/else": b"not ours\n"}

# before: what stands at DEST; words: of the run that is killed
CASES = {
    "first": (None, ()),
    "exchange": ((), ()),
    "flip": (("--versions",), ("--versions",)),
    "swap-link": ((), ("--versions",)),
    "force": (FOREIGN, ("--force",)),
    "beside": (("--records", "beside"), ("--records", "beside")),
    "beside-versions": (("--versions", "--records", "beside"),) * 2,
}


def prepare(start, hub, tmp_path, before, words):
    """A directory to copy for each step, and what a reader may see there."""
    origin = Dir(tmp_path / "origin", words)
    if before is None:
        return origin, None
    if before is FOREIGN:
        write_tree(origin.dest, FOREIGN)
        return origin, FOREIGN
    place = Dir(tmp_path / "before", before)
    Jobs(start, hub, place).succeed(0)
    for name in os.listdir(place.parent):
        os.rename(place.parent / name, origin.parent / name)
    return origin, OLD


@pytest.mark.parametrize("case", CASES)
def test_killed_after_each_step(start, hub, tmp_path, case):
    before, words = CASES[case]
    serve(hub, tmp_path, OLD)
    origin, stood = prepare(start, hub, tmp_path, before, words)
    serve(hub, tmp_path / "then", NEW)
    seen_old = seen_new = 0
    for step in range(1, MOST):
        place = Dir(tmp_path / f"step-{step}", words)
        shutil.copytree(origin.parent, place.parent, symlinks=True, dirs_exist_ok=True)
        jobs = Jobs(start, hub, place)
        killed = jobs.run(0, "--no-sync", **jobs.shim(kill=step, removals=1))
        where = f"{case}, step {step}: {killed}"
        assert killed.code in (0, -signal.SIGKILL), where
        found = assert_reader(place, stood, NEW)
        seen_new += found is not None and "small/new/000.txt" in found
        seen_old += found is None or "small/new/000.txt" not in found
        kept = noted(place)
        again = jobs.succeed(2 if step % 25 == 0 else 0, "--no-sync")
        told = again.report["bytes"]
        assert_files(place, NEW)
        assert place.strays() == [], where
        if "already up to date" not in again.err:
            assert told["resumed"] == kept, (where, again)
        shutil.rmtree(place.parent)
        if killed.code == 0:
            break
    else:
        raise AssertionError(f"still killed after {MOST} steps")
    assert seen_old > 10 and seen_new > 3, (seen_old, seen_new)


def test_killed_where_there_are_no_records(start, hub, tmp_path):
    """The tree before, of which nothing says who made it: right after the step it is set aside, whole,
    and named."""
    words = ("--records", "none")
    part = {path: data for path, data in NEW.items() if path != min(NEW)}
    serve(hub, tmp_path, part)
    origin, _ = prepare(start, hub, tmp_path, words, words)
    serve(hub, tmp_path / "then", NEW)
    for step in range(1, MOST):
        place = Dir(tmp_path / f"step-{step}", words)
        shutil.copytree(origin.parent, place.parent, symlinks=True, dirs_exist_ok=True)
        jobs = Jobs(start, hub, place)
        killed = jobs.run(0, "--no-sync", **jobs.shim(kill=step, removals=1))
        assert killed.code == -signal.SIGKILL, f"nothing was set aside: {killed}"
        again = jobs.succeed(0, "--no-sync")
        assert_files(place, NEW)
        if place.strays():
            break
    [kept] = place.strays()
    assert kept.startswith(f".{place.dest.name}.kept-"), kept
    assert files_of(place.parent / kept / "tree") == part
    why = "without a record of it it is not known whether mpifetch created"
    assert f"was kept at '{place.parent / kept}/tree' because {why}" in again.err, again


# words; what the user's DEST lacks
FOUND = {
    "complete": ((), None),
    "complete, beside": (("--records", "beside"), None),
    "part": ((), "other.bin"),
}


@pytest.mark.parametrize("after", [{"kill": 1, "removals": 1}, {"writes": 1}], ids=",".join)
@pytest.mark.parametrize("case", FOUND)
def test_killed_while_adopting(start, hub, tmp_path, case, after):
    """A DEST without a record is the user's until the step that makes it ours."""
    words, lacks = FOUND[case]
    [first, *_] = after
    [tree] = serve(hub, tmp_path, NEW)
    for step in range(1, MOST):
        place = Dir(tmp_path / f"step-{step}", words)
        shutil.copytree(tree, place.dest)
        if lacks:
            (place.dest / lacks).unlink()
        jobs = Jobs(start, hub, place)
        killed = jobs.run(0, "--no-sync", **jobs.shim(**{**after, first: step}))
        where = f"{case}, step {step}: {killed}"
        assert killed.code in (0, -signal.SIGKILL), where
        jobs.succeed(0, "--no-sync")
        assert_files(place, NEW)
        kept = [name for name in place.strays() if ".kept-" in name]
        assert place.strays() == kept, where
        assert lacks or not kept, where
        shutil.rmtree(place.parent)
        if killed.code == 0:
            break
    else:
        raise AssertionError(f"still killed after {MOST} steps")
    assert step > 3
