"""Two names that the file system takes for one: the run says which, and shows nothing."""

import os

import pytest
from conftest import MIB, noise
from trees import assert_nothing, digests, files_of, write_tree

SOURCE = "hf://acme/demo"
NAMES = {
    "capital": ("\u00c9.txt", "\u00e9.txt"),
    "two forms": ("e\u0301.txt", "\u00e9.txt"),
    "in a directory": ("a/\u00c9.txt", "a/\u00e9.txt"),
    "directories": ("\u00c9/a.txt", "\u00e9/b.txt"),
    "directories further down": ("a/\u00c9/a.txt", "a/\u00e9/b.txt"),
    "a file and a directory": ("\u00c9/a.txt", "\u00e9"),
}
SIZES = {"empty": 0, "small": 40, "one segment": MIB + 1, "large": 3 * MIB}


def twins_of(names):
    """As the sentence has them."""
    parts = [name.split("/") for name in names]
    depth = next(i for i, (a, b) in enumerate(zip(*parts, strict=False)) if a != b)
    return ["/".join(part[: depth + 1]) for part in parts]


def assert_refused(result, names, dest):
    assert result.code == 5, result
    assert all(f"'{name}'" in result.err for name in twins_of(names)), result
    assert "would be the same file" in result.err
    assert_nothing(dest)


def add(hub, tmp_path, name, files):
    return hub.add("acme/demo", write_tree(tmp_path / name, files))


@pytest.mark.parametrize("kind", SIZES)
@pytest.mark.parametrize("what", NAMES)
def test_twins(run, hub, tmp_path, folding, what, kind):
    first, second = NAMES[what]
    size = SIZES[kind]
    add(hub, tmp_path, "twins", {first: noise(size, 1), second: noise(size and size - 1, 2)})
    env = {"HF_ENDPOINT": hub.endpoint}
    words = ("--segment-size", 2 * MIB, SOURCE, folding / "out")
    assert_refused(run(1, "get", *words, env=env), NAMES[what], folding / "out")


@pytest.mark.parametrize("scratch", ["none", "scratch"])
def test_twins_of_several_ranks(run, hub, tmp_path, folding, scratch):
    """Whoever makes the second name says so; and so does the next run, which finds the first."""
    files = {f"{name}-{i}": noise(MIB + i, name) for name in NAMES["capital"] for i in range(6)}
    add(hub, tmp_path, "twins", files)
    (tmp_path / "scratch").mkdir()
    where = "none" if scratch == "none" else tmp_path / "scratch"
    for ranks in (3, 2):
        words = ("--segment-size", 2 * MIB, "--scratch", where, SOURCE, folding / "out")
        result = run(ranks, "get", *words, env={"HF_ENDPOINT": hub.endpoint})
        assert result.code == 5 and "would be the same file" in result.err, result
        assert_nothing(folding / "out")


@pytest.mark.parametrize("links", [True, False], ids=["symlinks", "copies"])
@pytest.mark.parametrize("what", NAMES)
def test_twins_in_a_cache(run, hub, tmp_path, folding, what, links):
    """Before anything is fetched."""
    commit = add(hub, tmp_path, "twins", {name: name.encode() for name in NAMES[what]})
    env = {"HF_ENDPOINT": hub.endpoint, "HF_HUB_CACHE": str(folding)}
    if not links:
        env["HF_HUB_DISABLE_SYMLINKS"] = "1"
    shown = folding / "models--acme--demo/snapshots" / commit.refs["refs/heads/main"]
    assert_refused(run(1, "get", "--hf-cache", SOURCE, env=env), NAMES[what], shown)
    assert hub.log("cdn") == [] and hub.log("resolve-cache") == []


@pytest.mark.parametrize("size", [10, 3 * MIB])
def test_an_update_adds_a_twin(run, hub, tmp_path, folding, size):
    """Of a file that is linked from the old tree; a large one is made before it, a small one after.
    In DEST the name seems to be there, with another content."""
    first, second = NAMES["capital"]
    old = {second: b"old\n", "same": b"same\n"}
    env = {"HF_ENDPOINT": hub.endpoint}
    add(hub, tmp_path, "old", old)
    assert run(1, "get", SOURCE, folding / "out", env=env).code == 0
    before = digests(files_of(folding / "out"))
    add(hub, tmp_path, "new", {**old, first: noise(size, 1)})
    options = ("--segment-size", MIB)
    for force in ((), ("--force",)):
        result = run(1, "get", *options, *force, SOURCE, folding / "out", env=env)
        assert result.code == 5 and "would be the same file" in result.err, result
    assert digests(files_of(folding / "out")) == before


def test_a_file_that_is_made_again(run, hub, tmp_path, folding):
    """After bytes with the wrong digest, under its own name."""
    tree = {"a.txt": b"small\n", "b.bin": noise(MIB + 1, 1), "dir/c.txt": b"deep\n"}
    add(hub, tmp_path, "tree", tree)
    troubles = [hub.trouble(kind=kind, times=1, flip=0) for kind in ("cdn", "resolve-cache")]
    result = run(1, "get", SOURCE, folding / "out", env={"HF_ENDPOINT": hub.endpoint})
    assert result.code == 0, result
    assert [trouble.hits for trouble in troubles] == [1, 1]
    assert digests(files_of(folding / "out")) == digests(tree)
    assert os.listdir(folding) == ["out"]
