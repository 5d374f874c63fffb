"""Write what type checkers and editors cannot see: `methods.pyi`, the methods that `ops/methods.py` puts on Tensor, and
`__init__.pyi`, the public names, which the package gathers from the lists of its modules.

    python -m tinygrad_course.stubs

A test keeps both files current.
"""

from __future__ import annotations

import ast
import builtins
import inspect
import pathlib
import sys
import typing
from collections.abc import Iterator
from typing import Any

import numpy as np

from .ops import methods
from .ops.op import Op

__all__ = ["methods_stub", "public_stub", "write"]

FOLDER = pathlib.Path(__file__).parent

_TYPES = """
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, overload

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

"""
_METHODS = f'''"""The methods and operators of Tensor. Written by `python -m tinygrad_course.stubs`: do not edit."""

# A method may have the name of a type, so types are written `builtins.int`; some comparisons do not return a bool.
# mypy: disable-error-code="override"

import builtins{_TYPES}'''
_PUBLIC = f'''"""The public names. Written by `python -m tinygrad_course.stubs`: do not edit."""

import builtins{_TYPES}'''
_KNOWN = {"Any", "ArrayLike", "Callable", "DTypeLike", "Literal", "Mapping", "Sequence", "np"}
_OPERAND = "Tensor | np.ndarray | np.generic | builtins.float | Sequence[Any]"


class _Names(ast.NodeTransformer):
    """Qualifies the builtins that methods hide, and collects the names that need an import."""

    def __init__(self, hidden: set[str]) -> None:
        self.hidden = hidden
        self.found: dict[str, str] = {}
        self.module = ""

    def visit_Name(self, node: ast.Name) -> ast.AST:
        if hasattr(builtins, node.id):
            return ast.parse(f"builtins.{node.id}", mode="eval").body if node.id in self.hidden else node
        self.found[node.id] = self.module
        return node


def _home(name: str, used_in: str) -> str:
    """The module of the package that publishes what is used; or the one that uses it, which must then define it."""
    user = sys.modules[used_in]
    for module_name, module in sorted(sys.modules.items(), key=lambda item: item[0].count(".")):
        if module_name.startswith(f"{__package__}.") and name in getattr(module, "__all__", ()):
            found = getattr(module, name, None)
            same = getattr(user, name, found) is found  # names for type checkers only are not there
            if same and getattr(found, "__module__", module_name) in (module_name, "typing", "types"):
                return module_name.removeprefix(str(__package__))
    return used_in.removeprefix(str(__package__))


def _annotation(annotation: Any, names: _Names) -> str:
    if annotation is inspect.Parameter.empty:
        return "Any"
    text = annotation if isinstance(annotation, str) else getattr(annotation, "__name__", "Any")
    return ast.unparse(names.visit(ast.parse(text, mode="eval")))


def _default(value: Any) -> str:
    return repr(value) if value is None or isinstance(value, (bool, int, float, str)) else "..."


def _arguments(signature: inspect.Signature, names: _Names) -> str:
    """The parameters after the first, which is the tensor itself."""
    parts = ["self"]
    starred = False
    for p in list(signature.parameters.values())[1:]:
        text = f"{p.name}: {_annotation(p.annotation, names)}"
        if p.kind is p.VAR_POSITIONAL:
            text, starred = f"*{text}", True
        elif p.kind is p.VAR_KEYWORD:
            text = f"**{text}"
        else:
            if p.kind is p.KEYWORD_ONLY and not starred:
                parts.append("*")
                starred = True
            if p.default is not p.empty:
                text += f" = {_default(p.default)}"
        parts.append(text)
    return ", ".join(parts)


def _inputs(op: Op) -> int:
    """How many arrays an operation takes."""
    if isinstance(op.plain, np.ufunc):
        return op.plain.nin
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return sum(p.kind in kinds for p in inspect.signature(op.plain).parameters.values())


def _body(function: Any) -> str:
    summary = (inspect.getdoc(function) or "").split("\n")[0].replace("\\", "\\\\")
    return f'\n    """{summary}"""' if summary else " ..."


def _operation(name: str, op: Op, first: str) -> str:
    rest = "".join(f", {other}: {_OPERAND}" for other in ("other", "another")[: _inputs(op) - 1])
    return f"def {name}({first}{rest}) -> Tensor:{_body(op)}"


