"""The cases with hosts that have a link of their own each: the virtual cluster, 200 Mbit/s each."""

import os
import random
import shutil
import subprocess
import time
from contextlib import contextmanager

import content
from case import Row, case
from cluster import HERE as CLUSTER
from cluster import ORIGIN, Cluster
from content import MIB, Wrong
from figures import FRAME
from limited import Limited
from limits import Collapsing, TwoSpeed
from nginx import Nginx
from ours import told

MBIT = 200
SLOW_MBIT = 20
DELAY = 50  # milliseconds
PATIENCE = 600  # seconds for one run
LONG_ENOUGH = 100  # seconds, to know how fast a run is that does not end
DRAWS = ((6, 25), (26, 45), (46, 64))  # of the limit of the source that collapses, in turn


class Unfinished(Wrong):
    """A run was ended because it took too long."""


class Wan:
    """The cluster with content in its host "origin"."""

    def __init__(self, bench, cluster):
        self.bench, self.cluster = bench, cluster
        self._mbit = dict.fromkeys(cluster.nodes, MBIT)

    def shape(self, node, mbit):
        self.cluster.ask("shape", node, mbit)
        self._mbit[node] = mbit

    def shape_of(self, hosts):
        mbit = sum(self._mbit[node] for node in self.cluster.nodes[:hosts])
        return {"hosts": hosts, "links": mbit * 1e6 / 8 * FRAME}

    @contextmanager
    def nginx(self):
        with self.cluster.inside("origin"):
            made = Nginx(self.bench.home / "nginx", self.bench.cache, ORIGIN["address"])
            made.__enter__()
        try:
            yield made.http
        finally:
            made.__exit__()

    def limited(self, made, rule):
        with self.cluster.inside("origin"):
            return Limited(made.root, rule, **ORIGIN)

    def fetch(self, build, hosts, made, base, *words, patience=PATIENCE):
        """A sample of a run on the first hosts."""
        parent = self.cluster.shared / f"out-{time.monotonic_ns()}"
        seen = self.cluster.seen("n1", parent)
        seen.mkdir()
        list_ = self.cluster.dir / "manifest"
        list_.write_text(made.manifest(base))
        made.warm()
        self.bench.settle()
        options = ("--scratch", "none", "--progress", "none", "--manifest", list_, *words)
        command = ("mpirun", hosts, 1, build.program, "get", *options, parent / "tree")
        # for tests the cluster has a shorter delay than the program
        job = self.cluster.start(command, {"MPIFETCH_RETRY_DELAY": "1"})
        try:
            result = ended(job, patience)
            if result.code != 0:
                raise Wrong(f"exit {result.code}: {result}")
            made.check(seen / "tree")
            return {**self.shape_of(hosts), **told(result.report, made)}
        finally:
            job.close()
            shutil.rmtree(seen)

    def link(self, made, base):
        """A floor: what one host receives by its link when it does nothing else."""
        list_ = self.cluster.dir / "floor.list"
        path, (size, _) = next(iter(made.files.items()))
        list_.write_text(f"{size} {path}\n")
        begin = time.monotonic()
        self.cluster.on("n1", self.bench.floor, "receive", 4, list_, base)
        return {"rate": size / (time.monotonic() - begin), "wall": time.monotonic() - begin}


def ended(job, patience):
    try:
        return job.wait(patience)
    except AssertionError as late:
        raise Unfinished(str(late)) from late


@contextmanager
def site(bench, hosts, kind=Wan):
    """A Wan with so many hosts, or another kind of it."""
    program = bench.home / "longlink"
    subprocess.run(
        ["gcc", "-O2", "-D_GNU_SOURCE", CLUSTER / "longlink.c", "-o", program], check=True
    )
    os.environ["LONGLINK"] = str(program)
    try:
        with Cluster(hosts, MBIT) as cluster:
            yield kind(bench, cluster)
    finally:
        del os.environ["LONGLINK"]


