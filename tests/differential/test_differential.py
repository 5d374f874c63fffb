"""Values, dtypes, gradients and exceptions equal PyTorch's, over generated shapes, dtypes and memory layouts."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch")

import tinygrad_course as tc  # noqa: E402
from tests.primitives.test_primitives import NAMES  # noqa: E402
from tests.samples import SAMPLES  # noqa: E402
from tests.samples.base import drawn  # noqa: E402
from tinygrad_course.ops import REGISTRY  # noqa: E402

from . import cases_kinks, cases_more, cases_nn  # noqa: E402, F401
from .cases import CASES, INPUTS  # noqa: E402
from .counterparts import COUNTERPARTS, ELSEWHERE, WITHOUT  # noqa: E402
from .harness import MEMORY, Seen, compare  # noqa: E402

DTYPES = (np.float32, np.float64)
few = settings(max_examples=min(12, settings.default.max_examples))


def counterpart(name):
    """PyTorch's function for a primitive that is a public function of the same name, or None."""
    if name in COUNTERPARTS:
        return COUNTERPARTS[name]
    if getattr(tc, name, None) is REGISTRY[name]:
        return getattr(torch, name, None)
    return None


DIRECT = [name for name in NAMES if counterpart(name) is not None]


@pytest.mark.parametrize("name", DIRECT)
@few
@given(data=st.data(), dtype=st.sampled_from(DTYPES), layout=st.integers(0, len(MEMORY) - 1))
def test_primitive(name, data, dtype, layout):
    sample = data.draw(SAMPLES[name])
    theirs = counterpart(name)
    compare(
        lambda *xs: REGISTRY[name](*xs, **sample.params),
        lambda *xs: theirs(*xs, **sample.params),
        sample.inputs,
        dtype,
        layout,
    )


@pytest.mark.parametrize("name", [n for n in DIRECT if REGISTRY[n].broadcasts and REGISTRY[n].lazy])
@pytest.mark.parametrize("shapes", [((0,), (0,)), ((2, 0), (1,)), ((0, 1), (3,)), ((1, 0), (2, 1))])
def test_primitive_of_nothing(name, shapes):
    """0-size arrays, also broadcast."""
    dtypes = [x.dtype for x in drawn(name, 1)[0].inputs]
    inputs = [np.zeros(shape, dtype) for shape, dtype in zip(shapes, dtypes)]
    for dtype in DTYPES:
        compare(REGISTRY[name], counterpart(name), inputs, dtype, 0)


@pytest.mark.parametrize("name", CASES)
def test_function(name):
    case = CASES[name]
    settled = settings(max_examples=2 * len(case.calls) if case.inputs == "nothing" else max(12, 6 * len(case.calls)))

    @settled
    @given(INPUTS[case.inputs], st.sampled_from(case.calls), st.sampled_from(DTYPES), st.integers(0, len(MEMORY) - 1))
    def check(arrays, call, dtype, layout):
        compare(lambda *xs: call(tc, *xs), lambda *xs: call(torch, *xs), arrays, dtype, layout)

    check()


def test_no_primitive_is_forgotten():
    """Every primitive is compared directly, or executed by a case, or listed as one that PyTorch does not have."""
    seen = Seen()
    with seen, np.errstate(all="ignore"):
        for case in CASES.values():
            drawn_inputs = _first(INPUTS[case.inputs])
            for call in case.calls:
                with contextlib.suppress(Exception):  # what raises is compared by test_function
                    y = call(tc, *(tc.tensor(x, requires_grad=x.dtype.kind == "f") for x in drawn_inputs))
                    y.sum().backward()
    missing = sorted(set(NAMES) - set(DIRECT) - seen.names - set(WITHOUT))
    assert not missing, "neither compared with PyTorch nor listed in WITHOUT"
    assert not sorted(set(WITHOUT) & (set(DIRECT) | seen.names)), "listed in WITHOUT, but compared"


def test_no_public_function_is_forgotten():
    """Every public function that PyTorch has under the same name is compared, or listed with the reason."""
    called = set(DIRECT)
    for case in CASES.values():
        for call in case.calls:
            values = [*(call.__defaults__ or ()), *(cell.cell_contents for cell in call.__closure__ or ())]
            called |= {*_names(call.__code__), *(x for x in values if isinstance(x, str))}
    public = {n for n in tc.__all__ if callable(getattr(tc, n)) and not isinstance(getattr(tc, n), type)}
    assert not sorted(n for n in public - called - set(ELSEWHERE) if hasattr(torch, n))
    assert not sorted(set(ELSEWHERE) - public), "listed in ELSEWHERE, but not public"


def _names(code):
    """The attributes that a function reads, in its comprehensions too."""
    yield from code.co_names
    for inner in code.co_consts:
        if isinstance(inner, type(code)):
            yield from _names(inner)


def _first(strategy):
    found = []

    @settings(derandomize=True, max_examples=3, database=None)
    @given(strategy)
    def collect(arrays):
        found.append(arrays)

    collect()
    return found[-1]
