"""Fixtures of the suite: the real huggingface_hub in several versions, each in processes of its
own, the Hub they share with mpifetch, and what a cache must hold.

A version that is not installed is an error, not a skip: run.sh makes the environments.
"""

import hashlib
import json
import os
import re
import signal
import subprocess
import tempfile
import threading
from pathlib import Path

import pytest
from conftest import HERE, noise, write_tree
from hub import Hub
from job import PATIENCE, ROOT
from others import for_others

CLIENTS = Path(os.environ.get("MPIFETCH_CLIENTS", ROOT / "build" / "clients"))
LATEST = "latest"
VERSIONS = (LATEST, "0.36", "0.23")
KINDS = ("models", "datasets", "spaces")
ASKED = ("main", "v1", "refs/pr/1", "commit")
REFS = {"main": "refs/heads/main", "v1": "refs/tags/v1", "refs/pr/1": "refs/pr/1"}
LFS_FROM = 64 << 10
NAME = "acme/demo"
SOURCE = f"hf://{NAME}"


def requirements(version):
    return HERE / "clients" / f"requirements-{version}.txt"


def pinned(version):
    """The huggingface_hub that the requirements of this environment name."""
    return re.search(r"^huggingface_hub==(\S+)$", requirements(version).read_text(), re.M)[1]


def program(version, name):
    """A program of this version's environment."""
    path = CLIENTS / version / "bin" / name
    if not path.exists():
        raise FileNotFoundError(f"'{path}' is missing; mpi_tests/run.sh installs it")
    return path


def environment(home, hub, offline=False, **more):
    """All that the library gets to know; None takes a variable away. Offline it is still told
    where the Hub is, so that a request that it should not make is seen in the Hub's log."""
    known = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "HF_HOME": str(Path(home, "hf")),
        "HF_ENDPOINT": hub.endpoint,
        "HF_HUB_OFFLINE": str(int(offline)),
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        "HF_HUB_DISABLE_UPDATE_CHECK": "1",
        # the library gives up after ten seconds, which a busy machine may need
        "HF_HUB_ETAG_TIMEOUT": str(int(PATIENCE)),
        "HF_HUB_DOWNLOAD_TIMEOUT": str(int(PATIENCE)),
        "NO_COLOR": "1",
        "OMPI_MCA_orte_tmpdir_base": os.environ["OMPI_MCA_orte_tmpdir_base"],
        **more,
    }
    return {name: str(value) for name, value in known.items() if value is not None}


class Answer:
    def __init__(self, value, error, complaints):
        self.value, self.error, self.complaints = value, error, complaints

    def __repr__(self):
        return f"value {self.value!r}, error {self.error}, complaints {self.complaints}"


def kill(process):
    """With what it has forked, which has its pipes as well."""
    os.killpg(process.pid, signal.SIGKILL)


def line_of(process, name):
    """The next one that it says."""
    watch = threading.Timer(PATIENCE, kill, (process,))
    watch.start()
    line = process.stdout.readline()
    watch.cancel()
    assert line, f"{name} gave no answer"
    return line


class Library:
    """One process with one version of the library in it, until it is closed. apart: each call finds
    it as if nothing had been called before."""

    def __init__(self, version, env, user=None, group=None, umask=-1, apart=False):
        self.version, self._apart = version, apart
        python, driver = program(version, "python"), HERE / "clients" / "library.py"
        if user is not None:
            python = for_others(python.parent.parent) / "bin" / "python"
            driver = for_others(driver)
        self._process = subprocess.Popen(
            [python, "-I", "-B", driver],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=env,
            cwd="/",
            user=user,
            group=group,
            extra_groups=None if user is None else [],
            umask=umask,
            start_new_session=True,
        )

    def begin(self, call, **args):
        request = {"call": call, "args": plain(args), "apart": self._apart}
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()

    def end(self):
        """The answer to what was begun."""
        line = line_of(self._process, f"huggingface_hub {self.version}")
        return Answer(**json.loads(line))

    def ask(self, call, **args):
        self.begin(call, **args)
        return self.end()

    def tell(self, call, **args):
        """The value of a call that must succeed without a complaint."""
        self.begin(call, **args)
        return content_of(self.end(), call)

    def close(self):
        self._process.stdin.close()
        try:
            self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            kill(self._process)
            self._process.wait()
        self._process.stdout.close()


def plain(args):
    return {key: str(one) if isinstance(one, Path) else one for key, one in args.items()}


