"""Read a pickle as data: dicts, lists, tuples, numbers and strings, and the few things that the caller admits.

Python's own unpickler is a machine that calls what the file names. This one has no call in it: it goes through the
opcodes (as the standard library's pickletools splits and checks them), keeps a stack of plain values, and knows a
global only as a name, which the caller's `globals` turn into a value or a builder of values. So there is nothing to
sandbox, and memory stays proportional to the length of the pickle.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["UnpicklingError", "read_pickle"]

_DEEPEST = 100
_MOST_OPCODES = 4_000_000
_KEYS = (str, int, float, bool, type(None))


class UnpicklingError(ValueError):
    """The pickle is damaged, or holds what is not admitted."""


class Builder:
    """What a global stands for when the pickle may call it: `build(*arguments)` gives the value."""

    def __init__(self, name: str, build: Callable[..., Any]) -> None:
        self.name = name
        self.build = build


class _Mark:
    """Where a tuple, list or dict begins on the stack."""


_MARK = _Mark()


def read_pickle(
    data: bytes, globals: Mapping[str, Any], persistent: Callable[[Any], Any], refuse: Callable[[str], str]
) -> Any:
    """The value that a pickle describes.

    Args:
        data: the pickle.
        globals: what each admitted "module.name" stands for: a value, or a `Builder`.
        persistent: gives the value for a persistent id.
        refuse: the message about a global that is not admitted.

    Raises:
        UnpicklingError: if the pickle is damaged, too large or too deep, or holds what is not admitted.
    """
    import pickletools

    machine = _Machine(globals, persistent, refuse)
    try:
        for count, (opcode, argument, _) in enumerate(pickletools.genops(data)):
            if count >= _MOST_OPCODES:
                raise UnpicklingError(f"it has more than {_MOST_OPCODES} opcodes")
            step = _STEPS.get(opcode.name)
            if step is None:
                raise UnpicklingError(f"it uses the opcode {opcode.name}, which plain values do not need")
            step(machine, argument)
    except UnpicklingError:
        raise
    except (ValueError, IndexError, KeyError, TypeError, OverflowError, UnicodeError) as error:
        raise UnpicklingError(f"its pickle is damaged ({str(error)[:100]})") from error
    if len(machine.stack) != 1:
        raise UnpicklingError(f"its pickle is damaged: {len(machine.stack)} values are left instead of one")
    _height(machine.stack[0], {}, 0)
    return machine.stack[0]


def _height(x: Any, known: dict[int, int], depth: int) -> int:
    """How deep the containers in x go; refuses what is too deep to be walked, or holds itself."""
    if not isinstance(x, (dict, list, tuple)):
        return 0
    height = known.get(id(x))
    if height is None and depth <= _DEEPEST:
        inside = x.values() if isinstance(x, dict) else x
        height = 1 + max((_height(item, known, depth + 1) for item in inside), default=0)
        known[id(x)] = height
    if height is None or depth + height > _DEEPEST:
        raise UnpicklingError(f"it has more than {_DEEPEST} containers within each other")
    return height


class _Machine:
    def __init__(
        self, globals: Mapping[str, Any], persistent: Callable[[Any], Any], refuse: Callable[[str], str]
    ) -> None:
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}
        self.globals = globals
        self.persistent = persistent
        self.refuse = refuse

    def pop(self) -> Any:
        x = self.stack.pop()
        if x is _MARK:
            raise UnpicklingError("its pickle is damaged: a mark where a value should be")
        return x

    def pop_to_mark(self) -> list[Any]:
        place = len(self.stack) - 1
        while self.stack[place] is not _MARK:  # the loop ends in an IndexError where there is none
            place -= 1
            if place < 0:
                raise UnpicklingError("its pickle is damaged: a mark is missing")
        items = self.stack[place + 1 :]
        del self.stack[place:]
        return items

    def drop_to_mark(self, _: Any) -> None:
        self.pop_to_mark()

    def find(self, module: str, name: str) -> None:
        full = f"{module}.{name}"
        if full not in self.globals:
            raise UnpicklingError(self.refuse(full[:120]))
        self.stack.append(self.globals[full])

    def global_(self, argument: str) -> None:
        self.find(*argument.split(" ", 1))

    def stack_global(self, _: Any) -> None:
        name, module = self.pop(), self.pop()
        if not isinstance(name, str) or not isinstance(module, str):
            raise UnpicklingError("its pickle is damaged: the name of a global is no string")
        self.find(module, name)

    def reduce(self, _: Any) -> None:
        arguments, builder = self.pop(), self.pop()
        if not isinstance(builder, Builder) or not isinstance(arguments, tuple):
            raise UnpicklingError("it calls something that cannot be called")
        try:
            self.stack.append(builder.build(*arguments))
        except (TypeError, AttributeError) as error:
            raise UnpicklingError(f"the arguments of {builder.name} are not as PyTorch writes them") from error

    def build(self, _: Any) -> None:
        """Attributes of an object; only an OrderedDict has some, which say nothing about the values."""
        self.pop()
        if not isinstance(self.stack[-1], dict):
            raise UnpicklingError("it sets attributes of something that has none")

    def put(self, place: int) -> None:
        self.memo[place] = self.stack[-1]

    def append(self, items: list[Any]) -> None:
        if type(self.stack[-1]) is not list:
            raise UnpicklingError("it appends to something that is no list")
        self.stack[-1].extend(items)

    def set_items(self, items: list[Any]) -> None:
        target = self.stack[-1]
        if not isinstance(target, dict) or len(items) % 2:
            raise UnpicklingError("it sets items of something that is no dict")
        for key, value in zip(items[::2], items[1::2]):
            if type(key) not in _KEYS:
                raise UnpicklingError(f"a key of a dict is a {type(key).__name__}; strings and numbers are admitted")
            target[key] = value

    def dict_(self, _: Any) -> None:
        items = self.pop_to_mark()
        self.stack.append({})
        self.set_items(items)


def _last(m: _Machine, count: int) -> list[Any]:
    return [m.pop() for _ in range(count)][::-1]


_push: Callable[[_Machine, Any], None] = lambda m, x: m.stack.append(x)
_nothing: Callable[[_Machine, Any], None] = lambda m, x: None

_STEPS: dict[str, Callable[[_Machine, Any], None]] = {
    **dict.fromkeys(("PROTO", "FRAME", "STOP"), _nothing),
    **dict.fromkeys(
        ("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT", "UNICODE",
         "SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8", "STRING", "BINSTRING", "SHORT_BINSTRING"),
        _push,
    ),
    "NONE": lambda m, _: m.stack.append(None),
    "NEWTRUE": lambda m, _: m.stack.append(True),
    "NEWFALSE": lambda m, _: m.stack.append(False),
    "MARK": lambda m, _: m.stack.append(_MARK),
    "POP": lambda m, _: m.stack.__delitem__(-1),
    "POP_MARK": _Machine.drop_to_mark,
    "EMPTY_TUPLE": lambda m, _: m.stack.append(()),
    "TUPLE": lambda m, _: m.stack.append(tuple(m.pop_to_mark())),
    "TUPLE1": lambda m, _: m.stack.append(tuple(_last(m, 1))),
    "TUPLE2": lambda m, _: m.stack.append(tuple(_last(m, 2))),
    "TUPLE3": lambda m, _: m.stack.append(tuple(_last(m, 3))),
    "EMPTY_LIST": lambda m, _: m.stack.append([]),
    "LIST": lambda m, _: m.stack.append(m.pop_to_mark()),
    "APPEND": lambda m, _: m.append(_last(m, 1)),
    "APPENDS": lambda m, _: m.append(m.pop_to_mark()),
    "EMPTY_DICT": lambda m, _: m.stack.append({}),
    "DICT": _Machine.dict_,
    "SETITEM": lambda m, _: m.set_items(_last(m, 2)),
    "SETITEMS": lambda m, _: m.set_items(m.pop_to_mark()),
    **dict.fromkeys(("PUT", "BINPUT", "LONG_BINPUT"), _Machine.put),
    "MEMOIZE": lambda m, _: m.put(len(m.memo)),
    **dict.fromkeys(("GET", "BINGET", "LONG_BINGET"), lambda m, place: m.stack.append(m.memo[place])),
    "GLOBAL": _Machine.global_,
    "STACK_GLOBAL": _Machine.stack_global,
    "BINPERSID": lambda m, _: m.stack.append(m.persistent(m.pop())),
    "REDUCE": _Machine.reduce,
    "BUILD": _Machine.build,
}  # fmt: skip
