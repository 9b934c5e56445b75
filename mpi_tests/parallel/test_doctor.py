"""The command doctor: on real file systems, and on those that a preloaded library makes worse."""

import json
import os
import shutil
import signal
import tempfile
import time
from pathlib import Path

import pytest
from job import PATIENCE, send, words_of

SHAM = os.environ["MPIFETCH_SHAM"]
PREFIX = ".mpifetch-doctor-"
TRIALS = (
    "rename_file rename_directory rename_onto_empty rename_symlink rename_noreplace "
    "rename_exchange hard_link symlink exclusive case_sensitive"
).split()
SIGHTS = "new_file renamed_directory replaced_file grown_file removed_file".split()


@pytest.fixture
def dir(tmp_path):
    (tmp_path / "dir").mkdir()
    return tmp_path / "dir"


@pytest.fixture
def ram():
    """A directory on tmpfs."""
    made = tempfile.mkdtemp(prefix="doctor-", dir="/dev/shm")
    yield Path(made)
    shutil.rmtree(made)


def sections(result, name):
    return [one for one in result.report["sections"] if one["section"] == name]


def findings(result, name):
    (section,) = sections(result, name)
    return section["findings"]


def verdict(result, section, key):
    return findings(result, section)[key]["verdict"]


def advice(result, topic):
    """level -> texts."""
    found = {}
    for one in result.report["advice"]:
        if one["topic"] == topic:
            found.setdefault(one["level"], []).append(one["text"])
    return found


def sham(nodes=True, **how):
    names = {f"SHAM_{name.upper()}": value for name, value in how.items()}
    return {"LD_PRELOAD": SHAM, **({"SHAM_NODES": "1"} if nodes else {}), **names}


@pytest.mark.parametrize("ranks", [0, 2])
def test_sound(run, dir, ranks):
    """A disk of this machine is all that one may ask for; nothing is left behind."""
    result = run(ranks, "doctor", dir)
    assert result.code == 0, result
    assert os.listdir(dir) == []
    assert result.err == ""
    report = result.report
    assert (report["format"], report["version"], report["status"]) == ("mpifetch-doctor", 1, 0)
    assert (report["path"], report["ranks"]) == (str(dir), max(ranks, 1))
    assert len(report["nodes"]) == 1
    assert {key: verdict(result, "names", key) for key in TRIALS} == dict.fromkeys(TRIALS, "works")
    assert verdict(result, "names", "race") == "works"
    assert verdict(result, "sharing", "shared") == "untested"
    for lock in "flock", "fcntl", "ofd":
        assert verdict(result, "locks", lock) == "within_node_tested"
    for kind in SIGHTS:
        assert findings(result, "visibility")[kind]["seconds"] >= 0
    assert findings(result, "speed")["files_one"]["files_per_second"] > 0
    assert findings(result, "speed")["bytes_one"]["bytes_per_second"] > 0
    assert "files_all" not in findings(result, "speed")
    assert any("one rename" in text for text in advice(result, "publishing")["good"])
    # the table says the same
    assert result.out.startswith(f"{dir}, tested by {max(ranks, 1)} rank")
    for section in report["sections"]:
        assert f"\n{section['title']}\n" in result.out
        for row in section["findings"].values():
            assert "".join(row["text"].split()) in "".join(result.out.split())
    for one in report["advice"]:
        assert "".join(one["text"].split()) in "".join(result.out.split())


def test_what_it_is_on(run, ram):
    """As the kernel's own list of mounts has it, and df."""
    result = run(2, "doctor", "--quick", ram)
    assert result.code == 0, result
    found = findings(result, "file_system")
    assert found["type"]["text"].startswith("tmpfs") and found["type"]["magic"] == 0x01021994
    assert found["mounted"]["text"].endswith(" on /dev/shm")
    mounts = Path("/proc/mounts").read_text().splitlines()
    mount = [line for line in mounts if " /dev/shm " in line][-1]  # what covers the others
    assert set(mount.split()[3].split(",")) == set(found["options"]["text"].split(","))
    assert 0 < found["free"]["bytes"] <= shutil.disk_usage(ram).total
    assert sections(result, "speed") == []
    assert os.listdir(ram) == []


