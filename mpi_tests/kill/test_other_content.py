"""An update is interrupted, and then a run wants other content of the same destination: what had
been fetched is still there for whoever goes on with the update."""

import pytest
from conftest import MIB, write_tree
from killing import LAYOUTS, NAME, Jobs, assert_files, content, end_by_force, noted, wait_for

OLD, NEW, THIRD = (content(mark, small=4) for mark in ("old", "new", "third"))


@pytest.fixture
def interrupted(start, hub, tmp_path):
    """interrupted(layout) -> jobs, with the old content published and half of the new fetched."""

    def make(layout):
        jobs = Jobs(start, hub, LAYOUTS[layout](tmp_path / "out"))
        jobs.commits = [
            hub.add(NAME, write_tree(tmp_path / str(number), files)).refs["refs/heads/main"]
            for number, files in enumerate((OLD, NEW, THIRD))
        ]
        succeed(jobs, 0)
        stall = hub.trouble(kind="cdn", skip=4, stall=MIB // 2)
        job = jobs.begin(1, *ask(jobs, 1), "--connections", 1)
        assert wait_for(lambda: stall.hits > 0 and noted(jobs.place) > 0, job), job.result(None)
        end_by_force(job, "all")
        hub.troubles.clear()
        hub.troubles.let_go()
        return jobs

    return make


def ask(jobs, number):
    return ("--no-sync", "--revision", jobs.commits[number])


def succeed(jobs, number):
    return jobs.succeed(1, *ask(jobs, number))


def assert_goes_on(jobs, resumed):
    jobs.place.commit = jobs.commits[1]
    result = succeed(jobs, 1)
    assert result.report["bytes"]["resumed"] == resumed > 0, result
    assert_files(jobs.place, NEW)
    assert jobs.place.strays() == []


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_run_that_has_nothing_to_do(interrupted, layout):
    jobs = interrupted(layout)
    resumed = noted(jobs.place)
    result = succeed(jobs, 0)
    assert "already up to date" in result.err, result
    assert noted(jobs.place) == resumed
    assert_goes_on(jobs, resumed)


def test_another_revision_in_a_cache(interrupted):
    """What both share is used, and the rest is left."""
    jobs = interrupted("cache")
    before = noted(jobs.place)
    result = succeed(jobs, 2)
    used = result.report["bytes"]["resumed"]
    left = noted(jobs.place)
    assert before == used + left
    assert_goes_on(jobs, left)


def test_an_update_in_its_place(interrupted):
    """DEST has one content: the rest of an update that was overtaken goes."""
    jobs = interrupted("dir")
    succeed(jobs, 2)
    assert_files(jobs.place, THIRD)
    assert jobs.place.strays() == []
