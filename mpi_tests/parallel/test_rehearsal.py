"""A DEST that cannot be replaced is found out before the first byte, and left without a trace."""

import os
import subprocess
from pathlib import Path

import pytest
from conftest import MIB, noise, write_tree
from trees import assert_same, snapshot

SOURCE = "hf://acme/demo"
FILES = {"config.json": b"{}\n", "sub/weights.bin": noise(9 * MIB, 3)}
CHANGES = {"config.json": b"{1}\n"}
STEPS = os.environ["MPIFETCH_STEPS"]
USER, OTHER = 4321, 4322
STATES = pytest.mark.parametrize("state", ["empty", "published", "foreign"])


@pytest.fixture
def mount():
    """mount(*words, point): gone when the test ends."""
    points = []

    def make(*words):
        subprocess.run(["mount", *map(str, words)], check=True)
        points.append(words[-1])

    yield make
    for point in reversed(points):
        subprocess.run(["umount", point], check=True)


@pytest.fixture
def open_home(tmp_path):
    """Other users reach what is below."""
    for above in (tmp_path, *tmp_path.parents):
        if str(above).startswith("/tmp/"):
            above.chmod(0o755)


def fill(run, hub, place, state):
    """Make DEST what it is before the run; the words that the run needs."""
    if state == "published":
        assert run(1, "get", SOURCE, place, env=hub.env).code == 0
    elif state == "foreign":
        write_tree(place, {"mine": b"x"})
        return ("--force",)
    else:
        place.mkdir(parents=True)
    return ()


def around(dest):
    """What is beside it comes and goes again, of which the directory above knows the time."""
    return sorted(os.listdir(dest.parent)), snapshot(dest)


def refused(result, hub, dest, before, *says):
    assert result.code == 5, result
    for words in says:
        assert words in result.err, result
    assert f"'{dest}/NAME'" in result.err, result
    assert hub.log("cdn") == [] and hub.log("resolve*") == []
    assert around(dest) == before, result


@STATES
@pytest.mark.parametrize("kind", ["bind", "tmpfs"])
@pytest.mark.parametrize("words", [(), ("--versions",)], ids=["directory", "versions"])
def test_mount_point(run, hub, tree, dest, tmp_path, change, mount, state, kind, words):
    if kind == "tmpfs":
        dest.mkdir()
        mount("-t", "tmpfs", "-o", "size=64m", "none", dest)
        inside = dest
    else:
        inside = tmp_path / "volume" / "model"
    # published elsewhere, and then mounted into a container
    more = fill(run, hub, tmp_path / "made" / "model", state)
    inside.mkdir(parents=True, exist_ok=True)
    subprocess.run(["cp", "-a", f"{tmp_path}/made/model/.", inside], check=True)
    if kind == "bind":
        dest.mkdir()
        mount("--bind", inside, dest)
    if state == "published":
        result = run(2, "get", SOURCE, dest, env=hub.env)
        assert result.code == 0 and result.report["unchanged"], result
    changed = change()
    before = around(dest)
    result = run(2, "get", *words, *more, SOURCE, dest, env=hub.env)
    refused(result, hub, dest, before, "is a mount point")
    assert run(1, "get", SOURCE, dest / "NAME", env=hub.env).code == 0
    assert_same(dest / "NAME", changed)


@pytest.fixture
def layers(tmp_path, mount):
    root = tmp_path / "layers"
    root.mkdir()
    mount("-t", "tmpfs", "none", root)
    for name in ("lower", "upper", "work", "merged"):
        (root / name).mkdir()
    return root


def overlay(mount, layers):
    places = f"lowerdir={layers}/lower,upperdir={layers}/upper,workdir={layers}/work"
    mount("-t", "overlay", "-o", f"{places},redirect_dir=off", "none", layers / "merged")
    return layers / "merged" / "p"


@pytest.mark.parametrize("state", ["published", "foreign"])
def test_lower_layer_of_an_overlay(run, hub, tree, change, mount, layers, state):
    """As in the image of a container. What lies in the upper layer can be replaced, and so can an
    empty directory."""
    more = fill(run, hub, layers / "lower" / "p" / "model", state)
    (layers / "lower" / "p" / "empty").mkdir()
    parent = overlay(mount, layers)
    changed = change()
    before = snapshot(parent / "model")
    result = run(2, "get", *more, SOURCE, parent / "model", env=hub.env)
    assert result.code == 5 and "overlay" in result.err, result
    assert hub.log("cdn") == [] and hub.log("resolve*") == []
    assert snapshot(parent / "model") == before
    assert sorted(os.listdir(parent)) == ["empty", "model"]
    for place in (parent / "model" / "NAME", parent / "empty"):
        assert run(1, "get", SOURCE, place, env=hub.env).code == 0
        assert_same(place, changed)


