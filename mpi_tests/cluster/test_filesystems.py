"""Every kind of shared directory: begun, ended, continued, found unchanged, updated, and seen by
every host; and what doctor says of it."""

import os
import re
import signal

import pytest
from cluster import wait_for
from halfway import MIB, SOURCE, Halfway, assert_kept, assert_used, let_go, make_hub, noted
from trees import assert_nothing, assert_only_state, assert_verifiable, digests, files_of, sha256_of

KINDS = [
    "plain", "ext4", "xfs", "btrfs", "tmpfs", "noflock", "localflock", "noexchange", "stale", "slow",
    "hidden", "noexchange+hidden", "gluster",
]  # fmt: skip
SWAPLESS = ("noexchange", "noexchange+hidden", "gluster")  # no renameat2 with RENAME_EXCHANGE: DEST is a symlink
# where a run that is killed leaves others to watch for its silence; elsewhere it ends in good order
KILLED = ("plain", "noexchange", "stale", "hidden", "gluster")
CACHED = ["plain", "noflock", "noexchange", "stale", "hidden", "gluster"]


@pytest.fixture
def demo(hub, model):
    hub.add("acme/demo", model)
    return hub


@pytest.fixture(scope="module")
def kind(site, slurm, request):
    """Of the module, so that pytest puts the tests of one kind together."""
    site.pfs(request.param)
    return request.param


@pytest.fixture(scope="module", autouse=True)
def doctor(site, kind):
    """At work on the kind, beside the other tests of it where it has to wait for caches."""
    parent = site.shared / f"doctor-{kind}"
    site.seen("n1", parent).mkdir()
    run = site.keep(site.srun(2, 1, "doctor", "--quick", "-v", parent))
    if kind not in ("stale", "slow", "gluster"):
        run.wait()
    yield run
    run.close()


class Resumed:
    """run: goes on where another one ended. least: bytes that there are to find. silent: the other
    one was killed, and nothing says so."""

    def __init__(self, cluster, kind, hub):
        parent = cluster.shared / f"halfway-{kind}"
        cluster.seen("n1", parent).mkdir()
        self.dest, self.hub, self.silent = parent / "model", hub, kind in KILLED
        number = signal.SIGKILL if self.silent else signal.SIGTERM
        job = Halfway(cluster, cluster.srun, (4, 1), hub, self.dest, host=truth(kind))
        job.kill_ranks(*cluster.nodes, by=number)
        assert job.run.wait().code == (137 if self.silent else 7), job
        assert_kept(cluster, self.dest, truth(kind))
        self.least = noted(cluster, self.dest, truth(kind))
        let_go(hub)
        self.run = cluster.keep(start(cluster, hub, "get", "-v", SOURCE, self.dest))


@pytest.fixture(scope="module", autouse=True)
def resumed(site, slurm, kind, model):
    """Begun before all other tests of the kind, which are done while it watches for a silence."""
    with make_hub(site, model) as hub:
        made = Resumed(site, kind, hub)
        if not made.silent:
            made.run.wait()
        yield made
        made.run.close()


def on(*kinds):
    return pytest.mark.parametrize("kind", kinds, indirect=True)


@pytest.fixture
def dest(kind, place):
    """In the shared directory of that kind."""
    return place


@pytest.fixture
def scratch(cluster):
    """A directory on each host's own disk."""
    for node in cluster.nodes:
        cluster.on(node, "mkdir", "-p", "/tmp/scratch")
    yield "/tmp/scratch"
    for node in cluster.nodes:
        cluster.on(node, "rmdir", "/tmp/scratch")


def start(cluster, hub, *args, **how):
    """By srun, which is quicker than mpirun when a rank fails."""
    env = {"HF_ENDPOINT": hub.endpoint, "MPIFETCH_SEGMENT_SIZE": str(MIB)}
    return cluster.srun(4, 1, *args, env=env, **how)


def seen_by_all(cluster, dest, source):
    """At once by the hosts of the run, which have made sure of it; by head when what it has cached
    of names runs out."""
    wanted = digests(files_of(source))
    for node in cluster.nodes:
        assert digests(files_of(cluster.seen(node, dest))) == wanted, node
    wait_for(lambda: digests(files_of(cluster.seen("head", dest))) == wanted, "head to see it")


