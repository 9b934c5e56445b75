#!/usr/bin/env python3
"""mpifetch against aria2c, rclone and curl -Z, in one run on one machine; see README.md.

The machine does not matter, the ratios do: within a case all tools take turns, round by round.
Each run is checked to the last byte. A wrong result ends the bench with exit code 1."""

import argparse
import json
import os
import platform
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import ExitStack, contextmanager
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path[:0] = [str(HERE), str(HERE.parent / "servers")]
sys.dont_write_bytecode = True

import content  # noqa: E402
from content import MIB, Wrong  # noqa: E402
from hub import Hub  # noqa: E402
from nginx import Nginx  # noqa: E402
from peers import RANKS, Job, Mpifetch, all_mpifetch, all_peers  # noqa: E402

NAME = "acme/all-minilm"  # of the real model on the loopback Hub
ASKED = ("api-revision", "api-tree", "resolve", "resolve-cache")  # what a Hub counts
TIMED = ("wall", "cpu", "check_wall", "check_cpu")


class Bench:
    def __init__(self, given, home, dest):
        self.given, self.home, self.dest = given, home, dest
        self.cache = given.dir / "content"
        self.cache.mkdir(parents=True, exist_ok=True)
        self.nginx = None  # set while it runs
        self.results = {"machine": machine(given, dest), "cases": {}}

    # the cases: name -> method; the first line of each method's text is the heading

    def large(self, secure=False):
        """4 files of 512 MiB"""
        made = content.large(self.cache, 4, self._scaled(512 * MIB))
        return self._against_peers(made, secure)

    def large_https(self):
        """4 files of 512 MiB, HTTPS"""
        return self.large(True)

    def one(self, secure=False):
        """1 file of 2 GiB"""
        made = content.large(self.cache, 1, self._scaled(2048 * MIB))
        return self._against_peers(made, secure)

    def one_https(self):
        """1 file of 2 GiB, HTTPS"""
        return self.one(True)

    def small(self):
        """10,000 files of 1 to 20 KiB in 200 directories"""
        made = content.small(self.cache, self._scaled(10000), self._scaled(200))
        return self._against_peers(made, many=True)

    def odd(self):
        """Odd names and sizes: only the trees count"""
        made = content.odd(self.cache)
        list_ = self.home / "odd.sums"
        list_.write_text(made.sums())
        base = self._base(made)
        source = ["--manifest", list_, "--base", base + "/"]
        tools = [Mpifetch(self.given.mpifetch, ranks, False, source) for ranks in RANKS]
        return self._measure(Job(made, base, self.nginx.ca, self.home), tools, 1)

    def real(self):
        """A real model from a Hub on the loopback interface"""
        made = content.real(self.cache)
        with Hub() as hub:
            hub.add(NAME, made.root)
            tools = all_mpifetch(self.given.mpifetch, ["hf://" + NAME], HF_ENDPOINT=hub.endpoint)
            job = Job(made, hub.endpoint, self.nginx.ca, self.home)
            return self._measure(job, tools, self.given.runs, hub)

    def memory(self):
        """Memory of a rank: the same files, four times as many"""
        rows = []
        for count in (4, 16):
            made = content.large(self.cache, count, self._scaled(512 * MIB))
            tools = [Mpifetch(self.given.mpifetch, ranks, False) for ranks in RANKS]
            done = self._measure(Job(made, self._base(made), self.nginx.ca, self.home), tools, 1)
            rows += [{**row, "tool": f"{count} files, {row['tool']}"} for row in done["rows"]]
        return {"rows": rows}

    def _scaled(self, number):
        return max(1, round(number * self.given.size_scale))

    def _base(self, made, secure=False):
        return f"{self.nginx.https if secure else self.nginx.http}/{made.root.name}"

    def _against_peers(self, made, secure=False, many=False):
        base = self._base(made, secure)
        job = Job(made, base, self.nginx.ca, self.home, many)
        tools = all_mpifetch(self.given.mpifetch) + all_peers(many)
        if self.given.against:
            tools += all_mpifetch(self.given.against, label="the other: ")
        return self._measure(job, tools, self.given.runs)

    # measuring

    def _measure(self, job, tools, rounds, hub=None):
        free = shutil.disk_usage(self.dest).free
        if free < 1.1 * job.content.nbytes:
            raise Wrong(f"'{self.dest}' has room for {free} bytes, {job.content.nbytes} are needed")
        job.content.warm()
        samples = {tool.name: [] for tool in tools}
        for number in range(rounds):
            # Each round begins with another tool, so that none always follows the same one.
            start = number * len(tools) // rounds
            for tool in tools[start:] + tools[:start]:
                samples[tool.name].append(self._once(job, tool, hub))
        if hub:
            same_requests(samples)
        rows = [{"tool": t.name, "peer": t.peer, "runs": samples[t.name]} for t in tools]
        for row in rows:
            row["median"] = median(row["runs"])
        return {"files": len(job.content.files), "bytes": job.content.nbytes, "rows": rows}

    def _once(self, job, tool, hub):
        print(f"  {tool.name}", end="", file=sys.stderr, flush=True)
        if hub:
            hub.reset()
        os.sync()  # nobody pays for what the one before left to the disk
        try:
            sample = tool.fetch(job, self.dest / "out")
        finally:
            for left in self.dest.iterdir():
                shutil.rmtree(left)
        if hub:
            counts = Counter(row["kind"] for row in hub.log())
            sample["served"] = {kind: counts[kind] for kind in ASKED}
        print(f": {sample['wall']:.2f} s, CPU {sample['cpu']:.2f} s", file=sys.stderr)
        return sample

    def run(self, names):
        with Nginx(self.home / "nginx", self.cache) as self.nginx:
            for name in names:
                case = getattr(self, name.replace("-", "_"))
                heading = case.__doc__
                print(f"{name}: {heading}", file=sys.stderr)
                self.results["cases"][name] = {"heading": heading, **case()}
                print(table(name, self.results["cases"][name]), flush=True)
                self.save()

    def save(self):
        if self.given.json:
            self.given.json.write_text(json.dumps(self.results, indent=1) + "\n")


