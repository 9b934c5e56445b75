"""mpifetch clean: what dead runs left goes, what lives or is somebody's stays."""

import fcntl
import os
import shutil
import struct

import pytest
from conftest import MIB, noise, write_tree
from trees import assert_nothing, assert_same, files_of, live, snapshot

SOURCE = "hf://acme/demo"
FILES = {"large.bin": noise(6 * MIB + 1, 61), "small.txt": b"text\n"}


@pytest.fixture
def scratch(tmp_path):
    made = tmp_path / "scratch"
    made.mkdir()
    return made


@pytest.fixture
def killed(start, hub, tree, scratch):
    """Calls make a run that is killed once a segment has landed and another is on its way."""

    def make(*words, landed, ranks=2):
        stall = hub.trouble(kind="cdn", skip=2, stall=1000)
        args = ("get", "--segment-size", MIB, "--connections", 1, "--scratch", scratch, *words)
        job = start(ranks, *args, env={"HF_ENDPOINT": hub.endpoint})
        assert hub.troubles.wait(stall), job.result(None)
        job.wait_until(lambda: landed() and len(os.listdir(scratch)) == ranks)
        job.kill()
        hub.troubles.clear()

    return make


def states(folder):
    return sorted(name for name in os.listdir(folder) if ".mpifetch-" in name)


def journals(folder):
    """Whether a run below folder has noted a segment."""
    return any(path.stat().st_size for path in live(folder, ".*mpifetch-*/run-*/journal/*"))


def clean(run, path, *words, ranks=1):
    result = run(ranks, "clean", *words, path)
    assert result.out == ""
    return result


def test_a_destination(run, killed, scratch, dest):
    killed(SOURCE, dest, landed=lambda: journals(dest.parent))
    other = dest.parent / ".other.mpifetch-0123456789abcdef"
    (other / "run-abcdef").mkdir(parents=True)
    (other / "run-abcdef" / "released").touch()
    assert len(os.listdir(scratch)) == 2
    said = clean(run, dest, "--dry-run")
    assert said.code == 0 and "would remove 1 leftover directory\n" in said.err, said
    assert len(states(dest.parent)) == 2
    result = clean(run, dest, ranks=2)
    assert result.code == 0 and "removed 1 leftover directory\n" in result.err, result
    assert states(dest.parent) == [other.name]
    assert len(os.listdir(scratch)) == 2


def test_a_directory_of_destinations(run, killed, dest):
    killed(SOURCE, dest, landed=lambda: journals(dest.parent))
    [owner] = dest.parent.glob(".*/run-*/owner")
    for name in ("dead00", "unsure"):  # of doctor
        (dest.parent / f".mpifetch-doctor-{name}").mkdir()
    (dest.parent / ".mpifetch-doctor-dead00" / "owner").write_text(owner.read_text())
    (dest.parent / ".not-ours.mpifetch-abcdefg").mkdir()
    (dest.parent / ".mpifetch-notes").touch()
    result = clean(run, dest.parent)
    assert result.code == 0 and "removed 2 leftover directories, kept 1 " in result.err, result
    left = [".mpifetch-doctor-unsure", ".mpifetch-notes", ".not-ours.mpifetch-abcdefg"]
    assert states(dest.parent) == left


def test_scratch(run, killed, scratch, dest):
    killed(SOURCE, dest, landed=lambda: journals(dest.parent))
    (scratch / "mpifetch-ownership").mkdir()
    (scratch / "somebody").mkdir()
    assert len(os.listdir(scratch)) == 4
    result = clean(run, scratch, ranks=2)
    assert result.code == 0 and "removed 2 leftover directories\n" in result.err, result
    assert sorted(os.listdir(scratch)) == ["mpifetch-ownership", "somebody"]
    assert len(states(dest.parent)) == 1


def test_what_a_kill_of_clean_had_moved(run, killed, scratch, dest):
    """It was moved before clean knew whether that was what it had found, and is judged as it was."""
    killed(SOURCE, dest, landed=lambda: journals(dest.parent))
    [owner] = dest.parent.glob(".*/run-*/owner")
    shutil.rmtree(scratch)
    write_tree(
        scratch,
        {
            "mpifetch-moved1/taken/owner": owner.read_bytes(),
            "mpifetch-moved1/taken/deep/data": b"of a dead run",
            "mpifetch-moved2/taken/notes": b"of somebody",
        },
    )
    result = clean(run, scratch, "--dry-run")
    assert result.code == 0 and "would remove 1 leftover directory" in result.err, result
    result = clean(run, scratch)
    assert result.code == 0 and "removed 1 leftover directory" in result.err, result
    assert files_of(scratch) == {"mpifetch-moved2/taken/notes": b"of somebody"}
    assert os.listdir(scratch) == ["mpifetch-moved2"]


def test_a_cache(run, killed, tmp_path):
    cache = tmp_path / "cache"
    folder = cache / "models--acme--demo"
    killed("--hf-cache", SOURCE, cache, landed=lambda: journals(folder))
    assert len(states(folder)) == 1
    result = clean(run, cache)
    assert result.code == 0 and "removed 1 leftover directory\n" in result.err, result
    assert states(folder) == []


