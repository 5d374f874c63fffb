"""detect_anomaly names the line of the forward pass."""

import inspect

import numpy as np
import pytest

import tinygrad_course as tc
from tinygrad_course.autograd import detect_anomaly, is_anomaly_enabled, set_detect_anomaly


def leaf(*values):
    return tc.tensor(list(values), dtype=tc.float64, requires_grad=True)


nan_rule = tc.primitive(lambda x: x * 1.0, vjp=lambda g, _y, _x: g * float("nan"), name="spoils")


def bad_line(x):
    y = nan_rule(x)
    line = inspect.currentframe().f_lineno - 1
    return y, f"{__file__}:{line}"


def test_nan_in_backward_names_the_operation_and_its_line():
    x = leaf(1.0)
    with detect_anomaly():
        y, where = bad_line(x * 2.0)
        z = y * 3.0
        with pytest.raises(RuntimeError) as info:
            z.backward()
    assert "<spoils #" in str(info.value) and where in str(info.value) and "NaN" in str(info.value)
    assert x.grad is None


def test_nan_passes_without_it():
    x = leaf(1.0)
    bad_line(x)[0].backward()
    assert np.isnan(x.grad.item())
    with detect_anomaly(check_nan=False):
        bad_line(x)[0].backward()


def test_an_error_in_backward_is_given_the_line():
    def rule(g, _y, _x):
        raise ValueError("broken")

    broken = tc.primitive(lambda x: x * 1.0, vjp=rule, name="broken")
    with detect_anomaly():
        y = broken(leaf(1.0))
        line = inspect.currentframe().f_lineno - 1
        with pytest.raises(ValueError, match="broken") as info:
            (y * 2.0).backward()
    assert any(f"{__file__}:{line}" in note for note in info.value.__notes__)


def test_a_graph_made_outside_is_still_checked():
    y, _ = bad_line(leaf(1.0))
    with detect_anomaly(), pytest.raises(RuntimeError, match="run the forward pass under detect_anomaly too"):
        y.backward()


def test_it_sees_recorded_backward_passes_and_functions():
    class Spoils(tc.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 1.0, x * 2.0

        @staticmethod
        def backward(ctx, g, h):
            return g * float("nan")

    with detect_anomaly(), pytest.raises(RuntimeError, match="<Spoils #"):
        Spoils.apply(leaf(1.0))[0].backward(create_graph=True)


def test_switching():
    assert not is_anomaly_enabled()
    with set_detect_anomaly(True):
        assert is_anomaly_enabled()
        with set_detect_anomaly(False):
            assert not is_anomaly_enabled()
        assert is_anomaly_enabled()
    assert not is_anomaly_enabled()
    set_detect_anomaly(True)
    assert is_anomaly_enabled()
    set_detect_anomaly(False)
    assert not is_anomaly_enabled()
