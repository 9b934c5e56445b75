"""A call of MPI that never returns: the rank that is in it ends all the same, by itself. As in
test_lost.py ranks do not fall with each other."""

import fcntl
import os
import signal
import socket
import struct
import termios
import time
from pathlib import Path

import pytest
from conftest import MIB, noise, write_tree
from test_lost import RANKS, TIMEOUT, Apart, steps_of_rank, words_for
from trees import assert_same, live

CALLS = ["MPI_Test", "MPI_Isend"]
CERTAIN = "the run has succeeded all the same"
RESUME = "run the same command again to resume"
UNWRITABLE = "the run has succeeded, but stdout cannot be written to"
LANDED = ".model.mpifetch-*/run-*/journal/*"
FILES = {"one.bin": noise(4 * MIB, 91), "two.bin": noise(4 * MIB, 92), "a/b.txt": b"b\n"}


class Pager:
    """Standard output of rank 0, or a file: its reader takes nothing until it is told to."""

    PAGE = 4096
    BEFORE = ("sh", "-c", 'if [ "$PAGER" ]; then exec >"$PAGER"; fi; exec "$@"', "sh")

    def __init__(self, path):
        self.path = path
        os.mkfifo(path)
        self._end = os.open(path, os.O_RDWR | os.O_NONBLOCK)
        assert fcntl.fcntl(self._end, fcntl.F_SETPIPE_SZ, self.PAGE) == self.PAGE
        self.how = {"before": self.BEFORE, "each": [{"PAGER": path}] + [{}] * (RANKS - 1)}

    def close(self):
        os.close(self._end)

    def fill(self):
        os.write(self._end, b"#" * self.PAGE)

    def is_full(self):
        (held,) = struct.unpack("i", fcntl.ioctl(self._end, termios.FIONREAD, b"    "))
        return held == self.PAGE

    def is_open_in(self, pid):
        for one in Path(f"/proc/{pid}/fd").iterdir():
            try:
                if os.readlink(one) == str(self.path):
                    return True
            except OSError:
                continue  # it was closed while we looked
        return False

    def read_on(self, is_over):
        """All that comes."""
        text = b""
        while True:
            over = is_over()
            try:
                text += os.read(self._end, self.PAGE)
            except BlockingIOError:
                if over:
                    return text.decode().lstrip("#")
                time.sleep(0.01)


@pytest.fixture
def pager(tmp_path):
    made = Pager(tmp_path / "pager")
    yield made
    made.close()


@pytest.fixture
def held(tmp_path):
    """held(rank, dest, call, **more) -> each, with what is made when the rank is in that call."""

    def make(rank, dest, call, **more):
        mark = str(tmp_path / "held")
        return steps_of_rank(rank, dest, STEPS_HOLD=call, STEPS_HELD=mark, **more)

    return make


@pytest.fixture
def apart(start, hub, tree, dest, tmp_path):
    """apart(each, options=) -> Apart."""
    return lambda each, options=(): Apart(start, hub, tmp_path, dest, options, each)


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
    job.wait_until(lambda: any(live(dest.parent, LANDED)), "nothing landed")
    when.touch()
    assert codes(job) == [7] * RANKS, job.said()
    assert_one_hung(job, victim, RESUME)
    assert not dest.exists()
    assert any(live(dest.parent, LANDED))
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


@pytest.mark.parametrize("victim", [1, 0])
def test_after_a_failure(apart, hub, tree, dest, tmp_path, held, pager, victim):
    """What all have agreed on is the outcome, and it is said once: by rank 0, hung or not. It is
    agreed once rank 0 writes the report, and that it cannot finish before the call is made."""
    when = tmp_path / "when"
    trouble = hub.trouble(kind="api-tree", status=404)
    pager.fill()
    each = held(victim, dest, "MPI_Test", STEPS_WHEN=str(when))
    job = apart(each, options=("--report", pager.path))
    assert hub.troubles.wait(trouble), job.said()
    job.wait_until(lambda: pager.is_open_in(job.job.rank(0)), "no report is written")
    when.touch()
    job.wait_until((tmp_path / "held").exists, "no call was made")
    pager.read_on(lambda: len(list(job.codes.glob("[0-9]"))) == RANKS)
    assert codes(job) == [3] * RANKS, job.said()
    assert_one_hung(job, victim, "exiting")
    assert len([line for line in job.said().splitlines() if "HTTP 404" in line]) == 1, job.said()


def test_stdout_takes_no_path(start, hub, tree, dest, pager):
    """It is published, but the line that scripts read is not out."""
    pager.fill()
    job = start(None, *words_for(dest), env={"HF_ENDPOINT": hub.endpoint}, **pager.how)
    result = job.wait()
    assert result.code == 1, result
    assert UNWRITABLE in result.err
    assert_same(dest, tree)


LISTED = 100


@pytest.fixture
def listing(start, hub, tmp_path, pager):
    """A plan of more lines than its reader takes: the job."""
    names = [f"{'n' * 80}-{i}.txt" for i in range(LISTED)]
    hub.add("acme/many", write_tree(tmp_path / "many", {name: b"x" for name in names}))
    words = ("plan", "--rank-timeout", TIMEOUT, "hf://acme/many", tmp_path / "model")
    job = start(None, *words, env={"HF_ENDPOINT": hub.endpoint}, **pager.how)
    job.wait_until(pager.is_full)
    return job


def test_a_reader_pauses(listing, pager):
    """As a pager does. Nothing hangs."""
    time.sleep(3 * TIMEOUT)  # what is tested, not a wait for something
    text = pager.read_on(lambda: listing.process.poll() is not None)
    result = listing.wait()
    assert result.code == 0, result
    assert result.err == ""
    assert len(text.splitlines()) == LISTED + 1, text
    assert text.splitlines()[-1].startswith(f"{LISTED} files")


@pytest.mark.parametrize("to", [0, 2])
def test_a_signal_while_a_reader_pauses(listing, to):
    os.kill(listing.rank(to), signal.SIGTERM)
    result = listing.wait()
    assert result.code == 7, result
    assert "interrupted" in result.err


def test_a_reader_pauses_before_the_table(start, tmp_path, pager):
    place = tmp_path / "place"
    place.mkdir()
    pager.fill()
    before = place.stat().st_mtime_ns
    job = start(None, "doctor", "--quick", "--rank-timeout", TIMEOUT, place, **pager.how)
    # what it has made there is gone again
    job.wait_until(lambda: place.stat().st_mtime_ns != before and not os.listdir(place))
    time.sleep(3 * TIMEOUT)  # what is tested, not a wait for something
    text = pager.read_on(lambda: job.process.poll() is not None)
    result = job.wait()
    assert result.code == 0, result
    assert result.err == ""
    assert "RENAME_EXCHANGE" in text and "advice" in text, text


def test_closed_stdout(start, tmp_path):
    """Its number is that of something else, which never takes a byte: no reader that pauses."""
    place = tmp_path / "place"
    place.mkdir()
    closed = ("sh", "-c", 'exec "$@" >&-', "sh")
    result = start(0, "doctor", "--quick", place, before=closed).wait()
    assert result.code == 1, result
    assert "cannot write to stdout" in result.err


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
