"""Ranks and hosts that go while the source holds its bytes back: the run ends within a bound, says
who is gone and publishes nothing; the same command on the hosts that are left goes on from there.

Whoever goes on may have to watch for a silence first, so all of them begin at once, in the end."""

import contextlib
import time

import pytest
from cluster import ASKING, Cluster, wait_for
from halfway import SOURCE, Halfway, assert_continued, assert_kept, let_go, make_hub, noted

TIMEOUT = 10  # longer than a rank has no turn on a machine that is busy
GROUPS = [[f"n{i}" for i in range(1, 5)], [f"n{i}" for i in range(5, 9)]]
# each job, by what it lost; -0: rank 0
JOBS = ["killed", "cut", "frozen", "frozen-0", "mpirun-killed", "mpirun-off", "off", "off-0"]


@pytest.fixture(scope="module")
def site():
    with Cluster(hosts=8) as made:
        made.ask("slurm")
        yield made


@pytest.fixture(scope="module")
def begin(site, model):
    """begin(hosts, lost) -> a job with one rank on each of them, half way, of which one rank will
    be lost."""
    with contextlib.ExitStack() as stack:

        def make(hosts, lost, way=site.srun):
            parent = site.shared / f"out-{time.monotonic_ns()}"
            site.seen("head", parent).mkdir()
            hub = stack.enter_context(make_hub(site, model))
            launch = (f"--nodelist={','.join(hosts)}",) if way == site.srun else ()
            shape, options = (len(hosts), 1), ("--rank-timeout", TIMEOUT)
            job = Halfway(site, way, shape, hub, parent / "model", *options, launch=launch)
            job.hosts, job.lost, job.began = hosts, lost, time.monotonic()
            return job

        yield make


def assert_given_up(job, by_all=False):
    """Whoever is left ends with 7; rank 0 names the lost one, or all of the others rank 0."""
    left = [rank for rank in range(4) if rank != job.lost]
    codes = job.wait_for_ranks(*left)
    assert [codes[rank] for rank in left] == [7] * 3, job
    wanted = f"rank {job.lost} on {job.hosts[job.lost]} has not responded for {TIMEOUT} s,"
    wait_for(lambda: job.run.said().count(wanted) == (3 if by_all else 1), job)
    wait_for(lambda: "run the same command again" in job.run.said(), job)
    assert_kept(job.cluster, job.dest)
    print(f"given up {time.monotonic() - job.began:.1f} s after the loss")


@pytest.fixture(scope="module")
def killed_and_cut(site, begin):
    """A rank of one job is killed, and the cable of the fabric is pulled of a host of another."""
    killed, cut = begin(GROUPS[0], 3), begin(GROUPS[1], 2)
    killed.kill_ranks("n4")
    site.ask("link", "n7", "fab0", "down")
    try:
        for job in killed, cut:
            assert_given_up(job)
        cut.wait_for_ranks(cut.lost)
    finally:
        site.ask("link", "n7", "fab0", "up")
    for job in killed, cut:
        job.result = job.run.wait()
    return killed, cut


@pytest.fixture(scope="module")
def killed(killed_and_cut):
    return killed_and_cut[0]


@pytest.fixture(scope="module")
def cut(killed_and_cut):
    return killed_and_cut[1]


@pytest.fixture(scope="module")
def frozen(site, begin):
    """One with some rank and one with rank 0, of two jobs, which are awake again."""
    jobs = [begin(GROUPS[0], 3), begin(GROUPS[1], 0)]
    for job in jobs:
        site.ask("freeze", job.hosts[job.lost])
    try:
        for job in jobs:
            assert_given_up(job, by_all=job.lost == 0)
    finally:
        for job in jobs:
            site.ask("thaw", job.hosts[job.lost])
    for job in jobs:
        job.wait_for_ranks(job.lost)
        job.result = job.run.wait()
        assert_kept(site, job.dest)
    return jobs


@pytest.fixture(scope="module")
def under_mpirun(site, begin):
    """A rank was killed, and a host was off, of two jobs; mpirun ends the others itself."""
    jobs = []
    for how in ("killed", "off"):
        jobs.append(begin(GROUPS[0], 3, site.mpirun))
        if how == "killed":
            jobs[-1].kill_ranks("n4")
        else:
            site.ask("kill", "n4")
        jobs[-1].result = jobs[-1].run.wait()
        wait_for(lambda: not any(map(site.processes, GROUPS[0][:3])), "the end of all ranks")
        assert_kept(site, jobs[-1].dest)
    site.ask("boot", "n4")
    states = ("head", "sinfo", "-h", "-o", "%T %D")
    wait_for(lambda: site.on(*states) == "idle 8\n", "Slurm", pause=ASKING)
    return jobs


@pytest.fixture(scope="module")
def off(site, begin, killed, cut, frozen, under_mpirun):
    """Two hosts, with some rank and with rank 0 of two jobs; they stay off."""
    jobs = [begin(GROUPS[0], 3), begin(GROUPS[1], 0)]
    for job in jobs:
        site.ask("kill", job.hosts[job.lost])
    for job in jobs:
        assert_given_up(job, by_all=job.lost == 0)
    return jobs


@pytest.fixture(scope="module")
def resumed(site, killed, cut, frozen, under_mpirun, off):
    """name -> a job with the run that goes on where it ended, on those of its hosts that are left."""
    jobs = dict(zip(JOBS, (killed, cut, *frozen, *under_mpirun, *off), strict=True))
    gone = {job.hosts[job.lost] for job in off}
    for name, job in jobs.items():
        let_go(job.hub)
        job.least = noted(site, job.dest)
        job.left = [host for host in job.hosts if host not in (job.hosts[job.lost], *gone)]
        words = (len(job.left), 1, "get", SOURCE, job.dest)
        env = {"HF_ENDPOINT": job.hub.endpoint}
        if name.startswith("mpirun"):
            job.next = site.mpirun(*words, env=env)
        else:
            job.next = site.srun(*words, env=env, options=(f"--nodelist={','.join(job.left)}",))
    return jobs


def test_a_rank_is_killed(killed):
    assert killed.result.code in (7, 137), killed.result


def test_a_host_is_frozen(frozen):
    """When it wakes up its rank is alone, and must not go on for itself."""
    for job in frozen:
        assert job.ended()[job.lost] == 7, job
        assert job.result.code == 7, job.result


def test_the_cable_of_the_fabric_is_pulled(cut):
    """Both sides take each other for lost. The one that is cut off still sees the shared directory."""
    assert cut.ended()[cut.lost] == 7, cut
    assert cut.result.code == 7, cut.result
    assert "rank 0 on n5 has not responded" in cut.result.err


def test_under_mpirun(under_mpirun):
    for job in under_mpirun:
        assert job.result.code != 0, job.result


def test_a_host_is_powered_off(off, resumed):
    """srun hears of it when Slurm gives the node up, long after the ranks."""
    for job in off:
        result = job.run.wait()
        assert result.code == 7, result
        print(f"srun ended {time.monotonic() - job.began:.1f} s after the power went")


@pytest.mark.parametrize("name", JOBS)
def test_those_who_are_left_go_on(site, model, resumed, name):
    job = resumed[name]
    assert_continued(site, job.next.wait(), job.dest, model, job.least, job.left)