def test_nodes(run, dir, ranks=3):
    """Locks of a disk exclude whoever asks; here they are taken from what count as other nodes."""
    result = run(ranks, "doctor", dir, env=sham())
    assert result.code == 0, result
    assert len(result.report["nodes"]) == ranks
    assert verdict(result, "sharing", "shared") == "works"
    for lock in "flock", "fcntl", "ofd":
        assert verdict(result, "locks", lock) == "between_nodes"
    assert "good" in advice(result, "huggingface_hub")
    assert f"{ranks - 1} other node" in sections(result, "visibility")[0]["title"]
    assert findings(result, "speed")["files_all"]["files_per_second"] > 0
    assert findings(result, "speed")["bytes_all"]["bytes_per_second"] > 0


@pytest.mark.parametrize(
    "how, other, nodes, word, said",
    [
        ("LIE", "NODE", True, "excludes_nobody", "not lock between any two processes"),
        ("NODE", "LIE", True, "within_node_only", "not lock between processes on different nodes"),
        ("LIE", "ENOLCK", False, "excludes_nobody", "not lock between any two processes"),
        ("NODE", "EIO", False, "within_node_tested", "ranks on two nodes"),
        ("ENOSYS", None, True, "refused", "falls back to lock files"),
        ("EIO", "NODE", False, "refused", "other than ENOSYS"),
    ],
)
def test_locks(run, dir, how, other, nodes, word, said):
    """What is wrong with one kind of lock is not said of the other."""
    words = {
        "LIE": "excludes_nobody",
        "NODE": "within_node_only" if nodes else "within_node_tested",
        None: "between_nodes" if nodes else "within_node_tested",
    }
    env = sham(nodes, flock=how, **({"fcntl": other} if other else {}))
    result = run(2, "doctor", "--quick", dir, env=env)
    assert result.code == 0, result
    assert verdict(result, "locks", "flock") == word
    assert verdict(result, "locks", "fcntl") == verdict(result, "locks", "ofd")
    assert verdict(result, "locks", "fcntl") == words.get(other, "refused")
    assert any(said in text for text in sum(advice(result, "huggingface_hub").values(), []))
    if word == "refused":
        assert how in findings(result, "locks")["flock"]["text"]


def test_locks_of_one_node(start, dir):
    """One of three nodes gets what is held, and is named."""
    env = sham()
    job = start(0, "doctor", "--quick", dir, each=[env, env, {**env, "SHAM_FLOCK": "LIE"}])
    result = job.wait()
    assert verdict(result, "locks", "flock") == "within_node_only"
    job = start(0, "doctor", "--quick", dir, each=[env, {**env, "SHAM_FLOCK": "ENOSYS"}])
    result = job.wait()
    assert verdict(result, "locks", "flock") == "uneven"
    assert "ENOSYS" in findings(result, "locks")["flock"]["text"]


def test_no_exchange(run, dir):
    result = run(2, "doctor", "--quick", dir, env=sham(rename2="EINVAL"))
    assert result.code == 0, result
    assert verdict(result, "names", "rename_exchange") == "refused"
    assert "EINVAL" in findings(result, "names")["rename_exchange"]["text"]
    assert verdict(result, "names", "rename_noreplace") == "refused"
    assert verdict(result, "names", "rename_directory") == "works"
    assert any("symlink into" in text for text in advice(result, "publishing")["note"])


def test_calls_that_lie(run, dir):
    result = run(1, "doctor", "--quick", dir, env=sham(rename2="LIE"))
    assert result.code == 0, result
    assert verdict(result, "names", "rename_exchange") == "wrong"
    assert verdict(result, "names", "rename_noreplace") == "wrong"
    assert verdict(result, "names", "rename_file") == "works"


