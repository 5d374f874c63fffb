"""Where the time of a piece of work goes: `tc.profile`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from time import perf_counter
from typing import Any, Self, TextIO

from .graph import Node, Observer
from .tensor import Tensor

__all__ = ["ProfileRow", "profile"]


class ProfileRow:
    """What one operation took.

    Attributes:
        name: the operation's name.
        forward_calls: how often it was executed.
        forward_seconds: the time of that, without operations executed within it.
        backward_calls: how often its rules were applied.
        backward_seconds: the time of that, without operations executed within it.
        bytes: the sizes of all outputs and cotangents that were made, views included.
    """

    __slots__ = ("backward_calls", "backward_seconds", "bytes", "forward_calls", "forward_seconds", "name")

    def __init__(self, name: str) -> None:
        self.name = name
        self.forward_calls = self.backward_calls = self.bytes = 0
        self.forward_seconds = self.backward_seconds = 0.0

    @property
    def seconds(self) -> float:
        """Forward and backward."""
        return self.forward_seconds + self.backward_seconds

    def __repr__(self) -> str:
        return f"<{self.name}: {self.forward_calls} + {self.backward_calls} calls, {self.seconds:.3g} s>"


class _Open:
    """A call that has begun."""

    __slots__ = ("inside", "of", "start")

    def __init__(self, of: Any) -> None:
        self.of = of
        self.inside = 0.0  # seconds of the calls within it
        self.start = perf_counter()


class profile(Observer):
    """Measure what each operation takes in the forward and in the backward pass, and print a table at the end.

    It watches the current thread. The time of an operation is that of its arithmetic and of recording it; what remains
    (Python code, the engine, the optimizer) is "elsewhere", and all together are the whole time. Where nobody watches
    it costs nothing.

    Args:
        show: print the table at the end; `print(profile)` does so at any time.
        trace: also write every call to this file, as JSON in Chrome's trace format (for chrome://tracing or Perfetto).
        file: where to print; by default `sys.stdout`.

    Attributes:
        rows: a `ProfileRow` for each operation, the slowest first.
        seconds: the whole time.
        elsewhere: the time outside operations.

    Raises:
        RuntimeError: if it is entered while it is running.

    Example:
        >>> import tinygrad_course as tc
        >>> x = tc.ones(1000, requires_grad=True)
        >>> with tc.profile(show=False) as p:
        ...     tc.exp(x * 2).sum().backward()
        >>> sorted((row.name, row.forward_calls, row.backward_calls) for row in p.rows)
        [('exp', 1, 1), ('multiply', 1, 1), ('sum', 1, 1)]
    """

    def __init__(self, *, show: bool = True, trace: Any = None, file: TextIO | None = None) -> None:
        self._show = show
        self._trace = trace
        self._file = file
        self._running = False
        self._clear()

    def _clear(self) -> None:
        self._rows: dict[str, ProfileRow] = {}
        self._open: list[_Open] = []
        self._events: list[dict[str, Any]] = []
        self._start = perf_counter()
        self._whole = self._counted = 0.0

    def __enter__(self) -> Self:
        if self._running:
            raise RuntimeError("profile: it is running already; use another one inside it")
        self._running = True
        self._clear()
        return super().__enter__()

    def __exit__(self, *exc: object) -> None:
        self._whole = perf_counter() - self._start
        self._running = False
        super().__exit__(*exc)
        if self._trace is not None:
            import json

            with open(self._trace, "w", encoding="utf-8") as file:
                json.dump({"traceEvents": self._events, "displayTimeUnit": "ms"}, file)
        if self._show:
            print(self, file=self._file or sys.stdout)

    # --- what is watched ------------------------------------------------------------------------------------------

    def starts(self, op: Any) -> None:
        self._open.append(_Open(op))

    def saw(
        self, op: Any, inputs: tuple[Any, ...], params: dict[str, Any], outs: tuple[Tensor, ...], node: Any
    ) -> None:
        seconds = self._close(op, op.name, "forward", outs)
        if seconds is not None:
            row = self._row(op.name)
            row.forward_calls += 1
            row.forward_seconds += seconds
            row.bytes += _bytes(outs)

    def pulls(self, node: Node) -> None:
        self._open.append(_Open(node))

    def pulled(self, node: Node, cotangents: Sequence[Any]) -> None:
        seconds = self._close(node, node.name, "backward", cotangents)
        if seconds is not None:
            row = self._row(node.name)
            row.backward_calls += 1
            row.backward_seconds += seconds
            row.bytes += _bytes(cotangents)

    def _row(self, name: str) -> ProfileRow:
        if name not in self._rows:
            self._rows[name] = ProfileRow(name)
        return self._rows[name]

    def _close(self, of: Any, name: str, kind: str, made: Sequence[Any]) -> float | None:
        """The seconds of a call without those within it; None if its beginning was not seen."""
        now = perf_counter()
        stack = self._open
        if not self._running or all(call.of is not of for call in stack):
            return None
        call = stack.pop()
        inside = call.inside
        while call.of is not of:  # it failed; but what was executed within it is counted already
            call = stack.pop()
            inside += call.inside
        whole = now - call.start
        if stack:
            stack[-1].inside += whole
        own = whole - inside
        self._counted += own
        if self._trace is not None:
            import threading

            self._events.append({
                "name": name, "cat": kind, "ph": "X", "ts": 1e6 * (call.start - self._start), "dur": 1e6 * whole,
                "pid": 0, "tid": threading.get_ident(),
                "args": {"shapes": [list(getattr(y, "shape", ())) for y in made if y is not None]},
            })  # fmt: skip
        return own

    # --- what is told ---------------------------------------------------------------------------------------------

    @property
    def rows(self) -> list[ProfileRow]:
        return sorted(self._rows.values(), key=lambda row: -row.seconds)

    @property
    def seconds(self) -> float:
        return perf_counter() - self._start if self._running else self._whole

    @property
    def elsewhere(self) -> float:
        return self.seconds - self._counted

    def __str__(self) -> str:
        whole = self.seconds
        width = max([10, *(len(row.name) for row in self.rows)])
        head = f"{'operation':{width}}  {'forward':>17}  {'backward':>17}  {'bytes':>9}  {'share':>6}"
        calls = f"{'':{width}}  {'calls':>7} {'ms':>9}  {'calls':>7} {'ms':>9}"
        lines = [head, calls]
        for row in self.rows:
            lines.append(
                f"{row.name:{width}}  {row.forward_calls:7d} {1e3 * row.forward_seconds:9.3f}"
                f"  {row.backward_calls:7d} {1e3 * row.backward_seconds:9.3f}"
                f"  {_size(row.bytes):>9}  {_share(row.seconds, whole)}"
            )
        elsewhere = whole - self._counted
        lines.append(f"{'elsewhere':{width}}  {1e3 * elsewhere:17.3f}  {'':17}  {'':9}  {_share(elsewhere, whole)}")
        lines.append(f"{'together':{width}}  {1e3 * whole:17.3f}")
        return "\n".join(lines)


def _bytes(made: Sequence[Any]) -> int:
    """The bytes of arrays or Tensors; of bundles of them; None is nothing."""
    return sum(_bytes(y) if isinstance(y, tuple) else getattr(y, "nbytes", 0) for y in made)


def _size(count: int) -> str:
    for unit, scale in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= scale:
            return f"{count / scale:.1f} {unit}"
    return f"{count} B"


def _share(part: float, whole: float) -> str:
    return f"{100 * part / whole if whole else 0:5.1f}%"
