"""Recurrent layers, run step by step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .... import ops
from ....nn import functional as F
from ....tensor import Tensor
from ..package import OnnxError
from .table import operator

__all__: list[str] = []

_ACTIVATIONS: dict[str, Callable[..., Any]] = {
    "sigmoid": lambda x, a, b: ops.sigmoid(x), "tanh": lambda x, a, b: ops.tanh(x), "relu": lambda x, a, b: ops.relu(x),
    "affine": lambda x, a, b: x * a + b, "leakyrelu": lambda x, a, b: F.leaky_relu(x, a or 0.01),
    "elu": lambda x, a, b: F.elu(x, a or 1.0), "softsign": lambda x, a, b: F.softsign(x),
    "softplus": lambda x, a, b: F.softplus(x), "hardsigmoid": lambda x, a, b: (x * (a or 0.2) + (b or 0.5)).clamp(0, 1),
}  # fmt: skip


class _Cell:
    """The attributes and activation functions of a layer."""

    def __init__(self, step: Any, defaults: list[str], count: int) -> None:
        names = [n.lower() for n in step.get("activations", defaults * count)]
        if len(names) != len(defaults) * count or any(n not in _ACTIVATIONS for n in names):
            raise OnnxError(f"activations {names} are not supported")
        alphas, betas = list(step.get("activation_alpha", [])), list(step.get("activation_beta", []))
        alphas += [0.0] * (len(names) - len(alphas))
        betas += [0.0] * (len(names) - len(betas))
        self.functions = [lambda x, f=_ACTIVATIONS[n], a=a, b=b: f(x, a, b) for n, a, b in zip(names, alphas, betas)]
        self.clip = step.attributes.get("clip")

    def bounded(self, x: Tensor) -> Any:
        return x if self.clip is None else x.clamp(-self.clip, self.clip)


def _run(step: Any, gates: int, defaults: list[str], move: Any, x: Tensor, w: Tensor, r: Tensor, b: Any, lengths: Any,
         starts: list[Any], peephole: Any = None) -> Any:  # fmt: skip
    if step.get("layout", 0):
        x = x.transpose(0, 1)
        starts = [None if s is None else s.transpose(0, 1) for s in starts]
    ways = {"forward": [False], "reverse": [True], "bidirectional": [False, True]}.get(step.get("direction", "forward"))
    if ways is None or w.shape[0] != len(ways):
        raise OnnxError(f"direction {step.get('direction', 'forward')!r} does not fit a weight {tuple(w.shape)}")
    hidden, (time, batch) = r.shape[2], x.shape[:2]
    cell = _Cell(step, defaults, len(ways))
    outs, finals = [], []
    for way, backwards in enumerate(ways):
        functions = cell.functions[way * len(defaults) : (way + 1) * len(defaults)]
        zero = Tensor._wrap(np.zeros((batch, hidden), x.array.dtype))
        state = [zero if s is None else s[way] for s in starts]
        bias = b[way] if b is not None else Tensor._wrap(np.zeros(2 * gates * hidden, x.array.dtype))
        weights = (
            w[way],
            r[way],
            bias[: gates * hidden],
            bias[gates * hidden :],
            None if peephole is None else peephole[way],
        )
        rows: list[Any] = [None] * time
        for i in range(time):
            t = time - 1 - i if backwards else i
            new = move(step, cell, functions, x[t], state, weights, hidden)
            if lengths is not None:
                live = (lengths > t).unsqueeze(1)
                state = [ops.where(live, n, s) for n, s in zip(new, state)]
                rows[t] = ops.where(live, new[0], zero)
            else:
                state, rows[t] = new, new[0]
        outs.append(ops.stack(rows, 0))
        finals.append(state)
    y = ops.stack(outs, 1)
    last = [ops.stack([f[i] for f in finals], 0) for i in range(len(starts))]
    if step.get("layout", 0):
        y, last = y.permute((2, 0, 1, 3)), [f.transpose(0, 1) for f in last]
    return (y, *last)


def _simple(step: Any, cell: _Cell, functions: Any, x: Any, state: Any, weights: Any, n: int) -> list[Any]:
    w, r, wb, rb, _ = weights
    return [functions[0](cell.bounded(F.linear(x, w, wb) + F.linear(state[0], r, rb)))]


def _gru(step: Any, cell: _Cell, functions: Any, x: Any, state: Any, weights: Any, n: int) -> list[Any]:
    w, r, wb, rb, _ = weights
    (h,) = state
    f, g = functions
    given = F.linear(x, w, wb)
    kept = F.linear(h, r[: 2 * n], rb[: 2 * n])
    z = f(cell.bounded(given[:, :n] + kept[:, :n]))
    reset = f(cell.bounded(given[:, n : 2 * n] + kept[:, n:]))
    if step.get("linear_before_reset", 0):
        inner = reset * F.linear(h, r[2 * n :], rb[2 * n :])
    else:
        inner = F.linear(reset * h, r[2 * n :], rb[2 * n :])
    new = g(cell.bounded(given[:, 2 * n :] + inner))
    return [(1 - z) * new + z * h]


def _lstm(step: Any, cell: _Cell, functions: Any, x: Any, state: Any, weights: Any, n: int) -> list[Any]:
    w, r, wb, rb, p = weights
    h, c = state
    f, g, out = functions
    total = F.linear(x, w, wb) + F.linear(h, r, rb)
    i, o, forget, new = (total[:, k * n : (k + 1) * n] for k in range(4))
    if p is not None:
        i, forget = i + p[:n] * c, forget + p[2 * n :] * c
    kept = 1 - f(cell.bounded(i)) if step.get("input_forget", 0) else f(cell.bounded(forget))
    c = kept * c + f(cell.bounded(i)) * g(cell.bounded(new))
    o = o if p is None else o + p[n : 2 * n] * c
    return [f(cell.bounded(o)) * out(c), c]


@operator("RNN")
def rnn(step: Any, x: Any, w: Any, r: Any, b: Any = None, lengths: Any = None, h: Any = None) -> Any:
    return _run(step, 1, ["Tanh"], _simple, x, w, r, b, lengths, [h])


@operator("GRU")
def gru(step: Any, x: Any, w: Any, r: Any, b: Any = None, lengths: Any = None, h: Any = None) -> Any:
    return _run(step, 3, ["Sigmoid", "Tanh"], _gru, x, w, r, b, lengths, [h])


@operator("LSTM")
def lstm(step: Any, x: Any, w: Any, r: Any, b: Any = None, lengths: Any = None, h: Any = None, c: Any = None,
         p: Any = None) -> Any:  # fmt: skip
    return _run(step, 4, ["Sigmoid", "Tanh", "Tanh"], _lstm, x, w, r, b, lengths, [h, c], p)
