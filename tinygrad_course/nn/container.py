"""Modules that hold modules or parameters: Sequential, lists and dicts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Self, overload

from ..tensor import Tensor
from .module import MODULE, PARAMETER, Module
from .parameter import Parameter

__all__ = ["ModuleDict", "ModuleList", "ParameterDict", "ParameterList", "Sequential"]


class _Listed(Module):
    """Children under the names "0", "1", …, used as a list."""

    _holds = MODULE

    def _items(self) -> list[Any]:
        values = self.__dict__
        return [values[name] for name, kind in self._kinds.items() if kind == self._holds]

    def _refill(self, items: Iterable[tuple[str, Any]]) -> None:
        """Put these in place of what is held."""
        for name in [name for name, kind in self._kinds.items() if kind == self._holds]:
            delattr(self, name)
        for name, item in items:
            self._put(name, item)

    def _put(self, name: str, item: Any) -> None:
        self.add_module(name, item)

    def _renumber(self, items: list[Any]) -> None:
        self._refill((str(i), item) for i, item in enumerate(items))

    def _name_at(self, index: Any) -> str:
        names = [name for name, kind in self._kinds.items() if kind == self._holds]
        try:
            return names[index]
        except IndexError:
            raise IndexError(f"{type(self).__name__}: index {index} is out of range for {len(names)} items") from None

    def _of_slice(self, index: slice) -> Any:
        return type(self)(self._items()[index])

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return self._of_slice(index)
        return self.__dict__[self._name_at(index)]

    def __setitem__(self, index: Any, item: Any) -> None:
        setattr(self, self._name_at(index), item)

    def __delitem__(self, index: Any) -> None:
        items = self._items()
        del items[index]
        self._renumber(items)

    def __len__(self) -> int:
        return len(self._items())

    def __iter__(self) -> Iterator[Any]:
        return iter(self._items())

    def __contains__(self, item: object) -> bool:
        return any(item is held for held in self._items())

    def append(self, module: Any) -> Self:
        """Add one at the end."""
        self._put(str(len(self)), module)
        return self

    def extend(self, modules: Iterable[Any]) -> Self:
        """Add several at the end."""
        if isinstance(modules, (str, Tensor)) or not isinstance(modules, Iterable):
            raise TypeError(f"{type(self).__name__}.extend: expected an iterable, got {type(modules).__name__}")
        for module in list(modules):
            self.append(module)
        return self

    def insert(self, index: int, module: Any) -> Self:
        """Add one before `index`."""
        items = self._items()
        if not -len(items) <= index <= len(items):
            raise IndexError(f"{type(self).__name__}.insert: index {index} is out of range for {len(items)} items")
        items.insert(index, module)
        self._renumber(items)
        return self

    def pop(self, index: int = -1) -> Any:
        """Remove one and return it."""
        item = self[index]
        del self[index]
        return item


class Sequential(_Listed):
    """Modules called one after the other, each on the output of the one before.

    Args:
        *args: modules, or one dict from names to modules.

    Example:
        >>> import tinygrad_course as tc
        >>> net = tc.nn.Sequential(tc.nn.Linear(2, 3), tc.nn.Tanh(), tc.nn.Linear(3, 1))
        >>> net(tc.zeros(4, 2)).shape
        Size([4, 1])
        >>> net[1:]
        Sequential(
          (0): Tanh()
          (1): Linear(in_features=3, out_features=1, bias=True)
        )
    """

    @overload
    def __init__(self, *args: Module) -> None: ...
    @overload
    def __init__(self, arg: Mapping[str, Module], /) -> None: ...
    def __init__(self, *args: Any) -> None:
        super().__init__()
        if len(args) == 1 and isinstance(args[0], Mapping):
            for name, module in args[0].items():
                self.add_module(name, module)
            return
        for i, module in enumerate(args):
            if not isinstance(module, Module):
                mend = "write Sequential(*modules)" if isinstance(module, (list, tuple)) else "use an nn.Module"
                raise TypeError(f"Sequential: argument {i} must be a Module, got {type(module).__name__}; {mend}")
            self.add_module(str(i), module)

    def forward(self, input: Any) -> Any:
        values = self.__dict__
        for name, kind in self._kinds.items():
            if kind == MODULE:
                input = values[name](input)
        return input

    def _of_slice(self, index: slice) -> Sequential:
        # Numbers are given anew, names are kept, as in PyTorch.
        items = list(self._modules.items())[index]
        numbered = all(name.isdigit() for name in self._modules)
        return Sequential({str(i) if numbered else name: module for i, (name, module) in enumerate(items)})

    def __add__(self, other: Sequential) -> Sequential:
        if not isinstance(other, Sequential):
            return NotImplemented
        return Sequential(*self, *other)


class ModuleList(_Listed):
    """A list of modules whose parameters are found; it does not say how to call them.

    Example:
        >>> import tinygrad_course as tc
        >>> layers = tc.nn.ModuleList([tc.nn.Linear(4, 4) for _ in range(3)])
        >>> len(list(layers.parameters()))
        6
    """

    def __init__(self, modules: Iterable[Module] | None = None) -> None:
        super().__init__()
        self.extend(modules or ())

    def __add__(self, other: Iterable[Module]) -> ModuleList:
        return ModuleList([*self, *other])

    def __iadd__(self, other: Iterable[Module]) -> Self:
        return self.extend(other)


class ParameterList(_Listed):
    """A list of parameters that are found; tensors in it become parameters.

    Example:
        >>> import tinygrad_course as tc
        >>> weights = tc.nn.ParameterList([tc.zeros(2, 2) for _ in range(3)])
        >>> len(list(weights.parameters()))
        3
    """

    _holds = PARAMETER

    def __init__(self, values: Iterable[Any] | None = None) -> None:
        super().__init__()
        self.extend(values or ())

    def _put(self, name: str, item: Any) -> None:
        self.register_parameter(name, _as_parameter("ParameterList", item))

    def __setitem__(self, index: Any, item: Any) -> None:
        setattr(self, self._name_at(index), _as_parameter("ParameterList", item))

    def __repr__(self) -> str:
        return _repr_parameters(self, enumerate(self))


class _Keyed(Module):
    """Children under names, used as a dict in the order of insertion."""

    _holds = MODULE

    def _put(self, key: str, item: Any) -> None:
        if key in self:
            setattr(self, key, item)
        else:
            self.add_module(key, item)

    def __getitem__(self, key: str) -> Any:
        if key not in self:
            raise KeyError(f"{type(self).__name__} has no {key!r}; it has {', '.join(map(repr, self)) or 'nothing'}")
        return self.__dict__[key]

    def __setitem__(self, key: str, item: Any) -> None:
        self._put(key, item)

    def __delitem__(self, key: str) -> None:
        self[key]
        delattr(self, key)

    def __len__(self) -> int:
        return len(list(iter(self)))

    def __iter__(self) -> Iterator[str]:
        return iter([name for name, kind in self._kinds.items() if kind == self._holds])

    def __contains__(self, key: object) -> bool:
        return self._kinds.get(key) == self._holds  # type: ignore[call-overload]

    def clear(self) -> None:
        """Remove everything."""
        for key in self:
            delattr(self, key)

    def pop(self, key: str) -> Any:
        """Remove one and return it."""
        item = self[key]
        del self[key]
        return item

    def keys(self) -> Iterable[str]:
        """The names."""
        return list(self)

    def values(self) -> Iterable[Any]:
        """What is held."""
        return [self.__dict__[key] for key in self]

    def items(self) -> Iterable[tuple[str, Any]]:
        """Names with what is held."""
        return [(key, self.__dict__[key]) for key in self]

    def update(self, items: Any) -> None:
        """Add all of a mapping or an iterable of pairs, replacing those of the same names."""
        for key, item in items.items() if hasattr(items, "items") else items:
            self._put(key, item)


class ModuleDict(_Keyed):
    """A dict of modules whose parameters are found.

    Example:
        >>> import tinygrad_course as tc
        >>> heads = tc.nn.ModuleDict({"a": tc.nn.Linear(4, 2), "b": tc.nn.Identity()})
        >>> list(heads)
        ['a', 'b']
    """

    def __init__(self, modules: Any = None) -> None:
        super().__init__()
        self.update(modules or ())


class ParameterDict(_Keyed):
    """A dict of parameters that are found; tensors in it become parameters."""

    _holds = PARAMETER

    def __init__(self, parameters: Any = None) -> None:
        super().__init__()
        self.update(parameters or ())

    def _put(self, key: str, item: Any) -> None:
        item = _as_parameter("ParameterDict", item)
        if key in self:
            setattr(self, key, item)
        else:
            self.register_parameter(key, item)

    def __repr__(self) -> str:
        return _repr_parameters(self, self.items())


def _as_parameter(name: str, item: Any) -> Parameter:
    if isinstance(item, Parameter):
        return item
    if not isinstance(item, Tensor):
        raise TypeError(f"{name}: expected a Parameter or a Tensor, got {type(item).__name__}")
    return Parameter(item)


def _repr_parameters(module: Module, items: Iterable[tuple[Any, Any]]) -> str:
    lines = [f"({key}): Parameter containing: [{p.dtype} of size {'x'.join(map(str, p.shape))}]" for key, p in items]
    return f"{type(module).__name__}(" + "".join(f"\n  {line}" for line in lines) + ("\n)" if lines else ")")
