"""What calls raise: a class for each exit code of the command, and below them one for each reason
that a program may want to act on. Where huggingface_hub is installed and has a class for the same
thing, ours derives from it, so that `except RepositoryNotFoundError` of that library catches
both.

Each has the attributes of `MpifetchError`, on every rank the same.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ._call import Report


def _of_hub(name: str) -> type[Any]:
    """Its class of that name, or one that says nothing. 0.23 has them in another place."""
    for place in ("huggingface_hub.errors", "huggingface_hub.utils"):
        try:
            return getattr(__import__(place, fromlist=[name]), name)  # type: ignore[no-any-return]
        except (ImportError, AttributeError):
            continue
    return type(f"_No{name}", (Exception,), {})


if TYPE_CHECKING:

    class _HubHttp(Exception): ...

    class _HubRepositoryNotFound(_HubHttp): ...

    class _HubGated(_HubRepositoryNotFound): ...

    class _HubDisabled(_HubHttp): ...

    class _HubRevisionNotFound(_HubHttp): ...

    class _HubEntryNotFound(_HubHttp): ...

    class _HubLocalEntryNotFound(Exception): ...
else:
    _HubHttp = _of_hub("HfHubHTTPError")
    _HubRepositoryNotFound = _of_hub("RepositoryNotFoundError")
    _HubGated = _of_hub("GatedRepoError")
    _HubDisabled = _of_hub("DisabledRepoError")
    _HubRevisionNotFound = _of_hub("RevisionNotFoundError")
    # 1.0 made this one a base of two
    _HubEntryNotFound = _of_hub("RemoteEntryNotFoundError")
    if not issubclass(_HubEntryNotFound, _HubHttp):
        _HubEntryNotFound = _of_hub("EntryNotFoundError")
    _HubLocalEntryNotFound = _of_hub("LocalEntryNotFoundError")


class _Told:
    """What all of them have.

    Attributes:
        status: the exit code of the command for the same failure, 1 to 7.
        reason: why, as the JSON report names it ("gated", "disk-full"), or "none".
        rank: the rank where it occurred first.
        report: the `Report` of the call, or None if it failed before it began.
        reports: of `get_several` those of all sources, () of any other call.
        url: of the repository, or "" if the source is none of the Hub's.
    """

    status = 1
    http: int = 0  # status of the reply that this stands for; 0: no reply is known
    code = ""  # its X-Error-Code
    report: Report | None
    reports: tuple[Report, ...] = ()
    url: str

    def __init__(self, message: str, report: Report | None = None, url: str = "") -> None:
        self.report = report
        self.url = url
        self.reason = report.reason if report else "none"
        self.rank = report.rank if report else 0
        if report:
            self.status = report.status
        more = {"response": self._response(message)} if self._wants_response() else {}
        super().__init__(message, **more)  # type: ignore[call-arg]

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        return type(self), (str(self), self.report, self.url), {"reports": self.reports}

    def _wants_response(self) -> bool:
        return isinstance(self, _HubHttp) and not isinstance(self, _HubLocalEntryNotFound)

    def _response(self, message: str) -> Any:
        """A reply of the class that the installed library uses, with what is known of the real
        one. The reply itself came to a rank that may not be this one, and is not kept."""
        headers = {"X-Error-Message": message.encode("ascii", "replace").decode()}
        if self.code:
            headers["X-Error-Code"] = self.code
        body = json.dumps({"error": message}).encode()
        for name in ("httpx2", "httpx"):
            web = sys.modules.get(name)
            if web and issubclass(_HubHttp, web.HTTPError):
                request = web.Request("GET", self.url)
                return web.Response(self.http, headers=headers, content=body, request=request)
        requests = sys.modules["requests"]
        reply = requests.Response()
        reply.status_code, reply.url, reply._content = self.http, self.url, body
        reply.headers.update(headers)
        reply.request = requests.Request("GET", self.url).prepare()
        return reply


class MpifetchError(_Told, Exception):
    """Any failure but `Interrupted`; by itself exit code 1, an error of no other class."""


class UsageError(MpifetchError, ValueError):
    """Exit code 2: arguments that make no sense, or not together; nothing was asked or changed.
    Also processes that were to be ranks of one job and are not connected."""

    status = 2


class SourceError(MpifetchError):
    """Exit code 3: the source refused. Running it again does not help."""

    status = 3


class DigestError(MpifetchError):
    """Exit code 4: digests do not match, even after fetching again; or what `verify` looked at is
    not what was published."""

    status = 4


class DestinationError(MpifetchError, OSError):
    """Exit code 5: the destination refused: space, quota, permission, or files there that
    mpifetch did not create. Run it again after making room; it resumes."""

    status = 5


class NetworkError(MpifetchError, ConnectionError):
    """Exit code 6: the network failed beyond all retries. Run it again; it resumes."""

    status = 6


class Interrupted(_Told, KeyboardInterrupt):
    """Exit code 7: a signal came to some rank, Ctrl-C or one that ends a process. What was
    fetched is kept; the same call resumes. Like KeyboardInterrupt no `Exception`, so that what
    catches those lets it pass."""

    status = 7


class RankLostError(MpifetchError):
    """Exit code 7: a rank did not respond for `rank_timeout` seconds. The communicator cannot be
    used any more: end the program. At exit MPI is not finalized, which might block for ever."""

    status = 7


class RepositoryNotFoundError(SourceError, _HubRepositoryNotFound):
    """No such repository, or a private one that the token may not see."""

    http, code = 404, "RepoNotFound"


class GatedRepoError(RepositoryNotFoundError, _HubGated):
    """The repository is gated, and there is no token or its account has no access."""

    http, code = 403, "GatedRepo"


class DisabledRepoError(SourceError, _HubDisabled):
    """The repository was disabled by the staff of the Hub."""

    http = 403


class RevisionNotFoundError(SourceError, _HubRevisionNotFound):
    """The repository has no such branch, tag or commit."""

    http, code = 404, "RevisionNotFound"


class EntryNotFoundError(SourceError, _HubEntryNotFound):
    """There is no such file or folder at this revision."""

    http, code = 404, "EntryNotFound"


class BadTokenError(SourceError, _HubHttp):
    """The token is not valid, has expired, or lacks the right to read this."""

    http = 401


class LocalEntryNotFoundError(SourceError, _HubLocalEntryNotFound):
    """Requests are forbidden (`local_files_only`, HF_HUB_OFFLINE), and what is there is not all."""


class HubUnreachableError(NetworkError, _HubLocalEntryNotFound):
    """The Hub gave no answer, and what is there is not all."""


COLLECTIVE = _Told  # what all ranks get alike

_BY_REASON: dict[str, type[_Told]] = {
    "repository-not-found": RepositoryNotFoundError,
    "revision-not-found": RevisionNotFoundError,
    "entry-not-found": EntryNotFoundError,
    "gated": GatedRepoError,
    "disabled": DisabledRepoError,
    "bad-token": BadTokenError,
    "unauthorized": BadTokenError,
    "forbidden": BadTokenError,
    "offline": LocalEntryNotFoundError,
}
_BY_STATUS: dict[int, type[_Told]] = {
    2: UsageError,
    3: SourceError,
    4: DigestError,
    5: DestinationError,
    6: NetworkError,
    7: Interrupted,
}


def from_report(report: Report, url: str, reports: tuple[Report, ...] = ()) -> BaseException:
    """The exception for a call that failed. url: of the repository, or ""."""
    kind = _BY_STATUS.get(report.status, MpifetchError)
    if report.lost:
        kind = RankLostError
    elif url and report.status == NetworkError.status:
        kind = HubUnreachableError
    elif url or report.reason == "offline":
        kind = _BY_REASON.get(report.reason, kind)
    failure = kind(report.error, report, url)
    failure.reports = reports
    assert isinstance(failure, BaseException)
    return failure
