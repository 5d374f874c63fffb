"""See the graph: drawings with Graphviz."""

from .dot import Drawing
from .draw import draw
from .render import RenderError, render

__all__ = ["Drawing", "RenderError", "draw", "render"]
