"""Fetch models and data sets with all ranks of an MPI job: once, verified, and whole or not at all.

    import mpifetch

    path = mpifetch.snapshot_download("acme/demo-model", local_dir="/shared/models/demo")

Every function is collective over `comm`, an mpi4py communicator, or all ranks if that is None:
all ranks call it with the same arguments, and all get the same result or the same exception. MPI
is initialised by the first call if nobody did so before. A process that was not started by an MPI
launcher is alone.
"""

from typing import TYPE_CHECKING

from ._call import Report, get, get_several, verify, version
from ._hub import snapshot_download

if TYPE_CHECKING:
    from .errors import (
        BadTokenError,
        DestinationError,
        DigestError,
        DisabledRepoError,
        EntryNotFoundError,
        GatedRepoError,
        HubUnreachableError,
        Interrupted,
        LocalEntryNotFoundError,
        MpifetchError,
        NetworkError,
        RankLostError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
        SourceError,
        UsageError,
    )

__version__ = version()

__all__ = [
    "BadTokenError",
    "DestinationError",
    "DigestError",
    "DisabledRepoError",
    "EntryNotFoundError",
    "GatedRepoError",
    "HubUnreachableError",
    "Interrupted",
    "LocalEntryNotFoundError",
    "MpifetchError",
    "NetworkError",
    "RankLostError",
    "Report",
    "RepositoryNotFoundError",
    "RevisionNotFoundError",
    "SourceError",
    "UsageError",
    "get",
    "get_several",
    "snapshot_download",
    "verify",
]


def __getattr__(name: str) -> object:
    """The exceptions are made when one is asked for: those of huggingface_hub, from which some
    derive, take a good part of a second to import."""
    if name in __all__:
        from . import errors  # noqa: PLC0415

        return getattr(errors, name)
    raise AttributeError(f"module 'mpifetch' has no attribute '{name}'")
