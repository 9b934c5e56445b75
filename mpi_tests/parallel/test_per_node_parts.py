"""Each node gets those files that a map names for it."""

import hashlib
import json
import os
from pathlib import Path

import pytest
from conftest import MIB, noise
from test_per_node import nodes  # noqa: F401
from trees import (
    assert_alone,
    assert_came_once,
    assert_same,
    files_of,
    noted,
    record_of,
    snapshot,
    write_tree,
)

FILES = {
    "config.json": b"{}\n",
    "empty": b"",
    "stage/0/model-1.bin": noise(3 * MIB + 5, 1),
    "stage/0/small": b"0",
    "stage/1/model-2.bin": noise(5 * MIB + 1, 2),
    "stage/1/small": b"1",
    "stage/2/model-3.bin": noise(2 * MIB, 3),
}
SIZE = sum(map(len, FILES.values()))
STAGES = """
# all have the configuration
*  config.json empty
node0 stage/0/
node:1-2 stage/1/*
"""
MOST = 8 * MIB  # of one file that comes in one piece
OF = [("config.json", "empty", "stage/0/"), ("config.json", "empty", "stage/1/")]


@pytest.fixture
def source(tmp_path):
    return write_tree(tmp_path / "source", FILES)


@pytest.fixture
def mapped(tmp_path):
    def write(text):
        path = tmp_path / "map"
        path.write_text(text)
        return path

    return write


def get(nodes, places, source, *words, command="get", **how):  # noqa: F811
    origin = source if "://" in str(source) else f"file://{source}"
    return nodes.run(places, command, "--per-node", nodes.local / "model", *words, origin, **how)


def size(*starts):
    return sum(len(data) for path, data in FILES.items() if path.startswith(starts))


def assert_part(nodes, node, source, *starts):  # noqa: F811
    place = nodes.disk(node) / "model"
    assert_same(place, source, lambda path: path.startswith(starts))
    assert {str(path.relative_to(place)) for path in place.rglob("*") if path.is_dir()} == {
        str(above)
        for path in FILES
        if path.startswith(starts)
        for above in list(Path(path).parents)[:-1]
    }
    assert_alone(place)
    record = json.loads((record_of(place) / "manifest.json").read_text())
    assert not record["complete"]


@pytest.mark.parametrize("verify", ["full", "segments"])
@pytest.mark.parametrize("places", [[0, 1, 2], [0, 0, 1, 2, 2]], ids=str)
def test_stages(nodes, source, mapped, places, verify):  # noqa: F811
    words = ("--per-node-include", mapped(STAGES), "--per-node-verify", verify)
    result = get(nodes, places, source, *words)
    assert (result.code, result.out) == (0, f"{nodes.local}/model\n"), result.err
    assert_came_once(result, size(*OF[0], *OF[1]), MOST)  # nobody asks for stage 2
    for node, part in enumerate([OF[0], OF[1], OF[1]]):
        assert_part(nodes, node, source, *part)
        told = result.report["nodes"][node]
        assert (told["files"], told["bytes"], told["published"]) == (4, size(*part), True)
    assert nodes.run(places, "verify", "--per-node", nodes.local / "model").code == 0
    again = get(nodes, places, source, *words)
    assert (again.code, again.report["unchanged"]) == (0, True)


def test_each_fetches_its_own(nodes, source, mapped):  # noqa: F811
    """Nothing passes between nodes that share no file."""
    text = "node0 stage/0/\nnode1 stage/1/\nnode2 stage/2/\n"
    result = get(nodes, [0, 1, 1, 2], source, "--per-node-include", mapped(text))
    assert result.code == 0, result.err
    assert_came_once(result, size("stage/"), MOST)
    fetched = [row["bytes"] for row in result.report["ranks"]]
    for stage, came in enumerate([fetched[0], fetched[1] + fetched[2], fetched[3]]):
        assert came >= size(f"stage/{stage}/")
    assert sum(node["bytes_in"] for node in result.report["nodes"]) == 0
    for node in range(3):
        assert_part(nodes, node, source, f"stage/{node}/")