def test_no_links(run, dir):
    result = run(2, "doctor", "--quick", dir, env=sham(linkless="1", rename2="EINVAL"))
    assert result.code == 0, result
    assert verdict(result, "names", "symlink") == "refused"
    assert verdict(result, "names", "hard_link") == "refused"
    assert any("cannot publish" in text for text in advice(result, "publishing")["warning"])
    assert any("HF_HUB_DISABLE_SYMLINKS" in text for text in advice(result, "cache")["note"])


def test_race(run, dir):
    result = run(3, "doctor", "--quick", dir, env=sham(shared="1"))
    assert result.code == 0, result
    assert verdict(result, "names", "exclusive") == "wrong"
    assert verdict(result, "names", "race") == "wrong"
    assert "4 winners" in findings(result, "names")["race"]["text"]
    assert any("O_EXCL" in text for text in advice(result, "other programs")["warning"])


@pytest.mark.parametrize("what", ["BYTES", "INODES"])
def test_full(run, dir, what):
    """What cannot be tried for want of room is no fault of the file system."""
    result = run(2, "doctor", "--quick", dir, env=sham(full=what))
    assert result.code == 0, result
    warnings = [one for one in result.report["advice"] if one["level"] == "warning"]
    assert ["too full to test everything" in one["text"] for one in warnings] == [True]
    assert advice(result, "publishing").get("good") is None
    assert not any("differ in case" in one["text"] for one in result.report["advice"])
    made = what == "BYTES"
    assert verdict(result, "sharing", "shared") == ("works" if made else "untested")
    assert verdict(result, "locks", "flock") == ("between_nodes" if made else "untested")
    assert verdict(result, "names", "race") == ("works" if made else "untested")
    for key in TRIALS:
        if not (made and key in ("exclusive", "rename_symlink")):
            assert verdict(result, "names", key) == "untested", key
    assert "not tested: ENOSPC" in findings(result, "names")["rename_directory"]["text"]
    assert {verdict(result, "visibility", kind) for kind in SIGHTS} <= {"seen", "untested"}
    assert os.listdir(dir) == []


def test_scratch(start, dir, ram, tmp_path):
    """Each node's own: those that are alike are one table, and the slowest is named."""
    (tmp_path / "disk").mkdir()
    env = sham()
    each = [{**env, "MPIFETCH_SCRATCH": str(ram)}] * 2
    each += [{**env, "MPIFETCH_SCRATCH": str(tmp_path / "disk")}, env]
    each += [{**env, "MPIFETCH_SCRATCH": str(tmp_path / "none")}]
    result = start(0, "doctor", dir, each=each).wait()
    assert result.code == 0, result
    first, second, third = sections(result, "scratch")
    assert f"'{ram}' on 2 nodes" in first["title"]
    assert first["findings"]["type"]["magic"] == 0x01021994
    assert first["findings"]["flock"]["verdict"] == "within_node_tested"
    assert first["findings"]["bytes"]["bytes_per_second"] > 0
    assert "slowest" in first["findings"]["bytes"]["text"]
    assert f"'{tmp_path / 'disk'}' on 1 node" in second["title"]
    assert third["findings"]["type"]["verdict"] == "refused"
    assert "ENOENT" in third["findings"]["type"]["text"]
    assert os.listdir(dir) == os.listdir(ram) == os.listdir(tmp_path / "disk") == []


