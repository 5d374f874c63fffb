"""Hypothesis strategies for what operations and modules are tested with (extra `check`).

Two kinds of arrays: `tensors` draws every value, so that Hypothesis shrinks it to a simple number; `numbers`, `apart`
and `on_kinks` draw a seed for the values, which is quick and keeps them generic, and only the shape shrinks.

Example:
    >>> import tinygrad_course as tc
    >>> from tinygrad_course.testing import strategies as some
    >>> @tc.testing.check_gradients(some.together(2, low=0.5))
    ... def test_power(a, b):
    ...     return a ** b
"""

try:
    import hypothesis as _hypothesis  # noqa: F401
except ImportError as _error:
    raise ImportError('tc.testing.strategies needs Hypothesis: pip install "tinygrad_course[check]"') from _error

from .arrays import apart, dtypes, numbers, on_kinks, probabilities, tensors
from .images import convolutions, images
from .matrices import matrices, positive_definite, with_singular_values
from .modules import Built, modules
from .programs import Program, programs
from .sample import Sample, samples, together
from .shapes import broadcastable, shapes

__all__ = [
    "Built", "Program", "Sample", "apart", "broadcastable", "convolutions", "dtypes", "images", "matrices",
    "modules", "numbers", "on_kinks", "positive_definite", "probabilities", "programs", "samples", "shapes", "tensors",
    "together", "with_singular_values",
]  # fmt: skip
