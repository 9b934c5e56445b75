"""A destination that another user has made."""

import os
import shutil
import tempfile
from pathlib import Path

import pytest
from conftest import MIB, noise, write_tree
from trees import assert_same, snapshot

SOURCE = "hf://acme/demo"
FILES = {"config.json": b"{}\n", "sub/weights.bin": noise(3 * MIB, 3)}
OWNER, OTHER, GROUP = 23456, 12345, 4242


@pytest.fixture
def place():
    """A directory of the group that every user can reach, which those of pytest are not."""
    assert os.geteuid() == 0, "these tests change the user, which only root may"
    top = Path(tempfile.mkdtemp(prefix="mpifetch-owners-"))
    top.chmod(0o755)
    for name in ("homes", "store"):
        (top / name).mkdir()
    (top / "homes").chmod(0o777)
    os.chown(top / "store", 0, GROUP)
    (top / "store").chmod(0o2775)
    yield top
    shutil.rmtree(top)


@pytest.fixture
def dest(place):
    return place / "store" / "model"


@pytest.fixture
def tree(hub, tmp_path):
    root = write_tree(tmp_path / "tree", FILES)
    hub.add("acme/demo", root)
    return root


@pytest.fixture
def get(run, hub, place, dest):
    """get(user, *words, ranks=, env=) -> Result, of mpifetch get by that user of the group."""

    def begin(user, *words, ranks=2, source=SOURCE, to=dest, env=None):
        how = dict(user=user, group=GROUP, umask=0o002, below=place / "homes")
        return run(ranks, "get", *words, source, to, **how,
                   env={"HF_ENDPOINT": hub.endpoint, **(env or {})})  # fmt: skip

    return begin


def data_requests(hub):
    return [row for row in hub.log() if row["kind"] in ("cdn", "resolve", "resolve-cache")]


@pytest.mark.parametrize("words", [(), ("--versions",)], ids=["directory", "versions"])
@pytest.mark.parametrize("path", list(FILES))
def test_file_that_this_user_cannot_read(get, hub, tree, dest, words, path):
    assert get(OWNER, *words).code == 0
    (dest / path).chmod(0o600)
    before = snapshot(dest)
    hub.reset()
    result = get(OTHER, *words)
    assert result.code == 5, result
    assert f"'{dest}/{path}' belongs to uid {OWNER} and uid {OTHER} cannot read it" in result.err
    assert result.out == ""
    assert data_requests(hub) == []
    assert snapshot(dest) == before
    assert get(OWNER, *words).code == 0


def test_blob_that_this_user_cannot_read(get, hub, tree, place):
    cache = place / "store" / "cache"
    assert get(OWNER, "--hf-cache", to=cache).code == 0
    [blob] = [one for one in cache.glob("models--acme--demo/blobs/*") if one.stat().st_size > MIB]
    blob.chmod(0o600)
    hub.reset()
    result = get(OTHER, "--hf-cache", to=cache)
    assert result.code == 5, result
    assert f"belongs to uid {OWNER} and uid {OTHER} cannot read it" in result.err
    assert data_requests(hub) == []
