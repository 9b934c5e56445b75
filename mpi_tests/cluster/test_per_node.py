"""mpifetch get --per-node: every host ends with the whole tree on its own disk, and the source gives
each byte once, whatever the number of hosts and whoever of them reaches it."""

import itertools
import os
import re
import shutil
from pathlib import Path

import pytest
from cluster import Cluster, wait_for
from halfway import MIB, SOURCE
from job import ROOT
from trees import assert_alone, assert_same, assert_verifiable, files_of, live

_numbers = itertools.count()


@pytest.fixture(scope="module")
def site():
    with Cluster(hosts=8) as made:
        yield made


@pytest.fixture
def own(cluster):
    """Where to publish, alone in its directory, on each host's own disk."""
    return make_place(cluster, f"/tmp/own-{next(_numbers)}")


def make_place(cluster, parent):
    for node in cluster.nodes:
        cluster.seen(node, parent).mkdir()
    return Path(parent, "model")


@pytest.fixture
def demo(hub, model):
    hub.add("acme/demo", model)
    return hub


@pytest.fixture
def get(cluster, own):
    """get(hosts, source, *words, ranks=1, place=, dest=) -> Result"""

    def begin(hosts, source, *words, ranks=1, place=own, dest=None, hub=None, **how):
        env = {"HF_ENDPOINT": hub.endpoint} if hub else {}
        places = [path for path in (source, dest) if path]
        words = ("get", "--segment-size", MIB, "--per-node", place, *words, *places)
        options = ("-x", "HF_ENDPOINT") if hub else ()
        return cluster.mpirun(hosts, ranks, *words, env=env, options=options, **how).wait()

    return begin


def assert_on(cluster, nodes, place, source, keep=lambda path: True):
    for node in nodes:
        assert_same(cluster.seen(node, place), source, keep)
        assert_verifiable(cluster.seen(node, place))
        assert_alone(cluster.seen(node, place))


def assert_everywhere(cluster, result, hosts, place, source):
    """On the first hosts, and on no other."""
    assert result.code == 0, result
    assert result.out == f"{place}\n", result
    assert_on(cluster, cluster.nodes[:hosts], place, source)
    for node in cluster.nodes[hosts:]:
        assert os.listdir(cluster.seen(node, place.parent)) == []


def assert_once(result, sent, source, whole=0):
    """What the source has sent, but for requests of which an idle host took the end. whole: bytes
    that such a request may have; else it is for a segment."""
    total = sum(map(len, files_of(source).values()))
    again = result.report["requests"]["cut"] * (whole or result.report["plan"]["segment_size"])
    assert total <= sent <= total + again, (sent, total, again)


def data_of(log):
    return [row for row in log if row["kind"] in ("cdn", "resolve-cache", "file")]


