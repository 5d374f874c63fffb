"""Nested tuples, lists and dicts of values, taken apart and put together again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

__all__ = ["flatten", "map_leaves", "unflatten"]


def flatten(tree: Any) -> tuple[list[Any], Any]:
    """The leaves of a nest of tuples, lists and dicts, and its structure, for `unflatten`.

    Named tuples keep their type; dicts keep the order of their keys.
    """
    leaves: list[Any] = []
    return leaves, _structure(tree, leaves)


def _structure(tree: Any, leaves: list[Any]) -> Any:
    if isinstance(tree, dict):
        return type(tree), [(key, _structure(value, leaves)) for key, value in tree.items()]
    if isinstance(tree, (tuple, list)):
        return type(tree), [_structure(value, leaves) for value in tree]
    leaves.append(tree)
    return None


def unflatten(leaves: Sequence[Any], structure: Any) -> Any:
    """A nest of the given structure with these leaves."""
    return _build(iter(leaves), structure)


def _build(leaves: Iterator[Any], structure: Any) -> Any:
    if structure is None:
        return next(leaves)
    kind, parts = structure
    if issubclass(kind, dict):
        items = [(key, _build(leaves, part)) for key, part in parts]
        return dict(items) if kind is dict else kind(items)
    values = [_build(leaves, part) for part in parts]
    return kind(*values) if hasattr(kind, "_fields") else kind(values)


def map_leaves(function: Callable[[Any], Any], tree: Any) -> Any:
    """The nest with every leaf replaced by `function(leaf)`."""
    leaves, structure = flatten(tree)
    return unflatten([function(x) for x in leaves], structure)
