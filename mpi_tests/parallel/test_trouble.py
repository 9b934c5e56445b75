"""A Hub that is slow, tired, wrong or cut off in the middle of a run, and signals."""

import os
import re
import signal
import time
from pathlib import Path

import pytest
from conftest import MIB, noise, write_tree
from trees import (
    assert_alone,
    assert_nothing,
    assert_only_state,
    assert_same,
    assert_verifiable,
    snapshot,
)

SOURCE = "hf://acme/demo"
SIGNALS = (signal.SIGTERM, signal.SIGINT)


@pytest.fixture
def tree(hub, tmp_path):
    """Two LFS files of eight and five segments of 1 MiB, and some small ones."""
    made = write_tree(
        tmp_path / "tree",
        {
            "one.bin": noise(8 * MIB, 21),
            "two.bin": noise(4 * MIB + 1, 22),
            **{f"small/{i}.txt": b"%d\n" % i for i in range(60)},
        },
    )
    hub.add("acme/demo", made)
    return made


def get(hub, dest, *options):
    args = ("get", "--segment-size", MIB, *options, SOURCE, dest)
    return args, {"HF_ENDPOINT": hub.endpoint}


def fetch(run, hub, dest, ranks, *options):
    args, env = get(hub, dest, *options)
    return run(ranks, *args, env=env)


def assert_published(result, dest, tree):
    assert result.code == 0, result
    assert_same(dest, tree)
    assert_verifiable(dest)
    assert_alone(dest)


@pytest.mark.parametrize("ranks", [1, 3])
def test_url_runs_out_in_mid_file(run, hub, tree, dest, ranks):
    """One refusal, then a fresh URL from one new question for that file."""
    hub.trouble(kind="cdn", status=403, skip=2, times=1)
    result = fetch(run, hub, dest, ranks)
    assert_published(result, dest, tree)
    asked = [row["path"] for row in hub.log("resolve") if row["path"].endswith(".bin")]
    assert len(asked) == 3, asked  # two files, and one of them again


@pytest.mark.parametrize("ranks", [1, 3])
def test_urls_that_serve_only_a_few_requests(run, hub, tree, dest, ranks):
    hub.set(url_uses=4)
    options = ("--max-connections", ranks, "--connections", 1, "--retries", 20)
    assert_published(fetch(run, hub, dest, ranks, *options), dest, tree)
    assert 403 in {row["status"] for row in hub.log("cdn")}


def test_url_that_never_works(run, hub, tree, dest):
    hub.trouble(kind="cdn", status=403)
    result = fetch(run, hub, dest, 2, "--retries", 3)
    assert result.code == 3, result
    assert "403" in result.err
    assert_nothing(dest)
    assert len(hub.log("cdn")) < 200


def test_a_retry_says_what_failed_and_what_is_next(run, hub, tree, dest):
    hub.trouble(kind="cdn", status=500, times=1)
    result = fetch(run, hub, dest, 2, "-v", "--retries", 3)
    assert_published(result, dest, tree)
    failed = r"rank \d: '(one|two)\.bin': .*HTTP 500: internal server error: attempt 1 of 4 failed"
    assert len(re.findall(rf"{failed}, next attempt in \d\.\d s\n", result.err)) == 1, result


def test_too_many_requests_binds_the_whole_job(start, hub, tree, dest):
    """After one 429 the other ranks must not run on into the same wall. What is asked next gets
    no answer before the pause is known, so that those who do not obey have all of it to ask in."""
    pause = 5
    told = {"Retry-After": str(pause)}
    small = {"kind": "resolve", "path": "*/small/*"}
    refusal = hub.trouble(**small, status=429, headers=told, skip=5, times=1)
    hub.trouble(**small, hold=True, skip=5)
    args, env = get(hub, dest, "-v", "--connections", 2)
    job = start(3, *args, env=env)
    assert hub.troubles.wait(refusal), job.result(None)
    job.wait_for_text("asked to slow down")
    hub.troubles.release()
    released = time.time()
    assert_published(job.wait(), dest, tree)
    rows = hub.log("resolve")
    refused = next(row["time"] for row in rows if row["status"] == 429)
    early = [row for row in rows if released < row["time"] < refused + pause]
    assert len(early) <= 6, early  # word of the pause may cross one request of each connection


