#!/usr/bin/env python3
"""A web server for one directory whose connections are held to a rule of limits.py.

A process of its own with one thread: sendfile moves the bytes, so what it costs is a system call
for each TICK of each connection that sends. As a program it reads commands from standard input, a
line each, and answers each with a line of JSON: stats, or forget (stats start again, with the rule
as it was at first). It ends with its standard input."""

import errno
import json
import os
import selectors
import socket
import subprocess
import sys
import time
from email.utils import formatdate
from pathlib import Path
from urllib.parse import unquote, urlsplit

from limits import AHEAD, Ledger, rule_as_dict, rule_from_dict
from wire import parse_range

TICK = 0.02  # seconds between two looks at the allowances
LONGEST_HEAD = 1 << 16


class Limited:
    """with Limited(directory, TwoSpeed()) as source: fetch(source.url + "/name"); source.stats()"""

    def __init__(self, directory, rule, address="127.0.0.1", name=None, port=0):
        """name: what the URL says instead of the address."""
        self._listener = socket.create_server((address, port), backlog=1024)
        self.url = f"http://{name or address}:{self._listener.getsockname()[1]}"
        given = json.dumps({"directory": str(directory), "rule": rule_as_dict(rule)})
        self._process = subprocess.Popen(
            [sys.executable, __file__, str(self._listener.fileno()), given],
            pass_fds=[self._listener.fileno()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()
        self._listener.close()

    def stats(self):
        """Of limits.Ledger: bytes, requests, connections (speed, bytes, ...), collapses, ..."""
        return self._ask("stats")

    def forget(self):
        """All connections end, and everything is counted from here on."""
        self._ask("forget")

    def _ask(self, word):
        print(word, file=self._process.stdin, flush=True)
        return json.loads(self._process.stdout.readline())


class Server:
    def __init__(self, listener, directory, rule):
        self._listener, self._directory = listener, os.path.realpath(directory)
        self._given = rule
        self._selector = selectors.DefaultSelector()
        self._links = {}  # connection of the ledger -> Link
        self._forget()
        listener.setblocking(False)
        self._selector.register(listener, selectors.EVENT_READ, self._accept)
        self._selector.register(sys.stdin, selectors.EVENT_READ, self._command)
        self._open = True

    def run(self):
        due = 0.0  # when the ledger gives out again; without limits there is always enough
        while self._open:
            waits = any(not link.blocked for link in self._sending())
            wait = max(0.0, due - time.monotonic()) if waits else None
            for key, mask in self._selector.select(wait):
                key.data(mask)
            now = time.monotonic()
            if now < due:
                continue
            due = now + (TICK if self._rule.limited else 0)
            self._ledger.tick(now)
            for link in self._sending():
                if not link.blocked:
                    link.send()

    def _sending(self):
        return [self._links[id(one)] for one in self._ledger.turns()]

    def _accept(self, mask):
        try:
            connected, _ = self._listener.accept()
        except OSError:
            return  # the client was faster
        connected.setblocking(False)
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._rule.limited:
            connected.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, AHEAD)
        connection = self._ledger.open(time.monotonic())
        link = Link(connected, connection, self._ledger, self._directory, self._changed)
        self._links[id(connection)] = link
        self._changed(link)

    def _changed(self, link):
        """What a link waits for, or its end."""
        if link.closed:
            self._ledger.end(link.connection, time.monotonic())
            self._selector.unregister(link.socket)
            link.socket.close()
            del self._links[id(link.connection)]
            return
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if link.blocked else 0)
        try:
            self._selector.modify(link.socket, events, link.ready)
        except KeyError:
            self._selector.register(link.socket, events, link.ready)

    def _command(self, mask):
        word = sys.stdin.readline().strip()
        if not word:
            self._open = False
            return
        if word == "forget":
            self._forget()
        print(json.dumps(self._ledger.stats(time.monotonic())), flush=True)

    def _forget(self):
        for link in list(self._links.values()):
            link.close()
        self._rule = rule_from_dict(self._given)  # a rule has a memory
        self._ledger = Ledger(self._rule, time.monotonic())


