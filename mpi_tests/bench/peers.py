"""The tools that are compared: each fetches one content into an empty directory and gives a
sample, a dict of numbers. A sample's wall and cpu are those of fetching and verifying."""

import json
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from content import Content, Wrong
from measure import run

RANKS = (1, 2, 4, 8)
MPIRUN = ("mpirun", "--allow-run-as-root", "--oversubscribe", "--bind-to", "none", "-n")


@dataclass
class Job:
    """What to fetch, and where from."""

    content: Content
    base: str  # URL of its directory
    ca: Path  # who vouches for the server, with https
    home: Path  # for lists, logs and what tools keep at HOME
    many: bool = False  # small files: what matters is how many are asked for at a time


class Mpifetch:
    """It verifies by itself, so its sample is that of the one command."""

    peer = False

    def __init__(self, program, ranks, sync, source=None, **environment):
        """source: arguments that replace the manifest."""
        self.name = f"mpifetch{'' if sync else ' --no-sync'}, {ranks} rank{'s' * (ranks > 1)}"
        self.ranks = ranks
        self._source, self._environment = source, environment
        self._command = [*MPIRUN, ranks, program, "get", "--scratch", "none", "--progress", "none"]
        if not sync:
            self._command.append("--no-sync")

    def fetch(self, job, dest):
        report, list_ = job.home / "report.json", job.home / "manifest"
        report.unlink(missing_ok=True)
        options = ["--report", report]
        if job.base.startswith("https"):
            options += ["--cacert", job.ca]
        if self._source is None:
            list_.write_text(job.content.manifest(job.base))
            options += ["--manifest", list_]
        command = [*self._command, *options, *(self._source or []), dest]
        usage = run(command, job.home, job.home, **self._environment)
        job.content.check(dest)
        return self._sample(usage, json.loads(report.read_text()), job.content)

    def _sample(self, usage, report, content):
        counted = sum(rank["cpu"] for rank in report["ranks"])
        if len(report["ranks"]) != self.ranks:
            raise Wrong(f"{self.name}: the report has {len(report['ranks'])} ranks")
        if usage.cpu < 0.95 * counted:
            raise Wrong(f"{self.name}: {counted} CPU seconds reported, {usage.cpu} measured")
        if report["bytes"]["published"] != content.nbytes:
            raise Wrong(f"{self.name}: published {report['bytes']['published']} bytes")
        return {
            "wall": usage.wall,
            "cpu": usage.cpu,
            "memory": max(rank["memory_growth"] for rank in report["ranks"]),
            "seconds": report["seconds"],
            "requests": report["requests"],
            "bytes": report["bytes"],
        }


class Peer:
    """A tool that does not verify: sha256sum follows, and both count."""

    peer = True

    def __init__(self, name, command):
        self.name, self._command = name, command

    def fetch(self, job, dest):
        dest.mkdir()
        sums = job.home / "SHA256SUMS"
        sums.write_text(job.content.sums())
        command = self._command(job, dest)
        check = ["sha256sum", "--check", "--strict", "--quiet", sums]
        usage, checked = run(command, job.home, dest), run(check, job.home, dest)
        job.content.check_names(dest)
        return {
            "wall": usage.wall + checked.wall,
            "cpu": usage.cpu + checked.cpu,
            "check_wall": checked.wall,
            "check_cpu": checked.cpu,
        }


def aria2c(job, dest):
    list_ = job.home / "aria2.list"
    list_.write_text(
        "".join(f"{job.base}/{quote(path)}\n  out={path}\n" for path in job.content.files)
    )
    command = ["aria2c", "--no-conf", "-q", "-x8", "-s8", "--file-allocation=none"]
    command += ["-j16" if job.many else "-j4", "-d", dest, "-i", list_]
    if job.base.startswith("https"):
        command.append(f"--ca-certificate={job.ca}")
    return command


def rclone(job, dest, streams=8):
    config = job.home / "rclone.conf"
    config.touch()
    command = ["rclone", "copy", ":http:", dest, "--http-url", job.base + "/", "--config", config]
    command += ["--transfers", 16 if job.many else 4, "--multi-thread-streams", streams, "-q"]
    if job.many:
        command.append("--http-no-head")  # the listing is enough: a request less for each file
    if job.base.startswith("https"):
        command += ["--ca-cert", job.ca]
    return command


def curl(job, dest):
    config = job.home / "curl.conf"
    config.write_text(
        "".join(
            f'url = "{job.base}/{quote(path)}"\noutput = "{path}"\n' for path in job.content.files
        )
    )
    command = ["curl", "-q", "-sS", "-f", "-Z", "--parallel-max", 16 if job.many else 8]
    command += ["--create-dirs", "-K", config]
    if job.base.startswith("https"):
        command += ["--cacert", job.ca]
    return command


def all_mpifetch(program, source=None, label="", **environment):
    tools = [
        Mpifetch(program, ranks, sync, source, **environment)
        for sync in (False, True)
        for ranks in RANKS
    ]
    for tool in tools:
        tool.name = label + tool.name
    return tools


def all_peers(many):
    """Small files have one stream anyway."""
    peers = [Peer("aria2c", aria2c), Peer("rclone", rclone), Peer("curl -Z", curl)]
    if not many:
        # Leaner than many streams where the server is near, so it belongs to the best peers.
        peers.append(Peer("rclone, 1 stream a file", lambda job, dest: rclone(job, dest, 0)))
    return peers
