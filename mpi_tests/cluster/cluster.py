"""The cluster of cluster.sh from Python: hosts, jobs on them, and what they see."""

import contextlib
import ctypes
import os
import signal
import subprocess
import time
from pathlib import Path

from job import PATIENCE, PROGRAM, Result

HERE = Path(__file__).resolve().parent
PROJECT = HERE.parent.parent
COMMAND = HERE / "cluster.sh"
ORIGIN = {"address": "10.99.0.1", "name": "origin"}  # for a server that is made inside "origin"
CLONE_NEWNET = 0x40000000
ASKING = 0.5  # seconds between questions to Slurm, each of which takes several processes


def enter_network(namespace):
    """This thread alone."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(namespace.fileno(), CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")


def wait_for(condition, what, timeout=PATIENCE, pause=0.05):
    """Until condition() is true, which is returned."""
    until = time.monotonic() + timeout
    while not (found := condition()):
        assert time.monotonic() < until, f"not in {timeout} s: {what}"
        time.sleep(pause)
    return found


class Cluster:
    """with Cluster() as cluster: cluster.mpirun(4, 1, "get", url, cluster.shared / "x").wait()"""

    def __init__(self, hosts=4, mbit=200, dir=None):
        self.dir = Path(dir or os.environ.get("CLUSTER_DIR", "/var/tmp/mpifetch-cluster"))
        self.name = f"mpifetch-{self.dir.name.removeprefix('mpifetch-')}"
        self.shared = self.dir / "shared"
        self.nodes = [f"n{i}" for i in range(1, hosts + 1)]
        self.kind = "plain"
        self._mbit = mbit
        self._runs = []
        mounts = Path("/proc/mounts").read_text().splitlines()
        unified = next(line.split()[1] for line in mounts if line.split()[2] == "cgroup2")
        self._cgroup = Path(unified, self.name)

    def __enter__(self):
        self.ask("up", len(self.nodes), self._mbit)
        return self

    def __exit__(self, *exception):
        self.close_runs()
        self.ask("down")

    def ask(self, *words, timeout=PATIENCE):
        """A command of cluster.sh; its standard output."""
        done = subprocess.run(
            [COMMAND, *map(str, words)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            env={**os.environ, "CLUSTER_DIR": str(self.dir)},
        )
        assert done.returncode == 0, f"{words}: exit {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout

    def on(self, node, *command, **how):
        return self.ask("run", node, *command, **how)

    def pfs(self, kind):
        if kind != self.kind:
            self.ask("pfs", kind)
            self.kind = kind

    def rules(self, *lines):
        """What goes wrong in the shared directory from here on, beyond what its kind says."""
        with open(self.dir / "rules", "a") as file:
            file.writelines(f"{line}\n" for line in lines)

    def seen(self, node, path):
        """The path as the host sees it."""
        pid = Path(self.dir, "state", f"{node}.pid").read_text().strip()
        return Path(f"/proc/{pid}/root{path}")

    @contextlib.contextmanager
    def disk(self, node, place, *rules):
        """A directory of the host is a file system of its own, in which things go wrong. Yields a
        file of rules: faultfs.h."""
        home = self.dir / "disks" / str(time.monotonic_ns())
        (home / "backing").mkdir(parents=True)
        told = home / "rules"
        told.write_text("".join(f"{rule}\n" for rule in rules))
        options = "allow_other,default_permissions"
        self.on(node, os.environ["FAULTFS"], home / "backing", told, place, "-o", options)
        try:
            yield told
        finally:
            self.on(node, "umount", place)

    def wan_bytes(self):
        """What each host has received by its wan0."""
        counter = "/sys/class/net/wan0/statistics/rx_bytes"
        return {node: int(self.seen(node, counter).read_text()) for node in self.nodes}

    @contextlib.contextmanager
    def no_route(self, nodes):
        """To the source, from these hosts."""
        for node in nodes:
            self.on(node, "ip", "link", "set", "wan0", "down")
        yield
        for node in nodes:
            self.on(node, "ip", "link", "set", "wan0", "up")

    @contextlib.contextmanager
    def inside(self, node):
        """Sockets made meanwhile belong to the host's network, and go on to do so."""
        with open("/proc/thread-self/ns/net") as ours, open(f"/run/netns/{self.name}-{node}") as its:
            enter_network(its)
            try:
                yield
            finally:
                enter_network(ours)

    def end(self, node, number=signal.SIGKILL):
        """A signal to what runs of the program there; it may just be about to end by itself."""
        for pid in self.processes(node):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def commands(self, node):
        """The command lines of all that runs there."""
        found = []
        for pid in Path(self._cgroup, node, "cgroup.procs").read_text().split():
            with contextlib.suppress(OSError):
                found.append(Path(f"/proc/{pid}/cmdline").read_text().rstrip("\0").replace("\0", " "))
        return found

    def processes(self, node, program=PROGRAM):
        """Of the program itself, or of another one."""
        found = []
        for pid in Path(self._cgroup, node, "cgroup.procs").read_text().split():
            with contextlib.suppress(OSError):
                if os.path.samefile(f"/proc/{pid}/exe", program):
                    found.append(int(pid))
        return found

    # jobs

    def mpirun(self, nodes, ranks, *args, env=None, options=(), wrapper=()):
        """A Run of the program with so many ranks on each of the first nodes, or "3,1,2"; wrapper:
        words of a command in front of it, for each rank."""
        names = ("MPIFETCH_REPORT", "MPIFETCH_RETRY_DELAY", *(env or ()))
        carried = [word for name in names for word in ("-x", name)]
        words = ("mpirun", nodes, ranks, *options, *carried, *wrapper, PROGRAM, *args)
        return self.start(words, env)

    def srun(self, nodes, ranks, *args, env=None, options=(), wrapper=()):
        """The same, by Slurm."""
        shape = (f"--nodes={nodes}", f"--ntasks-per-node={ranks}", *options)
        return self.start(("run", "head", "srun", *shape, *wrapper, PROGRAM, *args), env)

    def sbatch(self, script, *words, env=None, options=(), cwd=None):
        """A Batch of a script, by its path."""
        return Batch(self, script, words, env or {}, options, cwd)

    def start(self, words, env=None, cwd=None):
        self._runs.append(Run(self, words, env or {}, cwd))
        return self._runs[-1]

    def keep(self, run):
        """It outlives the test at hand: whoever asked for it closes it."""
        self._runs.remove(run)
        return run

    def close_runs(self):
        while self._runs:
            self._runs.pop().close()


