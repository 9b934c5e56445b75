"""Layout hf-cache: what we published the library opens, online and offline, as if it had fetched
it itself.

Cases with `by` are run twice: on our cache and on one that the library filled, which is where the
expectations come from.
"""

import fnmatch
import json
import os
import re
import shutil
from pathlib import Path

import pytest
from readers import (
    ASKED,
    KINDS,
    LATEST,
    LFS_FROM,
    NAME,
    SOURCE,
    VERSIONS,
    assert_already_there,
    assert_printed,
    assert_same,
    data_bytes,
    data_requests,
    folder_of,
    layout,
    ref_of,
    revision_of,
    sizes,
    snapshot_of,
    source_of,
    unique_bytes,
)
from trees import snapshot as state

pytest_plugins = "readers"

MAIN = "refs/heads/main"
NESTED = ("a/b/c/d/deep.txt", "names/größe-模型.txt", "copy/of/model.safetensors", "empty")
PATTERN = "*.json"
by = pytest.mark.parametrize("by", ["library", "mpifetch"])


def matches(path):
    return fnmatch.fnmatchcase(path, PATTERN)


@pytest.fixture
def fill(get, library, cache, origin):
    """fill(by, repo, asked="main", include=None, trees=True) -> the snapshot in `cache`, made by
    mpifetch or by the latest library. The Hub's log is empty afterwards."""

    def begin(by, repo, asked="main", include=None, trees=True):
        revision = revision_of(repo, asked)
        snapshot = snapshot_of(cache, repo, ref_of(asked))
        if by == "mpifetch":
            words = (["--include", include] if include else []) + ([] if trees else ["--no-trees"])
            result = get(*words, cache=cache, source=source_of(repo.kind, revision))
            assert_printed(result, snapshot)
        else:
            ask = dict(repo_id=NAME, repo_type=repo.kind[:-1], revision=revision, cache_dir=cache)
            found = library(LATEST).tell("snapshot_download", allow_patterns=include, **ask)
            assert found == str(snapshot)
            # Only its tree listing is of interest here; it must not be the one kept in memory.
            if not trees:
                shutil.rmtree(cache / folder_of(repo.kind) / "trees")
        origin.reset()
        return snapshot

    return begin


def ask_for(repo, asked, cache):
    revision = revision_of(repo, asked)
    return dict(repo_id=NAME, repo_type=repo.kind[:-1], revision=revision, cache_dir=cache)


# what the library finds offline


@pytest.mark.parametrize("asked", ASKED)
@pytest.mark.parametrize("kind", KINDS)
def test_offline(fill, library, origin, serve, trees, cache, kind, asked):
    """All versions on one cache; the Hub hears nothing of it."""
    repo = serve(kind)
    snapshot = fill("mpifetch", repo, asked)
    assert_same(snapshot, trees[ref_of(asked)])
    before = layout(cache)
    ask = ask_for(repo, asked, cache)
    for version in VERSIONS:
        for one, words in (
            (library(version), {"local_files_only": True}),
            (library(version, offline=True), {}),
        ):
            assert one.tell("snapshot_download", **ask, **words) == str(snapshot)
            for path in NESTED:
                found = one.tell("hf_hub_download", filename=path, **ask, **words)
                assert found == str(snapshot / path)
        for path in NESTED:
            found = library(version).tell("cached", filename=path, **ask)
            assert found == str(snapshot / path)
        assert library(version).tell("cached", filename="none", **ask) is None
    listed = library(LATEST, offline=True).tell("cached_tree", **ask)
    assert listed == sizes(trees[ref_of(asked)])
    assert origin.log() == []
    assert layout(cache) == before


@by
def test_offline_without_an_answer(fill, library, repo, cache, by):
    """What is not there is not made up: another branch, another file."""
    fill(by, repo)
    for version in VERSIONS:
        one = library(version, offline=True)
        for call, words in (
            ("snapshot_download", {"revision": "v1"}),
            ("hf_hub_download", {"filename": "none"}),
        ):
            answer = one.ask(call, repo_id=NAME, cache_dir=cache, **words)
            assert answer.error and "LocalEntryNotFoundError" in answer.error["bases"], answer


