"""Where parameters live while a `RuleOptimizer` updates them.

Many small parameters are kept in one buffer (a `Pack`): each `p.array` is a view of it, so that one NumPy call works on
all of them. A large parameter, and one whose memory somebody else holds, stays where it is: a pack of one. Every step
checks, by identity, that parameters and state are still the views that were made; what was replaced is taken in again.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise, repeat
from operator import attrgetter, is_, is_not
from typing import TYPE_CHECKING, Any

import numpy as np

from ..overwrites import mark_overwritten
from ..tensor import Tensor

if TYPE_CHECKING:
    from .program import Calls, Runner
    from .rule import RuleOptimizer

__all__ = ["SMALL", "Alone", "Pack", "private"]

# Up to this many elements a parameter is packed: copying its gradient then costs less than calls of its own.
SMALL = 65_536

_array_of = attrgetter("array")
_grad_of = attrgetter("_grad")


def _holders(p: Tensor) -> int:
    return sys.getrefcount(p.array)


def _base_holders(p: Tensor) -> int:
    return sys.getrefcount(p.array.base)


# What these two count when nobody but the tensor holds the array; it differs between versions of Python.
_ALONE = _holders(Tensor._wrap(np.empty(1)))
_BASE_ALONE = _base_holders(Tensor._wrap(np.empty(2)[:1]))


def private(p: Tensor) -> bool:
    """Whether nobody but `p` holds its array, so that its values may move without anybody noticing."""
    base = p.array.base
    if _holders(p) != _ALONE:
        return False
    if base is None:
        return True
    owned = type(base) is np.ndarray and base.base is None
    del base
    return owned and _base_holders(p) == _BASE_ALONE


class Pack:
    """Small parameters of one dtype, and their state, in buffers of the same layout, updated together.

    Args:
        params: the parameters; all are `private` and have the same dtype.
        state: the optimizer's state: for each parameter a dict.
        buffers: names and first values of the state arrays.
        scalars: names and first values of the numbers that are remembered.
    """

    def __init__(
        self, params: Sequence[Tensor], state: Mapping[Tensor, dict[str, Any]], buffers: dict[str, float],
        scalars: dict[str, float],
    ) -> None:  # fmt: skip
        self.params = list(params)
        self.dtype = params[0].array.dtype
        ends = np.cumsum([p.array.size for p in params]).tolist()
        self.spans = list(pairwise([0, *ends]))
        self.size = ends[-1]
        self._holes = False  # whether parameters were dropped
        self._bound: tuple[Runner, Calls] | None = None
        self._house()
        self.buffers: dict[str, float] = {}
        self.scalars: dict[str, float] = {}
        self.flat: list[np.ndarray] = []  # state arrays, in the order of `buffers`
        self.tensors: list[list[Tensor]] = []  # the views of them that the entries hold
        self.entries: list[dict[str, Any]] = []
        self.remember(state, buffers, scalars)

    def _house(self) -> None:
        """Move the values into one buffer."""
        self.values = np.empty(self.size, self.dtype)
        self._gradient = np.empty(self.size, self.dtype)
        self.views = self._split(self.values)
        self._gradient_views = self._split(self._gradient)
        for p, view in zip(self.params, self.views):
            view[...] = p.array
            p.array = view

    def _split(self, flat: np.ndarray) -> list[np.ndarray]:
        return [flat[low:high].reshape(p.array.shape) for p, (low, high) in zip(self.params, self.spans)]

    # --- state ----------------------------------------------------------------------------------------------------

    def remember(
        self, state: Mapping[Tensor, dict[str, Any]], buffers: dict[str, float], scalars: dict[str, float]
    ) -> None:
        """Keep these arrays and numbers too; where the entries hold values already, those."""
        for name, fill in buffers.items():
            if name not in self.buffers:
                self.flat.append(np.full(self.size, fill, self.dtype))
                self.tensors.append([Tensor._wrap(view) for view in self._split(self.flat[-1])])
        self.buffers |= buffers
        self.scalars |= scalars
        self.entries = [state[p] for p in self.params]
        for i, (p, entry) in enumerate(zip(self.params, self.entries)):
            for name, value in self.scalars.items():
                entry.setdefault(name, value)
            for (name, fill), tensors in zip(self.buffers.items(), self.tensors):
                held = entry.get(name)
                if held is not tensors[i]:
                    tensors[i].array[...] = fill if held is None else _fitting(name, held, p)
                    entry[name] = tensors[i]
        self._bound = None

    def _state_intact(self, state: Mapping[Tensor, dict[str, Any]]) -> bool:
        if not all(map(is_, map(state.get, self.params), self.entries)):
            return False
        for name, tensors in zip(self.buffers, self.tensors):
            if not all(map(is_, map(dict.get, self.entries, repeat(name)), tensors)):
                return False
        return True

    # --- checks ---------------------------------------------------------------------------------------------------

    def mend(self, state: Mapping[Tensor, dict[str, Any]]) -> list[Tensor]:
        """Take in state that was replaced since the last step; drop, and return, parameters whose array was.

        A new array is never copied over the old one: somebody may hold the old values.
        """
        lost: list[Tensor] = []
        if not all(map(is_, map(_array_of, self.params), self.views)):
            lost = [p for p, view in zip(self.params, self.views) if p.array is not view and not self._follow(p)]
            self.drop(lost)
        if not self._state_intact(state):
            self.remember(state, {}, {})
        return lost

    def _follow(self, p: Tensor) -> bool:
        """Whether this pack can go on with a parameter's new array."""
        return False

    def drop(self, params: Sequence[Tensor]) -> None:
        """Update these parameters no longer. The others stay where they are."""
        if not params:
            return
        gone = {id(p) for p in params}
        keep = [i for i, p in enumerate(self.params) if id(p) not in gone]
        self.params = [self.params[i] for i in keep]
        self.views = [self.views[i] for i in keep]
        self._gradient_views = [self._gradient_views[i] for i in keep]
        self.spans = [self.spans[i] for i in keep]
        self.entries = [self.entries[i] for i in keep]
        self.tensors = [[tensors[i] for i in keep] for tensors in self.tensors]
        self._holes = True
        self._bound = None

    # --- the update -----------------------------------------------------------------------------------------------

    def step(self, optimizer: RuleOptimizer, group: dict[str, Any]) -> None:
        """Update every parameter that has a gradient."""
        grads = list(map(_grad_of, self.params))
        for first, end in self._runs(grads):
            entry = self.entries[first]
            scalars = {name: entry.get(name, value) for name, value in self.scalars.items()}
            runner = optimizer._runner(group, scalars, tuple(self.buffers), self.dtype)
            low, high = self.spans[first][0], self.spans[end - 1][1]
            g = self._gathered(grads, first, end)
            self._update(runner, g, low, high)
            if scalars:
                for entry in self.entries[first:end]:
                    entry.update(scalars)

    def _runs(self, grads: list[Tensor | None]) -> Sequence[tuple[int, int]]:
        """Neighbours that have a gradient and remember the same numbers: as a rule, all of them at once."""
        keys = [list(map(dict.get, self.entries, repeat(name))) for name in self.scalars]
        whole = not self._holes and all(map(is_not, grads, repeat(None)))
        if whole and (not keys or all(k.count(k[0]) == len(k) for k in keys)):
            return ((0, len(grads)),)
        return list(self._partial_runs(grads, keys))

    def _partial_runs(self, grads: list[Tensor | None], keys: list[list[Any]]) -> Iterator[tuple[int, int]]:
        first = 0
        for i in range(1, len(grads) + 1):
            if i == len(grads) or (
                (grads[i] is None) != (grads[first] is None)
                or any(k[i] != k[first] for k in keys)
                or self.spans[i][0] != self.spans[i - 1][1]
            ):
                if grads[first] is not None:
                    yield first, i
                first = i

    def _gathered(self, grads: list[Any], first: int, end: int) -> np.ndarray:
        """The gradients from `first` to before `end`, flat and one behind the other."""
        for i in range(first, end):
            self._gradient_views[i][...] = grads[i].array
        return self._gradient[self.spans[first][0] : self.spans[end - 1][1]]

    def _update(self, runner: Runner, g: np.ndarray, low: int, high: int) -> None:
        if high - low != self.size:
            calls = runner.bind(self.values[low:high], g, [flat[low:high] for flat in self.flat])
        elif self._bound is not None and self._bound[0] is runner:
            calls = self._bound[1]
        else:
            calls = runner.bind(self.values, self._gradient, self.flat)
            self._bound = runner, calls
        for function, arguments in calls:
            function(*arguments)
        mark_overwritten(self.values if high - low == self.size else self.values[low:high])


