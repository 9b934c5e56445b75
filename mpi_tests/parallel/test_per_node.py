"""A copy on each node's own disk. The nodes are of one machine: preload/nodes.c tells MPI of them,
and a mount name space gives each a disk of its own at the same path."""

import os
import re
import shutil

import pytest
from conftest import MIB, noise
from trees import assert_alone, assert_came_once, assert_same, live, noted, snapshot, write_tree

SOURCE = "hf://acme/demo"
FILES = {
    "config.json": b"{}\n",
    "empty": b"",
    "sub/weights.bin": noise(9 * MIB + 5, 3),
    "sub/deep/one": b"1",
}
CHANGES = {"config.json": b"{1}\n", "sub/new": b"2"}
SIZE = sum(map(len, FILES.values()))

# $1: where the disks lie, $2: the path at which each node has its own
MOUNT = """
mount --bind "$1/$SHAM_DISK" "$2" || exit
[ -z "$SHAM_SMALL" ] || mount -t tmpfs -o "size=$SHAM_SMALL" none "$2" || exit
[ -z "$SHAM_READONLY" ] || mount -o remount,bind,ro "$2" || exit
shift 2
exec "$@"
"""


class Nodes:
    def __init__(self, top, start):
        self.top, self.disks, self.local, self._start = top, top / "disks", top / "local", start
        self.local.mkdir()

    def disk(self, node):
        """What that node has at self.local."""
        path = self.disks / str(node)
        path.mkdir(parents=True, exist_ok=True)
        return path

    def start(self, places, *args, env=None, readonly=(), shared=(), small=(), own=None, **how):
        """places: of each rank its node. readonly: nodes whose disk is. small: that have 1 MiB. shared: nodes that have
        the disk of 0. own: what a node alone has in its environment."""
        for node in places:
            self.disk(node)
        library = {"LD_PRELOAD": os.environ["MPIFETCH_NODES"], "SHAM_NODE": ""}
        each = [
            {
                **library,
                "SHAM_NODE": str(node),
                "SHAM_DISK": "0" if node in shared else str(node),
                "SHAM_READONLY": "1" if node in readonly else "",
                "SHAM_SMALL": "1m" if node in small else "",
                **(own or {}).get(node, {}),
            }
            for node in places
        ]
        before = ["unshare", "-m", "sh", "-c", MOUNT, "sh", self.disks, self.local]
        return self._start(len(places), *args, env=env, each=each, before=map(str, before), **how)

    def run(self, places, *args, **how):
        return self.start(places, *args, **how).wait()


@pytest.fixture
def nodes(tmp_path, start):
    return Nodes(tmp_path, start)


def test_one_node(nodes, hub, tree, change):
    """As a DEST that all share."""
    place = nodes.local / "model"
    result = nodes.run([0, 0, 0], "get", "--per-node", place, SOURCE, env=hub.env)
    assert (result.code, result.out) == (0, f"{place}\n")
    assert_same(nodes.disk(0) / "model", tree)
    assert nodes.run([0, 0], "get", "--per-node", place, SOURCE, env=hub.env).report["unchanged"]
    wanted = change()
    assert nodes.run([0, 0], "get", "--per-node", place, SOURCE, env=hub.env).code == 0
    assert_same(nodes.disk(0) / "model", wanted)
    assert_alone(nodes.disk(0) / "model")


def fill(nodes, hub, places):
    """Each of these nodes gets its copy by a run of its own."""
    for node in places:
        result = nodes.run([node], "get", "--per-node", nodes.local / "model", SOURCE, env=hub.env)
        assert result.code == 0


def test_all_have_it(nodes, hub, tree):
    fill(nodes, hub, [0, 1, 2])
    hub.reset()
    words = ["get", "--per-node", nodes.local / "model", SOURCE]
    result = nodes.run([0, 1, 0, 2], *words, env=hub.env)
    assert (result.code, result.report["unchanged"]) == (0, True)
    for node in range(3):
        assert_same(nodes.disk(node) / "model", tree)
        assert_alone(nodes.disk(node) / "model")


