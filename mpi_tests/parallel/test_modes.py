"""Who may do what with DEST: kept from what a publish replaces, and never more than that."""

import errno
import os
import stat
import struct
import subprocess

import pytest
from conftest import MIB, noise, write_tree
from trees import assert_same, modes_of

SOURCE = "hf://acme/demo"
FILES = {"config.json": b"{}\n", "sub/weights.bin": noise(9 * MIB, 3), "sub/deep/one": b"1"}
CHANGES = {"config.json": b"{1}\n", "sub/weights.bin": noise(9 * MIB, 4), "sub/new/two": b"2"}
ACCESS, DEFAULT = "system.posix_acl_access", "system.posix_acl_default"
LAYOUTS = pytest.mark.parametrize(
    "words", [(), ("--versions",)], ids=["directory", "versions"]
)
USER, STRANGER = 4321, 4322


def acl(*entries):
    """As the kernel has it; entries: tag, permissions, id."""
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)


def acl_for(user, group, permissions=5, most=7, other=0):
    no_id = 0xFFFFFFFF
    return acl(
        (1, 7, no_id), (2, permissions, user), (4, group, no_id), (16, most, no_id), (32, other, no_id)
    )


def mode(path):
    return stat.S_IMODE(os.stat(path).st_mode)


def readable_by(path, user, group):
    words = ["setpriv", f"--reuid={user}", f"--regid={group}", "--clear-groups", "cat", path]
    return subprocess.run(words, capture_output=True).returncode == 0


@LAYOUTS
@pytest.mark.parametrize("closed", [0o700, 0o2770, 0o1755, 0o500])
def test_empty_directory_keeps_mode_and_group(run, hub, tree, dest, words, closed):
    dest.mkdir()
    os.chown(dest, -1, 77)
    dest.chmod(closed)
    assert run(2, "get", *words, SOURCE, dest, env=hub.env, umask=0o022).code == 0
    assert (mode(dest), dest.stat().st_gid) == (closed, 77)
    assert_same(dest, tree)
    # as if made by hand there
    wanted = (0o2755, 77) if closed & 0o2000 else (0o755, os.getegid())
    assert (mode(dest / "sub" / "deep"), (dest / "sub" / "deep").stat().st_gid) == wanted
    for file in FILES:
        assert (mode(dest / file), (dest / file).stat().st_gid) == (0o644, wanted[1])


@pytest.mark.parametrize("words", [(), ("--versions",), ("--no-links",)], ids=" ".join)
def test_update_keeps_what_is_closed(run, hub, tree, dest, change, words):
    assert run(2, "get", *words, SOURCE, dest, env=hub.env, umask=0o022).code == 0
    dest.chmod(0o750)
    os.chown(os.path.realpath(dest), -1, 78)
    (dest / "sub").chmod(0o2700)
    os.chown(dest / "sub", -1, 79)
    (dest / "config.json").chmod(0o600)
    (dest / "sub" / "weights.bin").chmod(0o640)
    (dest / "sub" / "deep" / "one").chmod(0o604)  # which does not change
    changed = change()
    assert run(2, "get", *words, SOURCE, dest, env=hub.env, umask=0o022).code == 0
    assert_same(dest, changed)
    assert (mode(dest), dest.stat().st_gid) == (0o750, 78)
    assert (mode(dest / "sub"), (dest / "sub").stat().st_gid) == (0o2700, 79)
    assert (mode(dest / "sub" / "new"), (dest / "sub" / "new").stat().st_gid) == (0o2755, 79)
    assert mode(dest / "config.json") == 0o600
    assert mode(dest / "sub" / "weights.bin") == 0o640
    assert mode(dest / "sub" / "deep" / "one") == 0o604
    assert mode(dest / "sub" / "new" / "two") == 0o644
    assert not readable_by(dest / "sub" / "new" / "two", USER, USER)


def test_file_that_replaces_another_gets_no_power(run, hub, tree, dest, change):
    """A file that the source decides about is not run as another user."""
    assert run(1, "get", SOURCE, dest, env=hub.env).code == 0
    (dest / "config.json").chmod(0o6755)
    change()
    assert run(1, "get", SOURCE, dest, env=hub.env).code == 0
    assert mode(dest / "config.json") == 0o755


