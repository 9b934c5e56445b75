"""Several hosts, started in every way that there is: one tree, fetched once by all of them."""

import re

import pytest
from cluster import wait_for
from job import PROGRAM
from trees import assert_alone, assert_nothing, assert_same, assert_verifiable, files_of

SOURCE = "hf://acme/demo"
MIB = 1 << 20
WAYS = ["mpirun", "srun"]
# Two ranks a host by srun can crash in Open MPI 4.1 before the program begins, also with the
# tree fence; with one a host that has not been seen at four hosts.
SHAPES = [("mpirun", 1), ("mpirun", 2), ("srun", 1)]


@pytest.fixture
def demo(hub, model):
    hub.add("acme/demo", model)
    return hub


def start(cluster, way, hub, *args, ranks=1):
    env = {"HF_ENDPOINT": hub.endpoint, "MPIFETCH_SEGMENT_SIZE": str(MIB)}
    return getattr(cluster, way)(4, ranks, *args, env=env)


def batch(cluster, text, *words, **how):
    script = cluster.dir / "script"
    script.write_text(f"#!/usr/bin/env bash\n{text}\n")
    return cluster.sbatch(script, *words, **how)


def assert_everywhere(cluster, dest, source):
    assert_verifiable(cluster.seen("head", dest))
    for node in ("head", *cluster.nodes):
        assert_same(cluster.seen(node, dest), source)
        assert_alone(cluster.seen(node, dest))


