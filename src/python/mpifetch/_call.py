"""get, get_several, verify, and the report of each."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, NamedTuple

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


class _Ended(NamedTuple):
    """A call of the C library."""

    status: int
    stopped: bool  # by a signal
    raised: BaseException | None  # by its handler


def _run(options: Any, progress: Progress | None, function: Callable[[Any], int]) -> _Ended:
    """options: a struct. function: makes the call, with the watch that it gets."""
    watch = ffi.new("struct binding_watch *")
    handle = ffi.new_handle(progress)
    if progress:
        options.progressed = lib.binding_progressed
        options.progressed_arg = handle
    with _signals.during(watch) as caught:
        status = function(watch)
    return _Ended(status, bool(watch.stop), caught.raised)


def _is_done(ended: _Ended, lost: bool) -> bool:
    """False: it failed. What a signal brought about is raised."""
    if lost:
        _launch.note_loss()
    if ended.raised and (ended.status or ended.stopped):
        raise ended.raised
    if ended.status == 0 and ended.stopped:  # it came after the last look at it: the call is over
        raise KeyboardInterrupt
    return ended.status == 0


def call(
    function: Any, options: Struct, address: Any, url: str = "", progress: Progress | None = None
) -> Report:
    """Collective. url: see errors.from_report."""
    report = ffi.new("struct mpifetch_report *")
    ended = _run(options.c, progress, lambda watch: function(address, options.c, report, watch))
    done = _report_of(report)
    if _is_done(ended, done.lost):
        return done
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
    address = _launch.open_comm(comm, asks, lambda: [command(source, dest, options)])
    struct = Struct()
    with _launch.together(address):
        struct.update(options)
        struct.set("source", source)
        struct.set("dest", dest)
    return call(lib.binding_get, struct, address, hub_url(source, options.get("endpoint")))


def _places(
    sources: Iterable[str] | Mapping[str, Path], cache_dir: Path | None
) -> dict[str, Path | None]:
    """The dest of each source; one that is there twice counts once."""
    if isinstance(sources, (str, bytes)) or not isinstance(sources, Iterable):
        raise TypeError("sources: expected a list of them, or a dict with the place of each")
    if isinstance(sources, Mapping) and cache_dir is not None:
        raise TypeError("cache_dir: the sources have places of their own")
    places: dict[str, Path | None] = {}
    for source in sources:
        places[source] = sources[source] if isinstance(sources, Mapping) else cache_dir
    if not places:
        raise ValueError("sources: there are none")
    return places


def _commands(sources: Any, cache_dir: Path | None, options: Any) -> list[list[str]]:
    if isinstance(sources, Mapping):
        return [command(source, dest, options) for source, dest in sources.items()]
    cache = [] if cache_dir is None else [f"--cache-dir={os.fsdecode(cache_dir)}"]
    return [command(None, None, options) + cache + [without_secrets(one) for one in sources]]


def get_several(
    sources: Iterable[str] | Mapping[str, Path],
    *,
    cache_dir: Path | None = None,
    comm: Any = None,
    **options: Unpack[Options],
) -> list[Report]:
    """Fetch several sources in one call, as `get` does one: all are listed before anything is
    fetched, then each is published by itself, one after the other. Collective.

    Args:
        sources: a list of them; or a dict with the directory that each becomes. A list needs
            `into="DIR"`, below which each goes to NAMESPACE/NAME, or a cache.
        cache_dir: the root of a cache, for all of them; layout="hf-cache" without it is that of
            the Hub library.
        comm: an mpi4py communicator, or None for all ranks.
        **options: as for `get`, of all of them.

    Returns:
        The report of each, in the order of `sources`, the same on every rank.

    Raises:
        MpifetchError, Interrupted, ValueError, TypeError: as for `get`, if any of them failed: for
            the one with the highest exit code. `reports` has all; where `status` is 0 it is
            published, where `rank` is -1 it was not tried.
    """
    asks = not (options.get("offline") or options.get("dry_run"))
    if cache_dir is not None:
        options["layout"] = "hf-cache"
    address = _launch.open_comm(comm, asks, lambda: _commands(sources, cache_dir, options))
    structs: list[Struct] = []
    with _launch.together(address):
        places = _places(sources, cache_dir)
        for source, dest in places.items():
            structs.append(Struct())
            structs[-1].update(options)
            structs[-1].set("source", source)
            structs[-1].set("dest", dest)
    count = len(structs)
    each = ffi.new("struct mpifetch_options[]", [struct.c[0] for struct in structs])
    reports = ffi.new("struct mpifetch_report[]", count)
    ended = _run(
        each[0], None, lambda watch: lib.binding_get_several(address, each, count, reports, watch)
    )
    done = [_report_of(reports[i]) for i in range(count)]
    if _is_done(ended, done[0].lost):
        return done
    from .errors import from_report  # noqa: PLC0415

    worst = max(range(count), key=lambda i: (done[i].status, done[i].rank >= 0, -i))
    url = hub_url(list(places)[worst], options.get("endpoint"))
    raise from_report(done[worst], url, tuple(done))


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
