"""A destination that another user has made."""

import hashlib
import os
import shutil
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from conftest import MIB, noise, write_tree
from files import Files
from trees import (
    HUB_RECORD,
    assert_same,
    assert_verifiable,
    beside,
    files_of,
    sha256_of,
    snapshot,
)

SOURCE = "hf://acme/demo"
FILES = {"config.json": b"{}\n", "sub/weights.bin": noise(3 * MIB, 3)}
CHANGES = {"added.txt": b"added"}
OWNER, OTHER, GROUP = 23456, 12345, 4242


@pytest.fixture
def place():
    """A directory of the group that every user can reach, which those of pytest are not."""
    assert os.geteuid() == 0, "these tests change the user, which only root may"
    top = Path(tempfile.mkdtemp(prefix="mpifetch-owners-"))
    top.chmod(0o755)
    for name in ("homes", "store"):
        (top / name).mkdir()
    (top / "homes").chmod(0o777)
    os.chown(top / "store", 0, GROUP)
    (top / "store").chmod(0o2775)
    yield top
    shutil.rmtree(top)


@pytest.fixture
def dest(place):
    return place / "store" / "model"


@pytest.fixture
def get(run, hub, place, dest):
    """get(user, *words, ranks=, env=) -> Result, of mpifetch get by that user of the group."""

    def begin(user, *words, ranks=2, source=SOURCE, to=dest, env=None, umask=0o002):
        how = dict(user=user, group=GROUP, umask=umask, below=place / "homes")
        return run(ranks, "get", *words, *([source] if source else []), to, **how,
                   env={"HF_ENDPOINT": hub.endpoint, **(env or {})})  # fmt: skip

    return begin


@pytest.mark.parametrize("words", [(), ("--versions",)], ids=["directory", "versions"])
@pytest.mark.parametrize("path", list(FILES))
def test_file_that_this_user_cannot_read(get, hub, tree, dest, words, path):
    assert get(OWNER, *words).code == 0
    (dest / path).chmod(0o600)
    before = snapshot(dest)
    hub.reset()
    result = get(OTHER, *words)
    assert result.code == 5, result
    assert f"'{dest}/{path}' belongs to uid {OWNER} and uid {OTHER} cannot read it" in result.err
    assert result.out == ""
    assert hub.file_requests() == []
    assert snapshot(dest) == before
    assert get(OWNER, *words).code == 0


def test_blob_that_this_user_cannot_read(get, hub, tree, place):
    cache = place / "store" / "cache"
    assert get(OWNER, "--hf-cache", to=cache).code == 0
    [blob] = [one for one in cache.glob("models--acme--demo/blobs/*") if one.stat().st_size > MIB]
    blob.chmod(0o600)
    hub.reset()
    result = get(OTHER, "--hf-cache", to=cache)
    assert result.code == 5, result
    assert f"belongs to uid {OWNER} and uid {OTHER} cannot read it" in result.err
    assert hub.file_requests() == []


def forge(path):
    """Other bytes of the same size and time, by whoever owns the file."""
    info = path.stat()
    path.write_bytes(noise(info.st_size, 99))
    os.utime(path, ns=(info.st_atime_ns, info.st_mtime_ns))


HOW = pytest.mark.parametrize("words", [(), ("--versions",)], ids=["directory", "versions"])


@HOW
def test_record_of_another_user_is_not_believed(get, hub, tree, dest, words):
    assert get(OWNER, *words).code == 0
    forge(dest / "sub/weights.bin")
    before = snapshot(dest)
    hub.reset()
    result = get(OTHER, *words)
    assert f"uid {OWNER} is not trusted" in result.err, result
    if words:  # the version of the other user stays what it is
        assert result.code == 0, result
        assert_same(dest, tree)
        assert (dest / "sub/weights.bin").stat().st_uid == OTHER
    else:
        assert result.code == 5, result
        assert "sub/weights.bin" in result.err
        assert snapshot(dest) == before
        assert hub.file_requests() == []


@pytest.mark.parametrize("what", ["one", "all", "more"])
def test_refusal_says_whose_record_is_not_believed(get, hub, tree, dest, what):
    """mpifetch has made the files, so that "not created by mpifetch" alone would be a riddle."""
    assert get(OWNER).code == 0
    if what == "more":  # in the record, and in the source no longer
        (tree / "sub/weights.bin").unlink()
        hub.add("acme/demo", tree)
    for path in ["config.json"] if what == "one" else FILES if what == "all" else ():
        with open(dest / path, "ab") as file:
            file.write(b"more")
    result = get(OTHER)
    assert result.code == 5, result
    [refusal] = [line for line in result.err.splitlines() if "--force" in line]
    assert f"belongs to uid {OWNER}, who is not trusted (see --trust)" in refusal


