"""Optimizers whose rule treats all elements alike: written as one pure function of arrays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from ..autograd.modes import enable_grad
from ..graph import mark_overwritten
from ..tensor import Tensor
from .optimizer import Optimizer

__all__ = ["RuleOptimizer"]


class RuleOptimizer(Optimizer):
    """Base of the optimizers whose rule treats all elements alike.

    A subclass gives the rule and says what each parameter remembers.
    """

    rule: ClassVar[Callable[..., Any]]

    def buffers(self, group: dict[str, Any]) -> dict[str, float]:
        """The arrays that the rule keeps for each parameter: name, and the value that fills them at first."""
        return {}

    def scalars(self, group: dict[str, Any]) -> dict[str, float]:
        """The numbers kept for each parameter, as they are before the first step."""
        return {"step": 0}

    def coefficients(self, group: dict[str, Any], scalars: dict[str, float]) -> dict[str, Any]:
        """The rule's keyword arguments for the next step, after advancing the scalars in place."""
        raise NotImplementedError

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()
        for group in self.param_groups:
            names = self.buffers(group)
            for p in group["params"]:
                if p._grad is None:
                    continue
                state = self.state[p]
                for name, fill in names.items():
                    if name not in state:
                        state[name] = Tensor._wrap(np.full_like(p.array, fill))
                scalars = {name: state.get(name, value) for name, value in self.scalars(group).items()}
                arrays = {name: state[name].array for name in names}
                new, arrays = self.rule(p.array, p._grad.array, arrays, **self.coefficients(group, scalars))
                p.array[...] = new
                mark_overwritten(p.array)
                for name, array in arrays.items():
                    state[name].array[...] = array
                state.update(scalars)
        return loss
