"""One cache, two who write to it: mpifetch on top of what the library left, and the other way
round. Neither fetches what the other brought, and neither breaks it."""

import hashlib
import os
import shutil
from pathlib import Path

import pytest
from readers import (
    LATEST,
    LFS_FROM,
    NAME,
    VERSIONS,
    assert_already_there,
    assert_printed,
    assert_same,
    data_bytes,
    data_requests,
    folder_of,
    layout,
    sizes,
    snapshot_of,
    unique_bytes,
)
from trees import snapshot as state

pytest_plugins = "readers"

MAIN = "refs/heads/main"
LARGE = "head.safetensors"  # no other path has its content
PATTERN = "*.json"


@pytest.fixture
def theirs(library, origin, repo, cache):
    """theirs(version, **words) -> the snapshot that the library filled; the log is empty."""

    def begin(version=LATEST, **words):
        ask = dict(repo_id=NAME, cache_dir=cache, **words)
        found = library(version).tell("snapshot_download", **ask)
        origin.reset()
        return Path(found)

    return begin


@pytest.fixture
def ours(get, origin, repo, cache):
    """ours(*words) -> the Result of a run that published main, and the log is as it left it."""

    def begin(*words, **how):
        origin.reset()
        result = get(*words, cache=cache, ranks=1, **how)
        assert_printed(result, snapshot_of(cache, repo))
        return result

    return begin


@pytest.fixture
def folder(cache):
    return cache / folder_of()


@pytest.fixture
def assert_sound(library, cache, repo, trees):
    """Right bytes under main, and the version finds nothing to complain of."""

    def look(version=LATEST):
        assert_same(snapshot_of(cache, repo), trees[MAIN])
        ask = dict(repo_id=NAME, cache_dir=cache)
        found = library(version, offline=True).tell("snapshot_download", **ask)
        assert found == str(snapshot_of(cache, repo))
        assert library(version).tell("scan", cache_dir=cache)["warnings"] == []

    return look


def bytes_of(repo, *paths):
    return sum({repo.blob(path).etag: repo.blob(path).size for path in paths}.values())


def inodes(folder):
    return {path: os.lstat(folder / path).st_ino for path in layout(folder)}


def unlisted(found):
    return {path: one for path, one in found.items() if path.partition("/")[0] != "trees"}


# ours on top of the library's


def test_whole_snapshot_is_there(theirs, ours, origin, cache, assert_sound):
    theirs()
    before = state(cache)
    result = ours()
    assert_already_there(result)
    assert data_requests(origin) == []
    assert state(cache) == before
    assert_sound()


@pytest.mark.parametrize("version", VERSIONS[1:])
def test_whole_snapshot_without_a_listing(
    theirs, ours, library, origin, trees, cache, folder, version, assert_sound
):
    """The listing is all that older versions do not make."""
    theirs(version)
    before = unlisted(layout(folder))
    ours()
    assert data_requests(origin) == []
    assert unlisted(layout(folder)) == before
    listed = library(LATEST, offline=True).tell("cached_tree", repo_id=NAME, cache_dir=cache)
    assert listed == sizes(trees[MAIN])
    assert_sound(version)


@pytest.mark.parametrize("version", VERSIONS)
def test_part_of_a_snapshot(theirs, ours, origin, repo, folder, version, assert_sound):
    """It is completed: what was there stays the same file, and only the rest is fetched."""
    part = theirs(version, allow_patterns=[PATTERN, "copy/*"])
    kept = {str(path.relative_to(part)) for path in part.rglob("*") if path.is_file()}
    before = inodes(folder)
    ours()
    commit = repo.find("main")
    assert data_bytes(origin) == unique_bytes(commit) - bytes_of(repo, *kept)
    after = inodes(folder)
    assert {path: after.get(path) for path in before} == before
    assert_sound(version)


@pytest.mark.parametrize("version", VERSIONS)
def test_single_file_of_a_snapshot(
    library, ours, origin, repo, cache, folder, version, assert_sound
):
    """hf_hub_download makes no listing."""
    ask = dict(repo_id=NAME, filename=LARGE, cache_dir=cache)
    library(version).tell("hf_hub_download", **ask)
    blob = os.lstat(folder / "blobs" / repo.blob(LARGE).etag)
    ours()
    assert data_bytes(origin) == unique_bytes(repo.find("main")) - bytes_of(repo, LARGE)
    assert os.lstat(folder / "blobs" / repo.blob(LARGE).etag).st_ino == blob.st_ino
    assert_sound(version)


@pytest.mark.parametrize("version", VERSIONS)
def test_blobs_without_links(theirs, ours, origin, folder, version, assert_sound):
    snapshot = theirs(version)
    shutil.rmtree(snapshot)
    shutil.rmtree(folder / "refs")
    blobs = inodes(folder / "blobs")
    ours()
    assert data_requests(origin) == []
    assert inodes(folder / "blobs") == blobs
    assert_sound(version)