def hold_the_end(hub, tree, name):
    """Of a file, so that some of it is certainly still to come when the source is let go."""
    data = files_of(tree)[name]
    hub.trouble(kind="cdn", path=f"*{sha256_of(data)}", byte=len(data) - 1, hold=True)


def truth(kind):
    """A host that caches nothing of the shared directory."""
    return "head" if kind == "gluster" else "site"


@on(*CACHED)
def test_layout_hf_cache(cluster, demo, model, revised, dest, kind):
    for tree in (model, revised):
        commit = demo.add("acme/demo", tree).refs["refs/heads/main"]
        result = start(cluster, demo, "get", "--hf-cache", SOURCE, dest).wait()
        assert result.code == 0, result
        snapshot = dest / "models--acme--demo" / "snapshots" / commit
        assert result.out == f"{snapshot}\n"
        seen_by_all(cluster, snapshot, tree)
    result = start(cluster, demo, "get", "--hf-cache", SOURCE, dest).wait()
    assert result.code == 0 and result.report["unchanged"], result


# what doctor says of it

HERE = ("within_node_only",) * 3
NONE = ("refused",) * 3
EVERYWHERE = ("between_nodes",) * 3
# kind -> its name among types, locks, whether two names are swapped, reflinks
VERDICTS = {
    "plain": (None, EVERYWHERE, "works", None),
    "ext4": ("ext4", EVERYWHERE, "works", "refused"),
    "xfs": ("xfs", EVERYWHERE, "works", "works"),
    "btrfs": ("btrfs", EVERYWHERE, "works", "works"),
    "tmpfs": ("tmpfs", EVERYWHERE, "works", "refused"),
    "noflock": ("fuse", NONE, "works", None),
    "localflock": ("fuse", HERE, "works", None),
    "noexchange": ("fuse", EVERYWHERE, "refused", None),
    "stale": ("fuse", EVERYWHERE, "works", None),
    "slow": ("fuse", EVERYWHERE, "works", None),
    "hidden": ("fuse", EVERYWHERE, "works", None),
    "gluster": ("fuse.glusterfs", EVERYWHERE, "refused", None),
}
CACHES = 1  # second, of the 4 for which a host believes what it saw


@on(*KINDS)
def test_doctor(cluster, kind, doctor):
    name, locks, exchange, reflink = VERDICTS[kind.removesuffix("+hidden")]
    result = doctor.wait()
    told = result.report
    assert told["status"] == 0, result
    found = {section["section"]: section["findings"] for section in told["sections"]}
    verdicts = {
        key: {name: one["verdict"] for name, one in rows.items()} for key, rows in found.items()
    }
    print(kind, verdicts)
    assert told["nodes"] == ["n1", "n2"]
    assert verdicts["sharing"]["shared"] == "works"
    assert name is None or name in found["file_system"]["type"]["text"]
    assert tuple(verdicts["locks"][key] for key in ("flock", "fcntl", "ofd")) == locks
    if locks == NONE:
        assert all("ENOSYS" in one["text"] for one in found["locks"].values())
    assert verdicts["names"]["rename_exchange"] == exchange
    assert reflink in (None, verdicts["names"]["reflink"])
    assert verdicts["names"]["race"] == "works"
    assert_sights(kind, found["visibility"])
    if kind == "stale":
        assert_late(cluster, found["visibility"])
    assert_advice(kind, told["advice"], locks)
    assert os.listdir(cluster.seen(truth(kind), cluster.shared / f"doctor-{kind}")) == []


def assert_sights(kind, sights):
    print({key: one["text"] for key, one in sights.items()})
    if kind == "gluster":
        # of two bricks, on the other of which it may be missing for half a minute
        del sights["renamed_directory"]
    assert {one["verdict"] for one in sights.values()} == {"seen"}, sights


def is_late(sights):
    return all(sights[key]["seconds"] > CACHES for key in ("new_file", "renamed_directory"))


def assert_late(cluster, sights):
    """But for changes that come only when a host no longer believes what it saw, since the other one
    had no turn: then it is asked again."""
    for number in range(5):
        if is_late(sights):
            return
        place = cluster.shared / f"again-{number}"
        cluster.seen("site", place).mkdir()
        sections = cluster.srun(2, 1, "doctor", "--quick", place).wait().report["sections"]
        [sights] = [one["findings"] for one in sections if one["section"] == "visibility"]
    assert is_late(sights), sights


