"""What a test run chose for all checks; the pytest plugin fills it from the command line."""

from __future__ import annotations

from typing import Any

__all__ = ["PROFILES", "chosen"]

# How many examples a test made by `check_gradients` tries.
PROFILES = {"quick": 10, "normal": 100, "thorough": 1000}

# Any of "seed", "order" and "examples".
chosen: dict[str, Any] = {}
