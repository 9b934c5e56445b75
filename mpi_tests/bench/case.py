"""What a case is: a context manager that gives rows while its servers run."""

from contextlib import contextmanager
from dataclasses import dataclass
from typing import Callable

CASES = {}  # name -> Case, in the order in which they run


@dataclass
class Row:
    """One thing that is measured; call gets the number of the round and gives a sample, a dict of
    numbers. kind: mpifetch, before (the other build), peer, floor."""

    name: str
    kind: str
    call: Callable


@dataclass
class Case:
    name: str
    heading: str
    open: Callable  # with the bench: a context manager, whose value is a list of rows
    most_rounds: int | None  # where more would only take longer
    trash: bool  # it may run beside what was cleared; see Bench.clear


def case(name, most_rounds=None, trash=False):
    """Decorates a generator function that takes the bench and yields the rows once."""

    def register(function):
        heading = function.__doc__.strip()
        CASES[name] = Case(name, heading, contextmanager(function), most_rounds, trash)
        return function

    return register
