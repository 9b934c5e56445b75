#!/usr/bin/env python3
"""Hold src/ and include/ to the order of the rooms and to the house rules.

    layers.py [ROOT]           ROOT: the project, by default the one this file is in
    layers.py --graph [ROOT]   which unit uses which, a line each

Each finding is a line "file:line: sentence" on stderr; with one the exit code is 1.
Files over 400 lines are only warned of, those over 500 are refused.

Which outside header a file may use is in GRANTS, the order of the rooms in ROOMS: a room
sees those before it and those it shares a line with. What else it may not see is in CLOSED.
Beyond that no headers include each other in a circle, and no units (x.c with x.h) use each
other's functions in one (units.py).
"""

import re
import sys
from pathlib import Path
from typing import NamedTuple

import units

ROOMS = [
    ["base"],
    ["core/plan"],
    ["core/sched"],
    ["core/http"],
    ["core/hub"],
    ["core/state"],
    ["io", "io/fs"],
    ["io/http"],
    ["io/mpi"],
    ["source"],
    ["ranks"],
    ["report"],
    ["staging"],
    ["resume"],
    ["publish"],
    ["coordinate"],
    ["fetch"],
    ["app"],
    ["doctor"],
]
LEVEL = {room: level for level, rooms in enumerate(ROOMS) for room in rooms}
# The program's own top calls the doctor, which is no part of the library.
TOP = {"src/app/main.c": "doctor"}
# Files of other rooms that are held to the rules of core: they decide, and do nothing.
PURE = re.compile(r"src/doctor/(advice|mounts|results|verdict)\.[ch]")

C_STANDARD = {
    name + ".h"
    for name in """
    assert complex ctype errno fenv float inttypes iso646 limits locale math setjmp
    signal stdalign stdarg stdatomic stdbool stddef stdint stdio stdlib stdnoreturn
    string tgmath threads time uchar wchar wctype
    """.split()
}
POSIX = {
    name + ".h"
    for name in """
    dirent dlfcn endian fcntl fnmatch ftw getopt glob grp langinfo libgen netdb poll
    pthread pwd regex sched search semaphore spawn strings syslog termios unistd
    utime wordexp arpa/inet linux/fs linux/magic net/if netinet/in netinet/tcp
    sys/epoll sys/eventfd sys/file sys/ioctl sys/mman sys/mount sys/param sys/random
    sys/resource sys/select sys/sendfile sys/socket sys/stat sys/statfs sys/statvfs
    sys/syscall sys/sysinfo sys/sysmacros sys/time sys/times sys/types sys/uio
    sys/un sys/utsname sys/vfs sys/wait sys/xattr
    """.split()
}
# Clocks and signals are standard C and yet the world outside.
CORE_STANDARD = C_STANDARD - {"time.h", "signal.h", "threads.h"}

# (file below the root, outside header), each a pattern for the whole.
GRANTS = [
    (r"src/base/log\.c", r"unistd\.h"),
    (r"src/io/mpi/(comm\.c|comm_mpi\.h|fabric\.c|mpi_failed\.c)", r"mpi\.h"),
    (r"src/io/http/((http(_wire)?|proxy|url_join)\.c|sockets\.[ch])", r"curl/\w+\.h"),
    (r"src/io/fs/fs_at\.c", r"linux/openat2\.h"),
    (r"src/io/sha256\.c", r"openssl/\w+\.h|xxhash\.h"),
    (r"src/source/\w+\.[ch]", r"jansson\.h"),
    (r"src/report/(json_file\.[ch]|(report|report_list|trace)\.c)", r"jansson\.h"),
    (r"src/staging/(json_reader\.[ch]|manifest(_write)?\.c)", r"jansson\.h"),
    (r"src/publish/commit_record\.c", r"jansson\.h"),
    (r"src/doctor/report\.c", r"jansson\.h"),
    (r"src/doctor/volume\.c", r"sys/quota\.h"),
    (r"src/doctor/(commands|program)\.c", r"sys/prctl\.h"),
    (r"src/doctor/doctor\.h", r"mpi\.h"),
    (r"src/(ranks|report|staging|resume|publish|coordinate|fetch)/\w+\.[ch]",
     r"sys/types\.h"),
    (r"src/app/\w+\.[ch]", r"mpi\.h"),
    (r"include/mpifetch\.h", r"mpi\.h"),
]

