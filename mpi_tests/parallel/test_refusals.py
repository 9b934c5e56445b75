"""What the Hub refuses, what is hostile in its answers, and secrets that must stay secret."""

import os
import re
from pathlib import Path

import pytest
from conftest import MIB, noise, write_tree
from job import PROGRAM
from trees import assert_nothing, assert_same, assert_verifiable, snapshot

SOURCE = "hf://acme/demo"
TOKEN = "hf_AbCdEf0123456789SeCrEt"


@pytest.fixture
def tree(hub, tmp_path):
    files = {"config.json": b"{}\n", "weights.bin": noise(6 * MIB, 11)}
    made = write_tree(tmp_path / "tree", files)
    hub.add("acme/demo", made)
    hub.set(tokens={TOKEN, "hf_stranger"})
    return made


def env(hub, token=None, **more):
    return {"HF_ENDPOINT": hub.endpoint, **({"HF_TOKEN": token} if token else {}), **more}


REFUSALS = [
    # id, source, repository's attributes, token, what the sentence must say, reason
    (
        "no repository, no token",
        "hf://acme/none",
        {},
        None,
        r"acme/none.*(not found|no such|token)",
        "repository-not-found",
    ),
    (
        "no repository",
        "hf://acme/none",
        {},
        TOKEN,
        r"acme/none.*(not found|no such|exist)",
        "repository-not-found",
    ),
    ("no revision", SOURCE + "@nope", {}, None, r"nope", "revision-not-found"),
    ("private", SOURCE, {"private": True}, None, r"token", "repository-not-found"),
    (
        "private, stranger",
        SOURCE,
        {"private": True},
        "hf_stranger",
        r"acme/demo",
        "repository-not-found",
    ),
    ("gated, no token", SOURCE, {"gated": "auto"}, None, r"gated|licen[cs]e|terms|token", "gated"),
    (
        "gated, stranger",
        SOURCE,
        {"gated": "auto"},
        "hf_stranger",
        r"gated|licen[cs]e|terms",
        "gated",
    ),
    (
        "gated, a small file, stranger",
        SOURCE + "/config.json",
        {"gated": "auto"},
        "hf_stranger",
        r"gated|licen[cs]e|terms",
        "gated",
    ),
    ("bad token", SOURCE, {}, "hf_expired", r"token", "bad-token"),
    ("disabled", SOURCE, {"disabled": True}, None, r"disabled", "disabled"),
    ("no such file", SOURCE + "/nope.bin", {}, None, r"nope\.bin", "entry-not-found"),
]


@pytest.mark.parametrize(
    "source, attributes, token, says, reason",
    [row[1:] for row in REFUSALS],
    ids=[r[0] for r in REFUSALS],
)
@pytest.mark.parametrize("ranks", [1, 3])
def test_refused(run, hub, tree, dest, ranks, source, attributes, token, says, reason):
    hub.add("acme/demo", tree, **attributes)
    result = run(ranks, "get", source, dest, env=env(hub, token))
    assert result.code == 3, result
    assert result.out == ""
    said = [line for line in result.err.splitlines() if line.startswith("mpifetch: ")]
    assert len(said) == 1, result
    assert re.search(says, said[0], re.IGNORECASE), said
    assert token is None or token not in result.err
    assert result.report["reason"] == reason
    assert_nothing(dest)
    asked = len(hub.log())
    assert asked <= 6, [row["path"] for row in hub.log()]  # a refusal is not retried


HOSTILE = [
    "../evil",
    "a/../../evil",
    "/tmp/evil",
    "a//evil",
    "./evil",
    "a/./evil",
    "C:\\evil",
    "C:/evil",
    "..\\evil",
    "a\\..\\..\\evil",
    "",
    "a/",
    "nul\0evil",
    "new\nline",
    "tab\there",
    ".mpifetch",
    "config.json",  # a second time
    "config.json/below",  # a file cannot be a directory
    "n" * 256,
    "/".join(["n" * 200] * 21),
]


@pytest.mark.parametrize("path", HOSTILE, ids=[ascii(path)[:40] for path in HOSTILE])
def test_hostile_name(run, hub, tree, dest, path):
    commit = hub.repositories["models", "acme/demo"].find("main")
    commit.extra.append({"type": "file", "path": path, "size": 3, "oid": "0" * 40})
    around = snapshot(dest.parent.parent / "tree")
    result = run(2, "get", SOURCE, dest, env=env(hub))
    assert result.code == 3, result
    assert result.out == ""
    assert_nothing(dest)
    assert snapshot(dest.parent.parent / "tree") == around
    assert hub.log("resolve*") == [] and hub.log("cdn") == []


