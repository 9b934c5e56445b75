"""The servers of the other suites do what those suites rely on."""

import hashlib
import http.client
import json
import re
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest

import misdeeds
from faults import Faults, content, sha256
from files import Files
from hub import Hub
from job import PATIENCE
from proxy import Proxy
from wire import Troubles, parse_range

HERE = Path(__file__).resolve().parent
SIZE = 50_000


class Answer:
    def __init__(self, response, body):
        self.status, self.headers, self.body = response.status, response.headers, body

    @property
    def json(self):
        return json.loads(self.body)


def ask(url, method="GET", body=None, **headers):
    """One request, no redirects followed."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=PATIENCE)
    target = parts.path + ("?" + parts.query if parts.query else "")
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    try:
        connection.request(method, target, body, named)
        response = connection.getresponse()
        return Answer(response, response.read())
    finally:
        connection.close()


@pytest.fixture
def tree(tmp_path):
    files = {
        "config.json": b"{}",
        "empty": b"",
        "dir/sub/a #%ü.txt": b"odd",
        "dir/big.bin": b"B" * SIZE,
    }
    for path, data in files.items():
        (tmp_path / "t" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "t" / path).write_bytes(data)
    return tmp_path / "t"


@pytest.fixture
def hub(tree):
    with Hub(tokens={"good", "stranger"}) as serving:
        serving.add("acme/demo", tree, lfs_from=1000)
        yield serving


def test_parse_range():
    rows = [
        ("bytes=0-9", (0, 10)),
        ("bytes=5-", (5, 100)),
        ("bytes=-5", (95, 100)),
        ("bytes=90-200", (90, 100)),
        ("bytes=100-", "unsatisfiable"),
        ("bytes=9-5", None),
        ("bytes=0-1,4-5", None),
        ("bytes=-", None),
        ("lines=0-9", None),
        (None, None),
    ]
    assert [parse_range(text, 100) for text, _ in rows] == [want for _, want in rows]
    assert parse_range("bytes=0-0", 0) == "unsatisfiable"


# the Hub


def test_revision(hub):
    found = ask(f"{hub.endpoint}/api/models/acme/demo/revision/main").json
    assert re.fullmatch("[0-9a-f]{40}", found["sha"])
    assert {row["rfilename"] for row in found["siblings"]} >= {"config.json", "dir/big.bin"}
    short = ask(f"{hub.endpoint}/api/models/acme/demo?expand=sha").json
    assert short["sha"] == found["sha"] and "siblings" not in short
    again = ask(f"{hub.endpoint}/api/models/acme/demo/revision/{found['sha']}").json
    assert again == found


def test_commit_follows_content_only(hub, tree):
    before = hub.repositories["models", "acme/demo"].find("main").id
    hub.add("acme/demo", tree)
    assert hub.repositories["models", "acme/demo"].find("main").id == before
    (tree / "config.json").write_bytes(b"{1}")
    hub.add("acme/demo", tree)
    assert hub.repositories["models", "acme/demo"].find("main").id != before


def test_refs(hub, tree):
    hub.add("acme/demo", tree, "refs/pr/1")
    assert ask(f"{hub.endpoint}/api/models/acme/demo/revision/refs%2Fpr%2F1").status == 200
    assert ask(f"{hub.endpoint}/acme/demo/resolve/refs%2Fpr%2F1/empty").status == 200
    names = ask(f"{hub.endpoint}/api/models/acme/demo/refs").json
    assert [row["name"] for row in names["branches"]] == ["main"]


def test_listing_in_pages(hub):
    url = f"{hub.endpoint}/api/models/acme/demo/tree/main?recursive=true&expand=false"
    whole = ask(url).json
    assert [row["path"] for row in whole] == [
        "config.json",
        "dir",
        "dir/big.bin",
        "dir/sub",
        "dir/sub/a #%ü.txt",
        "empty",
    ]
    assert [row["type"] for row in whole] == [
        "file",
        "directory",
        "file",
        "directory",
        "file",
        "file",
    ]
    hub.set(page=4)
    first = ask(url)
    link = re.fullmatch(r'<(http://[^>]+)>; rel="next"', first.headers["Link"])
    second = ask(link[1])
    assert len(first.json) == 4 and first.json + second.json == whole
    assert second.headers["Link"] is None


def test_object_ids(hub):
    rows = ask(f"{hub.endpoint}/api/models/acme/demo/tree/main?recursive=true").json
    by_path = {row["path"]: row for row in rows}
    assert by_path["empty"]["oid"] == "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"  # git's own
    assert "lfs" not in by_path["config.json"]
    lfs = by_path["dir/big.bin"]["lfs"]
    assert lfs["oid"] == hashlib.sha256(b"B" * SIZE).hexdigest()
    assert lfs["size"] == by_path["dir/big.bin"]["size"] == SIZE


def test_small_file_by_relative_redirect(hub):
    hub.set(need_query=True)
    first = ask(f"{hub.endpoint}/acme/demo/resolve/main/dir/sub/a%20%23%25%C3%BC.txt")
    assert first.status == 307
    place = first.headers["Location"]
    assert place.startswith("/api/resolve-cache/models/acme/demo/") and "dir%2Fsub%2F" in place
    second = ask(hub.endpoint + place)
    assert (second.status, second.body) == (200, b"odd")
    assert second.headers["X-Repo-Commit"] == first.headers["X-Repo-Commit"]
    assert ask(hub.endpoint + place.partition("?")[0]).status == 400


def test_empty_file_comes_at_once(hub):
    got = ask(f"{hub.endpoint}/acme/demo/resolve/main/empty")
    assert (got.status, got.body) == (200, b"")


def signed(hub):
    got = ask(f"{hub.endpoint}/acme/demo/resolve/main/dir/big.bin", "HEAD")
    assert got.status == 302
    assert got.headers["X-Linked-Size"] == str(SIZE)
    assert got.headers["X-Linked-Etag"] == '"%s"' % hashlib.sha256(b"B" * SIZE).hexdigest()
    assert got.headers["Location"].startswith(hub.cdn + "/")
    return got.headers["Location"]


def test_cdn_cuts_ranges(hub):
    url = signed(hub)
    part = ask(url, Range="bytes=10-19")
    assert (part.status, part.body) == (206, b"B" * 10)
    assert part.headers["Content-Range"] == f"bytes 10-19/{SIZE}"
    assert ask(url).body == b"B" * SIZE
    beyond = ask(url, Range=f"bytes={SIZE}-")
    assert (beyond.status, beyond.headers["Content-Range"]) == (416, f"bytes */{SIZE}")


def test_cdn_refuses(hub):
    url = signed(hub)
    assert ask(url, Authorization="Bearer good").status == 400
    assert ask(url, "HEAD").status == 403
    assert ask(url[:-1] + ("0" if url[-1] != "0" else "1")).status == 403
    assert ask(url.partition("?")[0]).status == 403
    hub.set(range_above=1000)
    assert ask(url).status == 400
    assert ask(url, Range="bytes=0-").status == 206


def test_signed_urls_run_out(hub):
    hub.set(url_uses=2)
    url = signed(hub)
    assert [ask(url).status for _ in range(3)] == [200, 200, 403]
    assert ask(signed(hub)).status == 200
    hub.set(url_uses=None, url_seconds=-1)
    assert ask(signed(hub)).status == 403


ACCESS = [
    # private, gated, token, revision, resolve
    (False, False, None, 200, 307),
    (False, False, "stranger", 200, 307),
    (False, False, "bad", 401, 401),
    (True, False, None, 401, 401),
    (True, False, "stranger", 404, 404),
    (True, False, "good", 200, 200),
    (False, "auto", None, 200, 401),
    (False, "auto", "stranger", 200, 403),
    (False, "auto", "good", 200, 200),
]


@pytest.mark.parametrize("private, gated, token, revision, resolve", ACCESS)
def test_access(hub, tree, private, gated, token, revision, resolve):
    hub.add("acme/demo", tree, private=private, gated=gated, granted={"good"})
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    assert ask(f"{hub.endpoint}/api/models/acme/demo", **headers).status == revision
    got = ask(f"{hub.endpoint}/acme/demo/resolve/main/config.json", **headers)
    assert got.status == resolve
    if resolve == 403:
        assert got.headers["X-Error-Code"] == "GatedRepo"


def test_errors_have_codes(hub):
    rows = {
        "/api/models/acme/none": "RepoNotFound",
        "/api/models/acme/demo/revision/none": "RevisionNotFound",
        "/acme/demo/resolve/main/none": "EntryNotFound",
    }
    for path, code in rows.items():
        got = ask(hub.endpoint + path, Authorization="Bearer good")
        assert (got.status, got.headers["X-Error-Code"]) == (404, code)


def test_renamed(hub):
    hub.set(renamed={"old/name": "acme/demo"})
    for path in ("/api/models/old/name", "/old/name/resolve/main/config.json?x=y"):
        got = ask(hub.endpoint + path)
        assert got.status == 307
        assert got.headers["Location"] == path.replace("old/name", "acme/demo")


def test_rate_limit(hub):
    hub.set(limits={"resolvers": 2})
    url = f"{hub.endpoint}/acme/demo/resolve/main/empty"
    got = [ask(url) for _ in range(3)]
    assert [one.status for one in got] == [200, 200, 429]
    assert [one.headers["RateLimit"].split(";")[1] for one in got] == ["r=1", "r=0", "r=0"]
    assert ask(f"{hub.endpoint}/api/models/acme/demo").status == 200  # another bucket


def test_paths_info(hub):
    url = f"{hub.endpoint}/api/models/acme/demo/paths-info/main"
    body = json.dumps({"paths": ["empty", "none"], "expand": False})
    got = ask(url, "POST", body, Content_Type="application/json").json
    assert [row["path"] for row in got] == ["empty"]


def test_log_and_control(hub):
    ask(signed(hub), Range="bytes=0-9")
    rows = [json.loads(line) for line in ask(f"{hub.endpoint}/_control/log").body.splitlines()]
    assert rows == hub.log()
    assert [(r["kind"], r["method"], r["status"], r["bytes"], r["range"]) for r in rows] == [
        ("resolve", "HEAD", 302, 0, None),
        ("cdn", "GET", 206, 10, "bytes=0-9"),
    ]
    assert ask(f"{hub.endpoint}/_control/set", "POST", '{"page": 1}').status == 200
    assert hub.settings.page == 1
    ask(f"{hub.endpoint}/_control/reset", "POST")
    assert hub.log() == []


@pytest.mark.parametrize("late", [0, 0.01])
def test_what_was_asked_before_does_not_count_after(hub, monkeypatch, late):
    """Whether it has been read by then or not, and also on a connection that goes on, whose handler
    comes late to what is asked after an answer."""
    parts, end = urlsplit(hub.endpoint), hub.requests.end
    monkeypatch.setattr(hub.requests, "end", lambda row: (end(row), time.sleep(late)))
    with socket.create_connection((parts.hostname, parts.port), PATIENCE) as raw:
        for _ in range(20):
            raw.sendall(b"HEAD /api/models/acme/none HTTP/1.1\r\nHost: x\r\n\r\n")
            hub.reset()
            received = b""
            while b"\r\n\r\n" not in received:
                received += raw.recv(1 << 16)
            assert hub.log() == []


def test_trouble(hub):
    hub.trouble(kind="cdn", status=503, headers={"Retry-After": "7"}, skip=1, times=1)
    url = signed(hub)
    assert [ask(url).status for _ in range(3)] == [200, 503, 200]
    hub.trouble(kind="cdn", flip=100)
    assert ask(url, Range="bytes=0-99").body == b"B" * 100
    assert ask(url, Range="bytes=90-109").body == b"B" * 10 + b"\xbd" + b"B" * 9


def test_cut_and_stall(hub):
    url = signed(hub)
    cut = hub.trouble(kind="cdn", cut=1000, times=1)
    with pytest.raises((ConnectionResetError, http.client.IncompleteRead)):
        ask(url)
    assert cut.hits == 1
    stall = hub.trouble(kind="cdn", stall=10)
    parts = urlsplit(url)
    with socket.create_connection((parts.hostname, parts.port), PATIENCE) as raw:
        raw.sendall(f"GET {parts.path}?{parts.query} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        assert hub.troubles.wait(stall)
        hub.troubles.release()
        received = b""
        while len(received.partition(b"\r\n\r\n")[2]) < SIZE:
            received += raw.recv(1 << 16)
    assert received.endswith(b"B" * SIZE)


def test_let_go_of_what_is_about_to_stall():
    troubles = Troubles()
    troubles.add(hold=True)
    _, before = troubles.find("cdn", "/x", None)
    troubles.let_go()
    _, then = troubles.find("cdn", "/x", None)
    assert before.is_set() and not then.is_set()
    troubles.release()
    assert then.is_set()


def test_hub_as_a_command(tree, tmp_path):
    command = [sys.executable, HERE / "hub.py", "--repo", f"acme/cli@v2={tree}", "--until-eof"]
    command += ["--repo", f"datasets/acme/d={tree}", "--log", tmp_path / "log"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as one:
        endpoint = one.stdout.readline().strip()
        assert ask(f"{endpoint}/api/models/acme/cli/revision/v2").status == 200
        assert ask(f"{endpoint}/api/models/acme/cli").status == 404
        assert ask(f"{endpoint}/datasets/acme/d/resolve/main/empty").status == 200
        one.stdin.close()
        assert one.wait(PATIENCE) == 0
    rows = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    # A row is written after its answer, which the client may have by then.
    kinds = sorted(row["kind"] for row in rows)
    assert kinds == ["api-revision", "api-revision", "resolve"]


# files


def test_files(tree):
    with Files(tree) as files:
        assert ask(f"{files.url}/dir/big.bin", Range="bytes=-3").body == b"BBB"
        assert ask(f"{files.url}/dir/sub/a%20%23%25%C3%BC.txt").body == b"odd"
        assert ask(f"{files.url}/dir").status == 404
        assert ask(f"{files.url}/../{tree.name}-x").status == 404


# faults


@pytest.fixture
def server():
    with Faults() as serving:
        yield serving


def test_content_depends_on_name_and_size_only():
    assert content("a", 100) == content("a", 100)
    assert content("a", 100) != content("b", 100)
    assert content("a", 100) != content("a", 100, version=1)
    assert hashlib.sha256(content("a", 100)).hexdigest() == sha256("a", 100)


def test_honest(server):
    url = server.place("honest", SIZE, "x.bin")
    got = ask(url, Range="bytes=100-199")
    assert (got.status, got.body) == (206, content("x.bin", SIZE)[100:200])
    assert got.headers["Content-Range"] == f"bytes 100-199/{SIZE}"
    assert ask(url).body == content("x.bin", SIZE)
    assert ask(url, Range=f"bytes={SIZE}-").status == 416
    assert server.count(url) == 3


def test_when_a_fault_strikes(server):
    url = server.place("status", SIZE, "x", status=503, skip=1, times=2, from_=10)
    asked = ["bytes=0-1", "bytes=10-11", "bytes=10-11", "bytes=0-1", "bytes=12-13", "bytes=14-15"]
    assert [ask(url, Range=one).status for one in asked] == [206, 206, 503, 206, 503, 206]


def raw(url):
    """All that comes for three requests on one connection; what a reset leaves of it."""
    parts = urlsplit(url)
    request = f"GET {parts.path} HTTP/1.1\r\nHost: x\r\nRange: bytes=5000-5999\r\n\r\n".encode()
    received = b""
    with socket.create_connection((parts.hostname, parts.port), PATIENCE) as connection:
        try:
            connection.sendall(3 * request)
            connection.shutdown(socket.SHUT_WR)
            while data := connection.recv(1 << 16):
                received += data
        except TimeoutError:
            raise
        except OSError:  # reset, broken pipe or not connected, as the moment has it
            received += b"(reset)"
    return received


@pytest.mark.parametrize("made", [Faults, lambda: Proxy("http://127.0.0.1:9")], ids=["faults", "proxy"])
def test_nobody_accepts_any_more_at_the_end(made):
    """It might be from the next server, whose listener has the number of this one's."""
    others = set(threading.enumerate())
    with made():
        its = set(threading.enumerate()) - others
    assert its and not any(thread.is_alive() for thread in its)


