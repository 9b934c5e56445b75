#!/usr/bin/env python3
"""What bench-scaling.sbatch writes down: lists for the tools, a row for each run, and the page.

    bench-scaling.py lists RESULTS SHARED BASE_URL WORD...
    bench-scaling.py row RESULTS ROUND TURN NODES WAY STATUS BEGIN_NS END_NS
    bench-scaling.py page RESULTS

Python 3.6 is enough. Times are those of the node that runs the batch script."""

import csv
import json
import os
import re
import statistics
import sys
from pathlib import Path
from urllib.parse import quote

FIELDS = (
    "round turn nodes way tool status started seconds files bytes requests_listing requests_data"
    " wan_bytes wan_known_by interface_bytes verified_nodes"
).split()
WAYS = {
    "mpifetch": "all nodes together, into the shared storage",
    "alone": "each node everything for itself, onto its own disk",
    "sbcast": "one node everything, sbcast to the disks of all",
}
SHOWN = ("job", "nodes", "source", "shared", "local", "tool", "versions")
UNITS = ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB"))


# lists: what the tools are told


def option(words, name):
    """The value of the last --name VALUE or --name=VALUE."""
    found = None
    for i, word in enumerate(words):
        if word == name and i + 1 < len(words):
            found = words[i + 1]
        elif word.startswith(name + "="):
            found = word[len(name) + 1 :]
    return found


def hub_base(report):
    """Of the commit that was fetched, so that a branch which moves meanwhile does not matter."""
    found = re.match(r"hf://(models|datasets|spaces)/([^/]+/[^/@]+)", report["source"])
    if not found:
        return None
    kind = "" if found.group(1) == "models" else found.group(1) + "/"
    endpoint = os.environ.get("HF_ENDPOINT") or "https://huggingface.co"
    return "{}/{}{}/resolve/{}".format(endpoint.rstrip("/"), kind, found.group(2), report["revision"])


def base_of(words, report):
    """The URL of the directory of all files, or None."""
    manifest = option(words, "--manifest")
    source = option(words, "--base") or manifest
    if manifest is None:
        source = next((word for word in words if re.match(r"(hf|https?|file)://", word)), "")
        if source.startswith("hf:"):
            return hub_base(report)
    if not re.match("https?://", source) or "?" in source:
        return None
    return source.rpartition("/")[0]


def lists(results, shared, base, *words):
    report = json.loads(Path(results, "runs/list/report.json").read_text())
    base = base.rstrip("/") or base_of(words, report)
    sizes = [line.partition(" ") for line in Path(shared, "sizes").read_text("utf-8").splitlines()]
    # the largest first: else one of them may be what all others have to wait for
    names = [name for count, _, name in sorted(sizes, key=lambda row: -int(row[0]))]
    Path(shared, "names").write_text("".join(name + "\n" for name in names), "utf-8")
    Path(shared, "base").write_text((base or "") + "/\n")
    with open(Path(shared, "curl.conf"), "w", encoding="utf-8") as file:
        for name in names if base else ():
            out = name.replace("\\", "\\\\").replace('"', '\\"')
            file.write('url = "{}/{}"\noutput = "{}"\n'.format(base, quote(name), out))


# row: one run


def counted_by_reports(files):
    """Of mpifetch; what it has taken from elsewhere was not fetched."""
    found = {"requests_listing": 0, "requests_data": 0, "wan_bytes": 0, "wan_known_by": "report"}
    for file in files:
        report = json.loads(file.read_text())
        requests, data = report["requests"], report["bytes"]
        if data["reused"] or data["resumed"]:
            raise ValueError("{}: not everything was fetched".format(file))
        found["requests_listing"] += requests["api"] + requests["resolve"]
        found["requests_data"] += requests["data"]
        found["wan_bytes"] += data["fetched"]
    return found


def counted_by_tool(said, planned):
    """Lines "fetched HOST bytes=N files=N redirects=N" of curl, from rclone nothing but the host:
    that is the least. With a Hub each file is a request that it counts."""
    lines = [dict(re.findall(r"(\w+)=(\d+)", line)) for line in said if line.startswith("fetched ")]
    if not lines or "bytes" not in lines[0]:
        return {"wan_bytes": planned["plan"]["bytes"] * len(lines), "wan_known_by": "sizes"}
    files, redirects, count = (
        sum(int(line[key]) for line in lines) for key in ("files", "redirects", "bytes")
    )
    return {
        "requests_listing": files if planned["source"].startswith("hf:") else 0,
        "requests_data": files + redirects,
        "wan_bytes": count,
        "wan_known_by": "tool",
    }


