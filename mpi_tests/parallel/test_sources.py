"""Sources other than the Hub: one URL, and lists of files."""

import hashlib
import os
import socket
import subprocess

import pytest
from conftest import MIB, noise, write_tree
from files import Files
from trees import (
    assert_alone,
    assert_nothing,
    assert_only_state,
    assert_same,
    assert_verifiable,
    noted,
    snapshot,
)


@pytest.fixture
def tree(tmp_path):
    return write_tree(
        tmp_path / "web" / "set",
        {
            "large.bin": noise(9 * MIB + 3, 31),
            "small.txt": b"small\n",
            "empty": b"",
            "sub dir/ü 100%.txt": b"odd name\n",
        },
    )


@pytest.fixture
def web(tree):
    with Files(tree.parent) as serving:
        yield serving


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def sums(tree, change=lambda path, digest: digest):
    """A list as sha256sum prints it."""
    rows = []
    for file in sorted(tree.rglob("*")):
        if file.is_file():
            path = file.relative_to(tree).as_posix()
            rows.append(f"{change(path, sha256(file))}  {path}\n")
    return "".join(rows).encode()


def assert_published(result, dest, tree, keep=lambda path: True):
    assert result.code == 0, result
    assert result.out == f"{dest}\n"
    assert_same(dest, tree, keep)
    assert_verifiable(dest)
    assert_alone(dest)


@pytest.mark.parametrize("ranks", [1, 2, 3])
@pytest.mark.parametrize("name", ["large.bin", "small.txt", "empty"])
def test_one_url(run, web, tree, dest, ranks, name):
    digest = sha256(tree / name)
    options = ("--segment-size", MIB, "--sha256", digest)
    result = run(ranks, "get", *options, f"{web.url}/set/{name}", dest)
    assert_published(result, dest, tree, lambda path: path == name)


def test_one_url_on_trust(run, web, tree, dest):
    result = run(2, "get", f"{web.url}/set/large.bin", dest)
    assert_published(result, dest, tree, lambda path: path == "large.bin")
    [summary] = [line for line in result.err.splitlines() if "published 1 file" in line]
    assert summary.endswith("; 1 without a published digest"), summary


def test_one_url_without_a_digest_can_be_refused(run, web, dest):
    result = run(2, "get", "--require-digest", f"{web.url}/set/large.bin", dest)
    assert result.code == 3, result
    assert "large.bin" in result.err and "--require-digest" in result.err
    assert_nothing(dest)


@pytest.mark.parametrize("old", [False, True])
@pytest.mark.parametrize("name", ["large.bin", "small.txt", "empty"])
def test_wrong_digest(run, web, tree, dest, name, old):
    if old:
        assert run(1, "get", f"{web.url}/set/small.txt", dest).code == 0
    before = snapshot(dest)
    result = run(3, "get", "--sha256", "0" * 64, f"{web.url}/set/{name}", dest)
    assert result.code == 4, result
    assert name in result.err
    assert result.out == ""
    assert snapshot(dest) == before
    assert_only_state(dest)


def test_missing_url(run, web, dest):
    result = run(2, "get", f"{web.url}/set/none.bin", dest)
    assert result.code == 3, result
    assert "404" in result.err or "not found" in result.err.lower()
    assert_nothing(dest)


def test_nobody_listens(run, dest):
    with socket.socket() as taken:  # nobody else can listen there, and we do not
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/file"
        result = run(2, "get", "--retries", 1, url, dest)
    assert result.code == 6, result
    assert_nothing(dest)


@pytest.mark.parametrize("ranks", [1, 3])
@pytest.mark.parametrize("place", ["url", "file", "base"])
def test_list_as_sha256sum_prints_it(run, web, tree, dest, tmp_path, ranks, place):
    wanted = sums(tree)
    if place == "url":
        (tree / "SUMS").write_bytes(wanted)
        options = ["--manifest", f"{web.url}/set/SUMS"]
    elif place == "file":
        (tree / "SUMS").write_bytes(wanted)
        options = ["--manifest", tree / "SUMS", "--base", f"{web.url}/set/"]
    else:
        lists = write_tree(tmp_path / "web" / "lists", {"SUMS": wanted})
        assert lists.is_dir()
        options = ["--manifest", f"{web.url}/lists/SUMS", "--base", f"{web.url}/set"]
    result = run(ranks, "get", "--segment-size", MIB, *options, dest)
    assert_published(result, dest, tree, lambda path: path != "SUMS")


