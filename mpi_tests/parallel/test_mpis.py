"""What differs from one MPI to another: launching, a process by itself, endings, a rank that is
lost, and a program of somebody else around the library. Label mpis: also run in the folders that
run.sh builds with other MPIs."""

import os
import signal
import subprocess
from pathlib import Path

import pytest
from conftest import MIB, noise
from job import PROGRAM, ROOT, launch
from test_lost import Apart, assert_given_up
from test_per_node import Nodes
from trees import (
    assert_alone,
    assert_came_once,
    assert_nothing,
    assert_same,
    assert_verifiable,
    noted,
    write_tree,
)

SOURCE = "hf://acme/demo"
FILES = {
    "one.bin": noise(4 * MIB + 1, 91),
    "two.bin": noise(3 * MIB, 92),
    "a/b.txt": b"b\n",
    "empty": b"",
}


def words_for(dest):
    return ("get", "--segment-size", MIB, SOURCE, dest)


@pytest.mark.parametrize("ranks", [0, 1, 2, 3, 4, 5])
def test_get(run, hub, tree, dest, ranks):
    """0 ranks: without a launcher."""
    result = run(ranks, *words_for(dest), env={"HF_ENDPOINT": hub.endpoint})
    assert result.code == 0 and result.out == f"{dest}\n", result
    assert_same(tree, dest)
    assert_verifiable(dest)
    assert len(result.report["ranks"]) == max(ranks, 1)


def test_per_node(start, hub, tree, tmp_path):
    """From node to node: once from the source."""
    nodes = Nodes(tmp_path, start)
    place = nodes.local / "model"
    words = ("get", "--segment-size", MIB, "--per-node", place, SOURCE)
    result = nodes.run([0, 1, 1, 2], *words, env=hub.env)
    assert (result.code, result.out) == (0, f"{place}\n"), result
    for node in range(3):
        assert_same(nodes.disk(node) / "model", tree)
        assert_alone(nodes.disk(node) / "model")
    assert_came_once(result, sum(map(len, FILES.values())), MIB)


def test_error_is_said_once(run, hub, tree, dest):
    """All ranks end with the same code, and the launcher does not add to it."""
    result = run(3, "get", "hf://acme/other", dest, env={"HF_ENDPOINT": hub.endpoint})
    assert result.code == 3, result
    assert result.err.count("mpifetch: ") == 1, result
    assert_nothing(dest)


def test_resume(start, run, hub, tree, dest):
    """After all was killed."""
    env = {"HF_ENDPOINT": hub.endpoint}
    trouble = hub.trouble(kind="cdn", skip=2, hold=True)
    job = start(3, *words_for(dest), env=env)
    assert hub.troubles.wait(trouble)
    job.wait_until(lambda: noted(dest.parent) > 0)
    job.kill()
    hub.troubles.clear()
    result = run(2, *words_for(dest), env=env)
    assert result.code == 0, result
    assert_same(tree, dest)
    assert result.report["bytes"]["resumed"] > 0


def test_ends_by_signal(start, hub, tree, dest):
    """Sent to the launcher, as a job's end is."""
    trouble = hub.trouble(kind="cdn", hold=True)
    job = start(3, *words_for(dest), env={"HF_ENDPOINT": hub.endpoint})
    assert hub.troubles.wait(trouble)
    job.signal(signal.SIGTERM)
    assert job.wait().code != 0
    assert job.wait_for_silence() == []
    assert not dest.exists()


@pytest.mark.parametrize("how", [signal.SIGSTOP, signal.SIGKILL])
def test_lost(start, hub, tree, tmp_path, dest, how):
    """By one that leaves the other ranks alone, as srun may."""
    trouble = hub.trouble(kind="cdn", hold=True)
    job = Apart(start, hub, tmp_path, dest)
    assert hub.troubles.wait(trouble), job.said()
    job.send(1, how)
    assert_given_up(job, 1, dest)


def test_embedded(tmp_path):
    """The example of the library, compiled and launched as its users do."""
    library = Path(PROGRAM).parent
    example, source, dest = tmp_path / "embed", tmp_path / "tree", tmp_path / "out"
    write_tree(source, FILES)
    subprocess.run([os.environ["MPICC"], ROOT / "docs" / "examples" / "embed.c", "-o", example,
                    f"-I{ROOT / 'include'}", f"-L{library}", "-lmpifetch",
                    f"-Wl,-rpath,{library}"], check=True)  # fmt: skip
    done = subprocess.run([*launch(), "-n", "3", example, f"file://{source}", dest],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          check=False)  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert_same(source, dest)
