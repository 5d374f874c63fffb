"""Native convolutions against the NumPy path in float64: every stride, padding, dilation, group and size of rests."""

from __future__ import annotations

import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_course as tc
import tinygrad_course.nn.functional  # which puts the kernels in front of the operations
from tinygrad_course.ops import convolution as ops

pytest.importorskip("llvmlite")
if not tc.native.available():
    pytest.skip("no native kernels for this computer", allow_module_level=True)

from tinygrad_course.native import conv, winograd_unit


@pytest.fixture(autouse=True)
def _small_work_counts(monkeypatch: pytest.MonkeyPatch) -> Any:
    def forget() -> None:
        for plan in (conv._forward, conv._transposed, conv._weight, conv._fitting_tiles, conv._tiled_plan):
            plan.cache_clear()

    monkeypatch.setattr(conv, "WORTH", 0)
    forget()
    yield
    forget()


@st.composite
def cases(draw: st.DrawFn) -> dict[str, Any]:
    """The shapes and parameters of a convolution that has at least one window."""
    groups, ins, outs = draw(st.integers(1, 3)), draw(st.integers(1, 4)), draw(st.integers(1, 9))
    case: dict[str, Any] = {"groups": groups, "kernel": [], "stride": [], "padding": [], "dilation": [], "space": []}
    simple = draw(st.booleans())
    for dim in range(draw(st.sampled_from([1, 2, 2, 2]))):
        k, d = draw(st.integers(1, 5)), 1 if simple else draw(st.integers(1, 3))
        s = 1 if simple else draw(st.integers(1, 3))
        lo, hi = draw(st.integers(0, 3)), draw(st.integers(0, 3))
        least = max(1, d * (k - 1) + 1 - lo - hi)
        n = draw(st.integers(least, least + (12 if dim == 0 else 36)))
        for name, value in zip(("kernel", "stride", "padding", "dilation", "space"), (k, s, (lo, hi), d, n)):
            case[name].append(value)
    case = {k: tuple(v) if isinstance(v, list) else v for k, v in case.items()}
    case["x"] = (draw(st.integers(1, 3)), ins * groups, *case["space"])
    case["w"] = (outs * groups, ins, *case["kernel"])
    case["dtype"] = draw(st.sampled_from([np.float32, np.float32, np.float64]))
    case["seed"] = draw(st.integers(0, 1000))
    return case


def close(found: np.ndarray, wanted: np.ndarray) -> None:
    tolerance = 1e-5 if found.dtype == np.float32 else 1e-13
    assert found.shape == wanted.shape
    assert np.abs(found - wanted).max() <= tolerance * max(np.abs(wanted).max(), 1e-3)


@given(cases())
def test_forward_and_both_gradients(case: dict[str, Any]) -> None:
    rng = np.random.default_rng(case["seed"])
    x, w, b = (rng.standard_normal(s).astype(case["dtype"]) for s in (case["x"], case["w"], case["w"][:1]))
    p = {k: case[k] for k in ("stride", "padding", "dilation", "groups")}
    x8, w8, b8 = (a.astype(np.float64) for a in (x, w, b))
    y8 = ops._convolution(x8, w8, b8, **p)
    g8 = rng.standard_normal(y8.shape).astype(case["dtype"]).astype(np.float64)
    dx8 = ops._convolution_transpose(g8, w8, space=case["space"], **p)
    dw8 = ops._convolution_weight(g8, x8, kernel=case["kernel"], **p)
    g = g8.astype(case["dtype"])
    found = [
        conv.convolution(x, w, b, **p),
        conv.convolution_transpose(g, w, space=case["space"], **p),
        conv.convolution_weight(g, x, kernel=case["kernel"], **p),
    ]
    for mine, wanted in zip(found, (y8, dx8, dw8)):
        assert mine is not None and mine.dtype == case["dtype"]
        close(mine, wanted)


PLAIN: dict[str, Any] = {"stride": (1, 1), "padding": ((1, 1), (1, 1)), "dilation": (1, 1), "groups": 1}


def test_any_order_of_memory(rng: np.random.Generator) -> None:
    x = rng.standard_normal((4, 3, 9, 11)).astype(np.float32)
    w = rng.standard_normal((5, 3, 3, 3)).astype(np.float32)
    wanted = conv.convolution(x, w, None, **PLAIN)
    assert wanted is not None and wanted.flags.c_contiguous
    last = np.moveaxis(np.ascontiguousarray(np.moveaxis(x, 0, -1)), -1, 0)
    backwards = np.ascontiguousarray(x[..., ::-1])[..., ::-1]
    shifted = np.frombuffer(b"\0" + x.tobytes(), np.uint8)[1:].view(np.float32).reshape(x.shape)
    for same in (last, backwards, shifted, np.asfortranarray(x)):
        np.testing.assert_array_equal(conv.convolution(same, np.asfortranarray(w), None, **PLAIN), wanted)
    spread = np.broadcast_to(x[:1, :, :1], x.shape)
    np.testing.assert_array_equal(
        conv.convolution(spread, w, None, **PLAIN), conv.convolution(spread.copy(), w, None, **PLAIN)
    )


