"""`derivation`: the gradient of a loss as a lecturer writes it on the board, from the graph that computed it."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..autograd.engine import key_of
from ..graph import Node
from ..ops import REGISTRY
from ..tensor import Tensor
from .backpass import BackPass
from .names import caller_names
from .notation import latex, latex_number, text
from .terms import Symbol, Term, names_in

__all__ = ["Derivation", "Step", "derivation"]


@dataclass(frozen=True, eq=False)
class Step:
    """One equation of a derivation.

    Attributes:
        symbol: what is computed.
        term: the expression that computes it.
        value: its value, or None where the forward pass did not keep it.
    """

    symbol: Symbol
    term: Term
    value: np.ndarray | None

    @property
    def name(self) -> str:
        """The name in the text form."""
        return self.symbol.text

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the value."""
        return self.symbol.shape

    @property
    def backward(self) -> bool:
        """Whether it belongs to the backward pass."""
        return self.symbol.backward

    @property
    def latex(self) -> str:
        """The equation as LaTeX."""
        return f"{self.symbol.latex} = {latex(self.term)}"

    @property
    def text(self) -> str:
        """The equation as Python."""
        return f"{self.symbol.text} = {text(self.term)}"

    def __str__(self) -> str:
        return self.text


class Derivation:
    """The equations of a forward and a backward pass, in order of computation.

    Attributes:
        steps: all equations.
        gradients: the last ones: the gradients asked for, by the name that was given.
        inputs: the values that the equations start from, by name.
    """

    def __init__(self, steps: Sequence[Step], gradients: Mapping[str, Step], inputs: Mapping[str, Any]) -> None:
        self.steps = list(steps)
        self.gradients = dict(gradients)
        self.inputs = dict(inputs)

    def __getitem__(self, name: str) -> Step:
        """The equation of a name, in its text form ("delta2")."""
        for step in self.steps:
            if step.name == name:
                return step
        raise KeyError(f"derivation: there is no {name!r}; the names are {', '.join(s.name for s in self.steps)}")

    @property
    def latex(self) -> str:
        """All equations, aligned, each with its shape and value."""
        lines = []
        for step in self.steps:
            left, right = step.latex.split(" = ", 1)
            lines.append(rf"{left} &= {right} && {_latex_shape(step.shape)} && {_latex_value(step.value)}")
        return "\\begin{aligned}\n" + " \\\\\n".join(lines) + "\n\\end{aligned}"

    @property
    def text(self) -> str:
        """All equations as a Python program, each with its shape and value beside it.

        It runs in the namespace that `namespace()` gives.
        """
        lines: list[tuple[str, str]] = []
        for step in self.steps:
            title = "# backward" if step.backward else "# forward"
            if title not in (line for line, _ in lines):
                lines.append((title, ""))
            lines.append((step.text, f"{_text_shape(step.shape)}: {_text_value(step.value)}"))
        width = min(max((len(line) for line, _ in lines), default=0), 60)
        return "\n".join(f"{line:<{width}}  # {note}" if note else line for line, note in lines)

    def namespace(self) -> dict[str, Any]:
        """What the text form needs to run: `np`, the inputs, and functions that NumPy does not have.

        Example:
            >>> import tinygrad_course as tc
            >>> w = tc.tensor(3.0, requires_grad=True)
            >>> found = tc.viz.derivation(w * w)
            >>> space = found.namespace()
            >>> exec(found.text, space)
            >>> float(space["dE_dw"])
            6.0
        """
        return {"np": np, **{op: declared.forward for op, declared in REGISTRY.items()}, **self.inputs}

    def _repr_latex_(self) -> str:
        return f"$\\displaystyle {self.latex}$"

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"<Derivation of {', '.join(self.gradients)} in {len(self.steps)} steps>"


def derivation(
    loss: Tensor, wrt: Mapping[str, Tensor] | None = None, *, names: Mapping[str, Any] | None = None
) -> Derivation:
    """Derive the gradient of a loss: the recurrences of backpropagation and the gradients, as formulas.

    Where the network has layers, names are the lecture's (ch. 4): a⁽ˡ⁾ what a layer computes, z⁽ˡ⁾ after the
    activation, y the output, t the target, E the loss, δ⁽ˡ⁾ = ∂E/∂a⁽ˡ⁾. Variables of the caller and `names` keep their
    own names. Each formula is what the operations' rules compute, simplified as algebra: x/x counts as 1, and guards
    against dividing by zero are left out.

    Args:
        loss: a tensor of one value, in the graph; the graph is kept.
        wrt: the tensors to derive it for, by name, e.g. `dict(model.named_parameters())`; default: all leaves.
        names: further names of tensors, e.g. of inputs.

    Raises:
        TypeError: if the loss or one of `wrt` is not a Tensor.
        RuntimeError: if the loss is not in the graph, has several values, or does not depend on one of `wrt`.

    Example:
        >>> import tinygrad_course as tc
        >>> x, t = tc.tensor([[1.0, 2.0]]), tc.tensor([[1.0]])
        >>> W1 = tc.tensor([[0.1, -0.2], [0.3, 0.4]], requires_grad=True)
        >>> W2 = tc.tensor([[1.0, -1.0]], requires_grad=True)
        >>> y = tc.tanh(x @ W1.T) @ W2.T
        >>> for step in tc.viz.derivation(((y - t) ** 2).sum() / 2, wrt={"W1": W1, "W2": W2}).steps:
        ...     print(step)
        a1 = x @ W1.T
        z1 = np.tanh(a1)
        y = z1 @ W2.T
        E = np.sum((y - t)**2) / 2
        delta2 = y - t
        dE_dW2 = delta2.T @ z1
        delta1 = (1 - z1**2) * (delta2 @ W2)
        dE_dW1 = delta1.T @ x
    """
    check_loss("derivation", loss)
    given = caller_names(sys._getframe(1))
    return derive(loss, wrt, {**given, **by_array(names or {})})