@pytest.mark.parametrize("version", VERSIONS)
def test_some_links_and_a_blob_are_missing(
    theirs, ours, origin, repo, folder, version, assert_sound
):
    """The blob of LARGE is gone, and its link points to nothing; the link of a file that is there
    is gone."""
    snapshot = theirs(version)
    (folder / "blobs" / repo.blob(LARGE).etag).unlink()
    assert (snapshot / LARGE).is_symlink()
    (snapshot / "a/b/c/d/deep.txt").unlink()
    ours()
    assert data_bytes(origin) == bytes_of(repo, LARGE)
    assert_sound(version)


def test_revision_of_the_library_is_kept(theirs, ours, origin, repo, trees, cache, assert_sound):
    """Two revisions share what is the same in both."""
    before = theirs(revision="v1")
    ours()
    both = unique_bytes(repo.find("v1"), repo.find("main"))
    assert data_bytes(origin) == both - unique_bytes(repo.find("v1"))
    assert_same(before, trees["refs/tags/v1"])
    assert_sound()


def test_ref_moves_with_the_branch(theirs, ours, library, origin, repo, trees, cache):
    """The library was here before the branch moved on; now it finds the new revision."""
    before = theirs()
    origin.add(NAME, trees["refs/pr/1"], lfs_from=LFS_FROM)
    ours()
    assert snapshot_of(cache, repo) != before
    found = library(LATEST, offline=True).tell("snapshot_download", repo_id=NAME, cache_dir=cache)
    assert found == str(snapshot_of(cache, repo))
    assert_same(found, trees["refs/pr/1"])
    assert library(LATEST).tell("scan", cache_dir=cache)["warnings"] == []


def test_blob_of_the_wrong_size_is_fetched_again(theirs, ours, origin, repo, folder, assert_sound):
    theirs()
    os.truncate(folder / "blobs" / repo.blob(LARGE).etag, 1000)
    ours()
    assert data_bytes(origin) == bytes_of(repo, LARGE)
    assert_sound()


@pytest.mark.parametrize("path", [LARGE, "LICENSE"])
def test_check_finds_wrong_bytes(theirs, ours, origin, repo, folder, path, assert_sound):
    """A blob of the right size is reused, unless --check asks to verify it."""
    theirs()
    blob = folder / "blobs" / repo.blob(path).etag
    blob.write_bytes(b"?" * repo.blob(path).size)
    ours()
    assert data_requests(origin) == []
    assert blob.read_bytes()[:1] == b"?"
    ours("--check")
    assert data_bytes(origin) == bytes_of(repo, path)
    assert_sound()
    ours("--check")
    assert data_requests(origin) == []


def test_check_of_what_is_right_writes_nothing(theirs, ours, origin, cache):
    theirs()
    before = state(cache)
    result = ours("--check")
    assert_already_there(result)
    assert data_requests(origin) == []
    assert state(cache) == before


def test_blobs_in_the_shared_store(theirs, ours, origin, repo, cache, folder, assert_sound):
    """Blobs that are links into the store of all repositories are there, and stay links."""
    theirs()
    for blob in repo.find("main").blobs.values():
        link = folder / "blobs" / blob.etag
        if blob.sha256 and not link.is_symlink():
            share(cache, link)
    before = layout(folder)
    ours()
    ours("--check")
    assert data_requests(origin) == []
    assert layout(folder) == before
    assert_sound()


def share(cache, blob):
    """Move a blob into the store, as the library does."""
    store = cache / "blobs"
    store.mkdir(exist_ok=True)
    (store / ".huggingface-shared-blobs").write_text("1\n")
    name = hashlib.sha256(b"xet " + blob.name.encode()).hexdigest()
    payload = store / name[:2] / name
    payload.parent.mkdir(exist_ok=True)
    os.rename(blob, payload)
    payload.chmod(0o444)
    payload.with_name(name + ".refs").write_text(f"{blob.relative_to(cache)}\n")
    blob.symlink_to(os.path.relpath(payload, blob.parent))


def test_wrong_bytes_in_the_shared_store(theirs, ours, origin, repo, cache, folder, assert_sound):
    """Other repositories use them too: they are never written through the link."""
    theirs()
    link = folder / "blobs" / repo.blob(LARGE).etag
    share(cache, link)
    payload = link.resolve()
    payload.chmod(0o644)
    payload.write_bytes(b"?" * repo.blob(LARGE).size)
    ours("--check")
    assert data_bytes(origin) == bytes_of(repo, LARGE)
    assert payload.read_bytes()[:1] == b"?"
    assert_sound()


def test_copies_in_place_of_links(new_library, ours, origin, cache, folder):
    """What the library makes where there are no symlinks: files in the snapshot, no blobs. One
    file at a time: its threads take the blob of two equal files away from each other."""
    one = new_library(LATEST, HF_HUB_DISABLE_SYMLINKS=1, HF_HUB_DISABLE_SYMLINKS_WARNING=1)
    ask = dict(repo_id=NAME, cache_dir=cache, max_workers=1)
    snapshot = Path(one.tell("snapshot_download", **ask))
    assert not any(path.is_symlink() for path in snapshot.rglob("*"))
    before = state(folder)
    ours()
    assert data_requests(origin) == []
    assert state(folder) == before


