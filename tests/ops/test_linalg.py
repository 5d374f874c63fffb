"""Linear algebra against PyTorch: values and gradients of orders 1 and 2, in batches; degenerate and bad input."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinygrad_course as tc
from tinygrad_course.linalg import LinAlgError

torch = pytest.importorskip("torch")
ours, theirs = tc.linalg, torch.linalg
few = settings(max_examples=10)


def matrices(seed, *shape):
    """Random matrices, well away from singular."""
    rng = np.random.default_rng(seed)
    a = rng.normal(size=shape)
    return a + 2 * np.eye(*shape[-2:]) * np.sign(np.diagonal(a, axis1=-2, axis2=-1))[..., : shape[-1], None].mean()


def symmetric(seed, *shape):
    a = matrices(seed, *shape)
    return a @ a.swapaxes(-1, -2) / 4 + np.diag(np.arange(1.0, shape[-1] + 1))


def results(lib, function, arrays):
    """Values, gradients, and gradients of a combination of the gradients."""
    leaves = [lib.tensor(a, requires_grad=True) for a in arrays]
    ys = function(*leaves)
    ys = [ys] if not isinstance(ys, (tuple, list)) else list(ys)

    def weighted(xs, seed):
        rng = np.random.default_rng(seed)
        return sum((x * x * lib.tensor(rng.normal(size=tuple(x.shape)))).sum() for x in xs if x.requires_grad)

    first = lib.autograd.grad(weighted(ys, 1), leaves, create_graph=True)
    second = lib.autograd.grad(weighted(first, 2), leaves)
    return [x.detach().numpy() for x in (*ys, *first, *second)]


def compare(f, g, *arrays, rtol=1e-7):
    for a, b in zip(results(tc, f, arrays), results(torch, g, arrays), strict=True):
        np.testing.assert_allclose(a, b, rtol=rtol, atol=1e-8 * max(1, np.abs(b).max(initial=0)))


def sym(a):
    return (a + a.mT) / 2


def up_to_sign(*xs):
    """Vectors of decompositions are unique up to their signs."""
    return [abs(x) for x in xs]


SQUARE = {
    "inv": (ours.inv, theirs.inv),
    "det": (ours.det, theirs.det),
    "slogdet": (lambda a: ours.slogdet(a)[1], lambda a: theirs.slogdet(a)[1]),
    "matrix_power": (lambda a: ours.matrix_power(a, 3), lambda a: theirs.matrix_power(a, 3)),
    "matrix_power negative": (lambda a: ours.matrix_power(a, -2), lambda a: theirs.matrix_power(a, -2)),
    "cond": (ours.cond, theirs.cond),
}
SYMMETRIC = {
    "cholesky": (ours.cholesky, lambda a: theirs.cholesky(sym(a))),
    "cholesky upper": (lambda a: ours.cholesky(a, upper=True), lambda a: theirs.cholesky(sym(a), upper=True)),
    "eigh": (lambda a: up_to_sign(*ours.eigh(a)), lambda a: up_to_sign(*theirs.eigh(sym(a)))),
    "eigvalsh": (ours.eigvalsh, lambda a: theirs.eigvalsh(sym(a))),
    "logdet": (tc.logdet, torch.logdet),
    "cholesky_inverse": (
        lambda a: tc.cholesky_inverse(ours.cholesky(a)), lambda a: torch.cholesky_inverse(theirs.cholesky(sym(a))),
    ),
}  # fmt: skip
ANY = {
    "svd": (lambda a: up_to_sign(*ours.svd(a, False)), lambda a: up_to_sign(*theirs.svd(a, full_matrices=False))),
    "svdvals": (ours.svdvals, theirs.svdvals),
    "qr": (lambda a: up_to_sign(*ours.qr(a)), lambda a: up_to_sign(*theirs.qr(a))),
    "pinv": (ours.pinv, theirs.pinv),
    **{
        f"norm {o}": (lambda a, o=o: ours.norm(a, o, (-2, -1)), lambda a, o=o: theirs.norm(a, o, (-2, -1)))
        for o in (None, "fro", "nuc", 2, -2, 1, -1, math.inf, -math.inf)
    },
    **{
        f"vector norm {o}": (lambda a, o=o: ours.norm(a, o, -1), lambda a, o=o: theirs.norm(a, o, -1))
        for o in (0.5, 1, 2, 3, -1, math.inf, -math.inf)
    },
}
batches = st.sampled_from([(), (2,), (1, 2)])
seeds = st.integers(0, 2**16)


@pytest.mark.parametrize("name", SQUARE)
def test_square(name):
    @few
    @given(batches, st.integers(1, 4), seeds)
    def check(batch, n, seed):
        compare(*SQUARE[name], matrices(seed, *batch, n, n))

    check()


@pytest.mark.parametrize("name", SYMMETRIC)
def test_symmetric(name):
    @few
    @given(batches, st.integers(1, 4), seeds)
    def check(batch, n, seed):
        compare(*SYMMETRIC[name], symmetric(seed, *batch, n, n), rtol=1e-5)

    check()


@pytest.mark.parametrize("name", ANY)
def test_any_shape(name):
    @few
    @given(batches, st.integers(1, 4), st.integers(1, 4), seeds)
    def check(batch, m, n, seed):
        a = np.random.default_rng(seed).normal(size=(*batch, m, n))
        u, s, vh = np.linalg.svd(a, full_matrices=False)
        a = u * (1 + np.arange(s.shape[-1])) @ vh
        compare(*ANY[name], a, rtol=1e-6)

    check()


@given(batches, st.booleans(), st.integers(1, 3), st.integers(1, 3), seeds)
def test_solve(batch, shared, n, k, seed):
    a = matrices(seed, *(() if shared else batch), n, n)
    b = np.random.default_rng(seed).normal(size=(*batch, n, k))
    compare(ours.solve, theirs.solve, a, b)
    compare(lambda a, b: ours.solve(a, b.mT, left=False), lambda a, b: theirs.solve(a, b.mT, left=False), a, b)
    if not shared or not batch:
        compare(ours.solve, theirs.solve, a, b[..., 0])
    for upper in (True, False):
        kinds = {"upper": upper, "unitriangular": bool(seed % 2)}
        compare(
            lambda a, b, kinds=kinds: ours.solve_triangular(a, b, **kinds),
            lambda a, b, kinds=kinds: theirs.solve_triangular(a, b, **kinds),
            a,
            b,
        )
    lower = np.linalg.cholesky(symmetric(seed, n, n))
    x = tc.cholesky_solve(tc.tensor(b), tc.tensor(lower))
    np.testing.assert_allclose(x.numpy(), torch.cholesky_solve(torch.tensor(b), torch.tensor(lower)).numpy())


@given(st.integers(1, 3), st.integers(0, 2), seeds)
def test_lstsq(n, more, seed):
    rng = np.random.default_rng(seed)
    a, b = np.linalg.qr(rng.normal(size=(n + more, n)))[0] * 2, rng.normal(size=(n + more, 2))
    compare(lambda a, b: ours.lstsq(a, b).solution, lambda a, b: theirs.lstsq(a, b).solution, a, b)
    found, expected = (
        ours.lstsq(tc.tensor(a), tc.tensor(b)),
        theirs.lstsq(torch.tensor(a), torch.tensor(b), driver="gelsd"),
    )
    np.testing.assert_allclose(found.residuals.numpy(), expected.residuals.numpy(), atol=1e-12)
    assert found.rank.item() == n


@given(st.lists(st.integers(1, 4), min_size=3, max_size=6), seeds)
def test_multi_dot(sizes, seed):
    rng = np.random.default_rng(seed)
    factors = [rng.normal(size=pair) for pair in itertools.pairwise(sizes)]
    factors[0] = factors[0][0]
    compare(lambda *a: ours.multi_dot(a), lambda *a: theirs.multi_dot(a), *factors)


@given(st.integers(1, 4), st.integers(1, 4), st.integers(0, 4), seeds)
def test_matrix_rank(m, n, rank, seed):
    rng = np.random.default_rng(seed)
    a = rng.normal(size=(2, m, rank)) @ rng.normal(size=(2, rank, n))
    assert ours.matrix_rank(tc.tensor(a)).tolist() == theirs.matrix_rank(torch.tensor(a)).tolist()
    assert ours.matrix_rank(tc.tensor(a), atol=1.0).tolist() == theirs.matrix_rank(torch.tensor(a), atol=1.0).tolist()


# --- Where decompositions are degenerate ----------------------------------------------------------------------------


def test_equal_eigenvalues():
    x = tc.eye(3, dtype=tc.float64, requires_grad=True)
    (ours.eigvalsh(x) * tc.tensor([1.0, 1.0, 1.0])).sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), np.eye(3), atol=1e-12)
    x.grad = None
    ours.svdvals(x).sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), np.eye(3), atol=1e-12)


@given(st.integers(1, 4), seeds)
def test_det_of_a_singular_matrix(n, seed):
    rng = np.random.default_rng(seed)
    a = rng.normal(size=(n, n - 1)) @ rng.normal(size=(n - 1, n))
    x = tc.tensor(a, requires_grad=True)
    ours.det(x).backward()
    minors = [
        [(-1) ** (i + j) * np.linalg.det(np.delete(np.delete(a, i, 0), j, 1)) for j in range(n)] for i in range(n)
    ]
    np.testing.assert_allclose(x.grad.numpy(), minors, atol=1e-9)


def test_norm_at_zero():
    x = tc.zeros(3, requires_grad=True)
    for p in (1, 2, 3, math.inf):
        (g,) = tc.autograd.grad(tc.norm(x, p), x)
        assert g.tolist() == [0, 0, 0]


def test_logdet_of_a_negative_determinant():
    assert math.isnan(tc.logdet(tc.tensor([[0.0, 1.0], [1.0, 0.0]])).item())
    assert tc.logdet(tc.zeros(2, 2)).item() == -math.inf


# --- Errors, dtypes, names ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: ours.inv(tc.zeros(2, 2)), LinAlgError, r"inv: Singular matrix \(inputs: float32\[2, 2\]\)"),
        (lambda: ours.solve(tc.zeros(2, 2), tc.ones(2)), LinAlgError, "solve: Singular"),
        (lambda: ours.cholesky(-tc.eye(2)), LinAlgError, "cholesky: Matrix is not positive definite"),
        (lambda: ours.inv(tc.zeros(2, 3)), RuntimeError, r"inv: expected square matrices, got shape \(2, 3\)"),
        (lambda: ours.det(tc.zeros(3)), RuntimeError, "det: expected a matrix"),
        (lambda: ours.svd(tc.eye(2).long()), RuntimeError, "svd: expected a floating tensor"),
        (lambda: ours.solve(tc.eye(3), tc.ones(2, 2)), RuntimeError, "solve: expected A"),
        (lambda: ours.qr(tc.eye(3), mode="full"), RuntimeError, "qr: expected mode"),
        (lambda: ours.matrix_norm(tc.eye(3), 3), RuntimeError, "matrix_norm: expected ord"),
        (lambda: ours.multi_dot([tc.eye(3)]), RuntimeError, "at least two"),
        (lambda: ours.eigh(np.eye(3)), TypeError, "eigh: expected a Tensor"),
    ],
)
def test_errors(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_singular_matrices_in_backward():
    x = tc.zeros(2, 2, requires_grad=True)
    with pytest.raises((LinAlgError, np.linalg.LinAlgError)):
        ours.slogdet(x).logabsdet.backward()
    q = ours.qr(tc.ones(3, 2, requires_grad=True), mode="complete").Q
    with pytest.raises(RuntimeError, match="reduced"):
        q.sum().backward()


def test_float32_stays_float32():
    x = (tc.eye(3) * 2 + tc.ones(3, 3)).requires_grad_()
    for function in (ours.inv, ours.det, ours.cholesky, ours.eigvalsh, ours.svdvals, ours.pinv, ours.norm, tc.logdet):
        y = function(x)
        (g,) = tc.autograd.grad(y.sum(), x)
        assert y.dtype == g.dtype == tc.float32


def test_numpys_functions_on_tensors():
    a = symmetric(0, 3, 3)
    x = tc.tensor(a, requires_grad=True)
    for name in ("inv", "det", "cholesky", "pinv", "eigvalsh", "norm", "cond", "matrix_rank"):
        function = getattr(np.linalg, name)
        np.testing.assert_allclose(function(x).detach().numpy(), function(a), rtol=1e-9)
    for name in ("slogdet", "eigh", "qr", "svd"):
        function = getattr(np.linalg, name)
        for y, z in zip(function(x), function(a)):
            np.testing.assert_allclose(abs(y.detach().numpy()), abs(z), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(np.linalg.solve(x, a[0]).detach().numpy(), np.linalg.solve(a, a[0]))
    np.testing.assert_allclose(np.linalg.matrix_power(x, 2).detach().numpy(), a @ a)
    np.testing.assert_allclose(np.linalg.svd(x, compute_uv=False).detach().numpy(), np.linalg.svd(a)[1])
    with pytest.raises(TypeError, match=r"np\.linalg\.eig is not supported"):
        np.linalg.eig(x)


def test_older_names():
    a = matrices(0, 4, 3)
    x, t = tc.tensor(a), torch.tensor(a)
    for y, z in zip(tc.svd(x), torch.svd(t)):
        np.testing.assert_allclose(abs(y.numpy()), abs(z.numpy()))
    assert tc.svd(x, some=False).U.shape == (4, 4)
    assert tc.qr(x).Q.shape == (4, 3)
    square = x[:3]
    np.testing.assert_allclose(square.inverse().numpy(), tc.inverse(square).numpy())
    assert square.det().item() == pytest.approx(tc.det(square).item())
    np.testing.assert_allclose(x.pinverse().numpy(), torch.pinverse(t).numpy())
