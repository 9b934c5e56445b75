"""mpifetch get --per-node DIR where all ranks are on one node: the same as without it, with DIR for
DEST, whatever the number of ranks."""

import os
import re

import pytest
from conftest import MIB, noise
from files import Files
from trees import (
    assert_alone,
    assert_nothing,
    assert_only_state,
    assert_same,
    assert_verifiable,
    noted,
    sha256_of,
    snapshot,
)

SOURCE = "hf://acme/demo"
FILES = {
    "model-1.safetensors": noise(5 * MIB + 17, 1),
    "model-2.safetensors": noise(3 * MIB, 2),
    "config.json": b'{"layers": 2}\n',
    "empty": b"",
    "a/b/deep.txt": b"deep\n",
    **{f"many/part-{i:02}.txt": b"part %d\n" % i for i in range(20)},
}
CHANGES = {"model-2.safetensors": noise(3 * MIB + 1, 3), "config.json": b'{"layers": 3}\n'}


@pytest.fixture
def get(run, hub, dest):
    """get(*words, ranks=3) -> Result"""

    def begin(*words, ranks=3, source=SOURCE, place=dest, **env):
        env = {"HF_ENDPOINT": hub.endpoint, "MPIFETCH_SEGMENT_SIZE": str(MIB), **env}
        source = [source] if source else []
        return run(ranks, "get", "--per-node", place, *words, *source, env=env)

    return begin


def assert_there(result, dest, tree):
    assert result.code == 0, result
    assert result.out == f"{dest}\n", result
    assert_same(dest, tree)
    assert_verifiable(dest)
    assert_alone(dest)


@pytest.mark.parametrize("ranks", [0, 1, 2, 5])
def test_one_tree_for_all_ranks(get, tree, dest, ranks):
    result = get(ranks=ranks)
    assert_there(result, dest, tree)
    moved, total = result.report["bytes"], sum(map(len, FILES.values()))
    assert moved["fetched"] - moved["duplicated"] == moved["published"] == total
    assert len(result.report["ranks"]) == max(1, ranks)


def test_by_the_environment(run, hub, tree, dest):
    env = {"HF_ENDPOINT": hub.endpoint, "MPIFETCH_PER_NODE": str(dest)}
    assert_there(run(2, "get", SOURCE, env=env), dest, tree)


@pytest.mark.parametrize("kind", ["http", "file"])
def test_other_sources(get, tree, dest, kind, tmp_path):
    if kind == "file":
        assert_there(get(source=f"file://{tree}"), dest, tree)
        return
    with Files(tree) as files:
        list_ = tmp_path / "list"
        rows = [f"{sha256_of(data)}  {path}\n" for path, data in FILES.items()]
        list_.write_text("".join(rows))
        result = get("--manifest", list_, "--base", f"{files.url}/", source="")
        assert_there(result, dest, tree)


def test_what_is_there_is_not_fetched(get, hub, tree, dest):
    assert get().code == 0
    before = snapshot(dest)
    hub.reset()
    result = get()
    assert result.code == 0 and result.report["unchanged"], result
    assert hub.file_requests() == []
    assert snapshot(dest) == before


def test_only_what_changed_is_fetched(get, change, tree, dest):
    assert get().code == 0
    assert_there(get(), dest, tree)
    changed = change()
    result = get()
    assert_there(result, dest, changed)
    assert result.report["bytes"]["reused"] == sum(
        len(data) for path, data in FILES.items() if path not in CHANGES
    )
    moved = result.report["bytes"]
    assert moved["fetched"] - moved["duplicated"] == sum(map(len, CHANGES.values()))


def test_the_same_command_goes_on(get, start, hub, tree, dest):
    """After a kill, with another number of ranks."""
    held = hub.trouble(kind="cdn", skip=4, hold=True)
    env = {"HF_ENDPOINT": hub.endpoint, "MPIFETCH_SEGMENT_SIZE": str(MIB)}
    job = start(3, "get", "--per-node", dest, SOURCE, env=env)
    assert hub.troubles.wait(held)
    job.wait_until(lambda: noted(dest.parent) >= MIB)
    job.kill()
    assert_only_state(dest, orderly=False)
    hub.troubles.clear()
    hub.troubles.release()
    result = get(ranks=2)
    assert_there(result, dest, tree)
    moved = result.report["bytes"]
    assert moved["resumed"] >= MIB
    assert moved["fetched"] - moved["duplicated"] + moved["resumed"] == moved["published"]


def test_foreign_files_are_not_touched(get, hub, tree, dest):
    dest.mkdir()
    (dest / "mine.txt").write_text("mine\n")
    before = snapshot(dest)
    result = get()
    assert result.code == 5, result
    assert "mine.txt" in result.err and "--force" in result.err
    assert hub.file_requests() == []
    assert snapshot(dest) == before


USES = [
    ("with a cache", ("--per-node", "DIR", "--hf-cache", SOURCE), "hf-cache"),
    ("without a source", ("--per-node", "DIR"), "SOURCE"),
    ("empty", ("--per-node", "", SOURCE), "--per-node"),
]


@pytest.mark.parametrize("words, says", [row[1:] for row in USES], ids=[row[0] for row in USES])
def test_refused(run, hub, tree, dest, words, says):
    words = [str(dest) if word == "DIR" else word for word in words]
    result = run(2, "get", *words, env={"HF_ENDPOINT": hub.endpoint})
    assert result.code == 2, result
    assert says in result.err and result.out == ""
    assert hub.log() == []
    assert_nothing(dest)
    assert os.listdir(dest.parent) == []


def test_digests_are_checked(get, hub, tree, dest):
    """A file that arrives wrong every time is not published."""
    trouble = hub.trouble(kind="cdn", flip=0)
    result = get()
    assert result.code == 4 and trouble.hits, result
    assert re.search(r"model-[12]\.safetensors", result.err), result
    assert_only_state(dest)
    assert not dest.exists()
