"""What MNIST, CIFAR and Digits have in common: images in one array, labels in another."""

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from ..tensor import Tensor
from ._tensors import unwrap, wrap
from .dataset import BatchReader, Dataset, getitem_is
from .transforms.base import batch_form_of

__all__ = ["ArrayImages", "TensorImages"]


class ArrayImages(Dataset[tuple[Any, Any]]):
    """Images as one uint8 array (N, H, W) or (N, H, W, C), and integer labels (N,).

    A sample is `(image, label)`. Without a transform the image is a uint8 ndarray, (H, W) or (H, W, C), not a PIL image
    as in torchvision: transforms accept both, and Pillow is not needed.

    Attributes:
        classes: names of the classes, in the order of the labels.
        source: the file or folder that the images were read from, or "shipped".
    """

    classes: ClassVar[list[str]] = []
    full_scale: ClassVar[int] = 255

    def __init__(
        self,
        images: np.ndarray,
        labels: np.ndarray,
        source: str,
        transform: Callable[[Any], Any] | None,
        target_transform: Callable[[Any], Any] | None,
    ) -> None:
        self._images = images
        self._labels = labels.astype(np.int64)
        self.source = source
        self.transform = transform
        self.target_transform = target_transform

    def __len__(self) -> int:
        return len(self._images)

    def __getitem__(self, index: Any) -> tuple[Any, Any]:
        image: Any = self._images[index]
        target: Any = int(self._labels[index])
        if self.transform is not None:
            image = self.transform(image)
        if self.target_transform is not None:
            target = self.target_transform(target)
        return image, target

    @property
    def class_to_idx(self) -> dict[str, int]:
        """The label of each class name."""
        return {name: label for label, name in enumerate(self.classes)}

    def tensors(self) -> tuple[Tensor, Tensor]:
        """Return all images as float32 in [0, 1], shape (N, C, H, W), and all labels as int64, shape (N,).

        For training without a loader: `x[batch]`, with a random index array, is the fastest loader there is.
        """
        images = self._images if self._images.ndim == 4 else self._images[..., None]
        scaled = np.ascontiguousarray(images.transpose(0, 3, 1, 2)).astype(np.float32)
        scaled /= np.float32(self.full_scale)
        return wrap(scaled), wrap(self._labels.copy())

    def batch_reader(self) -> BatchReader | None:
        if self.target_transform is not None or not getitem_is(self, ArrayImages):
            return None
        whole = batch_form_of(self.transform)
        if whole is None:
            return None
        images, labels = self._images, self._labels

        def read(indices: np.ndarray) -> list[Tensor]:
            taken = whole(images[indices])
            return [taken if isinstance(taken, Tensor) else wrap(taken), wrap(labels[indices])]

        return read

    def __repr__(self) -> str:
        lines = [
            f"Dataset {type(self).__name__}",
            f"    Number of datapoints: {len(self)}",
            f"    Source: {self.source}",
        ]
        if self.transform is not None:
            lines.append(f"    Transform: {self.transform!r}")
        return "\n".join(lines)


class TensorImages(ArrayImages):
    """`ArrayImages` whose `data` and `targets` are tensors, as torchvision's MNIST has them. Both can be assigned."""

    @property
    def data(self) -> Tensor:
        """The images: a uint8 tensor (N, H, W)."""
        return wrap(self._images)

    @data.setter
    def data(self, images: Tensor | np.ndarray) -> None:
        self._images = unwrap(images, "data")

    @property
    def targets(self) -> Tensor:
        """The labels: an int64 tensor (N,)."""
        return wrap(self._labels)

    @targets.setter
    def targets(self, labels: Tensor | np.ndarray) -> None:
        self._labels = unwrap(labels, "targets").astype(np.int64)
