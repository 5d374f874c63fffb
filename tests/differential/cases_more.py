"""More calls to compare with PyTorch: indexing, sorting, products, elementwise functions with parameters, linalg."""

from __future__ import annotations

from typing import Any

import numpy as np

from .cases import case, reduction

__all__: list[str] = []


def index(m: Any, *values: int) -> Any:
    return m.tensor(list(values))


# --- Indexing --------------------------------------------------------------------------------------------------------

case(
    "getitem",
    "46",
    lambda m, x: x[1],
    lambda m, x: x[:, 2],
    lambda m, x: x[-1, ::2],
    lambda m, x: x[..., None],
    lambda m, x: x[1:3, 1:],
    lambda m, x: x[index(m, 0, 0, 3)],
    lambda m, x: x[:, [1, 1]],
    lambda m, x: x[index(m, 0, 1), index(m, 2, 2)],
    lambda m, x: x[x > 0],
    lambda m, x: x[index(m, 1, 0)[:, None], index(m, 3, 3)],
)
case(
    "index_select",
    "46",
    lambda m, x: m.index_select(x, 0, index(m, 0, 2, 2)),
    lambda m, x: x.index_select(1, index(m, 5)),
)
case("gather", "indices", lambda m, x, i, v: m.gather(x, 0, i), lambda m, x, i, v: x.gather(-2, i))
case("take_along_dim", "indices", lambda m, x, i, v: m.take_along_dim(x, i, 0))
case("take", "indices", lambda m, x, i, v: m.take(x, i))
case("scatter", "indices", lambda m, x, i, v: m.scatter(x, 0, i, v), lambda m, x, i, v: x.scatter(0, i, 1.5))
case("scatter_add", "indices", lambda m, x, i, v: m.scatter_add(x, 0, i, v))
case("index_add", "indices", lambda m, x, i, v: m.index_add(x, 0, index(m, 3, 3), v))
case("index_copy", "indices", lambda m, x, i, v: m.index_copy(x, 0, index(m, 3, 1), v))
case("index_fill", "46", lambda m, x: m.index_fill(x, 1, index(m, 0, 2), 0.5))
case("index_put", "46", lambda m, x: m.index_put(x, (index(m, 0, 1), index(m, 2, 3)), m.tensor(0.5, dtype=x.dtype)))
case("masked_fill", "46", lambda m, x: m.masked_fill(x, x > 0, 0.5), lambda m, x: x.masked_fill(x < -5, 1))
case("masked_select", "46", lambda m, x: m.masked_select(x, x > 0))
case("masked_scatter", "3 3", lambda m, x, y: m.masked_scatter(x, x > 0, y))
case(
    "where",
    "triple",
    lambda m, x, y, z: m.where(x > 0, y, z),
    lambda m, x, y, z: m.where(x > 0, y, 0.5),
    lambda m, x, y, z: y.where(x > 0, z),
)
case("nonzero", "integers", lambda m, n: m.nonzero(n), lambda m, n: n.nonzero(as_tuple=True) if n.ndim else n)
case("argwhere", "integers", lambda m, n: m.argwhere(n))
case("tril_indices", "nothing", lambda m: m.tril_indices(3, 4), lambda m: m.tril_indices(3, 3, -1))
case("triu_indices", "nothing", lambda m: m.triu_indices(3, 4, 1))

# --- Sorting and searching -------------------------------------------------------------------------------------------

