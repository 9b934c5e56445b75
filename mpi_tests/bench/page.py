"""Markdown: the table of bars, then a table for each case."""

from statistics import median

import bars
from case import CASES
from figures import (
    FLOORS,
    GIB,
    best_cost,
    cost_of,
    fetched_twice,
    over_bound,
    possible,
    share_of_links,
    wall_of,
)

MIB = 1 << 20
FUNCTIONS = 20  # that are shown


def numbers(sample):
    """The few that are shown while it runs."""
    shown = {"wall": "{:.2f} s", "cpu": "CPU {:.2f} s", "check_wall": "check {:.2f} s",
             "rate": "{:.0f} B/s", "took": "took {:.2f} s", "came": "came {:.3f}", "share": "{:.3f}"}  # fmt: skip
    found = [text.format(sample[key]) for key, text in shown.items() if key in sample]
    if "us" in sample:
        found.append(f"{max(sample['us'].values()):.2f} microseconds at most")
    if "bounds" in sample:
        found.append(", ".join(f"{key} {value:.2f}" for key, value in sample["bounds"].items()))
    if "seconds" in sample:
        found.append(f"fetch {sample['seconds']['fetch']:.2f} s")
    return found


def write(store):
    """results.md beside the runs; its path."""
    parts = [preface(store), bar_table(bars.find_all(store))]
    for name in store.cases():
        rows = store.rows(name)
        if rows:
            parts.append(f"\n## {name}: {CASES[name].heading}\n\n{case_table(rows, store)}")
    path = store.dir / "results.md"
    path.write_text("\n".join(parts) + "\n")
    return path


def preface(store):
    found = store.machine()
    lines = [
        "# Bench of mpifetch\n",
        f"{found['when']}, {found['cores']} cores of {found['cpu']}, Linux {found['kernel']}, load "
        f"{found['load']:.1f} at the start; all tools of a case write to one {found['dest']}. Medians, and"
        " least to most of all rounds.\n",
        "; ".join(found["versions"] + found["peers"]) + ".\n",
    ]
    if found["load"] > 0.25 * found["cores"]:
        lines.append("**The machine was busy before the bench began: trust no seconds here.**\n")
    return "\n".join(lines)


END = "<!-- until here -->"


def all_copies(store):
    """Rows of all cases of copies on each host."""
    cases = [name for name in store.cases() if name.startswith("per-node")]
    return {
        f"{row}{', storage of 100 MB/s' * (name == 'per-node-storage')}": runs
        for name in cases
        for row, runs in store.rows(name).items()
    }


def published(text, store):
    """A document with those of its parts filled in that were measured."""
    found = bars.find_all(store)
    for part, copies in (("figures", False), ("copies", True)):
        mine = [one for one in found if one[0].case.startswith("per-node") == copies]
        if any(now for _, now, _ in mine):
            figures = preface(store).partition("\n\n")[2] + "\n" + bar_table(mine)
            figures = figures.replace("## The bars\n\n", "")
            if copies:
                figures += f"\n\n{copy_table(all_copies(store))}"
            text = put_between(text, part, figures)
    if store.rows("large"):
        text = put_between(text, "floors", floor_table(store))
    if store.rows("profile"):
        text = put_between(text, "profile", function_table(store.rows("profile")))
    for picture in store.pictures().glob("*.png"):
        shown = f"![{picture.stem.replace('-', ' ')}](pictures/{picture.name})"
        text = put_between(text, picture.name, shown)
    return text


def put_between(text, name, new):
    """The text with new between the marks of that name."""
    mark = f"<!-- {name}, from bench.py --publish -->"
    before, rest = text.split(mark)
    after = rest.split(END, 1)[1]
    return f"{before}{mark}\n\n{new.strip()}\n\n{END}{after}"


