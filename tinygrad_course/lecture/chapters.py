"""Find the lecture's scripts, and choose among them."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

__all__ = ["Chapter", "find", "folder", "select"]


@dataclass(frozen=True)
class Chapter:
    """One script of the lecture.

    Attributes:
        path: where it is.
    """

    path: Path

    @property
    def name(self) -> str:
        """The script's name, "04_backpropagation"."""
        return self.path.stem

    @property
    def number(self) -> int:
        """The lecture's chapter: several scripts may belong to one."""
        return int(self.name[:2])

    @cached_property
    def source(self) -> str:
        """The script's text."""
        return self.path.read_text(encoding="utf-8", errors="replace")

    @cached_property
    def _paragraphs(self) -> list[str]:
        """Of the docstring, without what is indented (how to call the script)."""
        try:
            text = ast.get_docstring(ast.parse(self.source)) or ""
        except (SyntaxError, ValueError):  # running it will say so
            text = ""
        return [" ".join(part.split()) for part in text.split("\n\n") if part.strip() and not part.startswith(" ")]

    @property
    def title(self) -> str:
        """The docstring's first line, without "Chapter 4:" and the full stop."""
        line = re.sub(r"^Chapters?[^:]*:\s*", "", self._paragraphs[0]) if self._paragraphs else self.name
        return line[:1].upper() + line[1:].rstrip(".")

    @property
    def short_title(self) -> str:
        """What stands before the first colon of the title."""
        return self.title.partition(":")[0]

    @property
    def about(self) -> list[str]:
        """The docstring's other paragraphs."""
        return self._paragraphs[1:]


def folder() -> Path:
    """Where the scripts are: inside the package where a wheel was installed, else at the checkout's top level.

    Raises:
        FileNotFoundError: if they are in neither place.
    """
    inside, checkout = Path(__file__).parent / "examples", Path(__file__).parents[2] / "examples"
    for place in (inside, checkout):
        if (place / "common.py").is_file():
            return place
    raise FileNotFoundError(f"the lecture's scripts are neither in {inside} nor in {checkout}")


def find(place: Path) -> list[Chapter]:
    """The chapters in a folder, in order."""
    return [Chapter(path) for path in sorted(place.glob("[0-9][0-9]_*.py"))]


def select(text: str, chapters: Sequence[Chapter]) -> list[Chapter]:
    """The chapters that a text such as "1,4-6" names by their numbers.

    Raises:
        ValueError: if it is no such list, or names a chapter that does not exist.
    """
    known = {chapter.number for chapter in chapters}
    wanted: set[int] = set()
    for part in text.split(","):
        match = re.fullmatch(r"\s*(\d{1,3})(?:\s*-\s*(\d{1,3}))?\s*", part, re.ASCII)
        if match is None:
            raise ValueError(f"expected numbers of chapters like 1,4-6, got {text!r}")
        first, last = int(match[1]), int(match[2] or match[1])
        if first > last:
            raise ValueError(f"{part.strip()} runs backwards; write {last}-{first}")
        # A range may span chapters without a script; a chapter that is named must have one.
        missing = {first, last} - known
        if missing:
            raise ValueError(f"there is no chapter {min(missing)}; there are {_ranges(sorted(known))}")
        wanted |= set(range(first, last + 1))
    return [chapter for chapter in chapters if chapter.number in wanted]


def _ranges(numbers: Sequence[int]) -> str:
    """Numbers in the form that `select` reads: "1-6,8"."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and runs[-1][-1] == number - 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ",".join(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs)
