"""From runs to figures. Pure: runs are dicts as the store has them, by row."""

from dataclasses import dataclass
from statistics import median

FRAME = 1448 / 1514  # of what a link carries is data: the rest is headers
FLOORS = {
    "receive": "receive only",
    "write": "receive and write",
    "direct": "receive and write past the page cache",
    "hash": "hash only",
    "copy": "copy only",
}
GIB = 1 << 30
MB = 1e6


@dataclass
class Figure:
    """A median, and the least and the most of all rounds."""

    value: float
    least: float
    most: float


def figure(values):
    values = list(values)
    return Figure(median(values), min(values), max(values)) if values else None


def wall_of(run, sync):
    return sum(run.get(key, 0) for key in ("wall", "check_wall", *(("sync_wall",) if sync else ())))


def cpu_of(run, sync):
    return sum(run.get(key, 0) for key in ("cpu", "check_cpu", *(("sync_cpu",) if sync else ())))


COSTS = {"wall": wall_of, "cpu": cpu_of}


def cost_of(run, cost, sync):
    """With and without sync, on both sides."""
    return COSTS[cost](run, sync)


def best_peer(rows, cost, sync):
    """Its runs, or None."""
    peers = [runs for runs in rows.values() if runs[0]["kind"] == "peer"]
    middle = lambda runs: median(cost_of(run, cost, sync) for run in runs)  # noqa: E731
    return min(peers, key=middle, default=None)


def best_cost(rows, cost, sync):
    """Its median, or None."""
    best = best_peer(rows, cost, sync)
    return best and median(cost_of(run, cost, sync) for run in best)


def against_best(rows, name, cost, sync):
    """Figure of a row as a share of the best peer: medians by medians, and round by round."""
    ours, best = rows.get(name), best_peer(rows, cost, sync)
    if not ours or not best:
        return None
    other = {run["round"]: cost_of(run, cost, sync) for run in best}
    pairs = [(cost_of(run, cost, sync), other.get(run["round"])) for run in ours]
    shares = [mine / its for mine, its in pairs if its]
    if not shares:
        return None
    value = median(mine for mine, _ in pairs) / best_cost(rows, cost, sync)
    return Figure(value, min(shares), max(shares))


def each(rows, name, value):
    """Figure of value(run) over the runs of a row."""
    runs = rows.get(name)
    return figure(value(run) for run in runs) if runs else None


def middle(rows, name, value):
    found = each(rows, name, value)
    return found and found.value


def rate(run):
    """Bytes a second while it fetched."""
    return run["bytes"]["published"] / run["seconds"]["fetch"]


def share_of_links(run):
    return rate(run) / run["links"]


def fetched_twice(run):
    return run["bytes"]["duplicated"] / run["bytes"]["published"]


def ratio(rows, name, other, value):
    """Of medians, and round by round."""
    ours, its = rows.get(name), rows.get(other)
    if not ours or not its:
        return None
    by_round = {run["round"]: value(run) for run in its}
    shares = [value(run) / by_round[run["round"]] for run in ours if run["round"] in by_round]
    if not shares:
        return None
    whole = median(map(value, ours)) / median(by_round.values())
    return Figure(whole, min(shares), max(shares))


def link_bounds(nbytes, links):
    """Seconds that each link, and all together, make it last until every host has so many bytes of
    which the source gives each once. links: bytes a second of each host from the source, and to and
    from the others.

    Who fetches more than it can pass on fetches in vain, and what a host has not fetched comes by
    its fabric."""
    if len(links) == 1:
        return {"wan": nbytes / links[0][0]}
    fetched = [min(pair) for pair in links]
    return {
        "wan": nbytes / sum(fetched),
        "fabric": nbytes * (len(links) - 1) / sum(fabric for _, fabric in links),
        "one host": max(nbytes / (mine + fabric) for mine, (_, fabric) in zip(fetched, links)),
    }


def over_bound(run):
    """How much longer it took than the largest of its bounds."""
    return run["took"] / max(run["bounds"].values())


def possible(medians, cores):
    """{"wall", "cpu"} of receiving, writing and hashing, from the floors of a case; None without
    them. All share the cores, and a hash of one file has one."""
    if not all(name in medians for name in (FLOORS["write"], FLOORS["direct"], FLOORS["hash"])):
        return None
    write = min((medians[FLOORS[mode]] for mode in ("write", "direct")), key=lambda m: m["wall"])
    hashed = medians[FLOORS["hash"]]
    return {
        "wall": max(write["wall"] + hashed["cpu"] / cores, hashed["wall"]),
        "cpu": write["cpu"] + hashed["cpu"],
    }
