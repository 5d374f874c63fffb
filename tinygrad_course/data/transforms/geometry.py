"""Transforms that move pixels."""

import math
from collections.abc import Sequence
from typing import Any

from .._random import item_generator
from . import functional as F
from .base import Transform, check_probability, happens
from .functional import Size, mode_of, pair_of
from .image import image_size
from .resample import InterpolationMode

__all__ = [
    "CenterCrop", "Pad", "RandomCrop", "RandomHorizontalFlip", "RandomResizedCrop", "RandomRotation",
    "RandomVerticalFlip", "Resize",
]  # fmt: skip


class CenterCrop(Transform):
    """The middle of the image; a smaller image is padded with 0."""

    def __init__(self, size: Size) -> None:
        self.size = pair_of(size, "CenterCrop")

    def __call__(self, image: Any) -> Any:
        return F.center_crop(image, self.size)


class Pad(Transform):
    """A border of the given width(s): see `functional.pad`."""

    def __init__(self, padding: Size, fill: float | Sequence[float] = 0, padding_mode: str = "constant") -> None:
        self.padding = padding
        self.fill = fill
        self.padding_mode = padding_mode

    def __call__(self, image: Any) -> Any:
        return F.pad(image, self.padding, self.fill, self.padding_mode)


class Resize(Transform):
    """Resize to (height, width), or so that the shorter side becomes `size`: see `functional.resize`."""

    def __init__(
        self,
        size: Size,
        interpolation: InterpolationMode | str = InterpolationMode.BILINEAR,
        max_size: int | None = None,
        antialias: bool = True,
    ) -> None:
        pair_of(size, "Resize")
        self.size = size
        self.interpolation = mode_of(interpolation)
        self.max_size = max_size
        self.antialias = antialias

    def __call__(self, image: Any) -> Any:
        return F.resize(image, self.size, self.interpolation, self.max_size, self.antialias)


class RandomCrop(Transform):
    """A rectangle of the given size at a random place, every place equally likely.

    Args:
        size: of the result.
        padding: border added first, as for `Pad`.
        pad_if_needed: enlarge an image that is too small.
        fill, padding_mode: of the border, as for `Pad`.

    Raises:
        ValueError: when applied to an image that is smaller than `size`.
    """

    def __init__(
        self,
        size: Size,
        padding: Size | None = None,
        pad_if_needed: bool = False,
        fill: float | Sequence[float] = 0,
        padding_mode: str = "constant",
    ) -> None:
        self.size = pair_of(size, "RandomCrop")
        self.padding = padding
        self.pad_if_needed = pad_if_needed
        self.fill = fill
        self.padding_mode = padding_mode

    def __call__(self, image: Any) -> Any:
        if self.padding is not None:
            image = F.pad(image, self.padding, self.fill, self.padding_mode)
        (height, width), (rows, columns) = self.size, image_size(image, "RandomCrop")
        if self.pad_if_needed and (rows < height or columns < width):
            image = F.pad(image, (max(width - columns, 0), max(height - rows, 0)), self.fill, self.padding_mode)
            rows, columns = image_size(image, "RandomCrop")
        if rows < height or columns < width:
            raise ValueError(
                f"RandomCrop: the image ({rows} x {columns}) is smaller than the crop ({height} x {width}); "
                "pass padding=... or pad_if_needed=True"
            )
        rng = item_generator()
        top, left = rng.integers(rows - height + 1), rng.integers(columns - width + 1)
        return F.crop(image, int(top), int(left), height, width)


class RandomHorizontalFlip(Transform):
    """Mirror left and right with probability p."""

    def __init__(self, p: float = 0.5) -> None:
        self.p = check_probability("RandomHorizontalFlip", p)

    def __call__(self, image: Any) -> Any:
        return F.hflip(image) if happens(self.p) else image


