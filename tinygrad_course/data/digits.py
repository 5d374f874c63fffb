"""The small digits that scikit-learn made popular."""

from collections.abc import Callable
from typing import Any, ClassVar

from ._files import read_shipped
from ._vision import TensorImages

__all__ = ["Digits"]


class Digits(TensorImages):
    """1,797 handwritten digits of 8×8 pixels with values 0 … 16, shipped with the package.

    The test part of "Optical Recognition of Handwritten Digits" (E. Alpaydin, C. Kaynak, 1998; UCI Machine Learning
    Repository, CC BY 4.0), the same images as `sklearn.datasets.load_digits`. Small enough to train on in a second.

    Args:
        transform: applied to each image, a uint8 array (8, 8).
        target_transform: applied to each label, an int.

    Attributes:
        data: uint8 tensor (1797, 8, 8).
        targets: int64 tensor (1797,).

    Example:
        >>> import tinygrad_course as tc
        >>> images, labels = tc.data.Digits().tensors()
        >>> tuple(images.shape), float(images.max()), labels[:4]
        ((1797, 1, 8, 8), 1.0, tensor([0, 1, 2, 3]))
    """

    classes: ClassVar[list[str]] = [str(digit) for digit in range(10)]
    full_scale: ClassVar[int] = 16

    def __init__(
        self,
        transform: Callable[[Any], Any] | None = None,
        target_transform: Callable[[Any], Any] | None = None,
    ) -> None:
        images, labels = read_shipped("digits-images-idx3-ubyte.gz"), read_shipped("digits-labels-idx1-ubyte.gz")
        super().__init__(images, labels, "shipped", transform, target_transform)
