"""Where the record of a published tree lies: readers of the tree never meet it, runs find it."""

import json
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import MIB, noise, write_tree
from files import Files
from job import PROGRAM
from trees import (
    HUB_RECORD,
    assert_alone,
    assert_same,
    assert_verifiable,
    beside,
    files_of,
    record_of,
    sha256_of,
    snapshot,
)

CLASSES = {"cat/1.png": b"cat", "cat/2.png": noise(3 * MIB, 3), "dog/1.png": b"dog"}
CHANGES = {"dog/1.png": b"wolf", "owl/1.png": b"owl"}


@pytest.fixture
def tree(tmp_path):
    return write_tree(tmp_path / "web" / "set", CLASSES)


@pytest.fixture
def web(tree):
    with Files(tree.parent) as serving:
        yield serving


@pytest.fixture
def words(tree, web, hub, tmp_path):
    """kind of source -> words of the command line and its environment, for what tree holds."""

    def of(kind):
        if kind == "files":
            return ([f"file://{tree}"], {})
        if kind == "hub":
            hub.add("acme/demo", tree)
            return (["hf://acme/demo"], {"HF_ENDPOINT": hub.endpoint})
        listed = tmp_path / "LIST"
        listed.write_text(
            "".join(f"{sha256_of(data)}  {path}\n" for path, data in files_of(tree).items())
        )
        return (["--manifest", listed, "--base", f"{web.url}/set/"], {})

    return of


def get(run, words, dest, *more, code=0, ranks=0):
    result = run(ranks, "get", *more, *words[0], dest, env=words[1])
    assert result.code == code, result
    return result


def names_in(root):
    return {
        os.path.relpath(os.path.join(folder, name), root)
        for folder, folders, names in os.walk(root)
        for name in names
    }


@pytest.mark.parametrize("kind", ["files", "list"])
def test_a_tree_is_what_its_source_has(run, words, tree, dest, kind):
    """Image loaders take each directory for a class."""
    get(run, words(kind), dest, ranks=3)
    assert names_in(dest) == set(CLASSES)
    assert sorted(os.listdir(dest)) == ["cat", "dog"]
    assert_verifiable(dest)
    assert_alone(dest)


def test_a_tree_of_the_hub(run, words, dest):
    """Its tools ignore all below .cache/huggingface."""
    get(run, words("hub"), dest)
    assert sorted(os.listdir(dest)) == [".cache", "cat", "dog"]
    assert record_of(dest) == dest / HUB_RECORD
    assert os.listdir(dest.parent) == [dest.name]
    assert_verifiable(dest)


PLACES = {"inside": ".mpifetch", "beside": None, "none": None}


@pytest.mark.parametrize("kind", ["files", "hub"])
@pytest.mark.parametrize("where", PLACES)
@pytest.mark.parametrize("twin", [False, True])
def test_where_asked_for(run, words, tree, dest, kind, where, twin):
    source, env = words(kind)
    if twin:
        env = {**env, "MPIFETCH_RECORDS": where}
    get(run, (source, env), dest, *([] if twin else ["--records", where]))
    inside = dest / (HUB_RECORD if kind == "hub" else ".mpifetch")
    found = {name for name in names_in(dest) if not name.startswith((".cache/", ".mpifetch/"))}
    assert found == set(CLASSES)
    assert inside.exists() == (where == "inside")
    assert beside(dest).exists() == (where == "beside")
    found = run(0, "verify", dest)
    assert found.code == (5 if where == "none" else 0), found
    again = get(run, (source, env), dest, "--records", where) if where != "none" else None
    assert again is None or again.report["unchanged"]


def test_a_place_that_there_is_not(run, words, dest):
    result = get(run, words("files"), dest, "--records", "above", code=2)
    assert "--records" in result.err and "inside, beside or none" in result.err


