"""Layout dir: the library finds what we published, takes it for its own download, and fetches
nothing again."""

import json
import os
from pathlib import Path

import pytest
from readers import (
    ASKED,
    KINDS,
    LATEST,
    LFS_FROM,
    NAME,
    VERSIONS,
    assert_printed,
    content_of,
    contents,
    data_requests,
    ref_of,
    revision_of,
    source_of,
)
from trees import digests, files_of

pytest_plugins = "readers"

MAIN = "refs/heads/main"
LARGE = "model.safetensors"
KNOWING = (LATEST, "0.36")  # 0.23 kept its metadata at another place, for one release only


@pytest.fixture
def publish(run, origin, dest):
    """publish(repo, asked="main") -> dest, as it is after mpifetch get."""

    def begin(repo, asked="main"):
        source = source_of(repo.kind, revision_of(repo, asked))
        result = run(2, "get", source, dest, env={"HF_ENDPOINT": origin.endpoint})
        assert_printed(result, dest)
        origin.reset()
        return dest

    return begin


def ask_for(repo, asked, dest):
    revision = revision_of(repo, asked)
    return dict(repo_id=NAME, repo_type=repo.kind[:-1], revision=revision, local_dir=dest)


def stamps(dest):
    """Of each file what a rewrite would change."""
    return {
        path: (os.stat(dest / path).st_ino, os.stat(dest / path).st_mtime_ns)
        for path in files_of(dest)
    }


def metadata(dest, path):
    return Path(dest, ".cache/huggingface/download", path + ".metadata").read_text().splitlines()


def damage(dest, path):
    """Other bytes under the same size and time: who looks at them will notice, and nobody else."""
    status = os.stat(dest / path)
    content = (dest / path).read_bytes()
    (dest / path).write_bytes(bytes([content[0] ^ 1]) + content[1:])
    os.utime(dest / path, ns=(status.st_atime_ns, status.st_mtime_ns))


def assert_content(dest, tree):
    assert digests(files_of(dest)) == digests(files_of(tree))


@pytest.mark.parametrize("asked", ASKED)
@pytest.mark.parametrize("version", KNOWING)
def test_up_to_date(library, origin, repo, trees, publish, tmp_path, version, asked):
    dest = publish(repo, asked)
    before = stamps(dest)
    ask = dict(**ask_for(repo, asked, dest), cache_dir=tmp_path / "cache")
    assert library(version).tell("snapshot_download", **ask) == str(dest)
    assert data_requests(origin) == []
    assert stamps(dest) == before
    assert_content(dest, trees[ref_of(asked)])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("version", KNOWING)
def test_up_to_date_of_each_kind(library, origin, serve, trees, publish, tmp_path, version, kind):
    repo = serve(kind)
    dest = publish(repo)
    ask = dict(**ask_for(repo, "main", dest), cache_dir=tmp_path / "cache")
    assert library(version).tell("snapshot_download", **ask) == str(dest)
    assert data_requests(origin) == []
    assert_content(dest, trees[MAIN])


@pytest.mark.parametrize("asked", ["main", "commit"])
@pytest.mark.parametrize("version", KNOWING)
def test_not_hashed_again(library, origin, repo, publish, tmp_path, version, asked):
    """Bytes that are wrong go unnoticed as long as the metadata holds: nobody has read them. When
    the file is younger than its metadata they are read, and fetched."""
    dest = publish(repo, asked)
    damage(dest, LARGE)
    wrong = contents(dest)[LARGE]
    ask = dict(**ask_for(repo, asked, dest), cache_dir=tmp_path / "cache")
    library(version).tell("snapshot_download", **ask)
    assert data_requests(origin) == []
    assert contents(dest)[LARGE] == wrong
    later = float(metadata(dest, LARGE)[2]) + 10
    os.utime(dest / LARGE, (later, later))
    library(version).tell("snapshot_download", **ask)
    assert {row[0] for row in data_requests(origin)} == {"cdn"}
    assert contents(dest)[LARGE] == repo.blob(LARGE).sha256


def test_metadata_is_the_librarys(library, repo, publish, tmp_path):
    """Line for line, but for the time, what the library writes itself."""
    ours = publish(repo)
    theirs = tmp_path / "theirs"
    ask = dict(**ask_for(repo, "main", theirs), cache_dir=tmp_path / "cache")
    library(LATEST).tell("snapshot_download", **ask)
    for path in files_of(theirs):
        assert metadata(ours, path)[:2] == metadata(theirs, path)[:2], path
        assert os.stat(ours / path).st_mtime <= float(metadata(ours, path)[2]), path


@pytest.mark.parametrize("version", KNOWING)
def test_single_files(library, origin, repo, publish, tmp_path, version):
    dest = publish(repo)
    for path in ("a/b/c/d/deep.txt", "names/100%.txt", "copy/of/model.safetensors", "empty"):
        found = library(version).tell(
            "hf_hub_download",
            repo_id=NAME,
            filename=path,
            local_dir=dest,
            cache_dir=tmp_path / "cache",
        )
        assert found == str(dest / path)
    assert data_requests(origin) == []


