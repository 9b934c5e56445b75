"""The cases without peers: what a long list, nothing to do, waiting and a resume cost."""

import json
import random
import re
import subprocess
import sys
import time
from pathlib import Path

import content
import floors
from case import Row, case
from content import MIB, Wrong
from limited import Limited
from limits import Steady
from measure import cpu_of, environment, run
from nginx import Nginx
from ours import MPIRUN, told
from peers import Job

HERE = Path(__file__).resolve().parent
PROJECT = HERE.parent.parent
WATCHED = 10  # seconds for which a waiting rank is watched


@case("list", trash=True)
def plan_list(bench):
    """Plan of 1,000,000 lines, one rank"""
    count = bench.scaled(1_000_000)
    list_ = bench.cache / f"list-{count}"
    if not list_.exists():
        chance = random.Random(count)
        begun = list_.with_suffix(".begun")
        with open(begun, "w") as out:
            for i in range(count):
                path = f"shard-{i // 1000:04}/sample-{i:07}.tar"
                digest, size = chance.getrandbits(256), chance.randrange(1 << 20)
                print(f"http://127.0.0.1:9/set/{path} {digest:064x} {size} {path}", file=out)
        begun.rename(list_)

    def once(build):
        command = [build.program, "plan", "--manifest", list_, bench.dest / "out"]
        told = bench.home / "alone.json"
        run([sys.executable, "-I", HERE / "alone.py", told, *command], bench.home, bench.home)
        return json.loads(told.read_text())

    yield [
        Row(f"{build.label}mpifetch plan", build.kind, lambda _, build=build: once(build))
        for build in bench.builds
    ]


@case("nothing", trash=True)
def nothing(bench):
    """Nothing to do: 1,000 files that are there already, 4 ranks"""
    made = content.small(bench.cache, 1000, 20)
    program = floors.build_nothing(bench.home)
    with Nginx(bench.home / "nginx", bench.cache) as nginx:
        list_ = bench.home / "nothing.list"
        list_.write_text(made.manifest(f"{nginx.http}/{made.root.name}"))
        words = ("--progress", "none", "--manifest", list_)
        there = {}  # build -> tree

        def once(build):
            dest = there.setdefault(build.label, bench.keep / f"there-{len(there)}")
            command = [*MPIRUN, 4, build.program, "get", *words, dest]
            if not dest.exists():
                run(command, bench.home, bench.home)
            usage = run(command, bench.home, bench.home)
            return {"wall": usage.wall, "cpu": usage.cpu}

        def bare(number):
            usage = run([*MPIRUN, 4, program], bench.home, bench.home)
            return {"wall": usage.wall, "cpu": usage.cpu}

        yield [
            *(
                Row(f"{build.label}mpifetch get", build.kind, lambda _, build=build: once(build))
                for build in bench.builds
            ),
            Row("a program that starts MPI and ends it", "floor", bare),
        ]


@case("idle", most_rounds=3, trash=True)
def idle(bench):
    """CPU of a rank that waits for a slow source (200 kB/s), 2 ranks"""
    made = content.large(bench.cache, 1, 64 * MIB)
    with Limited(made.root, Steady(rate=200e3)) as source:
        list_ = bench.home / "idle.list"
        list_.write_text(made.manifest(source.url))

        def once(build):
            words = ("get", "--scratch", "none", "--progress", "none", "--manifest", list_)
            command = [*MPIRUN, 2, build.program, *words, bench.keep / "idle"]
            process = subprocess.Popen(
                [str(word) for word in command],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd=bench.home,
                env=environment(bench.home),
            )
            try:
                return watch(process.pid, source)
            finally:
                process.terminate()
                process.wait()
                source.forget()

        yield [
            Row(f"{build.label}mpifetch, 2 ranks", build.kind, lambda _, build=build: once(build))
            for build in bench.builds
        ]


def watch(mpirun, source):
    """Of the rank that uses more, when all of them have begun to receive."""
    end = time.monotonic() + 30
    while source.stats()["bytes"] < 200e3:
        if time.monotonic() > end:
            raise Wrong("nothing was fetched from a slow source")
        time.sleep(0.2)
    ranks = children(mpirun)
    before, begin = {pid: cpu_of(pid) for pid in ranks}, time.monotonic()
    time.sleep(WATCHED)
    wall = time.monotonic() - begin
    return {"share": max(cpu_of(pid) - before[pid] for pid in ranks) / wall, "wall": wall}


