"""Large files on Lustre are made with stripes. No Lustre is at hand: statfs and the layout of
directories are those of preload/sham.c, the library is preload/lustreapi.c."""

import os
import signal
from collections import Counter

import pytest
from conftest import MIB, noise, write_tree
from files import Files
from trees import assert_same, entries

SHAM = os.environ["MPIFETCH_SHAM"]
LIBRARY = os.environ["MPIFETCH_LUSTRE"]
FILES = {"large.bin": noise(20 * MIB + 5, 1), "d/other.bin": noise(17 * MIB, 2), "small.bin": noise(MIB, 3)}
LARGE = {"large.bin", "d/other.bin"}


@pytest.fixture
def tree(tmp_path):
    return write_tree(tmp_path / "tree", FILES)


class Lustre:
    def __init__(self, home):
        self.log = home / "made"
        self.env = {
            "LD_PRELOAD": SHAM,
            "SHAM_MAGIC": "0x0bd00bd0",
            "SHAM_LAYOUT": "ROOT",
            "LD_LIBRARY_PATH": f"{LIBRARY}:{os.environ.get('LD_LIBRARY_PATH', '')}",
            "LUSTRE_LOG": str(self.log),
        }

    def made(self):
        """(stripes, inode, flags, mode, size, path) of each file."""
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        rows = [line.split(" ", 6) for line in lines]
        return [(int(row[1]), int(row[2]), int(row[3]), row[4], int(row[5]), row[6]) for row in rows]

    def without_library(self):
        return {**self.env, "LD_LIBRARY_PATH": os.environ.get("LD_LIBRARY_PATH", "")}


@pytest.fixture
def lustre(tmp_path):
    return Lustre(tmp_path)


def assert_made(lustre, dest, count):
    """Once, empty, with O_CREAT and O_EXCL, and it is these files that were published."""
    made = lustre.made()
    assert Counter(row[0] for row in made) == {count: len(LARGE)}
    assert {row[1] for row in made} == {(dest / name).stat().st_ino for name in LARGE}
    assert {row[2:5] for row in made} == {(os.O_CREAT | os.O_EXCL, "666", 0)}


@pytest.mark.parametrize("ranks", [1, 3])
@pytest.mark.parametrize("scratch", [False, True])
def test_library(run, tree, dest, tmp_path, lustre, ranks, scratch):
    (tmp_path / "scratch").mkdir()
    place = tmp_path / "scratch" if scratch else "none"
    result = run(ranks, "get", "--stripe", 3, "--scratch", place, f"file://{tree}", dest, env=lustre.env)
    assert result.code == 0, result
    assert_same(tree, dest)
    assert_made(lustre, dest, 3)
    assert "stripe" not in result.err, result


def test_in_one_piece(run, tree, dest, lustre):
    """A file that one rank fetches alone, and would make, has stripes all the same."""
    words = ("--segment-size", "64M", "--stripe", 3)
    result = run(2, "get", *words, f"file://{tree}", dest, env=lustre.env)
    assert result.code == 0, result
    assert_same(tree, dest)
    assert_made(lustre, dest, 3)


def test_no_more_than_there_are(run, tree, dest, lustre):
    env = {**lustre.env, "LUSTRE_OSTS": "2"}
    result = run(1, "get", "--stripe", 1000, f"file://{tree}", dest, env=env)
    assert result.code == 0, result
    assert_made(lustre, dest, 2)


def test_automatic(run, dest, tmp_path, lustre):
    """A sparse file is quickly read."""
    (tmp_path / "tree").mkdir()
    for name, size in {"two": 257 * MIB, "none": 255 * MIB}.items():
        with open(tmp_path / "tree" / name, "w") as file:
            file.truncate(size)
    result = run(1, "get", "--no-sync", f"file://{tmp_path}/tree", dest, env=lustre.env)
    assert result.code == 0, result
    assert [(row[0], row[5].rpartition("/")[2]) for row in lustre.made()] == [(2, "two")]


@pytest.mark.parametrize("why", ["none", "own", "composite", "elsewhere"])
def test_left_alone(run, tree, dest, lustre, why):
    words = ("--stripe", "none" if why == "none" else 3)
    env = dict(lustre.env)
    if why == "own":
        env["SHAM_LAYOUT"] = f"{dest.parent}/"
    if why == "composite":
        words, env["SHAM_LAYOUT"] = (), "COMPOSITE"
    if why == "elsewhere":
        del env["SHAM_MAGIC"]
    result = run(2, "get", "-v", *words, f"file://{tree}", dest, env=env)
    assert result.code == 0, result
    assert_same(tree, dest)
    assert lustre.made() == []
    says = {"none": "", "own": "a layout of its own", "composite": "one for each size",
            "elsewhere": "--stripe 3 has no effect"}
    assert says[why] in result.err, result


