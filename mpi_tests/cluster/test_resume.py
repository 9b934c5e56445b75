"""Runs that are killed on all hosts, frozen, or two at a time; and whoever comes next at their DEST,
on hosts of its own. All hosts are of one kernel here, so whether the processes of another run live
can be known, but where a test says otherwise.

What is certainly gone is taken over by renames, what may only be frozen is copied: a file that keeps
its inode tells that nobody watched for a silence."""

import contextlib
import os
import re
import time

import pytest
from cluster import Cluster, wait_for
from halfway import MIB, SOURCE, Halfway, assert_continued, let_go, make_hub, noted, sent_by
from trees import assert_alone, assert_same, assert_verifiable, files_of, live, snapshot

PATIENCE = 30  # OWNER_PATIENCE of resume/owner_watch.h, seconds
LARGE = ("model-1.safetensors", "model-2.safetensors")
SCRATCH = "/tmp/scratch"
PAIRS = [["n1", "n2"], ["n3", "n4"], ["n5", "n6"], ["n7", "n8"]]
ALL = ["n1", "n2", "n3", "n4"]


@pytest.fixture(scope="module")
def site():
    with Cluster(hosts=8) as made:
        made.ask("slurm")
        for node in made.nodes:
            made.on(node, "mkdir", SCRATCH)
        yield made


@pytest.fixture(scope="module")
def new(site, model):
    """new() -> a hub for one job, and where to publish."""
    with contextlib.ExitStack() as stack:

        def make():
            parent = site.shared / f"out-{time.monotonic_ns()}"
            site.seen("head", parent).mkdir()
            return stack.enter_context(make_hub(site, model)), parent / "model"

        yield make


def on(hosts):
    return (f"--nodelist={','.join(hosts)}",)


def half_way(cluster, hosts, hub, dest):
    shape = (len(hosts), 1)
    return Halfway(cluster, cluster.srun, shape, hub, dest, "--scratch", SCRATCH, launch=on(hosts))


def start(cluster, hosts, hub, dest, ranks=1):
    env = {"HF_ENDPOINT": hub.endpoint}
    words = ("get", "--segment-size", MIB, "--scratch", SCRATCH, SOURCE, dest)
    return cluster.srun(len(hosts), ranks, *words, env=env, options=on(hosts))


def inodes(tree):
    return {os.stat(tree / name).st_ino for name in LARGE if (tree / name).exists()}


def owners(cluster, dest):
    """Of the run that has the content."""
    return live(cluster.seen("head", dest.parent), f".model.mpifetch-{'[0-9a-f]' * 16}/run-*/owner")


def inodes_staged(cluster, dest):
    [owner] = owners(cluster, dest)
    return inodes(owner.parent / "tree")


def kill(cluster, job, hosts):
    """As it happens to all ranks at once; what srun says of it."""
    job.kill_ranks(*hosts)
    result = job.run.wait()
    assert result.code == 137, result
    wait_for(lambda: not any(map(cluster.processes, hosts)), "their death")


class Left:
    """What a job leaves that is killed. next: the run that goes on there."""

    def __init__(self, cluster, hub, dest):
        self.cluster, self.hub, self.dest = cluster, hub, dest
        self.staged, self.least = inodes_staged(cluster, dest), noted(cluster, dest)
        self.sent = sent_by(hub)

    def assert_copied(self, model):
        """One host cannot tell whether the processes of another are gone."""
        result = self.next.wait()
        assert_continued(self.cluster, result, self.dest, model, self.least, self.cluster.nodes)
        assert self.staged and not inodes(self.cluster.seen("head", self.dest)) & self.staged
        resumed = result.report["bytes"]["resumed"]
        print(f"sent before {self.sent}, noted {self.least}, resumed {resumed}")


# name -> the hosts of a job that is killed; the hosts of the next one, and its ranks on each
WAYS = {
    "fewer-hosts": (ALL, PAIRS[0], 1),
    "more-ranks": (ALL, ALL, 3),
    "other-hosts": (PAIRS[0], PAIRS[1], 1),
}


def killed_on_all_hosts(cluster, new, before):
    """What lies on the disks of the hosts themselves is not needed."""
    hub, dest = new()
    job = half_way(cluster, before, hub, dest)
    kill(cluster, job, before)
    for node in before:
        cluster.on(node, "sh", "-c", f"rm -rf {SCRATCH}/*")
    left = Left(cluster, hub, dest)
    let_go(hub)
    return left


def killed_while_another_waits(cluster, new):
    hub, dest = new()
    owner = half_way(cluster, PAIRS[0], hub, dest)
    waiter = start(cluster, PAIRS[1], hub, dest)
    waiter.wait_for_text("another run on n1 is already fetching")
    left = Left(cluster, hub, dest)
    kill(cluster, owner, PAIRS[0])
    let_go(hub)
    left.next = waiter
    return left


