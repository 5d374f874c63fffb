"""Bad input raises PyTorch's exception type, with a message that names the operation and what came."""

from __future__ import annotations

import re

import numpy as np
import pytest

import tinygrad_course as tc

try:
    import torch
except ImportError:
    torch = None


def leaf(m, *shape):
    return m.ones(*shape, requires_grad=True)


def twice(m):
    y = (leaf(m, 2) ** 2).sum()
    y.backward()
    y.backward()


def in_place(m, act):
    x = leaf(m, 3)
    act(x)


def overwritten(m):
    x = leaf(m, 3)
    y = m.exp(x)
    y.mul_(2)  # exp's gradient reads y
    y.sum().backward()


# name -> (exception, words of the message, call). The exception is checked to be PyTorch's own for the same call.
BAD = {
    # Shapes that do not fit
    "add": (RuntimeError, ["add", "2, 3", "4"], lambda m: m.zeros(2, 3) + m.zeros(4)),
    "mul": (RuntimeError, ["multiply", "2, 3", "2, 4"], lambda m: m.zeros(2, 3) * m.zeros(2, 4)),
    "maximum": (RuntimeError, ["maximum", "2", "3"], lambda m: m.maximum(m.zeros(2), m.zeros(3))),
    "where": (RuntimeError, ["where", "2", "3"], lambda m: m.where(m.zeros(2) > 0, m.zeros(3), m.zeros(3))),
    "matmul": (RuntimeError, ["matmul", "2, 3", "4, 5"], lambda m: m.zeros(2, 3) @ m.zeros(4, 5)),
    "matmul of 0-d": (RuntimeError, ["matmul"], lambda m: m.zeros(()) @ m.zeros(3)),
    "mm of 3-d": (RuntimeError, ["mm", "2, 3, 4"], lambda m: m.mm(m.zeros(2, 3, 4), m.zeros(4, 2))),
    "bmm": (RuntimeError, ["bmm"], lambda m: m.bmm(m.zeros(2, 3, 4), m.zeros(3, 4, 2))),
    "dot": (RuntimeError, ["dot"], lambda m: m.dot(m.zeros(2), m.zeros(3))),
    "linear": (RuntimeError, ["linear", "4, 5"], lambda m: m.nn.functional.linear(m.zeros(2, 3), m.zeros(4, 5))),
    "einsum": (RuntimeError, ["einsum"], lambda m: m.einsum("ij,jk->ik", m.zeros(2, 3), m.zeros(4, 5))),
    "einsum dims": (RuntimeError, ["einsum"], lambda m: m.einsum("ijk->i", m.zeros(2, 3))),
    "reshape": (RuntimeError, ["reshape", "2, 3", "4"], lambda m: m.zeros(2, 3).reshape(4)),
    "view": (RuntimeError, ["view|reshape", "2, 3", "4"], lambda m: m.zeros(2, 3).view(4, -1)),
    "view two -1": (RuntimeError, ["view|reshape", "-1"], lambda m: m.zeros(2, 3).view(-1, -1)),
    "expand": (RuntimeError, ["expand", "2, 3"], lambda m: m.zeros(2, 3).expand(4, 3)),
    "cat": (RuntimeError, ["cat", "2, 3", "2, 4"], lambda m: m.cat([m.zeros(2, 3), m.zeros(2, 4)])),
    "stack": (RuntimeError, ["stack", "2", "3"], lambda m: m.stack([m.zeros(2), m.zeros(3)])),
    "cat of nothing": ((RuntimeError, ValueError), ["cat"], lambda m: m.cat([])),
    "split": (RuntimeError, ["split"], lambda m: m.zeros(5).split([2, 2])),
    "permute": (RuntimeError, ["permute"], lambda m: m.zeros(2, 3).permute(0, 0)),
    "t of 3-d": (RuntimeError, ["t"], lambda m: m.zeros(2, 3, 4).t()),
    "conv2d": (
        RuntimeError,
        ["conv2d", "3", "4"],
        lambda m: m.nn.functional.conv2d(m.zeros(1, 3, 5, 5), m.zeros(2, 4, 3, 3)),
    ),
    "inv of a rectangle": (RuntimeError, ["inv", "2, 3"], lambda m: m.linalg.inv(m.zeros(2, 3))),
    "inv of a singular matrix": (RuntimeError, ["inv", "[sS]ingular"], lambda m: m.linalg.inv(m.zeros(2, 2))),
    "cholesky of an indefinite matrix": (RuntimeError, ["cholesky"], lambda m: m.linalg.cholesky(-m.eye(2))),
    "ragged": (ValueError, ["tensor"], lambda m: m.tensor([[1, 2], [3]])),
    # Dims and indices out of range
    "sum dim": (IndexError, ["sum", "5"], lambda m: m.zeros(2, 3).sum(dim=5)),
    "mean dim": (IndexError, ["mean", "-3"], lambda m: m.zeros(2, 3).mean(-3)),
    "max dim": (IndexError, ["max", "2"], lambda m: m.zeros(2, 3).max(2)),
    "softmax dim": (IndexError, ["softmax", "2"], lambda m: m.softmax(m.zeros(2, 3), 2)),
    "cumsum dim": (IndexError, ["cumsum", "4"], lambda m: m.zeros(2, 3).cumsum(4)),
    "transpose dim": (IndexError, ["transpose", "2"], lambda m: m.zeros(2, 3).transpose(0, 2)),
    "unsqueeze dim": (IndexError, ["unsqueeze", "4"], lambda m: m.zeros(2, 3).unsqueeze(4)),
    "squeeze dim": (IndexError, ["squeeze", "2"], lambda m: m.zeros(2, 3).squeeze(2)),
    "flip dim": (IndexError, ["flip", "2"], lambda m: m.zeros(2, 3).flip(2)),
    "cat dim": (IndexError, ["cat", "2"], lambda m: m.cat([m.zeros(2), m.zeros(2)], 2)),
    "sum dim twice": (RuntimeError, ["sum"], lambda m: m.zeros(2, 3).sum((0, 0))),
    "index": (IndexError, ["5"], lambda m: m.zeros(3)[5]),
    "negative index": (IndexError, ["-4"], lambda m: m.zeros(3)[-4]),
    "too many indices": (IndexError, ["getitem|index"], lambda m: m.zeros(3)[0, 0]),
    "index tensor": (IndexError, ["7"], lambda m: m.zeros(3)[m.tensor([0, 7])]),
    "mask of another shape": (IndexError, ["getitem|index|mask"], lambda m: m.zeros(3)[m.tensor([True, False])]),
    "index by a float tensor": (IndexError, ["getitem|index"], lambda m: m.zeros(3)[m.tensor([0.5])]),
    "index_select": (IndexError, ["index_select", "3"], lambda m: m.zeros(3).index_select(0, m.tensor([3]))),
    "gather": (RuntimeError, ["gather", "3"], lambda m: m.zeros(3).gather(0, m.tensor([3]))),
    "embedding": (IndexError, ["embedding", "9"], lambda m: m.nn.functional.embedding(m.tensor([9]), m.zeros(3, 2))),
    "cross_entropy target": (
        IndexError,
        ["cross_entropy", "7"],
        lambda m: m.nn.functional.cross_entropy(m.zeros(2, 3), m.tensor([0, 7])),
    ),
    "select": (IndexError, ["select", "3"], lambda m: m.zeros(3).select(0, 3)),
    "narrow": (RuntimeError, ["narrow"], lambda m: m.zeros(3).narrow(0, 2, 2)),
    "take": (IndexError, ["take", "3"], lambda m: m.take(m.zeros(3), m.tensor([3]))),
    "scatter": (RuntimeError, ["scatter", "3"], lambda m: m.zeros(3).scatter(0, m.tensor([3]), 1.0)),
    "topk": (RuntimeError, ["topk", "4"], lambda m: m.zeros(3).topk(4)),
    "negative size": (RuntimeError, ["zeros", "-1"], lambda m: m.zeros(-1)),
    # Reductions of nothing
    "max of nothing": (RuntimeError, ["max", "0"], lambda m: m.zeros(0).max()),
    "argmax of nothing": (IndexError, ["argmax", "0"], lambda m: m.zeros(0).argmax()),
    "amax of nothing": (IndexError, ["amax", "0"], lambda m: m.zeros(0, 3).amax(0)),
    "min over nothing": (IndexError, ["min", "0"], lambda m: m.zeros(0, 3).min(0)),
    # dtypes
    "integers requiring grad": (
        RuntimeError,
        ["requires_grad|require", "int64"],
        lambda m: m.tensor([1], requires_grad=True),
    ),
    "integers requiring grad later": (
        RuntimeError,
        ["requires_grad|require", "int64"],
        lambda m: m.tensor([1]).requires_grad_(),
    ),
    "mean of integers": (RuntimeError, ["mean", "int64"], lambda m: m.tensor([1, 2]).mean()),
    "softmax of integers": (RuntimeError, ["softmax", "int64"], lambda m: m.softmax(m.tensor([1, 2]), 0)),
    "text": ((TypeError, ValueError), ["tensor"], lambda m: m.tensor("abc")),
    "add text": (TypeError, [""], lambda m: m.zeros(2) + "a"),
    "bitwise of floats": (NotImplementedError, ["bitwise_and", "float32"], lambda m: m.zeros(2) & m.zeros(2)),
    "negative power of integers": (RuntimeError, ["power", "negative"], lambda m: m.tensor([2]) ** -1),
    "in-place into integers": (RuntimeError, ["add_", "int64"], lambda m: m.tensor([1]).add_(1.5)),
    # The graph
    "backward of several values": (RuntimeError, ["backward", "3"], lambda m: (leaf(m, 3) * 2).backward()),
    "backward without a graph": (RuntimeError, ["backward", "require"], lambda m: m.zeros(()).backward()),
    "backward twice": (RuntimeError, ["retain_graph"], twice),
    "cotangent of another shape": (
        RuntimeError,
        ["backward", "2", "3"],
        lambda m: (leaf(m, 3) * 2).backward(m.ones(2)),
    ),
    "grad of an unused input": (
        RuntimeError,
        ["grad", "allow_unused"],
        lambda m: m.autograd.grad(leaf(m, 2).sum(), leaf(m, 2)),
    ),
    "grad of what needs none": (
        RuntimeError,
        ["grad", "requires? grad"],
        lambda m: m.autograd.grad(leaf(m, 2).sum(), m.ones(2)),
    ),
    "in-place on a leaf": (RuntimeError, ["leaf"], lambda m: in_place(m, lambda x: x.add_(1))),
    "fill_ on a leaf": (RuntimeError, ["leaf"], lambda m: in_place(m, lambda x: x.fill_(1))),
    "assignment into a leaf": (RuntimeError, ["leaf"], lambda m: in_place(m, lambda x: x.__setitem__(0, 1.0))),
    "+= on a leaf": (RuntimeError, ["leaf"], lambda m: in_place(m, lambda x: x.__iadd__(1))),
    "numpy of a leaf": (RuntimeError, ["detach"], lambda m: leaf(m, 2).numpy()),
    "requires_grad off inside the graph": (
        RuntimeError,
        ["leaf"],
        lambda m: setattr(leaf(m, 2) * 2, "requires_grad", False),
    ),
    "grad of another shape": (RuntimeError, ["grad", "3"], lambda m: setattr(leaf(m, 2), "grad", m.ones(3))),
    "deepcopy of a result": (RuntimeError, ["deepcopy"], lambda m: __import__("copy").deepcopy(leaf(m, 2) * 2)),
    # Python asks for one value
    "bool of several": (RuntimeError, ["bool"], lambda m: bool(m.zeros(2))),
    "item of several": (RuntimeError, ["item", "2"], lambda m: m.zeros(2).item()),
    "float of several": (ValueError, ["one value", "2"], lambda m: float(m.zeros(2))),
    "int of several": (ValueError, ["one value", "2"], lambda m: int(m.zeros(2))),
    "len of 0-d": (TypeError, ["len", "0-d"], lambda m: len(m.zeros(()))),
    "iteration over 0-d": (TypeError, ["0-d"], lambda m: list(m.zeros(()))),
    "unknown method": (AttributeError, ["no_such_method"], lambda m: m.zeros(2).no_such_method()),
    "unknown keyword": (TypeError, ["dims"], lambda m: m.sum(m.zeros(2), dims=0)),
}


