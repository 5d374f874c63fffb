"""`draw FILE.py:NAME -o graph.svg`."""

from __future__ import annotations

import argparse
import warnings
from pathlib import Path

from .. import viz
from ..cli import CommandError
from ..tensor import Tensor
from ..viz.dot import FACTS, Drawing
from .target import add_target, call, load, made, make_inputs

__all__ = ["arguments", "run"]


def arguments(parser: argparse.ArgumentParser) -> None:
    """What `draw` takes."""
    add_target(parser)
    parser.add_argument(
        "-o", "--output", default="graph.svg", help="where to (.svg, .png, .pdf, .dot; default: graph.svg)"
    )
    parser.add_argument("--direction", choices=("forward", "backward", "both"), default="forward",
                        help="both and backward show gradients of the sum of the outputs")  # fmt: skip
    parser.add_argument("--show", default="shape,params", metavar="FACTS", help=f"any of {','.join(FACTS)}")
    parser.add_argument("--depth", type=int, help="show modules nested this deep as one box each")
    parser.add_argument("--no-params", action="store_true", help="leave out parameters")
    parser.add_argument("--no-fold", action="store_true", help="draw every copy of what repeats")
    parser.add_argument("--max-nodes", type=int, default=400, help="draw no more vertices than that (default: 400)")
    parser.add_argument("--rankdir", choices=("TB", "LR"), default="TB", help="from top to bottom or left to right")


def run(args: argparse.Namespace) -> None:
    """Draw into a file."""
    obj = made(load(args.target), args)
    inputs = make_inputs(args)
    if isinstance(obj, Tensor) and inputs:
        raise CommandError(f"{args.target} is a Tensor, which takes no --input")
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always", UserWarning)
        drawing = call(
            "drawing", args.target, viz.draw, obj, *inputs, direction=args.direction,
            show=[fact.strip() for fact in args.show.split(",") if fact.strip()], depth=args.depth,
            params=not args.no_params, fold=not args.no_fold, max_nodes=args.max_nodes, rankdir=args.rankdir,
        )  # fmt: skip
    for warning in told:
        print(f"note: {warning.message}")
    _write(drawing, Path(args.output))
    print(f"wrote {args.output}")


def _write(drawing: Drawing, path: Path) -> None:
    try:
        drawing.write(path)
    except viz.RenderError as error:
        raise CommandError(f"{error}; -o {path.with_suffix('.dot')} writes the DOT text") from error
    except OSError as error:
        raise CommandError(f"cannot write {path}: {error.strerror or error}") from error