def environment(cluster, home, report):
    """Nothing of the caller's HF_*, MPIFETCH_*, proxies or home reaches the program."""
    return {
        "CLUSTER_DIR": str(cluster.dir),
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "PATH": os.environ["PATH"],
        "MPIFETCH_REPORT": str(report),
        "MPIFETCH_RETRY_DELAY": "0.05",
    }


class Run:
    """A command of cluster.sh in the background."""

    def __init__(self, cluster, words, env, cwd):
        self.cluster = cluster
        self.home = cluster.dir / "runs" / str(time.monotonic_ns())
        self.home.mkdir(parents=True)
        self.report = self.home / "report.json"
        self._out = open(self.home / "stdout", "w+b")
        self._err = open(self.home / "stderr", "w+b")
        self.process = subprocess.Popen(
            [COMMAND, *map(str, words)],
            stdin=subprocess.DEVNULL,
            stdout=self._out,
            stderr=self._err,
            cwd=cwd or self.home,
            env={**environment(cluster, self.home, self.report), **env},
            start_new_session=True,
        )

    def said(self):
        return Path(self._err.name).read_text("utf-8", "backslashreplace")

    def wait_for_text(self, text, timeout=PATIENCE):
        """Until that is on standard error."""
        wait_for(lambda: text in self.said(), text, timeout)

    def wait(self, timeout=PATIENCE):
        try:
            code = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"no end after {timeout} s\n{self.result(None)}") from None
        return self.result(code)

    def result(self, code):
        out = Path(self._out.name).read_text("utf-8", "backslashreplace")
        return Result(self, code, out, self.said())

    def signal(self, number):
        """To mpirun or srun: the command has become that by exec."""
        self.process.send_signal(number)

    def kill(self):
        """End it, and the program wherever it runs."""
        self.process.kill()
        self.process.wait()
        for node in self.cluster.nodes:
            self.cluster.end(node)

    def close(self):
        if self.process.poll() is None:
            self.kill()
        self._out.close()
        self._err.close()


class Batch:
    """A batch job. Its output is one text, as Slurm writes it, and stands for standard error."""

    OVER = {"COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "NODE_FAIL", "BOOT_FAIL"}

    def __init__(self, cluster, script, words, env, options, cwd):
        self.cluster = cluster
        self.home = cluster.dir / "runs" / str(time.monotonic_ns())
        self.home.mkdir(parents=True)
        self.report = self.home / "report.json"
        self.log = self.home / "log"
        command = ("sbatch", "--parsable", f"--output={self.log}", *options, script, *words)
        done = subprocess.run(
            [COMMAND, "run", "head", *map(str, command)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            cwd=cwd or self.home,
            env={**environment(cluster, self.home, self.report), **env},
        )
        assert done.returncode == 0, done.stderr
        self.id = done.stdout.strip()

    def field(self, name):
        """As scontrol shows it: JobState, ExitCode, Restarts, ..."""
        words = self.cluster.on("head", "scontrol", "--oneliner", "show", "job", self.id).split()
        return next(word.partition("=")[2] for word in words if word.startswith(f"{name}="))

    def over(self):
        return self.field("JobState") in self.OVER

    def limit(self, minutes):
        update = (f"JobId={self.id}", f"TimeLimit={minutes}")
        self.cluster.on("head", "scontrol", "update", *update)

    def said(self):
        return self.log.read_text("utf-8", "backslashreplace") if self.log.exists() else ""

    def cancel(self, *options):
        self.cluster.on("head", "scancel", *options, self.id)

    def wait(self, timeout=PATIENCE):
        try:
            wait_for(self.over, "the end of the job", timeout, pause=ASKING)
        except AssertionError:
            self.cancel()
            raise AssertionError(f"no end after {timeout} s\n{self.said()}") from None
        return self.result(int(self.field("ExitCode").partition(":")[0]))

    def result(self, code):
        return Result(self, code, "", self.said())