def test_infinite_pixels_stay_where_they_are(rng: np.random.Generator) -> None:
    x = rng.standard_normal((1, 1, 5, 13)).astype(np.float32)
    g = rng.standard_normal((1, 2, 3, 11)).astype(np.float32)
    p = {**PLAIN, "padding": ((0, 0), (0, 0))}
    x[..., 12] = np.inf  # only the last column of taps meets it
    dw = conv.convolution_weight(g, x, kernel=(3, 3), **p)
    assert dw is not None
    assert np.isfinite(dw[..., :2]).all() and not np.isfinite(dw[..., 2]).any()


def test_the_number_of_threads_does_not_show(rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    x = rng.standard_normal((19, 6, 12, 12)).astype(np.float32)
    w = rng.standard_normal((16, 6, 5, 5)).astype(np.float32)
    p = {**PLAIN, "padding": ((2, 2), (1, 1))}
    found = []
    for threads in (1, 2, 5):
        monkeypatch.setattr(conv, "threads", lambda n=threads: n)
        monkeypatch.setattr(conv, "shares", lambda units, n=threads: min(2 * n, units))
        y = conv.convolution(x, w, None, **p)
        assert y is not None
        one = conv.convolution(x[:1], w, None, **p)  # cut along the channels
        dx = conv.convolution_transpose(y, w, space=(12, 12), **p)
        found.append((y, one, dx, conv.convolution_weight(y, x, kernel=(5, 5), **p)))
    for others in found[1:]:
        for a, b in zip(found[0], others):
            np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(found[0][1], found[0][0][:1])


def test_what_is_not_served_falls_back(rng: np.random.Generator) -> None:
    x, w = rng.standard_normal((2, 3, 8, 8, 8)), rng.standard_normal((2, 3, 2, 2, 2))
    p = {"stride": (1,) * 3, "padding": ((0, 0),) * 3, "dilation": (1,) * 3, "groups": 1}
    assert conv.convolution(x, w, None, **p) is None
    with tc.config.set(log_kernels=True):
        tc.native.report(reset=True)
        ops.convolution.apply(x, w, **p)
        ops.convolution.apply(x.astype(np.float32)[..., 0], w.astype(np.float32)[..., 0], **PLAIN)
        found = tc.native.report(reset=True)
    assert found == {("convolution", "no kernel for three dimensions"): 1, ("convolution", ""): 1}


def test_a_network_learns_the_same_with_kernels_and_without(rng: np.random.Generator) -> None:
    x = rng.standard_normal((8, 1, 20, 20)).astype(np.float32)
    found = []
    for kernels in ("off", "auto"):
        tc.manual_seed(0)
        model = tc.nn.Sequential(
            tc.nn.Conv2d(1, 6, 5), tc.nn.ReLU(), tc.nn.MaxPool2d(2), tc.nn.Conv2d(6, 16, 5, padding=1), tc.nn.Flatten()
        )
        with tc.config.set(kernels=kernels):
            (model(tc.from_numpy(x)) ** 2).mean().backward()
        found.append([p.grad.numpy() for p in model.parameters()])
    for a, b in zip(*found):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


@st.composite
def tiled_cases(draw: st.DrawFn) -> dict[str, Any]:
    pads = st.tuples(st.integers(0, 2), st.integers(0, 2))
    return {
        "m": draw(st.sampled_from([2, 4, 4])), "images": draw(st.integers(1, 6)), "ins": draw(st.integers(1, 20)),
        "outs": draw(st.integers(1, 20)), "space": draw(st.tuples(st.integers(3, 19), st.integers(3, 19))),
        "padding": (draw(pads), draw(pads)), "cache": draw(st.sampled_from([1 << 10, 1 << 17, 3 << 18])),
        "bias": draw(st.booleans()),
    }  # fmt: skip


@given(tiled_cases())
def test_winograd(case: dict[str, Any]) -> None:
    rng = np.random.default_rng(0)
    m, padding, space = case["m"], case["padding"], case["space"]
    x = rng.standard_normal((case["images"], case["ins"], *space)).astype(np.float32)
    w = rng.standard_normal((case["outs"], case["ins"], 3, 3)).astype(np.float32)
    b = rng.standard_normal(case["outs"]).astype(np.float32) if case["bias"] else None
    p = {**PLAIN, "padding": padding}
    x8, w8 = x.astype(np.float64), w.astype(np.float64)
    y8 = ops._convolution(x8, w8, None if b is None else b.astype(np.float64), **p)
    g = rng.standard_normal(y8.shape).astype(np.float32)
    dw8 = ops._convolution_weight(g.astype(np.float64), x8, kernel=(3, 3), **p)
    conv._tiled_plan.cache_clear()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(winograd_unit, "CACHE", case["cache"])  # a small one cuts images into rows of tiles
        close(conv._tiled(m, x, w, b, padding, None), y8)
        close(conv._tiled_weight(m, g, x, padding), dw8)


def test_winograd_is_taken_where_it_pays(rng: np.random.Generator) -> None:
    x = rng.standard_normal((9, 32, 12, 12)).astype(np.float32)
    w = (rng.standard_normal((40, 32, 3, 3)) / 17).astype(np.float32)
    y8 = ops._convolution(x.astype(np.float64), w.astype(np.float64), None, **PLAIN)
    dx8 = ops._convolution_transpose(y8, w.astype(np.float64), space=(12, 12), **PLAIN)
    dw8 = ops._convolution_weight(y8, x.astype(np.float64), kernel=(3, 3), **PLAIN)
    worst = {}
    for setting in ("fast", "accurate"):
        with tc.config.set(winograd=setting):
            assert conv._tile_size(x.dtype, x.shape, w.shape, (1, 1), PLAIN["padding"], (1, 1), 1) == (
                4 if setting == "fast" else 2
            )
            found = (
                ops.convolution.apply(x, w, **PLAIN),
                ops.convolution_transpose.apply(y8.astype(np.float32), w, space=(12, 12), **PLAIN),
                ops.convolution_weight.apply(y8.astype(np.float32), x, kernel=(3, 3), **PLAIN),
            )
        errors = [np.abs(a - b).max() / np.abs(b).max() for a, b in zip(found, (y8, dx8, dw8))]
        worst[setting] = max(errors)
    assert worst["accurate"] < 1e-6 and worst["fast"] < 6e-6
    for other in ({"stride": (2, 1)}, {"dilation": (1, 2)}, {"padding": ((3, 0), (0, 0))}):
        p = {**PLAIN, **other}
        assert not conv._tile_size(x.dtype, x.shape, w.shape, p["stride"], p["padding"], p["dilation"], 1)
    assert not conv._tile_size(x.dtype, x.shape, (31, 32, 3, 3), (1, 1), PLAIN["padding"], (1, 1), 1)


def test_threads_do_not_show_in_winograd(rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    x = rng.standard_normal((40, 32, 9, 9)).astype(np.float32)
    w = rng.standard_normal((32, 32, 3, 3)).astype(np.float32)
    found = []
    for threads in (1, 3):
        monkeypatch.setattr(conv, "shares", lambda units, n=threads: min(2 * n, units))
        found.append(
            (conv._tiled(4, x, w, None, PLAIN["padding"], None), conv._tiled_weight(4, x, x, PLAIN["padding"]))
        )
    for a, b in zip(*found):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(conv._tiled(4, x[:3], w, None, PLAIN["padding"], None), found[0][0][:3])


@pytest.mark.parametrize("family", ["conv", "winograd"])
def test_nothing_outside_of_the_arrays_is_touched(family: str) -> None:
    """Every array ends, and every other begins, at a page that cannot be read or written: a slip ends the process."""
    script = Path(__file__).with_name("guarded.py")
    done = subprocess.run(
        [sys.executable, script, family, "30"], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.split() == ["ran", "30"]


def test_the_guards_are_seen() -> None:
    script = Path(__file__).with_name("guarded.py")
    done = subprocess.run([sys.executable, script, "slip", "1"], capture_output=True, timeout=300, check=False)
    assert done.returncode == -signal.SIGSEGV


def test_threads_may_convolve_at_once(rng: np.random.Generator) -> None:
    inputs = [rng.standard_normal((n, 4, 12, 12)).astype(np.float32) for n in (3, 8, 5, 16)]
    w = rng.standard_normal((6, 4, 3, 3)).astype(np.float32)
    wanted = [conv.convolution(x, w, None, **PLAIN) for x in inputs]
    with ThreadPoolExecutor(4) as pool:
        for _ in range(20):
            found = pool.map(lambda x: conv.convolution(x, w, None, **PLAIN), inputs)
            for a, b in zip(found, wanted):
                np.testing.assert_array_equal(a, b)
