#!/usr/bin/env python3
"""A range server that misbehaves by name, on the loopback interface.

The path says everything, so nothing is set up in advance:

    /FAULT[,PARAMETER=VALUE...]/SIZE/NAME

is SIZE bytes that depend on NAME and SIZE only, served with the fault. Parameters that all faults
know: skip=N leaves the first N requests of this path alone, times=N hits so many after that,
from=OFFSET hits only ranges that begin there or later. The faults are in misdeeds.py.

    with Faults() as server:
        url = server.place("short-then-close", 5 << 20, "model.bin", times=2)

As a command it prints one line, its URL, when it is ready:

    python3 faults.py [--port P] [--list]
"""

import argparse
import copy
import fcntl
import hashlib
import random
import re
import signal
import socket
import struct
import termios
import threading
import time
from dataclasses import dataclass, field
from email.utils import formatdate
from functools import lru_cache
from urllib.parse import unquote

import misdeeds
from wire import parse_range

REASONS = {200: "OK", 206: "Partial Content", 302: "Found", 416: "Range Not Satisfiable"}
TRICKLE = 0.05  # seconds between two bytes


@lru_cache(maxsize=64)
def content(name, size, version=0):
    """The bytes; another version has the same length."""
    return random.Random(f"{name} {size} {version}").randbytes(size)


@lru_cache(maxsize=64)
def sha256(name, size):
    return hashlib.sha256(content(name, size)).hexdigest()


@dataclass
class Request:
    method: str
    target: str
    headers: dict[str, str]  # names in lower case
    origin: str  # of the listener that it came to
    server: object
    fault: str
    options: dict[str, str]
    size: int
    name: str
    number: int = 0  # which hit of this path, from 0
    running: bool = True

    @property
    def range(self):
        return parse_range(self.headers.get("range"), self.size)

    @property
    def offset(self):
        return self.range[0] if isinstance(self.range, tuple) else 0

    def option(self, name, default):
        return type(default)(self.options.get(name, default))

    def content(self, version=0):
        return content(self.name, self.size, version)

    def place(self, fault, origin=None, **options):
        return self.server.place(fault, self.size, self.name, origin, **options)


@dataclass
class Reply:
    """What goes out. body is what is sent, whatever the headers announce."""

    status: int = 200
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""
    raw: bytes | None = None  # in place of status line, headers and body
    close: bool = False  # after the body
    reset: bool = False  # after the body, and not politely
    trickle: bool = False  # the body byte by byte
    stall: bool = False  # after the body stay silent

    def set(self, name, value):
        """Replace a header, or drop it with None."""
        self.headers = [pair for pair in self.headers if pair[0].lower() != name.lower()]
        if value is not None:
            self.headers.append((name, str(value)))

    def bytes(self, with_body):
        if self.raw is not None:
            return self.raw
        lines = [f"HTTP/1.1 {self.status} {REASONS.get(self.status, 'Whatever')}"]
        lines += [f"{name}: {value}" for name, value in self.headers]
        head = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
        return head + self.body if with_body else head


def honest(request):
    """The reply of a good server."""
    data, wanted = request.content(), request.range
    reply = Reply(headers=[("Accept-Ranges", "bytes"), ("ETag", f'"{request.name}-0"')])
    reply.set("Last-Modified", "Mon, 01 Jan 2024 00:00:00 GMT")
    reply.set("Date", formatdate(usegmt=True))
    if wanted == "unsatisfiable":
        reply.status = 416
        reply.set("Content-Range", f"bytes */{request.size}")
    elif wanted:
        reply.status, reply.body = 206, data[slice(*wanted)]
        reply.set("Content-Range", f"bytes {wanted[0]}-{wanted[1] - 1}/{request.size}")
    else:
        reply.body = data
    reply.set("Content-Length", len(reply.body))
    return reply


