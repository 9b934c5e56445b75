"""mpifetch itself, as one of the tools that are compared."""

import json

from content import Wrong
from measure import run

MPIRUN = ("mpirun", "--allow-run-as-root", "--oversubscribe", "--bind-to", "none", "-n")


def ranks_of(count):
    return f"{count} rank{'s' * (count > 1)}"


class Mpifetch:
    """It verifies by itself, so its sample is that of the one command."""

    def __init__(self, build, ranks, sync, source=None, **environment):
        """build: a Build; source: arguments that replace the manifest."""
        self.kind = build.kind
        self.name = f"{build.label}mpifetch{'' if sync else ' --no-sync'}, {ranks_of(ranks)}"
        self.ranks = ranks
        self._source, self._environment = source, environment
        words = ("get", "--scratch", "none", "--progress", "none")
        self._command = [*MPIRUN, ranks, build.program, *words]
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
        found = json.loads(report.read_text())
        counted = sum(rank["cpu"] for rank in found["ranks"])
        if len(found["ranks"]) != self.ranks:
            raise Wrong(f"{self.name}: the report has {len(found['ranks'])} ranks")
        if usage.cpu < 0.95 * counted:
            raise Wrong(f"{self.name}: {counted} CPU seconds reported, {usage.cpu} measured")
        return {"wall": usage.wall, "cpu": usage.cpu, **told(found, job.content)}


def told(report, content):
    """What is kept of a report of a run that published it."""
    if report["bytes"]["published"] != content.nbytes:
        raise Wrong(f"published {report['bytes']['published']} bytes of {content.nbytes}")
    return {
        "memory": max(rank["memory_growth"] for rank in report["ranks"]),
        "ranks_cpu": sum(rank["cpu"] for rank in report["ranks"]),
        # the build before says nothing of connections
        **{
            key: report[key]
            for key in ("seconds", "requests", "bytes", "connections")
            if key in report
        },
    }


class Build:
    """A program that is measured: ours, or the one before."""

    def __init__(self, program, kind="mpifetch", label=""):
        self.program, self.kind, self.label = program, kind, label


def all_mpifetch(builds, ranks, source=None, **environment):
    return [
        Mpifetch(build, count, sync, source, **environment)
        for build in builds
        for sync in (False, True)
        for count in ranks
    ]
