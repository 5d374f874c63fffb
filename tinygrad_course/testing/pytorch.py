"""`gradcheck` and `gradgradcheck` with PyTorch's signatures, on this project's checker."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..tensor import Tensor
from .function import Point, at
from .options import Options
from .report import Finding, GradientError
from .steady import precision
from .verify import check

__all__ = ["gradcheck", "gradgradcheck"]

# Projections of fast mode.
REPEATS = 2


def gradcheck(
    func: Callable[..., Any], inputs: Any, *, eps: float = 1e-6, atol: float = 1e-5, rtol: float = 1e-3,
    raise_exception: bool = True, nondet_tol: float = 0.0, check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False, check_batched_grad: bool = False, check_batched_forward_grad: bool = False,
    check_forward_ad: bool = False, check_backward_ad: bool = True, fast_mode: bool = False, masked: bool | None = None,
) -> bool:  # fmt: skip
    """Compare gradients with numerical derivatives, called as PyTorch's function of that name.

    It is `tc.testing.gradcheck` that checks, so kinks are understood, float32 inputs are promoted, and a failure says
    where and why.

    Args:
        func: a function of Tensors that gives a Tensor or several.
        inputs: a Tensor, or a tuple with Tensors. Those that require grad are checked.
        eps: accepted; steps of differences are found by extrapolation instead.
        atol: the absolute, and `rtol`, the relative difference to accept.
        raise_exception: raise if a gradient is wrong; otherwise the result is False.
        nondet_tol: how far gradients may be apart that are computed twice. Rounding is always accepted.
        check_undefined_grad: outputs of which nothing depends must count as those with a cotangent of zero.
        check_grad_dtypes: gradients must have the dtypes of their inputs.
        check_batched_grad: one graph must pull several cotangents back as fresh graphs do.
        check_batched_forward_grad: accepted; forward mode is linear in the tangents as it is computed.
        check_forward_ad: check forward mode, and `check_backward_ad`, the backward pass.
        fast_mode: random projections, rather than each element of the Jacobian.
        masked: accepted; there are no sparse tensors.

    Raises:
        GradientError: if a gradient is wrong.
        ValueError: if no input requires grad, or there is no mode to check.

    Example:
        >>> import tinygrad_course as tc
        >>> x = tc.tensor([0.5, 1.0], dtype=tc.float64, requires_grad=True)
        >>> tc.autograd.gradcheck(tc.tanh, (x,))
        True
    """
    modes = tuple(m for m, wanted in (("reverse", check_backward_ad), ("forward", check_forward_ad)) if wanted)
    if not modes:
        raise ValueError(
            "gradcheck: expected check_backward_ad or check_forward_ad to be True, as one is to be checked"
        )
    point = _point("gradcheck", func, inputs)
    options = Options(rtol, atol, modes, full=not fast_mode, repeats=REPEATS)
    return _run(func, point, options, raise_exception, 1, nondet_tol, check_batched_grad, check_undefined_grad,
                check_grad_dtypes)  # fmt: skip


def gradgradcheck(
    func: Callable[..., Any], inputs: Any, grad_outputs: Any = None, *, eps: float = 1e-6, atol: float = 1e-5,
    rtol: float = 1e-3, gen_non_contig_grad_outputs: bool = False, raise_exception: bool = True,
    nondet_tol: float = 0.0, check_undefined_grad: bool = True, check_grad_dtypes: bool = False,
    check_batched_grad: bool = False, check_fwd_over_rev: bool = False, check_rev_over_rev: bool = True,
    fast_mode: bool = False, masked: bool | None = False,
) -> bool:  # fmt: skip
    """Compare gradients of gradients with numerical derivatives, called as PyTorch's function of that name.

    Args, but for those of `gradcheck`:
        grad_outputs: cotangents of the outputs at which the gradient is checked; default: random ones.
        gen_non_contig_grad_outputs: accepted; for memory layouts see `tc.testing.contract`.
        check_fwd_over_rev: check forward mode over the backward pass, and `check_rev_over_rev`, backward over backward.

    Example:
        >>> import tinygrad_course as tc
        >>> x = tc.tensor([0.5, 1.0], dtype=tc.float64, requires_grad=True)
        >>> tc.autograd.gradgradcheck(tc.tanh, (x,))
        True
    """
    modes = tuple(m for m, wanted in (("reverse", check_rev_over_rev), ("forward", check_fwd_over_rev)) if wanted)
    if not modes:
        raise ValueError("gradgradcheck: expected check_rev_over_rev or check_fwd_over_rev to be True")
    cotangent = "random" if grad_outputs is None else grad_outputs
    options = Options(rtol, atol, modes, cotangent, full=not fast_mode, repeats=REPEATS)
    point = _point("gradgradcheck", func, inputs)
    return _run(func, point, options, raise_exception, 2, nondet_tol, check_batched_grad, check_undefined_grad,
                check_grad_dtypes)  # fmt: skip


def _point(name: str, func: Callable[..., Any], inputs: Any) -> Point:
    listed = inputs if isinstance(inputs, (tuple, list)) else (inputs,)
    if not any(isinstance(x, Tensor) and x.requires_grad for x in listed):
        raise ValueError(f"{name}: expected at least one input that requires grad; call x.requires_grad_() first")
    return at(func, listed)


def _run(
    func: Callable[..., Any], point: Point, options: Options, raise_exception: bool, order: int, nondet: float,
    batched: bool, undefined: bool, dtypes: bool,
) -> bool:  # fmt: skip
    name = getattr(func, "__name__", type(func).__name__)
    try:
        check(name, point, options, orders=(order,), batched=batched, nondet=nondet)
        if undefined:
            _undefined(name, point, options)
        if dtypes:
            _dtypes(name, point)
    except GradientError:
        if raise_exception:
            raise
        return False
    return True


def _undefined(name: str, point: Point, options: Options) -> None:
    """Cotangents that do not arrive must count as zeros."""
    ys = point.outputs(point.values)
    vs = options._replace(cotangent="random").cotangents(ys, np.random.default_rng(0))
    for k, v in enumerate(vs if len(vs) > 1 else []):
        zeros = point.gradients([v if j == k else np.zeros_like(y) for j, y in enumerate(ys)])
        alone = point.gradients([v], outputs=[k])
        for i, (a, b) in enumerate(zip(alone, zeros)):
            tolerance = options.relative(ys) * float(np.abs(b).max(initial=0.0)) + options.atol
            gap = np.abs(a - b)
            if not (gap <= tolerance).all():
                worst = np.unravel_index(int(np.argmax(gap)), gap.shape)
                found = Finding(point.names[point.wrt[i]], 1, float(a[worst]), float(b[worst]), tolerance)
                raise GradientError(
                    f"{name}: the gradient in {found.input} is {found.analytic:.10g} if only output {k} is used, and "
                    f"{found.numeric:.10g} if the others have a cotangent of zero; they must be equal: treat a missing "
                    "cotangent as zero",
                    [found],
                )


def _dtypes(name: str, point: Point) -> None:
    leak = precision(point, np.random.default_rng(0)).leak
    if leak:
        raise GradientError(f"{name}: {leak[1]}", cause=leak[1])
