"""python -m mpifetch ...: the command, in place of this process."""

from __future__ import annotations

import os
import shutil
import sys
from importlib import metadata
from typing import NoReturn

from ._binding import ffi, lib


def find_program() -> str | None:
    """The one that was installed with this package, or with the library that it was built
    against; or any in PATH."""
    try:
        for file in metadata.files("mpifetch") or ():
            if file.name == "mpifetch" and file.parent.name == "bin":
                return str(file.locate())
    except metadata.PackageNotFoundError:
        pass  # it is run from where it lies
    linked: str = ffi.string(lib.binding_program()).decode()
    return linked if linked and os.access(linked, os.X_OK) else shutil.which("mpifetch")


def main() -> NoReturn:
    program = find_program()
    if program is None:
        sys.exit("mpifetch: the program is not installed: see docs/building.md")
    os.execv(program, ["mpifetch", *sys.argv[1:]])


if __name__ == "__main__":
    main()
