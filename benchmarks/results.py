"""A file of results that is complete up to the row that was measured last."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from .measure import fits

__all__ = ["Results", "revision"]

_MUST_AGREE = ("machine", "threads", "seconds", "quick")


def revision() -> str:
    """The commit that is measured, or ""."""
    command = ["git", "rev-parse", "--short=12", "HEAD"]
    try:
        done = subprocess.run(command, check=False, cwd=Path(__file__).parent, capture_output=True, text=True)
    except OSError:
        return ""
    return done.stdout.strip()


class Results:
    """Rows by suite and name; each is written as soon as it is there.

    Args:
        path: the file, or None for none. If it exists, its rows are kept, and not measured again.
        about: machine, threads, settings: the same for all rows.

    Raises:
        ValueError: if the file's rows were measured on another machine, or with other settings.
    """

    def __init__(self, path: str | None, about: dict[str, Any]) -> None:
        self.path = path
        self.data: dict[str, Any] = {**about, "rows": [], "failed": {}}
        if path is not None and os.path.exists(path):
            known = json.loads(Path(path).read_text(encoding="utf-8"))
            for name in _MUST_AGREE:
                if known.get(name) != json.loads(json.dumps(about[name])):
                    raise ValueError(f"{path} was begun with {name} {known.get(name)!r}, not {about[name]!r}")
            self.data = known | {"missing": about["missing"]}

    def has(self, suite: str, name: str) -> bool:
        """Whether this row is there already; one that failed altogether is not."""
        return any((row["suite"], row["name"]) == (suite, name) for row in self.data["rows"])

    def drop(self, suite: str, name: str) -> None:
        """Forget a row, so that it is measured again."""
        self.data["rows"] = [row for row in self.data["rows"] if (row["suite"], row["name"]) != (suite, name)]

    def add(self, row: dict[str, Any]) -> None:
        """Keep a row."""
        self.data["failed"].pop(f"{row['suite']}: {row['name']}", None)
        self.data["rows"].append(row)
        self._write()

    def fail(self, suite: str, name: str, reason: str) -> None:
        """Keep why there is no such row."""
        self.data["failed"][f"{suite}: {name}"] = reason
        self._write()

    def failures(self) -> list[str]:
        """What is missing, and why: rows, and systems of rows."""
        of_rows = [f"{name}: {reason}" for name, reason in self.data["failed"].items()]
        of_systems = [
            f"{row['suite']}: {row['name']}: {system}: {reason}"
            for row in self.data["rows"]
            for system, reason in row["failed"].items()
        ]
        return of_rows + of_systems

    def finish(self, order: list[tuple[str, str]], **more: Any) -> dict[str, Any]:
        """All rows in the order of the suites, with what is computed from all of them."""
        place = {key: i for i, key in enumerate(order)}
        self.data["rows"].sort(key=lambda row: place.get((row["suite"], row["name"]), len(place)))
        self.data |= {"fits": fits(self.data["rows"]), **more}
        self._write()
        return self.data

    def _write(self) -> None:
        if self.path is None:
            return
        beside = f"{self.path}.part"
        with open(beside, "w", encoding="utf-8") as file:
            json.dump(self.data, file, indent=1)
            file.write("\n")
        os.replace(beside, self.path)  # whoever is stopped here leaves the file as it was
