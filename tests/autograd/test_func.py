"""Transforms of functions: duality, nesting, closed forms, and that they leave no trace."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_course as tc
from tinygrad_course import func

from .programs import SIDE, programs, run

seeds = st.integers(0, 999)


def matrices(seed, count):
    rng = np.random.default_rng(seed)
    return tuple(tc.tensor(rng.uniform(-1, 1, (SIDE, SIDE))) for _ in range(count))


def dot(a, b):
    return sum(float((x.array * y.array).sum()) for x, y in zip(a, b))


def function_of(steps):
    def f(*leaves):
        values = run(steps, leaves)
        return values[-1], values[len(values) // 2] * 1.0

    return f


# --- properties ---------------------------------------------------------------------------------------------------


@given(programs(), seeds)
def test_forward_and_reverse_mode_are_adjoint(steps, seed):
    """u · (J v) = v · (Jᵀ u)."""
    f = function_of(steps)
    xs, vs, us = matrices(seed, 3), matrices(seed + 1, 3), matrices(seed + 2, 2)
    out, jv = func.jvp(f, xs, vs)
    out_again, pull = func.vjp(f, *xs)
    for a, b in zip(out, out_again):
        np.testing.assert_array_equal(a.array, b.array)
    np.testing.assert_allclose(dot(us, jv), dot(vs, pull(us)), rtol=1e-9, atol=1e-9)


@given(programs(max_steps=5), seeds)
def test_jvp_is_the_directional_derivative(steps, seed):
    f = function_of(steps)
    xs, vs = matrices(seed, 3), matrices(seed + 1, 3)
    _, jv = func.jvp(f, xs, vs)
    h = 1e-4
    for k in range(2):
        around = [f(*(x + v * (s * h) for x, v in zip(xs, vs)))[k].array for s in (-2, -1, 1, 2)]
        expected = (around[0] - 8 * around[1] + 8 * around[2] - around[3]) / (12 * h)
        scale = 1 + np.abs(expected).max()
        np.testing.assert_allclose(jv[k].array / scale, expected / scale, atol=1e-7)


@given(programs(max_steps=4), seeds)
def test_jacobians_agree_with_each_other_and_with_products(steps, seed):
    f = function_of(steps)
    xs, vs = matrices(seed, 3), matrices(seed + 1, 3)
    reverse = func.jacrev(f, (0, 1, 2))(*xs)
    forward = func.jacfwd(f, (0, 1, 2))(*xs)
    _, jv = func.jvp(f, xs, vs)
    for k in range(2):
        total = 0
        for i in range(3):
            assert reverse[k][i].shape == (SIDE,) * 4
            np.testing.assert_allclose(reverse[k][i].array, forward[k][i].array, rtol=1e-9, atol=1e-9)
            total = total + np.einsum("abcd,cd->ab", reverse[k][i].array, vs[i].array)
        np.testing.assert_allclose(jv[k].array, total, rtol=1e-9, atol=1e-9)


@given(programs(max_steps=3), seeds)
def test_hvp_is_the_hessian_times_the_vector(steps, seed):
    def f(a, b, c):
        y = np.tanh(run(steps, (a, b, c))[-1])
        return (y * y).sum()

    xs, vs = matrices(seed, 3), matrices(seed + 1, 3)
    product = func.hvp(f, xs, vs)
    blocks = func.hessian(f, (0, 1, 2))(*xs)
    forward_over_reverse = func.jvp(func.grad(f, (0, 1, 2)), xs, vs)[1]
    for i in range(3):
        expected = sum(np.einsum("abcd,cd->ab", blocks[i][j].array, vs[j].array) for j in range(3))
        np.testing.assert_allclose(product[i].array, expected, rtol=1e-8, atol=1e-8)
        np.testing.assert_allclose(forward_over_reverse[i].array, expected, rtol=1e-8, atol=1e-8)
        for j in range(3):
            np.testing.assert_allclose(
                blocks[i][j].array, blocks[j][i].array.transpose(2, 3, 0, 1), rtol=1e-8, atol=1e-8
            )


@given(programs(max_steps=6), seeds)
def test_linearize_is_jvp_for_any_number_of_directions(steps, seed):
    f = function_of(steps)
    xs = matrices(seed, 3)
    _, push = func.linearize(f, *xs)
    for k in range(3):
        vs = matrices(seed + k, 3)
        for a, b in zip(push(*vs), func.jvp(f, xs, vs)[1]):
            np.testing.assert_array_equal(a.array, b.array)


@given(programs(max_steps=4), seeds)
def test_against_pytorch(steps, seed):
    torch = pytest.importorskip("torch")
    xs = matrices(seed, 3)

    def loss(numpy_functions):
        program = [(numpy_functions.get(function, function), places) for function, places in steps]

        def f(a, b, c):
            y = numpy_functions[np.tanh](run(program, (a, b, c))[-1])
            return (y * y).sum()

        return f

    ours = func.hessian(loss({np.tanh: np.tanh}), (0, 1, 2))(*xs)
    theirs = torch.autograd.functional.hessian(
        loss({np.tanh: torch.tanh, np.sin: torch.sin}), tuple(torch.tensor(x.array) for x in xs)
    )
    for row, expected in zip(ours, theirs):
        for a, b in zip(row, expected):
            np.testing.assert_allclose(a.array, b.numpy(), rtol=1e-8, atol=1e-8)


# --- closed forms and nesting -------------------------------------------------------------------------------------


def test_derivatives_of_every_order_by_nesting():
    f = lambda x: tc.exp(x) * tc.sin(x)
    for order in range(1, 6):
        f = func.grad(f)
        expected = 2 ** (order / 2) * np.exp(0.7) * np.sin(0.7 + order * np.pi / 4)
        np.testing.assert_allclose(f(tc.tensor(0.7, dtype=tc.float64)).item(), expected, rtol=1e-12)


@pytest.mark.parametrize("modes", [(a, b, c) for a in "rf" for b in "rf" for c in "rf"])
def test_modes_nest_in_any_order(modes):
    f = lambda x: tc.sin(x) * x
    for mode in modes:
        if mode == "r":
            f = func.grad(f)
        else:
            f = lambda x, f=f: func.jvp(f, (x,), (tc.tensor(1.0, dtype=tc.float64),))[1]
    x = 0.7
    expected = -3 * np.sin(x) - x * np.cos(x)
    np.testing.assert_allclose(f(tc.tensor(x, dtype=tc.float64)).item(), expected, rtol=1e-12)


def test_perturbations_are_not_confused():
    g = func.grad
    # d/dx [x · d/dy (x + y)] = 1: the inner derivative must not see the outer perturbation.
    assert g(lambda x: x * g(lambda y: x + y)(1.0))(1.0).item() == 1.0
    # d/dx [x · d/dy (x y)] = d/dx x² = 2x
    assert g(lambda x: x * g(lambda y: x * y)(2.0))(3.0).item() == 6.0
    # The same variable given as argument and used by the closure: only the argument counts.
    assert g(lambda x: g(lambda y: y * x)(x))(5.0).item() == 1.0
    # And in forward mode
    one = tc.tensor(1.0)
    push = lambda f, x: func.jvp(f, (x,), (one,))[1]
    assert push(lambda x: x * push(lambda y: x + y, tc.tensor(1.0)), tc.tensor(1.0)).item() == 1.0


def test_argument_and_closure_of_a_leaf_that_requires_grad_are_kept_apart():
    x = tc.tensor(3.0, requires_grad=True)
    inner = func.grad(lambda y: y * y * x)(x)  # 2 y x at y = x: 18
    assert inner.item() == 18.0 and x.grad is None
    inner.backward()  # d/dx 2x² = 4x
    assert x.grad.item() == 12.0


def test_they_leave_no_trace():
    w = tc.tensor([1.0, 2.0], requires_grad=True)
    x = tc.tensor([3.0, 4.0])
    before = x.array.copy()
    value_and = func.value_and_grad(lambda x: ((x * x * w).sum(), x * 1.0), has_aux=True)
    (value, aux), gradient = value_and(x)
    assert not x.requires_grad and x.grad is None and w.grad is None
    np.testing.assert_array_equal(x.array, before)
    assert gradient.requires_grad and value.requires_grad  # they depend on w
    assert not aux.requires_grad  # this does not: nobody outside can differentiate it
    plain = func.grad(lambda x: (x * x).sum())(x)
    assert not plain.requires_grad
    with tc.no_grad():
        quiet = func.grad(lambda x: (x * x * w).sum())(x)
    assert quiet.tolist() == [6.0, 16.0] and not quiet.requires_grad


def test_gradients_flow_through_to_what_is_outside():
    w = tc.tensor([1.0, 2.0], requires_grad=True)
    penalty = (func.grad(lambda x: (tc.tanh(x * w)).sum())(tc.tensor([0.5, -0.5])) ** 2).sum()
    penalty.backward()
    torch = pytest.importorskip("torch")
    v = torch.tensor([1.0, 2.0], requires_grad=True)
    z = torch.tensor([0.5, -0.5], requires_grad=True)
    (gz,) = torch.autograd.grad(torch.tanh(z * v).sum(), z, create_graph=True)
    (gz**2).sum().backward()
    np.testing.assert_allclose(w.grad.array, v.grad.numpy(), rtol=1e-5)


def test_a_module_is_a_function_of_its_parameters():
    net = tc.nn.Linear(3, 2)
    x = tc.tensor([1.0, 2.0, 3.0])
    gradient = func.grad(lambda p: func.functional_call(net, p, (x,)).sum())(dict(net.named_parameters()))
    np.testing.assert_array_equal(gradient["weight"].detach().array, [[1.0, 2.0, 3.0]] * 2)
    assert gradient["bias"].tolist() == [1.0, 1.0] and net.weight.grad is None
    for jacobian in (func.jacrev, func.jacfwd):
        np.testing.assert_allclose(jacobian(net)(x).detach().array, net.weight.detach().array, rtol=1e-6)


def test_nests_numbers_and_argnums():
    def f(params, x, scale=1.0):
        h = params["layers"][0] * x + params["layers"][1]
        return (h * params["gain"] * scale).sum()

    params = {"layers": (tc.tensor([1.0, 2.0]), tc.tensor([3.0, 4.0])), "gain": 2.0}
    x = tc.tensor([5.0, 6.0])
    gradient = func.grad(f)(params, x, scale=10.0)
    assert type(gradient) is dict and type(gradient["layers"]) is tuple
    assert gradient["layers"][0].tolist() == [100.0, 120.0]
    assert gradient["layers"][1].tolist() == [20.0, 20.0]
    assert gradient["gain"].item() == 240.0
    both = func.grad(f, (0, 1))(params, x)
    assert both[1].tolist() == [2.0, 4.0] and both[0]["gain"].item() == 24.0
    assert func.grad(f, -1)(params, x).tolist() == [2.0, 4.0]


def test_dtypes_and_independence():
    x = tc.tensor([1.0, 2.0], dtype=tc.float32)
    assert func.grad(lambda x: (x * x).sum())(x).dtype == tc.float32
    assert func.grad(lambda x: tc.tensor(3.0))(x).tolist() == [0.0, 0.0]
    assert func.jvp(lambda x: tc.tensor([3.0]), (x,), (x,))[1].tolist() == [0.0]
    assert func.jacrev(lambda x: tc.tensor([3.0]))(x).tolist() == [[0.0, 0.0]]
    assert func.jacfwd(lambda x: tc.tensor([3.0]))(x).shape == (1, 2)
    assert func.jacrev(lambda x: x * 1.0)(tc.zeros(0)).shape == (0, 0)


def test_forward_mode_where_rules_treat_zero_apart():
    """sqrt's rule gives 0 for a zero cotangent: the dummy cotangent of forward mode must not be zero."""
    _, jv = func.jvp(tc.sqrt, (tc.tensor([4.0, 9.0]),), (tc.tensor([1.0, 6.0]),))
    assert jv.tolist() == [0.25, 1.0]


