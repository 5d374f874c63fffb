"""`gradcheck`: are the gradients of a function right?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .function import at
from .options import MODES, Options
from .report import Passed
from .verify import check

__all__ = ["gradcheck"]


def gradcheck(
    fn: Callable[..., Any], *inputs: Any, order: int = 1, mode: str = "reverse", cotangent: Any = "random",
    full: bool = False, repeats: int = 1, batched: bool = False, seed: int = 0, rtol: float | None = None,
    atol: float = 0.0, kwargs: Mapping[str, Any] | None = None,
) -> Passed:  # fmt: skip
    """Compare the gradients of `fn` with numerical derivatives; raise if they disagree.

    Per input, vᵀJu is computed twice: by the backward pass from a random cotangent v, and by extrapolated differences
    along a random direction u. The mean of the squared difference is that of the whole Jacobian, so that no error hides
    from it but by chance. Order 2 does the same for the gradient as a function of the inputs and of v.

    At a kink (relu or abs at 0, ties of a maximum or a sort, the bounds of clamp) any generalized gradient is right,
    and a gradient that is none of them is wrong; see `tc.testing.kinks`. Where the gradient jumps there, orders above
    1 leave it out.

    Everything is promoted to float64, parameters as well. A function that refuses that, or rounds to float32 inside,
    is held to what its own rounding, which is measured, lets differences show.

    Args:
        fn: a function of Tensors that gives a Tensor, or several; for example a primitive, a loss, `Function.apply`, a
            Module or a method of one. The parameters of a Module are checked as well.
        inputs: its inputs, also nested in tuples, lists and dicts. Those that require grad are checked; if none does,
            all floating Tensors and arrays are. Modules among them are checked in their parameters.
        order: 1 checks gradients, 2 also the gradients of gradients, 3 theirs.
        mode: "reverse" checks vᵀJ, "forward" Ju (see `tc.func.jvp`), "both" either.
        cotangent: "random", "ones" (which hides errors that cancel in the sum), or an array for each output.
        full: compare each element of each Jacobian, at the cost of a pass for each, rather than projections.
        repeats: how many projections.
        batched: check as well that one graph pulls several cotangents back as fresh graphs do (`tc.func.vmap`).
        seed: the same seed gives the same cotangents and directions.
        rtol: the relative difference to accept; default: 1e-7, more if the function rounds more than float64 does.
        atol: an absolute difference to accept besides.
        kwargs: keyword arguments for `fn`.

    Returns:
        A `Passed`, which is true, and has the kinks at which the inputs are.

    Raises:
        GradientError: if a gradient is wrong, with a table of the elements, and the call and the cause if found.
        TypeError: if there is nothing to differentiate, or complex values.
        ValueError: for an order, mode, cotangent, number of projections or tolerance that is not among those above.

    Example:
        >>> import numpy as np, tinygrad_course as tc
        >>> tc.testing.gradcheck(lambda x, w: tc.tanh(x * w), np.array([0.1, 0.2]), np.array([3.0, 4.0]), order=2)
        right
        >>> tc.testing.gradcheck(tc.relu, np.array([0.0, 1.0]))
        right; at kinks any slope between the one-sided ones is
        input    element  smallest slope  largest slope  gradient
        input 0  (0,)     0               1              0
        >>> wrong = tc.primitive(np.tanh, vjp=lambda g, y, x: g * (1 + y * y), name="wrong")
        >>> try:
        ...     tc.testing.gradcheck(wrong, np.array([0.5]))
        ... except tc.testing.GradientError as error:
        ...     print(error.suspects[0].name, "-", error.cause)
        wrong - derivative of another function: 1 + h² instead of 1 - h²
    """
    if not callable(fn):
        raise TypeError(f"gradcheck: expected a function, a Module or a method of one, got {type(fn).__name__}")
    if not isinstance(order, int) or order < 1:
        raise ValueError(f"gradcheck: expected an order of 1 or more, got {order!r}")
    options = _options(rtol, atol, mode, cotangent, full, repeats)
    name = getattr(fn, "__name__", type(fn).__name__)
    return check(name, at(fn, inputs, kwargs), options, orders=range(1, order + 1), seed=seed, batched=batched)


def _options(rtol: float | None, atol: float, mode: str, cotangent: Any, full: bool, repeats: int) -> Options:
    if mode not in MODES:
        raise ValueError(f"gradcheck: expected mode to be one of {', '.join(map(repr, MODES))}, got {mode!r}")
    if isinstance(cotangent, str) and cotangent not in ("random", "ones"):
        raise ValueError(f"gradcheck: expected cotangent to be 'random', 'ones' or arrays, got {cotangent!r}")
    if (rtol or 0) < 0 or atol < 0:
        raise ValueError(f"gradcheck: expected tolerances of at least 0, got rtol={rtol}, atol={atol}")
    if repeats < 1:
        raise ValueError(f"gradcheck: expected repeats of at least 1, got repeats={repeats}")
    return Options(rtol, atol, MODES[mode], cotangent, full, repeats)
