"""One row for each way in which a server can misbehave, and what must come of it.

The faults are in servers/misdeeds.py, with the numbers of the list of bad inputs that they stand
for. A row also says how often the fault must have struck: a run in which it did not shows nothing.
"""

from dataclasses import dataclass, field

MIB = 1 << 20
SIZE = 5 * MIB + 123  # six segments of 1 MiB: seven requests with the one that looks first
LOOKED_AT = 9 * MIB + 123  # a list that gives this size does not spare the first look
GOOD = 20  # requests of a run in which little went wrong: late copies of segments are allowed
SLOW = ("--speed-limit", 1000, "--speed-time", 1)


@dataclass
class Case:
    fault: str
    options: dict = field(default_factory=dict)  # of the fault
    exit: int = 0
    says: str = "model.bin"  # in the sentence of a failure
    most: int = 60  # requests
    how: str = "digest"  # or "trust": no digest; "list": a list with digest and size
    size: int = SIZE
    retries: int = 3
    args: tuple = ()
    struck: tuple = (1, 1 << 30)  # times: at least and at most

    def __str__(self):
        words = [self.fault, *(f"{key.rstrip('_')}={value}" for key, value in self.options.items())]
        if self.how != "digest":
            words.append(self.how)
        if self.size != SIZE:
            words.append(str(self.size))
        return " ".join(words)


def fine(fault, how="digest", most=GOOD, size=SIZE, retries=3, args=(), **options):
    times = options.get("times")
    if fault == "honest":
        struck = (0, 0)
    else:
        struck = (times, times) if times else (1, 1 << 30)
    return Case(fault, options, 0, "", most, how, size, retries, args, struck)


def once(fault, times=1, **more):
    """After the first look so many bad replies, each of which is overcome by another request."""
    return fine(fault, skip=1, times=times, most=60, **more)


def slow(fault, most=400, **more):
    """Of a server that is given up after a second, which a good one may need on a machine that is
    busy: attempts for longer than that."""
    return fine(fault, most=most, retries=30, args=SLOW, **more)


def fails(
    fault, exit, says="model.bin", most=60, how="digest", size=SIZE, retries=3, args=(), **options
):
    return Case(fault, options, exit, says, most, how, size, retries, args)