def tagged(tree):
    """As the BSDs print it, and sha256sum --tag."""
    rows = sums(tree).decode().splitlines()
    return "".join(f"SHA256 ({row[66:]}) = {row[:64]}\n" for row in rows).encode()


def signed(body):
    """As gpg --clear-sign frames it."""
    escaped = b"".join((b"- " if row[:1] == b"-" else b"") + row for row in body.splitlines(True))
    return (
        b"-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n" + escaped +
        b"-----BEGIN PGP SIGNATURE-----\n\niHUEARYIAB0WIQ\n=4fXv\n-----END PGP SIGNATURE-----\n"
    )  # fmt: skip


FORMS = {
    "tagged": tagged,
    "openssl": lambda tree: tagged(tree).replace(b"SHA256 (", b"SHA2-256(").replace(b") =", b")="),
    "one blank": lambda tree: sums(tree).replace(b"  ", b" ", 1),
    "twice": lambda tree: sums(tree) + sums(tree),
    "signed": lambda tree: signed(b"# all\n" + sums(tree)),
    "signed and tagged": lambda tree: signed(tagged(tree)),
}


@pytest.mark.parametrize("form", FORMS)
def test_list_in_other_forms(run, web, tree, dest, form):
    (tree.parent / "list").write_bytes(FORMS[form](tree))
    result = run(2, "get", "--manifest", tree.parent / "list", "--base", f"{web.url}/set/", dest)
    assert_published(result, dest, tree)


@pytest.mark.parametrize("end", [0, 1, 3])
def test_signed_list_that_is_cut_off(run, web, tree, dest, end):
    """Which files it lacks, nobody knows."""
    rows = signed(sums(tree)).splitlines(True)
    (tree.parent / "list").write_bytes(b"".join(rows[: -5 + end]))
    result = run(2, "get", "--manifest", tree.parent / "list", "--base", f"{web.url}/set/", dest)
    assert result.code == 3 and "cut off" in result.err, result
    assert_nothing(dest)


def test_list_that_names_a_path_twice(run, web, tree, dest):
    rows = sums(tree) + b"0" * 64 + b"  small.txt\n"
    (tree.parent / "list").write_bytes(rows)
    result = run(2, "get", "--manifest", tree.parent / "list", "--base", f"{web.url}/set/", dest)
    assert result.code == 3 and "small.txt" in result.err, result
    assert_nothing(dest)


@pytest.mark.parametrize("query", ["sr=c&sig=SeCrEt%2F", "Policy=p&Signature=SeCrEt"])
def test_signature_of_a_list_goes_to_its_files(run, web, tree, dest, query):
    (tree / "SUMS").write_bytes(sums(tree))
    result = run(2, "get", "-v", "-v", "--manifest", f"{web.url}/set/SUMS?{query}", dest)
    assert_published(result, dest, tree, lambda path: path != "SUMS")
    assert all(row["query"] == query for row in web.log())
    said = [result.out, result.err, result.job.report.read_text()]
    said += [p.read_text("latin-1") for p in dest.parent.rglob("*") if p.suffix == ".json"]
    assert not any("SeCrEt" in text for text in said)


QUERIES = ["sr=c&sig=SeCrEt1", "sr=c&sig=SeCrEt2"]


def test_another_signature_for_the_same_files(run, web, tree, dest):
    """They are what they were, although nothing but the validator of each says so."""
    names = f"{web.url}/set/large.bin -\n{web.url}/set/small.txt -\n"
    (tree / "LIST").write_text(names)
    for query, unchanged in zip(QUERIES, (False, True), strict=True):
        before = len(web.log())
        result = run(2, "get", "--manifest", f"{web.url}/set/LIST?{query}", dest)
        assert result.code == 0 and result.report["unchanged"] == unchanged, result
        assert all(row["query"] == query for row in web.log()[before:])
    (tree / "LIST").write_text(names.replace("small.txt -", "small.txt?v=2 - - small.txt"))
    result = run(2, "get", "--manifest", f"{web.url}/set/LIST?{QUERIES[1]}", dest)
    assert result.code == 0 and not result.report["unchanged"], result


