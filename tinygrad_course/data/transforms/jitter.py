"""Random changes of colour."""

from collections.abc import Callable, Sequence
from typing import Any

from .._random import item_generator
from . import functional as F
from .base import Transform

__all__ = ["ColorJitter"]

Range = tuple[float, float]


class ColorJitter(Transform):
    """Change brightness, contrast, saturation and hue at random, in random order.

    Args:
        brightness, contrast, saturation: a number d draws the factor from max(0, 1 − d) to 1 + d; or (low, high).
        hue: a number h ≤ 0.5 draws a turn of the colour wheel from −h to h; or (low, high).
    """

    def __init__(
        self,
        brightness: float | Sequence[float] = 0,
        contrast: float | Sequence[float] = 0,
        saturation: float | Sequence[float] = 0,
        hue: float | Sequence[float] = 0,
    ) -> None:
        self.brightness = _factors("brightness", brightness)
        self.contrast = _factors("contrast", contrast)
        self.saturation = _factors("saturation", saturation)
        self.hue = _turns(hue)

    def __call__(self, image: Any) -> Any:
        rng = item_generator()
        steps: list[tuple[Callable[[Any, float], Any], Range | None]] = [
            (F.adjust_brightness, self.brightness),
            (F.adjust_contrast, self.contrast),
            (F.adjust_saturation, self.saturation),
            (F.adjust_hue, self.hue),
        ]
        for which in rng.permutation(len(steps)).tolist():
            adjust, limits = steps[which]
            if limits is not None:
                image = adjust(image, float(rng.uniform(*limits)))
        return image


def _factors(name: str, value: float | Sequence[float]) -> Range | None:
    if isinstance(value, (int, float)):
        if value < 0:
            raise ValueError(f"ColorJitter: {name} must be >= 0, got {value!r}")
        return (max(0.0, 1.0 - value), 1.0 + value) if value else None
    low, high = value
    if not 0 <= low <= high:
        raise ValueError(f"ColorJitter: {name} must be (low, high) with 0 <= low <= high, got {value!r}")
    return float(low), float(high)


def _turns(value: float | Sequence[float]) -> Range | None:
    low, high = (-value, value) if isinstance(value, (int, float)) else value
    if not -0.5 <= low <= high <= 0.5:
        raise ValueError(f"ColorJitter: hue must be at most 0.5 either way, got {value!r}")
    return (float(low), float(high)) if low or high else None
