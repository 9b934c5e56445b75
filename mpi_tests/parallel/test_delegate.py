"""Rank 0 on a node that does not reach the source: a rank of another node asks it, whatever there is
to be asked. The nodes are of one machine (test_per_node.py); the way out of some leads to a proxy that
nobody is."""

import os
import signal

import pytest
from conftest import MIB, noise, write_tree
from faults import Faults, content
from files import Files
from proxy import Proxy
from test_lost import apart  # noqa: F401
from test_per_node import FILES, SOURCE, nodes  # noqa: F401
from test_ways import authority  # noqa: F401
from trees import assert_alone, assert_nothing, assert_same, sha256_of

SHUT = {"http_proxy": "http://127.0.0.1:9", "no_proxy": ""}
TOKEN = "hf_AbCdEf0123456789SeCrEt"


@pytest.fixture
def get(nodes, hub):  # noqa: F811
    """get(places, *words, shut=, env=, start=) -> Result, or the job that has been started"""

    def begin(places, *words, shut=(0,), env=(), start=False, **how):
        own = {node: SHUT for node in shut}
        job = nodes.start(places, "get", *words, env={**hub.env, **dict(env)}, own=own, **how)
        return job if start else job.wait()

    return begin


def sentence(result):
    """The last one, which is why it ended."""
    return [line for line in result.err.splitlines() if line.startswith("mpifetch: ")][-1]


@pytest.mark.parametrize("where", ["shared", "each", "both"])
def test_another_rank_lists(get, nodes, hub, tree, dest, where):  # noqa: F811
    each = [] if where == "shared" else ["--per-node", nodes.local / "model"]
    result = get([0, 0, 1, 2], "--segment-size", MIB, *each, SOURCE, *([] if where == "each" else [dest]))
    assert result.code == 0, result
    assert "node0 does not reach the source: rank 2 on node1 asks it for rank 0" in result.err
    assert result.report["lister"] == {"rank": 2, "host": "node1"}
    places = [nodes.disk(node) / "model" for node in range(3)] if each else []
    for place in places + ([] if where == "each" else [dest]):
        assert_same(place, tree)
        assert_alone(place)
    # as often as rank 0 would have asked
    assert len(hub.log("api-revision")) == len(hub.log("api-tree")) == 1
    assert [row["bytes"] for row in result.report["ranks"][:2]] == [0, 0]


def test_it_is_found_among_nodes_that_do_not(get, tree, dest):
    result = get([0, 1, 2, 3, 4, 4], SOURCE, dest, shut=(0, 1, 2, 3))
    assert result.code == 0, result
    assert result.report["lister"] == {"rank": 4, "host": "node4"}
    assert_same(dest, tree)


def test_nobody_reaches_it(get, hub, tree, dest):
    result = get([0, 1, 2], "--retries", 1, "--retry-delay", 0.1, SOURCE, dest, shut=(0, 1, 2))
    assert result.code == 6, result
    assert "connection refused" in sentence(result)
    assert sentence(result).endswith("; nor does any of the 2 other nodes reach it")
    assert result.report["lister"]["rank"] == 0
    assert result.report["reason"] == "unreachable"
    assert hub.log() == []
    assert_nothing(dest)


def test_one_that_reaches_it_stays(get, hub, tree, dest):
    """Rank 0 does, so nobody else is asked."""
    result = get([0, 1], SOURCE, dest, shut=(1,))
    assert result.code == 0, result
    assert result.report["lister"]["rank"] == 0
    assert "does not reach the source: rank" not in result.err


def test_what_comes_through_a_tunnel_is_the_source_s(nodes, authority, tmp_path, dest):  # noqa: F811
    """Not the proxy's, which has reached it: rank 0 asks once more itself."""
    tree = write_tree(tmp_path / "web", {"model.bin": noise(MIB, 5)})
    with Files(tree, authority[1]) as web, Proxy(web.url) as proxy:
        web.trouble(status=503, times=1)
        words = ("--cacert", authority[0], "--retry-delay", 0.1, "https://files.invalid/model.bin", dest)
        env = {"https_proxy": proxy.url, "no_proxy": ""}
        result = nodes.run([0, 1], "get", *words, env=env)
        assert result.code == 0, result
        assert 503 in [row["status"] for row in web.log()]
    assert result.report["lister"]["rank"] == 0, result
    assert_same(dest, tree)


