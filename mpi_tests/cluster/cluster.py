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


def enter_network(namespace):
    """This thread alone."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(namespace.fileno(), CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")


def wait_for(condition, what, timeout=30):
    """Until condition() is true, which is returned."""
    until = time.monotonic() + timeout
    while not (found := condition()):
        assert time.monotonic() < until, f"not in {timeout} s: {what}"
        time.sleep(0.02)
    return found


class Cluster:
    """with Cluster() as cluster: cluster.mpirun(4, 1, "get", url, cluster.shared / "x").wait()"""

    def __init__(self, hosts=4, mbit=200):
        self.dir = Path(os.environ.get("CLUSTER_DIR", "/var/tmp/mpifetch-cluster"))
        self.shared = self.dir / "shared"
        self.nodes = [f"n{i}" for i in range(1, hosts + 1)]
        self.kind = "plain"
        self._mbit = mbit
        self._runs = []
        mounts = Path("/proc/mounts").read_text().splitlines()
        unified = next(line.split()[1] for line in mounts if line.split()[2] == "cgroup2")
        self._cgroup = Path(unified, "mpifetch")

    def __enter__(self):
        self.ask("up", len(self.nodes), self._mbit)
        return self

    def __exit__(self, *exception):
        self.close_runs()
        self.ask("down")

    def ask(self, *words, timeout=60):
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

    def wan_bytes(self):
        """What each host has received by its wan0."""
        counter = "/sys/class/net/wan0/statistics/rx_bytes"
        return {node: int(self.seen(node, counter).read_text()) for node in self.nodes}

    @contextlib.contextmanager
    def inside(self, node):
        """Sockets made meanwhile belong to the host's network, and go on to do so."""
        with open("/proc/thread-self/ns/net") as ours, open(f"/run/netns/mpifetch-{node}") as its:
            enter_network(its)
            try:
                yield
            finally:
                enter_network(ours)

    def processes(self, node):
        """Of the program itself."""
        found = []
        for pid in Path(self._cgroup, node, "cgroup.procs").read_text().split():
            with contextlib.suppress(OSError):
                if os.path.samefile(f"/proc/{pid}/exe", PROGRAM):
                    found.append(int(pid))
        return found

    # jobs

    def mpirun(self, nodes, ranks, *args, env=None, options=(), program=(PROGRAM,)):
        """A Run of the program with so many ranks on each of the first nodes."""
        carried = [word for name in env or () for word in ("-x", name)]
        words = ("mpirun", nodes, ranks, *options, *carried, *program, *args)
        return self.start(words, env)

    def srun(self, nodes, ranks, *args, env=None, options=(), program=(PROGRAM,)):
        """The same, by Slurm."""
        shape = (f"--nodes={nodes}", f"--ntasks-per-node={ranks}", *options)
        return self.start(("run", "head", "srun", *shape, *program, *args), env)

    def sbatch(self, script, *words, env=None, options=(), cwd=None):
        """A script, by its path. The Run ends when the job does, with its exit code."""
        log = self.dir / "runs" / f"job-{time.monotonic_ns()}.out"
        command = ("sbatch", "--wait", "--parsable", f"--output={log}", *options, script, *words)
        run = self.start(("run", "head", *command), env, cwd)
        run.log = log
        return run

    def start(self, words, env=None, cwd=None):
        self._runs.append(Run(self, words, env or {}, cwd))
        return self._runs[-1]

    def close_runs(self):
        while self._runs:
            self._runs.pop().close()


class Run:
    """A command of cluster.sh in the background."""

    log = None  # where a batch job writes

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
            env={
                "CLUSTER_DIR": str(cluster.dir),
                "HOME": str(self.home),
                "LANG": "C.UTF-8",
                "PATH": os.environ["PATH"],
                "MPIFETCH_REPORT": str(self.report),
                "MPIFETCH_RETRY_DELAY": "0.05",
                **env,
            },
            start_new_session=True,
        )

    def said(self):
        return Path(self._err.name).read_text("utf-8", "backslashreplace")

    def job_id(self):
        """Of a batch job: sbatch says it at once."""
        return wait_for(lambda: Path(self._out.name).read_text().strip(), "a job id")

    def wait_for_text(self, text, timeout=30):
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
        job = self.log.read_text() if self.log and self.log.exists() else ""
        return Result(self, code, out, self.said() + job)

    def signal(self, number):
        """To mpirun or srun: the command has become that by exec."""
        self.process.send_signal(number)

    def kill(self):
        """End it, and the program wherever it runs."""
        self.process.kill()
        self.process.wait()
        for node in self.cluster.nodes:
            for pid in self.cluster.processes(node):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    def close(self):
        if self.process.poll() is None:
            self.kill()
        self._out.close()
        self._err.close()
