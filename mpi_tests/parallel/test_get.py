"""mpifetch get, end to end: the same bytes whatever the number of ranks, and no more requests."""

import json
import math
import os
import re
import stat
import threading

import pytest
from conftest import MIB, noise, write_tree
from trees import (
    assert_alone,
    assert_nothing,
    assert_same,
    assert_verifiable,
    files_of,
    modes_of,
    record_of,
    snapshot,
)

SOURCE = "hf://acme/demo"
CANONICAL = "hf://models/acme/demo@main"  # type and revision said, whatever was asked for
RANKS = [1, 2, 3, 5]


@pytest.fixture
def demo(hub, model):
    hub.add("acme/demo", model)
    return hub


@pytest.fixture
def small(hub, tmp_path):
    """A repository that takes no time: three small files and one of LFS."""
    files = {
        "config.json": b"{}\n",
        "sub/readme.md": b"# hi\n",
        "empty": b"",
        "weights.bin": noise(MIB + 5, 9),
    }
    tree = write_tree(tmp_path / "small", files)
    hub.add("acme/demo", tree)
    return tree


def env(hub, **more):
    return {"HF_ENDPOINT": hub.endpoint, **more}


def assert_said_only_path(result, dest):
    assert result.code == 0, result
    assert result.out == f"{dest}\n", result


# the whole


@pytest.mark.parametrize("scratch", ["none", "dir"])
@pytest.mark.parametrize("ranks", RANKS)
def test_same_tree_on_any_number_of_ranks(run, demo, model, dest, tmp_path, ranks, scratch):
    place = "none" if scratch == "none" else tmp_path / "scratch"
    if scratch == "dir":
        place.mkdir()
    options = ("--scratch", place, "--segment-size", 4 * MIB)
    result = run(ranks, "get", *options, SOURCE, dest, env=env(demo))
    assert_said_only_path(result, dest)
    assert_same(dest, model)
    assert_verifiable(dest)
    assert_alone(dest)
    if scratch == "dir":
        assert os.listdir(place) == []


@pytest.mark.parametrize("ranks", [0, 3])
def test_defaults_with_and_without_a_launcher(run, demo, model, dest, ranks):
    assert_said_only_path(run(ranks, "get", SOURCE, dest, env=env(demo)), dest)
    assert_same(dest, model)
    assert_verifiable(dest)
    assert_alone(dest)


@pytest.mark.parametrize("ranks", RANKS)
def test_requests_do_not_grow_with_ranks(run, demo, model, dest, ranks):
    demo.set(page=20)
    result = run(ranks, "get", "--segment-size", 4 * MIB, SOURCE, dest, env=env(demo))
    assert result.code == 0, result
    commit = demo.repositories["models", "acme/demo"].find("main")
    assert len(demo.log("api-revision")) == 1
    assert len(demo.log("api-tree")) == math.ceil(len(commit.entries()) / 20)
    asked = [row["path"] for row in demo.log("resolve")]
    assert len(asked) == len(set(asked)) <= len(commit.blobs)
    assert all(commit.id in path for path in asked)
    cached = [row["path"] for row in demo.log("resolve-cache")]
    assert len(cached) == len(set(cached))
    assert {row["status"] for row in demo.log()} <= {200, 206, 302, 307}


@pytest.mark.parametrize("ranks", RANKS)
def test_every_byte_once(run, demo, model, dest, ranks):
    result = run(ranks, "get", "--segment-size", 4 * MIB, SOURCE, dest, env=env(demo))
    assert result.code == 0, result
    report = result.report
    total = sum(len(data) for data in files_of(model).values())
    blobs = demo.repositories["models", "acme/demo"].find("main").blobs.values()
    lfs = sum(blob.size for blob in blobs if blob.sha256)
    sent = sum(row["bytes"] for row in demo.log("cdn"))
    again = report["requests"]["cut"] * 4 * MIB
    assert lfs <= sent <= lfs + again
    assert report["bytes"]["published"] == total
    assert total <= report["bytes"]["fetched"] <= total + again


