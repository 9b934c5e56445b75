"""Signals during a call. Python runs a handler between two of its lines, and there are none
before the
C function returns: the library asks in between (binding.py), the handlers set here note what
came, and the call ends in order on all ranks."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

# those that end the command in order; Python leaves all but the first to the kernel, which would
# end the process in the middle of something
ENDING = (
    signal.SIGINT,
    signal.SIGTERM,
    signal.SIGHUP,
    signal.SIGUSR1,
    signal.SIGUSR2,
    signal.SIGXCPU,
)


class Caught:
    """What a handler of the caller raised meanwhile, or None."""

    raised: BaseException | None = None


@contextmanager
def during(watch: Any) -> Iterator[Caught]:
    """watch: struct binding_watch. Python runs handlers in its main thread alone: a call from
    another one is not interrupted."""
    caught = Caught()
    before: dict[int, Any] = {}

    def note(number: int, frame: FrameType | None) -> None:
        theirs = before.get(number)
        if not callable(theirs) or theirs is signal.default_int_handler:
            watch.stop = 1
            return
        try:
            theirs(number, frame)
        except BaseException as raised:  # whatever it is, it is raised again after the call
            caught.raised = raised
            watch.stop = 1

    if threading.current_thread() is threading.main_thread():
        for number in signal.valid_signals():
            theirs = signal.getsignal(number)
            if callable(theirs) or (theirs == signal.SIG_DFL and number in ENDING):
                before[number] = theirs
                signal.signal(number, note)
    try:
        yield caught
    finally:
        for caught_number, theirs in before.items():
            signal.signal(caught_number, theirs)
