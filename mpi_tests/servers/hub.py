#!/usr/bin/env python3
"""A Hugging Face Hub on the loopback interface, good enough for the real huggingface_hub.

As a module:

    with Hub() as hub:
        hub.add("acme/demo-model", directory)
        run("mpifetch", env={"HF_ENDPOINT": hub.endpoint})
        assert len(hub.log("api-revision")) == 1

As a command (prints one line, the endpoint, when it is ready; ends with its standard input if
--until-eof is given, else by a signal):

    python3 hub.py --repo acme/demo-model=DIR --repo datasets/acme/texts@v2=DIR2

Small files are answered through a relative redirect, LFS files by an absolute one to a signed URL
on a second port, which is another origin: the "CDN". While it runs:

    GET  /_control/log      requests so far, one JSON object a line
    POST /_control/reset    forget them, and all troubles
    POST /_control/set      JSON object: attributes of Settings, or "trouble": {...}
"""

import argparse
import hashlib
import hmac
import math
import os
import signal
import sys
import threading
import time
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlencode

from cdn import Cdn
from front import Front
from repos import KINDS, Repository
from wire import Log, Server, Troubles


@dataclass
class Settings:
    page: int = 1000  # entries of a tree listing in one answer
    url_seconds: float = 3600  # how long a signed URL is good
    url_uses: int | None = None  # how many requests it is good for
    range_above: int | None = None  # CDN: 400 to requests without a range for larger files
    limits: dict[str, int] = field(default_factory=dict)  # of "api", "resolvers" in a window
    window: float = 300  # seconds, from the request that reaches the limit
    tokens: set[str] = field(default_factory=set)  # that belong to somebody
    renamed: dict[str, str] = field(default_factory=dict)  # old ns/name -> new ns/name
    xet: bool = False  # list a xetHash for LFS files
    need_query: bool = False  # 400 to clients that drop the query of a relative redirect


class Hub:
    def __init__(self, port=0, log_file=None, address="127.0.0.1", name=None, **settings):
        """address, name: see wire.Server."""
        self.settings = Settings(**settings)
        self.requests = Log(log_file)
        self.troubles = Troubles()
        self.repositories = {}
        self._secret = os.urandom(16)
        self._lock = threading.Lock()
        self._signed = 0
        self._uses = {}
        self._windows = {}
        self._front = Server(Front, self, port, address, name)
        self._cdn = Server(Cdn, self, 0, address, name)
        self.endpoint, self.cdn = self._front.url, self._cdn.url

    def __enter__(self):
        self._front.start()
        self._cdn.start()
        return self

    def __exit__(self, *exception):
        self._front.stop()
        self._cdn.stop()
        self.troubles.release()
        self.requests.close()

    def add(self, name, directory, ref="main", **attributes):
        """Serve a directory as [datasets/|spaces/|models/]ns/name. Returns the Repository, whose
        attributes may be changed at any time; a second call adds a commit to it."""
        kind, _, rest = name.partition("/")
        kind, rest = (kind, rest) if kind in KINDS else ("models", name)
        repo = self.repositories.setdefault((kind, rest), Repository(kind, rest))
        for key, value in attributes.items():
            setattr(repo, key, value)
        repo.commit(directory, ref)
        return repo

    def quiet(self):
        """Once all that have asked it have ended: until what they asked for last is noted."""
        self._front.quiet()
        self._cdn.quiet()

    def log(self, kind="*"):
        return self.requests.rows(kind)

    def trouble(self, **what):
        """See wire.Trouble."""
        return self.troubles.add(**what)

    def set(self, **values):
        for key, value in values.items():
            if not hasattr(self.settings, key):
                raise KeyError(key)
            setattr(self.settings, key, set(value) if key == "tokens" else value)

    @property
    def env(self):
        """Of a program that is to ask it."""
        return {"HF_ENDPOINT": self.endpoint}

    def file_requests(self):
        """What it was asked for of files themselves."""
        return [row for row in self.log() if row["kind"] in ("cdn", "resolve", "resolve-cache")]

    def reset(self):
        """What was asked before does not count, also where its rank did not wait for the answer."""
        self._front.taken()
        self._cdn.taken()
        self.requests.reset()
        self.troubles.clear()
        with self._lock:
            self._windows.clear()

    def sign(self, blob):
        with self._lock:
            self._signed += 1
            number = self._signed
        query = {
            "Expires": str(int(time.time() + self.settings.url_seconds)),
            "Policy": f"n{number}-{time.time() + self.settings.url_seconds:.3f}",
            "Key-Pair-Id": "LOOPBACK",
        }
        path = f"/lfs/{blob.sha256[:2]}/{blob.sha256}"
        query["Signature"] = self._signature(path, query["Policy"])
        return f"{self.cdn}{path}?{urlencode(query)}"

    def signed(self, path, query):
        """Why a signed URL is refused, or None. A use of it is counted."""
        given = {key: values[0] for key, values in parse_qs(query).items()}
        policy, signature = given.get("Policy", ""), given.get("Signature", "")
        if not hmac.compare_digest(signature, self._signature(path, policy)):
            return "SignatureDoesNotMatch"
        if time.time() > float(policy.partition("-")[2]):
            return "Request has expired"
        with self._lock:
            self._uses[policy] = self._uses.get(policy, 0) + 1
            spent = (
                self.settings.url_uses is not None and self._uses[policy] > self.settings.url_uses
            )
        return "Request has expired" if spent else None

    def spend(self, bucket):
        """Count a request. (remaining, seconds to the reset, over the limit)"""
        limit, now = self.settings.limits.get(bucket, 100000), time.time()
        with self._lock:
            end, used = self._windows.get(bucket, (None, 0))
            if end is not None and now >= end:
                end, used = None, 0
            if end is None and used + 1 >= limit:
                end = now + self.settings.window
            self._windows[bucket] = (end, used + 1)
        left = self.settings.window if end is None else math.ceil(end - now)
        return max(0, limit - used - 1), left, used >= limit

    def find_lfs(self, sha256):
        for repo in self.repositories.values():
            for commit in repo.commits.values():
                for blob in commit.blobs.values():
                    if blob.sha256 == sha256:
                        return blob
        return None

    def _signature(self, path, policy):
        return hmac.new(self._secret, f"{path}?{policy}".encode(), hashlib.sha256).hexdigest()


