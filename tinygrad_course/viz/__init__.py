"""See the graph: drawings with Graphviz, tables of modules, and (in `viz.plots`) figures of training and of layers."""

from importlib import import_module as _import_module
from typing import Any as _Any

from .derivation import Derivation, Step, derivation
from .dot import Drawing
from .draw import draw
from .explore import explore
from .render import RenderError, render
from .summary import Summary, summary

__all__ = [
    "Derivation",
    "Drawing",
    "RenderError",
    "Step",
    "Summary",
    "derivation",
    "draw",
    "explore",
    "render",
    "summary",
]


def __getattr__(name: str) -> _Any:
    if name == "plots":  # on first use
        return _import_module(f"{__name__}.plots")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
