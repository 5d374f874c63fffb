"""What is measured: a case, written once for each system that can run it."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["SUITES", "Case", "Limit", "Run", "find", "load"]

SUITES = ("overhead", "mlp", "conv", "autoencoder", "rbm", "optim", "autograd", "data", "draw", "startup")


@dataclass
class Run:
    """A case made ready in one system.

    Attributes:
        step: does the work once; it has really been done when the call returns.
        loss: a number that must be the same in all systems, before and after some steps.
        facts: numbers to be shown beside the time (evaluations, bytes), asked for after the timing.
        told: the step returns the seconds that count, as it also does what does not.
    """

    step: Callable[[], Any]
    loss: Callable[[], float] | None = None
    facts: Callable[[], dict[str, float]] | None = None
    told: bool = False


@dataclass
class Limit:
    """What no system can be faster than: bytes over bandwidth, or matrix products alone.

    Attributes:
        bytes: what must at least be read and written.
        flops: floating-point operations, at the rate of a large product.
        products: (m, k, n) of the products that are timed by themselves.
    """

    bytes: int = 0
    flops: float = 0
    products: Sequence[tuple[int, int, int]] = ()


@dataclass
class Case:
    """One row of the table.

    Attributes:
        suite: where it belongs.
        name: what is measured; unique in its suite.
        systems: for each system (see `systems.py`) what makes it ready; nothing is imported before that is called.
        limit: a bound from below.
        work: how many things (`unit`) a step handles, where a rate is shown.
        unit: the name of these things.
        steps: how many steps are taken before losses are compared a second time.
        tolerance: by how much losses may differ, relative.
        fresh: every system has a new process to itself, whose peak memory is measured too.
        series: cases of one series differ in `size` only: a power law is fitted.
        size: see `series`.
        share: how long it is timed, relative to other cases.
        note: what the reader should know about this row.
        headline: whether the README shows it. Decided here, before anything is measured.
    """

    suite: str
    name: str
    systems: dict[str, Callable[[], Run]]
    limit: Limit | None = None
    work: int = 0
    unit: str = ""
    steps: int = 3
    tolerance: float = 1e-3
    fresh: bool = False
    series: str = ""
    size: int = 0
    share: float = 1
    note: str = ""
    headline: bool = False


def load(suite: str, quick: bool = False) -> list[Case]:
    """The cases of a suite; with tiny sizes if `quick`."""
    return importlib.import_module(f"{__package__}.suites.{suite}").cases(quick)


def find(suite: str, name: str, quick: bool) -> Case:
    """One case by its name."""
    (case,) = [case for case in load(suite, quick) if case.name == name]
    return case
