"""What an update takes over from the tree before it."""

import os

import pytest
from conftest import MIB, noise
from trees import assert_same, assert_verifiable, live

SOURCE = "hf://acme/demo"
FILES = {"kept.txt": b"kept\n", "sub/kept.bin": noise(3 * MIB, 7)}
CHANGES = {"added.bin": noise(2 * MIB, 8)}  # the only one to fetch


def staged(dest, path):
    """Whether a run has taken that file over already."""
    return live(dest.parent, f".*/run-*/tree/{path}")


def overwrite(path, ctime_only):
    """In place, as a program would that has the file open."""
    info = path.stat()
    with open(path, "r+b") as file:
        file.write(b"XXXX")
    if ctime_only:
        os.utime(path, ns=(info.st_atime_ns, info.st_mtime_ns))


@pytest.mark.parametrize("words", [(), ("--versions",)], ids=["directory", "versions"])
@pytest.mark.parametrize("how", ["time", "ctime only"])
def test_file_that_is_changed_meanwhile(start, run, hub, tree, dest, change, words, how):
    assert run(1, "get", *words, SOURCE, dest, env=hub.env).code == 0
    changed = change()
    held = hub.trouble(kind="cdn", hold=True)
    job = start(2, "get", *words, SOURCE, dest, env=hub.env)
    assert hub.troubles.wait(held), job.result(None)
    assert staged(dest, "sub/kept.bin"), job.result(None)
    overwrite(dest / "sub/kept.bin", how == "ctime only")
    hub.troubles.release()
    result = job.wait()
    assert result.code == 7, result
    assert "'sub/kept.bin'" in result.err and "run again" in result.err
    hub.reset()
    words = (*words, "--check") if how == "ctime only" else words
    result = run(2, "get", *words, SOURCE, dest, env=hub.env)
    assert result.code == 0, result
    assert_same(dest, changed)
    assert_verifiable(dest)
    assert all("added.bin" not in row["path"] for row in hub.log("resolve")), "state was kept"


def test_link_of_another_meanwhile_changes_nothing(start, run, hub, tree, dest, tmp_path, change):
    """Only the ctime differs: a backup that makes hard links, or another run."""
    assert run(1, "get", SOURCE, dest, env=hub.env).code == 0
    changed = change()
    held = hub.trouble(kind="cdn", hold=True)
    job = start(2, "get", SOURCE, dest, env=hub.env)
    assert hub.troubles.wait(held), job.result(None)
    os.link(dest / "sub/kept.bin", tmp_path / "backup")
    hub.troubles.release()
    result = job.wait()
    assert result.code == 0, result
    assert_same(dest, changed)


@pytest.mark.parametrize("shown", [True, False], ids=["entry", "blob"])
def test_blob_that_is_changed_meanwhile(start, run, hub, tree, dest, change, shown):
    """Shown already, or only among the blobs. Its size says nothing, so that --check is needed."""
    words = ("get", "--hf-cache", SOURCE, dest)
    if shown:
        changed = change()
        assert run(1, *words, "--include", "sub/*", env=hub.env).code == 0
    else:
        assert run(1, *words, env=hub.env).code == 0
        changed = change()
    held = hub.trouble(kind="cdn", hold=True)
    job = start(2, *words, env=hub.env)
    assert hub.troubles.wait(held), job.result(None)
    [entry] = dest.glob("models--acme--demo/snapshots/*/sub/kept.bin")
    overwrite(entry.resolve(), False)
    hub.troubles.release()
    result = job.wait()
    assert result.code == 7, result
    assert "was changed during the run: run again with --check" in result.err
    hub.reset()
    result = run(2, *words, "--check", env=hub.env)
    assert result.code == 0, result
    assert_same(result.out.strip(), changed)


@pytest.mark.parametrize("words", [(), ("--versions",)], ids=["directory", "versions"])
def test_without_links(run, hub, tree, dest, change, words):
    assert run(1, "get", *words, SOURCE, dest, env=hub.env).code == 0
    before = {path: (dest / path).stat() for path in FILES}
    changed = change()
    hub.reset()
    result = run(2, "get", "--no-links", *words, SOURCE, dest, env=hub.env)
    assert result.code == 0, result
    assert_same(dest, changed)
    assert_verifiable(dest)
    assert [row for row in hub.log("cdn") if "kept" in row["path"]] == []
    for path, old in before.items():
        new = (dest / path).stat()
        assert new.st_nlink == 1 and new.st_ino != old.st_ino
        assert new.st_mtime_ns == old.st_mtime_ns
    assert run(2, "get", SOURCE, dest, env=hub.env).report["bytes"]["fetched"] == 0


def test_without_links_a_file_changed_meanwhile_does_not_matter(
    start, run, hub, tree, dest, change
):
    assert run(1, "get", SOURCE, dest, env=hub.env).code == 0
    changed = change()
    held = hub.trouble(kind="cdn", hold=True)
    job = start(2, "get", "--no-links", SOURCE, dest, env=hub.env)
    assert hub.troubles.wait(held), job.result(None)
    overwrite(dest / "sub/kept.bin", False)
    hub.troubles.release()
    result = job.wait()
    assert result.code == 0, result
    assert_same(dest, changed)