@pytest.mark.parametrize("quick", [0, 1])
def test_environments_differ(start, dir, tmp_path, quick):
    """All run the list of rank 0, whatever is asked of the others, and each looks at its own
    scratch directory."""
    (tmp_path / "own").mkdir()
    others = {"MPIFETCH_QUICK": "yes", "MPIFETCH_SCRATCH": str(tmp_path / "own")}
    each = [sham(), {**sham(), **others}]
    result = start(0, "doctor", dir, each=each[::-1] if quick else each).wait()
    assert result.code == 0, result
    assert len(sections(result, "speed")) == 1 - quick
    (scratch,) = sections(result, "scratch")
    assert "on 1 node" in scratch["title"]
    assert ("bytes" in scratch["findings"]) == (not quick)
    assert os.listdir(dir) == os.listdir(tmp_path / "own") == []


def test_scratch_none(run, dir):
    result = run(1, "doctor", "--quick", "--scratch", "none", dir)
    assert result.code == 0 and sections(result, "scratch") == [], result


def test_missing(run, tmp_path):
    result = run(2, "doctor", tmp_path / "none")
    assert result.code == 5, result
    assert f"'{tmp_path / 'none'}'" in result.err and "ENOENT" in result.err
    assert result.out == ""
    assert result.report["status"] == 5 and "ENOENT" in result.report["error"]


def test_a_file(run, tmp_path):
    (tmp_path / "file").write_text("")
    result = run(1, "doctor", tmp_path / "file")
    assert result.code == 5 and "ENOTDIR" in result.err, result
    assert "a part of the path is a file" in result.err and "make the directory" not in result.err


def test_read_only(run, dir):
    """What can be had without writing is there."""
    result = run(2, "doctor", dir, env=sham(readonly="1"))
    assert result.code == 5, result
    assert "cannot create a directory in" in result.err and "EROFS" in result.err
    assert verdict(result, "file_system", "free") in ("writable", "read_only")
    assert "file system" in result.out and "advice" not in result.out
    assert sections(result, "locks") == [] and result.report["advice"] == []


def test_names_that_are_odd(run, tmp_path):
    odd = tmp_path / "a b\n\u00e9'%s"
    odd.mkdir()
    result = run(1, "doctor", "--quick", "odd/../" + odd.name, cwd=tmp_path)
    assert result.code == 5, result  # "odd" is not there
    result = run(1, "doctor", "--quick", odd.name, cwd=tmp_path)
    assert result.code == 0, result
    assert verdict(result, "names", "rename_exchange") == "works"
    assert os.listdir(odd) == []


def tool(path, text, **how):
    """An environment with a program of that name on PATH, on what says it is Lustre."""
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return {"PATH": f"{path.parent}:{os.environ['PATH']}", **sham(magic="0x0bd00bd0"), **how}


def test_lfs(run, dir, tmp_path):
    """A program called lfs is asked on Lustre alone; no shell reads the path, and of the
    environment it gets what it needs."""
    secrets = {"HF_TOKEN": "hf_secret", "MPIFETCH_HEADER": "X-Key: secret"}
    text = f'echo "$@" >> {tmp_path}/asked; env >> {tmp_path}/env; printf "stripe_count: 4\\n\\tx"'
    env = tool(tmp_path / "bin" / "lfs", text, **secrets)
    result = run(2, "doctor", "--quick", dir, env=env)
    assert result.code == 0, result
    assert findings(result, "file_system")["stripes"]["text"] == "stripe_count: 4  x"
    asked = (tmp_path / "asked").read_text().splitlines()
    assert asked == [f"getstripe -d {dir}", f"quota -q {dir}"]
    names = {line.partition("=")[0] for line in (tmp_path / "env").read_text().splitlines()}
    assert {"PATH", "HOME", "LANG"} <= names
    of_the_shell = {"PWD", "OLDPWD", "SHLVL", "_"}
    assert names - of_the_shell <= {"PATH", "HOME", "LANG", "LD_LIBRARY_PATH"}
    result = run(1, "doctor", "--quick", dir, env={"PATH": env["PATH"]})
    assert result.code == 0 and "stripes" not in findings(result, "file_system"), result
    assert (tmp_path / "asked").read_text().splitlines() == asked