def test_others_speak_before_rank_0_is_heard(nodes, hub, tree):
    """A node that waits for the last word of rank 0 before it begins gets offers of one that has
    had it."""
    fill(nodes, hub, [1])
    hub.reset()
    words = ["get", "--per-node", nodes.local / "model", SOURCE]
    own = {node: {"SHAM_LATE": "0.1"} for node in (2, 3)}
    result = nodes.run([0, 1, 2, 3], *words, "--progress", "bar", env=hub.env, own=own)
    assert result.code == 0, result
    for done, files in re.findall(r"(\d+)/(\d+) files", result.err):
        assert int(done) <= int(files) == len(FILES), result
    for node in range(4):
        assert_same(nodes.disk(node) / "model", tree)
        assert_alone(nodes.disk(node) / "model")
    assert hub.file_requests() == []


def rot(path):
    """As a disk does: neither size nor time tell."""
    times = os.stat(path)
    with open(path, "r+b") as file:
        byte = file.read(1)[0]
        file.seek(0)
        file.write(bytes([byte ^ 1]))
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


@pytest.mark.parametrize("path", ["sub/weights.bin", "config.json"])
@pytest.mark.parametrize(("have", "bad"), [([1], 1), ([1, 2], 1), ([1, 2], 2)])
def test_what_has_gone_bad_is_given_to_nobody(nodes, hub, tree, path, have, bad):
    """A copy of a former run: it comes from another node, or from the source, there as well."""
    fill(nodes, hub, have)
    rot(nodes.disk(bad) / "model" / path)
    hub.reset()
    words = ["get", "--segment-size", MIB, "--per-node", nodes.local / "model", SOURCE]
    result = nodes.run([0, 1, 2], *words, env=hub.env)
    assert result.code == 0, result
    for node in {0, 1, 2} - ({bad} if len(have) > 1 else set()):
        assert_same(nodes.disk(node) / "model", tree)
        assert_alone(nodes.disk(node) / "model")
    if len(have) > 1:
        assert hub.file_requests() == []
    else:
        assert f"'{nodes.local}/model/{path}' is not what it was" in result.err
        assert_came_once(result, len(FILES[path]), MIB)


def test_less_than_they_have(nodes, hub, tree):
    """Each node publishes a tree of its own, from what it has."""
    fill(nodes, hub, [0, 1])
    words = ["get", "--per-node", nodes.local / "model", "--include", "sub/*", SOURCE]
    assert nodes.run([0, 1, 1], *words, env=hub.env).code == 0
    for node in range(2):
        assert_same(nodes.disk(node) / "model", tree, lambda path: path.startswith("sub/"))
        assert_alone(nodes.disk(node) / "model")


@pytest.mark.parametrize("broken", [0, 1], ids=["first", "second"])
def test_a_node_that_cannot_write(nodes, hub, tree, broken):
    """It is named, and the others have theirs."""
    fill(nodes, hub, [0, 1, 2])
    before = snapshot(nodes.disk(broken))
    words = ["--per-node", nodes.local / "model", "--include", "sub/*", SOURCE]
    result = nodes.run([0, 1, 1, 2], "get", *words, env=hub.env, readonly=[broken])
    assert result.code == 5
    assert f"missing on 1 of 3 nodes: node{broken}: " in result.err
    assert "Read-only file system" in result.err
    told = result.report["nodes"]
    assert [(node["host"], node["published"]) for node in told] == [
        (f"node{node}", node != broken) for node in range(3)
    ]
    assert "Read-only file system" in told[broken]["error"]
    assert snapshot(nodes.disk(broken)) == before
    for node in {0, 1, 2} - {broken}:
        assert_same(nodes.disk(node) / "model", tree, lambda path: path.startswith("sub/"))
        assert_alone(nodes.disk(node) / "model")


def test_a_node_may_be_missing(nodes, hub, tree):
    fill(nodes, hub, [0, 1])
    words = ["--per-node", nodes.local / "model", "--per-node-optional", "--include", "sub/*"]
    result = nodes.run([0, 1], "get", *words, SOURCE, env=hub.env, readonly=[1])
    assert (result.code, result.out) == (0, f"{nodes.local}/model\n")
    assert "missing on 1 of 2 nodes: node1: " in result.err
    assert_same(nodes.disk(0) / "model", tree, lambda path: path.startswith("sub/"))


