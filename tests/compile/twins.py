"""A function and its compiled twin, run side by side on the same arguments and random numbers."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import tinygrad_course as tc
from tinygrad_course.autograd.tree import flatten

__all__ = ["agree", "compiled", "same", "state_of"]


def compiled(function: Callable[..., Any]) -> Any:
    """Compile by replay, and raise where it cannot be."""
    return tc.compile(function, fullgraph=True, backend="numpy")


def same(a: Any, b: Any, rtol: float = 1e-5, atol: float = 1e-6) -> None:
    """Raise unless two nested results are equal to rounding: structure, dtypes, shapes, values, requires_grad."""
    xs, structure = flatten(a)
    ys, other = flatten(b)
    assert repr(structure) == repr(other)
    for x, y in zip(xs, ys):
        assert type(x) is type(y)
        if isinstance(x, tc.Tensor):
            assert (x.dtype, x.shape, x.requires_grad) == (y.dtype, y.shape, y.requires_grad)
            tight = x.dtype == np.float64
            np.testing.assert_allclose(
                y.detach().numpy(), x.detach().numpy(), rtol=1e-9 if tight else rtol, atol=1e-11 if tight else atol
            )
        else:
            assert x == y


def state_of(*owners: Any) -> list[Any]:
    """All that modules and optimizers hold: values, gradients, buffers, optimizer state and options."""
    found: list[Any] = []
    for owner in owners:
        if isinstance(owner, tc.Tensor):
            found += [owner.detach(), owner.grad]
        elif hasattr(owner, "param_groups"):
            saved = owner.state_dict()
            found += [saved["state"], saved["param_groups"]]
        else:
            found += [[p.detach(), p.grad] for p in owner.parameters()] + [b.detach() for b in owner.buffers()]
    return found


def agree(
    make: Callable[[], tuple[Any, ...]], arguments: Callable[[int], Sequence[Any]], calls: int = 6, **tolerance: float
) -> Any:
    """Run twins on arguments that differ from call to call, and compare results and state each time.

    Args:
        make: gives (function, *what holds state), the same in every call.
        arguments: for the number of a call, its arguments; called once for each twin.
        calls: how many.

    Returns:
        The compiled twin.
    """
    tc.manual_seed(0)
    function, *ours = make()
    tc.manual_seed(0)
    other, *theirs = make()
    twin = compiled(other)
    for i in range(calls):
        outs = []
        for f in (function, twin):
            args = arguments(i)
            tc.manual_seed(1000 + i)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", FutureWarning)
                out = f(*args)
            outs.append((out, [x.grad for x in args if isinstance(x, tc.Tensor)]))
        same(*outs, **tolerance)
        same(state_of(*ours), state_of(*theirs), **tolerance)
    assert any(entry.calls for entry in twin.entries), "it has never run from a recording"
    return twin
