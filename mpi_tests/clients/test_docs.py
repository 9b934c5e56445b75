"""The lines of docs/python.md that do without the package, as they stand there, on a real model."""

import json
import os
import subprocess
from pathlib import Path

import pytest
from job import MPIRUN, PATIENCE, PROGRAM
from readers import CLIENTS, LATEST, blocks, environment, program

pytest_plugins = "readers"

MODEL = CLIENTS / "model"  # run.sh fetches it
NAME = "sentence-transformers/all-MiniLM-L6-v2"
FOLDER = "models--sentence-transformers--all-MiniLM-L6-v2"
TEXT = "Every rank reads the same words, größer oder kleiner."

CHECK = f"""
import hashlib, json
seen = {{"model": model, "ids": tokenizer.encode({TEXT!r}).ids}}
if "weights" in globals():
    seen["tensors"] = len(weights)
    seen["shape"] = weights["embeddings.word_embeddings.weight"].shape
    digest = hashlib.sha256()
    for name in sorted(weights):
        digest.update(f"{{name}} {{weights[name].dtype}} {{weights[name].shape}}".encode())
        digest.update(weights[name].tobytes())
    seen["digest"] = digest.hexdigest()
print(json.dumps(seen))
"""
PLAIN = """
import sys
from safetensors.numpy import load_file
from tokenizers import Tokenizer
model = sys.argv[1]
weights = load_file(model + "/model.safetensors")
tokenizer = Tokenizer.from_file(model + "/tokenizer.json")
"""


@pytest.fixture(scope="module")
def original():
    """What the original files say to the same questions."""
    assert (MODEL / "model.safetensors").exists(), f"'{MODEL}' is missing; run.sh fetches it"
    command = [program(LATEST, "python"), "-I", "-c", PLAIN + CHECK, MODEL]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=PATIENCE)
    seen = json.loads(done.stdout)
    assert seen["tensors"] > 100 and seen["shape"] == [30522, 384]
    assert len(seen["ids"]) > 10
    return seen


@pytest.fixture
def desk(tmp_path):
    """A directory with all files of the page, and a cluster to run them on: srun is mpirun with
    two ranks. What the scripts loaded they print at their end."""
    for name, text in blocks().items():
        (tmp_path / name).write_text(text + (CHECK if name.endswith(".py") else ""))
    tools = tmp_path / "bin"
    tools.mkdir()
    (tools / "srun").write_text(
        f'#!/bin/sh\nexec {MPIRUN} --allow-run-as-root --oversubscribe -n 2 "$@"\n'
    )
    (tools / "srun").chmod(0o755)
    (tools / "mpifetch").symlink_to(os.path.abspath(PROGRAM))
    (tools / "python").write_text(f'#!/bin/sh\nexec {program(LATEST, "python")} "$@"\n')
    (tools / "python").chmod(0o755)
    return tmp_path


@pytest.fixture
def work(desk, origin):
    """work(*command) -> its output as JSON, line by line, when it has succeeded."""
    origin.add(NAME, MODEL)

    def run(*command):
        env = environment(desk, origin, HF_HUB_OFFLINE=None, SCRATCH=desk)
        env["PATH"] = f"{desk / 'bin'}:{os.environ['PATH']}"
        env |= {"OMPI_MCA_btl": "self,vader", "OMPI_MCA_pml": "ob1"}
        kept = ("LD_LIBRARY_PATH", "ASAN_OPTIONS", "LSAN_OPTIONS")
        env.update({name: os.environ[name] for name in kept if name in os.environ})
        done = subprocess.run(
            command,
            cwd=desk,
            env=env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    return run


def test_the_page_has_them_all():
    """These, and those of python/test_pages.py."""
    assert set(blocks()) == {
        *("load.py", "job.sh", "job-cache.sh", "by_name.py", "several.py"),
        *("quick.py", "train.py", "loader.py", "torch.sh"),
    }


@pytest.mark.parametrize("job", ["job.sh", "job-cache.sh"])
def test_job(work, origin, desk, original, job):
    """Both ranks of the script see what the original files hold; one listing for all of it."""
    found = work("bash", "-e", job)
    commit = origin.repositories["models", NAME].refs["refs/heads/main"]
    place = {
        "job.sh": desk / "minilm",
        "job-cache.sh": desk / "hf/hub" / FOLDER / "snapshots" / commit,
    }
    assert found == 2 * [{**original, "model": str(place[job])}]
    assert len(origin.log("api-revision")) == len(origin.log("api-tree")) == 1


def test_by_name(work, origin, desk, original):
    """Nothing but the name, and not one request."""
    path = work("bash", "-e", "job-cache.sh")[0]["model"]
    origin.reset()
    assert work("python", "by_name.py") == [{"model": path, "ids": original["ids"]}]
    assert origin.log() == []


def test_directory_is_the_original(work, desk):
    """File by file, and not only what is loaded."""
    work("bash", "-e", "job.sh")
    for path in MODEL.rglob("*"):
        if path.is_file():
            assert Path(desk, "minilm", path.relative_to(MODEL)).read_bytes() == path.read_bytes()