def content_of(answer, call="the call"):
    assert answer.error is None, f"{call}: {answer}"
    assert answer.complaints == [], f"{call}: {answer}"
    return answer.value


@pytest.fixture(scope="module")
def _endpoint():
    with Hub() as serving:
        yield serving


@pytest.fixture
def origin(_endpoint):
    """A Hub without repositories. The same for all tests of a file, as the processes of the
    library are; unlike `hub` it takes a redirect without its query, which the library drops."""
    _endpoint.reset()
    _endpoint.repositories.clear()
    _endpoint.set(page=1000, tokens=(), renamed={}, xet=False)
    return _endpoint


@pytest.fixture(scope="module")
def _libraries(_endpoint, tmp_path_factory):
    """(version, offline, apart) -> Library; they are slow to start."""
    running = {}

    def find(*key):
        if key not in running:
            version, offline, apart = key
            env = environment(tmp_path_factory.mktemp("home"), _endpoint, offline)
            running[key] = Library(version, env, apart=apart)
        return running[key]

    yield find
    for one in running.values():
        one.close()


@pytest.fixture
def library(_libraries):
    """library(version, offline=False) -> Library, perhaps one that was used before."""
    return lambda version, offline=False: _libraries(version, offline, False)


@pytest.fixture
def library_apart(_libraries):
    """The same, where each call finds it as if nothing had been called before."""
    return lambda version, offline=False: _libraries(version, offline, True)


@pytest.fixture
def new_library(tmp_path, origin):
    """new_library(version, home=, offline=, user=, group=, umask=, **variables) -> Library."""
    running = []

    def begin(version, home=tmp_path, offline=False, user=None, group=None, umask=-1, **more):
        env = environment(home, origin, offline, **more)
        running.append(Library(version, env, user, group, umask))
        return running[-1]

    yield begin
    for one in running:
        one.close()


