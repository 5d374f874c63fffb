"""Figures of training and of what layers do, with Matplotlib (the extra `plot`).

Each function draws into the Axes (`ax=`) or Figure (`figure=`) that it is given, or into a new one, and returns it. No
pyplot state is touched, so that they work without a display; `ax.figure.savefig("fit.png")` writes a file.
"""

from .fitting import decision_regions, fit
from .hidden import warped_grid
from .images import feature_maps, filters, reconstructions
from .layers import Recorder, histograms, singular_values
from .scores import confusion_matrix, curves

__all__ = [
    "Recorder",
    "confusion_matrix",
    "curves",
    "decision_regions",
    "feature_maps",
    "filters",
    "fit",
    "histograms",
    "reconstructions",
    "singular_values",
    "warped_grid",
]
