"""A pytest plugin: options for gradient checks, a fixture `gradcheck`, and failures that are told by their diagnosis.

Nothing but pytest is imported until an option, the fixture or a failure asks for it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator
from functools import partial
from typing import Any

import pytest

__all__ = ["gradcheck", "pytest_addoption", "pytest_configure", "pytest_runtest_makereport"]

PROFILES = ("quick", "normal", "thorough")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    group = parser.getgroup("gradients", "gradient checks (tinygrad_course)")
    group.addoption("--gradients-seed", type=int, metavar="N", help="of cotangents, directions and drawn inputs")
    group.addoption(
        "--gradients-order", type=int, choices=(1, 2, 3), metavar="K",
        help="check derivatives up to this order where a test does not say (default: 1)",
    )  # fmt: skip
    group.addoption(
        "--gradients-profile", choices=PROFILES,
        help="inputs that each check_gradients test tries: 10, 100 or 1000 (default: Hypothesis' own)",
    )  # fmt: skip


def pytest_configure(config: pytest.Config) -> None:
    """Hand the options to the package, if there are any."""
    given = {name: config.getoption(f"gradients_{name}") for name in ("seed", "order", "profile")}
    if any(value is not None for value in given.values()):
        from tinygrad_course.testing import defaults

        defaults.chosen.update({k: v for k, v in given.items() if v is not None and k != "profile"})
        if given["profile"]:
            defaults.chosen["examples"] = defaults.PROFILES[given["profile"]]


@pytest.fixture
def gradcheck(request: pytest.FixtureRequest) -> Callable[..., Any]:
    """`tc.testing.gradcheck` with the seed and the order of the command line, where a call does not say."""
    from tinygrad_course.testing import gradcheck as check

    given = {name: request.config.getoption(f"gradients_{name}") for name in ("seed", "order")}
    chosen = {name: value for name, value in given.items() if value is not None}
    return partial(check, **chosen)  # no function of ours: reports name the line that called the checker


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[Any]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Tell a wrong gradient by its diagnosis and the inputs that show it, not by a traceback through the checker."""
    report = yield
    known = sys.modules.get("tinygrad_course.testing.report")
    if known is not None and call.excinfo is not None and isinstance(call.excinfo.value, known.GradientError):
        error = call.excinfo.value
        where = next((e for e in reversed(call.excinfo.traceback) if str(e.path) == str(item.path)), None)
        lines = [str(error), *getattr(error, "__notes__", ())]
        if where is not None:
            lines.append(f"\n{item.path}:{where.lineno + 1}: {type(error).__name__}")
        report.longrepr = "\n".join(lines)
    return report
