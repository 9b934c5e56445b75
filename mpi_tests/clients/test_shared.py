"""One cache for a group: other users read all of it, publish into it, and find it ready where
they may not write."""

import os
import shutil
import stat
import tempfile
from pathlib import Path

import pytest
from readers import (
    LATEST,
    NAME,
    SOURCE,
    VERSIONS,
    assert_already_there,
    assert_printed,
    assert_same,
    contents,
    data_requests,
    folder_of,
    sizes,
    snapshot_of,
)
from trees import snapshot as state

pytest_plugins = "readers"

MAIN = "refs/heads/main"
OWNER, OTHER, GROUP, STRANGERS = 23456, 12345, 4242, 4343


@pytest.fixture
def place():
    """A directory that every user can reach, which those of pytest are not."""
    assert os.geteuid() == 0, "these tests change the user, which only root may"
    top = Path(tempfile.mkdtemp(prefix="mpifetch-shared-"))
    top.chmod(0o755)
    for name in ("cache", "homes"):
        (top / name).mkdir()
    (top / "homes").chmod(0o777)
    yield top
    shutil.rmtree(top)


@pytest.fixture
def cache(place):
    return place / "cache"


@pytest.fixture
def publish(run, origin, place, cache):
    """publish(*words, user=0, group=0, umask=) -> Result of mpifetch get into the cache."""

    def begin(*words, source=SOURCE, user=0, group=0, umask=0o022):
        env = {"HF_ENDPOINT": origin.endpoint, "HF_HUB_CACHE": str(cache)}
        how = dict(user=user, group=group, umask=umask, below=place / "homes", env=env)
        return run(2, "get", "--hf-cache", *words, source, **how)

    return begin


@pytest.fixture
def as_user(new_library, place):
    """as_user(version, user, group, offline=True) -> Library."""

    def begin(version, user, group, offline=True, umask=0o022):
        home = place / "homes" / f"{user}-{version}-{offline}"
        home.mkdir(exist_ok=True)
        os.chown(home, user, group)
        how = dict(offline=offline, user=user, group=group, umask=umask)
        return new_library(version, home=home, **how)

    return begin


def share(directory, owner=0, group=GROUP, mode=0o2775):
    os.chown(directory, owner, group)
    directory.chmod(mode)


def freeze(root):
    """Nobody may write, the owner neither."""
    for folder, _, names in os.walk(root):
        for path in (folder, *(os.path.join(folder, name) for name in names)):
            if not os.path.islink(path):
                os.chmod(path, os.stat(path).st_mode & ~0o222)


def rights(root):
    """path -> (kind, mode, group) of all that is not a link."""
    found = {}
    for folder, folders, names in os.walk(root):
        for name in (*folders, *names):
            path = os.path.join(folder, name)
            info = os.lstat(path)
            if not stat.S_ISLNK(info.st_mode):
                kind = "directory" if stat.S_ISDIR(info.st_mode) else "file"
                mode = oct(stat.S_IMODE(info.st_mode))
                found[os.path.relpath(path, root)] = (kind, mode, info.st_gid)
    return found


@pytest.mark.parametrize("umask", [0o022, 0o002, 0o027, 0o077], ids="{:03o}".format)
@pytest.mark.parametrize("setgid", [True, False])
def test_modes(publish, repo, cache, umask, setgid):
    """As the umask says, for the listing too; with the group of a directory that hands it on."""
    share(cache, mode=0o2775 if setgid else 0o775)
    result = publish(umask=umask)
    assert_printed(result, snapshot_of(cache, repo))
    group, inherited = (GROUP, 0o2000) if setgid else (0, 0)
    wanted = {
        "directory": ("directory", oct(0o777 & ~umask | inherited), group),
        "file": ("file", oct(0o666 & ~umask), group),
    }
    assert set(os.listdir(cache / folder_of())) == {"blobs", "refs", "snapshots", "trees"}
    for path, one in rights(cache).items():
        assert one == wanted[one[0]], path


@pytest.mark.parametrize("version", VERSIONS)
def test_group_reads_everything(publish, as_user, origin, repo, trees, cache, version):
    """Another user of the group, with nothing for the rest of the world."""
    share(cache, mode=0o2750)
    assert_printed(publish(umask=0o027), snapshot_of(cache, repo))
    origin.reset()
    one = as_user(version, OTHER, GROUP)
    snapshot = snapshot_of(cache, repo)
    for revision in ("main", repo.refs[MAIN]):
        ask = dict(repo_id=NAME, revision=revision, cache_dir=cache)
        assert one.tell("snapshot_download", **ask) == str(snapshot)
        assert one.tell("hf_hub_download", filename="a/b/c/d/deep.txt", **ask) == str(
            snapshot / "a/b/c/d/deep.txt"
        )
    assert one.tell("digests", path=snapshot) == contents(trees[MAIN])
    if version == LATEST:
        listed = one.tell("cached_tree", repo_id=NAME, cache_dir=cache)
        assert listed == sizes(trees[MAIN])
    assert one.tell("scan", cache_dir=cache)["warnings"] == []
    assert origin.log() == []