def test_no_lfs(run, dir):
    result = run(1, "doctor", "--quick", dir, env=sham(magic="0x0bd00bd0"))
    assert result.code == 0, result
    assert "ENOENT" in findings(result, "file_system")["stripes"]["text"]


def test_lfs_ends_with_its_rank(start, dir, tmp_path):
    text = f"echo > {tmp_path}/begun; exec sleep 1000"
    job = start(2, "doctor", "--quick", dir, env=tool(tmp_path / "bin" / "lfs", text))
    job.wait_until((tmp_path / "begun").exists)
    send(signal.SIGKILL, *without_helpers(job))
    job.process.wait()
    assert job.wait_for_silence() == []


def lock_that_hangs(result):
    """The call is left alone, and the rest is tested."""
    assert verdict(result, "locks", "flock") == "silent"
    assert verdict(result, "locks", "fcntl") == "between_nodes"
    assert {key: verdict(result, "names", key) for key in TRIALS} == dict.fromkeys(TRIALS, "works")
    assert any("hangs" in text for text in advice(result, "huggingface_hub")["warning"])


def node_elsewhere(result):
    """It is named, and nothing waits for what it cannot see."""
    shared = findings(result, "sharing")["shared"]
    assert shared["verdict"] == "wrong" and "1 of 3 nodes" in shared["text"]
    assert any("1 of 3 nodes" in text for text in advice(result, "publishing")["warning"])
    assert "1 other node" in sections(result, "visibility")[0]["title"]
    assert verdict(result, "locks", "flock") == "between_nodes"


def change_not_seen(result):
    assert verdict(result, "visibility", "renamed_directory") == "unseen"
    assert verdict(result, "visibility", "new_file") == "seen"
    assert any("not seen in time" in text for text in advice(result, "publishing")["warning"])


def lfs_that_hangs(result):
    assert "no response in time" in findings(result, "file_system")["stripes"]["text"]
    assert verdict(result, "names", "rename_exchange") == "works"


def made_too_late(result):
    assert "cannot create a directory in" in result.err and "could not remove" not in result.err


def test_what_is_waited_for(start, tmp_path):
    """All at once, since each does little but wait. No process stays, and no file."""
    env = sham()
    blind = {**env, "SHAM_BLIND": PREFIX}
    late = {**env, "SHAM_BLIND": "/sight-renamed_directory/after"}
    lfs = {**env, **tool(tmp_path / "bin" / "lfs", "exec sleep 1000")}
    cases = [
        (lock_that_hangs, 0, [sham(flock="HANG")] * 2),
        (node_elsewhere, 0, [env, blind, env]),
        (change_not_seen, 0, [env, late]),
        (lfs_that_hangs, 0, [lfs] * 2),
        (made_too_late, 5, [sham(make="HANG")]),
    ]
    jobs = []
    for look, _, each in cases:
        (tmp_path / look.__name__).mkdir()
        jobs.append(start(0, "doctor", "--quick", tmp_path / look.__name__, each=each))
    for job, (look, code, _) in zip(jobs, cases):
        result = job.wait()
        assert result.code == code, (look.__name__, result)
        look(result)
        assert job.wait_for_silence() == []
        assert os.listdir(tmp_path / look.__name__) == []


def is_rank(pid, number):
    return b"OMPI_COMM_WORLD_RANK=%d" % number in words_of(pid, "environ")


def without_helpers(job):
    """Process ids of the ranks. A helper is the child of one, whatever it calls itself yet."""
    found = job.ranks()
    return [pid for pid in found if parent_of(pid) not in found]


def parent_of(pid):
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return None  # it has ended


def wait_for_hang(dir, rank=0):
    until = time.monotonic() + PATIENCE
    while not list(dir.glob(f"{PREFIX}*/lock-flock.hangs-{rank}")):
        assert time.monotonic() < until
        time.sleep(0.01)


