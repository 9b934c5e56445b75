"""The limited source keeps to its rules: bytes are held against allowances, nothing is timed."""

import http.client
import threading
from itertools import islice
from urllib.parse import urlsplit

import pytest

from job import PATIENCE
from limited import Limited
from limits import (
    BURST,
    Bucket,
    Collapsing,
    Ledger,
    Steady,
    TwoSpeed,
    rule_as_dict,
    rule_from_dict,
)
from trees import noise

TICK = 0.02
SIZE = 400_000


class World:
    """A ledger with clients that take all they get, and an invented clock."""

    def __init__(self, rule):
        self.ledger, self.now = Ledger(rule, 0.0), 0.0

    def begin(self, count):
        for _ in range(count):
            self.ledger.begin(self.ledger.open(self.now), self.now)

    def end(self, connection):
        self.ledger.end(connection, self.now)

    def run(self, seconds):
        """Bytes that went, of all."""
        before = sum(one.bytes for one in self.ledger.all)
        for _ in range(round(seconds / TICK)):
            self.now += TICK
            self.ledger.tick(self.now)
            for one in self.ledger.turns():
                self.ledger.sent(one, self.ledger.allowance(one, self.now))
        return sum(one.bytes for one in self.ledger.all) - before


def test_bucket_holds_no_more_than_a_burst():
    bucket = Bucket(1000.0, 0.0)
    assert bucket.have(0.1) == 100
    assert bucket.have(100) == 1000 * BURST
    bucket.take(1000 * BURST)
    assert bucket.have(100) == 0
    bucket.set(20.0, 100)
    assert bucket.have(100.25) == 5


def test_a_lower_rate_takes_away_what_has_piled_up():
    bucket = Bucket(1000.0, 0.0)
    assert bucket.have(1) == 250
    bucket.set(10.0, 1)
    assert bucket.have(1) == 2


def test_connections_have_their_rate_whatever_the_others_do():
    world = World(Steady(each=1e6))
    world.begin(4)
    world.run(3)
    assert [one.bytes for one in world.ledger.all] == pytest.approx([3e6] * 4, rel=0.02)


def test_what_is_common_is_shared_and_all_of_it_goes():
    world = World(Steady(rate=1e6))
    world.begin(4)
    world.run(4)
    assert [one.bytes for one in world.ledger.all] == pytest.approx([1e6] * 4, rel=0.02)
    for one in world.ledger.all[1:]:
        world.end(one)
    assert world.run(4) == pytest.approx(4e6, rel=0.02)


def test_seven_of_each_ten_connections_are_slow():
    speeds = list(islice(TwoSpeed(1.0, 8.0, seed=3).speeds(), 50))
    assert {speeds[i : i + 10].count(1.0) for i in range(0, 50, 10)} == {7}
    assert speeds[:10] != speeds[10:20]
    assert speeds == list(islice(TwoSpeed(1.0, 8.0, seed=3).speeds(), 50))


def test_two_speeds():
    world = World(TwoSpeed(1e6, 8e6))
    world.begin(20)
    assert world.run(2) == pytest.approx(2 * (14 * 1e6 + 6 * 8e6), rel=0.02)
    for one in world.ledger.all:
        assert one.bytes == pytest.approx(2 * one.speed, rel=0.02)


def test_one_too_many_and_all_collapse_until_some_time_after_it_is_gone():
    world = World(Collapsing(limit=4, rate=1e6, share=0.01, seconds=2))
    world.begin(4)
    assert world.run(2) == pytest.approx(2e6, rel=0.02)
    world.begin(1)
    assert world.run(2) == pytest.approx(2e4, rel=0.05)
    world.end(world.ledger.all[-1])
    assert world.run(1.9) == pytest.approx(1.9e4, rel=0.05)
    world.run(0.2)
    assert world.run(2) == pytest.approx(2e6, rel=0.02)
    found = world.ledger.stats(world.now)
    assert (found["collapses"], found["most_sending"], found["sending"]) == (1, 5, 4)
    assert found["collapsed_seconds"] == pytest.approx(4, abs=3 * TICK)