@pytest.mark.parametrize("way, ranks", SHAPES)
def test_every_host_sees_the_same_tree(cluster, slurm, demo, model, dest, way, ranks):
    result = start(cluster, way, demo, "get", SOURCE, dest, ranks=ranks).wait()
    assert result.code == 0, result
    assert result.out == f"{dest}\n"
    assert_everywhere(cluster, dest, model)
    rows = result.report["ranks"]
    assert [row["host"] for row in rows] == [f"n{i // ranks + 1}" for i in range(4 * ranks)]
    assert [row["node"] for row in rows] == [i // ranks for i in range(4 * ranks)]


def test_mpirun_in_a_batch_job(cluster, slurm, demo, model, dest):
    """It learns from Slurm where its ranks go."""
    text = f'mpirun "{PROGRAM}" get "{SOURCE}" "{dest}"'
    options = ("--nodes=4", "--ntasks-per-node=2")
    run = batch(cluster, text, options=options, env={"HF_ENDPOINT": demo.endpoint})
    result = run.wait()
    assert result.code == 0, result
    assert_everywhere(cluster, dest, model)
    assert [row["host"] for row in result.report["ranks"]] == [f"n{i // 2 + 1}" for i in range(8)]


@pytest.mark.parametrize("way", WAYS)
def test_the_wan_carries_everything_once(cluster, slurm, demo, model, dest, way):
    """No answer goes out before all hosts have asked, so each has its chance."""
    trouble = demo.trouble(kind="cdn", hold=True)
    before = cluster.wan_bytes()
    run = start(cluster, way, demo, "get", "--connections", 2, SOURCE, dest)
    wait_for(lambda: len(demo.requests.clients("cdn")) == 4, "requests of all hosts")
    assert trouble.hits
    demo.troubles.release()
    result = run.wait()
    assert result.code == 0, result
    carried = {node: now - before[node] for node, now in cluster.wan_bytes().items()}
    total = sum(map(len, files_of(model).values()))
    again = result.report["requests"]["cut"] * MIB
    # headers of packets and of HTTP, and packets that are sent again
    assert total <= sum(carried.values()) <= 1.5 * (total + again)
    assert total <= sum(row["bytes"] for row in result.report["ranks"]) <= total + again
    for row in result.report["ranks"]:
        assert row["bytes"] <= carried[row["host"]]
        # of a host that has no turn for long others take what it has asked for
        assert row["bytes"] > 0 or again


@pytest.mark.parametrize("way", WAYS)
def test_exit_codes(cluster, slurm, demo, dest, way):
    """What a script branches on is the same through either launcher."""
    rows = {3: ("get", "hf://acme/missing", dest), 5: ("get", SOURCE, "/proc/model")}
    for code, args in rows.items():
        result = start(cluster, way, demo, *args).wait()
        assert result.code == code, result
        assert result.out == ""
    assert_nothing(cluster.seen("n1", dest))


# the scripts of jobscripts/, as they are


def submit(cluster, jobs, hub, dest, script, *words):
    env = {
        "HF_ENDPOINT": hub.endpoint,
        "MODELS": str(dest.parent),
        "PATH": f"{jobs}/bin:/usr/local/bin:/usr/bin:/bin",
    }
    return cluster.sbatch(script, *words, env=env, cwd=jobs)


def test_before_training(cluster, slurm, hub, model, dest, jobs):
    hub.add("meta-llama/Llama-3.1-8B", model)
    result = submit(cluster, jobs, hub, dest, "slurm-before-training.sbatch").wait()
    assert result.code == 0, result
    assert_everywhere(cluster, dest.parent / "llama-3.1-8b", model)
    names = " ".join(sorted([".cache", *{p.split("/")[0] for p in files_of(model)}]))
    trained = sorted(line for line in result.err.splitlines() if line.startswith("rank "))
    assert trained == sorted(f"rank {i} on n{i // 4 + 1} {names}" for i in range(16))


def test_shared(cluster, slurm, hub, model, dest, jobs):
    hub.add("acme/model", model)
    run = submit(cluster, jobs, hub, dest, "slurm-shared.sbatch", "hf://acme/model", "acme-model")
    result = run.wait()
    assert result.code == 0, result
    kept = cluster.seen("n4", dest.parent / "acme-model")
    assert_same(kept, model, lambda path: path.endswith((".safetensors", ".json", ".txt")))


def test_a_script_says_why_it_failed(cluster, slurm, hub, dest, jobs):
    run = submit(cluster, jobs, hub, dest, "slurm-shared.sbatch", "hf://acme/missing", "missing")
    result = run.wait()
    assert result.code == 3, result
    assert "source error: check the name" in result.err
    assert_nothing(cluster.seen("n4", dest))


def test_destination_on_a_disk_of_each_host(cluster, slurm, demo, dest):
    """Said before anything is fetched."""
    result = start(cluster, "srun", demo, "get", SOURCE, "/tmp/own/model").wait()
    assert result.code == 5, result
    said = re.search(r"'/tmp/own/model' on n1 is not seen by (n\d(?:, n\d)*):", result.err)
    assert said and sorted(said[1].split(", ")) == ["n2", "n3", "n4"], result
    assert demo.log("cdn") == [] and demo.log("resolve*") == []
    for node in cluster.nodes:
        cluster.on(node, "rm", "-rf", "/tmp/own")


def test_destination_below_a_link_that_differs(cluster, slurm, demo, dest):
    """Two hosts have the same path, but not the same directory."""
    for node, name in zip(cluster.nodes, ("a", "a", "b", "a"), strict=True):
        cluster.on(node, "mkdir", "-p", dest.parent / name)
        cluster.on(node, "ln", "-s", dest.parent / name, "/tmp/link")
    try:
        result = start(cluster, "srun", demo, "get", SOURCE, "/tmp/link/model").wait()
        assert result.code == 5, result
        assert f"'/tmp/link/model' is '{dest.parent}/a/model' on n1" in result.err
        assert "elsewhere on n3:" in result.err
        assert demo.log("cdn") == [] and demo.log("resolve*") == []
        cluster.on("n3", "ln", "-sfn", dest.parent / "a", "/tmp/link")
        result = start(cluster, "srun", demo, "get", SOURCE, "/tmp/link/model").wait()
        assert result.code == 0 and result.out == "/tmp/link/model\n", result
    finally:
        for node in cluster.nodes:
            cluster.on(node, "rm", "/tmp/link")
