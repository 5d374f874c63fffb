"""Results as a Markdown table and as a plot."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .case import PACKAGES
from .machine import describe

__all__ = ["duration", "heading", "markdown", "plot"]


def duration(seconds: float | None) -> str:
    """Three digits with a unit: "12.3 µs"."""
    if seconds is None:
        return ""
    for unit, scale in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= scale:
            return f"{seconds / scale:#.3g}".rstrip(".") + f" {unit}"
    return f"{seconds / 1e-9:.0f} ns"


def size(count: float) -> str:
    """Bytes with a unit."""
    return f"{count / 2**20:.1f} MB" if count >= 2**20 else f"{count / 2**10:.0f} kB"


def heading(result: dict[str, Any]) -> str:
    """What the figures belong to."""
    threads = result["threads"]
    lines = [
        describe(result["machine"]),
        f"{threads} thread{'s' * (threads != 1)}; {result['date']}; median [quartiles] of blocks that take turns",
    ]
    if result["missing"]:
        lines.append("not installed, so not measured: " + ", ".join(result["missing"]))
    if result["quick"]:
        lines.append("tiny sizes (--quick): these figures say nothing")
    return "\n".join(lines)


def _cell(entry: dict[str, Any] | None, row: dict[str, Any], spread: bool) -> str:
    if entry is None:
        return "–"
    text = duration(entry["median"])
    if spread:
        text += f" [{duration(entry['low'])}, {duration(entry['high'])}]"
    if row["work"]:
        text += f", {row['work'] / entry['median']:,.0f} {row['unit']}/s"
    told = [f"{size(v)} peak" if k == "peak_bytes" else f"{v:,.0f} {k}" for k, v in entry["facts"].items()]
    text += "".join(f", {t}" for t in told)
    if "ratio" in entry:
        text += f" (**{entry['ratio']:.2f}×**)"
    return text


def markdown(result: dict[str, Any], *, headline: bool = False, spread: bool = True) -> str:
    """One row for each case, one column for each system; in bold how many times longer it takes than tinygrad_course.

    Args:
        result: what `python -m benchmarks --json` writes.
        headline: only the rows that are marked so in their suites.
        spread: show quartiles.
    """
    rows = [row for row in result["rows"] if row["headline"] or not headline]
    systems = [s for s in PACKAGES if any(s in row["systems"] for row in rows)]
    limits = any(row["limit"] for row in rows)
    head = ["case", *(PACKAGES[s] for s in systems), *(["limit"] if limits else [])]
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for row in rows:
        cells = [f"{row['suite']}: {row['name']}"]
        cells += [_cell(row["systems"].get(s), row, spread) for s in systems]
        if limits:
            cells.append(duration(row["limit"]))
        lines.append("| " + " | ".join(cells) + " |")
    text = "\n".join(lines)
    if result["fits"] and not headline:
        text += "\n\n| growth | system | time ~ nᵖ, p = | peak memory ~ nᵖ, p = |\n|---|---|---|---|\n"
        text += "\n".join(
            f"| {fit['suite']}: {fit['series']}, n = {fit['sizes'][0]:,} to {fit['sizes'][-1]:,} | "
            f"{PACKAGES[fit['system']]} | {_number(fit['time'])} | {_number(fit['memory'])} |"
            for fit in result["fits"]
        )
    if result["failed"]:
        text += "\n\nNot measured, as the systems disagreed or failed:\n\n"
        text += "\n".join(f"- {line}" for line in result["failed"])
    return text


def _number(x: float | None) -> str:
    return "–" if x is None else f"{x:.2f}"


def plot(result: dict[str, Any], path: str) -> None:
    """Draw, for each case, how many times longer each peer takes, on a logarithmic axis.

    Raises:
        ImportError: if matplotlib is missing.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError('the plot needs matplotlib: pip install "tinygrad_course[plot]"') from error

    rows: Sequence[dict[str, Any]] = [r for r in result["rows"] if any("ratio" in e for e in r["systems"].values())]
    figure = Figure(figsize=(8, 1.2 + 0.24 * len(rows)), layout="constrained")
    axes = figure.add_subplot()
    for peer in (s for s in PACKAGES if any("ratio" in row["systems"].get(s, {}) for row in rows)):
        points = [
            (row["systems"][peer]["ratio"], y) for y, row in enumerate(rows) if "ratio" in row["systems"].get(peer, {})
        ]
        axes.plot(*zip(*points, strict=True), "o", label=PACKAGES[peer])
    axes.axvline(1, color="black", linewidth=1)
    axes.set(xscale="log", xlabel="time relative to tinygrad_course (right of the line: the peer is slower)")
    axes.set_yticks(range(len(rows)), [f"{row['suite']}: {row['name']}" for row in rows])
    axes.invert_yaxis()
    axes.grid(axis="x", alpha=0.3)
    if rows:
        axes.legend()
    figure.savefig(path)
