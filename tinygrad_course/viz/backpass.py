"""The backward pass as terms: the engine runs the rules on Tensors, and every operation they do is written down.

So a formula of a gradient comes from the rules that compute it, and no operation has a formula of its gradient.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..autograd.engine import key_of, pull_back
from ..graph import Bundle, Node, Observer, Spec, state
from ..ops import REGISTRY
from ..tensor import Tensor
from .formula import build, expanded, simplifies
from .notation import FORMS
from .shadow import copied
from .symbols import Names, layers, roles
from .terms import Symbol, Term, name, number, size

__all__ = ["BackPass"]

# A term of more operations than this is given a name of its own.
LONG = 14
# ... if several operations use it.
SHARED = 2
# A cotangent of more operations than this is given a name of its own.
LONG_COTANGENT = 9


class _Log(Observer):
    """Keeps what the backward pass did, in order."""

    def __init__(self) -> None:
        self.entries: list[tuple[Any, ...]] = []

    def saw(self, op: Any, inputs: Any, params: Any, outs: Any, node: Any) -> None:
        self.entries.append((op, inputs, params, outs))

    def pulled(self, node: Node, cotangents: Sequence[Any]) -> None:
        self.entries.append((node, list(cotangents)))


class BackPass:
    """The forward and backward formulas of a graph.

    Args:
        loss: one value, in the graph.
        given: the caller's names, by the id of the array.
        asked: values whose cotangents are to be named.
        each: name every value, and every cotangent (else only what the lecture names, and what is long).

    Attributes:
        copy: the graph.
        symbols: the names of nodes and leaves.
        forward: (symbol, term) of every named value, in order of computation.
        cotangents: of every named value, leaf and long term (symbol, term, key), in order of computation.
        bars: the symbols of named cotangents, by node or leaf.
        values: the cotangents' values, by node or leaf.
        local: for each node the terms of what its rules gave, one an input (None where nothing was wanted).
        constants: symbols of arrays that are not the caller's.
    """

    def __init__(
        self, loss: Tensor, given: Mapping[int, str], *, asked: Sequence[Tensor] = (), each: bool = False
    ) -> None:
        self.each = each
        self.names = Names()
        self.copy = copied(loss)
        self._asked = {self.copy.of.get(key_of(x)) for x in asked}
        self.root = self.copy.of[loss.node]
        self.symbols: dict[Any, Symbol] = {}
        self.forward: list[tuple[Symbol, Term]] = []
        self.cotangents: list[tuple[Symbol, Term, Any]] = []
        self.bars: dict[Any, Symbol] = {}
        self.values: dict[Any, np.ndarray] = {}
        self.local: dict[Node, list[Term | None]] = {}
        self.constants: list[Symbol] = []
        self._terms: dict[Any, Term] = {}
        self._picks: dict[tuple[Any, int], Term] = {}
        self._held: list[Any] = []
        self._given = given
        self._name_all()
        self._run_forward()
        self._run_backward(loss)

    # --- Names ------------------------------------------------------------------------------------------------------

    def _name_all(self) -> None:
        nodes, copy, leaves = self.copy.nodes, self.copy, set(self.copy.leaves)
        self._roles = roles(nodes, leaves)
        self._layer = {row[0]: i for i, row in enumerate(layers(nodes, leaves), 1)}
        given = self._given
        named: list[tuple[Any, str]] = [(x, given[id(x.array)]) for x in copy.leaves if id(x.array) in given]
        named += [(x, given[id(a)]) for node in nodes for a, x in zip(node.inputs or (), node.parents)
                  if isinstance(x, Tensor) and id(a) in given]  # fmt: skip
        named += [(n, given[id(n.output)]) for n in nodes if id(n.output) in given and n is not self.root]
        for key, wish in named:
            if key not in self.symbols:
                role = self._roles.get(key)
                self.symbols[key] = (
                    self._new(key, *role) if role and "." in wish else self._new(key, wish)
                )  # fmt: skip
        self.symbols[self.root] = self._new(self.root, "E", "E")
        for key in self._asked:
            if isinstance(key, Node) and key not in self.symbols and key not in self._roles:
                self.symbols[key] = self._new(key, "v")
        for key, (wish, board) in self._roles.items():
            if key not in self.symbols:
                self.symbols[key] = self._new(key, wish, board)
        for node in nodes:  # the target: data that meets the output in the loss
            for a, x in zip(node.inputs or (), node.parents):
                wanted = x in leaves
                if isinstance(x, Tensor) and x not in self.symbols and (wanted or not _is_number(a)):
                    beside = any(p in self._layer or self._roles.get(p) == ("y", "y") for p in node.parents)
                    wish = "w" if wanted else "t" if beside and "t" not in self.names.taken else "c"
                    self.symbols[x] = self._new(x, wish)
        self.constants = [s for x, s in self.symbols.items() if isinstance(x, Tensor) and id(x.array) not in given]

    def _new(self, key: Any, wish: str, board: str = "") -> Symbol:
        value = key.output if isinstance(key, Node) else key.array
        value = value if isinstance(value, np.ndarray) else None
        shape = key.output.shape if isinstance(key, Node) else key.array.shape
        return self.names.new(wish, shape, value, board=board)

    # --- Forward ----------------------------------------------------------------------------------------------------

    def _run_forward(self) -> None:
        counter = 0
        shared = Counter(parent for node in self.copy.nodes for parent in node.parents)
        for node in self.copy.nodes:
            args = [self._input(x, parent) for x, parent in zip(node.inputs or (), node.parents)]
            term = self._built(node.op, args, node.output, node.params)
            symbol = self.symbols.get(node)
            if (
                symbol is None
                and not isinstance(node.output, Bundle)
                and (self.each or size(term) > (SHARED if shared[node] > 1 else LONG) or _is_opaque(term))
            ):
                counter += 1
                symbol = self.symbols[node] = self._new(node, f"v{counter}", f"v_{{{counter}}}")
            if symbol is not None:
                self.forward.append((symbol, term))
                term = name(symbol)
            self._terms[node] = term
            if node.name == "pick":
                self._picks[node.parents[0], node.params["index"]] = term

    def _input(self, x: Any, parent: Any) -> Term:
        if isinstance(parent, Node):
            return self._terms[parent]
        if isinstance(parent, Tensor) and parent in self.symbols:
            return name(self.symbols[parent])
        return self._constant(x)

    def _constant(self, x: Any) -> Term:
        """A number, a repeated number, or a named array."""
        if isinstance(x, (int, float, np.generic)):
            return number(_exact(x))
        if isinstance(x, Spec):
            symbol = self.names.new("c", x.shape)
            self.constants.append(symbol)
            return name(symbol)
        x = np.asarray(x)
        if _is_number(x):
            return expanded(number(_exact(x.flat[0])), x.shape)
        known = self._terms.get(id(x))
        if known is None:
            symbol = self.names.new("c", x.shape, x)
            self.constants.append(symbol)
            self._held.append(x)
            known = self._terms[id(x)] = name(symbol)
        return known

    def _built(self, op: Any, args: Sequence[Term], out: Any, params: Mapping[str, Any]) -> Term:
        if isinstance(out, Bundle):
            return Term(op.name, tuple(args), tuple(self._static(params).items()), ())
        return build(op.name, args, tuple(out.shape), self._static(params), out.dtype.kind)

    def _static(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """Parameters, those that cannot be written as text given a name."""
        shown = {}
        for key, value in params.items():
            if not _is_plain(value):
                shown[key] = self.names.new(key, (), value)
                self.constants.append(shown[key])
            else:
                shown[key] = value
        return shown

    # --- Backward ---------------------------------------------------------------------------------------------------

    def _run_backward(self, loss: Tensor) -> None:
        copy, log = self.copy, _Log()
        targets = [*(Tensor._wrap(np.empty(0), n) for n in copy.nodes), *copy.leaves]
        start = Tensor._wrap(np.ones(loss.array.shape, loss.array.dtype))
        before, state.grad = state.grad, False
        outer, state.observers = state.observers, (log,)
        try:
            root = Tensor._wrap(loss.array, self.root)
            found = pull_back([(root, start)], wanted=targets, keep=True, record=True)
        finally:
            state.grad, state.observers = before, outer
        self._held += [found, log.entries]
        due: dict[int, list[Any]] = {}  # named values whose cotangent is this array
        order: list[Any] = [*reversed(copy.nodes), *copy.leaves]
        for key in order:
            g = found.get(key)
            if g is None or isinstance(g, Bundle):
                continue
            array = g.array if isinstance(g, Tensor) else np.asarray(g)
            shape = key.output.shape if isinstance(key, Node) else key.array.shape
            self.values[key] = np.broadcast_to(array, shape)
            due.setdefault(id(array), []).append(key)
        self._due, self._counter = due, 0
        self._wide: dict[int, list[Any]] = {}
        self._made: dict[int, Term] = {}
        self._settle(start.array, expanded(number(1.0), start.shape))
        for entry in log.entries:
            if len(entry) == 2:
                node, parts = entry
                self.local[node] = [self._passed(c, found.get(node)) for c in parts]
                continue
            op, inputs, params, outs = entry
            args = [self._term(x) for x in inputs]
            for i, out in enumerate(outs):
                term = self._built(op, args, out, params)
                if len(outs) > 1:
                    term = build("pick", [term], tuple(out.shape), {"index": i})
                wide = (
                    self._wide.get(id(inputs[0].array))
                    if op.name == "expand" and isinstance(inputs[0], Tensor)
                    else None
                )
                bar = next(
                    (self.bars[k] for k in wide or () if k in self.bars and self.bars[k].shape == out.shape), None
                )
                if bar is not None:
                    self._terms[id(out.array)] = name(bar)
                else:
                    self._settle(out.array, term)
        for key in order:  # cotangents that no operation made: constants of a rule
            g = found.get(key)
            if g is not None and not isinstance(g, Bundle) and key not in self.bars and isinstance(key, Tensor):
                self._add(key, self._term(g))

    def _passed(self, c: Any, own: Any) -> Term | None:
        """The term of what a rule gave: as the rule made it, unless it is the node's own cotangent passed on."""
        if c is None or isinstance(c, Bundle):
            return None
        return self._term(c) if c is own else self._made.get(id(_array(c))) or self._term(c)

    def _term(self, x: Any) -> Term:
        """The term of a value that a rule works with."""
        if isinstance(x, Bundle):
            parts = [number(0) if part is None else self._term(part) for part in x]
            return Term("tuple", tuple(parts))
        if not isinstance(x, Tensor):
            return (
                self._constant(x) if not isinstance(x, np.ndarray) or id(x) not in self._terms else self._terms[id(x)]
            )
        if isinstance(x.node, Node):
            known = self._terms.get(x.node)
            if known is None and x.node.name == "pick":  # an output, of several, that a rule reads
                place = x.node.params["index"]
                known = self._picks.get((x.node.parents[0], place)) or build(
                    "pick", [self._terms[x.node.parents[0]]], tuple(x.shape), {"index": place}
                )
            if known is not None:
                return known
        if x in self.symbols:
            return name(self.symbols[x])
        known = self._terms.get(id(x.array))
        return self._constant(x.array) if known is None else known

    def _settle(self, array: np.ndarray, term: Term) -> None:
        """Keep the term of a value; name it if it is the cotangent of a named value, or long."""
        self._terms[id(array)] = self._made[id(array)] = term
        for key in self._due.get(id(array), ()):
            shape = self.values[key].shape
            leaf = not isinstance(key, Node)
            if not (
                leaf
                or self.each
                or key in self._asked
                or key in self._layer
                or (key in self.symbols and size(term) > LONG_COTANGENT)
            ):
                continue
            symbol = self._add(key, expanded(self._terms[id(array)], shape))
            if leaf:
                continue
            if array.shape == shape:
                if self._terms[id(array)] is term:
                    self._terms[id(array)] = name(symbol)
            else:
                self._wide.setdefault(id(array), []).append(key)
        if self._terms[id(array)] is term and size(term) > LONG:
            self._counter += 1
            value = array
            symbol = self.names.new(
                f"u{self._counter}", array.shape, value, board=f"u_{{{self._counter}}}", backward=True
            )
            self.cotangents.append((symbol, term, None))
            self._terms[id(array)] = name(symbol)

    def _add(self, key: Any, term: Term) -> Symbol:
        """Name a cotangent."""
        value = self.values[key]
        symbol = self.symbols[key]
        if key in self._layer:
            n = self._layer[key]
            bar = self.names.new(f"delta{n}", value.shape, value, board=rf"\delta^{{({n})}}", backward=True)
        elif isinstance(key, Node):
            bar = self.names.new(
                f"{symbol.text}_bar", value.shape, value, board=rf"\bar{{{symbol.latex}}}", backward=True
            )
        else:
            board = rf"\frac{{\partial E}}{{\partial {symbol.latex}}}"
            bar = self.names.new(f"dE_d{symbol.text}", value.shape, value, board=board, backward=True)
        self.bars[key] = bar
        self.cotangents.append((bar, term, key))
        return bar


