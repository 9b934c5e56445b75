#!/usr/bin/env python3
"""several.py PROGRAM: several repositories of a Hub on the loopback interface in one call, against
one repository with the same files, and against a call for each. Rounds take turns. Prints medians
of the time from start to end, and the least and the most."""

import argparse
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

FILES = 4  # of each repository


def fill(hub, work, count, mib):
    """count repositories, and acme/all with the files of all of them."""
    whole = work / "source" / "all"
    whole.mkdir(parents=True)
    for part in range(count):
        tree = work / "source" / str(part)
        tree.mkdir()
        for number in range(FILES):
            name = f"{part}-{number}.safetensors"
            (tree / name).write_bytes(os.urandom((mib << 20) // FILES // count))
            os.link(tree / name, whole / name)
        hub.add(f"acme/part{part}", tree)
    hub.add("acme/all", whole)


def measure(commands, dest, env):
    shutil.rmtree(dest, ignore_errors=True)
    os.sync()
    begin = time.monotonic()
    for command in commands:
        subprocess.run([*map(str, command)], env=env, check=True, capture_output=True)
    return time.monotonic() - begin


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--ranks", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--sources", type=int, default=4)
    parser.add_argument("--mib", type=int, default=512, help="of all together")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir="/var/tmp") as place, Hub() as hub:
        work = Path(place)
        fill(hub, work, given.sources, given.mib)
        dest, env = work / "models", {**os.environ, **hub.env}
        get = (*MPIRUN, given.ranks, given.program, "get", "-q", "--scratch", "none", "--into", dest)
        parts = [f"hf://acme/part{part}" for part in range(given.sources)]
        ways = {
            "one source": [[*get, "hf://acme/all"]],
            f"{given.sources} sources, one call": [[*get, *parts]],
            "a call for each": [[*get, part] for part in parts],
        }
        runs = {name: [] for name in ways}
        for _ in range(given.rounds):
            for name, commands in ways.items():
                runs[name].append(measure(commands, dest, env))
    print(f"| {given.ranks} ranks, {given.mib} MiB | median, s | least | most |\n|---|--:|--:|--:|")
    for name, row in runs.items():
        print(f"| {name} | {statistics.median(row):.2f} | {min(row):.2f} | {max(row):.2f} |")


if __name__ == "__main__":
    main()
