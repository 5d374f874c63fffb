"""Calls at kinks, ties, bounds and ends of domains: the subgradient is PyTorch's.

Where PyTorch gives NaN (hypot at the origin, 0 · √0, logsumexp of -inf only) or shares among ties (the median of
all), there is no comparison.
"""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from .cases import INPUTS, case

__all__: list[str] = []

# Zeros of both signs, ties, and the places where activations change.
POINTS = np.array([[-6.0, -3.0, -1.0, -0.5, -0.0, 0.0], [0.5, 1.0, 1.0, 3.0, 6.0, 20.0]])
INPUTS["kinks"] = st.just((POINTS,))
INPUTS["kinks, twice"] = st.just((POINTS, np.where(POINTS == 0.5, -0.5, POINTS)))
INPUTS["zeros"] = st.just((np.zeros((2, 3)),))
INPUTS["one zero"] = st.just((np.array([[0.0, 2.0, 3.0], [0.0, 0.0, 3.0], [1.0, 2.0, 3.0]]),))

for _name in ("abs", "sign", "floor", "ceil", "trunc", "frac", "round", "relu", "square", "sgn"):
    case(f"{_name} at kinks", "kinks", lambda m, x, f=_name: getattr(m, f)(x))
for _name in (
    "relu", "relu6", "elu", "selu", "celu", "leaky_relu", "gelu", "silu", "softplus", "softsign", "tanhshrink",
    "softshrink", "hardshrink", "hardtanh", "hardswish", "logsigmoid",
):  # fmt: skip
    case(f"F.{_name} at kinks", "kinks", lambda m, x, f=_name: getattr(m.nn.functional, f)(x))
case(
    "clamp at kinks",
    "kinks",
    lambda m, x: m.clamp(x, -0.5, 1),
    lambda m, x: m.clamp(x, min=0),
    lambda m, x: m.clamp(x, 1, -1),
)
case("threshold at kinks", "kinks", lambda m, x: m.threshold(x, 0.5, 0.0))
for _name in ("maximum", "minimum", "fmax", "fmin", "atan2", "copysign"):
    case(f"{_name} at kinks", "kinks, twice", lambda m, x, y, f=_name: getattr(m, f)(x, y))
case("remainder at kinks", "kinks", lambda m, x: m.remainder(x, 1.0), lambda m, x: m.fmod(x, 0.5))
for _name in ("amax", "amin"):
    case(
        f"{_name} at ties",
        "kinks",
        lambda m, x, f=_name: getattr(m, f)(x, 1),
        lambda m, x, f=_name: getattr(m, f)(x.abs(), (0, 1)),
    )
for _name in ("max", "min"):
    case(
        f"{_name} at ties",
        "kinks",
        lambda m, x, f=_name: getattr(m, f)(x),
        lambda m, x, f=_name: getattr(m, f)(x, 1).values,
    )
case("median at ties", "kinks", lambda m, x: m.median(x, 1).values)
case(
    "dist at 0",
    "kinks, twice",
    lambda m, x, y: m.dist(x, x),
    lambda m, x, y: m.dist(x, y),
    lambda m, x, y: m.cdist(x, y),
)
case(
    "norm at 0",
    "zeros",
    lambda m, x: m.norm(x),
    lambda m, x: m.norm(x, 1, dim=0),
    lambda m, x: m.linalg.vector_norm(x, 3),
    lambda m, x: x.norm(dim=1),
)
case("std at 0", "zeros", lambda m, x: x.var(1))
case(
    "prod at 0",
    "one zero",
    lambda m, x: x.prod(),
    lambda m, x: x.prod(1),
    lambda m, x: x.cumprod(1),
    lambda m, x: x.cumprod(0),
)
case(
    "pow at 0",
    "one zero",
    lambda m, x: x**2,
    lambda m, x: x**0,
    lambda m, x: x**1.5,
    lambda m, x: 0**x,
    lambda m, x: x ** m.zeros(3).to(x.dtype),
    lambda m, x: m.zeros(3).to(x.dtype) ** x,
    lambda m, x: x**1,
)
case("xlogy at 0", "one zero", lambda m, x: m.xlogy(x, x + 1), lambda m, x: m.xlogy(x * 0, x + 1))
case("sqrt at 0", "one zero", lambda m, x: m.sqrt(x))
case("log_softmax at 1000", "kinks", lambda m, x: m.log_softmax(x * 1000, 1), lambda m, x: m.softmax(x * 1000, 0))
case(
    "sigmoid at 1000",
    "kinks",
    lambda m, x: m.sigmoid(x * 1000),
    lambda m, x: m.tanh(x * 1000),
    lambda m, x: m.nn.functional.softplus(x * 1000),
)
case(
    "losses at kinks",
    "kinks, twice",
    lambda m, x, y: m.nn.functional.l1_loss(x, y),
    lambda m, x, y: m.nn.functional.smooth_l1_loss(x, y - 1),
    lambda m, x, y: m.nn.functional.huber_loss(x, y - 1),
)
case("det at 0", "zeros", lambda m, x: m.linalg.det(x[:, :2]))
