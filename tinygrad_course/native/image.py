"""From LLVM's object file to code in memory: a linker for ELF objects of x86-64, as small as kernels allow.

A kernel is plain code and constants. It refers to places within itself, by distances that do not change when all is
moved together, and to a few functions from outside, through a table of addresses. So an object can be laid out once, as
an `Image` that is kept on disk, and loading it takes a copy, the table of addresses, and the order to the processor's
memory management that code be readable and executable, but no longer writable. LLVM itself is not needed then.

Layout: | code, constants, calls through the table, the table | (next page) writable variables |
"""

from __future__ import annotations

import ctypes
import json
import mmap
import struct
import weakref
from collections.abc import Mapping
from typing import Any, NamedTuple

__all__ = ["Image", "Mapped", "link"]

PAGE = mmap.ALLOCATIONGRANULARITY

# ELF: what the specification calls SHF_WRITE, SHF_ALLOC, SHT_...
_WRITE, _ALLOC = 1, 2
_SYMBOLS, _RELOCATIONS, _ZEROS, _NOTE = 2, 4, 8, 7
# Relocations, from the System V ABI for x86-64: S is the symbol, A the addend, P the place, G the table's entry.
_ABSOLUTE = 1  # S + A, 8 bytes
_RELATIVE = (2, 4)  # S + A - P, 4 bytes (of data, of a call)
_RELATIVE_LONG = 24  # S + A - P, 8 bytes
_TABLE = (9, 41, 42)  # G + A - P, 4 bytes


class Image(NamedTuple):
    """Linked code, wherever it will be loaded.

    Attributes:
        code: what becomes readable and executable.
        data: the first values of what stays writable; it follows the code on the next page.
        entries: offsets of the functions that can be called.
        imports: offsets of table entries that take the address of an outside function.
        bases: (offset, value): places that hold the address of an offset of this image.
    """

    code: bytes
    data: bytes
    entries: dict[str, int]
    imports: dict[str, int]
    bases: list[list[int]]

    def dump(self) -> bytes:
        """As bytes, to be kept."""
        head = json.dumps([len(self.code), self.entries, self.imports, self.bases]).encode()
        return struct.pack("<I", len(head)) + head + self.code + self.data

    @staticmethod
    def parse(raw: bytes) -> Image:
        """What `dump` wrote."""
        (length,) = struct.unpack_from("<I", raw)
        size, entries, imports, bases = json.loads(raw[4 : 4 + length])
        body = raw[4 + length :]
        return Image(body[:size], body[size:], entries, imports, bases)


