"""The parts of torchvision that course code uses: `tc.vision.datasets` and `tc.vision.transforms`."""

from . import datasets, transforms

__all__ = ["datasets", "transforms"]
