"""What was overwritten is known to the byte: against a model that writes down the time of every element."""

import gc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_course as tc
from tinygrad_course import overwrites
from tinygrad_course.overwrites import mark_overwritten, overwritten_since


@st.composite
def views(draw):
    """An index of a (6, 8) array: rows, columns, blocks, steps, single elements, or all of it."""

    def one(n):
        low, high = sorted((draw(st.integers(0, n)), draw(st.integers(0, n))))
        return slice(low, high, draw(st.sampled_from([1, 1, 2, 3])))

    return one(6), one(8)


@given(st.lists(views(), max_size=30), st.lists(st.tuples(views(), st.integers(0, 30)), min_size=1, max_size=10))
def test_as_a_model_that_notes_every_element(writes, questions):
    buffer = np.zeros((6, 8), np.float32)
    written = np.zeros((6, 8), np.int64)
    moments = [overwrites.tick()]
    for index in writes:
        mark_overwritten(buffer[index])
        written[index] = overwrites.latest if buffer[index].size else written[index]
        moments.append(overwrites.tick())
    for index, when in questions:
        since = moments[min(when, len(moments) - 1)]
        expected = bool((written[index] > since).any())
        assert overwritten_since(buffer[index], since) == expected


def test_many_writes_stay_cheap_and_precise():
    buffer = np.zeros((3_000, 4), np.float32)
    start = overwrites.tick()
    for i in range(0, 3_000, 2):
        mark_overwritten(buffer[i])
    assert overwritten_since(buffer[2], start)
    assert not overwritten_since(buffer[3], start)
    for i in range(0, 3_000, 2):
        mark_overwritten(buffer[i : i + 2])
    assert overwritten_since(buffer[3], start)


def test_records_go_with_the_memory():
    gc.collect()
    before = len(overwrites._writes)
    buffer = np.zeros(5)
    mark_overwritten(buffer[1:3])
    assert len(overwrites._writes) == before + 1
    del buffer
    assert len(overwrites._writes) == before


def test_columns_beside_a_saved_one_may_be_written():
    buffer = tc.zeros(4, 3)
    w = tc.ones(4, requires_grad=True)
    y = (w * buffer[:, 0]).sum()
    buffer[:, 1] = 5.0
    y.backward()
    y = (w * buffer[:, 0]).sum()
    buffer[:, 0] = 5.0
    with pytest.raises(RuntimeError, match=r"multiply.*overwritten"):
        y.backward()
