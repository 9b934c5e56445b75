"""Several sources in one run: all are listed first, then each is published by itself."""

import json
import os
import re
import signal
import subprocess

import pytest
from conftest import MIB, noise
from job import PROGRAM, UNHURRIED
from trees import assert_same, assert_verifiable, sha256_of, write_tree

ONE, TWO, THREE = "hf://acme/one", "hf://acme/two", "hf://acme/three"
FILES = {
    "acme/one": {"config.json": b"{}\n", "weights.bin": noise(3 * MIB + 5, 1)},
    "acme/two": {"a/deep.txt": b"deep\n", "weights.bin": noise(2 * MIB, 2)},
    "acme/three": {"just.txt": b"text\n", "weights.bin": noise(2 * MIB + 1, 3)},
}


@pytest.fixture
def repos(hub, tmp_path):
    """What the Hub has, by name."""
    made = {}
    for name, files in FILES.items():
        made[name] = write_tree(tmp_path / "repos" / name, files)
        hub.add(name, made[name])
    return made


@pytest.fixture
def into(tmp_path):
    return tmp_path / "models"


def paths_asked(hub):
    return {row["path"].split("/resolve/")[0].strip("/") for row in hub.log("resolve")}


def published(into, *names):
    return "".join(f"{into / name}\n" for name in names)


def rows_of(result):
    return {row["source"].split("@")[0]: row for row in result.report["sources"]}


@pytest.mark.parametrize("ranks", [1, 3])
def test_each_has_a_place_of_its_own(run, hub, repos, into, ranks):
    result = run(ranks, "get", "--into", into, ONE, TWO, env=hub.env)
    assert result.code == 0, result
    assert result.out == published(into, "acme/one", "acme/two")
    for name in "acme/one", "acme/two":
        assert_same(into / name, repos[name])
        assert_verifiable(into / name)
    assert not (into / "acme/three").exists()
    report = result.report
    assert [row["source"] for row in report["sources"]] == [
        "hf://models/acme/one@main",
        "hf://models/acme/two@main",
    ]
    assert [row["path"] for row in report["sources"]] == result.out.splitlines()
    assert [row["lister"]["rank"] for row in report["sources"]] == [0, 0]
    assert (report["status"], report["error"], report["unchanged"]) == (0, None, False)
    for member in "bytes", "requests":
        for name, value in report[member].items():
            assert value == sum(row[member][name] for row in report["sources"])
    assert report["bytes"]["published"] == sum(
        len(data) for name in ("acme/one", "acme/two") for data in FILES[name].values()
    )
    result = run(ranks, "verify", into / "acme/one", into / "acme/two")
    assert result.code == 0, result
    assert result.out == published(into, "acme/one", "acme/two")


def test_one_trace_of_all(run, hub, repos, into, tmp_path):
    """One after the other; of what is there already there is nothing to tell."""
    assert run(1, "get", "--into", into, THREE, env=hub.env).code == 0
    trace = tmp_path / "trace.json"
    result = run(2, "get", "--trace", trace, "--into", into, THREE, ONE, TWO, env=hub.env)
    assert result.code == 0, result
    events = json.loads(trace.read_text())
    bars = {event["name"]: event for event in events if event.get("tid") == 4000}
    assert list(bars) == [ONE, TWO]
    assert bars[ONE]["ts"] == 0 and bars[ONE]["ts"] + bars[ONE]["dur"] <= bars[TWO]["ts"]
    for source, path in ((ONE, "config.json"), (TWO, "a/deep.txt")):
        [fetch] = [event for event in events if event["name"] == "hash" and event["args"]["file"] == path]
        assert fetch["ts"] >= bars[source]["ts"]


def test_verify_names_what_is_wrong(run, hub, repos, into):
    assert run(2, "get", "--into", into, ONE, TWO, env=hub.env).code == 0
    (into / "acme/two/a/deep.txt").write_bytes(b"de?p\n")
    (into / "acme/two/weights.bin").unlink()
    trees = [into / "acme" / name for name in ("one", "none", "two")]
    result = run(2, "verify", *trees)
    assert result.code == 5 and result.out == published(into, "acme/one"), result
    said = [line for line in result.err.splitlines() if line.startswith("mpifetch: ")]
    assert said[0].startswith(f"mpifetch: {trees[0]}: verified 2 files"), result
    for start in (f"cannot verify '{trees[1]}' ", f"'{trees[2]}' failed ",
                  f"'{trees[2]}/a/deep.txt': ", f"'{trees[2]}/weights.bin': missing"):  # fmt: skip
        assert len([line for line in said if line.startswith(f"mpifetch: {start}")]) == 1, result
    assert "3 trees: 1 verified, 2 failed" in result.err


