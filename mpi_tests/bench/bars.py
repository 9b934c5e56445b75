"""Where the program must arrive: each row of the table with its bar."""

from dataclasses import dataclass
from statistics import median
from typing import Callable

from figures import (
    FLOORS,
    GIB,
    MB,
    Figure,
    against_best,
    each,
    fetched_twice,
    figure,
    middle,
    over_bound,
    rate,
    ratio,
    share_of_links,
)

SYNCED = {False: "no sync", True: "sync on both sides"}


@dataclass
class Bar:
    work: str
    case: str
    what: str
    value: Callable  # rows of the case and "" or "before: " -> Figure or None
    bar: float | None = None  # None: written down only
    least: bool = False  # it must not be below the bar; else not above
    all: bool = False  # in every round, not as a median

    def met(self, found):
        if self.bar is None or found is None:
            return None
        if self.least:
            return (found.least if self.all else found.value) >= self.bar
        return (found.most if self.all else found.value) <= self.bar


def peers(work, case, ranks, wall, cpu):
    bars = []
    for sync, said in SYNCED.items():
        for count in ranks:
            name = f"mpifetch{'' if sync else ' --no-sync'}, {count} ranks"
            for cost, what, bar in (("wall", "wall / best peer", wall),
                                    ("cpu", "CPU / leanest peer", cpu)):  # fmt: skip

                def value(rows, label, name=name, cost=cost, sync=sync):
                    return against_best(rows, label + name, cost, sync)

                bars.append(Bar(work, case, f"{what}, {count} ranks, {said}", value, bar))
    return bars


def hosts():
    bars = []
    for count, bar in ((2, 0.97), (4, 0.97), (8, 0.95)):
        for mib, least in ((768, bar), (192, 0.90)):
            row = f"{count} hosts, {mib} MiB"
            share = lambda rows, label, row=row: each(rows, label + row, share_of_links)
            bars.append(Bar("hosts with a link each", "hosts", f"share of the sum of links, {row}",
                            share, least, least=True))  # fmt: skip
    for mib, most in ((192, 0.03), (768, 0.01)):
        row = f"8 hosts, {mib} MiB"
        twice = lambda rows, label, row=row: each(rows, label + row, fetched_twice)
        bars.append(Bar("bytes fetched twice", "hosts", row, twice, most))
    return bars


def slow_host():
    return [
        Bar("4 hosts, one at a tenth", "slow-host", f"fetch x sum of links / bytes, {mib} MiB",
            lambda rows, label, mib=mib: each(
                rows, f"{label}{mib} MiB", lambda run: 1 / share_of_links(run)),
            bar)
        for mib, bar in ((768, 1.05), (192, 1.10))
    ]  # fmt: skip


def two_speed():
    return [
        Bar("a CDN of two speeds, 4 hosts", "two-speed",
            f"share of the speed where all are fast, {mib} MiB",
            lambda rows, label, mib=mib: ratio(
                rows, f"{label}{mib} MiB, 70 % slow", f"{label}{mib} MiB, all fast", rate),
            bar, least=True)
        for mib, bar in ((3072, 0.85), (192, None))
    ]  # fmt: skip


def after_the_last_byte(rows, label):
    """Seconds from the first byte to the end of verification beyond fetch or hash alone."""
    alone = [middle(rows, FLOORS[mode], lambda run: run["wall"]) for mode in ("write", "hash")]
    if None in alone:
        return None
    return each(
        rows,
        f"{label}mpifetch --no-sync, 4 ranks",
        lambda run: run["seconds"]["fetch"] + run["seconds"]["verify_tail"] - max(alone),
    )


def beyond_bare(rows, label):
    bare = rows.get("a program that starts MPI and ends it")
    ours = rows.get(f"{label}mpifetch get")
    if not bare or not ours:
        return None
    base = median(run["wall"] for run in bare)
    return figure(run["wall"] - base for run in ours)


