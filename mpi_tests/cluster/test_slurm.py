"""Jobs that Slurm ends before they are done: DEST is the old tree or the new one, and the exit
codes say what to do."""

import json
import re

import pytest
from cluster import wait_for
from halfway import MIB, SOURCE, let_go, noted
from job import PROGRAM
from trees import assert_alone, assert_same, assert_verifiable, live

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
    """The first revision is published; of the second a part has come, and no large file
    will be whole for now."""
    hub.add("acme/demo", model)
    assert cluster.srun(4, 1, "get", SOURCE, dest, env=env(hub)).wait().code == 0
    hub.add("acme/demo", revised)
    hub.held = hub.trouble(kind="cdn", skip=2, stall=MIB // 2)
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


def wait_until_under_way(cluster, hub, dest):
    """What is noted to the end: the least that the next turn has."""
    assert hub.troubles.wait(hub.held, hits=3)
    wait_for(lambda: noted(cluster, dest) >= MIB, "a note of what has landed")
    return noted(cluster, dest)


def finish(cluster, hub, dest, revised, least):
    """The same command, later."""
    result = cluster.srun(4, 1, "get", SOURCE, dest, env=env(hub)).wait()
    assert result.code == 0, result
    assert result.report["bytes"]["resumed"] >= least, result
    assert_new(cluster, dest, revised)
    assert_alone(cluster.seen("n1", dest))


def test_cancelled_step(cluster, held, model, revised, dest):
    """srun lets each rank hear the signal and end by itself."""
    job = batch(cluster, held, f'srun "{PROGRAM}" get {SOURCE} {dest}')
    least = wait_until_under_way(cluster, held, dest)
    job.cancel()
    result = job.wait()
    assert job.field("JobState") == "CANCELLED"
    assert "step ended with 7" in result.err, result
    assert_old(cluster, dest, model)
    let_go(held)
    finish(cluster, held, dest, revised, least)


def test_cancelled_mpirun(cluster, held, model, revised, dest):
    """mpirun hears it too, and gives its ranks a second."""
    job = batch(cluster, held, f'mpirun "{PROGRAM}" get {SOURCE} {dest}')
    least = wait_until_under_way(cluster, held, dest)
    job.cancel()
    result = job.wait()
    assert job.field("JobState") == "CANCELLED"
    assert re.search("step ended with [1-9]", result.err), result
    assert_old(cluster, dest, model)
    let_go(held)
    finish(cluster, held, dest, revised, least)


def test_cancelled_srun(cluster, held, model, revised, dest):
    """Without a script: the exit code is that of the program."""
    run = cluster.srun(4, 1, "get", SOURCE, dest, env=env(held), options=("--job-name=alone",))
    least = wait_until_under_way(cluster, held, dest)
    cluster.on("head", "scancel", "--name=alone")
    result = run.wait()
    assert result.code == 7, result
    assert_old(cluster, dest, model)
    let_go(held)
    finish(cluster, held, dest, revised, least)


def test_time_limit_and_requeue(cluster, held, model, revised, dest):
    """Slurm warns ahead of the limit, the step ends with 7, the job asks for another turn. The
    limit comes near once there is something to resume, and not in the other turn."""
    go = cluster.dir / "another-turn"
    job = batch(
        cluster,
        held,
        f'srun "{PROGRAM}" get {SOURCE} {dest}',
        f'[ "$code" -ne 7 ] || {{ until [ -e {go} ]; do sleep 0.1; done; '
        'scontrol requeue "$SLURM_JOB_ID"; }',
        ("--time=30", "--signal=USR1@599", "--requeue", "--open-mode=append"),
    )
    least = wait_until_under_way(cluster, held, dest)
    job.limit(minutes=10)
    wait_for(lambda: "step ended" in job.said(), "the warning")
    job.limit(minutes=30)
    assert_old(cluster, dest, model)
    let_go(held)
    go.touch()
    result = job.wait()
    assert result.code == 0, result
    assert job.field("Restarts") == "1"
    turns = [line for line in result.err.splitlines() if re.match("begin|step ended", line)]
    assert turns == ["begin 0", "step ended with 7", "begin 1", "step ended with 0"], result
    assert json.loads(job.report.read_text())["bytes"]["resumed"] >= least
    assert_new(cluster, dest, revised)
    assert_alone(cluster.seen("n1", dest))


def test_killed_and_requeued(cluster, held, revised, dest):
    """The job knows its own former turn, although that says to have run under other kernels, as it
    does where a requeued job gets other nodes: nobody watches 30 s for a silence. What a node that
    does not answer may still write to is copied."""
    owner = f"{dest.parent}/.model.mpifetch-*/run-*/owner"
    after = f"""if [ "${{SLURM_RESTART_COUNT:-0}}" = 0 ]; then
        sed -i -E 's/^(process [^ ]+) [^ ]+/\\1 another-boot/' {owner}
        echo edited; scontrol requeue "$SLURM_JOB_ID"; fi"""
    launch = f'srun "{PROGRAM}" get -v {SOURCE} {dest}'
    job = batch(cluster, held, launch, after, ("--requeue", "--open-mode=append"))
    least = wait_until_under_way(cluster, held, dest)
    path = live(cluster.seen("head", dest.parent), ".model.mpifetch-*/run-*/tree/model-2*")[0]
    before = path.stat().st_ino
    for node in cluster.nodes:
        cluster.end(node)
    wait_for(lambda: "edited" in job.said(), "the death of the step")
    [left] = cluster.seen("head", dest.parent).glob(".model.mpifetch-*/run-*/owner")
    assert left.read_text().count("another-boot") == 4
    let_go(held)
    result = job.wait()
    assert result.code == 0, result
    turns = [line for line in result.err.splitlines() if re.match("begin|step ended", line)]
    assert turns == ["begin 0", "step ended with 137", "begin 1", "step ended with 0"], result
    assert json.loads(job.report.read_text())["bytes"]["resumed"] >= least
    assert (cluster.seen("head", dest) / path.name).stat().st_ino != before
    assert "was this job before it was requeued: taking over" in result.err, result
    assert_new(cluster, dest, revised)
    assert_alone(cluster.seen("n1", dest))
