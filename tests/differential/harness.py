"""Run the same call on tinygrad_course and on PyTorch; compare values, dtypes, gradients and exceptions."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

import tinygrad_course as tc
from tinygrad_course.graph import Observer
from tinygrad_course.testing.contract import LAYOUTS
from tinygrad_course.testing.probe import cotangent

__all__ = ["Seen", "compare", "same_exception"]

# Relative to the largest value of the array.
TOLERANCE = {np.dtype(np.float64): 1e-9, np.dtype(np.float32): 2e-4}
MEMORY = (lambda x: x, *LAYOUTS)


class Seen(Observer):
    """Collects the names of the operations that were executed, in the backward pass too."""

    traces = True

    def __init__(self) -> None:
        self.names: set[str] = set()

    def saw(self, op: Any, inputs: Any, params: Any, outs: Any, node: Any) -> None:
        self.names.add(op.name)


def compare(
    ours: Callable[..., Any], theirs: Callable[..., Any], arrays: Sequence[Any], dtype: Any, layout: int
) -> None:
    """Assert that two functions give the same values and the same gradients, or both raise the same exception type.

    Args:
        ours: takes tinygrad_course Tensors.
        theirs: takes PyTorch tensors.
        arrays: the inputs; floating ones are converted to `dtype` and require grad.
        layout: how our arrays lie in memory, by the position in `MEMORY`; PyTorch's are contiguous.
    """
    arrays = [x.astype(dtype) if x.dtype.kind == "f" else x for x in arrays]
    mine = [tc.tensor(0.0) for _ in arrays]
    for i, x in enumerate(arrays):
        mine[i] = tc.from_numpy(MEMORY[layout](x))
        mine[i].requires_grad = x.dtype.kind == "f"
    other = [torch.from_numpy(np.array(x)).requires_grad_(x.dtype.kind == "f") for x in arrays]
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            expected = theirs(*other)
        except Exception as error:
            same_exception(lambda: ours(*mine), error)
            return
        found = ours(*mine)
        pairs = list(_pairs(found, expected))
        rng = np.random.default_rng(0)
        roots = []
        for a, b in pairs:
            assert isinstance(a, tc.Tensor) == isinstance(b, torch.Tensor), f"{type(a)} for {type(b)}"
            if not isinstance(b, torch.Tensor):
                assert a == b or (a != a and b != b), f"{a} for {b}"
                continue
            assert tuple(a.shape) == tuple(b.shape), f"shape {tuple(a.shape)} for {tuple(b.shape)}"
            wanted = b.numpy(force=True)
            assert a.dtype == wanted.dtype, f"dtype {a.dtype} for {wanted.dtype}"
            _close(a.detach().numpy(), wanted, "value")
            assert a.requires_grad == b.requires_grad, f"requires_grad {a.requires_grad} for {b.requires_grad}"
            if b.requires_grad:
                roots.append((a, b, cotangent(rng, wanted.shape, wanted.dtype)))
        if not roots:
            return
        tc.autograd.backward([a for a, _, _ in roots], [tc.from_numpy(v) for _, _, v in roots])
        try:
            torch.autograd.backward([b for _, b, _ in roots], [torch.from_numpy(v) for _, _, v in roots])
        except RuntimeError as error:
            if "is not implemented" in str(error):
                return  # PyTorch has no gradient here
            raise
        for i, (x, y) in enumerate(zip(mine, other)):
            if y.grad is None:
                assert x.grad is None or not x.grad.array.any(), f"gradient {i}: {x.grad} where PyTorch has none"
            elif x.grad is None:
                assert not y.grad.numpy(force=True).any(), f"gradient {i}: none where PyTorch has {y.grad}"
            else:
                _close(x.grad.numpy(), y.grad.numpy(force=True), f"gradient {i}")


def same_exception(call: Callable[[], Any], error: Exception) -> None:
    """Assert that a call raises what PyTorch raised, or a subclass of it."""
    try:
        result = call()
    except type(error):
        return
    except Exception as other:
        raise AssertionError(
            f"{type(other).__name__}: {other}\nwhere PyTorch has {type(error).__name__}: {error}"
        ) from other
    raise AssertionError(f"gave {result!r} where PyTorch has {type(error).__name__}: {error}")


def _pairs(a: Any, b: Any) -> Any:
    """Corresponding parts of two results, which may be nested sequences."""
    if isinstance(b, (tuple, list)) and not isinstance(b, torch.Size):
        assert isinstance(a, (tuple, list)) and len(a) == len(b), f"{a!r} for {b!r}"
        for x, y in zip(a, b):
            yield from _pairs(x, y)
    else:
        yield a, b


def _close(found: np.ndarray, expected: np.ndarray, what: str) -> None:
    assert found.shape == expected.shape, f"{what}: shape {found.shape} for {expected.shape}"
    if expected.dtype.kind != "f":
        np.testing.assert_array_equal(found, expected, err_msg=what)
        return
    finite = np.abs(expected[np.isfinite(expected)])
    scale = float(finite.max()) if finite.size else 0.0
    rtol = TOLERANCE.get(expected.dtype, 1e-2)
    # Cotangents and inputs are of the size of 1, so what is below this is a rounded zero.
    zero = 8 * float(np.finfo(expected.dtype).eps)
    np.testing.assert_allclose(found, expected, rtol=rtol, atol=rtol * scale + zero, err_msg=what)