def chores():
    whole, resume = "fetch of all", "resume of 20,000 small files"
    wall = lambda run: run["wall"]
    gib = lambda run: run["cpu"] / (run["bytes"]["published"] / GIB)
    return [
        Bar("one file of 2 GiB over 4 ranks", "one",
            "first byte to end of verification beyond max(fetch alone, hash alone), s",
            after_the_last_byte, 0.3),
        Bar("one file of 2 GiB over 4 ranks", "one", "last byte to end of verification, s",
            lambda rows, label: each(rows, f"{label}mpifetch --no-sync, 4 ranks",
                                     lambda run: run["seconds"]["verify_tail"])),
        Bar("8 x 1 GiB, 2 ranks", "big", "CPU s a GiB, no sync",
            lambda rows, label: each(rows, f"{label}mpifetch --no-sync, 2 ranks", gib), 1.6),
        Bar("8 x 1 GiB, 2 ranks", "big", "CPU s a GiB, sync",
            lambda rows, label: each(rows, f"{label}mpifetch, 2 ranks", gib), 1.6),
        Bar("plan of 1,000,000 lines", "list", "s",
            lambda rows, label: each(rows, f"{label}mpifetch plan", wall), 2),
        Bar("plan of 1,000,000 lines", "list", "MB",
            lambda rows, label: each(rows, f"{label}mpifetch plan", lambda run: run["memory"] / MB),
            400),
        Bar("nothing to do, 1,000 files, 4 ranks", "nothing", "s beyond an empty MPI program",
            beyond_bare, 0.1),
        Bar("a rank that waits for a slow source", "idle", "share of a core",
            lambda rows, label: each(rows, f"{label}mpifetch, 2 ranks", lambda run: run["share"]),
            0.03),
        Bar(resume, "resume", "half landed / fetch of all",
            lambda rows, label: ratio(
                rows, f"{label}resume, half landed", label + whole, wall), 0.70),
        Bar(resume, "resume", "all but one landed / fetch of all",
            lambda rows, label: ratio(
                rows, f"{label}resume, all but one landed", label + whole, wall), 0.25),
        Bar("1,024 ranks", "sched", "microseconds of rank 0 a segment",
            lambda rows, label: None if label else each(
                rows, "microseconds of CPU a segment or small file", lambda run: max(run["us"].values())), 2),
    ]  # fmt: skip


def copies(work, case, rows):
    """A copy on each host: (row, its peers)."""
    bars = []
    for row, others in rows:
        over = lambda found, label, row=row: None if label else each(found, row, over_bound)
        bars.append(Bar(work, case, f"time / largest bound, {row.partition(', ')[2]}", over, 1.15))
        for other in others:
            gain = lambda found, label, row=row, other=other: None if label else ratio(
                found, row, other, lambda run: run["took"])  # fmt: skip
            bars.append(Bar(work, case, f"time / {other}", gain))
    return bars


def all_copies():
    work = "a copy on each host, 512 MiB"
    bars = copies(work, "per-node", [
        (f"mpifetch, {count} hosts",
         (f"rclone on every host, {count} hosts", f"one host and sbcast, {count} hosts"))
        for count in (2, 4, 8)
    ])  # fmt: skip
    bars += [
        Bar(work, "per-node", f"bytes of the source / content, {count} hosts",
            lambda rows, label, count=count: None if label else each(
                rows, f"mpifetch, {count} hosts", lambda run: run["came"]), 1.02, all=True)
        for count in (2, 4, 8)
    ]  # fmt: skip
    for case, name in (("per-node-slow-wan", "one slow to the source"),
                       ("per-node-no-wan", "one without the source"),
                       ("per-node-slow-fabric", "one slow to the others")):  # fmt: skip
        bars += copies(work, case, [(f"mpifetch, 4 hosts, {name}", ())])
    bars += copies(f"{work}, from storage of 100 MB/s", "per-node-storage",
                   [("mpifetch, 8 hosts", ("cp on every host, 8 hosts", "sbcast, 8 hosts"))])  # fmt: skip
    bars.append(Bar("64 ranks on 16 hosts", "per-node-ranks", "MB of a rank",
                    lambda rows, label: None if label else each(
                        rows, "mpifetch, 64 ranks on 16 hosts", lambda run: run["memory"] / MB)))  # fmt: skip
    return bars


BARS = [
    *peers("4 x 512 MiB, HTTP", "large", (2, 4), 0.55, 0.45),
    *peers("4 x 512 MiB, HTTPS", "large-https", (2,), 0.60, 0.55),
    *peers("one file of 2 GiB", "one", (2,), 0.40, 0.45),
    *peers("10,000 files of 1 to 20 KiB", "small", (2, 4), 0.50, 1.00),
    *peers("4 x 512 MiB from a Hub, to hf", "hub", (2,), None, None),
    *hosts(),
    *slow_host(),
    *two_speed(),
    Bar("a source that collapses, 4 hosts, N from 6 to 64", "collapse", "share of its best",
        lambda rows, label: each(rows, f"{label}4 hosts", share_of_links), 0.85, least=True,
        all=True),
    Bar("a source 50 ms away", "far", "share of the link, 1 host, 384 MiB",
        lambda rows, label: each(rows, f"{label}1 host, 384 MiB", share_of_links), 0.90, least=True),
    Bar("a source 50 ms away", "far", "share of the links, 4 hosts, 768 MiB",
        lambda rows, label: each(rows, f"{label}4 hosts, 768 MiB", share_of_links), 0.90,
        least=True),
    *all_copies(),
    *chores(),
]  # fmt: skip


def find_all(store):
    """[(Bar, Figure or None, Figure of the build before or None)]"""
    found = []
    for bar in BARS:
        rows = store.rows(bar.case)
        found.append((bar, bar.value(rows, ""), bar.value(rows, "before: ")))
    return found


__all__ = ["BARS", "Bar", "Figure", "find_all"]
