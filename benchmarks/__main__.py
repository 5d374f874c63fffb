"""`python -m benchmarks [SUITE ...]`: measure, print a table, write results.

With --json a run that was stopped goes on where it was: the same call measures what the file does not have yet.
"""

from __future__ import annotations

import argparse
import sys
import time
from typing import Any

from .case import SUITES, Case, load
from .limits import Speed
from .machine import facts, set_threads, thread_counts
from .measure import Disagreement, measure
from .processes import Places
from .report import duration, heading, plot, whole
from .results import Results, revision
from .systems import OURS, PEERS, SYSTEMS


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("suites", nargs="*", metavar="SUITE", help=f"which of {', '.join(SUITES)} (default: all)")
    parser.add_argument("--json", metavar="FILE", help="write each row here as soon as it is measured; go on from here")
    parser.add_argument("--again", action="store_true", help="measure rows anew that the file has")
    parser.add_argument("--plot", metavar="FILE", help="draw the speeds here (.svg, .png)")
    parser.add_argument("--peers", default=",".join(PEERS), help="systems to compare with (default: %(default)s)")
    parser.add_argument("--ours", default=",".join(OURS), help="tinygrad_course's ways to run (default: %(default)s)")
    parser.add_argument("--only", metavar="TEXT", default="", help="cases whose name contains this")
    parser.add_argument("--threads", type=int, default=1, help="threads of each system (default: 1)")
    parser.add_argument("--seconds", type=float, default=0.5, help="timing of a system in a case (default: 0.5)")
    parser.add_argument("--quick", action="store_true", help="tiny sizes and times: only to see that it runs")
    options = parser.parse_args(arguments)
    options.suites = options.suites or list(SUITES)
    options.systems = []
    for given, known in ((options.suites, SUITES), (options.ours.split(","), OURS), (options.peers.split(","), PEERS)):
        if unknown := [name for name in given if name and name not in known]:
            parser.error(f"unknown: {', '.join(unknown)}; choose from {', '.join(known)}")
        if known is not SUITES:
            options.systems += [name for name in known if name in given]
    if options.threads < 1:
        parser.error("--threads must be at least 1")
    if "numpy" not in sys.modules:
        set_threads(options.threads)
    elif options.threads != 1:
        parser.error("NumPy is loaded already, with its own number of threads")
    return options


def _wanted(options: argparse.Namespace) -> list[Case]:
    return [case for suite in options.suites for case in load(suite, options.quick) if options.only in case.name]


def run(options: argparse.Namespace, results: Results, systems: list[str]) -> None:
    """Measure what is not there yet."""
    seconds = 0.01 if options.quick else options.seconds
    speed = Speed(options.threads, results.data.setdefault("speed", {}))
    places = Places(options.threads, options.quick)
    suite = ""
    try:
        for case in _wanted(options):
            if results.has(case.suite, case.name):
                continue
            if case.suite != suite:
                places.close()  # what other suites left behind is no matter of this one
                suite = case.suite
            print(f"{case.suite}: {case.name}", end=": ", file=sys.stderr, flush=True)
            start = time.perf_counter()
            try:
                row = measure(case, systems, places=places, seconds=seconds, speed=speed)
            except Disagreement as error:
                results.fail(case.suite, case.name, str(error))
                print(f"FAILED: {error}", file=sys.stderr)
                continue
            row |= {"revision": revision(), "took": round(time.perf_counter() - start, 1)}
            results.add(row)
            told = [f"{name} {duration(entry['median'])}" for name, entry in row["systems"].items()]
            told += [f"{name} FAILED: {reason}" for name, reason in row["failed"].items()]
            print(", ".join(told), f"({row['took']} s)", file=sys.stderr, flush=True)
    finally:
        places.close()


def main(arguments: list[str] | None = None) -> int:
    options = _options(arguments)
    absent = {name: SYSTEMS[name].missing() for name in options.systems}
    packages = dict.fromkeys(p for s in SYSTEMS.values() for p in (s.package, s.needs) if p)
    about: dict[str, Any] = {
        "date": time.strftime("%Y-%m-%d"), "threads": options.threads, "quick": options.quick,
        "seconds": options.seconds, "machine": facts(*packages),
        "missing": [f"{SYSTEMS[name].title} ({package})" for name, package in absent.items() if package],
    }  # fmt: skip
    try:
        results = Results(options.json, about)
    except ValueError as error:
        print(f"{error}; give another file, or remove this one", file=sys.stderr)
        return 2
    if options.again:
        for case in _wanted(options):
            results.drop(case.suite, case.name)
    print(heading(results.data), file=sys.stderr)
    run(options, results, [name for name, package in absent.items() if not package])
    order = [(case.suite, case.name) for suite in SUITES for case in load(suite, options.quick)]
    result = results.finish(order, thread_counts=thread_counts())
    print(heading(result), whole(result), sep="\n\n")
    print(f"\nthreads: {result['thread_counts']}; measured: {result['speed']}")
    if options.plot:
        plot(result, options.plot)
    return 1 if results.failures() else 0


if __name__ == "__main__":
    sys.exit(main())
