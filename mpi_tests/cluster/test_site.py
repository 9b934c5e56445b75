"""The cluster itself: what the other tests take for granted, and that nothing of it stays."""

import contextlib
import os
import re
import subprocess
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from cluster import ASKING, ORIGIN, Cluster, wait_for
from files import Files
from job import PATIENCE
from trees import noise, write_tree

FETCH = "import urllib.request; urllib.request.urlopen"


@pytest.fixture(scope="module")
def site():
    with Cluster(hosts=2, mbit=0) as made:
        made.ask("slurm")
        yield made


def test_what_a_host_has_of_its_own(cluster):
    for node in cluster.nodes:
        assert cluster.on(node, "hostname") == f"{node}\n"
        for place in ("/tmp", "/dev/shm", "/run", cluster.shared):
            cluster.on(node, "touch", f"{place}/from-{node}")
    for node in cluster.nodes:
        for place in ("/tmp", "/dev/shm", "/run"):
            seen = {name for name in os.listdir(cluster.seen(node, place)) if "from-" in name}
            assert seen == {f"from-{node}"}
        seen = {name for name in os.listdir(cluster.seen(node, cluster.shared)) if "from-" in name}
        assert seen == {f"from-{name}" for name in cluster.nodes}


def test_agent_hands_over_no_environment(cluster):
    """As ssh: what a remote rank is to have must be said to mpirun."""
    script = 'echo "$(hostname) ${LOST-none} ${CARRIED-none}"'
    env = {"LOST": "1", "CARRIED": "1"}
    run = cluster.start(("mpirun", 2, 1, "-x", "CARRIED", "sh", "-c", script), env)
    result = run.wait()
    assert sorted(result.out.splitlines()) == ["n1 1 1", "n2 none 1"], result


def test_speed_of_a_link(cluster, tmp_path):
    """Never faster than said, however fast the machine; but for what the bucket holds."""
    write_tree(tmp_path, {"file": noise(4 << 20, 1)})
    with cluster.inside("origin"):
        files = Files(tmp_path, **ORIGIN)
    with files:
        cluster.ask("shape", "n1", 80)
        begin = time.monotonic()
        cluster.on("n1", "python3", "-c", f"{FETCH}({files.url!r} + '/file').read()")
        assert time.monotonic() - begin > 0.9 * (4 << 20) * 8 / 80e6


def test_speed_of_the_fabric(cluster, tmp_path):
    """Of one host alone, and until it is said otherwise."""
    write_tree(tmp_path, {"file": noise(4 << 20, 1)})
    with cluster.inside("n2"):
        files = Files(tmp_path, address="10.98.0.12")
    fetch = f"{FETCH}({files.url!r} + '/file').read()"
    with files:
        cluster.ask("shape", "n2", 80, "fab0")
        begin = time.monotonic()
        cluster.on("n1", "python3", "-c", fetch)
        assert time.monotonic() - begin > 0.9 * (4 << 20) * 8 / 80e6
        cluster.ask("shape", "n2", 10000, "fab0")
        bucket = subprocess.run(
            ("ip", "netns", "exec", f"{cluster.name}-switch", "tc", "qdisc", "show", "dev", "n2-fab0"),
            capture_output=True, text=True, check=True,
        ).stdout  # fmt: skip
        assert "rate 10Gbit" in bucket, bucket


def test_ranks_of_each_host(cluster):
    run = cluster.start(("mpirun", 2, "3,1", "hostname"))
    assert sorted(run.wait().out.split()) == ["n1"] * 3 + ["n2"]


def test_a_disk_of_one_host(cluster):
    """In which one write turns a byte, and the next one does not."""
    for node in cluster.nodes:
        cluster.on(node, "mkdir", "/tmp/disk")
    with cluster.disk("n1", "/tmp/disk", "write FLIP match=file times=1") as rules:
        cluster.on("n1", "sh", "-c", "printf abc >/tmp/disk/other; printf abc >/tmp/disk/file")
        cluster.on("n1", "sh", "-c", "printf abc >/tmp/disk/again-file")
        seen = [cluster.seen("n1", f"/tmp/disk/{name}").read_text() for name in ("other", "file", "again-file")]
        assert seen == ["abc", "abb", "abc"]
        assert Path(f"{rules}.struck").read_text() == "write /file\n"
        assert os.listdir(cluster.seen("n2", "/tmp/disk")) == []
        rules.write_text("write ENOSPC\n")
        more = "dd if=/dev/zero of=/tmp/disk/full count=1 2>&1 || true"
        assert "No space left" in cluster.on("n1", "sh", "-c", more)
    assert os.listdir(cluster.seen("n1", "/tmp/disk")) == []


def test_storage_that_is_metered(cluster):
    """Hosts share its speed, however often they have read the same."""
    cluster.pfs("metered")
    try:
        cluster.on("n1", "dd", "if=/dev/zero", f"of={cluster.shared}/file", "bs=1M", "count=16")
        read = ("run", "n1", "cat", f"{cluster.shared}/file"), ("run", "n2", "cat", f"{cluster.shared}/file")
        begin = time.monotonic()
        runs = [cluster.start(words) for words in read]
        assert [len(run.wait().out) for run in runs] == [16 << 20] * 2
        assert time.monotonic() - begin > (32 << 20) / 100e6 - 0.05
    finally:
        cluster.pfs("plain")


