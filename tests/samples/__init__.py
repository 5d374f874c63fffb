"""Sample inputs of every primitive: the second, and last, thing that a primitive costs.

`SAMPLES[name]` is a Hypothesis strategy of `Sample`s for the primitive of that name in the registry: float64 arrays
at points where the primitive is differentiable (kinks have tests of their own), small, well-conditioned, of varied
shapes (0-d, broadcast, length-1 axes). One file here for each file in `ops/`; every file is imported by itself.
"""

import importlib
import pkgutil

from .base import SAMPLES, Sample

__all__ = ["SAMPLES", "Sample"]

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")
