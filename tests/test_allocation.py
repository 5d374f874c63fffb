"""Memory that a step frees serves the next step: no pages are fetched anew."""

import os
import platform
import subprocess
import sys

import pytest

_ROUNDS = """
import resource
import numpy as np
{}

def round():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    arrays = [np.zeros(1) for _ in range(8)]
    arrays = [np.empty(3 << 20, np.uint8) for _ in arrays]
    for x in arrays:
        x.fill(1)
    del arrays, x
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

print(*[round() for _ in range(6)])
"""


def _faults(line, **environment):
    environment = {k: v for k, v in os.environ.items() if not k.startswith("MALLOC_")} | environment
    command = [sys.executable, "-c", _ROUNDS.format(line)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return [int(n) for n in done.stdout.split()]


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="what is tuned is glibc's allocator")
def test_pages_are_fetched_once():
    first, *later = _faults("import tinygrad_course")
    assert first > 100 and sum(later) < first / 4
    assert min(_faults("pass")) > 100  # it would not happen by itself
    assert min(_faults("import tinygrad_course", MALLOC_TRIM_THRESHOLD_="65536")) > 100  # the user keeps the say
