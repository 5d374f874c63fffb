"""Native norms, softmax and cross-entropy against the NumPy path in float64."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_course as tc
from tinygrad_course.ops import activation, loss
from tinygrad_course.ops import normalization as ops

pytest.importorskip("llvmlite")
if not tc.native.available():
    pytest.skip("no native kernels for this computer", allow_module_level=True)

from tinygrad_course.native import norm, softmax

DTYPES = st.sampled_from([np.float32, np.float32, np.float64])


def close(found: np.ndarray | None, wanted: np.ndarray, dtype: Any) -> None:
    assert found is not None and found.dtype == dtype and found.shape == wanted.shape
    tolerance = 2e-6 if dtype == np.float32 else 1e-14
    np.testing.assert_allclose(found, wanted, rtol=4 * tolerance, atol=tolerance * max(1e-3, np.abs(wanted).max()))


@st.composite
def shapes(draw: st.DrawFn) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """A shape and the axes that are normalized over: those before and behind some that are kept."""
    lead = draw(st.lists(st.integers(1, 4), max_size=2))
    kept = draw(st.lists(st.integers(1, 5), max_size=2))
    inner = [draw(st.integers(8, 150)), *draw(st.lists(st.integers(1, 3), max_size=1))]
    axes = (*range(len(lead)), *range(len(lead) + len(kept), len(lead) + len(kept) + len(inner)))
    return (*lead, *kept, *inner), axes


@given(shapes(), DTYPES, st.floats(-30, 30))
def test_groups(case: tuple[Any, Any], dtype: Any, shift: float) -> None:
    shape, axes = case
    rng = np.random.default_rng(0)
    x, z = (rng.standard_normal(shape) + shift).astype(dtype), rng.standard_normal(shape).astype(dtype)
    x8, z8 = x.astype(np.float64), z.astype(np.float64)
    small = tuple(1 if a in axes else n for a, n in enumerate(shape))
    b, d, e = (rng.standard_normal(small).astype(dtype) for _ in range(3))
    b8, d8, e8 = (v.astype(np.float64) for v in (b, d, e))
    found = norm.standardize(x, axes=axes, eps=1e-5)
    assert found is not None
    _, mean, variance = ops._standardize(x8, axes=axes, eps=1e-5)
    close(found[1], mean, dtype)
    close(found[2], variance, dtype)
    scale = 1e-6 if dtype == np.float32 else 1e-14  # a mean of rounded values, divided by the deviation
    bound = scale * (8 + 4 * abs(shift)) / np.sqrt(variance + 1e-5)
    assert (np.abs(found[0] - (x8 - mean) / np.sqrt(variance + 1e-5)) <= bound * (1 + np.abs(x8 - mean))).all()
    close(norm.mean_product(z, z, axes=axes), ops._mean_product(z8, z8, axes=axes), dtype)
    close(norm.affine(x, b, d), ops._affine(x8, b8, d8), dtype)
    close(norm.combine(x, b, z, d, e), ops._combine(x8, b8, z8, d8, e8), dtype)


def test_the_gradient_of_a_bias(rng: np.random.Generator) -> None:
    for shape in ((5, 3, 9, 11), (2, 7, 40), (3, 1, 8, 8), (1, 4, 5, 50)):
        g = rng.standard_normal(shape)
        axes = (0, *range(2, len(shape)))
        close(norm.channel_sums(g), g.sum(axes), np.float64)
        close(norm.channel_sums(g.astype(np.float32)), g.sum(axes), np.float32)


def test_constant_groups_have_no_deviation() -> None:
    x = np.full((4, 3, 5, 7), 1.5, np.float32)
    y, mean, variance = norm.standardize(x, axes=(0, 2, 3), eps=1e-5)  # type: ignore[misc]
    assert not y.any() and not variance.any() and (mean == 1.5).all()


def test_what_is_not_served() -> None:
    x = np.ones((4, 8, 9), np.float32)
    assert norm.layout((4, 8, 9), (True, False, True)) is None
    assert norm.standardize(x, axes=(1,), eps=0.0) is None
    assert norm.standardize(np.asfortranarray(x), axes=(2,), eps=0.0) is None
    assert norm.affine(x, np.ones(9, np.float32), np.ones(9, np.float32)) is None
    assert norm.standardize(x.astype(np.float16), axes=(2,), eps=0.0) is None


@pytest.mark.parametrize("layer", ["batch", "layer", "group"])
def test_layers_with_kernels_and_without(layer: str, rng: np.random.Generator) -> None:
    values = rng.standard_normal((8, 6, 12, 12)).astype(np.float32)
    g = tc.from_numpy(rng.standard_normal(values.shape).astype(np.float32))
    made = {
        "batch": lambda: tc.nn.BatchNorm2d(6), "layer": lambda: tc.nn.LayerNorm((12, 12)),
        "group": lambda: tc.nn.GroupNorm(2, 6),
    }[layer]  # fmt: skip
    results = []
    for kernels in ("off", "auto"):
        with tc.config.set(kernels=kernels, log_kernels=True):
            tc.native.report(reset=True)
            model, x = made(), tc.tensor(values, requires_grad=True)
            y = model(x)
            y.backward(g)
            ran = tc.native.report(reset=True)
        assert (("standardize", "") in ran) == (kernels == "auto")
        results.append([y.detach().numpy(), x.grad.numpy(), *(p.grad.numpy() for p in model.parameters())])  # type: ignore[union-attr]
    for a, b in zip(*results):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


# --- Softmax and cross-entropy ------------------------------------------------------------------------------------


@given(st.integers(1, 40), st.integers(1, 70), DTYPES, st.floats(-200, 200), st.sampled_from([0.1, 1.0, 50.0]))
def test_softmax(rows: int, n: int, dtype: Any, shift: float, spread: float) -> None:
    rng = np.random.default_rng(0)
    x = (rng.standard_normal((rows, n)) * spread + shift).astype(dtype)
    x8 = x.astype(np.float64)
    tolerance = 1e-6 if dtype == np.float32 else 1e-14
    probabilities = activation._softmax(x8, dim=-1)
    found = softmax.softmax(x, dim=-1)
    assert found is not None and found.dtype == dtype
    np.testing.assert_allclose(found, probabilities, rtol=8 * tolerance, atol=tolerance * 1e-3)
    logs = activation._log_softmax(x8, dim=-1)
    # The difference from the largest is as exact as x; the logarithm of a sum as its largest term.
    bound = {"rtol": 2 * tolerance, "atol": 4 * tolerance}
    np.testing.assert_allclose(softmax.log_softmax(x, dim=1), logs, **bound)  # type: ignore[arg-type]
    target = rng.integers(0, n, rows)
    wanted = loss._cross_entropy(x8, target, ignore_index=-100)
    np.testing.assert_allclose(softmax.cross_entropy(x, target, ignore_index=-100), wanted, **bound)  # type: ignore[arg-type]


def test_softmax_of_what_is_not_finite() -> None:
    inf, nan = np.inf, np.nan
    x = np.array([[0, -inf, 0, 1], [-inf, -inf, -inf, -inf], [1, nan, 2, 3], [inf, 0, 0, 0]], np.float32)
    x = np.concatenate([x, np.zeros((4, 15), np.float32) - inf], 1)
    with np.errstate(invalid="ignore"):
        for kernel, plain in ((softmax.softmax, activation._softmax), (softmax.log_softmax, activation._log_softmax)):
            np.testing.assert_allclose(kernel(x, dim=1), plain(x, dim=-1), rtol=1e-6)  # type: ignore[arg-type]


def test_targets_that_are_ignored_or_no_class() -> None:
    x = np.random.default_rng(0).standard_normal((6, 5)).astype(np.float32)
    target = np.array([0, 1, -100, 4, -100, 2], np.int32)
    found = softmax.cross_entropy(x, target, ignore_index=-100)
    np.testing.assert_allclose(found, loss._cross_entropy(x, target, ignore_index=-100), rtol=1e-5)  # type: ignore[arg-type]
    with pytest.raises(IndexError, match="target 5 is no class"):
        softmax.cross_entropy(x, target + 1, ignore_index=-99)


def test_the_loss_of_many_classes_with_kernels_and_without(rng: np.random.Generator) -> None:
    values, target = rng.standard_normal((64, 1000)).astype(np.float32), tc.from_numpy(rng.integers(0, 1000, 64))
    results = []
    for kernels in ("off", "auto"):
        with tc.config.set(kernels=kernels, log_kernels=True):
            tc.native.report(reset=True)
            x = tc.tensor(values, requires_grad=True)
            y = tc.nn.functional.cross_entropy(x, target)
            y.backward()
            ran = tc.native.report(reset=True)
        assert (("cross_entropy", "") in ran) == (("softmax", "") in ran) == (kernels == "auto")
        results.append((y.detach().numpy(), x.grad.numpy()))  # type: ignore[union-attr]
    for a, b in zip(*results):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-8)