@pytest.mark.parametrize("name", BAD)
def test_type_and_message(name):
    expected, words, call = BAD[name]
    with np.errstate(all="ignore"), pytest.raises(expected) as caught:
        call(tc)
    message = str(caught.value)
    for word in words:
        assert re.search(word, message), f"{word!r} is not in {message!r}"
    assert len(message) < 600


@pytest.mark.skipif(torch is None, reason="compares with PyTorch")
@pytest.mark.parametrize("name", BAD)
def test_the_type_is_that_of_pytorch(name):
    _, _, call = BAD[name]
    with pytest.raises(Exception) as theirs:
        call(torch)
    with np.errstate(all="ignore"), pytest.raises(Exception) as ours:
        call(tc)
    assert isinstance(ours.value, ours_for(theirs.type)), f"{ours.value!r} for {theirs.value!r}"


def ours_for(kind):
    """PyTorch's exception type here: its LinAlgError is ours, and a missing kernel need not be NotImplementedError."""
    if kind.__name__ == "_LinAlgError":
        return tc.errors.LinAlgError
    return RuntimeError if kind is NotImplementedError else kind


def test_nan_and_infinity_pass_through():
    """Bad values are no bad input: they follow the rules of floating point, in gradients too."""
    x = tc.tensor([float("nan"), float("inf"), -1.0, 0.0], requires_grad=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        tc.log(x).sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), [np.nan, 0.0, -1.0, np.inf])


