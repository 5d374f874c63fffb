"""Native pooling against the NumPy path: values that are exact in both, so results are equal to the last bit."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_course as tc
import tinygrad_course.nn.functional  # which puts the kernels in front of the operations
from tinygrad_course.ops import pooling as ops

pytest.importorskip("llvmlite")
if not tc.native.available():
    pytest.skip("no native kernels for this computer", allow_module_level=True)

from tinygrad_course.native import pooling


@pytest.fixture(autouse=True)
def _small_work_counts(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(pooling, "WORTH", 0)
    pooling._plan.cache_clear()
    yield
    pooling._plan.cache_clear()


@st.composite
def cases(draw: st.DrawFn) -> tuple[tuple[int, ...], dict[str, Any], int]:
    p: dict[str, Any] = {"kernel": [], "stride": [], "padding": [], "dilation": [], "out": []}
    space = []
    tiles, ceil = draw(st.booleans()), draw(st.booleans())
    for dim in range(2):
        k, s, d = (2, 2, 1) if tiles else (draw(st.integers(1, 4)), draw(st.integers(1, 3)), draw(st.integers(1, 2)))
        pad = draw(st.sampled_from([0, 0, (d * (k - 1) + 1) // 2]))
        n = d * (k - 1) + 1 + dim * 2 * s + draw(st.integers(0, 9 + 30 * dim))
        space.append(n)
        for name, value in zip(p, (k, s, pad, d, ops.out_length(n, k, s, pad, d, ceil))):
            p[name].append(value)
    return tuple(space), {k: tuple(v) for k, v in p.items()}, draw(st.integers(0, 1000))


@given(cases(), st.sampled_from([np.float32, np.float64]), st.sampled_from(["plain", "nan", "-inf"]))
def test_every_kernel(case: tuple[Any, ...], dtype: Any, kind: str) -> None:
    space, p, seed = case
    rng = np.random.default_rng(seed)
    x = rng.integers(-3, 3, (2, 3, *space)).astype(dtype)  # with many ties
    if kind != "plain":
        x[rng.random(x.shape) < 0.3] = float(kind)
    q = {k: v for k, v in p.items() if k != "dilation"}
    y = ops._max_pool(x, **p)
    place = ops._max_place(x, y, **p)
    g = rng.integers(-9, 9, y.shape).astype(dtype)
    back = ops._put_in_windows(g, place, space=space, **p)
    spread = ops._spread_windows(g, space=space, **q)
    sums = ops._sum_windows(back, space=space, **q)
    np.testing.assert_array_equal(pooling.pool("max", x, space=space, **p), y)
    found = pooling.pool("place", x, y, space=space, **p)
    assert found is not None and found.dtype == np.uint8
    np.testing.assert_array_equal(found, place)
    np.testing.assert_array_equal(pooling.pool("put", g, place, space=space, **p), back)
    if p["dilation"] == (1, 1):
        np.testing.assert_array_equal(pooling.pool("sum", back, space=space, **q), sums)
        np.testing.assert_array_equal(pooling.pool("spread", g, space=space, **q), spread)


def test_any_order_of_memory(rng: np.random.Generator) -> None:
    x = rng.standard_normal((4, 3, 8, 16)).astype(np.float32)
    p: dict[str, Any] = {"kernel": (2, 2), "stride": (2, 2), "padding": (0, 0), "dilation": (1, 1), "out": (4, 8)}
    wanted = pooling.pool("max", x, space=(8, 16), **p)
    assert wanted is not None and wanted.flags.c_contiguous
    last = np.moveaxis(np.ascontiguousarray(np.moveaxis(x, 0, -1)), -1, 0)
    np.testing.assert_array_equal(pooling.pool("max", last, space=(8, 16), **p), wanted)
    np.testing.assert_array_equal(ops.max_pool.apply(np.asfortranarray(x), **p), wanted)


def test_nothing_outside_of_the_arrays_is_touched() -> None:
    script = Path(__file__).with_name("guarded.py")
    done = subprocess.run(
        [sys.executable, script, "pool", "30"], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.split() == ["ran", "30"]
