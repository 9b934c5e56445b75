"""What the bench makes of its runs: pure parts alone, nothing is measured here."""

import csv

import pytest

import bars
import page
import picture
from bars import Bar
from bench import CASES
from content import Wrong
from figures import (
    FLOORS,
    Figure,
    against_best,
    cost_of,
    fetched_twice,
    link_bounds,
    over_bound,
    possible,
    ratio,
    share_of_links,
)
from functions import by_function
from store import Runs, Store, flatten


def runs_of(kind, *walls, **more):
    return [{"round": i, "kind": kind, "wall": wall, **more} for i, wall in enumerate(walls)]


ROWS = {
    "mpifetch --no-sync, 2 ranks": runs_of("mpifetch", 1.0, 3.0, 2.0, cpu=1.0),
    "mpifetch, 2 ranks": runs_of("mpifetch", 4.0, 4.0, 4.0, cpu=1.0),
    "quick but does not verify fast": runs_of("peer", 1.0, 1.0, 1.0, cpu=1.0, check_wall=9.0,
                                              check_cpu=3.0, sync_wall=1.0, sync_cpu=0.0),
    "steady": runs_of("peer", 2.0, 4.0, 3.0, cpu=2.0, check_wall=1.0, check_cpu=3.0,
                      sync_wall=8.0, sync_cpu=1.0),
    FLOORS["write"]: runs_of("floor", 0.1, cpu=0.1),
}  # fmt: skip


def test_the_best_peer_is_the_best_with_its_verification():
    found = against_best(ROWS, "mpifetch --no-sync, 2 ranks", "wall", False)
    assert (found.value, found.least, found.most) == (2 / 4, 1 / 3, 3 / 5)


def test_with_sync_another_may_be_the_best():
    found = against_best(ROWS, "mpifetch, 2 ranks", "wall", True)
    assert found.value == 4 / 11
    assert against_best(ROWS, "mpifetch, 2 ranks", "cpu", True).value == 1 / 4


def test_nothing_to_compare_with_is_no_figure():
    assert against_best(ROWS, "mpifetch, 4 ranks", "wall", False) is None
    assert against_best({"a": runs_of("mpifetch", 1)}, "a", "wall", False) is None


def test_what_mpifetch_does_by_itself_is_not_added():
    (run, *_) = ROWS["mpifetch, 2 ranks"]
    assert cost_of(run, "wall", True) == cost_of(run, "wall", False) == 4.0


def test_possible_is_bound_by_the_cores_or_by_one_hash():
    floors = {name: {"wall": 1.0, "cpu": 0.5} for name in FLOORS.values()}
    floors[FLOORS["write"]] = {"wall": 4.0, "cpu": 3.0}
    floors[FLOORS["hash"]] = {"wall": 1.0, "cpu": 2.0}
    assert possible(floors, 2) == {"wall": 1.0 + 2.0 / 2, "cpu": 0.5 + 2.0}
    floors[FLOORS["hash"]] = {"wall": 9.0, "cpu": 9.0}
    assert possible(floors, 2)["wall"] == 9.0
    del floors[FLOORS["direct"]]
    assert possible(floors, 2) is None


def wan(fetch, published=100, duplicated=0):
    return {
        "round": 0,
        "kind": "mpifetch",
        "links": 50.0,
        "seconds": {"fetch": fetch},
        "bytes": {"published": published, "duplicated": duplicated},
    }


def test_shares_of_a_link():
    assert share_of_links(wan(4.0)) == 0.5
    assert fetched_twice(wan(4.0, duplicated=7)) == 0.07
    rows = {"slow": [wan(4.0)], "fast": [wan(2.0)]}
    assert ratio(rows, "slow", "fast", share_of_links) == Figure(0.5, 0.5, 0.5)
    assert ratio(rows, "slow", "none", share_of_links) is None


def test_bounds_of_equal_links():
    """As the formula for equal hosts has it: bytes / all WAN, bytes (p - 1) / p / fabric."""
    found = link_bounds(800, [(10, 100)] * 4)
    assert (found["wan"], found["fabric"]) == (800 / 40, 800 * 3 / 4 / 100)
    assert max(found.values()) == 20
    assert link_bounds(800, [(10, 100)]) == {"wan": 80}


def test_bounds_of_links_that_differ():
    slow_wan = link_bounds(800, [(10, 100)] * 3 + [(1, 100)])
    assert max(slow_wan.values()) == slow_wan["wan"] == 800 / 31
    none = link_bounds(800, [(10, 100)] * 3 + [(0, 20)])
    assert max(none.values()) == none["one host"] == 800 / 20
    # one host's fabric: what it fetches it need not get from the others
    slow = link_bounds(800, [(10, 100)] * 3 + [(10, 10)])
    assert max(slow.values()) == slow["one host"] == 800 / (10 + 10)
    # nor can it pass on more than its fabric takes
    useless = link_bounds(800, [(10, 100)] * 3 + [(50, 1)])
    assert useless["wan"] == 800 / 31 and useless["one host"] == 800 / 2


