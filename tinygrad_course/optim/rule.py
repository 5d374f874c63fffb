"""Optimizers whose rule treats all elements alike: one pure function, run on many tensors at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from ..autograd.modes import enable_grad
from ..tensor import Tensor
from .optimizer import Optimizer
from .program import Program, Runner, pattern
from .storage import SMALL, Alone, Pack, private

__all__ = ["RuleOptimizer"]


class RuleOptimizer(Optimizer):
    """Base of the optimizers whose rule treats all elements alike.

    A subclass sets `rule`, a pure function `rule(p, g, state, **coefficients) -> (new p, new state)` of arrays, in
    NumPy's terms: operators, ufuncs and `np.where`. It may not branch on values of arrays, nor on numbers among the
    coefficients, but on flags and on whether a coefficient is None. The methods `buffers`, `scalars` and
    `coefficients` say what is remembered, and which numbers a step takes.

    Many parameters are updated by one call on one buffer: the first step moves their values there (`p.array` is then a
    view of it). Parameters may be replaced, frozen, shared or added at any time all the same.

    Example:
        >>> import tinygrad_course as tc
        >>> def heavy_ball(p, g, state, *, lr, friction):
        ...     v = friction * state["v"] - lr * g
        ...     return p + v, {"v": v}
        >>> class HeavyBall(tc.optim.RuleOptimizer):
        ...     rule = staticmethod(heavy_ball)
        ...     def __init__(self, params, lr=0.1, friction=0.8):
        ...         super().__init__(params, dict(lr=lr, friction=friction))
        ...     def buffers(self, group):
        ...         return {"v": 0.0}
        ...     def coefficients(self, group, scalars):
        ...         return {"lr": group["lr"], "friction": group["friction"]}
        >>> w = tc.tensor([1.0], requires_grad=True)
        >>> optimizer = HeavyBall([w])
        >>> (w * w).sum().backward()
        >>> optimizer.step()
        >>> w.data
        tensor([0.8000])
    """

    rule: ClassVar[Callable[..., Any]]
    _closure_first = True

    def buffers(self, group: dict[str, Any]) -> dict[str, float]:
        """The arrays that the rule keeps for each parameter: name, and the value that fills them at first."""
        return {}

    def scalars(self, group: dict[str, Any]) -> dict[str, float]:
        """The numbers kept for each parameter, as they are before its first step."""
        return {}

    def coefficients(self, group: dict[str, Any], scalars: dict[str, Any]) -> dict[str, Any]:
        """Advance the scalars in place by one step, and give the rule's keyword arguments.

        Numbers may differ from step to step; None and flags choose another formula. The names and their order are
        always the same.
        """
        raise NotImplementedError(f"{type(self).__name__}: a RuleOptimizer must define coefficients()")

    def _reset_runtime(self) -> None:
        super()._reset_runtime()
        self._stores: list[_Store] = []
        self._known: list[int] = []  # the groups that the stores are of
        self._programs: dict[Any, Program] = {}
        self._runners: dict[Any, Runner] = {}
        self._last: tuple[dict[str, Any], tuple[str, ...], np.dtype, Runner] | None = None

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update the parameters that have a gradient.

        Args:
            closure: computes the loss again and its gradients; called first. Its value is returned.
        """
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()
        groups = self.param_groups
        if list(map(id, groups)) != self._known:
            known = dict(zip(self._known, self._stores))
            self._stores = [known.get(id(group)) or _Store(group) for group in groups]
            self._known = list(map(id, groups))
        for store in self._stores:
            store.step(self)
        return loss

    def _runner(
        self, group: dict[str, Any], scalars: dict[str, Any], names: tuple[str, ...], dtype: np.dtype
    ) -> Runner:
        """Advance the scalars, and give what runs the rule for them, its numbers set."""
        coefficients = self.coefficients(group, scalars)
        if self._last is not None:
            latest, its_names, its_dtype, runner = self._last
            if coefficients == latest and names == its_names and dtype is its_dtype:
                return runner
        key = names, pattern(coefficients), dtype
        found = self._runners.get(key)
        if found is None:
            program = self._programs.get(key[:2])
            if program is None:
                program = self._programs[key[:2]] = Program(type(self).rule, names, coefficients)
            found = self._runners[key] = Runner(program, dtype)
        found.set(coefficients)
        self._last = dict(coefficients), names, dtype, found
        return found


class _Store:
    """The packs of one parameter group."""

    def __init__(self, group: dict[str, Any]) -> None:
        self.group = group
        self.packs: list[Pack] = []
        self.waiting: list[Tensor] = []  # parameters that have not had a gradient yet
        self.ids: list[int] = []
        self.remembered: tuple[dict[str, float], dict[str, float]] | None = None  # by the latest step

    def step(self, optimizer: RuleOptimizer) -> None:
        group, state = self.group, optimizer.state
        params = group["params"]
        if list(map(id, params)) != self.ids:
            self._recount(params)
        remembered = optimizer.buffers(group), optimizer.scalars(group)
        if not self.waiting and remembered == self.remembered and all(pack.gather(state) for pack in self.packs):
            for pack in self.packs:
                pack.update(optimizer, group)
            return
        self._arrange(state, *remembered)
        for pack in self.packs:
            pack.step(optimizer, group)

    def _arrange(self, state: Any, buffers: dict[str, float], scalars: dict[str, float]) -> None:
        """Take in what is new or has changed: parameters, their state, what of it the options ask for."""
        for pack in self.packs:
            self.waiting += pack.mend(state)
        for pack in self.packs:
            if not (buffers.keys() <= pack.buffers.keys() and scalars.keys() <= pack.scalars.keys()):
                pack.remember(state, buffers, scalars)
        if self.waiting:
            self._place(state, buffers, scalars)
        self.remembered = buffers, scalars

    def _recount(self, params: list[Tensor]) -> None:
        """Somebody changed the group's list of parameters."""
        self.ids = list(map(id, params))
        listed = set(self.ids)
        for pack in self.packs:
            pack.drop([p for p in pack.params if id(p) not in listed])
        packed = {id(p) for pack in self.packs for p in pack.params}
        self.waiting = [p for p in params if id(p) not in packed]

    def _place(self, state: Any, buffers: dict[str, float], scalars: dict[str, float]) -> None:
        """Pack the parameters that have their first gradient."""
        self.packs = [pack for pack in self.packs if pack.params]
        ready = [p for p in self.waiting if p._grad is not None]
        self.waiting = [p for p in self.waiting if p._grad is None]
        small: dict[np.dtype, list[Tensor]] = {}
        alone = []
        for p in ready:
            if p.array.size <= SMALL and private(p):
                small.setdefault(p.array.dtype, []).append(p)
            else:
                alone.append(p)
        for together in small.values():
            kind = Pack if len(together) > 1 else Alone
            self.packs.append(kind(together, state, buffers, scalars))
        self.packs += [Alone([p], state, buffers, scalars) for p in alone]
