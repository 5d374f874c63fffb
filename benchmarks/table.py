"""Put the headline rows of a result file into the README, between its two marks.

python -m benchmarks.table benchmarks/results/FILE.json [README.md]
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from .report import heading, markdown

__all__ = ["BEGIN", "END", "insert", "section"]

BEGIN, END = "<!-- benchmarks: begin -->", "<!-- benchmarks: end -->"


def section(result: dict[str, Any]) -> str:
    """The text between the marks: the table, and what it belongs to."""
    if result["quick"]:
        raise ValueError("a result of --quick says nothing; measure without it")
    return (
        "Time of one step; in bold, how many times longer than tinygrad_course (below 1: the peer is ahead). "
        'The column "limit" is what the matrix products alone, or memory traffic alone, take.\n\n'
        f"{markdown(result, headline=True, spread=False)}\n\n{heading(result)}."
    )


def insert(readme: str, text: str) -> str:
    """The README with the text between its marks.

    Raises:
        ValueError: if a mark is missing.
    """
    if readme.count(BEGIN) != 1 or readme.count(END) != 1:
        raise ValueError(f"the README needs the marks {BEGIN} and {END}, each once")
    before, rest = readme.split(BEGIN)
    return f"{before}{BEGIN}\n{text}\n{END}{rest.split(END)[1]}"


def main(file: str, readme: str = "README.md") -> None:
    path = Path(readme)
    result = json.loads(Path(file).read_text(encoding="utf-8"))
    path.write_text(insert(path.read_text(encoding="utf-8"), section(result)), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
