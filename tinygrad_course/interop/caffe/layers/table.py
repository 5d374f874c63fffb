"""The table of layers: Caffe's name of a type, and the function that builds a module from the layer's text."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ....nn import Module, Parameter
from ....tensor import Tensor
from ...prototxt import Message

__all__ = ["LAYERS", "Function", "Setup", "layer", "pair", "weight"]

Shape = tuple[int, ...]
_LARGEST = 2**31


class Setup:
    """What a builder is given.

    Attributes:
        message: the layer's text.
        shapes: the shapes of its bottoms.
        phase: TRAIN or TEST.
        tops: how many tops it has.
        sources: the caller's data, by the name of a layer, top or source.
    """

    def __init__(self, message: Message, shapes: list[Shape], phase: str, tops: int, sources: dict[str, Any]) -> None:
        self.message = message
        self.shapes = shapes
        self.phase = phase
        self.tops = tops
        self.sources = sources

    def axis(self, value: int, shape: Shape, message: Message) -> int:
        """An axis that may count from the back."""
        if not -len(shape) <= value < len(shape):
            raise message.error(f"{message.name}: axis {value} is not one of a blob of shape {shape}")
        return value % len(shape)


Builder = Callable[[Setup], Module]
LAYERS: dict[str, tuple[Builder, int, int | None]] = {}


def layer(*names: str, bottoms: int = 1, most: int | None = None) -> Callable[[Builder], Builder]:
    """Enter a builder into the table; it takes `bottoms` inputs, or up to `most` (-1: any number)."""

    def enter(build: Builder) -> Builder:
        for name in names:
            LAYERS[name] = (build, bottoms, bottoms if most is None else (None if most < 0 else most))
        return build

    return enter


class Function(Module):
    """A layer without parameters.

    Args:
        name: of the layer's type.
        compute: gives the top, or a tuple of tops, from the bottoms.
    """

    def __init__(self, name: str, compute: Callable[..., Any]) -> None:
        super().__init__()
        self.name = name
        self.compute = compute

    def forward(self, *bottoms: Tensor) -> Any:
        return self.compute(*bottoms)

    def extra_repr(self) -> str:
        return self.name


def weight(
    shape: Shape, filler: Message, message: Message, default: tuple[str, float] = ("constant", 0.0)
) -> Parameter:
    """A new parameter, filled as the text says."""
    from ..fillers import fill

    count = 1
    for n in shape:
        count *= n
    if count > _LARGEST or min(shape, default=1) < 1:
        raise message.error(f"{message.name}: parameters of shape {shape} are too large, or empty")
    return Parameter(fill(shape, filler, default))


def pair(m: Message, name: str, default: int, least: int = 0, *, both: str = "") -> tuple[int, int]:
    """Height and width of `kernel_size`, `pad` or `stride`: given once, twice, or as `kernel_h` and `kernel_w`."""
    stem = both or name
    h, w = f"{stem}_h", f"{stem}_w"
    values = [int(v) for v in m.all(name, int, "an integer")]
    if h in m or w in m:
        if values:
            raise m.error(f"{m.name}: give {name}, or {h} and {w}, not both", name)
        values = [m.integer(h, default), m.integer(w, default)]
    if len(values) > 2 or any(not least <= v < 2**31 for v in values):
        raise m.error(f"{m.name}: {name} must be one or two integers of at least {least}, got {values}", name)
    values = values or [default]
    return values[0], values[-1]
