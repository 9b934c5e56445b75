#!/usr/bin/env python3
"""picture.py OUT.png TRACE...: who did what when, from files of --trace. Needs matplotlib.

A band for each rank: its transfers, each in a row of its slot, above what its threads hash and
copy; a mark where a connection is replaced, and a line for how many there may be. Traces stand one
above the other with the same seconds, so that they can be compared."""

import json
import sys
from pathlib import Path

COLORS = {"fetch": "tab:blue", "hash": "tab:orange", "copy": "tab:green", "renew": "tab:red"}
LEAST = 0.004  # of the whole length, as wide as a bar must be to be seen


def ranks_of(events):
    """[(name, {name of a kind of bar: [(lane, begin, seconds)]}, lanes)], by rank. Lanes are
    numbered from 0, transfers first; a lane that has no bar has no number."""
    names = {
        event["pid"]: event["args"]["name"]
        for event in events
        if event["ph"] == "M" and event["name"] == "process_name"
    }
    found = []
    for rank in sorted(names):
        bars = [
            event
            for event in events
            if event["ph"] == "X" and event["pid"] == rank and event["name"] in COLORS
        ]
        lanes = {tid: lane for lane, tid in enumerate(sorted({bar["tid"] for bar in bars}))}
        kinds = {}
        for bar in bars:
            place = (lanes[bar["tid"]], bar["ts"] / 1e6, bar["dur"] / 1e6)
            kinds.setdefault(bar["name"], []).append(place)
        found.append((names[rank], kinds, len(lanes)))
    return found


def connections_of(events):
    """[(seconds, how many the job may have from then on)]"""
    return [
        (event["ts"] / 1e6, event["args"]["connections"])
        for event in events
        if event["ph"] == "C" and event["name"] == "connections"
    ]


def length(ranks):
    """Seconds until the last bar ends."""
    ends = [
        begin + seconds
        for _, kinds, _ in ranks
        for bars in kinds.values()
        for _, begin, seconds in bars
    ]
    return max(ends, default=0)


def draw(paths):
    """A figure of matplotlib."""
    import matplotlib

    matplotlib.use("agg")
    import matplotlib.pyplot as plt

    traces = [(path.stem, json.loads(path.read_text())) for path in map(Path, paths)]
    traces = [(title, ranks_of(events), connections_of(events)) for title, events in traces]
    end = max(length(ranks) for _, ranks, _ in traces)
    heights = [sum(lanes + 1 for *_, lanes in ranks) for _, ranks, _ in traces]
    figure, axes = plt.subplots(
        len(traces), 1, figsize=(10, 0.055 * sum(heights) + 1), height_ratios=heights, squeeze=False
    )
    for axis, (title, ranks, connections) in zip(axes[:, 0], traces):
        bands(axis, ranks, LEAST * end)
        if connections:
            steps(axis.twinx(), connections, end)
        axis.set_xlim(0, end * 1.01)
        axis.set_title(f"{title}: {length(ranks):.2f} s", fontsize=9, loc="left")
    axes[-1, 0].set_xlabel("s since the ranks agreed that staging is ready")
    handles = [plt.Rectangle((0, 0), 1, 1, color=color) for color in COLORS.values()]
    axes[0, 0].legend(
        handles, COLORS, fontsize=7, ncols=4, loc="lower right", bbox_to_anchor=(1, 1)
    )
    figure.tight_layout()
    return figure


def bands(axis, ranks, least):
    bottom, ticks = 0, []
    for name, kinds, lanes in ranks:
        ticks.append((bottom + lanes / 2, name))
        for kind in sorted(kinds, key=list(COLORS).index):  # marks last, above the others
            for lane, begin, seconds in kinds[kind]:
                axis.broken_barh([(begin, max(seconds, least))], (bottom + lane + 0.1, 0.8),
                                 color=COLORS[kind], edgecolor="white", linewidth=0.2)  # fmt: skip
        bottom += lanes + 1
        axis.axhline(bottom - 0.5, color="lightgray", linewidth=0.5)
    axis.set_yticks(*zip(*ticks), fontsize=7)
    axis.set_ylim(bottom, -0.5)


def steps(axis, connections, end):
    at, count = zip(*connections)
    axis.step([*at, end], [*count, count[-1]], where="post", color="black", linewidth=0.8)
    axis.set_ylim(0, 1.1 * max(count))
    axis.set_ylabel("connections", fontsize=7)
    axis.tick_params(labelsize=7)


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    draw(sys.argv[2:]).savefig(sys.argv[1], dpi=90, bbox_inches="tight")


if __name__ == "__main__":
    main()
