"""Killed after each step of publishing into a cache, and on a file system without symlinks."""

import os
import shutil
import signal
from pathlib import Path

import pytest
from conftest import noise, write_tree
from readers import (
    LATEST,
    NAME,
    SOURCE,
    VERSIONS,
    assert_printed,
    assert_same,
    folder_of,
    snapshot_of,
)

pytest_plugins = "readers"

STEPS = os.environ["MPIFETCH_STEPS"]
MOST = 60  # far more than a repository of this size takes


@pytest.fixture(scope="module")
def revisions(tmp_path_factory):
    def files(mark):
        return {
            "same.bin": noise(100_000, 1),
            "a/other.bin": noise(100_000, mark),
            "config.json": b'{"mark": "%s"}\n' % mark.encode(),
        }

    top = tmp_path_factory.mktemp("revisions")
    return [write_tree(top / mark, files(mark)) for mark in ("old", "new")]


def environment(origin, cache, **steps):
    env = {"HF_ENDPOINT": origin.endpoint, "HF_HUB_CACHE": str(cache)}
    shim = {"LD_PRELOAD": STEPS, "STEPS_BELOW": str(cache)}
    return {**env, **shim, **{key: str(one) for key, one in steps.items()}} if steps else env


@pytest.mark.parametrize("before", ["nothing", "old revision", "old revision in part"])
def test_killed_after_each_step(library, origin, start, run, revisions, tmp_path, before):
    """A reader sees what was there before or all of the new revision, and never a complaint; the
    next run finishes."""
    old, new = revisions
    first = origin.add(NAME, old)
    origin_cache = tmp_path / "before"
    origin_cache.mkdir()
    if before != "nothing":
        words = ["--include", "*.json"] if "part" in before else []
        result = run(0, "get", "--hf-cache", *words, SOURCE, env=environment(origin, origin_cache))
        assert result.code == 0, result
    stood = first.refs["refs/heads/main"]
    repo = origin.add(NAME, new)
    reader = library(LATEST, offline=True)
    seen_old = seen_new = 0
    for step in range(1, MOST):
        cache = tmp_path / f"cache-{step}"
        shutil.copytree(origin_cache, cache, symlinks=True)
        job = start(0, "get", "--hf-cache", SOURCE, env=environment(origin, cache, STEPS_KILL=step))
        result = job.wait()
        where = f"step {step}: {result}"
        assert result.code in (0, -signal.SIGKILL), where
        ref = Path(cache, folder_of(), "refs", "main")
        if ref.exists() and ref.read_text() == stood:
            seen_old += 1
            found = Path(cache, folder_of(), "snapshots", stood)
            assert_same(found, old, lambda path: "part" not in before or path.endswith(".json"))
        elif ref.exists():
            seen_new += 1
            found = reader.tell("snapshot_download", repo_id=NAME, cache_dir=cache)
            assert found == str(snapshot_of(cache, repo)), where
            assert_same(found, new)
        else:
            assert before == "nothing", where
        by_hash = snapshot_of(cache, repo)
        if by_hash.exists():
            assert_same(by_hash, new)
        if Path(cache, folder_of()).exists():
            assert reader.tell("scan", cache_dir=cache)["warnings"] == [], where
        again = run(0, "get", "--hf-cache", SOURCE, env=environment(origin, cache))
        assert_printed(again, by_hash)
        assert reader.tell("snapshot_download", repo_id=NAME, cache_dir=cache) == str(by_hash)
        assert_same(by_hash, new)
        job.close()
        shutil.rmtree(cache)
        if result.code == 0:
            break
    else:
        raise AssertionError(f"still killed after {MOST} steps")
    assert step > 8 and seen_new > 1, (step, seen_new)
    assert before == "nothing" or seen_old > 3, seen_old


@pytest.mark.parametrize("version", VERSIONS)
def test_without_symlinks(library, origin, run, revisions, tmp_path, version):
    """As the library does there: files stand in the snapshot. Once more, and with what is new."""
    old, new = revisions
    repo = origin.add(NAME, old)
    cache = tmp_path / "cache"
    cache.mkdir()
    env = environment(origin, cache, STEPS_LINKLESS=1)
    reader = library(version, offline=True)
    for tree in (old, new):
        if tree is new:
            origin.add(NAME, new)
        snapshot = snapshot_of(cache, repo)
        assert_printed(run(2, "get", "--hf-cache", SOURCE, env=env), snapshot)
        assert_same(snapshot, tree)
        assert not any(path.is_symlink() for path in snapshot.rglob("*"))
        assert reader.tell("snapshot_download", repo_id=NAME, cache_dir=cache) == str(snapshot)
        assert reader.tell("scan", cache_dir=cache)["warnings"] == []
        assert_printed(run(2, "verify", snapshot), snapshot)
        again = run(2, "get", "--hf-cache", SOURCE, env=env)
        assert again.err.startswith("mpifetch: already up to date"), again
