"""Nodes that fail: all of them, or the one that alone asks the source."""

import pytest
from conftest import MIB, noise
from test_per_node import nodes  # noqa: F401
from trees import assert_alone, assert_same, write_tree

LARGE = {f"large-{i}": noise(6 * MIB + i, 10 + i) for i in range(3)}


@pytest.fixture
def large(hub, tmp_path):  # noqa: F811
    tree = write_tree(tmp_path / "large", LARGE)  # noqa: F811
    hub.add("acme/large", tree)
    return tree


def test_all_disks_fail_meanwhile(nodes, hub, large):  # noqa: F811
    words = ["get", "--per-node", nodes.local / "model", "hf://acme/large"]
    own = {node: {"SHAM_LIMIT": str(4 * MIB)} for node in range(2)}
    result = nodes.run([0, 1, 1], *words, env=hub.env, own=own)
    assert result.code == 5
    assert "missing on 2 of 2 nodes: node0: " in result.err


def test_the_only_connection_is_of_a_node_that_cannot_write(nodes, hub, large):  # noqa: F811
    words = ["--max-connections", 1, "--per-node", nodes.local / "model", "hf://acme/large"]
    result = nodes.run([0, 1], "get", *words, env=hub.env, readonly=[0])
    assert result.code == 5
    assert "missing on 1 of 2 nodes: node0: " in result.err
    assert_same(nodes.disk(1) / "model", large)
    assert_alone(nodes.disk(1) / "model")


@pytest.mark.parametrize("broken", [0, 1])
def test_a_node_where_something_else_is_at_dest(nodes, hub, large, broken):  # noqa: F811
    for n in range(2):
        nodes.disk(n)
    (nodes.disk(broken) / "model").write_text("a file")
    words = ["--per-node", nodes.local / "model", "hf://acme/large"]
    result = nodes.run([0, 1], "get", *words, env=hub.env)
    assert result.code == 5, result.err
    assert "missing on 1 of 2 nodes" in result.err
    assert_same(nodes.disk(1 - broken) / "model", large)
    words = ["--per-node", nodes.local / "sub/model", "hf://acme/large"]
    (nodes.disk(broken) / "sub").write_text("a file")
    result = nodes.run([0, 1], "get", *words, env=hub.env)
    assert result.code == 5, result.err
    assert "missing on 1 of 2 nodes" in result.err
    assert_same(nodes.disk(1 - broken) / "sub/model", large)


def test_the_only_connection_is_of_a_node_that_fails(nodes, hub, large):  # noqa: F811
    words = ["--max-connections", 1, "--per-node", nodes.local / "model", "hf://acme/large"]
    own = {0: {"SHAM_LIMIT": str(4 * MIB)}}
    result = nodes.run([0, 1], "get", *words, env=hub.env, own=own)
    assert result.code == 6
    assert "--max-connections" in result.err
