"""What is wrong with a value: NaN, infinity, units that never fire."""

from __future__ import annotations

import numpy as np

from .picture import Vertex

__all__ = ["dead_share", "is_broken", "is_sick", "troubles"]


def is_broken(x: np.ndarray | None) -> bool:
    """Whether NaN or infinity is among the values."""
    return x is not None and x.dtype.kind == "f" and not np.isfinite(x).all()


def dead_share(vertex: Vertex) -> float:
    """The share of a ReLU's units (features, or channels of images) that are 0 for the whole batch."""
    y = vertex.value
    if vertex.op != "relu" or y is None or not y.size:
        return 0.0
    if not y.any():
        return 1.0
    if y.ndim < 2 or len(y) < 2:
        return 0.0  # of a single sample about half the units are 0, and none is dead for that
    channels = 1 if y.ndim in (3, 4, 5) else y.ndim - 1
    return float(np.mean(~y.any(axis=tuple(i for i in range(y.ndim) if i != channels))))


def is_sick(vertex: Vertex) -> bool:
    """Whether it is to be seen from afar: not finite, or nothing but zeros out of a ReLU."""
    return is_broken(vertex.value) or is_broken(vertex.grad) or dead_share(vertex) == 1


def troubles(vertex: Vertex) -> list[str]:
    """The lines that tell what is wrong with a vertex."""
    lines = []
    if is_broken(vertex.value):
        lines.append("NaN or inf in value")
    if is_broken(vertex.grad):
        lines.append("NaN or inf in gradient")
    dead = dead_share(vertex)
    if dead:
        lines.append("dead: 100 %" if dead == 1 else f"dead: {100 * dead:.0f} % of units")
    return lines
