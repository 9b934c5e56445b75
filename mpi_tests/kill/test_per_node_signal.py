"""A signal while nodes publish their copies: all of them do, or none, and the exit code says which."""

import os
import signal
import sys
from pathlib import Path

import pytest
from conftest import MIB
from test_beside import shimmed
from trees import assert_alone, assert_same, write_tree

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "parallel"))

from test_per_node import FILES, SOURCE, nodes  # noqa: E402, F401


@pytest.fixture
def tree(hub, tmp_path):
    made = write_tree(tmp_path / "source", FILES)
    hub.add("acme/demo", made)
    return made


def signal_while(nodes, hub, tmp_path, node, name, hit):  # noqa: F811
    """As soon as that node has made a name like this, rank `hit` gets a signal."""
    held, gate = tmp_path / "held", tmp_path / "gate"
    own = {node: shimmed(nodes.local, HOLD=name, HELD=held, GATE=gate)}
    words = ("get", "--segment-size", MIB, "--per-node", nodes.local / "model", SOURCE)
    job = nodes.start([0, 1, 2], *words, env=hub.env, own=own)
    job.wait_until(held.exists)
    os.kill(job.rank(hit), signal.SIGTERM)
    gate.touch()
    return job.wait()


def test_before_any_node_has_published(nodes, hub, tree, tmp_path):  # noqa: F811
    result = signal_while(nodes, hub, tmp_path, 1, "*/huggingface/mpifetch", 0)
    assert (result.code, "interrupted" in result.err) == (7, True), result
    for node in range(3):
        assert not (nodes.disk(node) / "model").exists()


@pytest.mark.parametrize("hit", [0, 2])
def test_once_a_node_has_published(nodes, hub, tree, tmp_path, hit):  # noqa: F811
    result = signal_while(nodes, hub, tmp_path, 1, "*/local/model", hit)
    assert (result.code, result.out) == (0, f"{nodes.local}/model\n"), result
    for node in range(3):
        assert_same(nodes.disk(node) / "model", tree)
        assert_alone(nodes.disk(node) / "model")
