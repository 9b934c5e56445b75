"""mpifetch get --per-node where something breaks on one host: the others finish and keep theirs, who
failed is named, and the same command heals it without asking the source again."""

import itertools
import os
import re
import signal
from pathlib import Path

import pytest
from cluster import Cluster, wait_for
from halfway import ANSWERS, MIB, NOTE, SOURCE, let_go, noted
from trees import assert_alone, assert_same, assert_verifiable, files_of

_numbers = itertools.count()
TIMEOUT = 15


@pytest.fixture(scope="module")
def site():
    with Cluster(hosts=4) as made:
        made.ask("slurm")
        yield made


@pytest.fixture
def own(cluster):
    """Where to publish, alone in its directory, on each host's own disk."""
    parent = Path(f"/tmp/own-{next(_numbers)}")
    for node in cluster.nodes:
        cluster.seen(node, parent).mkdir()
    return parent / "model"


@pytest.fixture
def demo(hub, model):
    hub.add("acme/demo", model)
    return hub


def start(cluster, hub, own, *words, hosts=4, env=None, **how):
    """By srun, which is quicker than mpirun when a rank fails."""
    env = {"HF_ENDPOINT": hub.endpoint, "MPIFETCH_PER_NODE": str(own), **(env or {})}
    words = ("get", "--segment-size", MIB, *words, SOURCE)
    return cluster.srun(hosts, 1, *words, env=env, **how)


def data_of(hub):
    return [row for row in hub.log() if row["kind"] in ("cdn", "resolve-cache")]


def assert_on(cluster, nodes, own, source):
    for node in nodes:
        assert_same(cluster.seen(node, own), source)
        assert_verifiable(cluster.seen(node, own))
        assert_alone(cluster.seen(node, own))


def assert_once(hub, result, source, lost=0):
    """lost: bytes that only a host had which failed."""
    total = size_of(source)
    sent = sum(row["bytes"] for row in data_of(hub))
    assert total <= sent <= total + lost + result.report["requests"]["cut"] * MIB, result


def size_of(source):
    return sum(map(len, files_of(source).values()))


def heal(cluster, hub, own, model):
    """The same command: whoever has nothing gets all from its peers."""
    hub.quiet()
    hub.reset()
    result = start(cluster, hub, own).wait()
    assert result.code == 0, result
    assert data_of(hub) == []
    assert_on(cluster, cluster.nodes, own, model)


DISKS = [
    ("write ENOSPC after=3000000", "No space left on device"),
    ("write EIO after=3000000 match=model-1", "Input/output error"),
    ("rename EROFS", "Read-only file system"),
]


@pytest.mark.parametrize("node", ["n1", "n3"])
@pytest.mark.parametrize("rule, says", DISKS, ids=["full", "broken", "read-only"])
def test_a_disk_that_refuses(cluster, demo, model, own, node, rule, says):
    """In the middle, or in the end; also where rank 0 is."""
    others = [name for name in cluster.nodes if name != node]
    with cluster.disk(node, own.parent, rule) as rules:
        result = start(cluster, demo, own).wait()
        assert result.code == 5, result
        assert re.search(rf"\b{node}\b.*{says}", result.err), result
        for name in others:
            assert not re.search(rf"\b{name}\b.*{says}", result.err), result
        assert_on(cluster, others, own, model)
        assert not cluster.seen(node, own).exists()
        assert_once(demo, result, model, lost=size_of(model))
        rules.write_text("")
        heal(cluster, demo, own, model)


def test_a_disk_that_refuses_from_the_first(cluster, demo, model, own):
    """A file is in the way of the directory on one host."""
    cluster.on("n2", "rmdir", own.parent)
    cluster.on("n2", "touch", own.parent)
    result = start(cluster, demo, own).wait()
    assert result.code == 5, result
    assert "n2" in result.err and "cannot create directory" in result.err, result
    others = ["n1", "n3", "n4"]
    published = [cluster.seen(node, own).exists() for node in others]
    assert published in ([True] * 3, [False] * 3), result
    cluster.on("n2", "rm", own.parent)
    cluster.on("n2", "mkdir", own.parent)


def test_a_host_that_may_fail(cluster, demo, model, own):
    """With --per-node-optional its failure is a warning."""
    with cluster.disk("n4", own.parent, "write ENOSPC after=3000000"):
        result = start(cluster, demo, own, "--per-node-optional").wait()
        assert result.code == 0, result
        assert re.search(r"\bn4\b.*No space left on device", result.err), result
        assert_on(cluster, ["n1", "n2", "n3"], own, model)


