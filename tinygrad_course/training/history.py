"""The history of a training: one list per quantity, one value per epoch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["History"]


class History(dict[str, list[Any]]):
    """A dict of lists, such as {"loss": [...], "val_loss": [...], "lr": [...]}; it can plot itself.

    Every list has one value per epoch; None stands where a quantity was not measured.

    Example:
        >>> import tinygrad_course as tc
        >>> history = tc.training.History()
        >>> history.add({"loss": 2.0, "val_loss": 2.5})
        >>> history.add({"loss": 1.0})
        >>> history
        {'loss': [2.0, 1.0], 'val_loss': [2.5, None]}
    """

    @property
    def epochs(self) -> int:
        """How many epochs there are."""
        return max(map(len, self.values()), default=0)

    def add(self, values: Mapping[str, Any]) -> None:
        """Add the values of one epoch."""
        done = self.epochs
        for name in values:
            self.setdefault(name, [None] * done)
        for name, column in self.items():
            column.append(values.get(name))

    def plot(self, axes: Any = None) -> Any:
        """Draw the curves over the epochs: the losses, and beside them the metrics; validation dashed.

        Args:
            axes: Matplotlib axes: one (for the losses), or two (for losses and metrics). By default a new figure.

        Returns:
            The Matplotlib figure; `figure.savefig("history.png")` writes it.

        Raises:
            ImportError: if Matplotlib is not installed.
        """
        groups = [
            [name for name in self if name.removeprefix("val_") == "loss"],
            [name for name in self if name != "lr" and name.removeprefix("val_") != "loss"],
        ]
        if axes is None:
            axes = _new_axes(1 + bool(groups[1]))
        elif not isinstance(axes, Sequence) and not hasattr(axes, "__len__"):
            axes = [axes]
        for one, names in zip(axes, groups):
            colors: dict[str, str] = {}
            for name in names:
                plain = name.removeprefix("val_")
                color = colors.setdefault(plain, f"C{len(colors)}")
                points = [(epoch, value) for epoch, value in enumerate(self[name], 1) if value is not None]
                label = f"{plain}, validation" if name != plain else f"{plain}, training"
                one.plot(*zip(*points), "--" if name != plain else "-", color=color, label=label, marker=".")
            one.set_xlabel("epoch")
            one.xaxis.get_major_locator().set_params(integer=True)
            if names:
                one.legend()
        return axes[0].figure


def _new_axes(count: int) -> list[Any]:
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError('History.plot needs Matplotlib: pip install "tinygrad_course[plot]"') from error
    figure = Figure(figsize=(5.5 * count, 3.6), layout="constrained")
    return list(figure.subplots(1, count, squeeze=False).flat)