class RandomVerticalFlip(Transform):
    """Mirror top and bottom with probability p."""

    def __init__(self, p: float = 0.5) -> None:
        self.p = check_probability("RandomVerticalFlip", p)

    def __call__(self, image: Any) -> Any:
        return F.vflip(image) if happens(self.p) else image


class RandomResizedCrop(Transform):
    """A random rectangle, resized: the usual augmentation for ImageNet (Szegedy et al., "Going deeper with
    convolutions", 2015, section 6).

    Args:
        size: of the result.
        scale: range of the rectangle's area, in parts of the image's.
        ratio: range of width / height, drawn uniformly in its logarithm.
        interpolation, antialias: as for `Resize`.
    """

    def __init__(
        self,
        size: Size,
        scale: Sequence[float] = (0.08, 1.0),
        ratio: Sequence[float] = (3 / 4, 4 / 3),
        interpolation: InterpolationMode | str = InterpolationMode.BILINEAR,
        antialias: bool = True,
    ) -> None:
        for name, (low, high) in (("scale", scale), ("ratio", ratio)):
            if not 0 < low <= high:
                raise ValueError(f"RandomResizedCrop: {name} must be (low, high) with 0 < low <= high, got {low, high}")
        self.size = pair_of(size, "RandomResizedCrop")
        self.scale = float(scale[0]), float(scale[1])
        self.ratio = float(ratio[0]), float(ratio[1])
        self.interpolation = mode_of(interpolation)
        self.antialias = antialias

    def __call__(self, image: Any) -> Any:
        box = self._box(*image_size(image, "RandomResizedCrop"))
        return F.resized_crop(image, *box, self.size, self.interpolation, self.antialias)

    def _box(self, rows: int, columns: int) -> tuple[int, int, int, int]:
        """Return (top, left, height, width) of a rectangle within the image."""
        rng = item_generator()
        for _ in range(10):
            area = rows * columns * rng.uniform(*self.scale)
            ratio = math.exp(rng.uniform(math.log(self.ratio[0]), math.log(self.ratio[1])))
            width, height = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
            if 0 < width <= columns and 0 < height <= rows:
                return int(rng.integers(rows - height + 1)), int(rng.integers(columns - width + 1)), height, width
        # Unlucky, or an image so long and thin that few rectangles fit: the middle, as near to the ratio as possible.
        ratio = min(max(columns / rows, self.ratio[0]), self.ratio[1])
        width, height = min(columns, round(rows * ratio)), min(rows, round(columns / ratio))
        width, height = max(width, 1), max(height, 1)
        return (rows - height) // 2, (columns - width) // 2, height, width


class RandomRotation(Transform):
    """Rotate by a random angle.

    Args:
        degrees: the range of angles, (low, high); one number d means (−d, d).
        interpolation, expand, center, fill: as for `functional.rotate`.
    """

    def __init__(
        self,
        degrees: float | Sequence[float],
        interpolation: InterpolationMode | str = InterpolationMode.NEAREST,
        expand: bool = False,
        center: Sequence[float] | None = None,
        fill: float | Sequence[float] = 0,
    ) -> None:
        self.degrees = symmetric_range("RandomRotation", degrees)
        self.interpolation = mode_of(interpolation)
        self.expand = expand
        self.center = center
        self.fill = fill

    def __call__(self, image: Any) -> Any:
        angle = float(item_generator().uniform(*self.degrees))
        return F.rotate(image, angle, self.interpolation, self.expand, self.center, self.fill)


def symmetric_range(name: str, value: float | Sequence[float]) -> tuple[float, float]:
    """Return (low, high); one number d stands for (−d, d)."""
    if isinstance(value, (int, float)):
        if value < 0:
            raise ValueError(f"{name}: a single number must be >= 0, got {value!r}")
        return -float(value), float(value)
    low, high = value
    if not low <= high:
        raise ValueError(f"{name}: expected (low, high), got {value!r}")
    return float(low), float(high)