def test_report(run, demo, model, dest):
    result = run(3, "get", "--segment-size", 4 * MIB, SOURCE, dest, env=env(demo))
    assert result.code == 0, result
    report = result.report
    sizes = [len(data) for data in files_of(model).values()]
    assert report["format"] == "mpifetch-report"
    assert report["version"] == 1
    assert report["status"] == 0
    assert report["error"] is None
    assert report["path"] == str(dest)
    assert report["source"] == CANONICAL
    assert report["revision"] == demo.repositories["models", "acme/demo"].find("main").id
    assert report["plan"]["files"] == len(sizes)
    assert report["plan"]["bytes"] == sum(sizes)
    assert report["plan"]["segment_size"] == 4 * MIB
    assert report["plan"]["ranks"] == 3
    assert report["requests"]["retried"] == 0
    assert [row["rank"] for row in report["ranks"]] == [0, 1, 2]
    assert sum(row["bytes"] for row in report["ranks"]) == report["bytes"]["fetched"]
    phases = {"list", "stage", "fetch", "verify_tail", "commit", "total"}
    assert phases == report["seconds"].keys()
    assert all(value >= 0 for value in report["seconds"].values())


def test_report_of_a_failure(run, hub, dest):
    result = run(2, "get", SOURCE, dest, env=env(hub))
    assert result.code == 3, result
    assert result.report["status"] == 3
    assert result.report["error"] in result.err


def test_manifest_of_the_published_tree(run, demo, model, dest):
    assert run(2, "get", SOURCE, dest, env=env(demo)).code == 0
    manifest = json.loads((record_of(dest) / "manifest.json").read_text())
    commit = demo.repositories["models", "acme/demo"].find("main")
    assert manifest["source"] == CANONICAL
    assert commit.id in json.dumps(manifest)
    sums = (record_of(dest) / "SHA256SUMS").read_text().splitlines()
    listed = {row["path"]: (row["size"], row["sha256"]) for row in manifest["files"]}
    sizes = {path: len(data) for path, data in files_of(model).items()}
    assert listed == {line[66:]: (sizes[line[66:]], line[:64]) for line in sums}


# which files


@pytest.mark.parametrize(
    "options, keep",
    [
        (["--include", "*.txt"], lambda p: p.endswith(".txt")),
        (["--include", "names/"], lambda p: p.startswith("names/")),
        (["--exclude", "many/*"], lambda p: not p.startswith("many/")),
        (
            ["--include", "*.txt", "--include", "config.json", "--exclude", "many/part-0[!0]*"],
            lambda p: (p.endswith(".txt") or p == "config.json")
            and not re.match(r"many/part-0[^0]", p),
        ),
    ],
)
def test_include_exclude(run, demo, model, dest, options, keep):
    assert_said_only_path(run(2, "get", *options, SOURCE, dest, env=env(demo)), dest)
    assert_same(dest, model, keep)
    assert_verifiable(dest)


def test_nothing_matches(run, demo, dest):
    result = run(2, "get", "--include", "*.gguf", SOURCE, dest, env=env(demo))
    assert result.code == 3, result
    assert "matches" in result.err
    assert_nothing(dest)


@pytest.mark.parametrize("ranks", [1, 3])
@pytest.mark.parametrize("options", [(), ("--versions",), ("--hf-cache",)], ids=str)
def test_empty_repository(run, hub, dest, tmp_path, ranks, options):
    """One that was made a moment ago: the Hub's library takes it, too."""
    hub.add("acme/demo", write_tree(tmp_path / "none", {}))
    words, env = ("get", *options, SOURCE, dest), {"HF_ENDPOINT": hub.endpoint}
    for _ in range(2):
        result = run(ranks, *words, env=env)
        assert result.code == 0, result
        published = result.out.removesuffix("\n")
        assert os.path.isdir(published) and files_of(published) == {}, result
    if "--hf-cache" not in options:
        assert run(ranks, "verify", dest).code == 0
    result = run(ranks, "get", "--include", "*", SOURCE, dest, env=env)
    assert result.code == 3 and "--include" in result.err, result


def test_empty_part_of_a_repository(run, demo, dest):
    result = run(2, "get", f"{SOURCE}/none", dest, env={"HF_ENDPOINT": demo.endpoint})
    assert result.code == 3, result
    assert_nothing(dest)


