"""What the machine can do: the time below which no system can come."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from .case import Limit

__all__ = ["Speed", "bandwidth", "product_rate"]


def bandwidth(threads: int = 1, megabytes: int = 64) -> float:
    """Bytes read and written per second when arrays that no cache holds are copied by all threads: the best of some."""
    import numpy as np

    sources = [np.ones(megabytes * 2**17 // threads) for _ in range(threads)]
    targets = [np.empty_like(source) for source in sources]
    best = float("inf")
    with ThreadPoolExecutor(threads) as pool:
        for _ in range(9):
            start = time.perf_counter()
            list(pool.map(np.copyto, targets, sources))
            best = min(best, time.perf_counter() - start)
    return 2 * sum(source.nbytes for source in sources) / best


def product_rate(size: int = 768) -> float:
    """Floating-point operations per second of a large float32 matrix product: the best of some."""
    import numpy as np

    a = np.ones((size, size), np.float32)
    out = np.empty_like(a)
    best = float("inf")
    for _ in range(9):
        start = time.perf_counter()
        np.matmul(a, a, out=out)
        best = min(best, time.perf_counter() - start)
    return 2 * size**3 / best


@dataclass
class Speed:
    """What the machine can do, measured when first asked for.

    Attributes:
        threads: how many are used.
        known: bytes and floating-point operations per second.
    """

    threads: int = 1
    known: dict[str, float] = field(default_factory=dict)

    def seconds(self, limit: Limit) -> float:
        """The least time in which the limit's work can be done."""
        least = 0.0
        if limit.bytes:
            if "bytes_per_second" not in self.known:
                self.known["bytes_per_second"] = bandwidth(self.threads)
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