@pytest.mark.parametrize("recorded", [True, False], ids=["recorded", "copied"])
@pytest.mark.parametrize("broken", [0, 1], ids=["first", "second"])
def test_a_node_that_has_all_and_cannot_write(nodes, hub, tree, broken, recorded):
    """It lacks nothing: it can only not give it to others."""
    if recorded:
        fill(nodes, hub, [broken])
    else:
        shutil.copytree(tree, nodes.disk(broken) / "model")
    before = snapshot(nodes.disk(broken))
    words = ["get", "--per-node", nodes.local / "model", SOURCE]
    result = nodes.run([0, 1], *words, env=hub.env, readonly=[broken])
    assert result.code == 0, result
    assert f"node{broken} has all of it, but can give nothing to others: " in result.err
    assert "2 of 2 nodes have it" in result.err
    told = result.report["nodes"]
    assert [node["published"] for node in told] == [True, True]
    assert "Read-only file system" in told[broken]["error"]
    assert snapshot(nodes.disk(broken)) == before
    assert_same(nodes.disk(1 - broken) / "model", tree)
    assert_alone(nodes.disk(1 - broken) / "model")


def test_a_node_that_has_all_where_no_other_can_have_it(nodes, hub, tree):
    fill(nodes, hub, [0])
    words = ["get", "--per-node", nodes.local / "model"]
    result = nodes.run([0, 1], *words, SOURCE, env=hub.env, readonly=[0, 1])
    assert result.code == 5 and "missing on 1 of 2 nodes: node1: " in result.err, result
    words.append("--per-node-optional")
    result = nodes.run([0, 1], *words, SOURCE, env=hub.env, readonly=[0, 1])
    assert (result.code, result.out) == (0, f"{nodes.local}/model\n"), result


def test_all_have_it_and_none_can_note_it(nodes, hub, tree, tmp_path):
    """A node needs no record of what is there. A DEST is read from it all the same."""
    for node in (0, 1):
        shutil.copytree(tree, nodes.disk(node) / "model")
    words = ["get", "--per-node", nodes.local / "model", SOURCE, tmp_path / "dest"]
    result = nodes.run([0, 1], *words, env=hub.env, readonly=[0, 1])
    assert result.code == 0, result
    assert result.report["bytes"]["fetched"] == 0 and hub.log("cdn") == []
    assert_same(tmp_path / "dest", tree)


def test_no_node_can_write(nodes, hub, tree):
    words = ["--per-node", nodes.local / "model", "--per-node-optional", SOURCE]
    result = nodes.run([0, 1], "get", *words, env=hub.env, readonly=[0, 1])
    assert result.code == 5
    assert "missing on 2 of 2 nodes: node0: " in result.err


def test_verify(nodes, hub, tree):
    fill(nodes, hub, [0, 1, 2])
    words = ["verify", "--per-node", nodes.local / "model"]
    good = nodes.run([0, 1, 1, 2], *words)
    assert (good.code, good.out) == (0, f"{nodes.local}/model\n")
    with open(nodes.disk(1) / "model" / "sub" / "weights.bin", "r+b") as file:
        file.seek(MIB)
        byte = file.read(1)
        file.seek(MIB)
        file.write(bytes([byte[0] ^ 1]))
    (nodes.disk(2) / "model" / "config.json").unlink()
    bad = nodes.run([0, 1, 1, 2], *words)
    assert (bad.code, bad.out) == (4, "")
    assert "on 2 of 3 nodes: node1: " in bad.err
    assert "1 wrong; node2: " in bad.err and "1 missing" in bad.err
    assert "'sub/weights.bin': SHA-256 differs from the record" in bad.err
    assert "'config.json': missing" in bad.err


def test_verify_where_one_has_nothing(nodes, hub, tree):
    fill(nodes, hub, [0])
    bad = nodes.run([0, 1], "verify", "--per-node", nodes.local / "model")
    assert bad.code == 5
    assert "on 1 of 2 nodes: node1: " in bad.err


