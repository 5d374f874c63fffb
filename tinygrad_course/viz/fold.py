"""Draw what repeats once: twelve equal blocks become one frame that says "× 12".

A picture is read as nested lists: of operations, and of modules, which are lists themselves. Equal neighbours in a list
have equal signatures (operation, parameters, shapes), found as runs of any period. A run is folded only if its
copies are wired alike: each takes from the one before what the next takes from it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from .health import is_sick
from .picture import SOURCES, Cluster, Edge, Picture, Scope

__all__ = ["fold"]

LEAST = 3  # copies that are worth folding
LONGEST = 256  # operations or modules in one copy
SHIFTS = 64  # places where a copy may begin, that are tried

# One item of a list: a vertex key, or a module's scope with its items.
Item = Any


class _Frame:
    """A module's call: its scope and what is in it."""

    __slots__ = ("items", "scope")

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.items: list[Item] = []


def fold(picture: Picture) -> Picture:
    """The picture with runs of at least three equal modules or operations drawn once."""
    return _Folder(picture).folded()


class _Folder:
    def __init__(self, picture: Picture) -> None:
        self.picture = picture
        self.gone: dict[str, str] = {}  # a folded vertex: the one that stands for it
        self.frames: dict[Scope, Scope] = {}  # where a scope's frame goes, if a run is framed around it
        self.added: dict[str, Scope] = {}  # vertices that get a frame of their own around their scope
        self.clusters = dict(picture.clusters)
        self.ins: dict[str, list[str]] = {key: [] for key in picture.vertices}
        self.users: dict[str, list[str]] = {}
        for edge in picture.edges:
            self.ins[edge.target].append(edge.source)
            self.users.setdefault(edge.source, []).append(edge.target)
        self.numbers: dict[Any, int] = {}  # interned signatures

    def folded(self) -> Picture:
        root = _Frame(())
        opened: dict[Scope, _Frame] = {(): root}
        for v in self.picture.vertices.values():
            if v.kind not in SOURCES and v.kind != "output":
                for i in range(len(v.scope)):
                    scope = v.scope[: i + 1]
                    if scope not in opened:
                        opened[scope] = _Frame(scope)
                        opened[scope[:-1]].items.append(opened[scope])
                opened[v.scope].items.append(v.key)
        self.fold_list(root.items, ())
        return self.result() if self.gone else self.picture

    def fold_list(self, items: list[Item], around: Scope) -> None:
        """Fold what repeats in a list, the inner lists first."""
        for item in items:
            if isinstance(item, _Frame):
                self.fold_list(item.items, item.scope)
        signs = [self.sign(item) for item in items]
        for start, period, count in _runs(signs):
            # Where a copy begins is open: A B A B A B is also A, then B A twice. The most copies win, then those
            # that take the fewest values from the copy before: that is where one would cut.
            best: tuple[int, int, list[Sequence[Item]]] | None = None
            for shift in range(min(period + 1, SHIFTS)):
                copies = _copies(items, start + shift, period, (count - shift) // period)
                taken = self.wired_alike(copies) if len(copies) >= LEAST else None
                if taken is not None and (best is None or (len(copies), -taken) > best[:2]):
                    best = len(copies), -taken, copies
            if best is not None:
                self.fold_run(best[2], around)
        items[:] = [item for item in items if not self.is_gone(item)]

    def is_gone(self, item: Item) -> bool:
        return not item.items if isinstance(item, _Frame) else item in self.gone

    def sign(self, item: Item) -> int:
        """A number that is the same for items that look the same."""
        if isinstance(item, _Frame):
            cluster = self.clusters[item.scope]
            around = self.frames.get(item.scope)
            sign: Any = (cluster.kind, cluster.times, tuple(self.sign(inner) for inner in item.items))
        else:
            v = self.picture.vertices[item]
            around = self.added.get(item)
            label = "" if v.op == "getitem" or v.kind == "group" else v.label
            taken = tuple(self.picture.vertices[source].shape for source in self.ins[item])
            sign = (v.kind, v.op, label, v.shape, str(v.dtype), v.times, repr(v.params), taken, is_sick(v))
        sign = (sign, self.clusters[around].times if around is not None else 1)
        return self.numbers.setdefault(sign, len(self.numbers))

    def vertices_in(self, items: Sequence[Item]) -> list[str]:
        """The operations in a copy, in their order."""
        found: list[str] = []
        for item in items:
            found += self.vertices_in(item.items) if isinstance(item, _Frame) else [item]
        return found

    def wired_alike(self, copies: Sequence[Sequence[Item]]) -> int | None:
        """How many values each copy takes from the one before; None if they are not wired alike."""
        before: dict[str, int] = {}
        first: list[Any] = []
        expected: list[Any] = []
        for k, copy in enumerate(copies):
            inside = {key: i for i, key in enumerate(self.vertices_in(copy))}
            own: dict[str, int] = {}
            wiring: list[Any] = []
            for key in inside:
                for source in self.ins[key]:
                    at = self.gone.get(source, source)
                    if at in inside:
                        wiring.append(("in", inside[at]))
                    elif at in before:
                        wiring.append(("before", before[at]))
                    elif self.is_own(at, inside):
                        wiring.append(("own", own.setdefault(at, len(wiring))))
                    else:
                        wiring.append(("outside", at))
            if k == 1:
                expected = wiring
            elif k > 1 and wiring != expected:
                return None
            if k == 0:
                first = wiring
            before = inside
        if len(first) != len(expected) or any(a != b and b[0] != "before" for a, b in zip(first, expected)):
            return None
        return len({b for b in expected if b[0] == "before"})

    def is_own(self, key: str, inside: dict[str, int]) -> bool:
        """Whether a source is used in this copy only."""
        kind = self.picture.vertices[key].kind
        if kind not in SOURCES or kind == "input":
            return False
        return all(self.gone.get(user, user) in inside for user in self.users[key])

    def fold_run(self, copies: Sequence[Sequence[Item]], around: Scope) -> None:
        """Let the first copy stand for all of them."""
        times = len(copies)
        first = copies[0]
        kept = self.vertices_in(first)
        every = [kept]
        for copy in copies[1:]:
            same = self.vertices_in(copy)
            every.append(same)
            for a, b in zip(kept, same):
                self.gone[b] = a
                for mine, theirs in zip(self.ins[a], self.ins[b]):
                    if self.picture.vertices[theirs].kind in SOURCES and theirs != mine:
                        self.gone.setdefault(theirs, mine)
        for i, a in enumerate(kept):
            self.picture.vertices[a].norms = [n for keys in every for n in self.norms(keys[i])]
        if len(first) == 1 and isinstance(first[0], _Frame):
            last = self.clusters[copies[-1][0].scope]
            cluster = self.clusters[first[0].scope]
            label = f"{cluster.label} … {last.label}"
            self.clusters[first[0].scope] = dataclasses.replace(cluster, label=label, times=times)
        elif len(kept) == 1 and self.picture.vertices[kept[0]].kind != "group":
            self.picture.vertices[kept[0]].times = times
        elif len(kept) == 1:
            v = self.picture.vertices[kept[0]]
            v.times = times
            v.label += f" … {self.picture.vertices[every[-1][0]].label}"
        else:
            scope = (*around, f"×{len(self.clusters)}")
            self.clusters[scope] = Cluster("", times=times)
            self.frame_around(first, scope)
        for copy in copies[1:]:
            for item in copy:
                if isinstance(item, _Frame):
                    item.items.clear()

    def norms(self, key: str) -> list[float]:
        v = self.picture.vertices[key]
        return v.norms or ([v.norm] if v.norm is not None else [])

    def frame_around(self, items: Sequence[Item], frame: Scope) -> None:
        for item in items:
            if isinstance(item, _Frame):
                self.frames[item.scope] = frame
            else:
                self.added[item] = frame

    def new_scope(self, scope: Scope) -> Scope:
        """A scope with the frames of runs that were put around parts of it."""
        moved: Scope = ()
        for i in range(len(scope)):
            frame = self.frames.get(scope[: i + 1])
            if frame is not None:
                moved = (*moved, frame[-1])
            moved = (*moved, scope[i])
        return moved

    def result(self) -> Picture:
        small = Picture()
        for scope, cluster in self.clusters.items():
            small.clusters[self.new_scope(scope)] = cluster
        for key, v in self.picture.vertices.items():
            if key in self.gone:
                continue
            frame = self.added.get(key)
            scope = self.new_scope(v.scope)
            if frame is not None and frame[:-1] == v.scope:
                scope = (*scope, frame[-1])
            v.scope = scope
            small.add(v)
        self.move_sources(small)
        for edge in self.picture.edges:
            if edge.target not in self.gone:
                small.edges.append(Edge(self.gone.get(edge.source, edge.source), edge.target))
        return small

    def move_sources(self, small: Picture) -> None:
        """Put the parameters of a framed run into its frame."""
        repeated = set(self.gone.values())
        for key, v in small.vertices.items():
            if v.kind in SOURCES and v.kind != "input" and key in repeated:
                scopes = {small.vertices[u].scope for u in self.users.get(key, ()) if u in small.vertices}
                if len(scopes) == 1:
                    (scope,) = scopes
                    if scope[: len(v.scope)] == v.scope and len(scope) == len(v.scope) + 1 and scope[-1][:1] == "×":
                        v.scope = scope


def _copies(items: Sequence[Item], start: int, period: int, times: int) -> list[Sequence[Item]]:
    return [items[start + k * period : start + (k + 1) * period] for k in range(times)]


def _runs(signs: Sequence[int]) -> list[tuple[int, int, int]]:
    """Where neighbours repeat, as (start, period, number of items), from left to right: what covers most."""
    n = len(signs)
    if n < LEAST:
        return []
    array = np.asarray(signs)
    covered = np.zeros(n, np.int64)  # by the best run that starts here
    best = np.zeros(n, np.int64)  # its period
    for period in range(1, min(LONGEST, n // LEAST) + 1):
        equal = array[period:] == array[:-period]
        breaks = np.flatnonzero(np.append(~equal, True))
        places = np.arange(n - period)
        length = breaks[np.searchsorted(breaks, places)] - places  # how far it goes on being equal
        covers = np.where(length + period >= LEAST * period, length + period, 0)
        better = covers > covered[: n - period]
        covered[: n - period][better] = covers[better]
        best[: n - period][better] = period
    found = []
    i = 0
    while i < n:
        if covered[i]:
            found.append((i, int(best[i]), int(covered[i])))
            i += int(covered[i])
        else:
            i += 1
    return found