def _aligned(offset: int, alignment: int) -> int:
    return -(-offset // alignment) * alignment


class _Section(NamedTuple):
    name: int
    type: int
    flags: int
    address: int
    offset: int
    size: int
    link: int
    info: int
    alignment: int
    entry_size: int


class _Symbol(NamedTuple):
    name: str
    section: int
    value: int
    function: bool


def _text(raw: bytes, offset: int) -> str:
    return raw[offset : raw.index(b"\0", offset)].decode()


def link(raw: bytes) -> Image:
    """Lay out one relocatable object.

    Raises:
        RuntimeError: if it is not an ELF object of x86-64, or refers to something in a way that is not provided for.
    """
    if raw[:6] != b"\x7fELF\x02\x01" or struct.unpack_from("<HH", raw, 16) != (1, 62):
        raise RuntimeError("native: expected a relocatable ELF object for x86-64")
    (start,) = struct.unpack_from("<Q", raw, 40)
    size, count = struct.unpack_from("<HH", raw, 58)
    sections = [_Section(*struct.unpack_from("<IIQQQQIIQQ", raw, start + i * size)) for i in range(count)]
    names = sections[struct.unpack_from("<H", raw, 62)[0]].offset

    # Places: first what stays as it is, then, on a page of its own, what is written to.
    code, data = bytearray(), bytearray()
    places: dict[int, tuple[bool, int]] = {}
    for i, s in enumerate(sections):
        if not s.flags & _ALLOC or s.type == _NOTE or _text(raw, names + s.name).startswith(".eh_frame"):
            continue
        into = data if s.flags & _WRITE else code
        into += bytes(_aligned(len(into), max(s.alignment, 1)) - len(into))
        places[i] = bool(s.flags & _WRITE), len(into)
        into += bytes(s.size) if s.type == _ZEROS else raw[s.offset : s.offset + s.size]

    symbols = [_symbol(raw, sections, s, j) for s in sections if s.type == _SYMBOLS for j in range(s.size // 24)]
    relocations = [
        (s.info, *struct.unpack_from("<QIIq", raw, s.offset + 24 * j))
        for s in sections
        if s.type == _RELOCATIONS and s.info in places
        for j in range(s.size // 24)
    ]
    # The table has an entry for every symbol that is reached through it, and outside functions a jump through it.
    tabled = {n for _, _, kind, n, _ in relocations if kind in _TABLE or not symbols[n].section}
    code += bytes(_aligned(len(code), 8) - len(code))
    jumps = {n: len(code) + 8 * i for i, n in enumerate(sorted(tabled))}
    table = {n: len(code) + 8 * (len(tabled) + i) for i, n in enumerate(sorted(tabled))}
    for n, place in jumps.items():
        code += struct.pack("<2si2x", b"\xff\x25", table[n] - place - 6)  # jmp *table[n](%rip)
    code += bytes(8 * len(tabled))
    boundary = _aligned(len(code), PAGE)

    def where(section: int, offset: int) -> int:
        writable, place = places[section]
        return boundary * writable + place + offset

    def target(n: int) -> int:
        return where(symbols[n].section, symbols[n].value) if symbols[n].section else jumps[n]

    imports = {symbols[n].name: place for n, place in table.items() if not symbols[n].section}
    bases = [[place, target(n)] for n, place in table.items() if symbols[n].section]
    for section, offset, kind, n, addend in relocations:
        place = where(section, offset)
        into, at = (data, place - boundary) if places[section][0] else (code, place)
        if kind == _ABSOLUTE and symbols[n].section:
            bases.append([place, target(n) + addend])
        elif kind in _RELATIVE:
            struct.pack_into("<i", into, at, target(n) + addend - place)
        elif kind == _RELATIVE_LONG:
            struct.pack_into("<q", into, at, target(n) + addend - place)
        elif kind in _TABLE:
            struct.pack_into("<i", into, at, table[n] + addend - place)
        else:
            raise RuntimeError(f"native: relocation {kind} of {symbols[n].name!r} is not provided for")
    entries = {s.name: where(s.section, s.value) for s in symbols if s.function}
    return Image(bytes(code), bytes(data), entries, imports, bases)


def _symbol(raw: bytes, sections: list[_Section], table: _Section, index: int) -> _Symbol:
    name, info, _, section, value, _ = struct.unpack_from("<IBBHQQ", raw, table.offset + 24 * index)
    named = _text(raw, sections[table.link].offset + name)
    return _Symbol(named, 0 if section >= 0xFF00 else section, value, info == 0x12 and 0 < section < 0xFF00)


class Mapped:
    """An image in memory, until this object is gone; at the end of the process it stays, as threads may be in it."""

    def __init__(self, image: Image, imports: Mapping[str, int]) -> None:
        missing = image.imports.keys() - imports.keys()
        if missing:
            raise RuntimeError(f"native: the code calls {', '.join(sorted(missing))}, which nobody gave an address of")
        libc = _libc()
        boundary = _aligned(len(image.code), PAGE)
        size = max(boundary + _aligned(len(image.data), PAGE), PAGE)
        base = libc.mmap(None, size, mmap.PROT_READ | mmap.PROT_WRITE, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, -1, 0)
        if base in (None, ctypes.c_void_p(-1).value):
            raise MemoryError(f"native: no {size} bytes for code")
        finalizer = weakref.finalize(self, libc.munmap, base, size)
        finalizer.atexit = False
        ctypes.memmove(base, image.code, len(image.code))
        ctypes.memmove(base + boundary, image.data, len(image.data))
        for name, place in image.imports.items():
            ctypes.c_uint64.from_address(base + place).value = imports[name]
        for place, value in image.bases:
            ctypes.c_uint64.from_address(base + place).value = base + value
        if libc.mprotect(base, max(boundary, PAGE), mmap.PROT_READ | mmap.PROT_EXEC):
            raise PermissionError("native: the system does not let memory become executable")
        self.base = base
        self.entries = {name: base + offset for name, offset in image.entries.items()}


def _libc() -> Any:
    global _loaded
    if _loaded is None:
        libc = ctypes.CDLL(None, use_errno=True)
        c_int, c_size, c_void = ctypes.c_int, ctypes.c_size_t, ctypes.c_void_p
        libc.mmap.argtypes, libc.mmap.restype = (c_void, c_size, c_int, c_int, c_int, c_size), c_void
        libc.munmap.argtypes = (c_void, c_size)
        libc.mprotect.argtypes = (c_void, c_size, c_int)
        _loaded = libc
    return _loaded


_loaded: Any = None
