"""Results as a Markdown table and as a plot."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .machine import describe
from .systems import OURS, SYSTEMS

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
    revisions = dict.fromkeys(row["revision"] for row in result["rows"] if row.get("revision"))
    where = "each in a process of its own" if threads > 1 else "in one process"
    lines = [
        describe(result["machine"]),
        f"{threads} thread{'s' * (threads != 1)}, {where}; {result['date']}; medians of blocks that take turns; "
        f"revision {', '.join(revisions) or 'unknown'}",
    ]
    if result["missing"]:
        lines.append("not installed, so not measured: " + ", ".join(result["missing"]))
    if result["quick"]:
        lines.append("tiny sizes (--quick): these figures say nothing")
    return "\n".join(lines)


def _fact(name: str, value: float) -> str:
    """A fact whose name may tell its unit."""
    for unit, text in (("bytes", size), ("seconds", duration)):
        if name.endswith(f"_{unit}"):
            return f"{text(value)} {name.removesuffix(f'_{unit}').replace('_', ' ')}"
    return f"{value:,.0f} {name}"


def _times(speedup: float) -> str:
    """Two digits or three: "0.53×", "4.2×", "132×"."""
    return f"{speedup:.{0 if speedup >= 9.95 else 1 if speedup >= 0.995 else 2}f}×"


def _cell(entry: dict[str, Any] | None, row: dict[str, Any], *, whole: bool, ours: bool) -> str:
    if entry is None:
        return "failed" if row else "–"
    text = duration(entry["median"])
    if whole:
        text += f" [{duration(entry['low'])}, {duration(entry['high'])}]"
    if row["work"]:
        text += f", {row['work'] / entry['median']:,.0f} {row['unit']}/s"
    told = entry["facts"] if whole or ours or len(entry["facts"]) == 1 else {}
    text += "".join(f", {_fact(name, value)}" for name, value in told.items())
    if "speedup" in entry:
        times = _times(entry["speedup"])
        text += f" (**{times}**)" if ours else f" ({times})"
    return text


def markdown(result: dict[str, Any], *, headline: bool = False, columns: Sequence[str] | None = None) -> str:
    """One row for each case, one column for each system, and how many times faster it is than PyTorch.

    Args:
        result: what `python -m benchmarks --json` writes.
        headline: only the rows that are marked so in their suites, and without quartiles.
        columns: the systems to show; all that were measured by default.
    """
    rows = [row for row in result["rows"] if row["headline"] or not headline]
    systems = [s for s in columns or SYSTEMS if any(s in row["systems"] for row in rows)]
    limits = any(row["limit"] for row in rows)
    head = ["case", *(SYSTEMS[s].title for s in systems), *(["limit"] if limits else [])]
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for row in rows:
        cells = [f"{row['suite']}: {row['name']}" + (f" ({row['note']})" if row["note"] else "")]
        for s in systems:
            if s in row["failed"]:
                cells.append("failed")
            elif s not in row["systems"]:
                cells.append("–")
            else:
                cells.append(_cell(row["systems"][s], row, whole=not headline, ours=s in OURS))
        if limits:
            cells.append(duration(row["limit"]))
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def growth(result: dict[str, Any]) -> str:
    """The exponents of the cases that grow, as a table; "" if there are none."""
    if not result["fits"]:
        return ""
    lines = ["| growth | system | time ~ nᵖ, p = | peak memory ~ nᵖ, p = |", "|---|---|---|---|"]
    for fit in result["fits"]:
        exponents = ["–" if fit[of] is None else f"{fit[of]:.2f}" for of in ("time", "memory")]
        name = f"{fit['suite']}: {fit['series']}, n = {fit['sizes'][0]:,} to {fit['sizes'][-1]:,}"
        lines.append(f"| {name} | {SYSTEMS[fit['system']].title} | {' | '.join(exponents)} |")
    return "\n".join(lines)


def failures(result: dict[str, Any]) -> str:
    """What could not be measured, and why, as a list; "" if all could be."""
    found = [f"{name}: {reason}" for name, reason in result["failed"].items()]
    found += [
        f"{row['suite']}: {row['name']}: {SYSTEMS[system].title}: {reason}"
        for row in result["rows"]
        for system, reason in row["failed"].items()
    ]
    return (
        "\n".join(["Not measured, as systems disagreed or failed:", "", *(f"- {one}" for one in found)])
        if found
        else ""
    )


def whole(result: dict[str, Any]) -> str:
    """All that was measured, in Markdown."""
    return "\n\n".join(part for part in (markdown(result), growth(result), failures(result)) if part)


def plot(result: dict[str, Any], path: str) -> None:
    """Draw, for each headline row, how many times faster than PyTorch each system is, on a logarithmic axis.

    Raises:
        ImportError: if matplotlib is missing.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError('the plot needs matplotlib: pip install "tinygrad_course[plot]"') from error

    rows = [row for row in result["rows"] if row["headline"] and any("speedup" in e for e in row["systems"].values())]
    figure = Figure(figsize=(9, 1.4 + 0.27 * len(rows)), layout="constrained")
    axes = figure.add_subplot()
    for system in SYSTEMS:
        points = [
            (row["systems"][system]["speedup"], y)
            for y, row in enumerate(rows)
            if "speedup" in row["systems"].get(system, {})
        ]
        if points:
            mark = {"marker": "o"} if system in OURS else {"marker": "x", "alpha": 0.7}
            label = SYSTEMS[system].title
            axes.plot(*zip(*points, strict=True), linestyle="", label=label, **mark)
    axes.axvline(1, color="black", linewidth=1)
    axes.set(xscale="log", xlabel="speed relative to PyTorch (right of the line: faster)")
    axes.set_yticks(range(len(rows)), [f"{row['suite']}: {row['name']}" for row in rows])
    axes.invert_yaxis()
    axes.grid(axis="x", alpha=0.3)
    if rows:
        axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=4)
    figure.savefig(path, bbox_inches="tight")
