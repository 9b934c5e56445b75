"""mpifetch against a server that misbehaves: the table of cases.py, and what no row can say."""

import os
import re

import pytest
from cases import CASES, MIB, SIZE
from faults import Faults, content, sha256
from trees import assert_alone, assert_nothing, record_of

NAME = "model.bin"


@pytest.fixture
def server():
    with Faults() as serving:
        yield serving


def words(case, url, dest):
    """The command line for a case."""
    common = (
        "get",
        "--segment-size",
        MIB,
        "--connections",
        4,
        "--retries",
        case.retries,
        *case.args,
    )
    if case.how == "trust":
        return (*common, url, dest)
    digest = sha256(NAME, case.size)
    if case.how == "digest":
        return (*common, "--sha256", digest, url, dest)
    listed = dest.parent.parent / "list"
    listed.write_text(f"{url} {digest} {case.size}\n")
    return (*common, "--manifest", listed, dest)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_fault(run, server, dest, case):
    url = server.place(case.fault, case.size, NAME, **case.options)
    result = run(4, *words(case, url, dest))
    assert result.code == case.exit, result
    late = result.report["requests"]["cut"] if result.code == 0 else 0  # copies of late segments
    assert server.count() <= case.most + late
    least, most = case.struck
    assert least <= server.struck() <= most
    if case.exit == 0:
        assert result.out == f"{dest}\n"
        # not compared by assert: a difference of megabytes takes pytest minutes to describe
        same = (dest / NAME).read_bytes() == content(NAME, case.size)
        assert same, "published bytes are not those of the source"
        assert os.listdir(dest) == [NAME]
        # that sha256sum reads such a line is what assert_verifiable asks in other tests
        sums = record_of(dest) / "SHA256SUMS"
        assert sums.read_text() == f"{sha256(NAME, case.size)}  {NAME}\n"
        assert_alone(dest)
    else:
        assert result.out == ""
        said = [line for line in result.err.splitlines() if line.startswith("mpifetch: ")]
        assert said and re.search(case.says, said[-1]), result
        assert_nothing(dest)


@pytest.mark.parametrize("fault", ["redirect", "signed"])
@pytest.mark.parametrize(
    "header", ["Authorization: Bearer sesame", "authorization: Basic c2VzYW1l"]
)
def test_credentials_stay_with_the_first_origin(run, server, dest, fault, header):
    """25, 26: the other origin is the same host on another port, which is not the same."""
    options = {"foreign": 1, "hops": 2} if fault == "redirect" else {"uses": 1}
    url = server.place(fault, SIZE, NAME, **options)
    result = run(2, "get", "--segment-size", MIB, url, dest, env={"MPIFETCH_HEADER": header})
    assert result.code == 0, result
    auth = {origin: set() for origin in (server.url, server.other)}
    for row in server.log():
        auth[row["origin"]].add(row["had_auth"])
    assert auth == {server.url: {True}, server.other: {False}}


def test_cookies_stay_with_the_origin_that_set_them(run, server, dest):
    """Even if they say that they are for the whole host: no request elsewhere has one, and no
    request of another chain."""
    url = server.place("cookie-abroad", SIZE, NAME)
    result = run(2, "get", "--segment-size", MIB, url, dest)
    assert result.code == 0, result
    assert {row["origin"] for row in server.log()} == {server.url, server.other}
    assert {row["cookie"] for row in server.log()} == {None}


def test_cookies_go_back_to_their_origin(run, server, dest):
    url = server.place("cookie-wall", SIZE, NAME)
    assert run(2, "get", "--segment-size", MIB, url, dest).code == 0
    assert {row["cookie"] for row in server.log()} == {None, "pass=sesame; seen=1"}


def test_credentials_follow_on_the_same_origin(run, server, dest):
    url = server.place("redirect", SIZE, NAME, hops=3, relative=1)
    header = {"MPIFETCH_HEADER": "Authorization: Bearer sesame"}
    assert run(2, "get", url, dest, env=header).code == 0
    assert all(row["had_auth"] for row in server.log())


@pytest.mark.parametrize("ranks", [1, 3])
def test_connections_of_the_whole_job(run, server, dest, ranks):
    """34: no more at a time than asked for, whatever the number of ranks."""
    url = server.place("honest", 12 * MIB, NAME)
    options = ("--segment-size", MIB, "--connections", 2, "--max-connections", 3)
    result = run(ranks, "get", *options, url, dest)
    assert result.code == 0, result
    # the server may not have noticed yet that a copy of a segment was dropped
    assert server.most_running <= 3 + result.report["requests"]["cut"]


def test_a_bad_file_among_good_ones(run, server, dest):
    """The sentence names the one that failed, and none of the others is published."""
    urls = [server.place("honest", MIB, f"good-{i}.bin") for i in range(5)]
    rows = [f"{url} {sha256(f'good-{i}.bin', MIB)} {MIB}\n" for i, url in enumerate(urls)]
    url = server.place("flip", MIB, NAME)
    listed = dest.parent.parent / "list"
    listed.write_text("".join(rows) + f"{url} {sha256(NAME, MIB)} {MIB}\n")
    result = run(3, "get", "--manifest", listed, dest)
    assert result.code == 4, result
    assert NAME in result.err and "good-" not in result.err
    assert_nothing(dest)


@pytest.mark.parametrize(
    "fault, options, again",
    [
        ("honest", {}, 0),
        ("weak-tag", {"times": 99}, 1),
        ("young-date", {"times": 99}, 1),
        ("long-tag", {"length": 600}, 1),
    ],
)
def test_only_what_tells_versions_apart_makes_a_file_unchanged(
    run, server, dest, fault, options, again
):
    """Without a digest. The second run looks at each file in any case, with one request."""
    url = server.place(fault, SIZE, NAME, **options)
    assert run(2, "get", url, dest).code == 0
    first = server.count()
    result = run(2, "get", url, dest)
    assert result.code == 0, result
    assert server.count() == first + 1 + again
    assert result.report["bytes"]["fetched"] == again * SIZE


def test_a_list_that_does_not_know_sizes(run, server, dest):
    """Nor does the server: with a digest the file is counted, then fetched in one piece."""
    url = server.place("unsized", SIZE, NAME)
    listed = dest.parent.parent / "list"
    listed.write_text(f"{url} {sha256(NAME, SIZE)}\n")
    result = run(3, "get", "--segment-size", MIB, "--manifest", listed, dest)
    assert result.code == 0, result
    assert (dest / NAME).read_bytes() == content(NAME, SIZE)
    assert server.count() == 3
