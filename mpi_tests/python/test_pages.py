"""The lines of docs/python.md that use the package, as they stand there, before and after, with
the real libraries."""

import os
import subprocess

import pytest
from installed import BASE, CLIENTS, call
from job import MPIRUN, PATIENCE
from readers import blocks, environment
from trees import write_tree

pytest_plugins = "installed"

NAME = "sentence-transformers/all-MiniLM-L6-v2"
ROWS = [f"row {number}" for number in range(101)]


@pytest.fixture
def page(hub, tmp_path):
    """The Hub with the model that run.sh fetches and a data set; what scripts are told of it."""
    hub.set(need_query=False)
    hub.add(NAME, CLIENTS / "model")
    texts = "".join(f'{{"text": "{row}"}}\n' for row in ROWS).encode()
    hub.add("datasets/acme/texts", write_tree(tmp_path / "texts", {"train.jsonl": texts}))
    return environment(tmp_path, hub, HF_HUB_OFFLINE=None)


def test_quick(ask, hub, page):
    """Four ranks: fetched once, verified, loaded."""
    code = blocks()["quick.py"]
    end = "tell([model, len(weights), tokenizer.encode('some words').ids])\n"
    [[model, tensors, ids]] = ask(4, code + end, env=page)
    size = (CLIENTS / "model" / "model.safetensors").stat().st_size
    assert size <= sum(row["bytes"] for row in hub.log("cdn")) < 2 * size
    plain = f"""
from safetensors.numpy import load_file
from tokenizers import Tokenizer
model = {str(CLIENTS / "model")!r}
print([len(load_file(model + "/model.safetensors")),
       Tokenizer.from_file(model + "/tokenizer.json").encode("some words").ids])
"""
    assert str([tensors, ids]) == call(BASE, "-c", plain).strip()
    assert len(hub.log("api-revision")) == len(hub.log("api-tree")) == 1
    assert model.startswith(page["HF_HOME"])


def test_several(ask, hub, page, tmp_path):
    code = f"import os\nos.chdir({str(tmp_path)!r})\n{blocks()['several.py']}"
    [[model, texts]] = ask(2, code + "tell([model.path, texts.path])\n", env=page)
    assert [model, texts] == [str(tmp_path / "models" / name) for name in (NAME, "acme/texts")]
    assert len(hub.log("api-tree")) == 2


BEFORE = {
    "train.py": ("from mpifetch import", "from huggingface_hub import"),
    "loader.py": ("load_dataset(texts,", 'load_dataset("acme/texts",'),
}
LAST = {"train.py": "weights.tolist()", "loader.py": "comm.allgather(rows)"}


@pytest.mark.parametrize("name", BEFORE)
def test_before_and_after(ask, hub, page, tmp_path, name):
    """The same comes out, by fewer requests: the Hub is asked by one rank."""
    after = blocks()[name]
    old, new = BEFORE[name]
    before = after.replace(old, new)
    if name == "loader.py":  # it had no lines for what it did not do
        drop = ("snapshot_download", "HF_HUB_OFFLINE")
        before = "".join(
            line for line in before.splitlines(True) if not any(d in line for d in drop)
        )
    assert before != after
    told, asked = [], []
    for number, code in enumerate((before, after)):
        hub.requests.reset()
        env = {**page, "HF_HOME": str(tmp_path / f"hf-{number}")}
        told.append(ask(2, f"{code}tell({LAST[name]})\n", env=env))
        asked.append(len(hub.log()) - len(hub.log("cdn")))
    assert told[0] == told[1]
    assert asked[1] < asked[0]
    if name == "loader.py":
        first, second = told[1][0]
        assert sorted(first + second) == sorted(ROWS) and first and second


def test_data_set_by_name(ask, hub, page):
    """Offline it is found by its path, and by its name only after the library itself has had it by
    that name."""
    code = """
import mpifetch
path = mpifetch.snapshot_download("acme/texts", repo_type="dataset")
os.environ["HF_HUB_OFFLINE"] = "1"
from datasets import load_dataset
tell(len(load_dataset(path, split="train")))
try:
    load_dataset("acme/texts", split="train")
except ConnectionError as error:
    tell(str(error))
"""
    count, refused = ask(1, code, env=page)
    assert count == len(ROWS) and "acme/texts" in refused
    code = """
from datasets import load_dataset
tell(len(load_dataset("acme/texts", split="train")))
"""
    assert ask(1, code, env=page) == [len(ROWS)]
    hub.reset()
    assert ask(1, code, env={**page, "HF_HUB_OFFLINE": "1"}) == [len(ROWS)]
    assert hub.log() == []


TORCHRUN = """#!/bin/sh
# as torchrun starts processes: --nproc-per-node=COUNT SCRIPT
count=${1#--nproc-per-node=}
for rank in $(seq 0 $((count - 1))); do
    RANK=$rank LOCAL_RANK=$rank WORLD_SIZE=$count LOCAL_WORLD_SIZE=$count \\
        TORCHELASTIC_RUN_ID=none python "$2" &
done
wait
"""


def test_torchrun(hub, page, python, tmp_path):
    """The model is found by its name, by processes that no MPI connects, and nobody is asked."""
    for name, text in blocks().items():
        (tmp_path / name).write_text(text)
    with open(tmp_path / "by_name.py", "a") as script:
        script.write("import mpifetch\n")
        script.write(f"assert mpifetch.snapshot_download({NAME!r}) == model\n")
        script.write("open('loaded-' + os.environ['RANK'], 'w').write(model)\n")
    tools = {
        "srun": f'#!/bin/sh\nshift\nexec {MPIRUN} --allow-run-as-root --oversubscribe -n 2 "$@"\n',
        "python": f'#!/bin/sh\nexec {python} "$@"\n',
        "torchrun": TORCHRUN,
    }
    (tmp_path / "bin").mkdir()
    for name, text in tools.items():
        (tmp_path / "bin" / name).write_text(text)
        (tmp_path / "bin" / name).chmod(0o755)
    done = subprocess.run(
        ["sh", "-e", "torch.sh"],
        cwd=tmp_path,
        env={**page, "PATH": f"{tmp_path}/bin:{os.environ['PATH']}", "OMPI_MCA_btl": "self,vader"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert done.returncode == 0, done.stderr
    path = done.stdout.strip()
    assert [(tmp_path / f"loaded-{rank}").read_text() for rank in range(2)] == [path, path]
    assert len(hub.log("api-revision")) == 1