def test_connections_serve_all(run, hub, repos, into):
    words = ("--connections", 1, "--include", "*.bin", "--into", into)
    result = run(1, "get", *words, ONE, TWO, THREE, env=hub.env)
    assert result.code == 0, result
    for kind in "api*", "cdn":
        rows = hub.log(kind)
        assert len(rows) >= 3 and len({row["port"] for row in rows}) == 1, rows


def test_one_source_too(run, hub, repos, into):
    result = run(2, "get", "--into", into, ONE, env=hub.env)
    assert result.code == 0, result
    assert result.out == published(into, "acme/one")
    assert_same(into / "acme/one", repos["acme/one"])
    assert "sources" not in result.report


def test_what_is_there_is_not_fetched_again(run, hub, repos, into):
    assert run(2, "get", "--into", into, ONE, env=hub.env).code == 0
    hub.reset()
    result = run(2, "get", "--into", into, ONE, TWO, env=hub.env)
    assert result.code == 0, result
    assert paths_asked(hub) == {"acme/two"}
    assert [row["unchanged"] for row in result.report["sources"]] == [True, False]
    assert "2 sources: 1 published, 1 already up to date" in result.err


def test_source_that_is_there_twice_counts_once(run, hub, repos, into):
    result = run(2, "get", "--into", into, ONE, TWO, ONE, env=hub.env)
    assert result.code == 0, result
    assert result.out == published(into, "acme/one", "acme/two")
    hub.reset()
    result = run(2, "get", "--into", into, THREE, THREE, env=hub.env)
    assert result.out == published(into, "acme/three"), result


def test_two_runs_in_another_order(start, hub, repos, into):
    """Each holds one at a time: what one run has in hand the other waits for, and only for that."""
    held = hub.trouble(kind="resolve", path="*acme/one*", hold=True)
    first = start(2, "get", "--into", into, ONE, TWO, env=hub.env)
    assert hub.troubles.wait(held), first.result(None)
    second = start(2, "get", "--into", into, TWO, ONE, env=hub.env)
    second.wait_until((into / "acme/two").exists)
    hub.troubles.release()
    for job in first, second:
        result = job.wait()
        assert result.code == 0, result
    for name in "acme/one", "acme/two":
        assert_same(into / name, repos[name])
    asked = [row["path"] for row in hub.log("resolve") if "acme/two" in row["path"]]
    assert len(set(asked)) == len(asked) == len(FILES["acme/two"]), asked


@pytest.mark.parametrize("killed", [False, True], ids=["signal", "kill"])
def test_end_in_between(start, run, hub, repos, into, killed):
    """What was published stays, and is not fetched again."""
    held = hub.trouble(kind="resolve", path="*acme/two*", hold=True)
    job = start(2, "get", "--into", into, ONE, TWO, THREE, env={**hub.env, **UNHURRIED})
    assert hub.troubles.wait(held), job.result(None)
    assert_same(into / "acme/one", repos["acme/one"])
    if killed:
        job.kill()
    else:
        job.signal(signal.SIGTERM)
        result = job.wait()
        assert result.code != 0, result
        assert result.out == published(into, "acme/one")
        assert [row["status"] for row in result.report["sources"]] == [0, 7, 7]
        assert "not tried" in result.report["sources"][2]["error"]
    hub.troubles.release()
    assert not (into / "acme/two").exists()
    hub.reset()
    result = run(2, "get", "--into", into, ONE, TWO, THREE, env=hub.env)
    assert result.code == 0, result
    assert paths_asked(hub) == {"acme/two", "acme/three"}
    for name in FILES:
        assert_same(into / name, repos[name])