def test_several_sources(run, library, origin, serve, trees, cache):
    """A model and a data set of one run, opened offline by all versions. With one rank nothing is
    asked twice."""
    model, data = serve("models"), serve("datasets")
    env = {"HF_ENDPOINT": origin.endpoint, "HF_HUB_CACHE": str(cache)}
    sources = [source_of("models", "v1"), source_of("datasets"), source_of("models")]
    places = [(model, "v1"), (data, "main"), (model, "main")]
    snapshots = [snapshot_of(cache, repo, ref_of(asked)) for repo, asked in places]
    result = run(1, "get", "--hf-cache", *sources, env=env)
    assert result.code == 0, result
    assert result.out == "".join(f"{snapshot}\n" for snapshot in snapshots)
    # the second revision of the model takes from the first what they share
    commits = [model.find("v1"), model.find("main")]
    assert data_bytes(origin) == unique_bytes(*commits) + unique_bytes(data.find("main"))
    origin.reset()
    for (repo, asked), snapshot in zip(places, snapshots):
        assert_same(snapshot, trees[ref_of(asked)])
        for version in VERSIONS:
            one = library(version, offline=True)
            assert one.tell("snapshot_download", **ask_for(repo, asked, cache)) == str(snapshot)
    assert origin.log() == []


# as it lies on the disk


@pytest.mark.parametrize("asked", ASKED)
@pytest.mark.parametrize("kind", KINDS)
def test_layout_is_the_librarys(fill, library, serve, cache, tmp_path, kind, asked):
    """Every name, link, ref, blob and listing."""
    repo = serve(kind)
    fill("mpifetch", repo, asked)
    theirs = tmp_path / "theirs"
    library(LATEST).tell("snapshot_download", **ask_for(repo, asked, theirs))
    assert layout(cache / folder_of(kind)) == layout(theirs / folder_of(kind))
    # scans before 1.9 take even a CACHEDIR.TAG for a broken repository, but no scan looks here
    assert set(os.listdir(cache)) - {".locks"} == {folder_of(kind), "CACHEDIR.TAG"}


def test_listing_names_xet_files(fill, library, origin, repo, cache, tmp_path):
    origin.set(xet=True)
    fill("mpifetch", repo)
    theirs = tmp_path / "theirs"
    origin.set(xet=True)
    library(LATEST).tell("snapshot_download", **ask_for(repo, "main", theirs))
    name = f"{folder_of()}/trees/{repo.refs[MAIN]}.json"
    ours = json.loads((cache / name).read_bytes())
    assert ours == json.loads((theirs / name).read_bytes())
    assert any("xet_hash" in one for one in ours["files"].values())


def test_one_blob_for_each_content(get, origin, repo, cache):
    """Two paths, one content: one blob, fetched once. With one rank nothing is asked twice."""
    commit = repo.find("main")
    assert_printed(get(cache=cache, ranks=1), snapshot_of(cache, repo))
    etags = {blob.etag for blob in commit.blobs.values()}
    assert len(etags) < len(commit.blobs)
    assert set(os.listdir(cache / folder_of() / "blobs")) == etags
    assert data_bytes(origin) == unique_bytes(commit)


def test_second_revision_fetches_what_differs(fill, get, origin, repo, trees, cache):
    fill("mpifetch", repo, "v1")
    old, new = repo.find("v1"), repo.find("main")
    different = unique_bytes(old, new) - unique_bytes(old)
    assert 0 < different < unique_bytes(new) / 2
    result = get(cache=cache, ranks=1)
    assert_printed(result, snapshot_of(cache, repo))
    assert data_bytes(origin) == different == result.report["bytes"]["fetched"]
    for ref in (MAIN, "refs/tags/v1"):
        assert_same(snapshot_of(cache, repo, ref), trees[ref])


def test_a_ref_follows_its_branch(fill, library, origin, repo, trees, cache):
    """The branch moves; the old revision stays for who asks for it by its commit."""
    before = fill("mpifetch", repo)
    origin.add(NAME, trees["refs/pr/1"], lfs_from=LFS_FROM)
    after = fill("mpifetch", repo)
    assert after != before
    one = library(LATEST, offline=True)
    ask = dict(repo_id=NAME, cache_dir=cache)
    assert one.tell("snapshot_download", **ask) == str(after)
    assert one.tell("snapshot_download", revision=before.name, **ask) == str(before)
    assert_same(after, trees["refs/pr/1"])
    assert_same(before, trees[MAIN])


