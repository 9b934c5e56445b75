"""nginx, plain and with TLS, for one directory."""

import os
import shutil
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
        listen {address}:{plain} backlog=4096;
        listen {address}:{secure} ssl;
        ssl_certificate {home}/server.pem;
        ssl_certificate_key {home}/server.key;
        root {root};
        autoindex on;
        location ~ /zlate/ {{
            # as long as there is this file
            if (-f {home}/closed) {{ return 503; }}
        }}
    }}
}}
"""
PATIENCE = 10  # seconds until it must answer


class Nginx:
    """with Nginx(home, root) as nginx: nginx.http, nginx.https, nginx.ca"""

    def __init__(self, home, root, address="127.0.0.1"):
        """nginx.closed: while that file exists, what is in a folder zlate answers 503."""
        self._home, self._root, self._address = Path(home), Path(root), address
        self.ca = self._home / "ca.pem"
        self.closed = self._home / "closed"

    def __enter__(self):
        self._home.mkdir()
        self._certify()
        plain, secure = self._free_ports()
        address = self._address
        self.http, self.https = f"http://{address}:{plain}", f"https://{address}:{secure}"
        # As root the workers would become nobody, who may not enter a private directory.
        user = "user root;" if os.getuid() == 0 else ""
        config = self._home / "nginx.conf"
        config.write_text(
            CONFIG.format(
                user=user,
                home=self._home,
                root=self._root,
                address=address,
                plain=plain,
                secure=secure,
            )
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
        shutil.rmtree(self._home)

    def _certify(self):
        new = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
               "-nodes", "-days", "30"]  # fmt: skip
        home = self._home
        authority = ["-keyout", home / "ca.key", "-out", self.ca, "-subj", "/CN=mpifetch bench CA"]
        server = ["-CA", self.ca, "-CAkey", home / "ca.key", "-keyout", home / "server.key",
                  "-out", home / "server.pem", "-subj", f"/CN={self._address}",
                  "-addext", f"subjectAltName=IP:{self._address}",
                  "-addext", "basicConstraints=critical,CA:FALSE"]  # fmt: skip
        for rest in (authority, server):
            subprocess.run([*new, *rest], check=True, stderr=subprocess.DEVNULL)

    def _free_ports(self):
        with socket.socket() as one, socket.socket() as two:
            for each in (one, two):
                each.bind((self._address, 0))
            return one.getsockname()[1], two.getsockname()[1]

    def _wait_for(self, port):
        end = time.monotonic() + PATIENCE
        while self._process.poll() is None and time.monotonic() < end:
            try:
                socket.create_connection((self._address, port), 1).close()
                return
            except OSError:
                time.sleep(0.01)
        log = self._home / "error.log"
        raise RuntimeError(f"nginx does not run: {log.read_text() if log.exists() else ''}")
