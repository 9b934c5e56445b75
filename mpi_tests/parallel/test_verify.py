"""What was published, hashed where it lies by all ranks; and --check before it is taken over."""

import json
import os
import re

import pytest
from conftest import MIB
from trees import assert_same, assert_verifiable, record_of, snapshot

RANKS = (1, 2, 3, 5)
SOURCE = "hf://acme/demo"


@pytest.fixture
def published(run, hub, model, dest):
    """publish(*options) -> Result, of the model at dest."""
    hub.add("acme/demo", model)

    def publish(*options, ranks=2):
        args = ("get", "--segment-size", 4 * MIB, *options, SOURCE, dest)
        result = run(ranks, *args, env={"HF_ENDPOINT": hub.endpoint})
        assert result.code == 0, result
        return result

    publish()
    hub.reset()
    return publish


def flip(path, at):
    """One bit, and the time as it was: what a tired disk does."""
    stood = path.stat()
    with open(path, "r+b") as file:
        file.seek(at)
        byte = file.read(1)
        file.seek(at)
        file.write(bytes([byte[0] ^ 1]))
    os.utime(path, ns=(stood.st_atime_ns, stood.st_mtime_ns))


def faults(result):
    """path -> what is said of it, of the lines that begin with a path."""
    found = {}
    for line in result.err.splitlines():
        if line.startswith("mpifetch: '") and "': " in line:
            path, _, what = line.removeprefix("mpifetch: '").partition("': ")
            assert path not in found, line
            found[path] = what
    return found


@pytest.mark.parametrize("ranks", RANKS)
def test_good(run, hub, published, dest, ranks):
    before = snapshot(dest)
    result = run(ranks, "verify", dest)
    assert result.code == 0, result
    assert result.out == f"{dest}\n"
    assert faults(result) == {}
    assert snapshot(dest) == before
    assert hub.log() == []
    assert result.report["path"] == str(dest)
    assert result.report["bytes"]["fetched"] == 0


@pytest.mark.parametrize("ranks", RANKS)
def test_all_that_is_wrong(run, hub, published, dest, ranks):
    """A bit in the first and in the last segment of large files, in a small one, a file cut short,
    one that is gone, one that is a directory, and one too many."""
    flip(dest / "model-1.safetensors", 3)
    flip(dest / "model-2.safetensors", 20 * MIB - 1)
    flip(dest / "config.json", 5)
    os.truncate(dest / "just-lfs.bin", MIB - 1)
    (dest / "one-byte").unlink()
    (dest / "a/b/c/d/deep.txt").unlink()
    (dest / "a/b/c/d/deep.txt").mkdir()
    (dest / "many" / "stranger").write_bytes(b"?")
    (dest / "loose").symlink_to("nowhere")
    result = run(ranks, "verify", dest)
    assert result.code == 4, result
    assert result.out == ""
    found = faults(result)
    assert {path for path, what in found.items() if "SHA-256" in what} == {
        "model-1.safetensors",
        "model-2.safetensors",
        "config.json",
    }
    assert "size" in found.pop("just-lfs.bin")
    assert found.pop("one-byte") == "missing"
    assert found.pop("a/b/c/d/deep.txt") == "not a regular file"
    assert "not in the record" in found.pop("many/stranger")
    assert "not in the record" in found.pop("loose")
    assert len(found) == 3
    assert f"'{dest}' failed verification" in result.err
    assert "5 wrong, 1 missing, 2 not in the record" in result.err
    assert hub.log() == []


def test_patterns(run, published, dest):
    flip(dest / "config.json", 0)
    (dest / "stranger.txt").write_bytes(b"?")
    assert run(2, "verify", "--include", "*.safetensors", dest).code == 0
    assert run(2, "verify", "--exclude", "config.json", "--exclude", "*.txt", dest).code == 0
    wrong = run(2, "verify", "--include", "*.json", dest)
    assert wrong.code == 4
    assert re.search(r" failed verification: of \d+ files? 1 wrong\n", wrong.err), wrong
    none = run(2, "verify", "--include", "nothing", dest)
    assert none.code == 2 and "no file" in none.err, none


def test_versioned(run, published, dest, tmp_path):
    """DEST is a symlink."""
    other = tmp_path / "out" / "other"
    published("--versions")
    result = run(2, "get", "--versions", f"file://{dest}", other)
    assert result.code == 0, result
    assert other.is_symlink()
    assert run(2, "verify", other).code == 0
    flip(other / "config.json", 0)
    assert "config.json" in faults(run(2, "verify", other))


@pytest.mark.parametrize("damage", ["nothing", "no record", "torn", "hostile"])
def test_without_a_record(run, published, dest, tmp_path, damage):
    """Exit 5 and a sentence; nothing outside is ever opened."""
    record = record_of(dest) / "manifest.json"
    if damage == "no record":
        record.unlink()
    elif damage == "torn":
        record.write_bytes(record.read_bytes()[:-20])
    elif damage == "hostile":
        made = json.loads(record.read_text())
        made["files"][0]["path"] = "../../escape"
        record.write_text(json.dumps(made))
    where = tmp_path / "none" if damage == "nothing" else dest
    result = run(3, "verify", where)
    assert result.code == 5, result
    assert result.out == ""
    assert "cannot verify" in result.err


@pytest.mark.parametrize(
    "args, words",
    [
        ([], "missing DEST"),
        (["--force", "a"], "--force"),
        (["--hf-cache", "a"], "--hf-cache"),
    ],
)
def test_usage(run, args, words):
    result = run(2, "verify", *args)
    assert result.code == 2, result
    assert words in result.err


@pytest.mark.parametrize("ranks", [1, 3])
def test_check(hub, published, model, dest, ranks):
    """Without it size and time are believed; with it what is wrong is fetched, and no more."""
    flip(dest / "model-1.safetensors", 9 * MIB)
    flip(dest / "config.json", 1)
    published(ranks=ranks)
    assert [row for row in hub.log() if row["kind"] in ("cdn", "resolve", "resolve-cache")] == []
    result = published("--check", ranks=ranks)
    assert_same(dest, model)
    assert_verifiable(dest)
    sent = sum(row["bytes"] for row in hub.log("cdn"))
    again = result.report["requests"]["cut"] * 4 * MIB
    assert 20 * MIB + 17 <= sent <= 20 * MIB + 17 + again
    assert "'config.json'" in result.err and "'model-1.safetensors'" in result.err
    hub.reset()
    assert "already up to date" in published("--check", ranks=ranks).err


def test_check_without_digests_of_the_source(run, published, dest, tmp_path):
    """A tree of files: the record of the run before is what they are held against."""
    other = tmp_path / "out" / "other"
    assert run(2, "get", f"file://{dest}", other).code == 0
    flip(other / "model-2.safetensors", 7)
    assert "already up to date" in run(2, "get", f"file://{dest}", other).err
    assert run(2, "verify", other).code == 4
    checked = run(2, "get", "--check", f"file://{dest}", other)
    assert checked.code == 0, checked
    assert run(2, "verify", other).code == 0