# bytes that turn


def test_a_disk_that_turns_a_byte(cluster, demo, model, own):
    """Once: it is mended from a peer, if one has it by then."""
    with cluster.disk("n2", own.parent, "write FLIP match=model-1 times=1") as rules:
        result = start(cluster, demo, own, "-v").wait()
        assert Path(f"{rules}.struck").read_text().count("\n") == 1
        assert result.code == 0, result
        assert_on(cluster, cluster.nodes, own, model)
        assert_once(demo, result, model, lost=MIB)


def test_a_disk_that_always_turns_bytes(cluster, demo, model, own):
    """It is named, and the others have theirs."""
    with cluster.disk("n3", own.parent, "write FLIP match=model-1") as rules:
        result = start(cluster, demo, own).wait()
        assert Path(f"{rules}.struck").exists()
        assert result.code == 5, result
        assert re.search(r"\bn3\b.*model-1\.safetensors", result.err), result
        assert_on(cluster, ["n1", "n2", "n4"], own, model)
        assert not cluster.seen("n3", own).exists()
        assert_once(demo, result, model, lost=size_of(model))


def test_a_link_that_turns_a_byte(cluster, demo, model, own):
    """What a host sends is not what it has, once: whoever got that takes it again. Which host that
    is depends on who fetches what: the first that sends any bytes of a file."""
    told = cluster.dir / f"turned-{own.parent.name}"
    script = 'export LD_PRELOAD="$TURN"; exec "$0" "$@"'
    env = {"TURN": os.environ["MPIFETCH_TURN"], "TURN_TOLD": str(told)}
    result = start(cluster, demo, own, "-v", env=env, wrapper=("sh", "-c", script)).wait()
    assert told.exists(), result
    assert result.code == 0, result
    assert_on(cluster, cluster.nodes, own, model)
    assert_once(demo, result, model)


# a host that goes


@pytest.fixture
def halfway(cluster, demo, own):
    """A run of which hosts have noted a part, until the source is let go."""
    codes = cluster.dir / "codes" / own.parent.name
    codes.mkdir(parents=True)
    demo.trouble(kind="cdn", skip=ANSWERS, hold=True)
    env = {"CODES": str(codes)}
    words = ("--rank-timeout", TIMEOUT)
    run = start(cluster, demo, own, *words, env=env, wrapper=("sh", "-c", NOTE))
    run.codes = codes
    wait_for(lambda: noted(cluster, own, *cluster.nodes[:3]) >= 2 * MIB, run)
    return run


def end_ranks(cluster, run, nodes, number):
    """The exit codes of those that end by themselves; None of one that could not note it."""
    for node in nodes:
        cluster.end(node, number)
    result = run.wait()
    codes = {path.name: path.read_text().strip() for path in run.codes.iterdir()}
    return result, [codes.get(str(rank)) for rank in range(4) if cluster.nodes[rank] not in nodes or number == signal.SIGTERM]


def go_on(cluster, hub, own, model, hosts):
    """What any of the hosts has noted is not asked for again."""
    for node in hosts:
        assert not cluster.seen(node, own).exists()
    least = noted(cluster, own, *hosts)
    assert least >= MIB
    let_go(hub)
    again = start(cluster, hub, own, hosts=len(hosts), options=(f"--nodelist={','.join(hosts)}",)).wait()
    assert again.code == 0, again
    moved = again.report["bytes"]
    assert moved["fetched"] - moved["duplicated"] <= moved["published"] - least, (moved, least)
    assert_on(cluster, hosts, own, model)


def test_a_host_is_lost(cluster, demo, model, own, halfway):
    """The others' state is kept. On the hosts that are left the source is asked only for what none
    of them has; with the lost one again, for nothing."""
    result, codes = end_ranks(cluster, halfway, ["n4"], signal.SIGKILL)
    assert result.code in (7, 137) and codes == ["7"] * 3, (codes, result)
    assert "rank 3 on n4" in result.err, result
    go_on(cluster, demo, own, model, cluster.nodes[:3])
    heal(cluster, demo, own, model)


def test_a_signal(cluster, demo, model, own, halfway):
    """All end with 7 and keep what they have."""
    result, codes = end_ranks(cluster, halfway, cluster.nodes, signal.SIGTERM)
    assert result.code == 7 and codes == ["7"] * 4, (codes, result)
    go_on(cluster, demo, own, model, cluster.nodes)