@pytest.mark.parametrize("first", [(), ("--include", PATTERN)])
def test_again(get, origin, repo, trees, cache, first):
    """Nothing is fetched, nothing is written, and that is what is said; also of a part of it."""
    assert_printed(get(*first, cache=cache), snapshot_of(cache, repo))
    before = state(cache)
    origin.reset()
    for words in (first, ("--include", PATTERN), (*first, "--check")):
        result = get(*words, cache=cache, ranks=3)
        assert_printed(result, snapshot_of(cache, repo))
        assert_already_there(result)
        assert state(cache) == before
    assert data_requests(origin) == []


def test_listing_comes_later(get, origin, repo, cache, tmp_path):
    """What --no-trees left out is all that the next run without it adds."""
    get("--no-trees", cache=cache)
    folder = cache / folder_of()
    before = layout(folder)
    origin.reset()
    assert_printed(get(cache=cache), snapshot_of(cache, repo))
    assert data_requests(origin) == []
    listing = {"trees", f"trees/{repo.refs[MAIN]}.json"}
    assert {path: one for path, one in layout(folder).items() if path not in listing} == before
    assert listing <= set(layout(folder))


# where it is

PLACES = [
    # the environment, in which HOME is TOP
    {"HF_HUB_CACHE": "TOP/1", "HUGGINGFACE_HUB_CACHE": "TOP/2", "HF_HOME": "TOP/3"},
    {"HUGGINGFACE_HUB_CACHE": "TOP/2", "HF_HOME": "TOP/3", "XDG_CACHE_HOME": "TOP/4"},
    {"HF_HOME": "TOP/3", "XDG_CACHE_HOME": "TOP/4"},
    {"XDG_CACHE_HOME": "TOP/4"},
    {"HF_HUB_CACHE": "~/with blank"},
    {"HF_HOME": "$HOME/5"},
    {},
]


@pytest.mark.parametrize("known", PLACES)
def test_where_the_cache_is(get, new_library, repo, tmp_path, known):
    """As the library itself reads the environment."""
    top = tmp_path / "top"
    top.mkdir()
    env = {name: text.replace("TOP", str(top)) for name, text in known.items()}
    one = new_library(LATEST, home=top, offline=True, **{"HF_HOME": None, **env})
    root = Path(one.tell("cache_root"))
    result = get(env={"HOME": str(top), **env})
    assert_printed(result, snapshot_of(root, repo))
    assert one.tell("snapshot_download", repo_id=NAME) == str(snapshot_of(root, repo))


@pytest.mark.parametrize("words", [["--layout", "hf-cache"], ["--hf-cache"]])
def test_place_that_is_given(run, origin, repo, trees, tmp_path, words):
    """It wins over the environment."""
    root = tmp_path / "given"
    env = {"HF_ENDPOINT": origin.endpoint, "HF_HUB_CACHE": str(tmp_path / "other")}
    result = run(2, "get", *words, SOURCE, root, env=env)
    assert_printed(result, snapshot_of(root, repo))
    assert_same(snapshot_of(root, repo), trees[MAIN])
    assert not (tmp_path / "other").exists()


# what is said of it


@pytest.mark.parametrize("version", VERSIONS)
def test_scan(fill, library, serve, cache, version):
    """All kinds, several revisions, one of them without a ref."""
    for kind in KINDS:
        repo = serve(kind)
        for asked in ASKED if kind == "models" else ("main", "commit"):
            fill("mpifetch", repo, asked)
    found = library(version).tell("scan", cache_dir=cache)
    assert found["warnings"] == []
    assert set(found["repos"]) == {f"{kind}/{NAME}" for kind in KINDS}
    assert found["size"] == sum(one["size"] for one in found["repos"].values())
    for kind in KINDS:
        one, repo = found["repos"][f"{kind}/{NAME}"], serve(kind)
        wanted = {"main", "v1", "refs/pr/1"} if kind == "models" else {"main"}
        assert set(one["refs"]) == wanted
        commits = [repo.commits[name] for name in one["revisions"]]
        assert {commit.id for commit in commits} == {
            repo.refs[ref_of(asked)] for asked in (*wanted, "commit")
        }
        assert one["size"] == unique_bytes(*commits)
        for commit in commits:
            revision = one["revisions"][commit.id]
            assert revision["size"] == unique_bytes(commit)
            assert revision["files"] == {path: b.size for path, b in commit.blobs.items()}
            assert revision["refs"] == [
                asked for asked in sorted(wanted) if repo.refs[ref_of(asked)] == commit.id
            ]


