"""What all figures need: axes to draw on, arrays to draw, and the output of a layer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ...autograd import no_grad
from ...nn.module import Module
from ...tensor import Tensor

__all__ = ["array_from", "axes", "image_grid", "layer_of", "outputs_of", "predict"]


def new_figure(size: tuple[float, float]) -> Any:
    """A Matplotlib figure that belongs to no window."""
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError('figures need Matplotlib: pip install "tinygrad_course[plot]"') from error
    return Figure(figsize=size, layout="constrained")


def axes(ax: Any, *, size: tuple[float, float] = (5.0, 3.5), **kwargs: Any) -> Any:
    """The axes given, or those of a new figure."""
    return new_figure(size).add_subplot(**kwargs) if ax is None else ax


def array_from(x: Any, what: str) -> np.ndarray:
    """The values of a tensor, an array or a list, as an array of numbers."""
    array = x.array if isinstance(x, Tensor) else np.asarray(x)
    if array.dtype.kind not in "fiub":
        raise TypeError(f"{what}: expected numbers, got {type(x).__name__} of dtype {array.dtype}")
    return array


def predict(function: Callable[..., Any], x: np.ndarray, what: str) -> np.ndarray:
    """Call a model on an array without recording; a Module in evaluation mode."""
    modes = [(m, m.training) for m in function.modules()] if isinstance(function, Module) else []
    for module, _ in modes:
        module.training = False
    try:
        with no_grad():
            y = function(Tensor._wrap(x))
    finally:
        for module, mode in modes:
            module.training = mode
    return array_from(y, what)


def layer_of(model: Module, layer: str | Module, what: str) -> Module:
    """A module inside of the model, by its name or itself."""
    if isinstance(layer, Module):
        return layer
    if layer not in dict(model.named_modules()):
        names = ", ".join(name for name, _ in model.named_modules() if name)
        raise ValueError(f"{what}: the model has no module {layer!r}; it has {names}")
    return model.get_submodule(layer)


def outputs_of(model: Module, layer: str | Module, x: np.ndarray, what: str) -> np.ndarray:
    """What a layer puts out when the model is called on `x`."""
    found: list[Any] = []
    with layer_of(model, layer, what).register_forward_hook(lambda _module, _args, y: found.append(y)):
        predict(model, x, what)
    if not found:
        raise ValueError(f"{what}: the layer was not called by the model")
    return array_from(found[-1], what)


def image_grid(
    figure: Any, images: list[np.ndarray], columns: int, *, titles: list[str] | None = None,
    limits: tuple[float | None, float | None] = (None, None),
) -> Any:  # fmt: skip
    """Images (H × W or H × W × 3) in rows; grey from black to white within `limits`, or each within its own."""
    rows = -(-len(images) // columns)
    if figure is None:
        figure = new_figure((1.1 * columns + 0.2, 1.1 * rows + 0.2))
    grid = figure.subplots(rows, columns, squeeze=False).ravel()
    for ax in grid:
        ax.set_axis_off()
    for i, (ax, image) in enumerate(zip(grid, images)):
        ax.imshow(image, cmap="gray", interpolation="nearest", vmin=limits[0], vmax=limits[1])
        if titles:
            ax.set_title(titles[i], fontsize=8)
    return figure