@HOW
def test_right_files_of_another_user_are_there(get, hub, tree, dest, words):
    assert get(OWNER, *words).code == 0
    before = snapshot(dest)
    hub.reset()
    result = get(OTHER, *words)
    assert result.code == 0, result
    assert f"uid {OWNER} is not trusted" in result.err
    assert "already up to date" in result.err
    assert hub.file_requests() == []
    assert snapshot(dest) == before


@HOW
def test_where_nothing_can_be_written(get, hub, tree, dest, place, words):
    """There is no place for a record then, which is no reason to fail."""
    assert get(OWNER, *words).code == 0
    (place / "store").chmod(0o755)
    before = snapshot(dest)
    hub.reset()
    result = get(OTHER, *words)
    assert result.code == 0, result
    assert "already up to date" in result.err
    assert snapshot(dest) == before


def test_owner_of_the_store_root_and_the_trusted_are_believed(get, hub, tree, dest, place):
    assert get(OWNER).code == 0
    forge(dest / "sub/weights.bin")
    for words in (("--trust", str(OWNER)), ("--trust", "daemon", "--trust", str(OWNER))):
        result = get(OTHER, *words)
        assert result.code == 0 and "trusted" not in result.err, result
    result = get(OTHER, env={"MPIFETCH_TRUST": f"daemon\n{OWNER}"})
    assert result.code == 0 and "trusted" not in result.err, result
    os.chown(place / "store", OWNER, GROUP)
    result = get(OTHER)
    assert result.code == 0 and "trusted" not in result.err, result


def test_trusted_user_that_does_not_exist(get, hub, tree):
    result = get(OTHER, "--trust", "nobody-of-that-name")
    assert result.code == 2, result
    assert "nobody-of-that-name" in result.err


def test_update_copies_files_of_another_user(get, hub, tree, dest, change):
    assert get(OWNER).code == 0
    inode = (dest / "sub/weights.bin").stat().st_ino
    changed = change()
    hub.reset()
    result = get(OTHER)
    assert result.code == 0, result
    assert_same(dest, changed)
    assert_verifiable(dest)
    info = (dest / "sub/weights.bin").stat()
    assert info.st_ino != inode and info.st_uid == OTHER
    assert not [row for row in hub.file_requests() if "weights" in row["path"]]


@pytest.fixture
def cached(get, place, dest):
    """cached(*words) -> Result of OTHER, whose cache is the same in each run."""
    cache = place / "cache-of-other"
    cache.mkdir()
    os.chown(cache, OTHER, GROUP)

    def begin(*words):
        return get(OTHER, *words, env={"XDG_CACHE_HOME": str(cache)})

    begin.place = cache / "mpifetch"
    return begin


def let_age(dest):
    """Until a change of its files would show in their times for certain."""
    youngest = max(path.stat().st_ctime for path in dest.rglob("*") if path.is_file())
    until = time.monotonic() + 30
    while time.time() < youngest + 1.1:
        assert time.monotonic() < until
        time.sleep(0.05)


def test_what_was_hashed_is_not_read_again(get, cached, hub, tree, dest):
    assert get(OWNER).code == 0
    let_age(dest)
    assert "hashed first" in cached().err
    [note] = cached.place.iterdir()
    assert note.stat().st_mode & 0o777 == 0o600
    result = cached()
    assert result.code == 0 and "hashed" not in result.err, result
    forge(dest / "sub/weights.bin")
    result = cached()
    assert result.code == 5, result
    assert "1 file must be hashed" in result.err and "weights.bin" in result.err


