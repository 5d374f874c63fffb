"""`check FILE.py[:NAME]`: are the gradients of what a file defines right?"""

from __future__ import annotations

import argparse
import contextlib
import sys
import warnings
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from ..cli import CommandError
from ..random import manual_seed
from ..testing import GradientError, gradcheck
from ..testing.admit import Admitted
from ..testing.report import table
from .inputs import Arguments, drawn, fits, guessed, like, quiet
from .subjects import Subject, Unusable, subject, subjects
from .target import add_inputs, file_module, look_up, made, make_inputs

__all__ = ["arguments", "run"]


class Verdict(NamedTuple):
    """What came out for one thing.

    Attributes:
        result: "right", "WRONG" or "not checked".
        inputs: shapes, in words.
        note: a cause, or why it was not checked.
        report: the whole message, for what is wrong.
    """

    name: str
    kind: str
    result: str
    inputs: str = ""
    note: str = ""
    report: str = ""


def arguments(parser: argparse.ArgumentParser) -> None:
    """What `check` takes."""
    parser.add_argument("target", metavar="FILE.py[:NAME]", help="a Python file, and what to check in it "
                        "(default: all Functions, primitives, Modules and functions that it defines)")  # fmt: skip
    add_inputs(parser, "a random input, as in 4,3 or 4:int64; once for each (default: guessed)", "of inputs and checks")
    parser.add_argument("--order", type=int, default=1, choices=(1, 2, 3), help="of derivatives (default: 1)")
    parser.add_argument("--points", type=int, default=4, metavar="N", help="inputs to check at (default: 4)")


def run(args: argparse.Namespace) -> int:
    """Print the table and what is wrong; give 1 if anything is, 130 if the user has stopped it."""
    if args.points < 1:
        raise CommandError(f"--points must be 1 or more, got {args.points}")
    todo = _subjects(args)
    verdicts: list[Verdict] = []
    stopped = False
    try:
        for one in _with_progress(todo):
            verdicts.append(_judge(one, args))
    except KeyboardInterrupt:
        stopped = True
    print(table(("name", "kind", "inputs", "result", "note"), ((*v[:2], v.inputs, v.result, v.note) for v in verdicts)))
    for verdict in verdicts:
        if verdict.report:
            print(f"\n{verdict.report}")
    if stopped:
        print(f"stopped after {len(verdicts)} of {len(todo)}", file=sys.stderr)
        return 130
    if any(v.result == "WRONG" for v in verdicts):
        return 1
    if not any(v.result == "right" for v in verdicts):
        raise CommandError(f"nothing in {args.target} could be checked")
    return 0


def _subjects(args: argparse.Namespace) -> list[Subject]:
    """What the target names."""
    file, colon, name = args.target.rpartition(":")
    if not colon or file == "" or name.endswith(".py") or "/" in name or "\\" in name:
        file, name = args.target, ""
    try:
        with quiet():
            module = file_module(file)
    except KeyboardInterrupt:
        raise CommandError(f"importing {file} was interrupted") from None
    if not name:
        found = subjects(module)
        if not found:
            raise CommandError(f"{file} defines no Function, primitive, Module or function of Tensors")
        return found
    obj = made(look_up(module, file, name), args)
    one = subject(name, obj)
    if one is None:
        kind = type(obj).__name__
        raise CommandError(f"{name} is of type {kind}; expected a Function, a primitive, a Module or a function")
    return [one]


def _judge(one: Subject, args: argparse.Namespace) -> Verdict:
    try:
        with warnings.catch_warnings(), quiet():
            warnings.simplefilter("ignore")
            fn = one.make()
            points = list(_points(one, fn, args))
            return _checked(one, fn, points, args)
    except (Unusable, CommandError) as error:
        return Verdict(one.name, one.kind, "not checked", note=_line(error))
    except SystemExit:
        return Verdict(one.name, one.kind, "not checked", note="it ends the program")
    except Exception as error:
        return Verdict(one.name, one.kind, "not checked", note=_line(f"{type(error).__name__}: {error}"))


def _points(one: Subject, fn: Any, args: argparse.Namespace) -> Iterator[Arguments]:
    """Inputs to check at. Every other one that is guessed stands on ties and kinks, if that gives finite values."""
    if args.input:
        yield from drawn(Admitted(tuple(make_inputs(args)), {}), 1, args.seed)
        return
    if one.admitted:
        yield from drawn(one.admitted, args.points, args.seed)
        return
    rng = np.random.default_rng(args.seed)
    inputs, params = guessed(fn, one.arity, rng)
    yield inputs, params
    for k in range(1, args.points):
        others = like(inputs, rng, on_grid=k % 2 == 0)
        if fits(fn, others, params) is None:
            yield tuple(others), params


def _checked(one: Subject, fn: Any, points: list[Arguments], args: argparse.Namespace) -> Verdict:
    shown, kinks, undecided = "", 0, ""
    right = 0
    for k, (inputs, params) in enumerate(points):
        shown = shown or ", ".join(_shape(x) for x in inputs)
        manual_seed(args.seed)
        try:
            passed = gradcheck(fn, *inputs, order=args.order, seed=args.seed + k, kwargs=params)
        except GradientError as error:
            cause = error.cause or ""
            if cause.startswith("non-determinism"):
                return Verdict(one.name, one.kind, "not checked", shown, "it is random at each call")
            if not any(finding.reliable for finding in error.findings):
                undecided = "a jump, or no finite slope, at the inputs tried"
                continue
            report = f"{one.name}: {str(error).partition(': ')[2]}"
            return Verdict(one.name, one.kind, "WRONG", ", ".join(_shape(x) for x in inputs), cause, report)
        right += 1
        kinks += len(passed.kinks)
    if not right:
        return Verdict(one.name, one.kind, "not checked", shown, undecided)
    return Verdict(one.name, one.kind, "right", shown, "at kinks too" if kinks else "")


def _shape(x: Any) -> str:
    shape = getattr(x, "shape", None)
    return repr(x)[:20] if shape is None else " × ".join(map(str, shape)) or "()"


def _line(text: object) -> str:
    return " ".join(str(text).split())[:200]


def _with_progress(todo: list[Subject]) -> Iterator[Subject]:
    """The things one by one, with a bar on a terminal if tqdm is there, or else a line that is written over."""
    if len(todo) < 2 or not sys.stderr.isatty():
        yield from todo
        return
    try:
        from tqdm.auto import tqdm
    except ImportError:
        for k, one in enumerate(todo):
            print(f"\r{k}/{len(todo)} {one.name:40.40}", end="", file=sys.stderr, flush=True)
            yield one
        print(f"\r{'':50}\r", end="", file=sys.stderr)
        return
    with contextlib.closing(tqdm(todo, leave=False, unit="check", file=sys.stderr)) as bar:
        for one in bar:
            bar.set_postfix_str(one.name, refresh=True)
            yield one
