"""The command line: `python -m tinygrad_course COMMAND ...`.

A command is a row of `COMMANDS`: its name, what it does, and a module with `arguments(parser)` and `run(args)`, loaded
only when it is called. What a command raises as `CommandError` is told in one line, and the exit code is 2.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence

__all__ = ["COMMANDS", "CommandError", "main"]

# name: (what it does, module within the package)
COMMANDS: dict[str, tuple[str, str]] = {
    "check": ("check the gradients of what a file defines", "commands.check"),
    "draw": ("draw the graph of a module, function or tensor", "commands.draw"),
    "lecture": ("run the lecture's chapters, and write one report", "commands.lecture"),
    "summary": ("tabulate a module's layers: shapes, parameters, FLOPs, memory", "commands.summary"),
    "train": ("train a network as a Caffe solver.prototxt says", "commands.train"),
}


class CommandError(Exception):
    """What the user can mend: told in one line, without a traceback."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return the exit code: 0, what the command gives (1: it failed), or 2 if the call was wrong.

    Args:
        arguments: what follows the program's name; default: `sys.argv`.
    """
    words = sys.argv[1:] if arguments is None else list(arguments)
    parser = argparse.ArgumentParser(prog="tinygrad_course", description="Draw, tabulate and check models.")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, (text, module) in COMMANDS.items():
        command = commands.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
        if name in words:
            importlib.import_module(f".{module}", __package__).arguments(command)
    args = parser.parse_args(words)
    run = importlib.import_module(f".{COMMANDS[args.command][1]}", __package__).run
    try:
        return int(run(args) or 0)
    except CommandError as error:
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    except BrokenPipeError:  # the reader of the output has seen enough
        sys.stderr.close()
    return 0