@pytest.mark.parametrize("asked", ASKED)
def test_command(hf, origin, repo, trees, publish, asked):
    dest = publish(repo, asked)
    before = stamps(dest)
    done = hf("download", NAME, "--revision", revision_of(repo, asked), "--local-dir", dest, "-q")
    assert (done.returncode, done.stdout) == (0, f"{dest}\n"), done.stderr
    assert data_requests(origin) == []
    assert stamps(dest) == before
    words = ("--revision", revision_of(repo, asked), "--local-dir", dest, "--fail-on-extra-files")
    done = hf("cache", "verify", NAME, *words)
    assert done.returncode == 0, done.stdout + done.stderr
    assert_content(dest, trees[ref_of(asked)])


@pytest.mark.parametrize("version", KNOWING)
def test_update_by_the_library(library, origin, repo, trees, publish, tmp_path, version):
    """What the Hub has changed since is fetched, and nothing else."""
    dest = publish(repo, "v1")
    ask = dict(**ask_for(repo, "main", dest), cache_dir=tmp_path / "cache")
    library(version).tell("snapshot_download", **ask)
    assert_content(dest, trees[MAIN])
    old, new = repo.find("v1").blobs, repo.find("main").blobs
    changed = {path for path in new if new[path].etag != old[path].etag}
    asked = {row["path"].rpartition("/resolve")[2] for row in origin.log("resolve")}
    assert {path for path in new if any(one.endswith("/" + path) for one in asked)} >= changed
    large = {new[path].sha256 for path in changed if new[path].sha256}
    assert {row["path"][-64:] for row in origin.log("cdn")} == large


@pytest.mark.parametrize("asked", ASKED)
@pytest.mark.parametrize("version", KNOWING)
def test_offline(library, origin, repo, trees, publish, tmp_path, version, asked):
    """The library then says in a warning that it could not look for news; that is all it says."""
    dest = publish(repo, asked)
    before = stamps(dest)
    ask = dict(**ask_for(repo, asked, dest), cache_dir=tmp_path / "cache")
    for offline, words in ((True, {}), (False, {"local_files_only": True})):
        answer = library(version, offline).ask("snapshot_download", **ask, **words)
        assert answer.error is None and answer.value == str(dest), answer
        assert len(answer.complaints) == 1, answer
        assert "Returning existing local_dir" in answer.complaints[0], answer
    assert origin.log() == []
    assert stamps(dest) == before
    assert_content(dest, trees[ref_of(asked)])


@pytest.mark.parametrize("version", VERSIONS)
def test_offline_single_files(library, origin, repo, trees, publish, tmp_path, version):
    """By a branch, with the same warning; 0.23 can do no more than this with a directory."""
    dest = publish(repo)
    ask = dict(**ask_for(repo, "main", dest), cache_dir=tmp_path / "cache")
    for path in files_of(trees[MAIN]):
        answer = library(version, offline=True).ask("hf_hub_download", filename=path, **ask)
        assert answer.error is None and answer.value == str(dest / path), answer
        assert len(answer.complaints) == 1, answer
        assert "local file already exists" in answer.complaints[0], answer
    assert origin.log() == []


@pytest.mark.parametrize("version", KNOWING)
def test_offline_single_file_by_commit(library, origin, repo, publish, tmp_path, version):
    """The recorded commit is the one that is asked for: no word about it at all."""
    dest = publish(repo, "commit")
    ask = dict(**ask_for(repo, "commit", dest), cache_dir=tmp_path / "cache")
    found = library(version, offline=True).tell(
        "hf_hub_download", filename="a/b/c/d/deep.txt", **ask
    )
    assert found == str(dest / "a/b/c/d/deep.txt")
    assert origin.log() == []


def test_release_with_other_metadata(library, origin, repo, trees, publish, tmp_path):
    """0.23 looks for its metadata elsewhere: large files it keeps for their digest, small ones it
    fetches. Nothing is broken by it."""
    dest = publish(repo)
    ask = dict(**ask_for(repo, "main", dest), cache_dir=tmp_path / "cache")
    content_of(library("0.23").ask("snapshot_download", **ask))
    assert origin.log("cdn") == []
    left = {p: data for p, data in files_of(dest).items() if not p.startswith(".huggingface/")}
    assert digests(left) == digests(files_of(trees[MAIN]))
    assert any(len(data) >= LFS_FROM for data in left.values())


