"""mpifetch and the library fill one cache at the same time, fifty times over for each version."""

from pathlib import Path

import pytest
from conftest import noise, write_tree
from readers import (
    NAME,
    SOURCE,
    VERSIONS,
    assert_printed,
    assert_same,
    content_of,
    folder_of,
    snapshot_of,
)

pytest_plugins = "readers"

ROUNDS = 50
STEPS = 5  # requests of who began until the other begins; either makes more than these
STATES = ("empty", "part", "old")


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """(old, new): few files, so that most of a round is spent where the two meet."""

    def files(mark):
        return {
            "shared.bin": noise(100_000, 1),
            "a/own.bin": noise(100_000, mark),
            "a/b/copy.bin": noise(100_000, mark),
            "config.json": b'{"mark": "%s"}\n' % mark.encode(),
            "LICENSE": b"as is\n",
            "empty": b"",
        }

    top = tmp_path_factory.mktemp("small")
    return [write_tree(top / mark, files(mark)) for mark in ("old", "new")]


def rounds():
    """Who begins, when the other one does, and what is there: each with each in turn."""
    for i in range(ROUNDS):
        yield i, i % 2 == 0, 1 + i // 2 % STEPS, STATES[i % len(STATES)]


def prepare(library, state, cache):
    ask = dict(repo_id=NAME, cache_dir=cache)
    if state == "part":
        library.tell("snapshot_download", allow_patterns=["*.json", "shared.*"], **ask)
    elif state == "old":
        library.tell("snapshot_download", revision="v1", **ask)


@pytest.mark.parametrize("version", VERSIONS)
def test_at_the_same_time(library, origin, start, small, tmp_path, version):
    old, new = small
    origin.add(NAME, old, "refs/tags/v1", lfs_from=50_000)
    repo = origin.add(NAME, new)
    one, reader = library(version), library(version, offline=True)
    for i, library_first, after, state in rounds():
        where = f"round {i}, {state} cache, {'library' if library_first else 'mpifetch'} first"
        cache = tmp_path / f"cache-{i}"
        ask = dict(repo_id=NAME, cache_dir=cache)
        env = {"HF_ENDPOINT": origin.endpoint, "HF_HUB_CACHE": str(cache)}
        prepare(one, state, cache)
        origin.reset()
        if library_first:
            one.begin("snapshot_download", **ask)
            assert origin.requests.wait(after), where
        job = start(2, "get", "--hf-cache", SOURCE, env=env)
        if not library_first:
            assert origin.requests.wait(after), where
            one.begin("snapshot_download", **ask)
        found = content_of(one.end(), where)
        snapshot = snapshot_of(cache, repo)
        assert_printed(job.wait(), snapshot)
        assert found == str(snapshot), where
        assert_same(snapshot, new)
        if state == "old":
            assert_same(snapshot_of(cache, repo, "refs/tags/v1"), old)
        assert reader.tell("snapshot_download", **ask) == found, where
        assert_clean(one, cache, where)
        job.close()


def assert_clean(library, cache, where):
    assert library.tell("scan", cache_dir=cache)["warnings"] == [], where
    folder = Path(cache, folder_of())
    left = {path.name for path in folder.iterdir()} - {"blobs", "refs", "snapshots", "trees"}
    assert left <= {".no_exist"}, where
    assert all(len(path.name) in (40, 64) for path in (folder / "blobs").iterdir()), where
