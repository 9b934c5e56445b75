"""SIGKILL while a DEST is published beside the copies of nodes: each of them is whole or not there,
and the same command brings what is missing from what there is."""

import errno
import os
import shutil
import signal
import sys
from pathlib import Path

import pytest
from conftest import MIB, noise
from killing import STEPS, alone
from trees import assert_alone, assert_same, write_tree

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "parallel"))

from test_per_node import SOURCE, Nodes  # noqa: E402

MOST = 200  # far more steps than this tree takes
FILES = {"config.json": b"{}\n", "empty": b"", "sub/weights.bin": noise(3 * MIB + 5, 3)}


def assert_whole_or_missing(place, tree):
    if place.exists():
        assert_same(place, tree)
    return place.exists()


def shim(below, **steps):
    return {"STEPS_BELOW": str(below), **{f"STEPS_{name}": str(n) for name, n in steps.items()}}


def test_killed_after_steps_of_dest(start, hub, tree, tmp_path):
    """Before the node has its copy, and after. What it has needs not come again."""
    seen, step = set(), 1
    while step < MOST:
        top = tmp_path / f"step-{step}"
        node, dest = top / "node/model", top / "dest/model"
        node.parent.mkdir(parents=True)
        dest.parent.mkdir()
        words = ["get", "--no-sync", "--segment-size", MIB, "--per-node", node, SOURCE, dest]
        env = {**hub.env, **alone(tmp_path)}
        steps = {"LD_PRELOAD": STEPS, **shim(dest.parent, KILL=step, REMOVALS=1)}
        job = start(0, *words, env={**env, **steps})
        killed = job.wait()
        job.close()
        assert killed.code in (0, -signal.SIGKILL), killed
        had = [assert_whole_or_missing(place, tree) for place in (node, dest)]
        assert not had[1] or had[0]
        seen.add(tuple(had))
        job = start(0, *words, env=env)
        again = job.wait()
        job.close()
        assert again.code == 0, (step, again)
        for place in (node, dest):
            assert_same(place, tree)
            assert_alone(place)
        told = again.report["bytes"]
        assert told["fetched"] == 0 if had[0] else told["fetched"] <= told["published"], (step, told)
        shutil.rmtree(top)
        step += 1 if had[0] else 4
        if killed.code == 0:
            break
    else:
        raise AssertionError(f"still killed after {MOST} steps")
    assert seen == {(False, False), (True, False), (True, True)}


PLACES = [0, 1, 1, 2]


@pytest.fixture
def nodes(tmp_path, start):
    return Nodes(tmp_path, start)


def words_of(nodes, dest):
    return ["get", "--segment-size", MIB, "--per-node", nodes.local / "model", SOURCE, dest]


def shimmed(below, **steps):
    return {"LD_PRELOAD": f"{os.environ['MPIFETCH_NODES']}:{STEPS}", **shim(below, **steps)}


def assert_brought(nodes, hub, tree, dest, places):
    """By the same command, without the source."""
    hub.quiet()
    hub.reset()
    result = nodes.run(places, *words_of(nodes, dest), env=hub.env)
    assert result.code == 0, result
    for place in (dest, *(nodes.disk(node) / "model" for node in places)):
        assert_same(place, tree)
        assert_alone(place)
    assert result.report["bytes"]["fetched"] == 0
    assert not hub.file_requests()


@pytest.mark.parametrize("then", [PLACES, [0, 1, 3]], ids=["same", "another-node"])
def test_killed_before_dest_is_shown(nodes, hub, tree, tmp_path, dest, then):
    held = tmp_path / "held"
    own = {0: shimmed(dest.parent, HOLD="*/huggingface/mpifetch", HELD=held)}
    job = nodes.start(PLACES, *words_of(nodes, dest), env=hub.env, own=own)
    job.wait_until(held.exists)
    job.kill()
    assert all(assert_whole_or_missing(nodes.disk(node) / "model", tree) for node in range(3))
    assert not dest.exists()
    assert_brought(nodes, hub, tree, dest, then)


