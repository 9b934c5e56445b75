"""What a run shows of itself: on a terminal, in a log file, in report and trace."""

import fcntl
import hashlib
import json
import os
import pty
import re
import select
import signal
import threading
from pathlib import Path

import pytest
from conftest import MIB, noise
from job import PATIENCE
from trees import assert_nothing, assert_same

SOURCE = "hf://acme/demo"
LINE = (
    r"\d+/\d+ files  [\d.]+ \w+ of [\d.]+ \w+ \(\d+%\)  [\d.]+ \w+/s  .+ left  "
    r"\d+ of \d+ ranks busy"
)
FILES = {"one.bin": noise(5 * MIB + 7, 81), "two.bin": noise(3 * MIB, 82), "empty": b""}
FILES |= {f"small/{i}.txt": b"%d\n" % i for i in range(1, 6)}


def env(hub, **more):
    return {"HF_ENDPOINT": hub.endpoint, **more}


class Terminal:
    """Reads what a program writes to a terminal, and tells what is on the screen."""

    def __init__(self):
        self._master, self.slave = pty.openpty()
        self._text = b""
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self):
        while True:
            try:
                got = os.read(self._master, 4096)
            except OSError:
                return  # the last writer has gone
            with self._changed:
                self._text += got
                self._changed.notify_all()

    @property
    def text(self):
        return self._text.decode()

    def wait_for(self, pattern, timeout=PATIENCE):
        with self._changed:
            return self._changed.wait_for(lambda: re.search(pattern, self.text), timeout)

    def close(self):
        os.close(self.slave)
        self._thread.join(PATIENCE)
        os.close(self._master)

    def lines(self):
        """The screen in the end; of escape sequences "erase to the end of the line" is known."""
        shown, column = [""], 0
        for piece in re.findall(r"\r|\n|\033\[K|[^\r\n\033]+|\033", self.text):
            if piece == "\r":
                column = 0
            elif piece == "\n":
                shown.append("")
            elif piece == "\033[K":
                shown[-1] = shown[-1][:column]
            else:
                assert piece != "\033", "an escape sequence that is none of ours"
                shown[-1] = shown[-1][:column] + piece + shown[-1][column + len(piece) :]
                column += len(piece)
        return shown


@pytest.mark.parametrize("options", [(), ("-q",)], ids=["plain", "quiet"])
def test_bar_on_a_terminal(start, hub, tree, dest, options):
    """One line, drawn again and again, and gone in the end."""
    hub.trouble(kind="cdn", stall=1000)
    terminal = Terminal()
    job = start(0, "get", *options, SOURCE, dest, env=env(hub), stderr=terminal.slave)
    drawn = terminal.wait_for(rf"\r\033\[K{LINE}\r\033\[K{LINE}")
    hub.troubles.release()
    result = job.wait()
    terminal.close()
    assert drawn, terminal.text
    assert result.code == 0 and result.out == f"{dest}\n", terminal.text
    left = terminal.lines()
    assert not any(re.search(LINE, line) for line in left), left
    if options:
        assert left == [""]
    else:
        assert any(line.startswith("mpifetch: published") for line in left), left


def test_lines_in_a_log_file(start, hub, tree, dest):
    hub.trouble(kind="cdn", stall=1000)
    job = start(2, "get", SOURCE, dest, env=env(hub))
    job.wait_for_text("ranks busy\n")
    hub.troubles.release()
    result = job.wait()
    assert result.code == 0, result
    assert re.search(rf"^mpifetch: {LINE}$", result.err, re.MULTILINE), result
    assert "\r" not in result.err and "\033" not in result.err


def test_progress_can_be_had_without(start, hub, tree, dest):
    hub.trouble(kind="cdn", stall=1000)
    terminal = Terminal()
    job = start(
        0, "get", "--progress", "none", SOURCE, dest, env=env(hub), stderr=terminal.slave
    )
    wait = hub.troubles.wait(hub.trouble(kind="none"), timeout=1)  # four times that a bar takes
    hub.troubles.release()
    result = job.wait()
    terminal.close()
    assert not wait and result.code == 0, terminal.text
    assert "ranks busy" not in terminal.text and "\033" not in terminal.text


