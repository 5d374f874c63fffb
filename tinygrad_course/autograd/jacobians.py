"""Whole Jacobians and Hessians, products with a Hessian, and mapping over a batch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..graph import state
from ..tensor import Tensor
from .transforms import Argnums, Linear, Run, _check_tuples, matching, pull
from .tree import flatten, map_leaves, unflatten

__all__ = ["hessian", "hvp", "jacfwd", "jacrev", "vmap"]


def jacrev(func: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False) -> Callable[..., Any]:
    """Make of `func` a function that gives its Jacobian, row by row: one backward pass per output value.

    Shape: for an output of shape (*m) and an argument of shape (*n), (*m, *n). Nested outputs give a nest of results,
    each with one Jacobian per argument, nested as the arguments are.

    Args:
        func: a function of tensors, numbers, or nests of them.
        argnums: the argument(s) to differentiate by.
        has_aux: the function returns `(output, aux)`; then the result is `(jacobian, aux)`.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.func.jacrev(lambda x: x * x)(tc.tensor([1.0, 2.0]))
        tensor([[2., 0.],
                [0., 4.]])
    """

    def wrapped(*args: Any, **kwargs: Any) -> Any:
        run = Run("jacrev", func, args, kwargs, argnums, has_aux)
        blocks = []
        for k, y in enumerate(run.outs):
            rows = []
            for unit in _units(y.array):
                cotangents = [Tensor._wrap(unit if i == k else np.zeros_like(o.array)) for i, o in enumerate(run.outs)]
                rows.append(run.pull(cotangents, keep=True))
            columns = [
                _stacked([row[i] for row in rows], y.array.shape + x.array.shape, x, 0)
                for i, x in enumerate(run.inputs)
            ]
            blocks.append(unflatten(columns, run.in_tree))
        result = run.leave(unflatten(blocks, run.out_tree))
        return (result, run.leave(run.aux)) if has_aux else result

    return wrapped


def jacfwd(func: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False) -> Callable[..., Any]:
    """As `jacrev`, but column by column: one forward-mode pass per input value.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.func.jacfwd(lambda x: x * x)(tc.tensor([1.0, 2.0]))
        tensor([[2., 0.],
                [0., 4.]])
    """

    def wrapped(*args: Any, **kwargs: Any) -> Any:
        run = Run("jacfwd", func, args, kwargs, argnums, has_aux)
        linear = Linear(run)
        blocks: list[list[Any]] = [[] for _ in run.outs]
        for k, x in enumerate(run.inputs):
            columns = []
            for unit in _units(x.array):
                tangents = [Tensor._wrap(unit if i == k else np.zeros_like(o.array)) for i, o in enumerate(run.inputs)]
                columns.append(linear(tangents, keep=True))
            for i, y in enumerate(run.outs):
                shape = y.array.shape + x.array.shape
                blocks[i].append(_stacked([column[i] for column in columns], shape, y, -1))
        result = run.leave(unflatten([unflatten(block, run.in_tree) for block in blocks], run.out_tree))
        return (result, run.leave(run.aux)) if has_aux else result

    return wrapped


def hessian(func: Callable[..., Any], argnums: Argnums = 0) -> Callable[..., Any]:
    """Make of `func`, which gives one value, a function that gives the matrix of its second derivatives.

    Shape: for an argument of shape (*n), (*n, *n); for several `argnums`, a nest of blocks.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.func.hessian(lambda x: x[0] ** 2 * x[1])(tc.tensor([1.0, 2.0]))
        tensor([[4., 2.],
                [2., 0.]])
    """
    return jacrev(jacrev(func, argnums), argnums)


def hvp(func: Callable[..., Any], primals: Any, tangents: Any) -> Any:
    """The product of the Hessian of `func`, which gives one value, with a vector, in the memory of a gradient.

    The gradient of gradient · v (Pearlmutter 1994, "Fast exact multiplication by the Hessian").

    Args:
        func: a function of the primals.
        primals: one argument, or a tuple of arguments.
        tangents: the vector, nested as the primals.

    Returns:
        The product, nested as the primals.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.func.hvp(lambda x: (x * x * x).sum(), tc.tensor([1.0, 2.0]), tc.tensor([1.0, 10.0]))
        tensor([  6., 120.])
    """
    single = not isinstance(primals, tuple)
    if single:
        primals, tangents = (primals,), (tangents,)
    _check_tuples("hvp", primals, tangents)
    run = Run("hvp", func, primals, {})
    return run.leave(_hvp(run, tangents)[0]) if single else run.leave(_hvp(run, tangents))


def _hvp(run: Run, tangents: Any) -> Any:
    if len(run.outs) != 1 or run.outs[0].array.size != 1:
        raise RuntimeError(f"{run.name}: the function must return a single value; reduce it")
    given = matching(run.name, "tangent", tuple(tangents), run.inputs, run.in_tree)
    ones = Tensor._wrap(np.ones_like(run.outs[0].array))
    gradient = run.pull([ones], keep=True, record=True)
    record = state.grad and (run.open or any(t.requires_grad for t in given))
    return unflatten(pull(gradient, run.inputs, given, keep=False, record=record), run.in_tree)


def _units(x: np.ndarray) -> Any:
    """The unit vectors of the space of `x`, one after the other."""
    for i in range(x.size):
        unit = np.zeros_like(x)
        unit.flat[i] = 1
        yield unit


def _stacked(parts: Sequence[Tensor], shape: tuple[int, ...], like: Tensor, dim: int) -> Tensor:
    if not parts:
        return Tensor._wrap(np.zeros(shape, like.array.dtype))
    if any(part.requires_grad for part in parts):
        from .. import stack

        return stack(parts, dim).reshape(shape)
    return Tensor._wrap(np.stack([part.array for part in parts], dim).reshape(shape))


def vmap(func: Callable[..., Any], in_dims: Any = 0, out_dims: int = 0) -> Callable[..., Any]:
    """Apply `func` to each example of a batch and stack the results: a loop, for clarity and not for speed.

    The function sees one example at a time, so it may branch on values. Functions that take batches are faster.

    Args:
        func: a function of tensors; its results are tensors, or nests of them.
        in_dims: for each argument the dimension to map over, or None to pass it whole; one for all if an int.
        out_dims: where the dimension of the batch goes in the results.

    Raises:
        ValueError: if nothing is mapped over, or the lengths differ.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.func.vmap(tc.func.grad(lambda x: x ** 2))(tc.tensor([1.0, 2.0]))
        tensor([2., 4.])
    """

    def wrapped(*args: Any, **kwargs: Any) -> Any:
        from .. import stack

        dims = list(in_dims) if isinstance(in_dims, (tuple, list)) else [in_dims] * len(args)
        if len(dims) != len(args):
            raise ValueError(f"vmap: in_dims has {len(dims)} entries for {len(args)} arguments; give one for each")
        lengths = {x.shape[d] for arg, d in zip(args, dims) if d is not None for x in flatten(arg)[0]}
        if len(lengths) != 1:
            raise ValueError(f"vmap: expected one common length of the mapped dimensions, got {sorted(lengths)}")
        (length,) = lengths
        results = []
        structure = None
        for i in range(length):
            one = [a if d is None else map_leaves(_slicer(d, i), a) for a, d in zip(args, dims)]
            leaves, structure = flatten(func(*one, **kwargs))
            results.append(leaves)
        if not results:
            raise ValueError("vmap: the batch is empty, so the shape of the results is not known")
        return unflatten([stack(list(column), out_dims) for column in zip(*results)], structure)

    return wrapped


def _slicer(dim: int, index: int) -> Callable[[Any], Any]:
    return lambda x: x[(slice(None),) * (dim % x.ndim) + (index,)]
