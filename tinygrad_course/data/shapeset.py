"""Shapeset-3×2: images of one or two geometric objects, generated without end.

After X. Glorot and Y. Bengio, "Understanding the difficulty of training deep feedforward neural networks" (AISTATS
2010), section 2.1, whose experiments use 32×32 pixels (the lecture's slides, chapter 7, say 64×64). The paper leaves
ranges open; those chosen here are the constants below.
"""

import math
from collections.abc import Iterator

import numpy as np

from ..tensor import Tensor
from ._tensors import wrap
from .dataset import IterableDataset, TensorDataset

__all__ = ["SHAPESET_CLASSES", "Shapeset3x2", "Shapeset3x2Stream", "shapeset_chunk"]

TRIANGLE, PARALLELOGRAM, ELLIPSE = range(3)
_NAMES = ("triangle", "parallelogram", "ellipse")
# The objects of each class; NOTHING stands for no second object. Which of a mixed pair lies in front is chance.
NOTHING = -1
_OBJECTS = np.array([(0, -1), (1, -1), (2, -1), (0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2)])
SHAPESET_CLASSES = [" + ".join(_NAMES[k] for k in pair if k != NOTHING) for pair in _OBJECTS]

CHUNK = 256  # images per random stream: small enough for the cache, large enough to hide Python's overhead
SCALE = (0.22, 0.42)  # square root of an object's area, in sides of the image
_LARGEST = 0.6  # and what it may be at most: there would be no room for a second object
_WIDEST = 0.9  # an object's bounding box, in sides of the image
_RATIO = ((0.6, 1.0), (0.5, 1.0), (0.4, 0.85))  # second edge or axis to the first, per shape
_ANGLE = ((45.0, 100.0), (50.0, 130.0), (90.0, 90.0))  # between the edges, in degrees
_FOREGROUND = (0.55, 1.0)
_BACKGROUND = (0.0, 0.45)
_MOST_OVERLAP = 0.5
# Every shape is the image of a fixed one under an affine map (columns: its edges, or its axes): the triangle u, v >= 0,
# u + v <= 1; the square |u|, |v| <= 1/2; the disc of diameter 1. Area and centroid of the fixed ones:
_AREA = np.array([0.5, 1.0, math.pi / 4])
_CENTROID = np.array([1 / 3, 0.0, 0.0])


def shapeset_chunk(
    seed: int, number: int, size: int = 32, scale: tuple[float, float] = SCALE
) -> tuple[np.ndarray, np.ndarray]:
    """Return chunk `number` of the endless sequence that belongs to `seed`.

    Returns:
        images, float32 in [0, 1], shape (256, 1, size, size), and labels, int64, shape (256,).
    """
    rng = np.random.default_rng([seed, number])
    labels = rng.integers(len(_OBJECTS), size=CHUNK)
    kinds = rng.permuted(_OBJECTS[labels], axis=1)  # (CHUNK, 2): behind, in front
    masks = _place(rng, kinds, size, scale)
    background = rng.uniform(*_BACKGROUND, (CHUNK, 1, 1)).astype(np.float32)
    grey = rng.uniform(*_FOREGROUND, (CHUNK, 2, 1, 1)).astype(np.float32)
    images = np.where(masks[:, 1], grey[:, 1], np.where(masks[:, 0], grey[:, 0], background))
    inverted = rng.random(CHUNK) < 0.5
    images[inverted] = 1 - images[inverted]
    return images[:, None], labels


def _place(rng: np.random.Generator, kinds: np.ndarray, size: int, scale: tuple[float, float]) -> np.ndarray:
    """Return masks (n, 2, size, size) of random pairs, drawn again until they overlap by half at most."""
    masks = np.empty((*kinds.shape, size, size), bool)
    todo = np.arange(len(kinds))
    while len(todo):  # each round accepts most of what is left
        drawn = _draw(rng, kinds[todo], size, scale)
        masks[todo] = drawn
        areas = drawn.sum(axis=(2, 3))
        shared = (drawn[:, 0] & drawn[:, 1]).sum(axis=(1, 2))
        todo = todo[shared > _MOST_OVERLAP * areas.min(axis=1)]
    return masks


def _draw(rng: np.random.Generator, kinds: np.ndarray, size: int, scale: tuple[float, float]) -> np.ndarray:
    """Return masks (n, 2, size, size) of random objects, each within the image; NOTHING is an empty mask."""
    n = kinds.size
    kind = np.maximum(kinds.ravel(), 0)
    ratio, angle = (rng.uniform(*np.array(table)[kind].T) for table in (_RATIO, _ANGLE))
    turn = rng.uniform(0, 2 * math.pi, n)
    corner = turn + np.radians(angle)
    edges = np.stack([np.cos(turn), np.sin(turn), ratio * np.cos(corner), ratio * np.sin(corner)], axis=1)
    area = _AREA[kind] * ratio * np.sin(np.radians(angle))
    edges *= (rng.uniform(*scale, n) * size / np.sqrt(area))[:, None]
    low, high = _extent(edges, kind)
    shrink = np.minimum(1, _WIDEST * size / (high - low).max(axis=1))[:, None]
    edges, low, high = edges * shrink, low * shrink, high * shrink
    centre = -low + rng.random((n, 2)) * (size - (high - low))
    masks = np.empty((n, size, size), bool)
    shown = kinds.ravel() != NOTHING
    for shape, inside in enumerate((_in_triangle, _in_square, _in_disc)):
        chosen = np.flatnonzero((kind == shape) & shown)
        masks[chosen] = inside(*_coordinates(edges[chosen], centre[chosen], _CENTROID[shape], size))
    masks[~shown] = False
    return masks.reshape(*kinds.shape, size, size)


