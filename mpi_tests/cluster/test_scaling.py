"""jobscripts/bench-scaling.sbatch as it is, on real Slurm: what it says is what the source saw, each
copy counts only if it is right, and nothing of it stays."""

import csv
import importlib.util
import re
import shutil
import statistics
import subprocess

import pytest
from cluster import PROJECT, wait_for
from trees import files_of, live

SOURCE = "hf://acme/demo"
WAYS = ("mpifetch", "alone", "sbcast")


@pytest.fixture
def bench(cluster, slurm, hub, model, place, jobs):
    """bench(nodes=4, SOURCE=...): the job, its log of requests empty, with a place for results."""
    hub.add("acme/demo", model)

    def submit(nodes, **env):
        env = {
            "HF_ENDPOINT": hub.endpoint,
            "SOURCE": SOURCE,
            "DEST": str(place.parent),
            "LOCAL": "/tmp",
            "WAN_IF": "wan0",
            "ROUNDS": "1",
            "RESULTS": str(cluster.dir / "results"),
            "PATH": f"{jobs}/bin:/usr/local/bin:/usr/bin:/bin",
            **env,
        }
        shutil.rmtree(env["RESULTS"], ignore_errors=True)
        script = jobs / "bench-scaling.sbatch"
        return cluster.sbatch(script, env=env, options=(f"--nodes={nodes}",), cwd=jobs)

    submit.results = cluster.dir / "results"
    submit.hub, submit.place = hub, place
    return submit


def rows_of(bench):
    with open(bench.results / "scaling.csv", newline="") as file:
        return list(csv.DictReader(file))


def asked(bench, row):
    """Of the source, during a run."""
    begin = float(row["started"])
    end = begin + float(row["seconds"])
    return [line for line in bench.hub.log() if begin <= line["time"] <= end]


def data_of(lines):
    """Answers with bytes of files, not lists or redirects."""
    return [
        line
        for line in lines
        if line["kind"] in ("cdn", "resolve-cache") and line["status"] in (200, 206)
    ]


def sent(lines):
    return sum(line["bytes"] for line in data_of(lines))


def assert_left_alone(cluster, bench):
    """On all disks nothing but the results."""
    assert list(cluster.seen("n1", bench.place.parent).iterdir()) == []
    for node in cluster.nodes:
        assert list(cluster.seen(node, "/tmp").glob("bench-scaling*")) == []


def test_one_two_four_nodes(cluster, bench, model):
    result = bench(4, TOOL="curl", PACK="1").wait()
    assert result.code == 0, result
    rows = rows_of(bench)
    runs = {(row["nodes"], row["way"]) for row in rows}
    assert len(rows) == 9 and runs == {(n, way) for n in "124" for way in WAYS}
    total = sum(map(len, files_of(model).values()))
    for row in rows:
        assert row["verified_nodes"] == row["nodes"]
        assert (int(row["files"]), int(row["bytes"])) == (len(files_of(model)), total)
        saw = asked(bench, row)
        assert_bytes(row, data_of(saw), total)
        assert int(row["wan_bytes"]) < int(row["interface_bytes"])
        assert_requests(row, [line["kind"] for line in saw])
    assert_page(bench, rows)
    assert_left_alone(cluster, bench)


def assert_bytes(row, answers, total):
    """What the source has sent. Of an answer that is cut mpifetch counts what has come; one node by
    itself cuts none. What went out to who was gone when it was asked for is short of its length."""
    nodes, seen = int(row["nodes"]), int(row["wan_bytes"])
    went_out, short = sent(answers), [one for one in answers if one["bytes"] < one["length"]]
    if row["way"] == "mpifetch" and nodes > 1:
        assert total <= seen <= went_out, row
    else:
        assert seen == total * (nodes if row["way"] == "alone" else 1), row
        assert sent(one for one in answers if one not in short) <= seen <= went_out, (row, short)


def assert_requests(row, kinds):
    """Of mpifetch's own numbers its report says what they are; curl's are all there were. What one
    node gives up since another one was faster may never reach the source."""
    listing, data = int(row["requests_listing"]), int(row["requests_data"])
    if row["tool"] == "curl":
        assert (listing, data) == (kinds.count("resolve"), len(kinds))
    else:
        lists = kinds.count("api-revision") + kinds.count("api-tree")
        small = kinds.count("resolve-cache")
        assert listing == lists + kinds.count("resolve")
        seen = 2 * small + kinds.count("cdn")
        assert data == seen or (int(row["nodes"]) > 1 and data > seen), (data, seen)


def assert_page(bench, rows):
    """A line for each number of nodes and way, with the median of its runs."""
    page = (bench.results / "scaling.md").read_text()
    found = {}
    for nodes, way, seconds, good in re.findall(
        r"^\| (\d+) \| (\w+) \| ([\d.]+) .*\| (\d+ of \d+) runs \|$", page, re.MULTILINE
    ):
        found[nodes, way] = seconds, good
    groups = {}
    for row in rows:
        groups.setdefault((row["nodes"], row["way"]), []).append(float(row["seconds"]))
    assert found == {
        key: (f"{statistics.median(seconds):.2f}", f"{len(seconds)} of {len(seconds)}")
        for key, seconds in groups.items()
    }
    drawn = subprocess.run(["/usr/bin/python3", "-c", "import matplotlib"]).returncode == 0
    assert (bench.results / "scaling.png").exists() == drawn
    assert ("scaling.png" in page, "no matplotlib" in page) == (drawn, not drawn)


