"""One cluster for the tests of a file, and a Hub that is reached by each host's own link."""

import itertools
import shutil

import pytest
from cluster import ORIGIN, PROJECT, Cluster
from files import Files
from hub import Hub
from job import PROGRAM
from trees import files_of, noise, sha256_of, write_tree

MIB = 1 << 20

_numbers = itertools.count()


@pytest.fixture(scope="module")
def site():
    with Cluster() as made:
        yield made


@pytest.fixture(scope="module")
def slurm(site):
    site.ask("slurm")


@pytest.fixture
def cluster(site):
    yield site
    site.close_runs()


@pytest.fixture
def hub(cluster):
    with cluster.inside("origin"):
        made = Hub(need_query=True, **ORIGIN)
    with made as serving:
        yield serving


@pytest.fixture
def place(cluster):
    """Where to publish, alone in its directory, as each host calls it."""
    parent = cluster.shared / f"out-{next(_numbers)}"
    cluster.seen("n1", parent).mkdir()
    return parent / "model"


@pytest.fixture
def dest(place):
    return place


@pytest.fixture
def jobs(cluster):
    """A user's directory with the scripts and something to train."""
    made = cluster.dir / "user"
    shutil.rmtree(made, ignore_errors=True)
    shutil.copytree(PROJECT / "jobscripts", made)
    (made / "train.py").write_text(
        "import os, sys\n"
        "assert sys.argv[1] == '--model' and os.environ['HF_HUB_OFFLINE'] == '1'\n"
        "names = ' '.join(sorted(os.listdir(sys.argv[2])))\n"
        "print('rank', os.environ['SLURM_PROCID'], 'on', os.uname().nodename, names)\n"
    )
    (made / "bin").mkdir()
    (made / "bin" / "mpifetch").symlink_to(PROGRAM)
    (made / "bin" / "python").symlink_to("/usr/bin/python3")
    return made


MODEL = {
    "model-1.safetensors": noise(5 * MIB + 17, 1),
    "model-2.safetensors": noise(4 * MIB, 2),
    "just-not-lfs.bin": noise(MIB - 1, 3),
    "config.json": b'{"layers": 2}\n',
    "empty": b"",
    "a/b/deep.txt": b"deep\n",
    "names/with space.txt": b"space\n",
    **{f"many/part-{i:02}.txt": b"part %d\n" % i for i in range(12)},
}
CHANGES = {
    "model-2.safetensors": noise(4 * MIB + 1, 4),
    "config.json": b'{"layers": 3}\n',
    "a/b/added.txt": b"added\n",
}
GONE = ("empty", "many/part-07.txt")


@pytest.fixture(scope="session")
def model(tmp_path_factory):
    return write_tree(tmp_path_factory.mktemp("model"), MODEL)


@pytest.fixture(scope="session")
def revised(tmp_path_factory):
    """The next revision: one large file changed, a small one too, some gone, one added."""
    files = {path: data for path, data in (MODEL | CHANGES).items() if path not in GONE}
    return write_tree(tmp_path_factory.mktemp("revised"), files)


@pytest.fixture
def files(cluster, model):
    """A server of the model on origin, and a list of it that all hosts see."""
    with cluster.inside("origin"):
        made = Files(model, **ORIGIN)
    with made as serving:
        rows = [
            f"{serving.url}/{path.replace(' ', '%20')} {sha256_of(data)} {len(data)} {path}\n"
            for path, data in files_of(model).items()
        ]
        serving.list = cluster.dir / "list"
        serving.list.write_text("".join(rows))
        yield serving
