"""`tc.autograd.gradcheck` and `gradgradcheck`: PyTorch's signatures, and PyTorch's verdicts where it gives any."""

from __future__ import annotations

import inspect
import itertools

import numpy as np
import pytest

import tinygrad_course as tc
from tinygrad_course.autograd import gradcheck, gradgradcheck
from tinygrad_course.testing import GradientError

X = np.array([[0.3, -0.8], [1.1, 0.4]])


def leaf(x=X):
    return tc.tensor(x, dtype=tc.float64, requires_grad=True)


# Rules in words that both libraries understand: (name, rule for y = tanh(x), right at order 1, right at order 2).
RULES = {
    "right": (lambda g, x: g * (1 - x.tanh() ** 2), True, True),
    "sign": (lambda g, x: -g * (1 - x.tanh() ** 2), False, False),
    "misprint": (lambda g, x: g * (1 + x.tanh() ** 2), False, False),
    "off by a percent": (lambda g, x: 1.01 * g * (1 - x.tanh() ** 2), False, False),
    "zero": (lambda g, x: 0 * g, False, False),
    "identity": (lambda g, x: g, False, False),
    "transposed": (lambda g, x: (g * (1 - x.tanh() ** 2)).T, False, False),
    "detached inside": (lambda g, x: g * (1 - x.detach().tanh() ** 2), True, False),
    "within tolerance": (lambda g, x: g * (1 - x.tanh() ** 2) * (1 + 1e-5), True, True),
}


def function(library, rule):
    class Tanh(library.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x.tanh()

        @staticmethod
        def backward(ctx, g):
            return rule(g, ctx.saved_tensors[0])

    return Tanh.apply


@pytest.mark.parametrize("fast", [False, True])
@pytest.mark.parametrize("name", RULES)
def test_verdicts(name, fast):
    rule, first, _ = RULES[name]
    fn = function(tc, rule)
    assert gradcheck(fn, (leaf(),), raise_exception=False, fast_mode=fast) == first
    if first:
        assert gradcheck(fn, leaf(), fast_mode=fast) is True
    else:
        with pytest.raises(GradientError):
            gradcheck(fn, (leaf(),), fast_mode=fast)


@pytest.mark.parametrize("fast", [False, True])
@pytest.mark.parametrize("name", [name for name, (_, first, _) in RULES.items() if first])
def test_verdicts_of_order_2(name, fast):
    rule, _, second = RULES[name]
    assert gradgradcheck(function(tc, rule), (leaf(),), raise_exception=False, fast_mode=fast) == second


@pytest.mark.parametrize("name", RULES)
def test_verdicts_are_those_of_pytorch(name):
    torch = pytest.importorskip("torch")
    rule, first, second = RULES[name]
    x = torch.tensor(X, requires_grad=True)
    fn = function(torch, rule)
    assert torch.autograd.gradcheck(fn, (x,), raise_exception=False) == first
    if first:
        assert torch.autograd.gradgradcheck(fn, (x,), raise_exception=False) == second


@pytest.mark.parametrize("name", ["gradcheck", "gradgradcheck"])
def test_the_signature_is_that_of_pytorch(name):
    torch = pytest.importorskip("torch")
    ours, theirs = (inspect.signature(getattr(m.autograd, name)).parameters for m in (tc, torch))
    assert list(ours) == list(theirs)
    assert [p.default for p in ours.values()] == [p.default for p in theirs.values()]
    assert [p.kind for p in ours.values()] == [p.kind for p in theirs.values()]


@pytest.mark.parametrize("fn", ["relu", "abs", "amax"])
def test_kinks_and_float32_which_pytorch_gets_wrong(fn):
    torch = pytest.importorskip("torch")
    values = np.array([0.0, 1.0, 1.0])
    assert gradcheck(getattr(tc, fn), tc.tensor(values, dtype=tc.float32, requires_grad=True))
    x = torch.tensor(values, requires_grad=True)
    theirs = torch.autograd.gradcheck(getattr(torch, fn), x, raise_exception=False)
    assert theirs == (fn != "relu")  # the mean of both slopes is what the rules of the others happen to give


def test_inputs_that_do_not_require_grad_are_left_out():
    wrong = tc.primitive(np.multiply, vjp=(lambda g, y, a, b: g * b, lambda g, y, a, b: g), name="wrong")
    assert gradcheck(wrong, (leaf(), tc.tensor(X)))
    assert not gradcheck(wrong, (leaf(), leaf()), raise_exception=False)
    for check in (gradcheck, gradgradcheck):
        with pytest.raises(ValueError, match="at least one input that requires grad"):
            check(tc.tanh, (tc.tensor(X),))


def test_tolerances_are_obeyed():
    off = function(tc, lambda g, x: g * (1 - x.tanh() ** 2) * 1.05)
    assert not gradcheck(off, leaf(), raise_exception=False)
    assert gradcheck(off, leaf(), rtol=0.1)
    assert gradcheck(off, leaf(), rtol=0.0, atol=0.1)
    assert not gradcheck(off, leaf(), rtol=0.0, atol=1e-4, raise_exception=False)


def test_forward_mode():
    fn = function(tc, lambda g, x: g.detach() * (1 - x.tanh() ** 2))
    assert gradcheck(fn, leaf())
    assert not gradcheck(fn, leaf(), check_forward_ad=True, raise_exception=False)
    assert not gradcheck(fn, leaf(), check_forward_ad=True, check_backward_ad=False, raise_exception=False)
    assert gradgradcheck(tc.tanh, leaf(), check_fwd_over_rev=True)
    with pytest.raises(ValueError, match="check_backward_ad"):
        gradcheck(fn, leaf(), check_backward_ad=False)


def test_what_is_not_repeatable():
    count = itertools.count()
    fn = function(tc, lambda g, x: g * (1 - x.tanh() ** 2) * (1 + 1e-7 * (next(count) % 2)))
    assert not gradcheck(fn, leaf(), raise_exception=False)
    assert gradcheck(fn, leaf(), nondet_tol=1e-5)


def test_undefined_gradients():
    class Both(tc.autograd.Function):
        careful = True

        @staticmethod
        def forward(ctx, x):
            ctx.set_materialize_grads(False)
            return x * 2, x * 3

        @staticmethod
        def backward(ctx, a, b):
            if a is None or b is None:
                return (2 * a if a is not None else 3 * b) * (1 if Both.careful else 2)
            return 2 * a + 3 * b

    assert gradcheck(Both.apply, leaf())
    Both.careful = False
    assert gradcheck(Both.apply, leaf(), check_undefined_grad=False)
    with pytest.raises(GradientError, match="treat a missing cotangent as zero"):
        gradcheck(Both.apply, leaf())


def test_given_cotangents_of_order_2():
    half = function(tc, lambda g, x: g * (1 - x.tanh() ** 2))
    v = tc.tensor(np.ones((2, 2)), requires_grad=True)
    assert gradgradcheck(half, (leaf(),), v)
    assert gradgradcheck(half, (leaf(),), (v,), check_batched_grad=True)