CASES = [
    fine("honest"),
    fine("honest", how="trust"),
    fine("honest", how="list"),
    # 1 to 11: ranges
    fine("range-ignored", most=6),
    fine("range-ignored", how="trust", most=6),
    fine("range-ignored", how="list", most=6),
    once("range-ignored"),
    # after the first look, or from some byte on: one rank fetches all of it
    *(fine("range-ignored", skip=1, how=how, most=60) for how in ("digest", "trust")),
    *(fine("range-ignored", from_=MIB, how=how, most=60) for how in ("digest", "trust")),
    *(
        fine("ranges-refused", status=s, how=how, most=60)
        for s in (400, 403, 404, 405, 406, 500, 501, 503)
        for how in ("digest", "trust")
    ),
    fine("ranges-refused", how="list", size=LOOKED_AT, most=60),
    *(fine("ranges-refused", status=s, skip=1, most=90) for s in (400, 403, 404, 405, 406, 501)),
    *(fine("ranges-refused", status=s, skip=1, most=90, retries=1) for s in (500, 503)),
    *(fine("ranges-refused", status=s, skip=1, most=90, how="trust") for s in (403, 501)),
    *(once("ranges-refused", status=s) for s in (500, 503)),
    fails("ranges-refused", 3, status=401),
    fails("ranges-refused", 3, status=410),
    once("starts-earlier", from_=MIB),
    fails("starts-earlier", 3, from_=MIB),
    fails("starts-earlier", 3, from_=MIB, how="trust"),
    once("starts-later"),
    fails("starts-later", 3, skip=1, how="trust"),
    fine("shorter-end", most=80),
    fine("shorter-end", most=80, how="trust"),
    fine("shorter-end", most=120, how="list", size=LOOKED_AT),
    fails("later-end", 3),
    fails("later-end", 3, how="trust"),
    once("no-content-range"),
    fails("no-content-range", 3, skip=1),
    fails("no-content-range", 3, skip=1, how="trust"),
    once("bad-content-range"),
    fails("bad-content-range", 3, skip=1),
    fails("star-total", 3, skip=1),
    fine("star-total", how="list", size=LOOKED_AT),
    # a node that lags behind the others
    once("wrong-total", times=2),
    once("wrong-total", how="list", size=LOOKED_AT, times=2),
    fine("wrong-total", how="list", size=LOOKED_AT, times=2),
    once("not-satisfiable", times=2),
    fails("wrong-total", 3, skip=1, times=2, how="trust"),
    fine("not-satisfiable", skip=1, from_=MIB, how="trust", most=60),
    fails("wrong-total", 3),
    fails("wrong-total", 3, skip=1),
    fails("wrong-total", 3, how="list", size=LOOKED_AT),
    once("multipart"),
    fails("multipart", 3, skip=1),
    fails("multipart", 3, skip=1, how="trust"),
    fails("not-satisfiable", 3),
    fails("not-satisfiable", 3, skip=1),
    fails("not-satisfiable-true-total", 3, skip=1),
    fine("ranges-missing"),
    fine("ranges-missing", skip=1, most=60),
    once("ranges-empty"),
    fine("ranges-empty", skip=1, most=60),
    fine("ranges-empty"),
    fine("ranges-empty", how="trust"),
    fine("ranges-empty", how="list", size=LOOKED_AT),
    fine("honest", size=0),
    fine("honest", size=0, how="trust"),
    fine("honest", size=0, how="list"),
    fine("range-ignored", size=0),
    fine("ranges-empty", size=0),
    fine("honest", size=1),
    fine("honest", size=MIB),
    fine("range-ignored", size=1),
    fine("chunked"),
    fine("chunked", how="trust"),
    # 12 to 17: versions
    fails("etag-changes", 4, skip=1),
    fails("etag-changes", 3, skip=1, how="trust"),
    fails("etag-changes", 3, from_=MIB, how="trust"),
    fails("etag-changes", 4, from_=MIB),
    fine("etag-changes-alone"),
    fails("etag-changes-alone", 3, skip=1, how="trust"),
    fine("etag-forms"),
    fails("etag-forms", 3, how="trust"),  # some of them are weak
    *(fine(fault, how="trust", most=6) for fault in ("weak-tag", "young-date", "undated")),
    fine("long-tag", how="trust", length=600, most=6),
    fails("long-tag", 3, how="trust", length=170),
    fine("weak-tag", times=3),
    once("new-content"),
    fails("new-content", 4, skip=1),
    fails("new-content", 4, from_=2 * MIB),
    fails("new-content", 4, from_=2 * MIB, how="list", size=LOOKED_AT),
    fine("date-changes"),
    fine("date-changes", how="trust"),
    fails("only-date-changes", 4, skip=1),
    fails("only-date-changes", 3, skip=2, how="trust"),
    fails("only-date-changes", 3, from_=2 * MIB, how="trust"),
    # 18 to 24: lengths, encodings, other content
    once("gzip"),
    fails("gzip", 3, skip=1),
    fails("gzip", 3, skip=1, how="trust"),
    *(fine("label", value=value) for value in ("gzip", "x-gzip", "br", "aws-chunked", "none")),
    *(fine("label", value="gzip", how="list", size=size) for size in (SIZE, LOOKED_AT)),
    *(
        fine("label", value=value, how="trust")
        for value in ("aws-chunked", "none", "utf-8", "binary", "identity")
    ),
    *(fails("label", 3, value=value, how="trust") for value in ("gzip", "x-gzip", "br")),
    fine("unsized", most=6),
    fine("unsized", most=6, how="list"),
    fails("unsized", 3, how="trust", says="does not report the size"),
    fails("endless-announced", 5, most=3, says="space"),
    fails("endless-announced", 5, most=3, says="space", power=62),
    fails("endless-announced", 5, most=3, says="space", how="trust"),
    fine("no-length"),
    fine("no-length", how="trust"),
    once("no-length-short"),
    once("no-length-short", how="trust"),
    fails("no-length-short", 6, skip=1, most=400),
    once("length", by=100),
    once("length", by=-100),
    fails("length", 3, skip=1, by=100),
    fails("length", 3, skip=1, by=-100, how="trust"),
    once("length", value="-5"),
    once("length", value="99999999999999999999999"),
    once("length", value="twelve"),
    # what is not proper HTTP at all may be a broken box on the way: 6; another range: 3
    fails("length", 6, skip=1, value="-5"),
    fails("length", 6, skip=1, value="99999999999999999999999"),
    fails("length", 6, skip=1, value="twelve"),
    once("two-lengths"),
    fails("two-lengths", 6, skip=1),
    fine("length-and-chunked"),  # RFC 9112, 6.3: Transfer-Encoding overrides
    once("short-then-close", times=4),
    once("short-then-close", times=4, how="trust"),
    fails("short-then-close", 6, skip=1, most=400),
    once("longer"),
    fine("longer", how="trust"),  # what follows the announced end is no part of the reply
    once("longer-chunked"),
    fails("longer-chunked", 3, skip=1, how="trust"),
    once("bad-chunk", value="zz"),
    fails("bad-chunk", 6, skip=1, value="zz", most=400),
    fails("bad-chunk", 6, skip=1, value="ffffffffffffffff1", most=400),
    fails("bad-chunk", 6, skip=1, value="-5", most=400),
    fails("bad-trailer", 6),  # RFC 9110, 5.5: a value with NUL is invalid
    once("login-page"),
    once("login-page", how="trust"),
    fails("login-page", 4),
    fails("login-page", 3, how="list"),
    fails("login-page", 3, skip=1),
    once("error-json"),
    fails("error-json", 4),
    fails("error-json", 3, skip=1, how="trust"),
    once("flip"),
    fine("flip", how="list", times=1),  # no first look to be skipped
    fails("flip", 4, skip=1),
    fails("flip", 4, how="list"),
    fails("flip", 4, from_=5 * MIB),
    # 25 to 30: redirects (credentials: test_faults.py)
    *(fine("redirect", code=code, hops=3, most=60) for code in (301, 302, 303, 307, 308)),
    fine("redirect", relative=1, hops=3, most=60),
    fine("redirect", foreign=1, hops=2, most=60),
    fine("redirect", foreign=1, how="list", most=60),
    fine("cookie-wall", most=60),
    fine("cookie-wall", most=60, how="trust"),
    fine("cookie-abroad", most=60),
    fails("redirect", 3, hops=15),
    fails("redirect-loop", 3),
    fails("redirect-to", 3, scheme="file"),
    fails("redirect-to", 3, scheme="ftp"),
    fails("redirect-to", 3, scheme="gopher"),
    fails("redirect-to", 3, scheme="nowhere"),
    fails("redirect-to", 3, scheme="file", skip=1),
    fine("signed", uses=1, most=60),  # a ticket is for one request
    fails("signed", 3, says="403", most=4, uses=0),
    fails("signed", 3, says="403", uses=0, skip=1),
    fails("expired", 3, says="403", most=10),
    # refusals are not retried
    # (but may concern the range only)
    *(fails("status", 3, status=s, says=str(s), most=3) for s in (400, 401, 403, 404, 410, 451)),
    *(fails("status", 3, status=s, says=str(s), most=20, skip=1) for s in (403, 404, 412)),
    # 31 to 36: throttling and time
    *(fine("status", status=s, times=2, most=60) for s in (408, 425, 429, 500, 502, 503, 504, 599)),
    *(once("status", status=s, times=2) for s in (408, 425, 429, 500, 502, 503, 504, 599)),
    *(fails("status", 6, status=s, says=str(s), retries=2) for s in (408, 425, 429, 500, 503)),
    *(fails("status", 6, status=s, says=str(s), retries=2, skip=1) for s in (408, 429, 500, 503)),
    *(once("status", status=429, hint=h) for h in ("seconds", "date", "ratelimit", "rubbish")),
    once("status", status=503, hint="seconds"),
    once("hidden-slow-down"),
    once("hidden-slow-down", status=500),
    once("hidden-slow-down", status=503),
    fails("hidden-slow-down", 3, skip=1, how="trust"),
    slow("trickle", skip=1, times=1),
    slow("stall", skip=1, at=0, times=2),
    slow("stall", skip=1, at=100_000, times=2),
    slow("stall", skip=1, at=100_000, times=2, how="trust"),
    slow("silent", skip=1, times=2),
    slow("silent", times=1),
    fails("stall", 6, skip=1, at=0, args=SLOW, retries=1),
    fails("silent", 6, args=SLOW, retries=1),
    once("reset", at=0, times=2),
    once("reset", at=100_000, times=8),
    fails("reset", 6, skip=1, at=0, retries=2),
    *(fine("whole-then-reset", retries=0, how=how) for how in ("digest", "trust")),
    *(fine("whole-then-reset", retries=0, how=how, chunked=1) for how in ("digest", "trust")),
    once("reset-before-reply", times=2),
    fine("reset-before-reply", times=2, most=60),
    fails("reset-before-reply", 6, retries=2),
    fine("stale", retries=0, most=60, args=("--connections", 1)),  # so that one is used again
    fine("collapse", retries=20, most=600),
    once("rubbish"),
    fails("rubbish", 6),
    fails("rubbish", 6, skip=1),
    once("huge-header"),
    fails("huge-header", 6, skip=1, says="model.bin.*header is too long"),
]
