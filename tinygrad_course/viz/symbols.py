"""Names for the values of a graph, as the lecture has them: a⁽ˡ⁾ before and z⁽ˡ⁾ after an activation, y, t, E.

A layer is a product with a leaf (linear, matmul with or without a bias, a convolution). The names that the caller
gave come first; what is neither a layer's nor the caller's is not named here.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from ..graph import Node
from ..tensor import Tensor
from .terms import Symbol

__all__ = ["Names", "layers", "roles"]

_GREEK = frozenset({
    "alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "kappa", "lambda", "mu", "nu", "xi", "pi",
    "rho", "sigma", "tau", "phi", "chi", "psi", "omega",
})  # fmt: skip
_ACTIVATIONS = frozenset({
    "tanh", "sigmoid", "relu", "softmax", "leaky_relu", "elu", "gelu", "silu", "softplus", "exp", "softsign",
})  # fmt: skip
_OF_LOGITS = frozenset({"cross_entropy", "log_softmax", "binary_cross_entropy_with_logits"})
_MOVES = frozenset({"permute", "reshape", "expand", "cast", "clone"})


class Names:
    """Gives out names, each once.

    Attributes:
        taken: what is in use.
    """

    def __init__(self) -> None:
        self.taken = {"np"}

    def new(
        self, wish: str, shape: Sequence[int], value: Any = None, *, board: str = "", backward: bool = False
    ) -> Symbol:
        """A symbol whose text is an identifier as near to the wish as is free.

        Args:
            wish: the name: "W1", "0.weight".
            shape: of its value.
            value: the value.
            board: how it is written in LaTeX; default: after the wish.
            backward: it stands for a cotangent.
        """
        text = re.sub(r"\W+", "_", wish).strip("_") or "v"
        if not text[0].isalpha() or keyword.iskeyword(text):
            text = f"v_{text}"
        unique, count = text, 1
        while unique in self.taken:
            count += 1
            unique = f"{text}_{count}"
        self.taken.add(unique)
        if not board or unique != text:
            board = on_board(unique if unique != text else wish)
        return Symbol(unique, board, tuple(shape), value, backward)


def on_board(wish: str) -> str:
    """A name as LaTeX: W1 is W with (1) above; words are upright."""
    match = re.fullmatch(r"([A-Za-z])_?(\d+)", wish)
    if match:
        return f"{match[1]}^{{({match[2]})}}"
    match = re.fullmatch(r"([a-z]+)_?(\d*)", wish)
    if match and match[1] in _GREEK:
        return rf"\{match[1]}" + (f"^{{({match[2]})}}" if match[2] else "")
    if re.fullmatch(r"[A-Za-z]", wish):
        return wish
    plain = re.sub(r"[^\w.\[\]]", " ", wish)
    return r"\mathrm{" + plain.replace("_", r"\_") + "}"


def layers(nodes: Sequence[Node], wanting: set[Any]) -> list[tuple[Node, Any, Any, Any]]:
    """The layers of a network, oldest first: (node of the output, data, weight, bias), of each its node or leaf."""
    users: dict[Any, list[Node]] = {}
    for node in nodes:
        for parent in node.parents:
            users.setdefault(parent, []).append(node)

    def trained(source: Any) -> bool:
        while isinstance(source, Node) and source.name in _MOVES:
            source = source.parents[0]
        return isinstance(source, Tensor) and source in wanting

    found = []
    for node in nodes:
        parents = node.parents
        if node.name == "linear" or node.name.startswith("convolution"):
            if trained(parents[1]):
                found.append((node, parents[0], parents[1], parents[2] if len(parents) > 2 else None))
        elif node.name == "matmul" and trained(parents[0]) != trained(parents[1]):
            weight = 0 if trained(parents[0]) else 1
            out, bias = node, None
            if len(users.get(node, ())) == 1 and users[node][0].name == "add":
                adding = users[node][0]
                others = [p for p in adding.parents if p is not node]
                if others and trained(others[0]):
                    out, bias = adding, others[0]
            found.append((out, parents[1 - weight], parents[weight], bias))
    return found


def roles(nodes: Sequence[Node], wanting: set[Any]) -> dict[Any, tuple[str, str]]:
    """Wished names of nodes, leaves and inputs by the lecture: (text, LaTeX)."""
    wishes: dict[Any, tuple[str, str]] = {}
    found = layers(nodes, wanting)
    number = {layer[0]: i for i, layer in enumerate(found, 1)}
    users: dict[Any, list[Node]] = {}
    for node in nodes:
        for parent in node.parents:
            users.setdefault(parent, []).append(node)
    for i, (out, data, weight, bias) in enumerate(found, 1):
        wishes[out] = (f"a{i}", f"a^{{({i})}}")
        for source, letter in ((weight, "W"), (bias, "b")):
            while isinstance(source, Node) and source.name in _MOVES:
                source = source.parents[0]
            if isinstance(source, Tensor):
                wishes.setdefault(source, (f"{letter}{i}", f"{letter}^{{({i})}}"))
        if isinstance(data, Tensor):
            wishes.setdefault(data, ("x", "x"))
        elif isinstance(data, Node) and data not in number:
            below = _nearest(data, number)
            if below and not any(w[0] == f"z{below}" for w in wishes.values()):
                wishes.setdefault(data, (f"z{below}", f"z^{{({below})}}"))
    chain = all(data is below[0] or (isinstance(data, Node) and _nearest(data, number) == i)
                for i, (below, (_, data, _, _)) in enumerate(pairwise(found), 1))  # fmt: skip
    if found and chain:
        last = found[-1][0]
        nexts = users.get(last, [])
        if len(nexts) == 1 and nexts[0].name in _ACTIVATIONS and nexts[0] is not nodes[-1]:
            wishes[nexts[0]] = ("y", "y")
        elif last is not nodes[-1] and not any(n.name in _OF_LOGITS for n in nexts):
            wishes[last] = ("y", "y")
    return wishes


def _nearest(node: Node, number: Mapping[Node, int]) -> int:
    """The number of the last layer that a value depends on, through no other layer; 0 if there is none."""
    best, stack, seen = 0, [node], {node}
    while stack:
        for parent in stack.pop().parents:
            if parent in number:
                best = max(best, number[parent])
            elif isinstance(parent, Node) and parent not in seen:
                seen.add(parent)
                stack.append(parent)
    return best
