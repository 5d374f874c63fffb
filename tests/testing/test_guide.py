"""The guide docs/checking.md says what the checker says: its examples are run."""

from __future__ import annotations

import doctest
from pathlib import Path

import pytest

GUIDE = Path(__file__).parents[2] / "docs" / "checking.md"


def sessions() -> str:
    """The Python blocks of the guide, without the fences, which doctest would take for output."""
    kept, inside = [], False
    for line in GUIDE.read_text(encoding="utf-8").splitlines():
        fence = line.startswith("```")
        inside = line.startswith("```python") or (inside and not fence)
        kept.append("" if fence or not inside else line)
    return "\n".join(kept)


def test_the_guide_runs():
    if not GUIDE.exists():
        pytest.skip("the guide is not part of this installation")
    test = doctest.DocTestParser().get_doctest(sessions(), {}, "checking.md", str(GUIDE), 0)
    assert len(test.examples) > 15
    report: list[str] = []
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE | doctest.REPORT_NDIFF
    doctest.DocTestRunner(optionflags=flags).run(test, out=report.append)
    assert not report, "".join(report)
