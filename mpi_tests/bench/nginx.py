"""nginx on the loopback interface, plain and with TLS, for one directory."""

import os
import socket
import subprocess
import time
from pathlib import Path

CONFIG = """\
{user}
daemon off;
worker_processes 2;
pid {home}/nginx.pid;
error_log {home}/error.log;
events {{ worker_connections 4096; }}
http {{
    access_log off;
    sendfile on;
    tcp_nopush on;
    keepalive_requests 1000000;
    client_body_temp_path {home}/tmp; proxy_temp_path {home}/tmp; fastcgi_temp_path {home}/tmp;
    uwsgi_temp_path {home}/tmp; scgi_temp_path {home}/tmp;
    server {{
        listen 127.0.0.1:{plain};
        listen 127.0.0.1:{secure} ssl;
        ssl_certificate {home}/server.pem;
        ssl_certificate_key {home}/server.key;
        root {root};
        autoindex on;
    }}
}}
"""
PATIENCE = 10  # seconds until it must answer


class Nginx:
    """with Nginx(home, root) as nginx: nginx.http, nginx.https, nginx.ca"""

    def __init__(self, home, root):
        self._home, self._root = Path(home), Path(root)
        self.ca = self._home / "ca.pem"

    def __enter__(self):
        self._home.mkdir()
        self._certify()
        plain, secure = self._free_ports()
        self.http, self.https = f"http://127.0.0.1:{plain}", f"https://127.0.0.1:{secure}"
        # As root the workers would become nobody, who may not enter a private directory.
        user = "user root;" if os.getuid() == 0 else ""
        config = self._home / "nginx.conf"
        config.write_text(
            CONFIG.format(user=user, home=self._home, root=self._root, plain=plain, secure=secure)
        )
        self._process = subprocess.Popen(
            ["nginx", "-p", self._home, "-e", self._home / "error.log", "-c", config],
            stdin=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            self._wait_for(plain)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *exception):
        self._process.terminate()
        self._process.wait()

    def _certify(self):
        new = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
               "-nodes", "-days", "30"]  # fmt: skip
        home = self._home
        authority = ["-keyout", home / "ca.key", "-out", self.ca, "-subj", "/CN=mpifetch bench CA"]
        server = ["-CA", self.ca, "-CAkey", home / "ca.key", "-keyout", home / "server.key",
                  "-out", home / "server.pem", "-subj", "/CN=127.0.0.1",
                  "-addext", "subjectAltName=IP:127.0.0.1",
                  "-addext", "basicConstraints=critical,CA:FALSE"]  # fmt: skip
        for rest in (authority, server):
            subprocess.run([*new, *rest], check=True, stderr=subprocess.DEVNULL)

    def _free_ports(self):
        with socket.socket() as one, socket.socket() as two:
            for each in (one, two):
                each.bind(("127.0.0.1", 0))
            return one.getsockname()[1], two.getsockname()[1]

    def _wait_for(self, port):
        end = time.monotonic() + PATIENCE
        while self._process.poll() is None and time.monotonic() < end:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                return
            except OSError:
                time.sleep(0.01)
        log = self._home / "error.log"
        raise RuntimeError(f"nginx does not run: {log.read_text() if log.exists() else ''}")
