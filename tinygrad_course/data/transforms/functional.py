"""Image operations without chance, at the names of `torchvision.transforms.functional`.

Each takes a PIL image, an ndarray (H, W) or (H, W, C), or a tensor (…, C, H, W), and gives the same kind; none writes
into its argument unless `inplace` says so.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...tensor import Tensor
from .._tensors import is_tensor, unwrap, wrap
from .color import (
    adjust_brightness,
    adjust_contrast,
    adjust_hue,
    adjust_saturation,
    rgb_to_grayscale,
)
from .image import image_size, is_pil, pil, planes
from .resample import InterpolationMode, background, resize_planes, rotate_planes

__all__ = [
    "InterpolationMode", "adjust_brightness", "adjust_contrast", "adjust_hue", "adjust_saturation", "center_crop",
    "crop", "hflip", "normalize", "pad", "pil_to_tensor", "resize", "resized_crop", "rgb_to_grayscale", "rotate",
    "to_pil_image", "to_tensor", "vflip",
]  # fmt: skip

Size = int | Sequence[int]


def to_tensor(image: Any) -> Tensor:
    """Turn a PIL image or an ndarray (H, W) or (H, W, C) into a tensor (C, H, W); uint8 becomes float32 in [0, 1].

    Other dtypes keep their values.

    Raises:
        TypeError: if it is neither, or is a tensor already.
    """
    if not is_pil(image) and not isinstance(image, np.ndarray):
        raise TypeError(f"to_tensor: expected a PIL image or an ndarray, got {type(image).__name__}")
    array = np.asarray(image)
    if array.ndim not in (2, 3):
        raise TypeError(f"to_tensor: expected an image (H, W) or (H, W, C), got shape {array.shape}")
    if is_pil(image) and array.dtype == np.bool_:  # mode "1"
        array = array.astype(np.uint8) * np.uint8(255)
    return scaled(array if array.ndim == 3 else array[..., None])


def scaled(images: np.ndarray) -> Tensor:
    """Turn (…, H, W, C) into a tensor (…, C, H, W), uint8 scaled to [0, 1]."""
    moved = np.ascontiguousarray(np.moveaxis(images, -1, -3))
    if moved.dtype == np.uint8:
        floats = moved.astype(np.float32)
        floats /= np.float32(255)
        return wrap(floats)
    return wrap(moved.copy() if np.shares_memory(moved, images) else moved)


def pil_to_tensor(image: Any) -> Tensor:
    """Turn a PIL image into a tensor (C, H, W) of the same dtype, without scaling."""
    if not is_pil(image):
        raise TypeError(f"pil_to_tensor: expected a PIL image, got {type(image).__name__}")
    array = np.asarray(image)
    return wrap(np.ascontiguousarray(np.moveaxis(array if array.ndim == 3 else array[..., None], -1, 0)))


def to_pil_image(image: Any, mode: str | None = None) -> Any:
    """Turn a tensor (C, H, W) or (H, W), or an ndarray (H, W) or (H, W, C), into a PIL image; floats mean [0, 1].

    Raises:
        TypeError: if it is neither.
        ValueError: if it has not 1 to 4 channels, or floats outside [0, 1], which no pixel can show.
    """
    if is_tensor(image):
        array = unwrap(image, "to_pil_image")
        array = np.moveaxis(array, 0, -1) if array.ndim == 3 else array
    elif isinstance(image, np.ndarray):
        array = image
    else:
        raise TypeError(f"to_pil_image: expected a Tensor or an ndarray, got {type(image).__name__}")
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[-1] not in (1, 2, 3, 4)):
        raise ValueError(f"to_pil_image: expected 1 to 4 channels, got an image of shape {tuple(image.shape)}")
    if array.ndim == 3 and array.shape[-1] == 1:
        array = array[..., 0]
    if array.dtype.kind == "f" and mode != "F":
        if array.size and not (array.min() >= 0 and array.max() <= 1):
            raise ValueError(
                f"to_pil_image: floats must lie in [0, 1], got {array.min():.4g} to {array.max():.4g}; "
                "undo Normalize first"
            )
        array = np.rint(array * 255).astype(np.uint8)
    result = pil().fromarray(np.ascontiguousarray(array))
    return result if mode is None or mode == result.mode else result.convert(mode)


def normalize(image: Any, mean: Sequence[float] | float, std: Sequence[float] | float, inplace: bool = False) -> Any:
    """Return (image − mean) / std, per channel.

    Tensors (…, C, H, W), also ones that require grad, or float ndarrays (H, W, C).

    Raises:
        TypeError: if the image is not of floats.
        ValueError: if a std is zero, or there is not one value, or one per channel.
    """
    if is_pil(image):
        raise TypeError("normalize: expected a tensor or a float ndarray, got a PIL image; apply ToTensor() first")
    if is_tensor(image) and image.requires_grad:
        shift, scale = _per_channel(image.array, mean, std)
        return (image - wrap(shift)) / wrap(scale)
    array, restore = planes(image, "normalize")
    if array.dtype.kind != "f":
        raise TypeError(f"normalize: expected floats, got {array.dtype}; apply ToTensor() first")
    shift, scale = _per_channel(array, mean, std)
    if inplace:
        array -= shift
        array /= scale
        return image
    result = array - shift
    result /= scale
    return restore(result)


def _per_channel(array: np.ndarray, mean: Any, std: Any) -> tuple[np.ndarray, np.ndarray]:
    channels = array.shape[-3] if array.ndim > 2 else 1
    pair = []
    for name, values in (("mean", mean), ("std", std)):
        row = np.atleast_1d(np.asarray(values, dtype=array.dtype))
        if row.ndim != 1 or len(row) not in (1, channels):
            raise ValueError(f"normalize: expected 1 or {channels} values of {name}, got {len(row)}: {values!r}")
        pair.append(row[:, None, None] if array.ndim > 2 else row[:, None])
    if not (pair[1] != 0).all():
        raise ValueError(f"normalize: std must not be zero (in {array.dtype}), got {std!r}")
    return pair[0], pair[1]


def hflip(image: Any) -> Any:
    """Mirror left and right."""
    array, restore = planes(image, "hflip")
    return restore(array[..., ::-1].copy())


def vflip(image: Any) -> Any:
    """Mirror top and bottom."""
    array, restore = planes(image, "vflip")
    return restore(array[..., ::-1, :].copy())


def crop(image: Any, top: int, left: int, height: int, width: int) -> Any:
    """Cut out a rectangle; what lies outside the image is 0."""
    array, restore = planes(image, "crop")
    rows, columns = array.shape[-2:]
    over = (max(-top, 0), max(top + height - rows, 0)), (max(-left, 0), max(left + width - columns, 0))
    part = array[..., max(top, 0) : max(top + height, 0), max(left, 0) : max(left + width, 0)]
    if any(over[0]) or any(over[1]):
        part = np.pad(part, [(0, 0)] * (array.ndim - 2) + [over[0], over[1]])[..., :height, :width]
    return restore(part.copy())


def center_crop(image: Any, output_size: Size) -> Any:
    """Cut out the middle; a smaller image is padded with 0."""
    height, width = pair_of(output_size, "center_crop")
    rows, columns = image_size(image, "center_crop")
    if rows < height or columns < width:
        missing_x, missing_y = max(width - columns, 0), max(height - rows, 0)
        image = pad(image, [missing_x // 2, missing_y // 2, (missing_x + 1) // 2, (missing_y + 1) // 2])
        rows, columns = image_size(image, "center_crop")
    return crop(image, round((rows - height) / 2.0), round((columns - width) / 2.0), height, width)


def pad(image: Any, padding: Size, fill: float | Sequence[float] = 0, padding_mode: str = "constant") -> Any:
    """Add a border.

    Args:
        image: the image.
        padding: one width for all sides, (left and right, top and bottom), or (left, top, right, bottom).
        fill: value of a constant border, or one per channel.
        padding_mode: "constant", "edge", "reflect" or "symmetric", as in `numpy.pad`.
    """
    sides = [padding] if isinstance(padding, int) else list(padding)
    if len(sides) not in (1, 2, 4) or any(side < 0 for side in sides):
        raise ValueError(f"pad: padding must be 1, 2 or 4 integers >= 0, got {padding!r}")
    left, top, right, bottom = sides * (4 // len(sides))
    array, restore = planes(image, "pad")
    if padding_mode != "constant":
        widths = [(0, 0)] * (array.ndim - 2) + [(top, bottom), (left, right)]
        if padding_mode not in ("edge", "reflect", "symmetric"):
            raise ValueError(f"pad: padding_mode must be constant, edge, reflect or symmetric, got {padding_mode!r}")
        mode: Any = padding_mode
        return restore(np.pad(array, widths, mode=mode))
    shape = (*array.shape[:-2], array.shape[-2] + top + bottom, array.shape[-1] + left + right)
    result = np.empty(shape, array.dtype)
    result[...] = background(fill, array)
    result[..., top : top + array.shape[-2], left : left + array.shape[-1]] = array
    return restore(result)


def resize(
    image: Any,
    size: Size,
    interpolation: InterpolationMode | str = InterpolationMode.BILINEAR,
    max_size: int | None = None,
    antialias: bool = True,
) -> Any:
    """Resize to (height, width), or so that the shorter side becomes `size`.

    A PIL image is resized by Pillow, which always smooths when shrinking. Arrays and tensors are resized here, with the
    same filter if `antialias`, and with plain bilinear interpolation (two neighbours per side) if not; integers are
    rounded.
    """
    mode = mode_of(interpolation)
    height, width = _target_size(image, size, max_size)
    if is_pil(image):
        return image.resize((width, height), getattr(pil().Resampling, mode.name))
    array, restore = planes(image, "resize")
    return restore(resize_planes(array, (height, width), mode, antialias))


def _target_size(image: Any, size: Size, max_size: int | None) -> tuple[int, int]:
    if not isinstance(size, int) and len(size) == 2:
        if max_size is not None:
            raise ValueError("resize: max_size goes with a single number as size")
        return pair_of(size, "resize")
    shorter_new = pair_of(size, "resize")[0]
    height, width = image_size(image, "resize")
    shorter, longer = sorted((height, width))
    longer_new = int(shorter_new * longer / shorter)
    if max_size is not None:
        if max_size <= shorter_new:
            raise ValueError(f"resize: max_size={max_size} must be larger than size={shorter_new}")
        if longer_new > max_size:
            shorter_new, longer_new = int(max_size * shorter_new / longer_new), max_size
    return (shorter_new, longer_new) if height <= width else (longer_new, shorter_new)


def resized_crop(
    image: Any,
    top: int,
    left: int,
    height: int,
    width: int,
    size: Size,
    interpolation: InterpolationMode | str = InterpolationMode.BILINEAR,
    antialias: bool = True,
) -> Any:
    """Crop, then resize."""
    return resize(crop(image, top, left, height, width), size, interpolation, antialias=antialias)


def rotate(
    image: Any,
    angle: float,
    interpolation: InterpolationMode | str = InterpolationMode.NEAREST,
    expand: bool = False,
    center: Sequence[float] | None = None,
    fill: float | Sequence[float] = 0,
) -> Any:
    """Rotate counter-clockwise by `angle` degrees.

    Args:
        image: the image.
        angle: in degrees.
        interpolation: NEAREST or BILINEAR.
        expand: make the result large enough to hold the whole rotated image.
        center: (x, y) to rotate around, from the upper left corner; by default the middle.
        fill: value of what was outside, or one per channel.
    """
    array, restore = planes(image, "rotate")
    return restore(rotate_planes(array, angle, mode_of(interpolation), expand, center, fill))


def pair_of(size: Size, name: str) -> tuple[int, int]:
    """Return a size as (height, width); one number stands for both."""
    values = [size] if isinstance(size, (int, np.integer)) else list(size)
    if len(values) not in (1, 2) or any(not isinstance(v, (int, np.integer)) or v < 1 for v in values):
        raise ValueError(f"{name}: size must be a positive integer or a pair (height, width), got {size!r}")
    return int(values[0]), int(values[-1])


def mode_of(interpolation: InterpolationMode | str) -> InterpolationMode:
    """Return the mode; its name in lower case will do."""
    try:
        return InterpolationMode(interpolation)
    except ValueError:
        modes = ", ".join(mode.value for mode in InterpolationMode)
        raise ValueError(f"interpolation must be an InterpolationMode ({modes}), got {interpolation!r}") from None
