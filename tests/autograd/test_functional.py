"""`autograd.functional` against PyTorch's, argument by argument."""

import numpy as np
import pytest

import tinygrad_course as tc
from tinygrad_course.autograd import functional

torch = pytest.importorskip("torch")
theirs = torch.autograd.functional

RNG = np.random.default_rng(0)
A, B, V, W, U = (RNG.normal(size=3) for _ in range(5))


def scalar(a, b):
    return ((a * b) ** 3).sum() + (a * a * b).sum()


def vector(a, b):
    return a * b * a


def several(a, b):
    return a * b, (a * a).sum()


def pair(*arrays):
    return tuple(tc.tensor(x) for x in arrays), tuple(torch.tensor(x) for x in arrays)


def assert_same(ours, other):
    if isinstance(other, torch.Tensor):
        assert isinstance(ours, tc.Tensor) and tuple(ours.shape) == tuple(other.shape)
        np.testing.assert_allclose(ours.detach().array, other.detach().numpy(), rtol=1e-10, atol=1e-12)
    else:
        assert type(ours) is tuple and len(ours) == len(other)
        for a, b in zip(ours, other):
            assert_same(a, b)


@pytest.mark.parametrize("function", [scalar, vector, several])
@pytest.mark.parametrize("strategy", ["reverse-mode", "forward-mode"])
def test_jacobian(function, strategy):
    ours, other = pair(A, B)
    assert_same(functional.jacobian(function, ours, strategy=strategy), theirs.jacobian(function, other))
    assert_same(
        functional.jacobian(lambda a: function(a, ours[1]), ours[0], strategy=strategy),
        theirs.jacobian(lambda a: function(a, other[1]), other[0]),
    )


def test_hessian():
    ours, other = pair(A, B)
    assert_same(functional.hessian(scalar, ours), theirs.hessian(scalar, other))
    for strategy in ("reverse-mode", "forward-mode"):
        assert_same(
            functional.hessian(lambda a: scalar(a, ours[1]), ours[0], outer_jacobian_strategy=strategy),
            theirs.hessian(lambda a: scalar(a, other[1]), other[0]),
        )


@pytest.mark.parametrize("name", ["jvp", "hvp", "vhp"])
def test_products_with_vectors(name):
    ours, other = pair(A, B)
    v, w = pair(V, W)
    assert_same(getattr(functional, name)(scalar, ours, v), getattr(theirs, name)(scalar, other, w))
    one = lambda a: scalar(a, a * 2.0)
    assert_same(getattr(functional, name)(one, ours[0], v[0]), getattr(theirs, name)(one, other[0], w[0]))


def test_vjp():
    ours, other = pair(A, B)
    (u,), (v,) = pair(U)
    assert_same(functional.vjp(vector, ours, u), theirs.vjp(vector, other, v))
    assert_same(functional.vjp(scalar, ours), theirs.vjp(scalar, other))
    s, t = tc.tensor(2.0, dtype=tc.float64), torch.tensor(2.0, dtype=torch.float64)
    assert_same(functional.vjp(several, ours, (u, s)), theirs.vjp(several, other, (v, t)))


def test_create_graph_keeps_the_result_in_the_graph():
    x = tc.tensor(A, requires_grad=True)
    f = lambda x: (x**4).sum()
    assert not functional.hessian(f, x).requires_grad
    assert not functional.hvp(f, x, tc.tensor(V))[1].requires_grad
    functional.hessian(f, x, create_graph=True).sum().backward()
    np.testing.assert_allclose(x.grad.array, 24 * A, rtol=1e-10)
    x.grad = None
    functional.vjp(f, x, create_graph=True)[1].sum().backward()
    np.testing.assert_allclose(x.grad.array, 12 * A**2, rtol=1e-10)


def test_strict_and_missing_vectors_are_named():
    x = tc.tensor(A)
    with pytest.raises(RuntimeError, match="output 0 does not depend on input 1"):
        functional.jacobian(lambda a, b: a * 2.0, (x, x), strict=True)
    assert functional.jacobian(lambda a, b: a * 2.0, (x, x))[1].array.any() == np.False_
    with pytest.raises(RuntimeError, match="single value"):
        functional.vjp(lambda a: a * 2.0, x)
    with pytest.raises(RuntimeError, match="v may be left out only"):
        functional.jvp(lambda a: a * 2.0, x)
    with pytest.raises(RuntimeError, match="single value, got"):
        functional.hessian(lambda a: a * 2.0, x)
    with pytest.raises(ValueError, match="strategy"):
        functional.jacobian(lambda a: a, x, strategy="sideways")