class Faults:
    def __init__(self, port=0):
        self._lock = threading.Lock()
        self._made = threading.Condition(self._lock)
        self._rows = []
        self._hits = {}
        self._seen = {}
        self._struck, self._making = 0, 0
        self._running, self.most_running = 0, 0
        self._open = set()
        self.ended = threading.Event()
        self._listeners = [self._listen(port), self._listen(0)]
        self.url, self.other = (
            f"http://127.0.0.1:{one.getsockname()[1]}" for one in self._listeners
        )
        self._accepting = [
            threading.Thread(target=self._accept, args=each, daemon=True)
            for each in zip(self._listeners, (self.url, self.other))
        ]

    def __enter__(self):
        for thread in self._accepting:
            thread.start()
        return self

    def __exit__(self, *exception):
        """Nobody may be about to accept when a listener is closed: the next one that is made, of
        another server, has its number."""
        self.ended.set()
        self._shut(self._listeners)
        for thread, listener in zip(self._accepting, self._listeners):
            thread.join()
            listener.close()
        with self._lock:
            self._shut(self._open)

    @staticmethod
    def _shut(sockets):
        for one in sockets:
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # the client was faster

    def place(self, fault, size, name, origin=None, **options):
        """The URL; from_ stands for from."""
        words = [fault, *(f"{key.rstrip('_')}={value}" for key, value in options.items())]
        return f"{origin or self.url}/{','.join(words)}/{size}/{name}"

    def log(self):
        with self._lock:
            return [dict(row) for row in self._rows]

    def count(self, url=None):
        """Requests for a URL, or all."""
        rows = self.log()
        return len(rows if url is None else [r for r in rows if url.endswith(r["path"])])

    def running(self):
        """Requests of which the client cannot have all bytes yet."""
        return self._running

    def wait_for_running(self, count, timeout=10):
        until = time.monotonic() + timeout
        while self._running < count and time.monotonic() < until:
            time.sleep(0.005)

    def struck(self):
        """Replies that were not what a good server would have sent. One that a client did not
        wait for may still be in the making."""
        with self._made:
            self._made.wait_for(lambda: self._making == 0, 30)
            return self._struck

    # below: one connection

    def _listen(self, port):
        return socket.create_server(("127.0.0.1", port), backlog=512)

    def _accept(self, listener, origin):
        while not self.ended.is_set():
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with self._lock:
                self._open.add(connection)
            threading.Thread(target=self._serve, args=(connection, origin), daemon=True).start()

    def _serve(self, connection, origin):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            with connection, connection.makefile("rb") as stream:
                served = 0
                while self._one(connection, stream, origin, served):
                    served += 1
        except OSError:
            pass  # clients may go at any time
        finally:
            with self._lock:
                self._open.discard(connection)

    def _one(self, connection, stream, origin, served):
        """Answer one request. False: the connection has ended."""
        request = self._read(stream, origin)
        if request is None:
            return False
        with self._lock:
            self._running += 1
            self.most_running = max(self.most_running, self._running)
        try:
            reply = self._reply(request, served)
            return self._send(connection, request, reply)
        finally:
            self._leave(request)

    def _leave(self, request):
        with self._lock:
            self._running -= request.running
            request.running = False

    def _read(self, stream, origin):
        words = stream.readline(65536).split()
        if len(words) != 3:
            return None
        headers = {}
        while (line := stream.readline(65536)) not in (b"\r\n", b"\n", b""):
            name, _, value = line.decode("latin-1").partition(":")
            headers[name.strip().lower()] = value.strip()
        method, target = words[0].decode(), unquote(words[1].decode())
        found = re.fullmatch(r"/([^/]+)/(\d+)/([^/?]+)(\?.*)?", target)
        fault, *options = (found[1] if found else "missing").split(",")
        return Request(
            method,
            target,
            headers,
            origin,
            self,
            fault,
            dict(option.split("=", 1) for option in options),
            int(found[2]) if found else 0,
            found[3] if found else "",
        )

    def _reply(self, request, served):
        with self._lock:
            row = {
                "path": request.target,
                "method": request.method,
                "range": request.headers.get("range"),
                "had_auth": "authorization" in request.headers,
                "cookie": request.headers.get("cookie"),
                "origin": request.origin,
                "time": time.time(),
            }
            self._rows.append(row)
            misdeed = misdeeds.TABLE.get(request.fault) if self._hit(request) else honest
            self._making += 1
        try:
            return self._make(misdeed, request, served)
        finally:
            with self._made:
                self._making -= 1
                self._made.notify_all()

    def _make(self, misdeed, request, served):
        if misdeed is None:
            return Reply(404, [("Content-Length", "0")])
        good = honest(request)
        if misdeed is honest:
            return good
        reply = misdeed(request, copy.deepcopy(good), served)
        with self._lock:
            self._struck += reply != good
        return reply

    def _hit(self, request):
        """Does the fault strike this request? Counted for each path."""
        if request.offset < request.option("from", 0):
            return False
        seen = self._seen[request.target] = self._seen.get(request.target, 0) + 1
        hits = self._hits.get(request.target, 0)
        if seen <= request.option("skip", 0) or hits >= request.option("times", 1 << 60):
            return False
        request.number = hits
        self._hits[request.target] = hits + 1
        return True

    def _send(self, connection, request, reply):
        data = reply.bytes(with_body=request.method != "HEAD")
        if reply.trickle:
            head = len(data) - len(reply.body)
            connection.sendall(data[:head])
            for at in range(head, len(data)):
                connection.sendall(data[at : at + 1])
                if self.ended.wait(TRICKLE):
                    return False
        else:
            connection.sendall(data[:-1])
            if not reply.stall:
                self._leave(request)  # before the client can ask for more
            connection.sendall(data[-1:])
        if reply.stall:
            connection.recv(1)  # until the client gives up
        if reply.reset:
            self._drain(connection)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return not (reply.reset or reply.close or reply.stall)


    def _drain(self, connection, timeout=20):
        """A reset throws away what has not left yet, and how much arrives must be no luck."""
        until = time.monotonic() + timeout
        while time.monotonic() < until:
            left = fcntl.ioctl(connection, termios.TIOCOUTQ, b"\0" * 4)
            if left == b"\0" * 4 or self.ended.wait(0.001):
                return


def main():
    parser = argparse.ArgumentParser(description="A range server that misbehaves by name.")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--list", action="store_true", help="print the faults and end")
    given = parser.parse_args()
    if given.list:
        for name, misdeed in misdeeds.TABLE.items():
            print(f"{name:24} {misdeed.__doc__}")
        return
    with Faults(given.port) as server:
        print(server.url, flush=True)
        signal.sigwait({signal.SIGINT, signal.SIGTERM})


if __name__ == "__main__":
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    main()
