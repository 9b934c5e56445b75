"""One run of one command: how long, how much CPU, and whether it went well."""

import os
import signal
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from content import Wrong

PATIENCE = 900  # seconds until a run counts as hung
KEPT = ("PATH", "LD_LIBRARY_PATH", "TMPDIR")


@dataclass
class Usage:
    """Of a command and all that it waited for."""

    wall: float  # seconds
    cpu: float  # seconds, user and system


def environment(home):
    """Proxies, tokens and settings of the caller reach none of the tools."""
    return {
        **{name: os.environ[name] for name in KEPT if name in os.environ},
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "OMPI_MCA_btl": "self,vader",
    }


def run(command, home, cwd, may_fail=False, **added):
    """Usage of a command that must succeed. mpirun waits for its ranks, so they are counted."""
    command = [str(word) for word in command]
    log = Path(home, "log")
    with open(log, "wb") as out:
        begin = time.monotonic()
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            cwd=cwd,
            env={**environment(home), **added},
        )
        usage = _wait(process)
        wall = time.monotonic() - begin
    if process.returncode != 0 and not may_fail:
        text = log.read_text(errors="backslashreplace")[-4000:]
        raise Wrong(f"exit {process.returncode}: {' '.join(command)}\n{text}")
    return Usage(wall, usage.ru_utime + usage.ru_stime)


def _wait(process):
    """What the kernel says of it and of what it has waited for."""
    limits = [
        threading.Timer(PATIENCE, os.kill, (process.pid, signal.SIGTERM)),
        threading.Timer(PATIENCE + 10, os.kill, (process.pid, signal.SIGKILL)),
    ]
    for limit in limits:
        limit.start()
    try:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    except BaseException:
        process.terminate()
        process.wait()
        raise
    finally:
        for limit in limits:
            limit.cancel()
    return usage


def cpu_of(pid):
    """Seconds, user and system, of a process that lives."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
