"""The report: one page that holds everything, from the outcomes of the chapters."""

from __future__ import annotations

import platform
import re
import time
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from .. import __version__
from ..viz.mathml import mathml
from .chapters import Chapter
from .markup import Markup, document, formula, image, tag
from .outcome import DONE, FAILED, Outcome
from .settings import Settings

__all__ = ["page"]

_TITLE = "Neural networks and deep learning: the lecture, run"
_ASSETS = Path(__file__).parent / "assets"


def page(outcomes: Sequence[Outcome], settings: Settings) -> str:
    """The report as HTML: the overview, then each chapter's text, claims, figures, derivations, script and output."""
    main = tag("main", _header(outcomes, settings), _overview(outcomes), *map(_chapter, outcomes), id="top")
    return document(_head(), tag("body", _contents(outcomes), main, tag("script", _asset("report.js"))))


def _asset(name: str) -> Markup:
    """A file of the page's own, which holds no character that HTML or XML would take for markup."""
    return Markup(f"\n{(_ASSETS / name).read_text(encoding='utf-8')}")


def _head() -> Markup:
    return tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("title", _TITLE),
        tag("style", _asset("report.css")),
    )


def _header(outcomes: Sequence[Outcome], settings: Settings) -> Markup:
    claims = sum(len(o.claims) for o in outcomes)
    facts = {
        "chapters": f"{sum(o.status == DONE for o in outcomes)} of {len(outcomes)} ran to their end",
        "claims": f"{sum(o.held for o in outcomes)} of {claims} are borne out by this run",
        "settings": f"{'quick: smaller problems, fewer steps' if settings.quick else 'full'}; seed {settings.seed}",
        "time": f"{_duration(sum(o.seconds for o in outcomes))} of computing",
        "written": time.strftime("%Y-%m-%d %H:%M"),
        "made by": f"tinygrad_course {__version__}, NumPy {np.__version__}, Python {platform.python_version()}",
    }
    rows = (part for name, fact in facts.items() for part in (tag("dt", name), tag("dd", fact)))
    note = "In quick mode the networks are small and hardly trained: some claims need the full settings."
    quick = tag("p", note, class_="note") if settings.quick else None
    return tag("header", tag("h1", _TITLE), tag("dl", *rows, class_="facts"), quick)


def _contents(outcomes: Iterable[Outcome]) -> Markup:
    """The table of contents, with how each chapter went, and the switch between light and dark."""
    entries = (
        tag("li", tag("a", tag("b", str(o.chapter.number)), tag("span", o.chapter.short_title), _mark(o),
                      href=f"#{o.chapter.name}"))
        for o in outcomes
    )  # fmt: skip
    switch = tag("button", "theme", type="button", id="theme", hidden=True)
    top = tag("p", tag("a", "The lecture", href="#top"), switch)
    return tag("nav", top, tag("ol", *entries), aria_label="Contents")


def _mark(outcome: Outcome) -> Markup:
    """How a chapter went, in a word."""
    if outcome.status != DONE:
        return tag("i", outcome.status, class_="bad" if outcome.status == FAILED else "idle")
    total = len(outcome.claims)
    kind = "good" if outcome.held == total else "mixed"
    return tag("i", f"{outcome.held}/{total}", class_=kind, title=f"{outcome.held} of {total} claims hold")


def _overview(outcomes: Sequence[Outcome]) -> Markup:
    """All claims at a glance."""
    rows = [
        tag("tr", tag("td", tag("a", str(o.chapter.number), href=f"#{o.chapter.name}")), *_claim(claim))
        for o in outcomes
        for claim in o.claims
    ]
    if not rows:
        return tag("section", tag("p", "No chapter has measured anything yet."))
    titles = tag("tr", *(tag("th", name, scope="col") for name in ("chapter", "claim", "measured", "this run")))
    table = tag("table", tag("thead", titles), tag("tbody", *rows), class_="claims")
    summary = tag("summary", tag("h2", "All claims, and what was measured"))
    return tag("section", tag("details", summary, tag("div", table, class_="wide")), id="claims")


def _claim(claim: Mapping[str, Any]) -> list[Markup]:
    """The cells of a claim: what is said, the numbers, the verdict."""
    verdict = tag("span", "holds", class_="good") if claim["holds"] else tag("span", "does not hold", class_="bad")
    said = str(claim["claim"])
    return [tag("td", said[:1].upper() + said[1:] + "."), tag("td", _numbers(claim["measured"])), tag("td", verdict)]


