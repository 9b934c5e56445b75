"""snapshot_download against that of the real huggingface_hub: the same script with the one and with
the other, and the exceptions of that library caught by name around ours."""

import json
import subprocess

import pytest
from conftest import noise
from installed import BASE, CLIENTS, answers, packages_of
from job import PATIENCE
from readers import VERSIONS, environment
from trees import digests, files_of, sha256_of, write_tree

pytest_plugins = "installed"

FILES = {
    "model.safetensors": noise(2_000_003, 1),
    "config.json": b'{"layers": 2}\n',
    "a/b/deep.txt": b"deep\n",
    "empty": b"",
    "names/with space.txt": b"space\n",
    ".gitattributes": b"*.safetensors filter=lfs\n",
}
TOKEN = "hf_owner"


@pytest.fixture
def place(hub, tmp_path):
    """place(name) -> environment of a script with a home of its own."""
    hub.set(need_query=False)  # their library drops it

    def make(name, **more):
        home = tmp_path / name
        home.mkdir(exist_ok=True)
        return environment(home, hub, **more)

    return make


def ask_theirs(code, env):
    """What a script tells with the real library."""
    script = "import json\ndef tell(value): print(json.dumps(value))\n" + code
    done = subprocess.run(
        [BASE, "-c", script],
        env=env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def everything(root):
    """A cache: what its files hold, and where its links lead; not its locks, and not listings,
    which tell of times."""
    found = {}
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root).as_posix()
        if ".locks/" in name or "/trees/" in name:
            continue
        if path.is_symlink():
            found[name] = path.readlink().as_posix()
        elif path.is_file():
            found[name] = sha256_of(path.read_bytes())
    return found


SAME = [
    # where it goes, arguments
    ("cache", ""),
    ("cache_dir", "revision='v1'"),
    ("local_dir", ""),
    ("local_dir", "force_download=True, tqdm_class=__import__('tqdm').tqdm"),
    ("cache", "allow_patterns=['*.json', '*.txt'], ignore_patterns='a/*'"),
    ("cache", "allow_patterns='*.safetensors', max_workers=2, force_download=True"),
    ("cache", "repo_type='dataset', token=False"),
    ("cache", f"token='{TOKEN}', tqdm_class=__import__('tqdm').tqdm"),
]


def of_case(number, found):
    """Without what is for other cases: theirs notes also in the cache of what branch a local_dir
    came."""
    others = [f"--demo-{other}/" for other in range(len(SAME)) if other != number]
    return {name: what for name, what in found.items() if not any(one in name for one in others)}


def words_of(number, home):
    """A case's arguments, and the directory that it fills below home."""
    where, arguments = SAME[number]
    root = home / ("hf/hub" if where == "cache" else f"{where}-{number}")
    given = [f"'acme/demo-{number}'", where != "cache" and f"{where}={str(root)!r}", arguments]
    return ", ".join(filter(None, given)), root


def test_same(ask, hub, tree, place, tmp_path):
    """Trees and return values are those of the real one, on every rank, with the Hub and then
    without: scripts that differ by one import."""
    hub.set(tokens={TOKEN})
    for number, (_, arguments) in enumerate(SAME):
        name = f"{'datasets/' if 'dataset' in arguments else ''}acme/demo-{number}"
        hub.add(name, tree, private=TOKEN in arguments, granted={TOKEN})
        hub.add(name, tree, ref="v1")
    found = {}
    for name in ("huggingface_hub", "mpifetch"):
        cases = [words_of(number, tmp_path / name) for number in range(len(SAME))]
        code = f"from {name} import snapshot_download\n"
        for words, _ in cases:
            code += f"tell(snapshot_download({words}))\n"
            code += f"tell(snapshot_download({words}, local_files_only=True))\n"
        env = place(name)
        told = ask(2, code, env=env) if name == "mpifetch" else ask_theirs(code, env)
        assert len(told) == 2 * len(SAME)
        found[name] = [
            (
                SAME[number],
                [path.replace(str(root), "ROOT") for path in told[2 * number : 2 * number + 2]],
                of_case(number, everything(root))
                if where != "local_dir"
                else digests(files_of(root)),
            )
            for number, ((where, _), (_, root)) in enumerate(zip(SAME, cases))
        ]
    for theirs, ours in zip(found["huggingface_hub"], found["mpifetch"]):
        assert ours == theirs
        assert len(ours[2]) > 1 and ours[1][0].startswith("ROOT")


