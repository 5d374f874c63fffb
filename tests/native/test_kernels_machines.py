"""The kernels as made for other processors: run with fewer features, and compiled for another architecture."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest

import tinygrad_course as tc
from tinygrad_course.ops import convolution as conv_ops
from tinygrad_course.ops import normalization as norm_ops
from tinygrad_course.ops import pooling as pool_ops

pytest.importorskip("llvmlite")
if not tc.native.available():
    pytest.skip("no native kernels for this computer", allow_module_level=True)

from tinygrad_course.native import calls, conv, jit, norm, pooling
from tinygrad_course.native.conv_direct import Machine, correlation_kernel
from tinygrad_course.native.conv_weight import weight_kernel
from tinygrad_course.native.conv_winograd import winograd_kernel, winograd_weight_kernel
from tinygrad_course.native.host import AARCH64, BASELINE, host
from tinygrad_course.native.norm import Norm, norm_kernel
from tinygrad_course.native.pooling import Pooling, pooling_kernel
from tinygrad_course.native.winograd_unit import Winograd, plan

PLANS = (conv._forward, conv._transposed, conv._weight, conv._tiled_plan, pooling._plan, norm._plan, calls.compiled)
OLD = (BASELINE, Machine((16,), 16))
AVX2 = (BASELINE._replace(features="+avx2,+fma"), Machine((32, 16), 16))


@pytest.fixture(params=[OLD, AVX2], ids=["sse2", "avx2"])
def machine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The kernels are made for a processor of less, which this one is too."""
    target, machine = request.param
    if machine.widths[0] > host().vector_bytes:
        pytest.skip("this processor has no vectors of that width")

    def forget() -> None:
        for cached in PLANS:
            cached.cache_clear()

    monkeypatch.setattr(calls.jit, "load", partial(jit.load, target=target))
    for module in (conv, pooling, norm):
        monkeypatch.setattr(module, "machine", lambda: machine)
    monkeypatch.setattr(conv, "WORTH", 0)
    monkeypatch.setattr(pooling, "WORTH", 0)
    forget()
    yield machine
    forget()


def close(found: Any, wanted: np.ndarray) -> None:
    assert found is not None
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5 * np.abs(wanted).max())


@pytest.mark.parametrize("stride", [1, 2])
def test_convolution(machine: Machine, stride: int) -> None:
    rng = np.random.default_rng(0)
    x, w = rng.standard_normal((3, 6, 9, 21), np.float32), rng.standard_normal((10, 3, 3, 5), np.float32)
    p: dict[str, Any] = {"stride": (stride,) * 2, "padding": ((1, 1), (2, 0)), "dilation": (1, 1), "groups": 2}
    y = conv_ops._convolution(x, w, None, **p)
    close(conv.convolution(x, w, None, **p), y)
    close(
        conv.convolution_transpose(y, w, space=(9, 21), **p),
        conv_ops._convolution_transpose(y, w, space=(9, 21), **p),
    )
    close(conv.convolution_weight(y, x, kernel=(3, 5), **p), conv_ops._convolution_weight(y, x, kernel=(3, 5), **p))


@pytest.mark.parametrize("m", [2, 4])
def test_winograd(machine: Machine, m: int) -> None:
    rng = np.random.default_rng(0)
    x, w = rng.standard_normal((3, 11, 9, 14), np.float32), rng.standard_normal((13, 11, 3, 3), np.float32)
    p: dict[str, Any] = {"stride": (1, 1), "padding": ((1, 1), (0, 2)), "dilation": (1, 1), "groups": 1}
    y = conv_ops._convolution(x, w, w[:, 0, 0, 0], **p)
    close(conv._tiled(m, x, w, w[:, 0, 0, 0], p["padding"], None), y)
    close(conv._tiled_weight(m, y, x, p["padding"]), conv_ops._convolution_weight(y, x, kernel=(3, 3), **p))


def test_pooling_and_norm(machine: Machine) -> None:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((3, 6, 9, 21), np.float32)
    for kernel, stride, padding in (((2, 2), (2, 2), (0, 0)), ((3, 3), (2, 1), (1, 1))):
        out = tuple(pool_ops.out_length(*v, 1, False) for v in zip(x.shape[2:], kernel, stride, padding))
        p: dict[str, Any] = {"kernel": kernel, "stride": stride, "padding": padding, "dilation": (1, 1), "out": out}
        y = pool_ops._max_pool(x, **p)
        place = pool_ops._max_place(x, y, **p)
        close(pooling.pool("max", x, **p), y)
        np.testing.assert_array_equal(pooling.pool("place", x, y, **p), place)
        close(
            pooling.pool("put", y, place, space=x.shape[2:], **p),
            pool_ops._put_in_windows(y, place, space=x.shape[2:], **p),
        )
    found = norm.standardize(x, axes=(0, 2, 3), eps=1e-5)
    assert found is not None
    for a, b in zip(found, norm_ops._standardize(x, axes=(0, 2, 3), eps=1e-5)):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-5)


def test_every_kernel_compiles_for_arm() -> None:
    arm = Machine((16,), 32)
    q = conv._geometry(
        np.dtype(np.float32), (64, 6, 12, 12), (16, 6, 5, 5), (8, 8), (1, 1), ((0, 0), (0, 0)), (1, 1), 1
    )
    assert not isinstance(q, str)
    tiled = plan(Winograd(4, 32, 32, 12, 12, 12, 12, 1, 1, True, 0, 0))
    windows = Pooling("put", "float", 12, 12, 6, 6, (2, 2), (2, 2), (0, 0), (1, 1))
    texts = [
        correlation_kernel("kernel", conv._forward_job(q, True), arm),
        correlation_kernel("kernel", conv._transposed_job(q), arm),
        weight_kernel("kernel", conv._forward_job(q, False), arm),
        winograd_kernel("kernel", tiled, arm),
        winograd_weight_kernel("kernel", tiled, arm),
        pooling_kernel("kernel", windows, arm.widths),
        norm_kernel("kernel", Norm("standardize", "double", 100), arm.widths),
    ]
    for text, _ in texts[:5]:
        assert "fmla" in jit.assembly(text, AARCH64, passes=jit.FAST)
    for text, _ in texts[5:]:
        assert "kernel:" in jit.assembly(text, AARCH64, passes=jit.FAST)
