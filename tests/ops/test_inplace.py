"""Operations in place: what PyTorch does, as long as no other tensor would have to see a recorded write."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_course as tc
from tinygrad_course.ops import inplace


def leaf(*values):
    return tc.tensor(list(values), dtype=tc.float64, requires_grad=True)


# --- Random programs, against PyTorch -----------------------------------------------------------------------------
# w is a leaf, h is in the graph, c is a constant and v a view of it.

STATEMENTS = [
    lambda m, w, h, c, v: h.add_(c),
    lambda m, w, h, c, v: h.sub_(w, alpha=0.5),
    lambda m, w, h, c, v: h.mul_(w),
    lambda m, w, h, c, v: h.div_(3),
    lambda m, w, h, c, v: h.neg_(),
    lambda m, w, h, c, v: h.tanh_(),
    lambda m, w, h, c, v: h.clamp_(-0.7, 0.9),
    lambda m, w, h, c, v: h.masked_fill_(h > 0.5, 0.25),
    lambda m, w, h, c, v: h.copy_(c),
    lambda m, w, h, c, v: h.zero_(),
    lambda m, w, h, c, v: h.fill_(w[0]),
    lambda m, w, h, c, v: h.lerp_(w, 0.25),
    lambda m, w, h, c, v: h.addcmul_(w, w, value=2),
    lambda m, w, h, c, v: h.index_add_(0, m.tensor([2, 2]), w[:2]),
    lambda m, w, h, c, v: h.scatter_(0, m.tensor([1, 0]), w[1:]),
    lambda m, w, h, c, v: h.__setitem__(0, 1.5),
    lambda m, w, h, c, v: h.__setitem__(slice(1, None), c[1:]),
    lambda m, w, h, c, v: h.__setitem__(m.tensor([2, 0]), w[:2] * 2),
    lambda m, w, h, c, v: h.__setitem__(h > 0, 0.1),
    lambda m, w, h, c, v: h.__setitem__(1, h[1].__iadd__(w[2])),
    lambda m, w, h, c, v: h.__iadd__(w),
    lambda m, w, h, c, v: h.__imul__(0.5),
    lambda m, w, h, c, v: c.add_(1),
    lambda m, w, h, c, v: c.__setitem__(0, 3.0),
    lambda m, w, h, c, v: v.mul_(2),
    lambda m, w, h, c, v: v.__setitem__(slice(None), c[:2]),
    lambda m, w, h, c, v: c.__isub__(0.5),
    lambda m, w, h, c, v: c.relu_(),
]


def run(m, program, values):
    w = m.tensor(values, dtype=m.float64, requires_grad=True)
    h = w * 2
    c = m.tensor([0.3, -0.2, 0.8], dtype=m.float64)
    v = c[1:]
    for statement in program:
        statement(m, w, h, c, v)
    ((h * h).sum() + (c * w).sum() + v.sum() * w[0]).backward()
    return h, c, v, w.grad


@given(st.lists(st.sampled_from(STATEMENTS), max_size=6), st.lists(st.floats(-1, 1), min_size=3, max_size=3))
def test_random_programs_agree_with_pytorch(program, values):
    torch = pytest.importorskip("torch")
    try:
        expected = run(torch, program, values)
    except RuntimeError:  # an overwritten value: ours may have kept it, as it gives the graph a fresh array
        return
    for found, wanted in zip(run(tc, program, values), expected):
        np.testing.assert_allclose(found.detach().numpy(), wanted.detach().numpy(), rtol=1e-12, atol=1e-12)


def test_a_value_that_backward_needs_stays_in_the_graph():
    w = leaf(1.0, 2.0)
    h = w.exp()
    h += 1
    h.sum().backward()
    np.testing.assert_allclose(w.grad.numpy(), np.exp([1.0, 2.0]))


# --- Memory outside the graph -------------------------------------------------------------------------------------

VIEWS = {
    "slice": lambda x: x[1:], "row": lambda x: x[1], "transpose": lambda x: x.T, "reshape": lambda x: x.reshape(-1),
    "unsqueeze": lambda x: x.unsqueeze(0), "chunk": lambda x: x.chunk(2)[0], "unbind": lambda x: x.unbind(1)[0],
    "diagonal": lambda x: x.diagonal(), "narrow": lambda x: x.narrow(0, 0, 1), "permute": lambda x: x.permute(1, 0),
    "detach": lambda x: x.detach(), "data": lambda x: x.data, "squeeze": lambda x: x.squeeze(),
}  # fmt: skip
COPIES = {
    "clone": lambda x: x.clone(), "flip": lambda x: x.flip(0), "fancy": lambda x: x[[0, 1]], "mask": lambda x: x[x > 0],
    "roll": lambda x: x.roll(1, 0), "tril": lambda x: x.tril(), "cat": lambda x: tc.cat([x]),
    "repeat": lambda x: x.repeat(1, 2),
    "rot90": lambda x: x.rot90(), "sort": lambda x: x.sort().values, "einsum": lambda x: tc.einsum("ij->ji", x),
    "diag": tc.diag, "take": lambda x: x.take(tc.tensor([0])), "clamp": lambda x: x.clamp(0, 9),
    "copy.expand": lambda x: x.expand(2, 2, 3).clone(), "pad": lambda x: tc.ops.rearrange.pad(x, (0, 0)),
    "cumsum": lambda x: x.cumsum(0), "stack": lambda x: tc.stack([x]), "round": lambda x: x.round(),
}  # fmt: skip


@pytest.mark.parametrize("name", VIEWS)
def test_views_share_memory(name):
    x = tc.arange(1, 7).reshape(2, 3).float()
    view = VIEWS[name](x)
    view.mul_(-1)
    assert (x.numpy() < 0).sum() == view.numel()
    x.zero_()
    assert not view.any()


@pytest.mark.parametrize("name", COPIES)
def test_copies_do_not(name):
    x = tc.arange(1, 7).reshape(2, 3).float()
    COPIES[name](x).fill_(-1)
    assert (x > 0).all()


def test_numpy_shares_memory_and_sees_writes():
    array = np.zeros(3)
    x = tc.from_numpy(array)
    x[1] = 5
    x += 1
    np.testing.assert_array_equal(array, [1, 6, 1])


def test_augmented_subscripts():
    x = tc.zeros(2, 2)
    x[0] += 1
    x[:, 1] *= 3
    x[tc.tensor([0, 1]), tc.tensor([1, 0])] -= 1
    assert x.tolist() == [[1, 2], [-1, 0]]


def test_no_grad_writes_into_a_leaf():
    w = leaf(1.0, 2.0)
    array = w.array
    with tc.no_grad():
        w -= 0.5
        w[0] = 7
        w.clamp_(max=3)
    assert w.array is array
    assert w.tolist() == [3, 1.5]
    assert w.requires_grad and w.is_leaf


def test_restructuring_keeps_the_memory():
    x = tc.zeros(2, 3)
    y = x.view(6)
    x.t_().unsqueeze_(0)
    assert x.shape == (1, 3, 2)
    x[0, 2, 1] = 5
    assert y[5] == 5
    assert x.squeeze_().shape == (3, 2)
    assert x.resize_(1, 2).shape == (1, 2)
    w = leaf(1.0, 2.0)
    with tc.no_grad():
        w.unsqueeze_(0)
    assert w.shape == (1, 2) and w.is_leaf and w.requires_grad


# --- Values that were overwritten ---------------------------------------------------------------------------------


def through_the_tensor(a, array):
    a.add_(1)


def through_a_view(a, array):
    a[:1].add_(1)


def through_an_element(a, array):
    a[0] = 5


def through_numpy_memory(a, array):
    tc.from_numpy(array).zero_()


def through_data(a, array):
    a.data.mul_(2)


@pytest.mark.parametrize(
    "overwrite", [through_the_tensor, through_a_view, through_an_element, through_numpy_memory, through_data]
)
def test_overwritten_values_are_an_error(overwrite):
    array = np.ones(2)
    a = tc.from_numpy(array)
    w = leaf(1.0, 2.0)
    y = (w * a).sum()
    overwrite(a, array)
    with pytest.raises(RuntimeError, match=r"multiply: a value of shape \(2,\) .* overwritten in place"):
        y.backward()
    assert w.grad is None


def test_writing_beside_a_saved_view_is_none():
    a = tc.ones(4, dtype=tc.float64)
    w = leaf(1.0, 2.0)
    y = (w * a[:2]).sum()
    a[3] = 5
    y.backward()
    assert w.grad.tolist() == [1, 1]


def test_values_that_no_rule_reads_may_be_overwritten():
    a = tc.ones(2, dtype=tc.float64)
    w = leaf(1.0, 2.0)
    y = (w + a).sum()
    a.zero_()
    y.backward()
    assert w.grad.tolist() == [1, 1]


# --- What is refused ----------------------------------------------------------------------------------------------

LEAF_WRITES = {
    "add_": lambda w: w.add_(1), "+=": lambda w: w.__iadd__(1), "setitem": lambda w: w.__setitem__(0, 1.0),
    "zero_": lambda w: w.zero_(), "t_": lambda w: w.t_(), "copy_": lambda w: w.copy_(tc.zeros(2)),
}  # fmt: skip


@pytest.mark.parametrize("name", LEAF_WRITES)
def test_leaves_that_require_grad(name):
    w = leaf(1.0, 2.0)
    with pytest.raises(RuntimeError, match="a leaf tensor that requires grad") as raised:
        LEAF_WRITES[name](w)
    assert str(raised.value).startswith(f"{name}:")
    assert w.tolist() == [1, 2]


def test_a_view_in_the_graph_would_lose_the_write():
    h = leaf(1.0, 2.0) * 2
    view = h[:1]
    with pytest.raises(RuntimeError, match=r"add_: this tensor is a view .* h\[:, 0\] = "):
        view.add_(1)
    with pytest.raises(RuntimeError, match="setitem: this tensor is a view"):
        view[0] = 1.0


def test_a_view_of_a_constant_would_lose_a_recorded_write():
    base = tc.zeros(3, dtype=tc.float64)
    view = base[:2]
    with pytest.raises(RuntimeError, match="copy_: this tensor is a view"):
        view.copy_(leaf(1.0, 2.0))
    assert not base.any()


def test_a_view_whose_base_is_gone_is_like_any_other():
    h = (leaf(1.0, 2.0) * 1).reshape(2, 1)
    h.mul_(3)
    assert h.tolist() == [[3], [6]]


@pytest.mark.parametrize("dtype", [tc.int64, tc.uint8, tc.bool])
def test_the_result_must_fit_the_dtype(dtype):
    x = tc.ones(2).to(dtype)
    for write in (lambda: x.add_(0.5), lambda: x.__imul__(0.5), lambda: x.div_(2)):
        with pytest.raises(RuntimeError, match="result type float32 can't be cast to"):
            write()
    x = tc.ones(2)
    assert x.gt_(0).dtype == tc.float32
    assert x.add_(tc.ones(2, dtype=tc.float64)).dtype == tc.float32


def test_the_shape_must_not_grow():
    x = tc.ones(1, 3)
    with pytest.raises(RuntimeError, match=r"add_: the result has shape \(2, 3\).* x = x.add"):
        x.add_(tc.ones(2, 3))
    assert x.add_(tc.ones(3)).tolist() == [[2, 2, 2]]


def test_expanded_memory_is_refused():
    x = tc.ones(3).expand(2, 3)
    with pytest.raises(RuntimeError, match="share one place in memory"):
        x.add_(1)
    with pytest.raises(RuntimeError, match="share one place in memory"):
        x[0] = 1


def test_a_failed_write_leaves_everything_alone():
    x = tc.zeros(3)
    for index, value, kind in ((5, 1.0, IndexError), (0, tc.ones(2), RuntimeError), ((0, 0), 1.0, IndexError)):
        with pytest.raises(kind, match="setitem"):
            x[index] = value
    assert not x.any()


# --- The table ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(n for n in inplace.METHODS if not n.startswith("__")))
def test_each_is_pytorchs_and_says_what_it_does(name):
    torch = pytest.importorskip("torch")
    assert hasattr(torch.Tensor, name)
    method = getattr(tc.Tensor, name)
    assert method.__name__ == name and method.__doc__


ONE_ARGUMENT = (
    "abs",
    "ceil",
    "cos",
    "erf",
    "exp",
    "floor",
    "neg",
    "reciprocal",
    "rsqrt",
    "sigmoid",
    "sin",
    "sqrt",
    "square",
    "tanh",
)


@pytest.mark.parametrize("name", ONE_ARGUMENT)
@given(st.lists(st.floats(0.25, 2), min_size=1, max_size=4))
def test_in_place_equals_out_of_place(name, values):
    x = tc.tensor(values)
    array = x.array
    expected = getattr(x, name)()
    assert getattr(x, name + "_")() is x
    assert x.array is array
    np.testing.assert_array_equal(array, expected.numpy())
    w = tc.tensor(values, requires_grad=True)
    getattr(w * 1, name + "_")().sum().backward()
    v = tc.tensor(values, requires_grad=True)
    getattr(v * 1, name)().sum().backward()
    np.testing.assert_array_equal(w.grad.numpy(), v.grad.numpy())