# Own headers that a room may not see although they come before it.
CLOSED = {
    "source": {"io/mpi/comm.h", "io/mpi/comm_mpi.h"},
    **{
        room: {"io/mpi/comm_mpi.h"}
        for room in "ranks report staging resume publish coordinate fetch".split()
    },
}

# What base and core must not touch: streams, and the calls that ask or change the world.
STREAMS = re.compile(
    r"\b(?:FILE|stdin|stdout|stderr|fopen|fdopen|freopen|fclose|fread|fwrite|fgets|fgetc"
    r"|getchar|getline|fputs|fputc|putc|putchar|puts|perror|fflush|fseek|tmpfile|popen)\b"
    r"|\b(?:v?f?printf|v?dprintf|v?f?scanf)\s*\("
)
WORLD = re.compile(r"\b(?:getenv|setenv|time|clock|rand|random|exit|abort|system)\s*\(")
ATTRIBUTES = re.compile(r"__attribute__\s*\(\(.*?\)\)\)?")

BANNED = re.compile(
    r"\b(strcpy|strcat|v?sprintf|gets|strtok|atoi|flock|lockf)\s*\("
    r"|\b(F_(?:OFD_)?SETLKW?)\b"
)
# The one file that takes locks, to find out what those of other programs would be worth.
BANNED_BUT = {"src/doctor/lockprobe.c": {"flock", "F_SETLK", "F_OFD_SETLK"}}
LEFTOVER = re.compile(r"\b(TODO|FIXME|XXX)\b")
INCLUDE = re.compile(r'\s*#\s*include\s*(?:<([^>]+)>|"([^"]+)")')
MACRO = re.compile(r"\s*#\s*define\s+(\w+)\(([^)]*)\)\s*(.*)")
ATTRIBUTE_BODY = re.compile(r"(__attribute__\s*\(\(.*\)\))?\s*")

WARN_LINES, MOST_LINES = 400, 500

TOKEN = re.compile(
    r"""//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'""", re.DOTALL
)


class Finding(NamedTuple):
    file: str
    line: int
    text: str
    fatal: bool = True

    def __str__(self):
        return f"{self.file}:{self.line}: {'' if self.fatal else 'warning: '}{self.text}"


def strip(text, strings):
    """The text without comments, and without the inside of strings unless wanted.
    Line numbers stay."""

    def replace(match):
        token = match.group()
        if token[0] == "/":
            return " " + "\n" * token.count("\n")
        return token if strings else token[0] + token[-1]

    return TOKEN.sub(replace, text)


def joined_lines(text):
    """(number, line) with continued lines put together."""
    start, parts = 0, []
    for number, line in enumerate(text.split("\n"), 1):
        start = start or number
        if line.endswith("\\"):
            parts.append(line[:-1])
            continue
        yield start, "".join(parts) + line
        start, parts = 0, []


def room_of(file):
    """The room a file is in; "" for the public header; None for a stray one."""
    if file.startswith("include/"):
        return ""
    room = file.removeprefix("src/").rpartition("/")[0]
    return room if room in LEVEL else None


def is_pure(file, room):
    return room == "base" or room.startswith("core/") or bool(PURE.fullmatch(file))


def is_granted(file, room, header):
    for files, headers in GRANTS:
        if re.fullmatch(files, file) and re.fullmatch(headers, header):
            return True
    if room.startswith("core/") or PURE.fullmatch(file):
        return header in CORE_STANDARD
    posix = room.split("/")[0] in ("io", "app", "doctor")
    return header in C_STANDARD or (posix and header in POSIX)


def refuse_own(file, room, header):
    """Why a header of ours may not be included here, or None."""
    if room == "":
        return f"the public header must stand alone, without '{header}'"
    if header == "mpifetch.h":
        if room in ("app", "doctor"):
            return None
        return "only app and doctor may include the public 'mpifetch.h'"
    other = header.rpartition("/")[0]
    if other not in LEVEL:
        return f"'{header}' names no room: write it from src/, as in \"core/plan/plan.h\""
    if LEVEL[other] > LEVEL[TOP.get(file, room)]:
        return f"'{header}' is in a room above {room}"
    if header in CLOSED.get(room, ()):
        return f"{room} may not see '{header}'"
    return None


