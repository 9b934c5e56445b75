"""Which ranks take part, and whether they are connected at all."""

from __future__ import annotations

import atexit
import os
import re
import shlex
import sys
from collections.abc import Callable, Iterator
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

SAID = 1024  # bytes of what a rank tells others before a call

Commands = Callable[[], list[list[str]]]

_STATE = {"lost": False, "forked": False}


def _note_fork() -> None:
    """MPI belongs to the process that initialised it, not to its children."""
    _STATE["forked"] = _STATE["forked"] or lib.binding_is_initialized() == 1


os.register_at_fork(after_in_child=_note_fork)


def failure(message: str, kind: str = "UsageError") -> Exception:
    """Of a class that is not made before it is needed: see mpifetch.__getattr__."""
    from . import errors  # noqa: PLC0415

    made: Exception = getattr(errors, kind)(message)
    return made


def _number(name: str) -> int:
    text = os.environ.get(name, "")
    return int(text) if text.isdigit() else 0


def _refuse(launcher: str, count: int, commands: Commands) -> None:
    line = " && ".join(f"srun --ntasks-per-node=1 {shlex.join(one)}" for one in commands())
    raise failure(
        f"{launcher} started {count} processes that are not connected by MPI, each would fetch "
        f"everything: put '{line}' before {launcher} in the job script, and set "
        "HF_HUB_OFFLINE=1 after it"
    )


def _check_connected(commands: Commands) -> None:
    """Alone, though others were started with it?"""
    if lib.binding_size(ffi.NULL) > 1:
        return
    for launcher, variable in LAUNCHERS:
        if _number(variable) > 1:
            _refuse(launcher, _number(variable), commands)


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


def _ends_alone() -> bool:
    """The program of this rank ends by an exception that others need not have: they may be in a
    call, and wait for this rank as it would wait for them."""
    raised = getattr(sys, "last_value", None)
    errors = sys.modules.get(f"{__package__}.errors")
    ours = errors is not None and isinstance(raised, errors.COLLECTIVE)
    return raised is not None and not ours and lib.binding_size(ffi.NULL) > 1


def _finalize() -> None:
    """Not after a loss, when it would wait for the lost rank. A launcher ends all ranks when one
    has ended without."""
    ours = lib.binding_is_initialized() == 1 and not _STATE["forked"]
    if ours and not _STATE["lost"] and not _ends_alone():
        lib.binding_finalize()


def note_loss() -> None:
    """mpi4py, where that initialised MPI, would finalize it at exit as well: it aborts then."""
    _STATE["lost"] = True
    if mpi := sys.modules.get("mpi4py.MPI"):
        getattr(mpi, "_set_abort_status", int)(7)


def _initialize() -> None:
    if _STATE["forked"]:
        raise failure("this process was forked from one that uses MPI: call mpifetch there")
    state = lib.binding_is_initialized()
    if state < 0:
        raise failure(
            "MPI is finalized: nothing can be fetched any more in this process", "MpifetchError"
        )
    if state == 0 and lib.binding_init() != 0:
        raise failure("MPI cannot be initialised with MPI_THREAD_FUNNELED", "MpifetchError")
    if state == 0:
        atexit.register(_finalize)


def _check_same_mpi(mpi: Any) -> None:
    """A communicator of another MPI library would be taken for an address in ours."""
    text = ffi.new("char[]", 8192)
    ours = ffi.buffer(text, lib.binding_library(text, 8192))[:].decode("utf-8", "replace")
    theirs = mpi.Get_library_version()
    if (
        ours.strip("\0\n ") != theirs.strip("\0\n ")
        or mpi._sizeof(mpi.Comm) != lib.binding_handle_size()
        or mpi._handleof(mpi.COMM_WORLD) & (2**64 - 1) != lib.binding_world()
    ):
        raise failure(
            f"mpi4py uses '{theirs.splitlines()[0]}', mpifetch '{ours.splitlines()[0]}', or "
            "another interface of it: build both with the same mpicc, or set MPI4PY_LIBMPI to the "
            "library that mpifetch uses, which a wheel of mpi4py loads then"
        )


@contextmanager
def together(address: Any) -> Iterator[None]:
    """Collective. Around what a rank does by itself before a call: what it raises, others are told
    as UsageError. Otherwise they would wait for its call."""
    raised: BaseException | None = None
    try:
        yield
    except BaseException as error:  # it is raised below
        raised = error
    said = f"{type(raised).__name__}: {raised}" if raised else ""
    text = ffi.new("char[]", SAID)
    ffi.memmove(text, (said.encode("utf-8", "replace") + bytes(SAID))[: SAID - 1], SAID - 1)
    rank = lib.binding_agree(address, text, SAID)
    if raised:
        raise raised
    if rank >= 0:
        raise failure(f"rank {rank}: {ffi.string(text).decode('utf-8', 'replace')}")


def _address_of(comm: Any) -> Any:
    mpi = sys.modules.get("mpi4py.MPI")
    if mpi is None or not isinstance(comm, mpi.Comm):
        raise TypeError(f"comm: expected a communicator of mpi4py or None, not {comm!r}")
    _check_same_mpi(mpi)
    if comm == mpi.COMM_NULL:
        raise failure("comm is MPI.COMM_NULL: this rank is in no group, and makes no call")
    if comm.Is_inter():
        raise failure("comm is an intercommunicator: merge it, or pass one of its groups")
    return ffi.cast("void *", mpi._addressof(comm))


def open_comm(comm: Any, asks: bool, commands: Commands) -> Any:
    """The address of the MPI handle of an mpi4py communicator; NULL for COMM_WORLD. asks: the
    call may ask a source, which many unconnected processes must not; commands: what fetch
    the same."""
    if comm is None:
        children = _number("LOCAL_WORLD_SIZE") if "TORCHELASTIC_RUN_ID" in os.environ else 0
        if asks and children > 1:
            _refuse("torchrun", _number("WORLD_SIZE") or children, commands)
        with _by_itself() if children > 1 else nullcontext():
            _initialize()
        if asks:
            _check_connected(commands)
        address = ffi.NULL
    else:
        _initialize()
        address = _address_of(comm)
    if not lib.binding_is_main():
        raise failure(
            "call mpifetch from the thread that initialised MPI, which must have done so with "
            "MPI_THREAD_FUNNELED or more"
        )
    return address
