"""Small synthetic problems: curves to fit, and curves on a plane to tell apart."""

import math
from collections.abc import Callable
from typing import ClassVar

import numpy as np

from .dataset import TensorDataset

__all__ = ["BishopTargets", "Sinus", "Spirals", "TwoCurves"]

Function = Callable[[np.ndarray], np.ndarray]


class _Samples(TensorDataset):
    """Points (x, f(x) + noise), as float32 columns of shape (n, 1)."""

    function: Function

    def __init__(
        self, function: Function, n: int, low: float, high: float, noise: float, spacing: str, seed: int
    ) -> None:
        _check_count(type(self).__name__, n)
        if not low < high:
            raise ValueError(f"{type(self).__name__}: expected low < high, got {low} and {high}")
        rng = np.random.default_rng(seed)
        if spacing == "even":
            x = np.linspace(low, high, n)
        elif spacing == "random":
            x = np.sort(rng.uniform(low, high, n))
        else:
            raise ValueError(f"{type(self).__name__}: spacing must be 'even' or 'random', got {spacing!r}")
        t = function(x) + _noise(rng, noise, (n,), type(self).__name__)
        self.function = function
        super().__init__(x[:, None].astype(np.float32), t[:, None].astype(np.float32))
        self.x, self.t = self.tensors


class Sinus(_Samples):
    """t = sin(x): the first problem of the lecture (chapter 1).

    Args:
        n: number of points.
        low, high: the interval of x.
        noise: standard deviation of Gaussian noise on t.
        spacing: "even", or "random" (uniform draws, sorted).
        seed: of the noise and the random spacing.

    Attributes:
        x, t: float32 tensors (n, 1).
        function: the noise-free target, on arrays.

    Example:
        >>> import tinygrad_course as tc
        >>> data = tc.data.Sinus(n=5)
        >>> tuple(data.x.shape), round(float(data.t[1]), 4)
        ((5, 1), 1.0)
    """

    def __init__(
        self,
        n: int = 50,
        low: float = 0.0,
        high: float = 2 * math.pi,
        noise: float = 0.0,
        spacing: str = "even",
        seed: int = 0,
    ) -> None:
        super().__init__(np.sin, n, low, high, noise, spacing, seed)


class BishopTargets(_Samples):
    """The four targets of Bishop, *Pattern Recognition and Machine Learning*, fig. 5.3 (lecture, chapter 2).

    x², sin x, |x| and the Heaviside step, at 50 points. The interval is (−1, 1); for "sin" it is (−π, π), since the
    book's figure shows a whole period.

    Args:
        target: "square", "sin", "abs" or "step".
        n, low, high, noise, spacing, seed: as for `Sinus`.

    Attributes:
        x, t: float32 tensors (n, 1).
        function: the noise-free target, on arrays.
    """

    targets: ClassVar[dict[str, Function]] = {
        "square": np.square,
        "sin": np.sin,
        "abs": np.abs,
        "step": lambda x: np.heaviside(x, 1.0),
    }

    def __init__(
        self,
        target: str = "sin",
        n: int = 50,
        low: float | None = None,
        high: float | None = None,
        noise: float = 0.0,
        spacing: str = "even",
        seed: int = 0,
    ) -> None:
        if target not in self.targets:
            raise ValueError(f"BishopTargets: target must be one of {sorted(self.targets)}, got {target!r}")
        end = math.pi if target == "sin" else 1.0
        low, high = -end if low is None else low, end if high is None else high
        self.target = target
        super().__init__(self.targets[target], n, low, high, noise, spacing, seed)


class _Classes(TensorDataset):
    """Points on a plane (n, 2), float32, and class numbers (n,), int64."""

    def __init__(self, parts: list[np.ndarray], noise: float, seed: int) -> None:
        rng = np.random.default_rng(seed)
        points = np.concatenate(parts)
        points = points + _noise(rng, noise, points.shape, type(self).__name__)
        labels = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
        super().__init__(points.astype(np.float32), labels)
        self.points, self.labels = self.tensors
        self.classes = [str(k) for k in range(len(parts))]


class TwoCurves(_Classes):
    """Two curves on a plane that no line separates, after C. Olah, "Neural Networks, Manifolds, and Topology" (2014).

    y = ½ cos(πx) ± gap/2 on −1 ≤ x ≤ 1: one bump nested under the other (lecture, chapter 3). Two tanh units are enough
    to warp the plane so that a line does it.

    Args:
        n: points per curve.
        gap: vertical distance between the curves.
        noise: standard deviation of Gaussian noise on the points.
        seed: of the noise.

    Attributes:
        points: float32 tensor (2n, 2); labels: int64 tensor (2n,): 0 for the lower curve, 1 for the upper.
    """

    def __init__(self, n: int = 100, gap: float = 0.3, noise: float = 0.0, seed: int = 0) -> None:
        _check_count("TwoCurves", n)
        x = np.linspace(-1.0, 1.0, n)
        bump = 0.5 * np.cos(math.pi * x)
        super().__init__([np.stack([x, bump + side * gap / 2], axis=1) for side in (-1, 1)], noise, seed)


class Spirals(_Classes):
    """Interleaved spirals on a plane, after C. Olah, "Neural Networks, Manifolds, and Topology" (2014).

    r = s, angle = 2π(turns·s + k/classes), for s from 0.1 to 1 and class k.

    Args:
        n: points per spiral.
        classes: number of spirals.
        turns: how often each winds around the origin.
        noise: standard deviation of Gaussian noise on the points.
        seed: of the noise.

    Attributes:
        points: float32 tensor (classes·n, 2); labels: int64 tensor (classes·n,).
    """

    def __init__(self, n: int = 200, classes: int = 2, turns: float = 1.25, noise: float = 0.0, seed: int = 0) -> None:
        _check_count("Spirals", n)
        if classes < 1:
            raise ValueError(f"Spirals: classes must be at least 1, got {classes}")
        s = np.linspace(0.1, 1.0, n)
        parts = []
        for k in range(classes):
            angle = 2 * math.pi * (turns * s + k / classes)
            parts.append(np.stack([s * np.cos(angle), s * np.sin(angle)], axis=1))
        super().__init__(parts, noise, seed)


def _noise(rng: np.random.Generator, scale: float, shape: tuple[int, ...], name: str) -> np.ndarray:
    if not scale >= 0:
        raise ValueError(f"{name}: noise must be a standard deviation >= 0, got {scale}")
    return scale * rng.standard_normal(shape)


def _check_count(name: str, n: int) -> None:
    if isinstance(n, bool) or not isinstance(n, int) or n < 1:
        raise ValueError(f"{name}: n must be a positive integer, got {n!r}")
