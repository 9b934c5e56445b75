"""How many connections a job has and which it replaces, against sources with rules of their own.
What is asserted are counts: how long it takes is for the bench."""

import json

import pytest
from conftest import MIB, noise, write_tree
from limited import Limited
from limits import Collapsing, Steady, TwoSpeed
from trees import assert_alone, assert_same

SIZE = 24 * MIB + 5
EACH = 8  # connections of a rank at first


@pytest.fixture(scope="module")
def web(tmp_path_factory):
    return write_tree(tmp_path_factory.mktemp("web"), {"large.bin": noise(SIZE, 17)})


@pytest.fixture
def fetch(run, web, dest):
    """From a source with that rule: the result, its connections, and what the source saw."""

    def act(ranks, rule, *words, tree=web):
        with Limited(tree, rule) as source:
            result = run(ranks, "get", "-v", *words, f"{source.url}/large.bin", dest)
            seen = source.stats()
        assert result.code == 0, result
        assert_same(dest, tree)
        assert_alone(dest)
        report = result.report
        assert report["bytes"]["duplicated"] <= report["requests"]["cut"] * MIB, result
        return result, report["connections"], seen

    return act


@pytest.mark.parametrize("ranks", [1, 2])
def test_slow_connections_are_replaced(fetch, ranks, tmp_path):
    """The rest of what a slow one brought comes over another, from where it stood."""
    trace = tmp_path / "trace.json"
    # seven seconds without it: the end of the run, where others take over what is slow, does not
    # come first, though a rank stand still for a while and then find much of it in its sockets
    size = ranks * SIZE
    tree = write_tree(tmp_path / "web", {"large.bin": noise(size, 17)})
    result, found, seen = fetch(ranks, TwoSpeed(1e5, 1.5e6), "--trace", trace, tree=tree)
    assert 1 <= found["replaced"] <= 64 * ranks, result
    assert "on with a new connection" in result.err
    assert len(seen["connections"]) > found["replaced"]
    if ranks == 1:
        assert result.report["bytes"]["fetched"] == size
    events = json.loads(trace.read_text())
    assert sum(event["name"] == "renew" for event in events) == found["replaced"]
    assert [e["args"]["connections"] for e in events if e["ph"] == "C"][0] == EACH * ranks


def test_a_slow_source_is_left_alone(fetch):
    """So slow that what lies in the sockets of a rank that stands still is enough for seconds."""
    result, found, seen = fetch(2, Steady(each=2e5), "--connections", 8)
    assert found["replaced"] == 0
    # rank 0 has one of its own for questions; a cut closes one
    assert len(seen["connections"]) <= 16 + 2 + result.report["requests"]["cut"]


def test_our_own_limit_is_not_the_connections_fault(fetch):
    """So high that slow ones would be seen."""
    result, found, _ = fetch(1, TwoSpeed(3e5, 4e6), "--limit-rate", "8M")
    assert found["replaced"] == 0, result


def test_connections_grow_where_that_brings_more(fetch):
    """It takes longer than a rank may stand still."""
    result, found, seen = fetch(1, Steady(each=1.5e5))
    assert found["most"] > EACH == found["first"], result
    assert EACH < seen["most_sending"] <= found["most"] + found["replaced"]
    assert "trying whether more bring more" in result.err


def test_the_user_may_pin_them(fetch):
    result, found, seen = fetch(1, Steady(each=3e5), "--connections", EACH)
    assert found["changes"] == 0 and found["first"] == found["last"] == EACH, result
    assert seen["most_sending"] == EACH


def test_a_source_that_collapses(fetch):
    """It gives next to nothing to more than ten at a time; the job begins with 32. Once it knows,
    it stays below, and what was closed goes on where it stood."""
    result, found, seen = fetch(4, Collapsing(limit=10, rate=4e6))
    assert found["first"] == 4 * EACH
    assert found["collapses"] >= 1, result
    assert found["last"] <= 10, result
    assert seen["collapses"] <= 3, result
    assert "the source gives almost nothing" in result.err