def assert_advice(kind, advice, locks):
    publishing = [one["text"] for one in advice if one["topic"] == "publishing"]
    assert any("symlink into" in text for text in publishing) == (kind in SWAPLESS), advice
    warned = {one["topic"] for one in advice if one["level"] == "warning"}
    assert ("huggingface_hub" in warned) == (locks != EVERYWHERE), advice


# those that wait are done


@on(*KINDS)
def test_layout_dir(cluster, model, revised, kind, resumed):
    """What was noted is used, whoever ended: found at once where it was in good order, and only
    after a silence where it was killed."""
    hub, dest = resumed.hub, resumed.dest
    result = resumed.run.wait()
    assert_used(result, resumed.least)
    assert result.out == f"{dest}\n"
    why = "gives no sign of life" if resumed.silent else "has ended"
    assert f"{why}: taking over" in result.err, result
    seen_by_all(cluster, dest, model)

    hub.quiet()
    hub.requests.reset()
    result = start(cluster, hub, "get", SOURCE, dest).wait()
    assert result.code == 0 and result.report["unchanged"], result
    assert hub.log("cdn") == []

    hub.add("acme/demo", revised)
    result = start(cluster, hub, "get", SOURCE, dest).wait()
    assert result.code == 0, result
    assert result.report["reused_files"] > 0
    seen_by_all(cluster, dest, revised)
    assert_verifiable(cluster.seen("n2", dest))
    beside = {".model.versions"} if kind in SWAPLESS else set()
    assert set(os.listdir(cluster.seen("n1", dest.parent))) == {"model"} | beside


@on("noexchange")
def test_a_directory_where_names_cannot_be_swapped(cluster, demo, model, revised, dest, kind):
    """It came from elsewhere, and cannot be updated in one step: it is left as it is."""
    cluster.pfs("plain")
    assert start(cluster, demo, "get", SOURCE, dest).wait().code == 0
    cluster.pfs(kind)
    demo.add("acme/demo", revised)
    result = start(cluster, demo, "get", SOURCE, dest).wait()
    assert result.code == 5, result
    assert "does not support exchanging two names" in result.err
    seen_by_all(cluster, dest, model)


# no locks, on any path that is ours


@on("noflock")
@pytest.mark.parametrize("layout", [(), ("--hf-cache",)], ids=["dir", "hf-cache"])
def test_no_call_of_a_lock(cluster, demo, revised, dest, scratch, kind, layout):
    calls = "trace=flock,fcntl,openat,openat2,creat,link,linkat,symlink,symlinkat,mknod,mknodat,mkdir,mkdirat"
    args = ("get", *layout, "--scratch", scratch, SOURCE, dest)
    traces = []
    for i, tree in enumerate((None, revised)):
        if tree:
            demo.add("acme/demo", tree)
        home = cluster.dir / "traces" / f"{dest.parent.name}-{i}"
        home.mkdir(parents=True)
        wrapper = ("strace", "-ff", "--seccomp-bpf", "-qq", "-y", "-e", calls, "-o", home / "of")
        result = start(cluster, demo, *args, wrapper=wrapper).wait()
        assert result.code == 0, result
        traces += home.iterdir()
    ours = [
        line
        for trace in traces
        for line in trace.read_text("utf-8", "backslashreplace").splitlines()
        if str(dest.parent) in line or scratch in line
    ]
    written = [line for line in ours if "O_CREAT" in line]
    assert any(scratch in line for line in written) and any(str(dest.parent) in line for line in written)
    assert [line for line in ours if line.startswith("flock(")] == []
    assert [line for line in ours if re.search(r"F_(OFD_)?(SET|GET)LKW?\b", line)] == []
    assert [line for line in ours if re.search(r'\.lock"', line) and "ENOENT" not in line] == []


# a disk that refuses in the middle


