"""The strategies give what they promise, and shrink to something simple."""

from __future__ import annotations

import subprocess
import sys

import hypothesis
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_course as tc
from tinygrad_course.testing import gradcheck
from tinygrad_course.testing import strategies as some

F = tc.nn.functional


def find(strategy, condition):
    settings = hypothesis.settings(max_examples=500, database=None, derandomize=True)
    return hypothesis.find(strategy, condition, settings=settings)


@given(some.shapes(1, 3, 4, 2))
def test_shapes(shape):
    assert 1 <= len(shape) <= 3 and all(2 <= n <= 4 for n in shape)


@given(st.integers(1, 4).flatmap(some.broadcastable))
def test_shapes_that_broadcast(shapes):
    assert len(np.broadcast_shapes(*shapes)) == max(map(len, shapes))


def test_some_axes_are_broadcast_and_some_left_out():
    find(some.broadcastable(2), lambda pair: len(pair[0]) != len(pair[1]))
    find(some.broadcastable(2), lambda pair: any(a != b for a, b in zip(*pair)) and len(pair[0]) == len(pair[1]))


@given(some.tensors(low=-1, high=3, away_from=(0, 1), gap=0.25, dtype=some.dtypes(), requires_grad=True))
def test_tensors_away_from_kinks(x):
    assert x.requires_grad and x.dtype in (tc.float32, tc.float64)
    values = x.detach().numpy()
    assert np.all((values >= -1) & (values <= 3) & (np.abs(values) >= 0.25) & (np.abs(values - 1) >= 0.25))


@given(some.tensors((6,), distinct=True))
def test_tensors_without_ties(x):
    assert len(set(x.tolist())) == 6


def test_tensors_stand_on_kinks_and_shrink_to_simple_numbers():
    assert find(some.tensors((3,), on=(0.7,)), lambda x: (x == 0.7).all()).tolist() == [0.7] * 3
    assert find(some.tensors(), lambda x: bool((x * x > 1).any())).tolist() in (1.0625, -1.0625)
    assert find(some.tensors(low=0.5), lambda x: True).tolist() == 0.5


@pytest.mark.parametrize("options", [{"low": 1, "high": 0}, {"low": 0, "high": 1, "away_from": (0.5,), "gap": 1}])
def test_tensors_without_a_value_left_are_refused(options):
    with pytest.raises(ValueError, match="tensors: no multiple"):
        find(some.tensors(**options), lambda x: True)
    with pytest.raises(ValueError, match="5 distinct values do not fit"):
        find(some.tensors((5,), low=0, high=0.1, distinct=True), lambda x: True)
    with pytest.raises(ValueError, match="expected some of the kinds"):
        some.dtypes("fc")


@given(some.shapes().flatmap(some.apart))
def test_values_apart(x):
    values = np.sort(np.append(x.ravel(), 0.0))
    assert np.all(np.diff(values) >= 0.2)


@given(some.on_kinks((50,), (-1.0, 0.5)))
def test_half_of_the_values_are_on_kinks(x):
    on = np.isin(x, (-1.0, 0.5))
    assert 5 < on.sum() < 45 and len(set(x[~on])) == (~on).sum()


@given(some.shapes(1, 3, 4).flatmap(lambda s: st.tuples(st.just(s), st.integers(0, len(s) - 1))), st.data())
def test_probabilities(case, data):
    shape, dim = case
    p = data.draw(some.probabilities(shape, dim))
    assert p.shape == shape and np.all(p > 0)
    np.testing.assert_allclose(p.sum(dim), 1, rtol=1e-12)


@given(some.matrices(), some.positive_definite())
def test_matrices_are_well_conditioned(a, b):
    singular = np.linalg.svd(a, compute_uv=False)
    assert singular.min() > 0.9 and np.all(-np.diff(singular) > 0.4) and np.all(np.linalg.cond(a) < 4)
    np.testing.assert_allclose(b, b.swapaxes(-1, -2))
    assert np.linalg.eigvalsh(b).min() > 0.8


@given(some.convolutions())
def test_convolutions_can_be_called(sample):
    n = sample.inputs[1].ndim - 2
    y = getattr(F, f"conv{n}d")(*map(tc.tensor, sample.inputs), **sample.params)
    assert y.ndim == n + 2 and y.numel() > 0


@given(some.modules(), st.integers(0, 99))
def test_smooth_modules_have_right_gradients(built, seed):
    assert built.module(tc.tensor(built.x)).isfinite().all()
    assert not gradcheck(built.module, built.x, seed=seed).kinks


@given(some.modules("dense", smooth=False))
def test_modules_of_a_kind(built):
    assert not any(isinstance(m, tc.nn.Conv2d) for m in built.module.modules())


def test_a_kind_of_module_that_there_is_not():
    with pytest.raises(ValueError, match="kind must be"):
        find(some.modules("deep"), lambda built: True)


@given(some.programs(2, 6, kinks=True), some.numbers((2, 2)), some.numbers((2, 2)), st.integers(0, 99))
def test_programs_have_right_gradients(program, x, y, seed):
    assert gradcheck(program, x, y, seed=seed)


@given(some.programs(2))
def test_a_program_is_printed_as_code_that_does_the_same(program):
    names = {step.name: getattr(tc, step.name, None) or tc.ops.REGISTRY[step.name] for step in program.steps}
    scope = {name: tc.ops.REGISTRY[name] for name in names}
    exec(repr(program), scope)
    x, y = tc.rand(2, 2), tc.rand(2, 2)
    np.testing.assert_array_equal(scope["program"](x, y).numpy(), program(x, y).numpy())


def test_without_hypothesis_the_error_says_what_to_install():
    code = (
        "import sys; sys.modules['hypothesis'] = None\n"
        "import tinygrad_course as tc, numpy as np\n"
        "assert tc.testing.gradcheck(tc.tanh, np.array([0.5]))\n"
        "for use in (lambda: tc.testing.strategies, lambda: tc.testing.check_gradients(1.0)(tc.tanh)):\n"
        "    try:\n"
        "        use()\n"
        "    except ImportError as error:\n"
        "        print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.count('pip install "tinygrad_course[check]"') == 2