def interface_bytes(home):
    """What the cards of all nodes have received meanwhile, or nothing if one is not known."""
    seen = []
    for name in ("before", "after"):
        rows = [line.split() for line in (home / name).read_text().splitlines()]
        seen.append({row[0]: row[2] for row in rows})
    before, after = seen
    if set(before) != set(after) or "-" in before.values():
        return ""
    return sum(int(after[host]) - int(before[host]) for host in after)


def row(results, number, turn, nodes, way, status, begin, end):
    home = Path(results, "runs", "-".join((number, turn, way, nodes)))
    planned = json.loads(Path(results, "runs/list/report.json").read_text())
    said = (home / "out").read_text("utf-8", "replace").splitlines()
    tool = "mpifetch" if way == "mpifetch" else os.environ["BENCH_TOOL"]
    verified = len({line for line in said if line.startswith("verified ")})
    found = {
        "round": number,
        "turn": turn,
        "nodes": nodes,
        "way": way,
        "tool": tool,
        "status": status,
        "started": "{:.3f}".format(int(begin) / 1e9),
        "seconds": "{:.3f}".format((int(end) - int(begin)) / 1e9),
        "files": planned["plan"]["files"],
        "bytes": planned["plan"]["bytes"],
        "interface_bytes": interface_bytes(home),
        "verified_nodes": verified,
    }
    if tool == "mpifetch":
        found.update(counted_by_reports(home.glob("report*.json")))
    else:
        found.update(counted_by_tool(said, planned))
    append(Path(results, "scaling.csv"), found)
    good = status == "0" and verified == int(nodes)
    outcome = "{} s".format(found["seconds"]) if good else "failed, see {}".format(home)
    print("round {}: {} nodes, {}: {}".format(number, nodes, way, outcome), flush=True)
    return 0 if good else 1


def append(path, found):
    new = not path.exists()
    with open(path, "a", newline="") as file:
        writer = csv.DictWriter(file, FIELDS, restval="", lineterminator="\n")
        if new:
            writer.writeheader()
        writer.writerow(found)


# page: all runs


class Group:
    """The runs of one way with one number of nodes."""

    def __init__(self, nodes, way, rows):
        self.nodes, self.way, self.tried = nodes, way, len(rows)
        self.good = [r for r in rows if r["status"] == "0" and int(r["verified_nodes"]) == nodes]
        self.seconds = sorted(float(r["seconds"]) for r in self.good)
        self.median = statistics.median(self.seconds) if self.seconds else None

    def middle(self, field):
        """None: not known."""
        values = [int(r[field]) for r in self.good if r[field] != ""]
        return statistics.median(values) if values else None


def grouped(rows):
    keys = sorted({(int(r["nodes"]), list(WAYS).index(r["way"])) for r in rows})
    ways = list(WAYS)
    return [
        Group(n, ways[w], [r for r in rows if int(r["nodes"]) == n and r["way"] == ways[w]])
        for n, w in keys
    ]


def size(count):
    if count is None:
        return "not known"
    for unit, name in UNITS:
        if count >= unit:
            return "{:.2f} {}".format(count / unit, name)
    return "{:.0f} B".format(count)


def number(count):
    return "not known" if count is None else "{:.0f}".format(count)


def table(groups, nbytes):
    yield (
        "| nodes | way | seconds: median (from, to) | to mpifetch | size / seconds | requests: listing"
        " + data | WAN bytes | bytes at the nodes' cards | copies verified |"
    )
    yield "|--:|---|--:|--:|--:|--:|--:|--:|--:|"
    base = {group.nodes: group.median for group in groups if group.way == "mpifetch"}
    for group in groups:
        cells = [str(group.nodes), group.way]
        if group.median is None:
            cells += ["failed", "", "", "", "", ""]
        else:
            ours = base.get(group.nodes)
            listing, data = (group.middle("requests_" + name) for name in ("listing", "data"))
            cells += [
                "{:.2f} ({:.2f}, {:.2f})".format(group.median, group.seconds[0], group.seconds[-1]),
                "{:.2f}".format(group.median / ours) if ours else "",
                size(nbytes / group.median) + "/s",
                "not known" if data is None else "{} + {}".format(number(listing), number(data)),
                size(group.middle("wan_bytes")),
                size(group.middle("interface_bytes")),
            ]
        cells.append("{} of {} runs".format(len(group.good), group.tried))
        yield "| {} |".format(" | ".join(cells))


