"""Which functions the CPU time of a run goes to: perf, for large and for small files."""

import json
import shutil
import subprocess

import content
from case import Row, case
from content import MIB
from measure import run
from nginx import Nginx
from ours import MPIRUN, told

FREQUENCY = 997  # samples a second of each core
LEAST = 0.01  # of all


@case("profile", most_rounds=1, trash=True)
def profile(bench):
    """Where the CPU seconds go, 2 ranks, no sync: 4 files of 512 MiB, and 10,000 small ones"""
    contents = {
        "large files": content.large(bench.cache, 4, bench.scaled(512 * MIB)),
        "small files": content.small(bench.cache, bench.scaled(10000), bench.scaled(200)),
    }
    with Nginx(bench.home / "nginx", bench.cache) as nginx:
        yield [
            Row(
                f"{build.label}{name}",
                build.kind,
                lambda _, build=build, made=made: once(bench, build, made, nginx.http),
            )
            for name, made in contents.items()
            for build in bench.builds
            if shutil.which("perf")
        ]


def once(bench, build, made, http):
    list_, report, data = (bench.home / name for name in ("manifest", "report.json", "perf.data"))
    list_.write_text(made.manifest(f"{http}/{made.root.name}"))
    words = ("get", "--scratch", "none", "--no-sync", "--progress", "none", "--manifest", list_)
    perf = ("perf", "record", "-q", "-F", FREQUENCY, "-o", data, "--")
    command = [*perf, *MPIRUN, 2, build.program, *words, "--report", report, bench.dest / "out"]
    made.warm()
    bench.settle()
    try:
        run(command, bench.home, bench.home)
        sample = told(json.loads(report.read_text()), made)
    finally:
        bench.clear(made)
    said = shares(data, build.program.name)
    return {**sample, "by_function": by_function(said, sample["ranks_cpu"])}


def shares(data, program):
    """What perf says of that program, a line each: percent|library|function."""
    comm = program[:15]  # as the kernel has its name
    command = ["perf", "report", "-i", data, "--stdio", "--no-children", "--comm", comm]
    command += ["--percentage", "relative", "-F", "overhead,dso,symbol", "-t", "|"]
    done = subprocess.run(
        command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    return done.stdout


def by_function(text, seconds):
    """name -> its seconds: a function, or a library without names, as one; [k] is the kernel."""
    found = {}
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.split("|")]
        if line.startswith("#") or len(cells) < 3:
            continue
        name = cells[2].removeprefix("[.] ")
        name = cells[1] if name.startswith("0x") else name
        found[name] = found.get(name, 0) + seconds * float(cells[0].rstrip("%")) / 100
    return {name: value for name, value in found.items() if value >= LEAST * seconds}
