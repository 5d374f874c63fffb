"""Eager operations and optimizers with kernels: the results of NumPy, for every size, stride and dtype."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_course as tc
from tinygrad_course.native import dispatch, elementwise, formulas
from tinygrad_course.native.formulas import Unlisted, formula
from tinygrad_course.ops import REGISTRY

PARAMS = {
    "elu": {"alpha": 1.3, "scale": 1.1, "input_scale": 0.7},
    "softplus": {"beta": 2.0, "threshold": 15.0},
}
NAMES = sorted(dispatch._FORMULAS)


def _plain(name):
    forward = REGISTRY[name].forward
    return getattr(forward, "plain", forward)


def _guarded(x, at_end):
    from .guarded import Guarded

    return Guarded().place(x, at_end=at_end)


def _close(found, wanted, x):
    # Where a result is a small difference of large numbers, the error is relative to these.
    eps = np.finfo(x.dtype).eps
    size = max(1.0, float(np.abs(wanted).max()), float(np.abs(x).max()))
    np.testing.assert_allclose(found, wanted, rtol=30 * eps, atol=30 * eps * size)


@pytest.mark.parametrize("name", NAMES)
@given(n=st.integers(1, 300), kind=st.sampled_from(["f4", "f8"]), seed=st.integers(0, 9), at_end=st.booleans())
def test_kernels_agree_with_numpy(name, n, kind, seed, at_end):
    rng = np.random.default_rng(seed)
    x = (3 * rng.standard_normal(n)).astype(kind)
    x = np.abs(x) + np.finfo(kind).tiny if name in ("log", "log1p") else x
    x = _guarded(x, at_end)
    params = PARAMS.get(name, {})
    y = elementwise.run(name, _plain(name), (x,), params)
    wanted = _plain(name)(x, **params)
    assert y is not None and y.dtype == wanted.dtype
    _close(y, wanted, x)
    rule = REGISTRY[name].rules[0]
    g = rng.standard_normal(n).astype(kind)
    pulled = elementwise.pull(name, rule.plain, g, wanted, x, params)
    if pulled is not None:
        _close(pulled, rule.plain(g, wanted, x, **params), x)


def test_rules_have_kernels_too():
    for name in ("gelu", "gelu_tanh", "silu", "sigmoid", "tanh", "softplus", "erf", "elu", "hardswish"):
        params = PARAMS.get(name, {})
        x = np.linspace(-2, 2, 50, dtype=np.float32)
        y = _plain(name)(x, **params)
        assert elementwise.pull(name, REGISTRY[name].rules[0].plain, y, y, x, params) is not None, name


@pytest.mark.parametrize("name", ["gelu", "sigmoid", "softplus"])
def test_special_values_come_out_as_from_numpy(name):
    x = np.array([np.inf, -np.inf, np.nan, 0.0, -0.0, 1e30, -1e30], np.float32)
    params = {"beta": 1.0, "threshold": 20.0} if name == "softplus" else {}
    with np.errstate(all="ignore"):
        wanted = _plain(name)(x, **params)
    np.testing.assert_allclose(elementwise.run(name, _plain(name), (x,), params), wanted, rtol=1e-6)


@pytest.mark.parametrize("x", [
    np.ones((300, 300), np.float32).T[::2], np.ones((64, 2000), np.float32)[:, ::2], np.ones(100_000, np.float16),
    np.ones(100_000, np.int64), np.asfortranarray(np.ones((300, 400))),
], ids=["transposed", "strided", "half", "integers", "fortran"])  # fmt: skip
def test_arrays_that_no_kernel_takes_go_to_numpy(x):
    with tc.config.set(log_kernels=True):
        tc.native.report(reset=True)
        y = REGISTRY["gelu"].forward(x)
        report = tc.native.report(reset=True)
    assert all(reason for _, reason in report) and report
    np.testing.assert_array_equal(y, _plain("gelu")(x))


def test_large_arrays_run_natively_and_small_ones_by_numpy():
    with tc.config.set(log_kernels=True):
        tc.native.report(reset=True)
        x = tc.randn(200, 100, requires_grad=True)
        tc.nn.functional.gelu(x).sum().backward()
        tc.nn.functional.gelu(tc.randn(100))
        report = tc.native.report(reset=True)
    assert report["gelu", ""] == 1
    assert "gelu" in str(report) and "native" in str(report)


def test_kernels_can_be_turned_off():
    with tc.config.set(kernels="off", log_kernels=True):
        tc.native.report(reset=True)
        tc.nn.functional.gelu(tc.randn(200, 100))
        assert not tc.native.enabled() and not tc.native.report()
        assert "set tc.config.log_kernels" in str(tc.native.report())


# --- Formulas ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("function, why", [
    (lambda x: x.sum(), "it asks for .sum"),
    (lambda x: x if x > 0 else -x, "it branches"),
    (np.cumsum, "np.cumsum"),
    (np.sin, "np.sin"),
    (lambda x: x[0], "it indexes"),
    (lambda x: x.astype(np.int64), "floats become integers"),
    (lambda x: 3.0, "not a formula of its inputs"),
    (lambda x: x ** 2.5, "a power"),
])  # fmt: skip
def test_what_is_no_formula_is_refused(function, why):
    with pytest.raises(Unlisted, match=why):
        formula(function, [np.dtype("f4")])


def test_a_formula_lists_each_call_once():
    f = formula(lambda x: np.exp(x) * np.exp(x) + (x > 0), [np.dtype("f4")])
    assert [step.name for step in f.steps] == ["exp", "multiply", "greater", "add"]
    assert f.dtypes[-1] == np.float32
    assert [d.char for d in f.dtypes] == ["f", "f", "f", "?", "f"]


def test_in_place_operations_are_followed():
    def f(x):
        y = x * 2
        y += 1
        y *= y
        return y

    kernel = elementwise.Flat(formula(f, [np.dtype("f8")]), "test", elementwise.host())
    x, y = np.linspace(-1, 1, 21), np.empty(21)
    kernel.function(x.ctypes.data, y.ctypes.data, 21)
    np.testing.assert_array_equal(y, f(x))


def test_numbers_of_all_dtypes_are_converted_as_by_numpy():
    def f(a, b):
        return np.where(a > b, a * 2, b - 1) + (a == b) * 0.5

    types = [np.dtype("f4"), np.dtype("i8")]
    listed = formula(f, types)
    assert listed.dtypes[listed.results[0]] == f(np.ones(1, "f4"), np.ones(1, "i8")).dtype
    assert formulas.TYPES[listed.dtypes[listed.results[0]]] == "double"


# --- Optimizers -------------------------------------------------------------------------------------------------------

OPTIMIZERS = {
    "SGD": lambda p: tc.optim.SGD(p, lr=0.01),
    "Nesterov": lambda p: tc.optim.SGD(p, lr=0.01, momentum=0.9, nesterov=True, weight_decay=0.01),
    "Adam": lambda p: tc.optim.Adam(p, lr=0.01),
    "AdamW": lambda p: tc.optim.AdamW(p, lr=0.01, amsgrad=True),
    "RMSprop": lambda p: tc.optim.RMSprop(p, lr=0.01, momentum=0.5, centered=True),
    "Adagrad": tc.optim.Adagrad, "Adadelta": tc.optim.Adadelta, "Adamax": tc.optim.Adamax,
    "NAdam": tc.optim.NAdam, "RAdam": tc.optim.RAdam, "Rprop": tc.optim.Rprop, "ASGD": tc.optim.ASGD,
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(OPTIMIZERS))
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_updates_are_those_of_numpy_to_the_last_bit(name, dtype):
    def trained(kernels):
        rng = np.random.default_rng(0)
        with tc.config.set(kernels=kernels, log_kernels=True):
            tc.native.report(reset=True)
            shapes = ((70, 33), (77,), (1000,), (260, 260))
            params = [tc.tensor(rng.standard_normal(s).astype(dtype), requires_grad=True) for s in shapes]
            optimizer = OPTIMIZERS[name](params)
            for step in range(8):
                for p in params:
                    p.grad = tc.tensor(rng.standard_normal(p.array.shape).astype(dtype))
                if step == 5:
                    optimizer.param_groups[0]["lr"] *= 0.5
                optimizer.step()
            return [p.array for p in params], tc.native.report(reset=True)

    wanted, none = trained("off")
    found, report = trained("auto")
    assert not none and report["update", ""] >= 16
    for a, b in zip(wanted, found):
        np.testing.assert_array_equal(a, b)


# --- Without llvmlite -------------------------------------------------------------------------------------------------

_WITHOUT = """
import sys
sys.modules["llvmlite"] = None
import importlib.util
found = importlib.util.find_spec
importlib.util.find_spec = lambda name, *rest: None if name == "llvmlite" else found(name, *rest)
import numpy as np, tinygrad_course as tc
assert not tc.native.available() and not tc.native.enabled()
x = tc.randn(100_000, requires_grad=True)
tc.nn.functional.gelu(x).sum().backward()
f = tc.compile(lambda x: (x * 2).tanh())
assert all(np.allclose(f(x.detach()).numpy(), np.tanh(2 * x.detach().numpy())) for _ in range(4))
for ask in (lambda: setattr(tc.config, "kernels", "on"), lambda: tc.compile(lambda x: x + 1, backend="native")):
    try:
        f = ask()
        [f(x.detach()) for _ in range(4)]
    except ImportError as error:
        assert 'pip install "tinygrad_course[fast]"' in str(error), error
    else:
        raise SystemExit("no error")
print("fine")
"""


def _python(code):
    return subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True, timeout=120)


def test_without_llvmlite_numpy_does_it_all():
    done = _python(_WITHOUT)
    assert done.stdout.strip() == "fine", done.stderr


def test_import_loads_nothing_of_it():
    code = "import sys, tinygrad_course; print([m for m in sys.modules if 'llvmlite' in m or 'native.jit' in m])"
    done = _python(code)
    assert done.stdout.strip() == "[]"


def test_settings_are_checked():
    with pytest.raises(ValueError, match=r"config\.kernels: expected one of 'auto', 'on', 'off', got 'yes'"):
        tc.config.kernels = "yes"
    with pytest.raises(AttributeError, match="no setting 'kernel'; there are kernels, winograd"):
        tc.config.kernel = "off"
    with tc.config.set(winograd="accurate"):
        assert tc.config.winograd == "accurate"
    assert tc.config.winograd == "fast" and "winograd='fast'" in repr(tc.config)
