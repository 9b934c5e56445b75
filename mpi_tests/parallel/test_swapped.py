"""What is swapped while it is used: a directory of this user's for one of somebody else's, in a parent
that both may write to, and a file of a source."""

import os
import shutil

import pytest
from conftest import MIB, noise, write_tree
from trees import assert_nothing, assert_same, snapshot

SOURCE = "hf://acme/demo"
STEPS = os.environ["MPIFETCH_STEPS"]
STRANGER = 4322
RANKS = 2


@pytest.fixture
def tree(hub, tmp_path):
    files = {"sub/weights.bin": noise(9 * MIB, 3), "sub/large.bin": noise(17 * MIB, 4)}
    root = write_tree(tmp_path / "tree", files)
    hub.add("acme/demo", root)
    return root


def swap(staging, elsewhere):
    """What he has made looks the same, but leads to files that he may not write to."""
    gone = staging.with_name(".gone")
    staging.rename(gone)
    shutil.copytree(gone, staging)
    for sub in staging.glob("run-*/tree/sub"):
        shutil.rmtree(sub)
        sub.symlink_to(elsewhere)
    for folder, folders, names in os.walk(staging):
        for name in (".", *folders, *names):
            os.chown(os.path.join(folder, name), STRANGER, -1, follow_symlinks=False)
        os.chmod(folder, 0o777)


# when: the name that rank 0 has just made
@pytest.mark.parametrize(
    "layout, when",
    [
        ((), "*/journal"),
        ((), "*/tree/sub"),
        (("--hf-cache",), "*/journal"),
        (("--hf-cache",), "*/link"),
    ],
    ids=["directory, rank 0", "directory, rank 1", "cache, rank 0", "cache, rank 1"],
)
def test_staging(start, hub, tree, dest, tmp_path, layout, when):
    held, gate, elsewhere = (tmp_path / name for name in ("held", "gate", "elsewhere"))
    write_tree(elsewhere, {"weights.bin": b"of the victim"})
    steps = {
        "LD_PRELOAD": STEPS,
        "STEPS_BELOW": str(dest.parent),
        "STEPS_HOLD": when,
        "STEPS_HELD": str(held),
        "STEPS_GATE": str(gate),
    }
    words = ("get", *layout, "--segment-size", MIB, SOURCE, dest)
    job = start(RANKS, *words, env={"HF_ENDPOINT": hub.endpoint}, each=[steps, {}])
    job.wait_until(held.exists)
    [staging] = (dest / "models--acme--demo" if layout else dest.parent).glob(".*mpifetch-*")
    swap(staging, elsewhere)
    before = snapshot(staging), snapshot(elsewhere)
    gate.touch()
    result = job.wait()
    # rank 0 has held the one that it made, and knows that its name leads to another
    rank_0 = when == "*/journal"
    assert result.code == (5 if rank_0 else 7), result
    assert ("is not this user's" if rank_0 else "was taken over") in result.err, result
    assert hub.log("cdn") == []
    [left] = [place for place in staging.parent.glob(".*mpifetch-*") if place != staging] or [staging]
    after = snapshot(left), snapshot(elsewhere)
    assert [len(part) for part in after] == [len(part) for part in before]
    assert after[1] == before[1]
    assert left.stat().st_uid == STRANGER


@pytest.mark.parametrize("owner, followed", [(STRANGER, False), (0, True)])
def test_folder_of_a_cache(run, hub, tree, dest, tmp_path, owner, followed):
    """Who shares a cache may have made the link himself, or its owner, and nobody else."""
    dest.mkdir()
    dest.chmod(0o777)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    folder = dest / "models--acme--demo"
    folder.symlink_to(elsewhere)
    os.chown(folder, owner, -1, follow_symlinks=False)
    result = run(1, "get", "--hf-cache", SOURCE, dest, env={"HF_ENDPOINT": hub.endpoint})
    if followed:
        assert result.code == 0, result
        assert len(os.listdir(elsewhere / "blobs")) == 2
    else:
        assert result.code == 5, result
        assert "that another user has made" in result.err
        assert os.listdir(elsewhere) == [] and hub.log("cdn") == []


# a file of the source


def test_file_that_is_replaced_while_it_is_read(run, dest, tmp_path):
    """It stays open from one segment to the next, so the one that was listed could be read to its
    end."""
    tree = write_tree(tmp_path / "tree", {"large.bin": noise(8 * MIB, 32)})
    write_tree(tmp_path / "tree", {"large.bin~": noise(8 * MIB, 33)})
    swap = {"STEPS_BELOW": str(dest.parent), "STEPS_SWAP": str(tree / "large.bin")}
    env = {"LD_PRELOAD": STEPS, **swap}
    words = ("--include", "large.bin", "--segment-size", MIB, "--scratch", "none")
    result = run(1, "get", *words, f"file://{tree}", dest, env=env)
    assert result.code == 3 and f"'{tree}/large.bin' changed while it was read" in result.err, result
    assert_nothing(dest)
    again = run(1, "get", *words, f"file://{tree}", dest)
    assert again.code == 0, again
    assert_same(dest, tree)
