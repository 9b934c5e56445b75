"""SIGKILL at moments that chance chooses, several times in a row on one destination, and then the
end of it on other ranks and another scratch.

A moment is an event: so many requests have come, a transfer stands still in its middle, so many
names were changed or writes made. MPIFETCH_SEED starts with another seed.

Each chain lies on the file system of the other tests ("here"), or on one of its own: ext4, or FUSE
where a removed file is gone ("fuse") or stays under another name while it is open ("hidden", which is
libfuse's default). MPIFETCH_KILLS=1000 are as many kills on each of them, half of the runs with
scratch; without it there are fewer, for the sake of time. MPIFETCH_KILLS_ON="ext4 hidden" are the
file systems. Each test prints what it has done (pytest -rP).
"""

import os
import random
import re
import shutil
import signal

import pytest
from conftest import MIB, write_tree
from killing import (
    LAYOUTS,
    Jobs,
    assert_files,
    assert_reader,
    content,
    end_by_force,
    noted,
    serve,
    wait_for,
)
from mounts import fuse, image

IN_A_ROW = 12  # a chain has fewer kills
KILLS = int(os.environ.get("MPIFETCH_KILLS", 72))
PLACES = os.environ.get("MPIFETCH_KILLS_ON", "here fuse hidden").split()
FEWER = 1 if "MPIFETCH_KILLS" in os.environ else 4  # of the places but the first
SEED = int(os.environ.get("MPIFETCH_SEED", 20261128))
MARKS = ("old", "new")
CONTENT = {mark: content(mark, small=12) for mark in MARKS}


class Chain:
    """Kills in a row on one place. What is wanted changes each time it has been published."""

    def __init__(self, jobs, hub, trees, chance, scratch):
        self.jobs, self.hub, self.trees, self.chance = jobs, hub, trees, chance
        self.scratch = scratch  # a function to a fresh directory, or None
        self.kills = self.runs = self.ends = self.resumed = 0
        self.stands, self.wanted = None, "old"
        self.what = []
        hub.add("acme/demo", trees[self.wanted])

    def words(self):
        return ("--no-sync", "--scratch", self.scratch() if self.scratch else "none")

    def told(self):
        return f"seed {SEED}, after {self.what}"

    def kill_once(self, ranks):
        """One run, and its end; ranks 0: one process that no mpirun looks after."""
        how = self.chance.choice(("requests", "stall", "names", *(() if ranks else ("writes",))))
        whom = self.chance.choice(("one", "all", "launcher")) if ranks else "all"
        self.what.append((ranks, how, whom))
        env = {}
        if how == "names":
            env = self.jobs.shim(kill=self.chance.randrange(1, 30), removals=1)
        elif how == "writes":
            env = self.jobs.shim(writes=self.chance.randrange(1, 40))
        if ranks:
            # mpirun waits for those who do not know that another one was killed, twice
            env["OMPI_MCA_odls_base_sigkill_timeout"] = "1"
        before = len(self.hub.requests.rows(settle=0))
        stall = None
        if how == "stall":
            stall = self.hub.trouble(
                kind="cdn", skip=self.chance.randrange(8), times=1, stall=self.chance.randrange(MIB)
            )
        job = self.jobs.begin(ranks, *self.words(), **env)
        if how == "stall":
            wait_for(lambda: stall.hits > 0, job)
        elif how == "requests":
            count = before + self.chance.randrange(1, 40)
            wait_for(lambda: self.hub.requests.wait(count, 0), job)
        if how in ("stall", "requests"):
            code = end_by_force(job, whom, self.chance)
        else:
            code = job.wait().code
            assert job.wait_for_silence() == [], self.told()
        job.close()
        self.hub.troubles.clear()
        self.hub.troubles.let_go()
        self.look(code, job)

    def look(self, code, job):
        assert code in (0, 7, 137, -signal.SIGKILL) or code > 128, (self.told(), job.result(code))
        wanted, stands = CONTENT[self.wanted], CONTENT.get(self.stands)
        try:
            found = assert_reader(self.jobs.place, stands, wanted)
        except AssertionError as error:
            raise AssertionError(f"{self.told()}: {error}") from error
        self.kills += code != 0
        self.runs += 1
        if code == 0:
            self.arrive()
        elif found == wanted:
            self.finish(0)  # a later run only has to clean up

    def arrive(self):
        assert self.jobs.place.strays() == [], self.told()
        self.what.append("published")
        self.stands = self.wanted
        self.wanted = self.chance.choice([mark for mark in MARKS if mark != self.wanted])
        self.hub.add("acme/demo", self.trees[self.wanted])

    def finish(self, ranks):
        """The same command, to the end."""
        kept = noted(self.jobs.place)
        result = self.jobs.succeed(ranks, *self.words())
        told = result.report["bytes"]
        where = (self.told(), result)
        if "already up to date" not in result.err:
            # The journals also name what a killed run had published file by file, as in a cache.
            assert told["resumed"] <= kept <= told["resumed"] + told["reused"], where
        assert_files(self.jobs.place, CONTENT[self.wanted])
        self.ends += 1
        self.resumed += kept
        self.arrive()

    def say(self):
        """Nothing else was seen by a reader, and nothing hung, or the test would have failed."""
        print(
            f"{self.runs} runs, {self.kills} killed; {self.ends} chains went on to the end, with "
            f"{self.resumed >> 20} MiB of what the killed runs had left"
        )


