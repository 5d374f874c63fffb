"""MNIST and Fashion-MNIST, from IDX files."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from ._files import find_all, read_shipped, resolve_root, say_once
from ._vision import TensorImages
from .download import RemoteFile, download
from .errors import DataFileError
from .idx import read_idx

__all__ = ["MNIST", "FashionMNIST"]


class MNIST(TensorImages):
    """Handwritten digits, 28×28 grey: 60,000 for training, 10,000 for testing (LeCun, Cortes, Burges).

    Files are looked for in `root`, `root/MNIST/raw` and `root/mnist`, gzipped or not. Without `root`, in the folder
    that the environment variable TINYGRAD_COURSE_DATA names (default: the user's cache folder); if they are not there
    either, a subset that ships with the package is used (2,000 training and 1,000 test images, equally many of each
    digit), with one warning per process, and `source == "shipped"`. Everything then runs offline, with lower accuracy.

    Args:
        root: folder of the files.
        train: the training or the test images.
        transform: applied to each image, a uint8 array (28, 28).
        target_transform: applied to each label, an int.
        download: fetch missing files; each is verified by its SHA-256.

    Attributes:
        data: uint8 tensor (N, 28, 28).
        targets: int64 tensor (N,).
        classes: names of the classes.
        source: folder of the files, or "shipped".

    Raises:
        DataFileError: (a RuntimeError) if `root` lacks the files and download is False, or if a file is corrupt.

    Example:
        >>> import warnings; warnings.simplefilter("ignore")
        >>> import tinygrad_course as tc
        >>> test = tc.data.MNIST(train=False)
        >>> image, label = test[0]
        >>> image.shape, image.dtype, label
        ((28, 28), dtype('uint8'), 7)
    """

    mirrors: ClassVar[list[str]] = [
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
    ]
    resources: ClassVar[list[RemoteFile]] = [
        RemoteFile(
            "train-images-idx3-ubyte.gz", 9912422, "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"
        ),
        RemoteFile(
            "train-labels-idx1-ubyte.gz", 28881, "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"
        ),
        RemoteFile(
            "t10k-images-idx3-ubyte.gz", 1648877, "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"
        ),
        RemoteFile(
            "t10k-labels-idx1-ubyte.gz", 4542, "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"
        ),
    ]
    folders: ClassVar[list[str]] = ["", "MNIST/raw", "mnist"]
    shipped: ClassVar[bool] = True
    classes: ClassVar[list[str]] = [
        "0 - zero", "1 - one", "2 - two", "3 - three", "4 - four", "5 - five", "6 - six", "7 - seven", "8 - eight",
        "9 - nine",
    ]  # fmt: skip

    def __init__(
        self,
        root: str | os.PathLike[str] | None = None,
        train: bool = True,
        transform: Callable[[Any], Any] | None = None,
        target_transform: Callable[[Any], Any] | None = None,
        download: bool = False,
    ) -> None:
        self.train = train
        images, labels, source = self._read(root, download)
        super().__init__(images, labels, source, transform, target_transform)

    def _read(self, root: str | os.PathLike[str] | None, fetch: bool) -> tuple[np.ndarray, np.ndarray, str]:
        name, split, place = type(self).__name__, "train" if self.train else "t10k", resolve_root(root)
        wanted = [f"{split}-images-idx3-ubyte", f"{split}-labels-idx1-ubyte"]
        found = find_all(place, self.folders, [(f"{stem}.gz", stem) for stem in wanted])
        if found is None and fetch:
            found = self._fetch(place, wanted)
        if found is not None:
            images, labels = read_idx(found[0], ndim=3), read_idx(found[1], ndim=1)
            _check(images, labels, len(self.classes), found)
            return images, labels, str(found[0].parent)
        if root is None and self.shipped:
            images, labels = (read_shipped(f"mnist-{stem}.gz") for stem in wanted)
            kind = "training" if self.train else "test"
            say_once(
                f"{name}: using the {len(images):,} {kind} images that ship with tinygrad_course, since the full set "
                f"is not in {place}; pass root=... or download=True for the full set",
                stacklevel=3,
            )
            return images, labels, "shipped"
        raise DataFileError(
            f"{name}: found no {wanted[0]}[.gz] with its labels in {place} (or {', '.join(self.folders[1:])} in it); "
            "pass download=True to fetch it"
        )

    def _fetch(self, root: Path, wanted: list[str]) -> list[Path]:
        folder = root / type(self).__name__ / "raw"
        needed = [f for f in self.resources if f.name.removesuffix(".gz") in wanted]
        return [
            download([mirror + f.name for mirror in self.mirrors], folder / f.name, sha256=f.sha256, size=f.size)
            for f in sorted(needed, key=lambda f: wanted.index(f.name.removesuffix(".gz")))
        ]


class FashionMNIST(MNIST):
    """Articles of clothing in MNIST's format: 60,000 + 10,000 images (Xiao, Rasul, Vollgraf 2017).

    As `MNIST`, with the folders `FashionMNIST/raw` and `fashion-mnist`. No subset of it ships with the package.
    """

    mirrors: ClassVar[list[str]] = [
        "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
    ]
    resources: ClassVar[list[RemoteFile]] = [
        RemoteFile(
            "train-images-idx3-ubyte.gz", 26421880, "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84"
        ),
        RemoteFile(
            "train-labels-idx1-ubyte.gz", 29515, "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845"
        ),
        RemoteFile(
            "t10k-images-idx3-ubyte.gz", 4422102, "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073"
        ),
        RemoteFile(
            "t10k-labels-idx1-ubyte.gz", 5148, "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5"
        ),
    ]
    folders: ClassVar[list[str]] = ["", "FashionMNIST/raw", "fashion-mnist"]
    shipped: ClassVar[bool] = False
    classes: ClassVar[list[str]] = [
        "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
    ]  # fmt: skip


def _check(images: np.ndarray, labels: np.ndarray, classes: int, paths: list[Path]) -> None:
    if images.dtype != np.uint8 or images.shape[1:] != (28, 28):
        raise DataFileError(f"{paths[0]}: expected uint8 images of 28x28, got {images.dtype} {images.shape[1:]}")
    if labels.dtype != np.uint8 or len(labels) != len(images):
        raise DataFileError(f"{paths[1]}: expected {len(images)} uint8 labels, got {len(labels)} of {labels.dtype}")
    if len(labels) and labels.max() >= classes:
        raise DataFileError(f"{paths[1]}: label {labels.max()} is beyond the {classes} classes")
