"""From LLVM's intermediate representation to functions that can be called.

    library = jit.load(text, ["square"])
    square = library.function("square", ctypes.c_void_p, ctypes.c_int64)
    square(x.ctypes.data, x.size)

`load` looks for the code in this process, then on the disk, and only then lets LLVM compile it; LLVM is not even
imported before. A text is compiled once, however many ask for it. The code stays in memory as long as the `Library`,
or a function made by it, is referenced: who keeps only an `address` must keep the library too.

Code may call `tc_parallel` (see `pool`), `tc_gemm_float` and `tc_gemm_double` (see `gemm`), `memcpy`, `memset`,
`memmove`, and what is given as `imports`.
"""

from __future__ import annotations

import ctypes
import threading
import weakref
from collections.abc import Mapping, Sequence
from typing import Any

from . import cache
from .host import Target, host, llvm_version
from .image import Image, Mapped, link

__all__ = ["FAST", "PASSES", "Library", "assembly", "load"]

# Variables in memory become values; then the code generator's own passes follow.
PASSES = ("sroa", "instruction_combine", "dead_code_elimination")
FAST = ("sroa",)

# Part of every key on disk: to be raised when the same text is to give other code.
_FORMAT = "1"

_compiling = threading.RLock()
_libraries: weakref.WeakValueDictionary[str, Library] = weakref.WeakValueDictionary()


class Library:
    """Code in memory.

    Attributes:
        size: its size in bytes.
        cached: whether it came from the disk.
        ir: LLVM's text that it was made of.
    """

    def __init__(self, mapped: Mapped, ir: str, size: int, cached: bool) -> None:
        self._mapped = mapped
        self.ir = ir
        self.size = size
        self.cached = cached

    def address(self, name: str) -> int:
        """Where a function starts; valid as long as the library is referenced."""
        try:
            return self._mapped.entries[name]
        except KeyError:
            raise KeyError(f"native: no function {name!r}; there are {', '.join(self._mapped.entries)}") from None

    def function(self, name: str, *types: Any, result: Any = None, gil: bool = False) -> Any:
        """A function to call from Python, with arguments of these ctypes.

        Args:
            name: its name in the IR.
            types: the types of its arguments: `c_void_p` for addresses, which are not checked in any way.
            result: the type of its result.
            gil: keep Python's lock during the call: for calls so short that releasing it would cost more.
        """
        make = ctypes.PYFUNCTYPE if gil else ctypes.CFUNCTYPE
        function: Any = make(result, *types)(self.address(name))
        function.library = self  # keeps the code in memory
        return function


def load(
    ir: str, names: Sequence[str] = (), *, imports: Mapping[str, int] | None = None, target: Target | None = None,
    passes: Sequence[str] = PASSES, level: int = 2,
) -> Library:  # fmt: skip
    """The library for this text: from this process, from the disk, or compiled now.

    Args:
        ir: a module in LLVM's text form, without triple and data layout.
        names: functions that must be there.
        imports: addresses of the functions that the code declares and does not define.
        target: the processor; by default this one.
        passes: names of LLVM's function passes, `add_<name>_pass` of llvmlite's pass manager.
        level: how hard the code generator tries, 0 to 3; 0 compiles about twice as fast.

    Raises:
        RuntimeError: if the text is not valid, or native kernels are not available here.
    """
    target = target or host()
    imports = imports or {}
    addresses = sorted(imports.items())
    key = cache.key_of("image", _FORMAT, llvm_version(), *target, *passes, str(level), ir)
    here = f"{key}{addresses}" if addresses else key
    library = _libraries.get(here)
    if library is None:
        with _compiling:
            library = _libraries.get(here)
            if library is None:
                library = _libraries[here] = _make(key, ir, imports, target, passes, level)
    for name in names:
        library.address(name)
    return library


def _make(key: str, ir: str, imports: Mapping[str, int], target: Target, passes: Sequence[str], level: int) -> Library:
    raw = cache.read(key)
    cached = raw is not None
    if raw is None:
        image = link(_compile(ir, target, passes, level, assembly=False))
        cache.write(key, image.dump())
    else:
        image = Image.parse(raw)
    known = dict(imports)
    for name in image.imports.keys() - known.keys():
        known[name] = _outside(name)
    return Library(Mapped(image, known), ir, len(image.code) + len(image.data), cached)


def assembly(ir: str, target: Target, passes: Sequence[str] = PASSES, level: int = 2) -> str:
    """The assembly code for a processor, which need not be this one."""
    return _compile(ir, target, passes, level, assembly=True)


def _compile(ir: str, target: Target, passes: Sequence[str], level: int, *, assembly: bool) -> Any:
    import llvmlite.binding as llvm

    with _compiling:
        _initialize(llvm, target)
        context = llvm.create_context()
        with llvm.parse_assembly(ir, context) as module:
            module.verify()
            machine = llvm.Target.from_triple(target.triple).create_target_machine(
                cpu=target.cpu, features=target.features, opt=level, reloc="pic", codemodel="small"
            )
            module.triple = target.triple
            module.data_layout = str(machine.target_data)
            builder = llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options(speed_level=min(level, 2)))
            manager = llvm.create_new_function_pass_manager()
            for name in passes:
                getattr(manager, f"add_{name}_pass")()
            for function in module.functions:
                if not function.is_declaration:
                    manager.run(function, builder)
            return machine.emit_assembly(module) if assembly else machine.emit_object(module)


_initialized: set[str] = set()


def _initialize(llvm: Any, target: Target) -> None:
    """Load LLVM's code generators: this computer's as a rule, all of them for another architecture."""
    native = target.triple.startswith("x86_64")
    if ("native" if native else "all") in _initialized:
        return
    if native:
        llvm.initialize_native_target()
        llvm.initialize_native_asmprinter()
    else:
        llvm.initialize_all_targets()
        llvm.initialize_all_asmprinters()
    _initialized.add("native" if native else "all")


def _outside(name: str) -> int:
    """The address of a function that any kernel may call."""
    if name == "tc_parallel":
        from . import pool

        return pool.address()
    if name.startswith("tc_gemm_"):
        from . import gemm

        return gemm.address(name.removeprefix("tc_gemm_"))
    if name in ("memcpy", "memset", "memmove"):
        address = ctypes.cast(getattr(ctypes.CDLL(None), name), ctypes.c_void_p).value
        if address is not None:
            return address
    raise RuntimeError(f"native: the code calls {name!r}, which nobody gave an address of")
