"""Servers that are odd but have the file: it is fetched as curl and the Hub's library would."""

import hashlib

import pytest
from conftest import MIB, noise, write_tree
from hub import Hub
from trees import assert_alone, assert_nothing, assert_same, assert_verifiable, noted

SOURCE = "hf://acme/demo"
FILES = {"one.bin": noise(8 * MIB + 5, 81), "two.bin": noise(3 * MIB, 82), "a.txt": b"a\n"}


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
    again = result.report["requests"]["cut"]
    assert 1 <= len(whole_requests(hub, tree / "one.bin")) <= 1 + again
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


@pytest.mark.parametrize("ranks", [1, 3])
@pytest.mark.parametrize("status, code", [(403, 3), (404, 3), (500, 6), (503, 6)])
def test_ranges_that_came_are_not_blamed(start, run, hub, tree, dest, ranks, status, code):
    """The source breaks down in mid-file, once something has come: that is kept, and nothing is
    asked for whole."""
    (tree / "two.bin").unlink()
    hub.add("acme/demo", tree)
    hub.trouble(kind="cdn", ranged=True, status=status, skip=5, hold=True)
    job = fetch(start, hub, dest, ranks, "--connections", 2)
    # of the five one may be the last bytes, and one what another rank was late to note
    job.wait_until(lambda: noted(dest.parent) >= 3 * MIB)
    hub.troubles.release()
    result = job.wait()
    assert result.code == code, result
    assert "refuses ranges" not in result.err
    assert all(row["range"] for row in hub.log("cdn"))
    hub.troubles.clear()
    result = fetch(run, hub, dest, ranks)
    assert result.code == 0, result
    assert result.report["bytes"]["resumed"] >= 3 * MIB
    assert_same(dest, tree)


@pytest.mark.parametrize("files", [1, 8])
def test_an_outage_lasts_no_longer_with_more_files(run, hub, tmp_path, dest, files):
    """Three pauses, whatever is still to be fetched."""
    names = {f"{i}.bin": noise(2 * MIB, 90 + i) for i in range(files)}
    hub.add("acme/demo", write_tree(tmp_path / "many", names))
    hub.trouble(kind="cdn", status=503)
    result = fetch(run, hub, dest, 1, "--connections", 1, "-v")
    assert result.code == 6, result
    assert result.err.count(": no requests for ") == 3, result.err


def test_one_file_without_ranges_among_others(run, hub, tree, dest):
    digest = hashlib.sha256((tree / "one.bin").read_bytes()).hexdigest()
    hub.trouble(kind="cdn", path=f"*/{digest}", ranged=True, whole=True)
    result = fetch(run, hub, dest, 2)
    assert result.code == 0, result
    assert_same(dest, tree)
    plain = [row["path"].rpartition("/")[2] for row in hub.log("cdn") if not row["range"]]
    assert set(plain) == {digest}
    assert len(plain) <= 1 + result.report["requests"]["cut"]


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
    assert 12 <= len(hub.log("cdn")) <= 12 + result.report["requests"]["cut"]


def redirect_files(hub, other, repo):
    """The Hub sends for each LFS file to the same place of the other."""
    [commit] = repo.commits
    for name in ("one.bin", "two.bin"):
        place = {"Location": f"{other.endpoint}/acme/demo/resolve/{commit}/{name}"}
        hub.trouble(kind="resolve", path=f"*/{name}", status=307, headers=place)


@pytest.mark.parametrize("ranks", [1, 3])
def test_other_hub_is_asked_once_for_a_file(run, hub, tree, dest, ranks):
    """Not once for a segment, of which there are twelve; and without the token."""
    with Hub() as other:
        other.add("acme/demo", tree)
        redirect_files(hub, other, hub.add("acme/demo", tree))
        words = ("get", "--segment-size", MIB, SOURCE, dest)
        env = {"HF_ENDPOINT": hub.endpoint, "HF_TOKEN": "hf_secret"}
        hub.set(tokens={"hf_secret"})
        result = run(ranks, *words, env=env)
        assert result.code == 0, result
        asked = other.log("resolve")
        assert sorted(row["path"].rpartition("/")[2] for row in asked) == ["one.bin", "two.bin"]
        assert not any(row["had_auth"] for row in other.requests.rows("*"))
        assert any(row["had_auth"] for row in hub.log("resolve"))
        assert len(other.log("cdn")) >= 12
    assert_same(dest, tree)


def test_other_hub_that_does_not_answer_questions(run, hub, tree, dest):
    """It may still have the bytes."""
    with Hub() as other:
        other.add("acme/demo", tree)
        redirect_files(hub, other, hub.add("acme/demo", tree))
        other.trouble(kind="resolve", status=405, times=2)
        result = fetch(run, hub, dest, 1)
    assert result.code == 0, result
    assert_same(dest, tree)


def test_a_long_pause_is_cut_and_said_aloud(start, hub, tree, dest):
    """A quota that is spent for a day, in an answer that says where the file is."""
    repo = hub.add("acme/demo", tree)
    [commit] = repo.commits
    told = {
        "RateLimit": '"resolvers";r=0;t=86400',
        "Location": f"{hub.cdn}/lfs/00/none?Signature=x",
    }
    hub.trouble(kind="resolve", path="*.bin", status=302, headers=told, times=1)
    words = ("get", "--segment-size", MIB, "--connections", 1, SOURCE, dest)
    job = start(2, *words, env={"HF_ENDPOINT": hub.endpoint})
    job.wait_for_text("no questions to the source for 10m")
    job.process.terminate()
    assert job.wait().code != 0


def test_a_source_out_of_order_asked_for_nothing(run, hub, tree, dest):
    """503 without a time to wait: the pause is ours, and the words say why."""
    trouble = hub.trouble(kind="cdn", status=503, times=1)
    result = fetch(run, hub, dest, 2, "-v")
    assert result.code == 0, result
    assert trouble.hits == 1
    assert "the server is temporarily unavailable: no requests for" in result.err
    assert "asked to slow down" not in result.err
