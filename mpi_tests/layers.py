#!/usr/bin/env python3
"""layers.py [PROJECT]: holds the floors of src apart by what their files include.

A file includes its own floor and those below, written from src/. Outside headers are granted
per floor, and the libraries to single files. A source file includes its own header first,
which proves that the header stands alone.
"""

import re
import sys
from pathlib import Path

FLOORS = ["base", "core", "io", "source", "phase", "app"]

PLAIN = set(
    "assert.h ctype.h errno.h float.h inttypes.h limits.h math.h stdalign.h stdarg.h stdbool.h "
    "stddef.h stdint.h stdio.h stdlib.h string.h strings.h".split()
)
POSIX = PLAIN | set(
    "dirent.h fcntl.h poll.h pthread.h sched.h signal.h stdatomic.h sys/ioctl.h sys/random.h "
    "sys/resource.h sys/stat.h sys/statfs.h sys/statvfs.h sys/time.h sys/types.h sys/vfs.h "
    "sys/wait.h sys/xattr.h time.h unistd.h linux/fs.h linux/magic.h".split()
)
HEADERS = {
    "base": PLAIN,
    "core": PLAIN,
    "io": POSIX,
    "source": PLAIN,
    "phase": PLAIN | {"sys/types.h"},
    "app": POSIX,
}

# Outside header -> files that may include it.
GRANTS = {
    "unistd.h": r"base/log\.c|io/.*|app/.*",
    "mpi.h": r"io/comm[^/]*|app/.*",
    "curl/curl.h": r"io/http[^/]*",
    "openssl/.*": r"io/sha256\.c",
    "xxhash.h": r"io/sha256\.c",
    "jansson.h": r"(source|phase)/.*",
}

# Calls that reach for the world; base/log.c is where base does, by write.
WORLD = re.compile(
    r"(?<!format\()\b(fopen|fprintf|printf|puts|fputs|fwrite|fread|stderr|stdout|getenv|time|clock|rand|"
    r"random|exit|abort|system)\s*(?:\(|\b(?=[,;)]))"
)
INCLUDE = re.compile(r'^\s*#\s*include\s+(?:"([^"]+)"|<([^>]+)>)', re.MULTILINE)
COMMENT = re.compile(r'/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\])+\'', re.DOTALL)


def inner_fault(src, name, inner):
    """Why a file must not include another of ours, or nothing."""
    floor, other = name.split("/")[0], inner.split("/")[0]
    if inner == "mpifetch.h":
        return None if floor == "app" else "only app may include mpifetch.h"
    if not (src / inner).is_file():
        return "is no file below src/"
    if FLOORS.index(other) > FLOORS.index(floor):
        return f"{other} is above {floor}"
    if inner == "io/comm_mpi.h" and not re.fullmatch(r"io/comm[^/]*|app/.*", name):
        return "only comm and app know MPI"
    return None


def outer_fault(name, outer):
    """Why a file must not include an outside header, or nothing."""
    for header, files in GRANTS.items():
        if re.fullmatch(header, outer):
            return None if re.fullmatch(files, name) else f"is granted to {files} only"
    floor = name.split("/")[0]
    return None if outer in HEADERS[floor] else f"is not granted to {floor}"


def faults(src, name):
    text = (src / name).read_text()
    first = None
    for match in INCLUDE.finditer(text):
        inner, outer = match.groups()
        first = first or inner or f"<{outer}>"
        why = inner_fault(src, name, inner) if inner else outer_fault(name, outer)
        if why:
            yield f"{name}: includes {inner or outer}: {why}"
    own = name[:-2] + ".h"
    if name.endswith(".c") and (src / own).is_file() and first != own:
        yield f"{name}: includes {first} before its own {own}"
    if name.startswith(("base/", "core/")):
        blank = COMMENT.sub(lambda m: " ", text)
        for match in WORLD.finditer(blank):
            yield f"{name}: calls {match.group(1)}, which is not for {name.split('/')[0]}"


def main():
    top = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent.parent)
    src = top / "src"
    names = sorted(str(path.relative_to(src)) for path in src.glob("*/*.[ch]"))
    found = [fault for name in names for fault in faults(src, name)]
    strangers = [path.name for path in src.iterdir() if path.is_dir() and path.name not in FLOORS]
    found += [f"src/{name} is no floor" for name in strangers]
    print("\n".join(found) if found else f"{len(names)} files, each on its floor")
    return 1 if found or not names else 0


if __name__ == "__main__":
    sys.exit(main())