def test_rank_that_is_lost_in_between(start, hub, repos, into):
    """The outcome of the first is certain, that of the second is not."""
    held = hub.trouble(kind="resolve", path="*acme/two*", hold=True)
    words = ("--rank-timeout", 2, "--into", into)
    job = start(3, "get", *words, ONE, TWO, THREE, env={**hub.env, **UNHURRIED})
    assert hub.troubles.wait(held), job.result(None)
    os.kill(job.rank(1), signal.SIGSTOP)
    result = job.wait()
    hub.troubles.release()
    assert result.code == 7, result
    assert result.out == published(into, "acme/one")
    assert "rank 1 on" in result.err and "1 published, 1 failed, 1 not tried" in result.err
    assert [row["status"] for row in result.report["sources"]] == [0, 7, 7]
    assert not (into / "acme/two").exists()


@pytest.mark.parametrize("ranks", [1, 3])
def test_one_fails_and_the_others_are_published(run, hub, repos, into, ranks):
    """What the Hub has is not what it says."""
    data = (repos["acme/two"] / "weights.bin").read_bytes()
    (repos["acme/two"] / "weights.bin").write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    result = run(ranks, "get", "--into", into, ONE, TWO, THREE, env=hub.env)
    assert result.code == 4, result
    assert result.out == published(into, "acme/one", "acme/three")
    for name in "acme/one", "acme/three":
        assert_same(into / name, repos[name])
    assert not (into / "acme/two").exists()
    said = [line for line in result.err.splitlines() if TWO in line and "weights.bin" in line]
    assert len(said) == 1, result
    assert [row["status"] for row in result.report["sources"]] == [0, 4, 0]
    assert result.report["status"] == 4
    assert result.report["error"] == result.report["sources"][1]["error"]
    assert "3 sources: 2 published, 1 failed" in result.err


def test_all_are_listed_before_one_is_fetched(run, hub, repos, into):
    result = run(2, "get", "--into", into, ONE, "hf://acme/none", TWO, env=hub.env)
    assert result.code == 3, result
    assert result.out == ""
    assert not into.exists() and hub.file_requests() == []
    assert "hf://acme/none: " in result.err
    assert [row["status"] for row in result.report["sources"]] == [3, 3, 3]
    assert [row["source"] for row in result.report["sources"]] == [ONE, "hf://acme/none", TWO]


@pytest.fixture
def disk(into):
    """Room for two of the three, in place of a directory."""
    into.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=6m", "none", into], check=True)
    yield into
    subprocess.run(["umount", into], check=True)


def test_room_is_looked_at_for_all(run, hub, repos, disk):
    result = run(2, "get", "--into", disk, ONE, TWO, THREE, env=hub.env)
    assert result.code == 5 and result.report["reason"] == "disk-full", result
    assert "not enough space for all sources on the file system of " in result.err
    assert re.search(r": 6\.00 MiB free, 7\.00 MiB needed\b", result.err), result
    assert hub.file_requests() == [] and list(disk.iterdir()) == []
    result = run(2, "plan", "--into", disk, ONE, TWO, THREE, env=hub.env)
    assert result.code == 0, result


def test_room_for_what_may_be_there_is_looked_at_later(run, hub, repos, disk):
    """A run that resumes needs less than is missing."""
    (disk / "acme" / ".three.mpifetch-left").mkdir(parents=True)
    result = run(2, "get", "--into", disk, ONE, TWO, THREE, env=hub.env)
    assert result.code == 5, result
    assert result.out == published(disk, "acme/one", "acme/two")
    assert "not enough space in " in result.err


def test_room_that_becomes_free_is_none_that_lacks(run, hub, repos, disk, tmp_path):
    """A tree that is replaced leaves its own to those behind it."""
    assert run(2, "get", "--into", disk, TWO, env=hub.env).code == 0
    later = write_tree(tmp_path / "later", {"weights.bin": noise(2 * MIB, 4)})
    hub.add("acme/two", later)
    result = run(2, "get", "--into", disk, TWO, THREE, env=hub.env)
    assert result.code == 0, result
    assert_same(disk / "acme/two", later)


def test_content_that_a_cache_shares_needs_room_once(run, hub, repos, disk, tmp_path):
    weights = FILES["acme/one"]["weights.bin"]
    later = write_tree(tmp_path / "later", {"weights.bin": weights, "again.bin": weights})
    hub.add("acme/one", later, ref="later")
    words = ("--hf-cache", "--cache-dir", disk, ONE, f"{ONE}@later")
    result = run(2, "get", *words, env=hub.env)
    assert result.code == 0, result
    assert_same(result.out.splitlines()[1], later)


