"""A versioned destination that somebody else points elsewhere while a run sweeps earlier
versions: whatever it leads to in the end is there."""

import os
import shutil

import pytest
from conftest import write_tree
from killing import NAME, Dir, Jobs, assert_files, content, end_by_force, wait_for

OLD, NEW, LATER = (content(mark, large=1, small=4) for mark in ("old", "new", "later"))
AWAY = "run-*/[sf][wr]e*-*"  # swept or freed
COPIES = 20  # of a version, so that one is met before the version that matters


@pytest.fixture
def jobs(start, hub, tmp_path):
    """Published once, with copies that the next run sweeps. serve(files) -> the revision."""
    jobs = Jobs(start, hub, Dir(tmp_path / "out", ("--versions",)))
    jobs.versions = jobs.place.parent / ".model.versions"

    def serve(mark, files):
        return hub.add(NAME, write_tree(tmp_path / mark, files)).refs["refs/heads/main"]

    jobs.serve = serve
    serve("old", OLD)
    jobs.succeed(0, "--no-sync")
    [first] = os.listdir(jobs.versions)
    for number in range(1, COPIES + 1):
        shutil.copytree(jobs.versions / first, jobs.versions / f"{first}.{number}")
    return jobs


def sweeping(jobs, tmp_path, *words, hold="*/swept-*"):
    """A run that waits once it has moved the first version away, and what it waits for."""
    gate, held = tmp_path / "gate", tmp_path / "held"
    shim = jobs.shim(hold=hold, gate=gate, held=held, removals=1)
    job = jobs.begin(0, "--no-sync", *words, **shim)
    assert wait_for(held.exists, job), job.result(None)
    return job, gate


def test_another_job_publishes_meanwhile(jobs, tmp_path):
    """Its version stood there already when the first one began to sweep."""
    ready, show = tmp_path / "ready", tmp_path / "show"
    commit = jobs.serve("later", LATER)
    late = jobs.begin(
        0,
        "--no-sync",
        "--revision",
        commit,
        **jobs.shim(hold="*/.model.versions/" + "?" * 64, gate=show, held=ready),
    )
    assert wait_for(ready.exists, late), late.result(None)
    job, gate = sweeping(jobs, tmp_path, "--revision", jobs.serve("new", NEW))
    show.touch()
    assert late.wait().code == 0
    assert_files(jobs.place, LATER)
    gate.touch()
    assert job.wait().code == 0
    assert_files(jobs.place, LATER)


def test_somebody_goes_back_meanwhile(jobs, tmp_path):
    """By hand, to the very version that has just been moved away."""
    jobs.serve("new", NEW)
    job, gate = sweeping(jobs, tmp_path)
    [staging] = jobs.place.stagings()
    [swept] = staging.glob("run-*/swept-*")
    name = swept.name.removeprefix("swept-")
    link = tmp_path / "link"
    link.symlink_to(f".model.versions/{name}")
    link.rename(jobs.place.dest)
    gate.touch()
    assert job.wait().code == 0
    assert jobs.place.dest.readlink().name == name
    assert_files(jobs.place, OLD)


def test_killed_while_a_version_is_removed(jobs, tmp_path):
    """What is left of it has no record any more, and is nobody else's for that."""
    jobs.serve("new", NEW)
    job, _ = sweeping(jobs, tmp_path, hold=f"*/{AWAY}/*")
    end_by_force(job, "all")
    [staging] = jobs.place.stagings()
    records = sorted(staging.glob(f"{AWAY}/.cache/huggingface/mpifetch/manifest.json"))
    assert len(records) >= COPIES - 1
    for record in records:  # in which order a version is removed the file system decides
        record.unlink()
    jobs.succeed(0, "--no-sync")
    assert jobs.place.strays() == []
    assert_files(jobs.place, NEW)