def floor_table(store):
    """What a GiB costs by itself, of files of a GiB in all and of small files."""
    lines = ["| what | seconds, all cores | CPU seconds |", "|---|--:|--:|"]
    for case, title in (("large", "large files"), ("large-https", "large files, HTTPS"),
                        ("small", "files of 1 to 20 KiB")):  # fmt: skip
        rows = store.rows(case)
        sizes = [
            run["bytes"]["published"] for runs in rows.values() for run in runs if "bytes" in run
        ]
        for name in FLOORS.values():
            if sizes and name in rows:
                wall, cpu = (median(run[key] for run in rows[name]) * GIB / sizes[0]
                             for key in ("wall", "cpu"))  # fmt: skip
                lines.append(f"| {name}, {title} | {shown(wall)} | {shown(cpu)} |")
    return "\n".join(lines)


def shown(value):
    if value is None:
        return ""
    return (
        f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}" if value < 0.1 else f"{value:.2f}"
    )


def bar_table(found):
    """What was not measured is left out; the column of the build before, if there is none."""
    with_before = any(before for _, _, before in found)
    head = [
        "work",
        "figure",
        *(["before"] if with_before else []),
        "now",
        "least to most",
        "bar",
        "met",
    ]
    lines = ["## The bars\n", f"| {' | '.join(head)} |",
             "|---|---|" + "--:|" * with_before + "--:|:-:|--:|---|"]  # fmt: skip
    for bar, now, before in found:
        if now is None:
            continue
        limit = "" if bar.bar is None else f"{'>=' if bar.least else '<='} {shown(bar.bar)}"
        met = {None: "", True: "yes", False: "**no**"}[bar.met(now)]
        cells = [bar.work, bar.what, *([shown(before and before.value)] if with_before else [])]
        cells += [shown(now.value), f"{shown(now.least)} to {shown(now.most)}", limit, met]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def case_table(rows, store):
    if all("bounds" in runs[0] for runs in rows.values()):
        return copy_table(rows)
    if FLOORS["hash"] in rows or any(runs[0]["kind"] == "peer" for runs in rows.values()):
        return tool_table(rows, store.machine()["cores"])
    if all("hosts" in runs[0] or runs[0]["kind"] == "floor" for runs in rows.values()):
        return wan_table(rows)
    if any("by_function" in runs[0] for runs in rows.values()):
        return function_table(rows)
    return plain_table(rows)


def tool_table(rows, cores):
    """A row of a peer stands twice: without its sync, to be compared with --no-sync, and with."""
    medians = {name: {"wall": median(r["wall"] for r in runs), "cpu": median(r["cpu"] for r in runs)}
               for name, runs in rows.items() if runs[0]["kind"] == "floor"}  # fmt: skip
    floor = possible(medians, cores)
    lines = ["| tool | wall s | least to most | of it sha256sum | CPU s | wall / best peer "
             "| CPU / leanest peer | possible wall / wall | possible CPU / CPU |",
             "|---|--:|:-:|--:|--:|--:|--:|--:|--:|"]  # fmt: skip
    for sync in (False, True):
        best = {cost: best_cost(rows, cost, sync) for cost in ("wall", "cpu")}
        for name, runs in rows.items():
            kind = runs[0]["kind"]
            if kind == "floor" or (kind != "peer" and ("--no-sync" in name) == sync):
                continue
            walls = [wall_of(run, sync) for run in runs]
            found = {cost: median(cost_of(run, cost, sync) for run in runs) for cost in best}
            check = median(run.get("check_wall", 0) for run in runs)
            title = f"{name}, sync" if sync and kind == "peer" else name
            cells = [title, shown(found["wall"]), f"{min(walls):.2f} to {max(walls):.2f}",
                     shown(check or None), shown(found["cpu"]),
                     *(shown(best[cost] and found[cost] / best[cost]) for cost in best),
                     *(shown(floor[cost] / found[cost]) if floor else "" for cost in best)]  # fmt: skip
            lines.append(f"| {' | '.join(cells)} |")
    for name, found in medians.items():
        lines.append(f"| {name} | {shown(found['wall'])} | | | {shown(found['cpu'])} | | | | |")
    return "\n".join(lines)


