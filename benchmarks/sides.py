"""One system's side of a case: in this process, or in one of its own."""

from __future__ import annotations

import gc
import importlib
import time

from .case import Case, load
from .machine import give_back_memory, peak_bytes, reset_peak
from .systems import SYSTEMS

__all__ = ["Here", "warm_up"]


class Here:
    """Runs a case in this process.

    Args:
        case: what.
        system: in which system.
        threads: PyTorch's threads; the others have taken theirs from the environment.
    """

    def __init__(self, case: Case, system: str, threads: int) -> None:
        self._system = SYSTEMS[system]
        for package in ("numpy", self._system.package):  # what an import takes is no memory of the case
            importlib.import_module(package)
        if self._system.package == "torch":
            import torch

            torch.set_num_threads(threads)
        give_back_memory()
        self._before = reset_peak()
        with self._system.active():
            self.run = case.systems[system]()
        self._steps = case.steps
        self._first = 0.0

    def losses(self) -> list[float]:
        """The loss at first, and after some steps. Compiled systems compile during these."""
        losses = []
        with self._system.active():
            if self.run.loss is not None:
                losses.append(float(self.run.loss()))
            start = time.perf_counter()
            for _ in range(self._steps):
                self.run.step()
            self._first = time.perf_counter() - start
            if self.run.loss is not None and self._steps:
                losses.append(float(self.run.loss()))
        give_back_memory()  # peaks are those of the steps that follow: compiling has its own needs
        reset_peak()
        return losses

    def first(self) -> float:
        """Seconds that the steps before the second loss took together."""
        return self._first

    def block(self, count: int) -> float:
        """Seconds that so many steps take."""
        step = self.run.step
        collects = gc.isenabled()
        gc.disable()  # as timeit does: whose turn it is when a collection is due would be chance
        try:
            with self._system.active():
                if self.run.told:
                    return sum(step() for _ in range(count))
                if count > 1:
                    step()  # brings caches and threads back after the others' turns
                start = time.perf_counter()
                for _ in range(count):
                    step()
                return time.perf_counter() - start
        finally:
            if collects:
                gc.enable()

    def facts(self) -> dict[str, float]:
        """What the run tells of itself, and the memory that it came to need."""
        told = dict(self.run.facts()) if self.run.facts is not None else {}
        return told | {"peak_bytes": max(0, peak_bytes() - self._before)}

    def close(self) -> None:
        """Let go of everything."""
        if hasattr(self, "run"):
            del self.run
        gc.collect()


def warm_up(suite: str, system: str, threads: int) -> None:
    """Run a suite's tiny cases whose memory matters: what libraries load on first use is no memory of a case."""
    for small in load(suite, quick=True):
        if small.fresh and system in small.systems:
            side = Here(small, system, threads)
            side.losses()
            side.close()