@pytest.mark.parametrize("shut", [0, 1])
def test_a_node_that_does_not_reach_the_source(nodes, hub, source, mapped, shut):  # noqa: F811
    """Another one fetches what only that node wants, and keeps nothing of it."""
    hub.add("acme/parts", source)
    text = "node0 stage/0/ config.json\nnode1 stage/1/ config.json\n"
    words = ("--per-node-include", mapped(text), "--segment-size", MIB)
    own = {shut: {"http_proxy": "http://127.0.0.1:9", "no_proxy": ""}}
    result = get(nodes, [0, 1], "hf://acme/parts", *words, env=hub.env, own=own)
    assert result.code == 0, result.err
    assert_came_once(result, size("stage/0/", "stage/1/", "config.json"), MIB)
    assert result.report["ranks"][shut]["bytes"] == 0
    for node in range(2):
        place = nodes.disk(node) / "model"
        starts = ("config.json", f"stage/{node}/")
        assert_same(place, source, lambda path, starts=starts: path.startswith(starts))
        assert not (place / "stage" / str(1 - node)).exists()
        noted = place / ".cache" / "huggingface" / "download" / "stage"
        assert os.listdir(noted) == [str(node)]
        assert_alone(place)
        assert list((place / ".cache" / "huggingface" / "trees").iterdir())  # it is a part


def test_a_part_of_a_directory(nodes, hub, source, mapped):  # noqa: F811
    """Of its files only the first, by name, which comes in parts, is for that node."""
    hub.add("acme/parts", source)
    text = mapped("node0 stage/1/model-2.bin\nnode1 stage/1/\n")
    words = ("--per-node-include", text, "--segment-size", MIB)
    result = get(nodes, [0, 1], "hf://acme/parts", *words, env=hub.env)
    assert result.code == 0, result
    assert_same(nodes.disk(0) / "model", source, lambda path: path == "stage/1/model-2.bin")
    noted = nodes.disk(0) / "model/.cache/huggingface/download/stage/1"
    assert os.listdir(noted) == ["model-2.bin.metadata"]


def test_a_part_grows(nodes, source, mapped):  # noqa: F811
    """What a node has, others get from it; the source is asked for the rest alone."""
    assert get(nodes, [0, 1, 2], source, "--per-node-include", mapped(STAGES)).code == 0
    kept = nodes.disk(0) / "model" / "stage" / "0" / "model-1.bin"
    before = kept.stat().st_ino
    result = get(nodes, [0, 1, 2], source)
    assert result.code == 0, result.err
    assert_came_once(result, size("stage/2/"), MOST)
    for node in range(3):
        assert_same(nodes.disk(node) / "model", source)
        assert_alone(nodes.disk(node) / "model")
    assert kept.stat().st_ino == before


def test_another_map_after_a_kill(nodes, hub, source, mapped):  # noqa: F811
    """What was fetched for the first is not fetched again: for nodes that want it now, or from them."""
    hub.add("acme/parts", source)
    stall = hub.trouble(kind="cdn", skip=4, stall=1000)
    words = ("--per-node", nodes.local / "model", "--segment-size", MIB, "--connections", 1, "hf://acme/parts")
    first = mapped("node0 stage/0/\nnode1 stage/1/\n")
    job = nodes.start([0, 1], "get", "--per-node-include", first, *words, env=hub.env)
    assert hub.troubles.wait(stall), job.result(None)
    # of the four that came two may be the last bytes of a file
    job.wait_until(lambda: noted(nodes.disk(0)) + noted(nodes.disk(1)) >= 2 * MIB)
    job.kill()
    hub.troubles.clear()
    swapped = mapped("node1 stage/0/\nnode0 stage/1/ stage/2/\n")
    result = nodes.run([0, 1], "get", "--per-node-include", swapped, *words, env=hub.env)
    assert result.code == 0, result.err
    resumed = result.report["bytes"]["resumed"]
    assert resumed >= 2 * MIB
    assert_came_once(result, size("stage/") - resumed, MIB)
    for node, starts in enumerate([("stage/1/", "stage/2/"), ("stage/0/",)]):
        assert_same(nodes.disk(node) / "model", source, lambda path, starts=starts: path.startswith(starts))
        assert_alone(nodes.disk(node) / "model")