def test_force_download(ask, hub, tree, place):
    """What is there is fetched again with it, and is not without."""
    code = """
import mpifetch, urllib.request
del os.memfd_create  # which a Python for an old C library does not have
for force in (False, False, True):
    mpifetch.snapshot_download("acme/demo", force_download=force, token=False)
    tell(len([1 for line in urllib.request.urlopen(os.environ["HF_ENDPOINT"] + "/_control/log")
              if json.loads(line)["kind"] == "cdn"]))
"""
    first, second, third = ask(1, code, env=place("home"))
    assert first == second > 0 and third == 2 * first


def test_bar(begin, hub, tree, place):
    """A tqdm class is made on rank 0 alone, told of all bytes once, and closed."""
    code = """
import mpifetch
class Bar:
    def __init__(self, **named):
        tell(named)
        self.total, self.n = named["total"], 0
    def update(self, n):
        assert n >= 0
        self.n += n
    def close(self):
        tell(["closed", self.n])
mpifetch.snapshot_download("acme/demo", tqdm_class=Bar, max_workers=1)
mpifetch.snapshot_download("acme/demo", tqdm_class=Bar)
class Bad(Bar):
    def __init__(self, **named):
        pass
    def update(self, n):
        raise LookupError("of a bar")
path = mpifetch.snapshot_download("acme/demo", tqdm_class=Bad, force_download=True)
assert path == mpifetch.snapshot_download("acme/demo")
"""
    job = begin(2, code, env=place("home"))
    result = job.wait()
    assert result.code == 0, result
    size = sum(map(len, FILES.values()))
    [made, closed], others = answers(job, 2)
    assert others == []
    assert (made["total"], made["unit"], made["desc"]) == (size, "B", "acme/demo")
    assert closed == ["closed", size]
    assert result.err.count("LookupError: of a bar") == 1  # one rank, once: nobody fails for it
    assert "files" not in result.err  # the line of the command is not there as well


def test_link_to_a_version(ask, hub, tree, place, dest):
    """Where names cannot be exchanged a destination is a link, and it is that which is replaced."""
    hub.add("acme/demo", write_tree(dest.parent / "other", {"config.json": b"{}"}), ref="v1")
    code = """
import mpifetch
mpifetch.get("hf://acme/demo", sys.argv[1], versions=True)
tell(os.readlink(sys.argv[1]))
tell(mpifetch.snapshot_download("acme/demo", revision="v1", local_dir=sys.argv[1]))
tell(os.readlink(sys.argv[1]))
tell(mpifetch.verify(sys.argv[1]).files)
"""
    before, path, after, files = ask(1, code, dest, env=place("home"))
    assert path == str(dest) and before != after and files == 1
    assert set(files_of(dest)) == {"config.json"}


# failures

CODE = """
import {library} as library
from huggingface_hub import utils
names = {names}
for name, words in names:
    kind = getattr(utils, name)
    try:
        library.snapshot_download(**words)
    except kind as error:
        tell([name, getattr(error, "response", None) is not None and error.response.status_code])
        if {ours}:
            import pickle
            copy = pickle.loads(pickle.dumps(error))
            assert type(copy) is type(error) and str(copy) == str(error)
            assert copy.report == error.report and error.report.error == str(error)
            assert isinstance(error, library.MpifetchError) and error.status == error.report.status
"""
FAILURES = [
    ("RepositoryNotFoundError", {"repo_id": "acme/none"}),
    ("RepositoryNotFoundError", {"repo_id": "acme/private", "token": "hf_stranger"}),
    ("RevisionNotFoundError", {"repo_id": "acme/demo", "revision": "none"}),
    ("GatedRepoError", {"repo_id": "acme/gated"}),
    ("GatedRepoError", {"repo_id": "acme/gated", "token": "hf_stranger"}),
    ("HfHubHTTPError", {"repo_id": "acme/demo", "token": "hf_bad"}),
    ("LocalEntryNotFoundError", {"repo_id": "acme/demo", "local_files_only": True}),
]


