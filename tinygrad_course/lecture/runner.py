"""Run chapters, each in a process of its own, several at a time."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

from .chapters import Chapter
from .outcome import LOG, NOT_RUN, Outcome, begin, finish, kept
from .settings import Settings

__all__ = ["run"]

# Seconds between two looks at the processes, and for a process that was told to stop.
LOOK, PATIENCE = 0.1, 5.0

# Called with an outcome and whether it was kept from an earlier run.
Told = Callable[[Outcome, bool], None]


class Process:
    """A chapter that is running.

    It leads a process group of its own: Ctrl-C reaches the command only, which then stops the chapter with all that
    it has started.
    """

    def __init__(self, chapter: Chapter, settings: Settings, jobs: int) -> None:
        self.chapter, self.started = chapter, time.monotonic()
        self.key = settings.key(chapter)
        self.log = begin(chapter, settings) / LOG
        posix = os.name == "posix"
        alone: dict[str, Any] = {"start_new_session": True} if posix else {"creationflags": 0x200}  # a group of its own
        with open(self.log, "wb") as log:
            self.child = subprocess.Popen(
                settings.command(chapter), stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                env=settings.environment(chapter, jobs), **alone,
            )  # fmt: skip

    @property
    def seconds(self) -> float:
        """Since the start."""
        return time.monotonic() - self.started

    def signal(self, number: int) -> None:
        """Tell the chapter, and all that it has started."""
        if os.name == "posix":
            with contextlib.suppress(ProcessLookupError, PermissionError):  # all of it has ended
                os.killpg(self.child.pid, number)
        else:
            self.child.terminate()

    def last_line(self) -> str:
        """What it said last."""
        with open(self.log, "rb") as log:
            log.seek(0, os.SEEK_END)
            log.seek(max(0, log.tell() - 500))
            lines = log.read().decode("utf-8", errors="replace").split("\n")
        return next((line.strip() for line in reversed(lines[:-1]) if line.strip()), "")


def run(
    chapters: Sequence[Chapter], settings: Settings, *, jobs: int = 1, fresh: bool = False, told: Told | None = None
) -> tuple[list[Outcome], bool]:
    """Run chapters; go on past those that fail.

    Args:
        chapters: what to run.
        settings: how.
        jobs: how many at a time.
        fresh: also those again that an earlier run finished with the same settings and script.
        told: called with each outcome as it comes.

    Returns:
        An outcome of each, in order, and whether Ctrl-C cut the run short.
    """
    found: dict[str, Outcome] = {}
    waiting: list[Chapter] = []
    for chapter in chapters:
        known = None if fresh else kept(chapter, settings)
        if known is None:
            waiting.append(chapter)
        else:
            found[chapter.name] = known
            if told:
                told(known, True)
    running: list[Process] = []
    shown = Status()
    cut = False
    try:
        while waiting or running:
            while waiting and len(running) < jobs:
                running.append(Process(waiting.pop(0), settings, jobs))
            for process in [p for p in running if p.child.poll() is not None]:
                running.remove(process)
                outcome = finish(process.chapter, settings, process.key, process.child.returncode, process.seconds)
                found[process.chapter.name] = outcome
                shown.clear()
                if told:
                    told(outcome, False)
            shown.show(running)
            if running:
                time.sleep(LOOK)
    except KeyboardInterrupt:
        cut = True
    finally:
        shown.clear()
        stop(running)
    return [found.get(c.name, Outcome(c, settings.folder(c), NOT_RUN)) for c in chapters], cut


def stop(processes: Sequence[Process]) -> None:
    """End processes: kindly, and after a while by force."""
    for process in processes:
        process.signal(signal.SIGTERM)
    end = time.monotonic() + PATIENCE
    for process in processes:
        with contextlib.suppress(subprocess.TimeoutExpired, KeyboardInterrupt):  # Ctrl-C again: do not wait
            process.child.wait(max(0.0, end - time.monotonic()))
        if os.name == "posix":
            process.signal(signal.SIGKILL)  # what the chapter itself had started and left behind
        else:
            process.child.kill()
        process.child.wait()


class Status:
    """On a terminal, one line that says what is running and what it said last."""

    def __init__(self) -> None:
        self.on, self.shown = sys.stderr.isatty(), ""

    def show(self, running: Sequence[Process]) -> None:
        """Write the line anew if it has changed."""
        if not self.on:
            return
        text = "   ".join(f"{p.chapter.name} {p.seconds:.0f} s  {p.last_line()[:60]}" for p in running)
        text = text[: os.get_terminal_size(sys.stderr.fileno()).columns - 1]
        if text != self.shown:
            sys.stderr.write("\r\x1b[K" + text)
            sys.stderr.flush()
            self.shown = text

    def clear(self) -> None:
        """Take the line away."""
        if self.on and self.shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
            self.shown = ""
