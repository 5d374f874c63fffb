"""`summary`: a model's modules with their output shapes, parameters, FLOPs and memory."""

from __future__ import annotations

import html
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..autograd import no_grad
from ..overwrites import owner
from ..tensor import Tensor, tensor
from .draw import unchanged
from .flops import flops
from .labels import count_text, shape_text
from .trace import Call, Trace

if TYPE_CHECKING:
    from ..nn.module import Module

__all__ = ["Row", "Summary", "summary"]

Shapes = tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True)
class Row:
    """One module.

    Attributes:
        name: as in `named_modules`; "" for the model itself.
        kind: the module's class.
        depth: how deep it is nested.
        calls: how often it was called.
        output: the shapes of what its last call returned.
        parameters: the number of its parameters, shared ones once, those of modules inside included.
        flops: floating-point operations of all its calls.
        parameter_bytes: memory of its parameters and buffers.
        activation_bytes: memory of the values that its calls computed.
        shared: it holds parameters that an earlier row holds too.
    """

    name: str
    kind: str
    depth: int
    calls: int
    output: Shapes
    parameters: int
    flops: int
    parameter_bytes: int
    activation_bytes: int
    shared: bool


class Summary:
    """The table of a model's modules: `str` is its text, `rows` its contents.

    Attributes:
        rows: one `Row` per module, the model first.
        parameters: the number of parameters, shared ones once.
        trainable: the number of those that require grad.
        flops: floating-point operations of one forward call.
        parameter_bytes: memory of parameters and buffers.
        activation_bytes: memory of all values computed.
    """

    HEAD = ("module", "output", "parameters", "FLOP", "weights", "activations")

    def __init__(self, rows: list[Row], trainable: int) -> None:
        self.rows = rows
        self.trainable = trainable
        self.parameters = rows[0].parameters
        self.flops = rows[0].flops
        self.parameter_bytes = rows[0].parameter_bytes
        self.activation_bytes = rows[0].activation_bytes

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows)

    def _cells(self, row: Row) -> tuple[str, ...]:
        last = row.name.rpartition(".")[2] if row.depth > 1 or "." in row.name else row.name
        title = f"{last} ({row.kind})" if row.name else row.kind
        title += f" × {row.calls}" if row.calls > 1 else ""
        called = row.calls > 0
        return (
            "  " * row.depth + title, ", ".join(map(shape_text, row.output)) if called else "–",
            f"{row.parameters:,}" + (" shared" if row.shared else ""), count_text(row.flops) if called else "–",
            _bytes(row.parameter_bytes), _bytes(row.activation_bytes) if called else "–",
        )  # fmt: skip

    def _total(self) -> str:
        frozen = self.parameters - self.trainable
        text = (
            f"{self.parameters:,} parameters ({self.trainable:,} trainable, {frozen:,} frozen), "
            f"{_bytes(self.parameter_bytes)}"
        )
        if not self.rows[0].calls:
            return f"{text}; give inputs to see shapes, FLOP and activations"
        return f"{text}; {count_text(self.flops)} FLOP and {_bytes(self.activation_bytes)} of activations per call"

    def __str__(self) -> str:
        table = [self.HEAD, *map(self._cells, self.rows)]
        widths = [max(len(line[i]) for line in table) for i in range(len(self.HEAD))]
        lines = [
            "  ".join(
                cell.ljust(w) if i < 2 else cell.rjust(w) for i, (cell, w) in enumerate(zip(line, widths))
            ).rstrip()
            for line in table
        ]
        rule = "─" * max(map(len, lines))
        return "\n".join([lines[0], rule, *lines[1:], rule, self._total()])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        def line(tag: str, cells: tuple[str, ...]) -> str:
            return "<tr>" + "".join(
                f'<{tag} style="text-align:{"left" if i < 2 else "right"};white-space:pre">{html.escape(c)}</{tag}>'
                for i, c in enumerate(cells)
            ) + "</tr>"  # fmt: skip

        body = "".join(line("td", self._cells(row)) for row in self.rows)
        head = f"<thead>{line('th', self.HEAD)}</thead>"
        return f"<table>{head}<tbody>{body}</tbody></table><p>{html.escape(self._total())}</p>"


