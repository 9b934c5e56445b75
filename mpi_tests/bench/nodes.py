"""The cases with a copy on each host's own disk: the virtual cluster, where a host has a link to the
source and one to the others. Hosts write to /dev/shm: their disks are one disk in truth.

All hosts share the cores of this machine, and what they cost there is a bound as well; where there
are many hosts the links are slower, so that it is not the largest."""

import shutil
import time
from pathlib import Path

from case import Row, case
from content import Wrong
from figures import FRAME, link_bounds
from ours import told
from wan import PATIENCE, Wan, ended, site, sized

MIB = 512
FILES = 4
WAN = {2: 200, 4: 100, 8: 30}  # Mbit/s of each of so many hosts
FABRIC = 10  # times that
PLACE = Path("/dev/shm/bench")
STORAGE = 100e6  # bytes a second: what cluster.sh calls metered
CHECK = "cd {tree} && xargs -d '\\n' -n 1 -P 2 sh -c 'echo \"$1\" | sha256sum --check --strict --quiet' sh <{sums}"
RCLONE = "{rclone} copy :http: {tree} --http-url {base}/ --config /dev/null --transfers 4 --multi-thread-streams 8 -q"
# sbcast returns when all nodes have the file.
SBCAST = """#!/usr/bin/env bash
set -euo pipefail
srun --mpi=none mkdir -p {place}/tree
begin=$(date +%s.%N)
{obtain}
for file in {fetched}/*; do sbcast "$file" {place}/tree/"${{file##*/}}"; done
srun --mpi=none sh -c {check}
echo "took $begin $(date +%s.%N)"
"""


