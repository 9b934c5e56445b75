"""Hosts that do not reach the source: the others fetch their share, and the end is bounded."""

import contextlib

import pytest
from cluster import ORIGIN, Cluster, wait_for
from proxy import Proxy
from trees import assert_alone, assert_nothing, assert_same, files_of

MIB = 1 << 20
SHUT = [["n2"], ["n2", "n3"], ["n2", "n3", "n4"]]


@contextlib.contextmanager
def no_name(cluster, nodes):
    known = (cluster.dir / "hosts").read_text().splitlines(keepends=True)
    (cluster.dir / "nameless").write_text("".join(row for row in known if "origin" not in row))
    for node in nodes:
        cluster.on(node, "mount", "--bind", cluster.dir / "nameless", "/etc/hosts")
    yield
    for node in nodes:
        cluster.on(node, "umount", "/etc/hosts")


@contextlib.contextmanager
def no_cable(cluster, nodes):
    """The worst: packets vanish, so each attempt runs into a time limit."""
    for node in nodes:
        cluster.ask("link", node, "wan0", "down")
    yield
    for node in nodes:
        cluster.ask("link", node, "wan0", "up")


def start(cluster, files, dest, **how):
    options = ("--segment-size", MIB, "--connections", 2, "--manifest", files.list)
    return cluster.mpirun(4, 1, "get", *options, dest, **how)


def assert_all_once(cluster, files, result, dest, model):
    """Every byte was sent once, but for files of which an idle host took the end; they come whole.
    Every host sees every file."""
    sizes = [len(data) for data in files_of(model).values()]
    again = result.report["requests"]["cut"] * max(sizes)
    rows = [row for row in files.log() if row["bytes"]]
    sent = sum(row["bytes"] for row in rows)
    assert sum(sizes) <= sent <= sum(sizes) + again, (result.report["requests"], result, rows)
    moved = result.report["bytes"]
    assert moved["fetched"] - moved["duplicated"] == sum(sizes)
    for node in cluster.nodes:
        assert_same(cluster.seen(node, dest), model)
        assert_alone(cluster.seen(node, dest))


# for whom there is no name is found out as for whom there is no way, so the worst of it is enough
@pytest.mark.parametrize(
    "cut, shut",
    [*((Cluster.no_route, hosts) for hosts in SHUT), (no_name, SHUT[-1])],
    ids=lambda one: "+".join(one) if isinstance(one, list) else one.__name__,
)
def test_some_hosts_have_no_way_out(cluster, files, model, dest, cut, shut):
    with cut(cluster, shut):
        result = start(cluster, files, dest).wait()
    assert result.code == 0, result
    assert_all_once(cluster, files, result, dest, model)
    for row in result.report["ranks"]:
        assert row["host"] not in shut or row["bytes"] == 0
        told = f"on {row['host']} cannot reach the source"
        assert result.err.count(told) <= (row["host"] in shut), result.err


def test_a_pulled_cable(cluster, files, model, dest):
    with no_cable(cluster, ["n3"]):
        result = start(cluster, files, dest).wait()
    assert result.code == 0, result
    assert_all_once(cluster, files, result, dest, model)
    assert result.report["ranks"][2]["bytes"] == 0


@pytest.mark.parametrize("behind", [["n3", "n4"], ["n1", "n2", "n3", "n4"]], ids="+".join)
def test_a_proxy_is_the_only_way_out(cluster, files, model, dest, behind):
    """It runs on head, which they reach by the fabric."""
    script = 'case " $BEHIND " in *" $(hostname) "*) export http_proxy="$VIA";; esac; exec "$0" "$@"'
    with cluster.inside("head"):
        proxy = Proxy(files.url.replace("origin", ORIGIN["address"]), "10.98.0.2")
        proxy.__enter__()
    ways = {"10.99.0.2"} | ({"10.99.0.11", "10.99.0.12"} if len(behind) < 4 else set())
    files.trouble(hold=True)  # until each way has been taken
    with contextlib.closing(proxy), cluster.no_route(behind):
        env = {"BEHIND": " ".join(behind), "VIA": proxy.url}
        run = start(cluster, files, dest, env=env, wrapper=("sh", "-c", script))
        wait_for(lambda: files.requests.clients() == ways, run)
        files.troubles.release()
        result = run.wait()
        files.quiet()  # the proxy knows of a request before the source does
    assert result.code == 0, result
    assert_all_once(cluster, files, result, dest, model)
    assert proxy.seen and len(proxy.seen) < len(files.log()) + (len(behind) == 4)
    assert "cannot reach the source" not in result.err


def test_no_host_has_a_way_out(cluster, files, dest):
    with cluster.no_route(cluster.nodes):
        result = start(cluster, files, dest).wait()
    assert result.code == 6, result
    assert result.out == "" and files.log() == []
    assert "connection refused or timed out" in result.err
    assert_nothing(cluster.seen("n1", dest))


def get_from_hub(cluster, hub, model, dest, *options):
    hub.add("acme/demo", model)
    words = ("get", "--segment-size", MIB, "--connect-timeout", 10, *options, "hf://acme/demo", dest)
    env = {"HF_ENDPOINT": hub.endpoint}
    return cluster.mpirun(4, 1, *words, env=env, options=("-x", "HF_ENDPOINT")).wait()


@pytest.mark.parametrize(
    "cut, shut",
    [(Cluster.no_route, ["n1", "n2"]), (no_name, ["n1"]), (no_cable, ["n1", "n2"])],
    ids=lambda one: "+".join(one) if isinstance(one, list) else one.__name__,
)
def test_rank_0_cannot_list(cluster, hub, model, dest, cut, shut):
    """A rank of a host that reaches the Hub does, and asks for the signed URLs."""
    with cut(cluster, shut):
        result = get_from_hub(cluster, hub, model, dest)
    assert result.code == 0, result
    lister = len(shut)  # the next one
    assert result.report["lister"] == {"rank": lister, "host": f"n{lister + 1}"}
    told = f"n1 does not reach the source: rank {lister} on n{lister + 1} asks it for rank 0"
    assert result.err.count(told) == 1, result
    assert len(hub.log("api-revision")) == len(hub.log("api-tree")) == 1
    for row in result.report["ranks"]:
        assert row["host"] not in shut or row["bytes"] == 0
    for node in cluster.nodes:
        assert_same(cluster.seen(node, dest), model)
        assert_alone(cluster.seen(node, dest))


def test_no_host_can_list(cluster, hub, model, dest):
    with cluster.no_route(cluster.nodes):
        result = get_from_hub(cluster, hub, model, dest, "--retries", 1)
    assert result.code == 6, result
    said = [line for line in result.err.splitlines() if line.startswith("mpifetch: ")]
    assert hub.endpoint in said[-1], result
    assert said[-1].endswith("; nor does any of the 3 other nodes reach it"), result
    assert all(", next attempt in " in line for line in said[:-1]), result
    assert hub.log() == []
    assert_nothing(cluster.seen("n1", dest))