def test_rate_limit_window(start, hub, tree, dest):
    """Whoever waits for the end of the window is refused a file once at most. Two are asked for at
    once as it is used up, so that one is refused."""
    hub.set(limits={"resolvers": 45}, window=5)
    last = hub.trouble(kind="resolve", hold=True, skip=44)
    args, env = get(hub, dest, "--connections", 2)
    job = start(3, *args, env=env)
    assert hub.troubles.wait(last, hits=2), job.result(None)
    hub.troubles.release()
    assert_published(job.wait(), dest, tree)
    refused = [row["path"] for row in hub.log("resolve") if row["status"] == 429]
    assert 0 < len(refused) == len(set(refused)), refused


def test_limit_rate(run, hub, tree, dest):
    began = time.monotonic()
    result = fetch(run, hub, dest, 3, "--limit-rate", 6 * MIB)
    took = time.monotonic() - began
    assert_published(result, dest, tree)
    assert 12 * MIB / took <= 1.3 * 6 * MIB


@pytest.mark.parametrize(
    "kind, status",
    [("cdn", status) for status in (408, 429, 500, 502, 503, 504)]
    + [
        (k, s) for k in ("api-revision", "api-tree", "resolve", "resolve-cache") for s in (429, 500)
    ],
)
def test_passing_error(run, hub, tree, dest, kind, status):
    trouble = hub.trouble(kind=kind, status=status, times=2)
    assert_published(fetch(run, hub, dest, 2), dest, tree)
    assert trouble.hits == 2


@pytest.mark.parametrize("kind", ["api-revision", "api-tree", "resolve", "cdn"])
def test_lasting_error(run, hub, tree, dest, kind):
    hub.trouble(kind=kind, status=503)
    result = fetch(run, hub, dest, 2, "--retries", 2)
    assert result.code == 6, result
    assert "503" in result.err
    assert_nothing(dest)


@pytest.mark.parametrize("ranks", [1, 3])
def test_connections_cut_in_mid_body(run, hub, tree, dest, ranks):
    trouble = hub.trouble(kind="cdn", cut=300_000, times=6)
    result = fetch(run, hub, dest, ranks)
    assert_published(result, dest, tree)
    assert trouble.hits == 6
    asked = result.report["requests"]  # a copy that came in first makes a retry unneeded
    assert asked["retried"] + asked["cut"] >= 6


@pytest.mark.parametrize("path", ["*", "*/small/7.txt"])
def test_flipped_byte_once(run, hub, tree, dest, path):
    """Right length, wrong bytes: only the digest can tell, and a fresh fetch heals it."""
    trouble = hub.trouble(
        kind="cdn" if path == "*" else "resolve-cache", path=path, flip=0, times=1
    )
    assert_published(fetch(run, hub, dest, 3), dest, tree)
    assert trouble.hits == 1


@pytest.mark.parametrize("path", ["*", "*/small/7.txt"])
def test_flipped_byte_always(run, hub, tree, dest, path):
    hub.trouble(kind="cdn" if path == "*" else "resolve-cache", path=path, flip=0)
    result = fetch(run, hub, dest, 3)
    assert result.code == 4, result
    assert ("small/7.txt" if path != "*" else ".bin") in result.err
    assert_nothing(dest)


def test_failed_update_leaves_the_old_tree(run, hub, tree, dest, tmp_path):
    assert fetch(run, hub, dest, 2).code == 0
    before = snapshot(dest)
    hub.add("acme/demo", write_tree(tmp_path / "v2", {"one.bin": noise(5 * MIB, 23)}))
    hub.trouble(kind="cdn", flip=MIB + 1)
    result = fetch(run, hub, dest, 3)
    assert result.code == 4, result
    assert snapshot(dest) == before
    assert_only_state(dest)