@pytest.mark.parametrize("ranks, to", [(1, 0), (3, 2)])
def test_signal(start, dir, ranks, to):
    """It ends at once and leaves nothing, whichever rank the signal came to."""
    env = sham(flock="HANG")
    job = start(ranks, "doctor", dir, env=env)
    wait_for_hang(dir)
    (pid,) = [pid for pid in without_helpers(job) if is_rank(pid, to)]
    os.kill(pid, signal.SIGTERM)
    result = job.wait()
    assert result.code == 7, result
    assert "interrupted" in result.err
    assert os.listdir(dir) == []
    assert job.wait_for_silence() == []


def test_lost(start, dir):
    """A rank that is silent ends it, and rank 0 removes what it can by itself."""
    job = start(3, "doctor", "--rank-timeout", "3", dir, env=sham(flock="HANG"))
    wait_for_hang(dir)
    send(signal.SIGSTOP, *[pid for pid in job.ranks() if is_rank(pid, 2)])
    result = job.wait()
    assert result.code == 7, result
    assert "rank 2" in result.err and "could not remove" not in result.err
    assert os.listdir(dir) == []


def test_lost_with_scratch(start, dir, tmp_path):
    """Each rank that is left removes what it made itself."""
    places = [tmp_path / f"scratch-{rank}" for rank in range(3)]
    for place in places:
        place.mkdir()
    each = [{**sham(flock="HANG"), "MPIFETCH_SCRATCH": str(place)} for place in places]
    job = start(0, "doctor", "--quick", "--rank-timeout", "3", dir, each=each)
    for number, place in enumerate(places):
        wait_for_hang(place, number)
    send(signal.SIGSTOP, *[pid for pid in job.ranks() if is_rank(pid, 2)])
    result = job.wait()
    assert result.code == 7, result
    assert "rank 2" in result.err and "could not remove" not in result.err
    assert os.listdir(dir) == os.listdir(places[0]) == os.listdir(places[1]) == []


def test_made_too_late(start, dir):
    """Our directory has a name before it is there, so it goes even where nobody heard of it."""
    job = start(2, "doctor", "--quick", dir, env=sham(make="HANG"))
    job.wait_until(lambda: os.listdir(dir))
    (pid,) = [pid for pid in without_helpers(job) if is_rank(pid, 0)]
    os.kill(pid, signal.SIGTERM)
    result = job.wait()
    assert result.code == 7, result
    assert "could not remove" not in result.err
    assert os.listdir(dir) == []
    assert job.wait_for_silence() == []


def test_killed(start, dir):
    """What is left after SIGKILL is one directory of a known name, and no process."""
    job = start(2, "doctor", dir, env=sham(flock="HANG"))
    wait_for_hang(dir)
    send(signal.SIGKILL, *without_helpers(job))
    job.process.wait()
    assert job.wait_for_silence() == []
    assert [name.startswith(PREFIX) for name in os.listdir(dir)] == [True]


@pytest.mark.parametrize(
    "args, words",
    [
        (["doctor"], "missing DIR"),
        (["doctor", "a", "b"], "unexpected argument"),
        (["doctor", "--force", "a"], "--force cannot be used with 'doctor'"),
        (["get", "--quick", "a", "b"], "--quick cannot be used with 'get'"),
        (["verify", "--quick", "a"], "--quick cannot be used with 'verify'"),
    ],
)
def test_usage(run, args, words):
    result = run(0, *args)
    assert result.code == 2, result
    assert words in result.err


def test_help(run):
    result = run(0, "doctor", "--help")
    assert result.code == 0 and "--quick" in result.out and "--include" not in result.out
    assert "for doctor: none" in " ".join(result.out.split())
    assert "--quick" not in run(0, "get", "--help").out


def test_report_beside(run, dir, tmp_path):
    result = run(1, "doctor", "--quick", "--report", tmp_path / "r.json", dir)
    assert result.code == 0, result
    assert json.loads((tmp_path / "r.json").read_text())["format"] == "mpifetch-doctor"
