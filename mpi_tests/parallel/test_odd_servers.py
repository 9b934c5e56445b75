"""Servers that are odd but have the file: it is fetched as curl and the Hub's library would."""

import hashlib

import pytest
from conftest import MIB, noise, write_tree
from trees import assert_alone, assert_nothing, assert_same, assert_verifiable

SOURCE = "hf://acme/demo"


@pytest.fixture
def tree(hub, tmp_path):
    files = {"one.bin": noise(8 * MIB + 5, 81), "two.bin": noise(3 * MIB, 82), "a.txt": b"a\n"}
    made = write_tree(tmp_path / "tree", files)
    hub.add("acme/demo", made)
    return made


def fetch(run, hub, dest, ranks, *options):
    words = ("get", "--segment-size", MIB, "--retries", 3, "--retry-delay", "0.1", *options)
    return run(ranks, *words, SOURCE, dest, env={"HF_ENDPOINT": hub.endpoint})


def whole_requests(hub, path):
    """Requests without a range to the CDN, for which all of the file was sent."""
    size = path.stat().st_size
    rows = [row for row in hub.log("cdn") if row["range"] is None]
    return [row for row in rows if row["bytes"] == size]


@pytest.mark.parametrize("ranks", [1, 3])
@pytest.mark.parametrize("status", [400, 403, 404, 405, 406, 416, 500, 501, 503])
def test_cdn_refuses_ranges(run, hub, tree, dest, ranks, status):
    hub.trouble(kind="cdn", ranged=True, status=status)
    result = fetch(run, hub, dest, ranks)
    assert result.code == 0, result
    assert_same(dest, tree)
    assert_verifiable(dest)
    assert_alone(dest)
    assert len(whole_requests(hub, tree / "one.bin")) == 1
    assert f"refuses ranges (HTTP {status})" in result.err


@pytest.mark.parametrize("ranks", [1, 3])
@pytest.mark.parametrize("skip", [0, 4])
@pytest.mark.parametrize("scratch", [True, False])
def test_cdn_ignores_ranges(run, hub, tree, dest, tmp_path, ranks, skip, scratch):
    """From the start, or after some segments have come."""
    (tmp_path / "scratch").mkdir()
    options = ("--scratch", tmp_path / "scratch" if scratch else "none")
    hub.trouble(kind="cdn", ranged=True, whole=True, skip=skip)
    result = fetch(run, hub, dest, ranks, *options)
    assert result.code == 0, result
    assert_same(dest, tree)
    assert_verifiable(dest)
    assert_alone(dest)
    assert "ignores ranges" in result.err


def test_one_file_without_ranges_among_others(run, hub, tree, dest):
    digest = hashlib.sha256((tree / "one.bin").read_bytes()).hexdigest()
    hub.trouble(kind="cdn", path=f"*/{digest}", ranged=True, whole=True)
    result = fetch(run, hub, dest, 2)
    assert result.code == 0, result
    assert_same(dest, tree)
    plain = [row["path"].rpartition("/")[2] for row in hub.log("cdn") if not row["range"]]
    assert plain == [digest]


@pytest.mark.parametrize("status", [403, 404])
def test_missing_is_still_missing(run, hub, tree, dest, status):
    """Without a range as well: the server means it, and one question more has shown it."""
    hub.trouble(kind="cdn", status=status)
    result = fetch(run, hub, dest, 2)
    assert result.code == 3, result
    assert str(status) in result.err
    assert len(hub.log("cdn")) < 60
    assert_nothing(dest)


def test_healthy_source_is_asked_nothing_more(run, hub, tree, dest):
    result = fetch(run, hub, dest, 2)
    assert result.code == 0, result
    assert all(row["range"] for row in hub.log("cdn"))
    assert len(hub.log("cdn")) == 12 + result.report["requests"]["duplicated"]
