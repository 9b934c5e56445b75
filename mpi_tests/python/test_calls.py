"""The functions of the Python package, on one rank and on several."""

import json
import os
import re
import signal
import subprocess
from pathlib import Path

import pytest
from conftest import MIB, noise
from installed import answers
from job import ROOT
from trees import digests, files_of

pytest_plugins = "installed"

FILES = {
    "model.safetensors": noise(5 * MIB + 3, 1),
    "config.json": b'{"layers": 2}\n',
    "a/b/deep.txt": b"deep\n",
    "empty": b"",
    ".gitattributes": b"*.safetensors filter=lfs\n",
}
TOKEN = "hf_owner"


@pytest.fixture
def env(hub, tmp_path):
    return {**hub.env, "HF_HOME": str(tmp_path / "hf"), "HF_HUB_DISABLE_XET": "1"}


def same(one, other):
    assert digests(files_of(one)) == digests(files_of(other))


# get and verify


@pytest.mark.parametrize("ranks", [0, 1, 3])
def test_get_and_verify(ask, hub, tree, env, dest, ranks):
    """The report says what came; the second call finds it there."""
    code = """
import mpifetch
for turn in range(2):
    told(mpifetch.get, "hf://acme/demo", sys.argv[1])
told(mpifetch.verify, sys.argv[1])
"""
    first, again, verified = [row["value"] for row in ask(ranks, code, dest, env=env)]
    same(dest, tree)
    size = sum(map(len, FILES.values()))
    for report in (first, again, verified):
        assert report["path"] == str(dest) and report["bytes"] == size, report
        assert report["files"] == len(FILES) and report["status"] == 0, report
        assert (report["error"], report["reason"], report["lost"]) == ("", "none", False)
    assert first["bytes_fetched"] >= size and first["unchanged"] is False
    assert again["bytes_fetched"] == 0 and again["unchanged"] is True
    assert len(hub.log("api-tree")) <= 2


def test_several(begin, hub, tree, env, tmp_path):
    """Each at a place of its own, or in a cache; of what fails all know what came of each."""
    hub.add("acme/other", tree)
    code = """
import mpifetch, pickle
def paths(sources, **options):
    tell([report.path for report in mpifetch.get_several(sources, **options)])
one, two, none = (f"hf://acme/{name}" for name in ("demo", "other", "none"))
root = sys.argv[1]
paths([one, two, one], into=root)
paths((name for name in (one, two)), cache_dir=root + "/cache")
paths({one: root + "/x", "file://" + sys.argv[2]: root + "/y"}, no_sync=True)
try:
    mpifetch.get_several([one, none, two], into=root + "/none")
except mpifetch.SourceError as error:
    again = pickle.loads(pickle.dumps(error))
    tell([type(error).__name__, error.url, [[row.status, row.rank] for row in again.reports]])
for wrong in ((one, {}), (3, {}), ([], {}), ({one: "x"}, {"cache_dir": root}), ([one], {})):
    told(mpifetch.get_several, wrong[0], **wrong[1])
mine = RANK == 1
told(mpifetch.get_several, 3 if mine else [one], into=root)
"""
    job = begin(2, code, tmp_path / "all", tree, env=env)
    result = job.wait()
    assert result.code == 0, result
    first, second = answers(job, 2)
    assert first[:-1] == second[:-1]
    into, cache, dests, failed, *wrong = first
    root = tmp_path / "all"
    assert into == [str(root / "acme" / name) for name in ("demo", "other")]
    assert [Path(path).parts[-3] for path in cache] == ["models--acme--demo", "models--acme--other"]
    assert dests == [str(root / "x"), str(root / "y")]
    for path in into + cache + dests:
        same(path, tree)
    assert failed[0] == "RepositoryNotFoundError" and failed[1].endswith("/api/models/acme/none")
    assert failed[2] == [[3, -1], [3, 0], [3, -1]]
    kinds = ["TypeError", "TypeError", "ValueError", "TypeError", "UsageError", "UsageError"]
    assert [row["kinds"][0].split(".")[1] for row in wrong] == kinds
    assert second[-1]["kinds"][0] == "builtins.TypeError"


