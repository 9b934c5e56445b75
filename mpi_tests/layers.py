#!/usr/bin/env python3
"""Hold src/ and include/ to the tower of floors and to the house rules.

    layers.py [ROOT]      ROOT: the project, by default the one this file is in

Each finding is a line "file:line: sentence" on stderr; with one the exit code is 1.
Files over 400 lines are only warned of, those over 500 are refused.

Which outside header a file may use stands in GRANTS, which floor may speak of which in
FLOORS and CLOSED. Both follow section 6 of the design.
"""

import re
import sys
from pathlib import Path
from typing import NamedTuple

FLOORS = ["base", "core", "io", "source", "phase", "app"]

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
    (r"src/io/(comm\.c|comm_mpi\.h)", r"mpi\.h"),
    (r"src/io/(http(_wire)?|proxy)\.c", r"curl/\w+\.h"),
    (r"src/io/sha256\.c", r"openssl/\w+\.h|xxhash\.h"),
    (r"src/source/\w+\.[ch]", r"jansson\.h"),
    (r"src/phase/(report|record|trace|trees|exam_report)\.c", r"jansson\.h"),
    (r"src/io/volume\.c", r"sys/quota\.h"),
    (r"src/io/(acts|program)\.c", r"sys/prctl\.h"),
    (r"src/phase/\w+\.[ch]", r"sys/types\.h"),
    (r"src/app/\w+\.[ch]", r"mpi\.h"),
    (r"include/mpifetch\.h", r"mpi\.h"),
]

# Own headers that a floor may not see although they are below it.
CLOSED = {
    "source": {"io/comm.h", "io/comm_mpi.h"},
    "phase": {"io/comm_mpi.h"},
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
BANNED_BUT = {"src/io/lockprobe.c": {"flock", "F_SETLK", "F_OFD_SETLK"}}
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


def floor_of(file):
    """The floor a file is on; "" for the public header; None for a stray one."""
    parts = file.split("/")
    if parts[0] == "include":
        return ""
    return parts[1] if len(parts) == 3 and parts[1] in FLOORS else None


def is_granted(file, floor, header):
    for files, headers in GRANTS:
        if re.fullmatch(files, file) and re.fullmatch(headers, header):
            return True
    if floor == "core":
        return header in CORE_STANDARD
    return header in C_STANDARD or (floor in ("io", "app") and header in POSIX)


def refuse_own(floor, header):
    """Why a header of ours may not be included here, or None."""
    if floor == "":
        return f"the public header must stand alone, without '{header}'"
    if header == "mpifetch.h":
        return None if floor == "app" else "only app may include the public 'mpifetch.h'"
    other = header.split("/")[0]
    if "/" not in header or other not in FLOORS:
        return f"'{header}' names no floor: write it from src/, as in \"core/plan.h\""
    if FLOORS.index(other) > FLOORS.index(floor):
        return f"'{header}' is on a floor above {floor}"
    if header in CLOSED.get(floor, ()):
        return f"{floor} may not see '{header}'"
    return None


def check_includes(root, file, floor, text):
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
        if outside and not is_granted(file, floor, outside):
            yield Finding(file, number, f"<{outside}> is not granted to {floor or file}")
        reason = own and refuse_own(floor, own)
        if reason:
            yield Finding(file, number, reason)


def check_macros(file, text):
    for number, line in joined_lines(strip(text, strings=True)):
        match = MACRO.match(line)
        if match and match[1] != "countof" and not ATTRIBUTE_BODY.fullmatch(match[3]):
            yield Finding(file, number, f"'{match[1]}' is a macro: make it a function")


def check_words(file, floor, text):
    for number, line in enumerate(strip(text, strings=False).split("\n"), 1):
        for match in BANNED.finditer(line):
            word = match[1] or match[2]
            if word not in BANNED_BUT.get(file, ()):
                yield Finding(file, number, f"'{word}' is banned everywhere")
        if floor not in ("base", "core"):
            continue
        line = ATTRIBUTES.sub("", line)  # format(printf, ...) prints nothing
        for pattern, what in (STREAMS, "streams"), (WORLD, "the world"):
            for match in pattern.finditer(line):
                word = match[0].rstrip("( ")
                yield Finding(file, number, f"'{word}': {floor} does not know {what}")
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
    floor = floor_of(file)
    text = path.read_text(encoding="utf-8")
    if floor is None:
        yield Finding(file, 1, "the file is on no floor: " + ", ".join(FLOORS))
        return
    yield from check_includes(root, file, floor, text)
    yield from check_macros(file, text)
    yield from check_words(file, floor, text)
    yield from check_length(file, text)


def main():
    root = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parents[1]).resolve()
    paths = sorted(p for top in ("src", "include") for p in (root / top).rglob("*.[ch]"))
    findings = [finding for path in paths for finding in check_file(root, path)]
    if not paths:
        print(f"{root}: no C file below src or include", file=sys.stderr)
    for finding in findings:
        print(finding, file=sys.stderr)
    return int(not paths or any(finding.fatal for finding in findings))


if __name__ == "__main__":
    sys.exit(main())
