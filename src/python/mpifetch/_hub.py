"""snapshot_download, with the arguments of huggingface_hub's."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import _launch
from ._binding import lib
from ._call import Progress, call, hub_url
from ._options import Struct

if TYPE_CHECKING:
    from ._options import Path as AnyPath

REPO_TYPES = ("model", "dataset", "space")


def _is_on(*names: str) -> bool:
    """As the Hub library reads its switches: the first that is set counts."""
    for name in names:
        if value := os.environ.get(name):
            return value.lower() in ("1", "on", "yes", "true")
    return False


def _listed(patterns: Iterable[str] | str | None) -> list[str] | None:
    if patterns is None:
        return None
    return [patterns] if isinstance(patterns, str) else list(patterns)


@contextlib.contextmanager
def _token_file(token: bool | str | None) -> Iterator[str | None]:
    """A token that is given goes by a file that lies in no directory; none is an empty one."""
    if token is None or token is True:
        yield None
        return
    number = os.memfd_create("token", os.MFD_CLOEXEC)
    try:
        os.write(number, (token or "").encode())
        yield f"/proc/self/fd/{number}"
    finally:
        os.close(number)


class _Bar:
    """A progress bar of some tqdm class, on rank 0 from the first byte on."""

    def __init__(self, kind: Any, title: str) -> None:
        self._kind, self._title = kind, title
        self._bar: Any = None
        self._got = 0

    def show(self, got: int, total: int) -> None:
        if self._bar is None:
            self._bar = self._kind(
                total=total, initial=0, desc=self._title, unit="B", unit_scale=True
            )
        got = min(max(got, self._got), total)
        self._bar.update(got - self._got)
        self._got = got

    def finish(self) -> None:
        """It is all there."""
        if self._bar is not None and self._bar.total is not None:
            self.show(self._bar.total, self._bar.total)

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()


def _command(
    where: list[str], revision: str | None, allow: list[str] | None, ignore: list[str] | None
) -> list[str]:
    """What fetches the same, for somebody's job script."""
    options = [f"--revision={revision}"] if revision else []
    options += [f"--include={one}" for one in allow or ()]
    options += [f"--exclude={one}" for one in ignore or ()]
    return ["python", "-m", "mpifetch", "get", *options, *where]


def snapshot_download(  # noqa: PLR0913 those of the Hub library
    repo_id: str,
    *,
    repo_type: str | None = None,
    revision: str | None = None,
    cache_dir: AnyPath | None = None,
    local_dir: AnyPath | None = None,
    force_download: bool = False,
    token: bool | str | None = None,
    local_files_only: bool = False,
    allow_patterns: list[str] | str | None = None,
    ignore_patterns: list[str] | str | None = None,
    max_workers: int | None = None,
    tqdm_class: type[Any] | None = None,
    endpoint: str | None = None,
    comm: Any = None,
) -> str:
    """Fetch a repository of the Hub once, with all ranks. Collective: all ranks call it alike.

    Args:
        repo_id: NAMESPACE/NAME.
        repo_type: "model", "dataset" or "space"; None is "model".
        revision: branch, tag or commit; None is "main".
        cache_dir: root of a cache, None for the Hub library's own. It finds there what is fetched.
        local_dir: a directory that becomes the revision, in place of the cache. Unlike the
            library's it is replaced as a whole: it holds what was asked for and no more, and if
            there are files in it that mpifetch did not create, `DestinationError` is raised.
        force_download: fetch again what is there already.
        token: a token; False for none; None or True for that of the environment or of `hf auth
            login`. That of rank 0 counts.
        local_files_only: ask nobody; what is there already must be all.
        allow_patterns, ignore_patterns: fnmatch patterns of paths, one or a list of them.
        max_workers: connections of each rank at a time; None to choose.
        tqdm_class: shows the progress on rank 0, counted in bytes. None: as the command does, a
            bar on a terminal, a line every five seconds elsewhere, nothing with
            HF_HUB_DISABLE_PROGRESS_BARS.
        endpoint: of the Hub; None is HF_ENDPOINT, else the Hub itself.
        comm: an mpi4py communicator, or None for all ranks.

    Returns:
        The path of the snapshot in the cache, or of `local_dir`, the same on every rank.

    Raises:
        RepositoryNotFoundError, RevisionNotFoundError, EntryNotFoundError, GatedRepoError,
        DisabledRepoError, BadTokenError, LocalEntryNotFoundError, HubUnreachableError: as the Hub
            library names them, and derived from its classes if it is installed.
        DestinationError: space, quota, permission, or files there that mpifetch did not create.
        MpifetchError: any other failure, of the class of its exit code.
        Interrupted: a signal came to some rank.
        ValueError: `repo_type` is none of the three.
    """
    kind = repo_type or "model"
    if kind not in REPO_TYPES:
        raise ValueError(f"repo_type: expected one of {', '.join(REPO_TYPES)}, not {repo_type!r}")
    allow, ignore = _listed(allow_patterns), _listed(ignore_patterns)
    source = f"hf://{kind}s/{repo_id}"
    root = local_dir if local_dir is not None else cache_dir
    place = None if root is None else str(Path(root).expanduser().resolve())
    offline = local_files_only or _is_on("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")

    where = [source, *([place] if place else [])]
    if local_dir is None:
        where = ["--hf-cache", *where]
    command = _command(where, revision, allow, ignore)
    address = _launch.open_comm(comm, not offline, command)

    struct = Struct()
    struct.set("source", source)
    struct.set("dest", place)
    with _token_file(token) as token_file:
        struct.update(
            {
                "layout": "dir" if local_dir is not None else "hf-cache",
                "revision": revision,
                "include": allow,
                "exclude": ignore,
                "token_file": token_file,
                "endpoint": endpoint,
                "offline": offline,
                "force_download": force_download and not offline,
                "connections": max_workers,
                "progress": "none" if _is_on("HF_HUB_DISABLE_PROGRESS_BARS") else "auto",
            }
        )
        bar = _Bar(tqdm_class, repo_id) if tqdm_class is not None else None
        try:
            show: Progress | None = bar.show if bar else None
            done = call(lib.binding_get, struct, address, hub_url(source, endpoint), show)
            if bar:
                bar.finish()
        finally:
            if bar:
                bar.close()
    return done.path