def test_directory_that_was_forced_out_hands_on_its_mode(run, hub, tree, dest):
    write_tree(dest, {"mine": b"", "sub/mine": b""})
    dest.chmod(0o700)
    (dest / "sub").chmod(0o711)
    assert run(1, "get", "--force", SOURCE, dest, env=hub.env).code == 0
    assert (mode(dest), mode(dest / "sub")) == (0o700, 0o711)


def test_mode_that_changes_during_the_run_holds(start, hub, tree, dest, change):
    assert start(2, "get", SOURCE, dest, env=hub.env).wait().code == 0
    change()
    stall = hub.trouble(kind="cdn", hold=True)
    job = start(2, "get", SOURCE, dest, env=hub.env)
    assert hub.troubles.wait(stall), job.result(None)
    dest.chmod(0o700)
    hub.troubles.clear()
    hub.troubles.release()
    assert job.wait().code == 0
    assert mode(dest) == 0o700


@pytest.mark.parametrize("layout", [(), ("--hf-cache",)], ids=["directory", "cache"])
def test_staging_is_closed_to_others(start, hub, tree, dest, layout):
    """Whatever the umask and the lists above say."""
    dest.mkdir(mode=0o700)
    os.setxattr(dest.parent, DEFAULT, acl_for(STRANGER, 7, 7))
    stall = hub.trouble(kind="cdn", hold=True)
    job = start(2, "get", *layout, SOURCE, dest, env=hub.env, umask=0)
    assert hub.troubles.wait(stall), job.result(None)
    [staging] = dest.parent.glob(".model.mpifetch-*") if not layout else dest.glob("*/.mpifetch-*")
    words = ["setpriv", f"--reuid={STRANGER}", f"--regid={STRANGER}", "--clear-groups"]
    # reachable by all as far as the directory that is ours
    dest.chmod(0o755)
    for above in staging.parents:
        if str(above).startswith("/tmp/"):
            above.chmod(0o755)
    assert subprocess.run([*words, "ls", staging.parent], capture_output=True).returncode == 0
    seen = subprocess.run([*words, "ls", staging], capture_output=True)
    assert seen.returncode != 0, seen
    hub.troubles.clear()
    hub.troubles.release()
    assert job.wait().code == 0


@LAYOUTS
def test_lists_and_attributes_are_kept(run, hub, tree, dest, change, words):
    assert run(2, "get", *words, SOURCE, dest, env=hub.env).code == 0
    own, below = acl_for(USER, 0), acl_for(USER, 5)
    os.setxattr(dest, ACCESS, own)
    os.setxattr(dest, DEFAULT, below)
    os.setxattr(dest, "user.owner", b"chemistry\0lab")
    os.setxattr(dest / "config.json", ACCESS, own)
    # what the parent would hand on is not what DEST has
    os.setxattr(dest.parent, DEFAULT, acl_for(STRANGER, 7, 7))
    changed = change()
    result = run(2, "get", *words, SOURCE, dest, env=hub.env)
    assert result.code == 0 and "loses" not in result.err, result
    assert_same(dest, changed)
    assert os.getxattr(dest, ACCESS) == own
    assert os.getxattr(dest, DEFAULT) == below
    assert os.getxattr(dest, "user.owner") == b"chemistry\0lab"
    assert os.getxattr(dest / "config.json", ACCESS) == own
    # that was in the old tree, and had none
    assert DEFAULT not in os.listxattr(dest / "sub")
    assert ACCESS not in os.listxattr(dest / "sub" / "weights.bin")


def test_what_is_made_below_inherits_the_default_list(run, hub, tree, dest):
    dest.mkdir()
    os.setxattr(dest, DEFAULT, acl_for(USER, 5))
    by_hand = dest / "by-hand"
    by_hand.mkdir()
    wanted = {name: os.getxattr(by_hand, name) for name in (ACCESS, DEFAULT)}
    by_hand.rmdir()
    assert run(2, "get", SOURCE, dest, env=hub.env, umask=0o077).code == 0
    for name in wanted:
        assert os.getxattr(dest / "sub" / "deep", name) == wanted[name]
    assert ACCESS in os.listxattr(dest / "sub" / "weights.bin")
    assert ACCESS not in os.listxattr(dest)