def test_blobs_that_are_replaced_leave_their_room(run, hub, disk, tmp_path):
    names = "acme/four", "acme/five"
    for seed, name in enumerate(names):
        hub.add(name, write_tree(tmp_path / name, {"weights.bin": noise(1800000, 50 + seed)}))
    words = ("--hf-cache", "--cache-dir", disk, *(f"hf://{name}" for name in names))
    for again in (), ("--force-download",):
        result = run(1, "get", *again, *words, env=hub.env)
        assert result.code == 0, result


def test_plan_of_several(run, hub, repos, into):
    assert run(2, "get", "--into", into, ONE, env=hub.env).code == 0
    hub.reset()
    result = run(2, "plan", "--into", into, ONE, TWO, env=hub.env)
    assert result.code == 0, result
    assert hub.file_requests() == [] and not (into / "acme/two").exists()
    lines = result.out.splitlines()
    assert f"hf://models/acme/one@main to {into / 'acme/one'}:" in lines
    assert f"hf://models/acme/two@main to {into / 'acme/two'}:" in lines
    assert lines[-1] == "2 sources: 4 files, 5.00 MiB; to fetch: 2 files, 2.00 MiB", result
    assert run(2, "get", "--dry-run", "--into", into, ONE, TWO, env=hub.env).out == result.out


def test_progress_is_of_all(start, hub, repos, into):
    """The source of the second keeps them waiting until that is shown."""
    weights = FILES["acme/two"]["weights.bin"]
    hub.trouble(kind="cdn", path=f"*{sha256_of(weights)}", hold=True)
    job = start(2, "get", "--progress", "bar", "--into", into, ONE, TWO, env=hub.env)
    job.wait_for_text("3/4 files")
    hub.troubles.release()
    result = job.wait()
    assert result.code == 0, result
    shown = re.findall(r"(\d)/(\d) files .* of (\S+ MiB) \((\d+)%\)", result.err)
    assert shown and {(files, size) for _, files, size, _ in shown} == {("4", "5.00 MiB")}, result
    assert {percent for done, _, _, percent in shown if done == "3"} == {"60"}, result


REFUSED = [
    ("no place", ("get", ONE, TWO), "--into"),
    ("a directory", ("get", ONE, TWO, "DIR"), "--into"),
    ("into and DEST", ("get", "--into", "DIR", ONE, "DIR/one"), "--into"),
    ("into a cache", ("get", "--hf-cache", "--into", "DIR", ONE), "--into cannot"),
    ("one place", ("get", "--into", "DIR", ONE + "@main", ONE), "both"),
    ("one inside another", ("get", "--into", "DIR", "hf://acme", "hf://acme/one"), "inside"),
    ("no repository", ("get", "--into", "DIR", ONE, "https://example.org/f"), "example.org"),
    ("per node", ("get", "--per-node", "DIR", ONE, TWO), "--per-node"),
    ("two caches", ("get", "--hf-cache", "--cache-dir", "DIR", ONE, "DIR"), "--cache-dir"),
    ("clean", ("clean", "DIR", "DIR"), "only DIR"),
]


@pytest.mark.parametrize("words, says", [row[1:] for row in REFUSED], ids=[r[0] for r in REFUSED])
@pytest.mark.parametrize("ranks", [1, 2])
def test_refused(run, hub, repos, tmp_path, words, says, ranks):
    words = [str(tmp_path / word) if word.startswith("DIR") else word for word in words]
    result = run(ranks, *words, env=hub.env)
    assert result.code == 2, result
    said = [line for line in result.err.splitlines() if line.startswith("mpifetch: ")]
    assert says in said[0], result
    assert hub.log() == [] and not (tmp_path / "DIR").exists()


def test_ranks_with_other_sources(run, hub, repos, into):
    """Which a script may bring about that makes the command line on each node."""
    words = ("get", "--into", into, ONE)
    result = run(1, *words, TWO, ":", "-n", "1", PROGRAM, *words, THREE, env=hub.env)
    assert result.code == 2, result
    assert f"rank 1 was started with SOURCE '{ONE} and 1 more'" in result.err, result
    result = run(1, *words, TWO, ":", "-n", "1", PROGRAM, *words, env=hub.env)
    assert result.code == 2, result
    assert f"rank 1 was started with SOURCE '{ONE}'" in result.err, result
    assert hub.log() == [] and not into.exists()