def test_other_parts(nodes, source, mapped):  # noqa: F811
    """Nodes that change places: each gets from the other what it wants."""
    assert get(nodes, [0, 1], source, "--per-node-include", mapped(STAGES)).code == 0
    swapped = mapped("node1 config.json stage/0/\nnode0 stage/1/*\n")
    result = get(nodes, [0, 1], source, "--per-node-include", swapped)
    assert result.code == 0, result.err
    assert result.report["bytes"]["fetched"] == 0
    assert_part(nodes, 0, source, "stage/1/")
    assert_part(nodes, 1, source, "config.json", "stage/0/")


@pytest.mark.parametrize("words", [(), ("--force-download",)], ids=["", "anew"])
def test_a_node_without_files(nodes, source, mapped, words):  # noqa: F811
    """It keeps what it has, and is of use to others."""
    assert get(nodes, [1], source).code == 0
    before = snapshot(nodes.disk(1) / "model")
    result = get(nodes, [0, 1], source, "--per-node-include", mapped("node0 stage/*\n"), *words)
    assert result.code == 0, result.err
    assert_came_once(result, size("stage/") if words else 0, MOST)
    assert "no file is named for a node, which keeps what it has: 'node1'" in result.err
    assert snapshot(nodes.disk(1) / "model") == before
    assert_alone(nodes.disk(1) / "model")
    assert_part(nodes, 0, source, "stage/")
    assert [node["published"] for node in result.report["nodes"]] == [True, False]


@pytest.mark.parametrize("without", [0, 1])
def test_a_node_without_files_and_disk(nodes, source, mapped, without):  # noqa: F811
    """It lacks nothing that it is to have."""
    text = mapped(f"node{1 - without} stage/*\n")
    result = get(nodes, [0, 1], source, "--per-node-include", text, readonly=[without])
    assert result.code == 0, result.err
    assert f"node{without}: cannot create a directory" in result.err
    assert_part(nodes, 1 - without, source, "stage/")
    assert [node["published"] for node in result.report["nodes"]] == [without == 1, without == 0]


def test_verify_of_a_node_without_files(nodes, source, mapped):  # noqa: F811
    """What the map gives it no rule for it need not have; what it has all the same is verified."""
    words = ("--per-node-include", mapped("node0 stage/*\n"))
    assert get(nodes, [0, 1, 1], source, *words).code == 0
    verify = ["verify", "--per-node", nodes.local / "model"]
    good = nodes.run([0, 1, 1], *verify, *words)
    assert (good.code, good.out) == (0, f"{nodes.local}/model\n"), good
    assert "no rule is for a node, which has nothing to verify: 'node1'" in good.err
    bare = nodes.run([0, 1, 1], *verify)
    assert bare.code == 5 and "on 1 of 2 nodes: node1: " in bare.err
    write_tree(nodes.disk(1) / "model", {"notes": b"mine"})
    assert nodes.run([0, 1, 1], *verify, *words).code == 0
    assert get(nodes, [1], source, "--force").code == 0
    (nodes.disk(1) / "model" / "empty").unlink()
    bad = nodes.run([0, 1, 1], *verify, *words)
    assert bad.code == 4 and "on 1 of 2 nodes: node1: " in bad.err
    nobody = nodes.run([1, 2], *verify, *words)
    assert nobody.code == 2 and "no rule of " in nobody.err


def test_a_node_without_files_and_with_others(nodes, source, mapped):  # noqa: F811
    """Files of somebody else are no matter where nothing is published."""
    write_tree(nodes.disk(1) / "model", {"notes": b"mine"})
    result = get(nodes, [0, 1], source, "--per-node-include", mapped("node0 stage/*\n"))
    assert result.code == 0, result.err
    assert files_of(nodes.disk(1) / "model") == {"notes": b"mine"}
    assert os.listdir(nodes.disk(1)) == ["model"]


def test_one_node(nodes, source, mapped):  # noqa: F811
    """As --include has it, with a DEST that all ranks share."""
    result = get(nodes, [0, 0], source, "--per-node-include", mapped(STAGES))
    assert result.code == 0, result.err
    assert_came_once(result, size(*OF[0]), MOST)
    assert "no node of this job is 'node:1-2'" in result.err
    assert_part(nodes, 0, source, *OF[0])