def median(runs):
    keys = [key for key in TIMED if key in runs[0]]
    found = {key: statistics.median(run[key] for run in runs) for key in keys}
    if "memory" in runs[0]:
        found["memory"] = max(run["memory"] for run in runs)
    return found


def same_requests(samples):
    """What the source counts does not grow with the ranks."""
    seen = [(tool, run["served"]) for tool, runs in samples.items() for run in runs]
    for tool, served in seen:
        if served != seen[0][1]:
            raise Wrong(f"{tool} sent the Hub {served}; {seen[0][0]} sent {seen[0][1]}")


def table(name, case):
    """Markdown. Ratios compare with the fastest, and with the leanest, of the peers."""
    rows = case["rows"]
    peers = [row["median"] for row in rows if row["peer"]]
    best = {key: min(peer[key] for peer in peers) for key in ("wall", "cpu")} if peers else None
    lines = [f"\n### {name}: {case['heading']}\n"]
    if "bytes" in case:
        lines.append(f"{case['files']} files, {case['bytes'] / MIB:.1f} MiB.\n")
    lines += ["| tool | wall s | of it sha256sum | CPU s | of it sha256sum "
              "| wall / best peer | CPU / leanest peer | memory MiB |",
              "|---|--:|--:|--:|--:|--:|--:|--:|"]  # fmt: skip
    for row in rows:
        found = row["median"]
        cells = [found["wall"], found.get("check_wall"), found["cpu"], found.get("check_cpu")]
        cells += [found[key] / best[key] if best else None for key in ("wall", "cpu")]
        cells.append(found["memory"] / MIB if "memory" in found else None)
        shown = ("" if cell is None else f"{cell:.2f}" for cell in cells)
        lines.append(f"| {row['tool']} | {' | '.join(shown)} |")
    served = rows[0]["runs"][0].get("served")
    if served:
        asked = ", ".join(f"{kind} {count}" for kind, count in served.items())
        lines.append(f"\nRequests that the Hub saw, the same in every run: {asked}.")
    return "\n".join(lines)


