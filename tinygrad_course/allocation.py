"""The C library's memory is kept between steps, so that a step does not fetch the same pages again and again.

glibc gives large blocks back to the system as soon as they are freed, and the next block of that size comes back page
by page, each of them cleared by the system at its first touch: for a step that frees what it made, up to half of its
time. glibc raises its own limit (up to 32 MB) when a larger block is freed: what was needed once will be needed again.
`keep` frees one such block that was never touched, so that it costs nothing. From then on up to 64 MB of freed memory
stay with the process. Who sets `MALLOC_TRIM_THRESHOLD_` or `MALLOC_MMAP_THRESHOLD_` (see `man mallopt`) keeps the say:
glibc does not adapt then. Other C libraries are as they were.
"""

from __future__ import annotations

from contextlib import suppress

import numpy as np

__all__ = ["keep"]

# Just below DEFAULT_MMAP_THRESHOLD_MAX, beyond which glibc learns nothing.
_LARGEST = (32 << 20) - (64 << 10)


def keep() -> None:
    """Let freed blocks of up to 32 MB be used again by this process."""
    with suppress(MemoryError):  # a limit on the process's memory
        np.empty(_LARGEST, np.uint8)
