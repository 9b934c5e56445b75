"""What these suites share: contents, destinations with what must hold there at any instant, and
jobs that end where a test wants it."""

import os
import random
import re
import signal
import tempfile
import time
from pathlib import Path

from conftest import MIB, noise, write_tree
from job import PATIENCE
from trees import OURS, digests, live

STEPS = os.environ["MPIFETCH_STEPS"]
NAME = "acme/demo"
SOURCE = f"hf://{NAME}"
FOLDER = "models--acme--demo"


def alone(top):
    """For a process without mpirun: no daemon of Open MPI either, so it is fast. What such a process
    has in a directory of Open MPI's would be that of every other one as well."""
    return {
        "OMPI_MCA_ess_singleton_isolated": "1",
        "OMPI_MCA_orte_tmpdir_base": tempfile.mkdtemp(prefix="ompi-", dir=top),
        "OMPI_MCA_btl": "self",
    }


def content(mark, large=3 * MIB, small=24):
    """A revision: half of it is the same in all of them. mark: a string."""
    return {
        "same.bin": noise(large + 17, 1),
        "other.bin": noise(large + MIB, mark),
        "a/one-segment.bin": noise(MIB, mark + "1"),
        "config.json": b'{"mark": "%s"}\n' % mark.encode(),
        "empty": b"",
        **{f"small/{i:03}.txt": b"%d\n" % i for i in range(small // 2)},
        **{f"small/{mark}/{i:03}.txt": b"%s %d\n" % (mark.encode(), i) for i in range(small // 2)},
    }


def size_of(files):
    return sum(map(len, files.values()))


def read_tree(path):
    """path -> bytes of all below an open directory, as a reader does who must not see two trees;
    None: there is no such directory."""
    try:
        top = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    except FileNotFoundError:
        return None
    found = {}
    try:
        for folder, folders, names, fd in os.fwalk(".", dir_fd=top, follow_symlinks=True):
            if folder == ".":
                folders[:] = [name for name in folders if name not in OURS]
            for name in names:
                with open(os.open(name, os.O_RDONLY, dir_fd=fd), "rb", 0) as file:
                    found[os.path.normpath(os.path.join(folder, name))] = file.read()
    finally:
        os.close(top)
    return found


class Dir:
    """A directory at DEST, or with --versions a symlink to one."""

    def __init__(self, parent, words=(), source=SOURCE):
        self.parent = Path(parent)
        self.parent.mkdir(parents=True)
        self.dest = self.parent / "model"
        self.versions = "--versions" in words
        self.words = ("get", "--segment-size", MIB, *words, source, self.dest)
        self.below = self.parent
        self.env = {}

    def read(self):
        return read_tree(self.dest)

    def stagings(self):
        return sorted(self.parent.glob(".model.mpifetch-*"))

    def strays(self):
        known = {"model", ".model.versions"} if self.versions else {"model"}
        known.add(".model.mpifetch")
        found = set(os.listdir(self.parent)) - known
        kept = os.listdir(self.parent / ".model.versions") if self.versions else []
        if len(kept) > 2:  # the present one and the one before
            found |= {f".model.versions/{name}" for name in kept}
        records = list(self.parent.glob(".model.mpifetch/run-*"))
        if len(records) > max(len(kept), 1):  # each describes one of the trees
            found |= {f".model.mpifetch/{path.name}" for path in records}
        return sorted(found)


class Cache:
    """The cache of the Hub's library."""

    versions = False
    commit = None  # which one a reader asks for; None: the one that the branch stands for

    def __init__(self, parent, words=(), source=SOURCE):
        self.parent = Path(parent)
        self.parent.mkdir(parents=True)
        self.folder = self.parent / FOLDER
        self.words = ("get", "--hf-cache", "--segment-size", MIB, *words, source)
        self.below = self.parent
        self.env = {"HF_HUB_CACHE": str(self.parent)}

    def read(self):
        if self.commit:
            return read_tree(self.folder / "snapshots" / self.commit)
        try:
            commit = (self.folder / "refs" / "main").read_text()
        except FileNotFoundError:
            return None
        found = read_tree(self.folder / "snapshots" / commit)
        assert found is not None, "the ref leads nowhere"
        return found

    def stagings(self):
        return sorted(self.folder.glob(".mpifetch-*"))

    def strays(self):
        return [path.name for path in self.stagings()]


LAYOUTS = {
    "dir": lambda parent: Dir(parent),
    "versions": lambda parent: Dir(parent, ("--versions",)),
    "cache": lambda parent: Cache(parent),
}


def assert_reader(place, *wanted):
    """A reader finds just one of these, whole, or (None) nothing."""
    found = place.read()
    # not hashed where they are the same
    assert found in wanted, f"a reader sees {shown(found)}, not one of {[shown(one) for one in wanted]}"
    return found


def shown(files):
    """Short enough to be read."""
    return "nothing" if files is None else str(digests(files))


LINE = re.compile(rb"([0-9a-f]{16}) (\d+) (\d+) [0-9a-f]{16}(?: \d+)?\n")


def journals(place):
    return [path for top in place.stagings() for path in live(top, "**/journal/*")]


def noted(place):
    """Bytes that the journals of dead runs tell of, each counted once."""
    entries = {m.groups() for path in journals(place) for m in LINE.finditer(path.read_bytes())}
    return sum(int(length) for _, _, length in entries)


def assert_adds_up(result):
    """What was fetched, what was there, and what a former run had left make up the whole."""
    told = result.report["bytes"]
    if "already up to date" not in result.err:
        total = told["fetched"] - told["duplicated"] + told["resumed"] + told["reused"]
        assert total == told["published"], told


def sent_by(hub):
    """Bytes of content that went out, also to those who did not live to see them: all have ended."""
    hub.quiet()
    return sum(row["bytes"] for row in hub.requests.rows() if is_content(row))


def copied_late(*results):
    """Most bytes of copies that idle ranks have begun of late segments, to the end or not."""
    return sum(MIB * result.report["requests"]["cut"] for result in results)


def is_content(row):
    return row["kind"] in ("cdn", "resolve-cache") and row["status"] in (200, 206)


class Jobs:
    """Starts runs for one place, and keeps what they need to be told."""

    def __init__(self, start, hub, place, home=None):
        self.start, self.hub, self.place = start, hub, place
        self.home = home or place.parent.parent  # for Open MPI

    def begin(self, ranks, *words, each=None, **env):
        """each: as for Job; 0 ranks: one process without mpirun."""
        env = {"HF_ENDPOINT": self.hub.endpoint, **self.place.env, **env}
        if not ranks:
            env |= alone(self.home)
        else:
            # each rank alone has what the shim is told
            own = each or [{} for _ in range(ranks)]
            shim = {name: env.pop(name) for name in list(env) if name.startswith("STEPS_")}
            if shim or each:
                own[-1] = {**own[-1], **shim}
                each = own
        head, *rest = self.place.words
        return self.start(ranks, head, *words, *rest, env=env, each=each)

    def shim(self, **steps):
        told = {f"STEPS_{name.upper()}": str(value) for name, value in steps.items()}
        return {"LD_PRELOAD": STEPS, "STEPS_BELOW": str(self.place.below), **told}

    def run(self, ranks, *words, **env):
        job = self.begin(ranks, *words, **env)
        result = job.wait()
        job.close()
        return result

    def succeed(self, ranks, *words, **env):
        result = self.run(ranks, *words, **env)
        assert result.code == 0, result
        assert_adds_up(result)
        return result


def wait_for(holds, job, timeout=PATIENCE):
    """Until it holds, or the job has ended; whether it held."""
    until = time.monotonic() + timeout
    while not holds():
        if job.process.poll() is not None:
            return holds()
        assert time.monotonic() < until, job.result(None)
        time.sleep(0.002)
    return True


def end_by_force(job, whom, chance=random):
    """SIGKILL to "one" rank, to "all" of them, or to the "launcher"."""
    victims = [job.process.pid] if whom == "launcher" else job.ranks()
    if whom == "one" and victims:
        victims = [chance.choice(victims)]
    for pid in victims:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass  # it was just about to end by itself
    code = job.wait().code
    left = job.wait_for_silence()
    assert not left, f"still there after the kill: {job.command_lines()} {job.result(code)}"
    return code


def serve(hub, top, *revisions):
    """Trees of files as directories; the last one is what the Hub has."""
    trees = []
    for number, files in enumerate(revisions):
        trees.append(write_tree(Path(top) / f"revision-{number}", files))
        hub.add(NAME, trees[-1])
    return trees


def assert_files(place, files):
    assert_reader(place, files)
