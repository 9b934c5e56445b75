"""The cases with a server on the loopback interface and, most of them, peers."""

from collections import Counter

import content
from case import Row, case
from content import MIB, Wrong
from floors import all_floors
from hub import Hub
from nginx import Nginx
from ours import all_mpifetch
from peers import NAME, Job, all_peers, hf

ASKED = ("api-revision", "api-tree", "resolve", "resolve-cache")  # what a Hub counts


def tool_rows(bench, job, tools):
    return [Row(tool.name, tool.kind, lambda _, tool=tool: bench.once(job, tool)) for tool in tools]


def against_peers(bench, made, ranks, secure=False, many=False):
    with Nginx(bench.home / "nginx", bench.cache) as nginx:
        base = f"{nginx.https if secure else nginx.http}/{made.root.name}"
        job = Job(made, base, nginx.ca, bench.home, many)
        tools = all_mpifetch(bench.builds, ranks) + all_peers(bench.tools, many)
        yield tool_rows(bench, job, tools + all_floors(bench))


@case("small", trash=True)
def small(bench):
    """10,000 files of 1 to 20 KiB in 200 directories"""
    made = content.small(bench.cache, bench.scaled(10000), bench.scaled(200))
    yield from against_peers(bench, made, (2, 4), many=True)


def four(bench):
    return content.large(bench.cache, 4, bench.scaled(512 * MIB))


@case("large")
def large(bench):
    """4 files of 512 MiB"""
    yield from against_peers(bench, four(bench), (2, 4))


@case("large-https")
def large_https(bench):
    """4 files of 512 MiB, HTTPS"""
    yield from against_peers(bench, four(bench), (2,), secure=True)


@case("one")
def one(bench):
    """1 file of 2 GiB"""
    made = content.large(bench.cache, 1, bench.scaled(2048 * MIB))
    yield from against_peers(bench, made, (2, 4))


@case("big", most_rounds=3)
def big(bench):
    """8 files of 1 GiB: CPU of each GiB"""
    made = content.large(bench.cache, 8, bench.scaled(1024 * MIB))
    with Nginx(bench.home / "nginx", bench.cache) as nginx:
        job = Job(made, f"{nginx.http}/{made.root.name}", nginx.ca, bench.home)
        tools = all_mpifetch(bench.builds, (2,)) + all_floors(bench)
        yield tool_rows(bench, job, tools)


@case("hub")
def hub(bench):
    """The 4 files of 512 MiB from a Hub, with its own tool"""
    made = four(bench)
    with Hub() as serving:
        serving.add(NAME, made.root)
        job = Job(made, serving.endpoint, bench.home / "none", bench.home)
        source = ["hf://" + NAME]
        tools = all_mpifetch(bench.builds, (2,), source, HF_ENDPOINT=serving.endpoint)
        yield tool_rows(bench, job, [*tools, hf(bench.tools, serving.endpoint)])


@case("odd", most_rounds=1)
def odd(bench):
    """Odd names and sizes: only the trees count"""
    made = content.odd(bench.cache)
    list_ = bench.home / "odd.sums"
    list_.write_text(made.sums())
    with Nginx(bench.home / "nginx", bench.cache) as nginx:
        base = f"{nginx.http}/{made.root.name}"
        source = ["--manifest", list_, "--base", base + "/"]
        job = Job(made, base, nginx.ca, bench.home)
        yield tool_rows(bench, job, all_mpifetch(bench.builds[:1], (1, 2, 4, 8), source))


@case("real", most_rounds=1)
def real(bench):
    """A real model from a Hub: its requests do not grow with the ranks"""
    made = content.real(bench.cache)
    with Hub() as serving:
        serving.add(NAME, made.root)
        source = ["hf://" + NAME]
        tools = all_mpifetch(bench.builds[:1], (1, 2, 4, 8), source, HF_ENDPOINT=serving.endpoint)
        job = Job(made, serving.endpoint, bench.home / "none", bench.home)
        first = {}

        def once(tool):
            serving.reset()
            sample = bench.once(job, tool)
            counts = Counter(row["kind"] for row in serving.log())
            served = {kind: counts[kind] for kind in ASKED}
            if served != first.setdefault("served", served):
                raise Wrong(f"{tool.name} sent the Hub {served}, another {first['served']}")
            return {**sample, "served": served}

        yield [Row(tool.name, tool.kind, lambda _, tool=tool: once(tool)) for tool in tools]


@case("memory", most_rounds=1)
def memory(bench):
    """Memory of a rank: the same files, four times as many"""
    with Nginx(bench.home / "nginx", bench.cache) as nginx:
        rows = []
        for count in (4, 16):
            made = content.large(bench.cache, count, bench.scaled(512 * MIB))
            job = Job(made, f"{nginx.http}/{made.root.name}", nginx.ca, bench.home)
            for row in tool_rows(bench, job, all_mpifetch(bench.builds[:1], (1, 4))):
                rows.append(Row(f"{count} files, {row.name}", row.kind, row.call))
        yield rows
