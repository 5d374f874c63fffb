"""From the LaTeX that `notation` writes to MathML, which browsers show without any help."""

from __future__ import annotations

import re
from typing import Any

__all__ = ["mathml"]

# An element: its tag, and its children or its text.
Element = list[Any]

_SIGNS = {
    "odot": "⊙", "cdot": "·", "top": "⊤", "partial": "∂", "neq": "≠", "leq": "≤", "geq": "≥", "vee": "∨", "neg": "¬",
    "infty": "∞", "sum": "∑", "prod": "∏", "lfloor": "⌊", "rfloor": "⌋", "lceil": "⌈", "rceil": "⌉", "Vert": "‖",
}  # fmt: skip
_LETTERS = {
    "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "epsilon": "ε", "zeta": "ζ", "eta": "η", "theta": "θ",
    "kappa": "κ", "lambda": "λ", "mu": "μ", "nu": "ν", "xi": "ξ", "pi": "π", "rho": "ρ", "sigma": "σ", "tau": "τ",
    "phi": "φ", "chi": "χ", "psi": "ψ", "omega": "ω", "Phi": "Φ", "Gamma": "Γ",
}  # fmt: skip
_TOKEN = re.compile(r"\\[A-Za-z]+|\\.|\d+(?:\.\d+)?|\s+|.", re.S)
_UNDER = ("∑", "∏", "max", "min")


def mathml(latex: str) -> Element:
    """The `math` element of a formula, as nested lists [tag, child, ...] with text at the ends."""
    tokens = [t for t in _TOKEN.findall(latex) if not t.isspace()]
    tokens.reverse()  # the next one is last
    return ["math", _row(_read(tokens, ""))]


def _row(parts: list[Element]) -> Element:
    return parts[0] if len(parts) == 1 else ["mrow", *parts]


def _read(tokens: list[str], end: str) -> list[Element]:
    """Elements up to a closing token."""
    parts: list[Element] = []
    while tokens:
        token = tokens.pop()
        if token == end:
            break
        if token in "^_" and parts:
            _attach(parts, token, _argument(tokens))
            continue
        part = _element(token, tokens)
        if part is not None:
            parts.append(part)
    return parts


def _attach(parts: list[Element], sign: str, script: Element) -> None:
    """Set a script on the last element; a second one goes on the same base."""
    base = parts.pop()
    if sign == "_":
        parts.append(["munder" if base[-1] in _UNDER else "msub", base, script])
    elif base[0] == "msub":
        parts.append(["msubsup", *base[1:], script])
    elif base[0] == "msup":  # δ^(2) transposed: both above
        parts.append(["msup", base[1], ["mrow", base[2], script]])
    else:
        parts.append(["msup", base, script])


def _argument(tokens: list[str]) -> Element:
    token = tokens.pop()
    if token == "{":
        return _row(_read(tokens, "}"))
    return _element(token, tokens) or ["mrow"]


def _word(tokens: list[str]) -> str:
    """The text in braces, as it is."""
    word, depth = "", 0
    while tokens:
        token = tokens.pop()
        depth += {"{": 1, "}": -1}.get(token, 0)
        if depth == 0:
            break
        word += token.removeprefix("\\") if token not in "{}" else ""
    return word


def _element(token: str, tokens: list[str]) -> Element | None:
    name = token[1:]
    if token == "{":
        return _row(_read(tokens, "}"))
    if token in (r"\left", r"\right"):
        mark = tokens.pop()
        return ["mo", _SIGNS.get(mark[1:], mark)] if mark != "." else None
    if token == r"\frac":
        return ["mfrac", _argument(tokens), _argument(tokens)]
    if token == r"\sqrt":
        return ["msqrt", _argument(tokens)]
    if token == r"\bar":
        return ["mover", _argument(tokens), ["mo", "‾"]]
    if token == r"\mathrm":
        return ["mi", _word(tokens)]
    if token in (r"\,", r"\ "):
        return ["mspace"]
    if name in _SIGNS and token != name:
        return ["mo", _SIGNS[name]]
    if token.startswith("\\") and name:
        return ["mi", _LETTERS.get(name, name)]
    if token[0].isdigit():
        return ["mn", token]
    return ["mi" if token.isalpha() else "mo", "−" if token == "-" else token]
