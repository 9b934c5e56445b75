"""HTTP plumbing for the loopback Hub: threads, ranges, request log, scripted trouble."""

import fnmatch
import json
import os
import re
import select
import socket
import struct
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit


class Log:
    """What was asked, one dict a request, in the order in which the requests came."""

    def __init__(self, file=None):
        self._rows = []
        self._changed = threading.Condition()
        self._running = 0  # not those that a trouble holds back
        self._file = open(file, "a", buffering=1) if file else None

    def begin(self, row):
        with self._changed:
            self._rows.append(row)
            self._running += 1
            self._changed.notify_all()

    def stand(self, still):
        """A request that is under way begins to be held back by a trouble, or goes on."""
        with self._changed:
            self._running += -1 if still else 1
            self._changed.notify_all()

    def wait(self, count, timeout=300):
        """Until so many requests have come; False if that did not come to pass in time."""
        with self._changed:
            return self._changed.wait_for(lambda: len(self._rows) >= count, timeout)

    def end(self, row):
        with self._changed:
            self._running -= 1
            if self._file:
                self._file.write(json.dumps(row) + "\n")
            self._changed.notify_all()

    def rows(self, kind="*", settle=10):
        """A client may have its bytes before the server has noted that it sent them, so wait for
        answers under way; those that stall are given as they are."""
        with self._changed:
            self._changed.wait_for(lambda: self._running == 0, settle)
            return [dict(row) for row in self._rows if fnmatch.fnmatch(row["kind"], kind)]

    def clients(self, kind="*"):
        """Addresses from which something was asked, answered or not."""
        with self._changed:
            return {row["client"] for row in self._rows if fnmatch.fnmatch(row["kind"], kind)}

    def reset(self):
        with self._changed:
            self._rows.clear()

    def close(self):
        """Once all that is under way is written down."""
        with self._changed:
            if self._file:
                self._changed.wait_for(lambda: self._running == 0, 30)
                self._file.close()
                self._file = None


@dataclass
class Trouble:
    """What happens to requests of one kind and path instead of, or on top of, the true answer."""

    kind: str = "*"
    path: str = "*"  # pattern over the decoded path
    skip: int = 0  # the first so many that match are left alone
    times: int | None = None  # then so many are hit; None: all
    status: int = 0  # answer with this status, ...
    headers: dict[str, str] = field(default_factory=dict)  # ... these headers ...
    body: str = ""  # ... and this body
    flip: int | None = None  # invert the byte at this offset of the file
    cut: int | None = None  # after so many bytes of body reset the connection
    stall: int | None = None  # after so many bytes of body wait for Troubles.release
    hold: bool = False  # wait for it before the answer
    ranged: bool = False  # only requests with a range
    byte: int | None = None  # only requests for the byte at this offset of the file, and others
    whole: bool = False  # ignore the range
    seen: int = 0
    hits: int = 0

    def wants(self, kind, path, begin, last, ranged):
        if self.ranged and not ranged:
            return False
        if not fnmatch.fnmatch(kind, self.kind) or not fnmatch.fnmatch(path, self.path):
            return False
        if self.flip is not None and not begin <= self.flip <= last:
            return False
        if self.byte is not None and not begin <= self.byte <= last:
            return False
        if self.cut is not None and last - begin < self.cut:
            return False  # there would be nothing left to cut off
        self.seen += 1
        if self.seen <= self.skip or (self.times is not None and self.hits >= self.times):
            return False
        self.hits += 1
        return True


class Troubles:
    """The list in force; the first that wants a request has it."""

    def __init__(self):
        self._list = []
        self._changed = threading.Condition()
        self._released = threading.Event()

    def add(self, **what):
        trouble = Trouble(**what)
        with self._changed:
            self._list.append(trouble)
        return trouble

    def clear(self):
        with self._changed:
            self._list.clear()

    def find(self, kind, path, asked):
        """(trouble or None, what lets go of an answer that it holds). asked: the Range header or
        None."""
        span = re.fullmatch(r"bytes=(\d+)-(\d*)", asked or "")
        begin = int(span[1]) if span else 0
        last = int(span[2]) if span and span[2] else 1 << 63
        with self._changed:
            found = next((one for one in self._list if one.wants(kind, path, begin, last, asked)), None)
            self._changed.notify_all()
            return found, self._released

    def wait(self, trouble, hits=1, timeout=300):
        """Until it has hit so often; False if that did not come to pass in time."""
        with self._changed:
            return self._changed.wait_for(lambda: trouble.hits >= hits, timeout)

    def release(self):
        """Let all stalled answers, and those to come, go on."""
        with self._changed:
            self._released.set()

    def let_go(self):
        """Let all stalled answers go on, and those that are just about to stall, but not those to
        come."""
        with self._changed:
            self._released.set()
            self._released = threading.Event()