def summary(model: Module, *inputs: Any, depth: int | None = None) -> Summary:
    """Tabulate a model: its modules as a tree, with output shapes, parameters, FLOPs and memory.

    The model is called once without recording gradients; buffers and the random state are as before afterwards.

    Args:
        model: the model.
        inputs: its arguments: tensors, arrays, or whatever it takes. Without any, only parameters are counted.
        depth: leave out modules nested deeper than that; 1 shows the model and its children.

    Returns:
        A `Summary`, which prints as a table.

    Raises:
        TypeError: if `model` is not a Module.

    Example:
        >>> import tinygrad_course as tc
        >>> model = tc.nn.Sequential(tc.nn.Linear(4, 3), tc.nn.Tanh(), tc.nn.Linear(3, 1))
        >>> table = tc.viz.summary(model, tc.zeros(10, 4))
        >>> table.parameters, table.flops
        (19, 370)
        >>> [(row.name, row.output) for row in table.rows[1:]]
        [('0', ((10, 3),)), ('1', ((10, 3),)), ('2', ((10, 1),))]
    """
    from ..nn.module import Module

    if not isinstance(model, Module):
        raise TypeError(f"summary: expected a Module, got {type(model).__name__}")
    if depth is not None and depth < 0:
        raise ValueError(f"summary: depth must be 0 or more, got {depth}")
    watch = Trace({"": model})
    if inputs:
        arguments = [tensor(x) if isinstance(x, np.ndarray) else x for x in inputs]
        with unchanged(model), no_grad(), watch.watching():
            model(*arguments)
    work = _work(watch)
    rows = []
    seen: set[int] = set()
    for name, module in model.named_modules():
        level = name.count(".") + 1 if name else 0
        owned = {id(x.array): x for x in module.parameters()}
        here = [e for e in watch.entered if e.module is module]
        inside = [work[id(e)] for e in here]
        row = Row(
            name, type(module).__name__, level, len(here),
            tuple(tuple(y.array.shape) for y in here[-1].outputs) if here else (),
            sum(x.array.size for x in owned.values()), sum(w[0] for w in inside),
            sum(x.array.nbytes for x in {id(x.array): x for x in (*owned.values(), *module.buffers())}.values()),
            sum(w[1] for w in inside), bool(name) and any(key in seen for key in _direct(module)),
        )  # fmt: skip
        seen.update(_direct(module))
        if depth is None or level <= depth:
            rows.append(row)
    trainable = {id(x.array): x.array.size for x in model.parameters() if x.requires_grad}
    return Summary(rows, sum(trainable.values()))


def _direct(module: Module) -> list[int]:
    """The parameters that belong to the module itself."""
    return [id(x.array) for x in module.parameters(recurse=False)]


def _work(watch: Trace) -> dict[int, tuple[int, int]]:
    """FLOPs and bytes of values computed in each call of a module."""
    by_scope: dict[tuple[str, ...], tuple[int, int]] = {}
    for call in watch.calls:
        shapes = [tuple(getattr(x, "shape", ())) for x in call.arrays]
        cost = flops(call.op, shapes, call.made.shape, call.params)
        size = sum(y.array.nbytes for y in call.outs if not _is_view(y, call))
        for i in range(len(call.scope) + 1):
            before = by_scope.get(call.scope[:i], (0, 0))
            by_scope[call.scope[:i]] = before[0] + cost, before[1] + size
    return {id(e): by_scope.get(e.scope, (0, 0)) for e in watch.entered}


def _is_view(y: Tensor, call: Call) -> bool:
    base = owner(y.array)
    return any(isinstance(x, np.ndarray) and owner(x) is base for x in call.arrays)


def _bytes(n: float) -> str:
    """Bytes, briefly, in powers of 1024."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if n < 1024 or unit == "GiB":
            break
        n /= 1024
    return f"{n:,.0f} {unit}" if unit == "B" else f"{n:,.1f} {unit}"