def test_cache_inherits_the_default_list(run, hub, tree, dest):
    """Also where the library's .locks, in which a folder is prepared, has none."""
    (dest / ".locks").mkdir(parents=True)
    os.setxattr(dest, DEFAULT, acl_for(USER, 5))
    os.chown(dest, -1, 77)
    dest.chmod(0o2775)
    result = run(2, "get", "--hf-cache", SOURCE, dest, env=hub.env)
    assert result.code == 0, result
    folder = dest / "models--acme--demo"
    places = [folder, folder / "snapshots", folder / "blobs", *(folder / "blobs").iterdir()]
    for place in [*places, *(folder / "snapshots").glob("*/sub/deep")]:
        assert ACCESS in os.listxattr(place), place
        assert place.stat().st_gid == 77, place


@pytest.fixture
def home(dest):
    """USER owns the directory that DEST lies in, and reaches it."""
    os.chown(dest.parent, USER, USER)
    for above in dest.parents:
        if str(above).startswith("/tmp/"):
            above.chmod(0o755)


def test_directory_above_that_is_closed_meanwhile(start, hub, tree, dest, home):
    """Nobody has taken the staging over: the reason is told, and the next run goes on."""
    held = hub.trouble(kind="cdn", hold=True)
    above = dest.parent.parent
    how = {"user": USER, "group": USER, "env": hub.env}
    job = start(1, "get", "--segment-size", MIB, SOURCE, dest, **how)
    assert hub.troubles.wait(held), job.result(None)
    above.chmod(0o700)
    hub.troubles.release()
    result = job.wait()
    above.chmod(0o755)
    assert result.code == 5 and "Permission denied" in result.err, result
    assert "taken over" not in result.err, result
    assert start(1, "get", SOURCE, dest, **how).wait().code == 0
    assert_same(dest, tree)


def test_group_that_cannot_be_given_loses_its_rights(run, hub, tree, dest, change, home):
    dest.mkdir()
    os.chown(dest, USER, 77)
    dest.chmod(0o2770)
    how = {"user": USER, "group": USER, "env": hub.env, "umask": 0o022}
    result = run(1, "get", SOURCE, dest, **how)
    assert result.code == 0 and "loses" in result.err and "the group 77" in result.err, result
    assert (mode(dest), dest.stat().st_gid) == (0o700, USER)
    # the same said by a list
    os.chown(dest, -1, 77)
    os.setxattr(dest, ACCESS, acl_for(STRANGER, 7))
    change()
    result = run(1, "get", SOURCE, dest, **how)
    assert result.code == 0 and "the group 77" in result.err, result
    assert os.getxattr(dest, ACCESS) == acl_for(STRANGER, 0)
    assert readable_by(dest / "config.json", STRANGER, STRANGER)
    assert not readable_by(dest / "config.json", STRANGER + 1, USER)


@pytest.mark.parametrize(
    "before, after",
    [
        (0o705, 0o700),
        (0o745, 0o704),
        (0o755, 0o705),
        (acl_for(STRANGER, 0, other=5), acl_for(STRANGER, 0)),
        (acl_for(STRANGER, 7, most=5, other=7), acl_for(STRANGER, 0, most=5, other=5)),
        (acl_for(STRANGER, 5, most=4, other=5), acl_for(STRANGER, 0, most=4, other=4)),
    ],
    ids=["denied", "read", "no less", "denied by a list", "by its mask", "by both"],
)
def test_what_a_lost_group_was_denied_is_denied_to_all_others(
    run, hub, tree, dest, home, before, after
):
    """Its members are among them then."""
    dest.mkdir()
    os.chown(dest, USER, 77)
    if isinstance(before, int):
        dest.chmod(before)
    else:
        os.setxattr(dest, ACCESS, before)
        os.setxattr(dest, DEFAULT, before)
    how = {"user": USER, "group": USER, "env": hub.env, "umask": 0o022}
    result = run(1, "get", SOURCE, dest, **how)
    assert result.code == 0 and "the group 77" in result.err, result
    if isinstance(before, int):
        assert mode(dest) == after
    else:
        assert os.getxattr(dest, ACCESS) == after
        assert os.getxattr(dest, DEFAULT) == after