def test_options(ask, env, tree, tmp_path):
    """Of each type that the struct has: words for an enum, lists, numbers, switches, paths."""
    code = """
import mpifetch, pathlib
done = mpifetch.get(
    "file://" + sys.argv[1], pathlib.Path(sys.argv[2]), records="beside",
    include=["*.txt", "*.json"], exclude="config.*", segment_size=1 << 20, retry_delay=0.5,
    no_sync=True, scratch=None, report=sys.argv[2] + ".json",
)
tell(done.files)
for wrong in (
    {"records": "nowhere"}, {"no_such": 1}, {"dest": "x"}, {"segment_size": 2**70},
    {"user": "me:secret\\0"}, {"connections": "many"}, {"include": 3},
):
    try:
        mpifetch.get("file:///x", "/x", **wrong)
    except Exception as error:
        tell([type(error).__name__, str(error)])
"""
    dest = tmp_path / "out"
    files, *wrong = ask(2, code, tree, dest, env=env)
    assert files == 1 and set(files_of(dest)) == {"a/b/deep.txt"}
    assert (tmp_path / ".out.mpifetch").is_dir()
    assert json.loads((tmp_path / "out.json").read_text())["plan"]["files"] == 1
    kinds = "ValueError TypeError TypeError ValueError ValueError TypeError TypeError"
    assert [kind for kind, _ in wrong] == kinds.split()
    names = "records no_such dest segment_size user connections include"
    assert all(name in said for name, (_, said) in zip(names.split(), wrong)), wrong
    assert "beside" in wrong[0][1] and "secret" not in wrong[4][1]


def test_one_rank_is_wrong(begin, env, tree, dest):
    """What one rank cannot even ask for ends the call of all: nobody waits for it, and the next
    call works."""
    code = """
import mpifetch
mine = RANK == 1
told(mpifetch.verify, sys.argv[1], **({"no_such": 1} if mine else {}))
told(mpifetch.snapshot_download, "acme/demo@main" if mine else "acme/demo")
told(mpifetch.snapshot_download, "acme/demo", token=7 if mine else None)
told(mpifetch.get, "hf://acme/demo", sys.argv[1] + "\\0" * mine)
told(mpifetch.get, "hf://acme/demo", sys.argv[1])
"""
    job = begin(2, code, dest, env=env)
    result = job.wait()
    assert result.code == 0, result
    [*others, done], [*wrong, same] = answers(job, 2)
    assert done == same and done["value"]["path"] == str(dest)
    kinds = ["TypeError", "ValueError", "TypeError", "ValueError"]
    for kind, here, there in zip(kinds, wrong, others):
        assert here["kinds"][0] == f"builtins.{kind}", here
        assert there["kinds"][0] == "mpifetch.UsageError", there
        assert there["error"] == f"rank 1: {kind}: {here['error']}"


def test_rank_that_ends(begin, env, tree, dest):
    """An exception of one rank that nobody catches ends the job, while another waits for it."""
    code = """
import mpifetch
told(mpifetch.get, "hf://acme/demo", sys.argv[1])
if RANK == 1:
    raise LookupError("of this rank")
mpifetch.verify(sys.argv[1])
"""
    job = begin(2, code, dest, env=env)
    result = job.wait()
    assert result.code == 1 and "LookupError: of this rank" in result.err, result


def test_forked(ask, dest):
    """MPI is that of the parent: a child makes no call, and leaves MPI as it is at its end."""
    code = """
import mpifetch
told(mpifetch.verify, sys.argv[1])
child = os.fork()
told(mpifetch.verify, sys.argv[1])
if child:
    tell(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
else:
    sys.exit(5)
"""
    answers = ask(1, code, dest)
    kinds = sorted(one["kinds"][0] for one in answers[:-1])
    assert kinds == ["mpifetch.DestinationError"] * 2 + ["mpifetch.UsageError"], answers
    assert answers[-1] == 5


def test_command_for_a_job(python):
    """What an error shows of a call: the whole command that does the same, and no secret."""
    code = """
import json
from mpifetch import _options
print(json.dumps(_options.command("hf://a/b", None, {
    "layout": "hf-cache", "include": ["*.json", "a?"], "revision": "v1", "headers": ["A: secret"],
    "endpoint": "https://me:secret@mirror", "user": "me:secret",
})))
"""
    done = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == [
        *("python", "-m", "mpifetch", "get", "--revision=v1", "--include=*.json", "--include=a?"),
        *("--endpoint=https://mirror", "--layout=hf-cache", "hf://a/b"),
    ]


