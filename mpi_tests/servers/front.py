"""The Hub's own host: what the API and the resolve routes answer."""

import hashlib
import json
import re
from urllib.parse import parse_qs, quote, unquote, urlencode

from wire import Handler


class Refused(Exception):
    """An answer with an error status."""

    def __init__(self, status, code=None, message=None, **headers):
        super().__init__(status)
        self.status, self.headers = status, dict(headers)
        self.message = message or code or "error"
        if code:
            self.headers["X-Error-Code"] = code
        self.headers["X-Error-Message"] = self.message


class Front(Handler):
    """One connection to it. server.owner is the Hub."""

    ROUTES = (
        (
            "api-tree",
            r"/api/(?P<kind>\w+)/(?P<id>[^/]+/[^/]+|[^/]+)/tree/(?P<rev>[^/]+)(?:/(?P<path>.*))?",
        ),
        ("paths-info", r"/api/(?P<kind>\w+)/(?P<id>[^/]+/[^/]+|[^/]+)/paths-info/(?P<rev>[^/]+)"),
        ("refs", r"/api/(?P<kind>\w+)/(?P<id>[^/]+/[^/]+|[^/]+)/refs"),
        (
            "resolve-cache",
            r"/api/resolve-cache/(?P<kind>\w+)/(?P<id>[^/]+/[^/]+)/(?P<rev>[^/]+)/(?P<path>.+)",
        ),
        ("api-revision", r"/api/(?P<kind>\w+)/(?P<id>[^/]+/[^/]+|[^/]+)/revision/(?P<rev>[^/]+)"),
        ("api-revision", r"/api/(?P<kind>\w+)/(?P<id>[^/]+/[^/]+|[^/]+)"),
        (
            "resolve",
            r"/(?:(?P<kind>datasets|spaces|models)/)?(?P<id>[^/]+/[^/]+|[^/]+)/resolve/(?P<rev>[^/]+)/(?P<path>.+)",
        ),
        ("control", r"/_control/(?P<id>\w+)"),
    )
    BUCKETS = {
        "api-tree": "api",
        "api-revision": "api",
        "paths-info": "api",
        "refs": "api",
        "resolve": "resolvers",
    }
    LOGGED = ("api-revision", "api-tree", "resolve", "resolve-cache")

    def classify(self, path):
        for name, pattern in self.ROUTES:
            found = re.fullmatch(pattern, path)
            if found:
                self.name = name
                self.part = {k: unquote(v) for k, v in found.groupdict().items() if v is not None}
                return name if name in self.LOGGED else "other"
        self.name, self.part = None, {}
        return "other"

    def answer(self):
        try:
            if self.name is None:
                raise Refused(404, None, "Sorry, we can't find the page you are looking for.")
            getattr(self, "_" + self.name.replace("-", "_"))()
        except Refused as refused:
            body = json.dumps({"error": refused.message}).encode()
            self._send(
                refused.status, {**refused.headers, "Content-Type": "application/json"}, body
            )

    # what is asked for

    def _repository(self, content=False):
        """The repository of the request, if the asker may see it (content: read it)."""
        hub, kind = self.server.owner, self.part.get("kind", "models")
        self._limit()
        token = self._token()
        new = hub.settings.renamed.get(self.part["id"])
        if new:
            target = self.path.replace(f"/{self.part['id']}", f"/{new}", 1)
            raise Refused(307, None, f"Moved to {new}", Location=target)
        repo = hub.repositories.get((kind, self.part["id"]))
        if repo is None or (repo.private and token not in repo.granted):
            raise Refused(404 if token else 401, "RepoNotFound", "Repository not found")
        if repo.disabled:
            raise Refused(403, None, "Access to this resource is disabled.")
        if content and repo.gated and token not in repo.granted:
            raise Refused(
                403 if token else 401,
                "GatedRepo",
                f"Access to {kind[:-1]} {repo.id} is restricted and you are not in the authorized"
                " list.",
            )
        return repo

    def _token(self):
        given = self.headers.get("Authorization")
        if given is None:
            return None
        token = given.removeprefix("Bearer ")
        if token not in self.server.owner.settings.tokens:
            raise Refused(401, None, "Invalid credentials in Authorization header")
        return token

    def _limit(self):
        bucket = self.BUCKETS.get(self.name)
        self.rate = {}
        if bucket:
            left, reset, over = self.server.owner.spend(bucket)
            self.rate = {"RateLimit": f'"{bucket}";r={left};t={reset}'}
            if over:
                raise Refused(429, None, "We had to rate limit you", **self.rate)

    def _commit(self, repo):
        commit = repo.find(self.part.get("rev", "main"))
        if commit is None:
            raise Refused(404, "RevisionNotFound", f"Invalid rev id: {self.part.get('rev')}")
        return commit

    def _blob(self, commit):
        blob = commit.blobs.get(self.part["path"])
        if blob is None:
            raise Refused(404, "EntryNotFound", "Entry not found", **{"X-Repo-Commit": commit.id})
        return blob

    # answers

    def _send(self, status, headers=(), body=b""):
        self.send(status, {**getattr(self, "rate", {}), **dict(headers)}, body)

    def _json(self, value, headers=()):
        body = json.dumps(value).encode()
        self._send(200, {"Content-Type": "application/json; charset=utf-8", **dict(headers)}, body)

    def _api_revision(self):
        repo = self._repository()
        commit = self._commit(repo)
        query = parse_qs(self.query)
        base = {"_id": commit.id[:24], "id": repo.id}
        full = {
            "modelId": repo.id,
            "author": repo.id.partition("/")[0],
            "sha": commit.id,
            "lastModified": "2024-01-02T03:04:05.000Z",
            "createdAt": "2024-01-01T00:00:00.000Z",
            "private": repo.private,
            "gated": repo.gated,
            "disabled": repo.disabled,
            "tags": [],
            "downloads": 0,
            "likes": 0,
            "siblings": [{"rfilename": path} for path in commit.blobs],
        }
        if "expand" in query:
            full = {key: full[key] for key in query["expand"] if key in full}
        self._json({**base, **full})

    def _api_tree(self):
        repo = self._repository()
        commit = self._commit(repo)
        query = {key: values[0] for key, values in parse_qs(self.query).items()}
        recursive = query.get("recursive", "").lower() in ("1", "true")
        entries = commit.entries(self.part.get("path", "").strip("/"), recursive)
        if not entries and self.part.get("path"):
            raise Refused(404, "EntryNotFound", f"{self.part['path']} does not exist on this ref")
        self._show_xet(repo, entries)
        page = min(int(query.get("limit", 1000)), self.server.owner.settings.page)
        begin = int(query.get("cursor", 0))
        headers = {}
        if begin + page < len(entries):
            query.update(limit=str(page), cursor=str(begin + page))
            headers["Link"] = (
                f'<http://{self.headers["Host"]}{self.route}?{urlencode(query)}>; rel="next"'
            )
        self._json(entries[begin : begin + page], headers)

    def _show_xet(self, repo, entries):
        if self.server.owner.settings.xet:
            closed = repo.gated and self._token() not in repo.granted
            for entry in entries:
                if "lfs" in entry:
                    made = hashlib.sha256(b"xet " + entry["lfs"]["oid"].encode()).hexdigest()
                    entry["xetHash"] = "*" * 64 if closed else made

    def _paths_info(self):
        repo = self._repository()
        commit = self._commit(repo)
        if "json" in self.headers.get("Content-Type", ""):
            paths = json.loads(self.payload)["paths"]
        else:
            paths = parse_qs(self.payload.decode()).get("paths", [])
        known = {entry["path"]: entry for entry in commit.entries()}
        self._json([known[path] for path in paths if path in known])

    def _refs(self):
        repo = self._repository()
        shown = {"branches": [], "converts": [], "tags": [], "pullRequests": []}
        places = {"refs/heads/": "branches", "refs/tags/": "tags", "refs/pr/": "pullRequests"}
        for ref, commit in repo.refs.items():
            for prefix, place in places.items():
                if ref.startswith(prefix):
                    name = ref.removeprefix(prefix)
                    shown[place].append({"name": name, "ref": ref, "targetCommit": commit})
        self._json(shown)

    def _resolve(self):
        repo = self._repository(content=True)
        commit = self._commit(repo)
        blob = self._blob(commit)
        headers = {"X-Repo-Commit": commit.id, "Accept-Ranges": "bytes"}
        if self.headers.get("If-None-Match", "").strip('"') == blob.etag:
            return self._send(304, {**headers, "ETag": f'"{blob.etag}"'})
        if blob.sha256:
            headers["X-Linked-Etag"] = f'"{blob.sha256}"'
            headers["X-Linked-Size"] = str(blob.size)
            return self._redirect(302, self.server.owner.sign(blob), headers)
        headers["ETag"] = f'"{blob.oid}"'
        if repo.private or repo.gated or blob.size == 0 or "/" not in repo.id:
            return self.send_file(blob.file, blob.size, {**self.rate, **headers})
        place = f"/api/resolve-cache/{repo.kind}/{repo.id}/{commit.id}/{quote(blob.path, safe='')}"
        self._redirect(
            307, f"{place}?{urlencode({'download': '1', 'etag': headers['ETag']})}", headers
        )

    def _redirect(self, status, place, headers):
        body = f"Redirecting to {place.partition('?')[0]}".encode()
        self._send(status, {**headers, "Location": place, "Content-Type": "text/plain"}, body)

    def _resolve_cache(self):
        repo = self._repository(content=True)
        commit = self._commit(repo)
        blob = self._blob(commit)
        if self.server.owner.settings.need_query and "etag" not in parse_qs(self.query):
            raise Refused(400, None, "The query of the redirect is missing")
        headers = {"X-Repo-Commit": commit.id, "ETag": f'"{blob.oid}"'}
        self.send_file(blob.file, blob.size, headers)

    def _control(self):
        hub, wanted = self.server.owner, self.part["id"]
        if wanted == "log":
            return self.send(200, (), "".join(json.dumps(r) + "\n" for r in hub.log()).encode())
        if wanted == "reset":
            hub.reset()
        elif wanted == "set":
            values = json.loads(self.payload)
            if "trouble" in values:
                hub.trouble(**values.pop("trouble"))
            hub.set(**values)
        else:
            raise Refused(404, None, "log, reset and set are what there is")
        self.send(200, (), b"ok\n")
