"""Devices: there is one, the CPU. The names exist so that scripts which choose a device run as they are."""

from __future__ import annotations

from typing import Any

__all__ = ["CPU", "check_device", "device"]

_KNOWN = ("cpu", "cuda", "mps", "xpu", "meta")


class device:
    """Where a tensor's values are: always `tc.device("cpu")`.

    Other devices can be named, as scripts do before they ask whether one is there, but not used.

    Args:
        type: "cpu", or another name such as "cuda" or "cuda:0"; or a device.
        index: the number of the device.

    Raises:
        RuntimeError: if the name is not that of a device.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.device("cuda" if tc.cuda.is_available() else "cpu")
        device(type='cpu')
    """

    __slots__ = ("index", "type")

    type: str
    index: int | None

    def __init__(self, type: str | int | device, index: int | None = None) -> None:
        if isinstance(type, device):
            self.type, self.index = type.type, type.index if index is None else index
            return
        if isinstance(type, int):
            self.type, self.index = "cuda", type
            return
        if not isinstance(type, str):
            raise TypeError(f"device: expected a name such as 'cpu', got {type.__class__.__name__}")
        name, _, number = type.partition(":")
        if name not in _KNOWN or (number and not number.isdigit()) or (number and index is not None):
            raise RuntimeError(f"device: expected one of {', '.join(_KNOWN)} (with ':0' or index=0), got {type!r}")
        self.type = name
        self.index = int(number) if number else index

    def __eq__(self, other: object) -> bool:
        return isinstance(other, device) and (self.type, self.index) == (other.type, other.index)

    def __hash__(self) -> int:
        return hash((self.type, self.index))

    def __str__(self) -> str:
        return self.type if self.index is None else f"{self.type}:{self.index}"

    def __repr__(self) -> str:
        return (
            f"device(type={self.type!r})" if self.index is None else f"device(type={self.type!r}, index={self.index})"
        )

    def __reduce__(self) -> Any:
        return device, (self.type, self.index)

    def __enter__(self) -> device:
        check_device(self)
        return self

    def __exit__(self, *exc: object) -> None:
        pass


CPU = device("cpu")


def check_device(where: Any, name: str = "device") -> None:
    """Raise RuntimeError unless `where` is the CPU (or None)."""
    if where is None or where is CPU or where == "cpu":
        return
    chosen = device(where)
    if chosen.type != "cpu":
        raise RuntimeError(
            f"{name}: there is no device {str(chosen)!r} here, tensors live on the CPU; "
            "choose by tc.device('cuda' if tc.cuda.is_available() else 'cpu')"
        )
