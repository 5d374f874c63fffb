"""The results as Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

__all__ = ["markdown"]


def markdown(result: dict[str, Any]) -> str:
    """Three tables, as far as there are results."""
    rows = result["rows"]
    parts = []
    if "right" in rows:
        parts.append(_right(rows["right"]))
    if "planted" in rows:
        parts.append(_planted(rows["planted"]))
    if "peers" in rows:
        parts.append(_peers(rows["peers"]))
    return "\n\n".join(parts)


def _right(rows: dict[str, Any]) -> str:
    total = {key: sum(row[key] for row in rows.values()) for key in ("checks", "alarms", "undecided")}
    body = [
        (name, f"{row['checks']:,}", row["alarms"], row["undecided"])
        for name, row in [*rows.items(), ("all", total)]
    ]  # fmt: skip
    return _table(("right gradients of", "checks", "false alarms", "said to be undecidable"), body)


def _planted(rows: dict[str, Any]) -> str:
    total = {key: sum(row[key] for row in rows.values()) for key in next(iter(rows.values()))}
    body = [
        (name, f"{row['planted']:,}", _share(row["found"], row["planted"]), _share(row["located"], row["found"]),
         _share(row["diagnosed"], row["named"]))
        for name, row in [*rows.items(), ("all", total)]
    ]  # fmt: skip
    return _table(("planted bug", "planted", "found", "of these: located", "cause named, where there is one"), body)


def _peers(rows: dict[str, Any]) -> str:
    body = []
    for name, row in rows.items():
        alarms = [_share(row[f"{q} alarms"], row[q]) for q in ("smooth", "kinks", "float32")]
        body.append((name, *alarms, _share(row["found"], row["planted"])))
    header = ("checker", "false alarms, generic inputs", "at kinks", "float32 inputs", "planted bugs found")
    return _table(header, body)


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.2f} % ({part:,} of {whole:,})" if whole else "–"


def _table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = ["| " + " | ".join(map(str, row)) + " |" for row in (header, ["---"] * len(header), *rows)]
    return "\n".join(lines)
