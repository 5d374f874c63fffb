"""Put the headline rows of a result file into the README, between its two marks; the whole goes beside the file.

python -m benchmarks.table benchmarks/results/FILE.json [README.md]

writes benchmarks/results/FILE.md, with every row, and benchmarks/results/FILE.svg too.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from .report import heading, markdown, plot, whole

__all__ = ["BEGIN", "END", "RESULT", "document", "insert", "section"]

BEGIN, END = "<!-- benchmarks: begin -->", "<!-- benchmarks: end -->"
RESULT = "benchmarks/results/benchmarks.json"  # the file that the README shows
COLUMNS = ("tc", "tc+kernels", "tc.compile", "torch", "torch.compile", "jax")


def _meant(result: dict[str, Any]) -> None:
    if result["quick"]:
        raise ValueError("a result of --quick says nothing; measure without it")


def section(result: dict[str, Any], file: str = RESULT) -> str:
    """The text between the marks: the table, what it belongs to, and where the rest is."""
    _meant(result)
    rest = file.removesuffix(".json")
    lines = heading(result).splitlines()
    return (
        "Time of one step; in brackets, how many times faster than PyTorch it is (below 1: slower). The limit is the "
        f"time of the matrix products alone, or of the memory traffic alone. [All rows]({rest}.md), with quartiles, "
        f"the other peers and what failed; [a plot]({rest}.svg); [the figures]({file}).\n\n"
        f"{markdown(result, headline=True, columns=COLUMNS)}\n\n" + "; ".join(lines) + "."
    )


def document(result: dict[str, Any]) -> str:
    """The file with every row."""
    _meant(result)
    about = (
        "# Benchmarks\n\nMedian [quartiles] of one step's time; in brackets, how many times faster than PyTorch. Made "
        "by `python -m benchmarks.table` from the JSON file of the same name.\n\n"
    )
    return f"{about}{heading(result)}\n\n{whole(result)}\n"


def insert(readme: str, text: str) -> str:
    """The README with the text between its marks.

    Raises:
        ValueError: if a mark is missing.
    """
    if readme.count(BEGIN) != 1 or readme.count(END) != 1:
        raise ValueError(f"the README needs the marks {BEGIN} and {END}, each once")
    before, rest = readme.split(BEGIN)
    return f"{before}{BEGIN}\n{text}\n{END}{rest.split(END)[1]}"


def main(file: str = RESULT, readme: str = "README.md") -> None:
    path, text = Path(file), Path(readme)
    result = json.loads(path.read_text(encoding="utf-8"))
    text.write_text(insert(text.read_text(encoding="utf-8"), section(result, file)), encoding="utf-8")
    path.with_suffix(".md").write_text(document(result), encoding="utf-8")
    plot(result, str(path.with_suffix(".svg")))


if __name__ == "__main__":
    main(*sys.argv[1:])
