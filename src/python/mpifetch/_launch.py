"""Which ranks take part, and whether they are connected at all."""

from __future__ import annotations

import atexit
import os
import re
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

from ._binding import ffi, lib

# set by torchrun, and by what starts processes as it does; what launchers of MPI say of themselves
LAUNCHERS = (
    ("torchrun", "WORLD_SIZE"),
    ("mpirun", "OMPI_COMM_WORLD_SIZE"),
    ("mpiexec", "PMI_SIZE"),
    ("flux", "FLUX_JOB_SIZE"),
    ("srun", "SLURM_STEP_NUM_TASKS"),
)

# of Open MPI, PMIx, PMI, and Slurm; not what a user sets for Open MPI
OF_A_TASK = re.compile(
    r"(PMIX?|PRTE|OMPI)_(?!MCA_|ALLOW_)|OMPI_MCA_(ess|orte|pmix)|SLURM_(STEP|PROCID|LOCALID)"
)

_STATE = {"lost": False}


def _number(name: str) -> int:
    text = os.environ.get(name, "")
    return int(text) if text.isdigit() else 0


def _refuse(launcher: str, count: int, command: list[str]) -> None:
    from .errors import UsageError  # noqa: PLC0415

    line = " ".join(["srun --ntasks-per-node=1", *map(shlex.quote, command)])
    raise UsageError(
        f"{launcher} started {count} processes that are not connected by MPI, each would fetch "
        f"everything: put '{line}' before {launcher} in the job script, and set "
        "HF_HUB_OFFLINE=1 after it"
    )


def _check_connected(command: list[str]) -> None:
    """Alone, though others were started with it?"""
    if lib.binding_size(ffi.NULL) > 1:
        return
    for launcher, variable in LAUNCHERS:
        if _number(variable) > 1:
            _refuse(launcher, _number(variable), command)


@contextmanager
def _by_itself() -> Iterator[None]:
    """MPI takes a process for a task of the job by what it finds in the environment, and so all
    processes that one task has started for that task. Then it aborts. Meanwhile they are alone."""
    job = {name: text for name, text in os.environ.items() if OF_A_TASK.match(name)}
    for name in job:
        del os.environ[name]
    try:
        yield
    finally:
        os.environ.update(job)


def _finalize() -> None:
    """Not after a loss: it would wait for the lost rank."""
    if not _STATE["lost"]:
        lib.binding_finalize()


def note_loss() -> None:
    _STATE["lost"] = True


def _initialize() -> None:
    from .errors import MpifetchError  # noqa: PLC0415

    state = lib.binding_is_initialized()
    if state < 0:
        raise MpifetchError("MPI is finalized: nothing can be fetched any more in this process")
    if state == 0 and lib.binding_init() != 0:
        raise MpifetchError("MPI cannot be initialised with MPI_THREAD_FUNNELED")
    if state == 0:
        atexit.register(_finalize)


def _check_same_mpi(mpi: Any) -> None:
    """A communicator of another MPI library would be taken for an address in ours."""
    from .errors import UsageError  # noqa: PLC0415

    text = ffi.new("char[]", 8192)
    ours = ffi.buffer(text, lib.binding_library(text, 8192))[:].decode("utf-8", "replace")
    theirs = mpi.Get_library_version()
    if (
        ours.strip("\0\n ") != theirs.strip("\0\n ")
        or mpi._sizeof(mpi.Comm) != lib.binding_handle_size()
        or mpi._handleof(mpi.COMM_WORLD) & (2**64 - 1) != lib.binding_world()
    ):
        raise UsageError(
            f"mpi4py uses '{theirs.splitlines()[0]}', mpifetch '{ours.splitlines()[0]}', or "
            "another interface of it: build both with the same mpicc"
        )


def open_comm(comm: Any, asks: bool, command: list[str]) -> Any:
    """The address of the MPI handle of an mpi4py communicator; NULL for COMM_WORLD. asks: the
    call may ask a source, which many unconnected processes must not; command: what fetches the
    same."""
    if comm is None:
        children = _number("LOCAL_WORLD_SIZE") if "TORCHELASTIC_RUN_ID" in os.environ else 0
        if asks and children > 1:
            _refuse("torchrun", _number("WORLD_SIZE") or children, command)
        with _by_itself() if children > 1 else nullcontext():
            _initialize()
        if asks:
            _check_connected(command)
        address = ffi.NULL
    else:
        mpi = sys.modules.get("mpi4py.MPI")
        if mpi is None or not isinstance(comm, mpi.Comm):
            raise TypeError(f"comm: expected a communicator of mpi4py or None, not {comm!r}")
        _check_same_mpi(mpi)
        address = ffi.cast("void *", mpi._addressof(comm))
    if not lib.binding_is_main():
        from .errors import UsageError  # noqa: PLC0415

        raise UsageError("call mpifetch from the thread that initialised MPI")
    return address