def wan_table(rows):
    lines = ["| run | fetch s | least to most | MB/s | share of the links | fetched twice | CPU s |",
             "|---|--:|:-:|--:|--:|--:|--:|"]  # fmt: skip
    for name, runs in rows.items():
        if runs[0]["kind"] == "floor":
            rate = median(run["rate"] for run in runs)
            lines.append(f"| {name} | | | {rate / 1e6:.2f} | | | |")
            continue
        fetch = [run["seconds"]["fetch"] for run in runs]
        speed = median(run["bytes"]["published"] / run["seconds"]["fetch"] for run in runs) / 1e6
        limits = [str(run["limit"]) for run in runs if "limit" in run]
        title = f"{name}, N = {', '.join(limits)}" if limits else name
        title += ", ended early" * any("unfinished" in run for run in runs)
        cells = [title, shown(median(fetch)), f"{min(fetch):.2f} to {max(fetch):.2f}",
                 f"{speed:.1f}", f"{median(map(share_of_links, runs)):.3f}",
                 f"{100 * median(map(fetched_twice, runs)):.1f} %",
                 shown(median(run["ranks_cpu"] for run in runs))]  # fmt: skip
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def copy_table(rows):
    """Of copies on each host: what bounds a run, the largest first."""
    lines = ["| run | s | least to most | / largest bound | bounds, s | bytes of the source / content | CPU s |",
             "|---|--:|:-:|--:|---|--:|--:|"]  # fmt: skip
    for name, runs in rows.items():
        took = [run["took"] for run in runs]
        bounds = {key: median(run["bounds"][key] for run in runs) for key in runs[0]["bounds"]}
        order = sorted(bounds, key=lambda key: -bounds[key])
        cells = [name, shown(median(took)), f"{min(took):.2f} to {max(took):.2f}",
                 shown(median(map(over_bound, runs))),
                 ", ".join(f"{key} {shown(bounds[key])}" for key in order),
                 shown(median(run["came"] for run in runs)),
                 shown(median(run["cpu"] for run in runs))]  # fmt: skip
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def plain_table(rows):
    lines = ["| run | wall s | least to most | CPU s | memory MiB | other |",
             "|---|--:|:-:|--:|--:|---|"]  # fmt: skip
    for name, runs in rows.items():
        walls = [run["wall"] for run in runs if "wall" in run]
        memory = max((run["memory"] / MIB for run in runs if "memory" in run), default=None)
        other = [f"{key} {value}" for key, value in runs[-1].get("served", {}).items()]
        other += [f"{key}: {value:.2f}" for key, value in runs[-1].get("us", {}).items()]
        if "share" in runs[0]:
            other.append(f"{100 * median(run['share'] for run in runs):.1f} % of a core")
        cpus = [run["cpu"] for run in runs if "cpu" in run]
        cells = [name, shown(median(walls)) if walls else "",
                 f"{min(walls):.2f} to {max(walls):.2f}" if walls else "",
                 shown(median(cpus)) if cpus else "", shown(memory), ", ".join(other)]  # fmt: skip
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def function_table(rows):
    """CPU seconds by function, what costs most in any row first."""
    names = {name for runs in rows.values() for name in runs[-1]["by_function"]}
    cost = {row: runs[-1]["by_function"] for row, runs in rows.items()}
    most = sorted(names, key=lambda name: -max(one.get(name, 0) for one in cost.values()))
    lines = [f"| function | {' | '.join(rows)} |", "|---|" + "--:|" * len(rows)]
    whole = [shown(runs[-1]["ranks_cpu"]) for runs in rows.values()]
    lines.append(f"| all, CPU s | {' | '.join(whole)} |")
    for name in most[:FUNCTIONS]:
        cells = [shown(one[name]) if name in one else "" for one in cost.values()]
        lines.append(f"| `{name}` | {' | '.join(cells)} |")
    return "\n".join(lines)
