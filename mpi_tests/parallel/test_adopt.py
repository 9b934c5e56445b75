"""A DEST without a record: made by cp, by other tools, or changed since it was published. It is
hashed by all ranks, what is right is kept, and what is not ours is not touched."""

import os
import re
import shutil

import pytest
from conftest import MIB, noise, write_tree
from trees import assert_same, assert_verifiable, beside, record_of, sha256_of, snapshot

SOURCE = "hf://acme/demo"
FILES = {
    "config.json": b"{}\n",
    "sub/weights.bin": noise(9 * MIB + 5, 3),
    "sub/more.bin": noise(2 * MIB, 4),
    "empty": b"",
}


@pytest.fixture
def get(run, hub, dest):
    def begin(*words, ranks=2, **how):
        return run(ranks, "get", *words, SOURCE, dest, env={"HF_ENDPOINT": hub.endpoint}, **how)

    return begin


def inodes(dest):
    return {path: (dest / path).stat().st_ino for path in FILES}


@pytest.mark.parametrize("ranks", [1, 3])
def test_copy_is_adopted(get, hub, tree, dest, ranks):
    shutil.copytree(tree, dest)
    before = inodes(dest)
    result = get(ranks=ranks)
    assert result.code == 0, result
    assert result.out == f"{dest}\n"
    assert "must be hashed first" in result.err and "already up to date" in result.err
    assert hub.file_requests() == []
    assert inodes(dest) == before
    assert_same(dest, tree)
    assert_verifiable(dest)
    again = get()
    assert again.code == 0 and "hashed" not in again.err, again


def test_what_is_missing_is_fetched(get, hub, tree, dest):
    shutil.copytree(tree, dest)
    (dest / "sub/more.bin").unlink()
    before = (dest / "sub/weights.bin").stat().st_ino
    result = get()
    assert result.code == 0, result
    assert_same(dest, tree)
    assert_verifiable(dest)
    assert (dest / "sub/weights.bin").stat().st_ino == before
    assert sum(row["bytes"] for row in hub.log("cdn")) < 3 * MIB
    assert sorted(os.listdir(dest.parent)) == [dest.name], "nothing is kept of the old tree"


@pytest.mark.parametrize("wrong", [["config.json"], ["config.json", "sub/weights.bin"]])
def test_what_differs_ends_the_run_before_the_fetch(get, hub, tree, dest, wrong):
    shutil.copytree(tree, dest)
    for path in wrong:
        content = (dest / path).read_bytes()
        (dest / path).write_bytes(b"x" + content[1:])
    (dest / "sub/more.bin").unlink()
    before = snapshot(dest)
    result = get()
    assert result.code == 5, result
    assert "config.json'" in result.err and "--force" in result.err
    assert len(wrong) == 1 or "2 files" in result.err
    assert hub.file_requests() == []
    assert snapshot(dest) == before
    kept = (dest / "empty").stat().st_ino
    result = get("--force")
    assert result.code == 0, result
    assert_same(dest, tree)
    assert (dest / "empty").stat().st_ino == kept, "what is right is kept"


def test_what_is_no_part_of_it_ends_the_run(get, hub, tree, dest):
    shutil.copytree(tree, dest)
    write_tree(dest, {"notes.txt": b"mine", "a.txt": b"mine"})
    before = snapshot(dest)
    result = get()
    assert result.code == 5, result
    assert "2 files" in result.err and "'a.txt'" in result.err and "--force" in result.err
    assert snapshot(dest) == before
    assert "hashed" not in result.err, "that is said before anything is read"
    result = get("--force")
    assert result.code == 0, result
    assert_same(dest, tree)


def test_touched_files_of_ours_are_hashed_and_kept(get, hub, tree, dest):
    """cp without -p, a restored backup: the times differ and nothing else."""
    assert get().code == 0
    for path in FILES:
        os.utime(dest / path, (1, 1))
    before = inodes(dest)
    hub.reset()
    result = get()
    assert result.code == 0, result
    assert hub.file_requests() == []
    assert inodes(dest) == before
    assert_verifiable(dest)
    assert "hashed" not in get().err, "the record is renewed"