def long_cables(cluster):
    """The cards that make one, in the switch."""
    words = ("ip", "-n", f"{cluster.name}-switch", "-br", "link")
    shown = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    return re.findall(r"^\S+-[nfb]\b", shown, re.MULTILINE)


@pytest.mark.parametrize(
    "node, card, address", [("origin", "wan0", "10.99.0.1"), ("n2", "fab0", "10.98.0.12")]
)
def test_length_of_a_cable(cluster, tmp_path, node, card, address):
    """Never shorter than said, without a loss, and as short as it was when that is said."""
    data = noise(4 << 20, 1)
    write_tree(tmp_path, {"file": data})
    with cluster.inside(node):
        files = Files(tmp_path, address=address)
    fetch = f"import urllib.request; urllib.request.urlretrieve({files.url!r} + '/file', '/tmp/got')"
    with files:
        cluster.ask("delay", node, 10, card)
        cluster.ask("delay", node, 150, card)
        assert len(long_cables(cluster)) == 3
        cluster.on("n1", "python3", "-c", fetch)
        connect = f"socket.create_connection(({address!r}, {urlsplit(files.url).port}))"
        script = f"import socket, timeit; print(timeit.timeit(lambda: {connect}, number=1))"
        assert float(cluster.on("n1", "python3", "-c", script)) > 0.150
        assert cluster.seen("n1", "/tmp/got").read_bytes() == data
        cluster.ask("delay", node, 0, card)
        assert long_cables(cluster) == []
        cluster.on("n1", "python3", "-c", fetch)


def test_power(cluster):
    cluster.pfs("noflock")
    sleeper = cluster.start(("run", "n2", "sleep", "600"))
    wait_for(lambda: "sleep 600" in cluster.commands("n2"), "the sleeper")
    cluster.ask("freeze", "n2")
    cluster.ask("thaw", "n2")
    assert sleeper.process.poll() is None
    cluster.ask("kill", "n2")
    assert sleeper.process.wait(PATIENCE) == -9
    cluster.ask("boot", "n2")
    assert cluster.on("n2", "hostname") == "n2\n"
    # the shared directory is what it was, and Slurm has its node again
    assert "fuse" in cluster.on("n2", "stat", "-f", "-c", "%T", cluster.shared)
    states = ("head", "sinfo", "-h", "-o", "%T %D")
    wait_for(lambda: cluster.on(*states) == "idle 2\n", "Slurm", pause=ASKING)


def left(cluster):
    """Of the cluster, in this machine."""
    names = [name for name in os.listdir("/run/netns") if name.rpartition("-")[0] == cluster.name]
    mounts = re.findall(rf"{cluster.dir}/\S*", Path("/proc/mounts").read_text())
    files = []
    for path in Path("/sys/block").glob("loop*/loop/backing_file"):
        with contextlib.suppress(OSError):  # another's, which has just gone
            files.append(path.read_text())
    return names + mounts + [file for file in files if file.startswith(f"{cluster.dir}/")]


def test_up_takes_down_what_is_left_of_another(cluster):
    """Which was left in the middle of things: a host frozen, a mount of each sort, a long cable,
    Slurm."""
    before = cluster.seen("n1", "/proc").parent
    cluster.ask("delay", "origin", 50)
    cluster.ask("freeze", "n1")
    cluster.ask("up", 3, 0)
    cluster.kind = "plain"
    assert not before.exists()
    assert len(list((cluster.dir / "state").glob("n*.pid"))) == 3
    cluster.pfs("xfs")
    assert any("xfs" in name for name in left(cluster))
    for _ in range(2):
        cluster.ask("down")
        wait_for(lambda: left(cluster) == [], f"the end of {left(cluster)}")
        assert not cluster.dir.exists()
    cluster.ask("up", 2, 0)
    cluster.kind = "plain"


def test_another_cluster_beside(cluster, tmp_path):
    """With the same hosts and addresses, and a name that begins like this one's: neither sees the
    other or ends it."""
    write_tree(tmp_path, {"file": b"its own"})
    with Cluster(hosts=1, mbit=0, dir=f"{cluster.dir}-beside") as other:
        its = sorted(left(other))
        with other.inside("origin"):
            files = Files(tmp_path, **ORIGIN)
        fetch = ("python3", "-c", f"{FETCH}({files.url!r} + '/file')")
        with files:
            cluster.ask("up", 2, 0)
            cluster.kind = "plain"
            ours = sorted(left(cluster))
            assert its and ours and sorted(left(other)) == its
            other.on("n1", *fetch)
            other.on("n1", "touch", other.shared / "its")
            assert os.listdir(cluster.seen("n1", cluster.shared)) == []
            with pytest.raises(AssertionError, match="Connection refused"):
                cluster.on("n1", *fetch)
    assert sorted(left(cluster)) == ours and left(other) == []
    assert cluster.on("n1", "hostname") == "n1\n"
