#!/usr/bin/env python3
"""mpifetch against its peers, against floors and against bars, in one run; see README.md.

The machine does not matter, the ratios do: within a case all rows take turns, round by round.
Each run is checked to the last byte. A wrong result ends the bench with exit code 1. What was
measured is kept; the same command goes on where it was ended."""

import argparse
import hashlib
import os
import platform
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path[:0] = [str(HERE), *(str(HERE.parent / name) for name in ("", "servers", "cluster"))]
sys.dont_write_bytecode = True

import chores  # noqa: E402, F401 (it registers its cases)
import floors  # noqa: E402
import functions  # noqa: E402, F401
import loopback  # noqa: E402, F401
import nodes  # noqa: E402, F401
import page  # noqa: E402
import wan  # noqa: E402, F401
from case import CASES  # noqa: E402
from content import Wrong  # noqa: E402
from ours import Build  # noqa: E402
from peers import Tools  # noqa: E402
from store import Store  # noqa: E402

EXTRA = ("memory",)  # only when asked for: it needs much room
QUICK = 0.02  # of the sizes
MANY = 1000  # files


class Bench:
    """What cases work with."""

    def __init__(self, given, home, dest):
        self.given, self.home = given, home
        self.dest = dest / "once"  # emptied after each run
        self.keep = dest / "keep"  # until the bench ends
        self.trash = given.dest_dir / "trash"  # beyond that
        self.cache = given.dir / "content"
        for made in (self.dest, self.keep, self.cache):
            made.mkdir(parents=True, exist_ok=True)
        self.builds = [Build(given.mpifetch)]
        if given.against:
            self.builds.append(Build(given.against, "before", "before: "))
        self._tools = self._floor = None

    @property
    def tools(self):
        self._tools = self._tools or Tools(self.given.dir)
        return self._tools

    @property
    def floor(self):
        self._floor = self._floor or floors.build(self.home)
        return self._floor

    def scaled(self, number):
        return max(1, round(number * self.given.size_scale))

    def settle(self):
        os.sync()  # nobody pays for what the one before left to the disk

    def clear(self, made):
        """What a run has left. Many files are only put aside: for five minutes ext4 takes no
        inode of a deleted file, and looks for others at the cost of whoever makes the next."""
        for left in self.dest.iterdir():
            if len(made.files) >= MANY:
                self.trash.mkdir(exist_ok=True)
                left.rename(self.trash / f"{left.name}-{time.monotonic_ns()}")
            else:
                shutil.rmtree(left)

    def empty_trash(self):
        """Only before cases that make few files."""
        if self.trash.exists():
            print("  removing what was cleared", file=sys.stderr)
            shutil.rmtree(self.trash)

    def once(self, job, tool):
        """A sample of a tool that fetches into an empty directory."""
        free = shutil.disk_usage(self.dest).free
        if free < 1.1 * job.content.nbytes:
            raise Wrong(f"'{self.dest}' has {free} bytes left, {job.content.nbytes} are needed")
        job.content.warm()
        self.settle()
        try:
            return tool.fetch(job, self.dest / "out")
        finally:
            self.clear(job.content)


def measure(bench, store, names):
    for name in names:
        case = CASES[name]
        rounds = min(bench.given.runs, case.most_rounds or bench.given.runs)
        if store.finished(name, rounds):
            continue
        print(f"{name}: {case.heading}", file=sys.stderr)
        if not case.trash:
            bench.empty_trash()
        with case.open(bench) as rows:
            for number in range(rounds):
                # Each round begins with another row, so that none always follows the same one.
                start = number * len(rows) // rounds
                for row in rows[start:] + rows[:start]:
                    if not store.has(name, row.name, number):
                        sample = row.call(number)
                        store.add(name, row.name, number, kind=row.kind, **sample)
                        shown = ", ".join(page.numbers(sample))
                        print(f"  {number + 1}: {row.name}: {shown}", file=sys.stderr, flush=True)
        store.finish(name, rounds)


def draw(store, python):
    """Plots need matplotlib, which the peers' environment has."""
    subprocess.run([python, HERE / "plots.py", store.dir, store.pictures()], check=True)


def publish(store):
    """docs/performance.md gets its tables and its pictures."""
    document, pictures = ROOT / "docs" / "performance.md", ROOT / "docs" / "pictures"
    document.write_text(page.published(document.read_text(), store))
    pictures.mkdir(exist_ok=True)
    for picture in store.pictures().glob("*.png"):
        shutil.copy(picture, pictures)


