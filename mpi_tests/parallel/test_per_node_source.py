"""Copies on each node's own disk, from a source that is not as it should be."""

import json

import pytest
from conftest import MIB
from test_per_node import FILES, SOURCE, nodes  # noqa: F401
from trees import assert_alone, assert_same, sha256_of

WRONG = sha256_of(b"other content")


@pytest.mark.parametrize("verify", ["full", "segments"])
@pytest.mark.parametrize("path", ["sub/weights.bin", "sub/deep/one"])
def test_a_digest_that_is_never_right(nodes, hub, tree, tmp_path, verify, path):  # noqa: F811
    """Once more from the source, for all nodes; then the source is to blame."""
    rows = tmp_path / "list"
    rows.write_text(f"file://{tree}/{path} {WRONG} {len(FILES[path])} it\n")
    words = ("--manifest", rows, "--segment-size", MIB, "--per-node-verify", verify)
    result = nodes.run([0, 1, 1, 2], "get", "--per-node", nodes.local / "model", *words)
    assert result.code == 4
    assert result.err.count("'it' has the wrong digest: fetching it again") == 1
    assert f"'it': SHA-256 is {sha256_of(FILES[path])}" in result.err
    assert "not on the disk as they were written" not in result.err
    came, again = 2 * len(FILES[path]), result.report["requests"]["cut"] * MIB
    assert came <= sum(row["bytes"] for row in result.report["ranks"]) <= came + again
    for node in range(3):
        assert not (nodes.disk(node) / "model").exists()


@pytest.mark.parametrize("verify", ["full", "segments"])
@pytest.mark.parametrize("parts", [0, 3], ids=["never", "no longer"])
def test_a_server_that_cuts_nothing(nodes, hub, tree, parts, verify):  # noqa: F811
    """The file comes whole to one node, and from there to the others; parts that have come before
    are forgotten."""
    digest = sha256_of(FILES["sub/weights.bin"])
    hub.trouble(kind="cdn", path=f"*/{digest}", ranged=True, whole=True, skip=parts)
    words = ("--segment-size", MIB, "--per-node-verify", verify, "--per-node", nodes.local / "model")
    result = nodes.run([0, 1, 1, 2], "get", *words, SOURCE, env=hub.env)
    assert result.code == 0, result
    assert "ignores ranges" in result.err
    whole = [row for row in hub.log("cdn") if digest in row["path"] and row["range"] is None]
    assert 1 <= len(whole) <= 1 + result.report["requests"]["cut"]
    for node in range(3):
        assert_same(nodes.disk(node) / "model", tree)
        assert_alone(nodes.disk(node) / "model")


def test_the_trace_shows_what_came_from_other_nodes(nodes, hub, tree, tmp_path):  # noqa: F811
    trace = tmp_path / "trace"
    words = ("--segment-size", MIB, "--trace", trace, "--per-node", nodes.local / "model", SOURCE)
    assert nodes.run([0, 1, 1, 2], "get", *words, env=hub.env).code == 0
    taken = [event for event in json.loads(trace.read_text()) if event["name"] == "take"]
    assert {event["pid"] for event in taken} <= {0, 1, 3}  # the keepers
    pieces = sum(-(-len(data) // MIB) for data in FILES.values())
    assert sum(event["args"]["count"] for event in taken) == 2 * pieces
    rows = {}
    for event in taken:  # one at a time in each buffer
        rows.setdefault((event["pid"], event["tid"]), []).append((event["ts"], event["ts"] + event["dur"]))
    for bars in map(sorted, rows.values()):
        assert all(first[1] <= then[0] + 1 for first, then in zip(bars, bars[1:]))
