"""Jobs that Slurm ends before they are done: DEST is the old tree or the new one, and the exit
codes say what to do."""

import re

import pytest
from cluster import wait_for
from job import PROGRAM
from trees import assert_alone, assert_same, assert_verifiable

SOURCE = "hf://acme/demo"
MIB = 1 << 20
SHAPE = ("--nodes=4", "--ntasks-per-node=1")

# What a user writes: the exit code tells whether another try has a chance.
BATCH = """#!/usr/bin/env bash
trap : TERM
echo "begin ${{SLURM_RESTART_COUNT:-0}}"
{launch} & pid=$!
# a signal that arrives ends the first wait, not the step
wait "$pid"; code=$?
while kill -0 "$pid" 2>/dev/null; do wait "$pid"; code=$?; done
echo "step ended with $code"
{after}
exit "$code"
"""


@pytest.fixture
def held(hub, model, revised, cluster, dest, slurm):
    """The first revision is published; of the second no large file will come for now."""
    hub.add("acme/demo", model)
    assert cluster.srun(4, 1, "get", SOURCE, dest, env=env(hub)).wait().code == 0
    hub.add("acme/demo", revised)
    hub.held = hub.trouble(kind="cdn", stall=MIB // 2)
    return hub


def env(hub):
    return {"HF_ENDPOINT": hub.endpoint, "MPIFETCH_SEGMENT_SIZE": str(MIB)}


def batch(cluster, hub, launch, after="", options=()):
    script = cluster.dir / "job.sbatch"
    script.write_text(BATCH.format(launch=launch, after=after))
    return cluster.sbatch(script, env=env(hub), options=(*SHAPE, *options))


def assert_old(cluster, dest, model):
    for node in ("head", *cluster.nodes):
        assert_same(cluster.seen(node, dest), model)


def assert_new(cluster, dest, revised):
    assert_old(cluster, dest, revised)
    assert_verifiable(cluster.seen("n3", dest))


def let_go(hub):
    hub.troubles.clear()
    hub.troubles.release()


def wait_until_under_way(hub):
    assert hub.troubles.wait(hub.held, hits=4)


def finish(cluster, hub, dest, revised):
    """The same command, later."""
    result = cluster.srun(4, 1, "get", SOURCE, dest, env=env(hub)).wait()
    assert result.code == 0, result
    assert_new(cluster, dest, revised)
    assert_alone(cluster.seen("n1", dest))


def test_cancelled_step(cluster, held, model, revised, dest):
    """srun lets each rank hear the signal and end by itself."""
    job = batch(cluster, held, f'srun "{PROGRAM}" get {SOURCE} {dest}')
    wait_until_under_way(held)
    job.cancel()
    result = job.wait()
    assert job.field("JobState") == "CANCELLED"
    assert "step ended with 7" in result.err, result
    assert_old(cluster, dest, model)
    let_go(held)
    finish(cluster, held, dest, revised)


def test_cancelled_mpirun(cluster, held, model, revised, dest):
    """mpirun hears it too, and gives its ranks a second."""
    job = batch(cluster, held, f'mpirun "{PROGRAM}" get {SOURCE} {dest}')
    wait_until_under_way(held)
    job.cancel()
    result = job.wait()
    assert job.field("JobState") == "CANCELLED"
    assert re.search("step ended with [1-9]", result.err), result
    assert_old(cluster, dest, model)
    let_go(held)
    finish(cluster, held, dest, revised)


def test_cancelled_srun(cluster, held, model, revised, dest):
    """Without a script: the exit code is that of the program."""
    run = cluster.srun(4, 1, "get", SOURCE, dest, env=env(held), options=("--job-name=alone",))
    wait_until_under_way(held)
    cluster.on("head", "scancel", "--name=alone")
    result = run.wait()
    assert result.code == 7, result
    assert_old(cluster, dest, model)
    let_go(held)
    finish(cluster, held, dest, revised)


def test_time_limit_and_requeue(cluster, held, model, revised, dest):
    """Slurm warns ahead of the limit, the step ends with 7, the job asks for another turn."""
    job = batch(
        cluster,
        held,
        f'srun "{PROGRAM}" get {SOURCE} {dest}',
        '[ "$code" -ne 7 ] || scontrol requeue "$SLURM_JOB_ID"',
        ("--time=1", "--signal=USR1@59", "--requeue", "--open-mode=append"),
    )
    wait_until_under_way(held)
    wait_for(lambda: "step ended" in job.said(), "the warning", 90)
    assert_old(cluster, dest, model)
    let_go(held)
    result = job.wait()
    assert result.code == 0, result
    assert job.field("Restarts") == "1"
    turns = [line for line in result.err.splitlines() if re.match("begin|step ended", line)]
    assert turns == ["begin 0", "step ended with 7", "begin 1", "step ended with 0"], result
    assert_new(cluster, dest, revised)
    assert_alone(cluster.seen("n1", dest))
