"""How signals fare from layer to layer: activations, gradients, singular values of the weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np

from ...nn.module import Module
from ...tensor import Tensor
from ._common import array_from, axes, layer_of, new_figure

__all__ = ["Recorder", "histograms", "singular_values"]


class Recorder:
    """Notes the activations and gradients of layers while a model trains, as in Glorot and Bengio (2010).

    Use it as a context manager, or call `close()`: hooks watch the layers until then. Every call of a layer adds a
    record, and so does every backward pass through it.

    Args:
        model: the model.
        layers: names of its modules, or modules; default: all without modules inside that have parameters.
        every: note each so-manieth call only.
        most: keep that many values of each, evenly spaced.

    Attributes:
        activations: by the layer's name, the noted values of its output, one array per record.
        gradients: likewise for the gradient of its output.

    Example:
        >>> import tinygrad_course as tc
        >>> model = tc.nn.Sequential(tc.nn.Linear(4, 8), tc.nn.Tanh(), tc.nn.Linear(8, 1))
        >>> with tc.viz.plots.Recorder(model, ["1"]) as recorder:
        ...     for _ in range(5):
        ...         model(tc.randn(10, 4)).sum().backward()
        >>> len(recorder.activations["1"]), recorder.gradients["1"][0].shape
        (5, (80,))
    """

    def __init__(
        self, model: Module, layers: Sequence[str | Module] | None = None, *, every: int = 1, most: int = 2000
    ) -> None:
        if every < 1 or most < 1:
            raise ValueError(f"Recorder: every and most must be 1 or more, got {every} and {most}")
        names = {id(module): name for name, module in model.named_modules()}
        if layers is None:
            chosen = [m for m in model.modules() if not list(m.children()) and list(m.parameters())]
        else:
            chosen = [layer_of(model, layer, "Recorder") for layer in layers]
        self._every = every
        self._most = most
        self.activations: dict[str, list[np.ndarray]] = {}
        self.gradients: dict[str, list[np.ndarray]] = {}
        self._handles = []
        for module in chosen:
            name = names.get(id(module), type(module).__name__)
            self.activations[name] = []
            self.gradients[name] = []
            self._handles.append(module.register_forward_hook(self._watch(name)))

    def _watch(self, name: str) -> Any:
        count = 0

        def note(_module: Module, _args: tuple[Any, ...], y: Any) -> None:
            nonlocal count
            count += 1
            if (count - 1) % self._every or not isinstance(y, Tensor):
                return
            self.activations[name].append(self._some(y.array))
            if y.requires_grad:
                y.register_hook(lambda g: self.gradients[name].append(self._some(g.array)))

        return note

    def _some(self, x: np.ndarray) -> np.ndarray:
        flat = x.reshape(-1)
        return flat[:: -(-flat.size // self._most) or 1].copy()

    def close(self) -> None:
        """Stop watching."""
        for handle in self._handles:
            handle.remove()
        self._handles.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def histograms(
    records: Recorder | Mapping[str, Sequence[Any]], *, of: str = "activations", bins: int = 60, figure: Any = None
) -> Any:
    """The distribution of each layer's values: over time as a picture, and of the last record as a curve.

    Args:
        records: a `Recorder`, or by the layer's name a sequence of arrays, one for each moment.
        of: "activations" or "gradients", of a Recorder.
        bins: how finely values are told apart; the same for all layers, so that they can be compared.
        figure: Figure to draw into.

    Returns:
        The Figure: on the left one Axes per layer, on the right the last distributions of all.
    """
    if of not in ("activations", "gradients"):
        raise ValueError(f'histograms: of must be "activations" or "gradients", got {of!r}')
    table: Mapping[str, Sequence[Any]] = getattr(records, of) if isinstance(records, Recorder) else records
    table = {name: values for name, values in table.items() if len(values)}
    if not table:
        raise ValueError(f"histograms: there are no {of}; nothing was called (or run backward) while recording")
    layers = {name: [array_from(v, "histograms").reshape(-1) for v in values] for name, values in table.items()}
    # the range holds all but the outermost thousandth, so that one outlier does not flatten the rest
    everything = np.concatenate([v[np.isfinite(v)] for values in layers.values() for v in values])
    low, high = np.quantile(everything, [0.0005, 0.9995]) if everything.size else (0.0, 1.0)
    if low == high:
        low, high = low - 0.5, high + 0.5
    edges = np.linspace(low, high, bins + 1)
    figure = figure or new_figure((8.0, 1.1 * len(layers) + 1.2))
    places = figure.add_gridspec(len(layers), 2, width_ratios=(1.4, 1))
    last = figure.add_subplot(places[:, 1])
    for i, (name, values) in enumerate(layers.items()):
        # the square root, so that tails are seen beside a peak
        density = np.stack([np.histogram(v, edges)[0] / max(v.size, 1) for v in values])
        ax = figure.add_subplot(places[i, 0])
        ax.imshow(np.sqrt(density.T), aspect="auto", origin="lower", extent=(0, len(values), low, high), cmap="Blues")
        ax.set_ylabel(name, rotation=0, ha="right", va="center")
        if i < len(layers) - 1:
            ax.set_xticklabels([])
        last.stairs(density[-1], edges, label=name)
    ax.set_xlabel("record")
    last.set(xlabel=of, ylabel="share", title="last record")
    last.legend(fontsize=8)
    return figure


def singular_values(weights: Module | Mapping[str, Any] | Any, *, ax: Any = None) -> Any:
    """The singular values of weight matrices, largest first: how many directions a layer really uses.

    Args:
        weights: a Module (all its parameters with two or more dimensions), a mapping of names to matrices, or one
            matrix. Further dimensions, as of convolutions, are taken together.
        ax: Axes to draw on.

    Returns:
        The Axes, with one line per matrix.
    """
    if isinstance(weights, Module):
        table: Mapping[str, Any] = {name: p for name, p in weights.named_parameters() if p.ndim >= 2}
    else:
        table = weights if isinstance(weights, Mapping) else {"weight": weights}
    if not table:
        raise ValueError("singular_values: there are no parameters with two or more dimensions")
    ax = axes(ax)
    for name, weight in table.items():
        matrix = array_from(weight, "singular_values")
        if matrix.ndim < 2:
            raise ValueError(f"singular_values: {name} has shape {matrix.shape}; expected a matrix")
        values = np.linalg.svd(matrix.reshape(len(matrix), -1).astype(np.float64), compute_uv=False)
        ax.plot(np.arange(1, len(values) + 1), values, "o-", ms=3, lw=1, label=name)
    ax.set(xlabel="index", ylabel="singular value", yscale="log")
    ax.legend(fontsize=8)
    return ax