@pytest.fixture(scope="module")
def left(site, new):
    """name -> Left. The next runs begin together in the end, since each watches for a silence."""
    made = {name: killed_on_all_hosts(site, new, before) for name, (before, _, _) in WAYS.items()}
    made["waiting"] = killed_while_another_waits(site, new)
    for name, (_, after, ranks) in WAYS.items():
        hub, dest = made[name].hub, made[name].dest
        if ranks == 1:
            made[name].next = start(site, after, hub, dest)
        else:
            # by mpirun, see test_hosts.py
            words = ("get", "--scratch", SCRATCH, SOURCE, dest)
            env = {"HF_ENDPOINT": hub.endpoint}
            made[name].next = site.mpirun(len(after), ranks, *words, env=env)
    return made


@pytest.mark.parametrize("name", WAYS)
def test_killed_on_all_hosts(left, model, name):
    left[name].assert_copied(model)


def test_the_owner_dies_while_another_run_waits(left, model):
    left["waiting"].assert_copied(model)


def test_two_jobs_at_once(site, new, model):
    """None has bytes before the other knows of it; then all bytes come once."""
    hub, dest = new()
    before = site.wan_bytes()
    hub.trouble(kind="cdn", hold=True)
    jobs = [start(site, hosts, hub, dest) for hosts in PAIRS[:2]]
    wait_for(lambda: any("waiting for it" in job.said() for job in jobs), jobs)
    let_go(hub)
    results = [job.wait() for job in jobs]
    assert [result.code for result in results] == [0, 0], results
    assert [result.out for result in results] == [f"{dest}\n"] * 2
    assert sum("is already fetching" in result.err for result in results) == 1, results
    again = sum(result.report["requests"]["cut"] for result in results) * MIB
    large = sum(len(data) for path, data in files_of(model).items() if path in LARGE)
    total = sum(map(len, files_of(model).values()))
    sent = sent_by(hub)
    assert large <= sent <= large + again
    print(f"sent {sent} for {large}, of which again at most {again}")
    carried = sum(now - before[node] for node, now in site.wan_bytes().items())
    assert total <= carried <= 1.5 * (total + again)  # with what surrounds it, and sent again
    for node in site.nodes:
        assert_same(site.seen(node, dest), model)
        assert_alone(site.seen(node, dest))


def test_silence_counts_as_death(site, new, model):
    """Of a run that is frozen with all of its hosts, and of one that died under another kernel; side
    by side, as it takes a while."""
    freezing, dying = new(), new()
    # by mpirun, as Slurm ends the job of a host that is silent for long; it ends no rank because
    # another one has ended, and is silent of how they did
    launch = ("--mca", "orte_abort_on_non_zero_status", "0")
    frozen = Halfway(site, site.mpirun, (2, 1), *freezing, "--scratch", SCRATCH, launch=launch)
    dead = half_way(site, PAIRS[1], *dying)
    kill(site, dead, PAIRS[1])
    try:
        for node in PAIRS[0]:
            site.ask("freeze", node)
        [owner] = owners(site, dying[1])
        text, count = re.subn(r"(?m)^(process \S+) \S+", r"\1 another-boot", owner.read_text())
        owner.write_text(text)
        assert count == 2
        cases = [(*freezing, PAIRS[2]), (*dying, PAIRS[3])]
        staged = [inodes_staged(site, dest) for _, dest, _ in cases]
        least = [noted(site, dest) for _, dest, _ in cases]
        began = time.monotonic()
        for hub, _, _ in cases:
            let_go(hub)
        runs = [start(site, hosts, hub, dest) for hub, dest, hosts in cases]
        results = [run.wait(4 * PATIENCE) for run in runs]
        took = time.monotonic() - began
        print(f"taken over and published {took:.1f} s after the last sign of life")
        assert took >= PATIENCE
        alive = [node for node in site.nodes if node not in PAIRS[0]]
        for (_, dest, _), result, old, bytes in zip(cases, results, staged, least):
            assert_continued(site, result, dest, model, bytes, alive)
            assert old and not inodes(site.seen("head", dest)) & old
        before = snapshot(site.seen("head", freezing[1].parent))
    finally:
        for node in PAIRS[0]:
            site.ask("thaw", node)
    result = frozen.run.wait()
    assert frozen.ended() == {0: 7, 1: 7}, result
    assert snapshot(site.seen("head", freezing[1].parent)) == before
    for node in PAIRS[0]:
        assert_verifiable(site.seen(node, freezing[1]))
