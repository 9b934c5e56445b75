"""What tally.py makes of the results of build folders: nothing that did not run counts as passed."""

import subprocess
import sys
from pathlib import Path

import pytest

TALLY = Path(__file__).resolve().parents[1] / "tally.py"
FINE = '<Test Status="passed"><Name>fine</Name></Test>'
BAD = '<Test Status="failed"><Name>bad</Name></Test>'
MISSING = '<Test Status="notrun"><Name>gone</Name></Test>'
SKIPPED = '<testsuites><testcase classname="c" name="n"><skipped/></testcase></testsuites>'
CASES = '<testsuites><testcase classname="c" name="a"/><testcase classname="c" name="b"/></testsuites>'
GIVEN = {
    # for each folder its tests, and what pytest wrote of the test "fine"; the last line, exit code
    "passed": ([(FINE, None)], "1 passed, 0 failed", 0),
    "counted in cases": ([(FINE, CASES)], "2 passed, 0 failed", 0),
    "failed": ([(FINE + BAD, None)], "1 passed, 1 failed", 1),
    "not run": ([(FINE + MISSING, None)], "1 passed, 1 failed", 1),
    "skipped": ([(FINE, SKIPPED)], "0 passed, 2 failed", 1),
    "nothing in one": ([(FINE, None), ("", None)], "1 passed, 1 failed", 1),
    "no results of one": ([(FINE, None), (None, None)], "1 passed, 1 failed", 1),
    "cut short": ([("<Test", None)], "0 passed, 1 failed", 1),
}


@pytest.mark.parametrize("folders, last, code", GIVEN.values(), ids=GIVEN)
def test_tally(tmp_path, folders, last, code):
    for number, (tests, cases) in enumerate(folders):
        build = tmp_path / str(number)
        (build / "junit").mkdir(parents=True)
        if cases:
            (build / "junit" / "fine.xml").write_text(cases)
        if tests is not None:
            (build / "Testing" / "now").mkdir(parents=True)
            (build / "Testing" / "TAG").write_text("now\n")
            (build / "Testing" / "now" / "Test.xml").write_text(f"<Site><Testing>{tests}</Testing></Site>")
    words = [sys.executable, TALLY, *sorted(tmp_path.iterdir())]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (done.stdout.splitlines()[-1], done.returncode) == (last, code), done
