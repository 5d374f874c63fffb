"""Where parameters live while a `RuleOptimizer` updates them.

Many small parameters are kept in one buffer (a `Pack`): each `p.array` is a view of it, so that one NumPy call works on
all of them. A large parameter, and one whose memory somebody else holds, stays where it is: a pack of one. Every step
checks, by identity, that parameters and state are still the views that were made; what was replaced is taken in again.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise, repeat
from operator import attrgetter, is_
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from ..overwrites import mark_overwritten, marker
from ..tensor import Tensor

if TYPE_CHECKING:
    from .program import Calls, Runner
    from .rule import RuleOptimizer

__all__ = ["SMALL", "Alone", "Pack", "private"]

# Up to this many elements a parameter is packed: copying its gradient then costs less than calls of its own.
SMALL = 65_536

# A parameter, its view of the buffer, its state, the arrays there, and where its gradient goes.
_Row: TypeAlias = tuple[Tensor, np.ndarray, dict[str, Any], tuple[tuple[str, Tensor], ...], np.ndarray]

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
        self._rows: list[_Row] | None = None
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
        self.memory = self.values  # what a step writes to, for `overwrites`
        self._mark = marker(self.memory)

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
        self._names = tuple(self.buffers)
        self.scalars |= scalars
        self.entries = [state[p] for p in self.params]
        self._rows = None
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

    def gather(self, state: Mapping[Tensor, dict[str, Any]]) -> bool:
        """Take in all gradients, if every parameter has one, and nothing was replaced since the last step."""
        rows = self._rows
        if rows is None:
            if self._holes:
                return False
            rows = self._rows = [
                (p, view, entry, tuple((name, held[i]) for name, held in zip(self.buffers, self.tensors)), into)
                for i, (p, view, entry, into) in enumerate(
                    zip(self.params, self.views, self.entries, self._gradient_views)
                )
            ]
        for p, view, entry, held, into in rows:
            if p.array is not view or state.get(p) is not entry:
                return False
            for name, tensor in held:
                if entry.get(name) is not tensor:
                    return False
            g = p._grad
            if g is None:
                return False
            into[...] = g.array
        # One call updates all only if they remember the same numbers.
        for name in self.scalars:
            numbers = list(map(dict.get, self.entries, repeat(name)))
            if numbers.count(numbers[0]) < len(numbers):
                return False
        return True

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
        self._bound = self._rows = None

    # --- the update -----------------------------------------------------------------------------------------------

    def update(self, optimizer: RuleOptimizer, group: dict[str, Any]) -> None:
        """Update every parameter, after `gather` has taken in the gradients."""
        runner = self._advance(optimizer, group, self.entries)
        if self._bound is None or self._bound[0] is not runner:
            self._bound = runner, runner.bind(self.values, self._gradient, self.flat)
        for function, arguments in self._bound[1]:
            function(*arguments)
        self._mark()

    def step(self, optimizer: RuleOptimizer, group: dict[str, Any]) -> None:
        """Update every parameter that has a gradient, whatever the others have."""
        grads = list(map(_grad_of, self.params))
        for first, end in self._runs(grads):
            for i in range(first, end):
                self._gradient_views[i][...] = grads[i].array
            runner = self._advance(optimizer, group, self.entries[first:end])
            span = slice(self.spans[first][0], self.spans[end - 1][1])
            values = self.values[span]
            for function, arguments in runner.bind(values, self._gradient[span], [flat[span] for flat in self.flat]):
                function(*arguments)
            mark_overwritten(values)

    def _advance(self, optimizer: RuleOptimizer, group: dict[str, Any], entries: list[dict[str, Any]]) -> Runner:
        """Count a step for these parameters, and give what runs it."""
        scalars = {name: entries[0].get(name, value) for name, value in self.scalars.items()} if self.scalars else {}
        runner = optimizer._runner(group, scalars, self._names, self.dtype)
        if scalars:
            for entry in entries:
                entry.update(scalars)
        return runner

    def _runs(self, grads: list[Tensor | None]) -> Iterator[tuple[int, int]]:
        """Neighbours that have a gradient and remember the same numbers."""
        keys = [list(map(dict.get, self.entries, repeat(name))) for name in self.scalars]
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


class Alone(Pack):
    """One parameter that is updated in its own memory."""

    def _house(self) -> None:
        self.views = [self.params[0].array]
        self._gradient_views = []  # its gradient is read where it is
        self.values = self.views[0].reshape(-1)  # a copy if it is not contiguous
        self.memory = self.views[0]

    def _follow(self, p: Tensor) -> bool:
        view = self.views[0]
        if p.array.shape != view.shape or p.array.dtype != view.dtype:
            return False
        self._house()
        return True

    def gather(self, state: Mapping[Tensor, dict[str, Any]]) -> bool:
        p = self.params[0] if self.params else None
        return p is not None and p._grad is not None and p.array is self.views[0] and self._state_intact(state)

    def update(self, optimizer: RuleOptimizer, group: dict[str, Any]) -> None:
        self.step(optimizer, group)

    def step(self, optimizer: RuleOptimizer, group: dict[str, Any]) -> None:
        for p in self.params:
            if p._grad is not None:
                g = p._grad.array.reshape(-1).astype(self.dtype, copy=False)
                self._update(self._advance(optimizer, group, self.entries), g)

    def _update(self, runner: Runner, g: np.ndarray) -> None:
        array = self.views[0]
        apart = not array.flags.c_contiguous
        if apart:
            self.values[...] = array.reshape(-1)
        for function, arguments in runner.bind(self.values, g, self.flat):
            function(*arguments)
        if apart:
            array[...] = self.values.reshape(array.shape)
        mark_overwritten(self.memory)


def _fitting(name: str, held: Any, p: Tensor) -> np.ndarray:
    """A state array that was put there by somebody else, if it can be its parameter's."""
    array = held.array if isinstance(held, Tensor) else np.asarray(held)
    if array.shape != p.array.shape:
        raise RuntimeError(
            f"step: the state {name!r} has shape {array.shape}, its parameter {p.array.shape}; state saved for another "
            "model, or a parameter that was given another shape: make a new optimizer"
        )
    return array