def plot(groups, nbytes, path):
    """Why there is no picture, or None."""
    try:
        import matplotlib
    except ImportError:
        return "python3 has no matplotlib here, so there is no picture; scaling.csv has all runs."
    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, (left, right) = pyplot.subplots(1, 2, figsize=(11, 4.2))
    for way in WAYS:
        mine = [group for group in groups if group.way == way and group.median is not None]
        if not mine:
            continue
        nodes, middle = [g.nodes for g in mine], [g.median for g in mine]
        spread = [
            [g.median - g.seconds[0] for g in mine],
            [g.seconds[-1] - g.median for g in mine],
        ]
        left.errorbar(nodes, middle, yerr=spread, marker="o", capsize=3, label=way)
        carried = [(g.nodes, g.middle("wan_bytes")) for g in mine]
        carried = [(n, count / nbytes) for n, count in carried if count is not None and nbytes]
        right.plot([n for n, _ in carried], [count for _, count in carried], marker="o", label=way)
    left.set_ylabel("seconds from URL to verified copies")
    right.set_ylabel("WAN bytes / size of the source")
    for axes in (left, right):
        axes.set_xscale("log", base=2)
        axes.set_xticks(sorted({group.nodes for group in groups}))
        axes.get_xaxis().set_major_formatter(matplotlib.ticker.ScalarFormatter())
        axes.set_xlabel("nodes")
        axes.set_ylim(bottom=0)
        axes.grid(True, alpha=0.3)
        axes.legend()
    figure.tight_layout()
    figure.savefig(str(path), dpi=120)
    return None


HOW = """## How this was measured

- From before `srun` of a step until after it, so starting the ranks counts. Each run has fresh directories, which are
  removed afterwards, untimed. Ways and numbers of nodes take turns, in another order each round. One run before the first
  does not count: it tells what the source has, and warms the source's caches.
- `mpifetch`: the tree is verified, on the disk and seen by all nodes when it ends. Untimed, all nodes then verify it
  again together, and each looks whether it sees all of it.
- `alone` and `sbcast`: the tool is {tool}. Each node hashes its own copy
  with the processors that it has for the job, which is timed{own}; nobody waits for its disk.
  `sbcast` sends files of {pack} MiB and more one by one, the others as one tar file.
- Requests and WAN bytes of `mpifetch` are those of its report: listing and what the Hub counts as requests for files, and
  requests for data (a small file of the Hub is in both). {known}
- Bytes at the nodes' cards are all that {cards} received on the nodes of the run meanwhile: also headers, and whatever
  else comes that way, which is the shared storage and `sbcast` where they use the same card.
"""


COUNTED = """Those of curl are what it counted: each file,
  each redirect, bytes of files; what it asked for again is not in it."""
UNKNOWN = """rclone does not tell: its bytes are the
  sizes of all files, its requests are left out."""


def how(about):
    tool = about["tool"]
    own, known = "", COUNTED
    if tool.startswith("mpifetch"):
        own, known = " (mpifetch alone by itself)", "mpifetch alone: the sum over the nodes."
    elif tool.startswith("rclone"):
        known = UNKNOWN
    cards = about.get("wan_if", "").replace("-", "")
    cards = cards or "no card (none is known)"
    return HOW.format(tool=tool, own=own, known=known, cards=cards, pack=about["pack"])


def page(results):
    with open(Path(results, "scaling.csv"), newline="") as file:
        rows = list(csv.DictReader(file))
    lines = Path(results, "about").read_text("utf-8").splitlines()
    about = dict(line.split("\t", 1) for line in lines)
    groups = grouped(rows)
    nbytes = int(rows[0]["bytes"])
    missing = plot(groups, nbytes, Path(results, "scaling.png"))
    text = ["# From a URL to a verified copy that every node can read\n"]
    text.append("{} files, {}.\n".format(rows[0]["files"], size(nbytes)))
    text += ["- {}: {}".format(name, value) for name, value in about.items() if name in SHOWN]
    text += ["- `{}`: {}".format(way, meaning) for way, meaning in WAYS.items()]
    text += ["", *table(groups, nbytes), ""]
    text.append(missing or "![seconds and WAN bytes by nodes](scaling.png)")
    text += ["", how(about)]
    Path(results, "scaling.md").write_text("\n".join(text), "utf-8")
    return 0


def main():
    verbs = {"lists": lists, "row": row, "page": page}
    if len(sys.argv) < 3 or sys.argv[1] not in verbs:
        sys.exit(__doc__)
    sys.exit(verbs[sys.argv[1]](*sys.argv[2:]))


if __name__ == "__main__":
    main()
