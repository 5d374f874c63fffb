"""What a chapter has left in its folder: claims, figures, its output, and how it ended."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .chapters import Chapter
from .settings import Settings

__all__ = ["DONE", "FAILED", "LOG", "NOT_RUN", "Outcome", "begin", "finish", "kept"]

DONE, FAILED, NOT_RUN = "done", "failed", "not run"
LOG = "output.txt"
_STATE = "state.json"


@dataclass(frozen=True)
class Outcome:
    """How a chapter went.

    Attributes:
        chapter: the chapter.
        folder: where its files are.
        status: DONE, FAILED or NOT_RUN.
        seconds: how long it took.
        entry: what it wrote to claims.json: "claims", "figures", "derivations".
        output: what it printed.
    """

    chapter: Chapter
    folder: Path
    status: str
    seconds: float = 0.0
    entry: dict[str, Any] = field(default_factory=dict)
    output: str = ""

    @property
    def claims(self) -> list[dict[str, Any]]:
        """Its claims, with what was measured."""
        return list(self.entry.get("claims", []))

    @property
    def held(self) -> int:
        """How many claims this run bears out."""
        return sum(bool(claim["holds"]) for claim in self.claims)

    @property
    def error(self) -> str:
        """Of a chapter that failed: its last traceback, or the last lines of its output."""
        start = self.output.rfind("Traceback (most recent call last):")
        return self.output[start:].strip() if start >= 0 else "\n".join(self.output.strip().splitlines()[-20:])


def begin(chapter: Chapter, settings: Settings) -> Path:
    """An empty folder for a chapter: what an earlier run left there goes."""
    folder = settings.folder(chapter)
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    return folder


def finish(chapter: Chapter, settings: Settings, key: str, code: int, seconds: float) -> Outcome:
    """Note how a run ended, so that a later one need not repeat it; `key` is of when it was started."""
    folder = settings.folder(chapter)
    entry = _entry(folder, chapter)
    status = DONE if code == 0 and entry is not None else FAILED
    output = _text(folder / LOG)
    if status == FAILED and code == 0:
        output += "\nThe script ended without an error, but left no claims.json."
    elif code < 0:
        output += f"\nThe script was ended by signal {-code}."
    state = {"key": key, "status": status, "seconds": round(seconds, 2)}
    fresh = folder / f"{_STATE}.{os.getpid()}"
    fresh.write_text(json.dumps(state) + "\n", encoding="utf-8")
    fresh.replace(folder / _STATE)
    return Outcome(chapter, folder, status, seconds, entry or {}, output)


def kept(chapter: Chapter, settings: Settings) -> Outcome | None:
    """What an earlier run with the same script and settings left, if it finished without a failure."""
    folder = settings.folder(chapter)
    try:
        state = json.loads(_text(folder / _STATE))
        same = state["key"] == settings.key(chapter) and state["status"] == DONE
        seconds = float(state["seconds"])
    except (ValueError, KeyError, TypeError):
        return None
    entry = _entry(folder, chapter)
    if not same or entry is None:
        return None
    return Outcome(chapter, folder, DONE, seconds, entry, _text(folder / LOG))


def _entry(folder: Path, chapter: Chapter) -> dict[str, Any] | None:
    """The chapter's entry in claims.json; None without one, or where a figure of it is missing."""
    try:
        entry: dict[str, Any] = json.loads(_text(folder / "claims.json"))[chapter.name]
        whole = all((folder / Path(figure["file"]).name).is_file() for figure in entry["figures"])
        whole = whole and all({"claim", "measured", "holds"} <= set(claim) for claim in entry["claims"])
    except (ValueError, KeyError, TypeError):
        return None
    return entry if whole else None


def _text(path: Path) -> str:
    """A file's text; empty if it cannot be read."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
