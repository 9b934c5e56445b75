"""One cluster for the tests of a file, and a Hub that is reached by each host's own link."""

import itertools

import pytest
from cluster import ORIGIN, Cluster
from hub import Hub

_numbers = itertools.count()


@pytest.fixture(scope="module")
def site():
    with Cluster() as made:
        yield made


@pytest.fixture(scope="module")
def slurm(site):
    site.ask("slurm")


@pytest.fixture
def cluster(site):
    yield site
    site.close_runs()


@pytest.fixture
def hub(cluster):
    with cluster.inside("origin"):
        made = Hub(need_query=True, **ORIGIN)
    with made as serving:
        yield serving


@pytest.fixture
def dest(cluster):
    """A place to publish at, alone in its directory, as each host calls it."""
    parent = cluster.shared / f"out-{next(_numbers)}"
    cluster.seen("n1", parent).mkdir()
    return parent / "model"
