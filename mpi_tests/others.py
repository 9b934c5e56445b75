"""Files of the project where other users can reach them."""

import atexit
import shutil
import tempfile
from pathlib import Path

_place = None  # made when the first file wants it
_copies = {}


def for_others(path):
    """The path itself; or, where a directory above it is closed to others (a project below the home
    of root, say), that of a copy, which goes when the tests end."""
    global _place
    path = Path(path).absolute()
    if all(above.stat().st_mode & 0o001 for above in path.parents):
        return path
    if path not in _copies:
        if _place is None:
            _place = Path(tempfile.mkdtemp(prefix="mpifetch-others-"))
            _place.chmod(0o755)
            atexit.register(shutil.rmtree, _place, ignore_errors=True)
        made = _place / f"{len(_copies)}-{path.name}"
        if path.is_dir():
            shutil.copytree(path, made, symlinks=True)
        else:
            shutil.copy(path, made)
        _copies[path] = made
    return _copies[path]