case("sort", "distinct", lambda m, x: m.sort(x), lambda m, x: m.sort(x, dim=0, descending=True))
case("argsort", "distinct", lambda m, x: m.argsort(x), lambda m, x: m.argsort(x, 0, descending=True))
case("msort", "distinct", lambda m, x: m.msort(x))
case("topk", "distinct", lambda m, x: m.topk(x, 1), lambda m, x: m.topk(x, 1, dim=0, largest=False))
case("kthvalue", "distinct", lambda m, x: m.kthvalue(x, 1), lambda m, x: m.kthvalue(x, 1, dim=0, keepdim=True))
case("unique", "integers", lambda m, n: m.unique(n), lambda m, n: m.unique(n, return_inverse=True, return_counts=True))
case("unique_consecutive", "integers", lambda m, n: m.unique_consecutive(n.flatten(), return_counts=True))
case(
    "searchsorted",
    "6",
    lambda m, x: m.searchsorted(m.sort(x.detach())[0], x.detach()),
    lambda m, x: m.searchsorted(m.tensor([0.0, 1.0], dtype=x.dtype), x.detach(), right=True),
)
case("bucketize", "46", lambda m, x: m.bucketize(x.detach(), m.tensor([-1.0, 0.0, 1.0], dtype=x.dtype)))
case("isin", "integers", lambda m, n: m.isin(n, index(m, 0, 2)))
case("bincount", "nothing", lambda m: m.bincount(index(m, 0, 3, 3)), lambda m: m.bincount(index(m, 1), minlength=4))
case("histc", "6", lambda m, x: m.histc(x.detach(), 4, -2, 2))

# --- Products --------------------------------------------------------------------------------------------------------

case(
    "mm",
    "nk km",
    lambda m, a, b: m.mm(a, b),
    lambda m, a, b: a @ b,
    lambda m, a, b: a.matmul(b),
    lambda m, a, b: m.mm(b, a),
)
case("bmm", "bnk bkm", lambda m, a, b: m.bmm(a, b))
case("mv", "nk k", lambda m, a, b: m.mv(a, b), lambda m, a, b: a @ b, lambda m, a, b: m.matmul(b, a.T))
for _name in ("dot", "vdot", "inner"):
    case(_name, "alike vectors", lambda m, x, y, f=_name: getattr(m, f)(x, y))
for _name in ("outer", "ger"):
    case(_name, "n m", lambda m, x, y, f=_name: getattr(m, f)(x, y))
case("addmm", "nm nk km", lambda m, c, a, b: m.addmm(c, a, b), lambda m, c, a, b: m.addmm(c, a, b, beta=0.5, alpha=2))
case("addmv", "n nk k", lambda m, c, a, b: m.addmv(c, a, b, alpha=2))
case("addr", "nm n m", lambda m, c, a, b: m.addr(c, a, b, beta=3))
case("addbmm", "nm bnk bkm", lambda m, c, a, b: m.addbmm(c, a, b, alpha=0.5))
case("baddbmm", "bnm bnk bkm", lambda m, c, a, b: m.baddbmm(c, a, b, beta=2))
case("chain_matmul", "nk km ml", lambda m, a, b, c: m.chain_matmul(a, b, c))
case(
    "einsum",
    "nk km",
    lambda m, a, b: m.einsum("nk,km->nm", a, b),
    lambda m, a, b: m.einsum("nk,km->mn", a, b),
    lambda m, a, b: m.einsum("nk,km", a, b),
    lambda m, a, b: m.einsum("nk->k", a),
    lambda m, a, b: m.einsum("nk,km->", a, b),
    lambda m, a, b: m.einsum("...k,km->...m", a, b),
)
case(
    "tensordot",
    "bnk bkm",
    lambda m, a, b: m.tensordot(a, b, dims=([2], [1])),
    lambda m, a, b: m.tensordot(a, b, dims=([0, 2], [0, 1])),
)
case("kron", "nk km", lambda m, a, b: m.kron(a, b))
case("cross", "nothing", lambda m: m.cross(m.tensor([1.0, 2, 3]), m.tensor([3.0, 5, 4]), dim=0))
case(
    "linear",
    "linear",
    lambda m, x, w, b: m.nn.functional.linear(x, w, b),
    lambda m, x, w, b: m.nn.functional.linear(x, w),
    lambda m, x, w, b: m.nn.functional.linear(x[0], w, b),
)

