"""What layers are made of, under PyTorch's names: compositions of operations, with no rules of their own."""

from ...native.families import install as _install
from . import (
    activation,
    convolution,
    distance,
    dropping,
    loss,
    margin,
    normalization,
    padding,
    pooling,
    regression,
    sparse,
    vision,
)
from .activation import *
from .convolution import *
from .distance import *
from .dropping import *
from .loss import *
from .margin import *
from .normalization import *
from .padding import *
from .pooling import *
from .regression import *
from .sparse import *
from .vision import *

__all__: list[str] = []
for _part in (
    activation, convolution, distance, dropping, loss, margin, normalization, padding, pooling, regression, sparse,
    vision,
):  # fmt: skip
    __all__ += _part.__all__
del _part
_install()  # kernels in front of the operations that were declared just now
