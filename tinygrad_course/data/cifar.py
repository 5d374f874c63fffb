"""CIFAR-10 and CIFAR-100, from the binary version of the files: label bytes and 3×32×32 pixels, no pickle."""

import os
import tarfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from ._files import find_all, resolve_root, say_once
from ._vision import ArrayImages
from .download import RemoteFile, download
from .errors import DataFileError

__all__ = ["CIFAR10", "CIFAR100"]

_PIXELS = 3 * 32 * 32


class CIFAR10(ArrayImages):
    """Colour photographs, 32×32, in 10 classes: 50,000 for training, 10,000 for testing (Krizhevsky 2009).

    Files are looked for in `root`, `root/cifar-10-batches-bin` and `root/cifar10`: data_batch_1.bin … data_batch_5.bin
    and test_batch.bin of the *binary version*. The Python version of the files consists of pickles, which can run code
    when they are opened; it is not read.

    Args:
        root: folder of the files (default: TINYGRAD_COURSE_DATA, or the user's cache folder).
        train: the training or the test images. If only some of the training batches are there, they are used, with a
            warning.
        transform: applied to each image, a uint8 array (32, 32, 3).
        target_transform: applied to each label, an int.
        download: fetch the archive if files are missing; it is verified by its SHA-256.

    Attributes:
        data: uint8 array (N, 32, 32, 3).
        targets: list of int.
        classes: names of the classes.
        source: folder of the files.

    Raises:
        DataFileError: (a RuntimeError) if there are no files and download is False, or if one is corrupt.
    """

    url: ClassVar[str] = "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"
    archive: ClassVar[RemoteFile] = RemoteFile(
        "cifar-10-binary.tar.gz", 170052171, "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"
    )
    base_folder: ClassVar[str] = "cifar-10-batches-bin"
    folders: ClassVar[list[str]] = ["", "cifar-10-batches-bin", "cifar10"]
    train_files: ClassVar[list[str]] = [f"data_batch_{i}.bin" for i in range(1, 6)]
    test_files: ClassVar[list[str]] = ["test_batch.bin"]
    label_bytes: ClassVar[int] = 1
    classes: ClassVar[list[str]] = [
        "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck",
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
        paths = self._find(root, download)
        images, labels = zip(*(self._read(path) for path in paths), strict=True)
        super().__init__(
            np.concatenate(images), np.concatenate(labels), str(paths[0].parent), transform, target_transform
        )

    def _find(self, root: str | os.PathLike[str] | None, fetch: bool) -> list[Path]:
        name, wanted, place = (
            type(self).__name__,
            self.train_files if self.train else self.test_files,
            resolve_root(root),
        )
        found = find_all(place, self.folders, [(n,) for n in wanted])
        if found is None and fetch:
            found = self._fetch(place, wanted)
        if found is None:
            found = [path for n in wanted for path in find_all(place, self.folders, [(n,)]) or []]
            if found:
                say_once(
                    f"{name}: found {len(found)} of {len(wanted)} training files in {found[0].parent}; using those",
                    stacklevel=3,
                )
        if not found:
            raise DataFileError(
                f"{name}: found no {wanted[0]} in {place} (or {', '.join(self.folders[1:])} in it); this reads the "
                "binary version of the files; pass download=True to fetch it"
            )
        return found

    def _fetch(self, root: Path, wanted: list[str]) -> list[Path]:
        packed = download(self.url, root / self.archive.name, sha256=self.archive.sha256, size=self.archive.size)
        folder = root / self.base_folder
        _unpack(packed, self.base_folder, self.train_files + self.test_files, folder)
        return [folder / n for n in wanted]

    def _read(self, path: Path) -> tuple[np.ndarray, np.ndarray]:
        record, size = self.label_bytes + _PIXELS, path.stat().st_size
        if size == 0 or size % record or size > 50000 * record:
            raise DataFileError(
                f"{path}: {size} bytes are not 1 to 50,000 records of {record}: truncated, or not a binary-version file"
            )
        records = np.fromfile(path, np.uint8).reshape(-1, record)
        labels = records[:, self.label_bytes - 1]
        if labels.max() >= len(self.classes):
            raise DataFileError(f"{path}: label {labels.max()} is beyond the {len(self.classes)} classes")
        images = records[:, self.label_bytes :].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
        return np.ascontiguousarray(images), labels

    @property
    def data(self) -> np.ndarray:
        """The images: a uint8 array (N, 32, 32, 3), as in torchvision; can be assigned."""
        return self._images

    @data.setter
    def data(self, images: np.ndarray) -> None:
        self._images = np.asarray(images)

    @property
    def targets(self) -> list[int]:
        """The labels, as a list; can be assigned."""
        return list(map(int, self._labels))

    @targets.setter
    def targets(self, labels: Sequence[int]) -> None:
        self._labels = np.asarray(labels, dtype=np.int64)


class CIFAR100(CIFAR10):
    """As `CIFAR10`, with 100 fine classes: train.bin and test.bin in `root`, `cifar-100-binary` or `cifar100`."""

    url: ClassVar[str] = "https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz"
    archive: ClassVar[RemoteFile] = RemoteFile(
        "cifar-100-binary.tar.gz", 168513733, "58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec"
    )
    base_folder: ClassVar[str] = "cifar-100-binary"
    folders: ClassVar[list[str]] = ["", "cifar-100-binary", "cifar100"]
    train_files: ClassVar[list[str]] = ["train.bin"]
    test_files: ClassVar[list[str]] = ["test.bin"]
    label_bytes: ClassVar[int] = 2  # coarse, then fine
    classes: ClassVar[list[str]] = [
        "apple", "aquarium_fish", "baby", "bear", "beaver", "bed", "bee", "beetle", "bicycle", "bottle", "bowl", "boy",
        "bridge", "bus", "butterfly", "camel", "can", "castle", "caterpillar", "cattle", "chair", "chimpanzee", "clock",
        "cloud", "cockroach", "couch", "crab", "crocodile", "cup", "dinosaur", "dolphin", "elephant", "flatfish",
        "forest", "fox", "girl", "hamster", "house", "kangaroo", "keyboard", "lamp", "lawn_mower", "leopard", "lion",
        "lizard", "lobster", "man", "maple_tree", "motorcycle", "mountain", "mouse", "mushroom", "oak_tree", "orange",
        "orchid", "otter", "palm_tree", "pear", "pickup_truck", "pine_tree", "plain", "plate", "poppy", "porcupine",
        "possum", "rabbit", "raccoon", "ray", "road", "rocket", "rose", "sea", "seal", "shark", "shrew", "skunk",
        "skyscraper", "snail", "snake", "spider", "squirrel", "streetcar", "sunflower", "sweet_pepper", "table", "tank",
        "telephone", "television", "tiger", "tractor", "train", "trout", "tulip", "turtle", "wardrobe", "whale",
        "willow_tree", "wolf", "woman", "worm",
    ]  # fmt: skip


def _unpack(archive: Path, inner: str, names: list[str], folder: Path) -> None:
    """Copy the named files of a verified archive into `folder`, each under its final name only when complete."""
    folder.mkdir(parents=True, exist_ok=True)
    with tarfile.open(archive, "r:gz") as tar:
        for name in names:
            member = tar.getmember(f"{inner}/{name}")
            source = tar.extractfile(member) if member.isreg() else None
            if source is None:
                raise DataFileError(f"{archive}: {member.name} is not a regular file")
            part = folder / (name + ".part")
            with source, open(part, "wb") as out:
                while chunk := source.read(1 << 20):
                    out.write(chunk)
                out.flush()
                os.fsync(out.fileno())
            os.replace(part, folder / name)
