#!/usr/bin/env python3
"""python_call.py PROGRAM PYTHON: the command against the call of the Python package, which PYTHON
has installed, on the same files from a Hub on the loopback interface. Rounds take turns; medians
of what both reports say, and of the time from start to end. Prints a table."""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[1] / "servers")]

from hub import Hub  # noqa: E402
from ours import MPIRUN  # noqa: E402

CALL = """
import sys, mpifetch
mpifetch.get("hf://acme/demo", sys.argv[1], report=sys.argv[2], scratch="none")
"""
COLUMNS = {
    "call, s": lambda report: report["seconds"]["total"],
    "CPU, s": lambda report: sum(rank["cpu"] for rank in report["ranks"]),
    "peak, MiB": lambda report: max(rank["peak_memory"] for rank in report["ranks"]) / 2**20,
    "growth, MiB": lambda report: max(rank["memory_growth"] for rank in report["ranks"]) / 2**20,
}


def measure(command, work, env):
    """One run: its columns, the whole time last."""
    dest, report = work / "dest", work / "report.json"
    shutil.rmtree(dest, ignore_errors=True)
    begin = time.monotonic()
    subprocess.run([*map(str, command(dest, report))], env=env, check=True, capture_output=True)
    whole = time.monotonic() - begin
    found = json.loads(report.read_text())
    return [*(column(found) for column in COLUMNS.values()), whole]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("python")
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--mib", type=int, default=512)
    given = parser.parse_args()
    words = [*MPIRUN, given.ranks]
    ways = {
        "command": lambda dest, report: [
            *words, given.program, "get", "--scratch", "none", "--progress", "none", "-q",
            "--report", report, "hf://acme/demo", dest,
        ],
        "call": lambda dest, report: [*words, given.python, "-c", CALL, dest, report],
    }  # fmt: skip
    with tempfile.TemporaryDirectory(dir="/var/tmp") as place, Hub() as hub:
        work = Path(place)
        (work / "tree").mkdir()
        for number in range(4):
            (work / "tree" / f"{number}.safetensors").write_bytes(os.urandom(given.mib << 18))
        hub.add("acme/demo", work / "tree")
        env = {**os.environ, **hub.env}
        runs = {name: [] for name in ways}
        for _ in range(given.rounds):
            for name, command in ways.items():
                runs[name].append(measure(command, work, env))
    print(f"| {given.ranks} ranks, {given.mib} MiB |", " | ".join(COLUMNS), "| whole, s |")
    print("|---" * (len(COLUMNS) + 2) + "|")
    for name, rows in runs.items():
        medians = [statistics.median(column) for column in zip(*rows, strict=True)]
        print(f"| {name} |", " | ".join(f"{value:.2f}" for value in medians), "|")


if __name__ == "__main__":
    main()
