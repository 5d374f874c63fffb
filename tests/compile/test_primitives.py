"""Every primitive of the registry, with its backward pass, on inputs other than those of the recording."""

import numpy as np
import pytest

import tinygrad_course as tc
from tests.samples import SAMPLES
from tests.samples.base import drawn
from tinygrad_course.ops import REGISTRY

from .twins import compiled, same


def _other(x, rng):
    """An array near `x`, where the primitive is still defined."""
    if isinstance(x, np.ndarray) and x.dtype.kind == "f":
        return np.asarray(x * (1 - 1e-3 * rng.random(x.shape))).astype(x.dtype)
    return x


def _shape_depends_on_values(name, sample):
    """Masks select values: those of `getitem`, and in the rules of its adjoint and of writing."""
    selects = name in ("getitem", "put_add", "setitem") and any(x.dtype.kind == "b" for x in sample.inputs[1:])
    return selects or name == "nonzero"


def _step(op, params):
    def step(*xs):
        ys = op(*xs, **params)
        ys = ys if isinstance(ys, tuple) else (ys,)
        wanted = [y for y in ys if y.requires_grad]
        if wanted:
            sum((y * y).sum() + (y * 0.3).sum() for y in wanted).backward()
        return [y.detach() for y in ys]

    return step


@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_replay_agrees_with_eager(name):
    op = REGISTRY[name]
    for sample in drawn(name, 3):
        rng = np.random.default_rng(0)
        step = _step(op, sample.params)
        twin = compiled(step)
        generator = sample.params.get("generator")
        if _shape_depends_on_values(name, sample):
            with pytest.raises(RuntimeError, match="depends on values"):
                twin(*[tc.tensor(x, requires_grad=x.dtype.kind == "f") for x in sample.inputs])
            continue
        for i in range(4):
            arrays = [_other(x, rng) for x in sample.inputs]
            runs = []
            for f in (step, twin):
                wants = op.rules is not None
                xs = [tc.tensor(a, requires_grad=wants and a.dtype.kind == "f") if isinstance(a, np.ndarray) else a
                      for a in arrays]  # fmt: skip
                if generator is not None:
                    generator.manual_seed(i)
                runs.append((f(*xs), [x.grad for x in xs if isinstance(x, tc.Tensor)]))
            same(*runs)
        assert twin.entries[0].calls == 2
