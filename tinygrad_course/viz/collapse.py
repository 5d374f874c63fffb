"""Draw less of a picture: modules as single boxes, no parameters, at most so many vertices."""

from __future__ import annotations

import dataclasses

from .picture import SOURCES, Cluster, Edge, Picture, Scope, Vertex

__all__ = ["collapse", "deepest", "nearest", "unframed", "without_parameters"]


def deepest(picture: Picture) -> int:
    """How deep modules are nested."""
    return max((len(v.scope) for v in picture.vertices.values()), default=0)


def collapse(picture: Picture, depth: int) -> Picture:
    """Show modules nested `depth` deep as one box each; 0 shows everything as one.

    The box has the shapes that go in and come out, the number of parameters and the sum of the FLOPs. Parameters
    go into the box if nothing outside of it uses them.
    """

    def box_of(v: Vertex) -> Scope | None:
        if len(v.scope) < depth or v.kind in ("input", "output") or (depth and not v.scope):
            return None
        return v.scope[:depth]

    boxes: dict[Scope, Vertex] = {}
    stands_for: dict[str, str] = {}
    for v in picture.vertices.values():
        scope = box_of(v)
        if scope is None:
            continue
        box = boxes.get(scope)
        if box is None:
            box = boxes[scope] = _box(f"group{len(boxes)}", scope, picture.clusters.get(scope, Cluster("all")))
        stands_for[v.key] = box.key
        if v.kind not in SOURCES:
            box.flops = (box.flops or 0) + (v.flops or 0)
            box.value, box.grad, box.dtype = v.value, v.grad, v.dtype  # of the last: what comes out
    small = Picture(clusters={s: c for s, c in picture.clusters.items() if len(s) < depth})
    added: set[str] = set()
    last = {stands_for[v.key]: v.key for v in picture.vertices.values() if v.key in stands_for}
    by_key = {box.key: box for box in boxes.values()}
    for v in picture.vertices.values():
        into = stands_for.get(v.key)
        if into is None:
            small.add(v)
        elif last[into] == v.key and into not in added:  # at the place of its last vertex: after all it depends on
            added.add(into)
            small.add(by_key[into])
    seen: set[Edge] = set()
    for edge in picture.edges:
        merged = Edge(stands_for.get(edge.source, edge.source), stands_for.get(edge.target, edge.target))
        inside = merged.source == merged.target
        changed = merged != edge
        if not inside and not (changed and merged in seen):
            seen.add(merged)
            small.edges.append(merged)
    return small


def _box(key: str, scope: Scope, cluster: Cluster) -> Vertex:
    shapes = [s[0] if len(s) == 1 else None for s in (cluster.shapes_in, cluster.shapes_out)]
    box = Vertex(key, "group", cluster.label or cluster.kind, shapes[1], op=cluster.kind, scope=scope[:-1])
    box.params = {"in": cluster.shapes_in, "out": cluster.shapes_out, "parameters": cluster.parameters}
    return box


def unframed(picture: Picture) -> Picture:
    """A module that is one operation without parameters, such as a ReLU, is a box of that name, not a frame."""
    inside: dict[Scope, list[Vertex]] = {}
    for v in picture.vertices.values():
        for i in range(len(v.scope)):
            inside.setdefault(v.scope[: i + 1], []).append(v)
    for scope, vertices in inside.items():
        (v, *others) = vertices
        cluster = picture.clusters.get(scope)
        if others or cluster is None or not cluster.kind or v.kind != "op" or v.scope != scope:
            continue
        v.scope = scope[:-1]
        v.times *= cluster.times
        name = f"{cluster.label} ({cluster.kind})"
        same = v.label.replace("_", "") in cluster.kind.lower()
        v.label = name if same else f"{name}\n{v.label}"
    return picture


def without_parameters(picture: Picture) -> Picture:
    """The picture without parameters and buffers, and without what is computed from them alone."""
    ins: dict[str, list[str]] = {}
    for edge in picture.edges:
        ins.setdefault(edge.target, []).append(edge.source)
    kept: dict[str, Vertex] = {}
    for key, v in picture.vertices.items():
        sources = ins.get(key, ())
        only_parameters = v.kind == "op" and sources and not any(source in kept for source in sources)
        if v.kind not in ("parameter", "buffer") and not only_parameters:
            kept[key] = v
    return Picture(kept, [e for e in picture.edges if e.source in kept and e.target in kept], picture.clusters)


def nearest(picture: Picture, count: int) -> Picture:
    """The `count` vertices that come last, and one that stands for the rest."""
    keys = list(picture.vertices)
    kept = set(keys[-count:])
    small = Picture(clusters=picture.clusters)
    rest = Vertex("rest", "rest", f"… {len(keys) - len(kept):,} more")
    small.add(rest)
    for key in keys[-count:]:
        small.add(dataclasses.replace(picture.vertices[key]))
    joined: set[str] = set()
    for edge in picture.edges:
        if edge.target in kept:
            if edge.source in kept:
                small.edges.append(edge)
            elif edge.target not in joined:
                joined.add(edge.target)
                small.connect("rest", edge.target)
    return small
