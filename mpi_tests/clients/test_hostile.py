"""A cache that others write into too: what they leave there must not lead a run astray."""

import json
import os
from pathlib import Path

import pytest
from conftest import noise, write_tree
from readers import NAME, SOURCE, assert_printed, assert_same, folder_of, snapshot_of

pytest_plugins = "readers"


@pytest.fixture
def tree(tmp_path):
    """Two large files of one size, and some in a folder."""
    return write_tree(
        tmp_path / "tree",
        {
            "one.bin": noise(100_000, 1),
            "two.bin": noise(100_000, 2),
            "sub/small.json": b"{}\n",
            "sub/other.json": b"[]\n",
            "top.txt": b"top\n",
        },
    )


@pytest.fixture
def repo(origin, tree):
    return origin.add(NAME, tree, lfs_from=50_000)


@pytest.fixture
def get(run, origin, repo, tmp_path):
    def begin(*options, source=SOURCE, ranks=2, **more):
        env = {"HF_ENDPOINT": origin.endpoint, "HF_HUB_CACHE": str(tmp_path / "cache"), **more}
        return run(ranks, "get", "--hf-cache", *options, source, env=env)

    return begin


@pytest.fixture
def snapshot(get, repo, tmp_path):
    """The revision, whole."""
    found = snapshot_of(tmp_path / "cache", repo)
    assert_printed(get(), found)
    return found


def test_symlink_for_a_folder_of_the_snapshot(get, snapshot, tmp_path):
    """It leads to somebody's files, of which none may be replaced."""
    victim = write_tree(tmp_path / "victim", {"small.json": b"precious"})
    (snapshot / "sub/small.json").unlink()
    (snapshot / "sub/other.json").unlink()
    (snapshot / "sub").rmdir()
    (snapshot / "sub").symlink_to(victim)
    result = get()
    assert result.code == 5, result
    assert result.out == ""
    assert "sub" in result.err
    assert os.listdir(victim) == ["small.json"]
    assert (victim / "small.json").read_bytes() == b"precious"
    assert not (victim / "small.json").is_symlink()


@pytest.mark.parametrize("damage", ["file", "other blob", "short blob"])
@pytest.mark.parametrize("ranks", [1, 3])
def test_check_hashes_what_readers_see(get, snapshot, tree, ranks, damage):
    """Whatever the blob is like, it is the entry of the snapshot that counts."""
    entry = snapshot / "one.bin"
    blob = entry.resolve()
    if damage == "file":
        entry.unlink()
        entry.write_bytes(noise(100_000, 3))
    elif damage == "other blob":
        entry.unlink()
        entry.symlink_to(os.readlink(snapshot / "two.bin"))
    else:
        entry.unlink()
        entry.write_bytes((tree / "one.bin").read_bytes())
        os.truncate(blob, 10)
    result = get("--check", ranks=ranks)
    assert_printed(result, snapshot)
    assert_same(snapshot, tree)
    assert ("already up to date" in result.err) == (damage == "short blob")
    assert "already up to date" in get("--check", ranks=ranks).err


def test_check_asks_for_no_place(get, origin, snapshot):
    """What is hashed where it lies needs no signed URL."""
    origin.reset()
    assert "already up to date" in get("--check").err
    assert {row["kind"] for row in origin.log()} <= {"api-revision", "api-tree"}


@pytest.mark.parametrize("what", ["refs/main", "trees"])
def test_pipe_in_the_place_of_a_file(get, run, repo, snapshot, tree, what):
    """Nobody writes into it, and nobody may wait for that."""
    folder = snapshot.parent.parent
    path = folder / what if what != "trees" else next((folder / "trees").iterdir())
    path.unlink()
    os.mkfifo(path)
    verified = run(2, "verify", snapshot)
    assert verified.code == (5 if what == "trees" else 0), verified
    assert_printed(get(), snapshot)
    assert path.is_file()
    assert_same(snapshot, tree)


@pytest.mark.parametrize("source, words", [(f"{SOURCE}/nosuch", []), (SOURCE, ["--include", "zz*"])])
def test_offline_and_nothing_of_it(get, snapshot, source, words):
    result = get(*words, source=source, HF_HUB_OFFLINE="1")
    assert result.code == 3, result
    assert result.out == ""


@pytest.mark.parametrize("check", [[], ["--check"]])
def test_offline(get, origin, snapshot, check):
    """What is there is success without a request; what is not, or is wrong, is exit 3."""
    origin.reset()
    assert_printed(get(*check, HF_HUB_OFFLINE="1"), snapshot)
    entry = snapshot / "one.bin"
    blob = entry.resolve()
    if check:
        blob.write_bytes(noise(100_000, 9))
    else:
        entry.unlink()
    result = get(*check, HF_HUB_OFFLINE="1")
    assert result.code == 3, result
    assert "HF_HUB_OFFLINE" in result.err
    assert origin.log() == []


@pytest.mark.parametrize(
    "name, size", [("../../evil", 3), ("/evil", 3), ("top.txt", 1 << 54), ("a\nb", 3)]
)
def test_hostile_record(run, snapshot, name, size):
    path = next((snapshot.parent.parent / "trees").iterdir())
    record = json.loads(path.read_text())
    oid = "0123456789abcdef0123456789abcdef01234567"
    record["files"][name] = {"size": size, "blob_id": oid}
    path.write_text(json.dumps(record))
    result = run(2, "verify", snapshot)
    assert result.code == (4 if name == "top.txt" else 5), result
    assert result.out == ""


def test_odd_entries_are_all_named(run, snapshot):
    """None ends the look at the others."""
    (snapshot / "link").symlink_to(snapshot / "sub")
    os.mkfifo(snapshot / "pipe")
    (snapshot / "one.bin").unlink()
    result = run(2, "verify", snapshot)
    assert result.code == 4, result
    for path in ("link", "pipe", "one.bin"):
        assert f"'{path}'" in result.err


def test_group_of_a_cache_that_became_setgid_later(get, run, repo, origin, tmp_path):
    """The library made .locks before that."""
    cache = tmp_path / "cache"
    (cache / ".locks").mkdir(parents=True)
    os.chown(cache, -1, 12345)
    os.chmod(cache, 0o2775)
    assert get().code == 0
    for path in [cache / folder_of(), *Path(cache, folder_of()).rglob("*")]:
        assert path.lstat().st_gid == 12345, path