def test_stranger_reads_nothing(publish, as_user, repo, cache):
    """So that the test above says something: who is not of the group is kept out."""
    share(cache, mode=0o2750)
    assert_printed(publish(umask=0o027), snapshot_of(cache, repo))
    answer = as_user(LATEST, OTHER, STRANGERS).ask("digests", path=snapshot_of(cache, repo))
    assert answer.error and answer.error["class"] == "PermissionError", answer


@pytest.mark.parametrize("version", VERSIONS)
def test_others_publish_into_it(publish, as_user, origin, repo, trees, cache, version):
    """A cache of one user, to which another of the group adds a revision, and then the first one
    with the library a third."""
    share(cache, OWNER)
    who = dict(group=GROUP, umask=0o002)
    first = publish(source=f"hf://{NAME}@v1", user=OWNER, **who)
    assert_printed(first, snapshot_of(cache, repo, "refs/tags/v1"))
    second = publish(user=OTHER, **who)
    assert_printed(second, snapshot_of(cache, repo))
    owners = {os.lstat(path).st_uid for path in (cache / folder_of() / "blobs").iterdir()}
    assert owners == {OWNER, OTHER}
    third = as_user(version, OWNER, GROUP, offline=False, umask=0o002)
    found = third.tell("snapshot_download", repo_id=NAME, revision="refs/pr/1", cache_dir=cache)
    assert found == str(snapshot_of(cache, repo, "refs/pr/1"))
    for ref, tree in trees.items():
        assert_same(snapshot_of(cache, repo, ref), tree)
    for path, (kind, mode, group) in rights(cache / folder_of()).items():
        if not path.startswith("trees/"):  # the library makes its own for its owner alone
            assert (mode, group) == ("0o2775" if kind == "directory" else "0o664", GROUP), path


def test_part_of_another_user_is_completed(publish, repo, trees, cache):
    """The snapshot directory is another user's; the group may write there."""
    share(cache, OWNER)
    who = dict(group=GROUP, umask=0o002)
    assert publish("--include", "*.json", user=OWNER, **who).code == 0
    assert_printed(publish(user=OTHER, **who), snapshot_of(cache, repo))
    assert_same(snapshot_of(cache, repo), trees[MAIN])
    owners = {os.lstat(path).st_uid for path in snapshot_of(cache, repo).iterdir()}
    assert owners == {OWNER, OTHER}


@pytest.mark.parametrize("by", ["mpifetch", "library"])
@pytest.mark.parametrize("asked", ["main", "commit"])
def test_complete_and_read_only(publish, library, origin, repo, trees, cache, by, asked):
    """All is there, so nothing needs to be written. The library keeps its listing to itself
    (mode 0600): others must do without."""
    revision = repo.refs[MAIN] if asked == "commit" else "main"
    source = f"{SOURCE}@{revision}"
    if by == "mpifetch":
        assert publish(source=source).code == 0
    else:
        ask = dict(repo_id=NAME, revision=revision, cache_dir=cache)
        library(LATEST).tell("snapshot_download", **ask)
        # a reader could not tell by the mode whether it may be read
        assert stat.S_IMODE(next((cache / folder_of() / "trees").iterdir()).stat().st_mode) == 0o600
    freeze(cache)
    before = state(cache)
    origin.reset()
    result = publish(source=source, user=OTHER, group=STRANGERS)
    assert_printed(result, snapshot_of(cache, repo))
    assert_already_there(result)
    assert state(cache) == before
    assert data_requests(origin) == []
    checked = publish("--check", source=source, user=OTHER, group=STRANGERS)
    assert_printed(checked, snapshot_of(cache, repo))
    assert state(cache) == before


def test_part_and_read_only(publish, repo, cache):
    """What was asked for and is there is success; the rest cannot be added, and that is said."""
    assert publish("--include", "*.json").code == 0
    freeze(cache)
    before = state(cache)
    again = publish("--include", "*.json", user=OTHER, group=STRANGERS)
    assert_printed(again, snapshot_of(cache, repo))
    whole = publish(user=OTHER, group=STRANGERS)
    assert whole.code == 5, whole
    assert whole.out == ""
    assert str(cache) in whole.err
    assert state(cache) == before


@pytest.mark.parametrize("version", VERSIONS)
def test_library_online_on_a_read_only_cache(publish, as_user, origin, repo, cache, version):
    """By its commit, for which no version has anything to write."""
    assert publish(source=f"{SOURCE}@{repo.refs[MAIN]}").code == 0
    freeze(cache)
    origin.reset()
    one = as_user(version, OTHER, STRANGERS, offline=False)
    ask = dict(repo_id=NAME, revision=repo.refs[MAIN], cache_dir=cache)
    assert one.tell("snapshot_download", **ask) == str(snapshot_of(cache, repo))
    assert data_requests(origin) == []


def test_verify_by_another_user(publish, run, repo, place, cache):
    share(cache, mode=0o2750)
    assert_printed(publish(umask=0o027), snapshot_of(cache, repo))
    snapshot = snapshot_of(cache, repo)
    how = dict(user=OTHER, group=GROUP, below=place / "homes")
    assert_printed(run(2, "verify", snapshot, **how), snapshot)
