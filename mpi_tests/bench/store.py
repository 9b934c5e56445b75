"""All runs of a bench, a line of JSON each, so that one that was ended goes on where it was."""

import csv
import json
from pathlib import Path

from content import Wrong


class Runs:
    """What a directory of results has. A run is known by its case, row and round."""

    def __init__(self, directory):
        self.dir = Path(directory)
        self._file = self.dir / "runs.jsonl"
        self.all = []
        if self._file.exists():
            whole = self._file.read_text().rpartition("\n")[0]  # a line may have been cut off
            self.all = [json.loads(line) for line in whole.splitlines()]

    def rows(self, case):
        """row -> its runs, in the order in which the rows came first."""
        found = {}
        for run in self.all:
            if run["case"] == case and run["row"] is not None:
                found.setdefault(run["row"], []).append(run)
        return found

    def cases(self):
        return list(dict.fromkeys(run["case"] for run in self.all))

    def machine(self):
        return json.loads((self.dir / "machine.json").read_text())

    def pictures(self):
        """Where plots go; made."""
        (self.dir / "pictures").mkdir(exist_ok=True)
        return self.dir / "pictures"


class Store(Runs):
    """The same, to be added to."""

    def __init__(self, directory, settings):
        """settings: what must be the same in all runs."""
        super().__init__(directory)
        self.dir.mkdir(parents=True, exist_ok=True)
        told = self.dir / "settings.json"
        if not told.exists():
            told.write_text(json.dumps(settings, indent=1) + "\n")
        before = json.loads(told.read_text())
        odd = sorted(key for key in settings if before.get(key) != settings[key])
        if odd:
            raise Wrong(
                f"'{self.dir}' has runs of another {', '.join(odd)}: name another --results"
            )
        self._file.write_text("".join(json.dumps(run) + "\n" for run in self.all))

    def note(self, machine):
        """On what it is measured; of the last time."""
        (self.dir / "machine.json").write_text(json.dumps(machine, indent=1) + "\n")

    def has(self, case, row, number):
        return any(
            (run["case"], run["row"], run["round"]) == (case, row, number) for run in self.all
        )

    def add(self, case, row, number, **sample):
        self.all.append({"case": case, "row": row, "round": number, **sample})
        with open(self._file, "a") as out:
            out.write(json.dumps(self.all[-1]) + "\n")

    def finish(self, case, rounds):
        """Nothing is missing up to that round."""
        if not self.finished(case, rounds):
            self.add(case, None, rounds)

    def finished(self, case, rounds):
        return any(
            run["case"] == case and run["row"] is None and run["round"] >= rounds
            for run in self.all
        )

    def write_csv(self):
        """A line for each run, a column for each number that any has."""
        flat = [flatten(run) for run in self.all if run["row"] is not None]
        names = list(dict.fromkeys(name for run in flat for name in run))
        with open(self.dir / "runs.csv", "w", newline="") as out:
            writer = csv.DictWriter(out, names)
            writer.writeheader()
            writer.writerows(flat)


def flatten(value, prefix=""):
    """{"a": {"b": 1}} -> {"a.b": 1}"""
    flat = {}
    for key, one in value.items():
        if isinstance(one, dict):
            flat |= flatten(one, f"{prefix}{key}.")
        else:
            flat[prefix + key] = one
    return flat
