"""Runs that have noted some of what they fetch and get no more, until the source is let go: so it
is certain what there is to lose and to find again."""

import contextlib
import os
import re
import signal
import time
from pathlib import Path

from cluster import ORIGIN, wait_for
from hub import Hub
from trees import assert_alone, assert_same, assert_verifiable

SOURCE = "hf://acme/demo"
MIB = 1 << 20
# Of a MiB, but for one that is the end of a file; and some may be for the same bytes.
ANSWERS = 6
LINE = re.compile(rb"([0-9a-f]{16}) (\d+) (\d+) [0-9a-f]{16}\n")
# Each rank notes how it ended: mpirun and srun tell of one only. mpirun tells all to end as soon as
# one has: the shell waits for its rank.
NOTE = """trap : TERM; "$0" "$@"; code=$?; at=$CODES/${SLURM_PROCID-$OMPI_COMM_WORLD_RANK}
echo "$code" >"$at.new"; mv "$at.new" "$at"; exit "$code\""""


def make_hub(cluster, tree):
    """Of its own: what it holds back is for one job."""
    with cluster.inside("origin"):
        made = Hub(need_query=True, **ORIGIN)
    made.add("acme/demo", tree)
    return made


def noted(cluster, dest, *hosts):
    """Bytes that journals beside DEST tell of on any of these hosts, each counted once."""
    lines = set().union(*(notes(cluster, dest, host) for host in hosts or ("head",)))
    return sum(int(length) for _, _, length in lines)


def notes(cluster, dest, host):
    lines = set()
    for folder, _, names in os.walk(cluster.seen(host, dest.parent)):
        for name in names if Path(folder).name == "journal" else ():
            with contextlib.suppress(FileNotFoundError):  # it is on its way to another directory
                text = Path(folder, name).read_bytes()
                lines |= {found.groups() for found in LINE.finditer(text)}
    return lines


def let_go(hub):
    """For good: also answers that are just about to be held."""
    hub.troubles.clear()
    hub.troubles.release()


def sent_by(hub):
    return sum(row["bytes"] for row in hub.log("cdn"))


class Halfway:
    """A job: way is Cluster.srun or Cluster.mpirun, shape its hosts and ranks a host."""

    def __init__(self, cluster, way, shape, hub, dest, *options, launch=(), host="head"):
        self.cluster, self.hub, self.dest = cluster, hub, dest
        self.codes = cluster.dir / "codes" / str(time.monotonic_ns())
        self.codes.mkdir(parents=True)
        env = {"HF_ENDPOINT": hub.endpoint, "CODES": str(self.codes)}
        if way == cluster.mpirun:
            launch = (*launch, "-x", "HF_ENDPOINT", "-x", "CODES")
        hub.trouble(kind="cdn", skip=ANSWERS, hold=True)
        words = ("get", "--segment-size", MIB, *options, SOURCE, dest)
        self.run = way(*shape, *words, env=env, options=launch, wrapper=("sh", "-c", NOTE))
        wait_for(lambda: noted(cluster, dest, host) >= 2 * MIB, self)

    def ended(self):
        """rank -> exit code, of those that have one."""
        rows = [path for path in self.codes.iterdir() if path.suffix == ""]
        return {int(path.name): int(path.read_text()) for path in rows}

    def wait_for_ranks(self, *ranks):
        wait_for(lambda: set(ranks) <= set(self.ended()), f"the end of ranks {ranks}")
        return self.ended()

    def kill_ranks(self, *nodes, by=signal.SIGKILL):
        """All of this job on these hosts."""
        mark = f"CODES={self.codes}".encode()
        pids = [
            pid
            for node in nodes
            for pid in self.cluster.processes(node)
            if mark in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        ]
        assert len(pids) >= len(nodes), self
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):  # the first one's end ends others
                os.kill(pid, by)

    def __repr__(self):
        return f"{self.run.said()}\n{self.ended()}"


def assert_kept(cluster, dest, host="head"):
    """Nothing is published, and something to continue with is there."""
    [staged] = os.listdir(cluster.seen(host, dest.parent))
    assert staged.startswith(".model.mpifetch-")
    assert noted(cluster, dest, host) > 0


def assert_used(result, least):
    """All that was noted, and the rest was fetched once."""
    assert result.code == 0, result
    moved = result.report["bytes"]
    assert moved["resumed"] >= least, result
    assert moved["fetched"] - moved["duplicated"] + moved["resumed"] == moved["published"]


def assert_continued(cluster, result, dest, tree, least, nodes):
    """To the end, and every host sees it."""
    assert_used(result, least)
    for node in nodes:
        assert_same(cluster.seen(node, dest), tree)
        assert_alone(cluster.seen(node, dest))
    assert_verifiable(cluster.seen(nodes[0], dest))