def test_no_member_is_forgotten(python):
    """What mpifetch.h has, the hints have: members of both structs, in words that a reader of the
    header knows."""
    code = """
import ast, inspect, json, sys
from mpifetch import _options, _call
hints = ast.parse(inspect.getsource(_options))
[options] = [n for n in ast.walk(hints) if isinstance(n, ast.ClassDef) and n.name == "Options"]
ffi = _options.ffi
print(json.dumps([
    sorted(_options.FIELDS),
    sorted(n.target.id for n in options.body if isinstance(n, ast.AnnAssign)),
    sorted(dict(ffi.typeof("struct mpifetch_report").fields)), sorted(_call.Report.__annotations__),
]))
"""
    done = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True)
    members, options, counted, report = json.loads(done.stdout)
    assert members == options
    assert counted == report
    header = (ROOT / "include" / "mpifetch.h").read_text()
    [body] = re.findall(r"^struct mpifetch_options \{(.*?)^\};", header, re.DOTALL | re.MULTILINE)
    assert all(re.search(rf"\b{name}\b", body) for name in members)


# communicators


def test_part_of_the_ranks(ask, env, tree, tmp_path):
    """Even and odd ranks of mpi4py's communicator fetch side by side, each to a place of its own;
    and MPI goes on working."""
    code = """
from mpi4py import MPI
import mpifetch
world = MPI.COMM_WORLD
mine = world.Split(world.rank % 2, -world.rank)
done = mpifetch.get("hf://acme/demo", f"{sys.argv[1]}-{world.rank % 2}", comm=mine)
assert mpifetch.verify(done.path, comm=mine).files == done.files
alone = mpifetch.verify(done.path, comm=MPI.COMM_SELF)
tell([world.allreduce(mine.size), alone.files, sorted(world.allgather(done.path))])
"""
    [[sizes, files, paths]] = ask(4, code, tmp_path / "out", env=env)
    assert sizes == 8 and files == len(FILES)
    assert paths == 2 * [f"{tmp_path}/out-0"] + 2 * [f"{tmp_path}/out-1"]
    same(paths[0], tree)
    same(paths[2], tree)


def test_no_communicator(ask):
    code = """
import mpifetch
told(mpifetch.verify, "/nowhere", comm=7)
from mpi4py import MPI
told(mpifetch.verify, "/nowhere", comm="world")
world = MPI.COMM_WORLD
told(mpifetch.verify, "/nowhere", comm=MPI.COMM_NULL)
halves = world.Split(world.rank).Create_intercomm(0, world, 1 - world.rank)
told(mpifetch.verify, "/nowhere", comm=halves)
halves.Free()
MPI.Finalize()
told(mpifetch.verify, "/nowhere", comm=world)
"""
    *types, null, halves, late = ask(2, code)
    for answer in types:
        assert answer["kinds"][0] == "builtins.TypeError", answer
    assert null["kinds"][0] == "mpifetch.UsageError" and "COMM_NULL" in null["error"]
    assert halves["kinds"][0] == "mpifetch.UsageError" and "intercomm" in halves["error"]
    assert late["kinds"][0] == "mpifetch.MpifetchError" and "finalized" in late["error"]


def test_another_mpi(ask):
    """A communicator of another library than ours is refused, not taken for an address."""
    code = """
from mpi4py import MPI
import mpifetch
told(mpifetch.verify, "/nowhere", comm=MPI.COMM_WORLD)
MPI.Get_library_version = lambda: "Other MPI 7"
told(mpifetch.verify, "/nowhere", comm=MPI.COMM_WORLD)
"""
    same, other = ask(1, code)
    assert same["kinds"][0] == "mpifetch.DestinationError", same
    assert other["kinds"][0] == "mpifetch.UsageError" and "Other MPI 7" in other["error"]