def test_another_signature_resumes(start, run, web, tree, dest):
    names = f"{web.url}/set/large.bin -\n{web.url}/set/small.txt -\n"
    (tree / "LIST").write_text(names)
    options = ("--segment-size", MIB, "--retries", 0, "--connections", 1)
    web.trouble(kind="*", path="*/large.bin", status=403, skip=2, ranged=True, hold=True)
    job = start(1, "get", *options, "--manifest", f"{web.url}/set/LIST?{QUERIES[0]}", dest)
    job.wait_until(lambda: noted(dest.parent) >= MIB)
    web.troubles.release()
    result = job.wait()
    assert result.code == 3, result
    web.troubles.clear()
    result = run(1, "get", *options, "--manifest", f"{web.url}/set/LIST?{QUERIES[1]}", dest)
    assert result.code == 0 and result.report["bytes"]["resumed"] > 0, result


def test_signature_of_a_list_alone(run, web, tree, dest):
    """S3 would refuse everything else with it, and what is public as well."""
    (tree / "SUMS").write_bytes(sums(tree))
    query = "X-Amz-Algorithm=x&X-Amz-Signature=SeCrEt"
    result = run(2, "get", "--manifest", f"{web.url}/set/SUMS?{query}", dest)
    assert_published(result, dest, tree, lambda path: path != "SUMS")
    assert [row["query"] for row in web.log() if row["query"]] == [query]
    assert "without the signature" in result.err and "SeCrEt" not in result.err


def test_name_that_programs_take_for_standard_input(run, dest, tmp_path):
    tree = write_tree(tmp_path / "tree", {"-": b"dash\n", "sub/-": b"below\n", "-x": b"option\n"})
    result = run(2, "get", f"file://{tree}", dest)
    assert result.code == 0, result
    assert_same(dest, tree)
    sums = next(dest.parent.rglob("SHA256SUMS"))
    check = subprocess.run(
        ["sha256sum", "--check", "--strict", sums],
        cwd=dest,
        input=b"not a file of the tree",
        capture_output=True,
    )
    assert check.returncode == 0 and check.stdout.count(b": OK\n") == 3, check


@pytest.mark.parametrize("ranks", [1, 3])
def test_list_of_urls(run, web, tree, dest, ranks):
    large, small, odd = tree / "large.bin", tree / "small.txt", tree / "sub dir" / "ü 100%.txt"
    lines = [
        f"{web.url}/set/large.bin {sha256(large)} {large.stat().st_size} deep/er/large.bin",
        f"{web.url}/set/small.txt {sha256(small)}",
        f"{web.url}/set/sub%20dir/%C3%BC%20100%25.txt {sha256(odd)} {odd.stat().st_size} odd.txt",
    ]
    listed = dest.parent.parent / "list"
    listed.write_text("".join(line + "\n" for line in lines))
    result = run(ranks, "get", "--segment-size", MIB, "--manifest", listed, dest)
    assert result.code == 0, result
    found = {p.relative_to(dest).as_posix(): p.read_bytes() for p in dest.rglob("*") if p.is_file()}
    wanted = {"deep/er/large.bin": large, "small.txt": small, "odd.txt": odd}
    assert {name: found[name] for name in wanted} == {n: p.read_bytes() for n, p in wanted.items()}
    assert_verifiable(dest)


@pytest.mark.parametrize("name", ["large.bin", "small.txt", "empty"])
def test_list_with_a_wrong_digest(run, web, tree, dest, name):
    listed = dest.parent.parent / "SUMS"
    listed.write_bytes(sums(tree, lambda path, digest: "0" * 64 if path == name else digest))
    result = run(3, "get", "--manifest", listed, "--base", f"{web.url}/set", dest)
    assert result.code == 4, result
    assert name in result.err
    assert_nothing(dest)


