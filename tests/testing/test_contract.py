"""Each clause of the contract between rules and engine rejects what breaks it, and accepts what keeps to it."""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_course as tc
from tinygrad_course.testing.contract import CONTRACT, Call, ContractError


def op(vjp, forward=None, **options):
    options = {"name": "suspect", "broadcasts": True} | options
    return tc.primitive(forward or (lambda x, w: x * w), vjp=vjp, **options)


def _writes(g, y, x, w):
    g *= w
    return g


def _reads_layout(x, w):
    """Takes the values in the order of memory."""
    return np.ndarray(x.shape, x.dtype, np.ascontiguousarray(x.ravel("K"))) * w


right = (lambda g, _y, _x, w: g * w, lambda g, _y, x, _w: g * x)

BROKEN = {
    "dtype": op((lambda g, _y, _x, w: g * w * np.float64(1), right[1])),
    "dtype of the output": op(right, lambda x, w: np.asarray(x * w, np.float64)),
    "inputs untouched": op((_writes, right[1])),
    "inputs untouched forward": op(right, lambda x, w: np.multiply(x, w, out=x)),
    "recorded": op((lambda g, _y, _x, w: g * w * (1.5 if isinstance(g, tc.Tensor) else 1), right[1])),
    "smaller cotangent": op((lambda g, _y, x, w: g * w * (x.ndim - len(g.shape) + 1), right[1])),
    "lean memory": op((lambda g, _y, _x, w: g * w, lambda g, _y, _x, _w: g * np.sign(_x) * np.abs(_x))),
    "layout": op(right, _reads_layout),
    "Python numbers": op(right, lambda x, w: x * w if isinstance(w, np.ndarray) else x + w),
}


def inputs():
    rng = np.random.default_rng(0)
    return rng.uniform(0.5, 2, (2, 3)), rng.uniform(0.5, 2, (2, 3))


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_clause_is_named(name):
    clause = next(c for c in CONTRACT if name.startswith(c))
    with pytest.raises(ContractError, match=r"^suspect: .* \(called with float64\[2, 3\], float64\[2, 3\]\)"):
        CONTRACT[clause](Call(BROKEN[name], inputs()), np.random.default_rng(0))


@pytest.mark.parametrize("clause", CONTRACT)
def test_what_keeps_to_it_passes(clause):
    CONTRACT[clause](Call(op(right), inputs()), np.random.default_rng(0))


def test_shapes_are_checked():
    """The engine itself refuses a cotangent that does not fit."""
    wrong = op((lambda g, _y, _x, w: (g * w)[:1], right[1]), broadcasts=False, lazy=False)
    call = Call(wrong, inputs())
    gradients = call.gradients(call.inputs, np.random.default_rng(0))
    assert gradients[0].shape == (2, 3)
    wrong = op((lambda g, _y, _x, w: (g * w)[:, :2], right[1]), broadcasts=False)
    with pytest.raises(RuntimeError, match="suspect: its vjp gave a cotangent of shape"):
        CONTRACT["shapes"](Call(wrong, inputs()), np.random.default_rng(0))


def test_random_draws_are_repeated():
    generator = tc.Generator().manual_seed(5)
    noisy = tc.primitive(
        lambda x, *, generator: x * generator.numpy.normal(size=x.shape),
        vjp=lambda g, y, x, *, generator: g * y / x, name="noisy",
    )  # fmt: skip
    call = Call(noisy, [np.ones(3)], {"generator": generator})
    np.testing.assert_array_equal(call(*call.inputs).array, call(*call.inputs).array)