def test_clean(nodes, hub, tree):
    """What a dead run has left on each node's disk goes."""
    for node in [0, 1]:
        stall = hub.trouble(kind="cdn", skip=2, stall=1000)
        words = ["--connections", 1, "--segment-size", MIB, "--scratch", "none", SOURCE]
        job = nodes.start([node], "get", "--per-node", nodes.local / "model", *words, env=hub.env)
        assert hub.troubles.wait(stall), job.result(None)
        job.wait_until(lambda: any(live(nodes.disk(node), ".model.mpifetch-*/run-*/journal/*")))
        job.kill()
        hub.troubles.clear()
    result = nodes.run([0, 1, 1], "clean", "--per-node", nodes.local / "model")
    assert result.code == 0
    assert "removed 2 leftover directories" in result.err
    assert not os.listdir(nodes.disk(0)) and not os.listdir(nodes.disk(1))


def test_plan(nodes, hub, tree, change):
    fill(nodes, hub, [0, 1])
    change()
    fill(nodes, hub, [1])
    hub.reset()
    result = nodes.run([0, 1, 2, 2], "plan", "--per-node", nodes.local / "model", SOURCE, env=hub.env)
    assert result.code == 0
    lines = [line.split() for line in result.out.splitlines()]
    assert {words[-1]: words[0] for words in lines[:5]} == {
        "config.json": "share",  # 1 has that of this revision
        "empty": "share",
        "sub/deep/one": "share",
        "sub/new": "share",
        "sub/weights.bin": "share",
    }
    assert [words[:4] for words in lines[5:8]] == [
        ["node0", "lacks", "2", "files,"],
        ["node1", "lacks", "0", "files,"],
        ["node2", "lacks", "5", "files,"],
    ]
    assert "to fetch: 0 files" in result.out
    assert not os.listdir(nodes.disk(2))


@pytest.mark.parametrize(
    "how, reason", [({"readonly": [1]}, "Read-only file system"), ({"small": [1]}, "not enough space in ")]
)
@pytest.mark.parametrize("places", [[0, 1], [1, 1]], ids=["one-of-two", "one-node"])
def test_plan_of_what_cannot_be(nodes, hub, tree, places, how, reason):
    """It ends as get would, and makes nothing."""
    words = ["--per-node", nodes.local / "model", SOURCE]
    plan = nodes.run(places, "plan", *words, env=hub.env, **how)
    get = nodes.run(places, "get", *words, env=hub.env, **how)
    assert plan.code == get.code == 5, plan
    for result in (plan, get):
        assert reason in result.err, result
    assert not os.listdir(nodes.disk(1))
    if places != [0, 1]:
        return
    assert "cannot be published on 1 of 2 nodes: node1: " in plan.err
    assert "node1 cannot have it: " in plan.out and "node0 lacks 4 files, " in plan.out
    optional = nodes.run(places, "plan", "--per-node-optional", *words, env=hub.env, **how)
    assert optional.code == 0 and "node1 cannot have it: " in optional.out, optional


def test_plan_of_what_is_there(nodes, hub, tree):
    """Where nothing is to be made, a disk needs no room."""
    fill(nodes, hub, [0, 1])
    words = ["--per-node", nodes.local / "model", SOURCE]
    result = nodes.run([0, 1, 2], "plan", *words, env=hub.env, readonly=[1])
    assert result.code == 0, result
    assert "node1 lacks 0 files, " in result.out


def test_all_share_a_disk(nodes, hub, tree):
    """That is found out, and said: it is as a DEST that all share."""
    words = ["get", "--per-node", nodes.local / "model", SOURCE]
    result = nodes.run([0, 1, 2], *words, env=hub.env, shared=[1, 2])
    assert result.code == 0
    assert f"'{nodes.local}/model' on node1, node2 is that of another node" in result.err
    assert_same(nodes.disk(0) / "model", tree)
    assert_alone(nodes.disk(0) / "model")
    assert not os.listdir(nodes.disk(1)) and not os.listdir(nodes.disk(2))


def test_some_share_a_disk(nodes, hub, tree):
    """One of them publishes there."""
    fill(nodes, hub, [0, 2])
    words = ["get", "--per-node", nodes.local / "model", "--include", "sub/*", SOURCE]
    result = nodes.run([0, 1, 2], *words, env=hub.env, shared=[1])
    assert result.code == 0
    assert f"'{nodes.local}/model' on node1 is that of another node" in result.err
    for node in [0, 2]:
        assert_same(nodes.disk(node) / "model", tree, lambda path: path.startswith("sub/"))
        assert_alone(nodes.disk(node) / "model")
    assert not os.listdir(nodes.disk(1))