def test_threads(ask):
    """A thread that did not initialise MPI may not call it, where MPI does not allow for that."""
    code = """
import threading, mpifetch
told(mpifetch.verify, "/nowhere")
other = threading.Thread(target=told, args=(mpifetch.verify, "/nowhere"))
other.start()
other.join()
"""
    here, there = ask(1, code)
    assert here["kinds"][0] == "mpifetch.DestinationError", here
    assert there["kinds"][0] == "mpifetch.UsageError" and "thread" in there["error"]


def test_others_run_meanwhile(begin, hub, env, tree, dest, tmp_path):
    """The interpreter is free during a call: a thread of it works while the source keeps it
    waiting."""
    code = """
import threading, time, mpifetch
def answer():
    while not os.path.exists(sys.argv[2] + "/asked"):
        time.sleep(0.01)
    open(sys.argv[2] + "/answered", "w").close()
threading.Thread(target=answer).start()
tell(mpifetch.get("hf://acme/demo", sys.argv[1]).files)
"""
    trouble = hub.trouble(kind="cdn", hold=True)
    job = begin(1, code, dest, tmp_path, env=env)
    assert hub.troubles.wait(trouble)
    (tmp_path / "asked").touch()
    job.wait_until((tmp_path / "answered").exists)
    hub.troubles.release()
    assert job.wait().code == 0 and answers(job, 1) == [[len(FILES)]]


# signals


WAITS = """
import signal, mpifetch
def mine(number, frame):
    raise LookupError("of the caller")
signal.signal(signal.SIGUSR2, mine)
with open(f"{os.environ['TOLD']}.pid.{RANK}", "w") as out:
    print(os.getpid(), file=out)
told(mpifetch.get, "hf://acme/demo", sys.argv[1])
tell([str(signal.getsignal(signal.SIGTERM)), signal.getsignal(signal.SIGUSR2) is mine])
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGUSR2])
def test_interrupted(begin, hub, tree, env, dest, number):
    """A signal to one rank while the source keeps all waiting: each has KeyboardInterrupt, or
    where a handler raises something else that, and the handlers that there were are there
    again."""
    trouble = hub.trouble(kind="cdn", hold=True)
    job = begin(3, WAITS, dest, env=env)
    assert hub.troubles.wait(trouble)
    os.kill(int(Path(f"{job.told}.pid.1").read_text()), number)
    result = job.wait()
    assert result.code == 0, result
    for rank, (answer, after) in enumerate(answers(job, 3)):
        if number == signal.SIGUSR2 and rank == 1:
            assert answer["kinds"][0] == "builtins.LookupError"
        else:
            assert answer["kinds"][0] == "mpifetch.Interrupted", answer
            assert "builtins.KeyboardInterrupt" in answer["kinds"]
            assert "builtins.Exception" not in answer["kinds"]
            assert (answer["status"], answer["rank"]) == (7, 1)
        assert after == [str(signal.SIG_DFL), True]
    assert not dest.exists()


@pytest.mark.parametrize("owner", ["mpifetch", "mpi4py.MPI"])
def test_lost_rank(begin, hub, tree, env, dest, owner):
    """A rank that has stopped: the other one is told of it. MPI is of no use any more, and its
    program ends without, whoever initialised it."""
    code = f"import {owner}" + """
import mpifetch
with open(f"{os.environ['TOLD']}.pid.{RANK}", "w") as out:
    print(os.getpid(), file=out)
try:
    mpifetch.get("hf://acme/demo", sys.argv[1], rank_timeout=2)
except mpifetch.RankLostError as error:
    tell([error.status, error.reason, error.report.lost, isinstance(error, KeyboardInterrupt)])
    tell("done")
"""
    trouble = hub.trouble(kind="cdn", hold=True)
    job = begin(2, code, dest, env=env)
    assert hub.troubles.wait(trouble)
    os.kill(int(Path(f"{job.told}.pid.1").read_text()), signal.SIGSTOP)
    hub.troubles.release()
    job.wait_until(lambda: answers(job, 1)[0][1:] == ["done"])
    assert answers(job, 1) == [[[7, "rank-lost", True, False], "done"]]
    assert not dest.exists()
    if owner != "mpifetch":  # else the launcher waits, without a word from either
        assert job.wait().code != 0