def test_records_of_another_download_are_left_out(run, hub, tree, dest):
    commit = hub.repositories["models", "acme/demo"].find("main")
    path = ".cache/huggingface/download/config.json.metadata"
    commit.extra.append({"type": "file", "path": path, "size": 3, "oid": "0" * 40})
    result = run(2, "get", SOURCE, dest, env=env(hub))
    assert result.code == 0, result
    assert "skipping '" in result.err
    assert (dest / path).read_text().startswith(commit.id)


def test_records_of_a_published_tree_are_left_out(run, hub, tree, dest):
    """Somebody uploaded a DEST with all it holds."""
    commit = hub.repositories["models", "acme/demo"].find("main")
    for path in (".mpifetch/manifest.json", ".mpifetch/SHA256SUMS"):
        commit.extra.append({"type": "file", "path": path, "size": 3, "oid": "0" * 40})
    result = run(2, "get", SOURCE, dest, env=env(hub))
    assert result.code == 0, result
    assert result.err.count("skipping '") == 1
    assert_verifiable(dest)


def test_colons_in_names(run, hub, tree, dest):
    (tree / "a:b.txt").write_bytes(b"colon")
    hub.add("acme/demo", tree)
    result = run(2, "get", SOURCE, dest, env=env(hub))
    assert result.code == 0, result
    assert (dest / "a:b.txt").read_bytes() == b"colon"


@pytest.mark.parametrize("endpoint", ["127.0.0.1:1", "ftp://h", "https://h?x"])
def test_endpoint_that_is_no_url(run, dest, endpoint):
    result = run(2, "get", SOURCE, dest, env={"HF_ENDPOINT": endpoint})
    assert result.code == 2, result
    assert "HF_ENDPOINT" in result.err


def test_password_of_a_proxy_stays_secret(run, dest, tmp_path):
    report = tmp_path / "proxy.json"
    words = ("get", "--report", report, "http://127.0.0.1:9/x", dest)
    result = run(2, *words, env={"http_proxy": "foo://user:s3cret@h:1"})
    assert result.code == 2, result
    assert "http_proxy" in result.err and "s3cret" not in result.err
    assert not report.exists() or "s3cret" not in report.read_text()


@pytest.mark.parametrize(
    "entry",
    [
        {"type": "file", "path": "x", "size": -1, "oid": "0" * 40},
        {"type": "file", "path": "x", "size": 1 << 63, "oid": "0" * 40},
        {"type": "file", "path": "x", "size": "12", "oid": "0" * 40},
        {"type": "file", "path": "x", "size": 1.5, "oid": "0" * 40},
        {"type": "file", "path": 7, "size": 1, "oid": "0" * 40},
        {"type": "file", "path": "x", "size": 1, "oid": "../../x"},
        {"type": "file", "path": "x", "size": 1, "oid": "0" * 40, "lfs": {"oid": "zz", "size": 1}},
        {"type": "file", "size": 1, "oid": "0" * 40},
        "a string",
    ],
    ids=str,
)
def test_listing_that_makes_no_sense(run, hub, tree, dest, entry):
    hub.repositories["models", "acme/demo"].find("main").extra.append(entry)
    result = run(2, "get", SOURCE, dest, env=env(hub))
    assert result.code == 3, result
    assert_nothing(dest)
    assert hub.log("cdn") == []


def test_unknown_entries_are_passed_over(run, hub, tree, dest):
    commit = hub.repositories["models", "acme/demo"].find("main")
    commit.extra.append({"type": "submodule", "path": "third/party", "oid": "1" * 40, "size": 0})
    assert run(2, "get", SOURCE, dest, env=env(hub)).code == 0
    assert_same(dest, tree)


