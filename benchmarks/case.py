"""What is measured: a case, written once for each system that can run it."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

__all__ = ["PACKAGES", "SUITES", "Case", "Limit", "Run", "find", "load"]

SUITES = ("overhead", "mlp", "conv", "autoencoder", "rbm", "optim", "autograd", "data", "draw", "startup")

# What a system is called in cases and tables, and the package that it needs.
PACKAGES = {
    "tc": "tinygrad_course",
    "torch": "torch",
    "jax": "jax",
    "autograd": "autograd",
    "tinygrad": "tinygrad",
    "numpy": "numpy",
}


@dataclass
class Run:
    """A case made ready in one system.

    Attributes:
        step: does the work once; it has really been done when the call returns.
        loss: a number that must be the same in all systems, before and after some steps.
        facts: numbers to be shown beside the time (evaluations, bytes), asked for after the timing.
    """

    step: Callable[[], Any]
    loss: Callable[[], float] | None = None
    facts: Callable[[], dict[str, float]] | None = None


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
        systems: for each system what makes it ready; nothing is imported before that is called.
        limit: a bound from below.
        work: how many things (`unit`) a step handles, where a rate is shown.
        unit: the name of these things.
        steps: how many steps are taken before losses are compared a second time.
        tolerance: by how much losses may differ, relative.
        apart: every system has a process to itself, even with one thread; peak memory is then measured.
        series: cases of one series differ in `size` only: a power law is fitted.
        size: see `series`.
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
    apart: bool = False
    series: str = ""
    size: int = 0
    headline: bool = False
    peers: list[str] = field(init=False)

    def __post_init__(self) -> None:
        self.peers = [name for name in self.systems if name != "tc"]


def load(suite: str, quick: bool = False) -> list[Case]:
    """The cases of a suite; with tiny sizes if `quick`."""
    return importlib.import_module(f"{__package__}.suites.{suite}").cases(quick)


def find(suite: str, name: str, quick: bool) -> Case:
    """One case by its name."""
    (case,) = [case for case in load(suite, quick) if case.name == name]
    return case
