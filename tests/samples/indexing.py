"""Samples for `ops/indexing.py`, `ops/choosing.py`, `ops/sorting.py` and `ops/scan.py`."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from tinygrad_course.ops.indexing import ARRAY

from .base import Sample, apart, broadcastable, numbers, sample_for, shapes


@st.composite
def slices(draw: Any, length: int) -> slice:
    ends = st.none() | st.integers(-length, length)
    step = draw(st.sampled_from([None, 1, 2, -1, -2]))
    return slice(draw(ends), draw(ends), step)


@st.composite
def indices(draw: Any, shape: tuple[int, ...]) -> tuple[Any, tuple[np.ndarray, ...]]:
    """A template and its arrays: ints, slices, None, an ellipsis; integer arrays that repeat places; masks."""
    kind = draw(st.sampled_from(["basic", "integers", "mask"]))
    if kind == "mask":
        covered = shape[: draw(st.integers(0, len(shape)))]
        rng = np.random.default_rng(draw(st.integers(0, 99)))
        return (ARRAY,), (np.asarray(rng.random(covered) < 0.6),)
    template: list[Any] = []
    arrays: list[np.ndarray] = []
    together = draw(shapes(0, 2))
    for n in shape[: draw(st.integers(0, len(shape)))]:
        part = draw(st.sampled_from(["int", "slice", "slice", "array" if kind == "integers" else "slice"]))
        if part == "int":
            template.append(draw(st.integers(-n, n - 1)))
        elif part == "slice":
            template.append(draw(slices(n)))
        else:
            template.append(ARRAY)
            rng = np.random.default_rng(draw(st.integers(0, 99)))
            arrays.append(np.asarray(rng.integers(-n, n, together)))
    if draw(st.booleans()):
        template.insert(draw(st.integers(0, len(template))), None)
    if draw(st.booleans()):
        template.append(...)
    return tuple(template), tuple(arrays)


def chosen(shape: tuple[int, ...], template: Any, arrays: tuple[np.ndarray, ...]) -> tuple[int, ...]:
    """The shape that the index takes out."""
    given = iter(arrays)
    return np.zeros(shape)[tuple(next(given) if part is ARRAY else part for part in template)].shape


@sample_for("getitem")
def _getitem(draw: Any) -> Sample:
    shape = draw(shapes())
    template, arrays = draw(indices(shape))
    return Sample((draw(numbers(shape)), *arrays), {"index": template})


@sample_for("put_add")
def _put_add(draw: Any) -> Sample:
    shape = draw(shapes())
    template, arrays = draw(indices(shape))
    g = draw(numbers(chosen(shape, template, arrays)))
    return Sample((g, *arrays), {"index": template, "shape": shape})


@sample_for("setitem")
def _setitem(draw: Any) -> Sample:
    # Places named twice would be written in an order that is nobody's business.
    shape = draw(shapes())
    template, arrays = draw(indices(shape).filter(lambda drawn: all(a.dtype == bool for a in drawn[1])))
    value = draw(numbers(chosen(shape, template, arrays)))
    return Sample((draw(numbers(shape)), value, *arrays), {"index": template})


@sample_for("where")
def _where(draw: Any) -> Sample:
    c, a, b = draw(broadcastable(3))
    return Sample((draw(numbers(c)) > 0, draw(numbers(a)), draw(numbers(b))))


@sample_for("nonzero")
def _nonzero(draw: Any) -> Sample:
    return Sample((np.round(draw(numbers(draw(shapes())))),))


@sample_for("clamp")
def _clamp(draw: Any) -> Sample:
    x = draw(apart(draw(shapes())))  # no value lies within 0.1 of these bounds
    low, high = draw(st.sampled_from([(-0.45, 0.45), (None, 0.45), (-0.45, None)]))
    return Sample((x,), {"min": low, "max": high})


@sample_for("nan_to_num")
def _nan_to_num(draw: Any) -> Sample:
    return Sample((draw(numbers(draw(shapes()))),), {"nan": 0.5})


@sample_for("round")
def _round(draw: Any) -> Sample:
    x = np.round(draw(numbers(draw(shapes())))) + 0.2
    return Sample((x,), {"decimals": draw(st.sampled_from([0, -1]))})


@sample_for("isclose")
def _isclose(draw: Any) -> Sample:
    a, b = draw(broadcastable(2))
    return Sample((draw(numbers(a)), draw(numbers(b))), {"rtol": 0.1, "atol": 0.1, "equal_nan": draw(st.booleans())})


@sample_for("cumsum", "logcumsumexp")
def _running(draw: Any) -> Sample:
    x = draw(numbers(draw(shapes())))
    return Sample((x,), {"axis": draw(st.integers(0, max(x.ndim - 1, 0)))})


@sample_for("cumprod")
def _cumprod(draw: Any) -> Sample:
    x = draw(numbers(draw(shapes(1, max_side=4))))
    if draw(st.booleans()):
        x[draw(st.tuples(*(st.integers(0, n - 1) for n in x.shape)))] = 0
    return Sample((x,), {"axis": draw(st.integers(0, x.ndim - 1))})


@sample_for("linear_scan")
def _linear_scan(draw: Any) -> Sample:
    shape = draw(shapes(1, max_side=4))
    params = {"axis": draw(st.integers(0, len(shape) - 1)), "reverse": draw(st.booleans())}
    return Sample((draw(numbers(shape)), draw(numbers(shape))), params)


@sample_for("cummax_place", "cummin_place", "median_place", "mode_place", "argsort")
def _place(draw: Any) -> Sample:
    x = np.round(draw(numbers(draw(shapes()))))
    return Sample((x,), {"axis": draw(st.integers(0, max(x.ndim - 1, 0)))})


@sample_for("searchsorted")
def _searchsorted(draw: Any) -> Sample:
    edges = np.sort(np.round(draw(numbers((draw(st.integers(1, 5)),)))))
    return Sample((edges, np.round(draw(numbers(draw(shapes()))))), {"side": draw(st.sampled_from(["left", "right"]))})


@sample_for("isin")
def _isin(draw: Any) -> Sample:
    return Sample((np.round(draw(numbers(draw(shapes())))), np.round(draw(numbers(draw(shapes(1)))))))


EQUATIONS = (
    "ij,jk->ik", "ij->ji", "bij,bjk->bik", "i,j->ij", "i,i->", "ij,ij->", "ij,j->ij", "ij,jk,kl->il", "ij,ik,il->jkl",
    "bij,bj->bi", "ij,kl->ikjl", "a,ab,b->",
)  # fmt: skip


@sample_for("einsum")
def _einsum(draw: Any) -> Sample:
    equation = draw(st.sampled_from(EQUATIONS))
    lengths = {c: draw(st.integers(1, 3)) for c in sorted(set(equation) - set(",->"))}
    xs = tuple(draw(numbers(tuple(lengths[c] for c in part))) for part in equation.split("->")[0].split(","))
    return Sample(xs, {"equation": equation})
