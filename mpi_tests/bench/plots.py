#!/usr/bin/env python3
"""plots.py RESULTS PICTURES: the runs of a bench as PNG. Needs matplotlib."""

import sys
from pathlib import Path
from statistics import median

import matplotlib

matplotlib.use("agg")
import matplotlib.pyplot as plt  # noqa: E402

import picture  # noqa: E402
from figures import possible, share_of_links, wall_of  # noqa: E402
from store import Runs  # noqa: E402

COLORS = {"mpifetch": "tab:blue", "before": "lightsteelblue", "peer": "tab:gray"}
STEPS = {"list": "tab:purple", "stage": "tab:olive", "fetch": "tab:blue", "verify_tail": "tab:orange",
         "commit": "tab:green"}  # fmt: skip
PEERS = ("large", "large-https", "one", "small", "hub")


def save(figure, path):
    figure.savefig(path, dpi=90, bbox_inches="tight")
    plt.close(figure)


def peers(runs, path):
    """Wall seconds without sync, least to most, and what the floors make possible."""
    names = [name for name in PEERS if runs.rows(name)]
    if not names:
        return
    figure, axes = plt.subplots(1, len(names), figsize=(4 * len(names), 3.4), squeeze=False)
    for name, axis in zip(names, axes[0]):
        rows = runs.rows(name)
        shown = [
            (title, [wall_of(run, False) for run in found], found[0]["kind"])
            for title, found in rows.items()
            if found[0]["kind"] == "peer" or "--no-sync" in title
        ]
        bars(axis, [(title.replace(" --no-sync", ""), *rest) for title, *rest in shown])
        floor = possible(floors(rows), runs.machine()["cores"])
        if floor:
            axis.axvline(floor["wall"], color="tab:red", linestyle="--", linewidth=1)
        axis.set_title(name)
        axis.set_xlabel("s, to a verified copy")
    figure.tight_layout()
    save(figure, path)


def floors(rows):
    return {
        title: {key: median(run[key] for run in found) for key in ("wall", "cpu")}
        for title, found in rows.items()
        if found[0]["kind"] == "floor" and "cpu" in found[0]
    }


def bars(axis, shown):
    """shown: (title, values, kind)"""
    for at, (title, values, kind) in enumerate(reversed(shown)):
        middle = median(values)
        error = [[middle - min(values)], [max(values) - middle]]
        axis.barh(at, middle, xerr=error, color=COLORS[kind], capsize=2, height=0.7)
    axis.set_yticks(range(len(shown)), [title for title, *_ in reversed(shown)], fontsize=7)


def steps(runs, path):
    """Where the time of a run goes: medians of its steps."""
    shown = []
    for name in ("large", "one", "small", "big"):
        for title, found in runs.rows(name).items():
            if found[0]["kind"] == "mpifetch":
                middle = {step: median(run["seconds"][step] for run in found) for step in STEPS}
                whole = median(run["wall"] for run in found)
                short = title.removeprefix("mpifetch").lstrip(", ")
                shown.append((f"{name}: {short}", middle, whole - sum(middle.values())))
    if not shown:
        return
    figure, axis = plt.subplots(figsize=(9, 0.28 * len(shown) + 1))
    for at, (_, middle, rest) in enumerate(reversed(shown)):
        left = 0
        for step, seconds in [*middle.items(), ("start and end of MPI", rest)]:
            axis.barh(at, seconds, left=left, color=STEPS.get(step, "lightgray"), height=0.7,
                      label=step if at == 0 else None)  # fmt: skip
            left += seconds
    axis.set_yticks(range(len(shown)), [title for title, *_ in reversed(shown)], fontsize=7)
    axis.set_xlabel("s")
    axis.legend(fontsize=7, loc="lower right")
    save(figure, path)


def links(runs, path):
    """Share of the sum of links of each run over a WAN."""
    shown = []
    for name in ("hosts", "slow-host", "far", "collapse"):
        for title, found in runs.rows(name).items():
            if found[0]["kind"] != "floor":
                values = [share_of_links(run) for run in found]
                shown.append((f"{name}: {title}", values, found[0]["kind"]))
    if not shown:
        return
    figure, axis = plt.subplots(figsize=(8, 0.25 * len(shown) + 1))
    bars(axis, shown)
    axis.axvline(1, color="tab:red", linestyle="--", linewidth=1)
    axis.set_xlabel("share of the sum of links")
    save(figure, path)


def copies(runs, path):
    """Seconds until each host has its copy, and the largest of what bounds a run of ours."""
    shown = [
        (f"{title}{', storage' * (name == 'per-node-storage')}", found)
        for name in runs.cases()
        if name.startswith("per-node")
        for title, found in runs.rows(name).items()
    ]
    if not shown:
        return
    figure, axis = plt.subplots(figsize=(8, 0.28 * len(shown) + 1))
    bars(axis, [(title, [run["took"] for run in found], found[0]["kind"]) for title, found in shown])
    for at, (_, found) in enumerate(reversed(shown)):
        if found[0]["kind"] == "mpifetch":
            bound = median(max(run["bounds"].values()) for run in found)
            axis.plot([bound, bound], [at - 0.45, at + 0.45], color="tab:red", linewidth=2)
    axis.set_xlabel("s, to a verified copy on each host")
    save(figure, path)


def traces(directory, pictures):
    """Before above after, where there are both."""
    for name in ("eight-hosts", "two-speed"):
        found = [directory / f"{name}-{kind}.json" for kind in ("before", "mpifetch")]
        found = [path for path in found if path.exists()]
        if found:
            save(picture.draw(found), pictures / f"trace-{name}.png")


def main():
    results, pictures = map(Path, sys.argv[1:])
    runs = Runs(results)
    peers(runs, pictures / "peers.png")
    steps(runs, pictures / "steps.png")
    links(runs, pictures / "links.png")
    copies(runs, pictures / "copies.png")
    traces(results / "traces", pictures)


if __name__ == "__main__":
    main()