def lfs(home, text):
    (home / "bin").mkdir(exist_ok=True)
    path = home / "bin" / "lfs"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return f"{home}/bin:{os.environ['PATH']}"


def test_program(run, tree, tmp_path, lustre):
    """Without the library lfs is asked; no shell reads the path, and it gets no secrets."""
    dest = tmp_path / "a $(touch oops) ;b" / "model"
    dest.parent.mkdir()
    text = f'echo "$1|$2|$3|$4" >> {tmp_path}/asked; env >> {tmp_path}/env; umask >> {tmp_path}/env; : > "$4"'
    env = {**lustre.without_library(), "PATH": lfs(tmp_path, text), "HF_TOKEN": "hf_secret"}
    result = run(2, "get", "--stripe", 4, f"file://{tree}", dest, env=env)
    assert result.code == 0, result
    assert_same(tree, dest)
    asked = [line.split("|") for line in (tmp_path / "asked").read_text().splitlines()]
    assert sorted((*row[:3], row[3].partition("/tree/")[2]) for row in asked) == [
        ("setstripe", "-c", "4", name) for name in sorted(LARGE)
    ]
    assert all(row[3].startswith(f"{dest.parent}/") for row in asked)
    names = {line.partition("=")[0] for line in (tmp_path / "env").read_text().splitlines() if "=" in line}
    assert names - {"PWD", "OLDPWD", "SHLVL", "_"} <= {"PATH", "HOME", "LANG", "LD_LIBRARY_PATH"}
    assert lustre.made() == []


@pytest.mark.parametrize("why", ["missing", "fails", "refused"])
def test_cannot(run, tree, dest, tmp_path, lustre, why):
    """The files are made as usual, and that is said once."""
    env = lustre.without_library()
    if why == "fails":
        env["PATH"] = lfs(tmp_path, "exit 1")
    if why == "refused":
        env = {**lustre.env, "LUSTRE_FAIL": "28"}
    result = run(2, "get", "--stripe", 4, f"file://{tree}", dest, env=env)
    assert result.code == 0, result
    assert_same(tree, dest)
    assert result.err.count("large files are not striped") == 1, result
    assert "error on ioctl" not in result.err, result
    if why == "refused":
        assert "No space left" in result.err, result


def test_resume(run, start, tree, dest, lustre):
    """What a run has made is continued, not made anew: it would lose its bytes or its stripes."""
    with Files(tree) as web:
        words = ("--stripe", 3, "--manifest", tree.parent / "list", dest)
        (tree.parent / "list").write_text(
            "".join(f"{web.url}/{name} - {len(data)} {name}\n" for name, data in FILES.items())
        )
        for name in LARGE:
            web.trouble(kind="file", path=f"*/{name}", skip=4, hold=True)
        job = start(2, "get", "--segment-size", "1M", *words, env=lustre.env)
        job.wait_until(lambda: len({key for key, _, _ in entries(dest.parent)}) >= len(LARGE))
        job.signal(signal.SIGTERM)
        assert job.wait().code != 0
        web.troubles.clear()
        web.troubles.release()
        result = run(2, "get", *words, env=lustre.env)
    assert result.code == 0, result
    assert_same(tree, dest)
    assert_made(lustre, dest, 3)


def test_cache(run, hub, tree, tmp_path, lustre):
    """Blobs are staged files as well."""
    hub.add("acme/demo", tree)
    cache = tmp_path / "cache"
    result = run(2, "get", "--stripe", 3, "--hf-cache", "hf://acme/demo", cache, env={**hub.env, **lustre.env})
    assert result.code == 0, result
    (snapshot,) = cache.glob("*/snapshots/*")
    assert_made(lustre, snapshot, 3)


@pytest.mark.parametrize("layout,level", [("ROOT", True), ("own", False), ("COMPOSITE", False)])
def test_doctor(run, dest, lustre, layout, level):
    env = {**lustre.env, "SHAM_LAYOUT": str(dest.parent) if layout == "own" else layout}
    result = run(1, "doctor", "--quick", dest.parent, env=env)
    assert result.code == 0, result
    texts = [one["text"] for one in result.report["advice"] if one["level"] == "warning"]
    assert any("one disk of Lustre" in text for text in texts) == level, texts
    (section,) = [one for one in result.report["sections"] if one["section"] == "file_system"]
    found = section["findings"]["layout"]
    assert found["verdict"] == {"ROOT": "inherited", "own": "own", "COMPOSITE": "composite"}[layout]
    if layout != "COMPOSITE":
        assert found["stripes"] == (1 if layout == "ROOT" else 4)
