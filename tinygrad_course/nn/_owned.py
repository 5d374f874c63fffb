"""What a module owns of one kind, and what it says when an attribute is missing."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from typing import TYPE_CHECKING, Any

from .changes import changed

if TYPE_CHECKING:
    from .module import Module

__all__ = ["NoAttribute", "Owned"]


class Owned(MutableMapping[str, Any]):
    """A live view of one kind of what a module owns, as PyTorch's `_parameters`, `_buffers` and `_modules`."""

    def __init__(self, module: Module, kinds: tuple[str, ...]) -> None:
        self._module = module
        self._wanted = kinds

    def _names(self) -> list[str]:
        return [name for name, kind in self._module._kinds.items() if kind in self._wanted]

    def __getitem__(self, name: str) -> Any:
        if self._module._kinds.get(name) not in self._wanted:
            raise KeyError(name)
        return self._module.__dict__[name]

    def __setitem__(self, name: str, value: Any) -> None:
        if name not in self:
            self._module._declare(name, self._wanted[0])
        self._module.__dict__[name] = value
        changed()

    def __delitem__(self, name: str) -> None:
        if name not in self:
            raise KeyError(name)
        delattr(self._module, name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._names())

    def __len__(self) -> int:
        return len(self._names())

    def __repr__(self) -> str:
        return repr(dict(self))


class NoAttribute(AttributeError):
    """Looks for names that are near only when it is shown: `hasattr` must stay cheap."""

    def __init__(self, module: Module, name: str) -> None:
        super().__init__(name, name=None, obj=module)
        self._missing = name

    def __str__(self) -> str:
        from difflib import get_close_matches

        module, name = self.obj, self._missing
        text = f"{type(module).__name__!r} object has no attribute {name!r}"
        if "_kinds" not in module.__dict__:
            return f"{text}; call super().__init__() first in __init__"
        near = get_close_matches(name, [n for n in dir(module) if not n.startswith("_")], n=3)
        return f"{text}; did you mean {' or '.join(map(repr, near))}?" if near else text