@pytest.mark.parametrize("kind", ["files", "list", "hub"])
@pytest.mark.parametrize("before", ["inside", "beside", "earlier"])
@pytest.mark.parametrize("layout", [(), ("--versions",)], ids=["dir", "versions"])
def test_updates_find_it(run, words, tree, dest, kind, before, layout):
    """Also that of an earlier version of the program, which put all of them into .mpifetch."""
    get(run, words(kind), dest, *layout, "--records", "inside" if before == "earlier" else before)
    if before == "earlier" and kind == "hub":
        os.rename(dest / HUB_RECORD, dest / ".mpifetch")
    assert run(0, "verify", dest).code == 0
    assert get(run, words(kind), dest, *layout).report["unchanged"]
    assert get(run, words(kind), dest, *layout, "--check").report["unchanged"]
    kept = os.stat(dest / "cat/2.png").st_ino
    write_tree(tree, CHANGES)
    result = get(run, words(kind), dest, *layout)
    assert result.report["reused_files"] == 2, result
    assert os.stat(dest / "cat/2.png").st_ino == kept
    assert not (dest / ".mpifetch").exists()
    assert run(0, "verify", dest).code == 0
    assert_same(dest, tree)
    found = len(list(beside(dest).glob("run-*")))
    assert found == (0 if kind == "hub" else 1) + (layout != () and before == "beside")
    (tree / "owl/1.png").unlink()
    (tree / "owl").rmdir()
    get(run, words(kind), dest, *layout)
    assert_same(dest, tree)


@pytest.mark.parametrize("kind", ["files", "hub"])
def test_modified_files_are_fetched_again(run, words, tree, dest, kind):
    """Of a record beside the directory itself is known, not only what is in it."""
    get(run, words(kind), dest)
    for path in CLASSES:
        (dest / path).write_bytes(b"changed")
    get(run, words(kind), dest)
    assert_same(dest, tree)