def main():
    parser = argparse.ArgumentParser(description="A Hugging Face Hub on the loopback interface.")
    parser.add_argument(
        "--repo", action="append", required=True, metavar="[TYPES/]NS/NAME[@REF]=DIR"
    )
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument(
        "--print-port", action="store_true", help="print the port, not the endpoint"
    )
    parser.add_argument("--page", type=int, default=1000, help="entries of a listing in one answer")
    parser.add_argument("--lfs-from", type=int, default=1 << 20, metavar="BYTES")
    parser.add_argument("--lfs", action="append", default=[], metavar="PATTERN")
    parser.add_argument("--token", action="append", default=[], help="may read everything")
    parser.add_argument("--private", action="store_true")
    parser.add_argument("--gated", action="store_true")
    parser.add_argument("--url-seconds", type=float, default=3600)
    parser.add_argument("--url-uses", type=int)
    parser.add_argument("--log", metavar="FILE", help="requests, one JSON object a line")
    parser.add_argument("--until-eof", action="store_true", help="end when standard input ends")
    given = parser.parse_args()
    hub = Hub(
        given.port,
        given.log,
        page=given.page,
        tokens=set(given.token),
        url_seconds=given.url_seconds,
        url_uses=given.url_uses,
    )
    for text in given.repo:
        name, _, directory = text.partition("=")
        name, _, ref = name.partition("@")
        if not os.path.isdir(directory):
            parser.error(f"--repo {text}: '{directory}' is not a directory")
        hub.add(
            name,
            directory,
            ref or "main",
            lfs_from=given.lfs_from,
            lfs_patterns=tuple(given.lfs),
            private=given.private,
            gated="auto" if given.gated else False,
            granted=set(given.token),
        )
    with hub:
        print(hub.endpoint.rpartition(":")[2] if given.print_port else hub.endpoint, flush=True)
        if given.until_eof:
            sys.stdin.read()
        else:
            signal.sigwait({signal.SIGINT, signal.SIGTERM})


if __name__ == "__main__":
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.pthread_sigmask(signal.SIG_BLOCK, {number})
    main()