@pytest.mark.parametrize("function", [tc.hypot, tc.atan2])
def test_the_gradient_at_the_origin_is_taken_as_0(function):
    a, b = (tc.zeros(2, requires_grad=True) for _ in range(2))
    function(a, b).sum().backward()
    assert a.grad.tolist() == b.grad.tolist() == [0.0, 0.0]


def test_a_zero_cotangent_stays_zero_where_the_slope_is_infinite():
    x = tc.tensor([0.0, 4.0], requires_grad=True)
    (tc.sqrt(x) * 0).sum().backward()
    assert x.grad.tolist() == [0.0, 0.0]


def test_an_overwritten_value_is_an_error_and_not_a_wrong_gradient():
    """In-place operations inside the graph give a fresh value, so what exp needs is intact: right, or an error."""
    x = tc.tensor([0.5, 1.0, 2.0], dtype=tc.float64, requires_grad=True)
    y = tc.exp(x)
    z = y * 3
    y.mul_(2)
    (y.sum() + z.sum()).backward()
    np.testing.assert_allclose(x.grad.numpy(), 5 * np.exp(x.detach().numpy()), rtol=1e-12)
    y = tc.exp(x)
    view = y.detach()
    view.mul_(2)
    with pytest.raises(RuntimeError, match=r"exp.*overwritten"):
        y.sum().backward()


def test_no_gradient_is_touched_when_backward_fails():
    x = tc.tensor([1.0, 2.0], requires_grad=True)
    y = tc.exp(x)
    loss = (y * x).sum()
    y.detach().zero_()
    with pytest.raises(RuntimeError):
        loss.backward()
    assert x.grad is None
