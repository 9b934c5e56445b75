"""Several hosts, started in every way that there is: one tree, fetched once by all of them."""

import pytest
from trees import assert_alone, assert_same, assert_verifiable, digests, files_of

SOURCE = "hf://acme/demo"
WAYS = ["mpirun", "srun"]


@pytest.fixture
def demo(hub, model):
    hub.add("acme/demo", model)
    return hub


def start(cluster, way, *args, hub, **how):
    run = getattr(cluster, way)
    return run(4, how.pop("ranks", 1), *args, env={"HF_ENDPOINT": hub.endpoint}, **how)


@pytest.mark.parametrize("ranks", [1, 2])
@pytest.mark.parametrize("way", WAYS)
def test_every_host_sees_the_same_tree(cluster, slurm, demo, model, dest, way, ranks):
    result = start(cluster, way, "get", SOURCE, dest, hub=demo, ranks=ranks).wait()
    assert result.code == 0, result
    assert result.out == f"{dest}\n"
    for node in ("head", *cluster.nodes):
        assert_same(cluster.seen(node, dest), model)
        assert_verifiable(cluster.seen(node, dest))
        assert_alone(cluster.seen(node, dest))
