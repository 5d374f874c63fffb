"""What is likely wrong with a rule, where the evidence fits one cause."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from fractions import Fraction

import numpy as np

from .evidence import Evidence, turned
from .known import CONFUSED, KNOWN
from .locate import Suspect
from .probe import cotangent

__all__ = ["diagnose"]

RTOL = 1e-6
# A factor that is as near to 1 as this is none.
NOTHING = 1e-9
INSIDE = "detached inside the rule: the gradient is right, but how the rule computes it is not recorded in full"
# A factor that is not this simple says nothing about what it stands for.
SIMPLE = 12


def diagnose(suspect: Suspect, rng: np.random.Generator) -> str | None:
    """The likely cause of what is wrong with a call, or None where nothing fits, or more than one thing."""
    if suspect.cause:
        return suspect.cause
    if suspect.order > 1:
        return INSIDE
    with np.errstate(all="ignore"):
        causes = {i: _of_input(suspect, suspect.point.wrt.index(i), rng) for i in suspect.wrong}
    told = {i: cause for i, cause in causes.items() if cause}
    if len(set(causes.values())) == 1:
        return causes[suspect.wrong[0]]
    return "; ".join(f"{cause} (input {i})" for i, cause in told.items()) or None


def _of_input(suspect: Suspect, i: int, rng: np.random.Generator) -> str | None:
    point = suspect.point
    vs = [cotangent(rng, y.shape, y.dtype) for y in point.outputs(point.values)]
    gradients = point.gradients(vs)
    if not np.isfinite(gradients[i]).all():
        return "the rule gives NaN or infinity"
    if not _close(point.gradients([3 * v for v in vs])[i], 3 * gradients[i]):
        return "the rule is not linear in the cotangent: g is left out, or counts more than once"
    if not gradients[i].any():
        return _zero(suspect, i, any(g.any() for g in gradients))
    seen = Evidence(point, i, rng)
    a, n = _joined(seen.rule), _joined(seen.slopes)
    if not np.isfinite(n).all():
        return None
    factor = float(a @ n / (n @ n)) if n.any() else math.nan
    if abs(factor - 1) < NOTHING and _close(a, n):
        return INSIDE if any(f.mode == "forward" for f in suspect.outcome.found) else None
    if _close(a, factor * n):
        return "sign flipped" if abs(factor + 1) < RTOL else f"constant factor {_number(factor)}"
    for causes in (_displaced, _without_input, _swapped, _other_function, _without_inner):
        found = list(causes(seen))
        if found:
            return found[0] if len(found) == 1 else None
    return None


def _zero(suspect: Suspect, i: int, others: bool) -> str:
    position = suspect.point.wrt[i]
    rules = suspect.op.rules if suspect.op is not None and not suspect.op.variadic else None
    if rules and position < len(rules) and rules[position] is None:
        return f"argument left out of the chain rule: there is no rule for input {position}"
    if others:
        return f"argument left out of the chain rule: the rule of input {position} gives zero"
    return "zero: detached from the graph, or left out of the chain rule"


def _displaced(seen: Evidence) -> Iterator[str]:
    """The right numbers in wrong places."""
    a = _joined(seen.rule)
    by_input = by_output = False
    if _square(seen.shape):
        order = np.searchsorted(seen.columns, turned(seen.columns, seen.shape))
        by_input = _close(a, _joined([m[:, order] for m in seen.slopes]))
    if seen.output is not None and _square(seen.output):
        order = np.searchsorted(seen.rows, turned(seen.rows, seen.output))
        by_output = _close(a, _joined([m[order] for m in seen.slopes]))
    if by_input or by_output:
        yield "transposed" if by_input else "transposed: the cotangent"
    axes = _unsummed(seen)
    if axes:
        yield f"missing sum over broadcast axis {', '.join(map(str, axes))} of the output"


def _unsummed(seen: Evidence) -> list[int]:
    """The axes along which the input was broadcast and of which the rule counts one place only."""
    output = seen.output
    if not output or len(output) < len(seen.shape):
        return []
    whole = (1,) * (len(output) - len(seen.shape)) + seen.shape
    if any(short not in (1, long) for long, short in zip(output, whole)):
        return []
    given, due = (np.any([m.any(axis=1) for m in parts], axis=0) for parts in (seen.rule, seen.slopes))
    kept, axes = np.ones(len(seen.rows), bool), []
    for axis, places in enumerate(np.unravel_index(seen.rows, output)):
        used = np.unique(places[given])
        if whole[axis] == 1 and len(used) == 1 < len(np.unique(places[due])):
            axes.append(axis)
            kept &= places == used[0]
    part = _joined([np.where(kept[:, None], m, 0.0) for m in seen.slopes])
    # A rule that may give a smaller cotangent is taken to mean one that repeats along the axes.
    repeated = math.prod(output[axis] for axis in axes)
    return axes if any(_close(_joined(seen.rule), times * part) for times in (1, repeated)) else []


def _swapped(seen: Evidence) -> Iterator[str]:
    """What is the gradient of another input, of the same shape or broadcast along with this one."""
    found = _elementwise(seen)
    for j, other in enumerate(seen.point.wrt):
        if j == seen.i:
            continue
        given, right = _joined(seen.rule), None
        if seen.point.values[j].shape == seen.shape:
            right = seen.other(j)
        elif found is not None:
            given, right = found[0], seen.beside(j, found[-1])
        if right is not None and _close(given, _joined(right)):
            yield f"swapped: this is the gradient of input {other}"


def _elementwise(seen: Evidence) -> tuple[np.ndarray, ...] | None:
    """The slopes by the rule and by differences, input, output and row, of a function that acts on each element."""
    places = seen.places(seen.i)
    if places is None:
        return None
    same = places[:, None] == seen.columns
    if not all(_close(m, np.where(same, m, 0.0)) for m in (*seen.rule, *seen.slopes)):
        return None
    r, c = np.nonzero(same)
    a, n = (np.concatenate([m[r, c] for m in ms]) for ms in (seen.rule, seen.slopes))
    x = np.concatenate([v.ravel()[seen.columns[c]] for v in seen.inputs(seen.i)])
    y = np.concatenate([ys[0].ravel()[seen.rows[r]] for ys in seen.ys])
    return a, n, x, y, r


def _other_function(seen: Evidence) -> Iterator[str]:
    """For an elementwise function: the known derivative that the rule computes."""
    found = _elementwise(seen)
    if found is not None:
        a, n, x, y, _ = found
        given, right = _name(a, x, y), _name(n, x, y)
        if given:
            yield f"derivative of another function: {given}" + (f" instead of {right}" if right else "")
            return
        for given, right in CONFUSED:
            # As a factor among others.
            if _close(a * KNOWN[right](x, y), n * KNOWN[given](x, y)):
                yield f"derivative of another function: {given} instead of {right}"


def _without_input(seen: Evidence) -> Iterator[str]:
    """Another input, if it is missing as a factor."""
    a, n = seen.rule, seen.slopes
    for j, other in enumerate(seen.point.wrt):
        if j == seen.i or seen.output is None:
            continue
        try:
            values = [np.broadcast_to(v, seen.output).ravel()[seen.rows][:, None] for v in seen.inputs(j)]
        except ValueError:
            continue
        if _close(_joined([v * m for v, m in zip(values, a)]), _joined(n)):
            yield f"argument left out of the chain rule: the factor input {other}"


def _without_inner(seen: Evidence) -> Iterator[str]:
    """An inner derivative that is missing: a known function of this input."""
    found = _elementwise(seen)
    if found is not None:
        by_rule, slopes, x, y, _ = found
        missing = _name(slopes / by_rule, x, y)
        if missing:
            yield f"argument left out of the chain rule: the factor {missing}"


def _name(values: np.ndarray, x: np.ndarray, y: np.ndarray) -> str | None:
    """The known function that these are values of, up to a simple factor."""
    for name, f in KNOWN.items():
        expected = f(x, y)
        if not np.isfinite(expected).all() or not expected.any():
            continue
        factor = float(values @ expected / (expected @ expected))
        simple = Fraction(factor).limit_denominator(SIMPLE) if math.isfinite(factor) else Fraction(0)
        if 0 < abs(float(simple)) <= SIMPLE and _close(values, float(simple) * expected):
            return name if simple == 1 else f"-{name}" if simple == -1 else f"{simple} · {name}"
    return None


def _joined(parts: Sequence[np.ndarray]) -> np.ndarray:
    return np.concatenate([part.ravel() for part in parts])


def _square(shape: Sequence[int]) -> bool:
    return len(shape) >= 2 and shape[-1] == shape[-2]


def _number(factor: float) -> str:
    simple = Fraction(factor).limit_denominator(100)
    return str(simple) if simple and abs(float(simple) / factor - 1) < RTOL else f"{factor:.6g}"


def _close(a: np.ndarray, b: np.ndarray) -> bool:
    return bool(np.abs(a - b).max(initial=0.0) <= RTOL * np.abs(b).max(initial=0.0))