@on("noflock")
@pytest.mark.parametrize(
    "rule, says",
    [
        ("write ENOSPC", "No space left on device"),
        ("write EDQUOT", "Disk quota exceeded"),
        ("write EIO match=model-2", "Input/output error"),
        ("open ESTALE match=model-2", "Stale file handle"),
        ("rename2 EIO", "Input/output error"),
    ],
)
def test_a_disk_that_refuses(cluster, demo, model, dest, scratch, kind, rule, says):
    """When something has landed already. Once the disk takes bytes again, the same command goes on
    from there."""
    words = ("--scratch", scratch)
    hold_the_end(demo, model, "model-2.safetensors")
    job = Halfway(cluster, cluster.srun, (4, 1), demo, dest, *words, host=truth(kind))
    before = (cluster.dir / "rules").read_text()
    cluster.rules(rule)
    try:
        let_go(demo)
        result = job.run.wait()
    finally:
        (cluster.dir / "rules").write_text(before)
    assert result.code == 5, result
    assert result.out == "" and says in result.err, result
    assert_kept(cluster, dest, truth(kind))
    assert_nothing(cluster.seen(truth(kind), dest))
    least = noted(cluster, dest, truth(kind))
    assert_used(start(cluster, demo, "get", *words, SOURCE, dest).wait(), least)
    seen_by_all(cluster, dest, model)


@on("noflock")
@pytest.mark.parametrize("rule", ["fsync EIO", "flush EIO match=model-2"])
def test_a_disk_that_may_not_have_it(cluster, demo, model, dest, kind, rule):
    """A rank is told so, and nothing that any of them has fetched since the last sync is used again,
    although all of it reads well: the hosts of this cluster have one kernel, hence one memory."""
    hold_the_end(demo, model, "model-2.safetensors")
    job = Halfway(cluster, cluster.srun, (4, 1), demo, dest, "--scratch", "none", host=truth(kind))
    before = (cluster.dir / "rules").read_text()
    cluster.rules(rule)
    try:
        let_go(demo)
        result = job.run.wait()
    finally:
        (cluster.dir / "rules").write_text(before)
    assert result.code == 5, result
    assert "Input/output error" in result.err and "fetched data is not kept" in result.err
    assert os.listdir(cluster.seen(truth(kind), dest.parent)) == []
    result = start(cluster, demo, "get", SOURCE, dest).wait()
    assert result.code == 0 and result.report["bytes"]["resumed"] == 0, result
    seen_by_all(cluster, dest, model)


@on("hidden")
def test_a_reader_of_the_old_tree(cluster, demo, model, revised, dest, kind):
    """What it has open stays under another name while it reads; the run ends, and the next one, or
    clean, removes the rest."""
    assert start(cluster, demo, "get", SOURCE, dest).wait().code == 0
    demo.add("acme/demo", revised)
    before, after = files_of(model), files_of(revised)
    gone = min(before.keys() - after.keys())
    with open(cluster.seen("n1", dest / gone), "rb") as reader:
        result = start(cluster, demo, "get", SOURCE, dest).wait()
        assert result.code == 0 and "mpifetch clean tries again" in result.err, result
        assert reader.read() == before[gone]
        seen_by_all(cluster, dest, revised)
    result = start(cluster, demo, "clean", dest).wait()
    assert result.code == 0, result
    assert os.listdir(cluster.seen("n1", dest.parent)) == ["model"]


@on("btrfs")
def test_a_real_quota(cluster, demo, model, dest, kind):
    """Of half of what is to be published. What there is of free space does not tell."""
    limited = dest.parent / "limited"
    cluster.on("n1", "btrfs", "subvolume", "create", limited)
    cluster.on("n1", "btrfs", "quota", "enable", cluster.shared)
    cluster.on("n1", "btrfs", "qgroup", "limit", "5M", limited)
    place = limited / "model"
    result = start(cluster, demo, "get", SOURCE, place).wait()
    assert result.code == 5, result
    assert "Disk quota exceeded" in result.err
    # where nothing can be written at all there may be no word of the end either
    assert not cluster.seen("n2", place).exists()
    assert_only_state(cluster.seen("n2", place), orderly=False)
    least = noted(cluster, place)
    cluster.on("n1", "btrfs", "qgroup", "limit", "none", limited)
    assert_used(start(cluster, demo, "get", SOURCE, place).wait(), least)
    seen_by_all(cluster, place, model)