def test_one_file_of_a_repository(run, demo, model, dest):
    result = run(2, "get", SOURCE + "/a/b/c/d/deep.txt", dest, env=env(demo))
    assert_said_only_path(result, dest)
    assert_same(dest, model, lambda path: path == "a/b/c/d/deep.txt")


@pytest.mark.parametrize("revision", ["main", "v1", "refs/pr/1", "commit"])
@pytest.mark.parametrize("kind", ["models", "datasets", "spaces"])
def test_revisions_and_kinds(run, hub, dest, tmp_path, revision, kind):
    for ref in ("main", "refs/tags/v1", "refs/pr/1"):
        tree = write_tree(tmp_path / ref, {"which.txt": ref.encode()})
        repo = hub.add(f"{kind}/acme/demo", tree, ref)
    refs = {"main": "main", "v1": "refs/tags/v1", "refs/pr/1": "refs/pr/1", "commit": "refs/pr/1"}
    asked = repo.refs["refs/pr/1"] if revision == "commit" else revision
    source = f"hf://{'' if kind == 'models' else kind + '/'}acme/demo"
    result = run(2, "get", "--revision", asked, source, dest, env=env(hub))
    assert_said_only_path(result, dest)
    assert (dest / "which.txt").read_text() == refs[revision]


def test_renamed_repository(run, demo, model, dest):
    demo.set(renamed={"old/name": "acme/demo"})
    assert_said_only_path(run(2, "get", "hf://old/name", dest, env=env(demo)), dest)
    assert_same(dest, model)


@pytest.mark.parametrize("ranks", [1, 3])
def test_fewer_bytes_than_ranks(run, hub, dest, tmp_path, ranks):
    tree = write_tree(tmp_path / "tiny", {"a": b"", "b": b"1"})
    hub.add("acme/demo", tree)
    assert_said_only_path(run(ranks, "get", SOURCE, dest, env=env(hub)), dest)
    assert_same(dest, tree)


def test_gated_and_private_small_files_come_without_redirect(run, hub, small, dest):
    hub.set(tokens={"hf_good"})
    hub.add("acme/demo", small, private=True, gated="manual", granted={"hf_good"})
    result = run(2, "get", SOURCE, dest, env=env(hub, HF_TOKEN="hf_good"))
    assert_said_only_path(result, dest)
    assert_same(dest, small)
    assert hub.log("resolve-cache") == []


# other sources


@pytest.mark.parametrize("ranks", [1, 2, 3])
def test_tree_of_files(run, model, dest, ranks):
    result = run(ranks, "get", "--segment-size", MIB, f"file://{model}", dest)
    assert_said_only_path(result, dest)
    assert_same(dest, model)
    assert_verifiable(dest)
    assert_alone(dest)


# again


def test_already_there(run, demo, dest):
    assert run(2, "get", SOURCE, dest, env=env(demo)).code == 0
    before = snapshot(dest)
    demo.reset()
    result = run(3, "get", SOURCE, dest, env=env(demo))
    assert_said_only_path(result, dest)
    assert snapshot(dest) == before
    assert [row["kind"] for row in demo.log() if not row["kind"].startswith("api-")] == []
    assert result.report["bytes"]["fetched"] == 0
    assert_alone(dest)


def test_damaged_tree_is_made_whole(run, hub, small, dest):
    """Already there means the files are as published, not that a manifest says so."""
    assert run(2, "get", SOURCE, dest, env=env(hub)).code == 0
    (dest / "config.json").unlink()
    with open(dest / "weights.bin", "ab") as weights:
        weights.write(b"tail")
    assert_said_only_path(run(2, "get", SOURCE, dest, env=env(hub)), dest)
    assert_same(dest, small)


def test_update_keeps_what_is_unchanged(run, hub, dest, tmp_path):
    kept = {"model.bin": noise(9 * MIB, 5), "a/kept.txt": b"kept\n"}
    old = write_tree(tmp_path / "v1", {**kept, "changed.txt": b"1", "gone/old.txt": b"old"})
    new = write_tree(tmp_path / "v2", {**kept, "changed.txt": b"2", "fresh/new.txt": b"new"})
    hub.add("acme/demo", old)
    assert run(2, "get", SOURCE, dest, env=env(hub)).code == 0
    inodes = {path: (dest / path).stat().st_ino for path in kept}
    hub.add("acme/demo", new)
    hub.reset()
    result = run(3, "get", SOURCE, dest, env=env(hub))
    assert_said_only_path(result, dest)
    assert_same(dest, new)
    assert_verifiable(dest)
    assert_alone(dest)
    assert {path: (dest / path).stat().st_ino for path in kept} == inodes
    assert hub.log("cdn") == []
    assert result.report["bytes"]["reused"] == sum(len(data) for data in kept.values())


