"""Compiled programs as made for other processors: run with fewer features, and compiled for another architecture."""

from importlib import import_module

import numpy as np
import pytest

import tinygrad_course as tc
from tinygrad_course import nn
from tinygrad_course.compile import native_step
from tinygrad_course.compile.native_segment import Segment
from tinygrad_course.compile.program import Kernel
from tinygrad_course.native import gemm, jit
from tinygrad_course.native.host import AARCH64, BASELINE, host

from . import test_classes as classes
from . import test_native as programs
from .worlds import native_only

pytestmark = native_only


@pytest.fixture(params=[BASELINE, BASELINE._replace(features="+avx2,+fma")], ids=["sse2", "avx2"])
def target(request, monkeypatch):
    """Programs are compiled for a processor of less, which this one is too."""
    if request.param.vector_bytes > host().vector_bytes:
        pytest.skip("this processor has no vectors of that width")
    for module in (import_module("tinygrad_course.native.host"), jit, gemm, native_step):
        monkeypatch.setattr(module, "host", lambda: request.param)
    return request.param


@pytest.mark.parametrize("seed", range(12))
def test_generated_programs(target, seed):
    rng = np.random.default_rng(seed)
    picks = [(bool(rng.integers(2)), *map(int, rng.integers(0, 100, 3))) for _ in range(6)]
    shape = int(rng.integers(1, 71)), int(rng.choice([1, 2, 3, 8, 17, 33]))
    programs.test_generated_programs.hypothesis.inner_test(picks, shape, bool(rng.integers(2)))


@pytest.mark.parametrize("name", classes.ROWS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_rows(target, name, dtype):
    for n, c in ((1, 1), (5, 7), (33, 10), (20, 100)):
        classes.test_rows.hypothesis.inner_test(name, n, c, dtype, "int64", [(-np.inf, 3)], n)


def test_a_classifier(target):
    classes.test_large_layers_go_through_the_door("SGD")
    classes.test_a_class_that_is_none_changes_nothing(4)


def test_another_architecture():
    net = nn.Sequential(nn.Linear(30, 20), nn.Tanh(), nn.Linear(20, 10))

    def passes(x, t):
        loss = nn.functional.cross_entropy(net(x), t)
        return loss, *tc.autograd.grad(loss, list(net.parameters()))

    run = tc.compile(passes, fullgraph=True, backend="native")
    for _ in range(4):
        run(tc.rand(9, 30), tc.arange(9))
    program = run.entries[-1].program
    (kernel,) = (i for i in run.entries[-1].run.program.instructions if isinstance(i, Kernel))
    assembly = jit.assembly(Segment(program, kernel.calls, set(program.results), AARCH64).text(), AARCH64)
    assert "fmla\tv" in assembly and "segment:" in assembly and "ymm" not in assembly
