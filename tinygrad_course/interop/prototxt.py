"""The text format of protocol buffers, in which Caffe's networks are written: read without a schema, and written.

    name: "net"   layer { name: "ip"  inner_product_param { num_output: 10 } }   dims: [1, 2]   # a comment

A `Message` notes which of its fields were asked for, so that a reader can refuse what it does not know.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any

__all__ = ["Enum", "Message", "PrototxtError", "parse", "write"]

_DEEPEST = 64
_LONGEST = 4 << 20
_TOKEN = re.compile(
    r"""(?P<space>(?:\s+|\#[^\n]*)+)
    |(?P<string>"(?:[^"\\\n]|\\[^\n])*"|'(?:[^'\\\n]|\\[^\n])*')
    |(?P<number>-?(?:0[xX][0-9a-fA-F]+|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?[fF]?|(?:inf(?:inity)?|nan)\b))
    |(?P<word>[A-Za-z_][A-Za-z0-9_.]*)
    |(?P<sign>[:{}<>\[\],;])""",
    re.VERBOSE,
)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}


class PrototxtError(ValueError):
    """The text is not in the format, or a field is not what its reader needs; the message gives line and column."""


class Enum(str):
    """A word without quotes: the value of an enum."""

    __slots__ = ()


class Message:
    """Fields in their order, each with a list of values: ints, floats, bools, strings, enums or Messages.

    Args:
        name: what errors call it.
        place: where it begins, as "file:line:column".

    Example:
        >>> from tinygrad_course.interop import prototxt
        >>> net = prototxt.parse('name: "net" layer { type: "ReLU" } layer { type: "TanH" }')
        >>> net.text("name"), [layer.text("type") for layer in net.messages("layer")]
        ('net', ['ReLU', 'TanH'])
    """

    def __init__(self, name: str = "message", place: str = "") -> None:
        self.name = name
        self.place = place
        self.fields: dict[str, list[Any]] = {}
        self.places: dict[str, str] = {}
        self._asked: set[str] = set()

    def add(self, field: str, value: Any, place: str = "") -> Message:
        """Append a value; gives the message itself, so that calls can be chained."""
        self.fields.setdefault(field, []).append(value)
        self.places.setdefault(field, place)
        return self

    def __contains__(self, field: str) -> bool:
        return field in self.fields

    def error(self, what: str, field: str | None = None) -> PrototxtError:
        """An error that names this message, or a field of it, and its place."""
        place = self.places.get(field or "") or self.place
        return PrototxtError(f"{place}: {what}" if place else what)

    def all(self, field: str, kind: type | tuple[type, ...], what: str) -> list[Any]:
        """All values of a field, which must be of a type."""
        self._asked.add(field)
        values = self.fields.get(field, [])
        for value in values:
            wrong = not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool)
            if wrong or (kind is str and isinstance(value, Enum)):
                shown = "{...}" if isinstance(value, Message) else repr(value)[:40]
                raise self.error(f"{self.name}: {field} must be {what}, got {shown}", field)
        return values

    def _one(self, field: str, default: Any, kind: type | tuple[type, ...], what: str) -> Any:
        values = self.all(field, kind, what)
        return values[-1] if values else default  # the last counts, as in protobuf

    def number(self, field: str, default: float = 0.0) -> float:
        """A number."""
        return float(self._one(field, default, (int, float), "a number"))

    def integer(self, field: str, default: int = 0, least: int | None = None) -> int:
        """An integer, of at least a value if it is given."""
        value = self._one(field, default, int, "an integer")
        if field in self.fields and not (-(2**63) if least is None else least) <= value < 2**63:
            wanted = "of 64 bits" if least is None else f"of at least {least}"
            raise self.error(f"{self.name}: {field} must be an integer {wanted}, got {value}", field)
        return int(value)

    def text(self, field: str, default: str = "") -> str:
        """A string."""
        return str(self._one(field, default, str, "a string in quotes"))

    def flag(self, field: str, default: bool = False) -> bool:
        """true or false."""
        values = self.fields.get(field)
        if values and type(values[-1]) is int and values[-1] in (0, 1):
            self._asked.add(field)
            return bool(values[-1])
        return bool(self._one(field, default, bool, "true or false"))

    def choice(self, field: str, default: str, *others: str) -> str:
        """One word of an enum."""
        value = str(self._one(field, Enum(default), Enum, "a word"))
        if value not in (default, *others):
            raise self.error(f"{self.name}: {field} must be one of {', '.join((default, *others))}, got {value}", field)
        return value

    def message(self, field: str) -> Message:
        """The messages of a field, merged into one; an empty one if there is none."""
        values = self.all(field, Message, "a message in braces")
        if len(values) == 1:
            return values[0]
        merged = Message(field, values[0].place if values else self.place)
        for value in values:
            value._asked.update(value.fields)
            for name, items in value.fields.items():
                for item in items:
                    merged.add(name, item, value.places[name])
        if values:
            self.fields[field] = [merged]
        return merged

    def messages(self, field: str) -> list[Message]:
        """All messages of a field."""
        return self.all(field, Message, "a message in braces")

    def ignore(self, *fields: str) -> None:
        """Count fields as known that make no difference here."""
        self._asked.update(fields)

    def check_all_known(self) -> None:
        """Raise PrototxtError if there is a field, here or within, that nobody asked for."""
        for field, values in self.fields.items():
            if field not in self._asked:
                raise self.error(f"{self.name}: {field} is not known here; remove it, or check its name", field)
            for value in values:
                if isinstance(value, Message):
                    value.check_all_known()


class _Parser:
    def __init__(self, text: str, source: str) -> None:
        self.text = text
        self.source = source
        self._line, self._line_start, self._counted = 1, 0, 0
        self.tokens = self._split()
        self.advance()

    def where(self, place: int) -> str:
        """ "file:line:column" of a place, at or behind the last one asked for in most cases."""
        if place < self._counted:
            self._line, self._line_start, self._counted = 1, 0, 0
        self._line += self.text.count("\n", self._counted, place)
        start = self.text.rfind("\n", self._counted, place) + 1
        self._line_start = start or self._line_start
        self._counted = place
        return f"{self.source}:{self._line}:{place - self._line_start + 1}"

    def fail(self, what: str, place: int | None = None) -> PrototxtError:
        return PrototxtError(f"{self.where(self.place if place is None else place)}: {what}")

    def _split(self) -> Iterator[tuple[str, str, int]]:
        place = 0
        while place < len(self.text):
            match = _TOKEN.match(self.text, place)
            if match is None:
                what = "a string that does not end" if self.text[place] in "'\"" else repr(self.text[place])
                raise self.fail(f"{what} is not expected here", place)
            if match.lastgroup != "space":
                yield str(match.lastgroup), match.group(), place
            place = match.end()
        yield "end", "the end", place

    def advance(self) -> None:
        self.kind, self.token, self.place = next(self.tokens)

    def skip(self, *signs: str) -> bool:
        if self.kind == "sign" and self.token in signs:
            self.advance()
            return True
        return False

    def fields(self, message: Message, closing: str, depth: int) -> None:
        if depth > _DEEPEST:
            raise self.fail(f"more than {_DEEPEST} messages within each other")
        while not (self.token == closing if closing else self.kind == "end"):
            if self.kind != "word":
                wanted = f" or {closing!r}" if closing else ""
                raise self.fail(f"expected the name of a field{wanted}, got {self.token[:40]}")
            name, place = self.token, self.where(self.place)
            self.advance()
            colon = self.skip(":")
            if self.skip("["):
                while not self.skip("]"):
                    message.add(name, self.value(name, depth), place)
                    if not self.skip(",") and self.token != "]":
                        raise self.fail(f"expected ',' or ']' in the list {name}, got {self.token[:40]}")
            elif not colon and self.token not in ("{", "<"):
                raise self.fail(f"expected ':' or '{{' after {name}, got {self.token[:40]}")
            else:
                message.add(name, self.value(name, depth), place)
            self.skip(",", ";")

    def value(self, name: str, depth: int) -> Any:
        kind, token, place = self.kind, self.token, self.place
        if kind == "sign" and token in ("{", "<"):
            message = Message(name, self.where(place))
            self.advance()
            self.fields(message, "}" if token == "{" else ">", depth + 1)
            self.advance()
            return message
        if kind not in ("string", "number", "word"):
            raise self.fail(f"expected a value for {name}, got {token[:40]}")
        self.advance()
        if kind == "word":
            return {"true": True, "false": False}.get(token, Enum(token))
        if kind == "number":
            return self.number(token, place)
        parts = [self.string(token, place)]
        while self.kind == "string":  # strings beside each other are one
            parts.append(self.string(self.token, self.place))
            self.advance()
        return "".join(parts)

    def number(self, token: str, place: int) -> int | float:
        text = token.lower()
        try:
            if "x" in text:
                return int(text, 16)
            if text.lstrip("-").isdigit():
                octal = len(text.lstrip("-")) > 1 and text.lstrip("-")[0] == "0"
                return int(text, 8 if octal else 10)
            return float(text if "inf" in text else text.rstrip("f"))
        except ValueError:
            raise self.fail(f"{token[:40]} is not a number", place) from None

    def string(self, token: str, place: int) -> str:
        def unescape(match: re.Match[str]) -> str:
            code = match.group(1)
            if code[0] == "x" and len(code) > 1:
                return chr(int(code[1:], 16))
            return chr(int(code, 8) & 255) if code[0] in "01234567" else _ESCAPES.get(code, code)

        return re.sub(r"\\(x[0-9a-fA-F]{1,2}|[0-7]{1,3}|.)", unescape, token[1:-1])


def parse(text: str, source: str = "prototxt") -> Message:
    """Read a text.

    Args:
        text: in protobuf's text format.
        source: the file's name, for messages.

    Raises:
        PrototxtError: if it is not in the format, or has more than 64 messages within each other.
    """
    if len(text) > _LONGEST:
        raise PrototxtError(f"{source}: {len(text)} characters are more than the {_LONGEST} that are read")
    message = Message(source, f"{source}:1:1")
    _Parser(text, source).fields(message, "", 0)
    return message


def write(message: Message, indent: str = "") -> str:
    """The text of a message, which `parse` reads again.

    Raises:
        TypeError: if a value is none that the format has.
    """
    lines = []
    for field, values in message.fields.items():
        for value in values:
            if isinstance(value, Message):
                lines.append(f"{indent}{field} {{\n{write(value, indent + '  ')}{indent}}}\n")
            else:
                lines.append(f"{indent}{field}: {_written(value)}\n")
    return "".join(lines)


def _written(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Enum):
        return str(value)
    if isinstance(value, str):
        escaped = "".join({"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r"}.get(c, c) for c in value)
        return f'"{escaped}"'
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return repr(value) if math.isfinite(value) else str(value)
    raise TypeError(f"write: a field cannot hold a {type(value).__name__}")