def _extent(edges: np.ndarray, kind: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the lowest and highest x and y of each object relative to its centre, two arrays (n, 2)."""
    first, second = edges[:, :2], edges[:, 2:]
    triangle = np.stack([-(first + second) / 3, (2 * first - second) / 3, (2 * second - first) / 3])
    square = (np.abs(first) + np.abs(second)) / 2
    disc = np.hypot(first, second) / 2
    half = np.where((kind == PARALLELOGRAM)[:, None], square, disc)
    is_triangle = (kind == TRIANGLE)[:, None]
    return np.where(is_triangle, triangle.min(axis=0), -half), np.where(is_triangle, triangle.max(axis=0), half)


def _coordinates(edges: np.ndarray, centre: np.ndarray, origin: float, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the coordinates (u, v) of every pixel's centre in the frame of each object, two arrays (n, size, size)."""
    ax, ay, bx, by = edges.T
    determinant = ax * by - ay * bx
    pixels = np.arange(size) + 0.5
    dx, dy = pixels - centre[:, :1], pixels - centre[:, 1:]
    # u and v are affine in x and y, hence sums of a row and a column.
    u = ((by / determinant)[:, None] * dx + origin, (-bx / determinant)[:, None] * dy)
    v = ((-ay / determinant)[:, None] * dx + origin, (ax / determinant)[:, None] * dy)
    return _sum_of(*u), _sum_of(*v)


def _sum_of(row: np.ndarray, column: np.ndarray) -> np.ndarray:
    return row.astype(np.float32)[:, None, :] + column.astype(np.float32)[:, :, None]


def _in_triangle(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    return (u >= 0) & (v >= 0) & (u + v <= 1)


def _in_square(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    return (np.abs(u) <= 0.5) & (np.abs(v) <= 0.5)


def _in_disc(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    return u * u + v * v <= 0.25


class Shapeset3x2(TensorDataset):
    """Shapeset-3×2 (Glorot and Bengio 2010): name the one or two objects in an image, out of 9 classes.

    Triangle, parallelogram or ellipse, alone or in pairs, with random shape, position, rotation, scale and grey
    (objects 0.55 to 1 on a background of 0 to 0.45, the whole inverted with chance ½). Of two objects neither shares
    more than half of its area with the other. Classes are equally likely.

    The same seed gives the same images on every machine, and a larger `n` only adds images at the end. Different seeds
    are independent: use one for training, one for testing.

    Args:
        n: number of images.
        size: their side, in pixels; 32 as in the paper's experiments, or 64.
        seed: an integer >= 0.
        scale: the smallest and the largest object: the square root of its area, in sides of the image. Large objects
            are much easier to name.

    Attributes:
        images: float32 tensor (n, 1, size, size) in [0, 1].
        labels: int64 tensor (n,).
        classes: the names of the 9 classes.

    Example:
        >>> import tinygrad_course as tc
        >>> data = tc.data.Shapeset3x2(n=4, seed=1)
        >>> image, label = data[0]
        >>> tuple(image.shape), len(data.classes)
        ((1, 32, 32), 9)
    """

    classes = SHAPESET_CLASSES

    def __init__(self, n: int = 10_000, size: int = 32, seed: int = 0, scale: tuple[float, float] = SCALE) -> None:
        if isinstance(n, bool) or not isinstance(n, int) or n < 1:
            raise ValueError(f"Shapeset3x2: n must be a positive integer, got {n!r}")
        _check(size, seed, scale)
        images = np.empty((n, 1, size, size), np.float32)
        labels = np.empty(n, np.int64)
        for start in range(0, n, CHUNK):
            drawn, named = shapeset_chunk(seed, start // CHUNK, size, scale)
            images[start : start + CHUNK] = drawn[: n - start]
            labels[start : start + CHUNK] = named[: n - start]
        super().__init__(images, labels)
        self.images, self.labels = self.tensors


class Shapeset3x2Stream(IterableDataset[tuple[Tensor, int]]):
    """Shapeset-3×2 without end, for online learning as in the paper: the images of `Shapeset3x2(seed=...)` and on.

    Example:
        >>> import tinygrad_course as tc
        >>> loader = tc.utils.data.DataLoader(tc.data.Shapeset3x2Stream(), batch_size=10)
        >>> images, labels = next(iter(loader))
        >>> tuple(images.shape)
        (10, 1, 32, 32)
    """

    classes = SHAPESET_CLASSES

    def __init__(self, size: int = 32, seed: int = 0, scale: tuple[float, float] = SCALE) -> None:
        _check(size, seed, scale)
        self.size = size
        self.seed = seed
        self.scale = scale

    def __iter__(self) -> Iterator[tuple[Tensor, int]]:
        number = 0
        while True:
            images, labels = shapeset_chunk(self.seed, number, self.size, self.scale)
            for image, label in zip(images, labels.tolist(), strict=True):
                yield wrap(image), label
            number += 1


def _check(size: int, seed: int, scale: tuple[float, float]) -> None:
    if isinstance(size, bool) or not isinstance(size, int) or size < 16:
        raise ValueError(f"Shapeset3x2: size must be an integer >= 16, got {size!r}: smaller objects have no shape")
    if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
        raise ValueError(f"Shapeset3x2: seed must be an integer >= 0, got {seed!r}")
    if len(scale) != 2 or not 0.1 <= scale[0] <= scale[1] <= _LARGEST:
        raise ValueError(
            f"Shapeset3x2: scale must be two sizes with 0.1 <= smallest <= largest <= {_LARGEST}, got {scale!r}"
        )
