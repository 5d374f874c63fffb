"""Random draws. Each is an operation, so that a recorded computation draws afresh when it is run again.

`generator` is one of the parameters of the operation; None stands for the default generator at the moment of the draw.
float32 and float64 are drawn natively, so neither costs the other's bits. The default generator is shared by all
threads: NumPy locks each draw, so draws never corrupt each other, but which thread gets which numbers is not defined;
give each thread a `tc.Generator` of its own where that matters.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from .. import dtypes
from ..device import check_device
from ..random import Generator, default_generator
from ..tensor import Tensor
from .creation import sizes
from .op import declare

__all__ = [
    "bernoulli", "multinomial", "normal", "poisson", "rand", "rand_like", "randint", "randint_like", "randn",
    "randn_like", "randperm",
]  # fmt: skip


def _source(generator: Generator | None) -> np.random.Generator:
    if generator is None:
        return default_generator().numpy
    if not isinstance(generator, Generator):
        raise TypeError(f"generator: expected a tc.Generator, got {type(generator).__name__}")
    return generator.numpy


def _native(dtype: np.dtype) -> Any:
    """The dtype to draw in: NumPy draws float32 and float64; float16 is rounded from float32."""
    return np.float64 if dtype == np.float64 else np.float32


# --- The operations -----------------------------------------------------------------------------------------------


def _uniform(*, size: tuple[int, ...], low: float, high: float, dtype: np.dtype, generator: Any) -> np.ndarray:
    u = np.asarray(_source(generator).random(size, _native(dtype)))
    if high - low != 1:
        u *= high - low
    if low != 0:
        u += low
    return u.astype(dtype, copy=False)


def _normal(mean: Any, std: Any, *, size: tuple[int, ...] | None, dtype: np.dtype, generator: Any) -> np.ndarray:
    if size is None:
        size = np.broadcast_shapes(np.shape(mean), np.shape(std))
    z = np.asarray(_source(generator).standard_normal(size, _native(dtype)))
    if not (isinstance(std, (int, float)) and std == 1):
        z = z * std
    if not (isinstance(mean, (int, float)) and mean == 0):
        z = z + mean
    return np.asarray(z).astype(dtype, copy=False)


def _exponential(*, size: tuple[int, ...], rate: float, dtype: np.dtype, generator: Any) -> np.ndarray:
    draw = np.asarray(_source(generator).standard_exponential(size, _native(dtype)))
    draw /= rate
    return draw.astype(dtype, copy=False)


def _integers(*, size: tuple[int, ...], low: int, high: int, dtype: np.dtype, generator: Any) -> np.ndarray:
    return np.asarray(_source(generator).integers(low, high, size, np.int64)).astype(dtype, copy=False)


def _bernoulli(p: Any, *, dtype: np.dtype, generator: Any) -> np.ndarray:
    if p.size and not (p.min() >= 0 and p.max() <= 1):
        raise RuntimeError(f"bernoulli: expected probabilities from 0 to 1, got values from {p.min()} to {p.max()}")
    return np.asarray(_source(generator).random(p.shape, _native(p.dtype)) < p).astype(dtype)


def _poisson(rate: Any, *, generator: Any) -> np.ndarray:
    if rate.size and not rate.min() >= 0:
        raise RuntimeError(f"poisson: expected rates of at least 0, got {rate.min()}")
    return np.asarray(_source(generator).poisson(rate)).astype(rate.dtype)


def _multinomial(weights: Any, *, num_samples: int, replacement: bool, generator: Any) -> np.ndarray:
    rows = weights.reshape(-1, weights.shape[-1]).astype(np.float64)
    total = rows.sum(-1, keepdims=True)
    if rows.size == 0 or not (np.isfinite(total).all() and (rows >= 0).all() and (total > 0).all()):
        raise RuntimeError("multinomial: expected finite weights of at least 0, some of them positive, in every row")
    source = _source(generator)
    if replacement:
        cumulated = np.cumsum(rows, -1)
        cumulated /= cumulated[:, -1:]
        draws = source.random((len(rows), num_samples))
        drawn = np.stack([np.searchsorted(c, u, side="right") for c, u in zip(cumulated, draws)])
    else:
        if num_samples > np.count_nonzero(rows, -1).min():
            raise RuntimeError(
                f"multinomial: cannot draw {num_samples} values without replacement where fewer weights are positive; "
                "pass replacement=True"
            )
        # The order of exponential arrival times with these rates is the order of drawing without replacement
        # (Efraimidis and Spirakis, 2006).
        times = source.standard_exponential(rows.shape)
        with np.errstate(divide="ignore"):
            times /= rows
        drawn = np.argsort(times, -1)[:, :num_samples]
    return drawn.reshape(*weights.shape[:-1], num_samples)


draw_uniform = declare(_uniform, name="uniform", doc="Uniform on [low, high).")
draw_normal = declare(_normal, name="normal", doc="Normal with the given means and deviations.")
draw_exponential = declare(_exponential, name="exponential", doc="Exponential with the given rate.")
draw_integers = declare(_integers, name="randint", doc="Integers, uniform from low to high - 1.")
draw_permutation = declare(
    lambda *, n, dtype, generator: _source(generator).permutation(n).astype(dtype), name="randperm",
    doc="The numbers from 0 to n - 1 in random order.",
)  # fmt: skip
draw_bernoulli = declare(_bernoulli, name="bernoulli", doc="1 with probability p, else 0.")
draw_poisson = declare(_poisson, name="poisson", doc="Poisson counts with the given rates.")
draw_multinomial = declare(_multinomial, name="multinomial", doc="Indices drawn by weight.")


# --- Functions ----------------------------------------------------------------------------------------------------


def _float(name: str, dtype: DTypeLike | None, device: Any = None) -> np.dtype:
    check_device(device, name)
    chosen = dtypes.get_default_dtype() if dtype is None else dtypes.check_dtype(name, dtype)
    if chosen.kind != "f":
        raise RuntimeError(f"{name}: expected a floating dtype, got {chosen}; tc.randint draws integers")
    return chosen


def _grad(x: Tensor, requires_grad: bool) -> Tensor:
    if requires_grad:
        x.requires_grad = True
    return x


def rand(
    *shape: Any, size: Any = None, generator: Generator | None = None, dtype: DTypeLike | None = None,
    device: Any = None, requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """Numbers uniform on [0, 1).

    Example:
        >>> import tinygrad_course as tc
        >>> _ = tc.manual_seed(0)
        >>> tc.rand(2, 3).shape
        Size([2, 3])
    """
    chosen = _float("rand", dtype, device)
    out = draw_uniform(size=sizes("rand", shape, size), low=0, high=1, dtype=chosen, generator=generator)
    return _grad(out, requires_grad)


def randn(
    *shape: Any, size: Any = None, generator: Generator | None = None, dtype: DTypeLike | None = None,
    device: Any = None, requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """Numbers from the normal distribution with mean 0 and variance 1."""
    chosen = _float("randn", dtype, device)
    out = draw_normal(0, 1, size=sizes("randn", shape, size), dtype=chosen, generator=generator)
    return _grad(out, requires_grad)


def rand_like(
    input: Tensor, *, generator: Generator | None = None, dtype: DTypeLike | None = None, device: Any = None,
    requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """`rand` in the shape, and unless given the dtype, of another tensor."""
    chosen = input.array.dtype if dtype is None else dtype
    return rand(input.array.shape, generator=generator, dtype=chosen, device=device, requires_grad=requires_grad)


def randn_like(
    input: Tensor, *, generator: Generator | None = None, dtype: DTypeLike | None = None, device: Any = None,
    requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """`randn` in the shape, and unless given the dtype, of another tensor."""
    chosen = input.array.dtype if dtype is None else dtype
    return randn(input.array.shape, generator=generator, dtype=chosen, device=device, requires_grad=requires_grad)


def randint(
    low: Any, high: Any = None, size: Any = None, *, generator: Generator | None = None,
    dtype: DTypeLike | None = None, device: Any = None, requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """Integers uniform from `low` (default 0) to `high` - 1, as int64 unless a dtype is given.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.randint(6, (3,)).shape, tc.randint(1, 7, (2, 2)).shape
        (Size([3]), Size([2, 2]))
    """
    if size is None and isinstance(high, (tuple, list)):  # randint(high, size)
        low, high, size = 0, low, high
    elif high is None:  # randint(high, size=...)
        low, high = 0, low
    if size is None:
        raise TypeError("randint: size is missing; e.g. tc.randint(0, 10, (3,))")
    check_device(device, "randint")
    low, high = int(low), int(high)
    if low >= high:
        raise RuntimeError(f"randint: expected low < high, got {low} and {high}")
    chosen = dtypes.int64 if dtype is None else dtypes.check_dtype("randint", dtype)
    shape = sizes("randint", (size,))
    return _grad(draw_integers(size=shape, low=low, high=high, dtype=chosen, generator=generator), requires_grad)


def randint_like(
    input: Tensor, low: Any, high: Any = None, *, generator: Generator | None = None, dtype: DTypeLike | None = None,
    device: Any = None,
) -> Tensor:  # fmt: skip
    """`randint` in the shape, and unless given the dtype, of another tensor."""
    chosen = input.array.dtype if dtype is None else dtype
    low, high = (0, low) if high is None else (low, high)
    return randint(low, high, input.array.shape, generator=generator, dtype=chosen, device=device)


def randperm(
    n: int, *, generator: Generator | None = None, dtype: DTypeLike = np.int64, device: Any = None,
) -> Tensor:  # fmt: skip
    """The numbers from 0 to n - 1 in random order."""
    check_device(device, "randperm")
    (count,) = sizes("randperm", (n,))
    return draw_permutation(n=count, dtype=dtypes.check_dtype("randperm", dtype), generator=generator)


def normal(
    mean: Any = 0.0, std: Any = 1.0, size: Any = None, *, generator: Generator | None = None,
    dtype: DTypeLike | None = None, device: Any = None, requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """Normal numbers: with a tensor of means, of deviations, or both; or with two numbers and a size.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.normal(tc.arange(3.0), 0.0)
        tensor([0., 1., 2.])
    """
    given = [x.array.dtype for x in (mean, std) if isinstance(x, Tensor)]
    if size is None and not given:
        raise TypeError("normal: size is missing; with numbers as mean and std, give e.g. size=(3,)")
    low = std.array.min(initial=0) if isinstance(std, Tensor) else std
    if not low >= 0:
        raise RuntimeError(f"normal: expected deviations of at least 0, got {low}")
    chosen = _float("normal", dtype if dtype is not None or not given else np.result_type(*given), device)
    shape = None if size is None else sizes("normal", (size,))
    return _grad(draw_normal(mean, std, size=shape, dtype=chosen, generator=generator), requires_grad)


def bernoulli(input: Tensor, p: float | None = None, *, generator: Generator | None = None) -> Tensor:
    """1 with the probability that the input says (or `p`), else 0, in the input's dtype and shape."""
    if p is not None:
        input = Tensor._wrap(np.full(input.array.shape, p, input.array.dtype if input.is_floating_point() else None))
    if input.array.dtype.kind != "f":
        raise RuntimeError(f"bernoulli: expected floating probabilities, got {input.dtype}; use x.float()")
    return draw_bernoulli(input, dtype=input.array.dtype, generator=generator)


