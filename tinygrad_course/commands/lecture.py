"""`lecture -o report/ [--quick] [--chapters 1,4-6] [--jobs N]`."""

from __future__ import annotations

import argparse
import importlib.util
import os
import signal
import threading
from pathlib import Path
from typing import Any

from ..cli import CommandError
from ..lecture import chapters, runner
from ..lecture.outcome import DONE, FAILED, Outcome
from ..lecture.page import page
from ..lecture.settings import Settings

__all__ = ["arguments", "run"]

# As a shell gives it to a command that Ctrl-C has ended.
INTERRUPTED = 130


def arguments(parser: argparse.ArgumentParser) -> None:
    """What `lecture` takes."""
    parser.add_argument("-o", "--output", default="report", metavar="DIR", help="the report's folder; the page is "
                        "index.html in it (default: report)")  # fmt: skip
    parser.add_argument("--quick", action="store_true", help="seconds a chapter: fewer steps, smaller problems")
    parser.add_argument("--chapters", metavar="LIST", help="such as 1,4-6 (default: all)")
    parser.add_argument("--jobs", default="1", metavar="N", help="chapters that run at a time (default: 1)")
    parser.add_argument("--seed", default="0", metavar="N", help="of all random draws (default: 0)")
    parser.add_argument("--fresh", action="store_true", help="run again what is finished already")
    parser.add_argument("--examples", metavar="DIR", help=argparse.SUPPRESS)  # other scripts than the lecture's


def run(args: argparse.Namespace) -> int:
    """Run the chapters, and write the report: 0, 1 if a chapter failed, 130 if Ctrl-C ended the run."""
    jobs, seed = _integer("--jobs", args.jobs, least=1), _integer("--seed", args.seed, least=0)
    chosen = _chosen(args)
    if importlib.util.find_spec("matplotlib") is None:
        raise CommandError('the lecture\'s figures need matplotlib: pip install "tinygrad_course[plot]"')
    settings = Settings(Path(args.output).absolute(), args.quick, seed)
    report = settings.out / "index.html"
    told = _Tell(len(chosen))
    try:
        settings.out.mkdir(parents=True, exist_ok=True)
        with _Terminated():
            outcomes, cut = runner.run(chosen, settings, jobs=jobs, fresh=args.fresh, told=told)
        _write(report, page(outcomes, settings))
    except OSError as error:
        raise CommandError(f"cannot write the report: {error}") from error
    print(f"wrote {report}")
    if cut:
        print("stopped; the same command goes on from here")
        return INTERRUPTED
    return int(any(outcome.status == FAILED for outcome in outcomes))


def _integer(name: str, text: str, least: int) -> int:
    try:
        number = int(text)
    except ValueError:
        number = least - 1
    if number < least:
        raise CommandError(f"{name} expects an integer of at least {least}, got {text!r}")
    return number


def _chosen(args: argparse.Namespace) -> list[chapters.Chapter]:
    """The chapters asked for."""
    try:
        place = Path(args.examples) if args.examples else chapters.folder()
    except FileNotFoundError as error:
        raise CommandError(str(error)) from error
    found = chapters.find(place)
    if not found:
        raise CommandError(f"there are no chapters in {place}")
    try:
        return chapters.select(args.chapters, found) if args.chapters is not None else found
    except ValueError as error:
        raise CommandError(f"--chapters: {error}") from error


def _write(path: Path, text: str) -> None:
    """Replace a file at once: a reader never sees half of it."""
    fresh = path.with_name(f"{path.name}.{os.getpid()}")
    fresh.write_text(text, encoding="utf-8")
    fresh.replace(path)


class _Tell:
    """Prints a line for each outcome."""

    def __init__(self, total: int) -> None:
        self.count, self.total = 0, total

    def __call__(self, outcome: Outcome, kept: bool) -> None:
        self.count += 1
        if outcome.status == DONE:
            told = f"{outcome.held} of {len(outcome.claims)} claims hold"
            how = "kept from an earlier run" if kept else f"{outcome.seconds:.1f} s"
        else:
            told, how = "FAILED", f"{outcome.seconds:.1f} s"
            told += ": " + (outcome.error.splitlines() or ["it said nothing"])[-1]
        print(f"[{self.count:2d}/{self.total}] {outcome.chapter.name:20s} {told} ({how})", flush=True)


class _Terminated:
    """Context in which the signal TERM is taken for Ctrl-C, so that it stops the chapters too."""

    def __enter__(self) -> None:
        self.before: Any = None
        if threading.current_thread() is threading.main_thread():
            self.before = signal.signal(signal.SIGTERM, _interrupt)

    def __exit__(self, *exc: object) -> None:
        if self.before is not None:
            signal.signal(signal.SIGTERM, self.before)


def _interrupt(number: int, frame: Any) -> None:
    raise KeyboardInterrupt