def first_line(*command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return done.stdout.strip().partition("\n")[0]


def machine(given, dest):
    cpuinfo = Path("/proc/cpuinfo").read_text()
    models = [line.partition(": ")[2] for line in cpuinfo.splitlines() if "model name" in line]
    return {
        "when": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "cpu": models[0] if models else platform.machine(),
        "cores": os.cpu_count(),
        "kernel": platform.release(),
        "load": os.getloadavg(),
        "dest": f"{dest.parent}, {first_line('stat', '-f', '-c', '%T', dest)}",
        "runs": given.runs,
        "size_scale": given.size_scale,
        "versions": [
            first_line(given.mpifetch, "--version"),
            first_line("mpirun", "--version"),
            first_line("aria2c", "--version"),
            first_line("rclone", "--version"),
            first_line("curl", "--version").partition(" (")[0],
            first_line("nginx", "-v"),
            first_line("sha256sum", "--version"),
        ],
    }


def preface(found):
    lines = [
        "# Bench of mpifetch\n",
        f"{found['when']}, {found['cores']} cores of {found['cpu']}, Linux {found['kernel']}, load "
        f"{found['load'][0]:.1f} at the start. Medians of {found['runs']} runs in turn, sizes "
        f"times {found['size_scale']:g}. All write to {found['dest']}; mpifetch with "
        "`--scratch none`.\n",
        "; ".join(found["versions"]) + ".\n",
        "Peers neither verify nor sync: `sha256sum -c` is added to them, and like is compared "
        "with like in the rows `mpifetch --no-sync`. The other rows wait for the disk as well. "
        "Memory is the highest of all ranks and runs, beyond what MPI_Init left.",
    ]
    if found["load"][0] > 0.25 * found["cores"]:
        lines.append("\n**The machine was busy before the bench began: trust no number here.**")
    return "\n".join(lines)


def scheduler_cost(home):
    """What sched_bench.c prints. base and core need no library."""
    program = home / "sched_bench"
    sources = [HERE / "sched_bench.c"]
    for room in ("base", "core"):
        sources += (ROOT / "src" / room).rglob("*.c")
    compiler = ["gcc", "-std=c11", "-D_GNU_SOURCE", "-O2", f"-I{ROOT}/src", f"-I{ROOT}/include"]
    subprocess.run([*compiler, *sources, "-o", program, "-lm"], check=True)
    return subprocess.run([program], check=True, stdout=subprocess.PIPE, text=True).stdout


CASES = ("large", "large-https", "one", "one-https", "small", "odd", "real")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--mpifetch", type=Path, default=ROOT / "build" / "src" / "mpifetch")
    parser.add_argument("--against", type=Path, help="another build of mpifetch, in rows of its own")
    parser.add_argument("--cases", default=",".join(CASES), help="default: %(default)s")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--size-scale", type=float, default=1.0, help="of sizes, or how many files")
    parser.add_argument("--dir", type=Path, help="keeps content for the next time; else temporary")
    parser.add_argument("--dest-dir", type=Path, help="where tools write; else below --dir")
    parser.add_argument("--json", type=Path, help="all numbers of all runs")
    parser.add_argument("--memory", action="store_true", help="also 2 GiB against 8 GiB")
    parser.add_argument("--sched", action="store_true", help="also what the scheduler costs")
    given = parser.parse_args()
    names = [name for name in given.cases.split(",") if name]
    unknown = set(names) - set(CASES)
    if unknown:
        parser.error(f"no such case: {', '.join(sorted(unknown))}")
    if given.runs < 1 or given.size_scale <= 0:
        parser.error("--runs and --size-scale must be positive")
    for program in filter(None, (given.mpifetch, given.against)):
        if not os.access(program, os.X_OK):
            parser.error(f"'{program}' is no program: build it, or name it with --mpifetch")
    given.mpifetch = given.mpifetch.resolve()
    given.against = given.against and given.against.resolve()
    return given, names + ["memory"] * given.memory


@contextmanager
def temporary(parent, prefix):
    """As short-lived as the bench, and resolved, since nginx and mpifetch get its name."""
    with tempfile.TemporaryDirectory(prefix=prefix, dir=parent) as made:
        yield Path(made).resolve()


def main():
    given, names = arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with ExitStack() as stack:
        if given.dir is None:
            given.dir = stack.enter_context(temporary(None, "mpifetch-bench-"))
        given.dir = given.dir.resolve()
        given.dir.mkdir(parents=True, exist_ok=True)
        home = stack.enter_context(temporary(given.dir, "home-"))
        dest = stack.enter_context(temporary(given.dest_dir or given.dir, "dest-"))
        bench = Bench(given, home, dest)
        print(preface(bench.results["machine"]), flush=True)
        try:
            bench.run(names)
        except Wrong as wrong:
            sys.exit(f"\nWRONG RESULT, bench ended: {wrong}")
        if given.sched:
            bench.results["sched"] = scheduler_cost(home)
            print(f"\n### Scheduler, 1,024 ranks\n\n```\n{bench.results['sched']}```")
            bench.save()


if __name__ == "__main__":
    main()
