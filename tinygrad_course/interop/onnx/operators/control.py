"""Branches and loops: bodies that are graphs themselves."""

from __future__ import annotations

from typing import Any

import numpy as np

from .... import ops
from ....tensor import Tensor
from ..package import OnnxError
from .table import _values, known, operator

__all__: list[str] = []

_TURNS = 1 << 16


@operator("If")
def if_(step: Any, condition: Tensor) -> Any:
    truth = bool(_values(condition, step).item())
    return tuple(step.bodies["then_branch" if truth else "else_branch"].run({}, step.scope))


@operator("Loop")
def loop(step: Any, most: Tensor | None, condition: Tensor | None, *carried: Tensor) -> Any:
    body, scope = step.bodies["body"], step.scope
    limit = _TURNS if most is None else int(_values(most, step).item())
    if limit > _TURNS:
        raise OnnxError(f"a loop of {limit} turns; at most {_TURNS} are made")
    goes = True if condition is None else bool(_values(condition, step).item())
    state: list[Any] = list(carried)
    rows: list[list[Any]] = [[] for _ in range(len(body.outputs) - 1 - len(state))]
    turn = 0
    while goes and turn < limit:
        given = dict(zip(body.inputs, [known(np.array(turn)), known(np.array(goes)), *state]))
        first, *found = body.run(given, scope)
        state = found[: len(state)]
        for row, y in zip(rows, found[len(state) :]):
            row.append(y)
        goes = bool(_values(first, step).item())
        turn += 1
    return (*state, *(ops.stack(row, 0) if row else known(np.zeros((0,), np.float32)) for row in rows))


@operator("Scan")
def scan(step: Any, *inputs: Tensor) -> Any:
    if step.version < 9:
        raise OnnxError("Scan of before version 9 is not supported")
    body, count = step.bodies["body"], step.get("num_scan_inputs", 1)
    state, scanned = list(inputs[: len(inputs) - count]), inputs[len(inputs) - count :]
    in_axes, backwards = step.get("scan_input_axes", [0] * count), step.get("scan_input_directions", [0] * count)
    outs = len(body.outputs) - len(state)
    out_axes, turned = step.get("scan_output_axes", [0] * outs), step.get("scan_output_directions", [0] * outs)
    length = scanned[0].shape[in_axes[0]]
    rows: list[list[Any]] = [[] for _ in range(outs)]
    for i in range(length):
        parts = [x.select(axis, length - 1 - i if back else i) for x, axis, back in zip(scanned, in_axes, backwards)]
        found = body.run(dict(zip(body.inputs, [*state, *parts])), step.scope)
        state = found[: len(state)]
        for row, y in zip(rows, found[len(state) :]):
            row.append(y)
    return (*state, *(ops.stack(r[::-1] if t else r, a) for r, a, t in zip(rows, out_axes, turned)))
