"""One system's side of a case: in this process, or in one of its own."""

from __future__ import annotations

import gc
import importlib
import json
import subprocess
import sys
import time
from typing import Any

from .case import PACKAGES, Case, find, load
from .machine import give_back_memory, peak_bytes, reset_peak

__all__ = ["Here", "There", "serve"]


class Here:
    """Runs a case in this process."""

    def __init__(self, case: Case, system: str, threads: int) -> None:
        for package in ("numpy", PACKAGES[system]):  # what an import takes is no memory of the case
            importlib.import_module(package)
        if system == "torch":
            import torch

            torch.set_num_threads(threads)
        self._before = reset_peak()
        self.run = case.systems[system]()
        self._steps = case.steps

    def losses(self) -> list[float]:
        """The loss at first, and after some steps."""
        if self.run.loss is None:
            return []
        losses = [float(self.run.loss())]
        if self._steps:
            for _ in range(self._steps):
                self.run.step()
            losses.append(float(self.run.loss()))
        return losses

    def block(self, count: int) -> float:
        """Seconds that so many steps take."""
        step = self.run.step
        collects = gc.isenabled()
        gc.disable()  # as timeit does: whose turn it is when a collection is due would be chance
        try:
            start = time.perf_counter()
            for _ in range(count):
                step()
            return time.perf_counter() - start
        finally:
            if collects:
                gc.enable()

    def facts(self) -> dict[str, float]:
        """What the run tells of itself, and the memory it came to need."""
        told = dict(self.run.facts()) if self.run.facts is not None else {}
        return told | {"peak_bytes": max(0, peak_bytes() - self._before)}

    def close(self) -> None:
        """Let go of everything."""
        del self.run


class There:
    """Runs a case in a fresh process, which does nothing, and holds no core, while the others have their turn."""

    def __init__(self, case: Case, system: str, threads: int, quick: bool) -> None:
        task = {"suite": case.suite, "name": case.name, "system": system, "threads": threads, "quick": quick}
        self._process = subprocess.Popen(
            [sys.executable, "-m", f"{__package__}.worker", json.dumps(task)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        self._where = f"{case.suite}: {case.name}: {system}"

    def _ask(self, *question: Any) -> Any:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise RuntimeError(f"{self._where}: its process ended with code {self._process.wait()}; see above")
        return json.loads(answer)

    def losses(self) -> list[float]:
        return self._ask("losses")

    def block(self, count: int) -> float:
        time.sleep(0.02)  # the threads of the system that has just run stop waiting for more work
        return self._ask("block", count)

    def facts(self) -> dict[str, float]:
        return self._ask("facts")

    def close(self) -> None:
        with self._process:  # the end of its input is the end of the process
            pass


def serve(task: str) -> None:
    """The other end of `There`: answer questions until there are no more."""
    answers = sys.stdout
    sys.stdout = sys.stderr  # what libraries print is no answer
    told = json.loads(task)
    case = find(told["suite"], told["name"], told["quick"])
    for small in load(told["suite"], quick=True):  # what libraries load on first use is no memory of the case
        if told["system"] in small.systems:
            Here(small, told["system"], told["threads"]).losses()
    give_back_memory()
    side = Here(case, told["system"], told["threads"])
    for line in sys.stdin:
        name, *arguments = json.loads(line)
        print(json.dumps(getattr(side, name)(*arguments)), file=answers, flush=True)
