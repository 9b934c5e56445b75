"""What a source gives to whom: rules, and the ledger that holds a source to them. Pure: the clock
is the caller's. Rates are bytes a second; None: as fast as it goes."""

import random
from collections import deque
from dataclasses import asdict, dataclass

BURST = 0.25  # seconds of a rate that may pile up while the machine is busy elsewhere
PIECE = 1 << 20  # bytes at a time at most
AHEAD = 1 << 18  # bytes that may lie in a socket's buffer, beyond the reach of a rule


class Bucket:
    """Bytes that may go: rate x time, less what went, and never more than BURST x rate."""

    def __init__(self, rate, now):
        self._rate, self._have, self._at = rate, 0.0, now

    def set(self, rate, now):
        if rate != self._rate:
            self.have(now)
            self._rate = rate

    def have(self, now):
        """None: as many as one likes."""
        if self._rate is None:
            self._at = now
            return None
        self._have = min(self._have + (now - self._at) * self._rate, self._rate * BURST)
        self._at = now
        return max(0, int(self._have))

    def take(self, count):
        if self._rate is not None:
            self._have -= count


@dataclass
class Steady:
    """A server as it should be: each connection, and all together, have a rate."""

    each: float | None = None
    rate: float | None = None

    @property
    def limited(self):
        return self.each is not None or self.rate is not None

    def speeds(self):
        """Of one connection after the other."""
        while True:
            yield self.each

    def total(self, sending, now):
        """Of all together, when so many connections have an answer under way."""
        return self.rate


@dataclass
class TwoSpeed:
    """A CDN with good and bad edges: of each ten connections in a row slow_of_ten are slow, which
    of them is drawn. A new connection is a new draw."""

    slow: float = 1e6
    fast: float = 8e6
    slow_of_ten: int = 7
    seed: int = 0
    limited = True

    def speeds(self):
        draw = random.Random(self.seed)
        while True:
            ten = [self.slow] * self.slow_of_ten + [self.fast] * (10 - self.slow_of_ten)
            draw.shuffle(ten)
            yield from ten

    def total(self, sending, now):
        return None


@dataclass
class Collapsing:
    """Whenever more than limit connections send, all get share of the rate for some seconds,
    counted from the last moment at which there were too many."""

    limit: int
    rate: float
    share: float = 0.01
    seconds: float = 2.0
    limited = True

    def __post_init__(self):
        self._until = float("-inf")

    def speeds(self):
        while True:
            yield None

    def total(self, sending, now):
        if sending > self.limit:
            self._until = now + self.seconds
        return self.rate * self.share if now < self._until else self.rate


RULES = {rule.__name__: rule for rule in (Steady, TwoSpeed, Collapsing)}


def rule_as_dict(rule):
    return {"rule": type(rule).__name__, **asdict(rule)}


def rule_from_dict(given):
    given = dict(given)
    return RULES[given.pop("rule")](**given)


@dataclass
class Connection:
    number: int
    speed: float | None
    bucket: Bucket
    opened: float
    requests: int = 0
    bytes: int = 0
    ended: float | None = None  # when its last answer did, or the connection


class Ledger:
    """Who may send how much now. A tick gives out what has come together since the one before;
    connections with an answer under way share it, and are first in turn."""

    def __init__(self, rule, now):
        self._rule, self._speeds = rule, rule.speeds()
        self._begun = now
        self._common = Bucket(rule.total(0, now), now)
        self._share = None
        self._sending = deque()
        self._low_since = None
        self.all = []
        self.most_sending = 0
        self.collapses, self.collapsed = 0, 0.0

    def open(self, now):
        speed = next(self._speeds)
        self.all.append(Connection(len(self.all), speed, Bucket(speed, now), now))
        return self.all[-1]

    def begin(self, connection, now):
        """An answer with a body."""
        connection.requests += 1
        self._sending.append(connection)
        self.most_sending = max(self.most_sending, len(self._sending))
        self._look(now)

    def end(self, connection, now):
        """Of the answer, or of a connection in its midst."""
        connection.ended = now
        if connection in self._sending:
            self._sending.remove(connection)
            self._look(now)

    def tick(self, now):
        self._look(now)
        self._sending.rotate(-1)
        have = self._common.have(now)
        self._share = None if have is None else have // max(1, len(self._sending))

    def turns(self):
        return list(self._sending)

    def allowance(self, connection, now):
        """Bytes; once for each connection and tick."""
        limits = (connection.bucket.have(now), self._share, PIECE)
        return min(limit for limit in limits if limit is not None)

    def sent(self, connection, count):
        connection.bytes += count
        connection.bucket.take(count)
        self._common.take(count)

    def stats(self, now):
        self._look(now)
        since = 0 if self._low_since is None else now - self._low_since
        return {
            "seconds": now - self._begun,
            "bytes": sum(one.bytes for one in self.all),
            "requests": sum(one.requests for one in self.all),
            "sending": len(self._sending),
            "most_sending": self.most_sending,
            "collapses": self.collapses,
            "collapsed_seconds": self.collapsed + since,
            "connections": [
                {
                    "speed": one.speed,
                    "requests": one.requests,
                    "bytes": one.bytes,
                    "seconds": (now if one.ended is None else one.ended) - one.opened,
                }
                for one in self.all
            ],
        }

    def _look(self, now):
        total = self._rule.total(len(self._sending), now)
        self._common.set(total, now)
        low = isinstance(self._rule, Collapsing) and total < self._rule.rate
        if low and self._low_since is None:
            self.collapses += 1
            self._low_since = now
        elif not low and self._low_since is not None:
            self.collapsed += now - self._low_since
            self._low_since = None