def sized(bench, mib, files=4):
    """A few MiB at least, or there would be nothing to measure."""
    return content.large(bench.cache, files, max(2 * MIB, bench.scaled(mib * MIB // files)))


def nginx_rows(bench, wan, base, shapes):
    """shapes: (name, hosts, MiB)"""
    rows = []
    for build in bench.builds:
        for name, hosts, mib in shapes:
            made = sized(bench, mib)

            def call(number, build=build, hosts=hosts, made=made):
                return wan.fetch(build, hosts, made, f"{base}/{made.root.name}")

            rows.append(Row(build.label + name, build.kind, call))
    probe = sized(bench, 192, 1)
    rows.append(Row("one link", "floor", lambda _: wan.link(probe, f"{base}/{probe.root.name}")))
    return rows


@case("hosts")
def hosts(bench):
    """2, 4 and 8 hosts: what part of the sum of their links they use"""
    shapes = [
        (f"{count} hosts, {mib} MiB", count, mib) for mib in (192, 768) for count in (2, 4, 8)
    ]
    with site(bench, 8) as wan, wan.nginx() as base:
        yield nginx_rows(bench, wan, base, shapes)


@case("slow-host")
def slow_host(bench):
    """4 hosts, one with a tenth of the speed"""
    with site(bench, 4) as wan, wan.nginx() as base:
        wan.shape("n4", SLOW_MBIT)
        shapes = [(f"{mib} MiB", 4, mib) for mib in (192, 768)]
        yield nginx_rows(bench, wan, base, shapes)


@case("far")
def far(bench):
    """A source 50 ms away, defaults"""
    with site(bench, 4) as wan, wan.nginx() as base:
        wan.cluster.ask("delay", "origin", DELAY)
        yield nginx_rows(
            bench, wan, base, [("1 host, 384 MiB", 1, 384), ("4 hosts, 768 MiB", 4, 768)]
        )


@case("two-speed", most_rounds=3)
def two_speed(bench):
    """A CDN that gives 70 % of connections 1 MB/s and the others 8 MB/s, 4 hosts"""
    with site(bench, 4) as wan:
        rows = []
        for build in bench.builds:
            for mib in (192, 3072):
                made = sized(bench, mib)
                for name, slow in (("70 % slow", 7), ("all fast", 0)):

                    def call(number, build=build, made=made, slow=slow):
                        rule = TwoSpeed(slow_of_ten=slow, seed=number)
                        return limited_run(wan, build, made, rule)

                    rows.append(Row(f"{build.label}{mib} MiB, {name}", build.kind, call))
        yield rows


@case("collapse", most_rounds=3)
def collapse(bench):
    """A source that gives everybody 1 % for 2 s whenever more than N connections send, 4 hosts"""

    def call(number, build):
        limit = random.Random(number).randint(*DRAWS[number % len(DRAWS)])
        rule = Collapsing(limit, rate=4 * MBIT * 1e6 / 8)
        return {"limit": limit, **limited_run(wan, build, made, rule, patience=LONG_ENOUGH)}

    made = sized(bench, 6144, 8)
    with site(bench, 4) as wan:
        yield [
            Row(
                f"{build.label}4 hosts", build.kind, lambda number, build=build: call(number, build)
            )
            for build in bench.builds
        ]


def limited_run(wan, build, made, rule, *words, patience=PATIENCE):
    """Of a run that did not end what the source has sent is known."""
    with wan.limited(made, rule) as source:
        try:
            sample = wan.fetch(build, 4, made, source.url, *words, patience=patience)
        except Unfinished:
            sample = {"unfinished": True}
        found = source.stats()
    if "unfinished" in sample:
        sample |= {**wan.shape_of(4), "ranks_cpu": 0, "seconds": {"fetch": found["seconds"]},
                   "bytes": {"published": found["bytes"], "duplicated": 0}}  # fmt: skip
    by_speed = {}
    for one in found.pop("connections"):
        key = f"from_{one['speed']:.0f}" if one["speed"] else "from_any"
        by_speed[key] = by_speed.get(key, 0) + one["bytes"]
    return {**sample, "source": {**found, **by_speed}}


@case("pictures", most_rounds=1)
def pictures(bench):
    """Who did what when: traces of 8 hosts and of a CDN of two speeds"""
    traces = bench.given.results / "traces"
    traces.mkdir(parents=True, exist_ok=True)
    made = sized(bench, 384)

    def traced(build, name, run):
        trace = wan.cluster.dir / "trace.json"
        sample = run(build, "--trace", trace)
        shutil.copy(trace, traces / f"{name}-{build.kind}.json")
        return sample

    with site(bench, 8) as wan, wan.nginx() as base:
        runs = {
            "eight-hosts": lambda build, *words: wan.fetch(
                build, 8, made, f"{base}/{made.root.name}", *words
            ),
            "two-speed": lambda build, *words: limited_run(wan, build, made, TwoSpeed(), *words),
        }
        yield [
            Row(f"{build.label}{name}", build.kind,
                lambda _, build=build, name=name, run=run: traced(build, name, run))
            for build in bench.builds
            for name, run in runs.items()
        ]  # fmt: skip