@pytest.mark.parametrize(
    "number, to, old",
    [(n, to, False) for n in SIGNALS for to in ("launcher", "one rank", "all ranks", "alone")]
    + [(signal.SIGTERM, to, True) for to in ("launcher", "one rank", "alone")]
    # how schedulers and shells announce the end
    + [(getattr(signal, f"SIG{n}"), "alone", False) for n in ("HUP", "USR1", "USR2", "XCPU")],
)
def test_signal(start, run, hub, tree, dest, tmp_path, number, to, old):
    if old:
        hub.add("acme/demo", write_tree(tmp_path / "v0", {"old.txt": b"old"}))
        assert fetch(run, hub, dest, 2).code == 0
        hub.add("acme/demo", tree)
    before = snapshot(dest)
    stall = hub.trouble(kind="cdn", stall=1000)
    args, env = get(hub, dest)
    job = start(0 if to == "alone" else 3, *args, env=env)
    assert hub.troubles.wait(stall), job.result(None)
    ranks = job.ranks()
    assert len(ranks) == (1 if to == "alone" else 3)
    if to == "launcher":
        job.signal(number)
    else:
        for pid in ranks if to == "all ranks" else ranks[-1:]:
            os.kill(pid, number)
    result = job.wait()
    assert result.code == 7 if to == "alone" else result.code != 0, result
    assert result.out == ""
    assert job.wait_for_silence() == []
    # mpirun kills what takes too long, so there may have been no time for good order
    assert_only_state(dest, orderly=to == "alone")
    assert snapshot(dest) == before
    hub.troubles.release()
    hub.troubles.clear()
    assert_published(fetch(run, hub, dest, 2), dest, tree)


def is_ignored(pid, number):
    words = Path(f"/proc/{pid}/status").read_text().split()
    return bool(int(words[words.index("SigIgn:") + 1], 16) & 1 << (number - 1))


@pytest.mark.parametrize("ranks", [0, 2])
@pytest.mark.parametrize("name", ["HUP", "INT", "TERM", "USR1"])
def test_signal_that_was_ignored_from_the_start(start, hub, tree, dest, ranks, name):
    """As nohup leaves SIGHUP, and a shell SIGINT for what it puts in the background. A signal that
    is not ignored would find the run waiting for the source, and end it there."""
    stall = hub.trouble(kind="cdn", stall=1000)
    args, env = get(hub, dest)
    job = start(ranks, *args, env=env, before=("env", f"--ignore-signal={name}"))
    assert hub.troubles.wait(stall), job.result(None)
    for pid in job.ranks():
        number = getattr(signal, f"SIG{name}")
        assert is_ignored(pid, number), f"the program no longer ignores {name}"
        os.kill(pid, number)
    hub.troubles.release()
    assert_published(job.wait(), dest, tree)


@pytest.mark.parametrize("ignored", [False, True])
def test_signal_that_mpi_takes(start, hub, tree, dest, ignored):
    """UCX has a use of its own for SIGHUP, if Open MPI loads it."""
    stall = hub.trouble(kind="cdn", stall=1000)
    args, env = get(hub, dest)
    env["OMPI_MCA_osc"] = "^pt2pt"
    job = start(0, *args, env=env, before=("env", "--ignore-signal=HUP") if ignored else ())
    assert hub.troubles.wait(stall), job.result(None)
    (pid,) = job.ranks()
    assert "libucs" in Path(f"/proc/{pid}/maps").read_text()
    assert is_ignored(pid, signal.SIGHUP) == ignored
    os.kill(pid, signal.SIGHUP)
    if ignored:
        hub.troubles.release()
        assert_published(job.wait(), dest, tree)
    else:
        assert job.wait().code == 7