def _is_opaque(term: Term) -> bool:
    """Whether a value is better named than written out wherever a rule reads it."""
    if term.op in ("pick", "softmax", "log_softmax"):
        return True
    return term.op in REGISTRY and term.op not in FORMS and not simplifies(term.op)


def _is_number(x: Any) -> bool:
    """Whether an array holds one number, perhaps many times."""
    if not isinstance(x, np.ndarray) or x.dtype.kind == "b" or not x.size:
        return False
    return x.ndim == 0 or bool(
        (x == x.flat[0]).all() and (not any(x.strides) or (x.dtype.kind == "f" and x.flat[0] in (0, 1)))
    )


def _exact(x: Any) -> float:
    """A Python number, with the digits that its own dtype shows: float32's 0.1 is 0.1."""
    return float(str(x)) if isinstance(x, np.floating) else x if isinstance(x, (int, float)) else x.item()


def _is_plain(value: Any) -> bool:
    if isinstance(value, (tuple, list)):
        return all(map(_is_plain, value))
    if isinstance(value, slice):
        return all(map(_is_plain, (value.start, value.stop, value.step)))
    return value is None or value is Ellipsis or isinstance(value, (int, float, str, bool))


def _array(x: Any) -> Any:
    return x.array if isinstance(x, Tensor) else x
