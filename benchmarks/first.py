"""How long a compiled step of training lets its user wait: its first call, in a process that has just begun.

Run by `python -m benchmarks.first BATCH`: prints the seconds of the first three calls, of which the third is compiled.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time

from .case import Run
from .images import LENET, Convnet
from .machine import users_environment

__all__ = ["first_call"]


def first_call(batch: int, cached: bool) -> Run:
    """LeNet-5's step, with an empty cache of compiled code, or with what an earlier process left there."""
    kept = tempfile.TemporaryDirectory()
    others: list[list[float]] = []

    def calls(cache: str) -> list[float]:
        command = [sys.executable, "-m", __name__, str(batch)]
        env = users_environment(TINYGRAD_COURSE_CACHE=cache)
        done = subprocess.run(command, check=True, capture_output=True, env=env, text=True)
        return json.loads(done.stdout)

    if cached:
        calls(kept.name)

    def step() -> float:
        with tempfile.TemporaryDirectory() as empty:
            times = calls(kept.name if cached else empty)
        others.append(times)
        return times[0]

    def facts() -> dict[str, float]:
        return {"for_three_calls_seconds": min(sum(times) for times in others)}

    return Run(step, facts=facts, told=True)


def main(batch: int) -> None:
    run = Convnet(LENET, (1, 28, 28), batch).systems()["tc.compile"]()
    times = []
    for _ in range(3):
        start = time.perf_counter()
        run.step()
        times.append(time.perf_counter() - start)
    print(json.dumps(times))


if __name__ == "__main__":
    main(int(sys.argv[1]))
