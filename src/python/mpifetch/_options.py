"""Python values to struct mpifetch_options, by the types that mpifetch.h gives its members."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal, Union

from ._binding import ffi, lib

if TYPE_CHECKING:
    from typing_extensions import TypedDict

    Path = Union[str, os.PathLike[str]]

    class Options(TypedDict, total=False):
        """The members of struct mpifetch_options, where each is explained. Sizes are bytes, rates
        bytes per second, times seconds."""

        manifest: Path | None
        base: str | None
        sha256: str | None
        revision: str | None
        repo_type: Literal["model", "dataset", "space"] | None
        include: str | Iterable[str] | None
        exclude: str | Iterable[str] | None
        endpoint: str | None
        into: Path | None
        layout: Literal["dir", "hf-cache"]
        records: Literal["default", "inside", "beside", "none"]
        scratch: Path | None
        token_file: Path | None
        cacert: Path | None
        proxy: str | None
        headers: str | Iterable[str] | None
        user: str | None
        netrc: bool
        netrc_file: Path | None
        cert: Path | None
        key: Path | None
        resolve: str | Iterable[str] | None
        interface: str | None
        connections: int
        max_connections: int
        limit_rate: int
        segment_size: int
        retries: int
        retry_delay: float
        connect_timeout: float
        speed_limit: int
        speed_time: float
        rank_timeout: float
        trust: str | Iterable[str] | None
        ignore_extra: str | Iterable[str] | None
        force: bool
        force_download: bool
        versions: bool
        no_links: bool
        stripe: int
        no_sync: bool
        no_trees: bool
        check: bool
        require_digest: bool
        dry_run: bool
        offline: bool
        progress: Literal["none", "auto", "bar", "plain"]
        verbosity: int
        report: Path | None
        trace: Path | None
        per_node: Path | None
        per_node_include: Path | None
        per_node_optional: bool
        per_node_verify: Literal["full", "segments"]
        per_node_keep_cached: bool
        per_node_memory: int


# what is fetched, and to where; of these an error names the command
COMMAND = (
    *("manifest", "base", "sha256", "revision", "repo_type", "include", "exclude", "endpoint"),
    *("into", "layout", "records", "per_node", "per_node_include"),
)

# set by this package alone
OWN = ("source", "dest", "interrupted", "interrupted_arg", "progressed", "progressed_arg")

FIELDS: dict[str, Any] = {
    name: field.type
    for name, field in ffi.typeof("struct mpifetch_options").fields
    if name not in OWN
}


def words(enum: Any) -> dict[str, int]:
    """The constants of an enum, by what of their names is their own: "hf-cache"."""
    start = len(enum.cname.replace("enum ", "")) + 1
    return {name[start:].lower().replace("_", "-"): value for name, value in enum.relements.items()}


def without_secrets(url: str) -> str:
    """As messages show it: no user and password, no signature."""
    if not re.match(r"https?://", url, re.IGNORECASE):
        return url
    return re.sub(r"\?.*", "?...", re.sub(r"(?<=://)[^/?#]*@", "", url))


def command(source: str | None, dest: Any, options: Mapping[str, Any]) -> list[str]:
    """What fetches the same, for somebody's job script."""
    line = ["python", "-m", "mpifetch", "get"]
    for name in COMMAND:
        value = options.get(name)
        if value is None:
            continue
        items = [value] if isinstance(value, (str, bytes, os.PathLike)) else value
        flag = "--" + name.replace("_", "-")
        line += [f"{flag}={without_secrets(os.fsdecode(item))}" for item in items]
    line += [without_secrets(source)] if source else []
    return line + ([os.fsdecode(dest)] if dest else [])


class Struct:
    """A struct mpifetch_options, and what its pointers point to."""

    def __init__(self) -> None:
        self.c = ffi.new("struct mpifetch_options *")
        self._kept: list[Any] = []
        lib.mpifetch_options_init(self.c)

    def _text(self, value: Any) -> Any:
        text = os.fsencode(value)
        if b"\0" in text:  # for C it would end there
            raise ValueError("a null character in it")
        self._kept.append(ffi.new("char[]", text))
        return self._kept[-1]

    def _list(self, value: Any) -> Any:
        items = [value] if isinstance(value, (str, bytes, os.PathLike)) else list(value)
        self._kept.append(ffi.new("char *[]", [*map(self._text, items), ffi.NULL]))
        return self._kept[-1]

    def set(self, name: str, value: Any) -> None:
        """None: as it is by default."""
        if value is None:
            return
        try:
            self._set(name, FIELDS.get(name) or ffi.typeof("char *"), value)
        except (ValueError, OverflowError) as error:  # without the value, which may be secret
            raise ValueError(f"{name}: {error}") from None
        except TypeError as error:
            raise TypeError(f"{name}: {error}") from None

    def _set(self, name: str, kind: Any, value: Any) -> None:
        if kind.kind == "enum":
            known = words(kind)
            if value not in known:
                raise ValueError(f"expected one of {', '.join(known)}, not {value!r}")
            setattr(self.c, name, known[value])
        elif kind.kind == "primitive":
            setattr(self.c, name, value)
        elif kind.item.kind == "pointer":
            setattr(self.c, name, self._list(value))
        else:
            setattr(self.c, name, self._text(value))

    def update(self, options: Mapping[str, Any]) -> None:
        for name, value in options.items():
            if name not in FIELDS:
                raise TypeError(f"'{name}' is no option: there are {', '.join(FIELDS)}")
            self.set(name, value)