@pytest.mark.parametrize("places", [[0, 1], [0, 1, 1, 2], [0, 0, 1, 2, 3]], ids=str)
def test_fetched_once(nodes, hub, tree, places):
    """Each byte comes from the source once, and from there to all nodes."""
    words = ["get", "--per-node", nodes.local / "model", "--segment-size", "1M", SOURCE]
    result = nodes.run(places, *words, env=hub.env)
    assert result.code == 0, result.err
    for node in set(places):
        assert_same(nodes.disk(node) / "model", tree)
        assert_alone(nodes.disk(node) / "model")
    assert_came_once(result, SIZE, MIB)


ROTTEN = {"sub/weights.bin": 4 * MIB + 11, "sub/deep/one": 0}  # which byte


@pytest.mark.parametrize("name", ROTTEN)
@pytest.mark.parametrize("places", [[0, 1], [0, 1, 1, 2]], ids=str)
def test_a_byte_that_rots(nodes, hub, tree, places, name):
    """It comes again, whether from the source or from another node."""
    own = {1: {"SHAM_ROT": f"1:{ROTTEN[name]}:{name}"}}
    words = ["get", "--per-node", nodes.local / "model", "--segment-size", "1M", SOURCE]
    result = nodes.run(places, *words, env=hub.env, own=own)
    assert result.code == 0
    assert f"'{name}' are not on the disk as they were written" in result.err
    for node in set(places):
        assert_same(nodes.disk(node) / "model", tree)
        assert_alone(nodes.disk(node) / "model")


@pytest.mark.parametrize("name", ROTTEN)
def test_a_disk_that_rots(nodes, hub, tree, name):
    """Its node is named, and the others have theirs."""
    own = {1: {"SHAM_ROT": f"1000:{ROTTEN[name]}:{name}"}}
    words = ["get", "--per-node", nodes.local / "model", "--segment-size", "1M", SOURCE]
    result = nodes.run([0, 1, 2], *words, env=hub.env, own=own)
    assert result.code == 5
    assert "missing on 1 of 3 nodes: node1: " in result.err
    assert not (nodes.disk(1) / "model").exists()
    for node in [0, 2]:
        assert_same(nodes.disk(node) / "model", tree)
        assert_alone(nodes.disk(node) / "model")


def get(nodes, hub, places, *words, **how):
    return nodes.run(places, "get", "--per-node", nodes.local / "model", *words, SOURCE, env=hub.env, **how)


def test_each_node_gets_all(nodes, hub, tree):
    result = get(nodes, hub, [0, 1, 1, 2])
    assert (result.code, result.out) == (0, f"{nodes.local}/model\n")
    assert_came_once(result, SIZE, MIB)
    for node in range(3):
        assert_same(nodes.disk(node) / "model", tree)
        assert_alone(nodes.disk(node) / "model")
    told = result.report["nodes"]
    assert sum(node["bytes_in"] for node in told) == 2 * SIZE
    assert sum(node["bytes_out"] for node in told) == 2 * SIZE
    assert nodes.run([0, 1, 2], "verify", "--per-node", nodes.local / "model").code == 0


@pytest.mark.parametrize("full", [0, 1, 2])
def test_what_one_node_has_is_not_fetched(nodes, hub, tree, full):
    """It is left there as it is."""
    fill(nodes, hub, [full])
    before = snapshot(nodes.disk(full) / "model")
    hub.reset()
    result = get(nodes, hub, [0, 1, 2, 2])
    assert result.code == 0
    assert result.report["bytes"]["fetched"] == 0
    assert snapshot(nodes.disk(full) / "model") == before
    for node in range(3):
        assert_same(nodes.disk(node) / "model", tree)
        assert_alone(nodes.disk(node) / "model")


def test_nodes_have_different_files(nodes, hub, tree, change):
    """An update: what none has is fetched once, the rest comes from those who have it."""
    fill(nodes, hub, [0])
    wanted = change()
    words = ["get", "--per-node", nodes.local / "model", "--include", "sub/new", SOURCE]
    assert nodes.run([1], *words, env=hub.env).code == 0
    result = get(nodes, hub, [0, 1, 2])
    assert result.code == 0
    assert_came_once(result, len(CHANGES["config.json"]), MIB)
    for node in range(3):
        assert_same(nodes.disk(node) / "model", wanted)
        assert_alone(nodes.disk(node) / "model")


