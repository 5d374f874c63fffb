"""What `import tinygrad_course` costs beyond `import numpy`: fresh processes, interleaved.

    python -m benchmarks.startup [--runs N]

The limit that the project sets itself is 60 ms.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time

from .machine import describe

CODES = {
    "python alone": "pass",
    "import numpy": "import numpy",
    "import tinygrad_course": "import numpy, tinygrad_course",
    "import torch": "import numpy, torch",
}


def seconds(code: str) -> float:
    """Wall time of a fresh interpreter that runs `code`, with compiled modules cached as for any user."""
    env = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, env=env)
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=21, help="processes of each kind (default: 21)")
    runs = parser.parse_args().runs
    times: dict[str, list[float]] = {}
    for name, code in CODES.items():
        try:
            seconds(code)  # warms the file cache, and finds out whether the peer is installed
            times[name] = []
        except subprocess.CalledProcessError:
            print(f"{name}: not installed, left out")
    for _ in range(runs):
        for name in times:
            times[name].append(seconds(CODES[name]))
    base = times["import numpy"]
    print(describe("numpy", "torch"))
    print(f"{'':24s} {'median':>9s} {'min':>9s} {'max':>9s} {'beyond numpy (median of pairs)':>32s}")
    for name, values in times.items():
        beyond = statistics.median(a - b for a, b in zip(values, base, strict=True))
        row = (statistics.median(values), min(values), max(values), beyond)
        print(f"{name:24s}" + "".join(f"{1000 * v:7.1f} ms" for v in row[:3]) + f"{1000 * row[3]:29.1f} ms")


if __name__ == "__main__":
    main()
