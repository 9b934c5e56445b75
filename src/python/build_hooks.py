"""What pip and build call: scikit-build-core, which sees this directory alone, and beside it the C
sources, which lie above it in the repository and in `tree` in an sdist."""

import contextlib
import os
import shutil
import tempfile
from pathlib import Path

from scikit_build_core.build import *  # noqa: F403 the hooks of PEP 517 and 660
from scikit_build_core.build import build_sdist as build_sdist_here

HERE = Path(__file__).resolve().parent
PARTS = ("CMakeLists.txt", "LICENSE", "include", "src")


def tree():
    """Where the C sources are."""
    for place in (HERE / "tree", HERE.parents[1]):
        if (place / "include" / "mpifetch.h").is_file():
            return place
    raise FileNotFoundError(
        f"no C sources beside '{HERE}': build from a checkout or an sdist. pip before 21.3 copies "
        "this directory out of the checkout: pip install --upgrade pip"
    )


TREE = tree()  # whatever is to be built needs it


def copy_tree(tree, to):
    unwanted = shutil.ignore_patterns("__pycache__", "python")
    to.mkdir()
    for part in PARTS:
        if (tree / part).is_dir():
            shutil.copytree(tree / part, to / part, ignore=unwanted)
        else:
            shutil.copy2(tree / part, to / part)


def build_sdist(sdist_directory, config_settings=None):
    """With the C sources in `tree`, put together in a directory of its own."""
    with tempfile.TemporaryDirectory() as work, contextlib.ExitStack() as back:
        copy = Path(work, "mpifetch")
        shutil.copytree(HERE, copy, ignore=shutil.ignore_patterns("__pycache__", "build", "dist"))
        if TREE != HERE / "tree":
            copy_tree(TREE, copy / "tree")
            project = copy / "pyproject.toml"
            project.write_text(project.read_text().replace('"../../include/', '"tree/include/'))
        back.callback(os.chdir, os.getcwd())
        os.chdir(copy)
        return build_sdist_here(sdist_directory, config_settings)