def first_line(*command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return done.stdout.strip().partition("\n")[0]


def machine(given):
    cpuinfo = Path("/proc/cpuinfo").read_text()
    models = [line.partition(": ")[2] for line in cpuinfo.splitlines() if "model name" in line]
    return {
        "when": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "cpu": models[0] if models else platform.machine(),
        "cores": os.cpu_count(),
        "kernel": platform.release(),
        "load": os.getloadavg()[0],
        "dest": first_line("stat", "-f", "-c", "%T", given.dest_dir),
        "versions": [
            first_line(given.mpifetch, "--version"),
            first_line("mpirun", "--version"),
            first_line("curl", "--version").partition(" (")[0],
            first_line("nginx", "-v"),
            first_line("sha256sum", "--version"),
        ],
    }


def settings(given):
    """What must be the same in all runs of a table."""
    programs = {"mpifetch": given.mpifetch, "against": given.against}
    digests = {
        name: program and hashlib.sha256(program.read_bytes()).hexdigest()[:16]
        for name, program in programs.items()
    }
    return {**digests, "size_scale": given.size_scale}


def arguments():
    default = [name for name in CASES if name not in EXTRA]
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--mpifetch", type=Path, default=ROOT / "build" / "src" / "mpifetch")
    parser.add_argument(
        "--against", type=Path, help="another build of mpifetch, in rows of its own"
    )
    parser.add_argument("--cases", default=",".join(default), help="default: %(default)s")
    parser.add_argument("--runs", type=int, default=5, help="rounds (%(default)s)")
    parser.add_argument("--quick", action="store_true", help=f"--size-scale {QUICK} --runs 1")
    parser.add_argument("--size-scale", type=float, default=1.0, help="of sizes, or how many files")
    parser.add_argument("--dir", type=Path, default=Path("/var/tmp/mpifetch-bench"),
                        help="content and tools (%(default)s)")  # fmt: skip
    parser.add_argument("--dest-dir", type=Path, help="where tools write; default: --dir")
    parser.add_argument("--results", type=Path, help="default: --dir/results")
    parser.add_argument("--page", action="store_true", help="measure nothing, only write the page")
    parser.add_argument("--publish", action="store_true", help="into docs/performance.md, too")
    given = parser.parse_args()
    if given.quick:
        given.size_scale, given.runs = QUICK, 1
    names = [name for name in given.cases.split(",") if name]
    unknown = set(names) - set(CASES)
    if unknown:
        parser.error(f"no such case: {', '.join(sorted(unknown))}; there are {', '.join(CASES)}")
    if given.runs < 1 or given.size_scale <= 0:
        parser.error("--runs and --size-scale must be positive")
    for program in filter(None, (given.mpifetch, given.against)):
        if not os.access(program, os.X_OK):
            parser.error(f"'{program}' is no program: build it, or name it with --mpifetch")
    given.mpifetch = given.mpifetch.resolve()
    given.against = given.against and given.against.resolve()
    given.dir = given.dir.resolve()
    given.dir.mkdir(parents=True, exist_ok=True)
    given.dest_dir = (given.dest_dir or given.dir).resolve()
    given.results = given.results or given.dir / ("quick" if given.quick else "results")
    return given, names


@contextmanager
def temporary(parent, prefix):
    """As short-lived as the bench, and resolved, since nginx and mpifetch get its name."""
    with tempfile.TemporaryDirectory(prefix=prefix, dir=parent) as made:
        yield Path(made).resolve()


def main():
    given, names = arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        store = Store(given.results, settings(given))
        with ExitStack() as stack:
            home = stack.enter_context(temporary(given.dir, "home-"))
            dest = stack.enter_context(temporary(given.dest_dir, "dest-"))
            bench = Bench(given, home, dest)
            if not given.page:
                store.note({**machine(given), "peers": bench.tools.versions()})
                measure(bench, store, names)
            store.write_csv()
            written = page.write(store)
            draw(store, bench.tools.bin / "python")
            if given.publish:
                publish(store)
        print(written)
    except Wrong as wrong:
        sys.exit(f"\nWRONG RESULT, bench ended: {wrong}")


if __name__ == "__main__":
    main()