@pytest.mark.parametrize(
    "line",
    [
        "this is not a list",
        "0123  short-digest",
        "0" * 64 + "  ../evil",
        "0" * 64 + "  /abs",
        "0" * 64 + "  ",
        "http://127.0.0.1:1/x " + "0" * 64 + " -5",
        "http://127.0.0.1:1/x " + "0" * 64 + " 5 ../evil",
        "",
    ],
)
def test_list_that_makes_no_sense(run, web, tree, dest, line):
    listed = dest.parent.parent / "list"
    listed.write_text(line + "\n")
    result = run(2, "get", "--manifest", listed, "--base", web.url, dest)
    assert result.code == 3, result
    assert str(listed) in result.err
    assert web.log() == []
    assert_nothing(dest)
    assert os.listdir(dest.parent.parent / "web") == ["set"]


def test_list_names_a_missing_file(run, web, tree, dest):
    listed = dest.parent.parent / "SUMS"
    listed.write_bytes(sums(tree) + b"0" * 64 + b"  none.bin\n")
    result = run(2, "get", "--manifest", listed, "--base", f"{web.url}/set", dest)
    assert result.code == 3, result
    assert "none.bin" in result.err
    assert_nothing(dest)


def test_list_is_already_there(run, web, tree, dest):
    (dest.parent.parent / "SUMS").write_bytes(sums(tree))
    words = ("get", "--manifest", dest.parent.parent / "SUMS", "--base", f"{web.url}/set", dest)
    assert run(2, *words).code == 0
    before, asked = snapshot(dest), len(web.log())
    assert_published(run(2, *words), dest, tree)
    assert snapshot(dest) == before
    # Such a list has no sizes: each file is looked at, with one byte at the most.
    assert all(row["bytes"] <= 1 for row in web.log()[asked:])


def test_token_for_another_source_than_the_hub(run, web, dest, tmp_path):
    """It would go nowhere, and whoever gives it thinks otherwise."""
    (tmp_path / "token").write_text("hf_secret")
    words = ("get", "--token-file", tmp_path / "token", f"{web.url}/set/small.txt", dest)
    result = run(2, *words)
    assert result.code == 2, result
    assert "--token-file" in result.err and "hf://" in result.err
    assert "hf_secret" not in result.err
    assert web.log() == []
    assert_nothing(dest)


def test_headers_are_sent_and_not_said(run, web, tree, dest):
    secret = "Authorization: Basic b3BlbjpzZXNhbWU="
    result = run(
        2, "get", "-v", "-v", f"{web.url}/set/small.txt", dest, env={"MPIFETCH_HEADER": secret}
    )
    assert result.code == 0, result
    assert web.log() and all(row["had_auth"] for row in web.log())
    assert "b3Blb" not in result.out + result.err + result.job.report.read_text()


@pytest.mark.parametrize("parts", [257, 1200, 1_000_000])
@pytest.mark.parametrize("place", ["list", "tree"])
def test_too_many_directories_in_each_other(run, web, dest, tmp_path, parts, place):
    """Whoever walks such a tree, to update or to remove it, holds a descriptor for each."""
    if place == "list":
        (tmp_path / "list").write_text(f"{web.url}/set/small.txt - 6 {'d/' * (parts - 1)}f\n")
        words = ("--manifest", tmp_path / "list")
    else:
        made = nest(tmp_path / "deep", min(parts, 1200))
        words = (f"file://{made}",)
    result = run(2, "get", *words, dest)
    # Python's own removal goes deep by recursion, and pytest would try it later
    subprocess.run(["rm", "-rf", tmp_path / "deep"], check=True)
    assert result.code == 3, result
    assert "256" in result.err or "longer than" in result.err, result
    assert_nothing(dest)


def nest(root, depth):
    root.mkdir()
    folder = os.open(root, os.O_RDONLY)
    for _ in range(depth):
        os.mkdir("d", dir_fd=folder)
        below = os.open("d", os.O_RDONLY, dir_fd=folder)
        os.close(folder)
        folder = below
    os.close(os.open("f", os.O_CREAT | os.O_WRONLY, dir_fd=folder))
    os.close(folder)
    return root
