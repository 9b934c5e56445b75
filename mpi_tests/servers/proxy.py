"""A proxy on the loopback interface that leads every name to one place."""

import socket
import threading
from urllib.parse import urlsplit


class Proxy:
    """with Proxy(server.url) as proxy: fetch("http://whatever.invalid/x", proxy.url); proxy.seen

    seen: the first line of each request, in the order in which they came: "CONNECT host:port",
    after which bytes pass as they are, or "GET http://host/path"; one request a connection.
    """

    def __init__(self, behind, address="127.0.0.1"):
        parts = urlsplit(behind)
        self._behind = (parts.hostname, parts.port)
        self._listener = socket.create_server((address, 0), backlog=128)
        self.url = f"http://{address}:{self._listener.getsockname()[1]}"
        self.seen = []
        self._accepting = threading.Thread(target=self._accept, daemon=True)

    def __enter__(self):
        self._accepting.start()
        return self

    def __exit__(self, *exception):
        self.close()

    def close(self):
        try:
            self._listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._accepting.join()  # else it might accept from the next one that has this number
        self._listener.close()

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        try:
            with client, socket.create_connection(self._behind) as server:
                head = b""
                while b"\r\n\r\n" not in head:
                    got = client.recv(1 << 16)
                    if not got:
                        return
                    head += got
                first, _, rest = head.partition(b"\r\n")
                method, target, version = first.decode().split(" ")
                self.seen.append(f"{method} {target}")
                if method == "CONNECT":
                    client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
                else:
                    parts = urlsplit(target)
                    path = parts.path + (f"?{parts.query}" if parts.query else "")
                    line = f"{method} {path} {version}\r\nConnection: close\r\n"
                    server.sendall(line.encode() + rest)
                    _close_after(server, client)
                back = threading.Thread(target=_pass, args=(server, client), daemon=True)
                back.start()
                if method == "CONNECT":
                    _pass(client, server)
                back.join()
        except OSError:
            pass  # either side may go at any time


def _close_after(server, client):
    """Let the answer say that the connection ends with it: who sends another request on it, which
    nobody reads, is reset, with what he has not yet read of this one."""
    head = b""
    while b"\r\n" not in head:
        got = server.recv(1 << 16)
        if not got:
            return
        head += got
    first, _, rest = head.partition(b"\r\n")
    client.sendall(first + b"\r\nConnection: close\r\n" + rest)


def _pass(source, target):
    try:
        while data := source.recv(1 << 16):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass
