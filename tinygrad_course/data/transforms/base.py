"""What transforms are, and how they are chained."""

from collections.abc import Callable, Sequence
from typing import Any

from .._random import item_generator

__all__ = ["Compose", "Lambda", "RandomApply", "Transform", "batch_form_of"]


class Transform:
    """Base class: a callable from image to image, with a readable repr.

    Images are PIL images, ndarrays (H, W) or (H, W, C), or tensors (…, C, H, W); a transform gives the kind that it
    got, and never writes into it. Random transforms draw from `item_generator`.
    """

    def __call__(self, image: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__} must define __call__(self, image)")

    def batch_form(self) -> Callable[[Any], Any] | None:
        """Return a function that does the same to a whole batch at once, or None if there is no such shortcut.

        It gets an array (N, H, W) or (N, H, W, C), or what the batch form before it gave.
        """
        return None

    def extra_repr(self) -> str:
        """Return the arguments, for the repr."""
        return ", ".join(f"{name}={value!r}" for name, value in vars(self).items() if not name.startswith("_"))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.extra_repr()})"


def batch_form_of(transform: Any) -> Callable[[Any], Any] | None:
    """Return the batch form of a transform; None stands for no transform, other callables have none."""
    if transform is None:
        return lambda images: images
    method = getattr(transform, "batch_form", None)
    return method() if callable(method) else None


class Compose(Transform):
    """Transforms one after the other.

    Example:
        >>> import numpy as np, tinygrad_course as tc
        >>> from tinygrad_course.vision import transforms
        >>> prepare = transforms.Compose([transforms.ToTensor(), transforms.Normalize((0.5,), (0.5,))])
        >>> prepare(np.array([[0, 255]], np.uint8))
        tensor([[[-1.,  1.]]])
    """

    def __init__(self, transforms: Sequence[Callable[[Any], Any]]) -> None:
        self.transforms = transforms

    def __call__(self, image: Any) -> Any:
        for transform in self.transforms:
            image = transform(image)
        return image

    def batch_form(self) -> Callable[[Any], Any] | None:
        forms = [batch_form_of(transform) for transform in self.transforms]
        if type(self).__call__ is not Compose.__call__ or None in forms:
            return None

        def run(images: Any) -> Any:
            for form in forms:
                images = form(images)  # type: ignore[misc]
            return images

        return run

    def __repr__(self) -> str:
        inner = "\n".join("    " + line for t in self.transforms for line in repr(t).splitlines())
        return f"{type(self).__name__}(\n{inner}\n)"


class Lambda(Transform):
    """A function as a transform."""

    def __init__(self, lambd: Callable[[Any], Any]) -> None:
        if not callable(lambd):
            raise TypeError(f"Lambda: expected a function, got {type(lambd).__name__}")
        self.lambd = lambd

    def __call__(self, image: Any) -> Any:
        return self.lambd(image)

    def extra_repr(self) -> str:
        return getattr(self.lambd, "__qualname__", repr(self.lambd))


class RandomApply(Transform):
    """All of the given transforms with probability p, else none."""

    def __init__(self, transforms: Sequence[Callable[[Any], Any]], p: float = 0.5) -> None:
        self.transforms = transforms
        self.p = check_probability("RandomApply", p)

    def __call__(self, image: Any) -> Any:
        if happens(self.p):
            for transform in self.transforms:
                image = transform(image)
        return image


def check_probability(name: str, p: float) -> float:
    """Return p, or raise ValueError if it is none."""
    if not 0 <= p <= 1:
        raise ValueError(f"{name}: p must be a probability from 0 to 1, got {p!r}")
    return p


def happens(p: float) -> bool:
    """Draw an event of probability p."""
    return bool(item_generator().random() < p)
