"""Ranks and hosts that go while the source holds its bytes back: the run ends within a bound, says
who is gone and publishes nothing; the same command on the hosts that are left goes on from there."""

import contextlib
import time

import pytest
from cluster import Cluster, wait_for
from halfway import SOURCE, Halfway, assert_continued, assert_kept, let_go, make_hub, noted

TIMEOUT = 3
GROUPS = [[f"n{i}" for i in range(1, 5)], [f"n{i}" for i in range(5, 9)]]


@pytest.fixture(scope="module")
def site():
    with Cluster(hosts=8) as made:
        yield made


@pytest.fixture
def place_of(cluster):
    """place_of(name) -> where to publish, alone in its directory."""

    def make(name):
        parent = cluster.shared / f"{name}-{time.monotonic_ns()}"
        cluster.seen("head", parent).mkdir()
        return parent / "model"

    return make


@pytest.fixture
def begin(cluster, slurm, model, place_of):
    """begin(hosts) -> a job by srun with one rank on each of them, half way."""
    with contextlib.ExitStack() as stack:

        def make(hosts):
            hub = stack.enter_context(make_hub(cluster, model))
            shape, launch = (len(hosts), 1), (f"--nodelist={','.join(hosts)}",)
            dest = place_of("srun")
            options = ("--rank-timeout", TIMEOUT)
            made = Halfway(cluster, cluster.srun, shape, hub, dest, *options, launch=launch)
            made.hosts = hosts
            return made

        yield make


def assert_given_up(job, lost, by_all):
    """Whoever is left ends with 7; rank 0 names the lost one, or all of the others rank 0."""
    left = [rank for rank in range(4) if rank != lost]
    codes = job.wait_for_ranks(*left)
    assert [codes[rank] for rank in left] == [7] * 3, job
    wanted = f"rank {lost} on {job.hosts[lost]} has not responded for {TIMEOUT} s,"
    wait_for(lambda: job.run.said().count(wanted) == (3 if by_all else 1), job)
    assert "run the same command again" in job.run.said()
    assert_kept(job.cluster, job.dest)


def resume(cluster, job, lost, model):
    hosts = [host for host in job.hosts if host != job.hosts[lost]]
    let_go(job.hub)
    before = noted(cluster, job.dest)
    run = cluster.srun(
        3, 1, "get", SOURCE, job.dest,
        env={"HF_ENDPOINT": job.hub.endpoint}, options=(f"--nodelist={','.join(hosts)}",),
    )  # fmt: skip
    assert_continued(cluster, run.wait(), job.dest, model, before, hosts)


def test_a_rank_is_killed(cluster, begin, model):
    job = begin(GROUPS[0])
    began = time.monotonic()
    job.kill_ranks("n3")
    assert_given_up(job, 2, False)
    print(f"given up {time.monotonic() - began:.1f} s after the kill")
    assert job.run.wait().code in (7, 137)
    resume(cluster, job, 2, model)


def test_a_host_is_frozen(cluster, begin, model):
    """One with some rank and one with rank 0, of two jobs. When it wakes up its rank is alone, and
    must not go on for itself."""
    jobs = {2: begin(GROUPS[0]), 0: begin(GROUPS[1])}
    began = time.monotonic()
    for lost, job in jobs.items():
        cluster.ask("freeze", job.hosts[lost])
    try:
        for lost, job in jobs.items():
            assert_given_up(job, lost, lost == 0)
            print(f"given up {time.monotonic() - began:.1f} s after the freeze")
    finally:
        for lost, job in jobs.items():
            cluster.ask("thaw", job.hosts[lost])
    for lost, job in jobs.items():
        assert job.wait_for_ranks(lost)[lost] == 7, job
        assert job.run.wait().code == 7
        assert_kept(cluster, job.dest)
        resume(cluster, job, lost, model)


def test_the_cable_of_the_fabric_is_pulled(cluster, begin, model):
    """Both sides take each other for lost. The one that is cut off still sees the shared directory."""
    job = begin(GROUPS[0])
    began = time.monotonic()
    cluster.ask("link", "n3", "fab0", "down")
    try:
        assert_given_up(job, 2, False)
        print(f"given up {time.monotonic() - began:.1f} s after the cut")
        assert job.wait_for_ranks(2)[2] == 7, job
    finally:
        cluster.ask("link", "n3", "fab0", "up")
    result = job.run.wait()
    assert result.code == 7, result
    assert "rank 0 on n1 has not responded" in result.err
    resume(cluster, job, 2, model)


def test_a_host_is_powered_off(cluster, begin, model):
    """One with some rank and one with rank 0, of two jobs. srun hears of it when Slurm gives the
    node up, long after the ranks."""
    jobs = {2: begin(GROUPS[0]), 0: begin(GROUPS[1])}
    began = time.monotonic()
    for lost, job in jobs.items():
        cluster.ask("kill", job.hosts[lost])
    for lost, job in jobs.items():
        assert_given_up(job, lost, lost == 0)
        print(f"given up {time.monotonic() - began:.1f} s after the power went")
    for lost, job in jobs.items():
        resume(cluster, job, lost, model)
    for lost, job in jobs.items():
        result = job.run.wait()
        assert result.code == 7, result
        print(f"srun ended {time.monotonic() - began:.1f} s after the power went")
        cluster.ask("boot", job.hosts[lost])
    wait_for(lambda: cluster.on("head", "sinfo", "-h", "-o", "%T %D") == "idle 8\n", "Slurm")


@pytest.mark.parametrize("how", ["killed", "off"])
def test_under_mpirun(cluster, model, place_of, how):
    """It ends the others itself."""
    dest = place_of("mpirun")
    with make_hub(cluster, model) as hub:
        job = Halfway(cluster, cluster.mpirun, (4, 1), hub, dest, "--rank-timeout", TIMEOUT)
        began = time.monotonic()
        if how == "killed":
            job.kill_ranks("n4")
        else:
            cluster.ask("kill", "n4")
        result = job.run.wait()
        print(f"mpirun ended with {result.code} after {time.monotonic() - began:.1f} s")
        assert result.code != 0, result
        rest = ("n1", "n2", "n3")
        wait_for(lambda: not any(map(cluster.processes, rest)), "the end of all ranks")
        assert_kept(cluster, dest)
        let_go(hub)
        before = noted(cluster, dest)
        env = {"HF_ENDPOINT": hub.endpoint}
        result = cluster.mpirun(3, 1, "get", SOURCE, dest, env=env).wait()
        assert_continued(cluster, result, dest, model, before, rest)
    if how == "off":
        cluster.ask("boot", "n4")