@pytest.mark.parametrize("closed, opened", [(0o000, 0o400), (0o200, 0o600), (0o044, 0o444)])
def test_file_is_never_closed_to_its_owner(run, hub, tree, dest, home, change, closed, opened):
    """Whoever fetches it again can use it, and the next run can look at it."""
    how = {"user": USER, "group": USER, "env": hub.env, "umask": 0o022}
    assert run(1, "get", SOURCE, dest, **how).code == 0
    (dest / "config.json").chmod(closed)
    changed = change()
    result = run(1, "get", SOURCE, dest, **how)
    assert result.code == 0 and "cache" not in result.err, result
    assert mode(dest / "config.json") == opened
    assert_same(dest, changed)
    hub.reset()
    result = run(1, "get", SOURCE, dest, **how)
    assert result.code == 0 and hub.log("cdn") == [], result


def test_list_that_cannot_be_given_ends_the_run_at_once(run, hub, tree, dest):
    """A user of a name space has no number for the one that the list speaks of."""
    dest.mkdir()
    os.setxattr(dest, ACCESS, acl_for(USER, 5))
    result = run(0, "get", SOURCE, dest, env=hub.env, before=("unshare", "--map-root-user"))
    assert result.code == 5, result
    assert "access control list" in result.err and "remove that list" in result.err
    assert hub.log("cdn") == [] and hub.log("resolve*") == []
    assert os.listdir(dest) == [] and os.listdir(dest.parent) == ["model"]


def test_other_losses_are_told(run, hub, tree, dest):
    dest.mkdir()
    try:
        os.setxattr(dest, "trusted.stripes", b"8")
    except OSError as error:
        assert error.errno in (errno.EPERM, errno.EOPNOTSUPP)
        pytest.skip("no attributes but those of users here")
    result = run(2, "get", SOURCE, dest, env=hub.env)
    assert result.code == 0, result
    assert "trusted.stripes" in result.err and result.err.count("loses") == 1


def test_nothing_to_keep(run, hub, tree, dest):
    assert run(2, "get", SOURCE, dest, env=hub.env, umask=0o027).code == 0
    assert set(modes_of(dest).values()) == {0o750, 0o640}


BY_RANK = 'case $OMPI_COMM_WORLD_RANK in 0) umask 027;; 1) umask 077;; *) umask 0;; esac; exec "$@"'


@pytest.mark.parametrize("layout", [(), ("--hf-cache",)], ids=["directory", "cache"])
def test_umask_of_rank_0_holds(run, hub, tmp_path, dest, layout):
    """Each rank has another one."""
    files = {f"{i // 9}/{i}.bin": noise(MIB // 4, i) for i in range(45)}
    hub.add("acme/demo", write_tree(tmp_path / "tree", {**files, "large": noise(17 * MIB, 9)}))
    words = ("--connections", 1, "--segment-size", MIB)
    before = ("sh", "-c", BY_RANK, "sh")
    result = run(3, "get", *layout, *words, SOURCE, dest, env=hub.env, before=before)
    assert result.code == 0, result
    for path, bits in modes_of(dest).items():
        assert bits == (0o750 if (dest / path).is_dir() else 0o640), (path, oct(bits))


@pytest.mark.parametrize("rank", range(2))
def test_sync_is_decided_by_rank_0(start, hub, tree, dest, tmp_path, rank):
    """What one rank does not sync is not safe, whatever the others do. The source answers neither
    before both have asked it, each over its one connection: both have something to sync."""
    both = hub.trouble(kind="cdn", hold=True)
    each = [{"MPIFETCH_NO_SYNC": "1"} if number == rank else {} for number in range(2)]
    before = ("strace", "-f", "-qq", "-e", "trace=fsync,fdatasync,syncfs", "-o", tmp_path / "calls")
    traced = ("sh", "-c", f'exec {" ".join(map(str, before))}-$OMPI_COMM_WORLD_RANK "$@"', "sh")
    words = ("--connections", 1, "--max-connections", 2)
    job = start(2, "get", *words, SOURCE, dest, env=hub.env, each=each, before=traced)
    assert hub.troubles.wait(both, hits=2), job.result(None)
    hub.troubles.release()
    result = job.wait()
    assert result.code == 0, result
    for number in range(2):
        calls = (tmp_path / f"calls-{number}").read_text()
        assert ("sync" in calls) == (rank == 1), (number, calls)