def pieces_of(source):
    """Requests for data when each is for a segment."""
    return sum(max(1, -(-len(data) // MIB)) for data in files_of(source).values())


# a part each


def test_stages(cluster, demo, model, own, get):
    """Each host gets what a map names for it, one of them although it does not reach the source."""
    parts = {
        "n1": ("config.json", "model-1"),
        "n2": ("config.json", "model-2"),
        "n3": ("config.json", "many/"),
        "n4": ("config.json", "many/"),
    }
    stages = cluster.dir / "stages"
    stages.write_text("* config.json\nn1 model-1*\nnode:1 model-2*\nnode:2-3 many/\n")
    with cluster.no_route(["n2"]):
        result = get(4, SOURCE, "--per-node-include", stages, hub=demo)
    assert result.code == 0, result
    for node, starts in parts.items():
        assert_on(cluster, [node], own, model, lambda path, starts=starts: path.startswith(starts))
    wanted = [len(data) for path, data in files_of(model).items() if path.startswith(sum(parts.values(), ()))]
    sent = sum(row["bytes"] for row in data_of(demo.log()))
    assert sum(wanted) <= sent <= sum(wanted) + result.report["requests"]["cut"] * MIB
    assert cluster.mpirun(4, 1, "verify", "--per-node", own).wait().code == 0


# the whole


@pytest.mark.parametrize("hosts", [2, 4, 8])
def test_the_source_gives_everything_once(cluster, demo, model, own, get, hosts):
    before = cluster.wan_bytes()
    result = get(hosts, SOURCE, hub=demo)
    assert_everywhere(cluster, result, hosts, own, model)
    rows = demo.log()
    assert_once(result, sum(row["bytes"] for row in data_of(rows)), model)
    carried = sum(now - before[node] for node, now in cluster.wan_bytes().items())
    total, cut = sum(map(len, files_of(model).values())), result.report["requests"]["cut"]
    # headers of packets and of HTTP, the list, packets that are sent again; less than once more
    assert carried <= 1.5 * (total + cut * MIB) + (64 << 10)
    # one list, and as many requests for data as there are pieces, whatever the number of hosts
    assert len(demo.log("api-revision")) == len(demo.log("api-tree")) == 1
    assert len(data_of(rows)) <= pieces_of(model) + cut


@pytest.mark.parametrize("ranks", ["3,1,2"])
def test_unequal_ranks(cluster, demo, model, own, get, ranks):
    result = get(3, SOURCE, ranks=ranks, hub=demo)
    assert_everywhere(cluster, result, 3, own, model)
    assert_once(result, sum(row["bytes"] for row in data_of(demo.log())), model)
    assert [row["node"] for row in result.report["ranks"]] == [
        node for node, count in enumerate(ranks.split(",")) for _ in range(int(count))
    ]


def test_srun(cluster, slurm, demo, model, own):
    env = {"HF_ENDPOINT": demo.endpoint, "MPIFETCH_PER_NODE": str(own)}
    result = cluster.srun(4, 1, "get", SOURCE, env=env).wait()
    assert_everywhere(cluster, result, 4, own, model)


@pytest.mark.parametrize("shut", [["n1"], ["n2", "n3", "n4"]], ids="+".join)
def test_hosts_without_a_way_out(cluster, files, model, own, get, shut):
    """They get all from their peers; also the host of rank 0."""
    with cluster.no_route(shut):
        result = get(4, None, "--manifest", files.list)
    assert_everywhere(cluster, result, 4, own, model)
    largest = max(map(len, files_of(model).values()))
    assert_once(result, sum(row["bytes"] for row in files.log()), model, whole=largest)
    for row in result.report["ranks"]:
        assert row["host"] not in shut or row["bytes"] == 0


def test_rank_0_cannot_list(cluster, demo, model, own, get):
    """A host that reaches the Hub lists for it."""
    with cluster.no_route(["n1"]):
        result = get(3, SOURCE, hub=demo)
    assert_everywhere(cluster, result, 3, own, model)
    assert_once(result, sum(row["bytes"] for row in data_of(demo.log())), model)
    assert result.report["lister"] == {"rank": 1, "host": "n2"}


@pytest.mark.parametrize("slow", ["n3"])
def test_a_slow_fabric(cluster, demo, model, own, get, slow):
    """Of one host: it gets what it lacks all the same, and gives what it has fetched."""
    cluster.ask("shape", slow, 50, "fab0")
    try:
        result = get(4, SOURCE, hub=demo)
    finally:
        cluster.ask("shape", slow, 100000, "fab0")
    assert_everywhere(cluster, result, 4, own, model)
    assert_once(result, sum(row["bytes"] for row in data_of(demo.log())), model)


# a tree on shared storage


def read_by_servers(cluster):
    """Bytes that the processes of faultfs have read, of files and of requests."""
    read = 0
    for node in ("head", *cluster.nodes):
        [pid] = cluster.processes(node, os.environ["FAULTFS"])
        io = dict(line.split(": ") for line in Path(f"/proc/{pid}/io").read_text().splitlines())
        read += int(io["rchar"])
    return read


@pytest.fixture
def shared_tree(cluster, model):
    """On storage of which each host has a cache of its own."""
    cluster.pfs("noflock")
    place = cluster.shared / "source"
    shutil.copytree(model, cluster.dir / "backing" / "source")
    yield place
    shutil.rmtree(cluster.dir / "backing" / "source")
    cluster.pfs("plain")


def test_shared_storage_is_read_once(cluster, shared_tree, model, own, get):
    """A part by each host. What the kernel reads ahead of it is little."""
    before = read_by_servers(cluster)
    result = get(4, f"file://{shared_tree}")
    read = read_by_servers(cluster) - before
    assert_everywhere(cluster, result, 4, own, model)
    total = sum(map(len, files_of(model).values()))
    moved = result.report["bytes"]
    again = result.report["requests"]["cut"] * MIB + moved["duplicated"]
    assert total <= read < 2 * total + again
    assert moved["fetched"] - moved["duplicated"] == total


def test_a_published_tree_is_checked_by_its_record(cluster, demo, model, own, get, place):
    """A byte that turned on shared storage since it was published is found, and not spread."""
    env = {"HF_ENDPOINT": demo.endpoint}
    publish = cluster.mpirun(2, 1, "get", SOURCE, place, env=env, options=("-x", "HF_ENDPOINT")).wait()
    assert publish.code == 0, publish
    result = get(3, f"file://{place}", "--require-digest")
    assert_everywhere(cluster, result, 3, own, model)
    assert result.report["revision"] == publish.report["revision"] != ""
    with open(cluster.seen("n1", place / "model-1.safetensors"), "r+b") as file:
        file.seek(2 * MIB)
        byte = file.read(1)
        file.seek(2 * MIB)
        file.write(bytes([byte[0] ^ 1]))
    other = make_place(cluster, f"/tmp/own-{next(_numbers)}")
    result = get(3, f"file://{place}", place=other)
    assert result.code == 4 and "model-1.safetensors" in result.err, result
    for node in cluster.nodes[:3]:
        assert not cluster.seen(node, other).exists()


# what is there


def test_new_hosts_get_all_from_their_peers(cluster, demo, model, own, get):
    assert_everywhere(cluster, get(2, SOURCE, hub=demo), 2, own, model)
    demo.quiet()
    demo.reset()
    result = get(5, SOURCE, hub=demo)
    assert_everywhere(cluster, result, 5, own, model)
    assert data_of(demo.log()) == []
    assert result.report["bytes"]["fetched"] == 0
    again = get(5, SOURCE, hub=demo)
    assert_everywhere(cluster, again, 5, own, model)
    assert again.report["unchanged"] and demo.file_requests() == []


def test_a_shared_dest_beside(cluster, demo, model, own, get, place):
    """Of the same bytes, by all hosts; and the next job has its copies from there, on other hosts
    or on another disk."""
    result = get(3, SOURCE, dest=place, hub=demo)
    assert_everywhere(cluster, result, 3, own, model)
    assert_on(cluster, ["n1", "n4"], place, model)
    assert_once(result, sum(row["bytes"] for row in data_of(demo.log())), model)
    demo.quiet()
    demo.reset()
    other = make_place(cluster, f"/tmp/own-{next(_numbers)}")
    again = get(4, SOURCE, place=other, dest=place, hub=demo)
    assert_everywhere(cluster, again, 4, other, model)
    assert demo.file_requests() == []
    assert again.report["bytes"]["from_dest"] == again.report["plan"]["bytes"]


def test_one_host_has_everything(cluster, slurm, demo, model, own, get):
    """Which is not that of rank 0, and had it from another job."""
    env = {"HF_ENDPOINT": demo.endpoint, "MPIFETCH_PER_NODE": str(own)}
    result = cluster.srun(1, 1, "get", SOURCE, env=env, options=("--nodelist=n3",)).wait()
    assert result.code == 0, result
    demo.quiet()
    demo.reset()
    assert_everywhere(cluster, get(4, SOURCE, hub=demo), 4, own, model)
    assert data_of(demo.log()) == []


def test_an_update_of_different_copies(cluster, demo, model, revised, own, get):
    """One host has the old revision, another one nothing: of what did not change the source is
    asked for nothing."""
    assert_everywhere(cluster, get(2, SOURCE, hub=demo), 2, own, model)
    demo.add("acme/demo", revised)
    demo.quiet()
    demo.reset()
    result = get(4, SOURCE, hub=demo)
    assert_everywhere(cluster, result, 4, own, revised)
    old = files_of(model)
    changed = sum(len(data) for path, data in files_of(revised).items() if old.get(path) != data)
    sent = sum(row["bytes"] for row in data_of(demo.log()))
    assert changed <= sent <= changed + result.report["requests"]["cut"] * MIB


# places


def test_memory_as_a_disk(cluster, demo, model, get):
    place = make_place(cluster, f"/dev/shm/own-{next(_numbers)}")
    result = get(4, SOURCE, place=place, hub=demo)
    assert_everywhere(cluster, result, 4, place, model)
    for node in cluster.nodes:
        cluster.on(node, "rm", "-r", place.parent)


def test_no_room_in_memory(cluster, demo, model, own, get):
    """Of one host, which is found before the first byte; the others have theirs."""
    cluster.on("n2", "mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", own.parent)
    try:
        result = get(3, SOURCE, hub=demo)
    finally:
        cluster.on("n2", "umount", own.parent)
    assert result.code == 5, result
    assert re.search(r"\bn2\b.*space in '" + str(own.parent), result.err), result
    assert_on(cluster, ["n1", "n3"], own, model)


def test_a_directory_that_is_shared_after_all(cluster, demo, model, place, get):
    """It is said, and published once."""
    result = get(4, SOURCE, place=place, hub=demo)
    assert result.code == 0, result
    assert f"'{place}' on n" in result.err and "one copy" in result.err, result
    assert_on(cluster, cluster.nodes, place, model)
    assert_once(result, sum(row["bytes"] for row in data_of(demo.log())), model)


def test_a_directory_that_two_of_three_share(cluster, demo, model, place, get):
    """n2 has its own under the same name."""
    cluster.on("n2", "mount", "-t", "tmpfs", "tmpfs", place.parent)
    try:
        result = get(3, SOURCE, place=place, hub=demo)
        assert result.code == 0, result
        assert re.search(r"on n[13] is that of another node: one copy", result.err), result
        assert_on(cluster, ("n1", "n2", "n3"), place, model)
    finally:
        cluster.on("n2", "umount", place.parent)


def test_verify_each(cluster, demo, model, own, get):
    assert_everywhere(cluster, get(3, SOURCE, hub=demo), 3, own, model)
    check = lambda: cluster.mpirun(3, 1, "verify", "--per-node", own).wait()  # noqa: E731
    assert check().code == 0
    with open(cluster.seen("n2", own / "model-1.safetensors"), "r+b") as file:
        file.write(b"#")
    result = check()
    assert result.code == 4, result
    assert "n2" in result.err and "model-1.safetensors" in result.err
    assert "n3" not in result.err


def test_clean_each(cluster, slurm, demo, own, get):
    """What runs that are dead have left, on each host."""
    demo.trouble(kind="cdn", skip=4, hold=True)
    env = {"HF_ENDPOINT": demo.endpoint, "MPIFETCH_PER_NODE": str(own)}
    job = cluster.srun(3, 1, "get", "--segment-size", MIB, SOURCE, env=env)
    left = lambda: [os.listdir(cluster.seen(f"n{i}", own.parent)) for i in (1, 2, 3)]  # noqa: E731
    owners = lambda i: live(cluster.seen(f"n{i}", own.parent), ".*/run-*/owner")  # noqa: E731
    wait_for(lambda: all(map(owners, (1, 2, 3))), "staging on each host")
    job.kill()
    wait_for(lambda: not any(map(cluster.processes, cluster.nodes)), "their death")
    result = cluster.mpirun(3, 1, "clean", "--per-node", own).wait()
    assert result.code == 0, result
    assert left() == [[], [], []]


# jobscripts/slurm-node-local.sbatch, as it is, with a model that is one

CLIENTS = Path(os.environ.get("MPIFETCH_CLIENTS", ROOT / "build" / "clients"))  # run.sh fetches it
THOUGHT = r"(n\d) (\S+): Someone is having a meal\. (\S+) (\S+)"


@pytest.fixture
def infer(jobs):
    """What the job trains is a sentence transformer that reads three sentences, on one core."""
    shutil.copy(Path(__file__).with_name("infer.py"), jobs / "train.py")
    python = CLIENTS / "latest" / "bin" / "python"
    assert python.exists() and (CLIENTS / "model" / "model.safetensors").exists()
    (jobs / "bin" / "python").unlink()
    (jobs / "bin" / "python").write_text(f'#!/bin/sh\nOPENBLAS_NUM_THREADS=1 exec {python} "$@"\n')
    (jobs / "bin" / "python").chmod(0o755)
    return jobs


def test_job_script(cluster, slurm, infer, own, place):
    """Four nodes with two tasks each, of which each thinks with the copy of its node. The model comes
    from shared storage."""
    model = CLIENTS / "model"
    source = place.with_name("all-MiniLM-L6-v2")
    cluster.on("n1", "cp", "-r", model, source)
    path = f"{infer}/bin:/usr/local/bin:/usr/bin:/bin"
    env = {"LOCAL": str(own.parent), "PATH": path}
    options = ("--nodelist=n1,n2,n3,n4", "--ntasks-per-node=2", "--cpus-per-task=1")
    job = cluster.sbatch("slurm-node-local.sbatch", f"file://{source}", env=env, options=options, cwd=infer)
    result = job.wait()
    assert result.code == 0, result
    local = own.parent / "models-root" / "all-MiniLM-L6-v2"
    assert_on(cluster, cluster.nodes[:4], local, model)
    thoughts = re.findall(THOUGHT, result.err)
    assert sorted(node for node, *_ in thoughts) == [f"n{i // 2 + 1}" for i in range(8)], result
    assert {path for _, path, *_ in thoughts} == {str(local)}
    assert all(float(near) > 0.5 > float(far) for *_, near, far in thoughts), thoughts
    assert result.report["bytes"]["fetched"] == result.report["bytes"]["published"]
