"""Activations: elementwise kinks and bends, and the softmax family.

Rules multiply by a mask where that suffices: on random signs it is an order of magnitude faster than `np.where`. At a
kink each takes the slope that PyTorch takes, which its comment or docstring names.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from ..tensor import Tensor
from .arguments import dim_of
from .convert import cast
from .elementwise import sigmoid
from .op import declare
from .special import ndtr, ndtr_array

__all__ = [
    "celu", "elu", "gelu", "glu", "hardshrink", "hardsigmoid", "hardswish", "hardtanh", "leaky_relu", "log_softmax",
    "logsigmoid", "mish", "prelu", "relu", "relu6", "selu", "silu", "softmax", "softmin", "softplus", "softshrink",
    "softsign", "tanhshrink", "threshold",
]  # fmt: skip

# --- With a kink --------------------------------------------------------------------------------------------------


def _relu(x: Any) -> Any:
    if type(x) is np.ndarray and x.size > 8192 and x.dtype.kind == "f":
        return np.clip(x, 0, np.inf)  # in a third of the time
    return np.maximum(x, 0)


relu = declare(_relu, vjp=lambda g, y, _x: g * (y > 0), name="relu", broadcasts=True,
               doc="max(x, 0), elementwise. The slope at 0 is 0.")  # fmt: skip


def _leaky_relu(x: Any, *, negative_slope: float) -> Any:
    if 0 <= negative_slope <= 1:
        return np.maximum(x, x * negative_slope)
    return np.where(x > 0, x, x * negative_slope)


leaky_relu_op = declare(
    _leaky_relu, vjp=lambda g, _y, x, negative_slope: g * negative_slope + g * (1 - negative_slope) * (x > 0),
    name="leaky_relu", broadcasts=True, doc="x where positive, else negative_slope · x.",
)  # fmt: skip


def leaky_relu(input: Any, negative_slope: float = 0.01) -> Tensor:
    """x where positive, else negative_slope · x, elementwise. The slope at 0 is negative_slope.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.ops.activation.leaky_relu(tc.tensor([-1.0, 2.0]), 0.1)
        tensor([-0.1000,  2.0000])
    """
    return leaky_relu_op(input, negative_slope=float(negative_slope))


prelu_op = declare(
    lambda x, w: np.where(x > 0, x, w * x),
    vjp=(lambda g, _y, x, w: np.where(x > 0, g, g * w), lambda g, _y, x, _w: g * x * (x <= 0)),
    name="prelu", broadcasts=True, doc="x where positive, else w x, with a learned slope w.",
)  # fmt: skip


def prelu(input: Tensor, weight: Tensor) -> Tensor:
    """x where positive, else w x, with one learned slope w, or one for each channel (dim 1).

    He et al., "Delving deep into rectifiers" (2015).

    Raises:
        RuntimeError: if there are neither one nor as many weights as channels.
    """
    count = weight.array.size
    if count != 1:
        shape = input.array.shape
        channels = shape[1] if len(shape) > 1 else 1
        if weight.array.ndim > 1 or count != channels:
            raise RuntimeError(
                f"prelu: expected one weight or one for each of {channels} channels, got {tuple(weight.shape)} for an "
                f"input of shape {tuple(shape)}"
            )
        weight = weight.reshape((count,) + (1,) * (len(shape) - 2))
    return prelu_op(input, weight)


def _elu(x: Any, *, alpha: float, scale: float, input_scale: float) -> Any:
    y = np.expm1(np.minimum(x, 0) * input_scale) * alpha
    y += np.maximum(x, 0)  # one of the two is 0
    return y if scale == 1 else y * scale


elu_op = declare(
    _elu,
    vjp=lambda g, _y, x, alpha, scale, input_scale: (g * scale) * (
        (x > 0) + np.exp(np.minimum(x, 0) * input_scale) * (alpha * input_scale) * (x <= 0)
    ),
    name="elu", broadcasts=True, doc="scale · (x where positive, else alpha (exp(input_scale x) - 1)).",
)  # fmt: skip


def elu(input: Any, alpha: float = 1.0) -> Tensor:
    """x where positive, else alpha (exp(x) - 1), elementwise (Clevert et al., 2015). The slope at 0 is alpha."""
    return elu_op(input, alpha=float(alpha), scale=1.0, input_scale=1.0)


def selu(input: Any) -> Tensor:
    """Self-normalizing: 1.0507 (x where positive, else 1.6733 (exp(x) - 1)), elementwise (Klambauer et al., 2017)."""
    return elu_op(
        input, alpha=1.6732632423543772848170429916717, scale=1.0507009873554804934193349852946, input_scale=1.0
    )


def celu(input: Any, alpha: float = 1.0) -> Tensor:
    """x where positive, else alpha (exp(x / alpha) - 1), elementwise: smooth at 0 (Barron, 2017)."""
    if alpha == 0:
        raise RuntimeError("celu: alpha cannot be 0")
    return elu_op(input, alpha=float(alpha), scale=1.0, input_scale=1.0 / alpha)


hardtanh_op = declare(
    lambda x, *, min_val, max_val: np.clip(x, min_val, max_val),
    vjp=lambda g, _y, x, min_val, max_val: g * ((x > min_val) & (x < max_val)), name="hardtanh", broadcasts=True,
    doc="x clipped to [min_val, max_val].",
)  # fmt: skip


def hardtanh(input: Any, min_val: float = -1.0, max_val: float = 1.0) -> Tensor:
    """x clipped to [min_val, max_val], elementwise. The slope at the bounds is 0."""
    if min_val > max_val:
        raise ValueError(f"hardtanh: expected min_val <= max_val, got {min_val} and {max_val}")
    return hardtanh_op(input, min_val=float(min_val), max_val=float(max_val))


def relu6(input: Any) -> Tensor:
    """min(max(x, 0), 6), elementwise. The slope at the bounds is 0."""
    return hardtanh_op(input, min_val=0.0, max_val=6.0)


hardsigmoid = declare(
    lambda x: np.clip(x * (1 / 6) + 0.5, 0, 1), vjp=lambda g, _y, x: g * (1 / 6) * ((x > -3) & (x < 3)),
    name="hardsigmoid", broadcasts=True, doc="x / 6 + 1/2 clipped to [0, 1]. The slope at ±3 is 0.",
)  # fmt: skip
hardswish = declare(
    lambda x: x * (np.clip(x + 3, 0, 6) * (1 / 6)),
    vjp=lambda g, _y, x: g * ((x >= 3) + (x * (1 / 3) + 0.5) * ((x > -3) & (x < 3))), name="hardswish", broadcasts=True,
    doc="x · hardsigmoid(x) (Howard et al., 2019). The slope at -3 is 0, at 3 it is 1.",
)  # fmt: skip
softshrink_op = declare(
    lambda x, *, lambd: x - np.clip(x, -lambd, lambd), vjp=lambda g, _y, x, lambd: g * (np.abs(x) > lambd),
    name="softshrink", broadcasts=True, doc="x moved towards 0 by lambd.",
)  # fmt: skip
hardshrink_op = declare(
    lambda x, *, lambd: np.where(np.abs(x) <= lambd, 0, x), vjp=lambda g, _y, x, lambd: g * (np.abs(x) > lambd),
    name="hardshrink", broadcasts=True, doc="x where |x| > lambd, else 0.",
)  # fmt: skip
threshold_op = declare(
    lambda x, *, threshold, value: np.where(x <= threshold, value, x),
    vjp=lambda g, _y, x, threshold, value: g * (x > threshold), name="threshold", broadcasts=True,
    doc="x where x > threshold, else value.",
)  # fmt: skip


def softshrink(input: Any, lambd: float = 0.5) -> Tensor:
    """x moved towards 0 by lambd, elementwise; 0 where |x| <= lambd."""
    if lambd < 0:
        raise RuntimeError(f"softshrink: expected lambd >= 0, got {lambd}")
    return softshrink_op(input, lambd=float(lambd))


def hardshrink(input: Any, lambd: float = 0.5) -> Tensor:
    """x where |x| > lambd, else 0, elementwise."""
    return hardshrink_op(input, lambd=float(lambd))


def threshold(input: Any, threshold: float, value: float) -> Tensor:
    """x where x > threshold, else value, elementwise."""
    return threshold_op(input, threshold=float(threshold), value=float(value))


# --- Smooth -------------------------------------------------------------------------------------------------------


def _softplus(x: Any, *, beta: float, threshold: float) -> Any:
    z = x if beta == 1 else x * beta
    y = np.log1p(np.exp(-np.abs(z)))
    y += np.maximum(z, 0)
    if beta != 1:
        y /= beta
    linear = z > threshold
    return np.where(linear, x, y) if linear.any() else y


def _softplus_rule(g: Any, _y: Any, x: Any, beta: float, threshold: float) -> Any:
    z = x * beta
    # Where it is linear, sigmoid(∞) = 1 gives the slope.
    return g * np.maximum(sigmoid.apply(z), z > threshold)


softplus_op = declare(_softplus, vjp=_softplus_rule, name="softplus", broadcasts=True,
                      doc="log(1 + exp(beta x)) / beta; x itself where beta x > threshold.")  # fmt: skip


def softplus(input: Any, beta: float = 1.0, threshold: float = 20.0) -> Tensor:
    """log(1 + exp(beta x)) / beta, elementwise, without overflow; x itself where beta x > threshold.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.ops.activation.softplus(tc.tensor([-1000.0, 0.0, 1000.0]))
        tensor([0.0000e+00, 6.9315e-01, 1.0000e+03])
    """
    return softplus_op(input, beta=float(beta), threshold=float(threshold))


logsigmoid = declare(
    lambda x: np.minimum(x, 0) - np.log1p(np.exp(-np.abs(x))), vjp=lambda g, _y, x: g * sigmoid.apply(-x),
    name="logsigmoid", broadcasts=True, doc="log sigmoid(x), elementwise, without overflow.",
)  # fmt: skip


def _silu_rule(g: Any, _y: Any, x: Any) -> Any:
    s = sigmoid.apply(x)
    return g * (s * (1 + x * (1 - s)))


silu = declare(lambda x: x * sigmoid.forward(x), vjp=_silu_rule, name="silu", broadcasts=True,
               doc="x · sigmoid(x), elementwise (Elfwing et al., 2017).")  # fmt: skip


def _mish_rule(g: Any, _y: Any, x: Any) -> Any:
    t = np.tanh(softplus_op.apply(x, beta=1.0, threshold=20.0))
    return g * (t + x * sigmoid.apply(x) * (1 - t * t))


mish = declare(lambda x: x * np.tanh(_softplus(x, beta=1.0, threshold=20.0)), vjp=_mish_rule, name="mish",
               broadcasts=True, doc="x · tanh(softplus(x)), elementwise (Misra, 2019).")  # fmt: skip

gelu_op = declare(
    lambda x: x * ndtr_array(x),
    vjp=lambda g, _y, x: g * (ndtr.apply(x) + x * (np.exp(-0.5 * x * x) * (1 / math.sqrt(2 * math.pi)))),
    name="gelu", broadcasts=True, doc="x Φ(x) with the normal distribution function Φ.",
)  # fmt: skip
_TANH_SCALE, _TANH_CUBE = math.sqrt(2 / math.pi), 0.044715


def _gelu_tanh_rule(g: Any, _y: Any, x: Any) -> Any:
    square = x * x
    t = np.tanh(_TANH_SCALE * x * (1 + _TANH_CUBE * square))
    return g * (0.5 * (1 + t) + (0.5 * _TANH_SCALE) * x * (1 - t * t) * (1 + (3 * _TANH_CUBE) * square))


gelu_tanh_op = declare(
    lambda x: 0.5 * x * (1 + np.tanh(_TANH_SCALE * x * (1 + _TANH_CUBE * x * x))), vjp=_gelu_tanh_rule,
    name="gelu_tanh", broadcasts=True, doc="x Φ(x) with Φ approximated by a tanh.",
)  # fmt: skip


def gelu(input: Any, approximate: str = "none") -> Tensor:
    """x Φ(x), elementwise, with the normal distribution function Φ (Hendrycks and Gimpel, 2016).

    Args:
        input: the values.
        approximate: "none", or "tanh" for (1 + tanh(√(2/π) (x + 0.044715 x³))) / 2 in place of Φ.

    Raises:
        RuntimeError: for another value of `approximate`.
    """
    if approximate not in ("none", "tanh"):
        raise RuntimeError(f"gelu: expected approximate='none' or 'tanh', got {approximate!r}")
    return gelu_op(input) if approximate == "none" else gelu_tanh_op(input)


def _softsign_rule(g: Any, _y: Any, x: Any) -> Any:
    d = 1 + np.abs(x)
    return g / (d * d)


softsign = declare(lambda x: x / (1 + np.abs(x)), vjp=_softsign_rule, name="softsign", broadcasts=True,
                   doc="x / (1 + |x|), elementwise.")  # fmt: skip


def _tanhshrink_rule(g: Any, _y: Any, x: Any) -> Any:
    t = np.tanh(x)
    return g * (t * t)


tanhshrink = declare(lambda x: x - np.tanh(x), vjp=_tanhshrink_rule, name="tanhshrink", broadcasts=True,
                     doc="x - tanh(x), elementwise.")  # fmt: skip


def glu(input: Tensor, dim: int = -1) -> Tensor:
    """a · sigmoid(b) with the two halves a, b of the input along `dim` (Dauphin et al., 2016).

    Raises:
        RuntimeError: if the length of `dim` is odd, or the input has no dims.
    """
    shape = input.array.shape
    dim = dim_of("glu", dim, len(shape))
    if not shape or shape[dim] % 2:
        raise RuntimeError(f"glu: expected an even length of dim {dim}, got shape {tuple(shape)}")
    half = shape[dim] // 2
    before = (slice(None),) * dim
    return input[(*before, slice(None, half))] * sigmoid(input[(*before, slice(half, None))])


# --- Softmax ------------------------------------------------------------------------------------------------------


def _sum(x: Any, dim: int) -> Any:
    """The sum along a dim, which stays; along the last one by a matrix product, which for short rows is much faster."""
    if dim == -1:
        return np.matmul(x, np.ones((x.shape[-1], 1), x.dtype))
    return np.sum(x, axis=dim, keepdims=True)


def _from_largest(x: Any, dim: int) -> Any:
    """x minus its largest value along a dim, so that exp cannot overflow. Rows of -inf give NaN, as in PyTorch."""
    if not x.size:
        return x + 0
    if dim == -1 and x.shape[-1] <= 32:  # reducing across rows is faster for short ones
        top = np.maximum.reduce(np.ascontiguousarray(np.moveaxis(x, -1, 0)), axis=0)[..., None]
    else:
        top = np.maximum.reduce(x, axis=dim, keepdims=True)
    with np.errstate(invalid="ignore"):
        return x - top


def _softmax(x: Any, *, dim: int) -> Any:
    y = _from_largest(x, dim)
    np.exp(y, out=y)
    y /= _sum(y, dim)
    return y


def _log_softmax(x: Any, *, dim: int) -> Any:
    y = _from_largest(x, dim)
    total = _sum(np.exp(y), dim)
    y -= np.log(total, out=total)
    return y


softmax_op = declare(_softmax, vjp=lambda g, y, _x, dim: (g - _sum(g * y, dim)) * y, name="softmax", shrinks=False,
                     doc="exp(x) / Σ exp(x) along dim.")  # fmt: skip
log_softmax_op = declare(
    _log_softmax, vjp=lambda g, y, _x, dim: g - np.exp(y) * _sum(g, dim), name="log_softmax", shrinks=False,
    doc="x - log Σ exp(x) along dim.",
)  # fmt: skip


def _along(op: Any, x: Tensor, dim: int, dtype: DTypeLike | None) -> Tensor:
    if dtype is not None and x.array.dtype != dtype:
        x = cast(x, dtype=np.dtype(dtype))
    if x.array.dtype.kind != "f":
        raise RuntimeError(f"{op.name}: expected a floating tensor, got {x.dtype}; use x.float()")
    ndim = x.array.ndim
    dim = dim_of(op.name, dim, ndim)
    if not ndim:
        return op(x.reshape((1,)), dim=-1).reshape(())
    return op(x, dim=-1 if dim == ndim - 1 else dim)


def softmax(input: Tensor, dim: int, dtype: DTypeLike | None = None) -> Tensor:
    """exp(x) / Σ exp(x) along a dim: positive, summing to 1; without overflow.

    Args:
        input: the values; -inf gets probability 0 (a row of nothing else gives NaN, as in PyTorch).
        dim: along which to sum to 1.
        dtype: cast to this dtype first.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.softmax(tc.tensor([1000.0, 1000.0]), dim=0)
        tensor([0.5000, 0.5000])
    """
    return _along(softmax_op, input, dim, dtype)


def log_softmax(input: Tensor, dim: int, dtype: DTypeLike | None = None) -> Tensor:
    """log softmax(x) = x - log Σ exp(x) along a dim, without overflow and exact for small probabilities.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.log_softmax(tc.tensor([0.0, -1000.0]), dim=0)
        tensor([    0., -1000.])
    """
    return _along(log_softmax_op, input, dim, dtype)


def softmin(input: Tensor, dim: int, dtype: DTypeLike | None = None) -> Tensor:
    """softmax(-x) along a dim."""
    return softmax(-input, dim, dtype)


METHODS: dict[str, Any] = {"relu": relu, "softmax": softmax, "log_softmax": log_softmax, "prelu": prelu,
                           "hardshrink": hardshrink}  # fmt: skip
