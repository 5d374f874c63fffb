"""Places for the vertices of a small graph: layers by the longest path, then orders that cross little."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["layered"]

_SWEEPS = 12
# What bends of long edges take of a column's width.
_LANE = 0.55

Point = tuple[float, float]


def layered(
    count: int, edges: Sequence[tuple[int, int]], width: float = 190, height: float = 100
) -> tuple[list[Point], list[list[Point]]]:
    """The centre of each vertex, sources on top, and where each edge passes the rows between its ends.

    Sugiyama et al. (1981): ranks, then barycentres; an edge over several rows has a place in each of them.

    Args:
        count: how many vertices there are; each comes after those with an edge to it.
        edges: (from, to), from the lower number.
        width: of a column.
        height: of a row.
    """
    before: list[list[int]] = [[] for _ in range(count)]
    after: list[list[int]] = [[] for _ in range(count)]
    for a, b in edges:
        before[b].append(a)
        after[a].append(b)
    rank = [0] * count
    for v in range(count):
        rank[v] = max((rank[u] + 1 for u in before[v]), default=0)
    for v in range(count):  # a source stands just above its first use
        if not before[v] and after[v]:
            rank[v] = min(rank[u] for u in after[v]) - 1
    bends: list[list[int]] = []
    before, after = [[] for _ in range(count)], [[] for _ in range(count)]
    for a, b in edges:
        path = list(range(len(rank), len(rank) + max(rank[b] - rank[a] - 1, 0)))
        rank += range(rank[a] + 1, rank[a] + 1 + len(path))
        bends.append(path)
        before += [[] for _ in path]
        after += [[] for _ in path]
        for u, v in zip([a, *path], [*path, b]):
            before[v].append(u)
            after[u].append(v)
    rows: list[list[int]] = [[] for _ in range(max(rank, default=0) + 1)]
    for v, r in enumerate(rank):
        rows[r].append(v)
    x = [float(i) for i in range(len(rank))]
    for row in rows:
        _spread(row, x, {v: float(i) for i, v in enumerate(row)}, count)
    for sweep in range(_SWEEPS):
        near = before if sweep % 2 == 0 else after
        for row in rows if sweep % 2 == 0 else reversed(rows):
            wish = {v: sum(x[u] for u in near[v]) / len(near[v]) if near[v] else x[v] for v in row}
            row.sort(key=lambda v: (wish[v], v))
            _spread(row, x, wish, count)
    left = min(x, default=0.0)
    points = [((x[v] - left + 0.5) * width, (r + 0.5) * height) for v, r in enumerate(rank)]
    return points[:count], [[points[v] for v in path] for path in bends]


def _spread(row: Sequence[int], x: list[float], wish: dict[int, float], count: int) -> None:
    """Set a row's places apart and in order, in the mean where they wish to be."""
    places: list[float] = []
    for i, v in enumerate(row):
        gap = (0.5 if v < count else _LANE / 2) + (0.5 if i and row[i - 1] < count else _LANE / 2)
        places.append(max(places[-1] + gap, wish[v]) if i else wish[v])
    shift = (sum(wish[v] for v in row) - sum(places)) / len(row) if row else 0
    for v, place in zip(row, places):
        x[v] = place + shift