def test_part_is_known_as_one(run, library, origin, repo, trees, dest, tmp_path):
    """Offline the library takes what lies there for the whole, unless a record of the commit says
    what else there is."""
    source = source_of(repo.kind, repo.refs[MAIN])
    env = {"HF_ENDPOINT": origin.endpoint}
    result = run(2, "get", "--include", "*.json", source, dest, env=env)
    assert_printed(result, dest)
    origin.reset()
    ask = dict(repo_id=NAME, revision=repo.refs[MAIN], local_dir=dest, cache_dir=tmp_path / "cache")
    library_there = library(LATEST, offline=True)
    answer = library_there.ask("snapshot_download", local_files_only=True, **ask)
    assert answer.error and answer.error["class"] == "IncompleteSnapshotError", answer
    answer = library_there.ask("snapshot_download", **ask)
    assert answer.error and "LocalEntryNotFoundError" in answer.error["bases"], answer
    assert library_there.tell("snapshot_download", allow_patterns="*.json", **ask) == str(dest)
    assert origin.log() == []


def test_record_of_the_commit_is_the_librarys(run, library, origin, repo, trees, dest, tmp_path):
    source = source_of(repo.kind, repo.refs[MAIN])
    env = {"HF_ENDPOINT": origin.endpoint}
    assert_printed(run(2, "get", "--include", "*.json", source, dest, env=env), dest)
    theirs = tmp_path / "theirs"
    ask = dict(repo_id=NAME, revision=repo.refs[MAIN], local_dir=theirs)
    library(LATEST).tell("snapshot_download", allow_patterns="*.json", **ask)
    name = f".cache/huggingface/trees/{repo.refs[MAIN]}.json"
    assert json.loads((dest / name).read_text()) == json.loads((theirs / name).read_text())
    for name in (".cache/huggingface/CACHEDIR.TAG", ".cache/huggingface/.gitignore"):
        assert (dest / name).read_bytes() == (theirs / name).read_bytes()


def test_whole_repository_and_no_trees_have_no_record(run, origin, repo, dest):
    env = {"HF_ENDPOINT": origin.endpoint}
    source = source_of(repo.kind, repo.refs[MAIN])
    assert_printed(run(2, "get", source, dest, env=env), dest)
    other = dest.parent / "part"
    words = ("--no-trees", "--include", "*.json")
    assert_printed(run(2, "get", *words, source, other, env=env), other)
    for place in (dest, other):
        assert not (place / ".cache/huggingface/trees").exists()


@pytest.mark.parametrize("version", KNOWING)
def test_what_the_library_fetched_is_adopted(library, origin, repo, trees, dest, run, version):
    """Nothing is fetched, nothing that the library wrote is changed, and it still finds all."""
    library(version).tell("snapshot_download", **ask_for(repo, "main", dest))
    origin.reset()
    before = stamps(dest), metadata(dest, LARGE)
    source = source_of(repo.kind, revision_of(repo, "main"))
    result = run(3, "get", source, dest, env={"HF_ENDPOINT": origin.endpoint})
    assert_printed(result, dest)
    assert "already up to date" in result.err
    assert data_requests(origin) == []
    assert (stamps(dest), metadata(dest, LARGE)) == before
    assert_content(dest, trees[MAIN])
    assert run(2, "verify", dest).code == 0
    again = run(2, "get", source, dest, env={"HF_ENDPOINT": origin.endpoint})
    assert again.code == 0 and "hashed" not in again.err, again
    origin.reset()
    library(version).tell("snapshot_download", **ask_for(repo, "main", dest))
    assert data_requests(origin) == []


def test_what_the_command_left_unfinished_is_completed(hf, origin, repo, trees, dest, run):
    done = hf("download", NAME, "--local-dir", dest, "--include", "*.safetensors", "-q")
    assert done.returncode == 0, done.stderr
    inode = os.stat(dest / LARGE).st_ino
    origin.reset()
    source = source_of(repo.kind, revision_of(repo, "main"))
    result = run(2, "get", source, dest, env={"HF_ENDPOINT": origin.endpoint})
    assert_printed(result, dest)
    assert origin.log("cdn") == []
    assert os.stat(dest / LARGE).st_ino == inode
    assert_content(dest, trees[MAIN])
    assert os.listdir(dest.parent) == [dest.name]


def test_update_by_the_library_is_adopted(library, origin, repo, trees, publish, run, tmp_path):
    """Our record then speaks of files that are no longer there."""
    dest = publish(repo, "v1")
    ask = dict(**ask_for(repo, "main", dest), cache_dir=tmp_path / "cache")
    library(LATEST).tell("snapshot_download", **ask)
    origin.reset()
    before = stamps(dest)
    source = source_of(repo.kind, revision_of(repo, "main"))
    result = run(2, "get", source, dest, env={"HF_ENDPOINT": origin.endpoint})
    assert_printed(result, dest)
    assert "must be hashed first" in result.err
    assert data_requests(origin) == []
    assert stamps(dest) == before
    assert_content(dest, trees[MAIN])
    assert run(2, "verify", dest).code == 0
