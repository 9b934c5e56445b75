"""Ranks that are killed or frozen. Under srun the others live on, and so they do here: each rank
has a wrapper that notes how it ended and then stays, so that mpirun does not notice the death.
What a rank says goes to a file of its own: mpirun hands it on later than it ends."""

import os
import signal
import socket
import time
from pathlib import Path

import pytest
from conftest import MIB, noise
from job import PATIENCE, RANK, UNHURRIED, send
from trees import assert_nothing, assert_same, assert_verifiable, live

SOURCE = "hf://acme/demo"
STEPS = os.environ["MPIFETCH_STEPS"]
TIMEOUT = 2
RANKS = 3
WRAPPER = f'"$@" 2>"$CODES/{RANK}.err"; echo $? >"$CODES/{RANK}.part"; mv "$CODES/{RANK}.part" "$CODES/{RANK}"; \
exec sleep 1000'
FILES = {"one.bin": noise(4 * MIB, 81), "two.bin": noise(4 * MIB, 82), "a/b.txt": b"b\n"}


def words_for(dest, *options):
    words = ("--segment-size", MIB, "--scratch", "none", *options)
    return ("get", "--rank-timeout", TIMEOUT, *words, SOURCE, dest)


class Apart:
    """A job whose ranks do not fall with each other."""

    def __init__(self, start, hub, tmp_path, dest, options=(), each=None):
        self.codes = tmp_path / "codes"
        self.codes.mkdir()
        env = {"HF_ENDPOINT": hub.endpoint, "CODES": str(self.codes)}
        how = {"env": env, "before": ("sh", "-c", WRAPPER, "sh")}
        if each:
            how["each"] = each
        self.job = start(RANKS, *words_for(dest, *options), **how)

    def wait_until(self, holds, what, timeout=PATIENCE):
        until = time.monotonic() + timeout
        while not holds():
            assert time.monotonic() < until, f"{what}\n{self.said()}"
            time.sleep(0.02)

    def send(self, rank, number):
        os.kill(self.job.rank(rank), number)

    def code(self, rank):
        """Its exit code, once it has one."""
        path = self.codes / str(rank)
        self.wait_until(path.exists, f"rank {rank} did not end")
        return int(path.read_text())

    def is_stopped(self, rank):
        try:
            stat = Path(f"/proc/{self.job.rank(rank)}/stat").read_text()
        except (AssertionError, OSError):
            return False
        return stat.rpartition(")")[2].split()[0] == "T"

    def wait_for_stop(self, rank):
        self.wait_until(lambda: self.is_stopped(rank), f"rank {rank} did not stop")

    def said(self):
        """All of it by those that have ended, rank by rank, and then mpirun."""
        own = [one.read_bytes() for one in sorted(self.codes.glob("*.err"))]
        return b"".join(own).decode("utf-8", "backslashreplace") + self.job.result(None).err


@pytest.fixture
def apart(start, hub, tree, dest, tmp_path):
    """apart(*options, each=) -> Apart."""
    return lambda *options, each=None: Apart(start, hub, tmp_path, dest, options, each)


def steps_of_rank(rank, dest, **steps):
    """Of each rank what it alone has in its environment; see preload/steps.c."""
    shim = {"LD_PRELOAD": STEPS, "STEPS_BELOW": str(dest.parent), **steps}
    return [shim if one == rank else {} for one in range(RANKS)]


def assert_named(text, rank):
    """One sentence on one node, with rank and host."""
    said = [line for line in text.splitlines() if "has not responded" in line]
    assert len(said) == 1, text
    assert f"rank {rank} on {socket.gethostname()} has not responded for 2 s," in said[0], text


def assert_given_up(job, victim, dest):
    """All others end with 7, and DEST is as before; what is staged stays."""
    for rank in range(RANKS):
        if rank != victim:
            assert job.code(rank) == 7, job.said()
    assert_named(job.said(), victim)
    assert "run the same command again" in job.said()
    assert not dest.exists()


