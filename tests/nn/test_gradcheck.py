"""Gradients of every layer and loss against numerical derivatives: with respect to inputs and parameters."""

import pytest

import tinygrad_course as tc
from tinygrad_course import nn

from .layers import CASES, ELSEWHERE


def test_every_module_is_checked():
    public = {n for n in nn.__all__ if isinstance(getattr(nn, n), type) and issubclass(getattr(nn, n), nn.Module)}
    assert {n for n in public if not n.startswith("Lazy")} == set(CASES) | ELSEWHERE


@pytest.mark.parametrize("name", sorted(CASES))
def test_gradients(name):
    make, *inputs = CASES[name]
    tc.manual_seed(2)
    module = make().double()
    tensors = [tc.tensor(x, requires_grad=x.dtype.kind == "f") for x in inputs]
    parameters = dict(module.named_parameters())

    def call(*values):
        given = dict(zip(parameters, values[len(tensors) :]))
        return nn.functional_call(module, given, tuple(values[: len(tensors)]))

    assert tc.testing.gradcheck(call, *tensors, *parameters.values())
