"""How many floating-point operations a call costs: one multiplication and one addition are two.

What only moves or selects values costs nothing; an elementwise function counts one per element, however hard it is to
compute, as is usual in the literature on networks' costs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import Any

__all__ = ["flops"]

Shape = Sequence[int]


def flops(op: str, inputs: Sequence[Shape], output: Shape, params: Mapping[str, Any] | None = None) -> int:
    """Floating-point operations of one forward call.

    Args:
        op: the operation's name in the registry.
        inputs: the shapes of its inputs; () for numbers.
        output: the shape of its (first) output.
        params: its keyword parameters.

    Example:
        >>> from tinygrad_course.viz.flops import flops
        >>> flops("matmul", [(8, 3), (3, 5)], (8, 5))
        240
        >>> flops("reshape", [(8, 3)], (24,))
        0
    """
    if op in _FREE:
        return 0
    rule = _RULES.get(op)
    return rule(inputs, output, params or {}) if rule else prod(output)


def _linear(inputs: Sequence[Shape], output: Shape, params: Mapping[str, Any]) -> int:
    return prod(output) * (2 * inputs[0][-1] + (len(inputs) > 2))


def _convolution(inputs: Sequence[Shape], output: Shape, params: Mapping[str, Any]) -> int:
    return prod(output) * (2 * prod(inputs[1][1:]) + (len(inputs) > 2))


def _transposed(inputs: Sequence[Shape], output: Shape, params: Mapping[str, Any]) -> int:
    return 2 * prod(inputs[0]) * prod(inputs[1][1:])


def _convolution_weight(inputs: Sequence[Shape], output: Shape, params: Mapping[str, Any]) -> int:
    g = inputs[0]
    return 2 * g[0] * prod(g[2:]) * prod(output)


def _windows(inputs: Sequence[Shape], output: Shape, params: Mapping[str, Any]) -> int:
    return prod(output) * prod(params.get("kernel", (1,)))


def _einsum(inputs: Sequence[Shape], output: Shape, params: Mapping[str, Any]) -> int:
    """Every index once, as if summed in one loop; what `opt_einsum` calls the naive count."""
    terms = str(params.get("equation", "")).split("->")[0].replace(" ", "").split(",")
    if "." in "".join(terms) or len(terms) != len(inputs):
        return 2 * prod(output) * max((max(s, default=1) for s in inputs), default=1)
    lengths = {letter: n for term, shape in zip(terms, inputs) for letter, n in zip(term, shape)}
    return prod(lengths.values()) * max(2, len(terms))


def _of_input(factor: int) -> Callable[[Sequence[Shape], Shape, Mapping[str, Any]], int]:
    return lambda inputs, output, params: factor * max(map(prod, inputs), default=0)


def _cubic(factor: float) -> Callable[[Sequence[Shape], Shape, Mapping[str, Any]], int]:
    """Decompositions of m × n matrices: about factor · m n min(m, n)."""

    def rule(inputs: Sequence[Shape], output: Shape, params: Mapping[str, Any]) -> int:
        shape = inputs[0]
        return int(factor * prod(shape) * min(shape[-2:])) if len(shape) > 1 else prod(shape)

    return rule


_FREE = frozenset({
    "bernoulli", "cast", "cat", "clone", "diagonal", "expand", "exponential", "flip", "fold", "getitem", "multinomial",
    "normal", "one_hot", "pad", "permute", "pick", "poisson", "put_diagonal", "put_in_windows", "randint", "randperm",
    "reshape", "roll", "setitem", "stack", "take_in_windows", "tril", "triu", "unfold", "uniform", "where",
})  # fmt: skip

_RULES: dict[str, Callable[[Sequence[Shape], Shape, Mapping[str, Any]], int]] = {
    "linear": _linear,
    "matmul": lambda inputs, output, params: 2 * prod(output) * inputs[0][-1],
    "convolution": _convolution,
    "convolution_transpose": _transposed,
    "convolution_weight": _convolution_weight,
    "einsum": _einsum,
    "max_pool": _windows,
    "sum_windows": _windows,
    "affine": lambda inputs, output, params: 2 * prod(output),
    "mean_product": _of_input(2),
    "standardize": _of_input(5),  # the sum, the squares and their sum, the difference, the quotient
    "softmax": _of_input(5),
    "log_softmax": _of_input(5),
    "logsumexp": _of_input(4),
    "cross_entropy": _of_input(5),
    "squared_error": _of_input(3),
    "var": _of_input(4),
    "std": _of_input(4),
    "norm": _of_input(2),
    "cholesky": _cubic(1 / 3),
    "solve": _cubic(2 / 3),
    "inv": _cubic(2),
    "det": _cubic(2 / 3),
    "slogdet": _cubic(2 / 3),
    "qr": _cubic(2),
    "svd": _cubic(6),
    "svdvals": _cubic(2),
    "eigh": _cubic(9),
    "pinv": _cubic(6),
} | {
    name: _of_input(1)
    for name in ("all", "amax", "amin", "any", "argmax", "argmin", "cumprod", "cumsum", "max_index", "max_place",
                 "mean", "prod", "put_add", "sum")
}  # fmt: skip
