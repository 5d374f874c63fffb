"""Images in folders: one folder per class."""

import os
from collections.abc import Callable, Sequence
from typing import Any

from .dataset import Dataset
from .errors import DataFileError

__all__ = ["IMG_EXTENSIONS", "DatasetFolder", "ImageFolder", "pil_loader"]

IMG_EXTENSIONS = (".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp")


def pil_loader(path: str) -> Any:
    """Open an image file as an RGB PIL image.

    Raises:
        DataFileError: if the file is no image, or truncated; the message names it.
    """
    try:
        from PIL import Image
    except ImportError as error:
        raise ImportError(
            'reading image files needs Pillow: pip install "tinygrad_course[image]" (or pip install pillow)'
        ) from error
    try:
        with open(path, "rb") as file, Image.open(file) as image:
            return image.convert("RGB")
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        if isinstance(error, FileNotFoundError):
            raise
        raise DataFileError(f"{path}: cannot be read as an image ({error})") from error


class DatasetFolder(Dataset[tuple[Any, Any]]):
    """Files in class folders, `root/class/**/file`, opened by `loader`.

    Args:
        root: the folder of class folders; classes are numbered in alphabetical order.
        loader: from a path to a sample.
        extensions: endings of the files to take (pass this or `is_valid_file`).
        transform: applied to what the loader gives.
        target_transform: applied to the class number.
        is_valid_file: which paths to take.

    Attributes:
        classes, class_to_idx: names of the classes, and their numbers.
        samples: (path, class number) of each file, in sorted order.
        targets: class number of each file.

    Raises:
        FileNotFoundError: if there are no class folders, or a class has no valid file.
    """

    def __init__(
        self,
        root: str | os.PathLike[str],
        loader: Callable[[str], Any],
        extensions: Sequence[str] | None = None,
        transform: Callable[[Any], Any] | None = None,
        target_transform: Callable[[Any], Any] | None = None,
        is_valid_file: Callable[[str], bool] | None = None,
    ) -> None:
        if (extensions is None) == (is_valid_file is None):
            raise ValueError("DatasetFolder: pass either extensions or is_valid_file")
        endings = tuple(e.lower() for e in extensions or ())
        valid = is_valid_file or (lambda path: path.lower().endswith(endings))
        self.root = os.fspath(root)
        self.loader = loader
        self.extensions = extensions
        self.transform = transform
        self.target_transform = target_transform
        self.classes = sorted(entry.name for entry in os.scandir(self.root) if entry.is_dir())
        if not self.classes:
            raise FileNotFoundError(f"{type(self).__name__}: {self.root} has no class folders (root/class/image)")
        self.class_to_idx = {name: number for number, name in enumerate(self.classes)}
        self.samples: list[tuple[str, int]] = []
        for name, number in self.class_to_idx.items():
            paths = [
                os.path.join(folder, file)
                for folder, _, files in os.walk(os.path.join(self.root, name), followlinks=True)
                for file in files
            ]
            chosen = sorted(path for path in paths if valid(path))
            if not chosen:
                endings_text = f" (endings taken: {', '.join(endings)})" if endings else ""
                raise FileNotFoundError(
                    f"{type(self).__name__}: class {name!r} in {self.root} has no file{endings_text}"
                )
            self.samples += [(path, number) for path in chosen]
        self.targets = [number for _, number in self.samples]

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: Any) -> tuple[Any, Any]:
        path, target = self.samples[index]
        sample = self.loader(path)
        if self.transform is not None:
            sample = self.transform(sample)
        return sample, target if self.target_transform is None else self.target_transform(target)


class ImageFolder(DatasetFolder):
    """Images in class folders, as RGB PIL images: `root/cat/1.png`, `root/dog/2.jpg`. Needs Pillow.

    Use `transforms.ToTensor()` (and `Resize`, if sizes differ) to make batches of them.
    """

    def __init__(
        self,
        root: str | os.PathLike[str],
        transform: Callable[[Any], Any] | None = None,
        target_transform: Callable[[Any], Any] | None = None,
        loader: Callable[[str], Any] = pil_loader,
        is_valid_file: Callable[[str], bool] | None = None,
    ) -> None:
        extensions = IMG_EXTENSIONS if is_valid_file is None else None
        super().__init__(root, loader, extensions, transform, target_transform, is_valid_file)
        self.imgs = self.samples