@by
@pytest.mark.parametrize("kind", KINDS)
def test_commands(fill, hf, serve, cache, kind, by):
    """hf cache verify and ls."""
    repo = serve(kind)
    fill(by, repo)
    fill(by, repo, "commit")
    for revision in ("main", repo.refs["refs/pr/1"]):
        verify = ("cache", "verify", NAME, "--repo-type", kind[:-1], "--cache-dir", cache)
        done = hf(*verify, "--revision", revision, "--fail-on-extra-files")
        assert done.returncode == 0, done.stdout + done.stderr
    done = hf("cache", "ls", "--revisions", "--show-warnings", "--cache-dir", cache, "--json")
    assert done.returncode == 0, done.stderr
    assert {row["revision"] for row in json.loads(done.stdout)} == {
        repo.refs[MAIN],
        repo.refs["refs/pr/1"],
    }
    assert "Repo ignored" not in done.stderr


@pytest.mark.parametrize("asked", ASKED)
@pytest.mark.parametrize("version", VERSIONS)
def test_online_nothing_is_fetched(fill, library, origin, repo, trees, cache, version, asked):
    snapshot = fill("mpifetch", repo, asked)
    before = layout(cache / folder_of())
    ask = ask_for(repo, asked, cache)
    assert library(version).tell("snapshot_download", **ask) == str(snapshot)
    for path in NESTED:
        assert library(version).tell("hf_hub_download", filename=path, **ask) == str(
            snapshot / path
        )
    assert data_requests(origin) == []
    if version == LATEST:
        assert origin.log("api-tree") == []  # our listing was taken for its own
    assert layout(cache / folder_of()) == before
    assert library(version).tell("scan", cache_dir=cache)["warnings"] == []


# a part of it

INCOMPLETE, MISSING = "IncompleteSnapshotError", "LocalEntryNotFoundError"
PARTIAL = [
    # with the listing, asked by, same filters: under HF_HUB_OFFLINE, with local_files_only
    (True, "commit", True, None, None),
    (True, "commit", False, MISSING, INCOMPLETE),
    (True, "main", True, None, None),
    (True, "main", False, INCOMPLETE, INCOMPLETE),
    (False, "commit", True, None, None),
    (False, "commit", False, None, None),
    (False, "main", True, None, None),
    (False, "main", False, None, None),
]


@by
@pytest.mark.parametrize("listing, asked, same, offline, local", PARTIAL)
def test_filtered(
    fill, library_apart, origin, repo, trees, cache, by, listing, asked, same, offline, local
):
    """What the latest library then says; without an error it gives the part that is there."""
    snapshot = fill(by, repo, asked, PATTERN, listing)
    assert (cache / folder_of() / "trees").exists() == listing
    ask = ask_for(repo, asked, cache)
    if same:
        ask["allow_patterns"] = PATTERN
    for one, words, error in (
        (library_apart(LATEST, offline=True), {}, offline),
        (library_apart(LATEST), {"local_files_only": True}, local),
    ):
        answer = one.ask("snapshot_download", **ask, **words)
        assert answer.complaints == [], answer
        assert (answer.error and answer.error["class"]) == error, answer
        assert answer.value == (None if error else str(snapshot))
    assert_same(snapshot, trees[ref_of(asked)], matches)
    assert origin.log() == []