def test_vjp_may_be_called_again_and_aux_comes_back():
    y, pull, aux = func.vjp(lambda x: (x * x, "aux"), tc.tensor([1.0, 2.0]), has_aux=True)
    assert aux == "aux" and y.tolist() == [1.0, 4.0]
    for _ in range(2):
        assert pull(tc.tensor([1.0, 1.0])).tolist() == [2.0, 4.0]
    y, jv, aux = func.jvp(lambda x: (x * x, x), (tc.tensor(3.0),), (tc.tensor(1.0),), has_aux=True)
    assert (jv.item(), aux.item()) == (6.0, 3.0)
    jacobian, aux = func.jacrev(lambda x: (x * x, "aux"), has_aux=True)(tc.tensor([1.0, 2.0]))
    assert aux == "aux" and jacobian.tolist() == [[2.0, 0.0], [0.0, 4.0]]


def test_vmap_is_a_loop():
    x = tc.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    w = tc.tensor([10.0, 100.0])
    per_example = func.vmap(func.grad(lambda w, x: ((w * x) ** 2).sum()), in_dims=(None, 0))(w, x)
    np.testing.assert_allclose(per_example.array, 2 * w.array * x.array**2)
    columns = func.vmap(lambda c: {"sum": c.sum()}, in_dims=1)(x)
    assert columns["sum"].tolist() == [9.0, 12.0]
    assert func.vmap(lambda r: r * 2.0, out_dims=1)(x).shape == (2, 3)
    with pytest.raises(ValueError, match="one common length"):
        func.vmap(lambda a, b: a)(x, w)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: func.grad(lambda x: x)(tc.tensor([1.0, 2.0])), RuntimeError, r"single value, got \(2,\)"),
        (lambda: func.grad(lambda x: x)(tc.tensor(1)), RuntimeError, r"expected floating values .* x.float\(\)"),
        (lambda: func.grad(lambda x: x)("text"), TypeError, "expected Tensors or numbers to differentiate by, got str"),
        (lambda: func.grad(lambda x: x, 3)(tc.tensor(1.0)), RuntimeError, "argnums names argument 3"),
        (lambda: func.grad(lambda x: "text")(tc.tensor(1.0)), TypeError, "must return Tensors, got str"),
        (lambda: func.grad(lambda x: x, has_aux=True)(tc.tensor(1.0)), RuntimeError, r"pair \(output, aux\)"),
        (lambda: func.jvp(lambda x: x, (tc.tensor(1.0),), ()), RuntimeError, "0 tangents for 1 primals"),
        (lambda: func.jvp(lambda x: x, tc.tensor(1.0), tc.tensor(1.0)), TypeError, "are tuples"),
        (
            lambda: func.jvp(lambda x: x, (tc.tensor(1.0),), (tc.tensor([1.0, 2.0]),)),
            RuntimeError,
            r"a tangent has shape \(2,\), its value \(\)",
        ),
        (lambda: func.vjp(lambda x: x, tc.tensor(1.0))[1]((1.0, 2.0)), RuntimeError, "nested as the values"),
        (lambda: func.hvp(lambda x: x, tc.tensor([1.0, 2.0]), tc.tensor([1.0, 2.0])), RuntimeError, "single value"),
    ],
)
def test_misuse_is_named(call, error, message):
    with pytest.raises(error, match=message):
        call()
