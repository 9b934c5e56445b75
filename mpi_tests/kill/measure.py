#!/usr/bin/env python3
"""How much is fetched a second time after a kill, as a share of the content.

    measure.py [--kills N] [--mib M] [--seed S]

For each number of ranks, with scratch and without: N times a run of M MiB is killed with SIGKILL,
all ranks at once, when the server has seen a number of requests that chance chooses; then the same
command goes on to the end. What the server has sent beyond the content is what the kill cost,
together with copies that idle ranks made of late segments. Needs MPIFETCH and MPIFETCH_STEPS as the
tests do.
"""

import argparse
import os
import random
import shutil
import statistics
import sys
import tempfile
from pathlib import Path

TESTS = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(TESTS), str(TESTS / "servers")]
os.environ.setdefault("MPIFETCH_STEPS", "")

from conftest import MIB, noise  # noqa: E402
from hub import Hub  # noqa: E402
from job import Job  # noqa: E402
from killing import Dir, Jobs, assert_files, end_by_force, sent_by, serve, wait_for  # noqa: E402


def one_kill(hub, top, files, ranks, scratch, chance):
    """Bytes that went out beyond the content; None: the run had ended before the kill."""
    made = []

    def start(count, *args, **how):
        home = Path(tempfile.mkdtemp(dir=top))
        made.append(Job(home, count, args, **how))
        return made[-1]

    place = Dir(Path(tempfile.mkdtemp(dir=top)) / "out")
    jobs = Jobs(start, hub, place)
    words = ["--no-sync", "--scratch", tempfile.mkdtemp(dir=top) if scratch else "none"]
    hub.reset()
    moment = chance.randrange(2, 2 * len(files) + sum(map(len, files.values())) // MIB)
    job = jobs.begin(ranks, *words)
    wait_for(lambda: hub.requests.wait(moment, 0), job)
    code = end_by_force(job, "all", chance)
    jobs.succeed(ranks, *words)
    assert_files(place, files)
    for job in made:
        job.close()
    return None if code == 0 else sent_by(hub) - sum(map(len, files.values()))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=15)
    parser.add_argument("--mib", type=int, default=64)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    files = {f"large-{i}.bin": noise(given.mib * MIB // 4, i) for i in range(4)}
    files |= {f"small/{i}.json": b"%d\n" % i for i in range(40)}
    whole = sum(map(len, files.values()))
    chance = random.Random(given.seed)
    top = Path(tempfile.mkdtemp(prefix="mpifetch-measure-"))
    every = []
    try:
        with Hub(need_query=True) as hub:
            serve(hub, top, files)
            for ranks in (1, 2, 4):
                for scratch in (False, True):
                    costs = []
                    while len(costs) < given.kills:
                        cost = one_kill(hub, top, files, ranks, scratch, chance)
                        costs += [] if cost is None else [100 * cost / whole]
                    every += costs
                    print(
                        f"{ranks} ranks, {'scratch   ' if scratch else 'no scratch'}: median "
                        f"{statistics.median(costs):5.2f} %, worst {max(costs):5.2f} % of "
                        f"{whole / MIB:.0f} MiB fetched again, {len(costs)} kills",
                        flush=True,
                    )
        print(f"all: median {statistics.median(every):.2f} %, worst {max(every):.2f} %")
    finally:
        shutil.rmtree(top)


if __name__ == "__main__":
    main()