@by
@pytest.mark.parametrize("asked", ["main", "commit"])
@pytest.mark.parametrize("version", VERSIONS[1:])
def test_filtered_before_there_were_listings(fill, library, repo, trees, cache, by, version, asked):
    """Older versions give what is there, whatever is asked for."""
    snapshot = fill(by, repo, asked, PATTERN)
    one = library(version, offline=True)
    for patterns in (None, PATTERN):
        ask = dict(**ask_for(repo, asked, cache), allow_patterns=patterns)
        assert one.tell("snapshot_download", **ask) == str(snapshot)
    assert_same(snapshot, trees[ref_of(asked)], matches)


@by
@pytest.mark.parametrize("version", VERSIONS)
def test_filtered_single_files(fill, library, repo, cache, by, version):
    snapshot = fill(by, repo, "main", PATTERN)
    one = library(version, offline=True)
    ask = ask_for(repo, "main", cache)
    assert one.tell("hf_hub_download", filename="config.json", **ask) == str(
        snapshot / "config.json"
    )
    answer = one.ask("hf_hub_download", filename="LICENSE", **ask)
    assert answer.error and "LocalEntryNotFoundError" in answer.error["bases"], answer
    if by == "mpifetch":
        assert library(version).tell("scan", cache_dir=cache)["warnings"] == []


def test_filtered_listing_is_the_librarys(fill, library, repo, cache, tmp_path):
    """It names what was left out as well; with a second look for the rest it is still right."""
    fill("mpifetch", repo, include=PATTERN)
    theirs = tmp_path / "theirs"
    ask = dict(**ask_for(repo, "main", theirs), allow_patterns=PATTERN)
    library(LATEST).tell("snapshot_download", **ask)
    assert layout(cache / folder_of()) == layout(theirs / folder_of())


def test_excluded(fill, get, library, repo, trees, cache):
    result = get("--exclude", "*.safetensors", "--exclude", "names/*", cache=cache)
    assert_printed(result, snapshot_of(cache, repo))
    ignored = ["*.safetensors", "names/*"]
    found = library(LATEST, offline=True).tell(
        "snapshot_download", repo_id=NAME, cache_dir=cache, ignore_patterns=ignored
    )
    assert_same(
        found, trees[MAIN], lambda p: not any(fnmatch.fnmatchcase(p, one) for one in ignored)
    )


# plan and verify


@by
@pytest.mark.parametrize("include", [None, PATTERN])
def test_plan(fill, run, origin, repo, trees, cache, by, include):
    """Of each file whether it is there; the cache is not touched by the question."""
    fill(by, repo, "main", PATTERN)
    before = layout(cache)
    words = ["--include", include] if include else []
    env = {"HF_ENDPOINT": origin.endpoint, "HF_HUB_CACHE": str(cache)}
    result = run(2, "plan", "--hf-cache", *words, SOURCE, env=env)
    assert result.code == 0, result
    *lines, total = result.out.splitlines()
    found = {}
    for line in lines:
        word, size, path = line.split(None, 2)
        found[path] = (word, int(size))
    blobs = repo.find("main").blobs
    known = {blobs[path].etag for path in blobs if matches(path)}
    for path, size in sorted(sizes(trees[MAIN]).items()):
        if matches(path):
            assert found.pop(path) == ("there", size)
        elif not include:  # content that is there, or comes with another file, wants a link
            etag = blobs[path].etag
            assert found.pop(path) == ("link" if etag in known else "fetch", size)
            known.add(etag)
    assert found == {}
    assert total.startswith(f"{len(lines)} files")
    assert layout(cache) == before
    assert data_requests(origin) == []


@by
@pytest.mark.parametrize("ranks", [1, 3])
def test_verify(fill, run, repo, cache, tmp_path, by, ranks):
    """Whoever filled it. No Hub is needed for it, so none is named."""
    snapshot = fill(by, repo)
    assert_printed(run(ranks, "verify", snapshot), snapshot)
    large, small = repo.blob("head.safetensors"), repo.blob("LICENSE")
    blobs = cache / folder_of() / "blobs"
    spoil(blobs / large.etag)
    spoil(blobs / small.etag)
    (snapshot / "config.json").unlink()
    (snapshot / "names" / "stranger").write_bytes(b"?")
    result = run(ranks, "verify", snapshot)
    assert result.code == 4, result
    assert result.out == ""
    wanted = {
        large.path: ("digest", "SHA-256"),
        small.path: ("digest", "SHA-256", "git blob"),
        "config.json": ("missing",),
        "names/stranger": ("not in",),
    }
    for path, words in wanted.items():
        said = lines_on(path, result)
        assert len(said) == 1, (path, result)
        assert any(word in said[0] for word in words), said
    for path in ("empty", "model.safetensors", "a/b/c/d/deep.txt"):
        assert lines_on(path, result) == []


