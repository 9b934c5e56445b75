"""Others at DEST: files that somebody put there, other runs, the shell that stands in it."""

import os

import pytest
from conftest import MIB, noise, write_tree
from trees import assert_alone, assert_nothing, assert_same, assert_verifiable, snapshot

SOURCE = "hf://acme/demo"
FILES = {"config.json": b"{}\n", "sub/weights.bin": noise(9 * MIB, 3)}
CHANGES = {"config.json": b"{1}\n"}


@pytest.mark.parametrize("words", [(), ("--versions",)], ids=["directory", "versions"])
def test_update_does_not_take_away_what_somebody_put_there(run, hub, tree, dest, change, words):
    assert run(2, "get", *words, SOURCE, dest, env=hub.env).code == 0
    write_tree(dest, {"ckpt/step-1.pt": b"ten days of work"})
    before = snapshot(dest)
    changed = change()
    result = run(2, "get", *words, SOURCE, dest, env=hub.env)
    assert result.code == 5, result
    assert "ckpt/step-1.pt" in result.err and "--force" in result.err
    assert snapshot(dest) == before
    assert hub.log("cdn") == []
    result = run(2, "get", "--force", *words, SOURCE, dest, env=hub.env)
    assert result.code == 0, result
    assert_same(dest, changed)


def test_with_nothing_to_do_guests_do_not_matter(run, hub, tree, dest):
    assert run(1, "get", SOURCE, dest, env=hub.env).code == 0
    write_tree(dest, {"notes.txt": b"mine"})
    result = run(2, "get", SOURCE, dest, env=hub.env)
    assert result.code == 0, result
    assert (dest / "notes.txt").read_bytes() == b"mine"


def test_files_that_an_update_drops_are_counted(run, hub, tree, dest):
    assert run(2, "get", SOURCE, dest, env=hub.env).code == 0
    result = run(2, "get", "--include", "*.json", SOURCE, dest, env=hub.env)
    assert result.code == 0, result
    assert "1 file of the previous tree removed: " in result.err
    assert_same(dest, tree, keep=lambda path: path.endswith(".json"))


@pytest.mark.parametrize("words", [(), ("--versions",)], ids=["directory", "versions"])
def test_runs_that_publish_the_same_at_once_all_succeed(start, hub, tree, dest, words):
    jobs = [start(2, "get", *words, SOURCE, dest, env=hub.env) for _ in range(3)]
    for job in jobs:
        result = job.wait()
        assert result.code == 0, result
        assert result.out == f"{dest}\n"
    assert_same(dest, tree)
    assert_verifiable(dest)
    if not words:
        assert_alone(dest)


def test_current_directory_is_not_renamed_away(run, hub, tree, dest):
    dest.mkdir(parents=True)
    result = run(2, "get", SOURCE, ".", env=hub.env, cwd=dest)
    assert result.code == 2, result
    assert "current directory" in result.err
    assert os.listdir(dest) == []


def test_plan_needs_no_destination(run, hub, tree):
    result = run(2, "plan", SOURCE, env=hub.env)
    assert result.code == 0, result
    assert "sub/weights.bin" in result.out and "to fetch: 2 files" in result.out


@pytest.mark.parametrize("option", ["--report", "--trace"])
def test_figures_that_could_not_be_written_are_told_first(run, hub, tree, dest, option):
    result = run(2, "get", option, dest.parent / "none" / "x", SOURCE, dest, env=hub.env)
    assert result.code == 2, result
    assert option in result.err
    assert hub.log() == []
    assert_nothing(dest)


@pytest.mark.parametrize("words", [(), ("--versions",)], ids=["directory", "versions"])
def test_updates_at_once_all_succeed(start, run, hub, tree, dest, tmp_path, words):
    assert run(1, "get", *words, SOURCE, dest, env=hub.env).code == 0
    files = {**FILES, "config.json": b"{2}\n", "added/file": noise(5 * MIB, 4)}
    added = write_tree(tmp_path / "added", files)
    hub.add("acme/demo", added)
    jobs = [start(2, "get", *words, SOURCE, dest, env=hub.env) for _ in range(3)]
    for job in jobs:
        result = job.wait()
        assert result.code == 0, result
    assert_same(dest, added)
    assert_verifiable(dest)