# --- Elementwise, with parameters or of several inputs ---------------------------------------------------------------

for _name in ("add", "sub", "subtract", "mul", "multiply", "rsub"):
    case(_name, "pair", lambda m, x, y, f=_name: getattr(m, f)(x, y), lambda m, x, y, f=_name: getattr(m, f)(x, 2.5))
case("add alpha", "pair", lambda m, x, y: m.add(x, y, alpha=2), lambda m, x, y: m.sub(x, y, alpha=0.5))
for _name in ("div", "true_divide", "divide"):
    case(
        _name, "pair", lambda m, x, y, f=_name: getattr(m, f)(x, y.exp()), lambda m, x, y, f=_name: getattr(m, f)(x, 2)
    )
case(
    "div rounded",
    "pair",
    lambda m, x, y: m.div(x, y.exp(), rounding_mode="floor"),
    lambda m, x, y: m.div(x, y.exp(), rounding_mode="trunc"),
)
case(
    "pow",
    "positive",
    lambda m, x: m.pow(x, 2),
    lambda m, x: x**-1,
    lambda m, x: x**0.5,
    lambda m, x: 2**x,
    lambda m, x: x**x,
    lambda m, x: x**0,
)
case(
    "operators",
    "pair",
    lambda m, x, y: x + y,
    lambda m, x, y: 1 - x,
    lambda m, x, y: x * y - y,
    lambda m, x, y: 1 / x.exp(),
    lambda m, x, y: -x,
    lambda m, x, y: (x > y) | (x < 0),
    lambda m, x, y: x // 0.7,
    lambda m, x, y: x % 0.7,
    lambda m, x, y: abs(x),
)
for _name in ("clamp", "clip"):
    case(
        _name,
        "triple",
        lambda m, x, y, z, f=_name: getattr(m, f)(x, -0.5, 0.7),
        lambda m, x, y, z, f=_name: getattr(m, f)(x, min=0.1),
        lambda m, x, y, z, f=_name: getattr(m, f)(x, max=0.1),
    )
case("clamp_min", "full", lambda m, x: m.clamp_min(x, 0.3))
case("clamp_max", "full", lambda m, x: m.clamp_max(x, 0.3))
for _name in ("fmax", "fmin", "max", "min"):
    case(f"{_name} of two", "pair", lambda m, x, y, f=_name: getattr(m, f)(x, y))
case("fmax", "pair", lambda m, x, y: m.fmax(x, y), lambda m, x, y: m.fmax(x / 0, y))
case("fmin", "pair", lambda m, x, y: m.fmin(x, y), lambda m, x, y: m.fmin(x / 0, y))
case("lerp", "triple", lambda m, x, y, z: m.lerp(x, y, 0.3), lambda m, x, y, z: m.lerp(x, y, z))
case("addcmul", "triple", lambda m, x, y, z: m.addcmul(x, y, z, value=2))
case("addcdiv", "triple", lambda m, x, y, z: m.addcdiv(x, y, z.exp(), value=2))
case("xlogy", "pair", lambda m, x, y: m.xlogy(x, y.exp()), lambda m, x, y: m.xlogy(x * 0, y.exp()))
case("logit", "full", lambda m, x: m.logit(m.sigmoid(x)), lambda m, x: m.logit(x, eps=0.1))
case("round", "full", lambda m, x: m.round(x), lambda m, x: m.round(x, decimals=1))
case("nan_to_num", "full", lambda m, x: m.nan_to_num(x / 0), lambda m, x: m.nan_to_num(x, 0.0))
case("isclose", "pair", lambda m, x, y: m.isclose(x, y, atol=0.5))
case("allclose", "pair", lambda m, x, y: m.allclose(x, y, atol=10), lambda m, x, y: m.allclose(x, y))
case("equal", "alike", lambda m, x, y: m.equal(x, y), lambda m, x, y: m.equal(x, x))
case("polygamma", "positive", lambda m, x: m.polygamma(1, x), lambda m, x: m.polygamma(2, x))
case("celu", "full", lambda m, x: m.celu(x, alpha=0.5))
case("prelu", "full", lambda m, x: m.prelu(x.flatten(), m.tensor([0.2], dtype=x.dtype)))
case("threshold", "full", lambda m, x: m.threshold(x, 0.1, 0.5))
case("hardshrink", "full", lambda m, x: m.hardshrink(x, 0.4))
case("softmax", "dims", lambda m, x: m.softmax(x, 0), lambda m, x: m.softmax(x, dim=-1))
case("log_softmax", "dims", lambda m, x: m.log_softmax(x, 0), lambda m, x: m.log_softmax(x, dim=-1))
case("numel", "any", lambda m, x: m.numel(x))
case(
    "dtypes",
    "full",
    lambda m, x: x.float(),
    lambda m, x: x.double(),
    lambda m, x: x.to(m.float64),
    lambda m, x: (x * 3).long(),
    lambda m, x: x.to(m.int32),
)

