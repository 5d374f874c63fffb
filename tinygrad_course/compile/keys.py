"""Which recording an argument list belongs to: shapes, dtypes, flags, numbers, and how memory overlaps."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import dtypes
from ..autograd.tree import flatten
from ..config import config
from ..graph import Node, state
from ..tensor import LEAF, Tensor

__all__ = ["alive", "cut_off", "flat", "key_of"]


def alive(results: list[Any]) -> list[Tensor]:
    """The results in a graph of which backward has used up nothing, each once."""
    tensors = {id(y): y for y in results if isinstance(y, Tensor) and type(y.node) is Node}
    return [y for y in tensors.values() if not _used(y.node)]


def _used(node: Any) -> bool:
    """Whether backward has freed anything behind a node."""
    stack, seen = [node], set()
    while stack:
        node = stack.pop()
        if type(node) is Node and id(node) not in seen:
            if node.inputs is None and node.restore is None:
                return True
            seen.add(id(node))
            stack.extend(node.parents)
    return False


def cut_off(leaves: list[Any]) -> tuple[list[Any], dict[int, Tensor]]:
    """The arguments with leaves in place of what is in a graph, and what these stand for, by their id."""
    stands: dict[int, Tensor] = {}
    same: dict[int, Tensor] = {}
    inner = []
    for x in leaves:
        if isinstance(x, Tensor) and type(x.node) is Node:
            leaf = same.setdefault(id(x), Tensor._wrap(x.array, LEAF))
            stands[id(leaf)] = x
            x = leaf
        inner.append(x)
    return inner, stands


def flat(args: tuple[Any, ...]) -> tuple[list[Any], Any]:
    """`flatten((args, {}))`, at once where nothing is nested."""
    for x in args:
        if isinstance(x, (tuple, list, dict)):
            leaves, structure = flatten(args)
            return leaves, _hashable(structure)
    return list(args), len(args)


def _hashable(structure: Any) -> Any:
    if structure is None:
        return None
    kind, parts = structure
    return kind, tuple([(p[0], _hashable(p[1])) if issubclass(kind, dict) else _hashable(p) for p in parts])


_NUMBERS = (int, float, bool, str, type(None), bytes)


def key_of(leaves: list[Any], structure: Any) -> Any:
    """What a recording depends on, of the arguments and the modes; None if it must not be made at all."""
    parts: list[Any] = [structure if type(structure) is int else repr(structure), state.grad, state.inference,
                        dtypes._default, config.native]  # fmt: skip
    tensors = 0
    for x in leaves:
        if isinstance(x, Tensor):
            tensors += 1
            array, node = x.array, x.node
            if node is None:
                parts += (array.shape, array.dtype)
            elif node is LEAF:
                parts += (array.shape, array.dtype, "leaf", x._grad is None, id(x) if type(x) is not Tensor else 0)
            else:
                parts += (array.shape, array.dtype, "node")
        elif isinstance(x, np.ndarray):
            tensors += 1
            parts += ("array", x.shape, x.dtype)
        elif isinstance(x, _NUMBERS):
            parts += (type(x), x)
        else:
            parts += ("object", id(x))
    if tensors > 1:
        parts.append(_overlaps(leaves))
    return tuple(parts)


def _overlaps(leaves: list[Any]) -> Any:
    """Which arguments share memory: 0 if none do."""
    arrays = [x.array if isinstance(x, Tensor) else x for x in leaves if isinstance(x, (Tensor, np.ndarray))]
    found: Any = 0
    for i, a in enumerate(arrays):
        for j in range(i):
            b = arrays[j]  # arrays that own their memory are apart from all others
            if a is b or ((a.base is not None or b.base is not None) and np.may_share_memory(a, b)):
                found = (found, i, j)
    return found
