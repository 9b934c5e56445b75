"""--force-download: nothing that is there is reused, and nobody sees half of what replaces it."""

import os

import pytest
from conftest import MIB, noise
from test_per_node import Nodes
from trees import assert_alone, assert_same, assert_verifiable, live

SOURCE = "hf://acme/demo"
FILES = {
    "config.json": b"{}\n",
    "empty": b"",
    "weights.bin": noise(3 * MIB + 5, 3),
    "copy.bin": noise(3 * MIB + 5, 3),
}
BYTES = sum(len(data) for data in FILES.values())
SPOILED = "weights.bin"
AGAIN = ("get", "--force-download")


def spoil(path):
    """Other bytes, and nothing else that could give it away."""
    path = path.resolve()
    before = path.stat()
    data = bytearray(path.read_bytes())
    data[1000] ^= 1
    os.chmod(path, 0o644)
    path.write_bytes(data)
    os.chmod(path, before.st_mode)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


@pytest.mark.parametrize("ranks", [1, 3])
def test_a_directory_comes_again(run, hub, tree, dest, ranks):
    assert run(ranks, "get", SOURCE, dest, env=hub.env).code == 0
    spoil(dest / SPOILED)
    assert run(ranks, "get", SOURCE, dest, env=hub.env).report["unchanged"]
    before = {name: (dest / name).stat().st_ino for name in FILES}
    result = run(ranks, *AGAIN, SOURCE, dest, env=hub.env)
    assert result.code == 0, result
    assert_same(dest, tree)
    assert_verifiable(dest)
    assert_alone(dest)
    assert {name: (dest / name).stat().st_ino for name in FILES}.items().isdisjoint(before.items())
    report = result.report
    assert (report["unchanged"], report["reused_files"]) == (False, 0)
    assert report["bytes"]["fetched"] >= BYTES and report["bytes"]["reused"] == 0


def test_a_cache_comes_again(run, hub, tree, tmp_path):
    cache = tmp_path / "cache"
    words = ("--hf-cache", SOURCE, cache)
    first = run(2, "get", *words, env=hub.env)
    assert first.code == 0, first
    shown = first.out.strip()
    blob = os.path.realpath(f"{shown}/{SPOILED}")
    spoil(tmp_path / "cache" / os.path.relpath(blob, cache))
    result = run(2, *AGAIN, *words, env=hub.env)
    assert (result.code, result.out) == (0, first.out), result
    for name, data in FILES.items():
        with open(f"{shown}/{name}", "rb") as file:
            assert file.read() == data, name
    assert os.path.realpath(f"{shown}/{SPOILED}") == blob  # in the place of the other one
    report = result.report
    # twins have one blob
    assert report["bytes"]["fetched"] >= 3 * MIB + 5 and report["bytes"]["reused"] == 0


def test_every_node_gets_it_from_the_source(tmp_path, start, hub, tree):
    nodes = Nodes(tmp_path, start)
    place = nodes.local / "model"
    assert nodes.run([0, 1], "get", "--per-node", place, SOURCE, env=hub.env).code == 0
    spoil(nodes.disk(1) / "model" / SPOILED)
    hub.reset()
    # rank 0 says it for all
    own = {0: {"MPIFETCH_FORCE_DOWNLOAD": "1"}}
    result = nodes.run([0, 1, 1], "get", "--per-node", place, SOURCE, env=hub.env, own=own)
    assert result.code == 0, result
    for node in (0, 1):
        assert_same(nodes.disk(node) / "model", tree)
    assert result.report["bytes"]["fetched"] >= BYTES


def test_what_an_earlier_run_left_is_not_taken(start, run, hub, tree, dest):
    """It is killed once a segment has landed and another is on its way."""
    words = ("--scratch", "none", "--segment-size", MIB, "--connections", 1, SOURCE, dest)
    stall = hub.trouble(kind="cdn", skip=2, stall=1000)
    job = start(1, "get", *words, env=hub.env)
    assert hub.troubles.wait(stall), job.result(None)
    noted = ".model.mpifetch-*/run-*/journal/*"
    job.wait_until(lambda: any(path.stat().st_size for path in live(dest.parent, noted)))
    job.kill()
    hub.troubles.clear()
    result = run(1, *AGAIN, *words, env=hub.env)
    assert result.code == 0, result
    assert result.report["bytes"]["resumed"] == 0
    assert result.report["bytes"]["fetched"] >= BYTES
    assert_same(dest, tree)
    assert_alone(dest)


def test_nothing_changes_if_the_source_has_gone(run, hub, tree, dest, tmp_path):
    """What is there does not stand in for what was to be fetched."""
    cache = tmp_path / "cache"
    assert run(1, "get", SOURCE, dest, env=hub.env).code == 0
    assert run(1, "get", "--hf-cache", SOURCE, cache, env=hub.env).code == 0
    away = {"HF_ENDPOINT": "http://127.0.0.1:9"}
    for words in ((SOURCE, dest), ("--hf-cache", SOURCE, cache)):
        result = run(2, *AGAIN, "--retries", 0, *words, env=away)
        assert result.code == 6, result
        assert result.report["reason"] == "unreachable"
    result = run(1, *AGAIN, "--hf-cache", SOURCE, cache, env={**hub.env, "HF_HUB_OFFLINE": "1"})
    assert result.code == 3, result
    assert result.report["reason"] == "offline"
    assert_same(dest, tree)


def test_a_foreign_directory_is_not_replaced(run, hub, tree, dest):
    dest.mkdir()
    for name, data in FILES.items():
        (dest / name).write_bytes(data)
    result = run(1, *AGAIN, SOURCE, dest, env=hub.env)
    assert (result.code, result.report["reason"]) == (5, "not-ours"), result
    assert run(1, *AGAIN, "--force", SOURCE, dest, env=hub.env).code == 0
    assert_same(dest, tree)


def test_the_plan_says_so(run, hub, tree, dest):
    assert run(1, "get", SOURCE, dest, env=hub.env).code == 0
    result = run(1, "plan", "--force-download", SOURCE, dest, env=hub.env)
    assert result.code == 0, result
    fates = [line.split()[0] for line in result.out.splitlines()[: len(FILES)]]
    assert fates == ["fetch"] * len(FILES), result
