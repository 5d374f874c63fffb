"""Transforms between kinds of image, and into the range that networks like."""

from collections.abc import Callable, Sequence
from typing import Any

from ...tensor import Tensor
from . import functional as F
from .base import Transform, check_probability, happens

__all__ = ["Grayscale", "Normalize", "PILToTensor", "RandomGrayscale", "ToPILImage", "ToTensor"]


class ToTensor(Transform):
    """PIL image or ndarray (H, W) or (H, W, C) to a tensor (C, H, W); uint8 becomes float32 in [0, 1].

    Other dtypes keep their values.

    Example:
        >>> import numpy as np
        >>> from tinygrad_course.vision import transforms
        >>> transforms.ToTensor()(np.array([[0, 51, 255]], np.uint8))
        tensor([[[0.0000, 0.2000, 1.0000]]])
    """

    def __call__(self, image: Any) -> Tensor:
        return F.to_tensor(image)

    def batch_form(self) -> Callable[[Any], Any] | None:
        if type(self).__call__ is not ToTensor.__call__:
            return None
        return lambda images: F.scaled(images if images.ndim == 4 else images[..., None])


class PILToTensor(Transform):
    """PIL image to a tensor (C, H, W) of the same dtype."""

    def __call__(self, image: Any) -> Tensor:
        return F.pil_to_tensor(image)


class ToPILImage(Transform):
    """Tensor (C, H, W), or ndarray (H, W) or (H, W, C), to a PIL image; floats mean [0, 1]. Needs Pillow."""

    def __init__(self, mode: str | None = None) -> None:
        self.mode = mode

    def __call__(self, image: Any) -> Any:
        return F.to_pil_image(image, self.mode)


class Normalize(Transform):
    """(image − mean) / std, per channel: tensors (…, C, H, W), or float ndarrays (H, W, C).

    Raises:
        ValueError: if a std is zero: it could not be divided by, nor undone.
    """

    def __init__(self, mean: Sequence[float] | float, std: Sequence[float] | float, inplace: bool = False) -> None:
        spread = [std] if isinstance(std, (int, float)) else list(std)
        if any(value == 0 for value in spread):
            raise ValueError(f"Normalize: std must not be zero, got {std!r}")
        self.mean = mean
        self.std = std
        self.inplace = inplace

    def __call__(self, image: Any) -> Any:
        return F.normalize(image, self.mean, self.std, self.inplace)

    def batch_form(self) -> Callable[[Any], Any] | None:
        from .._tensors import is_tensor

        if type(self).__call__ is not Normalize.__call__:
            return None

        def run(images: Any) -> Any:
            if not is_tensor(images):
                raise TypeError("normalize: expected a tensor; apply ToTensor() first")
            return self(images)

        return run


class Grayscale(Transform):
    """RGB to grey, in 1 channel or 3 equal ones."""

    def __init__(self, num_output_channels: int = 1) -> None:
        self.num_output_channels = num_output_channels

    def __call__(self, image: Any) -> Any:
        return F.rgb_to_grayscale(image, self.num_output_channels)


class RandomGrayscale(Transform):
    """RGB to grey (in 3 channels) with probability p."""

    def __init__(self, p: float = 0.1) -> None:
        self.p = check_probability("RandomGrayscale", p)

    def __call__(self, image: Any) -> Any:
        return F.rgb_to_grayscale(image, 3) if happens(self.p) else image