@pytest.mark.parametrize("options", [[], ["--versions"]], ids=["exchange", "versions"])
def test_readers_never_see_a_mixture(run, hub, dest, tmp_path, options):
    """Readers loop through all updates; each look must be one version, from end to end."""
    names = [f"{letter}/file.txt" for letter in "abcdefgh"]

    def publish(version):
        files = {name: b"%d" % version for name in names}
        hub.add("acme/demo", write_tree(tmp_path / f"v{version}", files))
        result = run(2, "get", *options, SOURCE, dest, env=env(hub))
        assert_said_only_path(result, dest)

    publish(0)
    reader = Reader(dest, names)
    with reader:
        for version in range(1, 5):
            publish(version)
    assert reader.wrong == []
    assert {"0", "4"} <= reader.seen


class Reader:
    """Reads all names through one directory descriptor, again and again, in a thread."""

    def __init__(self, dest, names):
        self.dest, self.names = dest, names
        self.seen, self.wrong = set(), []
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._loop)

    def __enter__(self):
        self._look()
        self._thread.start()

    def __exit__(self, *exception):
        self._end.set()
        self._thread.join()
        self._look()

    def _loop(self):
        while not self._end.is_set():
            self._look()

    def _look(self):
        try:
            tree = os.open(self.dest, os.O_RDONLY | os.O_DIRECTORY)
        except OSError as error:
            self.wrong.append(f"no tree: {error}")
            return
        try:
            found = {self._read(tree, name) for name in self.names}
        except FileNotFoundError as error:
            if self._current(tree):  # an old tree may be taken apart, the present one not
                self.wrong.append(f"hole: {error}")
        else:
            self.seen |= found
            if len(found) != 1:
                self.wrong.append(f"mixture: {found}")
        finally:
            os.close(tree)

    def _read(self, tree, name):
        with open(os.open(name, os.O_RDONLY, dir_fd=tree)) as opened:
            return opened.read()

    def _current(self, tree):
        return os.path.samestat(os.fstat(tree), os.stat(self.dest))


# what others may see


# nobody else may write to a record, since it is believed
RECORD_FILES = {f".cache/huggingface/mpifetch/{name}" for name in ("manifest.json", "SHA256SUMS")}


@pytest.mark.parametrize("mask", [0o022, 0o077, 0o002])
def test_modes_follow_umask(run, hub, small, dest, mask):
    assert run(2, "get", SOURCE, dest, env=env(hub), umask=mask).code == 0
    for path, mode in modes_of(dest).items():
        wanted = 0o777 if (dest / path).is_dir() else 0o666
        if path in RECORD_FILES:
            wanted = 0o644
        assert oct(mode) == oct(wanted & ~mask), path
    assert stat.S_IMODE(dest.stat().st_mode) == 0o777 & ~mask


def test_group_of_a_setgid_parent(run, hub, small, dest):
    group = 4242 if os.geteuid() == 0 else os.getgid()
    os.chown(dest.parent, -1, group)
    dest.parent.chmod(0o2775)
    assert run(2, "get", SOURCE, dest, env=env(hub), umask=0o002).code == 0
    for folder, _, names in os.walk(dest):
        info = os.stat(folder)
        assert (info.st_gid, oct(info.st_mode)) == (group, oct(stat.S_IFDIR | 0o2775)), folder
        for name in names:
            path = os.path.join(folder, name)
            mode = 0o644 if os.path.relpath(path, dest) in RECORD_FILES else 0o664
            info = os.stat(path)
            assert (info.st_gid, oct(info.st_mode)) == (group, oct(stat.S_IFREG | mode)), path


