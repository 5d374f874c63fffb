"""einsum: against NumPy's, on equations that are drawn; its forms, and its messages."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_course as tc

letters = st.lists(st.sampled_from("ijkl"), max_size=3)


@st.composite
def calls(draw):
    """An equation with repeated, lone and shared labels, and operands that fit it."""
    given_labels = ["".join(draw(letters)) for _ in range(draw(st.integers(1, 3)))]
    used = sorted(set("".join(given_labels)))
    out = draw(st.permutations(used))[: draw(st.integers(0, len(used)))]
    lengths = {c: draw(st.integers(1, 3)) for c in used}
    rng = np.random.default_rng(draw(st.integers(0, 999)))
    operands = [rng.standard_normal([lengths[c] for c in part]) for part in given_labels]
    return f"{','.join(given_labels)}->{''.join(out)}", operands


@given(calls())
def test_drawn_equations(call):
    equation, operands = call
    expected = np.einsum(equation, *operands)
    leaves = [tc.tensor(x, requires_grad=True) for x in operands]
    y = tc.einsum(equation, *leaves)
    np.testing.assert_allclose(y.detach().numpy(), expected, rtol=1e-9, atol=1e-12)
    g = np.random.default_rng(0).standard_normal(expected.shape)
    y.backward(tc.tensor(g))
    # The result is linear in each operand, so its derivative in a direction is the result with that direction.
    for i, leaf in enumerate(leaves):
        direction = np.random.default_rng(i).standard_normal(operands[i].shape)
        moved = np.einsum(equation, *(direction if j == i else x for j, x in enumerate(operands)))
        np.testing.assert_allclose((leaf.grad.numpy() * direction).sum(), (g * moved).sum(), rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize(
    ("equation", "shapes"),
    [
        ("ij,jk", [(2, 3), (3, 4)]), ("...ij,...jk->...ik", [(5, 2, 3), (5, 3, 4)]), ("...i->...", [(2, 3, 4)]),
        ("...ij,jk", [(5, 1, 2, 3), (3, 4)]), ("i...,i...->...", [(3, 4), (3, 1)]), ("ii", [(3, 3)]),
        ("ii->i", [(3, 3)]),
        ("...ii->...i", [(2, 3, 3)]), ("ba", [(2, 3)]), ("i j , j k -> k i", [(2, 3), (3, 4)]), (",", [(), ()]),
        ("ij,ij->ij", [(1, 3), (2, 3)]), ("iji->j", [(2, 3, 2)]), ("...,...", [(2, 3), (3,)]),
    ],
)  # fmt: skip
def test_forms(equation, shapes):
    rng = np.random.default_rng(0)
    operands = [rng.standard_normal(s) for s in shapes]
    expected = np.einsum(equation, *operands)
    found = tc.einsum(equation, *map(tc.tensor, operands))
    assert found.shape == expected.shape
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-12)
    np.testing.assert_allclose(tc.einsum(equation, [tc.tensor(x) for x in operands]).numpy(), expected, rtol=1e-12)


def test_integers_stay_integers():
    assert tc.einsum("i,i", tc.tensor([1, 2]), tc.tensor([3, 4])).dtype == tc.int64


def test_lengths_of_zero():
    assert tc.einsum("ij,jk->ik", tc.zeros(2, 0), tc.zeros(0, 3)).tolist() == [[0] * 3] * 2


@pytest.mark.parametrize(
    ("equation", "shapes", "message"),
    [
        ("ij,jk->ik", [(2, 3), (2, 3)], "label 'j' is 3 long, but 2 in operand 1"),
        ("ij->ijk", [(2, 3)], "label 'k' of the result is in no operand"),
        ("ij->ii", [(2, 3)], "twice in the result"),
        ("ij", [(2, 3), (2,)], "names 1 operands, but 2"),
        ("ijk", [(2, 3)], "names 3 dims of operand 0"),
        ("i1", [(2, 3)], "labels must be letters"),
        ("...ijk", [(2, 3)], "more labels than"),
    ],
)
def test_bad_equations(equation, shapes, message):
    with pytest.raises(RuntimeError, match=f"einsum: .*{message}"):
        tc.einsum(equation, *(tc.ones(*s) for s in shapes))
