"""`train solver.prototxt`."""

from __future__ import annotations

import argparse

from ..cli import CommandError

__all__ = ["arguments", "run"]


def arguments(parser: argparse.ArgumentParser) -> None:
    """What `train` takes."""
    parser.add_argument("solver", help="a Caffe solver's prototxt, which names the network's")
    parser.add_argument("--resume", metavar="FILE", help="a .solverstate to go on from")
    parser.add_argument("--weights", metavar="FILE", help="a .caffemodel to start from")
    parser.add_argument("--iterations", type=int, help="instead of the text's max_iter: how many more to do")


def run(args: argparse.Namespace) -> None:
    """Train, and print the log."""
    from ..data.errors import DataFileError
    from ..interop import caffe
    from ..interop.prototxt import PrototxtError

    if args.resume and args.weights:
        raise CommandError("give --resume or --weights, not both: a .solverstate knows its weights")
    try:
        solver = caffe.Solver(args.solver, report=lambda line: print(line, flush=True))
        if args.weights:
            caffe.load_weights(solver.net, args.weights)
        if args.resume:
            solver.restore(args.resume)
        solver.solve(args.iterations)
    except (PrototxtError, caffe.CaffeFileError, DataFileError, OSError, FloatingPointError) as error:
        raise CommandError(str(error)) from error