def copy_run(kind, took, **bounds):
    return {"kind": kind, "took": took, "bounds": bounds, "came": 1.0, "cpu": 3.0}


def test_copies_against_what_bounds_them():
    assert over_bound(copy_run("mpifetch", 6.0, wan=5.0, cpu=4.0)) == 1.2
    rows = {
        "mpifetch, 2 hosts": [{"round": 0, **copy_run("mpifetch", 6.0, wan=5.0, cpu=4.0)}],
        "rclone on every host, 2 hosts": [
            {"round": 0, **copy_run("peer", 12.0, wan=5.0, cpu=8.0)},
        ],
    }
    found = {bar.what: bar for bar in bars.BARS if bar.case == "per-node"}
    over = found["time / largest bound, 2 hosts"]
    assert over.value(rows, "") == Figure(1.2, 1.2, 1.2) and not over.met(over.value(rows, ""))
    assert found["time / rclone on every host, 2 hosts"].value(rows, "").value == 0.5
    assert page.case_table(rows, None).splitlines()[2:] == [
        "| mpifetch, 2 hosts | 6.00 | 6.00 to 6.00 | 1.20 | wan 5.00, cpu 4.00 | 1.00 | 3.00 |",
        "| rclone on every host, 2 hosts | 12.00 | 12.00 to 12.00 | 1.50 | cpu 8.00, wan 5.00 | 1.00 | 3.00 |",
    ]


def test_a_page_of_copies_alone_leaves_other_figures(tmp_path):
    store = Store(tmp_path, {})
    store.note({"when": "", "cores": 2, "cpu": "", "kernel": "", "load": 0, "dest": "", "versions": [], "peers": []})
    store.add("per-node", "mpifetch, 2 hosts", 0, **copy_run("mpifetch", 6.0, wan=5.0))
    mark = "<!-- {}, from bench.py --publish -->"
    text = "".join(f"{mark.format(part)}\nold {part}\n{page.END}\n" for part in ("figures", "copies"))
    found = page.published(text, store)
    assert "old figures" in found and "old copies" not in found
    assert "| mpifetch, 2 hosts | 6.00 |" in found and "| 1.20 |" in found


def test_a_page_of_profiles_alone_leaves_other_figures(tmp_path):
    store = Store(tmp_path, {})
    store.add("profile", "large files", 0, kind="mpifetch", by_function={"copy": 1.5}, ranks_cpu=3.0)
    mark = "<!-- {}, from bench.py --publish -->"
    text = "".join(f"{mark.format(part)}\nold {part}\n{page.END}\n" for part in ("figures", "profile"))
    found = page.published(text, store)
    assert "old figures" in found and "old profile" not in found
    assert "| all, CPU s | 3.00 |" in found and "| `copy` | 1.50 |" in found


@pytest.mark.parametrize(
    "bar, figure, met",
    [
        ({"bar": 0.5}, (0.5, 0.1, 0.9), True),
        ({"bar": 0.5}, (0.6, 0.1, 0.9), False),
        ({"bar": 0.5, "least": True}, (0.6, 0.1, 0.9), True),
        ({"bar": 0.5, "least": True, "all": True}, (0.6, 0.1, 0.9), False),
        ({"bar": None}, (0.6, 0.1, 0.9), None),
    ],
)
def test_met(bar, figure, met):
    assert Bar("work", "case", "what", None, **bar).met(Figure(*figure)) is met


def test_every_bar_belongs_to_a_case_and_takes_what_is_there():
    assert {bar.case for bar in bars.BARS} <= set(CASES)
    for bar in bars.BARS:
        assert bar.value({}, "") is None
    found = [bar.value(ROWS, "") for bar in bars.BARS if bar.case == "large"]
    assert len(found) == 8 and sum(one is not None for one in found) == 4


def test_a_bench_goes_on_where_it_was_ended(tmp_path):
    store = Store(tmp_path, {"size_scale": 1.0})
    store.add("large", "curl", 0, kind="peer", wall=1.5)
    with open(tmp_path / "runs.jsonl", "a") as out:
        out.write('{"case": "large", "row": "rcl')  # ended in the midst of it
    again = Store(tmp_path, {"size_scale": 1.0})
    assert again.has("large", "curl", 0) and not again.has("large", "curl", 1)
    again.add("large", "curl", 1, kind="peer", wall=1.7)
    again.finish("large", 2)
    last = Runs(tmp_path)
    assert [run["wall"] for run in last.rows("large")["curl"]] == [1.5, 1.7]
    assert list(last.rows("large")) == ["curl"] and last.cases() == ["large"]
    assert Store(tmp_path, {"size_scale": 1.0}).finished("large", 2)
    assert not Store(tmp_path, {"size_scale": 1.0}).finished("large", 3)


