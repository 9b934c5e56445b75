"""The faults of faults.py: each turns the honest reply to a request into a bad one."""

import gzip
import json
import time
from email.utils import formatdate

TABLE = {}


def misdeed(name):
    def enter(function):
        TABLE[name] = function
        return function

    return enter


@misdeed("honest")
def _honest(request, reply, served):
    """nothing wrong"""
    return reply


# ranges


@misdeed("range-ignored")
def _range_ignored(request, reply, served):
    """200 and the whole file, whatever was asked"""
    reply.status, reply.body = 200, request.content()
    reply.set("Content-Range", None)
    reply.set("Accept-Ranges", None)
    reply.set("Content-Length", request.size)
    return reply


@misdeed("starts-earlier")
def _starts_earlier(request, reply, served):
    """206 from up to 4096 bytes before the range"""
    if reply.status == 206:
        begin, end = request.range
        _span(request, reply, max(0, begin - request.option("by", 4096)), end)
    return reply


@misdeed("starts-later")
def _starts_later(request, reply, served):
    """206 from one byte behind the beginning of the range"""
    if reply.status == 206:
        begin, end = request.range
        _span(request, reply, min(begin + 1, end - 1), end)
    return reply


@misdeed("shorter-end")
def _shorter_end(request, reply, served):
    """206 with at most so many bytes (most=), which is legal"""
    if reply.status == 206:
        begin, end = request.range
        _span(request, reply, begin, min(end, begin + request.option("most", 300_000)))
    return reply


@misdeed("later-end")
def _later_end(request, reply, served):
    """206 that goes on behind the end of the range"""
    if reply.status == 206:
        begin, end = request.range
        _span(request, reply, begin, min(request.size, end + 4096))
    return reply


@misdeed("no-content-range")
def _no_content_range(request, reply, served):
    """206 without Content-Range"""
    reply.set("Content-Range", None)
    return reply


@misdeed("star-total")
def _star_total(request, reply, served):
    """206 that does not know the total, which is legal"""
    if reply.status == 206:
        begin, end = request.range
        reply.set("Content-Range", f"bytes {begin}-{end - 1}/*")
    return reply


@misdeed("wrong-total")
def _wrong_total(request, reply, served):
    """Content-Range of a file that is one byte longer"""
    if reply.status == 206:
        begin, end = request.range
        reply.set("Content-Range", f"bytes {begin}-{end - 1}/{request.size + 1}")
    return reply


@misdeed("bad-content-range")
def _bad_content_range(request, reply, served):
    """Content-Range that is no such thing"""
    if reply.status == 206:
        reply.set("Content-Range", "bytes 18446744073709551616--1/0x10")
    return reply


@misdeed("multipart")
def _multipart(request, reply, served):
    """multipart/byteranges although one range was asked"""
    if reply.status == 206:
        part = f"--x\r\nContent-Range: {dict(reply.headers)['Content-Range']}\r\n\r\n".encode()
        reply.body = part + reply.body + b"\r\n--x--\r\n"
        reply.set("Content-Range", None)
        reply.set("Content-Type", "multipart/byteranges; boundary=x")
        reply.set("Content-Length", len(reply.body))
    return reply


@misdeed("not-satisfiable")
def _not_satisfiable(request, reply, served):
    """416 with a page of 177 bytes, whose length it calls the total"""
    _page(reply, 416, "text/html", b"x" * 177)
    reply.set("Content-Range", "bytes */177")
    return reply


@misdeed("not-satisfiable-true-total")
def _not_satisfiable_true_total(request, reply, served):
    """416 with the true total"""
    _page(reply, 416, "text/html", b"x" * 177)
    reply.set("Content-Range", f"bytes */{request.size}")
    return reply


@misdeed("ranges-missing")
def _ranges_missing(request, reply, served):
    """404 to ranges"""
    return _page(reply, 404, "text/html", b"no such range") if request.range else reply


@misdeed("ranges-refused")
def _ranges_refused(request, reply, served):
    """status= to requests with a range; others are answered"""
    wanted = "range" in request.headers
    return _page(reply, request.option("status", 403), "text/plain", b"no") if wanted else reply


@misdeed("ranges-empty")
def _ranges_empty(request, reply, served):
    """200 and no body to ranges"""
    return _page(reply, 200, "text/plain", b"") if request.range else reply


@misdeed("chunked")
def _chunked(request, reply, served):
    """chunked transfer encoding, which is legal"""
    reply.set("Content-Length", None)
    reply.set("Transfer-Encoding", "chunked")
    reply.body = _chunks(reply.body) + b"0\r\n\r\n"
    return reply


