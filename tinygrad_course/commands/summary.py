"""`summary FILE.py:NAME --input 8,3,32,32`."""

from __future__ import annotations

import argparse

from .. import viz
from ..cli import CommandError
from ..nn.module import Module
from .target import add_target, call, load, made, make_inputs

__all__ = ["arguments", "run"]


def arguments(parser: argparse.ArgumentParser) -> None:
    """What `summary` takes."""
    add_target(parser)
    parser.add_argument("--depth", type=int, help="leave out modules nested deeper than that")


def run(args: argparse.Namespace) -> None:
    """Print the table."""
    obj = made(load(args.target), args)
    if not isinstance(obj, Module):
        raise CommandError(f"{args.target} is of type {type(obj).__name__}; summary expects a Module")
    print(call("the summary of", args.target, viz.summary, obj, *make_inputs(args), depth=args.depth))
