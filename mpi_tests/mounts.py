"""File systems for tests that have one of their own: the cluster's faultfs, or ext4 in a file."""

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


@contextmanager
def image(top):
    """A directory on ext4."""
    file, place = top / "image", top / "ext4"
    place.mkdir(parents=True)
    with open(file, "wb") as made:
        made.truncate(1 << 30)
    subprocess.run(["mkfs.ext4", "-qF", file], check=True)
    subprocess.run(["mount", "-o", "loop", file, place], check=True)
    try:
        yield place
    finally:
        subprocess.run(["umount", place], check=True)
