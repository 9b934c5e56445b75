"""layers.py on trees that break one rule each: every rule must be able to say no."""

import contextlib
import io
import subprocess
import sys
from types import SimpleNamespace
from unittest import mock

import layers
import pytest


def check(root, files):
    """Within this process: to begin one takes ten times as long as to check so little."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    said = io.StringIO()
    with mock.patch.object(sys, "argv", ["layers.py", str(root)]), contextlib.redirect_stderr(said):
        code = layers.main()
    return SimpleNamespace(returncode=code, stderr=said.getvalue())


REFUSED = {
    # file, text, line, a word of the sentence
    "core above itself": ("src/core/plan/a.c", '#include "io/fs/fs.h"\n', 1, "above core/plan"),
    "base above itself": ("src/base/a.h", '\n#include "core/plan/plan.h"\n', 2, "above base"),
    "io above itself": ("src/io/a.c", '#include "ranks/agree.h"\n', 1, "above io"),
    "spaces in include": ("src/core/plan/a.c", '  #  include   "io/fs/fs.h"\n', 1, "above core/plan"),
    "behind a comment": ("src/core/plan/a.c", '/* x\n*/ #include "io/fs/fs.h"\n', 2, "above"),
    "continued include": ("src/core/plan/a.c", '#include \\\n"io/fs/fs.h"\n', 1, "above core/plan"),
    "computed include": ("src/core/plan/a.c", "#include NAME\n", 1, "cannot be read"),
    "no room in name": ("src/core/plan/a.c", '#include "plan.h"\n', 1, "names no room"),
    "plan above itself": ("src/core/plan/a.h", '#include "core/sched/sched.h"\n', 1, "above"),
    "ranks above itself": ("src/ranks/a.h", '#include "staging/staging.h"\n', 1, "above"),
    "app above itself": ("src/app/get.c", '#include "doctor/doctor.h"\n', 1, "above app"),
    "io/http above itself": ("src/io/http/a.c", '#include "io/mpi/comm.h"\n', 1, "above"),
    "source sees comm": ("src/source/a.c", '#include "io/mpi/comm.h"\n', 1, "may not see"),
    "fetch sees MPI": ("src/fetch/a.c", '#include "io/mpi/comm_mpi.h"\n', 1, "may not see"),
    "doctor sees curl": ("src/doctor/a.c", "#include <curl/curl.h>\n", 1, "<curl/curl.h>"),
    "jansson in doctor": ("src/doctor/a.c", "#include <jansson.h>\n", 1, "<jansson.h>"),
    "POSIX in a verdict": ("src/doctor/verdict.c", "#include <fcntl.h>\n", 1, "<fcntl.h>"),
    "printf in advice": ("src/doctor/advice.c", 'printf("x");\n', 1, "'printf'"),
    "lock in doctor": ("src/doctor/a.c", "flock(fd, LOCK_EX);\n", 1, "'flock'"),
    "mpifetch.h below app": ("src/fetch/a.c", '#include "mpifetch.h"\n', 1, "only app"),
    "mpifetch.h not alone": ("include/mpifetch.h", '#include "base/a.h"\n', 1, "alone"),
    "unistd in base": ("src/base/text.c", "#include <unistd.h>\n", 1, "<unistd.h>"),
    "time in core": ("src/core/plan/a.c", "#include <time.h>\n", 1, "<time.h>"),
    "threads in core": ("src/core/plan/a.c", "#include <pthread.h>\n", 1, "<pthread.h>"),
    "curl in fs": ("src/io/fs/fs.c", "#include <curl/curl.h>\n", 1, "<curl/curl.h>"),
    "curl in header": ("src/io/http/http.h", "#include <curl/curl.h>\n", 1, "<curl/curl.h>"),
    "mpi in comm.h": ("src/io/mpi/comm.h", "#include <mpi.h>\n", 1, "<mpi.h>"),
    "openssl in cred": ("src/io/credentials.c", "#include <openssl/crypto.h>\n", 1, "openssl"),
    "xxhash in pool": ("src/io/pool.c", "#include <xxhash.h>\n", 1, "<xxhash.h>"),
    "jansson in core": ("src/core/plan/a.c", "#include <jansson.h>\n", 1, "<jansson.h>"),
    "jansson in fetch": ("src/fetch/a.c", "#include <jansson.h>\n", 1, "<jansson.h>"),
    "POSIX in source": ("src/source/a.c", "#include <sys/stat.h>\n", 1, "<sys/stat.h>"),
    "unistd in fetch": ("src/fetch/a.c", "#include <unistd.h>\n", 1, "<unistd.h>"),
    "curl in app": ("src/app/main.c", "#include <curl/curl.h>\n", 1, "<curl/curl.h>"),
    "unknown header": ("src/io/a.c", "#include <gmp.h>\n", 1, "<gmp.h>"),
    "stray file": ("src/util.c", "\n", 1, "in no room"),
    "stray folder": ("src/misc/util.c", "\n", 1, "in no room"),
    "printf in core": ("src/core/plan/a.c", 'void f(void) { printf("x"); }\n', 1, "'printf'"),
    "getenv in core": ("src/core/plan/a.c", 'getenv("HOME");\n', 1, "'getenv'"),
    "FILE in base": ("src/base/a.c", "\n\nvoid f(FILE *f);\n", 3, "'FILE'"),
    "stderr in core": ("src/core/plan/a.c", "g(stderr);\n", 1, "'stderr'"),
    "strcpy": ("src/io/a.c", "strcpy (a, b);\n", 1, "'strcpy'"),
    "strcat": ("src/app/a.c", "strcat(a, b);\n", 1, "'strcat'"),
    "sprintf": ("src/base/a.c", 'sprintf(a, "%d", 1);\n', 1, "'sprintf'"),
    "gets": ("src/app/a.c", "gets(a);\n", 1, "'gets'"),
    "strtok": ("src/core/plan/a.c", 'strtok(a, ",");\n', 1, "'strtok'"),
    "atoi": ("src/core/plan/a.c", "atoi(a);\n", 1, "'atoi'"),
    "flock": ("src/io/a.c", "flock(fd, LOCK_EX);\n", 1, "'flock'"),
    "lockf": ("src/io/a.c", "lockf(fd, F_LOCK, 0);\n", 1, "'lockf'"),
    "fcntl lock": ("src/io/a.c", "fcntl(fd, F_SETLK, &l);\n", 1, "'F_SETLK'"),
    "fcntl lock, waiting": ("src/io/a.c", "fcntl(fd, F_SETLKW, &l);\n", 1, "'F_SETLKW'"),
    "open file lock": ("src/io/a.c", "fcntl(fd, F_OFD_SETLK, &l);\n", 1, "F_OFD_SETLK"),
    "macro, attribute": ("src/core/plan/a.h", "#define A(a) a __attribute__((x))\n", 1, "'A'"),
    "macro": ("src/core/plan/a.h", "#define MIN(a, b) ((a) < (b) ? (a) : (b))\n", 1, "'MIN'"),
    "macro, continued": ("src/core/plan/a.h", "#define DO(a) \\\n    f(a)\n", 1, "'DO'"),
    "to do": ("src/core/plan/a.c", "/* TODO: more */\n", 1, "'TODO'"),
    "fix me": ("src/core/plan/a.c", "int x; // FIXME\n", 1, "'FIXME'"),
    "501 lines": ("src/core/plan/a.c", "\n" * 501, 501, "more than 500"),
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
        "src/core/plan/a.h": "#include <stdint.h>\n",
        "src/core/plan/a.c": '#include <string.h>\n#include "core/plan/a.h"\n',
    }
    result = check(tmp_path, files)
    assert result.returncode == 1
    assert "src/core/plan/a.c:1: " in result.stderr and "own header first" in result.stderr
    files["src/core/plan/a.c"] = '#include "core/plan/a.h"\n\n#include <string.h>\n'
    assert check(tmp_path, files).returncode == 0


ALLOWED = {
    "src/base/log.c": "#include <unistd.h>\n",
    "src/base/text.h": "#define countof(array) (sizeof(array) / sizeof((array)[0]))\n",
    "src/base/err.h": "#define ERR_PRINTF(f, a) __attribute__((format(printf, f, a)))\n"
    "#define ERR_NOTHING(f, a)\n#define ERR_SIZE (4 + 5)\n",
    "src/core/plan/plan.c": '#include "base/err.h"\n#include <stdio.h>\n'
    'int n = snprintf(a, 4, "printf(%d) strcpy(", 1); /* FILE, printf(, atoi(x) */\n',
    "src/io/mpi/comm.c": "#include <mpi.h>\n",
    "src/io/mpi/comm_mpi.h": "#include <mpi.h>\n",
    "src/io/http/http.c": '#include <curl/curl.h>\n#include "core/sched/retry.h"\n',
    "src/io/sha256.c": "#include <openssl/sha.h>\n#include <xxhash.h>\n",
    "src/io/fs/fs.c": '#include <sys/stat.h>\n#include "io/clock.h"\n'
    'char name[] = "prefixXXXXXX"; FILE *f; strtok_r(a, b, c); snprintf(a, 1, "");\n',
    "src/source/hub.c": '#include <jansson.h>\n#include "io/http/http.h"\n',
    "src/report/report.c": "#include <jansson.h>\n#include <sys/types.h>\n",
    "src/fetch/worker.c": '#include "io/mpi/comm.h"\n#include "source/source.h"\n',
    "src/doctor/volume.c": '#include "app/session.h"\n#include <sys/quota.h>\n',
    "src/app/main.c": '#include <mpi.h>\n#include <getopt.h>\n#include "io/mpi/comm_mpi.h"\n'
    '#include "mpifetch.h"\n#include <unistd.h>\n#include "doctor/doctor.h"\n',
    "src/doctor/a.c": '#include "app/session.h"\n#include <fcntl.h>\n#include "mpifetch.h"\n',
    "src/doctor/lockprobe.c": "flock(fd, LOCK_EX); fcntl(fd, F_SETLK, &l);\n",
    "src/doctor/report.c": "#include <jansson.h>\n",
    "include/mpifetch.h": "#include <mpi.h>\n#include <stdint.h>\n",
}


def test_allowed(tmp_path):
    result = check(tmp_path, ALLOWED)
    assert result.stderr == ""
    assert result.returncode == 0


HEADER = {
    "src/fetch/a.h": "int a_begin(void);\n",
    "src/fetch/b.h": "int b_begin(void);\nint b_end(void);\n",
}
INCLUDES_A = '#include "fetch/a.h"\n#include "fetch/b.h"\n'
INCLUDES_B = '#include "fetch/b.h"\n#include "fetch/a.h"\n'
A = INCLUDES_A + "int a_begin(void)\n{\n    return b_begin();\n}\n"


@pytest.mark.parametrize(
    "use", ["a_begin()", "(int)sizeof(a_begin)", "1 + a_begin()", "run(\n        a_begin)"]
)
@pytest.mark.parametrize("result", ["int", "enum err_code", "FILE *", "const struct b *"])
def test_units_that_call_each_other(tmp_path, use, result):
    b = INCLUDES_B + result + " b_begin(void)\n{\n    return " + use + ";\n}\n"
    result = check(tmp_path, HEADER | {"src/fetch/a.c": A, "src/fetch/b.c": b})
    assert result.returncode == 1
    assert "a circle of units" in result.stderr
    assert "fetch/a uses b_begin of fetch/b" in result.stderr
    assert "fetch/b uses a_begin of fetch/a" in result.stderr


def test_a_circle_over_three_units_and_two_rooms(tmp_path):
    names = ["fetch/a", "fetch/b", "coordinate/c"]
    files = {}
    for i, name in enumerate(names):
        this, other = name.split("/")[1], names[(i + 1) % 3].split("/")[1]
        # the declaration comes by a header that both may see: order alone does not help
        files["src/coordinate/all.h"] = "int a(void);\nint b(void);\nint c(void);\n"
        files[f"src/{name}.c"] = (
            '#include "coordinate/all.h"\n'
            f"int {this}(void)\n{{\n    return {other}();\n}}\n"
        )
    result = check(tmp_path, files)
    assert result.returncode == 1
    assert "a circle of units" in result.stderr


@pytest.mark.parametrize(
    "body",
    [
        "return 0; /* a_begin() */",
        'return puts("a_begin()");',
        "return x.a_begins;",
        "return b_end();",
    ],
)
def test_units_in_order(tmp_path, body):
    b = INCLUDES_B + "int b_begin(void)\n{\n    " + body + "\n}\n"
    result = check(tmp_path, HEADER | {"src/fetch/a.c": A, "src/fetch/b.c": b})
    assert result.stderr == ""
    assert result.returncode == 0


def test_headers_that_include_each_other(tmp_path):
    files = {
        "src/fetch/a.h": '#include "fetch/b.h"\n',
        "src/fetch/b.h": '#include "fetch/a.h"\n',
    }
    result = check(tmp_path, files)
    assert result.returncode == 1
    assert "include each other: src/fetch/a.h, src/fetch/b.h" in result.stderr


def test_long_file_is_warned_of(tmp_path):
    result = check(tmp_path, {"src/core/plan/a.c": "\n" * 401})
    assert result.returncode == 0
    assert result.stderr == "src/core/plan/a.c:401: warning: more than 400 lines\n"


def test_nothing_to_read_is_a_failure(tmp_path):
    assert check(tmp_path, {}).returncode == 1


def test_what_a_shell_sees(tmp_path):
    check(tmp_path, {"src/util.c": "\n"})
    words = [sys.executable, layers.__file__, tmp_path]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, check(tmp_path, {}).stderr)
    assert "in no room" in done.stderr