def test_metadata_of_the_hub_library(run, demo, dest):
    """The Hub library's metadata: three lines a file, and the file not younger than its time stamp."""
    assert run(2, "get", SOURCE, dest, env=env(demo)).code == 0
    commit = demo.repositories["models", "acme/demo"].find("main")
    for path, blob in commit.blobs.items():
        text = (dest / ".cache/huggingface/download" / (path + ".metadata")).read_text()
        assert text.endswith("\n")
        recorded, etag, written = text.splitlines()
        assert (recorded, etag) == (commit.id, blob.etag), path
        assert (dest / path).stat().st_mtime <= float(written), path


# where it goes


def test_missing_parents_are_made(run, hub, small, dest):
    deep = dest / "x" / "y"
    assert_said_only_path(run(2, "get", SOURCE, deep, env=env(hub)), deep)
    assert_same(deep, small)


def test_relative_destination(run, hub, small, dest):
    result = run(2, "get", SOURCE, dest.name, env=env(hub), cwd=dest.parent)
    assert result.code == 0, result
    assert result.out.count("\n") == 1
    assert os.path.samefile(os.path.join(dest.parent, result.out.strip()), dest)
    assert_same(dest, small)


@pytest.mark.parametrize("what", ["directory", "empty manifest", "file", "dangling link"])
def test_foreign_destination_is_left_alone(run, hub, small, dest, what):
    if what == "file":
        dest.write_bytes(b"thesis")
    elif what == "dangling link":
        dest.symlink_to("elsewhere")
    else:
        write_tree(dest, {"thesis.tex": b"ten years"})
    if what == "empty manifest":
        write_tree(dest, {".mpifetch/manifest.json": b""})
    before = snapshot(dest)
    result = run(2, "get", SOURCE, dest, env=env(hub))
    assert result.code == 5, result
    assert str(dest) in result.err and "--force" in result.err
    assert result.out == ""
    assert snapshot(dest) == before
    assert_alone(dest)
    assert hub.log("cdn") == [] and hub.log("resolve*") == []


@pytest.mark.parametrize("what", ["directory", "file"])
def test_force_replaces(run, hub, small, dest, what):
    if what == "file":
        dest.write_bytes(b"thesis")
    else:
        write_tree(dest, {"thesis.tex": b"ten years", "config.json": b"mine"})
    assert_said_only_path(run(2, "get", "--force", SOURCE, dest, env=env(hub)), dest)
    assert_same(dest, small)
    assert_alone(dest)


# nothing is done


@pytest.mark.parametrize("ranks", [1, 3])
@pytest.mark.parametrize("words", [["plan"], ["get", "--dry-run"]])
def test_plan_changes_nothing(run, demo, model, dest, ranks, words):
    result = run(ranks, *words, SOURCE, dest, env=env(demo))
    assert result.code == 0, result
    assert_nothing(dest)
    assert {row["kind"] for row in demo.log()} == {"api-revision", "api-tree"}
    said = result.out + result.err
    assert re.search(rf"\b{len(files_of(model))}\b", said), said


@pytest.mark.parametrize(
    "args",
    [
        ["get"],
        ["get", "hf://acme/demo"],
        ["get", "--no-such-option", SOURCE, "DEST"],
        ["get", "ftp://host/file", "DEST"],
        ["get", "hf://a/b/../c", "DEST"],
        ["get", "--segment-size", "1000", SOURCE, "DEST"],
        ["get", "--token", "hf_secret", SOURCE, "DEST"],
        ["fetch", SOURCE, "DEST"],
    ],
)
def test_usage(run, hub, dest, args):
    result = run(2, *[str(dest) if arg == "DEST" else arg for arg in args], env=env(hub))
    assert result.code == 2, result
    assert result.out == ""
    assert result.err.count("mpifetch: ") == 1, result
    assert "hf_secret" not in result.err
    assert_nothing(dest)


def test_help_and_version(run):
    helped, version = run(2, "--help"), run(2, "--version")
    assert helped.code == version.code == 0
    assert "mpifetch get" in helped.out
    options = run(2, "get", "--help")
    assert options.code == 0
    assert options.out.count("--segment-size") == 1  # one of the ranks speaks
    assert re.fullmatch(r"mpifetch \d+\.\d+\.\d+.*\n", version.out), version
