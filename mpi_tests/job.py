"""Runs of the real program under mpirun: started, watched, and ended for certain."""

import functools
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

from others import for_others

ROOT = Path(__file__).resolve().parent.parent
# absolute, since each run has a directory of its own
PROGRAM = os.path.abspath(os.environ.get("MPIFETCH", ROOT / "build" / "src" / "mpifetch"))
# what CTest says, where a suite is started by hand: from the build of the program
BUILT = {
    "MPIFETCH_STEPS": "libsteps.so",
    "MPIFETCH_SHAM": "libsham.so",
    "MPIFETCH_LAUNCHER": "liblauncher.so",
    "MPIFETCH_NODES": "libnodes.so",
    "MPIFETCH_TURN": "libturn.so",
    "MPIFETCH_LUSTRE": "lustre",
    "FAULTFS": "faultfs",
    "LONGLINK": "longlink",
}
for _name, _file in BUILT.items():
    os.environ.setdefault(_name, str(Path(PROGRAM).parent.parent / "mpi_tests" / _file))
MPIRUN = os.environ.get("MPIRUN", "mpirun")
LAUNCHER = os.environ["MPIFETCH_LAUNCHER"]  # preload/launcher.c
RANK = "${OMPI_COMM_WORLD_RANK:-$PMI_RANK}"  # of a process, in the words of a shell
# seconds until a run counts as hung, on a machine that may have thirty times its work to do
PATIENCE = float(os.environ.get("MPIFETCH_PATIENCE", 300))
# Components of Open MPI that are not chosen on one host: each is loaded to be asked, and closed
# again, by mpirun or by each rank. One that another version does not have may be named.
NOT_CHOSEN = {
    "coll": "adapt,han,monitoring,sync",
    "errmgr": "default_orted,default_tool",
    "ess": "env,slurm,tool",
    "iof": "orted,tool",
    "odls": "pspawn",
    "osc": "ucx,pt2pt,monitoring,rdma",
    "plm": "rsh,slurm",
    "pmix": "flux",
    "ras": "gridengine,simulator,slurm",
    "reachable": "netlink",
    "regx": "naive,reverse",
    "rmaps": "mindist,ppr,rank_file,resilient,seq",
    "routed": "binomial,radix",
    "schizo": "flux,jsm,slurm",
    "shmem": "posix,sysv",
    "state": "orted,tool",
}
# In the environment of a run of which mpirun itself, or a rank that ends by itself, ends the rest:
# what rank 0 still has to say and to write then it may be late to.
UNHURRIED = {"OMPI_MCA_odls_base_sigkill_timeout": str(int(PATIENCE))}


@functools.cache
def launch():
    """The words before "-n", of the MPI whose launcher this is."""
    said = subprocess.run([MPIRUN, "--version"], stdout=subprocess.PIPE, text=True, check=True)
    if "HYDRA" in said.stdout:  # MPICH
        return [MPIRUN]
    return [MPIRUN, "--allow-run-as-root", "--oversubscribe"]


def words_of(pid, kind):
    """Its environ or cmdline, word by word; none of a process that has ended."""
    try:
        return Path(f"/proc/{pid}/{kind}").read_bytes().split(b"\0")
    except OSError:
        return []


def send(number, *pids):
    """A signal to processes of which the first that ends may take the others along."""
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue


class Result:
    def __init__(self, job, code, out, err):
        self.job, self.code, self.out, self.err = job, code, out, err

    @property
    def report(self):
        return json.loads(self.job.report.read_text())

    def __repr__(self):
        return f"exit {self.code}\n--- stdout\n{self.out}\n--- stderr\n{self.err}"


