"""A reader that never stops, while one update follows the other: what docs/publish.md promises."""

import os
import threading
import time

import pytest
from conftest import write_tree
from job import PATIENCE
from killing import LAYOUTS, NAME, Jobs, assert_files, content, read_tree
from trees import HUB_RECORD

CONTENT = {mark: content(mark, large=1000, small=8) for mark in ("old", "new")}
COMMON = CONTENT["old"].keys() & CONTENT["new"].keys()


def look_through_directory(place):
    """A tree that was opened stays that tree. Where it is a directory that was exchanged, it is
    being removed: only then may something be missing."""
    top = os.open(place.dest, os.O_RDONLY | os.O_DIRECTORY)
    try:
        try:
            found = read_tree(f"/proc/self/fd/{top}")
        except FileNotFoundError:
            found = {}  # went away between being listed and being opened
        if found in CONTENT.values():
            return
        part = any(found.items() <= files.items() for files in CONTENT.values())
        assert part, f"a mixture of two revisions: {sorted(found)}"
        assert not place.versions, f"a part of a version: {sorted(found)}"
        assert os.fstat(top).st_ino != os.stat(place.dest).st_ino, "DEST itself lacks something"
    finally:
        os.close(top)


def look_by_path(place):
    """Each name leads to one of the two, at any instant."""
    for path in COMMON:
        data = (place.dest / path).read_bytes()
        assert data in [files[path] for files in CONTENT.values()], path
    assert (place.dest / HUB_RECORD / "manifest.json").read_bytes()


def look_in_cache(place):
    assert place.read() in CONTENT.values()


class Reader(threading.Thread):
    def __init__(self, looks, place):
        super().__init__(daemon=True)
        self.looks, self.place = looks, place
        self.rounds, self.error = 0, None
        self.ended = threading.Event()

    def run(self):
        try:
            while not self.ended.is_set():
                for look in self.looks:
                    look(self.place)
                self.rounds += 1
        except BaseException as error:
            self.error = error

    def stop(self):
        self.ended.set()
        self.join(PATIENCE)
        assert not self.is_alive(), "it does not end"
        if self.error:
            raise self.error


@pytest.mark.parametrize("layout, updates", [("dir", 80), ("versions", 80), ("cache", 40)])
def test_updates_under_a_reader(start, hub, tmp_path, layout, updates):
    trees = {mark: write_tree(tmp_path / mark, files) for mark, files in CONTENT.items()}
    jobs = Jobs(start, hub, LAYOUTS[layout](tmp_path / "out"))
    hub.add(NAME, trees["old"])
    jobs.succeed(0, "--no-sync")
    looks = [look_in_cache] if layout == "cache" else [look_through_directory, look_by_path]
    reader = Reader(looks, jobs.place)
    reader.start()
    try:
        for turn in range(updates):
            mark = ("new", "old")[turn % 2]
            hub.add(NAME, trees[mark])
            jobs.succeed(2 if turn % 20 == 0 else 0, "--no-sync")
            assert reader.is_alive(), reader.error
            assert_files(jobs.place, CONTENT[mark])
            until = time.monotonic() + PATIENCE
            while reader.rounds <= turn and reader.is_alive():
                assert time.monotonic() < until, f"{reader.rounds} rounds in {turn + 1} updates"
                time.sleep(0.001)
    finally:
        reader.stop()
    assert jobs.place.strays() == []
