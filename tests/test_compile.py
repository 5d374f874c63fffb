"""`tc.compile`: what is called in its place gives the same."""

import numpy as np
import pytest

import tinygrad_course as tc
from tinygrad_course import nn


def test_functions_modules_and_decorators_give_what_they_gave():
    net = nn.Linear(3, 2)
    x = tc.randn(4, 3)
    np.testing.assert_array_equal(tc.compile(net)(x).detach().numpy(), net(x).detach().numpy())

    @tc.compile(mode="reduce-overhead")
    def double(x):
        return x * 2

    np.testing.assert_array_equal(double(x).numpy(), 2 * x.numpy())
    assert list(tc.compile(net).parameters())


def test_what_cannot_be_compiled_is_refused():
    with pytest.raises(RuntimeError, match="unknown backend 'inductor'"):
        tc.compile(lambda x: x, backend="inductor")
    with pytest.raises(TypeError, match="expected a function or a Module, got int"):
        tc.compile(3)
