"""Trees to serve; what a published one must look like, and what must not be left beside it."""

import functools
import glob
import hashlib
import os
import random
import re
import stat
import subprocess
from pathlib import Path

OURS = (".cache",)  # what mpifetch adds to a tree of the Hub
HUB_RECORD = Path(".cache", "huggingface", "mpifetch")


def write_tree(root, files):
    """files: path -> bytes."""
    made = set()
    for path, content in files.items():
        target = os.path.join(root, path)
        folder = os.path.dirname(target)
        if folder not in made:
            os.makedirs(folder, exist_ok=True)
            made.add(folder)
        with open(target, "wb") as file:
            file.write(content)
    return Path(root)


@functools.lru_cache(maxsize=8)
def noise(size, seed):
    """Made once where each case of a file wants the same."""
    return random.Random(seed).randbytes(size)


def files_of(root):
    """path -> bytes, without what mpifetch adds."""
    found = {}
    for folder, folders, names in os.walk(root):
        below = os.path.relpath(folder, root)
        if below == ".":
            below = ""
            folders[:] = [name for name in folders if name not in OURS]
        for name in names:
            with open(os.path.join(folder, name), "rb", 0) as file:
                found[os.path.join(below, name)] = file.read()
    return found


def beside(dest):
    """Where the records of a tree lie that is not from the Hub."""
    return Path(dest).parent / f".{Path(dest).name}.mpifetch"


def record_of(dest):
    """The directory with manifest.json and SHA256SUMS."""
    inside = Path(dest, HUB_RECORD)
    return inside if inside.exists() else beside(dest)


def sha256_of(data):
    return hashlib.sha256(data).hexdigest()


def digests(files):
    """Short enough to be read when two of them differ."""
    return {path: (len(data), sha256_of(data)) for path, data in files.items()}


def modes_of(root):
    found = {}
    for folder, folders, names in os.walk(root):
        for name in (*folders, *names):
            full = os.path.join(folder, name)
            if not os.path.islink(full):
                found[os.path.relpath(full, root)] = stat.S_IMODE(os.lstat(full).st_mode)
    return found


def assert_same(dest, source, keep=lambda path: True):
    """dest holds just the files of source that keep says."""
    wanted = {path: data for path, data in files_of(source).items() if keep(path)}
    found = files_of(dest)
    if found != wanted:  # hashed only to be shown
        assert digests(found) == digests(wanted)


def assert_verifiable(dest):
    """SHA256SUMS names every published file, and sha256sum agrees."""
    sums = record_of(dest) / "SHA256SUMS"
    listed = [line[66:] for line in sums.read_text().splitlines()]
    assert sorted(listed) == sorted(files_of(dest))
    check = subprocess.run(
        ["sha256sum", "--check", "--strict", "--quiet", sums.absolute()],
        cwd=dest,
        capture_output=True,
        text=True,
    )
    assert check.returncode == 0, check.stdout + check.stderr


def assert_alone(dest):
    """No staging directory, temporary name or anything else is left beside dest, but for the one
    record of a tree that is not from the Hub."""
    names = set(os.listdir(dest.parent)) - {beside(dest).name}
    assert names == {dest.name}
    assert len(list(beside(dest).glob("run-*"))) == beside(dest).exists()


def assert_nothing(dest):
    """Nothing was published, and nothing is left but what the next run continues with."""
    assert not os.path.lexists(dest)
    assert_only_state(dest)


def assert_only_state(dest, orderly=True):
    """Beside dest is at most what a run that failed has fetched, given up in good order unless it
    was killed."""
    for name in set(os.listdir(dest.parent)) - {dest.name, beside(dest).name}:
        assert re.fullmatch(rf"\.{re.escape(dest.name)}\.mpifetch-[0-9a-f]{{16}}", name), name
        [run] = Path(dest.parent, name).iterdir()
        assert not orderly or (run / "released").exists(), sorted(os.listdir(run))
        assert not orderly or os.listdir(run / "journal") or (run / "kept").exists()


def live(folder, pattern):
    """Paths in a folder in which a run makes and removes directories: Path.glob fails at one that
    has gone since it was listed."""
    found = glob.glob(pattern, root_dir=folder, recursive=True)
    return [Path(folder, name) for name in sorted(found)]


def entries(folder):
    """(key of the file, offset, bytes) that the journals of runs in a folder tell of."""
    found = set()
    for journal in live(folder, ".*mpifetch-*/run-*/journal/*"):
        try:
            text = journal.read_text()
        except FileNotFoundError:
            continue  # it is on its way to another directory
        lines = re.findall(r"^([0-9a-f]{16}) (\d+) (\d+) [0-9a-f]{16}$", text, re.M)
        found.update((key, int(offset), int(count)) for key, offset, count in lines)
    return found


def noted(folder):
    """Bytes of all of these."""
    return sum(count for _, _, count in entries(folder))


def assert_came_once(result, size, most):
    """From the source, but for what was given up where its rank was late: less than `most` bytes
    each time."""
    report = result.report
    again = report["requests"]["cut"] * most
    assert size <= report["bytes"]["fetched"] <= size + again, (result, report)


def snapshot(root):
    """All that a touched tree would show: names, inodes, modes, times, contents."""
    seen = {}
    paths = [str(root)] if os.path.lexists(root) else []
    for folder, folders, names in os.walk(root):
        paths += [os.path.join(folder, name) for name in (*folders, *names)]
    for path in paths:
        info = os.lstat(path)
        content = Path(path).read_bytes() if stat.S_ISREG(info.st_mode) else None
        link = os.readlink(path) if os.path.islink(path) else None
        seen[path] = (info.st_ino, info.st_mode, info.st_mtime_ns, link, content)
    return seen