def test_what_others_have_under_way_is_left_alone(ours, origin, repo, cache, folder):
    """Unfinished downloads and locks of a library, perhaps on another node."""
    etag = repo.blob(LARGE).etag
    left = {
        folder / "blobs" / f"{etag}.incomplete": b"half",
        folder / "blobs" / f"{etag}.0123abcd.incomplete": b"another half",
        cache / ".locks" / folder_of() / f"{etag}.lock": b"",
    }
    for path, content in left.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    ours()
    assert data_bytes(origin) == unique_bytes(repo.find("main"))
    for path, content in left.items():
        assert path.read_bytes() == content


# the library's on top of ours


@pytest.mark.parametrize("listing", [True, False])
@pytest.mark.parametrize("version", VERSIONS)
def test_library_completes_a_part(
    library, ours, origin, repo, cache, version, listing, assert_sound
):
    ours("--include", PATTERN, *([] if listing else ["--no-trees"]))
    kept = bytes_of(repo, "config.json", "copy/of/config.json")
    assert data_bytes(origin) == kept
    origin.reset()
    ask = dict(repo_id=NAME, cache_dir=cache)
    assert library(version).tell("snapshot_download", **ask) == str(snapshot_of(cache, repo))
    asked = {row["path"].rpartition("/")[2] for row in origin.log("cdn")}
    assert asked == {repo.blob(path).sha256 for path in (LARGE, "model.safetensors")}
    assert not any("config.json" in path for _, path, _, _ in data_requests(origin))
    assert_sound(version)


@pytest.mark.parametrize("version", VERSIONS)
def test_next_revision_by_the_library(
    library, get, origin, repo, trees, cache, version, assert_sound
):
    result = get(cache=cache, source=f"hf://{NAME}@v1")
    assert_printed(result, snapshot_of(cache, repo, "refs/tags/v1"))
    origin.reset()
    library(version).tell("snapshot_download", repo_id=NAME, cache_dir=cache)
    assert {row["path"][-64:] for row in origin.log("cdn")} == {repo.blob(LARGE).sha256}
    assert_same(snapshot_of(cache, repo, "refs/tags/v1"), trees["refs/tags/v1"])
    assert_sound(version)


@pytest.mark.parametrize("version", VERSIONS)
def test_forced_download_on_top(library, ours, cache, version, assert_sound):
    """The library replaces our blobs with its own."""
    ours()
    library(version).tell("snapshot_download", repo_id=NAME, cache_dir=cache, force_download=True)
    assert_sound(version)


def test_library_removes_ours(hf, ours, origin, repo, cache, folder, assert_sound):
    ours()
    done = hf("cache", "rm", f"model/{NAME}", "--yes", "--cache-dir", cache)
    assert done.returncode == 0, done.stdout + done.stderr
    assert not folder.exists()
    ours()
    assert data_bytes(origin) == unique_bytes(repo.find("main"))
    assert_sound()


@pytest.mark.parametrize("version", VERSIONS)
def test_to_and_fro(theirs, ours, library, origin, repo, trees, cache, version, assert_sound):
    """Turn by turn on one cache, each with a new revision."""
    for turn, ref in enumerate((MAIN, "refs/tags/v1", "refs/pr/1", MAIN)):
        origin.add(NAME, trees[ref], lfs_from=LFS_FROM)
        if turn % 2:
            theirs(version)
        else:
            ours()
        assert_same(snapshot_of(cache, repo), trees[ref])
    assert_sound(version)


# a reader meanwhile


@pytest.mark.parametrize("version", VERSIONS)
def test_reader_sees_the_old_or_the_new(library, get, start, origin, repo, trees, cache, version):
    """Again and again while the branch moves; never anything but one of the two, whole."""
    one = library(version, offline=True)
    ask = dict(repo_id=NAME, cache_dir=cache)
    assert_printed(get(cache=cache), snapshot_of(cache, repo))
    env = {"HF_ENDPOINT": origin.endpoint, "HF_HUB_CACHE": str(cache)}
    known = {repo.refs[ref]: tree for ref, tree in trees.items()}
    for ref in ("refs/tags/v1", "refs/pr/1"):
        before = snapshot_of(cache, repo)
        origin.add(NAME, trees[ref], lfs_from=LFS_FROM)
        job = start(2, "get", "--hf-cache", f"hf://{NAME}", env=env)
        running = True
        while running:
            running = job.process.poll() is None
            found = Path(one.tell("snapshot_download", **ask))
            assert found in (before, snapshot_of(cache, repo))
            assert_same(found, known[found.name])
        assert_printed(job.wait(), snapshot_of(cache, repo))
        assert found == snapshot_of(cache, repo)
