"""A file system of this machine's own for one test: the cluster's faultfs, mounted here."""

import os
import subprocess
import time
from contextlib import contextmanager

from job import PATIENCE


@contextmanager
def fuse(top, *options):
    """A directory on it. options: of faultfs."""
    back, place, rules = top / "fuse-back", top / "fuse", top / "fuse-rules"
    back.mkdir(parents=True)
    place.mkdir()
    rules.touch()
    words = [os.environ["FAULTFS"], back, rules, place, "-f", "-o", ",".join(("rw", *options))]
    server = subprocess.Popen(words)
    try:
        until = time.monotonic() + PATIENCE
        while not os.path.ismount(place):
            assert server.poll() is None and time.monotonic() < until, "it was not mounted"
            time.sleep(0.002)
        yield place
    finally:
        subprocess.run(["umount", place], check=False)
        server.terminate()
        server.wait()