class Alone(Pack):
    """One parameter that is updated in its own memory."""

    def _house(self) -> None:
        self.views = [self.params[0].array]
        self._gradient_views = []  # its gradient is read where it is
        self.values = self.views[0].reshape(-1)  # a copy if it is not contiguous

    def _follow(self, p: Tensor) -> bool:
        view = self.views[0]
        if p.array.shape != view.shape or p.array.dtype != view.dtype:
            return False
        self._house()
        return True

    def _gathered(self, grads: list[Any], first: int, end: int) -> np.ndarray:
        return grads[0].array.reshape(-1).astype(self.dtype, copy=False)

    def _update(self, runner: Runner, g: np.ndarray, low: int, high: int) -> None:
        array = self.views[0]
        apart = not array.flags.c_contiguous
        if apart:
            self.values[...] = array.reshape(-1)
        for function, arguments in runner.bind(self.values, g, self.flat):
            function(*arguments)
        if apart:
            array[...] = self.values.reshape(array.shape)
        mark_overwritten(array)


def _fitting(name: str, held: Any, p: Tensor) -> np.ndarray:
    """A state array that was put there by somebody else, if it can be its parameter's."""
    array = held.array if isinstance(held, Tensor) else np.asarray(held)
    if array.shape != p.array.shape:
        raise RuntimeError(
            f"step: the state {name!r} has shape {array.shape}, its parameter {p.array.shape}; state saved for another "
            "model, or a parameter that was given another shape: make a new optimizer"
        )
    return array