def test_quiet(run, hub, tree, dest):
    result = run(2, "get", "-q", SOURCE, dest, env=env(hub))
    assert (result.code, result.out, result.err) == (0, f"{dest}\n", "")


def test_quiet_tells_errors(run, hub, dest):
    result = run(2, "get", "-q", SOURCE, dest, env=env(hub))
    assert result.code == 3 and result.err.count("mpifetch: ") == 1, result
    assert_nothing(dest)


def test_verbose(run, hub, tree, dest):
    """Once: retries. Twice: each request as well, and whose it was."""
    cut = hub.trouble(kind="cdn", cut=1000, times=1)
    result = run(2, "get", "-v", SOURCE, dest, env=env(hub))
    assert result.code == 0 and cut.hits == 1, result
    assert "one.bin" not in run(2, "get", "--force", SOURCE, dest, env=env(hub)).err
    hub.reset()
    again = dest.parent / "again"
    result = run(2, "get", "-v", "-v", "--segment-size", MIB, SOURCE, again, env=env(hub))
    assert result.code == 0, result
    said = [line for line in result.err.splitlines() if "206" in line and ".bin" in line]
    again = result.report["requests"]["cut"]  # of a late rank, perhaps before the answer came
    assert 9 <= len(hub.log("cdn")) <= 9 + again, result
    assert len(said) >= len(hub.log("cdn")) - again, result


def test_extremes_are_those_of_the_ranks(run, hub, tree, dest):
    result = run(3, "get", "--segment-size", MIB, SOURCE, dest, env=env(hub))
    assert result.code == 0, result
    report = result.report
    ranks = report["ranks"]
    of = {
        "bytes": [rank["bytes"] for rank in ranks],
        "peak_memory": [rank["peak_memory"] for rank in ranks],
        "busy_us": [rank["busy"] * 1e6 for rank in ranks],
        "cpu_us": [rank["cpu"] * 1e6 for rank in ranks],
    }
    assert report["extremes"].keys() == of.keys()
    for name, values in of.items():
        found = report["extremes"][name]
        near = 0 if name in ("bytes", "peak_memory") else 1  # rounded to a microsecond
        for which, most in (("least", min(values)), ("most", max(values))):
            assert abs(found[which] - most) <= near, (name, found, values)
            assert abs(values[found[f"{which}_rank"]] - most) <= near, (name, found, values)
        if near == 0:  # of several the lowest
            assert found["least_rank"] == values.index(min(values))
            assert found["most_rank"] == values.index(max(values))


def test_trace(run, hub, tree, dest, tmp_path):
    trace, slots = tmp_path / "trace.json", 2
    options = ("--segment-size", MIB, "--connections", slots, "--trace", trace)
    result = run(3, "get", *options, SOURCE, dest, env=env(hub))
    assert result.code == 0, result
    assert_same(dest, tree)
    events = json.loads(trace.read_text())
    names = {event["pid"]: event["args"]["name"] for event in events if event["ph"] == "M"}
    assert sorted(names) == [0, 1, 2]
    assert all(re.fullmatch(rf"rank {pid} \(.+\)", name) for pid, name in names.items())
    levels = [e["args"]["connections"] for e in events if e["ph"] == "C"]
    assert levels == [3 * slots]  # they are pinned
    bars = [event for event in events if event["ph"] not in "MC"]
    assert {bar["ph"] for bar in bars} == {"X"}
    fetched = [bar for bar in bars if bar["name"] == "fetch"]
    # five and a bit, three, and a segment for each small file
    covered = {bar["args"]["segment"] for bar in fetched}
    assert covered == set(range(result.report["plan"]["segments"])) == set(range(6 + 3 + 5))
    assert {bar["args"]["file"] for bar in fetched} == {
        "one.bin",
        "two.bin",
        *(f"small/{i}.txt" for i in range(1, 6)),
    }
    assert {bar["pid"] for bar in fetched} <= {0, 1, 2}
    rows = {}
    for bar in fetched:
        assert 0 <= bar["tid"] < slots and bar["dur"] >= 0
        rows.setdefault((bar["pid"], bar["tid"]), []).append((bar["ts"], bar["ts"] + bar["dur"]))
    for spans in rows.values():  # one transfer at a time each
        spans.sort()
        assert all(one[1] <= other[0] + 1 for one, other in zip(spans, spans[1:])), spans
    assert {bar["tid"] >= 1000 for bar in bars if bar["name"] != "fetch"} <= {True}


