"""Initial values of parameters, in place and outside the graph: PyTorch's names, and the lecture's two rules.

Fan-in n_in and fan-out n_out of a weight are the numbers of inputs and outputs of one unit: for (out, in, *kernel) they
are in · ∏kernel and out · ∏kernel.
"""

from __future__ import annotations

import math
from typing import Any, TypeVar

import numpy as np

from ..overwrites import mark_overwritten
from ..random import default_generator
from ..tensor import Tensor

__all__ = [
    "calculate_gain", "constant_", "dirac_", "eye_", "fan_in_uniform_", "kaiming_normal_", "kaiming_uniform_",
    "normal_", "normalized_fan_in_uniform_", "ones_", "orthogonal_", "sparse_", "trunc_normal_", "uniform_",
    "xavier_normal_", "xavier_uniform_", "zeros_",
]  # fmt: skip

T = TypeVar("T", bound=Tensor)


def _rng(generator: Any) -> np.random.Generator:
    return (default_generator() if generator is None else generator).numpy


def _fill(x: T, values: Any) -> T:
    """Write values into the tensor's memory."""
    x.array[...] = values
    mark_overwritten(x.array)
    return x


def uniform_(tensor: T, a: float = 0.0, b: float = 1.0, generator: Any = None) -> T:
    """Fill with draws from U[a, b)."""
    # float32 is drawn as such: half the work of drawing float64 and rounding.
    dtype = np.float64 if tensor.array.dtype == np.float64 else np.float32
    u: Any = np.asarray(_rng(generator).random(tensor.array.shape, dtype))
    u *= b - a
    u += a
    return _fill(tensor, u)


def normal_(tensor: T, mean: float = 0.0, std: float = 1.0, generator: Any = None) -> T:
    """Fill with draws from N(mean, std²)."""
    return _fill(tensor, _rng(generator).normal(mean, std, tensor.array.shape))


def trunc_normal_(
    tensor: T, mean: float = 0.0, std: float = 1.0, a: float = -2.0, b: float = 2.0, generator: Any = None
) -> T:
    """Fill with draws from N(mean, std²) that lie in [a, b]; others are drawn again."""
    if not a < b:
        raise ValueError(f"trunc_normal_: expected a < b, got a={a}, b={b}")
    if (mean - b) / std > 6 or (a - mean) / std > 6:
        raise ValueError(
            f"trunc_normal_: [{a}, {b}] is more than 6 std from the mean {mean}: almost no draw lies in it"
        )
    rng = _rng(generator)
    values = rng.normal(mean, std, tensor.array.shape)
    while True:
        outside = (values < a) | (values > b)
        count = int(outside.sum())
        if not count:
            return _fill(tensor, values)
        values[outside] = rng.normal(mean, std, count)


def constant_(tensor: T, val: float) -> T:
    """Fill with one value."""
    return _fill(tensor, val)


def ones_(tensor: T) -> T:
    """Fill with 1."""
    return _fill(tensor, 1)


def zeros_(tensor: T) -> T:
    """Fill with 0."""
    return _fill(tensor, 0)


def eye_(tensor: T) -> T:
    """Make a matrix the identity (with zeros where it is not square)."""
    if tensor.ndim != 2:
        raise ValueError(f"eye_: expected a matrix, got shape {tuple(tensor.shape)}")
    return _fill(tensor, np.eye(*tensor.array.shape))