def test_nodes_that_share_a_disk(nodes, source, mapped):  # noqa: F811
    """The one copy has what any of them wants."""
    words = ("--per-node-include", mapped(STAGES))
    result = get(nodes, [0, 1, 2], source, *words, shared=[1])
    assert result.code == 0, result.err
    assert_part(nodes, 0, source, *OF[0], *OF[1])
    assert_part(nodes, 2, source, *OF[1])
    assert not os.listdir(nodes.disk(1))


def test_plan(nodes, source, mapped):  # noqa: F811
    words = ("--per-node-include", mapped(STAGES))
    assert get(nodes, [0], source, *words).code == 0
    result = get(nodes, [0, 1, 2], source, *words, command="plan")
    assert result.code == 0, result.err
    lines = [line.split() for line in result.out.splitlines()]
    assert {line[-1]: line[0] for line in lines[:6]} == {
        "config.json": "share",
        "empty": "share",
        "stage/0/model-1.bin": "there",
        "stage/0/small": "there",
        "stage/1/model-2.bin": "fetch",
        "stage/1/small": "fetch",
    }
    assert [" ".join(line[:7]) for line in lines[6:9]] == [
        "node0 lacks 0 of its 4 files,",
        "node1 lacks 4 of its 4 files,",
        "node2 lacks 4 of its 4 files,",
    ]


def test_files_of_nobody_else(nodes, source, mapped):  # noqa: F811
    """A file that only another node is to get is somebody's, if no record of this node has it."""
    assert get(nodes, [0, 1], source, "--per-node-include", mapped("* config.json\n")).code == 0
    write_tree(nodes.disk(1) / "model", {"stage/0/small": b"0"})
    words = ("--per-node-include", mapped("* config.json empty\nnode0 stage/0/\n"))
    result = get(nodes, [0, 1], source, *words)
    assert result.code == 5
    assert "would delete 'stage/0/small', which mpifetch did not create" in result.err
    assert files_of(nodes.disk(1) / "model")["stage/0/small"] == b"0"


def test_a_failed_node_s_files_are_not_fetched(nodes, source, mapped):  # noqa: F811
    """Nobody else wants them."""
    nodes.disk(1)
    words = ("--per-node-include", mapped(STAGES))
    result = get(nodes, [0, 1], source, *words, readonly=[1])
    assert result.code == 5
    assert "missing on 1 of 2 nodes: node1: " in result.err
    assert_came_once(result, size(*OF[0]), MOST)
    assert_part(nodes, 0, source, *OF[0])


def test_what_a_failed_node_alone_lacked_hides_nothing(nodes, hub, source, mapped):  # noqa: F811
    """What came twice is told, though what that node would have got is not fetched any more."""
    hub.add("acme/parts", source)
    digest = hashlib.sha256(FILES["stage/2/model-3.bin"]).hexdigest()
    hub.trouble(kind="cdn", path=f"*/{digest}", flip=0, times=1)
    words = ("--per-node-include", mapped("node0 stage/2/\nnode1 stage/1/model-2.bin\n"))
    own = {1: {"SHAM_LIMIT": str(MIB)}}
    words = (*words, "--segment-size", 8 * MIB)  # none of that node is whole
    result = get(nodes, [0, 1], "hf://acme/parts", *words, env=hub.env, own=own)
    assert result.code == 5 and "missing on 1 of 2 nodes: node1: " in result.err, result
    told = result.report["bytes"]
    assert told["fetched"] >= 2 * size("stage/2/")
    assert told["duplicated"] == told["fetched"] - size("stage/2/")


def test_what_is_for_nothing_is_told(nodes, source, mapped):  # noqa: F811
    text = "* config.json nothing-*\nn[7-9] stage/2/\nnode:5 *\n"
    result = get(nodes, [0, 1], source, "--per-node-include", mapped(text))
    assert result.code == 0, result.err
    assert "no node of this job is 'n[7-9]', 'node:5'" in result.err
    assert "no file matches 'nothing-*'" in result.err


