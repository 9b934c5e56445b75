"""Repositories for the loopback Hub: directories seen as commits, branches and blobs.

A commit is a directory at the moment it was added. Its files are served from where they lie, so
the directory must stay as it is; a second version is a second directory.
"""

import fnmatch
import hashlib
import json
import os
from dataclasses import dataclass, field
from functools import lru_cache

KINDS = ("models", "datasets", "spaces")


@dataclass
class Blob:
    path: str  # in the repository
    file: str  # on this machine
    size: int
    oid: str  # git object id: of the content, or of the pointer of an LFS file
    sha256: str | None = None  # LFS only
    pointer_size: int = 0

    @property
    def etag(self):
        return self.sha256 or self.oid

    def entry(self):
        """As the tree listing shows it."""
        shown = {"type": "file", "path": self.path, "size": self.size, "oid": self.oid}
        if self.sha256:
            shown["lfs"] = {
                "oid": self.sha256,
                "size": self.size,
                "pointerSize": self.pointer_size,
            }
        return shown


@dataclass
class Commit:
    id: str
    blobs: dict[str, Blob]  # by path
    extra: list[dict] = field(default_factory=list)  # tree entries that no directory can hold

    def entries(self, below="", recursive=True):
        """The tree listing: directories and files, in the order of their paths."""
        prefix = below + "/" if below else ""
        found = {}
        for path, blob in self.blobs.items():
            if not path.startswith(prefix):
                continue
            parts = path[len(prefix) :].split("/")
            for depth in range(1, len(parts)):
                directory = prefix + "/".join(parts[:depth])
                oid = hashlib.sha1(b"tree " + os.fsencode(directory)).hexdigest()
                found[directory] = {"type": "directory", "path": directory, "size": 0, "oid": oid}
                if not recursive:
                    break
            if recursive or len(parts) == 1:
                found[path] = blob.entry()
        return [found[path] for path in sorted(found)] + ([] if below else self.extra)


@dataclass
class Repository:
    kind: str  # models, datasets, spaces
    id: str  # ns/name
    lfs_from: int = 1 << 20  # files of at least so many bytes are LFS files ...
    lfs_patterns: tuple[str, ...] = ()  # ... and those whose path matches one of these
    private: bool = False
    gated: str | bool = False  # False, "auto", "manual"
    disabled: bool = False
    granted: set[str] = field(default_factory=set)  # tokens that may read it
    commits: dict[str, Commit] = field(default_factory=dict)
    refs: dict[str, str] = field(default_factory=dict)  # refs/heads/main -> commit

    def commit(self, directory, ref="main"):
        """Make the directory's present state the newest commit of a branch, refs/tags/T or
        refs/pr/N. Returns the Commit."""
        blobs = {}
        for folder, folders, names in os.walk(directory):
            folders.sort()
            below = os.path.relpath(folder, directory)
            for name in sorted(names):
                path = name if below == "." else os.path.join(below, name)
                blobs[path] = self._blob(path, os.path.join(folder, name))
        listing = json.dumps([[b.path, b.etag] for _, b in sorted(blobs.items())])
        made = Commit(hashlib.sha1(f"{self.kind}/{self.id} {listing}".encode()).hexdigest(), blobs)
        self.commits[made.id] = made
        self.refs[ref if ref.startswith("refs/") else "refs/heads/" + ref] = made.id
        return made

    def find(self, revision):
        """The Commit of a branch, tag, refs/... or commit id; None if there is none."""
        for name in (f"refs/heads/{revision}", f"refs/tags/{revision}", revision):
            if name in self.refs:
                return self.commits[self.refs[name]]
        return self.commits.get(revision)

    def blob(self, path, revision="main"):
        return self.find(revision).blobs[path]

    def _blob(self, path, file):
        size = os.stat(file).st_size
        if size < self.lfs_from and not any(fnmatch.fnmatch(path, p) for p in self.lfs_patterns):
            with open(file, "rb", 0) as opened:
                return Blob(path, file, size, git_oid(opened.read()))
        digest = file_sha256(file)
        pointer = (
            f"version https://git-lfs.github.com/spec/v1\noid sha256:{digest}\nsize {size}\n"
        ).encode()
        return Blob(path, file, size, git_oid(pointer), digest, len(pointer))


def git_oid(content):
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def file_sha256(file):
    """Hashed once for each (name, size, time)."""
    stat = os.stat(file)
    return _hash(os.path.realpath(file), stat.st_ino, stat.st_size, stat.st_mtime_ns)


@lru_cache(maxsize=4096)
def _hash(file, *_version):
    with open(file, "rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
