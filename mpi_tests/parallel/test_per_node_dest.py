"""A DEST that all share beside a copy on each node: both come of one run, and the source is asked
for each byte once."""

import json
import os
import shutil

import pytest
from conftest import MIB
from test_per_node import CHANGES, FILES, SIZE, SOURCE, nodes  # noqa: F401
from trees import assert_alone, assert_came_once, assert_nothing, assert_same, snapshot

PLACES = [0, 1, 1, 2]


def fetched(result):
    return result.report["bytes"]["fetched"]


@pytest.fixture
def both(nodes, hub, dest):  # noqa: F811
    """both(*words, places=, ...) -> Result of a get of both."""

    def get(*words, places=PLACES, **how):
        words = ["get", "--per-node", nodes.local / "model", *words, SOURCE, dest]
        return nodes.run(places, *words, env=hub.env, **how)

    return get


def assert_both(nodes, dest, tree, places=(0, 1, 2)):  # noqa: F811
    for place in (dest, *(nodes.disk(node) / "model" for node in places)):
        assert_same(place, tree)
        assert_alone(place)


@pytest.mark.parametrize("places", [PLACES, [0, 0], [0]], ids=["nodes", "one-node", "one-rank"])
def test_both(nodes, hub, tree, dest, both, places, tmp_path):  # noqa: F811
    trace = tmp_path / "trace.json"
    result = both("--segment-size", "1M", "--trace", trace, places=places)
    assert (result.code, result.out) == (0, f"{nodes.local}/model\n"), result
    assert_both(nodes, dest, tree, set(places))
    assert_came_once(result, SIZE, MIB)
    told = result.report["dest"]
    assert (told["path"], told["published"], told["error"]) == (str(dest), True, None)
    spans = [event["pid"] for event in json.loads(trace.read_text()) if event["name"] == "dest"]
    assert sorted(spans) == list(range(len(places)))
    assert nodes.run([0, 1], "verify", dest).code == 0
    again = both(places=places)
    assert (again.code, again.report["unchanged"], fetched(again)) == (0, True, 0)
    assert again.report["requests"]["data"] == 0


@pytest.mark.parametrize("places", [PLACES, [0, 0]], ids=["nodes", "one-node"])
def test_dest_serves_the_nodes(nodes, hub, tree, dest, both, places):  # noqa: F811
    assert nodes.run([0, 0], "get", SOURCE, dest, env=hub.env).code == 0
    before = snapshot(dest)
    result = both("--segment-size", "1M", places=places)
    assert result.code == 0, result
    assert_both(nodes, dest, tree, set(places))
    assert snapshot(dest) == before
    assert (fetched(result), result.report["requests"]["data"]) == (0, 0)
    told = result.report["bytes"]
    assert told["from_dest"] - told["duplicated"] == SIZE
    assert told["duplicated"] <= result.report["requests"]["cut"] * MIB
    assert result.report["dest"]["unchanged"]


@pytest.mark.parametrize("full", [[0, 1, 2], [1]], ids=["all", "one"])
def test_nodes_serve_dest(nodes, hub, tree, dest, both, full):  # noqa: F811
    for node in full:
        words = ["get", "--per-node", nodes.local / "model", SOURCE]
        assert nodes.run([node], *words, env=hub.env).code == 0
    result = both()
    assert result.code == 0, result
    assert_both(nodes, dest, tree)
    assert (fetched(result), result.report["requests"]["data"]) == (0, 0)
    assert result.report["bytes"]["from_dest"] == 0


def test_an_update(nodes, hub, tree, dest, both, change):  # noqa: F811
    """What is new comes once, the rest of each node from DEST."""
    assert nodes.run([0], "get", SOURCE, dest, env=hub.env).code == 0
    wanted = change()
    result = both()
    assert result.code == 0, result
    assert_both(nodes, dest, wanted)
    assert_came_once(result, sum(map(len, CHANGES.values())), MIB)