def check_includes(root, file, room, text):
    own_header = file[:-1] + "h"
    expects_own = file.endswith(".c") and (root / own_header).exists()
    for number, line in joined_lines(strip(text, strings=True)):
        if not re.match(r"\s*#\s*include\b", line):
            continue
        match = INCLUDE.match(line)
        if not match:
            yield Finding(file, number, "this include cannot be read")
            continue
        outside, own = match.groups()
        if expects_own and own != own_header.removeprefix("src/"):
            yield Finding(file, number, "a source file includes its own header first")
        expects_own = False
        if outside and not is_granted(file, room, outside):
            yield Finding(file, number, f"<{outside}> is not granted to {room or file}")
        reason = own and refuse_own(file, room, own)
        if reason:
            yield Finding(file, number, reason)


def check_macros(file, text):
    for number, line in joined_lines(strip(text, strings=True)):
        match = MACRO.match(line)
        if match and match[1] != "countof" and not ATTRIBUTE_BODY.fullmatch(match[3]):
            yield Finding(file, number, f"'{match[1]}' is a macro: make it a function")


def check_words(file, room, text):
    for number, line in enumerate(strip(text, strings=False).split("\n"), 1):
        for match in BANNED.finditer(line):
            word = match[1] or match[2]
            if word not in BANNED_BUT.get(file, ()):
                yield Finding(file, number, f"'{word}' is banned everywhere")
        if not is_pure(file, room):
            continue
        line = ATTRIBUTES.sub("", line)  # format(printf, ...) prints nothing
        for pattern, what in (STREAMS, "streams"), (WORLD, "the world"):
            for match in pattern.finditer(line):
                word = match[0].rstrip("( ")
                yield Finding(file, number, f"'{word}': {room} does not know {what}")
    for number, line in enumerate(text.split("\n"), 1):
        match = LEFTOVER.search(line)
        if match:
            yield Finding(file, number, f"'{match[1]}': do it, or make it an issue")


def check_length(file, text):
    lines = text.count("\n")
    if lines > MOST_LINES:
        yield Finding(file, lines, f"more than {MOST_LINES} lines: find the second noun")
    elif lines > WARN_LINES:
        yield Finding(file, lines, f"more than {WARN_LINES} lines", fatal=False)


def check_file(root, path):
    file = path.relative_to(root).as_posix()
    room = room_of(file)
    text = path.read_text(encoding="utf-8")
    if room is None:
        yield Finding(file, 1, "the file is in no room: " + ", ".join(LEVEL))
        return
    yield from check_includes(root, file, room, text)
    yield from check_macros(file, text)
    yield from check_words(file, room, text)
    yield from check_length(file, text)


def read_units(root, paths):
    """Includes between files, and uses between units."""
    texts = {p.relative_to(root).as_posix(): p.read_text(encoding="utf-8") for p in paths}
    includes = units.includes({f: strip(text, strings=True) for f, text in texts.items()})
    uses = units.uses(
        {f: strip(text, strings=False) for f, text in texts.items()},
        units.closure(includes),
    )
    return includes, uses


def check_circles(root, paths):
    includes, uses = read_units(root, paths)
    for files in units.circles(includes):
        yield Finding(files[0], 1, "include each other: " + ", ".join(files))
    for names in units.circles(uses):
        calls = [
            f"{a} uses {sorted(uses[a][b])[0]} of {b}" for a in names for b in uses[a] if b in names
        ]
        file = "src/" + names[0] + ".c"
        yield Finding(file, 1, "a circle of units: " + ", ".join(calls))


def print_graph(uses):
    for unit in sorted(uses):
        print(unit + ":", " ".join(sorted(uses[unit])))


def main():
    args = [arg for arg in sys.argv[1:] if arg != "--graph"]
    root = Path(args[0] if args else Path(__file__).parents[1]).resolve()
    paths = sorted(p for top in ("src", "include") for p in (root / top).rglob("*.[ch]"))
    if "--graph" in sys.argv[1:]:
        print_graph(read_units(root, paths)[1])
        return 0
    findings = [finding for path in paths for finding in check_file(root, path)]
    findings += check_circles(root, paths)
    if not paths:
        print(f"{root}: no C file below src or include", file=sys.stderr)
    for finding in findings:
        print(finding, file=sys.stderr)
    return int(not paths or any(finding.fatal for finding in findings))


if __name__ == "__main__":
    sys.exit(main())