def test_mode_and_group(run, words, dest):
    dest.mkdir(mode=0o700)
    get(run, words("files"), dest)
    for path in (dest, beside(dest), *beside(dest).glob("run-*")):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700, path
    for path in beside(dest).glob("run-*/*"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path


@pytest.mark.parametrize("kind", ["files", "hub"])
@pytest.mark.parametrize("where", ["inside", "beside", "earlier"])
@pytest.mark.parametrize("layout", [(), ("--versions",)], ids=["dir", "versions"])
def test_a_published_tree_as_source(run, words, tree, dest, tmp_path, kind, where, layout):
    """Its record is read as digests, and is no part of what it holds."""
    get(run, words(kind), dest, *layout, "--records", "inside" if where == "earlier" else where)
    if where == "earlier" and kind == "hub":
        os.rename(dest / HUB_RECORD, dest / ".mpifetch")
    copy = tmp_path / "copies" / "set"
    again = lambda to, *more, code=0: get(run, ([f"file://{dest}"], {}), to, *more, code=code)  # noqa: E731
    assert again(copy, "--require-digest").report["status"] == 0
    assert names_in(copy) == set(CLASSES)
    origin, copied = (told_by(path) for path in (dest, copy))
    assert copied == origin and (kind == "files" or len(origin[0]) == 40)
    # times are no proof, neither for nor against
    os.utime(dest / "cat/1.png", ns=(1, 1))
    result = again(tmp_path / "third", "--require-digest")
    assert "'cat/1.png', does not have the time" in result.err
    for data, times in ((b"cut", None), (b"cut", 1), (b"longer", 1)):
        (dest / "cat/1.png").write_bytes(data)
        if times:
            os.utime(dest / "cat/1.png", ns=(times, times))
        result = again(tmp_path / "fourth", code=4)
        assert "'cat/1.png'" in result.err
        assert not (tmp_path / "fourth").exists()
    assert again(tmp_path / "fifth", "--exclude", "cat/1.png").report["status"] == 0


@pytest.mark.parametrize("where", ["inside", "beside"])
def test_all_files_of_a_published_tree_are_damaged(run, words, tree, dest, tmp_path, where):
    """None has the size that the record says."""
    get(run, words("files"), dest, "--records", where)
    for path in CLASSES:
        (dest / path).write_bytes(b"of another size")
    result = get(run, ([f"file://{dest}"], {}), tmp_path / "copy", code=4)
    assert "at the source has 15 bytes, but the record of the tree says" in result.err


def test_files_of_a_published_tree_are_gone(run, words, dest, tmp_path):
    """The copy is not the revision that the tree was."""
    get(run, words("hub"), dest)
    (dest / "cat/1.png").unlink()
    again = ([f"file://{dest}"], {})
    result = get(run, again, tmp_path / "copy")
    assert f"1 file that '{dest}' had as it was published, the first is 'cat/1.png'" in result.err
    assert told_by(tmp_path / "copy")[0] == "" and len(told_by(dest)[0]) == 40
    assert "not there" not in get(run, again, tmp_path / "part", "--exclude", "cat/1.png").err


def told_by(dest):
    record = json.loads(record_at(dest).read_text())
    return record["revision"], record["content_id"]


def record_at(dest):
    """Wherever it lies."""
    places = (dest / HUB_RECORD, dest / ".mpifetch", beside(dest))
    return next(place / "manifest.json" for place in places if (place / "manifest.json").exists())


@pytest.mark.parametrize("damage", ["content_id", "sha256"])
def test_a_record_that_does_not_fit_itself_is_content(run, words, dest, tmp_path, damage):
    get(run, words("files"), dest, "--records", "inside")
    record = record_at(dest)
    made = json.loads(record.read_text())
    (made if damage == "content_id" else made["files"][0])[damage] = "0" * 64
    record.write_text(json.dumps(made))
    result = get(run, ([f"file://{dest}"], {}), tmp_path / "copy")
    assert result.report["files_on_trust"] == len(CLASSES) + 2
    assert f"the record of '{dest}' is damaged" in result.err
    assert names_in(tmp_path / "copy") == names_in(dest) != set(CLASSES)


def test_what_users_put_beside_the_records_is_content(run, words, dest, tmp_path):
    get(run, words("hub"), dest)
    names = ("token", "download/mine.metadata", "trees/x.json")
    own = {f".cache/huggingface/{name}" for name in names}
    write_tree(dest, dict.fromkeys(own, b"mine"))
    get(run, ([f"file://{dest}"], {}), tmp_path / "copy")
    assert names_in(tmp_path / "copy") == set(CLASSES) | own


@pytest.mark.parametrize("what", ["a class", "no record", "of another tree"])
def test_what_is_only_named_so_is_content(run, words, tree, dest, what):
    files = {".mpifetch/1.png": b"a class of that name"}
    if what == "no record":
        files = {".mpifetch/manifest.json": b"{}", ".cache/huggingface/mpifetch/manifest.json": b""}
    if what == "of another tree":
        listed = {"path": "x", "size": 1, "sha256": "0" * 64, "mtime_ns": 1}
        made = {"format": 1, "identity": "0" * 64, "content_id": "0" * 64, "files": [listed]}
        files = {".mpifetch/manifest.json": json.dumps(made).encode()}
    write_tree(tree, files)
    get(run, words("files"), dest)
    assert names_in(dest) == names_in(tree)
    again = get(run, words("files"), dest)
    assert again.report["unchanged"]
    if what != "a class":
        result = get(run, words("files"), dest, "--records", "inside", code=3)
        assert "--records beside" in result.err


@pytest.mark.parametrize("kind", ["files", "hub"])
def test_a_token_below_the_cache_of_the_library(run, words, tree, dest, kind):
    """Only what mpifetch or the library put there may go, and only from a tree of the Hub."""
    get(run, words(kind), dest)
    mine = write_tree(dest, {".cache/huggingface/token": b"hf_secret"})
    write_tree(tree, CHANGES)
    before = snapshot(dest)
    result = get(run, words(kind), dest, code=5)
    assert ".cache/huggingface/token" in result.err
    assert snapshot(dest) == before
    (mine / ".cache/huggingface/token").unlink()
    write_tree(dest, {".cache/huggingface/download/cat/1.png.metadata": b""})
    result = get(run, words(kind), dest, code=0 if kind == "hub" else 5)


def test_clean_leaves_records_alone(run, words, tree, dest):
    get(run, words("files"), dest)
    before = snapshot(dest.parent)
    for place in (dest, dest.parent):
        assert run(0, "clean", place).code == 0
    assert snapshot(dest.parent) == before


def test_clean_removes_those_without_a_dest(run, words, tree, dest):
    get(run, words("files"), dest)
    write_tree(dest.parent / ".other.mpifetch", {"run-notes/text": b"mine", "x": b"mine"})
    theirs = snapshot(dest.parent / ".other.mpifetch")
    shutil.rmtree(dest)
    result = run(0, "clean", "--dry-run", dest.parent)
    assert "would remove" in result.err and beside(dest).exists()
    assert run(0, "clean", dest.parent).code == 0
    assert os.listdir(dest.parent) == [".other.mpifetch"]
    assert snapshot(dest.parent / ".other.mpifetch") == theirs


def test_clean_leaves_what_is_only_named_so(run, words, dest):
    """A name is no evidence: only what mpifetch puts there is."""
    get(run, words("files"), dest)
    (beside(dest) / "manifest.json").unlink()
    (beside(dest) / "manifest.json").symlink_to("/etc/passwd")
    for name in (".links.mpifetch", ".theirs.mpifetch"):
        (dest.parent / name).mkdir()
    (dest.parent / ".links.mpifetch/manifest.json").symlink_to("/etc/passwd")
    (dest.parent / ".links.mpifetch/SHA256SUMS").symlink_to("notes/SHA256SUMS")
    shutil.copytree(beside(dest), dest.parent / ".theirs.mpifetch", True, dirs_exist_ok=True)
    (dest.parent / ".theirs.mpifetch/manifest.json").unlink()
    os.chown(dest.parent / ".theirs.mpifetch", 12345, 12345)
    shutil.rmtree(dest)
    for words in (["--dry-run"], []):
        result = run(0, "clean", *words, dest.parent)
        assert result.code == 0 and "nothing to remove" in result.err, result
    assert {path.name for path in dest.parent.iterdir()} == {
        beside(dest).name,
        ".links.mpifetch",
        ".theirs.mpifetch",
    }
    assert os.readlink(beside(dest) / "manifest.json") == "/etc/passwd"
    assert len(os.listdir(dest.parent / ".links.mpifetch")) == 2


def test_clean_removes_an_empty_place_for_records(run, dest):
    """A kill left it; but a run may be about to use it, or somebody else."""
    for name in (".left.mpifetch", ".used.mpifetch", ".theirs.mpifetch"):
        (dest.parent / name).mkdir()
    os.chown(dest.parent / ".theirs.mpifetch", 12345, 12345)
    (dest.parent / ".used.mpifetch-0123456789abcdef" / "run-abcdef").mkdir(parents=True)
    for words in (["--dry-run"], []):
        result = run(0, "clean", *words, dest.parent)
        assert result.code == 0 and f"'{dest.parent}/.left.mpifetch'" in result.err, result
    assert {path.name for path in dest.parent.iterdir()} == {
        ".used.mpifetch",
        ".used.mpifetch-0123456789abcdef",
        ".theirs.mpifetch",
    }


@pytest.mark.parametrize("layout", [(), ("--versions",)], ids=["dir", "to-versions"])
@pytest.mark.parametrize("extra", [False, True])
def test_without_records_no_old_tree_is_left(run, words, tree, dest, layout, extra):
    """What was found in it is in the new one."""
    none = ["--records", "none"]
    get(run, words("list"), dest, *none)
    if extra:
        write_tree(dest, {"notes.txt": b"mine"})
        none += ["--ignore-extra", "notes.txt"]
    write_tree(tree, {"owl/1.png": b"owl"})
    result = get(run, words("list"), dest, *none, *layout)
    assert "did not create" not in result.err and "without a record" not in result.err, result
    assert_same(dest, tree)
    kept = [path for path in dest.parent.glob(".*.kept-*") if path.is_dir()]
    assert [files_of(path) for path in kept] == [{"notes.txt": b"mine"}] * extra


def test_without_records_nobody_knows_who_made_a_version(run, words, tree, dest):
    for number in range(3):
        write_tree(tree, {"number": b"%d" % number})
        result = get(run, words("files"), dest, "--records", "none", "--versions")
    assert "it has no record, so that it is not known whether mpifetch made it" in result.err


MEASURE = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024)
"""


def peak(*args):
    """Bytes of memory that one process of the program takes, at most. It inherits the figure of
    the one that starts it, so that is a small one."""
    kept = ("PATH", "OMPI_MCA_orte_tmpdir_base")
    env = {**{name: os.environ[name] for name in kept}, "OMPI_ALLOW_RUN_AS_ROOT": "1"}
    return int(
        subprocess.run(
            [sys.executable, "-c", MEASURE, PROGRAM, *map(str, args)],
            env={**env, "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"},
            stdout=subprocess.PIPE,
            check=True,
        ).stdout
    )


@pytest.mark.skipif(
    b"__asan_init" in Path(PROGRAM).read_bytes(), reason="the sanitizer's memory is another one"
)
def test_memory_of_a_long_record(tree, dest):
    """A record is read as a stream: what stays is as much as a plan takes, 400 bytes a file."""
    line = (
        '{"path":"images/train/%08d.jpeg","size":%d,"sha256":"%064x","mtime_ns":1700000000000000000,'
        '"git":"%040x","etag":"%040x"}'
    )
    head = '{"format": 1, "identity": "%064d", "content_id": "%064d", "files": [\n' % (0, 0)
    record = write_tree(dest, {".mpifetch/x": b""}) / ".mpifetch" / "manifest.json"
    used = []
    for count in (1, 200_000):
        lines = ",\n".join(line % (i, i, i, i, i) for i in range(count))
        record.write_text(f"{head}{lines}\n]}}\n")
        used.append(peak("plan", "--force", f"file://{tree}", dest))
    assert used[1] - used[0] <= 400 * 200_000