@pytest.mark.parametrize("state", ["empty", "published", "versions", "file"])
def test_somebody_elses_in_a_sticky_directory(run, hub, tree, dest, change, open_home, state):
    more = ()
    if state == "file":
        dest.write_bytes(b"")
        more = ("--force",)
    elif state == "versions":
        assert run(1, "get", "--versions", SOURCE, dest, env=hub.env).code == 0
    else:
        fill(run, hub, dest, state)
        more = ("--trust", OTHER)
    for folder, folders, names in os.walk(dest.parent):
        for name in (*folders, *names):
            os.chown(os.path.join(folder, name), OTHER, USER, follow_symlinks=False)
    for place in (dest.parent / ".model.versions", dest):
        if place.is_dir() and not place.is_symlink():
            place.chmod(0o775)
    os.chown(dest.parent, 0, USER)
    dest.parent.chmod(0o1775)
    change()
    before = around(dest)
    how = {"user": USER, "group": USER, "env": hub.env}
    result = run(1, "get", *more, SOURCE, dest, **how)
    refused(result, hub, dest, before, "sticky")


@pytest.mark.parametrize("whose", ["mine", "another's"])
def test_directory_that_may_not_be_moved(run, hub, tree, dest, change, open_home, whose):
    """A directory takes its parent along as it moves, so it must be writable."""
    fill(run, hub, dest, "published")
    subprocess.run(["chown", "-R", f"{USER}:{USER}", dest.parent], check=True)
    if whose == "mine":
        dest.chmod(0o555)
    else:
        os.chown(dest, OTHER, -1)
    change()
    before = around(dest)
    how = {"user": USER, "group": USER, "env": hub.env}
    result = run(1, "get", SOURCE, dest, **how)
    refused(result, hub, dest, before, "may not be written to", "chmod u+w")


def test_immutable(run, hub, tree, dest, change):
    fill(run, hub, dest, "published")
    change()
    before = around(dest)
    if subprocess.run(["chattr", "+i", dest]).returncode != 0:
        pytest.skip("no such flag here")
    try:
        result = run(2, "get", SOURCE, dest, env=hub.env)
    finally:
        subprocess.run(["chattr", "-i", dest], check=True)
    refused(result, hub, dest, before, "it is immutable")


@pytest.mark.parametrize("state", ["empty", "published"])
def test_project_of_its_own(run, hub, tree, tmp_path, change, mount, state):
    """Which the directory above does not take."""
    image = tmp_path / "image"
    with open(image, "wb") as file:
        file.truncate(400 * MIB)
    subprocess.run(["mkfs.xfs", "-q", image], check=True)
    disk = tmp_path / "disk"
    disk.mkdir()
    mount("-o", "loop", image, disk)
    parent = disk / "p"
    dest = parent / "model"
    fill(run, hub, dest, state)
    for place, number in ((parent, 7), (dest, 8)):
        words = ["-c", "chattr -R +P", "-c", f"chproj -R {number}"]
        subprocess.run(["xfs_io", *words, place], check=True)
    changed = change()
    before = around(dest)
    result = run(2, "get", SOURCE, dest, env=hub.env)
    refused(result, hub, dest, before, "project id")
    # one that inherits nothing takes it, and it is kept
    subprocess.run(["xfs_io", "-c", "chattr -P", "-c", "chproj 0", parent], check=True)
    result = run(2, "get", SOURCE, dest, env=hub.env)
    assert result.code == 0 and "loses" not in result.err, result
    assert_same(dest, changed)
    for place in (dest, dest / "sub"):
        told = subprocess.run(["xfs_io", "-c", "lsproj", place], capture_output=True, text=True)
        assert "projid = 8" in told.stdout, (place, told)


def test_no_trace_of_what_can_be_replaced(run, hub, tree, dest, change):
    fill(run, hub, dest, "published")
    inode = dest.stat().st_ino
    changed = change()
    assert run(2, "get", SOURCE, dest, env=hub.env).code == 0
    assert_same(dest, changed)
    assert os.listdir(dest.parent) == ["model"] and dest.stat().st_ino != inode


@pytest.fixture(params=["file", "full"])
def taken(request, dest, mount, layers):
    """Where a rehearsal puts DEST if the file system does what it must not, and DEST."""
    if request.param == "file":
        return request.param, dest
    (layers / "lower" / "p").mkdir()
    return request.param, overlay(mount, layers) / "model"


def misdeed(dest, pattern, **more):
    shim = {"LD_PRELOAD": STEPS, "STEPS_BELOW": str(dest.parent)}
    return [{**shim, "STEPS_TAKES": f"*/rehearsal/{pattern}", **more}]


