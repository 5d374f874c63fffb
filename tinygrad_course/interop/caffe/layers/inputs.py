"""Layers without bottoms: inputs that the caller gives, and data that the net reads itself."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np

from .... import nn
from ....dtypes import get_default_dtype
from ....random import default_generator
from ....tensor import Tensor
from ...prototxt import Message
from .table import Setup, Shape, layer

__all__ = ["Input", "Source"]

_LARGEST = 2**28


class Input(nn.Module):
    """Places that the caller fills."""

    def __init__(self, shapes: list[Shape]) -> None:
        super().__init__()
        self.shapes = shapes


@layer("Input", bottoms=0)
def given(s: Setup) -> nn.Module:
    m = s.message.message("input_param")
    shapes = [shape_of(shape) for shape in m.messages("shape")]
    if len(shapes) not in (1, s.tops):
        raise s.message.error(f"input_param: {s.tops} tops need 1 or {s.tops} shapes, got {len(shapes)}")
    return Input(shapes * s.tops if len(shapes) == 1 else shapes)


def shape_of(m: Message) -> Shape:
    """The dims of a BlobShape, within what memory may hold."""
    dims = [int(d) for d in m.all("dim", int, "an integer")]
    if any(d < 1 for d in dims) or math.prod(dims) > _LARGEST:
        raise m.error(f"shape: dims must be positive and their product at most {_LARGEST}, got {dims}")
    return tuple(dims)


class Source(nn.Module):
    """Batches in the order of the data, again and again from its start, as Caffe reads a database.

    Attributes:
        batch: how many samples a call gives.
        read: how many have been given so far; setting it goes on from there.
    """

    def __init__(self, images: np.ndarray, labels: np.ndarray | None, batch: int, transform: Message) -> None:
        super().__init__()
        self.images = images
        self.labels = labels
        self.batch = batch
        self.read = 0
        self.scale = transform.number("scale", 1.0)
        self.mirror = transform.flag("mirror")
        self.crop = transform.integer("crop_size", 0, 0)
        if self.crop > min(images.shape[2:]):
            raise transform.error(f"transform_param: crop_size {self.crop} is larger than images of {images.shape[2:]}")
        means = transform.all("mean_value", (int, float), "a number")
        if len(means) not in (0, 1, images.shape[1]):
            raise transform.error(
                f"transform_param: {len(means)} mean values for {images.shape[1]} channels", "mean_value"
            )
        self.mean = np.array(means or [0.0], get_default_dtype()).reshape(-1, 1, 1)

    def forward(self) -> Any:
        rows = np.arange(self.read, self.read + self.batch) % len(self.images)
        self.read += self.batch
        x = self.images[rows]
        rng = default_generator().numpy if self.training else None
        if self.crop:
            room = (x.shape[2] - self.crop, x.shape[3] - self.crop)
            top, left = (int(rng.integers(r + 1)) if rng is not None else r // 2 for r in room)
            x = x[:, :, top : top + self.crop, left : left + self.crop]
        x = (x.astype(get_default_dtype()) - self.mean) * self.scale
        if self.mirror and rng is not None:
            flipped = rng.random(len(x)) < 0.5
            x[flipped] = x[flipped, :, :, ::-1]
        images = Tensor._wrap(np.ascontiguousarray(x, get_default_dtype()))
        return images if self.labels is None else (images, Tensor._wrap(self.labels[rows]))

    def extra_repr(self) -> str:
        return f"{len(self.images)} samples of shape {self.images.shape[1:]}, batches of {self.batch}"


_PARAMS = {
    "Data": "data_param", "MemoryData": "memory_data_param", "ImageData": "image_data_param",
    "HDF5Data": "hdf5_data_param",
}  # fmt: skip


@layer(*_PARAMS, bottoms=0)
def data(s: Setup) -> nn.Module:
    """Data that the caller gave, or one of the project's datasets by the name of the source."""
    m = s.message.message(_PARAMS[s.message.text("type")])
    m.ignore("backend", "prefetch", "rand_skip", "shuffle", "channels", "height", "width", "root_folder", "is_color")
    source, batch = m.text("source"), m.integer("batch_size", 0, 1)
    if not batch:
        raise s.message.error(f"{m.name}: batch_size is missing")
    keys = (s.message.text("name"), source, *s.message.all("top", str, "a string"))
    found = next((s.sources[key] for key in keys if key in s.sources), None)
    images, labels = _arrays(found) if found is not None else _named(source, s, m)
    if images.ndim != 4 or not len(images):
        raise m.error(f"{m.name}: images must be (N, C, H, W) or (N, H, W), got an array of shape {images.shape}")
    if s.tops == 1:
        labels = None
    elif s.tops != 2 or labels is None or len(labels) != len(images):
        raise s.message.error(f"{m.name}: the data have images and one label each; {s.tops} tops do not fit")
    return Source(images, labels, batch, s.message.message("transform_param"))


def _arrays(found: Any) -> tuple[np.ndarray, np.ndarray | None]:
    """Images (N, C, H, W) and labels, of a pair of arrays, a single one, or a dataset with `data` and `targets`."""
    if not isinstance(found, (tuple, list, np.ndarray, Tensor)):
        found = (found.data, found.targets)
    pair = tuple(found) if isinstance(found, (tuple, list)) else (found, None)
    images, labels = _array(pair[0]), None if pair[1] is None else _array(pair[1])
    if images.ndim == 3:
        images = images[:, None]
    elif images.ndim == 4 and images.shape[-1] == 3 != images.shape[1] and images.dtype == np.uint8:
        images = images.transpose(0, 3, 1, 2)  # as images lie in datasets
    return images, labels


def _array(x: Any) -> np.ndarray:
    return x.array if isinstance(x, Tensor) else np.asarray(x)


def _named(source: str, s: Setup, m: Message) -> tuple[np.ndarray, np.ndarray | None]:
    if source.endswith(".npz"):
        with np.load(source, allow_pickle=False) as file:
            return _arrays((file["data"], file.get("label")))
    match = re.search(r"(fashion_?mnist|mnist|cifar10)_(train|test)", source.lower())
    if match is None:
        raise m.error(
            f"{m.name}: no data for the source {source!r}: pass data={{{source!r}: (images, labels)}}, or name a .npz "
            "file with arrays data and label, or one of mnist_train, mnist_test, fashion_mnist_..., cifar10_...",
            "source",
        )
    from .... import data as datasets

    kind = {"m": "MNIST", "f": "FashionMNIST", "c": "CIFAR10"}[match.group(1)[0]]
    return _arrays(getattr(datasets, kind)(train=match.group(2) == "train"))
