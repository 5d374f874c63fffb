"""The threads of matrix products: NumPy's BLAS decides on them once, from the environment, when it is loaded."""

from __future__ import annotations

import os
import sys

__all__ = ["get_num_threads", "set_num_threads"]

_VARIABLES = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS")


def get_num_threads() -> int:
    """The threads that matrix products may use, as the environment says; else the number of CPU cores."""
    for name in _VARIABLES:
        value = os.environ.get(name, "")
        if value.isdigit() and int(value) > 0:
            return int(value)
    return os.cpu_count() or 1


def set_num_threads(num_threads: int) -> None:
    """Set the number of threads for processes started from now on, and warn that this process keeps its own.

    NumPy's BLAS reads `OMP_NUM_THREADS` when it is loaded; set it before Python starts to change this process.

    Raises:
        RuntimeError: if the number is not positive.
    """
    if isinstance(num_threads, bool) or not isinstance(num_threads, int) or num_threads < 1:
        raise RuntimeError(f"set_num_threads: expected a positive integer, got {num_threads!r}")
    if num_threads != get_num_threads():
        import warnings

        warnings.warn(
            f"set_num_threads: BLAS has started with its own number; set OMP_NUM_THREADS={num_threads} before Python "
            "starts to change this process (processes started from it are changed)",
            stacklevel=2,
        )
    for name in _VARIABLES:
        os.environ[name] = str(num_threads)
    pool = sys.modules.get(f"{__package__}.native.pool")
    if pool is not None:
        pool.resize()