def poisson(input: Tensor, generator: Generator | None = None) -> Tensor:
    """Poisson counts with the rates of the input, in its dtype."""
    if input.array.dtype.kind != "f":
        raise RuntimeError(f"poisson: expected floating rates, got {input.dtype}; use x.float()")
    return draw_poisson(input, generator=generator)


def multinomial(
    input: Tensor, num_samples: int, replacement: bool = False, *, generator: Generator | None = None
) -> Tensor:
    """Indices drawn with probabilities proportional to the weights in each row.

    Args:
        input: weights, (n,) or (rows, n); they need not sum to 1.
        num_samples: how many to draw per row.
        replacement: whether an index can be drawn more than once.

    Raises:
        RuntimeError: for negative or non-finite weights, rows of zeros, or more draws than there are positive weights.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.multinomial(tc.tensor([0.0, 1.0, 0.0]), 3, replacement=True)
        tensor([1, 1, 1])
    """
    if input.array.dtype.kind != "f" or input.array.ndim not in (1, 2):
        raise RuntimeError(
            f"multinomial: expected floating weights of 1 or 2 dimensions, got {input.dtype} {tuple(input.shape)}"
        )
    if num_samples <= 0:
        raise RuntimeError(f"multinomial: expected num_samples > 0, got {num_samples}")
    return draw_multinomial(input, num_samples=num_samples, replacement=replacement, generator=generator)