LAUNCHERS = [
    ("OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK"),
    ("PMI_SIZE", "PMI_RANK"),
    ("FLUX_JOB_SIZE", "FLUX_TASK_RANK"),
    ("SLURM_STEP_NUM_TASKS", "SLURM_PROCID"),
]


@pytest.mark.parametrize("size, index", LAUNCHERS, ids=[size for size, _ in LAUNCHERS])
def test_processes_that_do_not_know_of_each_other(run, hub, tree, dest, size, index):
    """Each is alone to MPI, although a launcher counts four: one of them says so."""
    said = []
    for number in range(2):
        result = run(0, "get", SOURCE, dest, env=env(hub, **{size: "4", index: str(number)}))
        assert result.code == 2 and result.out == "", result
        said.append(result.err)
    assert "the launcher started 4 processes that are not connected by MPI" in said[0]
    assert said[1] == ""
    assert hub.log() == []
    assert_nothing(dest)


def test_innermost_launcher_decides(run, hub, tree, dest):
    """A step of Slurm with four tasks, in one of which a launcher started one process."""
    inner = {"OMPI_COMM_WORLD_SIZE": "1", "OMPI_COMM_WORLD_RANK": "0"}
    outer = {"SLURM_STEP_NUM_TASKS": "4", "SLURM_PROCID": "3"}
    result = run(0, "get", SOURCE, dest, env=env(hub, **inner, **outer))
    assert result.code == 0 and result.out == f"{dest}\n", result



