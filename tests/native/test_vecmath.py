"""Elementary functions of vectors: errors over the whole range, and the values that are special."""

import ctypes
import math

import numpy as np
import pytest

from tinygrad_course.native import jit, vecmath
from tinygrad_course.native.emit import Module
from tinygrad_course.native.host import BASELINE, host

special = pytest.importorskip("scipy.special")


def _each(f):
    return np.vectorize(f, otypes=[float])


# name: (reference in float64, lowest, highest argument, most ulps in float32, in float64)
FUNCTIONS = {
    "exp": (np.exp, (-110, 90), (-750, 710), 1.1, 1.6),
    "expm1": (np.expm1, (-30, 88), (-50, 700), 2.0, 2.5),
    "log": (np.log, (0, 1e3), (0, 1e3), 1.1, 1.6),
    "log1p": (np.log1p, (-1, 1e3), (-1, 1e3), 2.7, 2.5),
    "tanh": (np.tanh, (-25, 25), (-25, 25), 2.8, 3.5),
    "sigmoid": (special.expit, (-86, 40), (-700, 40), 2.8, 4.0),
    "erf": (_each(math.erf), (-7, 7), (-7, 7), 6.0, 4.5),
    "erfc": (_each(math.erfc), None, (-7, 26), None, 8.0),
    "ndtr": (special.ndtr, (0, 9), (-5, 9), 6.0, 40.0),
}


def _kernel(name, dtype, target):
    scalar = "float" if dtype == np.float32 else "double"
    lanes = target.lanes(dtype.itemsize)
    module = Module()
    f = module.function("kernel", x="ptr", y="ptr", n="i64")

    def body(i, mask):
        f.store(getattr(vecmath, name)(f.load(f"<{lanes} x {scalar}>", f.x, i, mask)), f.y, i, mask)

    f.vectors(f.n, lanes, body)
    library = jit.load(module.text(), target=target)
    function = library.function("kernel", ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64)

    def run(x):
        y = np.empty_like(x)
        function(x.ctypes.data, y.ctypes.data, x.size)
        return y

    return run


CASES = [
    (name, np.dtype(kind), target)
    for name in FUNCTIONS for kind in ("f4", "f8") for target in (host(), BASELINE)
    if not (name == "erfc" and kind == "f4")
]  # fmt: skip
IDS = [f"{name}-{dtype}-{target.cpu}" for name, dtype, target in CASES]


@pytest.mark.parametrize("name, dtype, target", CASES, ids=IDS)
def test_errors_are_as_small_as_stated(name, dtype, target):
    reference, narrow, wide, single, double = FUNCTIONS[name]
    low, high = narrow if dtype == np.float32 else wide
    rng = np.random.default_rng(0)
    tiny = float(np.finfo(dtype).tiny)
    small = np.exp(rng.uniform(math.log(tiny), 0 if name == "ndtr" else 1, 20_000)) * rng.choice([-1, 1], 20_000)
    x = np.concatenate([rng.uniform(low, high, 60_000), rng.uniform(-1, 1, 20_000), small]).astype(dtype)
    x = np.abs(x) if name == "log" else x[x > -1] if name == "log1p" else x
    with np.errstate(all="ignore"):
        wanted = reference(x.astype(np.float64))
        rounded = wanted.astype(dtype)
        ulp = np.spacing(np.abs(rounded)).astype(np.float64)
    y = _kernel(name, dtype, target)(x)
    finite = np.isfinite(rounded)
    np.testing.assert_array_equal(y[~finite], rounded[~finite])
    error = np.abs(y[finite].astype(np.float64) - wanted[finite]) / ulp[finite]
    assert error.max() <= (single if dtype == np.float32 else double)


@pytest.mark.parametrize("dtype", [np.dtype("f4"), np.dtype("f8")])
@pytest.mark.parametrize("target", [host(), BASELINE], ids=lambda target: target.cpu)
def test_what_tanh_leaves_of_one_is_exact(dtype, target):
    """Gradients are 1 - tanh²: an error of tanh of some last bits would be much of what is left."""
    x = np.linspace(1, 8, 50_000).astype(dtype)
    y = _kernel("tanh", dtype, target)(x)
    wanted = np.tanh(x.astype(np.longdouble))
    assert (np.abs(y - wanted) <= np.spacing(wanted.astype(dtype))).all()


@pytest.mark.parametrize("name, dtype, target", CASES, ids=IDS)
def test_special_values_are_those_of_numpy(name, dtype, target):
    info = np.finfo(dtype)
    x = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, info.tiny / 8, -info.tiny / 8, info.max, 1.0, -1.0, -2.0], dtype)
    with np.errstate(all="ignore"):
        wanted = FUNCTIONS[name][0](x)
    y = _kernel(name, dtype, target)(x)
    # In float32 the normal distribution function is exact relative to 1 only.
    np.testing.assert_allclose(y, wanted, rtol=20 * info.eps, atol=info.eps if name == "ndtr" else 0)
    odd = name in ("expm1", "log1p", "tanh", "erf")
    assert not odd or (np.signbit(y)[:2] == [False, True]).all()


@pytest.mark.parametrize("n", [0, 1, 3, 7, 8, 15, 16, 17, 33])
def test_tails_touch_nothing_else(n):
    run = _kernel("exp", np.dtype("f4"), host())
    x = np.linspace(-1, 1, n, dtype=np.float32)
    np.testing.assert_allclose(run(x), np.exp(x), rtol=1e-6)