def tear(note):
    data = note.read_bytes()
    note.write_bytes(data[: len(data) // 2])


def open_to_the_group(note):
    note.chmod(0o664)


def give_away(note):
    os.chown(note, OWNER, GROUP)


def fill_with_noise(note):
    note.write_bytes(noise(5000, 1))


def become_a_pipe(note):
    note.unlink()
    os.mkfifo(note)
    os.chown(note, OTHER, GROUP)


def be_of_another_place(note):
    note.write_bytes(note.read_bytes().replace(b"/model\n", b"/other\n", 1))


@pytest.mark.parametrize(
    "spoil",
    [tear, open_to_the_group, give_away, fill_with_noise, become_a_pipe, be_of_another_place],
)
def test_a_note_that_is_no_good_costs_time_and_no_more(get, cached, hub, tree, dest, spoil):
    assert get(OWNER).code == 0
    let_age(dest)
    assert cached().code == 0
    [note] = cached.place.iterdir()
    spoil(note)
    result = cached()
    assert result.code == 0, result
    assert "hashed first" in result.err


def test_without_a_place_for_notes(get, hub, tree, dest):
    assert get(OWNER).code == 0
    result = get(OTHER, env={"XDG_CACHE_HOME": "/proc/none"})
    assert result.code == 0, result
    assert "already up to date" in result.err


def blob_of_weights(cache):
    [blob] = [one for one in cache.glob("models--acme--demo/blobs/*") if one.stat().st_size > MIB]
    return blob


def test_blob_that_another_user_adds_meanwhile(get, hub, tree, place):
    """What was fetched and verified takes its place."""
    cache = place / "store" / "cache"
    cache.mkdir()
    cache.chmod(0o777)
    held = hub.trouble(kind="cdn", hold=True)
    with ThreadPoolExecutor(1) as pool:
        job = pool.submit(get, OTHER, "--hf-cache", to=cache)
        assert hub.troubles.wait(held)
        right = FILES["sub/weights.bin"]
        blobs = cache / "models--acme--demo" / "blobs"
        blobs.mkdir(exist_ok=True)
        blobs.chmod(0o777)
        blob = blobs / hashlib.sha256(right).hexdigest()
        blob.write_bytes(b"E" * len(right))
        os.chown(blob, OWNER, GROUP)
        hub.troubles.release()
        result = job.result()
    assert result.code == 0, result
    assert blob.read_bytes() == right and blob.stat().st_uid == OTHER


@pytest.mark.parametrize("ranks", [1, 3])
def test_blob_of_another_user_is_not_believed(get, hub, tree, place, ranks):
    """In a store where everybody may add files only their owners can change them: what is wrong
    is found out, and what is right is read once."""
    cache, notes = place / "store" / "cache", place / "notes"
    notes.mkdir()
    os.chown(notes, OTHER, GROUP)
    env = {"XDG_CACHE_HOME": str(notes)}
    cache.mkdir()
    cache.chmod(0o777)
    assert get(OWNER, "--hf-cache", to=cache).code == 0
    let_age(cache)
    hub.reset()
    result = get(OTHER, "--hf-cache", to=cache, env=env, ranks=ranks)
    assert result.code == 0 and "already up to date" in result.err, result
    assert "must be hashed first" in result.err and "--trust" in result.err
    result = get(OTHER, "--hf-cache", to=cache, env=env, ranks=ranks)
    assert result.code == 0 and "hashed" not in result.err, result
    result = get(OTHER, "--hf-cache", "--trust", OWNER, to=cache, ranks=ranks)
    assert result.code == 0 and "hashed" not in result.err, result
    assert hub.file_requests() == []
    blob = blob_of_weights(cache)
    right = blob.read_bytes()
    forge(blob)
    result = get(OTHER, "--hf-cache", to=cache, env=env, ranks=ranks)
    assert "1 file must be hashed" in result.err, result
    assert result.code == 0 and "already up to date" not in result.err, result
    assert blob.read_bytes() == right and blob.stat().st_uid == OTHER
    assert [row for row in hub.file_requests()]


@pytest.mark.parametrize("absolute", [True, False])
def test_link_of_another_user_among_the_blobs(get, hub, tree, place, absolute):
    """It leads to a file of this user that has the size of the right one."""
    cache = place / "store" / "cache"
    cache.mkdir()
    cache.chmod(0o777)
    assert get(OTHER, "--hf-cache", to=cache).code == 0
    blob = blob_of_weights(cache)
    right = blob.read_bytes()
    mine = cache / "mine"
    mine.write_bytes(noise(len(right), 98))
    os.chown(mine, OTHER, GROUP)
    blob.unlink()
    blob.symlink_to(mine if absolute else os.path.relpath(mine, blob.parent))
    os.chown(blob, OWNER, GROUP, follow_symlinks=False)
    result = get(OTHER, "--hf-cache", to=cache)
    assert result.code == 0, result
    assert not blob.is_symlink() and blob.read_bytes() == right
    assert mine.read_bytes() == noise(len(right), 98)


def test_offline_the_blob_of_another_user_is_read(get, hub, tree, place):
    cache = place / "store" / "cache"
    assert get(OWNER, "--hf-cache", to=cache).code == 0
    os.chown(cache, 0, GROUP)
    offline = {"HF_HUB_OFFLINE": "1"}
    assert get(OTHER, "--hf-cache", to=cache, env=offline).code == 0
    forge(blob_of_weights(cache))
    result = get(OTHER, "--hf-cache", to=cache, env=offline)
    assert result.code == 3 and "incomplete" in result.err, result


# --- whose a record is


@pytest.fixture
def files(place):
    """Not of the Hub: the record lies beside DEST."""
    return write_tree(place / "web" / "set", FILES)


@pytest.fixture
def of_files(get, files, place):
    with Files(files.parent) as web:

        def begin(user, *words, **how):
            listed = place / "LIST"
            lines = [f"{sha256_of(data)}  {path}\n" for path, data in files_of(files).items()]
            listed.write_text("".join(lines))
            source = ("--manifest", listed, "--base", f"{web.url}/set/")
            return get(user, *words, *source, source=None, ranks=0, **how)

        yield begin


def records(dest):
    """All files of records in and beside DEST."""
    found = [*beside(dest).glob("run-*/*"), *dest.glob(".mpifetch/*"), *dest.glob(f"{HUB_RECORD}/*")]
    assert found
    return found


@pytest.mark.parametrize("umask", [0o022, 0o002])
@pytest.mark.parametrize("kind", ["beside", "inside", "hub"])
def test_nobody_else_may_write_to_a_record(get, of_files, hub, tree, dest, umask, kind):
    """Not even who may write to the files: what a record says of them is then believed."""
    dest.mkdir()
    os.chown(dest, OTHER, GROUP)
    dest.chmod(0o2775)
    if kind == "hub":
        result = get(OTHER, umask=umask)
    else:
        result = of_files(OTHER, "--records", kind, umask=umask)
    assert result.code == 0, result
    for path in [*records(dest), *beside(dest).glob("run-*")]:
        assert path.stat().st_mode & 0o222 == 0o200, path
    assert dest.stat().st_mode & 0o7777 == 0o2775


WHERE = pytest.mark.parametrize("where", ["beside", "inside"])


@WHERE
def test_verify_says_whose_record_it_is(run, of_files, dest, place, where):
    assert of_files(OWNER, "--records", where).code == 0

    def verify(user, *words):
        return run(0, "verify", *words, dest, user=user, group=GROUP, below=place / "homes")

    result = verify(OTHER)
    assert result.code == 0, result
    assert f"belongs to uid {OWNER}, who is not trusted" in result.err
    for result in (verify(OTHER, "--trust", str(OWNER)), verify(OWNER)):
        assert result.code == 0 and "trusted" not in result.err, result
    assert verify(OTHER, "--trust", "nobody-of-that-name").code == 2
    os.chown(place / "store", OTHER, GROUP)
    assert "not trusted" in verify(0).err
    os.chown(place / "store", OWNER, GROUP)
    result = verify(OTHER)
    assert result.code == 0 and "trusted" not in result.err, result
    forge(dest / "sub/weights.bin")
    assert verify(OTHER).code == 4


@WHERE
def test_a_source_with_the_record_of_a_stranger(get, of_files, dest, place, where):
    assert of_files(OWNER, "--records", where).code == 0
    source, copy = f"file://{dest}", place / "store" / "copy"
    result = get(OTHER, "--require-digest", source=source, to=copy, ranks=0)
    assert result.code == 3, result
    result = get(OTHER, source=source, to=copy, ranks=0)
    assert result.code == 0, result
    assert f"belongs to uid {OWNER}, who is not trusted" in result.err
    assert result.report["files_on_trust"] == len(FILES)
    assert set(files_of(copy)) == set(FILES)
    trusting = ("--trust", str(OWNER), "--require-digest")
    result = get(OTHER, *trusting, source=source, to=place / "store" / "third", ranks=0)
    assert result.code == 0 and "trusted" not in result.err, result


def test_what_another_user_left_beside(of_files, dest):
    """A member of the group publishes where another one has published."""
    assert of_files(OWNER).code == 0
    shutil.rmtree(dest)
    left = beside(dest).stat().st_mode
    result = of_files(OTHER, umask=0o022)
    assert result.code == 0, result
    assert "no record" not in result.err
    assert beside(dest).stat().st_mode == left
    assert (beside(dest) / "manifest.json").stat().st_uid == OTHER
    assert of_files(OTHER, umask=0o022).report["unchanged"]


def test_a_place_of_another_user_that_is_more_open(of_files, dest, files):
    """What it would show is closed itself."""
    assert of_files(OWNER).code == 0
    dest.chmod(0o2770)
    write_tree(files, {"added.txt": b"added"})
    result = of_files(OTHER)
    assert result.code == 0, result
    assert_same(dest, files)
    [record] = [path for path in beside(dest).glob("run-*") if path.stat().st_uid == OTHER]
    assert record.stat().st_mode & 0o7777 == 0o2750
    assert of_files(OTHER).report["unchanged"]


@pytest.mark.parametrize("how", ["link", "file", "closed"])
def test_a_record_that_cannot_be_put_beside(of_files, dest, how):
    place = beside(dest)
    if how == "link":
        place.symlink_to("elsewhere")
    elif how == "file":
        place.write_bytes(b"")
    else:
        place.mkdir(mode=0o755)
    before = snapshot(dest.parent)
    result = of_files(OTHER)
    assert result.code == 0, result
    [line] = [line for line in result.err.splitlines() if "no record" in line]
    assert str(place) in line and "must hash" in line
    shutil.rmtree(dest)
    now = snapshot(dest.parent)
    assert now.keys() == before.keys() and now[str(place)] == before[str(place)]
    result = of_files(OTHER, "--records", "none")
    assert result.code == 0 and "no record" not in result.err, result
