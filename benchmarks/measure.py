"""How a case is measured: losses compared, warmed up, then timed in blocks that take turns."""

from __future__ import annotations

import gc
import importlib.util
import math
import statistics
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from .case import PACKAGES, Case, Limit
from .machine import bandwidth, product_rate
from .sides import Here, There

__all__ = ["BLOCKS", "Disagreement", "Speed", "fits", "installed", "measure"]

BLOCKS = 15


class Disagreement(Exception):
    """Two systems do not compute the same."""


def installed(system: str) -> bool:
    """Whether the package of a system can be imported."""
    return importlib.util.find_spec(PACKAGES[system]) is not None


@dataclass
class Speed:
    """What the machine can do, measured when first asked for."""

    known: dict[str, float] = field(default_factory=dict)

    def seconds(self, limit: Limit) -> float:
        """The least time in which the limit's work can be done."""
        least = 0.0
        if limit.bytes:
            if "bytes_per_second" not in self.known:
                self.known["bytes_per_second"] = bandwidth()
            least = max(least, limit.bytes / self.known["bytes_per_second"])
        if limit.flops:
            if "flops_per_second" not in self.known:
                self.known["flops_per_second"] = product_rate()
            least = max(least, limit.flops / self.known["flops_per_second"])
        if limit.products:
            least = max(least, _products(limit.products))
        return least


def _products(shapes: Sequence[tuple[int, int, int]]) -> float:
    """Seconds that these matrix products take by themselves: the median of some rounds."""
    import numpy as np

    operands = [
        (np.ones((m, k), np.float32), np.ones((k, n), np.float32), np.empty((m, n), np.float32)) for m, k, n in shapes
    ]
    times = []
    for _ in range(25):
        start = time.perf_counter()
        for a, b, out in operands:
            np.matmul(a, b, out=out)
        times.append(time.perf_counter() - start)
    return statistics.median(times[5:])


def measure(
    case: Case, systems: Iterable[str], *, seconds: float, threads: int, quick: bool, speed: Speed
) -> dict[str, Any]:
    """Measure a case in those of the systems that it is written for.

    Args:
        case: what.
        systems: in which systems; tinygrad_course first.
        seconds: how long each system is timed.
        threads: with more than one, every system has a process to itself: their thread pools would disturb each other.
        quick: whether the case is of tiny size.
        speed: of the machine.

    A peer that fails is left out, and named under "failed".

    Raises:
        Disagreement: if the losses of two systems differ. Nothing has been timed then.
    """
    apart = case.apart or threads > 1
    sides: dict[str, Any] = {}
    try:
        losses = {}
        failed = {}
        for system in systems:
            if system not in case.systems:
                continue
            try:
                sides[system] = There(case, system, threads, quick) if apart else Here(case, system, threads)
                losses[system] = sides[system].losses()
            except Exception as error:
                if system == "tc":
                    raise
                failed[system] = f"{case.suite}: {case.name}: {PACKAGES[system]}: {type(error).__name__}: {error}"
                if system in sides:
                    sides.pop(system).close()
        _compare(case, losses)
        gc.collect()
        samples = _timed(sides, seconds, 3 if quick else BLOCKS)
        measured = {name: _summary(samples[name]) | {"facts": side.facts()} for name, side in sides.items()}
    finally:
        for side in sides.values():
            side.close()
    for name, entry in measured.items():
        entry["losses"] = losses[name]
        if not apart:
            del entry["facts"]["peak_bytes"]  # of all systems together
        if name != "tc" and "tc" in samples:
            # Blocks that stood side by side are compared: both had the same machine.
            entry["ratio"] = statistics.median(b / a for a, b in zip(samples["tc"], samples[name], strict=True))
    return {
        "suite": case.suite, "name": case.name, "apart": apart, "headline": case.headline, "work": case.work,
        "unit": case.unit, "series": case.series, "size": case.size, "systems": measured,
        "limit": speed.seconds(case.limit) if case.limit else None, "failed": failed,
    }  # fmt: skip


def _compare(case: Case, losses: dict[str, list[float]]) -> None:
    if not losses:
        return
    first, *others = losses
    for other in others:
        for moment, a, b in zip(("at first", f"after {case.steps} steps"), losses[first], losses[other], strict=False):
            if not (math.isfinite(a) and math.isclose(a, b, rel_tol=case.tolerance, abs_tol=1e-12)):
                raise Disagreement(
                    f"{case.suite}: {case.name}: the loss {moment} is {a:.8g} in {first} and {b:.8g} in {other}"
                )


def _timed(sides: dict[str, Any], seconds: float, blocks: int) -> dict[str, list[float]]:
    """Seconds per step of each block; the systems take turns, and who begins changes."""
    counts = {}
    for name, side in sides.items():
        once = side.block(1)  # warms up too, whatever the losses did
        count = 1
        while once < 0.2 * seconds / blocks:  # until a block lasts long enough to tell how many steps fill one
            count *= 4
            once = side.block(count)
        counts[name] = max(1, round(count * seconds / blocks / once))
    if all(count == 1 for count in counts.values()):
        blocks = min(blocks, 5)  # steps of seconds
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
