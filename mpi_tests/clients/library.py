"""The real huggingface_hub, told what to do through a pipe: whatever version is installed for the
Python that runs this.

Each line of the standard input is a request, {"call": name, "args": {...}, "apart": true or false};
each is answered by one line on the standard output:

    value       what the call returned, made fit for JSON
    error       null, or {"class": name, "bases": [names], "text": its message}
    complaints  warnings and log records of level WARNING and above, in order

Calls are functions of huggingface_hub, methods of its HfApi, or of the table CALLS here. A call
apart is made by a child, which ends with it: what the library keeps in memory begins as it is here.
"""

import hashlib
import json
import logging
import os
import sys
import warnings

import huggingface_hub
from huggingface_hub import HfApi

complaints = []


class Ear(logging.Handler):
    def emit(self, record):
        complaints.append(f"{record.levelname} {record.name}: {record.getMessage()}")


def listen():
    """Not every version lets its loggers pass on to the root."""
    theirs = logging.getLogger("huggingface_hub")
    for logger in {logging.getLogger() if theirs.propagate else theirs, logging.getLogger()}:
        logger.addHandler(Ear(level=logging.WARNING))
    warnings.simplefilter("always")
    warnings.showwarning = lambda text, kind, *where, **more: complaints.append(
        f"{kind.__name__}: {text}"
    )


def scan(cache_dir):
    """scan_cache_dir, as plain values. Old versions do not know the tag that the latest writes
    into each cache itself."""
    found = huggingface_hub.scan_cache_dir(cache_dir)
    old = tuple(map(int, version().split(".")[:2])) < (1, 9)
    warnings = [str(warning) for warning in found.warnings]
    return {
        "warnings": [one for one in warnings if not (old and one.endswith("/CACHEDIR.TAG"))],
        "size": found.size_on_disk,
        "repos": {
            f"{repo.repo_type}s/{repo.repo_id}": {
                "size": repo.size_on_disk,
                "files": repo.nb_files,
                "refs": sorted(repo.refs),
                "revisions": {
                    one.commit_hash: {
                        "size": one.size_on_disk,
                        "refs": sorted(one.refs),
                        "files": {
                            os.path.relpath(file.file_path, one.snapshot_path): file.size_on_disk
                            for file in one.files
                        },
                    }
                    for one in repo.revisions
                },
            }
            for repo in found.repos
        },
    }


def cached(**args):
    """try_to_load_from_cache, whose "known to be missing" is an object without a name."""
    found = huggingface_hub.try_to_load_from_cache(**args)
    return found if found is None or isinstance(found, str) else "known to be missing"


def tree(**args):
    """list_repo_tree: path -> size, blob id and SHA-256 of each file."""
    return {
        one.path: {"size": one.size, "oid": one.blob_id, "sha256": one.lfs and one.lfs.sha256}
        for one in HfApi().list_repo_tree(recursive=True, **args)
        if hasattr(one, "blob_id")
    }


def infos(**args):
    return {one.path: one.size for one in HfApi().get_paths_info(**args)}


def info(**args):
    found = HfApi().repo_info(**args)
    return {
        "sha": found.sha,
        "private": found.private,
        "files": sorted(one.rfilename for one in found.siblings),
    }


def refs(**args):
    found = HfApi().list_repo_refs(include_pull_requests=True, **args)
    every = (*found.branches, *found.tags, *(found.pull_requests or ()))
    return {one.ref: one.target_commit for one in every}


def metadata(url):
    found = huggingface_hub.get_hf_file_metadata(url)
    return {"commit": found.commit_hash, "etag": found.etag, "size": found.size}


def cached_tree(**args):
    """The listing that the library keeps in the cache; not in old versions."""
    return {one.path: one.size for one in huggingface_hub.get_cached_repo_tree(**args)}


def digests(path):
    """path -> SHA-256 of every file below, read as this process may read it."""
    found = {}
    for folder, _, names in os.walk(path, onerror=refuse):
        for name in names:
            full = os.path.join(folder, name)
            with open(full, "rb") as opened:
                found[os.path.relpath(full, path)] = hashlib.sha256(opened.read()).hexdigest()
    return found


def refuse(error):
    raise error


def version():
    return huggingface_hub.__version__


def cache_root():
    return huggingface_hub.constants.HF_HUB_CACHE


CALLS = {
    function.__name__: function
    for function in (
        cache_root,
        cached,
        cached_tree,
        digests,
        info,
        infos,
        metadata,
        refs,
        scan,
        tree,
        version,
    )
}


def answer(request):
    name, args = request["call"], request.get("args", {})
    function = CALLS.get(name) or getattr(huggingface_hub, name)
    complaints.clear()
    value, error = None, None
    try:
        value = function(**args)
    except Exception as caught:
        bases = [one.__name__ for one in type(caught).__mro__]
        error = {"class": type(caught).__name__, "bases": bases, "text": str(caught)}
    return {"value": value, "error": error, "complaints": list(complaints)}


def answer_apart(request, out):
    """To import the library takes longer than most calls; a child has it."""
    child = os.fork()
    if child == 0:
        print(json.dumps(answer(request)), file=out, flush=True)
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    assert status == 0, f"the call has ended its process: {status}"


def main():
    out = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # whatever prints does not talk into the answers
    listen()
    for line in sys.stdin:
        request = json.loads(line)
        if request["apart"]:
            answer_apart(request, out)
        else:
            print(json.dumps(answer(request)), file=out)


if __name__ == "__main__":
    main()
