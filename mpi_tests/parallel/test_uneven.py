"""Ranks whose environments differ: those of rank 0 count, and all come to the same end."""

import json

import pytest
from conftest import MIB, noise, write_tree
from files import Files
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