@pytest.fixture
def pipe(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    return tmp_path / "pipe"


class Other:
    """The other end of a pipe: reads it to its end, or writes and closes. Who reads has opened it
    before the program comes, however late his thread is."""

    def __init__(self, pipe, text=None):
        self._pipe, self.text = pipe, text
        if not text:
            self._end = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
        self._thread = threading.Thread(target=self._write if text else self._read, daemon=True)
        self._thread.start()

    def _read(self):
        waiting = select.poll()
        waiting.register(self._end, select.POLLIN)
        waiting.poll()  # a read would take it for the end that nobody has begun to write
        os.set_blocking(self._end, True)
        with open(self._end) as opened:
            self.text = opened.read()

    def _write(self):
        self._pipe.write_text(self.text)

    def wait(self):
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive()
        return self.text


@pytest.mark.parametrize("option", ["--report", "--trace"])
def test_pipe_for_what_is_written(run, hub, tree, dest, pipe, option):
    reader = Other(pipe)
    result = run(2, "get", option, pipe, SOURCE, dest, env=env(hub))
    assert result.code == 0, result
    assert json.loads(reader.wait())


@pytest.mark.parametrize("option", ["--report", "--trace"])
def test_pipe_that_nobody_reads(run, hub, tree, dest, pipe, option):
    """What was asked for is there; the report of it is not worth an endless wait."""
    result = run(2, "get", option, pipe, SOURCE, dest, env=env(hub))
    assert result.code == 0, result
    assert f"cannot open '{pipe}': nobody reads from it" in result.err
    assert_same(dest, tree)


def test_pipe_that_its_reader_has_forgotten(run, hub, tree, dest, pipe):
    """It is opened, and nothing is ever taken from it: it is full after 4 KiB."""
    held = os.open(pipe, os.O_RDWR | os.O_NONBLOCK)
    fcntl.fcntl(held, fcntl.F_SETPIPE_SZ, 4096)
    os.write(held, bytes(4096))
    result = run(2, "get", "--report", pipe, SOURCE, dest, env=env(hub))
    os.close(held)
    assert result.code == 0, result
    assert f"cannot write '{pipe}'" in result.err
    assert_same(dest, tree)


def words_for(option, pipe, hub, tree, dest):
    if option == "--manifest":
        return ("get", option, pipe, "--base", f"file://{tree}", dest)
    return ("get", option, pipe, SOURCE, dest)


TEXTS = {
    "--manifest": "".join(
        f"{hashlib.sha256(b'%d' % i + bytes([10])).hexdigest()}  small/{i}.txt\n" for i in range(1, 6)
    ),
    "--token-file": "hf_through_a_pipe\n",
}


@pytest.mark.parametrize("option", TEXTS)
def test_pipe_that_is_read(run, hub, tree, dest, pipe, option):
    """As the shell makes one for <(command)."""
    writer = Other(pipe, TEXTS[option])
    hub.set(tokens={"hf_through_a_pipe"})
    hub.add("acme/demo", tree, private=True, granted={"hf_through_a_pipe"})
    result = run(2, *words_for(option, pipe, hub, tree, dest), env=env(hub))
    writer.wait()
    assert result.code == 0, result
    assert_same(dest, tree, lambda path: option != "--manifest" or path.startswith("small/"))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("option", TEXTS)
def test_signal_while_a_pipe_is_waited_for(start, hub, tree, dest, pipe, option, number):
    job = start(0, *words_for(option, pipe, hub, tree, dest), env=env(hub))
    job.wait_until(lambda: any(has_open(pid, pipe) for pid in job.ranks()))
    job.signal(number)
    result = job.wait()
    assert result.code == 7, result
    assert_nothing(dest)


def has_open(pid, path):
    try:
        found = [os.readlink(fd) for fd in Path(f"/proc/{pid}/fd").iterdir()]
    except OSError:
        return False  # one was closed while we looked, or the process has ended
    return str(path) in found


@pytest.mark.parametrize("how", ["--cacert", "CURL_CA_BUNDLE", "SSL_CERT_FILE"])
def test_pipe_for_certificates(run, hub, tree, dest, pipe, how):
    """They are read for each connection."""
    options = (how, pipe) if how == "--cacert" else ()
    more = {} if how == "--cacert" else {how: str(pipe)}
    result = run(2, "get", *options, SOURCE, dest, env=env(hub, **more))
    assert result.code == 2, result
    assert f"{how} '{pipe}': not a regular file" in result.err
    assert hub.log() == []


@pytest.mark.parametrize("how", ["link", "relative", "slash"])
@pytest.mark.parametrize("layout", [(), ("--hf-cache",)], ids=["directory", "cache"])
def test_path_that_is_printed_is_the_one_asked_for(run, hub, model, tmp_path, how, layout):
    """A link in it may lead elsewhere tomorrow."""
    commit = hub.add("acme/demo", model).refs["refs/heads/main"]
    real, link = tmp_path / "real", tmp_path / "link"
    real.mkdir()
    link.symlink_to(real)
    asked = {"link": link / "model", "relative": "./link/model", "slash": f"{link}/model//"}[how]
    words = ("--hf-cache",) if layout else ()
    env = {"HF_ENDPOINT": hub.endpoint}
    result = run(2, "get", *words, "hf://acme/demo", asked, env=env, cwd=tmp_path)
    assert result.code == 0, result
    rest = f"/models--acme--demo/snapshots/{commit}" if layout else ""
    assert result.out == f"{link}/model{rest}\n"
    assert result.report["path"] == f"{link}/model{rest}"
    result = run(2, "verify", result.out.rstrip("\n"), env=env)
    assert result.code == 0 and result.out == f"{link}/model{rest}\n", result