def test_each_round_has_another_order(cluster, bench, model):
    run = bench(2, TOOL="mpifetch", WAYS="mpifetch alone", NODE_COUNTS="1 2", ROUNDS="2")
    result = run.wait()
    assert result.code == 0, result
    rows = rows_of(bench)
    orders = [[(r["nodes"], r["way"]) for r in rows if r["round"] == n] for n in "12"]
    assert sorted(orders[0]) == sorted(orders[1]) == sorted(set(orders[0]))
    assert orders[0][0][0] != orders[1][0][0] and orders[0][0][1] != orders[1][0][1]
    total = sum(map(len, files_of(model).values()))
    for row in rows:
        assert row["tool"] == "mpifetch" and row["wan_known_by"] == "report"
        assert_bytes(row, data_of(asked(bench, row)), total)
    assert_page(bench, rows)
    assert_left_alone(cluster, bench)


def test_rclone_where_it_is(cluster, bench):
    result = bench(2, WAYS="alone sbcast", NODE_COUNTS="2").wait()
    assert result.code == 0, result
    for row in rows_of(bench):
        assert (row["tool"], row["wan_known_by"], row["requests_data"]) == ("rclone", "sizes", "")
        assert int(row["wan_bytes"]) == sent(asked(bench, row)), row
    assert "not known" in (bench.results / "scaling.md").read_text()
    assert_left_alone(cluster, bench)


def put_curl(jobs, text):
    """In front of the real one."""
    program = jobs / "bin" / "curl"
    program.write_text(f"#!/bin/sh\n{text}\n")
    program.chmod(0o755)


def test_a_copy_that_is_wrong_does_not_count(cluster, bench, jobs):
    """On one node; the other runs go on."""
    put_curl(
        jobs,
        '/usr/bin/curl "$@" || exit\n'
        '[ "$(hostname)" != n2 ] || [ ! -e config.json ] || echo >>config.json',
    )
    result = bench(2, TOOL="curl", WAYS="alone mpifetch", NODE_COUNTS="2").wait()
    assert result.code == 1, result
    rows = {row["way"]: row for row in rows_of(bench)}
    assert rows["alone"]["status"] != "0" and rows["mpifetch"]["status"] == "0"
    assert int(rows["alone"]["verified_nodes"]) < 2
    page = (bench.results / "scaling.md").read_text()
    assert re.search(r"^\| 2 \| alone \| failed .*\| 0 of 1 runs \|$", page, re.MULTILINE)
    assert_left_alone(cluster, bench)


def test_cancelled(cluster, bench, jobs):
    """In the middle of a run, with a part of a file on each node."""
    put_curl(
        jobs,
        'case "$*" in *--write-out*) echo >config.json; exec sleep 600 ;; esac\n'
        'exec /usr/bin/curl "$@"',
    )
    job = bench(2, TOOL="curl", WAYS="alone", NODE_COUNTS="2")
    for node in ("n1", "n2"):
        wait_for(lambda n=node: live(cluster.seen(n, "/tmp"), "bench-scaling*/tree/*"), "files")
    job.cancel()
    job.wait()
    wait_for(lambda: job.field("JobState") == "CANCELLED", "its end")
    wait_for(lambda: not list(cluster.seen("n1", bench.place.parent).iterdir()), "a clean DEST")
    for node in ("n1", "n2"):
        wait_for(lambda n=node: not list(cluster.seen(n, "/tmp").glob("bench-scaling*")), "a clean disk")


def test_a_disk_that_is_not_each_nodes_own(cluster, bench):
    result = bench(2, LOCAL=str(bench.place.parent)).wait()
    assert result.code == 2, result
    assert re.search(f"'{bench.place.parent}' of (n1 is that of n2|n2 is that of n1) too", result.err)
    assert bench.hub.log() == []
    assert_left_alone(cluster, bench)


BASES = [
    ("hf://acme/m", "hf://models/acme/m@main", "https://hub/acme/m/resolve/c0ffee"),
    ("hf://datasets/acme/t@v2/train", "hf://datasets/acme/t@v2/train", "https://hub/datasets/acme/t/resolve/c0ffee"),
    ("https://host/a/b.tar", "", "https://host/a"),
    ("--sha256 00 https://host/b.tar", "", "https://host"),
    ("https://host/a/b.tar?signed=1", "", None),
    ("--manifest https://host/v2/SHA256SUMS", "", "https://host/v2"),
    ("--manifest=https://host/v2/SHA256SUMS", "", "https://host/v2"),
    ("--manifest list --base https://host/v3/", "", "https://host/v3"),
    ("--manifest list", "", None),
    ("file:///archive/m", "", None),
]


@pytest.mark.parametrize("source, full, base", BASES)
def test_where_other_tools_find_the_files(monkeypatch, source, full, base):
    monkeypatch.setenv("HF_ENDPOINT", "https://hub/")
    place = PROJECT / "jobscripts" / "bench-scaling.py"
    loader = importlib.util.spec_from_file_location("bench_scaling", place)
    module = importlib.util.module_from_spec(loader)
    loader.loader.exec_module(module)
    assert module.base_of(source.split(), {"source": full, "revision": "c0ffee"}) == base
