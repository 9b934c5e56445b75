"""Systems to install into: the root of a bare Debian, or this machine's own, each with what is
changed kept apart and thrown away at the end."""

import fcntl
import hashlib
import os
import platform
import pty
import select
import shutil
import subprocess
import termios
from contextlib import contextmanager
from pathlib import Path

from job import PATIENCE, PROGRAM

BUILD = Path(PROGRAM).parent.parent
SUITE = platform.freedesktop_os_release()["VERSION_CODENAME"]
# A private view: what is changed is in memory, and goes with the process that holds it.
MOUNTS = """
set -e
mount -t tmpfs tmpfs "$2"
mkdir "$2/upper" "$2/work" "$2/root"
mount -t overlay overlay -o "lowerdir=$1,upperdir=$2/upper,workdir=$2/work" "$2/root"
mount --rbind /dev "$2/root/dev"
mount -t proc proc "$2/root/proc"
echo ready
exec cat
"""


class Root:
    def __init__(self, holder, place):
        self._holder, self.place = holder, place
        self._enter = ["nsenter", f"--target={holder.pid}", "--mount", "chroot", place / "root"]

    def try_(self, *words, **how):
        """Its result, whatever it is."""
        env = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LANG": "C.UTF-8",
               "TERM": "dumb", "OMPI_ALLOW_RUN_AS_ROOT": "1",
               "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}  # fmt: skip
        return subprocess.run([*self._enter, *map(str, words)], env={**env, **how.pop("env", {})},
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=3 * PATIENCE,
                              check=False)  # fmt: skip

    def run(self, *words, **how):
        """What it says, both outputs together; it must succeed."""
        done = self.try_(*words, **how)
        assert done.returncode == 0, f"{words}: exit {done.returncode}\n{done.stdout}"
        return done.stdout

    def copy_in(self, source, path):
        """A file or tree of this machine, at an absolute path of this root, whose directory is
        made."""
        self.run("mkdir", "-p", str(Path(path).parent))
        packed = subprocess.run(["tar", "-C", Path(source).parent, "-c", Path(source).name],
                                stdout=subprocess.PIPE, check=True)  # fmt: skip
        rename = f"s,^{Path(source).name},{Path(path).name},"
        subprocess.run([*self._enter, "tar", "-C", str(Path(path).parent), "-x",
                        f"--transform={rename}", "--no-same-owner"],
                       input=packed.stdout, check=True)  # fmt: skip

    def install(self, packages):
        for package in packages:
            self.copy_in(package, f"/var/tmp/{package.name}")
        self.run("dpkg", "-i", *(f"/var/tmp/{package.name}" for package in packages))

    @contextmanager
    def terminal(self, *words):
        """An interactive program of this root on a terminal of its own."""
        ours, theirs = pty.openpty()
        env = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LANG": "C.UTF-8", "TERM": "xterm",
               "PS1": "$ ", "COLUMNS": "200", "LINES": "50"}  # fmt: skip
        child = subprocess.Popen([*self._enter, *map(str, words)], env=env, stdin=theirs,
                                 stdout=theirs, stderr=theirs, start_new_session=True,
                                 preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))  # fmt: skip
        os.close(theirs)
        try:
            yield Terminal(ours)
        finally:
            child.kill()
            child.wait()
            os.close(ours)


class Terminal:
    def __init__(self, fd):
        self._fd, self._seen = fd, ""

    def type(self, text):
        os.write(self._fd, text.encode())

    def wait_for(self, text):
        """Everything up to the text, which must come."""
        while text not in self._seen:
            ready, _, _ = select.select([self._fd], [], [], PATIENCE)
            assert ready, f"'{text}' did not come: {self._seen!r}"
            self._seen += os.read(self._fd, 4096).decode(errors="replace")
        before, _, self._seen = self._seen.partition(text)
        return before


@contextmanager
def changed(lower, place):
    """A Root on top of the directory `lower`, which stays as it is. place: an empty directory."""
    holder = subprocess.Popen(["unshare", "--mount", "--propagation", "private", "sh", "-c",
                               MOUNTS, "sh", lower, place],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # fmt: skip
    try:
        assert holder.stdout.readline() == b"ready\n", "no root could be made"
        yield Root(holder, place)
    finally:
        holder.kill()
        holder.wait()


@contextmanager
def locked(name):
    """Files of this suite may run side by side and share what they make in the build folder."""
    with open(BUILD / name, "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def bare(wanted):
    """The directory of a bare Debian with these packages, made once for a list of them."""
    wanted = sorted(wanted)
    key = hashlib.sha256(" ".join(wanted).encode()).hexdigest()[:12]
    made = BUILD / f"bare-{key}"
    with locked("bare.lock"):
        if not made.exists():
            part = BUILD / "bare.part"
            shutil.rmtree(part, ignore_errors=True)
            subprocess.run(["mmdebstrap", "--quiet", "--variant=essential", "--mode=root",
                            "--dpkgopt=force-unsafe-io",
                            "--aptopt=APT::Install-Recommends \"false\"",
                            f"--include={','.join(wanted)}", SUITE, part],
                           stdin=subprocess.DEVNULL, check=True)  # fmt: skip
            part.rename(made)
    return made
