"""`mpifetch hf-download` takes what `hf download` takes, or says why not."""

import os
import re
import subprocess
from pathlib import Path

import pytest
from conftest import noise
from trees import assert_same

FILES = {"config.json": b"{}\n", "art/one.json": b"1", "weights.bin": noise(70_000, 1)}
CLIENTS = Path(os.environ.get("MPIFETCH_CLIENTS", "/nonexistent"))
TOOLS = {"0.36": "hf", "latest": "hf"}
# what cannot be had here
REFUSED = {"--token", "--json"}
VALUES = {"--max-workers": "3", "--format": "human"}


def options_of(version):
    """Of the real `hf download`: each option, and whether it takes a value."""
    tool = CLIENTS / version / "bin" / TOOLS[version]
    if not tool.exists():
        pytest.skip(f"{tool} is not there")
    env = {**os.environ, "COLUMNS": "200", "HF_HUB_OFFLINE": "1", "NO_COLOR": "1"}
    text = subprocess.run([tool, "download", "--help"], capture_output=True, text=True, env=env)
    found = {}
    names = r"\s+(-{1,2}[\w-]+(?:(?:, | / )-{1,2}[\w-]+)*)( \S)?"  # a value is one blank behind
    for line in text.stdout.splitlines():
        if words := re.match(names, line):
            found |= dict.fromkeys(re.findall(r"--[\w-]+", words[1]), bool(words[2]))
    return found


@pytest.mark.parametrize("version", TOOLS)
def test_each_option_is_taken_or_refused_by_name(run, version):
    options = options_of(version)
    assert {"--include", "--local-dir", "--revision", "--max-workers"} < options.keys()
    for name, takes in options.items():
        words = [name, VALUES.get(name, "model")] if takes else [name]
        result = run(0, "hf-download", "acme/demo", *words, "--show-config")
        if name in REFUSED:
            assert result.code == 2 and f"{name} is not supported: " in result.err, (name, result)
        else:
            assert (result.code, result.err) == (0, ""), (name, result)


# and the files that come; None: refused
PATTERNS = [
    (("--exclude", "*.json", "config.json", "--include", "*.bin"), ["config.json"]),
    (("config.json", "art/", "--include", "*.bin"), None),
]


@pytest.mark.parametrize("words, files", PATTERNS, ids=[" ".join(row[0]) for row in PATTERNS])
def test_files_and_patterns(run, hub, tree, dest, words, files):
    """As the real tool: patterns are ignored with a warning, or refused."""
    tool = CLIENTS / "latest" / "bin" / TOOLS["latest"]
    if not tool.exists():
        pytest.skip(f"{tool} is not there")
    theirs = dest.parent / "theirs"
    command = [tool, "download", "acme/demo", *words, "--local-dir", theirs]
    env = {**os.environ, **hub.env, "HOME": str(dest.parent), "HF_HOME": str(dest.parent / "hf")}
    said = subprocess.run(command, capture_output=True, text=True, env=env)
    ours = run(0, "hf-download", "acme/demo", *words, "--local-dir", dest, env=hub.env)
    assert [ours.code == 0, said.returncode == 0] == [files is not None] * 2, (ours, said)
    ignored = files is not None and any(word.startswith("--") for word in words)
    assert ("are ignored, since" in ours.err) == ignored, ours
    assert ("Ignoring `--" in said.stderr) == ignored, said
    for place in (theirs, dest) if files else ():
        found = (path.relative_to(place) for path in place.rglob("*.*") if path.is_file())
        assert sorted(str(path) for path in found if ".cache" not in path.parts) == files


@pytest.mark.parametrize("ranks", [1, 3])
def test_a_part_into_a_directory(run, hub, tree, dest, ranks):
    words = ("acme/demo", "--include", "*.json", "--local-dir", dest)
    result = run(ranks, "hf-download", *words, env=hub.env)
    assert (result.code, result.out) == (0, f"{dest}\n"), result
    (tree / "weights.bin").unlink()
    assert_same(dest, tree)


def test_named_files_into_the_cache(run, hub, tree, tmp_path):
    words = ("acme/demo", "config.json", "art/", "--cache-dir", tmp_path / "cache")
    result = run(2, "hf-download", *words, env=hub.env)
    assert result.code == 0, result
    shown = Path(result.out.strip())
    assert shown.parent == tmp_path / "cache" / "models--acme--demo" / "snapshots"
    assert sorted(str(path.relative_to(shown)) for path in shown.rglob("*.*")) == [
        "art/one.json",
        "config.json",
    ]
