"""One run of one command: how long, how much CPU, and whether it went well."""

import os
import resource
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from content import Wrong

PATIENCE = 3600  # seconds until a run counts as hung
KEPT = ("PATH", "LD_LIBRARY_PATH", "TMPDIR")


@dataclass
class Usage:
    wall: float  # seconds
    cpu: float  # seconds, user and system, of the command and all that it waited for


def environment(home):
    """Proxies, tokens and settings of the caller reach none of the tools."""
    return {
        **{name: os.environ[name] for name in KEPT if name in os.environ},
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "OMPI_MCA_btl": "self,vader",
    }


def run(command, home, cwd, **added):
    """Usage of a command that must succeed. mpirun waits for its ranks, so they are counted."""
    command = [str(word) for word in command]
    log = Path(home, "log")
    with open(log, "wb") as out:
        before, begin = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            cwd=cwd,
            env={**environment(home), **added},
        )
        limits = [
            threading.Timer(PATIENCE, process.terminate),
            threading.Timer(PATIENCE + 10, process.kill),
        ]
        for limit in limits:
            limit.start()
        try:
            code = process.wait()
        except BaseException:
            process.terminate()
            process.wait()
            raise
        finally:
            for limit in limits:
                limit.cancel()
        wall = time.monotonic() - begin
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if code != 0:
        text = log.read_text(errors="backslashreplace")[-4000:]
        raise Wrong(f"exit {code}: {' '.join(command)}\n{text}")
    return Usage(wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
