"""The loopback Hub is what the real library takes for a Hub: what our other tests rest on."""

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest
from readers import (
    ASKED,
    KINDS,
    LATEST,
    NAME,
    VERSIONS,
    assert_same,
    content_of,
    contents,
    pinned,
    program,
    ref_of,
    requirements,
    revision_of,
    sizes,
)

pytest_plugins = "readers"
MAIN = "refs/heads/main"


@pytest.mark.parametrize("version", VERSIONS)
def test_version(library, version):
    """What is tested is what the requirements say."""
    assert library(version).tell("version") == pinned(version)
    if version != LATEST:
        assert pinned(version).startswith(version + ".")


@pytest.mark.parametrize("version", VERSIONS)
def test_nothing_drifts(version):
    """Whatever is installed has its version in the requirements."""
    freeze = [sys.executable, "-m", "pip", "--python", program(version, "python"), "freeze"]
    found = subprocess.run(freeze, capture_output=True, text=True, check=True).stdout
    listed = requirements(version).read_text()
    assert {canonical(line) for line in found.split()} == {
        canonical(line) for line in listed.split()
    }


def canonical(line):
    name, _, number = line.partition("==")
    return name.lower().replace("_", "-"), number


@pytest.mark.parametrize("asked", ASKED)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("version", VERSIONS)
def test_snapshot(library, serve, trees, cache, version, kind, asked):
    repo = serve(kind)
    path = library(version).tell(
        "snapshot_download",
        repo_id=NAME,
        repo_type=kind[:-1],
        revision=revision_of(repo, asked),
        cache_dir=cache,
    )
    assert Path(path).name == repo.refs[ref_of(asked)]
    assert_same(path, trees[ref_of(asked)])


@pytest.mark.parametrize("asked", ASKED)
@pytest.mark.parametrize("version", VERSIONS)
def test_single_files(library, repo, trees, cache, version, asked):
    tree = trees[ref_of(asked)]
    for path, digest in contents(tree).items():
        found = library(version).tell(
            "hf_hub_download",
            repo_id=NAME,
            filename=path,
            revision=revision_of(repo, asked),
            cache_dir=cache,
        )
        assert found.endswith("/" + path)
        assert hashlib.sha256(Path(found).read_bytes()).hexdigest() == digest, path


@pytest.mark.parametrize("version", VERSIONS)
def test_local_dir(library, repo, trees, tmp_path, version):
    """Twice: what is there is not fetched again."""
    dest = tmp_path / "dest"
    cache = tmp_path / "cache"
    ask = dict(repo_id=NAME, local_dir=dest, cache_dir=cache)
    for _ in range(2):
        assert library(version).tell("snapshot_download", **ask) == str(dest)
        found = contents(dest, lambda path: not path.startswith((".cache/", ".huggingface/")))
        assert found == contents(trees[MAIN])


@pytest.mark.parametrize("version", VERSIONS)
def test_metadata(library, origin, repo, version):
    """etag, size and commit of a large, a small and an empty file, as the library reads them."""
    for path in ("head.safetensors", "config.json", "empty"):
        blob = repo.blob(path)
        found = library(version).tell(
            "metadata", url=f"{origin.endpoint}/{NAME}/resolve/main/{path}"
        )
        assert found == {"commit": repo.refs[MAIN], "etag": blob.etag, "size": blob.size}


