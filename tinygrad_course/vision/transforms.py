"""The names of `torchvision.transforms`; they live in `tinygrad_course.data.transforms`."""

from ..data.transforms import *  # noqa: F403
from ..data.transforms import __all__ as __all__
from ..data.transforms import functional as functional
