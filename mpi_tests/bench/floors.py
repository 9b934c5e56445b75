"""What parts of the work cost by themselves (floor.c)."""

import os
import subprocess
from pathlib import Path

from figures import FLOORS
from measure import run
from ours import MPIRUN

HERE = Path(__file__).resolve().parent


def build(home):
    program = Path(home, "floor")
    command = ["gcc", "-std=c11", "-D_GNU_SOURCE", "-O2", HERE / "floor.c", "-o", program]
    subprocess.run([*command, "-lcurl", "-lcrypto", "-lpthread"], check=True)
    return program


def build_nothing(home):
    """An MPI program that only starts and ends."""
    program = Path(home, "nothing")
    subprocess.run(["mpicc", "-O2", HERE / "nothing.c", "-o", program], check=True)
    return program


class Start:
    """What mpirun costs, whatever it starts."""

    kind = "floor"
    name = "start and end of MPI, 2 ranks"

    def __init__(self, program):
        self._program = program

    def fetch(self, job, dest):
        usage = run([*MPIRUN, 2, self._program], job.home, job.home)
        return {"wall": usage.wall, "cpu": usage.cpu}


class Floor:
    kind = "floor"

    def __init__(self, program, mode):
        self.name, self._program, self._mode = FLOORS[mode], program, mode

    def fetch(self, job, dest):
        dest.mkdir()
        for folder in {Path(path).parent for path in job.content.files}:
            (dest / folder).mkdir(parents=True, exist_ok=True)
        list_ = job.home / "floor.list"
        files = job.content.files.items()
        list_.write_text("".join(f"{size} {path}\n" for path, (size, _) in files))
        local = self._mode in ("hash", "copy")
        source = job.content.root if local else job.base
        # a request for each small file: only many at a time keep the server busy
        threads = 8 if job.many and not local else os.cpu_count()
        command = [self._program, self._mode, threads, list_, source, dest]
        usage = run(command, job.home, dest, CURL_CA_BUNDLE=str(job.ca))
        if self._mode not in ("receive", "hash"):
            job.content.check_names(dest)
        return {"wall": usage.wall, "cpu": usage.cpu}


def all_floors(bench):
    floors = [Floor(bench.floor, mode) for mode in FLOORS]
    return [*floors, Start(build_nothing(bench.home))]