def lines_on(path, result):
    name = re.compile(rf"(?<![\w./-]){re.escape(path)}(?![\w./-])")
    return [line for line in result.err.splitlines() if name.search(line)]


def spoil(path):
    """Another byte, the same size."""
    content = path.read_bytes()
    path.chmod(0o644)
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))


@by
def test_verify_of_a_part(fill, run, repo, cache, by):
    """What was never asked for is missing, unless one says what was asked for."""
    snapshot = fill(by, repo, include=PATTERN)
    assert run(2, "verify", snapshot).code == 4
    assert_printed(run(2, "verify", "--include", PATTERN, snapshot), snapshot)


# on the way


def test_private_repository(get, library, new_library, origin, serve, trees, cache):
    """The token reaches the Hub only, and lies nowhere in the cache."""
    origin.set(tokens={"hf_good"})
    repo = serve(private=True, granted={"hf_good"})
    result = get(cache=cache, env={"HF_TOKEN": "hf_good"})
    assert_printed(result, snapshot_of(cache, repo))
    assert_same(snapshot_of(cache, repo), trees[MAIN])
    assert not any(row["had_auth"] for row in origin.log("cdn"))
    for folder, _, names in os.walk(cache):
        for name in names:
            assert b"hf_good" not in Path(folder, name).read_bytes()
    origin.reset()
    one = library(LATEST, offline=True)
    ask = dict(repo_id=NAME, cache_dir=cache)
    assert one.tell("snapshot_download", **ask) == str(snapshot_of(cache, repo))
    with_token = library(LATEST).tell("snapshot_download", token="hf_good", **ask)
    assert with_token == str(snapshot_of(cache, repo))
    assert data_requests(origin) == []


def test_refused_leaves_nothing(get, origin, cache):
    """An empty repository folder would be a warning of every scan."""
    cache.mkdir()
    result = get(cache=cache)
    assert result.code == 3, result
    assert result.out == ""
    assert os.listdir(cache) == []


def test_bad_bytes_are_not_published(get, library, origin, repo, cache):
    """A blob that is not what its name says never gets that name."""
    origin.trouble(kind="cdn", path=f"*{repo.blob('head.safetensors').sha256}", flip=1000)
    result = get("--retries", 2, cache=cache)
    assert result.code == 4, result
    assert "head.safetensors" in result.err
    folder = cache / folder_of()
    assert not (folder / "refs").exists()
    assert not snapshot_of(cache, repo).exists()
    assert not (folder / "blobs" / repo.blob("head.safetensors").etag).exists()
    if cache.exists():
        assert library(LATEST).tell("scan", cache_dir=cache)["warnings"] == []


def test_transformers_way(get, new_library, origin, repo, trees, tmp_path):
    """Nothing but the environment: HF_HOME for both, and offline for who reads."""
    home = tmp_path / "hf"
    result = get(env={"HF_HOME": str(home)})
    assert_printed(result, snapshot_of(home / "hub", repo))
    origin.reset()
    for version in VERSIONS:
        one = new_library(version, offline=True, HF_HOME=home)
        found = one.tell("snapshot_download", repo_id=NAME)
        assert result.out == f"{found}\n"
        assert_same(found, trees[MAIN])
    assert origin.log() == []


def test_tag_of_a_new_root(fill, library, origin, repo, cache, tmp_path):
    """Backups skip a cache by it. One that is there stays as it is."""
    fill("mpifetch", repo, "main")
    theirs = tmp_path / "theirs"
    library(LATEST).tell("snapshot_download", repo_id=NAME, cache_dir=theirs)
    tag = cache / "CACHEDIR.TAG"
    assert tag.read_bytes() == (theirs / "CACHEDIR.TAG").read_bytes()
    tag.write_text("mine")
    fill("mpifetch", repo, "v1")
    assert tag.read_text() == "mine"