# --- Activations, as torch.nn.functional has them --------------------------------------------------------------------

for _name in (
    "relu",
    "relu6",
    "elu",
    "selu",
    "celu",
    "leaky_relu",
    "gelu",
    "silu",
    "mish",
    "softplus",
    "softsign",
    "tanhshrink",
    "softshrink",
    "hardshrink",
    "hardtanh",
    "hardswish",
    "logsigmoid",
    "sigmoid",
    "tanh",
):
    case(
        f"F.{_name}",
        "full",
        lambda m, x, f=_name: getattr(m.nn.functional, f)(x),
        lambda m, x, f=_name: getattr(m.nn.functional, f)(3 * x),
    )
# In float32 only: PyTorch computes with a single-precision 1/6 in float64, too.
case(
    "F.hardsigmoid",
    "full",
    lambda m, x: m.nn.functional.hardsigmoid(x.float()),
    lambda m, x: m.nn.functional.hardsigmoid(4 * x.float()),
)
case("F.gelu tanh", "full", lambda m, x: m.nn.functional.gelu(x, approximate="tanh"))
case("F.glu", "46", lambda m, x: m.nn.functional.glu(x), lambda m, x: m.nn.functional.glu(x, 0))
case(
    "F.softmax", "dims", lambda m, x: m.nn.functional.softmax(x, dim=0), lambda m, x: m.nn.functional.softmin(x, dim=-1)
)

# --- linalg ----------------------------------------------------------------------------------------------------------

for _name in ("det", "inv", "slogdet", "matrix_norm", "pinv"):
    case(f"linalg.{_name}", "square", lambda m, a, f=_name: getattr(m.linalg, f)(a))
case("linalg.svdvals", "square", lambda m, a: m.linalg.svdvals(a))
case("linalg.cholesky", "definite", lambda m, a: m.linalg.cholesky(a))
case("linalg.eigvalsh", "definite", lambda m, a: m.linalg.eigvalsh(a))
case("linalg.solve", "square", lambda m, a: m.linalg.solve(a, a + 1), lambda m, a: m.linalg.solve(a, a[..., 0]))
case("linalg.qr", "square", lambda m, a: abs(m.linalg.qr(a)[1]))
case(
    "linalg.norm",
    "46",
    lambda m, x: m.linalg.norm(x),
    lambda m, x: m.linalg.norm(x, dim=1),
    lambda m, x: m.linalg.norm(x, ord=1, dim=0),
)
case("linalg.vector_norm", "46", lambda m, x: m.linalg.vector_norm(x), lambda m, x: m.linalg.vector_norm(x, 3, dim=0))
case("linalg.matrix_power", "square", lambda m, a: m.linalg.matrix_power(a, 3))
case("linalg.lstsq", "46", lambda m, x: m.linalg.lstsq(x.T, m.cos(x.T[:, :2])).solution)

