"""`backward` and `grad`: the gradient of outputs, accumulated in leaves or returned."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterable, Sequence
from sys import getrefcount
from typing import Any

import numpy as np

from ..graph import state, traced
from ..overwrites import mark_overwritten, owner
from ..tensor import Tensor
from .engine import key_of, pull_back, settle

__all__ = ["backward", "grad"]

Tensors = Tensor | Sequence[Tensor]
ndarray = np.ndarray
_new = Tensor.__new__


def backward(
    tensors: Tensors, grad_tensors: Any = None, retain_graph: bool | None = None, create_graph: bool = False,
    *, inputs: Tensors | None = None,
) -> None:  # fmt: skip
    """Add the gradient of `tensors` to the `.grad` of the leaves (or of `inputs` only).

    No `.grad` is touched before all gradients are known: if a rule or a hook fails, or is interrupted, all stay as
    they were. Threads may run backward at the same time through graphs that share leaves: every gradient is added in
    full. One graph belongs to one thread.

    Args:
        tensors: one or several outputs in the graph.
        grad_tensors: their cotangents, of the same shapes; may be left out for outputs with a single value.
        retain_graph: keep the saved values for another call; default: as `create_graph`.
        create_graph: record the backward pass too, so that gradients can be differentiated again.
        inputs: accumulate into these tensors only.

    Raises:
        RuntimeError: if an output is not in the graph, has several values and no cotangent, or its graph was freed.

    Example:
        >>> import tinygrad_course as tc
        >>> w = tc.tensor([1.0, 2.0], requires_grad=True)
        >>> tc.autograd.backward((w ** 2).sum())
        >>> w.grad
        tensor([2., 4.])
    """
    record = create_graph or traced()
    roots = _roots("backward", tensors, grad_tensors, record)
    wanted = None
    if inputs is not None:
        wanted = _listed("backward", inputs)
        _check_wanted("backward", wanted)
    keep = create_graph if retain_graph is None else retain_graph
    retained: list[tuple[Tensor, Any]] = []
    before = state.grad
    state.grad = create_graph
    try:
        found = pull_back(roots, wanted=wanted, keep=keep, record=record, retained=retained)
        if wanted is not None:
            kept = {id(x) for x, _ in retained}
            found = {x: found[key_of(x)] for x in wanted if key_of(x) in found and id(x) not in kept}
        for x, g in retained:
            found[x] = g
        retained.clear()
        hooked = [x for x in found if x._hooks is not None and x._hooks.accumulated]
        _accumulate(found, {id(owner(g.array)) for _, g in roots} if record else set(), create_graph)
    finally:
        state.grad = before
    for x in hooked:
        for hook in list(x._hooks.accumulated.values()):  # type: ignore[union-attr, unused-ignore]
            hook(x)


Tensor._run_backward = staticmethod(backward)

# Threads may share leaves: their gradients are added one after the other.
_accumulating = threading.RLock()


def _accumulate(found: dict[Tensor, Any], seen: set[int], create_graph: bool) -> None:
    """Add each cotangent to its tensor's `.grad`, in memory that no other gradient shares. Empties `found`.

    Args:
        found: the cotangents.
        seen: owners of memory that a recorded gradient may not share.
        create_graph: keep the gradients in the graph.
    """
    with _accumulating:
        while found:
            x, g = found.popitem()
            before = x._grad
            if before is None and type(g) is ndarray and g.shape == x.array.shape:
                # What a rule has just made for one input is held by `g` only, and becomes the gradient as it is.
                # Rules may also pass on what they got, hooks and users keep what they saw, and views share memory.
                if g.base is not None or getrefcount(g) > _ALONE or not g.flags.writeable:
                    g = g.copy()
                x._grad = grad = _new(Tensor)
                grad.array = g
                grad.node = grad._grad = grad._base = grad._hooks = None
                continue
            g = settle(g, x)
            if isinstance(g, Tensor):
                if not create_graph:
                    if before is None:
                        x._grad = +g
                    else:
                        before.add_(g)
                    continue
                if before is not None:
                    g = before + g
                elif id(owner(g.array)) in seen:
                    g = +g
                seen.add(id(owner(g.array)))
                x._grad = g
            elif before is None:
                x._grad = Tensor._wrap(np.array(g))
            else:
                np.add(before.array, g, out=before.array)
                mark_overwritten(before.array)


def _alone() -> int:
    """The count of references, seen as `_accumulate` sees it, of an array that only one variable holds."""
    found = {0: np.zeros(1)}
    _, g = found.popitem()
    return getrefcount(g)


_ALONE = _alone() if sys.implementation.name == "cpython" else -1


def grad(
    outputs: Tensors, inputs: Tensors, grad_outputs: Any = None, retain_graph: bool | None = None,
    create_graph: bool = False, allow_unused: bool | None = None, *, materialize_grads: bool = False,
) -> tuple[Any, ...]:  # fmt: skip
    """Return the gradient of `outputs` with respect to each of `inputs`, and touch no `.grad`.

    Args:
        outputs: one or several tensors in the graph; the gradients of several are summed.
        inputs: leaves or intermediate tensors that require grad.
        grad_outputs: cotangents of the outputs; may be left out for outputs with a single value.
        retain_graph: keep the saved values; default: as `create_graph`.
        create_graph: record the work, for gradients of higher order.
        allow_unused: give None for inputs that the outputs do not depend on, instead of raising.
        materialize_grads: give zeros in place of None.

    Raises:
        RuntimeError: as `backward`, and for an input that is unused or does not require grad.

    Example:
        >>> import tinygrad_course as tc
        >>> x = tc.tensor(2.0, requires_grad=True)
        >>> (dx,) = tc.autograd.grad(x ** 3, x, create_graph=True)
        >>> tc.autograd.grad(dx, x)
        (tensor(12.),)
    """
    record = create_graph or traced()
    roots = _roots("grad", outputs, grad_outputs, record)
    wanted = _listed("grad", inputs)
    _check_wanted("grad", wanted)
    keep = create_graph if retain_graph is None else retain_graph
    before = state.grad
    state.grad = create_graph
    try:
        found = pull_back(roots, wanted=wanted, keep=keep, record=record)
        results: list[Tensor | None] = []
        for i, x in enumerate(wanted):
            g = found.get(key_of(x))
            if g is None and materialize_grads:
                g = np.zeros_like(x.array)
            elif g is None and not allow_unused:
                raise RuntimeError(
                    f"grad: the outputs do not depend on input {i} of shape {tuple(x.shape)}; pass allow_unused=True "
                    "to get None for it"
                )
            elif g is not None:
                g = settle(g, x)
            results.append(g if g is None or isinstance(g, Tensor) else Tensor._wrap(np.array(g)))
    finally:
        state.grad = before
    return tuple(results)


def _listed(name: str, tensors: Tensors) -> list[Tensor]:
    if isinstance(tensors, Tensor):
        return [tensors]
    if not isinstance(tensors, Iterable):
        raise TypeError(f"{name}: expected Tensors, got {type(tensors).__name__}")
    return list(tensors)


def _check_wanted(name: str, wanted: Sequence[Tensor]) -> None:
    if not wanted:
        raise RuntimeError(f"{name}: inputs is empty; name the tensors whose gradient is wanted")
    for i, x in enumerate(wanted):
        if not isinstance(x, Tensor):
            raise TypeError(f"{name}: expected Tensors as inputs, got {type(x).__name__} for input {i}")
        if x.node is None:
            raise RuntimeError(
                f"{name}: input {i} of shape {tuple(x.shape)} does not require grad; call x.requires_grad_() first"
            )


def _roots(name: str, outputs: Tensors, cotangents: Any, record: bool) -> list[tuple[Tensor, Any]]:
    """Check outputs and cotangents, and pair them."""
    listed = _listed(name, outputs)
    given = [cotangents] * len(listed) if cotangents is None or isinstance(cotangents, Tensor) else list(cotangents)
    if len(given) != len(listed):
        raise RuntimeError(f"{name}: got {len(given)} cotangents for {len(listed)} outputs; give one for each")
    roots = []
    for y, g in zip(listed, given):
        if not isinstance(y, Tensor):
            raise TypeError(f"{name}: expected Tensors, got {type(y).__name__}")
        if y.node is None:
            raise RuntimeError(
                f"{name}: the output of shape {tuple(y.shape)} does not require grad: no input of its computation "
                "does, or it was computed under no_grad"
            )
        if g is None:
            if y.array.size != 1:
                raise RuntimeError(
                    f"{name}: the output has shape {tuple(y.shape)}; only for one value may the cotangent be left out: "
                    "reduce it (y.sum(), y.mean()) or pass a cotangent of that shape"
                )
            # A NumPy number rather than an array, where it can be: arithmetic with it takes a tenth of the time.
            g = y.array.dtype.type(1) if not y.array.ndim else np.ones(y.array.shape, y.array.dtype)
            if record:
                g = Tensor._wrap(np.asarray(g))
        else:
            g = g if isinstance(g, Tensor) else Tensor._wrap(np.asarray(g))
            if g.array.shape != y.array.shape:
                raise RuntimeError(
                    f"{name}: the cotangent has shape {tuple(g.shape)}, the output {tuple(y.shape)}; they must be equal"
                )
            if g.array.dtype != y.array.dtype:
                g = Tensor._wrap(g.array.astype(y.array.dtype)) if g.node is None else g.to(y.array.dtype)
            g = g if record else g.array
        roots.append((y, g))
    return roots
