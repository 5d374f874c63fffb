"""NumPy's functions on Tensors: the values NumPy gives for the arrays, as Tensors in the graph."""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_course as tc

A = np.array([[0.5, -1.5, 2.25], [3.0, 0.25, -0.75]])
M = np.array([[2.0, 0.5], [0.25, 1.0]])
CALLS = {
    "sum": lambda x: np.sum(x, axis=0), "sum all": np.sum,
    "sum keep": lambda x: np.sum(x, axis=(0, 1), keepdims=True), "mean": lambda x: np.mean(x, axis=1),
    "max": lambda x: np.max(x, axis=0), "min": np.min, "amax": lambda x: np.amax(x, 1),
    "prod": lambda x: np.prod(x, axis=(0, 1)), "var": lambda x: np.var(x, axis=0, ddof=1), "std": np.std,
    "any": lambda x: np.any(x > 2, axis=0), "all": lambda x: np.all(x > 2), "argmax": lambda x: np.argmax(x, axis=1),
    "argmin": np.argmin, "median": lambda x: np.median(x, axis=0), "quantile": lambda x: np.quantile(x, 0.3, axis=1),
    "nansum": np.nansum, "nanmean": lambda x: np.nanmean(x, axis=0), "count_nonzero": np.count_nonzero,
    "cumsum": np.cumsum, "cumsum 1": lambda x: np.cumsum(x, axis=1), "cumprod": lambda x: np.cumprod(x, axis=0),
    "diff": np.diff, "reshape": lambda x: np.reshape(x, (3, 2)), "ravel": np.ravel, "transpose": np.transpose,
    "transpose axes": lambda x: np.transpose(x, (1, 0)), "swapaxes": lambda x: np.swapaxes(x, 0, 1),
    "moveaxis": lambda x: np.moveaxis(x, 0, 1), "squeeze": lambda x: np.squeeze(x[:1], axis=0),
    "expand_dims": lambda x: np.expand_dims(x, 1), "broadcast_to": lambda x: np.broadcast_to(x, (2, 2, 3)),
    "tile": lambda x: np.tile(x, (2, 1)), "repeat": lambda x: np.repeat(x, 2, axis=1), "flip": np.flip,
    "flip 0": lambda x: np.flip(x, 0), "fliplr": np.fliplr, "flipud": np.flipud,
    "roll": lambda x: np.roll(x, 1, axis=1), "roll all": lambda x: np.roll(x, 2), "rot90": np.rot90,
    "tril": lambda x: np.tril(x, -1), "triu": np.triu, "diag": np.diag, "diagonal": np.diagonal,
    "trace": lambda x: np.trace(x[:, :2]), "pad": lambda x: np.pad(x, ((1, 0), (0, 2))),
    "where": lambda x: np.where(x > 0, x, 0), "clip": lambda x: np.clip(x, -1, 1),
    "take": lambda x: np.take(x, [2, 0], axis=1),
    "take_along_axis": lambda x: np.take_along_axis(x, np.argsort(x, axis=1), axis=1), "sort": np.sort,
    "argsort": lambda x: np.argsort(x, axis=0), "unique": np.unique, "round": lambda x: np.round(x, 1),
    "concatenate": lambda x: np.concatenate([x, x], axis=1), "concatenate mixed": lambda x: np.concatenate([A, x]),
    "concatenate flat": lambda x: np.concatenate([x, x], axis=None), "stack": lambda x: np.stack([x, x], axis=1),
    "vstack": lambda x: np.vstack([x, x]), "hstack": lambda x: np.hstack([x, x]),
    "dstack": lambda x: np.dstack([x, x]), "split": lambda x: np.split(x, 3, axis=1)[1],
    "array_split": lambda x: np.array_split(x, 2, axis=1)[0], "einsum": lambda x: np.einsum("ij,kj->ik", x, x),
    "einsum optimized": lambda x: np.einsum("ij,ij", x, x, optimize=True), "dot": lambda x: np.dot(x, A.T),
    "inner": lambda x: np.inner(x, x), "outer": lambda x: np.outer(x[0], x[1]),
    "tensordot": lambda x: np.tensordot(x, x, axes=([0], [0])), "kron": lambda x: np.kron(x, M),
    "cross": lambda x: np.cross(x[0], x[1]), "matmul": lambda x: np.matmul(A.T, x), "copy": np.copy,
    "nan_to_num": np.nan_to_num, "isclose": lambda x: np.isclose(x, A), "isin": lambda x: np.isin(x, [0.5, 3.0]),
    "nonzero": lambda x: np.nonzero(x > 1)[1], "argwhere": lambda x: np.argwhere(x > 1),
    "allclose": lambda x: np.allclose(x, A), "array_equal": lambda x: np.array_equal(x, x), "shape": np.shape,
    "ndim": np.ndim, "size": np.size, "meshgrid": lambda x: np.meshgrid(x[0], x[1])[0],
    "searchsorted": lambda x: np.searchsorted(np.sort(x[0]), x[1]), "add.reduce": np.add.reduce,
    "add.reduce all": lambda x: np.add.reduce(x, axis=None), "tanh": np.tanh,
    "multiply.reduce": lambda x: np.multiply.reduce(x, axis=1),
    "maximum.reduce": lambda x: np.maximum.reduce(x, axis=1, keepdims=True),
    "scalar left": lambda x: np.float64(2) * x, "array left": lambda x: A - x,
    "broadcast_arrays": lambda x: np.broadcast_arrays(x, x[:1])[1], "atleast_3d": np.atleast_3d,
    "column_stack": lambda x: np.column_stack([x[0], x[1]]),
}  # fmt: skip


@pytest.mark.parametrize("name", CALLS)
def test_values_are_numpys(name):
    expected = CALLS[name](A)
    x = tc.tensor(A, requires_grad=True)
    found = CALLS[name](x)
    if not isinstance(found, tc.Tensor):
        assert found == expected
        return
    np.testing.assert_allclose(found.detach().numpy(), expected, rtol=1e-12)
    assert found.shape == np.shape(expected)
    if found.dtype.kind == "f" and name != "unique":
        assert found.requires_grad


def test_what_is_not_supported_says_so():
    x = tc.ones(3)
    for call, text in (
        (lambda: np.interp(x, x, x), "np.interp is not supported"),
        (lambda: np.sum(x, where=x > 0), "np.sum with where="),
        (lambda: np.pad(x, 1, mode="edge"), "np.pad with mode="),
        (lambda: np.add(x, 1, out=np.ones(3)), "out= cannot hold"), (lambda: np.add.accumulate(x), "np.add.accumulate"),
        (lambda: np.add.reduce(x, where=np.ones(3, bool)), "np.add.reduce with where="),
    ):  # fmt: skip
        with pytest.raises(TypeError, match=text):
            call()