# versions


@misdeed("etag-changes")
def _etag_changes(request, reply, served):
    """another version, and a tag that says so"""
    return _other_version(request, reply, f'"{request.name}-1"')


@misdeed("etag-changes-alone")
def _etag_changes_alone(request, reply, served):
    """the same bytes, and tags that have nothing in common"""
    reply.set("ETag", f'"node-{request.number}"')
    return reply


@misdeed("etag-forms")
def _etag_forms(request, reply, served):
    """the same tag in all its spellings"""
    tag = f"{request.name}-0"
    forms = [f'"{tag}"', f'W/"{tag}"', tag, f'"{tag}-gzip"', f'W/"{tag}-gzip"']
    reply.set("ETag", forms[request.number % len(forms)])
    return reply


@misdeed("weak-tag")
def _weak_tag(request, reply, served):
    """a weak tag and no date, and from the fourth request on another version under the same tag"""
    return _replaced(request, reply, 'W/"same meaning"')


@misdeed("long-tag")
def _long_tag(request, reply, served):
    """a tag with more than length= characters that differ at their end, else the same"""
    version = "B" if request.number >= 3 else "A"
    return _replaced(request, reply, f'"{"k" * request.option("length", 170)}{version}"')


@misdeed("young-date")
def _young_date(request, reply, served):
    """no tag, and a date under which the file may have changed twice"""
    _replaced(request, reply, None)
    reply.set("Last-Modified", formatdate(time.time() - 1, usegmt=True))
    return reply


@misdeed("undated")
def _undated(request, reply, served):
    """no tag, a date, and no clock to compare it with"""
    _replaced(request, reply, None)
    reply.set("Last-Modified", "Mon, 01 Jan 2024 00:00:00 GMT")
    reply.set("Date", None)
    return reply


@misdeed("new-content")
def _new_content(request, reply, served):
    """another version of the same length, and no word about it"""
    return _other_version(request, reply, f'"{request.name}-0"')


@misdeed("date-changes")
def _date_changes(request, reply, served):
    """the same tag, another date"""
    reply.set("Last-Modified", formatdate(1704067200 + request.number, usegmt=True))
    return reply


@misdeed("only-date-changes")
def _only_date_changes(request, reply, served):
    """another version, no tag, another date"""
    _other_version(request, reply, None)
    reply.set("Last-Modified", "Tue, 02 Jan 2024 00:00:00 GMT")
    return reply


# lengths and encodings


@misdeed("gzip")
def _gzip(request, reply, served):
    """gzip although only identity was accepted"""
    reply.body = gzip.compress(reply.body, 1)
    reply.set("Content-Encoding", "gzip")
    reply.set("Content-Length", len(reply.body))
    return reply


@misdeed("label")
def _label(request, reply, served):
    """the bytes as they are, and Content-Encoding from when they were stored"""
    reply.set("Content-Encoding", request.option("value", "gzip"))
    return reply


@misdeed("unsized")
def _unsized(request, reply, served):
    """200 and chunks to whatever was asked: nobody tells the size"""
    return _chunked(request, _range_ignored(request, reply, served), served)


@misdeed("endless-announced")
def _endless_announced(request, reply, served):
    """a size of 2 to the power of power="""
    size = 1 << request.option("power", 56)
    if request.range and request.range != "unsatisfiable":
        begin, end = request.range
        reply.set("Content-Range", f"bytes {begin}-{end - 1}/{size}")
    else:
        reply.set("Content-Length", size)
        reply.close = True
    return reply


@misdeed("no-length")
def _no_length(request, reply, served):
    """no Content-Length, ends with the connection"""
    reply.set("Content-Length", None)
    reply.set("Connection", "close")
    reply.close = True
    return reply