@pytest.mark.parametrize("how", [signal.SIGSTOP, signal.SIGKILL])
@pytest.mark.parametrize("victim", [1, 0])
@pytest.mark.parametrize("kind", ["api-tree", "cdn"])
def test_lost_while_the_source_is_slow(apart, hub, dest, kind, victim, how):
    """While rank 0 lists and the others wait for it, and while all fetch."""
    trouble = hub.trouble(kind=kind, hold=True)
    job = apart()
    assert hub.troubles.wait(trouble), job.said()
    job.send(victim, how)
    assert_given_up(job, victim, dest)


@pytest.mark.parametrize("pattern", ["*/tree", "syncfs"])
def test_rank_0_frozen_while_it_works_alone(apart, dest, pattern):
    """While it builds the tree, and just before the visible step. When it wakes up the others are
    gone: it must not publish what they have called a failure."""
    job = apart(each=steps_of_rank(0, dest, STEPS_STOP=pattern))
    job.wait_for_stop(0)
    assert_given_up(job, 0, dest)
    job.send(0, signal.SIGCONT)
    assert job.code(0) == 7, job.said()
    assert not dest.exists()


def test_given_up_rank_wakes_up(apart, hub, dest):
    """And what had landed is kept."""
    trouble = hub.trouble(kind="cdn", hold=True)
    job = apart()
    landed = ".model.mpifetch-*/run-*/journal/*"
    assert hub.troubles.wait(trouble), job.said()
    job.wait_until(lambda: any(live(dest.parent, landed)), "nothing landed")
    job.send(1, signal.SIGSTOP)
    assert_given_up(job, 1, dest)
    assert any(live(dest.parent, landed))
    job.send(1, signal.SIGCONT)
    assert job.code(1) == 7, job.said()
    assert any(live(dest.parent, landed))


def test_all_stopped_together_is_no_loss(apart, hub, tree, dest):
    """A host that slept: nobody was listening, so nobody was silent."""
    trouble = hub.trouble(kind="cdn", hold=True)
    job = apart()
    assert hub.troubles.wait(trouble), job.said()
    pids = [job.job.rank(rank) for rank in range(RANKS)]  # found first: one at a time would be lost
    send(signal.SIGSTOP, *pids)
    time.sleep(2 * TIMEOUT)  # what is tested, not a wait for something
    send(signal.SIGCONT, *pids)
    hub.troubles.release()
    assert [job.code(rank) for rank in range(RANKS)] == [0] * RANKS, job.said()
    assert_same(dest, tree)


def test_source_that_is_silent_for_long_is_no_loss(apart, hub, tree, dest):
    """Ranks that only wait are heard all the time."""
    trouble = hub.trouble(kind="api-tree", hold=True)
    job = apart()
    assert hub.troubles.wait(trouble), job.said()
    time.sleep(1.5 * TIMEOUT)  # what is tested, not a wait for something
    hub.troubles.release()
    assert [job.code(rank) for rank in range(RANKS)] == [0] * RANKS, job.said()
    assert_same(dest, tree)


def test_scratch_that_is_slow_is_no_loss(apart, tree, dest, tmp_path):
    scratch = dest.parent / "scratch"
    scratch.mkdir()
    gate = tmp_path / "gate"
    hold = {"STEPS_HOLD": f"{scratch}/mpifetch-*", "STEPS_GATE": str(gate)}
    job = apart("--scratch", scratch, each=steps_of_rank(1, dest, **hold))
    job.wait_until(lambda: len(os.listdir(scratch)) == RANKS, "no scratch")
    time.sleep(1.5 * TIMEOUT)  # what is tested, not a wait for something
    gate.touch()
    assert [job.code(rank) for rank in range(RANKS)] == [0] * RANKS, job.said()
    assert_same(dest, tree)