def test_a_signal_before_dest_is_shown(nodes, hub, tree, tmp_path, dest):
    """It ends the run although nodes have published."""
    held, gate = tmp_path / "held", tmp_path / "gate"
    own = {0: shimmed(dest.parent, HOLD="*/huggingface/mpifetch", HELD=held, GATE=gate)}
    job = nodes.start(PLACES, *words_of(nodes, dest), env=hub.env, own=own)
    job.wait_until(held.exists)
    os.kill(job.rank(0), signal.SIGTERM)
    gate.touch()
    result = job.wait()
    assert (result.code, "interrupted" in result.err) == (7, True), result
    assert not dest.exists()
    assert_brought(nodes, hub, tree, dest, PLACES)


def spoil_staged(dest):
    """The first byte of what is staged of the large file."""
    (path,) = dest.parent.glob(".model.mpifetch-*/run-*/tree/sub/weights.bin")
    with path.open("r+b") as file:
        byte = file.read(1)[0]
        file.seek(0)
        file.write(bytes([byte ^ 1]))


@pytest.mark.parametrize("spoiled", [False, True])
def test_dest_is_full_meanwhile(nodes, hub, tmp_path, dest, spoiled):
    """It is named, and what it has is resumed once there is room; what has gone bad of that comes
    from the nodes. However the ranks share it, one of them has more than there is room for."""
    tree = write_tree(tmp_path / "large", {"config.json": b"{}\n", "sub/weights.bin": noise(24 * MIB + 5, 3)})
    hub.add("acme/demo", tree)
    own = {node: shimmed(dest.parent, ROOM=MIB + MIB // 2, ERROR=errno.ENOSPC) for node in range(3)}
    result = nodes.run(PLACES, *words_of(nodes, dest), env=hub.env, own=own)
    assert result.code == 5, result
    assert f"'{dest}' is not published: " in result.err
    assert "No space left on device" in result.report["dest"]["error"]
    assert f"fetched data is kept in '{dest.parent}/" in result.err
    for node in range(3):
        assert_same(nodes.disk(node) / "model", tree)
        assert_alone(nodes.disk(node) / "model")
    assert not dest.exists()
    if spoiled:
        spoil_staged(dest)
    assert_brought(nodes, hub, tree, dest, PLACES)


def test_a_node_is_full_meanwhile(nodes, hub, tmp_path, dest):
    """What of its copy is not there is not looked for when DEST is filled, of which each rank would
    have a part."""
    tree = write_tree(tmp_path / "large", {f"large-{i}": noise(4 * MIB + i, i) for i in range(6)})
    hub.add("acme/demo", tree)
    own = {1: shimmed(nodes.local, ROOM=MIB + MIB // 2, ERROR=errno.ENOSPC)}
    result = nodes.run(PLACES, *words_of(nodes, dest), env=hub.env, own=own)
    assert result.code == 5, result
    assert "missing on 1 of 3 nodes: node1: " in result.err
    assert "has other content" not in result.err
    assert result.err.count("fetched data is kept in ") == 1, result
    for place in (dest, nodes.disk(0) / "model", nodes.disk(2) / "model"):
        assert_same(place, tree)
        assert_alone(place)
    assert not (nodes.disk(1) / "model").exists()


def test_a_rank_hangs_before_dest_is_shown(nodes, hub, tree, tmp_path, dest):
    """That the nodes have theirs is not the end of the run."""
    held, gate = tmp_path / "held", tmp_path / "gate"
    own = {
        0: shimmed(dest.parent, HOLD="*/huggingface/mpifetch", HELD=held, GATE=gate),
        1: shimmed(dest.parent, HOLD="MPI_Test", WHEN=held),
    }
    words = [*words_of(nodes, dest), "--rank-timeout", 10]
    job = nodes.start([0, 1], *words, env=hub.env, own=own)
    job.wait_until(held.exists)
    job.wait_until(lambda: len(job.ranks()) < 2)
    gate.touch()
    assert job.wait().code == 7, job.result(None)
    for node in range(2):
        assert_same(nodes.disk(node) / "model", tree)