def test_next_revision_of_the_same_size_is_not_hashed_first(get, hub, tree, dest, tmp_path):
    """The record says what is there, so nothing has to be read to know that it is outdated."""
    assert get().code == 0
    other = write_tree(tmp_path / "other", {**FILES, "sub/weights.bin": noise(9 * MIB + 5, 9)})
    hub.add("acme/demo", other)
    result = get()
    assert result.code == 0 and "hashed" not in result.err, result
    assert_same(dest, other)


def test_plan_hashes_nothing(run, hub, tree, dest):
    shutil.copytree(tree, dest)
    before = snapshot(dest.parent)
    result = run(2, "plan", SOURCE, dest, env={"HF_ENDPOINT": hub.endpoint})
    assert result.code == 0, result
    assert len(re.findall(r"(?m)^check ", result.out)) == len(FILES), result
    assert "to fetch: 0 files" in result.out
    assert snapshot(dest.parent) == before


def test_source_without_digests(run, tree, dest, tmp_path):
    """Nothing tells whether the bytes are right, so they are not taken for it."""
    shutil.copytree(tree, dest)
    result = run(2, "get", f"file://{tree}", dest)
    assert result.code == 5, result
    assert "publishes no digest" in result.err and "--force" in result.err
    assert run(2, "get", "--force", f"file://{tree}", dest).code == 0
    assert_same(dest, tree)


def test_tree_of_a_list_gets_its_record_beside(run, tree, dest, tmp_path):
    lines = "".join(
        f"{sha256_of(data)}  {path}\n" for path, data in FILES.items()
    )
    (tmp_path / "list").write_text(lines)
    shutil.copytree(tree, dest)
    words = ("--manifest", tmp_path / "list", "--base", f"file://{tree}/", dest)
    result = run(2, "get", *words)
    assert result.code == 0, result
    assert record_of(dest) == beside(dest)
    assert sorted(os.listdir(dest)) == sorted({path.split("/")[0] for path in FILES})
    assert run(2, "verify", dest).code == 0
    (dest / "config.json").touch()
    assert run(2, "get", *words).code == 0
    assert "hashed" not in run(2, "get", *words).err, "of two records the new one counts"


BY_PRODUCTS = (
    "__pycache__/a.cpython-311.pyc",
    "sub/__pycache__/x",
    "b.pyc",
    ".nfs0001",
    "sub/.fuse_hidden0001",
)


@pytest.mark.parametrize("words", [(), ("--versions",)], ids=["directory", "versions"])
def test_by_products_never_block(get, hub, tree, dest, tmp_path, words):
    assert get(*words).code == 0
    write_tree(dest, {path: b"made by use" for path in BY_PRODUCTS})
    grown = write_tree(tmp_path / "grown", {**FILES, "config.json": b"{1}\n"})
    hub.add("acme/demo", grown)
    result = get(*words)
    assert result.code == 0, result
    assert_same(dest, grown)
    assert not list(dest.parent.glob(".*.kept-*"))


@pytest.mark.parametrize("force", [(), ("--force",)], ids=["", "force"])
def test_ignored_extras_are_moved_away(get, hub, tree, dest, tmp_path, force):
    assert get().code == 0
    write_tree(dest, {"runs/one/log.txt": b"ten days", "runs/two.txt": b"of work"})
    grown = write_tree(tmp_path / "grown", {**FILES, "config.json": b"{1}\n"})
    hub.add("acme/demo", grown)
    result = get("--ignore-extra", "runs/*", *force)
    assert result.code == 0, result
    assert_same(dest, grown)
    [kept] = dest.parent.glob(f".{dest.name}.kept-*")
    assert str(kept) in result.err
    found = {str(path.relative_to(kept)) for path in kept.rglob("*") if path.is_file()}
    assert found == {"runs/one/log.txt", "runs/two.txt"}
    assert (kept / "runs/one/log.txt").read_bytes() == b"ten days"