def dirac_(tensor: T, groups: int = 1) -> T:
    """Make a convolution's weight pass as many input channels on unchanged as it can."""
    shape = tensor.array.shape
    if not 3 <= len(shape) <= 5:
        raise ValueError(f"dirac_: expected a convolution's weight of 3, 4 or 5 dimensions, got shape {shape}")
    if shape[0] % groups:
        raise ValueError(f"dirac_: {shape[0]} output channels cannot be divided into {groups} groups")
    values = np.zeros(shape, tensor.array.dtype)
    per_group = shape[0] // groups
    middle = tuple(n // 2 for n in shape[2:])
    for g in range(groups):
        for c in range(min(per_group, shape[1])):
            values[(g * per_group + c, c, *middle)] = 1
    return _fill(tensor, values)


def _calculate_fan_in_and_fan_out(tensor: Tensor) -> tuple[int, int]:
    shape = tensor.array.shape
    if len(shape) < 2:
        raise ValueError(
            f"init: fan-in and fan-out need a weight of at least 2 dimensions, got shape {shape}; "
            "for a bias use zeros_ or uniform_"
        )
    kernel = math.prod(shape[2:])
    return shape[1] * kernel, shape[0] * kernel


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """The factor by which a layer's weights should grow to make up for its nonlinearity.

    1 for linear layers, convolutions and sigmoid; 5/3 for tanh; √2 for relu; √(2/(1 + a²)) for leaky_relu of negative
    slope a; 3/4 for selu.

    Raises:
        ValueError: for a nonlinearity of another name.
    """
    if nonlinearity == "leaky_relu":
        if param is not None and (isinstance(param, bool) or not isinstance(param, (int, float))):
            raise ValueError(f"calculate_gain: the negative slope must be a number, got {param!r}")
        return math.sqrt(2.0 / (1 + (0.01 if param is None else param) ** 2))
    convolutions = {f"conv{t}{d}d" for t in ("", "_transpose") for d in (1, 2, 3)}
    gains = {"linear": 1.0, "sigmoid": 1.0, "tanh": 5.0 / 3, "relu": math.sqrt(2.0), "selu": 0.75}
    if nonlinearity in convolutions:
        return 1.0
    if nonlinearity not in gains:
        known = ", ".join([*gains, "leaky_relu", "conv1d, ..."])
        raise ValueError(f"calculate_gain: unknown nonlinearity {nonlinearity!r}; expected one of {known}")
    return gains[nonlinearity]


def xavier_uniform_(tensor: T, gain: float = 1.0, generator: Any = None) -> T:
    """Fill with U[-a, a], a = gain · √6 / √(n_in + n_out) (Glorot and Bengio 2010, equation 16)."""
    fan_in, fan_out = _calculate_fan_in_and_fan_out(tensor)
    a = gain * math.sqrt(6.0 / (fan_in + fan_out))
    return uniform_(tensor, -a, a, generator)


def xavier_normal_(tensor: T, gain: float = 1.0, generator: Any = None) -> T:
    """Fill with N(0, σ²), σ = gain · √(2 / (n_in + n_out)) (Glorot and Bengio 2010, equation 12)."""
    fan_in, fan_out = _calculate_fan_in_and_fan_out(tensor)
    return normal_(tensor, 0.0, gain * math.sqrt(2.0 / (fan_in + fan_out)), generator)


def _kaiming_std(tensor: Tensor, a: float, mode: str, nonlinearity: str) -> float:
    if mode not in ("fan_in", "fan_out"):
        raise ValueError(f"kaiming: mode must be 'fan_in' or 'fan_out', got {mode!r}")
    fan = _calculate_fan_in_and_fan_out(tensor)[mode == "fan_out"]
    return calculate_gain(nonlinearity, a) / math.sqrt(fan)


def kaiming_uniform_(
    tensor: T, a: float = 0, mode: str = "fan_in", nonlinearity: str = "leaky_relu", generator: Any = None
) -> T:
    """Fill with U[-b, b], b = gain · √3 / √fan (He et al. 2015, "Delving deep into rectifiers", eqs. 10, 14)."""
    if 0 in tensor.array.shape:
        return tensor
    bound = math.sqrt(3.0) * _kaiming_std(tensor, a, mode, nonlinearity)
    return uniform_(tensor, -bound, bound, generator)


def kaiming_normal_(
    tensor: T, a: float = 0, mode: str = "fan_in", nonlinearity: str = "leaky_relu", generator: Any = None
) -> T:
    """Fill with N(0, σ²), σ = gain / √fan (He et al. 2015, equations 10 and 14)."""
    if 0 in tensor.array.shape:
        return tensor
    return normal_(tensor, 0.0, _kaiming_std(tensor, a, mode, nonlinearity), generator)


def fan_in_uniform_(weight: T, bias: Tensor | None = None, generator: Any = None) -> T:
    """The lecture's fan-in rule (chapter 11): w ~ U[-1/√n_in, 1/√n_in], b = 0.

    Glorot and Bengio (2010), "Understanding the difficulty of training deep feedforward neural networks", equation 1,
    call it the commonly used heuristic.

    Args:
        weight: a layer's weight, of at least two dimensions.
        bias: the layer's bias, set to 0.
        generator: where the draws come from.

    Example:
        >>> import tinygrad_course as tc
        >>> layer = tc.nn.Linear(100, 10)
        >>> w = tc.nn.init.fan_in_uniform_(layer.weight, layer.bias)
        >>> float(abs(w.detach().numpy()).max()) <= 0.1
        True
    """
    bound = 1.0 / math.sqrt(max(1, _calculate_fan_in_and_fan_out(weight)[0]))
    if bias is not None:
        zeros_(bias)
    return uniform_(weight, -bound, bound, generator)


def normalized_fan_in_uniform_(weight: T, bias: Tensor | None = None, generator: Any = None) -> T:
    """The lecture's normalized rule (chapter 11): w ~ U[-√6/√(n_in + n_out), √6/√(n_in + n_out)], b = 0.

    Glorot and Bengio (2010), equation 16, the "normalized initialization"; PyTorch calls it xavier_uniform_.
    """
    if bias is not None:
        zeros_(bias)
    return xavier_uniform_(weight, 1.0, generator)


def orthogonal_(tensor: T, gain: float = 1.0, generator: Any = None) -> T:
    """Make the rows (flattened beyond the first dimension), or the columns if fewer, orthonormal times gain.

    The orthogonal factor of a Gaussian matrix (Saxe et al. 2013, "Exact solutions to the nonlinear dynamics of
    learning in deep linear neural networks").
    """
    shape = tensor.array.shape
    if len(shape) < 2:
        raise ValueError(f"orthogonal_: expected at least 2 dimensions, got shape {shape}")
    if not tensor.array.size:
        return tensor
    rows, columns = shape[0], math.prod(shape[1:])
    q, r = np.linalg.qr(_rng(generator).normal(size=(max(rows, columns), min(rows, columns))))
    q *= np.sign(np.diagonal(r))  # makes the distribution uniform over orthogonal matrices
    return _fill(tensor, gain * (q.T if rows < columns else q).reshape(shape))


def sparse_(tensor: T, sparsity: float, std: float = 0.01, generator: Any = None) -> T:
    """Fill a matrix with N(0, std²), then set a fraction `sparsity` of each column to 0 (Martens 2010)."""
    if tensor.ndim != 2:
        raise ValueError(f"sparse_: expected a matrix, got shape {tuple(tensor.shape)}")
    rng = _rng(generator)
    rows, columns = tensor.array.shape
    values = rng.normal(0.0, std, (rows, columns))
    count = math.ceil(sparsity * rows)
    for j in range(columns):
        values[rng.permutation(rows)[:count], j] = 0
    return _fill(tensor, values)
