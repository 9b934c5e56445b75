"""get, verify, and the report of both."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from . import _launch, _signals
from ._binding import ffi, lib
from ._options import Struct, command, without_secrets

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ._options import Options, Path

Progress = Callable[[int, int], None]


def version() -> str:
    """Of the C library, as "0.1.0"."""
    text: str = ffi.string(lib.mpifetch_version()).decode()
    return text


@dataclass(frozen=True)
class Report:
    """What a call did: struct mpifetch_report. The same on every rank.

    Attributes:
        status: the exit code of the command, 0 if it succeeded.
        rank: where the error occurred first.
        error: one sentence, "" if none.
        path: what was published: DEST, or a snapshot in the cache.
        unchanged: it was up to date already, and nothing was fetched.
        files, bytes: of what was published.
        bytes_fetched: that came from the source.
        bytes_duplicated: of those, that came twice, since late ones are asked for once more.
        bytes_reused: that were there already.
        requests: to the source.
        retries: of those, that were repetitions.
        seconds: that the call took.
        lost: a rank was lost, and the communicator is broken.
        reason: why it failed ("gated", "disk-full"); "none" if no more than the status is known.
    """

    status: int
    rank: int
    error: str
    path: str
    unchanged: bool
    files: int
    bytes: int
    bytes_fetched: int
    bytes_duplicated: int
    bytes_reused: int
    requests: int
    retries: int
    seconds: float
    lost: bool
    reason: str


def _report_of(c: Any) -> Report:
    values: dict[str, Any] = {field.name: getattr(c, field.name) for field in fields(Report)}
    values["error"] = ffi.string(c.error).decode("utf-8", "replace")
    values["path"] = os.fsdecode(ffi.string(c.path))
    values["unchanged"], values["lost"] = bool(c.unchanged), bool(c.lost)
    values["reason"] = ffi.string(lib.mpifetch_reason_name(c.reason)).decode()
    return Report(**values)


@ffi.def_extern()  # type: ignore[untyped-decorator]
def binding_progressed(arg: Any, got: int, total: int) -> None:
    """The C library's report of progress. What it raises is printed: a bar that fails stops no
    fetch."""
    show: Progress = ffi.from_handle(arg)
    show(got, total)


def hub_url(source: str | None, endpoint: str | None) -> str:
    """Of the repository that a source names, "" if it is none of the Hub's."""
    kind, slash, name = (source or "").removeprefix("hf://").partition("/")
    if not source or not source.startswith("hf://"):
        return ""
    if kind not in ("models", "datasets", "spaces"):
        kind, name = "models", f"{kind}{slash}{name}"
    host = endpoint or os.environ.get("HF_ENDPOINT") or "https://huggingface.co"
    host = without_secrets(host).rstrip("/")
    return f"{host}/api/{kind}/" + "/".join(name.partition("@")[0].split("/")[:2])


def call(
    function: Any, options: Struct, address: Any, url: str = "", progress: Progress | None = None
) -> Report:
    """Collective. url: see errors.from_report."""
    report = ffi.new("struct mpifetch_report *")
    watch = ffi.new("struct binding_watch *")
    handle = ffi.new_handle(progress)
    if progress:
        options.c.progressed = lib.binding_progressed
        options.c.progressed_arg = handle
    with _signals.during(watch) as caught:
        status = function(address, options.c, report, watch)
    done = _report_of(report)
    if done.lost:
        _launch.note_loss()
    if status == 0 and not watch.stop:
        return done
    if caught.raised:
        raise caught.raised
    if status == 0:  # a signal came after the last look at it: the call is over
        raise KeyboardInterrupt
    from .errors import from_report  # noqa: PLC0415

    raise from_report(done, url)


def get(
    source: str | None, dest: Path | None, *, comm: Any = None, **options: Unpack[Options]
) -> Report:
    """Fetch a source with all ranks, verify it, and publish it: what the command `get` does.
    Collective.

    Args:
        source: hf://[models/|datasets/|spaces/]NAMESPACE/NAME[@REVISION][/PATH], https://... (one
            file), file:///... (a tree); None with `manifest`.
        dest: the directory that it becomes. With layout="hf-cache" the root of a cache, None for
            the Hub library's own. With `per_node` published as well unless None; None with `into`.
        comm: an mpi4py communicator, or None for all ranks.
        **options: as in struct mpifetch_options; words for its enums, lists for its lists of
            patterns. Those about the source count on rank 0 alone.

    Returns:
        The report, the same on every rank. A reader of `dest` sees the new state from then on.

    Raises:
        MpifetchError: a class below it for each exit code of the command; nothing new is visible.
        Interrupted: a signal came to some rank. No `Exception`, as KeyboardInterrupt is none.
        ValueError, TypeError: an option that does not exist, or a value that it cannot have. Where
            only some ranks have such a value the others get `UsageError`.
    """
    asks = not (options.get("offline") or options.get("dry_run"))
    address = _launch.open_comm(comm, asks, lambda: command(source, dest, options))
    struct = Struct()
    with _launch.together(address):
        struct.update(options)
        struct.set("source", source)
        struct.set("dest", dest)
    return call(lib.binding_get, struct, address, hub_url(source, options.get("endpoint")))


def verify(dest: Path, *, comm: Any = None, **options: Unpack[Options]) -> Report:
    """Read a published tree, or a snapshot in a cache, and compare it with its own record.
    Collective; no source is asked.

    Args:
        dest: the directory; of a cache that of the snapshot.
        comm: an mpi4py communicator, or None for all ranks.
        **options: include, exclude, connections, and those about what is said.

    Returns:
        The report, the same on every rank.

    Raises:
        DigestError: a file is wrong, missing, or not in the record; stderr of rank 0 names each.
        MpifetchError, Interrupted, ValueError, TypeError: as for `get`.
    """
    address = _launch.open_comm(comm, False, list)
    struct = Struct()
    with _launch.together(address):
        struct.update(options)
        struct.set("dest", dest)
    return call(lib.binding_verify, struct, address)