class Job:
    """One run. Its processes are a session of their own, which is how they are all found: mpirun
    gives each rank a process group, so killing one group would leave the ranks behind."""

    def __init__(
        self, home, ranks, args, env=None, umask=-1, cwd=None, each=None, stderr=None, user=None,
        group=None, before=(),
    ):  # fmt: skip
        """each: for each rank what it alone has in its environment; stderr: a descriptor; user,
        group: ids to run under, with no other groups; root may; before: words in front of the
        program, a wrapper."""
        # mpirun looks through what earlier ones, killed, have left in its directory of a user in
        # /tmp, and removes that directory while the next one of his starts.
        self._sessions = tempfile.mkdtemp(prefix="mf-")
        if user is not None:
            os.chown(home, user, group)
            os.chown(self._sessions, user, group)
        env = {"OMPI_MCA_orte_tmpdir_base": self._sessions, **(env or {})}
        self.report = Path(home, f"report-{time.monotonic_ns()}.json")
        program = PROGRAM if user is None else str(for_others(PROGRAM))
        command = [*before, program, *map(str, args)]
        if each:
            ranks = len(each)
            own = [["env", *(f"{name}={value}" for name, value in one.items())] for one in each]
            command = sum(([":", "-n", "1", *one, *command] for one in own), [])[1:]
        elif ranks:
            command = ["-n", str(ranks), *command]
        if ranks:
            command = [*launch(), *command]
        self._out = open(Path(home, "stdout"), "w+b")
        self._err = open(Path(home, "stderr"), "w+b")
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=self._out,
            stderr=self._err if stderr is None else stderr,
            env=self._preloaded(ranks, {**self._environment(home, ranks), **env}),
            umask=umask,
            cwd=cwd or home,
            user=user,
            group=group,
            extra_groups=None if user is None else [],
            start_new_session=True,
        )
        self._within = {self.process.pid}  # sessions; MPICH begins one for the ranks

    def _environment(self, home, ranks):
        """Nothing of the caller's HF_*, MPIFETCH_*, proxies or home reaches the program."""
        kept = ("PATH", "LD_LIBRARY_PATH", "ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS")
        found = {name: os.environ[name] for name in kept if name in os.environ}
        if not ranks and "ASAN_OPTIONS" in found:
            # Without a launcher Open MPI starts a daemon of its own, after which the leak
            # sanitizer cannot stop the process to look at it.
            found["ASAN_OPTIONS"] += ":detect_leaks=0"
        return {
            **found,
            "HOME": str(home),
            "LANG": "C.UTF-8",
            "MPIFETCH_REPORT": str(self.report),
            "MPIFETCH_RETRY_DELAY": "0.05",
            "OMPI_MCA_btl": "self,vader",
            # Its choice on one host in any case. Others are loaded to be asked, and a library
            # for a fabric measures the clock for a fifth of a second in each process.
            "OMPI_MCA_pml": "ob1",
            # Debian's own list, which this replaces, has the first two of "osc".
            **{f"OMPI_MCA_{kind}": f"^{names}" for kind, names in NOT_CHOSEN.items()},
            # A quarter of what the start of a job costs: a look at each PCI device, which an
            # emulated machine answers slowly, and at each display, and files to share what few
            # ranks are told.
            "HWLOC_COMPONENTS": "-pci,-linuxio,-gl,-opencl",
            # mpirun would load the libraries of X11, OpenCL and XML before it is told that.
            "HWLOC_PLUGINS_PATH": "/nowhere",
            "PMIX_MCA_gds": "hash",
            # Who is told to end, since another rank has failed, has so many seconds for that before
            # mpirun kills it. Two of them go into MPI_Finalize, which waits in vain for an mpirun that
            # sleeps; preload/launcher.c wakes it once all have ended.
            "OMPI_MCA_odls_base_sigkill_timeout": "5",
            # In MPI_Finalize a rank waits two seconds for an mpirun that has no turn, and ends without
            # it; mpirun would then say of a good run that it did not call that.
            "OMPI_MCA_orte_allowed_exit_without_sync": "1",
            # There are more ranks than cores, and what one does by spinning others cannot do. Of runs
            # beside each other each would bind its first rank to the same core.
            "OMPI_MCA_mpi_yield_when_idle": "1",
            "OMPI_MCA_hwloc_base_binding_policy": "none",
        }

    @staticmethod
    def _preloaded(ranks, env):
        """With the library that mpirun alone keeps."""
        if not ranks or not os.path.exists(LAUNCHER):
            return env
        others = [env["LD_PRELOAD"]] if "LD_PRELOAD" in env else []
        return {**env, "LD_PRELOAD": ":".join([str(for_others(LAUNCHER)), *others])}

    def processes(self):
        """Ids of all that run in the session, or in one that somebody of it has begun."""
        found = []
        for pid in [int(name) for name in os.listdir("/proc") if name.isdigit()]:
            try:
                session = os.getsid(pid)
                if session == pid and session not in self._within:
                    parent = int(self._status(pid)[1])
                    if parent and os.getsid(parent) in self._within:
                        self._within.add(session)
                if session in self._within and self._status(pid)[0] != "Z":
                    found.append(pid)
            except OSError:
                continue  # it ended while we looked
        return found

    @staticmethod
    def _status(pid):
        """Of a process: its state, parent, process group, session, ... Slow to ask for."""
        with open(f"/proc/{pid}/stat", "rb", 0) as file:
            return file.read().decode("utf-8", "replace").rpartition(")")[2].split()

    def command_lines(self):
        lines = []
        for pid in self.processes():
            try:
                lines.append(Path(f"/proc/{pid}/cmdline").read_bytes())
            except OSError:
                continue
        return lines

    def ranks(self):
        """Process ids of the program itself."""
        found = []
        for pid in self.processes():
            try:
                if os.path.samefile(f"/proc/{pid}/exe", PROGRAM):
                    found.append(pid)
            except OSError:
                continue
        return found

    def rank(self, number):
        """Process id of that rank under mpirun."""
        marks = {b"OMPI_COMM_WORLD_RANK=%d" % number, b"PMI_RANK=%d" % number}
        found = [pid for pid in self.ranks() if marks & set(words_of(pid, "environ"))]
        assert len(found) == 1, self.result(None)
        return found[0]

    def wait_for_silence(self, timeout=PATIENCE):
        """Until none of its processes is left; those that stay."""
        until = time.monotonic() + timeout
        while (left := self.processes()) and time.monotonic() < until:
            time.sleep(0.05)
        return left

    def wait_for_text(self, text, timeout=PATIENCE):
        """Until it has said that on standard error."""
        self.wait_until(lambda: text in self._read(self._err), timeout)

    @staticmethod
    def _read(stream):
        """Not by our own descriptor, whose position the program shares."""
        return Path(stream.name).read_text("utf-8", "backslashreplace")

    def printed(self):
        """What it has put on standard output so far."""
        return self._read(self._out)

    def wait_until(self, happened, timeout=PATIENCE):
        """Until a condition outside holds, at the latest when it has ended."""
        until = time.monotonic() + timeout
        ended = False
        while not happened():
            assert time.monotonic() < until and not ended, self.result(None)
            ended = self.process.poll() is not None
            time.sleep(0.01)

    def signal(self, number):
        os.kill(self.process.pid, number)

    def kill(self):
        """End all of it, now. The launcher last: when it is gone the kernel wakes a rank that was
        stopped."""
        while self.processes():
            for pid in sorted(self.processes(), key=lambda one: one == self.process.pid):
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            if self.process.poll() is None:
                self.process.wait()

    def wait(self, timeout=PATIENCE):
        try:
            code = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"no end after {timeout} s\n{self.result(None)}") from None
        return self.result(code)

    def result(self, code):
        return Result(self, code, self._read(self._out), self._read(self._err))

    def close(self):
        """Whoever asks for it once more has what he wants."""
        if self._out.closed:
            return
        self.kill()
        self._out.close()
        self._err.close()
        shutil.rmtree(self._sessions, ignore_errors=True)
