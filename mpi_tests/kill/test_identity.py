"""Whose a staging is, and whether its run is certainly gone: what looks like the same machine, or
like somebody else's directory, and is not."""

import re

from conftest import MIB, write_tree
from killing import NAME, Dir, Jobs, alone, assert_files, content, end_by_force, noted, wait_for

NEW = content("new", small=4)
NOBODY = 65534
COPIES = ((r"^process \S+", "process copy"), (r"/\w{16} ", "/0123456789abcdef "))


def half_way(hub, jobs, begin):
    """A run that has journaled something and waits for the rest of a file."""
    stall = hub.trouble(kind="cdn", skip=5, stall=MIB // 2)
    job = begin()
    assert wait_for(lambda: stall.hits > 0 and noted(jobs.place) > 0, job), job.result(None)
    return job


def assert_waited_for(hub, jobs, owner):
    """Whoever wants the same as a run that lives waits for it, and fetches nothing."""
    waiter = jobs.begin(0, "--no-sync")
    waiter.wait_for_text("waiting for it")
    hub.troubles.clear()
    hub.troubles.let_go()
    assert owner.wait().code == 0, owner.result(None)
    result = waiter.wait()
    assert result.code == 0, result
    assert result.report["bytes"]["fetched"] == 0, result
    assert_files(jobs.place, NEW)
    assert jobs.place.strays() == []


def test_a_run_in_another_time_name_space(start, hub, tmp_path):
    """Its processes began at another number than is seen from here."""
    hub.add(NAME, write_tree(tmp_path / "tree", NEW))
    jobs = Jobs(start, hub, Dir(tmp_path / "out"))
    env = {"HF_ENDPOINT": hub.endpoint, **alone(tmp_path)}
    words = ("--no-sync", "--max-connections", 2, *jobs.place.words[1:])
    before = ("unshare", "--time", "--boottime", "100000", "--fork")
    owner = half_way(hub, jobs, lambda: start(0, "get", *words, env=env, before=before))
    assert_waited_for(hub, jobs, owner)


def test_a_run_on_a_copy_of_this_machine(start, hub, tmp_path):
    """The same kernel by its id and a process of a number that is free here: only the name of the
    host, or the hardware, tells."""
    hub.add(NAME, write_tree(tmp_path / "tree", NEW))
    for number, (what, by) in enumerate(COPIES):
        hub.reset()
        jobs = Jobs(start, hub, Dir(tmp_path / f"out-{number}"))
        owner = half_way(hub, jobs, lambda: jobs.begin(0, "--no-sync", "--max-connections", 2))
        [file] = [path for one in jobs.place.stagings() for path in one.glob("run-*/owner")]
        gone = re.sub(r" \d+ \d+$", " 4194303 1", file.read_text(), flags=re.M)
        other = re.sub(what, by, gone, flags=re.M)
        assert other != gone
        file.write_text(other)
        assert_waited_for(hub, jobs, owner)


def test_where_owners_are_mapped(start, run, hub, tmp_path):
    """What this user makes shows as another's: it is resumed and cleaned all the same."""
    hub.add(NAME, write_tree(tmp_path / "tree", NEW))
    jobs = Jobs(start, hub, Dir(tmp_path / "out"))
    mapped = jobs.shim(uid=NOBODY)
    for end in ("resume", "clean"):
        stall = hub.trouble(kind="cdn", skip=5, stall=MIB // 2)
        job = jobs.begin(0, "--no-sync", "--max-connections", 2, **mapped)
        assert wait_for(lambda: stall.hits > 0 and noted(jobs.place) > 0, job), job.result(None)
        end_by_force(job, "all")
        hub.troubles.clear()
        hub.troubles.let_go()
        [staging] = jobs.place.stagings()
        if end == "clean":
            result = run(1, "clean", jobs.place.dest, env={**mapped})
            assert result.code == 0 and "removed 1 leftover" in result.err, result
        else:
            result = jobs.succeed(0, "--no-sync", **mapped)
            assert result.report["bytes"]["resumed"] > 0
            assert_files(jobs.place, NEW)
            jobs.place.dest.rename(tmp_path / "done")
        assert jobs.place.stagings() == []

