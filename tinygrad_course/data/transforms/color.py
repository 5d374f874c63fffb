"""Colours: brightness, contrast, saturation, hue, grey."""

from typing import Any

import numpy as np

from .image import planes

__all__ = ["adjust_brightness", "adjust_contrast", "adjust_hue", "adjust_saturation", "rgb_to_grayscale"]

_LUMA = (0.2989, 0.587, 0.114)  # ITU-R BT.601


def rgb_to_grayscale(image: Any, num_output_channels: int = 1) -> Any:
    """Return the grey version of an RGB image: 0.2989 R + 0.587 G + 0.114 B, in 1 channel or 3 equal ones."""
    if num_output_channels not in (1, 3):
        raise ValueError(f"rgb_to_grayscale: num_output_channels must be 1 or 3, got {num_output_channels!r}")
    array, restore = planes(image, "rgb_to_grayscale")
    grey = array if array.ndim == 2 else _truncated(_grey(array, "rgb_to_grayscale"), array.dtype)
    if num_output_channels == 3:
        grey = np.repeat(grey if grey.ndim > 2 else grey[None], 3, axis=-3)
        return restore(grey) if array.ndim > 2 else grey.transpose(1, 2, 0)
    from .image import is_pil, pil

    return pil().fromarray(np.ascontiguousarray(grey.reshape(grey.shape[-2:]))) if is_pil(image) else restore(grey)


def adjust_brightness(image: Any, brightness_factor: float) -> Any:
    """Multiply by a factor: 0 is black, 1 the image."""
    array, restore = planes(image, "adjust_brightness")
    return restore(_blend(array, np.zeros((), _computing(array)), _factor("brightness", brightness_factor)))


def adjust_contrast(image: Any, contrast_factor: float) -> Any:
    """Move away from the mean grey by a factor: 0 is all grey, 1 the image."""
    array, restore = planes(image, "adjust_contrast")
    grey = array.astype(_computing(array)) if _channels(array) != 3 else _whole(_grey(array, "adjust_contrast"), array)
    axes = tuple(range(-min(array.ndim, 3), 0))
    return restore(_blend(array, grey.mean(axis=axes, keepdims=True), _factor("contrast", contrast_factor)))


def adjust_saturation(image: Any, saturation_factor: float) -> Any:
    """Move away from grey by a factor: 0 is grey, 1 the image; an image without colour stays as it is."""
    array, restore = planes(image, "adjust_saturation")
    factor = _factor("saturation", saturation_factor)
    if _channels(array) != 3:
        return restore(array.copy())
    return restore(_blend(array, _whole(_grey(array, "adjust_saturation"), array), factor))


def adjust_hue(image: Any, hue_factor: float) -> Any:
    """Turn the colour wheel by `hue_factor` turns, from −0.5 to 0.5; an image without colour stays as it is."""
    if not -0.5 <= hue_factor <= 0.5:
        raise ValueError(f"adjust_hue: hue_factor must be from -0.5 to 0.5, got {hue_factor!r}")
    array, restore = planes(image, "adjust_hue")
    if _channels(array) != 3:
        return restore(array.copy())
    bound = _bound(array)
    rgb = array.astype(_computing(array)) / bound
    red, green, blue = rgb[..., 0, :, :], rgb[..., 1, :, :], rgb[..., 2, :, :]
    value, least = rgb.max(axis=-3), rgb.min(axis=-3)
    chroma = value - least
    safe = np.where(chroma == 0, 1, chroma)
    hue = np.where(
        value == red,
        (green - blue) / safe,
        np.where(value == green, (blue - red) / safe + 2, (red - green) / safe + 4),
    )  # in sixths of a turn
    hue = hue + 6 * hue_factor
    # Channel n of HSV to RGB: value - chroma * clip(min(k, 4 - k), 0, 1) with k = (n + hue) mod 6 (n = 5, 3, 1).
    channels = []
    for n in (5, 3, 1):
        k = np.mod(n + hue, 6)
        channels.append(value - chroma * np.clip(np.minimum(k, 4 - k), 0, 1))
    turned = np.stack(channels, axis=-3)
    if array.dtype.kind in "iu":
        turned = np.rint(turned * bound)
    return restore(turned.astype(array.dtype))


def _channels(array: np.ndarray) -> int:
    return array.shape[-3] if array.ndim > 2 else 1


def _computing(array: np.ndarray) -> np.dtype:
    return np.dtype(np.float64 if array.dtype == np.float64 else np.float32)


def _bound(array: np.ndarray) -> float:
    """The value of white."""
    return 1.0 if array.dtype.kind == "f" else float(np.iinfo(array.dtype).max)


def _grey(array: np.ndarray, name: str) -> np.ndarray:
    if _channels(array) != 3:
        raise TypeError(f"{name}: expected 3 channels, got {_channels(array)}")
    x = array.astype(_computing(array), copy=False)
    return _LUMA[0] * x[..., 0:1, :, :] + _LUMA[1] * x[..., 1:2, :, :] + _LUMA[2] * x[..., 2:3, :, :]


def _whole(grey: np.ndarray, array: np.ndarray) -> np.ndarray:
    """Grey as a pixel would hold it: integer images have integer grey."""
    return np.floor(grey) if array.dtype.kind in "iu" else grey


def _truncated(values: np.ndarray, dtype: np.dtype) -> np.ndarray:
    return values.astype(dtype)  # as PyTorch casts: towards zero


def _blend(array: np.ndarray, other: np.ndarray, factor: float) -> np.ndarray:
    mixed = factor * array.astype(_computing(array), copy=False) + (1 - factor) * other
    return _truncated(np.clip(mixed, 0, _bound(array)), array.dtype)


def _factor(what: str, factor: float) -> float:
    if not factor >= 0:
        raise ValueError(f"adjust_{what}: {what}_factor must be >= 0, got {factor!r}")
    return float(factor)
