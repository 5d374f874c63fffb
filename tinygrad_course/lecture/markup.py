"""HTML from nested calls: text is escaped, and what is HTML already is known by its type."""

from __future__ import annotations

import base64
import re
import struct
from html import escape
from pathlib import Path
from typing import Any

__all__ = ["Markup", "document", "formula", "image", "tag"]

# Elements that have no end tag.
_VOID = frozenset({"br", "col", "img", "input", "link", "meta"})
# What neither HTML nor XML can hold: control characters, such as colours for a terminal, and halves of characters.
_COLOURS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_TYPES = {".png": "image/png", ".svg": "image/svg+xml", ".jpg": "image/jpeg"}


class Markup(str):
    """Text that is HTML."""

    __slots__ = ()


def text(value: str) -> Markup:
    """Text as HTML."""
    clean = _FORBIDDEN.sub("", _COLOURS.sub("", value)).replace("\r\n", "\n").replace("\r", "\n")
    return value if isinstance(value, Markup) else Markup(escape(clean))


def tag(name: str, /, *children: str | None, **attributes: Any) -> Markup:
    """An element: `tag("a", "text & more", href="#top")`. It is well-formed as XML too.

    Args:
        name: of the element.
        children: text, which is escaped, or Markup; None is left out.
        attributes: a trailing underscore is dropped (`class_`), others become "-"; None and False leave one out.
    """
    parts = [name]
    for key, value in attributes.items():
        if value is not None and value is not False:
            key = key.rstrip("_").replace("_", "-")
            parts.append(f'{key}="{key if value is True else text(str(value))}"')
    start = " ".join(parts)
    if name in _VOID:
        return Markup(f"<{start}/>")
    return Markup(f"<{start}>{''.join(text(c) for c in children if c is not None)}</{name}>")


def document(head: str, body: str) -> str:
    """A whole page."""
    return f"<!doctype html>\n{tag('html', head, body, lang='en')}\n"


def formula(element: list[Any]) -> Markup:
    """The nested lists of `viz.mathml` as HTML."""
    name, *children = element
    width = "0.2em" if name == "mspace" else None  # "\\," in the LaTeX
    return tag(name, *(formula(c) if isinstance(c, list) else str(c) for c in children), width=width)


def image(path: Path, description: str) -> Markup:
    """A picture with its data inside; a script in an SVG does not run there."""
    data = path.read_bytes()
    width, height = _size(data)
    address = f"data:{_TYPES[path.suffix.lower()]};base64,{base64.b64encode(data).decode('ascii')}"
    return tag("img", src=address, alt=description, width=width, height=height, loading="lazy")


def _size(data: bytes) -> tuple[int | None, int | None]:
    """Width and height of a PNG of the chapters (120 pixels an inch) in CSS pixels (96 an inch)."""
    if data[:8] != b"\x89PNG\r\n\x1a\n" or len(data) < 24:
        return None, None
    width, height = struct.unpack(">II", data[16:24])
    return round(0.8 * width), round(0.8 * height)
