"""layers.py on trees that break one rule each: every rule must be able to say no."""

import subprocess
import sys
from pathlib import Path

import pytest

LAYERS = Path(__file__).parent.parent / "layers.py"


def check(root, files):
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return subprocess.run(
        [sys.executable, LAYERS, root], capture_output=True, text=True, check=False
    )


REFUSED = {
    # file, text, line, a word of the sentence
    "core above itself": ("src/core/a.c", '#include "io/fs.h"\n', 1, "above core"),
    "base above itself": ("src/base/a.h", '\n#include "core/plan.h"\n', 2, "above base"),
    "io above itself": ("src/io/a.c", '#include "phase/agree.h"\n', 1, "above io"),
    "spaces in include": ("src/core/a.c", '  #  include   "io/fs.h"\n', 1, "above core"),
    "behind a comment": ("src/core/a.c", '/* x\n*/ #include "io/fs.h"\n', 2, "above"),
    "continued include": ("src/core/a.c", '#include \\\n"io/fs.h"\n', 1, "above core"),
    "computed include": ("src/core/a.c", "#include NAME\n", 1, "cannot be read"),
    "no floor in name": ("src/core/a.c", '#include "plan.h"\n', 1, "names no floor"),
    "source sees comm": ("src/source/a.c", '#include "io/comm.h"\n', 1, "may not see"),
    "phase sees MPI": ("src/phase/a.c", '#include "io/comm_mpi.h"\n', 1, "may not see"),
    "mpifetch.h below app": ("src/phase/a.c", '#include "mpifetch.h"\n', 1, "only app"),
    "mpifetch.h not alone": ("include/mpifetch.h", '#include "base/a.h"\n', 1, "alone"),
    "unistd in base": ("src/base/text.c", "#include <unistd.h>\n", 1, "<unistd.h>"),
    "time in core": ("src/core/a.c", "#include <time.h>\n", 1, "<time.h>"),
    "threads in core": ("src/core/a.c", "#include <pthread.h>\n", 1, "<pthread.h>"),
    "curl in fs": ("src/io/fs.c", "#include <curl/curl.h>\n", 1, "<curl/curl.h>"),
    "curl in header": ("src/io/http.h", "#include <curl/curl.h>\n", 1, "<curl/curl.h>"),
    "mpi in comm.h": ("src/io/comm.h", "#include <mpi.h>\n", 1, "<mpi.h>"),
    "openssl in cred": ("src/io/cred.c", "#include <openssl/crypto.h>\n", 1, "openssl"),
    "xxhash in pool": ("src/io/pool.c", "#include <xxhash.h>\n", 1, "<xxhash.h>"),
    "jansson in core": ("src/core/a.c", "#include <jansson.h>\n", 1, "<jansson.h>"),
    "jansson in phase": ("src/phase/a.c", "#include <jansson.h>\n", 1, "<jansson.h>"),
    "POSIX in source": ("src/source/a.c", "#include <sys/stat.h>\n", 1, "<sys/stat.h>"),
    "unistd in phase": ("src/phase/a.c", "#include <unistd.h>\n", 1, "<unistd.h>"),
    "curl in app": ("src/app/main.c", "#include <curl/curl.h>\n", 1, "<curl/curl.h>"),
    "unknown header": ("src/io/a.c", "#include <gmp.h>\n", 1, "<gmp.h>"),
    "stray file": ("src/util.c", "\n", 1, "on no floor"),
    "stray folder": ("src/misc/util.c", "\n", 1, "on no floor"),
    "printf in core": ("src/core/a.c", 'void f(void) { printf("x"); }\n', 1, "'printf'"),
    "getenv in core": ("src/core/a.c", 'getenv("HOME");\n', 1, "'getenv'"),
    "FILE in base": ("src/base/a.c", "\n\nvoid f(FILE *f);\n", 3, "'FILE'"),
    "stderr in core": ("src/core/a.c", "g(stderr);\n", 1, "'stderr'"),
    "strcpy": ("src/io/a.c", "strcpy (a, b);\n", 1, "'strcpy'"),
    "strcat": ("src/app/a.c", "strcat(a, b);\n", 1, "'strcat'"),
    "sprintf": ("src/base/a.c", 'sprintf(a, "%d", 1);\n', 1, "'sprintf'"),
    "gets": ("src/app/a.c", "gets(a);\n", 1, "'gets'"),
    "strtok": ("src/core/a.c", 'strtok(a, ",");\n', 1, "'strtok'"),
    "atoi": ("src/core/a.c", "atoi(a);\n", 1, "'atoi'"),
    "flock": ("src/io/a.c", "flock(fd, LOCK_EX);\n", 1, "'flock'"),
    "lockf": ("src/io/a.c", "lockf(fd, F_LOCK, 0);\n", 1, "'lockf'"),
    "fcntl lock": ("src/io/a.c", "fcntl(fd, F_SETLK, &l);\n", 1, "'F_SETLK'"),
    "fcntl lock, waiting": ("src/io/a.c", "fcntl(fd, F_SETLKW, &l);\n", 1, "'F_SETLKW'"),
    "open file lock": ("src/io/a.c", "fcntl(fd, F_OFD_SETLK, &l);\n", 1, "F_OFD_SETLK"),
    "macro, attribute": ("src/core/a.h", "#define A(a) a __attribute__((x))\n", 1, "'A'"),
    "macro": ("src/core/a.h", "#define MIN(a, b) ((a) < (b) ? (a) : (b))\n", 1, "'MIN'"),
    "macro, continued": ("src/core/a.h", "#define DO(a) \\\n    f(a)\n", 1, "'DO'"),
    "to do": ("src/core/a.c", "/* TODO: more */\n", 1, "'TODO'"),
    "fix me": ("src/core/a.c", "int x; // FIXME\n", 1, "'FIXME'"),
    "501 lines": ("src/core/a.c", "\n" * 501, 501, "more than 500"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(tmp_path, name):
    file, text, line, word = REFUSED[name]
    result = check(tmp_path, {file: text})
    assert result.returncode == 1
    (sentence,) = result.stderr.splitlines()
    assert sentence.startswith(f"{file}:{line}: ")
    assert word in sentence


def test_own_header_first(tmp_path):
    files = {
        "src/core/a.h": "#include <stdint.h>\n",
        "src/core/a.c": '#include <string.h>\n#include "core/a.h"\n',
    }
    result = check(tmp_path, files)
    assert result.returncode == 1
    assert "src/core/a.c:1: " in result.stderr and "own header first" in result.stderr
    files["src/core/a.c"] = '#include "core/a.h"\n\n#include <string.h>\n'
    assert check(tmp_path, files).returncode == 0


ALLOWED = {
    "src/base/log.c": "#include <unistd.h>\n",
    "src/base/text.h": "#define countof(array) (sizeof(array) / sizeof((array)[0]))\n",
    "src/base/err.h": "#define ERR_PRINTF(f, a) __attribute__((format(printf, f, a)))\n"
    "#define ERR_NOTHING(f, a)\n#define ERR_SIZE (4 + 5)\n",
    "src/core/plan.c": '#include "base/err.h"\n#include <stdio.h>\n'
    'int n = snprintf(a, 4, "printf(%d) strcpy(", 1); /* FILE, printf(, atoi(x) */\n',
    "src/io/comm.c": "#include <mpi.h>\n",
    "src/io/comm_mpi.h": "#include <mpi.h>\n",
    "src/io/http.c": '#include <curl/curl.h>\n#include "core/retry.h"\n',
    "src/io/sha256.c": "#include <openssl/sha.h>\n#include <xxhash.h>\n",
    "src/io/fs.c": '#include <sys/stat.h>\n#include "io/clock.h"\n'
    'char name[] = "prefixXXXXXX"; FILE *f; strtok_r(a, b, c); snprintf(a, 1, "");\n',
    "src/source/hub.c": '#include <jansson.h>\n#include "io/http.h"\n',
    "src/phase/report.c": "#include <jansson.h>\n#include <sys/types.h>\n",
    "src/phase/worker.c": '#include "io/comm.h"\n#include "source/source.h"\n',
    "src/app/main.c": '#include <mpi.h>\n#include <getopt.h>\n#include "io/comm_mpi.h"\n'
    '#include "mpifetch.h"\n#include <unistd.h>\n',
    "include/mpifetch.h": "#include <mpi.h>\n#include <stdint.h>\n",
}


def test_allowed(tmp_path):
    result = check(tmp_path, ALLOWED)
    assert result.stderr == ""
    assert result.returncode == 0


def test_long_file_is_warned_of(tmp_path):
    result = check(tmp_path, {"src/core/a.c": "\n" * 401})
    assert result.returncode == 0
    assert result.stderr == "src/core/a.c:401: warning: more than 400 lines\n"


def test_nothing_to_read_is_a_failure(tmp_path):
    assert check(tmp_path, {}).returncode == 1