def busy():
    """CPU seconds of this machine so far, whoever used them: what a frame costs is nobody's."""
    fields = [int(word) for word in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    return (sum(fields) - fields[3] - fields[4]) / 100


class Nodes(Wan):
    """Hosts with a fabric, each with a place of its own."""

    def __init__(self, bench, cluster):
        super().__init__(bench, cluster)
        self.fabric = dict.fromkeys(cluster.nodes)
        self.cores = len(Path("/proc/stat").read_text().split("\ncpu")) - 1

    def speeds(self, wan, fabric):
        """Mbit/s of all hosts."""
        for node in self.cluster.nodes:
            self.shape(node, wan)
            self.shape_fabric(node, fabric)

    def shape_fabric(self, node, mbit):
        self.cluster.ask("shape", node, mbit, "fab0")
        self.fabric[node] = mbit

    def no_wan(self, node):
        self.cluster.on(node, "ip", "link", "set", "wan0", "down")
        self._mbit[node] = 0

    def rates(self, hosts):
        """Bytes a second of each host: of the source, and of the others."""
        nodes = self.cluster.nodes[:hosts]
        return [(self._mbit[node] * 1e6 / 8 * FRAME, self.fabric[node] * 1e6 / 8 * FRAME) for node in nodes]

    def measured(self, hosts, made, call, shared=False):
        """A sample of what brings the content to each of the first hosts: call gives seconds, and
        what else there is to keep. shared: it comes from the storage that all share."""
        nodes = self.cluster.nodes[:hosts]
        for node in nodes:
            self.cluster.seen(node, PLACE).mkdir()
        made.warm()
        self.bench.settle()
        before, came = busy(), self.cluster.wan_bytes()
        try:
            sample = call(nodes)
            cpu = busy() - before
            for node in nodes:
                self.check(made, self.cluster.seen(node, PLACE / "tree"))
        finally:
            for node in nodes:
                shutil.rmtree(self.cluster.seen(node, PLACE))
        came = sum(now - came[node] for node, now in self.cluster.wan_bytes().items())
        links = [(STORAGE / hosts, fabric) for _, fabric in self.rates(hosts)] if shared else self.rates(hosts)
        bounds = {**link_bounds(made.nbytes, links), "cpu": cpu / self.cores}
        return {"cpu": cpu, "bounds": bounds, "came": came / made.nbytes, **sample}

    @staticmethod
    def check(made, tree):
        """Tools leave no record of their own."""
        if (tree.parent / f".{tree.name}.mpifetch").exists():
            made.check(tree)
        else:
            made.check_names(tree)

    def ours(self, hosts, made, *source, ranks=1):
        def call(nodes):
            options = ("--progress", "none", "--no-sync", "--per-node", PLACE / "tree")
            command = ("mpirun", hosts, ranks, self.bench.builds[0].program, "get", *options, *source)
            begin = time.monotonic()
            job = self.cluster.start(command, {"MPIFETCH_RETRY_DELAY": "1"})
            try:
                result = ended(job, PATIENCE)
            finally:
                job.close()
            if result.code != 0:
                raise Wrong(f"exit {result.code}: {result}")
            found = told(result.report, made)
            took = sum(found["seconds"][step] for step in ("fetch", "verify_tail", "commit"))
            return {"took": took, "wall": time.monotonic() - begin, **found}

        return self.measured(hosts, made, call, shared=source[0].startswith("file:"))

    def alone(self, hosts, made, obtain, shared=False):
        """Every host by itself; obtain: a command that makes the tree."""

        def call(nodes):
            begin = time.monotonic()
            script = f"{obtain} && {self.check_of(made)}"
            jobs = [self.cluster.start(("run", node, "sh", "-c", script)) for node in nodes]
            try:
                for job in jobs:
                    result = ended(job, PATIENCE)
                    if result.code != 0:
                        raise Wrong(f"exit {result.code}: {result}")
            finally:
                for job in jobs:
                    job.close()
            return {"took": time.monotonic() - begin}

        return self.measured(hosts, made, call, shared)

    def sbcast(self, hosts, made, obtain, fetched, shared=False):
        """One host has it in fetched, and Slurm brings it to all."""

        def call(nodes):
            check = "'" + self.check_of(made).replace("'", "'\\''") + "'"
            script = self.cluster.dir / "sbcast"
            script.write_text(SBCAST.format(place=PLACE, obtain=obtain, fetched=fetched, check=check))
            options = (f"--nodes={hosts}", "--ntasks-per-node=1", f"--nodelist={','.join(nodes)}")
            result = self.cluster.sbatch(script, options=options).wait(PATIENCE)
            if result.code != 0:
                raise Wrong(f"exit {result.code}: {result}")
            begin, end = map(float, result.err.rpartition("took ")[2].split())
            return {"took": end - begin}

        return self.measured(hosts, made, call, shared)

    def check_of(self, made):
        sums = self.cluster.dir / "sums"
        sums.write_text(made.sums())
        return CHECK.format(tree=PLACE / "tree", sums=sums)

    def rclone(self, base, tree):
        return RCLONE.format(rclone=self.bench.tools.bin / "rclone", base=base, tree=tree)


def http_rows(bench, nodes, base, made, hosts, title, wan=None, peers=True):
    """wan: Mbit/s of each link, set before each run."""
    url = f"{base}/{made.root.name}"
    list_ = nodes.cluster.dir / "per-node.list"
    list_.write_text(made.manifest(url))

    def at_speed(call, *args):
        if wan:
            nodes.speeds(wan, wan * FABRIC)
        return call(*args)

    source = ("--manifest", list_)
    ours = Row(f"mpifetch, {title}", "mpifetch",
               lambda _: at_speed(nodes.ours, hosts, made, *source))  # fmt: skip
    if not peers:
        return [ours]
    fetched = PLACE / "fetched"
    return [
        ours,
        Row(f"rclone on every host, {title}", "peer",
            lambda _: at_speed(nodes.alone, hosts, made, nodes.rclone(url, PLACE / "tree"))),
        Row(f"one host and sbcast, {title}", "peer",
            lambda _: at_speed(nodes.sbcast, hosts, made, nodes.rclone(url, fetched), fetched)),
    ]  # fmt: skip


@case("per-node", most_rounds=3)
def per_node(bench):
    """A copy on each of 2, 4 and 8 hosts, 512 MiB in 4 files"""
    made = sized(bench, MIB, FILES)
    with site(bench, 8, Nodes) as nodes, nodes.nginx() as base:
        nodes.cluster.ask("slurm")
        yield [
            row
            for hosts, wan in WAN.items()
            for row in http_rows(bench, nodes, base, made, hosts, f"{hosts} hosts", wan)
        ]


def lame(bench, name, slow):
    """Of 4 hosts slow makes one so."""
    made = sized(bench, MIB, FILES)
    with site(bench, 4, Nodes) as nodes, nodes.nginx() as base:
        nodes.speeds(WAN[4], WAN[4] * FABRIC)
        slow(nodes)
        yield http_rows(bench, nodes, base, made, 4, f"4 hosts, {name}", peers=False)


@case("per-node-slow-wan", most_rounds=3)
def slow_wan(bench):
    """A copy on each of 4 hosts, one with a tenth of the speed to the source"""
    yield from lame(bench, "one slow to the source", lambda nodes: nodes.shape("n3", WAN[4] // 10))


@case("per-node-slow-fabric", most_rounds=3)
def slow_fabric(bench):
    """A copy on each of 4 hosts, one with a tenth of the speed to the others"""
    yield from lame(bench, "one slow to the others", lambda nodes: nodes.shape_fabric("n3", WAN[4]))


@case("per-node-no-wan", most_rounds=3)
def no_wan(bench):
    """A copy on each of 4 hosts, one that does not reach the source"""
    yield from lame(bench, "one without the source", lambda nodes: nodes.no_wan("n3"))


@case("per-node-storage", most_rounds=3)
def storage(bench):
    """A copy on each of 8 hosts of a tree on storage that gives 100 MB/s to all together"""
    made = sized(bench, MIB, FILES)
    with site(bench, 8, Nodes) as nodes:
        nodes.cluster.ask("slurm")
        nodes.speeds(200, 200 * FABRIC)
        shutil.copytree(made.root, nodes.cluster.dir / "backing" / "source")
        nodes.cluster.pfs("metered")
        source = nodes.cluster.shared / "source"
        yield [
            Row("mpifetch, 8 hosts", "mpifetch",
                lambda _: nodes.ours(8, made, f"file://{source}")),
            Row("cp on every host, 8 hosts", "peer",
                lambda _: nodes.alone(8, made, f"cp -r {source} {PLACE}/tree", shared=True)),
            Row("sbcast, 8 hosts", "peer",
                lambda _: nodes.sbcast(8, made, ":", source, shared=True)),
        ]  # fmt: skip


@case("per-node-ranks", most_rounds=1)
def ranks(bench):
    """64 ranks on 16 hosts: the memory of each"""
    made = sized(bench, MIB // 4, FILES)
    with site(bench, 16, Nodes) as nodes, nodes.nginx() as base:
        nodes.speeds(WAN[8], WAN[8] * FABRIC)
        list_ = nodes.cluster.dir / "per-node.list"
        list_.write_text(made.manifest(f"{base}/{made.root.name}"))
        yield [
            Row("mpifetch, 64 ranks on 16 hosts", "mpifetch",
                lambda _: nodes.ours(16, made, "--manifest", list_, ranks=4))
        ]  # fmt: skip
