#!/usr/bin/env python3
"""tally.py BUILD...: count what ctest wrote, end with "N passed, N failed".

A CTest that is a pytest run counts as its cases, if all of it ran; any other as one. What
was skipped or did not run has failed, and so has a build folder of which nothing ran.
"""

import sys
import xml.etree.ElementTree as ET
from pathlib import Path

SLOW = 10  # how many of the slowest are named
TIME = "Results/NamedMeasurement[@name='Execution Time']/Value"


def pytest_cases(path):
    """(name, passed) of each case, or nothing if there is no readable file."""
    try:
        cases = list(ET.parse(path).getroot().iter("testcase"))
    except (OSError, ET.ParseError):
        return []
    return [
        (
            f"{case.get('classname')}.{case.get('name')}",
            not any(child.tag in ("failure", "error", "skipped") for child in case),
        )
        for case in cases
    ]


def ctest_file(build):
    """What the last ctest -T Test wrote."""
    stamp = (build / "Testing/TAG").read_text().split("\n", 1)[0]
    return build / "Testing" / stamp / "Test.xml"


def ctest_cases(build):
    """(name, passed, seconds) of each case of one build folder."""
    for test in ET.parse(ctest_file(build)).getroot().iterfind("Testing/Test"):
        name, passed = test.findtext("Name"), test.get("Status") == "passed"
        seconds = float(test.findtext(TIME) or 0)
        inside = pytest_cases(build / "junit" / f"{name}.xml")
        for case, good in inside:
            yield f"{build}: {case}", good, 0.0
        if inside and passed == all(good for _, good in inside):
            yield f"{build}: {name}", None, seconds
        else:
            yield f"{build}: {name}", passed and not inside, seconds


def main(builds):
    cases = []
    for build in map(Path, builds):
        try:
            found = list(ctest_cases(build))
            cases += found or [(f"{build}: no test of it ran", False, 0.0)]
        except (OSError, ET.ParseError) as error:
            cases.append((f"{build}: no results: {error}", False, 0.0))
    slow = sorted(cases, key=lambda case: -case[2])[:SLOW]
    print("the slowest tests:")
    for name, _, seconds in slow:
        print(f"{seconds:6.0f} s  {name}")
    failed = [name for name, passed, _ in cases if passed is False]
    passed = sum(1 for _, passed, _ in cases if passed)
    for name in failed:
        print(f"FAILED {name}")
    print(f"{passed} passed, {len(failed)} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