@pytest.mark.parametrize("page", [5, 1000])
@pytest.mark.parametrize("version", VERSIONS)
def test_listing(library, origin, repo, trees, version, page):
    origin.set(page=page)
    found = library(version).tell("tree", repo_id=NAME, revision="main")
    assert {path: one["size"] for path, one in found.items()} == sizes(trees[MAIN])
    blobs = repo.find("main").blobs
    assert {path: (one["oid"], one["sha256"]) for path, one in found.items()} == {
        path: (blob.oid, blob.sha256) for path, blob in blobs.items()
    }
    pages = -(-len(repo.find("main").entries()) // page)
    assert len(origin.log("api-tree")) == pages > 1 or page == 1000


@pytest.mark.parametrize("version", VERSIONS)
def test_snapshot_of_a_listing_in_pages(library, origin, repo, trees, cache, version):
    origin.set(page=3)
    path = library(version).tell("snapshot_download", repo_id=NAME, cache_dir=cache)
    assert_same(path, trees[MAIN])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("version", VERSIONS)
def test_what_the_api_says(library, serve, trees, version, kind):
    repo = serve(kind)
    ask = dict(repo_id=NAME, repo_type=kind[:-1])
    for asked in ASKED:
        found = library(version).tell("info", revision=revision_of(repo, asked), **ask)
        assert found["sha"] == repo.refs[ref_of(asked)]
        assert found["files"] == sorted(sizes(trees[ref_of(asked)]))
    assert library(version).tell("refs", **ask) == repo.refs
    asked = ["names/100%.txt", "head.safetensors", "none"]
    found = library(version).tell("infos", paths=asked, **ask)
    assert found == {path: repo.blob(path).size for path in asked[:2]}


ACCESS = [
    # private, gated, token, the library's error
    (False, False, "stranger", None),
    (True, False, "good", None),
    (True, False, False, "RepositoryNotFoundError"),
    (True, False, "stranger", "RepositoryNotFoundError"),
    (False, "manual", "good", None),
    (False, "auto", False, "GatedRepoError"),
    (False, "auto", "stranger", "GatedRepoError"),
    (False, False, "bad", "HTTPError"),
]


@pytest.mark.parametrize("private, gated, token, error", ACCESS)
@pytest.mark.parametrize("version", VERSIONS)
def test_access(library, origin, serve, trees, cache, version, private, gated, token, error):
    origin.set(tokens={"good", "stranger"})
    serve(private=private, gated=gated, granted={"good"})
    ask = dict(repo_id=NAME, cache_dir=cache, token=token)
    single = library(version).ask("hf_hub_download", filename="head.safetensors", **ask)
    whole = library(version).ask("snapshot_download", **ask)
    if error is None:
        assert content_of(single).endswith("/head.safetensors")
        assert_same(content_of(whole), trees[MAIN])
        assert not any(row["had_auth"] for row in origin.log("cdn"))
    else:
        for answer in (single, whole):
            assert any(one.endswith(error) for one in answer.error["bases"]), answer


MISSING = [
    # what is asked for instead of what there is, the library's error
    ({"repo_id": "acme/none"}, "RepositoryNotFoundError"),
    ({"revision": "none"}, "RevisionNotFoundError"),
    ({"filename": "none"}, "EntryNotFoundError"),
    ({"repo_type": "dataset"}, "RepositoryNotFoundError"),
]


@pytest.mark.parametrize("instead, error", MISSING)
@pytest.mark.parametrize("version", VERSIONS)
def test_missing(library, repo, cache, version, instead, error):
    ask = {"repo_id": NAME, "filename": "config.json", "cache_dir": cache, **instead}
    answer = library(version).ask("hf_hub_download", **ask)
    assert answer.error and error in answer.error["bases"], answer


@pytest.mark.parametrize("version", VERSIONS)
def test_renamed(library, origin, repo, trees, cache, version):
    origin.set(renamed={"old/name": NAME})
    ask = dict(repo_id="old/name", cache_dir=cache)
    assert_same(library(version).tell("snapshot_download", **ask), trees[MAIN])


@pytest.mark.parametrize("version", VERSIONS)
def test_scan_of_its_own(library, serve, trees, cache, version):
    """Sizes and warnings of a cache that the library itself filled from here."""
    repos = [serve(kind) for kind in KINDS]
    for repo in repos:
        ask = dict(repo_id=NAME, repo_type=repo.kind[:-1], cache_dir=cache)
        library(version).tell("snapshot_download", **ask)
    found = library(version).tell("scan", cache_dir=cache)
    assert found["warnings"] == []
    assert set(found["repos"]) == {f"{kind}/{NAME}" for kind in KINDS}
    for one in found["repos"].values():
        assert one["refs"] == ["main"]
        (revision,) = one["revisions"].values()
        assert revision["files"] == sizes(trees[MAIN])


def test_command(hf, repo, trees, cache):
    """hf download prints where it is; hf cache verify agrees with our listing."""
    done = hf("download", NAME, "--cache-dir", cache, "--quiet")
    assert done.returncode == 0, done.stderr
    assert_same(done.stdout.strip(), trees[MAIN])
    done = hf("cache", "verify", NAME, "--cache-dir", cache)
    assert done.returncode == 0, done.stdout + done.stderr
    Path(cache, f"models--acme--demo/blobs/{repo.blob('LICENSE').etag}").write_bytes(b"as it is\n")
    done = hf("cache", "verify", NAME, "--cache-dir", cache)
    assert done.returncode != 0 and "LICENSE" in done.stdout + done.stderr


def test_complaints_are_heard(library, repo):
    """The other tests lean on it: a warning that the library certainly makes."""
    answer = library(LATEST).ask(
        "snapshot_download", repo_id=NAME, allow_patterns="none", dry_run=True
    )
    assert answer.error is None
    assert any("No files matched" in one for one in answer.complaints), answer