@pytest.mark.parametrize(
    "text, said, code",
    [
        ("node0\n", "line 1: no pattern of files follows 'node0'", 2),
        ("# x\nnode:3-1 *\n", "line 2: expected numbers of nodes such as node:0", 2),
        ("other *\n", "is for a node of this job, the first of which is node0", 2),
        ("node0 nothing\n", "is named by --per-node-include", 3),
        ("\n", "has no rule", 2),
    ],
)
@pytest.mark.parametrize("places", [[0, 0], [0, 1]], ids=str)
def test_refusals(nodes, source, mapped, places, text, said, code):  # noqa: F811
    result = get(nodes, places, source, "--per-node-include", mapped(text))
    assert result.code == code
    assert said in result.err
    assert not any(os.listdir(nodes.disk(node)) for node in set(places))


def test_a_map_that_is_not_there(nodes, source, tmp_path):  # noqa: F811
    result = get(nodes, [0, 1], source, "--per-node-include", tmp_path / "none")
    assert result.code == 2
    assert "--per-node-include" in result.err and "none" in result.err


def test_a_shared_destination(run, source, mapped, tmp_path):
    words = ("--per-node-include", mapped(STAGES))
    result = run(1, "get", *words, f"file://{source}", tmp_path / "dest")
    assert result.code == 2
    assert "only be used with --per-node" in result.err


SPARSE = "node0 stage/0/\nnode1 stage/1/\nnode2 stage/1/model-2.bin\n"


@pytest.fixture
def beside(nodes, hub, source, mapped, tmp_path):  # noqa: F811
    """beside(text, places, ...) -> Result of a get of parts and of a DEST."""
    hub.add("acme/parts", source)

    def get(text, places, *words, command="get", **how):
        words = ("--per-node-include", mapped(text), *words, "--segment-size", MIB, "hf://acme/parts")
        where = ("--per-node", nodes.local / "model")
        return nodes.run(places, command, *where, *words, tmp_path / "dest", env=hub.env, **how)

    return get


@pytest.mark.parametrize("text", [STAGES, SPARSE], ids=["stages", "sparse"])
def test_a_dest_beside_parts(nodes, source, beside, tmp_path, text):  # noqa: F811
    """It gets all: what nodes have from them, and the rest from the source."""
    result = beside(text, [0, 1, 1, 2])
    assert result.code == 0, result
    told = result.report["bytes"]
    assert told["fetched"] - told["duplicated"] == SIZE
    assert "asking the source for it" not in result.err  # each is read where it is
    assert_same(tmp_path / "dest", source)
    assert not list(tmp_path.glob(".dest.*"))
    assert not (tmp_path / "dest/.cache/huggingface/trees").exists()  # it is no part
    assert not (nodes.disk(0) / "model/stage/1").exists()
    assert_same(nodes.disk(1) / "model/stage/1", source / "stage/1")
    again = beside(text, [0, 1, 1, 2])
    assert again.code == 0 and again.report["unchanged"], again


def test_a_dest_serves_parts(nodes, source, beside, hub, tmp_path):  # noqa: F811
    assert nodes.run([0], "get", "hf://acme/parts", tmp_path / "dest", env=hub.env).code == 0
    hub.reset()
    planned = beside(SPARSE, [0, 1], command="plan")
    assert planned.code == 0 and "to fetch: 0 files" in planned.out, planned
    assert "there " in next(line for line in planned.out.splitlines() if line.endswith(" empty"))
    result = beside(SPARSE, [0, 1])
    assert result.code == 0 and hub.log("cdn") == [], result
    assert_same(nodes.disk(1) / "model", source, lambda path: path.startswith("stage/1/"))


@pytest.mark.parametrize("broken", [0, 1])
def test_a_dest_gets_the_part_of_a_failed_node(nodes, source, beside, tmp_path, broken):  # noqa: F811
    result = beside(SPARSE, [0, 1], readonly=[broken])
    assert result.code == 5 and f"missing on 1 of 2 nodes: node{broken}: " in result.err, result
    assert_same(tmp_path / "dest", source)
    told = result.report["bytes"]
    assert told["fetched"] - told["duplicated"] == SIZE


def test_a_dest_beside_parts_that_cannot_be(nodes, beside, tmp_path):  # noqa: F811
    one = beside(SPARSE, [0, 0])
    assert one.code == 2 and "needs two nodes" in one.err, one
    none = beside("node0 nothing\n", [0, 1])
    assert none.code == 3 and "is named by --per-node-include" in none.err, none
    assert not (tmp_path / "dest").exists() and not any(os.listdir(nodes.disk(node)) for node in (0, 1))
