"""Ranks whose environments differ: those of rank 0 count, and all come to the same end."""

import json
import re
import socket

import pytest
from conftest import MIB, noise, write_tree
from files import Files
from job import PROGRAM
from trees import assert_alone, assert_nothing, assert_same, assert_verifiable

RANKS = 3


@pytest.fixture
def tree(tmp_path):
    return write_tree(tmp_path / "web", {"large.bin": noise(9 * MIB + 1, 51)})


@pytest.fixture
def web(tree):
    with Files(tree) as serving:
        yield serving


def only(rank, **environment):
    return [environment if rank == number else {} for number in range(RANKS)]


def fetch(run, web, dest, each):
    words = ("get", "--segment-size", MIB, "--connections", 1, f"{web.url}/large.bin", dest)
    return run(RANKS, *words, each=each)


def assert_published(result, dest, tree):
    assert result.code == 0, result
    assert result.out == f"{dest}\n"
    assert_same(dest, tree)
    assert_verifiable(dest)
    assert_alone(dest)
    assert result.report["plan"]["ranks"] == RANKS


@pytest.mark.parametrize("rank", range(RANKS))
def test_trace(run, web, tree, dest, tmp_path, rank):
    trace = tmp_path / "trace.json"
    result = fetch(run, web, dest, only(rank, MPIFETCH_TRACE=trace))
    assert_published(result, dest, tree)
    assert trace.exists() == (rank == 0)
    if rank == 0:
        events = json.loads(trace.read_text())
        named = {event["pid"] for event in events if event["ph"] == "M"}
        covered = {e["args"]["segment"] for e in events if e["name"] == "fetch"}
        assert (named, covered) == (set(range(RANKS)), set(range(10)))


@pytest.mark.parametrize("rank", range(RANKS))
def test_dry_run(run, web, tree, dest, rank):
    result = fetch(run, web, dest, only(rank, MPIFETCH_DRY_RUN="1"))
    if rank != 0:
        assert_published(result, dest, tree)
        return
    assert result.code == 0, result
    assert_nothing(dest)
    assert all(row["bytes"] <= 1 for row in web.log())


def test_header(run, web, tree, dest):
    """It may be in the environment of rank 0 alone; all ranks show it to the source."""
    secret = "Authorization: Basic b3BlbjpzZXNhbWU="
    result = fetch(run, web, dest, only(0, MPIFETCH_HEADER=secret))
    assert_published(result, dest, tree)
    assert len(web.log()) >= 11 and all(row["had_auth"] for row in web.log())


def test_options_that_one_rank_cannot_read(run, web, dest):
    result = fetch(run, web, dest, only(RANKS - 1, MPIFETCH_RETRIES="many"))
    assert result.code == 2, result
    assert result.err.count("mpifetch: ") == 1 and "many" in result.err, result
    assert web.log() == []
    assert_nothing(dest)


@pytest.mark.parametrize("shut", [(2,), (1, 2)])
@pytest.mark.parametrize("proxy", ["refused", "unknown"])
def test_ranks_without_a_way_out(start, web, tree, dest, shut, proxy):
    """Their proxy is dead: they fetch nothing, and the others everything, without using up the
    tries of a segment. The others get no answer until it has shown: each holds three segments of
    ten at most, so that all ranks are asked to fetch."""
    web.trouble(kind="file", ranged=True, hold=True, skip=1)  # the first tells the size

    def told(job):
        said = job.result(None).err
        return all(f"rank {rank} on " in said for rank in shut) and said.count(
            "cannot reach the source"
        ) == len(shut)

    with socket.socket() as bound:  # nobody listens there
        bound.bind(("127.0.0.1", 0))
        dead = f"127.0.0.1:{bound.getsockname()[1]}" if proxy == "refused" else "no.such.invalid:9"
        each = [{"http_proxy": f"http://{dead}"} if n in shut else {} for n in range(RANKS)]
        job = fetch(start, web, dest, [{**one, "MPIFETCH_RETRIES": "1"} for one in each])
        job.wait_until(lambda: told(job))
        web.troubles.release()
        result = job.wait()
    assert_published(result, dest, tree)
    for rank in shut:
        assert result.report["ranks"][rank]["bytes"] == 0
        assert f"rank {rank} on " in result.err and "cannot reach the source" in result.err


def mixed(run, *commands):
    """Each rank with words of its own."""
    first, *others = commands
    rest = [word for words in others for word in (":", "-n", "1", PROGRAM, *words)]
    return run(1, *first, *rest)


OTHERS = {
    "clean": ("clean", "{dest}"),
    "verify": ("verify", "{dest}"),
    "doctor": ("doctor", "--quick", "{dest}"),
    "plan": ("plan", "{url}", "{dest}"),
    "--version": ("--version",),
    "--help": ("get", "--help"),
}


@pytest.mark.parametrize("at", [0, 2])
@pytest.mark.parametrize("other", OTHERS)
def test_ranks_with_different_commands(run, web, tree, dest, other, at):
    """They have no step in common, and would wait for each other for ever."""
    url = f"{web.url}/large.bin"
    commands = [("get", url, dest)] * 3
    commands[at] = [word.format(url=url, dest=dest) for word in OTHERS[other]]
    result = mixed(run, *commands)
    assert result.code == 2, result
    [said] = [line for line in result.err.splitlines() if line.startswith("mpifetch: ")]
    name = "--help" if other == "--help" else other
    assert re.search(rf"rank {at or 1} was started with command .*rank 0 with", said), said
    assert f"'{name}'" in said and "'get'" in said, said
    assert result.out == "" and web.log() == []
    assert_nothing(dest)


@pytest.mark.parametrize("what", ["SOURCE", "DEST", "--manifest"])
def test_ranks_with_different_places(run, web, tree, dest, what):
    """A job has one source and one destination: those of the others would be dropped."""
    url = f"http://user:secret@{web.url[7:]}/large.bin"
    other = {
        "SOURCE": ("get", url + "?v=2", dest),
        "DEST": ("get", url, f"{dest}-2"),
        "--manifest": ("get", "--manifest", url, dest),
    }[what]
    first = ("get", "--manifest", f"{url}?a", dest) if what == "--manifest" else ("get", url, dest)
    result = mixed(run, first, first, other)
    assert result.code == 2, result
    assert f"rank 2 was started with {what} " in result.err, result
    hidden = "differs in a part that is not shown, such as the query" in result.err
    assert hidden == (what != "DEST"), result
    assert "secret" not in result.err and web.log() == []
    assert_nothing(dest)
    assert_nothing(dest.parent / "model-2")
