"""`backward` and `grad`: the gradient of outputs, accumulated in leaves or returned."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..graph import mark_overwritten, traced
from ..tensor import Tensor
from .engine import key_of, pull_back, settle
from .modes import enable_grad, no_grad

__all__ = ["backward", "grad"]

Tensors = Tensor | Sequence[Tensor]


def backward(
    tensors: Tensors, grad_tensors: Any = None, retain_graph: bool | None = None, create_graph: bool = False,
    *, inputs: Tensors | None = None,
) -> None:  # fmt: skip
    """Add the gradient of `tensors` to the `.grad` of the leaves (or of `inputs` only).

    If anything fails on the way, no `.grad` has been touched.

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
        wanted = _listed(inputs)
        if not wanted:
            raise RuntimeError("backward: inputs is empty; leave it out to reach all leaves")
    with enable_grad() if create_graph else no_grad():
        found = pull_back(
            roots, wanted=wanted, keep=create_graph if retain_graph is None else retain_graph, record=record
        )
        if wanted is None:
            results = list(found.items())
        else:
            results = [(x, found[key_of(x)]) for x in wanted if key_of(x) in found]
        _accumulate(results, {id(g) for _, g in roots}, create_graph)


def _accumulate(results: list[tuple[Tensor, Any]], seen: set[int], create_graph: bool) -> None:
    """Add each cotangent to its tensor's `.grad`, in memory that no other gradient shares."""
    for x, g in results:
        g = settle(g, x)
        before = x._grad
        if before is not None:
            if create_graph or isinstance(g, Tensor):
                x._grad = before + g
            else:
                np.add(before.array, g, out=before.array)
                mark_overwritten(before.array)
        elif isinstance(g, Tensor):
            x._grad = g if create_graph else Tensor._wrap(g.array.copy())
        else:
            if g.base is not None or id(g) in seen:
                g = g.copy()
            else:
                seen.add(id(g))
            x._grad = Tensor._wrap(np.asarray(g))


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
    wanted = _listed(inputs)
    for i, x in enumerate(wanted):
        if not x.requires_grad:
            raise RuntimeError(
                f"grad: input {i} of shape {tuple(x.shape)} does not require grad; call x.requires_grad_() first"
            )
    keep = create_graph if retain_graph is None else retain_graph
    with enable_grad() if create_graph else no_grad():
        found = pull_back(roots, wanted=wanted, keep=keep, record=record)
        results: list[Tensor | None] = []
        for i, x in enumerate(wanted):
            g = found.get(key_of(x))
            if g is None:
                if materialize_grads:
                    g = np.zeros_like(x.array)
                elif not allow_unused:
                    raise RuntimeError(
                        f"grad: the outputs do not depend on input {i} of shape {tuple(x.shape)}; pass allow_unused=True "
                        "to get None for it"
                    )
                else:
                    results.append(None)
                    continue
            g = settle(g, x)
            results.append(g if isinstance(g, Tensor) else Tensor._wrap(np.array(g)))
    return tuple(results)


def _listed(tensors: Tensors) -> list[Tensor]:
    return [tensors] if isinstance(tensors, Tensor) else list(tensors)


def _roots(name: str, outputs: Tensors, cotangents: Any, record: bool) -> list[tuple[Tensor, Any]]:
    """Check outputs and cotangents, and pair them."""
    listed = _listed(outputs)
    given = [cotangents] * len(listed) if cotangents is None or isinstance(cotangents, Tensor) else list(cotangents)
    if len(given) != len(listed):
        raise RuntimeError(f"{name}: got {len(given)} cotangents for {len(listed)} outputs; give one for each")
    roots = []
    for y, g in zip(listed, given):
        if not isinstance(y, Tensor):
            raise TypeError(f"{name}: expected Tensors, got {type(y).__name__}")
        if y.node is None:
            raise RuntimeError(
                f"{name}: the output of shape {tuple(y.shape)} does not require grad: no input of its computation does, "
                "or it was computed under no_grad"
            )
        if g is None:
            if y.array.size != 1:
                raise RuntimeError(
                    f"{name}: the output has shape {tuple(y.shape)}; only for one value may the cotangent be left out: "
                    "reduce it (y.sum(), y.mean()) or pass a cotangent of that shape"
                )
            g = Tensor._wrap(np.ones(y.array.shape, y.array.dtype)) if record else np.ones(y.array.shape, y.array.dtype)
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
