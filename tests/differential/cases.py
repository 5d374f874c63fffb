"""What is compared with PyTorch: for each function some calls, written once and run on both."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from hypothesis import strategies as st

from tests.samples.base import apart, broadcastable, numbers, shapes

__all__ = ["CASES", "Case", "INPUTS"]


class Case(NamedTuple):
    """Calls of one function, each `call(m, *tensors)` with `m` this package or torch, on inputs of one kind."""

    inputs: str
    calls: tuple[Callable[..., Any], ...]


def _each(*strategies: st.SearchStrategy[np.ndarray]) -> st.SearchStrategy[tuple[np.ndarray, ...]]:
    return st.tuples(*strategies)


@st.composite
def _broadcast(draw: Any, count: int) -> tuple[np.ndarray, ...]:
    return tuple(draw(numbers(s)) for s in draw(broadcastable(count)))


@st.composite
def _alike(draw: Any, count: int, min_dims: int = 1, max_dims: int = 2) -> tuple[np.ndarray, ...]:
    shape = draw(shapes(min_dims, max_dims))
    return tuple(draw(numbers(shape)) for _ in range(count))


@st.composite
def _with_indices(draw: Any) -> tuple[np.ndarray, ...]:
    """An array (4, n), and indices (2, n) and values (2, n) for its first dim."""
    n = draw(st.integers(1, 3))
    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    return draw(numbers((4, n))), np.stack([rng.permutation(4)[:2] for _ in range(n)], 1), draw(numbers((2, n)))


@st.composite
def _matrices(draw: Any, *dims: str) -> tuple[np.ndarray, ...]:
    """Matrices and vectors whose sides are named: "nk", "km"; equal letters are equal lengths."""
    side = {letter: draw(st.integers(1, 3)) for letter in sorted(set("".join(dims)))}
    return tuple(draw(numbers(tuple(side[letter] for letter in d))) for d in dims)


@st.composite
def _square(draw: Any, definite: bool = False) -> tuple[np.ndarray, ...]:
    """Well-conditioned square matrices, perhaps in a batch."""
    n = draw(st.integers(1, 3))
    batch = draw(shapes(0, 1))
    a = draw(numbers((*batch, n, n), -0.3, 0.3)) + np.diag(np.arange(1.0, n + 1))
    return (a @ a.swapaxes(-1, -2) if definite else a,)


def _fixed(*dims: int) -> st.SearchStrategy[tuple[np.ndarray, ...]]:
    return _each(numbers(dims))


some = shapes(0, 3, 3)
INPUTS: dict[str, st.SearchStrategy[tuple[np.ndarray, ...]]] = {
    "nothing": st.just(()),
    "any": _each(shapes(0, 3, 3, 0).flatmap(numbers)),  # 0-d and empty among them
    "full": _each(some.flatmap(numbers)),
    "vector": _each(shapes(1, 1, 5, 1).flatmap(numbers)),
    "dims": _each(shapes(1, 3).flatmap(numbers)),
    "two dims": _each(shapes(2, 3).flatmap(numbers)),
    "distinct": _each(shapes(1, 3).flatmap(apart)),
    "distinct, 0-d": _each(some.flatmap(apart)),
    "positive": _each(some.flatmap(lambda s: numbers(s, 0.3, 3.0))),
    "integers": _each(some.flatmap(numbers).map(lambda x: np.asarray(np.rint(x * 2)).astype(np.int64))),
    "pair": _broadcast(2), "triple": _broadcast(3),
    "alike": _alike(2), "alike vectors": _alike(2, 1, 1), "three alike": _alike(3),
    "indices": _with_indices(),
    "nk km": _matrices("nk", "km"), "bnk bkm": _matrices("bnk", "bkm"), "nk k": _matrices("nk", "k"),
    "n m": _matrices("n", "m"), "nm nk km": _matrices("nm", "nk", "km"), "n nk k": _matrices("n", "nk", "k"),
    "nm n m": _matrices("nm", "n", "m"), "nm bnk bkm": _matrices("nm", "bnk", "bkm"),
    "bnm bnk bkm": _matrices("bnm", "bnk", "bkm"), "nk mk": _matrices("nk", "mk"),
    "nk km ml": _matrices("nk", "km", "ml"),
    "square": _square(), "definite": _square(definite=True),
    "234": _fixed(2, 3, 4), "6": _fixed(6), "46": _fixed(4, 6), "3 3": _each(numbers((2, 3)), numbers((2, 3))),
    "246": _fixed(2, 4, 6), "2465": _fixed(2, 4, 6, 5), "11444": _fixed(1, 1, 4, 4, 4),
    "linear": _matrices("nk", "mk", "m"),
}  # fmt: skip

CASES: dict[str, Case] = {}


def case(name: str, inputs: str, *calls: Callable[..., Any]) -> None:
    CASES[name] = Case(inputs, calls)


def reduction(name: str, inputs: str = "dims", whole: bool = True) -> None:
    """A function that reduces all dims, one dim, and one dim that it keeps."""
    calls: list[Callable[..., Any]] = [
        lambda m, x: getattr(m, name)(x, dim=0),
        lambda m, x: getattr(m, name)(x, dim=-1, keepdim=True),
        lambda m, x: getattr(x, name)(0),
    ]
    if whole:
        calls += [lambda m, x: getattr(m, name)(x), lambda m, x: getattr(x, name)()]
    case(name, inputs, *calls)


for _name in ("sum", "mean", "nansum", "nanmean", "all", "any", "prod"):
    reduction(_name)
for _name in ("argmax", "argmin", "max", "min", "median", "nanmedian"):
    reduction(_name, "distinct")
for _name in ("amax", "amin", "count_nonzero"):
    case(
        _name,
        "distinct",
        lambda m, x, f=_name: getattr(m, f)(x, dim=0),
        lambda m, x, f=_name: getattr(m, f)(x, (0, -1)[: x.ndim]),
    )
case("logsumexp", "dims", lambda m, x: m.logsumexp(x, 0), lambda m, x: m.logsumexp(x, -1, keepdim=True))
for _name in ("var", "std"):
    case(
        _name,
        "46",
        lambda m, x, f=_name: getattr(m, f)(x),
        lambda m, x, f=_name: getattr(m, f)(x, dim=0),
        lambda m, x, f=_name: getattr(m, f)(x, 1, keepdim=True),
        lambda m, x, f=_name: getattr(m, f)(x, dim=(0, 1), correction=0),
        lambda m, x, f=_name: getattr(x, f)(0, unbiased=False),
    )
case("var_mean", "46", lambda m, x: m.var_mean(x, dim=0))
case("std_mean", "46", lambda m, x: m.std_mean(x, dim=1, correction=0))
case("aminmax", "distinct", lambda m, x: m.aminmax(x, dim=0), lambda m, x: m.aminmax(x))
case("mode", "dims", lambda m, x: m.mode((x * 2).round().detach(), 0))
case("quantile", "46", lambda m, x: m.quantile(x, 0.3, dim=1), lambda m, x: m.quantile(x, 0.75))
case(
    "norm",
    "46",
    lambda m, x: m.norm(x),
    lambda m, x: m.norm(x, dim=1),
    lambda m, x: m.norm(x, 1, dim=0),
    lambda m, x: x.norm(p=3),
)
case("dist", "3 3", lambda m, x, y: m.dist(x, y), lambda m, x, y: m.dist(x, y, 1))
case("cdist", "nk mk", lambda m, x, y: m.cdist(x, y))
case("cov", "46", lambda m, x: m.cov(x), lambda m, x: m.cov(x, correction=0))
case("corrcoef", "46", lambda m, x: m.corrcoef(x))

# --- Scans -----------------------------------------------------------------------------------------------------------

for _name in ("cumsum", "cumprod", "logcumsumexp"):
    case(_name, "dims", lambda m, x, f=_name: getattr(m, f)(x, 0), lambda m, x, f=_name: getattr(m, f)(x, dim=-1))
for _name in ("cummax", "cummin"):
    case(_name, "distinct", lambda m, x, f=_name: getattr(m, f)(x, 0), lambda m, x, f=_name: getattr(m, f)(x, dim=-1))
case("diff", "46", lambda m, x: m.diff(x), lambda m, x: m.diff(x, n=2, dim=0))

# --- Shapes ----------------------------------------------------------------------------------------------------------

case(
    "reshape",
    "any",
    lambda m, x: m.reshape(x, (-1, 1)) if x.numel() else m.reshape(x, (0, 2)),
    lambda m, x: x.reshape(x.numel()),
)
case("ravel", "any", lambda m, x: m.ravel(x))
case("flatten", "any", lambda m, x: m.flatten(x), lambda m, x: x.flatten(0))
case(
    "flatten part",
    "234",
    lambda m, x: m.flatten(x, 1),
    lambda m, x: x.flatten(0, 1),
    lambda m, x: x.view(2, 12),
    lambda m, x: x.view(-1, 4),
)
case("unflatten", "46", lambda m, x: m.unflatten(x, 1, (2, 3)), lambda m, x: x.unflatten(1, (-1, 3)))
case("squeeze", "any", lambda m, x: m.squeeze(x), lambda m, x: x.unsqueeze(0).squeeze(0))
case("squeeze dim", "dims", lambda m, x: m.squeeze(x, 0), lambda m, x: x.squeeze(-1))
case("unsqueeze", "any", lambda m, x: m.unsqueeze(x, 0), lambda m, x: x.unsqueeze(-1))
case("transpose", "two dims", lambda m, x: m.transpose(x, 0, 1), lambda m, x: x.transpose(-1, 0), lambda m, x: x.mT)
for _name in ("swapaxes", "swapdims"):
    case(_name, "two dims", lambda m, x, f=_name: getattr(m, f)(x, 0, 1))
case("adjoint", "two dims", lambda m, x: m.adjoint(x))
case("t", "46", lambda m, x: m.t(x), lambda m, x: x.T)
case("permute", "234", lambda m, x: m.permute(x, (2, 0, 1)), lambda m, x: x.permute(1, -1, 0))
case("movedim", "234", lambda m, x: m.movedim(x, 0, 2), lambda m, x: m.movedim(x, (0, 1), (-1, 0)))
case("moveaxis", "234", lambda m, x: m.moveaxis(x, 2, 0))
case(
    "broadcast_to",
    "vector",
    lambda m, x: m.broadcast_to(x, (2, *x.shape)),
    lambda m, x: x.expand(3, -1),
    lambda m, x: x.expand(2, *x.shape),
)
case("broadcast_tensors", "pair", lambda m, x, y: m.broadcast_tensors(x, y))
for _name in ("atleast_1d", "atleast_2d", "atleast_3d"):
    case(_name, "any", lambda m, x, f=_name: getattr(m, f)(x))
case("clone", "any", lambda m, x: m.clone(x), lambda m, x: x.contiguous())

# --- Joining and splitting -------------------------------------------------------------------------------------------

for _name in ("cat", "concat", "concatenate"):
    case(
        _name,
        "alike",
        lambda m, x, y, f=_name: getattr(m, f)([x, y]),
        lambda m, x, y, f=_name: getattr(m, f)((x, y, x), dim=-1),
    )
case("stack", "alike", lambda m, x, y: m.stack([x, y]), lambda m, x, y: m.stack((x, y), dim=-1))
for _name in ("hstack", "vstack", "dstack", "column_stack"):
    case(_name, "alike", lambda m, x, y, f=_name: getattr(m, f)([x, y]))
case("split", "46", lambda m, x: m.split(x, 3), lambda m, x: x.split([1, 5], dim=1))
case("chunk", "46", lambda m, x: m.chunk(x, 3, dim=1), lambda m, x: x.chunk(4))
case("tensor_split", "46", lambda m, x: m.tensor_split(x, 4, dim=1), lambda m, x: m.tensor_split(x, (1, 3)))
case("hsplit", "46", lambda m, x: m.hsplit(x, 2))
case("vsplit", "46", lambda m, x: m.vsplit(x, [1]))
case("dsplit", "234", lambda m, x: m.dsplit(x, 2))
case("unbind", "dims", lambda m, x: m.unbind(x), lambda m, x: x.unbind(-1))
case("narrow", "46", lambda m, x: m.narrow(x, 1, 2, 3))
case("select", "46", lambda m, x: m.select(x, 1, 2), lambda m, x: x.select(0, -1))
case("tile", "dims", lambda m, x: m.tile(x, (2, 1)), lambda m, x: x.repeat(2, *(1,) * x.ndim))
case("repeat_interleave", "46", lambda m, x: m.repeat_interleave(x, 2), lambda m, x: m.repeat_interleave(x, 3, dim=0))
case(
    "meshgrid", "n m", lambda m, x, y: m.meshgrid(x, y, indexing="ij"), lambda m, x, y: m.meshgrid(x, y, indexing="xy")
)
case("cartesian_prod", "n m", lambda m, x, y: m.cartesian_prod(x, y))
case("combinations", "6", lambda m, x: m.combinations(x, 2))

# --- Rearranging -----------------------------------------------------------------------------------------------------

case("flip", "two dims", lambda m, x: m.flip(x, (0,)), lambda m, x: x.flip(0, 1))
case("fliplr", "two dims", lambda m, x: m.fliplr(x))
case("flipud", "dims", lambda m, x: m.flipud(x))
case("roll", "46", lambda m, x: m.roll(x, 1), lambda m, x: m.roll(x, (1, -2), (0, 1)))
case("rot90", "46", lambda m, x: m.rot90(x), lambda m, x: m.rot90(x, 3, (1, 0)))
case("tril", "two dims", lambda m, x: m.tril(x), lambda m, x: x.tril(-1))
case("triu", "two dims", lambda m, x: m.triu(x), lambda m, x: x.triu(1))
case("diag", "46", lambda m, x: m.diag(x), lambda m, x: m.diag(x, 1), lambda m, x: m.diag(x[0], -1))
case("diagonal", "234", lambda m, x: m.diagonal(x), lambda m, x: m.diagonal(x, -1, 1, 2))
case("diag_embed", "dims", lambda m, x: m.diag_embed(x), lambda m, x: m.diag_embed(x, 1))
case("diagflat", "dims", lambda m, x: m.diagflat(x))
case("trace", "46", lambda m, x: m.trace(x))
case(
    "pad",
    "46",
    lambda m, x: m.nn.functional.pad(x, (1, 2)),
    lambda m, x: m.nn.functional.pad(x, (0, 1, 2, 1), value=0.5),
)
