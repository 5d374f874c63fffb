"""L-BFGS, natural gradient and the variants of Rprop."""

from __future__ import annotations

import itertools
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_course as tc
from tinygrad_course.optim.natural_gradient import GaussNewton, conjugate_gradients


def leaf(values: Any, dtype: Any = np.float64) -> Any:
    return tc.tensor(np.asarray(values, dtype), requires_grad=True)


def weighted_sum(x: Any, weight: float = 1.0) -> Any:
    """A sum by way of a product, so that these tests need no reductions."""
    return x.reshape(-1) @ np.full(x.array.size, weight, x.array.dtype)


def rosenbrock(x: Any, y: Any) -> Any:
    return weighted_sum((1 - x) * (1 - x) + 100 * (y - x * x) * (y - x * x))


class TestLBFGS:
    pytestmark = pytest.mark.filterwarnings("error")

    def setup_method(self) -> None:
        pytest.importorskip("scipy")

    @given(st.floats(-2, 2), st.floats(-2, 2))
    def test_rosenbrock(self, a: float, b: float) -> None:
        x, y = leaf([a]), leaf([b])
        optimizer = tc.optim.LBFGS([x, y], max_iter=300)
        calls = 0

        def closure() -> Any:
            nonlocal calls
            calls += 1
            optimizer.zero_grad()
            loss = rosenbrock(x, y)
            loss.backward()
            return loss

        start = float(rosenbrock(x, y))
        assert float(optimizer.step(closure)) == start
        np.testing.assert_allclose([x.item(), y.item()], [1, 1], atol=1e-3)
        assert optimizer.result["evaluations"] == calls and optimizer.result["converged"]
        assert optimizer.result["iterations"] <= calls
        assert optimizer.state_dict()["state"][0]["func_evals"] == calls

    def test_bounds_hold(self) -> None:
        x, y = leaf([-1.0]), leaf([0.5])
        optimizer = tc.optim.LBFGS([x, y], max_iter=100, bounds=[(None, 0.5), None])
        seen = []

        def closure() -> Any:
            seen.append(x.item())
            optimizer.zero_grad()
            loss = rosenbrock(x, y)
            loss.backward()
            return loss

        optimizer.step(closure)
        assert max(seen) <= 0.5
        np.testing.assert_allclose([x.item(), y.item()], [0.5, 0.25], atol=1e-4)

    def test_limits_and_float32(self) -> None:
        x, y = leaf([-1.0], np.float32), leaf([0.5], np.float32)
        optimizer = tc.optim.LBFGS([x, y], max_iter=3)

        def closure() -> Any:
            optimizer.zero_grad()
            loss = rosenbrock(x, y)
            loss.backward()
            return loss

        optimizer.step(closure)
        assert optimizer.result["iterations"] <= 3 and not optimizer.result["converged"]
        assert x.array.dtype == np.float32
        assert optimizer.result["loss"] == pytest.approx(float(rosenbrock(x, y)), rel=1e-5)

    def test_messages(self, monkeypatch: pytest.MonkeyPatch) -> None:
        x = leaf([1.0])
        optimizer = tc.optim.LBFGS([x])
        with pytest.raises(RuntimeError, match="needs a closure"):
            optimizer.step()
        with pytest.raises(ValueError, match="only one group"):
            optimizer.add_param_group({"params": [leaf([1.0])]})
        with pytest.raises(ValueError, match="lr=1"):
            tc.optim.LBFGS([x], lr=0.1)
        with pytest.raises(ValueError, match="2 bounds for 1"):
            tc.optim.LBFGS([x], bounds=[None, None]).step(lambda: x)
        monkeypatch.setitem(sys.modules, "scipy.optimize", None)
        with pytest.raises(ImportError, match=r"pip install .*\[scipy\]"):
            optimizer.step(lambda: x)


def network(rng: np.random.Generator) -> tuple[list[Any], Any, np.ndarray]:
    x = rng.normal(size=(6, 3))
    params = [leaf(rng.normal(size=s) * 0.7) for s in [(3, 4), (4,), (4, 2)]]

    def outputs() -> Any:
        return tc.tanh(tc.tensor(x) @ params[0] + params[1]) @ params[2]

    return params, outputs, x