class Server(ThreadingHTTPServer):
    """A listener with a thread for each connection; .owner is for its handler, name what its URL
    says instead of the address."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 1024

    def __init__(self, handler, owner, port=0, address="127.0.0.1", name=None):
        super().__init__((address, port), handler)
        self.owner = owner
        self.url = f"http://{name or address}:{self.server_address[1]}"
        self._open = {}  # connection -> what its handler does: "waits", "reads" or "answers"
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True)

    def start(self):
        self._thread.start()

    def stop(self):
        self.shutdown()
        self.server_close()
        with self._lock:
            for connection in self._open:
                try:
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass  # the client was faster

    def get_request(self):
        with self._lock:
            request, address = super().get_request()
            self._open[request] = "waits"
        return request, address

    def now(self, connection, what):
        with self._lock:
            self._open[connection] = what

    def quiet(self):
        """Until whoever has asked is gone, and what they asked for last is noted."""
        self._wait_until(lambda: not self._open and not has_come(self.socket))

    def taken(self):
        """Until all that has been asked so far is noted, also what nobody waits for any more: whose
        answer has come can have asked again before its handler "waits" again."""

        def none_unread():
            rest = self._open.items()
            return not has_come(self.socket) and not any(w == "reads" or unread(c) for c, w in rest)

        self._wait_until(none_unread)

    def _wait_until(self, holds, timeout=300):
        until = time.monotonic() + timeout
        while True:
            with self._lock:
                if holds():
                    return
                assert time.monotonic() < until, f"{self.url}: {list(self._open.items())}"
            time.sleep(0.005)

    def shutdown_request(self, request):
        with self._lock:
            self._open.pop(request, None)
        super().shutdown_request(request)

    def handle_error(self, request, client_address):
        pass  # clients that go away in mid answer are what is tested here


def has_come(one, wait=0):
    """Something to read, or its end. wait: milliseconds; None: until it has."""
    poll = select.poll()
    poll.register(one, select.POLLIN)
    return poll.poll(wait)


def unread(connection):
    """What has come on it; its end does not count."""
    try:
        return connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
    except OSError:
        return b""


class Handler(BaseHTTPRequestHandler):
    """One connection. A subclass has answer(), which calls send() or send_file() once."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    kind = "other"
    trouble = None

    def answer(self):
        raise NotImplementedError

    def classify(self, path):
        return "other"

    def handle_one_request(self):
        """Nothing is taken from the connection but by who "reads", see Server.taken."""
        self.server.now(self.connection, "reads")
        if type(self.connection) is socket.socket and not self._has_more():
            self.server.now(self.connection, "waits")
            has_come(self.connection, wait=None)
            self.server.now(self.connection, "reads")
        super().handle_one_request()

    def _has_more(self):
        """Of what has come already."""
        self.connection.settimeout(0)
        try:
            return bool(self.rfile.peek(1))
        except OSError:
            return True  # who reads will see
        finally:
            self.connection.settimeout(None)

    def do_GET(self):
        parts = urlsplit(self.path)
        self.route, self.query = parts.path, parts.query
        self.kind = self.classify(self.route)
        self.status, self.sent, self.length = 0, 0, 0
        length = int(self.headers.get("Content-Length") or 0)
        self.payload = self.rfile.read(length) if length else b""
        if self.route.startswith("/_control/"):
            self.trouble = None
            self.server.now(self.connection, "answers")
            return self._answer()
        self.trouble, self.released = self.server.owner.troubles.find(
            self.kind, unquote(self.route), self.headers.get("Range")
        )
        row = self._row()
        self.server.owner.requests.begin(row)
        self.server.now(self.connection, "answers")
        try:
            self._answer()
        finally:
            row.update(status=self.status, bytes=self.sent, length=self.length)
            self.server.owner.requests.end(row)

    do_HEAD = do_POST = do_GET

    def log_message(self, *args):
        pass

    def send(self, status, headers=(), body=b""):
        """A whole answer from memory."""
        self._head(status, dict(headers), len(body))
        if self.command != "HEAD":
            self.wfile.write(body)
            self.sent = len(body)

    def send_file(self, file, size, headers=()):
        """A file, or the range of it that was asked for."""
        headers = {"Accept-Ranges": "bytes", **dict(headers)}
        ignored = self.trouble and self.trouble.whole
        wanted = None if ignored else parse_range(self.headers.get("Range"), size)
        if wanted == "unsatisfiable":
            return self.send(416, {**headers, "Content-Range": f"bytes */{size}"})
        begin, end = wanted or (0, size)
        if wanted:
            headers["Content-Range"] = f"bytes {begin}-{end - 1}/{size}"
        self._head(206 if wanted else 200, headers, end - begin)
        if self.command != "HEAD" and end > begin:
            with open(file, "rb") as opened:
                self._copy(opened, begin, end)

    def reset(self):
        """End the connection so that the client sees a reset."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        raise ConnectionResetError

    def _answer(self):
        try:
            if self.trouble and self.trouble.hold:
                self._stand_still()
            if self.trouble and self.trouble.status:
                self.send(self.trouble.status, self.trouble.headers, self.trouble.body.encode())
            else:
                self.answer()
        except OSError:
            self.close_connection = True

    def _stand_still(self):
        log = self.server.owner.requests
        log.stand(True)
        self.released.wait()
        log.stand(False)

    def _head(self, status, headers, length):
        self.status, self.length = status, length
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if status != 304:
            self.send_header("Content-Length", str(length))
        self.end_headers()

    def _copy(self, opened, begin, end):
        trouble = self.trouble
        if trouble and trouble.flip is not None and begin <= trouble.flip < end:
            self._pass(opened, begin, trouble.flip)
            self.connection.sendall(bytes([os.pread(opened.fileno(), 1, trouble.flip)[0] ^ 255]))
            self.sent += 1
            begin = trouble.flip + 1
        elif trouble and trouble.cut is not None:
            self._pass(opened, begin, min(end, begin + trouble.cut))
            self.reset()
        elif trouble and trouble.stall is not None:
            middle = min(end, begin + trouble.stall)
            self._pass(opened, begin, middle)
            self._stand_still()
            begin = middle
        self._pass(opened, begin, end)

    def _pass(self, opened, begin, end):
        """What went out counts as it goes, also if the client then goes away."""
        plain = type(self.connection) is socket.socket  # else TLS, which has to see the bytes
        while begin < end:
            if plain:
                count = os.sendfile(self.connection.fileno(), opened.fileno(), begin, end - begin)
            else:
                block = os.pread(opened.fileno(), min(end - begin, 1 << 18), begin)
                count = self.connection.send(block)
            if count == 0:
                raise ConnectionResetError
            self.sent += count
            begin += count

    def _row(self):
        return {
            "kind": self.kind,
            "client": self.client_address[0],
            "port": self.client_address[1],
            "method": self.command,
            "path": unquote(self.route),
            "query": self.query,
            "range": self.headers.get("Range"),
            "status": 0,
            "bytes": 0,
            "length": 0,
            "had_auth": "Authorization" in self.headers,
            "time": time.time(),
        }


def parse_range(text, size):
    """(begin, end) with end exclusive; "unsatisfiable"; None for no, several or bad ranges."""
    found = re.fullmatch(r"bytes=(\d*)-(\d*)", text or "")
    if not found or found.groups() == ("", ""):
        return None
    first, last = found.groups()
    if first == "":
        begin, end = max(0, size - int(last)), size
    else:
        begin, end = int(first), min(size, int(last) + 1) if last else size
        if last and int(last) < begin:
            return None
    return (begin, end) if begin < end else "unsatisfiable"