def derive(loss: Tensor, wrt: Mapping[str, Tensor] | None, given: Mapping[int, str]) -> Derivation:
    """`derivation`, with the names of arrays by their ids."""
    for key, x in (wrt or {}).items():
        if not isinstance(x, Tensor):
            raise TypeError(f"derivation: expected Tensors in wrt, got {type(x).__name__} for {key!r}")
    passed = BackPass(loss, {**given, **by_array(wrt or {})}, asked=list((wrt or {}).values()))
    originals = {copy: original for original, copy in passed.copy.of.items()}
    symbols = {id(original): passed.bars.get(copy) for copy, original in originals.items()}
    if wrt is None:
        chosen = {passed.symbols[leaf].text: passed.bars.get(leaf) for leaf in passed.copy.leaves}
    else:
        chosen = {key: symbols.get(id(key_of(x))) for key, x in wrt.items()}
        for key, symbol in chosen.items():
            if symbol is None:
                raise RuntimeError(f"derivation: the loss does not depend on {key!r} in a differentiable way")
    made = {symbol: Step(symbol, term, symbol.value) for symbol, term in passed.forward}
    made |= {symbol: Step(symbol, term, symbol.value) for symbol, term, _ in passed.cotangents}
    needed = {symbol for symbol in chosen.values() if symbol is not None}
    needed |= {symbol for symbol, _ in passed.forward}
    for symbol in reversed(made):
        if symbol in needed:
            needed |= names_in(made[symbol].term)
    steps = [step for symbol, step in made.items() if symbol in needed]
    inputs = {s.text: s.value for s in [*passed.symbols.values(), *passed.constants] if s not in made}
    return Derivation(steps, {key: made[s] for key, s in chosen.items() if s is not None}, inputs)


def check_loss(where: str, loss: Any) -> None:
    """Raise if a value is not a tensor of one value in the graph."""
    if not isinstance(loss, Tensor):
        raise TypeError(f"{where}: expected a Tensor as the loss, got {type(loss).__name__}")
    if not isinstance(loss.node, Node):
        raise RuntimeError(
            f"{where}: nothing was recorded for the loss: no input of its computation requires grad, or it was "
            "computed under no_grad"
        )
    if loss.array.size != 1:
        raise RuntimeError(
            f"{where}: the loss has shape {tuple(loss.array.shape)}; reduce it to one value (loss.sum(), loss.mean())"
        )


def by_array(names: Mapping[str, Any]) -> dict[int, str]:
    """Names by the id of the array that they name."""
    return {id(x.array if isinstance(x, Tensor) else x): key for key, x in names.items()}


# --- Shapes and values ----------------------------------------------------------------------------------------------


def _text_shape(shape: Sequence[int]) -> str:
    return "scalar" if not shape else " × ".join(map(str, shape))


def _text_value(value: Any) -> str:
    if not isinstance(value, np.ndarray):
        return "not kept"
    if value.size <= 4:
        return np.array2string(value, precision=4, separator=", ").replace("\n", "")
    return f"{value.min():.4g} … {value.max():.4g}"


def _latex_shape(shape: Sequence[int]) -> str:
    lengths = r" \times ".join(map(str, shape))
    return rf"\in \mathbb{{R}}^{{{lengths}}}" if shape else r"\in \mathbb{R}"


def _latex_value(value: Any) -> str:
    if not isinstance(value, np.ndarray) or not value.size:
        return ""
    if value.ndim <= 2 and value.size <= 6:
        rows = np.atleast_2d(value)
        if value.size == 1:
            return rf"\approx {latex_number(float(f'{value.item():.4g}'))}"
        cells = r" \\ ".join(" & ".join(latex_number(float(f"{v:.4g}")) for v in row) for row in rows)
        return rf"\approx \begin{{bmatrix}} {cells} \end{{bmatrix}}"
    low, high = (latex_number(float(f"{v:.4g}")) for v in (value.min(), value.max()))
    return rf"\in \left[{low},\ {high}\right]"
