"""The other origin: LFS content behind signed URLs."""

from wire import Handler


class Cdn(Handler):
    """One connection to it. server.owner is the Hub. A token is refused, not ignored."""

    kind = "cdn"

    def classify(self, path):
        return "cdn"

    def answer(self):
        hub = self.server.owner
        if "Authorization" in self.headers:
            return self.send(400, (), b"Only one auth mechanism allowed")
        if self.command != "GET":
            return self.send(403, (), b"signed for GET")
        refusal = hub.signed(self.route, self.query)
        if refusal:
            return self.send(
                403, {"Content-Type": "application/xml"}, f"<Error>{refusal}</Error>".encode()
            )
        blob = hub.find_lfs(self.route.rpartition("/")[2])
        if blob is None:
            return self.send(404)
        above = hub.settings.range_above
        if above is not None and blob.size > above and not self.headers.get("Range"):
            return self.send(400, (), b"a range is needed")
        self.send_file(blob.file, blob.size, {"ETag": f'"{blob.sha256[:32]}"'})