@pytest.mark.parametrize("how", ["HF_TOKEN", "--token-file", "HF_TOKEN_PATH", "HF_HOME"])
def test_token_goes_to_the_hub_only(start, hub, tree, dest, tmp_path, how):
    hub.add("acme/demo", tree, private=True, granted={TOKEN})
    home = tmp_path / "secrets"
    write_tree(home, {"token": f"  {TOKEN}\n".encode()})
    options, more = [], {}
    if how == "--token-file":
        options = ["--token-file", home / "token"]
    elif how == "HF_TOKEN":
        more = {how: TOKEN}
    else:
        more = {how: str(home / "token" if how == "HF_TOKEN_PATH" else home)}
    trace = tmp_path / "trace.json"
    stall = hub.trouble(kind="cdn", stall=1000)  # a copy by an idle rank as well
    job = start(
        3, "get", "-v", "-v", "--trace", trace, *options, SOURCE, dest, env=env(hub, **more)
    )
    assert hub.troubles.wait(stall), job.result(None)
    lines = b"\n".join(job.command_lines())
    assert os.fsencode(PROGRAM) in lines and TOKEN.encode() not in lines
    hub.troubles.release()
    result = job.wait()
    assert result.code == 0, result
    assert_same(dest, tree)
    assert all(row["had_auth"] for row in hub.log("api-*") + hub.log("resolve"))
    assert hub.log("cdn") and not any(row["had_auth"] for row in hub.log("cdn"))
    assert_unsaid(TOKEN, result, trace, dest)


def test_signatures_are_not_said(run, hub, tree, dest, tmp_path):
    cut = hub.trouble(kind="cdn", cut=1000, times=2)
    result = run(2, "get", "-v", "-v", "--trace", tmp_path / "t", SOURCE, dest, env=env(hub))
    assert result.code == 0, result
    assert cut.hits == 2
    assert_unsaid("Signature=", result, tmp_path / "t", dest)
    assert_unsaid("Policy=", result, tmp_path / "t", dest)


def assert_unsaid(secret, result, trace, dest):
    assert secret not in result.out + result.err
    assert secret not in result.job.report.read_text()
    assert secret not in trace.read_text()
    for file in dest.rglob("*"):
        assert not file.is_file() or secret.encode() not in file.read_bytes(), file


def test_implicit_token_can_be_forbidden(run, hub, tree, dest):
    more = {"HF_HUB_DISABLE_IMPLICIT_TOKEN": "1"}
    assert run(2, "get", SOURCE, dest, env=env(hub, TOKEN, **more)).code == 0
    assert not any(row["had_auth"] for row in hub.log())


def test_unreadable_token_file(run, hub, tree, dest, tmp_path):
    missing = tmp_path / "no-such-token"
    result = run(2, "get", "--token-file", missing, SOURCE, dest, env=env(hub))
    assert result.code != 0 and str(missing) in result.err, result
    assert hub.log() == []
    assert_nothing(dest)


PAGES = {
    "/acme/demo": "hf://acme/demo",
    "/acme/demo/": "hf://acme/demo",
    "/acme/demo/tree/main": "hf://acme/demo@main",
    "/acme/demo/blob/v1/a%20b.json?raw=true": "hf://acme/demo@v1/a b.json",
    "/datasets/acme/demo/tree/main/train": "hf://datasets/acme/demo@main/train",
    "/acme/demo/resolve/main/": "hf://acme/demo@main",
}


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("host", ["mirror", "https://huggingface.co", "huggingface.co"])
def test_page_of_the_hub_is_no_file(run, hub, tree, dest, host, page):
    """It would be published as HTML."""
    source = (hub.endpoint if host == "mirror" else host) + page
    result = run(2, "get", source, dest, env=env(hub, no_proxy="*"))
    assert result.code == 2, result
    assert result.err.count("mpifetch: ") == 1, result
    assert f"is a web page of the Hub, not a file: use {PAGES[page]}\n" in result.err
    assert hub.log() == []
    assert_nothing(dest)


def test_file_of_the_hub_by_its_url(run, hub, tree, dest):
    result = run(2, "get", f"{hub.endpoint}/acme/demo/resolve/main/config.json", dest, env=env(hub))
    assert result.code == 0, result
    assert (dest / "config.json").read_bytes() == (tree / "config.json").read_bytes()