# --- Creation --------------------------------------------------------------------------------------------------------

case(
    "creation",
    "nothing",
    lambda m: m.zeros(2, 3),
    lambda m: m.ones((2, 0)),
    lambda m: m.full((2,), 7),
    lambda m: m.full((2,), 0.5),
    lambda m: m.eye(2, 3),
    lambda m: m.arange(5),
    lambda m: m.arange(1, 2, 0.3),
    lambda m: m.linspace(0, 1, 5),
    lambda m: m.logspace(0, 2, 3),
    lambda m: m.tensor([[1, 2]]),
    lambda m: m.tensor(True),
    lambda m: m.arange(0),
    lambda m: m.empty(0, 2),
)
case(
    "like",
    "any",
    lambda m, x: m.zeros_like(x),
    lambda m, x: m.ones_like(x),
    lambda m, x: m.full_like(x, 2),
    lambda m, x: x.new_zeros(2),
)

case(
    "constructors",
    "nothing",
    lambda m: m.as_tensor([1.5, 2]),
    lambda m: m.asarray([[1], [2]]),
    lambda m: m.scalar_tensor(2.5),
    lambda m: m.range(1, 3),
    lambda m: m.from_numpy(np.eye(2)),
    lambda m: m.tensor(np.float64(1)),
)
case(
    "questions",
    "full",
    lambda m, x: m.is_tensor(x),
    lambda m, x: m.is_floating_point(x),
    lambda m, x: m.is_complex(x),
    lambda m, x: (m.finfo(x.dtype).eps, m.finfo(m.float16).max, m.iinfo(m.int32).min),
    lambda m, x: tuple(m.broadcast_shapes((2, 1), (3,))),
    lambda m, x: [m.can_cast(a, b) for a in (m.float32, m.int64) for b in (m.float64, m.int8)],
    lambda m, x: [
        str(m.promote_types(a, b)).split(".")[-1] for a in (m.float32, m.uint8) for b in (m.float64, m.int8, m.bool)
    ],
    lambda m, x: str(m.result_type(x, 2)).split(".")[-1],
)

# --- Values that are special: infinite, NaN, ties, 0-size reductions -------------------------------------------------

SPECIAL = np.array([[0.0, -0.0, 1.0, 1.0], [np.inf, -np.inf, np.nan, 2.0]])
for _name in (
    "sum",
    "mean",
    "prod",
    "amax",
    "amin",
    "var",
    "logsumexp",
    "argmax",
    "argmin",
    "cumsum",
    "softmax",
    "log_softmax",
):
    case(
        f"{_name} of special values",
        "nothing",
        lambda m, f=_name: getattr(m, f)(m.tensor(SPECIAL.tolist()), 1),
        lambda m, f=_name: getattr(m, f)(m.tensor(SPECIAL.tolist()), 0),
    )
for _name in ("max", "min"):
    case(
        f"{_name} of special values",
        "nothing",
        lambda m, f=_name: getattr(m, f)(m.tensor(SPECIAL.tolist()), 1).values,
        lambda m, f=_name: getattr(m, f)(m.tensor(SPECIAL.tolist())),
    )
for _name in ("sum", "mean", "prod", "amax", "max", "argmax", "var", "logsumexp", "all", "any"):
    case(
        f"{_name} of nothing",
        "nothing",
        lambda m, f=_name: getattr(m, f)(m.zeros(0, 3), 0),
        lambda m, f=_name: getattr(m, f)(m.zeros(0, 3), 1),
    )
case(
    "reductions of nothing",
    "nothing",
    lambda m: m.zeros(0).sum(),
    lambda m: m.zeros(0).mean(),
    lambda m: m.zeros(0).prod(),
    lambda m: m.zeros(0).max(),
    lambda m: m.zeros(0).argmax(),
    lambda m: m.zeros(0).min(),
    lambda m: m.zeros(0).std(),
)
reduction("logsumexp", whole=False)