@pytest.fixture(scope="module")
def trees(tmp_path_factory):
    top = tmp_path_factory.mktemp("trees")
    return {mark: write_tree(top / mark, CONTENT[mark]) for mark in MARKS}


@pytest.fixture(scope="module")
def top(request, tmp_path_factory):
    """A directory on the file system of that kind. Of the module, so that pytest puts the tests of
    one kind together."""
    here = tmp_path_factory.mktemp(request.param)
    if request.param == "here":
        yield here
    else:
        kinds = {"ext4": image(here), "fuse": fuse(here), "hidden": fuse(here, "hide_removed")}
        with kinds[request.param] as place:
            yield place


@pytest.fixture
def place(top, request):
    """A directory of this test's own on it, and how many kills there are to be."""
    kind = request.node.callspec.params["top"]
    made = top / re.sub(r"\W+", "-", request.node.name)
    made.mkdir()
    yield made, KILLS if kind == PLACES[0] else KILLS // FEWER
    shutil.rmtree(made)


def chain_of(start, hub, tmp_path, trees, layout, scratch, place, name):
    chance = random.Random(f"{SEED} {layout} {scratch} {name}")
    jobs = Jobs(start, hub, LAYOUTS[layout](place / "out"), tmp_path)
    fresh = None
    if scratch == "scratch":

        def fresh():
            path = tmp_path / f"scratch-{chance.randrange(1 << 60):x}"
            path.mkdir()
            return path

    return Chain(jobs, hub, trees, chance, fresh), chance


@pytest.mark.parametrize("top", PLACES, indirect=True)
@pytest.mark.parametrize("scratch", ["none", "scratch"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_one_process(start, hub, tmp_path, trees, layout, scratch, place):
    path, kills = place
    chain, chance = chain_of(start, hub, tmp_path, trees, layout, scratch, path, "one")
    while chain.kills < kills * 11 / 78:
        for _ in range(chance.randrange(2, IN_A_ROW)):
            chain.kill_once(0)
        chain.finish(0)
    chain.say()


@pytest.mark.parametrize("top", PLACES, indirect=True)
@pytest.mark.parametrize("scratch", ["none", "scratch"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_several_ranks(start, hub, tmp_path, trees, layout, scratch, place):
    path, kills = place
    chain, chance = chain_of(start, hub, tmp_path, trees, layout, scratch, path, "several")
    while chain.kills < kills * 2 / 78:
        for _ in range(2):
            chain.kill_once(chance.choice((1, 2, 2, 3, 4)))
        chain.finish(chance.choice((1, 2, 3)))
    chain.say()