def test_others_with_names_like_ours(run, tmp_path, killed, dest):
    """Nothing says that mpifetch made them: they stay, and are named."""
    killed(SOURCE, dest, landed=lambda: journals(dest.parent))
    [owner] = dest.parent.glob(".*/run-*/owner")
    top = tmp_path / "work"
    files = {
        ".exp.mpifetch-backup/run-1/weights": "weeks of work",
        ".exp.mpifetch-backup/run-abcdef/weights": "weeks of work",
        ".exp.mpifetch-0123456789abcdef/run-abcdef/released": "",
        ".exp.mpifetch-0123456789abcdef/run-abcdef/notes": "",
        ".exp.mpifetch-notour/run-abcdef/owner": "me\n",
        "mpifetch-builds/released": "",
        "mpifetch-builds/program": "",
        ".mpifetch-doctor-visits/released": "",
    }
    for name, text in files.items():
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        (top / name).write_text(text)
    (top / ".exp.mpifetch-linked/run-abcdef").mkdir(parents=True)
    (top / ".exp.mpifetch-linked/run-abcdef/owner").symlink_to(owner)
    (top / ".exp.mpifetch-begins").mkdir()
    theirs = top / ".exp.mpifetch-theirs"
    (theirs / "run-abcdef").mkdir(parents=True)
    (theirs / "run-abcdef/owner").write_text(owner.read_text())
    os.chown(theirs, 65534, 65534)
    before = snapshot(top)
    result = clean(run, top)
    assert result.code == 0 and snapshot(top) == before, result
    for name in ("backup", "0123456789abcdef", "notour", "linked"):
        assert f"keeping '{top}/.exp.mpifetch-{name}/run-" in result.err, result
    assert f"keeping '{top}/mpifetch-builds'" in result.err, result


@pytest.fixture
def immutable():
    """immutable(path) makes a file so, until the test ends."""
    made = []

    def set_flags(fd, flags):
        fcntl.ioctl(fd, 0x40086602, struct.pack("l", flags))  # FS_IOC_SETFLAGS

    def make(path):
        fd = os.open(path, os.O_RDONLY)
        try:
            set_flags(fd, 0x10)
        except OSError as why:
            pytest.skip(f"needs a file system with immutable files: {why}")
        made.append(fd)

    yield make
    for fd in made:
        set_flags(fd, 0)
        os.close(fd)


def test_what_cannot_be_removed(run, hub, tmp_path, dest, immutable):
    """It is named with the reason, and the rest is removed; nothing grows with further runs."""
    env = {"HF_ENDPOINT": hub.endpoint}
    depths = set()
    for turn in range(4):
        files = {"a/fixed": b"%d" % turn, "a/other": b"-%d" % turn, "b": b"+%d" % turn}
        hub.add("acme/demo", write_tree(tmp_path / str(turn), files))
        result = run(1, "get", SOURCE, dest, env=env)
        assert result.code == 0, result
        assert_same(dest, tmp_path / str(turn))
        if turn == 0:
            immutable(dest / "a/fixed")
            continue
        assert "not all of '" in result.err, result
        assert "/a/fixed': Operation not permitted" in result.err, result
        [left] = [path for path in dest.parent.glob(".*mpifetch-*/**/fixed")]
        depths.add(len(left.parts))
        names = {path.name for path in left.parents[1].rglob("*")}
        assert names == {"a", "fixed"}
        assert len(states(dest.parent)) == 1
    assert len(depths) <= 2  # of the run that left it, and of all that tried again
    result = clean(run, dest)
    assert result.code == 5 and "fixed': Operation not permitted" in result.err, result


def test_a_folder_that_was_being_made(run, start, hub, tree, tmp_path):
    """Of a cache, in its directory of locks."""
    cache = tmp_path / "cache"
    steps = {
        "LD_PRELOAD": os.environ["MPIFETCH_STEPS"],
        "STEPS_BELOW": str(cache),
        "STEPS_STOP": "*/folder/snapshots",
    }
    env = {"HF_ENDPOINT": hub.endpoint}
    job = start(1, "get", "--hf-cache", SOURCE, cache, env=env, each=[steps])
    job.wait_until(lambda: live(cache, ".locks/.mpifetch-*/folder/snapshots"))
    job.kill()
    result = clean(run, cache)
    assert result.code == 0 and "removed 1 leftover directory\n" in result.err, result
    assert os.listdir(cache / ".locks") == []


def test_who_lives_is_left_alone(run, start, hub, tree, killed, dest):
    """One whose processes cannot be asked after is watched, together with one at work."""
    killed(SOURCE, dest, landed=lambda: journals(dest.parent))
    [owner] = dest.parent.glob(".*/run-*/owner")
    lines = [line.split(" ") for line in owner.read_text().splitlines()]
    for line in lines:
        if line[0] == "process":
            line[2] = "another-kernel"
    owner.write_text("".join(" ".join(line) + "\n" for line in lines))
    stall = hub.trouble(kind="cdn", stall=1000)
    other = dest.parent / "other"
    job = start(2, "get", "--speed-time", 600, SOURCE, other, env={"HF_ENDPOINT": hub.endpoint})
    assert hub.troubles.wait(stall), job.result(None)
    result = clean(run, dest.parent)
    assert result.code == 0 and "removed 1 leftover directory, kept 1 " in result.err, result
    [left] = states(dest.parent)
    assert left.startswith(".other.mpifetch-")
    hub.troubles.release()
    assert job.wait().code == 0
    assert_same(other, tree)


def test_nothing_to_clean(run, tmp_path, dest):
    for path in (dest, tmp_path / "none" / "deep"):
        result = clean(run, path)
        assert result.code == 0 and "nothing to remove\n" in result.err, result
    assert_nothing(dest)


def test_usage(run, dest):
    for words in ((), ("one", "two"), ("--force", dest)):
        result = run(1, "clean", *words)
        assert result.code == 2, result
        assert result.out == ""
