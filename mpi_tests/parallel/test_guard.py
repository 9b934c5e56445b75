"""A call of MPI that never returns: the rank that is in it ends all the same, by itself. As in
test_lost.py ranks do not fall with each other."""

import socket
import time

import pytest
from job import PATIENCE
from test_lost import RANKS, SOURCE, TIMEOUT, apart, steps_of_rank, tree, words_for  # noqa: F401
from trees import assert_same

CALLS = ["MPI_Test", "MPI_Isend"]
CERTAIN = "the run has succeeded all the same"
RESUME = "run the same command again, it continues with what is staged"


def hung(job):
    return [line for line in job.said().splitlines() if "has hung" in line]


def assert_one_hung(job, rank, end):
    """One sentence: what, where, and what to do."""
    said = hung(job)
    assert len(said) == 1, job.said()
    assert f"rank {rank} on {socket.gethostname()} has hung for {TIMEOUT} s" in said[0]
    assert said[0].endswith(end)


@pytest.fixture
def held(tmp_path):
    """held(rank, dest, call, **more) -> each, with what is made when the rank is in that call."""

    def make(rank, dest, call, **more):
        return steps_of_rank(
            rank, dest, STEPS_HOLD=call, STEPS_HELD=str(tmp_path / "held"), **more
        )

    return make


@pytest.mark.parametrize("victim", [1, 0])
@pytest.mark.parametrize("call", CALLS)
def test_before_anything_is_published(apart, hub, dest, tmp_path, held, call, victim):  # noqa: F811
    """Of the one that hangs, with rank 0 that has the heartbeat: all end with 7, and the next run
    waits for nobody and goes on with what is there."""
    when = tmp_path / "when"
    trouble = hub.trouble(kind="cdn", hold=True)
    job = apart(each=held(victim, dest, call, STEPS_WHEN=str(when)))
    landed = ".model.mpifetch-*/run-*/journal/*"
    assert hub.troubles.wait(trouble), job.said()
    job.wait_until(lambda: any(dest.parent.glob(landed)), "nothing landed")
    when.touch()
    assert [job.code(rank) for rank in range(RANKS)] == [7] * RANKS, job.said()
    assert_one_hung(job, victim, RESUME)
    assert not dest.exists()


@pytest.mark.parametrize("call", CALLS)
def test_rank_0_after_the_visible_step(apart, tree, dest, held, call):  # noqa: F811
    """What is published is published: 0, and the line that scripts read."""
    job = apart(each=held(0, dest, call, STEPS_WHEN=str(dest)))
    assert job.code(0) == 0, job.said()
    assert_one_hung(job, 0, CERTAIN)
    job.job.wait_until(lambda: job.job.printed() == f"{dest}\n")
    assert_same(dest, tree)


@pytest.mark.parametrize("victim", [1, 0])
def test_end_of_mpi(apart, tree, dest, held, victim):  # noqa: F811
    """The others are through, or wait in there for the one that is not."""
    job = apart(each=held(victim, dest, "MPI_Finalize"))
    assert [job.code(rank) for rank in range(RANKS)] == [0] * RANKS, job.said()
    assert "MPI_Finalize has waited for 10 s" in job.said()
    assert not hung(job)
    job.job.wait_until(lambda: job.job.printed() == f"{dest}\n")
    assert_same(dest, tree)


def test_end_of_mpi_of_a_rank_alone(start, hub, tree, dest, held):  # noqa: F811
    each = held(0, dest, "MPI_Finalize")[:1]
    job = start(1, *words_for(dest), env={"HF_ENDPOINT": hub.endpoint}, each=each)
    result = job.wait()
    assert "MPI_Finalize has waited for 10 s" in result.err
    assert result.out == f"{dest}\n"
    assert_same(dest, tree)


def test_end_of_mpi_after_a_failure(apart, hub, dest, held):  # noqa: F811
    """Keeps its code."""
    hub.trouble(kind="api-tree", status=404)
    job = apart(each=held(1, dest, "MPI_Finalize"))
    assert [job.code(rank) for rank in range(RANKS)] == [3] * RANKS, job.said()


def test_a_host_that_slept_in_a_call_is_not_hung(apart, hub, tree, dest, tmp_path, held):  # noqa: F811
    """Longer than a rank may hang: what counts is how often the guard woke up."""
    import signal

    when, gate = tmp_path / "when", tmp_path / "gate"
    trouble = hub.trouble(kind="cdn", hold=True)
    job = apart(each=held(1, dest, "MPI_Test", STEPS_WHEN=str(when), STEPS_GATE=str(gate)))
    assert hub.troubles.wait(trouble), job.said()
    when.touch()
    job.wait_until((tmp_path / "held").exists, "it did not come to the call")
    for rank in range(RANKS):
        job.send(rank, signal.SIGSTOP)
    time.sleep(3 * TIMEOUT)  # what is tested, not a wait for something
    for rank in range(RANKS):
        job.send(rank, signal.SIGCONT)
    gate.touch()
    hub.troubles.release()
    assert [job.code(rank) for rank in range(RANKS)] == [0] * RANKS, job.said()
    assert not hung(job)
    assert_same(dest, tree)