@misdeed("no-length-short")
def _no_length_short(request, reply, served):
    """no Content-Length, and the connection ends too early"""
    reply.body = reply.body[: len(reply.body) // 2]
    return _no_length(request, reply, served)


@misdeed("length")
def _length(request, reply, served):
    """Content-Length is what value= says, or wrong by by="""
    truth = len(reply.body)
    reply.set("Content-Length", request.options.get("value", truth + request.option("by", 100)))
    reply.close = True
    return reply


@misdeed("two-lengths")
def _two_lengths(request, reply, served):
    """two Content-Lengths that differ"""
    reply.headers.append(("Content-Length", str(len(reply.body) // 2)))
    reply.close = True
    return reply


@misdeed("length-and-chunked")
def _length_and_chunked(request, reply, served):
    """Content-Length and chunked at once; chunked is what counts"""
    reply.set("Content-Length", 5)
    reply.set("Transfer-Encoding", "chunked")
    reply.body = _chunks(reply.body) + b"0\r\n\r\n"
    reply.close = True
    return reply


@misdeed("short-then-close")
def _short_then_close(request, reply, served):
    """a clean end after half of the body"""
    reply.body, reply.close = reply.body[: len(reply.body) // 2], True
    return reply


@misdeed("longer")
def _longer(request, reply, served):
    """more bytes than announced"""
    reply.body, reply.close = reply.body + b"garbage " * 1000, True
    return reply


@misdeed("longer-chunked")
def _longer_chunked(request, reply, served):
    """chunks that add up to more than Content-Range says"""
    reply.body += b"garbage " * 1000
    return _chunked(request, reply, served)


@misdeed("bad-chunk")
def _bad_chunk(request, reply, served):
    """a chunk size that is what value= says"""
    size = request.options.get("value", "zz")
    reply.set("Content-Length", None)
    reply.set("Transfer-Encoding", "chunked")
    half = len(reply.body) // 2
    reply.body = _chunks(reply.body[:half]) + size.encode() + b"\r\n" + reply.body[half:]
    reply.close = True
    return reply


@misdeed("bad-trailer")
def _bad_trailer(request, reply, served):
    """chunks, then trailers with a NUL and another length"""
    reply.set("Content-Length", None)
    reply.set("Transfer-Encoding", "chunked")
    reply.body = _chunks(reply.body) + b"0\r\nContent-Length: 1\r\nX: a\0b\r\n\r\n"
    reply.close = True
    return reply


# other content


@misdeed("login-page")
def _login_page(request, reply, served):
    """200 and an HTML page"""
    return _page(reply, 200, "text/html", b"<html><form>Please log in</form></html>")


@misdeed("error-json")
def _error_json(request, reply, served):
    """200 and a JSON error"""
    return _page(reply, 200, "application/json", json.dumps({"error": "sorry"}).encode())


@misdeed("flip")
def _flip(request, reply, served):
    """one wrong byte"""
    if reply.status < 300 and reply.body:
        at = len(reply.body) // 2
        reply.body = reply.body[:at] + bytes([reply.body[at] ^ 1]) + reply.body[at + 1 :]
    return reply


@misdeed("hidden-slow-down")
def _hidden_slow_down(request, reply, served):
    """SlowDown as XML, with status="""
    body = b"<Error><Code>SlowDown</Code></Error>"
    return _page(reply, request.option("status", 200), "application/xml", body)


# redirects


@misdeed("redirect")
def _redirect(request, reply, served):
    """hops= redirects with code=, relative=1 or to the other origin with foreign=1"""
    hops = request.option("hops", 1)
    options = {"code": request.option("code", 302), "hops": hops - 1}
    for name in ("relative", "foreign"):
        if request.option(name, 0):
            options[name] = 1
    fault = "redirect" if hops > 1 else "honest"
    origin = request.server.other if request.option("foreign", 0) else request.origin
    place = request.place(fault, origin, **(options if hops > 1 else {}))
    if request.option("relative", 0):
        place = place.removeprefix(request.origin)
    return _moved(reply, options["code"], place)


@misdeed("redirect-loop")
def _redirect_loop(request, reply, served):
    """to itself"""
    return _moved(reply, 302, request.target)


@misdeed("redirect-to")
def _redirect_to(request, reply, served):
    """to a place not allowed: scheme=file, ftp, gopher, or none at all"""
    scheme = request.option("scheme", "file")
    places = {"file": "file:///etc/passwd", "nowhere": None}
    place = places.get(scheme, f"{scheme}://127.0.0.1:1/x")
    return _moved(reply, 302, place)


@misdeed("cookie-wall")
def _cookie_wall(request, reply, served):
    """back to itself with a cookie, until the client brings it along"""
    if request.headers.get("cookie") == "pass=sesame; seen=1":
        return reply
    _moved(reply, 302, request.target)
    reply.headers += [("Set-Cookie", "old=1; Path=/"), ("Set-Cookie", "old=; Max-Age=0")]
    reply.headers.append(("Set-Cookie", "pass=sesame; Path=/; HttpOnly; Expires=Fri, 31 Dec 2027"))
    reply.headers.append(("Set-Cookie", "seen=1"))
    return reply


@misdeed("cookie-abroad")
def _cookie_abroad(request, reply, served):
    """a cookie for all of the host, and on to its other origin"""
    _moved(reply, 302, request.place("honest", request.server.other))
    reply.set("Set-Cookie", "pass=sesame; Domain=127.0.0.1; Path=/")
    return reply


@misdeed("signed")
def _signed(request, reply, served):
    """to a signed URL on the other origin that is good for uses= requests"""
    options = {"skip": request.option("uses", 2), "ticket": request.number}
    return _moved(reply, 302, request.place("expired", request.server.other, **options))


@misdeed("expired")
def _expired(request, reply, served):
    """403, as a signed URL that has run out"""
    return _page(reply, 403, "application/xml", b"<Error>Request has expired</Error>")


# time


@misdeed("status")
def _status(request, reply, served):
    """status= with hint=seconds, date, ratelimit or nothing"""
    _page(reply, request.option("status", 429), "text/plain", b"not now")
    seconds = request.option("seconds", 1)
    hints = {
        "seconds": ("Retry-After", seconds),
        "date": ("Retry-After", formatdate(time.time() + seconds, usegmt=True)),
        "ratelimit": ("RateLimit", f'"resolvers";r=0;t={seconds}'),
        "rubbish": ("Retry-After", "soon, -1"),
    }
    if request.option("hint", "") in hints:
        reply.set(*hints[request.option("hint", "")])
    return reply


@misdeed("collapse")
def _collapse(request, reply, served):
    """503 while more than most= requests run at a time"""
    if request.number == 1:
        request.server.wait_for_running(2)  # so that there is something to answer with 503
    elif request.server.running() > request.option("most", 1):
        return _page(reply, 503, "text/plain", b"too much")
    return reply


@misdeed("trickle")
def _trickle(request, reply, served):
    """some bytes a second"""
    reply.trickle = True
    return reply


@misdeed("stall")
def _stall(request, reply, served):
    """silence after at= bytes of the body"""
    reply.body, reply.stall = reply.body[: request.option("at", 1000)], True
    return reply


@misdeed("silent")
def _silent(request, reply, served):
    """no reply at all"""
    reply.raw, reply.stall = b"", True
    return reply


@misdeed("reset")
def _reset(request, reply, served):
    """a reset after at= bytes of the body"""
    reply.body, reply.reset = reply.body[: request.option("at", 1000)], True
    return reply


@misdeed("whole-then-reset")
def _whole_then_reset(request, reply, served):
    """all bytes, no length (or chunks with chunked=1) and a reset in place of the end"""
    reply.set("Content-Length", None)
    if request.option("chunked", 0):
        reply.set("Transfer-Encoding", "chunked")
        reply.body = _chunks(reply.body)
    reply.reset = True
    return reply


@misdeed("reset-before-reply")
def _reset_before_reply(request, reply, served):
    """a reset in place of a reply"""
    reply.raw, reply.reset = b"", True
    return reply


@misdeed("stale")
def _stale(request, reply, served):
    """a kept connection that is dead when it is used again"""
    if served:
        reply.raw, reply.close = b"", True
    return reply


@misdeed("rubbish")
def _rubbish(request, reply, served):
    """something that is not HTTP"""
    reply.raw, reply.close = b"\x16\x03\x01 220 mail.example.org ESMTP\r\n" * 20, True
    return reply


@misdeed("huge-header")
def _huge_header(request, reply, served):
    """a header of 2 MiB"""
    reply.set("X-Large", "x" * (2 << 20))
    return reply


def _span(request, reply, begin, end):
    reply.body = request.content()[begin:end]
    reply.set("Content-Range", f"bytes {begin}-{end - 1}/{request.size}")
    reply.set("Content-Length", len(reply.body))


def _page(reply, status, kind, body):
    reply.status, reply.body = status, body
    reply.set("Content-Range", None)
    reply.set("ETag", None)
    reply.set("Content-Type", kind)
    reply.set("Content-Length", len(body))
    return reply


def _moved(reply, status, place):
    _page(reply, status, "text/html", b"<html>moved</html>")
    reply.set("Location", place)
    return reply


def _other_version(request, reply, tag):
    wanted = request.range
    if reply.status < 300:
        reply.body = request.content(1)[slice(*wanted)] if wanted else request.content(1)
    reply.set("ETag", tag)
    return reply


def _replaced(request, reply, tag):
    """The tag, and from the fourth request on another version."""
    reply.set("Last-Modified", None)
    if request.number >= 3:
        return _other_version(request, reply, tag)
    reply.set("ETag", tag)
    return reply


def _chunks(body, size=100_000):
    parts = [body[at : at + size] for at in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts)