@pytest.mark.parametrize(
    "variables, forbidden",
    [
        ({"HF_HUB_OFFLINE": "1"}, "HF_HUB_OFFLINE"),
        ({"TRANSFORMERS_OFFLINE": "yes"}, "TRANSFORMERS_OFFLINE"),
        ({"HF_HUB_OFFLINE": "", "TRANSFORMERS_OFFLINE": "1"}, "TRANSFORMERS_OFFLINE"),
        # the first that is set counts, as in the library
        ({"HF_HUB_OFFLINE": "0", "TRANSFORMERS_OFFLINE": "1"}, None),
        ({"TRANSFORMERS_OFFLINE": "0"}, None),
    ],
    ids=str,
)
def test_offline(run, hub, tree, dest, variables, forbidden):
    for options in (), ("--hf-cache",):
        hub.reset()
        words = ("get", *options, SOURCE, dest.parent / f"to{len(options)}")
        result = run(2, *words, env=env(hub, **variables))
        if not forbidden:
            assert result.code == 0, result
            continue
        assert result.code == 3 and f"{forbidden} is set" in result.err, result
        assert hub.log() == []


OUT_OF_REACH = {
    "nobody listens": {},
    "503 for ever": {"status": 503},
}


@pytest.mark.parametrize("ranks", [1, 3])
@pytest.mark.parametrize("options", [(), ("--versions",), ("--hf-cache",)], ids=str)
@pytest.mark.parametrize("how", OUT_OF_REACH)
def test_hub_out_of_reach(run, hub, tree, dest, options, how, ranks):
    """All is there: a job need not fail for want of a look at the Hub, whose library thinks so,
    too. What is not all there, or asked for with --force, needs the Hub."""
    words = ("get", *options, "--retries", 1, SOURCE, dest)
    published = run(2, *words, env=env(hub)).out
    assert published
    away = env(hub)
    if OUT_OF_REACH[how]:
        hub.trouble(kind="api-*", **OUT_OF_REACH[how])
    else:
        away["HF_ENDPOINT"] = "http://127.0.0.1:9"
    result = run(ranks, *words, env=away)
    assert (result.code, result.out) == (0, published), result
    assert "holds all of commit" in result.err
    assert result.report["offline"] and result.report["unchanged"]
    assert run(ranks, *words[:-1], "--check", dest, env=away).code == 0
    assert run(ranks, *words[:-1], "--force", dest, env=away).code == 6
    other = (*words[:-2], f"{SOURCE}@other", dest)
    assert run(ranks, *other, env=away).code == 6
    (Path(published.strip()) / "weights.bin").unlink()
    assert run(ranks, *words, env=away).code == 6


@pytest.mark.parametrize("options", [(), ("--hf-cache",)], ids=str)
@pytest.mark.parametrize(
    "status, code", [(401, 3), (403, 3), (404, 3), (408, 6), (425, 6), (429, 6)]
)
def test_refusal_is_not_out_of_reach(run, hub, tree, dest, options, status, code):
    words = ("get", "--retries", 1, "--retry-delay", "0.1", *options, SOURCE, dest)
    result = run(2, *words, env=env(hub))
    assert result.code == 0 and result.report["offline"] is None, result
    hub.trouble(kind="api-*", status=status)
    result = run(2, *words, env=env(hub))
    assert result.code == code and result.report["offline"] is None, result


@pytest.mark.parametrize("options", [(), ("--versions",), ("--hf-cache",)], ids=str)
@pytest.mark.parametrize("moved", [False, True])
def test_hub_that_names_the_commit_and_fails_then(run, hub, tree, dest, options, moved):
    """What is there counts only if it is that commit: of another one this run knows that it is
    not the last."""
    words = ("get", "--retries", 1, "--retry-delay", "0.1", *options, SOURCE, dest)
    assert run(2, *words, env=env(hub)).code == 0
    if moved:
        (tree / "config.json").write_bytes(b"{1}\n")
        hub.add("acme/demo", tree)
    hub.trouble(kind="api-tree", status=502)
    result = run(2, *words, env=env(hub))
    assert hub.log("api-revision")[-1]["status"] == 200
    assert result.code == (6 if moved else 0), result
    assert ("holds all of commit" in result.err) == (not moved)


PARTS = [("--include", "config*"), ("--include", "config*", "--no-trees"), ("--exclude", "weights*")]


@pytest.mark.parametrize("narrow", [("--include", "*.json"), ()])
@pytest.mark.parametrize("part", PARTS)
def test_part_when_the_hub_is_out_of_reach(run, hub, tree, dest, part, narrow):
    """Whether it is all that is asked for, only the Hub knows."""
    assert run(2, "get", *part, SOURCE, dest, env=env(hub)).code == 0
    away = {"HF_ENDPOINT": "http://127.0.0.1:9"}
    result = run(2, "get", "--retries", 1, *narrow, SOURCE, dest, env=away)
    assert result.code == 6, result
