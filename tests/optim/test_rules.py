"""Every rule against PyTorch's, and every in-place program against the pure rule that it was made from."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_course as tc
from tinygrad_course.optim.program import CHUNK, Program, Runner, pattern

from .common import SHAPES, Pair, quadratic_grads

pytest.importorskip("torch")

rate = st.floats(1e-3, 0.2)
decay = st.sampled_from([0.0, 0.05, 0.3])
flag = st.booleans()
betas = st.tuples(st.floats(0.0, 0.95), st.floats(0.5, 0.999))
eps = st.sampled_from([1e-8, 1e-3])

OPTIONS: dict[str, st.SearchStrategy[dict[str, Any]]] = {
    "SGD": st.one_of(
        st.fixed_dictionaries(
            {
                "lr": rate,
                "momentum": st.sampled_from([0.0, 0.5, 0.8]),
                "dampening": st.sampled_from([0.0, 0.3]),
                "weight_decay": decay,
                "maximize": flag,
            }
        ),
        st.fixed_dictionaries({"lr": rate, "momentum": st.just(0.8), "nesterov": st.just(True), "weight_decay": decay}),
    ),
    "Adam": st.fixed_dictionaries(
        {"lr": rate, "betas": betas, "eps": eps, "weight_decay": decay, "amsgrad": flag, "maximize": flag}
    ),
    "AdamW": st.fixed_dictionaries(
        {"lr": rate, "betas": betas, "eps": eps, "weight_decay": decay, "amsgrad": flag, "maximize": flag}
    ),
    "RMSprop": st.fixed_dictionaries(
        {
            "lr": rate,
            "alpha": st.floats(0.5, 0.99),
            "eps": st.just(1e-2),  # centered: √(v - ḡ²) is ill-conditioned near 0
            "weight_decay": decay,
            "momentum": st.sampled_from([0.0, 0.8]),
            "centered": flag,
            "maximize": flag,
        }
    ),
    "Adagrad": st.fixed_dictionaries(
        {
            "lr": rate,
            "lr_decay": st.sampled_from([0.0, 0.1]),
            "weight_decay": decay,
            "initial_accumulator_value": st.sampled_from([0.0, 0.5]),
            "maximize": flag,
        }
    ),
    "Adadelta": st.fixed_dictionaries(
        {"lr": st.floats(0.1, 2.0), "rho": st.floats(0.5, 0.95), "eps": eps, "weight_decay": decay, "maximize": flag}
    ),
    "Adamax": st.fixed_dictionaries({"lr": rate, "betas": betas, "eps": eps, "weight_decay": decay, "maximize": flag}),
    "NAdam": st.fixed_dictionaries(
        {
            "lr": rate,
            "betas": st.tuples(st.floats(0.1, 0.95), st.floats(0.5, 0.999)),
            "eps": eps,
            "weight_decay": decay,
            "momentum_decay": st.sampled_from([0.0, 4e-3]),
            "decoupled_weight_decay": flag,
            "maximize": flag,
        }
    ),
    "RAdam": st.fixed_dictionaries(
        {
            "lr": rate,
            "betas": betas,
            "eps": eps,
            "weight_decay": decay,
            "decoupled_weight_decay": flag,
            "maximize": flag,
        }
    ),
    "ASGD": st.fixed_dictionaries(
        {
            "lr": rate,
            "lambd": st.sampled_from([1e-4, 1e-2]),
            "alpha": st.sampled_from([0.75, 0.5]),
            "t0": st.sampled_from([1e6, 20, 0]),
            "weight_decay": decay,
            "maximize": flag,
        }
    ),
    "Rprop": st.fixed_dictionaries(
        {
            "lr": rate,
            "etas": st.sampled_from([(0.5, 1.2), (0.3, 1.5)]),
            "step_sizes": st.sampled_from([(1e-6, 50), (1e-2, 0.1)]),
            "maximize": flag,
        }
    ),
}


@pytest.mark.parametrize("name", sorted(OPTIONS))
@given(data=st.data())
def test_hundred_steps_follow_pytorch(name: str, data: st.DataObject) -> None:
    options = data.draw(OPTIONS[name])
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    pair = Pair(name, [rng.normal(size=s) for s in SHAPES], **options)
    for _ in range(100):
        grads = quadratic_grads(pair.ours, rng)
        if options.get("maximize"):
            grads = [-g for g in grads]
        pair.step(grads)
    pair.check()
    moved = [not np.array_equal(p.array, np.zeros(p.array.shape)) for p in pair.ours]
    assert all(moved) and pair.opt.state_dict()["param_groups"][0]["params"] == [0, 1, 2, 3, 4]
    for p, q in zip(pair.ours, pair.theirs):  # the state has PyTorch's names and values
        for key, value in pair.ref.state[q].items():
            if value is not None and key != "step":
                np.testing.assert_allclose(
                    np.asarray(getattr(pair.opt.state[p][key], "array", pair.opt.state[p][key])),
                    value.numpy() if hasattr(value, "numpy") else value,
                    rtol=1e-9,
                    atol=1e-10,
                )


@pytest.mark.parametrize("name", sorted(OPTIONS))
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@given(data=st.data())
def test_program_is_the_rule_bit_for_bit(name: str, dtype: str, data: st.DataObject) -> None:
    """The pure rule changes none of its arguments, keeps the dtype, and the program gives its very values."""
    optimizer = getattr(tc.optim, name)([tc.tensor([0.0])], **data.draw(OPTIONS[name]))
    group = optimizer.param_groups[0]
    size = data.draw(st.sampled_from([1, 7, CHUNK, CHUNK + 3]))
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    p = rng.normal(size=size).astype(dtype)
    state = {key: np.full(size, fill, dtype) for key, fill in optimizer.buffers(group).items()}
    in_place = p.copy(), [a.copy() for a in state.values()]
    scalars = optimizer.scalars(group)
    runners: dict[Any, Runner] = {}
    for _ in range(7):
        g = rng.normal(size=size).astype(dtype)
        coefficients = optimizer.coefficients(group, scalars)
        kept = p.copy(), g.copy(), {key: a.copy() for key, a in state.items()}
        new_p, new_state = optimizer.rule(p, g, state, **coefficients)
        assert np.array_equal(p, kept[0]) and np.array_equal(g, kept[1])
        assert all(np.array_equal(state[key], kept[2][key]) for key in state)
        p, state = new_p, new_state
        assert p.dtype == dtype and all(a.dtype == dtype for a in state.values())
        key = pattern(coefficients)
        if key not in runners:
            runners[key] = Runner(Program(optimizer.rule, list(state), coefficients), np.dtype(dtype))
        runners[key].set(coefficients)
        for function, arguments in runners[key].bind(in_place[0], g, in_place[1]):
            function(*arguments)
        np.testing.assert_array_equal(in_place[0], p)
        for mine, rule in zip(in_place[1], state.values()):
            np.testing.assert_array_equal(mine, rule)


@pytest.mark.parametrize("name", sorted(OPTIONS))
@given(data=st.data())
def test_rules_run_on_tensors(name: str, data: st.DataObject) -> None:
    """The same function on Tensors is a graph of operations with the same values: what compiling needs."""
    optimizer = getattr(tc.optim, name)([tc.tensor([0.0])], **data.draw(OPTIONS[name]))
    group = optimizer.param_groups[0]
    rng = np.random.default_rng(0)
    p, g = rng.normal(size=(2, 7)).astype(np.float32)
    state = {key: np.abs(rng.normal(size=7)).astype(np.float32) + 1 for key in optimizer.buffers(group)}
    scalars = optimizer.scalars(group)
    for _ in range(data.draw(st.integers(1, 9))):
        coefficients = optimizer.coefficients(group, scalars)
    new_p, new_state = optimizer.rule(p, g, state, **coefficients)
    leaf = tc.tensor(p, requires_grad=True)
    found, found_state = optimizer.rule(leaf, tc.tensor(g), {k: tc.tensor(a) for k, a in state.items()}, **coefficients)
    assert found.requires_grad and found.dtype == np.float32
    np.testing.assert_array_equal(found.detach().numpy(), new_p)
    for key, array in new_state.items():
        value = found_state[key]
        np.testing.assert_array_equal(value.array, array)
        assert value.dtype == np.float32


def test_centered_rmsprop_of_a_constant_gradient_stays_finite() -> None:
    w = tc.tensor(np.zeros(50, np.float32), requires_grad=True)
    optimizer = tc.optim.RMSprop([w], alpha=0.5, centered=True, eps=1e-3)
    w.grad = tc.tensor(np.linspace(0.1, 1.7, 50).astype(np.float32))
    for _ in range(60):
        optimizer.step()
    assert np.isfinite(w.array).all()


def test_programs_write_in_place() -> None:
    """SGD with momentum is four calls and one scratch array; nothing is copied back."""
    program = Program(tc.optim.SGD.rule, ["momentum_buffer"], {"lr": 0.1, "momentum": 0.8})
    assert len(program.code) == 4 and program.floats == 1
    adam = tc.optim.Adam([tc.tensor([0.0])])
    program = Program(adam.rule, ["exp_avg", "exp_avg_sq"], adam.coefficients(adam.param_groups[0], {"step": 0}))
    assert np.positive not in [f for f, _ in program.code] and program.floats == 2


def test_a_rule_that_no_program_can_hold() -> None:
    def branches(p: Any, g: Any, state: Any, *, lr: float) -> Any:
        return (p if g > 0 else p - lr * g), state

    def mixes(p: Any, g: Any, state: Any, *, lr: float) -> Any:
        return p - g * g.mean() if hasattr(g, "mean") else p - np.linalg.norm(g) * g, state

    def scalar(p: Any, g: Any, state: Any, *, lr: float) -> Any:
        return p - (lr * 2) * g, state

    with pytest.raises(TypeError, match=r"branch.*np\.where"):
        Program(branches, [], {"lr": 0.1})
    with pytest.raises(TypeError, match=r"norm is not elementwise"):
        Program(mixes, [], {"lr": 0.1})
    with pytest.raises(TypeError, match=r"multiply of coefficients alone"):
        Program(scalar, [], {"lr": 0.1})


@given(st.data())
def test_program_of_any_formula(data: st.DataObject) -> None:
    """Placing results in place never overwrites a value that is still to be read."""
    picks = data.draw(st.lists(st.tuples(st.integers(0, 5), *[st.integers(0, 40)] * 3), min_size=1, max_size=12))
    ends = data.draw(st.lists(st.integers(0, 40), min_size=3, max_size=3))

    def rule(p: Any, g: Any, state: dict[str, Any], *, c: float) -> Any:
        values = [p, g, state["a"], state["b"]]
        for kind, i, j, k in picks:
            x, y, z = (values[n % len(values)] for n in (i, j, k))
            values.append(
                [
                    lambda x, y, z: x + y,
                    lambda x, y, z: c * x - y,
                    lambda x, y, z: np.where(x > y, x, z),
                    lambda x, y, z: np.where((x < y) | (z > 0), z, 0.5),
                    lambda x, y, z: np.maximum(np.abs(x), z),
                    lambda x, y, z: np.sign(x) * 0.25 + z,
                ][kind](x, y, z)
            )
        end = [values[n % len(values)] for n in ends]
        return end[0], {"a": end[1], "b": end[2]}

    rng = np.random.default_rng(0)
    p, g, a, b = (rng.normal(size=9) for _ in range(4))
    expected, state = rule(p.copy(), g.copy(), {"a": a.copy(), "b": b.copy()}, c=0.3)
    runner = Runner(Program(rule, ["a", "b"], {"c": 0.3}), np.dtype(float))
    runner.set({"c": 0.3})
    untouched = g.copy()
    for function, arguments in runner.bind(p, g, [a, b]):
        function(*arguments)
    np.testing.assert_array_equal(g, untouched)
    np.testing.assert_array_equal(p, expected)
    np.testing.assert_array_equal(a, state["a"])
    np.testing.assert_array_equal(b, state["b"])
