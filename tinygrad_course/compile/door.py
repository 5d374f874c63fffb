"""The door of a compiled function: one native function object that Python calls, and that does all of the call.

For a small step the work takes half a microsecond, and every line of Python around it costs a tenth of that. So a
door is what CPython calls a builtin function, with code of ours behind it:

    arguments as expected?  --no-->  call `ordinary(*args)`
    all as it was (see `watch`)?  --no-->  call `missed(*args)`
    run the step; does it refuse the values?  --yes-->  call `missed(*args)`
    note that it ran; copy its results into new Tensors

What it works on stands in `control`, an array of addresses and numbers named by `FIELDS`. The function object owns
that array and, with it, everything that an address in it belongs to: whoever can still call the function keeps it all
alive. Python's lock is held throughout, and from the first comparison until the results are copied nothing runs that
could run Python code; so what was compared stays as it was.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np

from ..native.buffers import pointer
from ..native.emit import Function, Module, Value
from ..tensor import Tensor
from . import layout
from .watch import Unwatchable, Watch

__all__ = ["Door"]

DIMS = 8  # dimensions that an argument may have
_SPEC = 3 + DIMS  # of an argument: its place in the step's table or -1, dtype, number of dims, dims
_RESULTS = 16

FIELDS = (
    "thread",  # the number of the thread whose modes are in the tables
    "arguments", "specs",
    "words", "word_list", "entries", "entry_list", "dict_list",
    "before", "after",  # Python functions around the step, or 0; `before` may refuse
    "code", "table",  # the step itself
    "runs",  # counts them
    "owner", "count_key",  # the optimizer's dict, and the name of its count of steps
    "times", "marks", "clock",  # what notes writes into memory; see `overwrites.Mark`
    "results", "result_list", "packed",  # (array or 0, node or object) each; whether they are returned as a tuple
    "ordinary", "missed",
)  # fmt: skip
_PYTHON = (
    "PyDict_GetItemWithError", "PyDict_Next", "PyDict_SetItem", "PyList_SetItem", "PyNumber_Add",
    "PyObject_CallNoArgs", "PyObject_Vectorcall", "PyThreadState_Get", "PyThreadState_GetID", "PyTuple_New",
    "PyTuple_SetItem", "PyType_GenericAlloc", "Py_DecRef", "Py_IncRef",
)  # fmt: skip


# --- The code ---------------------------------------------------------------------------------------------------------


def _word(f: Function, p: Value, offset: int, type: str = "ptr") -> Value:
    """What is `offset` bytes behind a pointer."""
    return f.load(type, f.at(p, offset, "i8"))


def _refuse(f: Function, condition: Value) -> None:
    """Return 0 if the condition holds."""
    with f.when(condition):
        f.leave(0)


def _number(f: Function, p: Value) -> Value:
    return f.op(f"ptrtoint {p} to i64", "i64")


def _checks(module: Module) -> None:
    """`same_words`, `same_entries`, `same_dicts`: 1 if all comparisons of a table hold."""
    f = module.define("same_words", {"list": "ptr", "count": "i64"}, internal=True, result="i64")
    with f.loop(0, f.count) as i:
        _refuse(f, f.load("i64", f.load("ptr", f.list, i * 2)).ne(f.load("i64", f.list, i * 2 + 1)))
    f.line("ret i64 1")

    f = module.define("same_entries", {"list": "ptr", "count": "i64"}, internal=True, result="i64")
    with f.loop(0, f.count) as i:
        owner, key, wanted = (f.load("ptr", f.list, i * 3 + k) for k in range(3))
        found = f.call("PyDict_GetItemWithError", "ptr", owner, key)
        _refuse(f, _number(f, found).ne(_number(f, wanted)))
    f.line("ret i64 1")

    f = module.define("same_dicts", {"list": "ptr"}, internal=True, result="i64")
    state = f.scratch("i64", 3)
    place, key, value = (f.at(state, k, "i64") for k in range(3))
    at = f.variable("i64", 1)
    with f.loop(0, f.load("i64", f.list)):
        owner = f.load("ptr", f.list, at.get())
        count = f.load("i64", f.list, at.get() + 1)
        at.set(at.get() + 2)
        f.store(f.value("i64", 0), place)
        with f.loop(0, count):
            _refuse(f, f.call("PyDict_Next", "i32", owner, place, key, value).eq(0))
            _refuse(f, f.load("i64", key).ne(f.load("i64", f.list, at.get())))
            _refuse(f, f.load("i64", value).ne(f.load("i64", f.list, at.get() + 1)))
            at.set(at.get() + 2)
        _refuse(f, f.call("PyDict_Next", "i32", owner, place, key, value).ne(0))
    f.line("ret i64 1")


def _takes(module: Module, slots: dict[str, int]) -> None:
    """`fits(args, specs, count, table, kinds)`: 1 if the arguments are as expected; their data goes into the table."""
    arguments = {"args": "ptr", "specs": "ptr", "count": "i64", "table": "ptr", "kinds": "ptr"}
    f = module.define("fits", arguments, internal=True, result="i64")
    tensor, array_type, none = (f.load("i64", f.kinds, k) for k in range(3))
    with f.loop(0, f.count) as i:
        spec = f.at(f.specs, i * _SPEC, "i64")
        x = f.load("ptr", f.args, i)
        _refuse(f, _word(f, x, layout.TYPE, "i64").ne(tensor))
        _refuse(f, _word(f, x, slots["node"], "i64").ne(none))
        array = _word(f, x, slots["array"])
        _refuse(f, _number(f, array).eq(0))
        _refuse(f, _word(f, array, layout.TYPE, "i64").ne(array_type))
        _refuse(f, _word(f, array, layout.ARRAY_DTYPE, "i64").ne(f.load("i64", spec, 1)))
        ndim = f.load("i64", spec, 2)
        _refuse(f, _word(f, array, layout.ARRAY_NDIM, "i32").to("i64").ne(ndim))
        _refuse(f, (_word(f, array, layout.ARRAY_FLAGS, "i32") & 0x101).ne(0x101))  # contiguous, aligned
        dims = _word(f, array, layout.ARRAY_DIMS)
        with f.loop(0, ndim) as k:
            _refuse(f, f.load("i64", dims, k).ne(f.load("i64", spec, k + 3)))
        place = f.load("i64", spec)
        with f.when(place >= 0):
            f.store(_word(f, array, layout.ARRAY_DATA), f.table, place)
    f.line("ret i64 1")


def _gives(module: Module, slots: dict[str, int]) -> None:
    """`new_tensor(array, node, kinds)`: a Tensor that takes over the reference to the array."""
    f = module.define("new_tensor", {"array": "ptr", "node": "ptr", "kinds": "ptr"}, internal=True, result="ptr")
    x = f.call("PyType_GenericAlloc", "ptr", f.load("ptr", f.kinds), f.value("i64", 0))
    with f.when(_number(f, x).ne(0)):
        none = f.load("ptr", f.kinds, 2)
        values = {"array": f.array, "node": f.node, "_grad": none, "_base": none, "_hooks": none}
        for name, value in values.items():
            if name != "array":
                f.call("Py_IncRef", "void", value)
            f.store(value, f.at(x, slots[name], "i8"))
    f.line(f"ret {x}")


def _door(module: Module) -> None:
    """The function that Python calls, by the protocol METH_FASTCALL | METH_KEYWORDS."""
    arguments = {"self": "ptr", "args": "ptr", "count": "i64", "names": "ptr"}
    f = module.define("door", arguments, result="ptr")
    control = _word(f, _word(f, f.self, layout.TUPLE_ITEMS), layout.ARRAY_DATA)
    kinds = _word(f, _word(f, f.self, layout.TUPLE_ITEMS + 8), layout.ARRAY_DATA)
    f.overlapping = True

    def field(name: str, type: str = "ptr") -> Value:
        return f.load(type, control, FIELDS.index(name))

    def instead(name: str) -> None:
        f.leave(f.call("PyObject_Vectorcall", "ptr", field(name), f.args, f.count, f.names))

    def fresh(x: Value) -> Value:
        """An object that was just made, unless that failed."""
        with f.when(_number(f, x).eq(0)):
            f.leave(Value(f, "null", "ptr"))
        return x

    # Is it the call that is expected?
    thread = f.call("PyThreadState_GetID", "i64", f.call("PyThreadState_Get", "ptr"))
    other = (f.count ^ field("arguments", "i64")) | _number(f, f.names) | (thread ^ field("thread", "i64"))
    with f.when(other.ne(0)):
        instead("ordinary")
    with f.when(f.call("fits", "i64", f.args, field("specs"), f.count, field("table"), kinds).eq(0)):
        instead("ordinary")
    with f.when(field("before", "i64").ne(0)):
        answer = fresh(f.call("PyObject_CallNoArgs", "ptr", field("before")))
        f.call("Py_DecRef", "void", answer)
        with f.when(_number(f, answer).eq(f.load("i64", kinds, 2))):  # None
            instead("missed")
        with f.when(f.call("fits", "i64", f.args, field("specs"), f.count, field("table"), kinds).eq(0)):
            instead("missed")  # Python code ran
    # Is all as it was?
    for name, counted in (("same_words", "words"), ("same_entries", "entries")):
        many = field(counted, "i64")
        with f.when(f.call(name, "i64", field("word_list" if counted == "words" else "entry_list"), many).eq(0)):
            instead("missed")
    with f.when(f.call("same_dicts", "i64", field("dict_list")).eq(0)):
        instead("missed")
    # The step, and what is to be noted about it.
    refused = f.op(f"call i64 {field('code').text}(ptr {field('table').text})", "i64")
    with f.when(refused.ne(0)):
        instead("missed")
    f.store(field("runs", "i64") + 1, control, FIELDS.index("runs"))
    _notes(f, field, fresh, f.load("ptr", kinds, 3))
    # Results: first all copies, as making a Tensor may collect garbage, which may run anything.
    copies = f.scratch("ptr", _RESULTS)
    with f.loop(0, field("results", "i64")) as i:
        source = f.load("ptr", field("result_list"), i * 2)
        with f.when(_number(f, source).ne(0)):
            f.store(fresh(f.call("PyArray_NewCopy", "ptr", source, f.value("i32", 0))), copies, i)
    with f.when(field("after", "i64").ne(0)):
        f.call("Py_DecRef", "void", fresh(f.call("PyObject_CallNoArgs", "ptr", field("after"))))
    with f.when(field("packed", "i64").eq(0)):
        f.leave(f.call("result", "ptr", field("result_list"), copies, kinds))
    pack = fresh(f.call("PyTuple_New", "ptr", field("results", "i64")))
    with f.loop(0, field("results", "i64")) as i:
        one = fresh(f.call("result", "ptr", f.at(field("result_list"), i * 2, "i64"), f.at(copies, i, "ptr"), kinds))
        f.call("PyTuple_SetItem", "i32", pack, i, one)
    f.line(f"ret {pack}")


def _result(module: Module) -> None:
    """`result(spec, copy, kinds)`: a Tensor of the copy, or the object that is always returned."""
    f = module.define("result", {"spec": "ptr", "copy": "ptr", "kinds": "ptr"}, internal=True, result="ptr")
    what = f.load("ptr", f.spec, 1)
    with f.when(f.load("i64", f.spec).ne(0)):
        f.leave(f.call("new_tensor", "ptr", f.load("ptr", f.copy), what, f.kinds))
    f.call("Py_IncRef", "void", what)
    f.line(f"ret {what}")


def _notes(f: Function, field: Callable[..., Value], fresh: Callable[[Value], Value], one: Value) -> None:
    """The optimizer has taken a step, and memory was written to."""
    with f.when(field("owner", "i64").ne(0)):
        owner, key = field("owner"), field("count_key")
        count = f.call("PyDict_GetItemWithError", "ptr", owner, key)
        more = fresh(f.call("PyNumber_Add", "ptr", count, one))
        f.call("PyDict_SetItem", "i32", owner, key, more)
        f.call("Py_DecRef", "void", more)
    with f.when(field("marks", "i64").ne(0)):
        clock = field("clock")  # (what gives the time, the dict that has the latest, under which name)
        now = fresh(f.call("PyObject_CallNoArgs", "ptr", f.load("ptr", clock)))
        f.call("PyDict_SetItem", "i32", f.load("ptr", clock, 1), f.load("ptr", clock, 2), now)
        with f.loop(0, field("marks", "i64")) as i:
            f.call("Py_IncRef", "void", now)
            f.call("PyList_SetItem", "i32", f.load("ptr", field("times"), i), f.value("i64", 0), now)
        f.call("Py_DecRef", "void", now)


# --- The function object ----------------------------------------------------------------------------------------------

_METHOD = ctypes.c_uint64 * 4  # PyMethodDef: name, function, flags, documentation
_FLAGS = 0x0080 | 0x0002


@cache
def _code() -> Any:
    """The native function, and what never changes about its calls."""
    from ..native import jit

    slots = {name: layout.slot(Tensor, name) for name in ("array", "node", "_grad", "_base", "_hooks")}
    if not layout.agrees() or None in slots.values() or hasattr(Tensor._wrap(np.empty(0)), "__dict__"):
        raise Unwatchable("an interpreter that keeps things elsewhere")
    module = Module()
    _checks(module)
    _takes(module, slots)  # type: ignore[arg-type]
    _gives(module, slots)  # type: ignore[arg-type]
    _result(module)
    _door(module)
    addresses = {name: ctypes.cast(getattr(ctypes.pythonapi, name), ctypes.c_void_p).value for name in _PYTHON}
    addresses["PyArray_NewCopy"] = layout.numpy_function(layout.NEW_COPY)
    library = jit.load(module.text(), ["door"], imports=addresses)  # type: ignore[arg-type]
    name = ctypes.create_string_buffer(b"compiled")
    method = _METHOD(ctypes.addressof(name), library.address("door"), _FLAGS, 0)
    new = ctypes.pythonapi.PyCFunction_NewEx
    new.restype, new.argtypes = ctypes.py_object, (ctypes.c_void_p, ctypes.py_object, ctypes.c_void_p)
    kept = Tensor, np.ndarray, None, 1
    kinds = np.array(list(map(id, kept)), np.uint64)
    found = new, method, kinds, (library, name, kept)
    for x in found:  # function objects may be looked at until the very end of the process: never freed
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(x))
    return found


class Door:
    """What a door is made of; for `fields` see `FIELDS`.

    Args:
        watch: the conditions; what was counted in it must not be referred to by local variables now.
        arguments: of each its place in the step's table, or -1, and its dtype and shape.
        results: an array and the node of its Tensor, or None and an object.
        packed: whether the results are returned as a tuple.

    Raises:
        Unwatchable: if there can be none here.

    Attributes:
        function: to be called in place of the compiled function.
        runs: how many calls went through.
    """

    def __init__(
        self, watch: Watch, arguments: Sequence[tuple[int, np.dtype, tuple[int, ...]]],
        results: Sequence[tuple[Any, Any]], packed: bool, **fields: Any,
    ) -> None:  # fmt: skip
        new, method, kinds, _ = _code()
        if len(results) > _RESULTS or any(len(shape) > DIMS for _, _, shape in arguments):
            raise Unwatchable("too many results, or dimensions")
        kept: list[Any] = [watch, arguments, results, fields]
        specs = np.zeros((len(arguments), _SPEC), np.int64)
        for row, (place, dtype, shape) in zip(specs, arguments):
            row[: 3 + len(shape)] = [place, id(dtype), len(shape), *shape]
        given = np.array([(0 if a is None else id(a), id(what)) for a, what in results], np.uint64)
        words, entries, dicts = watch.tables()
        fields |= {
            "arguments": len(arguments), "specs": specs, "words": len(words), "word_list": words,
            "entries": len(entries), "entry_list": entries, "dict_list": dicts, "results": len(results),
            "result_list": given, "packed": int(packed),
        }  # fmt: skip
        # Numbers are themselves, arrays stand for their memory, and other objects for themselves.
        self._control = np.zeros(len(FIELDS), np.uint64)
        for i, name in enumerate(FIELDS):
            x = fields.get(name, 0)
            self._control[i] = x if type(x) is int else pointer(x) if isinstance(x, np.ndarray) else id(x)
        self.function = new(ctypes.addressof(method), (self._control, kinds, kept), None)

    @property
    def runs(self) -> int:
        return int(self._control[FIELDS.index("runs")])