class Link:
    """One connection: the head of a request, then the body of its answer, in turn."""

    def __init__(self, connected, connection, ledger, directory, changed):
        self.socket, self.connection, self._ledger = connected, connection, ledger
        self._directory, self._changed = directory, changed
        self._head = b""
        self._file, self._begin, self._end = None, 0, 0
        self.blocked = self.closed = False

    def ready(self, mask):
        if self.closed:
            return  # by what else was ready at the same time
        if mask & selectors.EVENT_WRITE:
            self._block(False)
        if mask & selectors.EVENT_READ:
            self._read()

    def send(self):
        """As much as the ledger allows and the socket takes."""
        now = time.monotonic()
        count = min(self._ledger.allowance(self.connection, now), self._end - self._begin)
        if count == 0:
            return
        try:
            sent = os.sendfile(self.socket.fileno(), self._file.fileno(), self._begin, count)
        except BlockingIOError:
            return self._block(True)
        except OSError:
            return self.close()
        if sent == 0:
            return self.close()  # the file is shorter than it was
        self._ledger.sent(self.connection, sent)
        self._begin += sent
        if self._begin == self._end:
            self._finish()

    def close(self):
        self.closed = True
        if self._file:
            self._file.close()
        self._changed(self)

    def _block(self, blocked):
        if blocked != self.blocked:
            self.blocked = blocked
            self._changed(self)

    def _read(self):
        try:
            data = self.socket.recv(LONGEST_HEAD)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        self._head += data
        if not data or len(self._head) > LONGEST_HEAD:
            return self.close()
        if self._file is None:
            self._next()

    def _next(self):
        """The next request, if all of its head has come."""
        head, found, rest = self._head.partition(b"\r\n\r\n")
        if not found:
            return
        self._head = rest
        lines = head.decode("latin-1").split("\r\n")
        pairs = (line.partition(":") for line in lines[1:])
        headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
        try:
            method, target, _ = lines[0].split(" ")
            self._answer(method, unquote(urlsplit(target).path), headers.get("range"))
        except (ValueError, OSError) as error:
            if getattr(error, "errno", None) in (errno.ENOENT, errno.ENOTDIR, errno.EISDIR):
                self._say("404 Not Found", {"Content-Length": 0})
            else:
                self.close()

    def _answer(self, method, path, wanted):
        opened = open(os.path.join(self._directory, path.lstrip("/")), "rb")
        stat = os.fstat(opened.fileno())
        span = parse_range(wanted, stat.st_size)
        headers = {
            "Accept-Ranges": "bytes",
            "Content-Type": "application/octet-stream",
            "ETag": f'"{stat.st_mtime_ns:x}-{stat.st_size:x}"',
            "Last-Modified": formatdate(stat.st_mtime, usegmt=True),
        }
        if span == "unsatisfiable":
            opened.close()
            headers |= {"Content-Range": f"bytes */{stat.st_size}", "Content-Length": 0}
            return self._say("416 Range Not Satisfiable", headers)
        begin, end = span or (0, stat.st_size)
        headers["Content-Length"] = end - begin
        if span:
            headers["Content-Range"] = f"bytes {begin}-{end - 1}/{stat.st_size}"
        self._say("206 Partial Content" if span else "200 OK", headers)
        if method != "GET" or begin == end or self.closed:
            opened.close()
            return
        self._file, self._begin, self._end = opened, begin, end
        self._ledger.begin(self.connection, time.monotonic())

    def _say(self, status, headers):
        """A head is small, and nothing else is on its way, so the socket has room for it."""
        lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in headers.items())]
        try:
            self.socket.sendall("\r\n".join([*lines, "", ""]).encode("latin-1"))
        except OSError:
            self.close()

    def _finish(self):
        self._file.close()
        self._file = None
        self._ledger.end(self.connection, time.monotonic())
        self._next()


def main():
    given = json.loads(sys.argv[2])
    listener = socket.socket(fileno=int(sys.argv[1]))
    Server(listener, Path(given["directory"]), given["rule"]).run()


if __name__ == "__main__":
    main()