def test_runs_of_another_program_are_not_mixed_in(tmp_path):
    Store(tmp_path, {"mpifetch": "a", "size_scale": 1.0})
    with pytest.raises(Wrong, match="another mpifetch"):
        Store(tmp_path, {"mpifetch": "b", "size_scale": 1.0})


def test_csv_has_all_runs_and_all_numbers(tmp_path):
    store = Store(tmp_path, {})
    store.add("a", "x", 0, bytes={"fetched": 5})
    store.add("a", "y", 0, wall=2)
    store.finish("a", 1)
    store.write_csv()
    rows = list(csv.DictReader(open(tmp_path / "runs.csv", newline="")))
    assert [(row["row"], row["bytes.fetched"], row["wall"]) for row in rows] == [
        ("x", "5", ""), ("y", "", "2"),
    ]  # fmt: skip
    assert flatten({"a": {"b": {"c": 1}}, "d": 2}) == {"a.b.c": 1, "d": 2}


def test_page_between_its_marks():
    mark = "<!-- {}, from bench.py --publish -->"
    text = f"head\n{mark.format('a')}\nold\n{page.END}\n{mark.format('b')}\n{page.END}\ntail\n"
    once = page.put_between(page.put_between(text, "a", "1"), "b", "2\n3")
    assert once.split("\n") == [
        "head", mark.format("a"), "", "1", "", page.END, mark.format("b"), "", "2", "3", "",
        page.END, "tail", "",
    ]  # fmt: skip
    assert page.put_between(page.put_between(once, "a", "1"), "b", "2\n3") == once


def test_table_of_bars_says_what_is_not_met():
    bar = Bar("work", "case", "share", None, 0.9, least=True)
    found = [(bar, Figure(0.5, 0.4, 0.6), Figure(0.2, 0.2, 0.2)), (bar, None, None)]
    last = page.bar_table(found).splitlines()[-1]
    assert last == "| work | share | 0.20 | 0.50 | 0.40 to 0.60 | >= 0.90 | **no** |"


def test_tools_beside_floors_with_peers_or_without():
    rows = {**ROWS, **{name: runs_of("floor", 0.5, cpu=0.5) for name in FLOORS.values()}}
    lines = page.tool_table(rows, 2).splitlines()
    assert (
        "| mpifetch --no-sync, 2 ranks | 2.00 | 1.00 to 3.00 |  | 1.00 | 0.50 | 0.25 | 0.38 | 1.00 |"
        in lines
    )
    assert (
        "| steady, sync | 12.00 | 11.00 to 13.00 | 1.00 | 6.00 | 1.09 | 1.50 | 0.0625 | 0.17 |"
        in lines
    )
    ours = {name: runs for name, runs in rows.items() if runs[0]["kind"] != "peer"}
    lines = page.tool_table(ours, 2).splitlines()
    assert "| mpifetch, 2 ranks | 4.00 | 4.00 to 4.00 |  | 1.00 |  |  | 0.19 | 1.00 |" in lines


def test_functions_of_a_profile():
    text = """# Overhead|Shared Object|Symbol
    50.00%|[kernel.kallsyms]|[k] copy
    20.00%|libcrypto.so.3|[.] 0x000000000029c4df
    10.00%|libcrypto.so.3|[.] 0x000000000029c4f0
     5.00%|mpifetch|[.] take_line
     0.50%|mpifetch|[.] rare
    """
    assert by_function(text, 10.0) == pytest.approx(
        {"[k] copy": 5.0, "libcrypto.so.3": 3.0, "take_line": 0.5}
    )
    rows = {"small": [{"by_function": by_function(text, 10.0), "ranks_cpu": 10.0}]}
    assert page.function_table(rows).splitlines()[2:4] == [
        "| all, CPU s | 10.00 |", "| `[k] copy` | 5.00 |",
    ]  # fmt: skip


def test_bars_of_a_trace_by_rank_and_lane():
    events = [
        {"name": "process_name", "ph": "M", "pid": 1, "args": {"name": "rank 1 (n2)"}},
        {"name": "process_name", "ph": "M", "pid": 0, "args": {"name": "rank 0 (n1)"}},
        {"name": "fetch", "ph": "X", "pid": 1, "tid": 4, "ts": 5e5, "dur": 1e6, "args": {}},
        {"name": "fetch", "ph": "X", "pid": 1, "tid": 0, "ts": 0, "dur": 2e6, "args": {}},
        {"name": "hash", "ph": "X", "pid": 1, "tid": 1000, "ts": 2e6, "dur": 5e5, "args": {}},
    ]
    events.append(
        {"name": "connections", "ph": "C", "pid": 0, "ts": 1e6, "args": {"connections": 9}}
    )
    assert picture.connections_of(events) == [(1.0, 9)]
    ranks = picture.ranks_of(events)
    assert ranks == [
        ("rank 0 (n1)", {}, 0),
        ("rank 1 (n2)", {"fetch": [(1, 0.5, 1.0), (0, 0.0, 2.0)], "hash": [(2, 2.0, 0.5)]}, 3),
    ]
    assert picture.length(ranks) == 2.5