REFUSALS = {
    "no repository": ("hf://acme/none", {}, None),
    "no revision": (SOURCE + "@nope", {}, None),
    "gated": (SOURCE, {"gated": "auto"}, "hf_stranger"),
    "no token": (SOURCE, {"private": True}, None),
    "bad token": (SOURCE, {}, "hf_expired"),
}


@pytest.mark.parametrize("refusal", REFUSALS)
def test_a_refusal_is_told_as_ever(get, hub, tree, dest, refusal):
    source, attributes, token = REFUSALS[refusal]
    hub.set(tokens={TOKEN, "hf_stranger"})
    hub.add("acme/demo", tree, **attributes)
    env = {"HF_TOKEN": token} if token else {}
    results = [get([0, 1], source, dest, shut=shut, env=env) for shut in ((), (0,))]
    assert [result.code for result in results] == [3, 3]
    here, there = results
    assert sentence(here) == sentence(there) and "asks it for" in there.err
    assert here.report["reason"] == there.report["reason"]


def test_the_token_of_rank_0_goes_along(get, nodes, hub, tree, dest):  # noqa: F811
    """And to the Hub alone: the delegate has none, or another one."""
    hub.set(tokens={TOKEN, "hf_other"})
    hub.add("acme/demo", tree, private=True, granted={TOKEN})
    own = {0: {**SHUT, "HF_TOKEN": TOKEN}, 1: {"HF_TOKEN": "hf_other"}}
    result = nodes.run([0, 1], "get", SOURCE, dest, env=hub.env, own=own)
    assert result.code == 0, result.err
    assert_same(dest, tree)
    assert TOKEN not in result.err
    assert all(row["had_auth"] for row in hub.log("api-*") + hub.log("resolve"))
    assert hub.log("cdn") and not any(row["had_auth"] for row in hub.log("cdn"))


def test_signed_urls_that_expire(get, hub, tree, dest):
    """They are asked for again, by the delegate as well."""
    hub.set(url_uses=2)
    result = get([0, 1, 2], "--segment-size", MIB, SOURCE, dest)
    assert result.code == 0, result
    assert_same(dest, tree)


def test_a_long_list(get, tmp_path, dest):
    """It comes in pieces, as rank 0 takes it."""
    tree = write_tree(tmp_path / "web" / "tree", {"a": b"a", "b": noise(MIB, 4)})
    rows = [f"{sha256_of(data)}  {path}\n" for path, data in (("a", b"a"), ("b", noise(MIB, 4)))]
    (tree.parent / "LIST").write_text("".join(f"# {i:0200}\n" for i in range(20000)) + "".join(rows))
    with Files(tree.parent) as web:
        result = get([0, 1], "--manifest", f"{web.url}/LIST", "--base", f"{web.url}/tree/", dest)
        assert result.code == 0, result
        assert [row["path"] for row in web.log()].count("/LIST") == 1
    assert_same(dest, tree)


def test_a_size_that_has_to_be_counted(get, dest):
    """All of the file passes by, in pieces."""
    with Faults() as server:
        url = server.place("unsized", 3 * MIB, "model.bin")
        digest = sha256_of(content("model.bin", 3 * MIB))
        result = get([0, 1], "--sha256", digest, url, dest)
    assert result.code == 0, result
    assert (dest / "model.bin").read_bytes() == content("model.bin", 3 * MIB)


def test_a_signal_while_the_delegate_asks(get, hub, tree, dest):
    hub.trouble(kind="api-tree", hold=True)
    job = get([0, 1], SOURCE, dest, start=True)
    job.wait_until(lambda: hub.log("api-revision"))
    os.kill(job.rank(0), signal.SIGTERM)
    result = job.wait()
    assert result.code == 7, result
    assert_nothing(dest)


def test_the_delegate_is_lost(apart, hub, tree, dest):  # noqa: F811
    """Rank 0 waits for it no longer than for any other rank."""
    held = hub.trouble(kind="api-tree", hold=True)
    library = {"LD_PRELOAD": os.environ["MPIFETCH_NODES"]}
    own = [SHUT, {}, {}]
    job = apart(each=[{**library, "SHAM_NODE": str(node), **own[node]} for node in range(3)])
    assert hub.troubles.wait(held), job.said()
    job.send(1, signal.SIGKILL)
    assert job.code(0) == job.code(2) == 7
    assert "rank 1 on node1" in job.said()
    assert_nothing(dest)
