"""How a case is measured: losses compared, warmed up, then timed in blocks that take turns."""

from __future__ import annotations

import gc
import math
import statistics
from collections.abc import Iterable, Sequence
from typing import Any

from .case import Case
from .limits import Speed
from .processes import Elsewhere, Places
from .systems import SYSTEMS

__all__ = ["BLOCKS", "REFERENCE", "Disagreement", "fits", "measure"]

BLOCKS = 15
REFERENCE = "torch"  # what the others' speed is compared with


class Disagreement(Exception):
    """Two systems do not compute the same."""


def measure(case: Case, systems: Iterable[str], *, places: Places, seconds: float, speed: Speed) -> dict[str, Any]:
    """Measure a case in those of the systems that it is written for.

    Args:
        case: what.
        systems: in which systems.
        places: where they run.
        seconds: how long each system is timed, about.
        speed: of the machine.

    A system that fails is left out, and named under "failed".

    Raises:
        Disagreement: if the losses of two systems differ. Nothing has been timed then.
    """
    sides: dict[str, Any] = {}
    losses: dict[str, list[float]] = {}
    failed: dict[str, str] = {}
    try:
        for system in systems:
            if system not in case.systems:
                continue
            try:
                sides[system] = places.open(case, system)
                losses[system] = sides[system].losses()
            except Exception as error:
                failed[system] = str(error) if isinstance(error, Elsewhere) else f"{type(error).__name__}: {error}"
                if system in sides:
                    sides.pop(system).close()
        _compare(case, losses)
        gc.collect()
        samples = _timed(sides, seconds * case.share, 3 if places.quick else BLOCKS)
        measured = {}
        for name, side in sides.items():
            entry = _summary(samples[name]) | {"facts": side.facts(), "losses": losses[name]}
            if not case.fresh:
                del entry["facts"]["peak_bytes"]  # of all cases together
            if SYSTEMS[name].compiled and case.steps:
                entry["facts"]["to_compile_seconds"] = max(0.0, side.first() - case.steps * entry["median"])
            if name != REFERENCE and REFERENCE in samples:
                # Blocks that stood side by side are compared: both had the same machine.
                entry["speedup"] = statistics.median(
                    b / a for a, b in zip(samples[name], samples[REFERENCE], strict=True)
                )
            measured[name] = entry
    finally:
        for side in sides.values():
            side.close()
    return {
        "suite": case.suite, "name": case.name, "fresh": case.fresh, "headline": case.headline, "work": case.work,
        "unit": case.unit, "series": case.series, "size": case.size, "note": case.note, "systems": measured,
        "limit": speed.seconds(case.limit) if case.limit else None, "failed": failed,
    }  # fmt: skip


def _compare(case: Case, losses: dict[str, list[float]]) -> None:
    """All against PyTorch; without it, against the first."""
    if not losses:
        return
    first = REFERENCE if REFERENCE in losses else next(iter(losses))
    for other in losses:
        for moment, a, b in zip(("at first", f"after {case.steps} steps"), losses[first], losses[other], strict=False):
            if not (math.isfinite(a) and math.isclose(a, b, rel_tol=case.tolerance, abs_tol=1e-12)):
                raise Disagreement(f"the loss {moment} is {a:.8g} in {first} and {b:.8g} in {other}")


def _timed(sides: dict[str, Any], seconds: float, blocks: int) -> dict[str, list[float]]:
    """Seconds per step of each block; the systems take turns, and who begins changes."""
    counts = {}
    each = 0.0  # seconds that all systems' blocks take together
    for name, side in sides.items():
        side.block(1)  # warms up: after the losses a compiled step may have to look around again
        count = 1
        once = side.block(count)
        while once < 0.2 * seconds / blocks:  # until a block lasts long enough to tell how many steps fill one
            count *= 4
            once = side.block(count)
        counts[name] = max(1, round(count * seconds / blocks / once))
        each += counts[name] * once / count
    if each:  # steps that are longer than a block leave time for few of them
        blocks = min(blocks, max(3, int(1.5 * seconds * len(sides) / each)))
    samples: dict[str, list[float]] = {name: [] for name in sides}
    order = list(sides)
    for _ in range(blocks):
        for name in order:
            samples[name].append(sides[name].block(counts[name]) / counts[name])
        order.append(order.pop(0))
    return samples


def _summary(samples: list[float]) -> dict[str, Any]:
    low, _, high = statistics.quantiles(samples, n=4, method="inclusive")
    return {"median": statistics.median(samples), "low": low, "high": high, "min": min(samples), "blocks": len(samples)}


def fits(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """For each series and system the exponents p of time ~ size^p and memory ~ size^p: least squares of logarithms."""
    found = []
    series = dict.fromkeys((row["suite"], row["series"]) for row in rows if row["series"])
    for suite, name in series:
        members = [row for row in rows if (row["suite"], row["series"]) == (suite, name)]
        for system in dict.fromkeys(s for row in members for s in row["systems"]):
            here = [row for row in members if system in row["systems"]]
            times = [(row["size"], row["systems"][system]["median"]) for row in here]
            memory = [(row["size"], row["systems"][system]["facts"].get("peak_bytes", 0)) for row in here]
            found.append({
                "suite": suite, "series": name, "system": system, "sizes": [size for size, _ in times],
                "time": _exponent(times), "memory": _exponent(memory),
            })  # fmt: skip
    return found


def _exponent(points: list[tuple[int, float]]) -> float | None:
    logs = [(math.log(x), math.log(y)) for x, y in points if y > 0]
    if len({x for x, _ in logs}) < 2:
        return None
    return statistics.linear_regression(*zip(*logs, strict=True)).slope