def test_a_file_without_a_digest(nodes, hub, tree, dest, start):  # noqa: F811
    """The source announces none, the record of DEST has one."""
    words = ["get", "--per-node", nodes.local / "model", f"file://{tree}", dest]
    assert nodes.run([0], "get", f"file://{tree}", dest).code == 0
    result = nodes.run(PLACES, *words)
    assert (result.code, fetched(result)) == (0, 0), result
    assert_both(nodes, dest, tree)
    for node in range(3):
        shutil.rmtree(nodes.disk(node))
    spoil(dest / "sub/weights.bin")
    result = nodes.run(PLACES, *words)
    assert result.code == 0, result
    for node in range(3):
        assert_same(nodes.disk(node) / "model", tree)
    assert_came_once(result, len(FILES["sub/weights.bin"]), MIB)


def spoil(path):
    """Another byte, and the same size and time."""
    known = path.stat()
    with path.open("r+b") as file:
        file.seek(5 * MIB)
        byte = file.read(1)
        file.seek(5 * MIB)
        file.write(bytes([byte[0] ^ 1]))
    os.utime(path, ns=(known.st_atime_ns, known.st_mtime_ns))


@pytest.mark.parametrize("places", [PLACES, [0, 0]], ids=["nodes", "one-node"])
def test_wrong_bytes_in_dest(nodes, hub, tree, dest, both, places):  # noqa: F811
    """They go to no node: the source is asked for that file, and DEST gets it as well."""
    assert nodes.run([0], "get", SOURCE, dest, env=hub.env).code == 0
    spoil(dest / "sub/weights.bin")
    result = both("--segment-size", "1M", places=places)
    assert result.code == 0, result
    for node in set(places):
        assert_same(nodes.disk(node) / "model", tree)
    assert f"'sub/weights.bin' in '{dest}' cannot be read or has other content" in result.err
    assert_came_once(result, len(FILES["sub/weights.bin"]), MIB)
    assert_same(dest, tree)  # mended from the nodes
    assert_alone(dest)
    assert result.report["dest"]["bytes"] == len(FILES["sub/weights.bin"])


def test_wrong_bytes_in_a_dest_that_cannot_be_mended(nodes, hub, tree, both):  # noqa: F811
    """It is named, and the nodes have theirs."""
    dest = nodes.local / "shared"
    assert nodes.run([0], "get", SOURCE, dest, env=hub.env).code == 0
    spoil(nodes.disk(0) / "shared/sub/weights.bin")
    words = ["get", "--per-node", nodes.top / "model", SOURCE, dest]
    result = nodes.run([0, 0], *words, env=hub.env, readonly=[0])
    assert result.code == 5, result
    assert f"'{dest}' is not published: " in result.err and "Read-only file system" in result.err
    assert_same(nodes.top / "model", tree)


def test_wrong_bytes_in_a_part_of_dest(nodes, hub, tree, dest, both):  # noqa: F811
    """Nor are they published once more."""
    words = ["get", "--include", "sub/weights.bin", SOURCE, dest]
    assert nodes.run([0], *words, env=hub.env).code == 0
    spoil(dest / "sub/weights.bin")
    result = both("--segment-size", "1M")
    assert result.code == 0, result
    assert_both(nodes, dest, tree)
    assert_came_once(result, SIZE, MIB)
    assert result.report["dest"]["bytes"] == SIZE


@pytest.mark.parametrize("places", [PLACES, [0, 0]], ids=["nodes", "one-node"])
def test_wrong_bytes_on_a_node(nodes, hub, tree, dest, both, places):  # noqa: F811
    """They do not come to DEST."""
    words = ["get", "--per-node", nodes.local / "model", SOURCE]
    assert nodes.run(places, *words, env=hub.env).code == 0
    for node in set(places):
        spoil(nodes.disk(node) / "model/sub/weights.bin")
    result = both(places=places)
    assert result.code == 0, result
    assert_same(dest, tree)
    assert_came_once(result, len(FILES["sub/weights.bin"]), MIB)