def contents(tree):
    """But the time of the directory itself, into which something was put."""
    found = snapshot(tree)
    return {path: what for path, what in found.items() if Path(path) != tree}


@pytest.mark.parametrize("state", ["published", "foreign"])
@pytest.mark.parametrize("end", ["kill", "keep"])
def test_a_rehearsal_never_loses_what_it_takes(run, hub, tree, change, taken, state, end):
    name, dest = taken
    more = fill(run, hub, dest, state)
    change()
    before, inode = contents(dest), dest.stat().st_ino
    how = {"STEPS_TAKEN": "keep"} if end == "keep" else {}
    result = run(1, "get", *more, SOURCE, dest, env=hub.env, each=misdeed(dest, name, **how))
    assert result.code != 0 and not dest.exists(), result
    if end == "keep":
        assert result.code == 5 and f"/rehearsal/{name}'" in result.err, result
    result = run(1, "clean", dest)
    assert result.code == 0 and contents(dest) == before, result
    assert os.listdir(dest.parent) == ["model"] and dest.stat().st_ino == inode


def test_what_a_rehearsal_took_is_kept_where_something_else_has_its_place(
    run, hub, tree, tmp_path, taken
):
    name, dest = taken
    more = fill(run, hub, dest, "foreign")
    assert run(1, "get", *more, SOURCE, dest, env=hub.env, each=misdeed(dest, name)).code != 0
    write_tree(dest, {"later": b""})
    result = run(1, "clean", dest)
    assert result.code == 0 and "something else has its place" in result.err, result
    [kept] = dest.parent.glob(".model.kept-*")
    assert os.listdir(kept / "tree") == ["mine"] and os.listdir(dest) == ["later"]
    assert sorted(os.listdir(dest.parent)) == [kept.name, "model"]


def test_only_what_is_sure_to_fail_is_asked(run, hub, tree, dest, change):
    """A union of file systems may put one directory into another one that is not empty."""
    fill(run, hub, dest, "published")
    changed = change()
    steps = misdeed(dest, "*[!e]")  # whatever it is but the file
    assert run(1, "get", SOURCE, dest, env=hub.env, each=steps).code == 0
    assert_same(dest, changed)


@pytest.mark.parametrize("name", ["blobs", "snapshots", "refs"])
@pytest.mark.parametrize("kind", ["link", "mount"])
def test_cache_in_parts(run, hub, tree, dest, tmp_path, mount, name, kind):
    """Files are renamed into place, which works within one file system alone."""
    folder = dest / "models--acme--demo"
    folder.mkdir(parents=True)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    if kind == "link":
        (folder / name).symlink_to(elsewhere)
    else:
        (folder / name).mkdir()
        mount("--bind", elsewhere, folder / name)
    result = run(2, "get", "--hf-cache", SOURCE, dest, env=hub.env)
    assert result.code == 5, result
    assert f"{folder}/{name}' is a" in result.err
    assert hub.log("cdn") == [] and hub.log("resolve*") == []
    assert os.listdir(folder) == [name] and os.listdir(elsewhere) == []


def test_cache_of_others(run, hub, tree, dest, open_home):
    folder = dest / "models--acme--demo"
    (folder / "blobs").mkdir(parents=True)
    (dest / ".locks").mkdir()
    for place in (dest.parent, dest, folder, dest / ".locks"):
        os.chown(place, USER, USER)
    result = run(1, "get", "--hf-cache", SOURCE, dest, env=hub.env, user=USER, group=USER)
    assert result.code == 5, result
    assert f"may not write to '{folder}/blobs'" in result.err
    assert hub.log("cdn") == []


def test_link_to_a_published_tree(run, hub, tree, dest, tmp_path, change):
    """Told what it is, and what to name instead."""
    fill(run, hub, tmp_path / "out" / "real", "published")
    dest.symlink_to("real")
    change()
    before = around(dest)
    result = run(2, "get", SOURCE, dest, env=hub.env)
    assert result.code == 5, result
    assert "a symbolic link to 'real', which mpifetch published" in result.err
    assert hub.log("cdn") == [] and around(dest) == before


@pytest.mark.parametrize("parent, owner, told", [(0o1777, 0, True), (0o777, 0, False), (0o1777, USER, False)])
def test_link_that_others_cannot_follow(run, hub, tree, dest, open_home, parent, owner, told):
    os.chown(dest.parent, owner, -1)
    dest.parent.chmod(parent)
    how = {"user": USER, "group": USER, "env": hub.env}
    result = run(1, "get", "--versions", SOURCE, dest, **how)
    assert result.code == 0, result
    assert ("fs.protected_symlinks" in result.err) == told