def _method(name: str, function: Any, names: _Names) -> Iterator[str]:
    target = inspect.unwrap(function)
    names.module = target.__module__
    if name.startswith("__i"):
        yield f"    def {name}(self, other: {_OPERAND}) -> Tensor: ..."
        return
    if isinstance(target, Op):
        yield "    " + _operation(name, target, "self").replace("\n", "\n    ")
        return
    forms = typing.get_overloads(target)
    for form in forms:
        signature = inspect.signature(form)
        returns = _annotation(signature.return_annotation, names)
        yield f"    @overload\n    def {name}({_arguments(signature, names)}) -> {returns}: ..."
    if not forms:
        signature = inspect.signature(function)
        returns = _annotation(signature.return_annotation, names)
        body = _body(function).replace("\n", "\n    ")
        yield f"    def {name}({_arguments(signature, names)}) -> {returns}:{body}"


def methods_stub() -> str:
    """The text of `methods.pyi`."""
    names = _Names(set(methods.METHODS) | set(methods.PROPERTIES))
    lines = []
    for name in methods.OPERATORS:
        for prefix in ("", "r"):
            lines.append(f"    def __{prefix}{name}__(self, other: {_OPERAND}) -> Tensor: ...")
    lines += [f"    def __{name}__(self, other: {_OPERAND}) -> Tensor: ..." for name in methods.COMPARISONS]
    lines += [f"    def __{name}__(self) -> Tensor: ..." for name in methods.UNARY]
    for name, function in sorted(methods.METHODS.items()):
        lines += _method(name, function, names)
    for name, value in sorted(methods.PROPERTIES.items()):
        getter: Any = value.fget
        names.module = getter.__module__
        returns = _annotation(inspect.signature(getter).return_annotation, names)
        body = _body(value).replace("\n", "\n    ")
        lines.append(f"    @property\n    def {name}(self) -> {returns}:{body}")
    homes: dict[str, set[str]] = {".tensor": {"Tensor"}}
    for name in names.found.keys() - _KNOWN:
        homes.setdefault(_home(name, names.found[name]), set()).add(name)
    imports = "".join(f"from {home} import {', '.join(sorted(found))}\n" for home, found in sorted(homes.items()))
    return f"{_METHODS}{imports}\nclass TensorMethods:\n" + "\n".join(lines) + "\n"


def _origin(name: str, value: Any) -> str:
    """The module from which a public name comes, relative to the package."""
    module = getattr(inspect.unwrap(value) if callable(value) else type(value), "__module__", "")
    if module.startswith(f"{__package__}.") and getattr(sys.modules[module], name, None) is value:
        return module.removeprefix(str(__package__))
    homes = [
        (name not in getattr(holder, "__all__", ()), -module_name.count("."), module_name)
        for module_name, holder in list(sys.modules.items())
        if module_name.startswith(f"{__package__}.") and getattr(holder, name, None) is value
    ]
    if homes:  # the deepest of those that publish it
        return min(homes)[2].removeprefix(str(__package__))
    raise LookupError(f"stubs: no module defines the public name {name!r}")


def public_stub() -> str:
    """The text of `__init__.pyi`."""
    package: Any = sys.modules[str(__package__)]
    imports = [f"from . import {name} as {name}" for name in sorted(package._LAZY | {"random"})]
    lines = []
    for name in sorted(set(package.__all__)):
        value = getattr(package, name)
        if inspect.ismodule(value):
            imports.append(f"from . import {name} as {name}")
        elif isinstance(value, Op):
            lines.append(_operation(name, value, f"input: {_OPERAND}"))
        elif isinstance(value, np.dtype):
            lines.append(f"{name}: np.dtype[Any]")
        elif value is None or isinstance(value, float):
            lines.append(f"{name}: {'None' if value is None else 'builtins.float'}")
        else:
            source = getattr(inspect.unwrap(value), "__name__", name) if callable(value) else name
            try:
                origin = _origin(name, value)
                source = name
            except LookupError:
                origin = _origin(source, value)
            imports.append(f"from {origin} import {source} as {name}")
    return "\n".join([_PUBLIC.rstrip() + "\n", *sorted(set(imports)), "", *lines, "", "__version__: str", ""])


def write() -> None:
    """Write both stubs."""
    (FOLDER / "methods.pyi").write_text(methods_stub(), encoding="utf-8")
    (FOLDER / "__init__.pyi").write_text(public_stub(), encoding="utf-8")


if __name__ == "__main__":
    write()