@pytest.mark.parametrize("broken", [0, 1], ids=["first", "second"])
def test_a_node_that_cannot_write(nodes, hub, tree, dest, both, broken):  # noqa: F811
    """DEST is published from the others."""
    result = both(readonly=[broken])
    assert result.code == 5
    assert f"missing on 1 of 3 nodes: node{broken}: " in result.err
    assert_both(nodes, dest, tree, {0, 1, 2} - {broken})
    assert_came_once(result, SIZE, MIB)
    assert result.report["dest"]["published"]


@pytest.mark.parametrize("optional", [False, True])
def test_dest_cannot_be_written(nodes, hub, tree, dest, both, optional):  # noqa: F811
    """The nodes keep theirs, and whatever they may lack, DEST may not be missing."""
    dest.write_text("not a directory")
    result = both(*["--per-node-optional"] * optional)
    assert result.code == 5
    assert f"'{dest}' is not published: " in result.err
    assert dest.read_text() == "not a directory"
    for node in range(3):
        assert_same(nodes.disk(node) / "model", tree)
        assert_alone(nodes.disk(node) / "model")
    assert (result.report["dest"]["published"], result.out) == (False, "")
    assert result.report["dest"]["error"] in result.err
    dest.unlink()
    again = both()
    assert (again.code, fetched(again)) == (0, 0), again
    assert_both(nodes, dest, tree)


def test_neither_can_be_written(nodes, hub, tree, dest, both):  # noqa: F811
    dest.write_text("not a directory")
    result = both(readonly=[1])
    assert result.code == 5
    assert f"'{dest}' is not published: " in result.err
    assert "missing on 1 of 3 nodes: node1: " in result.err


@pytest.mark.parametrize("name", ["model", "model/sub", "."])
def test_one_in_the_other(nodes, hub, tree, name, tmp_path):  # noqa: F811
    """By its name, or by another name of the same directory."""
    link = tmp_path / "link"
    link.symlink_to(nodes.local)
    for top in (nodes.local, link):
        words = ["get", "--per-node", nodes.local / "model", SOURCE, top / name]
        result = nodes.run([0, 1], *words, env=hub.env)
        assert result.code == 2, result
        assert "one is inside the other" in result.err
    assert not any(nodes.disk(0).iterdir())
    assert not hub.log()


def test_dest_on_a_disk_of_one_node(nodes, hub, tree):  # noqa: F811
    """Found out before anything is fetched."""
    words = ["get", "--per-node", nodes.local / "model", SOURCE, nodes.local / "other"]
    result = nodes.run([0, 1], *words, env=hub.env)
    assert result.code == 5
    assert "choose a DEST in a directory that all nodes share" in result.err
    assert result.report["bytes"]["fetched"] == 0
    for node in range(2):
        assert_nothing(nodes.disk(node) / "model")
    assert_nothing(nodes.disk(0) / "other")


def test_plan(nodes, hub, tree, dest, change):  # noqa: F811
    assert nodes.run([0], "get", SOURCE, dest, env=hub.env).code == 0
    change()
    words = ["plan", "--per-node", nodes.local / "model", SOURCE, dest]
    for places in ([0, 1], [0, 0]):
        result = nodes.run(places, *words, env=hub.env)
        assert result.code == 0, result
        lines = [line.split(maxsplit=2) for line in result.out.splitlines()]
        fates = {line[2]: line[0] for line in lines[: len(FILES) + 1]}
        assert fates["sub/weights.bin"] == "share"
        assert fates["sub/new"] == fates["config.json"] == "fetch"
        assert "DEST lacks 2 files, 5 B\n" in result.out
        assert "to fetch: 2 files, 5 B\n" in result.out
    assert not any(nodes.disk(0).iterdir())


def test_plan_where_dest_cannot_be(nodes, hub, tree, tmp_path):  # noqa: F811
    (tmp_path / "file").touch()
    words = ["plan", "--per-node", nodes.local / "model", SOURCE, tmp_path / "file" / "model"]
    result = nodes.run([0, 1], *words, env=hub.env)
    assert result.code == 5, result
    assert "file' is not a directory" in result.err
    assert "node1 lacks 4 files" in result.out and "DEST cannot have it: " in result.out