def test_loss_after_the_visible_step(apart, tree, dest, tmp_path):
    """It is published: a warning, and an end. Rank 0 is kept just after the step until another
    rank is frozen, and gives signs of life meanwhile."""
    gate = tmp_path / "gate"
    job = apart(each=steps_of_rank(0, dest, STEPS_HOLD=str(dest), STEPS_GATE=str(gate)))
    job.wait_until(dest.exists, "nothing was published")
    job.send(1, signal.SIGSTOP)
    gate.touch()
    assert job.code(0) == 0 and job.code(2) == 0, job.said()
    assert_named(job.said(), 1)
    assert "run the same command again" not in job.said()
    # mpirun, which has not ended, hands it on when it comes to it
    job.job.wait_until(lambda: job.job.printed() == f"{dest}\n")
    assert_same(dest, tree)
    assert_verifiable(dest)
    assert job.job.report.exists()


def test_loss_during_the_visible_step(apart, tree, dest, tmp_path):
    """The step is made, but rank 0 does not know it yet when it gives up another rank."""
    gate = tmp_path / "gate"
    each = steps_of_rank(0, dest, STEPS_HOLD=str(dest), STEPS_GATE=str(gate))
    job = apart(each=each)
    job.wait_until(dest.exists, "nothing was published")
    job.send(1, signal.SIGSTOP)
    time.sleep(2 * TIMEOUT)  # what is tested, not a wait for something
    gate.touch()
    assert job.code(0) == 0 and job.code(2) == 0, job.said()
    assert_named(job.said(), 1)
    assert "run the same command again" not in job.said()
    assert_same(dest, tree)


def test_rank_0_frozen_after_the_visible_step(apart, tree, dest):
    """The others cannot know that it is published, but must end; and the next run finds it."""
    job = apart(each=steps_of_rank(0, dest, STEPS_STOP=str(dest)))
    job.wait_for_stop(0)
    assert job.code(1) == 7 and job.code(2) == 7, job.said()
    assert_same(dest, tree)


@pytest.mark.parametrize("call, code", [("MPI_Init_thread", 7), ("MPI_Finalize", 0)])
def test_lost_in_a_collective_of_the_start_or_the_end(apart, dest, tree, call, code):
    """The others wait ten seconds for it, and would spin all the while: here they sleep."""
    patient = {"LD_PRELOAD": STEPS, "STEPS_PATIENT": "1"}
    each = [{**patient, **one} for one in steps_of_rank(1, dest, STEPS_STOP=call)]
    job = apart(each=each)
    job.wait_for_stop(1)
    assert job.code(0) == code and job.code(2) == code, job.said()
    assert "a rank has died or hangs" in job.said()
    assert dest.exists() == (code == 0)


@pytest.mark.parametrize("how", [signal.SIGSTOP, signal.SIGKILL])
@pytest.mark.parametrize("victim", [1, 0])
def test_under_mpirun(start, hub, tree, dest, victim, how):
    """It ends the rest itself when one dies, or once the first of them ends."""
    trouble = hub.trouble(kind="cdn", hold=True)
    job = start(RANKS, *words_for(dest), env={**hub.env, **UNHURRIED})
    assert hub.troubles.wait(trouble), job.result(None)
    os.kill(job.rank(victim), how)
    result = job.wait()
    assert result.code != 0, result
    if how == signal.SIGSTOP:  # mpirun wakes it, and it may then miss the others in turn
        assert result.code == 7, result
        said = result.err.count(f"rank {victim} on {socket.gethostname()} has not responded for 2 s,")
        # rank 0 is missed by each for itself: mpirun may end the one that says it before it does
        assert said == 1 or (said, victim) == (0, 0), result
    assert not dest.exists()
    assert job.wait_for_silence() == []


@pytest.mark.parametrize("value", ["0", "0.5"])
def test_timeout_that_is_none(run, dest, value):
    result = run(2, "get", "--rank-timeout", value, SOURCE, dest)
    assert result.code == 2, result
    assert_nothing(dest)
