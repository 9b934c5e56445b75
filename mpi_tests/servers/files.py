"""A plain web server for one directory on the loopback interface, with ranges and entity tags."""

import os
from urllib.parse import unquote

from wire import Handler, Log, Server, Troubles


class Files:
    """with Files(directory) as files: fetch(files.url + "/name"); files.log()"""

    def __init__(self, directory, tls=None, address="127.0.0.1", name=None, port=0):
        """tls: an ssl.SSLContext with a certificate for localhost. address, name: see wire.Server."""
        self.directory = os.path.realpath(directory)
        self.requests = Log()
        self.troubles = Troubles()
        self._server = Server(Answer, self, port, address, name)
        self.url = self._server.url
        if tls:
            # no handshake in accept: a client that keeps silent must not keep others waiting
            self._server.socket = tls.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
            self.url = self.url.replace("http://127.0.0.1", "https://localhost")

    def __enter__(self):
        self._server.start()
        return self

    def __exit__(self, *exception):
        self._server.stop()
        self.troubles.release()

    def quiet(self):
        """Once all that have asked it have ended: until what they asked for last is noted."""
        self._server.quiet()

    def log(self):
        return self.requests.rows()

    def trouble(self, **what):
        """See wire.Trouble; the kind of each request is "file"."""
        return self.troubles.add(**what)


class Answer(Handler):
    def classify(self, path):
        return "file"

    def answer(self):
        root = self.server.owner.directory
        file = os.path.realpath(os.path.join(root, unquote(self.route).lstrip("/")))
        if not file.startswith(root + os.sep) or not os.path.isfile(file):
            return self.send(404, {"Content-Type": "text/html"}, b"<html>no such file</html>")
        stat = os.stat(file)
        etag = f'"{stat.st_size:x}-{stat.st_mtime_ns:x}"'
        self.send_file(file, stat.st_size, {"ETag": etag})