def _numbers(measured: Any) -> Markup:
    """One number, or several with their names."""
    if not isinstance(measured, Mapping):
        return tag("span", _number(measured), class_="number")
    rows = (tag("tr", tag("td", str(name)), tag("td", _number(value))) for name, value in measured.items())
    return tag("table", tag("tbody", *rows), class_="numbers")


def _number(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _chapter(outcome: Outcome) -> Markup:
    """A chapter's section."""
    chapter = outcome.chapter
    title = tag("h2", tag("b", str(chapter.number), class_="number"), tag("span", chapter.title))
    about = (tag("p", *_words(paragraph)) for paragraph in chapter.about)
    parts = [*map(_derivation, outcome.entry.get("derivations", [])), *_figures(outcome)]
    if outcome.status == FAILED:
        parts.insert(0, _failure(outcome))
    elif outcome.status != DONE:
        parts.insert(0, tag("p", "Not run: the command was stopped before.", class_="note"))
    return tag("section", title, *about, _claims(outcome), *parts, *_sources(outcome), id=chapter.name)


def _words(paragraph: str) -> list[str]:
    """A docstring's text, with what stands between `backticks` as code."""
    parts = re.split("`([^`]+)`", paragraph)
    return [tag("code", part) if i % 2 else part for i, part in enumerate(parts)]


def _claims(outcome: Outcome) -> Markup | None:
    if not outcome.claims:
        return None
    titles = tag("tr", *(tag("th", name, scope="col") for name in ("claim", "measured", "this run")))
    rows = (tag("tr", *_claim(claim)) for claim in outcome.claims)
    return tag("div", tag("table", tag("thead", titles), tag("tbody", *rows), class_="claims"), class_="wide")


def _figures(outcome: Outcome) -> list[Markup]:
    """The pictures with their captions; graphs that follow each other share a row."""
    shown = []
    figures = outcome.entry.get("figures", [])
    for graphs, group in groupby(figures, key=lambda figure: Path(figure["file"]).suffix.lower() in (".svg", ".dot")):
        pictures = [_figure(figure, outcome.folder) for figure in group]
        shown += [tag("div", *pictures, class_="row")] if graphs else pictures
    return shown


def _figure(figure: Mapping[str, Any], folder: Path) -> Markup:
    """A picture with its caption; a graph that no Graphviz was there to draw is shown as its text."""
    path, caption = folder / Path(figure["file"]).name, str(figure["caption"])
    if path.suffix.lower() == ".dot":
        words = 'Without Graphviz a graph is only text; pip install "tinygrad_course[viz]" draws it.'
        text = tag("pre", path.read_text(encoding="utf-8", errors="replace"))
        picture = tag("div", tag("p", words, class_="note"), text)
    else:
        picture = tag("div", image(path, caption), class_="graph" if path.suffix.lower() == ".svg" else "plot")
    return tag("figure", picture, tag("figcaption", caption))


def _derivation(derivation: Mapping[str, Any]) -> Markup:
    """Equations as formulas, each with its shape and values."""
    rows, passed = [], None
    for step in derivation["steps"]:
        if step["pass"] != passed:
            passed = step["pass"]
            rows.append(tag("tr", tag("th", f"{passed} pass", colspan="2", scope="colgroup")))
        rows.append(tag("tr", tag("td", formula(mathml(step["latex"]))), tag("td", step["value"])))
    table = tag("div", tag("table", tag("tbody", *rows)), class_="wide derivation")
    return tag("figure", table, tag("figcaption", derivation["caption"]))


def _failure(outcome: Outcome) -> Markup:
    words = f"This chapter failed after {_duration(outcome.seconds)}."
    return tag("div", tag("p", words), tag("pre", outcome.error), class_="failure", role="alert")


def _sources(outcome: Outcome) -> list[Markup]:
    """The script and what it printed, folded."""
    chapter: Chapter = outcome.chapter
    found = [
        tag("details", tag("summary", f"The script, {chapter.path.name}"), tag("pre", tag("code", chapter.source)))
    ]
    if outcome.output.strip():
        words = f"What it printed, in {_duration(outcome.seconds)}"
        found.append(tag("details", tag("summary", words), tag("pre", outcome.output.strip())))
    return found


def _duration(seconds: float) -> str:
    minutes = int(seconds) // 60
    if minutes >= 60:
        return f"{minutes // 60} h {minutes % 60} min"
    return f"{minutes} min {int(seconds) % 60} s" if minutes else f"{seconds:.1f} s"