def jacobian(outputs: Any, params: list[Any]) -> np.ndarray:
    """Row by row, with an independent backward pass for each output."""
    y = outputs()
    rows = []
    for i in range(y.array.size):
        u = np.zeros(y.array.size)
        u[i] = 1
        found = tc.autograd.grad(y, params, tc.tensor(u.reshape(y.array.shape)), retain_graph=True)
        rows.append(np.concatenate([g.array for g in found], axis=None))
    return np.stack(rows)


def squared_error(y: Any, t: np.ndarray) -> Any:
    return weighted_sum((y - t) * (y - t), 0.5 / len(t))


def cross_entropy(z: Any, t: np.ndarray) -> Any:
    """For two classes and one-hot targets, from the logits."""
    ones = np.ones((2, 1))
    return weighted_sum(tc.log(tc.exp(z) @ ones) - (z * t) @ ones, 1 / len(t))


@pytest.mark.parametrize("kind", ["squared", "entropy"])
@given(st.integers(0, 999))
def test_gauss_newton_is_the_formed_fisher(kind: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    params, outputs, x = network(rng)
    n = len(x)
    J = jacobian(outputs, params)
    y = outputs()
    if kind == "squared":
        t = rng.normal(size=(n, 2))
        loss, H = squared_error(y, t), np.eye(2 * n) / n
        slope = (y.array - t).reshape(-1) / n
    else:
        t = np.eye(2)[rng.integers(0, 2, n)]
        loss = cross_entropy(y, t)
        prob = np.exp(y.array) / np.exp(y.array).sum(1, keepdims=True)
        H = np.zeros((2 * n, 2 * n))
        for i, q in enumerate(prob):  # the Fisher matrix of a softmax output
            H[2 * i : 2 * i + 2, 2 * i : 2 * i + 2] = (np.diag(q) - np.outer(q, q)) / n
        slope = ((prob - t) / n).reshape(-1)
    F = J.T @ H @ J
    curvature = GaussNewton(loss, y, params)
    np.testing.assert_allclose(curvature.matrix(), F, atol=1e-10)
    np.testing.assert_allclose(curvature.gradient, J.T @ slope, atol=1e-10)
    assert np.abs(F).max() > 1e-3

    # One step, undamped otherwise: w - (F + δI)⁻¹ ∂E/∂w by an explicit solve.
    before = np.concatenate([p.array for p in params], axis=None).copy()
    optimizer = tc.optim.NaturalGradient(
        params, lr=0.5, damping=0.1, cg_iter=200, cg_tolerance=1e-12, max_halvings=0, adapt_damping=False
    )
    error = squared_error if kind == "squared" else cross_entropy

    def closure() -> Any:
        z = outputs()
        return error(z, t), z

    np.testing.assert_allclose(optimizer.fisher(closure), F, atol=1e-10)
    optimizer.step(closure)
    moved = np.concatenate([p.array for p in params], axis=None) - before
    expected = -0.5 * np.linalg.solve(F + 0.1 * np.eye(len(F)), J.T @ slope)
    np.testing.assert_allclose(moved, expected, rtol=1e-6, atol=1e-9)
    assert optimizer.result["quadratic"] == pytest.approx(0.5 * expected @ F @ expected, rel=1e-6)


@given(st.integers(0, 999))
def test_conjugate_gradients(seed: int) -> None:
    rng = np.random.default_rng(seed)
    a = rng.normal(size=(8, 8))
    a = a @ a.T + np.eye(8)
    b = rng.normal(size=8)
    x, products = conjugate_gradients(lambda v: a @ v, b, 100, 1e-12)
    np.testing.assert_allclose(x, np.linalg.solve(a, b), rtol=1e-7, atol=1e-9)
    assert products <= 40
    assert conjugate_gradients(lambda v: a @ v, b * 0, 100, 1e-9)[1] == 0


def test_trust_region_and_rejection() -> None:
    params, outputs, x = network(np.random.default_rng(0))
    t = np.random.default_rng(1).normal(size=(len(x), 2)) * 5

    def closure() -> Any:
        y = outputs()
        return squared_error(y, t), y

    optimizer = tc.optim.NaturalGradient(params, damping=1e-3, max_kl=0.01)
    losses = [float(closure()[0])]
    for _ in range(25):
        optimizer.step(closure)
        assert optimizer.result["quadratic"] <= 0.01 * (1 + 1e-6)
        losses.append(float(closure()[0]))
        assert losses[-1] == optimizer.result["new_loss"]
    assert all(b <= a for a, b in itertools.pairwise(losses)) and losses[-1] < losses[0]

    kept = [p.array.copy() for p in params]
    calls = 0

    def rising() -> Any:  # every look after the first shows a higher loss
        nonlocal calls
        calls += 1
        loss, y = closure()
        return loss + 100 * (calls > 1), y

    damping = optimizer.param_groups[0]["damping"]
    optimizer.step(rising)
    assert not optimizer.result["accepted"] and optimizer.param_groups[0]["damping"] > damping
    assert all(np.array_equal(p.array, k) for p, k in zip(params, kept))
    with pytest.raises(TypeError, match=r"\(loss, outputs\)"):
        optimizer.step(lambda: closure()[0])
    with pytest.raises(RuntimeError, match="needs a closure"):
        optimizer.step()


class TestRprop:
    def bowl(self, variant: str, steps: int) -> tuple[list[float], Any]:
        w = leaf([3.0, -0.02])
        optimizer = tc.optim.Rprop([w], lr=0.1, variant=variant)
        losses = []

        def closure() -> Any:
            optimizer.zero_grad()
            loss = weighted_sum(w * w * np.array([1.0, 500.0]) + (w * w) * (w * w))
            loss.backward()
            return loss

        for _ in range(steps):
            losses.append(float(optimizer.step(closure)))
        return losses, w

    @pytest.mark.parametrize("variant", ["iRprop-", "iRprop+", "Rprop-", "Rprop+"])
    def test_reaches_the_minimum(self, variant: str) -> None:
        losses, w = self.bowl(variant, 150)
        assert losses[-1] < 1e-6 * losses[0]
        assert np.abs(w.array).max() < 1e-3

    def test_by_hand(self) -> None:
        """A sign change after two equal signs: what each variant does with the third step."""

        def path(variant: str, losses: tuple[float, float, float]) -> list[float]:
            w = leaf([0.0])
            optimizer = tc.optim.Rprop([w], lr=0.1, variant=variant)
            places = []
            for g, loss in zip([1.0, 1.0, -1.0, -1.0], [*losses, 0.0]):
                w.grad = tc.tensor([g], dtype=tc.float64)
                optimizer.step(lambda loss=loss: loss)
                places.append(w.item())
            return places

        begin = [-0.1, -0.22]
        np.testing.assert_allclose(path("iRprop-", (3, 2, 1)), [*begin, -0.22, -0.16])
        np.testing.assert_allclose(path("Rprop-", (3, 2, 1)), [*begin, -0.16, -0.088])
        np.testing.assert_allclose(path("Rprop+", (3, 2, 1)), [*begin, -0.1, -0.04])
        np.testing.assert_allclose(path("iRprop+", (3, 2, 1)), [*begin, -0.22, -0.16])  # the loss fell: stay
        np.testing.assert_allclose(path("iRprop+", (3, 2, 4)), [*begin, -0.1, -0.04])  # it rose: go back

    def test_needs_a_closure(self) -> None:
        with pytest.raises(RuntimeError, match="step\\(closure\\)"):
            tc.optim.Rprop([leaf([1.0])], variant="iRprop+").step()
        with pytest.raises(ValueError, match="variant"):
            tc.optim.Rprop([leaf([1.0])], variant="rprop")


@given(st.integers(0, 10**6))
def test_a_penalty_beside_the_outputs_is_followed_too(seed: int) -> None:
    """½‖Xw − t‖² + ½λ‖w‖²: its minimum is ridge regression's, which the gradient's part alone would miss."""
    r = np.random.default_rng(seed)
    x, t = r.standard_normal((8, 3)), r.standard_normal((8, 1))
    w = tc.tensor(np.zeros((3, 1)), requires_grad=True)
    optimizer = tc.optim.NaturalGradient([w], damping=1e-3)
    inputs, targets = tc.tensor(x), tc.tensor(t)

    def closure() -> Any:
        outputs = inputs @ w
        return 0.5 * ((outputs - targets) ** 2).sum() + 0.25 * (w * w).sum(), outputs

    for _ in range(60):
        optimizer.step(closure)
    np.testing.assert_allclose(w.array, np.linalg.solve(x.T @ x + 0.5 * np.eye(3), x.T @ t), atol=1e-5)
