"""`python -m benchmarks [SUITE ...]`: measure, print a table, write results."""

from __future__ import annotations

import argparse
import json
import sys
import time

from .case import PACKAGES, SUITES, load
from .machine import facts, set_threads, thread_counts
from .measure import Disagreement, Speed, fits, installed, measure
from .report import duration, heading, markdown, plot


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("suites", nargs="*", metavar="SUITE", help=f"which of {', '.join(SUITES)} (default: all)")
    parser.add_argument("--json", metavar="FILE", help="write the results here")
    parser.add_argument("--plot", metavar="FILE", help="draw the ratios here (.svg, .png)")
    peers = [name for name in PACKAGES if name != "tc"]
    parser.add_argument("--peers", default=",".join(peers), help="systems to compare with (default: %(default)s)")
    parser.add_argument("--only", metavar="TEXT", default="", help="cases whose name contains this")
    parser.add_argument("--threads", type=int, default=1, help="threads of each system (default: 1)")
    parser.add_argument("--seconds", type=float, default=1.0, help="timing of each system in each case (default: 1)")
    parser.add_argument("--quick", action="store_true", help="tiny sizes and times: only to see that it runs")
    options = parser.parse_args(arguments)
    suites = options.suites or list(SUITES)
    wanted = [name for name in options.peers.split(",") if name]
    for given, known in ((suites, SUITES), (wanted, peers)):
        if unknown := [name for name in given if name not in known]:
            parser.error(f"unknown: {', '.join(unknown)}; choose from {', '.join(known)}")
    if options.threads < 1:
        parser.error("--threads must be at least 1")
    if "numpy" not in sys.modules:
        set_threads(options.threads)
    elif options.threads != 1:
        parser.error("NumPy is loaded already, with its own number of threads")
    missing = [name for name in wanted if not installed(name)]
    systems = ["tc", *(name for name in wanted if name not in missing)]
    speed = Speed()
    result = {
        "date": time.strftime("%Y-%m-%d"), "threads": options.threads, "quick": options.quick,
        "seconds": options.seconds, "machine": facts(*PACKAGES.values()), "missing": missing, "rows": [], "failed": [],
    }  # fmt: skip
    seconds = 0.01 if options.quick else options.seconds
    print(heading(result), file=sys.stderr)
    for suite in suites:
        for case in load(suite, options.quick):
            if options.only not in case.name:
                continue
            print(f"{suite}: {case.name}", end=" ", file=sys.stderr, flush=True)
            try:
                row = measure(case, systems, seconds=seconds, threads=options.threads, quick=options.quick, speed=speed)
                result["rows"].append(row)
                result["failed"] += row["failed"].values()
                print(*(f"{k} {duration(v['median'])}" for k, v in row["systems"].items()), sep=", ", file=sys.stderr)
            except (Disagreement, RuntimeError) as error:
                result["failed"].append(str(error))
                print(f"FAILED: {error}", file=sys.stderr)
    result |= {"fits": fits(result["rows"]), "speed": speed.known, "thread_counts": thread_counts()}
    print(heading(result), markdown(result), sep="\n\n")
    print(f"\nthreads: {result['thread_counts']}; measured: {speed.known}")
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump(result, file, indent=1)
            file.write("\n")
    if options.plot:
        plot(result, options.plot)
    return 1 if result["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
