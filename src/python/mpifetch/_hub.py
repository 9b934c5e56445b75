"""snapshot_download, with the arguments of huggingface_hub's."""

from __future__ import annotations

import contextlib
import os
import re
import traceback
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import _launch
from ._binding import lib
from ._call import call, hub_url
from ._options import Struct, command

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
    if token and not isinstance(token, str):
        raise TypeError(f"token: expected a str, a bool or None, not {type(token).__name__}")
    number = lib.binding_memory_file()
    if number < 0:
        raise OSError("no file in memory for the token")
    try:
        os.write(number, (token or "").encode())
        yield f"/proc/self/fd/{number}"
    finally:
        os.close(number)


class _Bar:
    """A progress bar of some tqdm class, on rank 0 from the first byte on. If it fails that is
    printed once, and the fetch goes on without: other ranks know nothing of it."""

    def __init__(self, kind: Any, title: str) -> None:
        self._kind, self._title = kind, title
        self._bar: Any = None
        self._got = self._total = 0

    def _try(self, show: Callable[[], None]) -> None:
        try:
            show()
        except Exception:  # whatever it is: it is code of the caller
            traceback.print_exc()
            self._kind = self._bar = None

    def show(self, got: int, total: int) -> None:
        self._try(lambda: self._show(got, total))

    def _show(self, got: int, total: int) -> None:
        if self._kind is None:
            return
        if self._bar is None:
            self._bar = self._kind(
                total=total, initial=0, desc=self._title, unit="B", unit_scale=True
            )
            self._total = total
        got = min(max(got, self._got), total)
        self._bar.update(got - self._got)
        self._got = got

    def finish(self) -> None:
        """It is all there."""
        if self._bar is not None:
            self.show(self._total, self._total)

    def close(self) -> None:
        if self._bar is not None:
            self._try(self._bar.close)


def _check_names(repo_id: str, repo_type: str | None) -> None:
    """What the Hub library refuses would be a revision or a folder for the command."""
    if repo_type not in (None, "", *REPO_TYPES):
        raise ValueError(f"repo_type: expected one of {', '.join(REPO_TYPES)}, not {repo_type!r}")
    if not re.fullmatch(r"[\w.-]+(/[\w.-]+)?", repo_id, re.ASCII):
        raise ValueError(f"repo_id: expected NAMESPACE/NAME, not {repo_id!r}")


def _place(root: AnyPath) -> str:
    """Absolute, as the Hub library returns it. A link that mpifetch keeps where names cannot be
    exchanged is the destination; behind it is one version, which does not change."""
    path = Path(root).expanduser()
    if path.is_symlink() and os.readlink(path).startswith(f".{path.name}.versions/"):
        return str(path.parent.resolve() / path.name)
    return str(path.resolve())


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
    offline = local_files_only or _is_on("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")
    source = f"hf://{repo_type or 'model'}s/{repo_id}"
    root = local_dir if local_dir is not None else cache_dir
    options = {
        "layout": "hf-cache" if local_dir is None else "dir",
        "revision": revision,
        "include": _listed(allow_patterns),
        "exclude": _listed(ignore_patterns),
        "endpoint": endpoint,
    }
    address = _launch.open_comm(
        comm,
        not offline,
        lambda: [command(source, None if root is None else _place(root), options)],
    )
    struct = Struct()
    with contextlib.ExitStack() as ends:
        with _launch.together(address):
            _check_names(repo_id, repo_type)
            struct.set("source", source)
            struct.set("dest", None if root is None else _place(root))
            struct.update(options)
            struct.update(
                {
                    "token_file": ends.enter_context(_token_file(token)),
                    "offline": offline,
                    "force_download": force_download and not offline,
                    "connections": max_workers,
                    "progress": "none" if _is_on("HF_HUB_DISABLE_PROGRESS_BARS") else "auto",
                }
            )
        bar = _Bar(tqdm_class, repo_id) if tqdm_class is not None else None
        if bar:
            ends.callback(bar.close)
        done = call(
            lib.binding_get, struct, address, hub_url(source, endpoint), bar.show if bar else None
        )
        if bar:
            bar.finish()
    return done.path