def test_extras_that_are_not_named_still_block(get, hub, tree, dest, tmp_path):
    assert get().code == 0
    write_tree(dest, {"runs/log.txt": b"log", "thesis.tex": b"ten years"})
    hub.add("acme/demo", write_tree(tmp_path / "grown", {**FILES, "config.json": b"{1}\n"}))
    result = get("--ignore-extra", "runs/*")
    assert result.code == 5, result
    assert "thesis.tex" in result.err and "runs" not in result.err


AWAY = {"HF_ENDPOINT": "http://127.0.0.1:9"}


@pytest.mark.parametrize("ranks", [1, 3])
def test_part_is_no_result(run, get, hub, tree, dest, tmp_path, ranks):
    """A run that cannot complete a DEST leaves nothing behind that takes it for complete, or that
    takes what its owner had there for ours."""
    shutil.copytree(tree, dest)
    (dest / "sub/more.bin").unlink()
    before = snapshot(dest)
    hub.trouble(path="*sub/more.bin", status=404)
    result = get(ranks=ranks)
    assert result.code == 3, result
    assert snapshot(dest) == before
    assert run(ranks, "get", "--retries", 1, SOURCE, dest, env=AWAY).code == 6
    assert run(ranks, "verify", dest).code != 0
    other = write_tree(tmp_path / "other", {"README": b"another source\n"})
    result = run(ranks, "get", f"file://{other}", dest)
    assert result.code == 5 and "mpifetch did not create" in result.err, result
    assert snapshot(dest) == before


def test_what_is_adopted_is_there_while_the_hub_is_not(run, get, hub, tree, dest):
    shutil.copytree(tree, dest)
    assert get().code == 0
    result = run(2, "get", "--retries", 1, SOURCE, dest, env=AWAY)
    assert result.code == 0 and "holds all of commit" in result.err, result


NEXT = {**FILES, "config.json": b'{"a": "revision"}\n', "sub/more.bin": noise(MIB, 5)}
DROPPED = {path: data for path, data in NEXT.items() if path != "config.json"}


@pytest.mark.parametrize("edited", [b"[]\n", b'{"mine": 1}\n'], ids=["same size", "longer"])
@pytest.mark.parametrize("revision", [NEXT, DROPPED], ids=["changed", "dropped"])
def test_what_changed_since_it_was_adopted_is_not_ours(
    get, hub, tree, dest, tmp_path, edited, revision
):
    shutil.copytree(tree, dest)
    assert get().code == 0
    (dest / "config.json").write_bytes(edited)
    after = write_tree(tmp_path / "next", revision)
    hub.add("acme/demo", after)
    before = snapshot(dest)
    result = get()
    assert result.code == 5 and "config.json'" in result.err, result
    assert snapshot(dest) == before
    assert get("--force").code == 0
    assert_same(dest, after)


@pytest.mark.parametrize("revision", [NEXT, DROPPED], ids=["changed", "dropped"])
def test_what_was_adopted_is_updated(get, hub, tree, dest, tmp_path, revision):
    shutil.copytree(tree, dest)
    assert get().code == 0
    os.utime(dest / "empty", (1, 1))
    assert get().code == 0, "the record is renewed"
    after = write_tree(tmp_path / "next", revision)
    hub.add("acme/demo", after)
    result = get()
    assert result.code == 0, result
    assert_same(dest, after)
    assert_verifiable(dest)
    assert sorted(os.listdir(dest.parent)) == [dest.name]
    (dest / "sub/more.bin").write_bytes(b"edited")
    assert get().code == 0, "what was published is ours"
    assert_same(dest, after)


@pytest.mark.parametrize("place", [".mpifetch", ".cache/huggingface/mpifetch"])
@pytest.mark.parametrize("names", [["SHA256SUMS"], ["SHA256SUMS", "manifest.json"]], ids=str)
def test_rest_of_a_record_does_not_block(get, hub, tree, dest, place, names):
    shutil.copytree(tree, dest)
    write_tree(dest, {f"{place}/{name}": b"{torn" for name in names})
    result = get()
    assert result.code == 0 and "already up to date" in result.err, result
    assert "hashed" not in get().err
