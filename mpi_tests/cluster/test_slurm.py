"""Jobs that Slurm ends before they are done: DEST is the old tree or the new one, and the exit
codes say what to do."""

import pytest
from cluster import wait_for
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
