"""The compiled function: what is called in place of the user's."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from .. import dtypes
from ..autograd.tree import flatten, unflatten
from ..config import config
from ..graph import state
from ..tensor import LEAF, Tensor
from . import joint
from .backends import lower
from .guards import Guards
from .keys import alive, cut_off, flat, key_of
from .modes import watch_modes
from .passes import optimize
from .program import Argument, Executable, Held, Program
from .record import Recorder
from .report import Graph, Report, report
from .settle import settle
from .surroundings import Surroundings
from .watch import Unwatchable

__all__ = ["CompileError", "Compiled", "Entry"]

# So many calls with the same shapes may be recorded before it is given up.
_PATIENCE = 6
# So many programs are kept for one kind of arguments, the latest: a number that code reads may always be another one.
_KEPT = 16


class CompileError(RuntimeError):
    """A function does something that cannot be repeated from a recording."""


class Entry:
    """What was compiled for one kind of arguments.

    Attributes:
        recorded: the program as it was recorded.
        program: the program that runs.
        guards: under which conditions.
        run: executes it.
    """

    def __init__(
        self, recorded: Program, program: Program, guards: Guards, run: Executable, recorder: Recorder
    ) -> None:
        self.recorded = recorded
        self.program = program
        self.guards = guards
        self.run = run
        self._returns = [_returned(program, recorder, i) for i in range(len(recorder.results))]
        self._calls = 0
        self._wanting = recorder.wanting
        self._live = self._saved = 0
        self._step: Any = getattr(run, "step", None)
        self._modes = state.grad, state.inference, dtypes._default

    @property
    def calls(self) -> int:
        """How often it ran."""
        return self._calls + (0 if self._step is None else self._step.runs)

    # --- as one native call -----------------------------------------------------------------------------------------

    @property
    def door(self) -> Any:
        """What does a whole call, if nothing but the values of the arguments has changed; None if there is nothing."""
        return self._step.door if self._step is not None else None

    def close(self) -> None:
        """Something has changed."""
        if self._step is not None:
            self._step.close()

    def open(self, leaves: list[Any], ordinary: Callable[..., Any], missed: Callable[..., Any]) -> None:
        """After an ordinary call with these arguments: make a door, if there can be one.

        Args:
            leaves: the arguments.
            ordinary: is called in its place if the arguments are of another kind.
            missed: is called in its place if something else has changed.
        """
        step, structure = self._step, self.program.structure
        packed = structure is not None
        if step is None or (packed and structure != (tuple, [None] * len(self._returns))):
            return
        if any(kind not in ("new", "plain") for kind, _ in self._returns) or not step.bind(leaves):
            return
        updated = set(map(id, step.params))
        if not all(there and id(leaf) in updated for leaf, there in self.guards.grads):
            return
        results = [(kind == "new", what) for kind, what in self._returns]
        try:
            watch = self.guards.watch()
            thread = watch_modes(watch, *self._modes)
        except Unwatchable:
            return
        step.open(watch, results, packed, thread=thread, ordinary=ordinary, missed=missed)

    def saves(self, count: int, backward: Program, recorder: Recorder, backend: str) -> None:
        """The last `count` arrays that `run` gives are for the backward half."""
        self._saved = count
        places = {id(x): position for position, x in enumerate(recorder.arguments) if isinstance(x, Tensor)}
        self._leaves = [places.get(id(x), x) for x, _ in recorder.gradients]
        self._live = len(recorder.live)
        runs: dict[bool, Executable] = {}  # with native kernels, and without

        def back(arrays: list[Any]) -> list[Any]:
            run = runs.get(config.native)
            if run is None:
                run = runs[config.native] = lower(backward, backend)
            return run(arrays)

        self._back = back

    def _attached(self, arrays: list[np.ndarray], leaves: list[Any]) -> list[Tensor]:
        """The results that are in the graph: made by one node."""
        outs: dict[int, np.ndarray] = {}
        tensors = [what for what in self._returns if what[0] != "plain"]
        for (kind, what), y in zip(tensors, arrays):
            if kind == "live":
                outs[what] = y
        parents = [leaves[x] if isinstance(x, int) else x for x in self._leaves]
        saved = arrays[len(arrays) - self._saved :] if self._saved else []
        return joint.attach(self.program.name, [outs[k] for k in range(self._live)], parents, saved, self._back)

    def __call__(self, leaves: list[Any]) -> Any:
        found = self.run(leaves)
        for position in self._wanting:
            leaves[position].node = LEAF
        live = self._attached(found, leaves) if self._live else []
        arrays = iter(found)
        results = []
        for kind, what in self._returns:
            if kind == "live":
                next(arrays)
                results.append(live[what])
            elif kind == "new":
                results.append(Tensor._wrap(next(arrays), what))
            elif kind == "plain":
                results.append(what)
            else:
                next(arrays)
                results.append(leaves[what] if kind == "argument" else what)
        self._calls += 1
        structure = self.program.structure
        return results[0] if structure is None else unflatten(results, structure)


def _returned(program: Program, recorder: Recorder, i: int) -> tuple[str, Any]:
    """What to do with a result: a new Tensor, the very Tensor that was given, or something that is no Tensor."""
    y = recorder.results[i]
    if not isinstance(y, Tensor):
        return "plain", y
    slot = program.results[sum(isinstance(x, Tensor) for x in recorder.results[:i])]
    for k, live in enumerate(recorder.live):
        if live is y:
            return "live", k
    source = program.values[slot].source
    if isinstance(source, Argument) and recorder.arguments[source.position] is y:
        return "argument", source.position
    if isinstance(source, Held) and source.tensor is y:
        return "held", y
    return "new", y.node  # None, or a node that backward has used up: it still says that y requires grad


class _History:
    """The recordings for one kind of arguments, until two agree."""

    def __init__(self) -> None:
        self.warm = False
        self.last: Recorder | None = None
        self.tries = 0
        self.why = ""
        self.entries: list[Entry] = []


class Compiled:
    """Called like the function it was made from, with the same results, faster after the first calls.

    The first two calls with arguments of some shapes run the function as it is and record what it does; from then on
    the recorded program runs. Attributes that are not listed here are those of the function or Module.

    Attributes:
        entries: what was compiled so far, latest last.
    """

    # What Python calls: `_ordinary`, or the door of the entry that ran last. A slot, where a method would cost a frame.
    __slots__ = ("__call__", "__dict__", "__weakref__")
    __call__: Callable[..., Any]

    def __init__(self, function: Callable[..., Any], backend: str, fullgraph: bool) -> None:
        self._function = function
        self._backend = backend
        self._fullgraph = fullgraph
        self._histories: dict[Any, _History] = {}
        self._lock = threading.RLock()
        self._quick: Entry | None = None  # whose door is `__call__`
        self.__call__ = self._ordinary
        self.__wrapped__ = function
        self.__name__ = getattr(function, "__name__", type(function).__name__)
        self.__doc__ = function.__doc__

    @property
    def entries(self) -> list[Entry]:
        return [entry for history in self._histories.values() for entry in history.entries]

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        """A compiled function on a class is a method: each instance has one of its own."""
        if instance is None:
            return self
        bound = self.__dict__.setdefault("_bound", {})
        found = bound.get(id(instance))
        if found is None or found[0] is not instance:
            method = self._function.__get__(instance, owner)
            found = bound[id(instance)] = instance, Compiled(method, self._backend, self._fullgraph)
        return found[1]

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["_function"], name)

    def _missed(self, *args: Any, **kwargs: Any) -> Any:
        """A call that came to the door when something had changed."""
        if self._quick is not None:
            self._quick.close()
        return self._ordinary(*args, **kwargs)

    def _ordinary(self, *args: Any, **kwargs: Any) -> Any:
        """A call."""
        if state.observers:  # somebody wants to see the operations, or a recording is under way
            return self._function(*args, **kwargs)
        if kwargs:
            leaves, structure = flatten((args, kwargs))
        else:
            leaves, structure = flat(args)
        key = key_of(leaves, structure)
        if key is None:
            return self._function(*args, **kwargs)
        history = self._histories.get(key)
        if history is not None:
            for entry in reversed(history.entries):
                if entry.guards.serve(leaves):
                    if entry.door is not None and entry is not self._quick and not kwargs:
                        self._use(entry)
                        return self.__call__(*args)
                    y = entry(leaves)
                    if type(structure) is int and self._lock.acquire(blocking=False):
                        try:
                            entry.open(leaves, self._ordinary, self._missed)
                            self._use(entry)
                        finally:
                            self._lock.release()
                    return y
            if history.tries >= _PATIENCE:
                return self._function(*args, **kwargs)
        return self._record(key, leaves, args, kwargs)

    def _use(self, entry: Entry) -> None:
        """The next call is likely to be one for this entry."""
        self._quick = entry
        self.__call__ = self._ordinary if entry.door is None else entry.door.function

    # --- looking inside -----------------------------------------------------------------------------------------------

    def _latest(self) -> Entry:
        if not self.entries:
            why = next((f": {h.why}" for h in self._histories.values() if h.why), "; call it a few times first")
            raise RuntimeError(f"compile: nothing is compiled of {self.__name__} yet{why}")
        return self.entries[-1]

    @property
    def graph(self) -> Graph:
        """The program that was compiled last, for `tc.viz.draw`, with what runs as one loop in a frame."""
        return Graph(self._latest().program, fused=True)

    @property
    def recorded_graph(self) -> Graph:
        """The same as it was recorded, before anything was left out or fused."""
        return Graph(self._latest().recorded, fused=False)

    @property
    def llvm_ir(self) -> str:
        """The machine-independent code of the program that was compiled last; empty where NumPy runs it."""
        return getattr(self._latest().run, "llvm_ir", "")

    def report(self) -> Report:
        """Operations, bytes, floating-point operations and times of the program that was compiled last."""
        entry = self._latest()
        return report(self.__name__, entry.recorded, entry.program, entry.run)

    # --- recording ----------------------------------------------------------------------------------------------------

    def _record(self, key: Any, leaves: list[Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        with self._lock:
            history = self._histories.setdefault(key, _History())
        around = Surroundings(self._function, leaves)
        if around.fresh and not history.warm:  # its first step makes its state, and may move parameters together
            history.warm = True
            return self._function(*args, **kwargs)
        recorder = Recorder(self.__name__, leaves, list(around.tensors.values()))
        generation = history.last
        inner, stands = cut_off(leaves)
        if stands:
            args, kwargs = unflatten(inner, flatten((args, kwargs))[1])
            recorder = Recorder(self.__name__, inner, list(around.tensors.values()))
        with recorder:
            result = self._function(*args, **kwargs)
            found, structure = flatten(result)
            recorder.live = alive(found)
            reached = joint.pull(recorder, recorder.live, len(leaves)) if recorder.live and not recorder.failure else []
        recorder.finish(result)
        if stands:
            swap: dict[int, Any] = dict(stands)
            if recorder.live:
                outside = [stands.get(id(x), x) for x in reached]
                back = joint.inner_pull(recorder.live, reached)
                outs = joint.attach(self.__name__, [y.array for y in recorder.live], outside, [], back)
                swap.update({id(y): out for y, out in zip(recorder.live, outs)})
            result = unflatten([swap.get(id(y), y) for y in found], structure)
        with self._lock:
            if history.last is generation:
                self._learn(history, recorder, around)
        return result

    def _learn(self, history: _History, recorder: Recorder, around: Surroundings) -> None:
        history.tries += 1
        why = recorder.failure or ""
        if why:
            history.tries = _PATIENCE
        elif history.last is not None:
            program, why = settle(history.last, recorder)
            if program is not None:
                guards = Guards(program, around, recorder.initial, recorder.arguments)
                if guards.unchanged():
                    history.entries = [*history.entries[1 - _KEPT :], self._compiled(program, guards, recorder)]
                    history.last, history.tries = None, 0
                    return
                why = "it changes numbers or lists that it reads (a count, a list that grows)"
        history.last, history.why = recorder, why
        if history.tries >= _PATIENCE:
            history.last = None
            message = f"compile: {self.__name__} cannot be repeated from a recording: {why}"
            if self._fullgraph:
                raise CompileError(message)
            warnings.warn(message + "; it runs as it is", RuntimeWarning, stacklevel=4)

    def _compiled(self, program: Program, guards: Guards, recorder: Recorder) -> Entry:
        backward = (
            {slot for i in program.instructions[recorder.split :] for slot in i.outputs} if recorder.live else set()
        )
        better = optimize(program)
        if not recorder.live:
            return Entry(program, better, guards, lower(better, self._backend), recorder)
        outs = sum(isinstance(y, Tensor) for y in recorder.results)
        first, second, saved = joint.cut(better, backward, outs, len(recorder.arguments))
        entry = Entry(program, better, guards, lower(first, self._backend), recorder)
        entry.saves(saved, second, recorder, self._backend)
        return entry
