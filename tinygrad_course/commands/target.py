"""What a command is about: `FILE.py:NAME`, and inputs given by their shapes."""

from __future__ import annotations

import argparse
import importlib.util
import inspect
import sys
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import numpy as np

from .. import ops
from ..cli import CommandError
from ..nn.module import Module
from ..random import manual_seed
from ..tensor import Tensor

__all__ = ["add_inputs", "add_target", "call", "file_module", "load", "look_up", "made", "make_inputs"]


def add_target(parser: argparse.ArgumentParser) -> None:
    """The arguments that say what to look at."""
    parser.add_argument("target", metavar="FILE.py:NAME", help="a Module (a class is called without arguments), "
                        "a function or a Tensor in a Python file")  # fmt: skip
    add_inputs(parser, "a random input, as in 8,3,32,32 or 8,20:int64; once for each", "of the random inputs")


def add_inputs(parser: argparse.ArgumentParser, which: str, seeded: str) -> None:
    """The arguments that say what random inputs to make: `make_inputs` reads them."""
    parser.add_argument("--input", action="append", default=[], metavar="SHAPE[:DTYPE]", help=which)
    parser.add_argument("--high", type=int, default=2, metavar="N",
                        help="integer inputs are drawn from 0 … N-1 (default: 2)")  # fmt: skip
    parser.add_argument("--seed", type=int, default=0, help=f"{seeded} (default: 0)")


def load(target: str) -> Any:
    """The object that `FILE.py:NAME` names; a class is instantiated."""
    file, colon, name = target.rpartition(":")
    if not colon or not file or not name:
        raise CommandError(f"expected FILE.py:NAME, got {target!r}")
    found = look_up(file_module(file), file, name)
    if inspect.isclass(found):
        try:
            found = found()
        except Exception as error:
            raise CommandError(
                f"{name}() failed: {type(error).__name__}: {error}; name an object, or a function that makes the model"
            ) from error
    if not isinstance(found, Tensor) and not callable(found):
        raise CommandError(f"{name} is of type {type(found).__name__}; expected a Module, a function or a Tensor")
    return found


def file_module(file: str) -> Any:
    """A Python file as a module."""
    path = Path(file)
    if not path.is_file():
        raise CommandError(f"there is no file {file}")
    return _run(path)


def look_up(module: Any, file: str, name: str) -> Any:
    """What a module calls `name`, which may have dots."""
    found = module
    for i, part in enumerate(name.split(".")):
        if not hasattr(found, part):
            known = [n for n in vars(found) if not n.startswith("_")] if hasattr(found, "__dict__") else []
            near = get_close_matches(part, known, 1)
            hint = (
                f"; did you mean {near[0]}?"
                if near
                else f"; it has {', '.join(known[:12])}"
                if i == 0 and known
                else ""
            )
            raise CommandError(f"{file} has no {name!r}{hint}")
        found = getattr(found, part)
    return found


def _run(path: Path) -> Any:
    """Import a file as a module, with its folder on the path, as if it were run as a script but for its name."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise CommandError(f"{path} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(path.parent.resolve()))
    sys.modules.setdefault(path.stem, module)
    words, sys.argv = sys.argv, [str(path)]  # what follows our command is not for the file
    try:
        spec.loader.exec_module(module)
    except SystemExit as error:
        raise CommandError(f"importing {path} ended the program (code {error.code})") from error
    except Exception as error:
        line = _line_of(error, path)
        raise CommandError(f"importing {path} failed{line}: {type(error).__name__}: {error}") from error
    finally:
        sys.argv = words
    return module


def _line_of(error: BaseException, path: Path) -> str:
    """Where in the user's file an exception came from."""
    if isinstance(error, SyntaxError) and error.lineno is not None:
        return f" at line {error.lineno}"
    found = ""
    trace = error.__traceback__
    while trace is not None:
        if Path(trace.tb_frame.f_code.co_filename).name == path.name:
            found = f" at line {trace.tb_lineno}"
        trace = trace.tb_next
    return found


def made(obj: Any, args: argparse.Namespace) -> Any:
    """The Module that a function without arguments makes; anything else as it is."""
    if isinstance(obj, (Module, Tensor)) or args.input or not inspect.isroutine(obj):
        return obj
    try:
        parameters = inspect.signature(obj).parameters.values()
    except (TypeError, ValueError):
        return obj
    if any(p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD) for p in parameters):
        return obj
    result = call("calling", args.target, obj)
    return result if isinstance(result, Module) else obj


def make_inputs(args: argparse.Namespace) -> list[Tensor]:
    """Random tensors of the shapes asked for."""
    manual_seed(args.seed)
    return [_random(text, args.high) for text in args.input]


def _random(text: str, high: int) -> Tensor:
    shape_text, _, dtype_text = text.partition(":")
    try:
        shape = tuple(int(n) for n in shape_text.replace("x", ",").split(",") if n.strip())
    except ValueError:
        shape = (-1,)
    if any(n < 0 for n in shape):
        raise CommandError(f"--input expects lengths like 8,3,32,32 (with :int64 for integers), got {text!r}")
    try:
        dtype = np.dtype(dtype_text or "float32")
    except TypeError:
        dtype = np.dtype(object)
    if dtype.kind not in "iufb":
        raise CommandError(f"--input: unknown dtype {dtype_text!r}; use float32, float64, int64 or bool")
    try:
        if dtype.kind == "f":
            return ops.randn(*shape).to(dtype)
        if high < 1:
            raise CommandError(f"--high must be 1 or more, got {high}")
        return ops.randint(0, high, shape).to(dtype)
    except MemoryError:
        raise CommandError(f"--input {text} does not fit into memory") from None


def call(what: str, target: str, function: Any, *args: Any, **kwargs: Any) -> Any:
    """Call `function`; what the user's code raises is told in one line with its line number."""
    try:
        return function(*args, **kwargs)
    except Exception as error:
        file = Path(target.rpartition(":")[0])
        raise CommandError(f"{what} {target} failed{_line_of(error, file)}: {type(error).__name__}: {error}") from error