@pytest.fixture(scope="module")
def _command(_endpoint, tmp_path_factory):
    """The command of the latest version, loaded: see command.py."""
    process = subprocess.Popen(
        [program(LATEST, "python"), "-I", "-B", HERE / "clients" / "command.py"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment(tmp_path_factory.mktemp("home"), _endpoint),
        cwd="/",
        start_new_session=True,
    )
    with process:
        yield process
        process.stdin.close()


@pytest.fixture
def hf(_command, tmp_path):
    """hf(*words): that command, to its end."""

    def run(*words):
        place = Path(tempfile.mkdtemp(dir=tmp_path))
        out, err = place / "out", place / "err"
        request = {"words": [str(word) for word in words], "out": str(out), "err": str(err)}
        _command.stdin.write(json.dumps(request) + "\n")
        _command.stdin.flush()
        code = line_of(_command, "hf")
        return subprocess.CompletedProcess(words, int(code), out.read_text(), err.read_text())

    return run


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "cache"


@pytest.fixture
def get(run, origin):
    """get(*words, ranks=2, **variables) -> Result of mpifetch get --hf-cache with HF_HUB_CACHE
    and whatever else is given."""

    def begin(*words, cache=None, ranks=2, source=SOURCE, env=(), **how):
        known = {"HF_ENDPOINT": origin.endpoint, **dict(env)}
        if cache is not None:
            known["HF_HUB_CACHE"] = str(cache)
        return run(ranks, "get", "--hf-cache", *words, source, env=known, **how)

    return begin


# the page


def blocks():
    """file name -> text, of each indented block of docs/python.md; each begins with that name."""
    found, lines = {}, []
    for line in (ROOT / "docs/python.md").read_text().splitlines() + ["end"]:
        if line.startswith("    ") or (lines and not line.strip()):
            lines.append(line[4:])
        elif lines:
            name = re.fullmatch(r"# (\S+\.(?:py|sh))", lines[0])
            assert name, f"a block without the name of a file: {lines[0]}"
            found[name[1]] = "\n".join(lines).rstrip() + "\n"
            lines = []
    return found


# repositories


def files(mark):
    """What a revision holds: large and small, nested, empty, doubled, and odd names. What does
    not depend on the mark is the same in all revisions."""
    shared, marked = noise(300_000, 1), noise(200_000, mark)
    return {
        "model.safetensors": shared,
        "copy/of/model.safetensors": shared,
        "head.safetensors": marked,
        "config.json": b'{"revision": "%s"}\n' % mark.encode(),
        "copy/of/config.json": b'{"revision": "%s"}\n' % mark.encode(),
        ".gitattributes": b"*.safetensors filter=lfs\n",
        "a/b/c/d/deep.txt": b"deep\n",
        "empty": b"",
        "a/empty-too": b"",
        "LICENSE": b"as is\n",
        "names/with space.txt": b"space\n",
        "names/100%.txt": b"percent\n",
        "names/c#.txt": b"hash\n",
        "names/what?&x=y+z.txt": b"query\n",
        "names/%41.txt": b"not an A\n",
        "names/größe-模型.txt": "Größe\n".encode(),
        "names/[brackets]{and}'quotes'.txt": b"glob\n",
    }


@pytest.fixture(scope="session")
def trees(tmp_path_factory):
    """ref -> directory with what is at it."""
    top = tmp_path_factory.mktemp("trees")
    return {ref: write_tree(top / ref, files(ref)) for ref in REFS.values()}


@pytest.fixture
def serve(origin, trees):
    """serve(kind="models", **attributes) -> Repository with all revisions."""

    def begin(kind="models", **attributes):
        for ref, tree in trees.items():
            repo = origin.add(f"{kind}/{NAME}", tree, ref, lfs_from=LFS_FROM, **attributes)
        return repo

    return begin


@pytest.fixture
def repo(serve):
    return serve()


def ref_of(asked):
    """Which ref an entry of ASKED means; "commit" is the one of refs/pr/1."""
    return REFS.get(asked, "refs/pr/1")


def revision_of(repo, asked):
    """What is given to a program for an entry of ASKED."""
    return repo.refs[ref_of(asked)] if asked == "commit" else asked


def source_of(kind, revision=None):
    source = f"hf://{'' if kind == 'models' else kind + '/'}{NAME}"
    return f"{source}@{revision}" if revision else source


def folder_of(kind="models"):
    return f"{kind}--{NAME.replace('/', '--')}"


def snapshot_of(cache, repo, ref="refs/heads/main"):
    return cache / folder_of(repo.kind) / "snapshots" / repo.refs[ref]


# what was asked of the Hub


def data_requests(hub):
    """Requests whose answers carry bytes of files: there are none if all is there already."""
    return [
        (row["kind"], row["path"], row["status"], row["bytes"])
        for row in hub.log()
        if row["kind"] in ("cdn", "resolve", "resolve-cache") and row["method"] != "HEAD"
    ]


def data_bytes(hub):
    """Bytes of files that were sent, without the words of redirects."""
    return sum(row["bytes"] for row in hub.log() if row["status"] in (200, 206) and is_data(row))


def is_data(row):
    return row["kind"] in ("cdn", "resolve", "resolve-cache") and row["method"] != "HEAD"


# what there must be


def contents(root, keep=lambda path: True):
    """path -> SHA-256, links followed."""
    found = {}
    for folder, _, names in os.walk(root):
        for name in names:
            full = os.path.join(folder, name)
            path = os.path.relpath(full, root)
            if keep(path):
                found[path] = hashlib.sha256(Path(full).read_bytes()).hexdigest()
    return found


def assert_same(snapshot, tree, keep=lambda path: True):
    """The snapshot holds just the files of the tree that keep says, and their bytes."""
    assert contents(snapshot) == contents(tree, keep)


def assert_printed(result, path):
    assert result.code == 0, result
    assert result.out == f"{path}\n", result


def assert_already_there(result):
    """The summary says that nothing had to be done."""
    said = [line.removeprefix("mpifetch: ") for line in result.err.splitlines()]
    assert any(line.startswith("already up to date") for line in said), result


def sizes(tree):
    return {
        os.path.relpath(os.path.join(folder, name), tree): os.stat(f"{folder}/{name}").st_size
        for folder, _, names in os.walk(tree)
        for name in names
    }


def unique_bytes(*commits):
    """Size of all contents of these commits, each counted once."""
    return sum({b.etag: b.size for one in commits for b in one.blobs.values()}.values())


def layout(folder):
    """A repository's folder of a cache as it lies on the disk: links by their text, refs by their
    bytes, tree listings by their values, blobs by their digest."""
    found = {}
    for directory, folders, names in os.walk(folder):
        for name in (*folders, *names):
            full = Path(directory, name)
            path = str(full.relative_to(folder))
            if full.is_symlink():
                found[path] = f"-> {os.readlink(full)}"
            elif full.is_dir():
                found[path] = "directory"
            elif path.startswith("trees/"):
                found[path] = json.loads(full.read_bytes())
            elif path.startswith("refs/"):
                found[path] = full.read_bytes()
            else:
                found[path] = hashlib.sha256(full.read_bytes()).hexdigest()
    return found
