"""Module: what owns parameters, buffers and other modules, and computes with them.

There is one truth about what a module owns: its `__dict__`. Beside the values, `_kinds` tells which of the names are
parameters, buffers and children, in the order of their assignment. So reading `self.weight` is an ordinary attribute
access, and no second table can disagree with it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Self

import numpy as np

from ..effects import perform
from ..tensor import Tensor
from ._owned import NoAttribute, Owned
from .changes import changed
from .hooks import HookMethods
from .parameter import Buffer, Parameter, forget_gradients

__all__ = ["Module"]

PARAMETER, BUFFER, TRANSIENT, MODULE = "parameter", "buffer", "transient buffer", "module"
_BUFFERS = (BUFFER, TRANSIENT)


class Module(HookMethods):
    """Base class of layers and networks: define `__init__`, calling `super().__init__()` first, and `forward`.

    Attributes:
        training: True between `train()` and `eval()`; Dropout and BatchNorm ask for it.

    Example:
        >>> import tinygrad_course as tc
        >>> class TwoLayers(tc.nn.Module):
        ...     def __init__(self):
        ...         super().__init__()
        ...         self.hidden = tc.nn.Linear(1, 3)
        ...         self.out = tc.nn.Linear(3, 1)
        ...     def forward(self, x):
        ...         return self.out(self.hidden(x).tanh())
        >>> net = TwoLayers()
        >>> net(tc.zeros(5, 1)).shape
        Size([5, 1])
        >>> [name for name, _ in net.named_parameters()]
        ['hidden.weight', 'hidden.bias', 'out.weight', 'out.bias']
    """

    training: bool
    _kinds: dict[str, str]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if args or kwargs:
            given = [repr(a)[:40] for a in args] + [f"{k}={v!r}"[:40] for k, v in kwargs.items()]
            raise TypeError(f"{type(self).__name__}: Module.__init__ takes no arguments, got {', '.join(given)}")
        self.__dict__["_kinds"] = {}
        self.__dict__["training"] = True

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Compute the output; subclasses define it, and `module(...)` calls it."""
        raise NotImplementedError(f"{type(self).__name__} must define forward(self, ...): what it computes when called")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self._hooks is None:
            return self.forward(*args, **kwargs)
        return self._hooks.call(self, args, kwargs)

    # --- attributes -----------------------------------------------------------------------------------------------

    def __setattr__(self, name: str, value: Any) -> None:
        attributes = self.__dict__
        if attributes.get(name, attributes) is not value:
            changed()
        kinds = attributes.get("_kinds")
        before = kinds.get(name) if kinds else None
        if isinstance(value, Parameter):
            kind = PARAMETER
        elif isinstance(value, Module):
            kind = MODULE
        elif isinstance(value, Buffer):
            kind = BUFFER if value.persistent else TRANSIENT
        elif before is None:
            object.__setattr__(self, name, value)
            return
        else:
            self._put_in_place(name, before, value)
            return
        if kinds is None:
            raise AttributeError(
                f"{type(self).__name__}: cannot assign the {kind} {name!r} before Module.__init__; "
                "call super().__init__() first in __init__"
            )
        if kind != before:
            self._declare(name, kind)
        self.__dict__[name] = value

    def _put_in_place(self, name: str, kind: str, value: Any) -> None:
        """Assign what is no Parameter, Module or Buffer to a name that holds one."""
        if value is not None and not (kind in _BUFFERS and isinstance(value, Tensor)):
            wanted = {PARAMETER: "a Parameter (nn.Parameter(x))", MODULE: "a Module"}.get(kind, "a Tensor")
            raise TypeError(
                f"{type(self).__name__}: cannot assign {type(value).__name__} to the {kind} {name!r}; "
                f"expected {wanted} or None; delete the attribute first to change what it is"
            )
        self.__dict__[name] = value

    def _declare(self, name: str, kind: str) -> None:
        """Note that `name` holds a value of this kind, after checking the name."""
        if not isinstance(name, str):
            raise TypeError(f"{type(self).__name__}: the name of a {kind} must be a string, got {type(name).__name__}")
        if not name or "." in name:
            raise KeyError(
                f"{type(self).__name__}: the name of a {kind} must not be empty or contain '.', got {name!r}"
            )
        if hasattr(getattr(type(self), name, None), "__set__"):
            raise KeyError(
                f"{type(self).__name__}: cannot make {name!r} a {kind}: the class has a property of that name"
            )
        changed()
        self._kinds.pop(name, None)  # of another kind it comes last in its order
        self._kinds[name] = kind

    def __delattr__(self, name: str) -> None:
        changed()
        self.__dict__.get("_kinds", {}).pop(name, None)
        object.__delattr__(self, name)

    def __getattr__(self, name: str) -> Any:
        # Reached only when the ordinary look-up failed: for a property, because its own code raised.
        if hasattr(type(self), name):
            return object.__getattribute__(self, name)
        raise NoAttribute(self, name)

    @property
    def _parameters(self) -> Owned:
        return Owned(self, (PARAMETER,))

    @property
    def _buffers(self) -> Owned:
        return Owned(self, _BUFFERS)

    @property
    def _modules(self) -> Owned:
        return Owned(self, (MODULE,))

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """Add a parameter; None keeps the place for one that is left out."""
        self._check_free(name, PARAMETER)
        if param is not None and not isinstance(param, Parameter):
            raise TypeError(
                f"{type(self).__name__}.register_parameter: {name!r} must be a Parameter or None, got "
                f"{type(param).__name__}; wrap it: nn.Parameter(x)"
            )
        self._declare(name, PARAMETER)
        self.__dict__[name] = param

    def register_buffer(self, name: str, tensor: Tensor | None, persistent: bool = True) -> None:
        """Add a tensor that is part of the state but is not trained; not saved unless `persistent`."""
        self._check_free(name, BUFFER)
        if tensor is not None and not isinstance(tensor, Tensor):
            raise TypeError(
                f"{type(self).__name__}.register_buffer: {name!r} must be a Tensor or None, got {type(tensor).__name__}"
            )
        self._declare(name, BUFFER if persistent else TRANSIENT)
        self.__dict__[name] = tensor

    def add_module(self, name: str, module: Module | None) -> None:
        """Add a child module under a name."""
        self._check_free(name, MODULE)
        if module is not None and not isinstance(module, Module):
            raise TypeError(
                f"{type(self).__name__}.add_module: {name!r} must be a Module or None, got {type(module).__name__}"
            )
        self._declare(name, MODULE)
        self.__dict__[name] = module

    register_module = add_module

    def _check_free(self, name: str, kind: str) -> None:
        if "_kinds" not in self.__dict__:
            raise AttributeError(
                f"{type(self).__name__}: cannot add the {kind} {name!r} before Module.__init__; "
                "call super().__init__() first in __init__"
            )
        taken = self._kinds.get(name)
        if taken is None and isinstance(name, str) and (name in self.__dict__ or hasattr(type(self), name)):
            taken = "attribute"
        if taken not in (None, kind) and not (kind == BUFFER and taken == TRANSIENT):
            raise KeyError(f"{type(self).__name__}: cannot add the {kind} {name!r}: there is a {taken} of that name")

    # --- what is inside -------------------------------------------------------------------------------------------

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """The modules directly inside, each once, with their names."""
        seen = set()
        for name, module in self._modules.items():
            if module is not None and id(module) not in seen:
                seen.add(id(module))
                yield name, module

    def children(self) -> Iterator[Module]:
        """The modules directly inside, each once."""
        for _, module in self.named_children():
            yield module

    def named_modules(
        self, memo: set[Any] | None = None, prefix: str = "", remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Module]]:
        """This module and all inside it with their dotted names; a shared one once, unless told otherwise."""
        memo = set() if memo is None else memo
        if remove_duplicate:
            if id(self) in memo:
                return
            memo.add(id(self))
        yield prefix, self
        for name, kind in self._kinds.items():
            if kind == MODULE and (module := self.__dict__[name]) is not None:
                yield from module.named_modules(memo, f"{prefix}.{name}" if prefix else name, remove_duplicate)

    def modules(self) -> Iterator[Module]:
        """This module and all inside it, each once."""
        for _, module in self.named_modules():
            yield module

    def _named(
        self, kinds: tuple[str, ...], prefix: str, recurse: bool, remove_duplicate: bool
    ) -> Iterator[tuple[str, Any]]:
        seen = set()
        inside = self.named_modules(prefix=prefix, remove_duplicate=remove_duplicate) if recurse else [(prefix, self)]
        for path, module in inside:
            values = module.__dict__
            for name, kind in module._kinds.items():
                if kind in kinds:
                    value = values[name]
                    if value is None or (remove_duplicate and id(value) in seen):
                        continue
                    seen.add(id(value))
                    yield f"{path}.{name}" if path else name, value

    def named_parameters(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Parameter]]:
        """All parameters with their dotted names; a shared one once, under its first name."""
        return self._named((PARAMETER,), prefix, recurse, remove_duplicate)

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        """All parameters, each once: what an optimizer is given."""
        for _, parameter in self._named((PARAMETER,), "", recurse, True):
            yield parameter

    def named_buffers(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Tensor]]:
        """All buffers with their dotted names."""
        return self._named(_BUFFERS, prefix, recurse, remove_duplicate)

    def buffers(self, recurse: bool = True) -> Iterator[Tensor]:
        """All buffers, each once."""
        for _, buffer in self._named(_BUFFERS, "", recurse, True):
            yield buffer

    def get_submodule(self, target: str) -> Module:
        """The module at a dotted path; "" is this module."""
        module: Module = self
        for part in target.split(".") if target else ():
            if module._kinds.get(part) != MODULE or module.__dict__[part] is None:
                raise AttributeError(f"{type(module).__name__} has no submodule {part!r} (path {target!r})")
            module = module.__dict__[part]
        return module

    def _get(self, target: str, kinds: tuple[str, ...]) -> Any:
        path, _, name = target.rpartition(".")
        module = self.get_submodule(path)
        if module._kinds.get(name) not in kinds:
            raise AttributeError(f"{type(module).__name__} has no {kinds[0]} {name!r} (path {target!r})")
        return module.__dict__[name]

    def get_parameter(self, target: str) -> Parameter:
        """The parameter at a dotted path."""
        return self._get(target, (PARAMETER,))

    def get_buffer(self, target: str) -> Tensor:
        """The buffer at a dotted path."""
        return self._get(target, _BUFFERS)

    # --- what is done to all of it --------------------------------------------------------------------------------

    def train(self, mode: bool = True) -> Self:
        """Switch this module and all inside it to training (or, with False, to evaluation)."""
        if not isinstance(mode, bool):
            raise ValueError(f"train: expected True or False, got {mode!r}")
        for module in self.modules():
            module.training = mode
        return self

    def eval(self) -> Self:
        """Switch to evaluation: Dropout passes everything on, BatchNorm uses its running statistics."""
        return self.train(False)

    def apply(self, fn: Callable[[Module], None]) -> Self:
        """Call `fn` on every module inside, children first, then on this one."""
        for module in self.children():
            module.apply(fn)
        fn(self)
        return self

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Freeze or unfreeze all parameters."""
        for parameter in self.parameters():
            parameter.requires_grad = requires_grad
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of all parameters."""
        perform(
            forget_gradients, self.parameters, set_to_none, owner=self, name="zero_grad", touches=self.parameters,
            only_grads=True,
        )  # fmt: skip

    def to(self, *args: Any, dtype: Any = None, device: Any = None, non_blocking: bool = False) -> Self:
        """Convert floating parameters and buffers, in place: `to(dtype)`, `to(device)`, `to(tensor)`."""
        from .convert import convert, target_dtype

        return convert(self, target_dtype(args, dtype, device))

    def float(self) -> Self:
        """Convert to float32."""
        return self.to(np.float32)

    def double(self) -> Self:
        """Convert to float64."""
        return self.to(np.float64)

    def half(self) -> Self:
        """Convert to float16."""
        return self.to(np.float16)

    def type(self, dst_type: Any) -> Self:
        """Convert to the given dtype."""
        return self.to(dst_type)

    def cpu(self) -> Self:
        """Return the module: it is on the CPU."""
        return self

    def cuda(self, device: Any = None) -> Self:
        """Raise RuntimeError: there is no GPU; ask `tc.cuda.is_available()` first."""
        return self.to("cuda" if device is None else device)

    # --- state ----------------------------------------------------------------------------------------------------

    def state_dict(
        self, *, destination: dict[str, Any] | None = None, prefix: str = "", keep_vars: bool = False
    ) -> dict[str, Any]:
        """Parameters and persistent buffers by dotted name, sharing the module's memory."""
        from .state import state_dict

        return state_dict(self, {} if destination is None else destination, prefix, keep_vars)

    def load_state_dict(self, state_dict: Any, strict: bool = True, assign: bool = False) -> Any:
        """Copy values from a `state_dict()` into this module.

        Args:
            state_dict: tensors (or arrays) by dotted name.
            strict: raise for missing and unexpected names, instead of only returning them.
            assign: make the given tensors the parameters, instead of copying their values.

        Returns:
            A tuple of `missing_keys` and `unexpected_keys`.

        Raises:
            RuntimeError: with all missing, unexpected and mis-shaped names; nothing has been loaded then.
        """
        from .state import load_state_dict

        return load_state_dict(self, state_dict, strict, assign)

    def get_extra_state(self) -> Any:
        """What else the module wants saved; subclasses override this and `set_extra_state`."""
        raise NotImplementedError(f"{type(self).__name__} defines no get_extra_state")

    def set_extra_state(self, state: Any) -> None:
        """Put back what `get_extra_state` gave."""
        raise NotImplementedError(f"{type(self).__name__} defines no set_extra_state")

    def summary(self, *inputs: Any, depth: int | None = None) -> Any:
        """A table of the modules: output shapes, parameters, FLOPs, memory; see `tc.viz.summary`."""
        from ..viz.summary import summary

        return summary(self, *inputs, depth=depth)

    # --- printing -------------------------------------------------------------------------------------------------

    def extra_repr(self) -> str:
        """What `repr` shows of this module beside its children; subclasses override it."""
        return ""

    def __repr__(self) -> str:
        lines = self.extra_repr().split("\n") if self.extra_repr() else []
        children = [f"({name}): {module!r}" for name, module in self._modules.items()]
        if not children and len(lines) <= 1:
            return f"{type(self).__name__}({''.join(lines)})"
        body = "\n".join([*lines, *children]).replace("\n", "\n  ")
        return f"{type(self).__name__}(\n  {body}\n)"