def test_a_job_that_was_killed(nodes, hub, tree):
    """The next one, with one node more, asks the source for what no disk has."""
    stall = hub.trouble(kind="cdn", skip=4, stall=1000)
    words = ["--connections", 1, "--segment-size", MIB, "--scratch", "none", SOURCE]
    place = nodes.local / "model"
    job = nodes.start([0, 1], "get", "--per-node", place, *words, env=hub.env)
    assert hub.troubles.wait(stall), job.result(None)
    job.wait_until(lambda: noted(nodes.disk(0)) >= 2 * MIB and noted(nodes.disk(1)) >= 2 * MIB)
    job.kill()
    hub.troubles.clear()
    result = nodes.run([0, 1, 2], "get", "--per-node", place, *words, env=hub.env)
    assert result.code == 0
    assert result.report["bytes"]["resumed"] >= 4 * MIB
    came = result.report
    assert came["bytes"]["fetched"] <= SIZE - 2 * MIB + came["requests"]["cut"] * MIB
    for node in range(3):
        assert_same(nodes.disk(node) / "model", tree)
        assert_alone(nodes.disk(node) / "model")


LARGE = {
    **{f"large-{i}": noise(6 * MIB + i, 10 + i) for i in range(3)},
    **{f"small/{i}": noise(1000 + i, 20 + i) for i in range(100)},
}


@pytest.mark.parametrize("broken", [0, 1], ids=["first", "second"])
def test_a_disk_that_fails_meanwhile(nodes, hub, tmp_path, broken):
    """Its node is named, and what it alone had comes to the others all the same."""
    tree = write_tree(tmp_path / "large", LARGE)
    hub.add("acme/large", tree)
    words = ["get", "--per-node", nodes.local / "model", "hf://acme/large"]
    own = {broken: {"SHAM_LIMIT": str(4 * MIB)}}
    result = nodes.run([0, 1, 1, 2], *words, env=hub.env, own=own)
    assert result.code == 5
    assert f"missing on 1 of 3 nodes: node{broken}: " in result.err
    assert "File too large" in result.err
    assert not (nodes.disk(broken) / "model").exists()
    for node in {0, 1, 2} - {broken}:
        assert_same(nodes.disk(node) / "model", tree)
        assert_alone(nodes.disk(node) / "model")


VERIFY = ["full", "segments"]


@pytest.mark.parametrize("how", VERIFY)
def test_wrong_bytes_from_the_source(nodes, hub, tree, how):
    """All nodes have them, so it is asked once more."""
    hub.trouble(kind="cdn", path="*", flip=0, times=1)
    result = get(nodes, hub, [0, 1, 1, 2], "--per-node-verify", how)
    assert result.code == 0, result
    for node in range(3):
        assert_same(nodes.disk(node) / "model", tree)
        assert_alone(nodes.disk(node) / "model")
    # A request that was cut, since its rank was late, may have had the wrong byte.
    told = "'sub/weights.bin' has the wrong digest: fetching it again" in result.err
    assert told or result.report["requests"]["cut"] > 0, (result, result.report)


@pytest.mark.parametrize("how", VERIFY)
def test_wrong_bytes_from_the_source_again(nodes, hub, tree, how):
    hub.trouble(kind="cdn", path="*", flip=0)
    result = get(nodes, hub, [0, 1, 1, 2], "--per-node-verify", how)
    assert result.code == 4
    assert "'sub/weights.bin': SHA-256 is " in result.err
    for node in range(3):
        assert not (nodes.disk(node) / "model").exists()


def test_digests_made_once(nodes, hub, tree):
    """The record of each node has them all the same."""
    result = get(nodes, hub, [0, 1, 1, 2], "--per-node-verify", "segments")
    assert result.code == 0
    for node in range(3):
        assert_same(nodes.disk(node) / "model", tree)
    assert nodes.run([0, 1, 2], "verify", "--per-node", nodes.local / "model").code == 0