# --- Methods that fill a tensor in place --------------------------------------------------------------------------


def uniform_(x: Tensor, from_: float = 0.0, to: float = 1.0, *, generator: Generator | None = None) -> Tensor:
    """Fill the tensor with numbers uniform on [from, to)."""
    if not from_ <= to:
        raise RuntimeError(f"uniform_: expected from <= to, got {from_} and {to}")
    dtype = _float("uniform_", x.array.dtype)
    return x.copy_(draw_uniform(size=x.array.shape, low=from_, high=to, dtype=dtype, generator=generator))


def normal_(x: Tensor, mean: float = 0.0, std: float = 1.0, *, generator: Generator | None = None) -> Tensor:
    """Fill the tensor with normal numbers."""
    return x.copy_(normal(mean, std, x.array.shape, generator=generator, dtype=_float("normal_", x.array.dtype)))


def exponential_(x: Tensor, lambd: float = 1.0, *, generator: Generator | None = None) -> Tensor:
    """Fill the tensor with exponential numbers of rate `lambd`."""
    if not lambd > 0:
        raise RuntimeError(f"exponential_: expected a positive rate, got {lambd}")
    dtype = _float("exponential_", x.array.dtype)
    return x.copy_(draw_exponential(size=x.array.shape, rate=lambd, dtype=dtype, generator=generator))


def bernoulli_(x: Tensor, p: float | Tensor = 0.5, *, generator: Generator | None = None) -> Tensor:
    """Fill the tensor with 1 with probability `p`, else 0."""
    array = np.broadcast_to(p.array if isinstance(p, Tensor) else np.float64(p), x.array.shape)
    return x.copy_(draw_bernoulli(array, dtype=x.array.dtype, generator=generator))


def random_(
    x: Tensor, from_: int | None = None, to: int | None = None, *, generator: Generator | None = None
) -> Tensor:
    """Fill the tensor with whole numbers from `from_` to `to` - 1; by default all that its dtype holds from 0 on."""
    if to is None:
        from_, to = 0, from_
    dtype = x.array.dtype
    if to is None:
        to = 2 ** (np.finfo(dtype).nmant + 1) if dtype.kind == "f" else 2 if dtype.kind == "b" else np.iinfo(dtype).max
    return x.copy_(randint(from_ or 0, int(to), x.array.shape, generator=generator, dtype=dtype))


METHODS: dict[str, Any] = {
    function.__name__: function
    for function in (bernoulli, bernoulli_, exponential_, multinomial, normal_, random_, uniform_)
}
