"""`python -m benchmarks.checking --checks 100000`: how good the checker is, as a table and as JSON.

A run can be stopped at any time; called again with the same file and seed, it goes on where it was.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from . import peers, planted, right
from .table import markdown
from .work import Counts

PARTS = ("right", "planted", "peers")
SAVE_EVERY = 20.0
# Examples of failures that are kept, of each part.
KEPT = 40


def main(arguments: list[str] | None = None) -> int:
    """Run what is asked for and not done yet; give 1 if there was a false alarm."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.checking", description=__doc__)
    parser.add_argument("--checks", type=int, default=2000, help="how many checks of right gradients (default: 2000)")
    parser.add_argument("--samples", type=int, default=1, help="calls of each primitive with each bug (default: 1)")
    parser.add_argument("--seed", type=int, default=0, help="the same seed gives the same checks (default: 0)")
    parser.add_argument("--parts", default=",".join(PARTS), help="some of %(default)s")
    parser.add_argument("--json", metavar="FILE", help="keep results here, and resume from here")
    options = parser.parse_args(arguments)
    if unknown := set(options.parts.split(",")) - set(PARTS):
        parser.error(f"unknown parts: {', '.join(sorted(unknown))}; choose from {', '.join(PARTS)}")
    result = _resumed(options.json, options.seed)
    saved = started = time.monotonic()
    before = result["seconds"]
    try:
        for name, step in _todo(options, result):
            if name not in result["done"]:
                _add(result, name, step())
                result["seconds"] = round(before + time.monotonic() - started)
                if time.monotonic() - saved > SAVE_EVERY:
                    _save(options.json, result)
                    saved = time.monotonic()
                    print(f"{result['checks']} checks, {name}", file=sys.stderr, flush=True)
    except KeyboardInterrupt:
        print("stopped; the same call goes on from here", file=sys.stderr)
    _save(options.json, result)
    print(markdown(result))
    return 1 if any(row.get("alarms") for row in result["rows"].get("right", {}).values()) else 0


def _todo(options: argparse.Namespace, result: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    parts = options.parts.split(",")
    if "planted" in parts:
        yield from planted.steps(options.seed, options.samples)
    if "peers" in parts:
        yield from peers.steps(options.seed, options.samples)
    if "right" in parts:
        for name, step in right.rounds(options.seed):
            if result["checks"] >= options.checks:
                break
            yield f"right/{name}", step


def _add(result: dict[str, Any], name: str, counts: Counts) -> None:
    """Add up under the first two words of a step's name: the part, and what a row of the table is about."""
    part, row, *_ = name.split("/")
    kept = result["examples"].setdefault(part, [])
    kept += counts.pop("examples")[: max(0, KEPT - len(kept))]
    total = result["rows"].setdefault(part, {}).setdefault(row, {})
    for key, value in counts.items():
        total[key] = total.get(key, 0) + value
    if part == "right":
        result["checks"] += counts["checks"]
    result["done"][name] = 1


def _resumed(path: str | None, seed: int) -> dict[str, Any]:
    if path and Path(path).exists():
        result = json.loads(Path(path).read_text(encoding="utf-8"))
        if result["seed"] != seed:
            raise SystemExit(f"{path} was begun with seed {result['seed']}; give --seed {result['seed']}")
        if "done" not in result:
            raise SystemExit(f"{path} is complete; name another file")
        return result
    versions = {name: _version(name) for name in ("numpy", "hypothesis", "torch", "autograd")}
    return {"seed": seed, "seconds": 0, "checks": 0, "versions": versions, "rows": {}, "examples": {}, "done": {}}


def _version(package: str) -> str | None:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _save(path: str | None, result: dict[str, Any]) -> None:
    if path:
        target = Path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_suffix(".part")
        part.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        part.replace(target)


if __name__ == "__main__":
    sys.exit(main())
