"""A call of MPI that never returns: the rank that is in it ends all the same, by itself. As in
test_lost.py ranks do not fall with each other."""

import signal
import socket
import time

import pytest
from conftest import MIB, noise, write_tree
from test_lost import RANKS, TIMEOUT, Apart, steps_of_rank, words_for
from trees import assert_same

CALLS = ["MPI_Test", "MPI_Isend"]
CERTAIN = "the run has succeeded all the same"
RESUME = "run the same command again to resume"
LANDED = ".model.mpifetch-*/run-*/journal/*"


@pytest.fixture
def tree(hub, tmp_path):
    files = {"one.bin": noise(4 * MIB, 91), "two.bin": noise(4 * MIB, 92), "a/b.txt": b"b\n"}
    made = write_tree(tmp_path / "tree", files)
    hub.add("acme/demo", made)
    return made


@pytest.fixture
def held(tmp_path):
    """held(rank, dest, call, **more) -> each, with what is made when the rank is in that call."""

    def make(rank, dest, call, **more):
        mark = str(tmp_path / "held")
        return steps_of_rank(rank, dest, STEPS_HOLD=call, STEPS_HELD=mark, **more)

    return make


@pytest.fixture
def apart(start, hub, tree, dest, tmp_path):
    """apart(each) -> Apart."""
    return lambda each: Apart(start, hub, tmp_path, dest, each=each)


def codes(job):
    return [job.code(rank) for rank in range(RANKS)]


def hung(job):
    return [line for line in job.said().splitlines() if "has hung" in line]


def assert_one_hung(job, rank, end):
    """One sentence: what, where, and what to do."""
    said = hung(job)
    assert len(said) == 1, job.said()
    assert f"rank {rank} on {socket.gethostname()} has hung for {TIMEOUT} s" in said[0]
    assert said[0].endswith(end)


def again(start, hub, dest):
    return start(RANKS, *words_for(dest), env={"HF_ENDPOINT": hub.endpoint}).wait()


@pytest.mark.parametrize("victim", [1, 0])
@pytest.mark.parametrize("call", CALLS)
def test_before_anything_is_published(
    apart, start, hub, tree, dest, tmp_path, held, call, victim
):  # fmt: skip
    """All end with 7, and the next run goes on with what is there."""
    when = tmp_path / "when"
    trouble = hub.trouble(kind="cdn", hold=True)
    job = apart(held(victim, dest, call, STEPS_WHEN=str(when)))
    assert hub.troubles.wait(trouble), job.said()
    job.wait_until(lambda: any(dest.parent.glob(LANDED)), "nothing landed")
    when.touch()
    assert codes(job) == [7] * RANKS, job.said()
    assert_one_hung(job, victim, RESUME)
    assert not dest.exists()
    assert any(dest.parent.glob(LANDED))
    hub.troubles.release()
    result = again(start, hub, dest)
    assert result.code == 0, result
    assert "waiting for it" not in result.err
    assert_same(dest, tree)


@pytest.mark.parametrize("call", CALLS)
def test_rank_0_after_the_visible_step(apart, tree, dest, held, call):
    """What is published is published: 0, and the line that scripts read."""
    job = apart(held(0, dest, call, STEPS_WHEN=str(dest)))
    assert job.code(0) == 0, job.said()
    assert_one_hung(job, 0, CERTAIN)
    job.job.wait_until(lambda: job.job.printed() == f"{dest}\n")
    assert_same(dest, tree)


def test_end_of_mpi(apart, tree, dest, held):
    """The others wait in there for the one that does not come."""
    job = apart(held(1, dest, "MPI_Finalize"))
    assert codes(job) == [0] * RANKS, job.said()
    assert "MPI_Finalize did not finish within 10 s" in job.said()
    assert not hung(job)
    job.job.wait_until(lambda: job.job.printed() == f"{dest}\n")
    assert_same(dest, tree)


def test_end_of_mpi_of_a_rank_alone(start, hub, dest, held):
    """And the code of a failure stays."""
    hub.trouble(kind="api-tree", status=404)
    env = {"HF_ENDPOINT": hub.endpoint, **held(0, dest, "MPI_Finalize")[0]}
    result = start(None, *words_for(dest), env=env).wait()
    assert result.code == 3, result
    assert "MPI_Finalize did not finish within 10 s" in result.err


def test_work_that_outlasts_a_loss(apart, tree, dest, tmp_path):
    """Nothing is heard any more while the work goes on, and yet the main thread turns."""
    gate = tmp_path / "gate"
    job = apart(steps_of_rank(0, dest, STEPS_HOLD=str(dest), STEPS_GATE=str(gate)))
    job.wait_until(dest.exists, "nothing was published")
    job.send(1, signal.SIGSTOP)
    time.sleep(4 * TIMEOUT)  # what is tested, not a wait for something
    gate.touch()
    assert job.code(0) == 0, job.said()
    assert not hung(job)
    assert_same(dest, tree)