def children(pid):
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(word) for word in text.split()]


@case("resume", trash=True)
def resume(bench):
    """Resume of 20,000 small files, 2 ranks: half of them landed, or all but one"""
    count = bench.scaled(20000)
    folders = max(1, count // 50)
    with Nginx(bench.home / "nginx", bench.cache) as nginx:

        def row(build, name, late, closed):
            made = content.small(bench.cache, count, folders, late)
            job = Job(made, f"{nginx.http}/{made.root.name}", nginx.ca, bench.home)
            made.warm()
            return Row(build.label + name, build.kind, lambda _: resumed(bench, build, job, closed))

        yield [
            one
            for build in bench.builds
            for one in (
                row(build, "fetch of all", 1, None),
                row(build, "resume, half landed", count // 2, nginx.closed),
                row(build, "resume, all but one landed", 1, nginx.closed),
            )
        ]


def resumed(bench, build, job, closed):
    """A run that fails since some files are not given, if there is closed; then one that counts."""
    report, list_ = job.home / "report.json", job.home / "manifest"
    list_.write_text(job.content.manifest(job.base))
    words = ("get", "--scratch", "none", "--progress", "none", "--manifest", list_)
    command = [*MPIRUN, 2, build.program, *words]
    try:
        if closed:
            closed.touch()
            few = ("--retries", 1, "--retry-delay", "0.2")
            run([*command, *few, bench.dest / "out"], job.home, job.home, may_fail=True)
            closed.unlink()
        bench.settle()
        last = [*command, "--report", report, bench.dest / "out"]
        usage = run(last, job.home, job.home)
        job.content.check(bench.dest / "out")
        sample = told(json.loads(report.read_text()), job.content)
    finally:
        bench.clear(job.content)
    late = sum(
        size for path, (size, _) in job.content.files.items() if path.startswith(content.LATE)
    )
    landed = job.content.nbytes - late if closed else 0
    if sample["bytes"]["resumed"] < 0.9 * landed:
        raise Wrong(f"resumed {sample['bytes']['resumed']} bytes of {landed} that had landed")
    return {"wall": usage.wall, "cpu": usage.cpu, **sample}


def compile_bench(bench, name):
    """The program of that name, with all that decides and nothing that acts."""
    program = bench.home / name
    sources = [HERE / f"{name}.c"]
    for room in ("base", "core"):
        sources += (PROJECT / "src" / room).rglob("*.c")
    compiler = ["gcc", "-std=c11", "-D_GNU_SOURCE", "-O2"]
    compiler += [f"-I{PROJECT}/src", f"-I{PROJECT}/include"]
    subprocess.run([*compiler, *sources, "-o", program, "-lm"], check=True)
    return program


@case("sched", most_rounds=3, trash=True)
def sched(bench):
    """What the scheduler costs rank 0 with 1,024 ranks"""
    program = compile_bench(bench, "sched_bench")

    def once(number):
        said = subprocess.run([program], check=True, stdout=subprocess.PIPE, text=True).stdout
        found = re.findall(r"^(.*): create.* ([0-9.]+) us a segment", said, re.MULTILINE)
        return {"us": {name.replace(".", ""): float(value) for name, value in found}}

    yield [Row("microseconds of CPU a segment or small file", "mpifetch", once)]


@case("spread", most_rounds=3, trash=True)
def spread(bench):
    """What planning costs rank 0 with 1,024 nodes that pass on what they have"""
    program = compile_bench(bench, "spread_bench")

    def once(number):
        said = subprocess.run([program], check=True, stdout=subprocess.PIPE, text=True).stdout
        found = re.findall(r"^(.*): create.* ([0-9.]+) us a ticket", said, re.MULTILINE)
        return {"us": {name: float(value) for name, value in found}}

    yield [Row("microseconds of CPU a ticket to all nodes, with what they report",
               "mpifetch", once)]
