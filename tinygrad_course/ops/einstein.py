"""Einstein's summation convention: `einsum("ij,jk->ik", a, b)`.

The equation is first brought into a plain form: no ellipsis, no label twice in one operand, no label that only one
operand has (it is summed at once). On that form the primitive's rule is another einsum: the cotangent of an operand
is the cotangent of the result, contracted with the other operands, onto that operand's labels.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..graph import bind
from ..tensor import Tensor
from .op import Op, declare

__all__ = ["einsum"]

_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

# --- The primitive ------------------------------------------------------------------------------------------------


def _ordered(x: Any, labels: str, target: str) -> Any:
    return x.transpose([labels.index(c) for c in target])


def _contract(a: Any, b: Any, la: str, lb: str, out: str) -> Any:
    """Two operands contracted onto the labels `out`, as one stack of matrix products."""
    stack = [c for c in la if c in lb and c in out]
    inner = [c for c in la if c in lb and c not in out]
    left = [c for c in la if c not in lb]
    right = [c for c in lb if c not in la]
    a = _ordered(a, la, "".join(stack + left + inner))
    b = _ordered(b, lb, "".join(stack + inner + right))
    s, m = len(stack), len(left)
    stacks, rows, columns = a.shape[:s], a.shape[s : s + m], b.shape[s + len(inner) :]
    k = math.prod(a.shape[s + m :])
    flat = math.prod(stacks)
    y = np.matmul(a.reshape(flat, math.prod(rows), k), b.reshape(flat, k, math.prod(columns)))
    return _ordered(y.reshape(stacks + rows + columns), "".join(stack + left + right), out)


def _einsum_of(*operands: Any, equation: str) -> Any:
    given, out = equation.split("->")
    pairs = list(zip(operands, given.split(",")))
    # From left to right; a label is summed once neither the result nor an operand still to come has it.
    x, labels = pairs[0]
    for i, (other, more) in enumerate(pairs[1:], 2):
        later = out + "".join(rest for _, rest in pairs[i:])
        kept = "".join(dict.fromkeys(c for c in labels + more if c in later))
        x, labels = _contract(x, other, labels, more, kept), kept
    y = _ordered(x, labels, out)
    return y if len(pairs) > 1 else y.copy()


def _einsum_rule(i: int, g: Any, _y: Any, *operands: Any, equation: str) -> Any:
    given, out = equation.split("->")
    labels = given.split(",")
    others = [x for j, x in enumerate(operands) if j != i]
    rest = [part for j, part in enumerate(labels) if j != i]
    return _einsum.apply(g, *others, equation=f"{','.join([out, *rest])}->{labels[i]}")


_einsum: Op = declare(
    _einsum_of, vjp=_einsum_rule, name="einsum", variadic=True,
    doc="Σ over the labels that the result lacks, of the product of the operands. Each label that an operand has "
    "must be in the result or in another operand, and only once in each.",
)  # fmt: skip

# --- The plain form -----------------------------------------------------------------------------------------------


def einsum(equation: str, *operands: Any) -> Tensor:
    """Sums of products, named by labels of dims: "ij,jk->ik" is the matrix product.

    Without "->", the result has the labels that occur once, in alphabetical order. "..." stands for any further dims,
    which broadcast. A label that occurs twice in one operand takes its diagonal.

    Raises:
        RuntimeError: if the equation does not fit the operands.

    Example:
        >>> import tinygrad_course as tc
        >>> a = tc.tensor([[1, 2], [3, 4]])
        >>> tc.einsum("ij,j->i", a, tc.tensor([1, 10]))
        tensor([21, 43])
        >>> tc.einsum("ii", a)
        tensor(5)
    """
    if len(operands) == 1 and isinstance(operands[0], (list, tuple)):
        operands = tuple(operands[0])
    tensors = [x if isinstance(x, Tensor) else Tensor._wrap(np.asarray(x)) for x in operands]
    given, out = _parsed(equation, tensors)
    lengths = _lengths(equation, given, tensors)
    for c in out:
        if c not in lengths:
            raise RuntimeError(f"einsum: {equation!r}: label {c!r} of the result is in no operand")
    plain = []
    for i, (x, labels) in enumerate(zip(tensors, given)):
        elsewhere = out + "".join(given[:i] + given[i + 1 :])
        plain.append(_plain(x, labels, elsewhere, lengths))
    labels_of = [labels for _, labels in plain]
    present = set("".join(labels_of))
    y = bind(
        _einsum, *(x for x, _ in plain),
        equation=f"{','.join(labels_of)}->{''.join(c for c in out if c in present)}",
    )  # fmt: skip
    shape = tuple(lengths[c] for c in out)
    return y if y.array.shape == shape else y.reshape(shape)


def _parsed(equation: str, tensors: Sequence[Tensor]) -> tuple[list[str], str]:
    """The labels of each operand and of the result, with letters in place of an ellipsis."""
    text = equation.replace(" ", "")
    left, arrow, out = text.partition("->")
    given = left.split(",")
    if len(given) != len(tensors):
        raise RuntimeError(f"einsum: {equation!r} names {len(given)} operands, but {len(tensors)} were given")
    for part in [*given, out]:
        letters = part.replace("...", "", 1)
        if any(c not in _LETTERS for c in letters):
            raise RuntimeError(f"einsum: {equation!r}: labels must be letters, or '...' once in each operand")
    free = [c for c in _LETTERS if c not in text]
    dots = [x.ndim - len(part) + 3 if "..." in part else 0 for x, part in zip(tensors, given)]
    most = max(dots)
    if min(dots) < 0 or most > len(free):
        raise RuntimeError(f"einsum: {equation!r} has more labels than an operand has dims")
    unnamed = "".join(free[:most])
    expanded = [part.replace("...", unnamed[most - n :]) for part, n in zip(given, dots)]
    if not arrow:
        letters = left.replace("...", "").replace(",", "")
        out = unnamed + "".join(sorted(c for c in set(letters) if letters.count(c) == 1))
    else:
        out = out.replace("...", unnamed)
    if len(set(out)) < len(out):
        raise RuntimeError(f"einsum: {equation!r}: a label occurs twice in the result")
    return expanded, out


def _lengths(equation: str, given: Sequence[str], tensors: Sequence[Tensor]) -> dict[str, int]:
    """The length that each label stands for; lengths of 1 give way to others."""
    lengths: dict[str, int] = {}
    for i, (labels, x) in enumerate(zip(given, tensors)):
        shape = x.array.shape
        if len(labels) != len(shape):
            raise RuntimeError(f"einsum: {equation!r} names {len(labels)} dims of operand {i}, whose shape is {shape}")
        for c, n in zip(labels, shape):
            known = lengths.setdefault(c, n)
            if known == 1:
                lengths[c] = n
            elif n not in (1, known):
                raise RuntimeError(f"einsum: {equation!r}: label {c!r} is {known} long, but {n} in operand {i}")
    return lengths


def _plain(x: Tensor, labels: str, elsewhere: str, lengths: dict[str, int]) -> tuple[Tensor, str]:
    """An operand with each label once, none of them of length 1 where it stands for more, and none of its own."""
    for c in dict.fromkeys(labels):
        while labels.count(c) > 1:
            first = labels.index(c)
            second = labels.index(c, first + 1)
            x = x.diagonal(0, first, second)
            labels = "".join(d for k, d in enumerate(labels) if k not in (first, second)) + c
    thin = [k for k, c in enumerate(labels) if x.array.shape[k] == 1 and lengths[c] != 1]
    if thin:
        x = x.squeeze(thin)
        labels = "".join(c for k, c in enumerate(labels) if k not in thin)
    own = [k for k, c in enumerate(labels) if c not in elsewhere]
    if own:
        x = x.sum(own)
        labels = "".join(c for k, c in enumerate(labels) if k not in own)
    return x, labels