def test_a_short_excess_collapses_as_well():
    world = World(Collapsing(limit=4, rate=1e6))
    world.begin(5)
    world.end(world.ledger.all[0])
    assert world.run(1.9) == pytest.approx(1.9e4, rel=0.05)


def test_rules_survive_the_way_to_the_server():
    for rule in (Steady(each=5.0), TwoSpeed(seed=9), Collapsing(3, 7.0)):
        assert rule_from_dict(rule_as_dict(rule)) == rule


# the server


@pytest.fixture
def served(tmp_path):
    (tmp_path / "a dir").mkdir()
    (tmp_path / "a dir" / "file").write_bytes(noise(SIZE, 5))
    (tmp_path / "empty").write_bytes(b"")
    return tmp_path


def ask(source, path="/a%20dir/file", method="GET", connection=None, **headers):
    """(status, headers, body)"""
    mine = connection or http.client.HTTPConnection(urlsplit(source.url).netloc, timeout=PATIENCE)
    try:
        mine.request(method, path, headers=headers)
        response = mine.getresponse()
        return response.status, response.headers, response.read()
    finally:
        if not connection:
            mine.close()


def test_whole_files_ranges_and_refusals(served):
    data = (served / "a dir" / "file").read_bytes()
    with Limited(served, Steady()) as source:
        status, headers, body = ask(source)
        assert (status, body, headers["Accept-Ranges"]) == (200, data, "bytes")
        etag = headers["ETag"]
        status, headers, body = ask(source, Range="bytes=1000-299999")
        assert (status, body, headers["ETag"]) == (206, data[1000:300000], etag)
        assert headers["Content-Range"] == f"bytes 1000-299999/{SIZE}"
        assert ask(source, Range=f"bytes={SIZE}-")[0] == 416
        assert ask(source, "/empty")[::2] == (200, b"")
        assert ask(source, "/none")[0] == 404
        status, headers, body = ask(source, method="HEAD")
        assert (status, headers["Content-Length"], body) == (200, str(SIZE), b"")


def test_one_connection_serves_one_request_after_the_other(served):
    with Limited(served, Steady()) as source:
        kept = http.client.HTTPConnection(urlsplit(source.url).netloc, timeout=PATIENCE)
        for _ in range(3):
            assert ask(source, connection=kept)[0] == 200
        kept.close()
        (one,) = source.stats()["connections"]
        assert (one["requests"], one["bytes"]) == (3, 3 * SIZE)
        source.forget()
        assert source.stats()["connections"] == []


def fetch_together(source, count):
    threads = [threading.Thread(target=ask, args=(source,)) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@pytest.mark.parametrize("rule", [Steady(each=1e6), TwoSpeed(slow=5e5, fast=4e6)])
def test_no_connection_has_more_than_its_allowance(served, rule):
    with Limited(served, rule) as source:
        fetch_together(source, 10)
        found = source.stats()
    assert found["bytes"] == 10 * SIZE and len(found["connections"]) == 10
    for one in found["connections"]:
        assert one["bytes"] <= one["speed"] * (one["seconds"] + TICK)


def test_collapse_of_the_server(served):
    with open(served / "large", "wb") as file:
        file.truncate(1 << 30)
    rule = Collapsing(limit=2, rate=1e6, share=0.05, seconds=0.5)
    with Limited(served, rule) as source:
        kept = [http.client.HTTPConnection(urlsplit(source.url).netloc) for _ in range(3)]
        for one in kept:
            one.request("GET", "/large")
        answers = [one.getresponse() for one in kept]
        for answer in answers:
            answer.read(20_000)
        found = source.stats()
        for one in (*answers, *kept):
            one.close()
    assert (found["collapses"], found["most_sending"]) == (1, 3)
    healthy = found["seconds"] - found["collapsed_seconds"]
    allowance = rule.rate * (healthy + rule.share * found["collapsed_seconds"])
    assert 60_000 <= found["bytes"] <= allowance + 1
