"""What is known of a wrong rule: its Jacobian and that by differences, at the call's own inputs and at two nearby.

Three points tell a constant factor from one that merely looks constant at a point. Of large calls some rows and columns
are taken: columns at random and at both ends, rows where these are not zero.
"""

from __future__ import annotations

import numpy as np

from .function import Point
from .jacobian import columns, rows

__all__ = ["Evidence"]

# Jacobians of up to this many elements of input and of output are computed in full.
LARGEST = 64
COLUMNS = 10
ROWS = 32
POINTS = 3
SPREADS = (0.2, 0.05, 0.01)


class Evidence:
    """The Jacobian of a call in one input.

    Attributes:
        points: the call at its own inputs, and at some nearby.
        i: which of `point.wrt` the input is.
        columns: the elements of the input, and `rows`, those of the outputs, that are looked at.
        rule: per point, the Jacobian by the backward pass, and `slopes`, by differences.
    """

    def __init__(self, point: Point, i: int, rng: np.random.Generator) -> None:
        self.point = point
        self.i = i
        self.points = [point, *(_near(point, rng) for _ in range(POINTS - 1))]
        self.ys = [p.outputs(p.values) for p in self.points]
        m, n = sum(y.size for y in self.ys[0]), point.values[i].size
        whole = max(m, n) <= LARGEST
        self.columns = np.arange(n) if whole else _closed(_chosen(rng, np.arange(n), COLUMNS), point.values[i].shape)
        self.slopes = [columns(p, i, self.columns)[0] for p in self.points]
        self.rows = np.arange(m) if whole else self._rows(rng)
        self.slopes = [slopes[self.rows] for slopes in self.slopes]
        self.rule = [rows(p, self.rows)[i][:, self.columns] for p in self.points]

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the input."""
        return self.point.values[self.i].shape

    @property
    def output(self) -> tuple[int, ...] | None:
        """The shape of the output, if there is just one."""
        return self.ys[0][0].shape if len(self.ys[0]) == 1 else None

    def other(self, j: int) -> list[np.ndarray]:
        """Per point, the Jacobian by differences in another input, at the same rows and columns."""
        return [columns(p, j, self.columns)[0][self.rows] for p in self.points]

    def places(self, j: int) -> np.ndarray | None:
        """For each row the element of input `j` that broadcasting puts there; None if its shape does not broadcast."""
        shape = self.point.values[j].shape
        try:
            spread = np.broadcast_to(np.arange(self.point.values[j].size).reshape(shape), self.output or ())
        except ValueError:
            return None
        return spread.ravel()[self.rows] if self.output is not None else None

    def beside(self, j: int, chosen: np.ndarray) -> list[np.ndarray] | None:
        """Per point, how the chosen rows change, by differences, with the element of input `j` that is put there."""
        places = self.places(j)
        if places is None:
            return None
        wanted, at = np.unique(places[chosen], return_inverse=True)
        return [columns(p, j, wanted)[0][self.rows[chosen], at] for p in self.points]

    def inputs(self, j: int) -> list[np.ndarray]:
        """Per point, the values of another input."""
        return [p.values[j] for p in self.points]

    def _rows(self, rng: np.random.Generator) -> np.ndarray:
        found: set[int] = set()
        each = max(3, ROWS // len(self.columns))
        for column in self.slopes[0].T:
            found.update(_chosen(rng, np.flatnonzero(column), each).tolist())
            if len(found) >= ROWS:
                break
        return _closed(np.array(sorted(found), int), self.output or ())


def _near(point: Point, rng: np.random.Generator) -> Point:
    """The call at inputs nearby: as far as it is defined there."""
    for spread in SPREADS:
        near = point.moved([x * rng.uniform(1 - spread, 1 + spread, x.shape) for x in point.values])
        if all(np.isfinite(y).all() for y in near.outputs(near.values)):
            break
    return near


def _chosen(rng: np.random.Generator, places: np.ndarray, count: int) -> np.ndarray:
    """Some of these, the first and the last among them."""
    if places.size <= count:
        return places
    return np.unique([places[0], places[-1], *rng.choice(places, count - 2, replace=False)])


def _closed(places: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """The places, and where transposition puts them in arrays of square matrices."""
    if len(shape) < 2 or shape[-1] != shape[-2]:
        return places
    return np.union1d(places, turned(places, shape))


def turned(places: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Where transposing the last two dimensions puts each of these elements."""
    *lead, r, c = np.unravel_index(places, shape)
    return np.asarray(np.ravel_multi_index((*lead, c, r), shape))