@pytest.fixture
def shop(hub, tree):
    """A Hub with a repository of each kind."""
    hub.set(tokens={TOKEN, "hf_stranger"})
    hub.add("acme/private", tree, private=True, granted={TOKEN})
    hub.add("acme/gated", tree, gated="auto", granted={TOKEN})
    return hub


@pytest.fixture
def apart(python, tmp_path):
    """Directories with the package and what it cannot do without."""
    (tmp_path / "packages").mkdir()
    for path in packages_of(BASE).glob("_cffi_backend*"):
        (tmp_path / "packages" / path.name).symlink_to(path)
    return [str(tmp_path / "packages"), str(packages_of(python))]


def test_their_failures(shop, place):
    """What the names stand for: the real one raises just these."""
    code = CODE.format(library="huggingface_hub", names=FAILURES, ours=False)
    assert [name for name, _ in ask_theirs(code, place("theirs"))] == [row[0] for row in FAILURES]


@pytest.mark.parametrize("version", VERSIONS)
def test_failures(ask, shop, place, apart, version):
    """Caught by the name of the library's class, whatever version of it is installed, the same on
    all ranks; with what is known of the response; and they survive a process boundary."""
    env = {**place("ours"), "PYTHONPATH": ":".join(apart)}
    code = CODE.format(library="mpifetch", names=FAILURES, ours=True)
    base = CLIENTS / version / "bin" / "python"
    told = ask(2 if version == VERSIONS[0] else 0, code, env=env, with_python=base)
    assert [name for name, _ in told] == [row[0] for row in FAILURES]
    assert [status for _, status in told] == [404, 404, 404, 403, 403, 401, False]


def test_failures_without_the_library(ask, shop, place, apart):
    """Where it is not installed there are the same classes, with ours alone as bases."""
    code = """
sys.path[:0] = json.loads(os.environ["PACKAGES"])
import mpifetch
told(mpifetch.snapshot_download, "acme/gated")
told(mpifetch.get, "hf://acme/none", "/nowhere/else")
told(mpifetch.snapshot_download, "acme/demo", repo_type="shop")
told(mpifetch.get, "hf://acme/demo", sys.argv[0] + "/below a file")
"""
    env = {**place("ours"), "PACKAGES": json.dumps(apart)}
    gated, none, kind, dest = ask(1, code, env=env, with_python="/usr/bin/python3")
    assert gated["kinds"][:4] == [
        "mpifetch.GatedRepoError",
        "mpifetch.RepositoryNotFoundError",
        "mpifetch.SourceError",
        "mpifetch.MpifetchError",
    ]
    assert (gated["status"], gated["reason"], gated["http"]) == (3, "gated", False)
    assert none["kinds"][0] == "mpifetch.RepositoryNotFoundError"
    assert kind["kinds"][0] == "builtins.ValueError"
    assert dest["kinds"][0] == "mpifetch.DestinationError" and "builtins.OSError" in dest["kinds"]


def test_endpoint(ask, hub, tree, place):
    """That of the call counts, not that of the environment, and a failure names it."""
    code = """
import mpifetch
endpoint = os.environ["HF_ENDPOINT"]
os.environ["HF_ENDPOINT"] = "http://127.0.0.1:9"
tell(os.path.basename(mpifetch.snapshot_download("acme/demo", endpoint=endpoint)))
told(mpifetch.snapshot_download, "acme/none", endpoint=endpoint)
"""
    commit, refused = ask(1, code, env=place("home"))
    assert commit == hub.repositories["models", "acme/demo"].refs["refs/heads/main"]
    assert refused["http"] == [404, f"{hub.endpoint}/api/models/acme/none"]


def test_unreachable(ask, place):
    """Nobody listens: what the real one calls a local entry that was not found."""
    code = """
import mpifetch
from huggingface_hub.errors import LocalEntryNotFoundError
try:
    mpifetch.get("hf://acme/demo", sys.argv[1], retries=0)
except LocalEntryNotFoundError as error:
    tell([type(error).__name__, isinstance(error, mpifetch.NetworkError), error.reason])
"""
    env = place("home", HF_ENDPOINT="http://127.0.0.1:9")
    told = ask(2, code, "/tmp/nowhere", env=env)
    assert told == [["HubUnreachableError", True, "unreachable"]]