@pytest.mark.parametrize("fault", sorted(set(misdeeds.TABLE) - {"honest", "collapse", "trickle"}))
def test_fault_is_no_honest_reply(server, fault):
    options = {"shorter-end": {"most": 10}, "stall": {"at": 10}, "redirect": {"hops": 2}}
    bad = raw(server.place(fault, SIZE, "x.bin", **options.get(fault, {})))
    good = raw(server.place("honest", SIZE, "x.bin"))
    assert good.count(b"HTTP/1.1 206") == 3 and good.endswith(content("x.bin", SIZE)[5000:6000])
    assert bad != good


@pytest.mark.parametrize("fault, wanted", [("stall,at=10", 10), ("silent", 0)])
def test_silence_ends_with_the_client(server, fault, wanted):
    parts = urlsplit(server.place(fault, SIZE, "x.bin"))
    with socket.create_connection((parts.hostname, parts.port), PATIENCE) as raw:
        raw.sendall(f"GET {parts.path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        if wanted:
            received = b""
            while len(received.partition(b"\r\n\r\n")[2]) < wanted:
                received += raw.recv(1 << 16)
            assert len(received.partition(b"\r\n\r\n")[2]) == wanted
        else:
            deadline = time.monotonic() + PATIENCE
            while server.running() == 0 and time.monotonic() < deadline:
                time.sleep(0.01)
        assert server.running() == 1
    deadline = time.monotonic() + PATIENCE
    while server.running() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert server.running() == 0


def test_foreign_redirect_and_tickets(server):
    got = ask(server.place("redirect", SIZE, "x", foreign=1, code=307))
    assert got.status == 307 and got.headers["Location"].startswith(server.other)
    url = server.place("signed", SIZE, "x", uses=1)
    places = [ask(url).headers["Location"] for _ in range(2)]
    assert places[0] != places[1]
    assert [ask(places[0]).status for _ in range(2)] == [200, 403]
    assert ask(places[1], Authorization="x").status == 200
    assert [row["had_auth"] for row in server.log() if row["origin"] == server.other][-1]
