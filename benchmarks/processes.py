"""Systems in processes of their own: kept for a suite, or new for one case whose memory is measured.

Thread pools of several libraries in one process get in each other's way: an idle worker of OpenBLAS spins for some
35 ms after a product, on the core that the next library wants. In a process of its own a system answers only once its
threads have come to rest, and then the next one begins.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from typing import Any

from .case import Case, find
from .sides import Here, warm_up

__all__ = ["Elsewhere", "Places", "Process", "There", "serve"]

PATIENCE = 400.0  # seconds after which a system is given up


class Elsewhere(RuntimeError):
    """What went wrong in another process, in its words."""


class Process:
    """A process that runs cases in one system, and does nothing between questions."""

    def __init__(self, system: str, threads: int) -> None:
        self.system = system
        self.alive = True
        self._caches = tempfile.TemporaryDirectory()  # nothing is compiled before the case says so
        folder = self._caches.name
        caches = {
            "TINYGRAD_COURSE_CACHE": folder, "TORCHINDUCTOR_CACHE_DIR": folder, "CACHEDB": f"{folder}/tinygrad.db",
        }  # fmt: skip
        self._process = subprocess.Popen(
            [sys.executable, "-m", f"{__package__}.worker", system, str(threads)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=os.environ | caches,
        )  # fmt: skip

    def ask(self, *question: Any) -> Any:
        """The answer to a question.

        Raises:
            Elsewhere: if the system fails, or does not answer for a long time.
        """
        assert self._process.stdin is not None and self._process.stdout is not None
        patience = threading.Timer(PATIENCE, self._process.kill)
        patience.start()
        try:
            self._process.stdin.write(json.dumps(question) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = ""
        finally:
            patience.cancel()
        if not line:
            self.alive = False
            raise Elsewhere(f"its process ended with code {self._process.wait()}")
        answer = json.loads(line)
        if "error" in answer:
            raise Elsewhere(answer["error"])
        return answer["answer"]

    def close(self) -> None:
        """End the process."""
        self.alive = False
        # The end of its input is its end; it may have ended before, with a question unread.
        with suppress(BrokenPipeError), self._process:
            pass
        self._caches.cleanup()


class There:
    """A case that runs in another process; the same questions as to `Here`."""

    def __init__(self, process: Process, case: Case, quick: bool, fresh: bool) -> None:
        self._process, self._fresh = process, fresh
        if fresh:
            process.ask("warm_up", case.suite)
        process.ask("open", case.suite, case.name, quick)

    def losses(self) -> list[float]:
        return self._process.ask("losses")

    def first(self) -> float:
        return self._process.ask("first")

    def block(self, count: int) -> float:
        return self._process.ask("block", count)

    def facts(self) -> dict[str, float]:
        return self._process.ask("facts")

    def close(self) -> None:
        if self._fresh:
            self._process.close()
        elif self._process.alive:
            self._process.ask("close")


class Places:
    """Where systems run. With one thread they share this process; with more, each has its own."""

    def __init__(self, threads: int, quick: bool) -> None:
        self.threads, self.quick = threads, quick
        self._processes: dict[str, Process] = {}

    def open(self, case: Case, system: str) -> Here | There:
        """Make a case ready in a system."""
        if case.fresh:
            process = Process(system, self.threads)
            try:
                return There(process, case, self.quick, True)
            except Elsewhere:
                process.close()
                raise
        if self.threads == 1:
            return Here(case, system, 1)
        known = self._processes.get(system)
        if known is None or not known.alive:
            known = self._processes[system] = Process(system, self.threads)
        return There(known, case, self.quick, False)

    def close(self) -> None:
        """End all processes; new ones are started when they are asked for."""
        for process in self._processes.values():
            process.close()
        self._processes.clear()


def serve(system: str, threads: int) -> None:
    """The other end of `Process`: answer questions until there are no more."""
    answers = sys.stdout
    sys.stdout = sys.stderr  # what libraries print is no answer
    side: Here | None = None
    for line in sys.stdin:
        name, *arguments = json.loads(line)
        answer: Any = None
        try:
            if name == "warm_up":
                warm_up(*arguments, system, threads)
            elif name == "open":
                side = Here(find(*arguments), system, threads)
            else:
                answer = getattr(side, name)(*arguments)
            reply = {"answer": answer}
        except Exception as error:
            reply = {"error": f"{type(error).__name__}: {error}"}
        _rest()
        print(json.dumps(reply), file=answers, flush=True)


def _rest(longest: float = 0.3) -> None:
    """Wait until no thread of this process is busy: until it uses less than a tenth of a core."""
    end = time.perf_counter() + longest
    while time.perf_counter() < end:
        busy = time.process_time()
        time.sleep(0.005)
        if time.process_time() - busy < 0.0005:
            return
