"""What all chapters share: their options, progress, and the report of a run: figures, derivations, claims."""

import argparse
import contextlib
import json
import os
import sys
import time
from pathlib import Path

import plotting

import tinygrad_course as tc


def start(doc, file, options=()):
    """Read the command line and set the seed.

    Args:
        doc: the script's docstring; its first line is what --help says.
        file: the script's `__file__`.
        options: further options, as pairs of a name and the keywords of `add_argument`.

    Returns:
        The arguments, and the Report of this run.
    """
    parser = argparse.ArgumentParser(description=doc.splitlines()[0])
    parser.add_argument("--out", default="out", type=Path, metavar="DIR", help="folder for the figures (default: out)")
    parser.add_argument("--quick", action="store_true", help="seconds only: fewer steps, smaller problems")
    parser.add_argument("--seed", default=0, type=int, help="of all random draws (default: 0)")
    parser.add_argument("--bare", action="store_true", help="captions in claims.json only, not under the figures")
    for name, keywords in options:
        parser.add_argument(name, **keywords)
    args = parser.parse_args()
    tc.manual_seed(args.seed)
    return args, Report(Path(file).stem, args)


class progress:
    """Count steps, with a bar (tqdm, on a terminal) or with a line at every quarter.

    `for step in (bar := progress(1000, "sin")): ...; bar.note = f"E = {e}"` says besides how far the error is.

    Args:
        steps: how many, or a sequence to go through.
        label: what is going on.
    """

    def __init__(self, steps, label):
        self.steps, self.label, self.note = range(steps) if isinstance(steps, int) else steps, label, ""

    def __iter__(self):
        bar, count = None, len(self.steps)
        if sys.stderr.isatty():
            with contextlib.suppress(ImportError):
                from tqdm import tqdm

                bar = tqdm(total=count, desc=f"  {self.label}", leave=False)
        quarters = {count * k // 4 for k in (1, 2, 3, 4)}
        for done, step in enumerate(self.steps, start=1):
            yield step
            if bar is not None:
                bar.set_postfix_str(self.note, refresh=False)
                bar.update()
            elif done in quarters:
                print(f"  {self.label:12s} {done:6d}/{count}   {self.note}".rstrip(), flush=True)
        if bar is not None:
            bar.close()


class Report:
    """What one run leaves: its figures, and the numbers that it measured for or against the chapter's claims."""

    def __init__(self, chapter, args):
        self.chapter, self.out, self.quick, self.seed = chapter, args.out, args.quick, args.seed
        self.bare = args.bare
        self.started = time.perf_counter()
        self.figures, self.claims, self.derivations = [], [], []

    def save(self, figure, name, caption):
        """Write a figure with a caption under it that says what is to be seen."""
        self.out.mkdir(parents=True, exist_ok=True)
        if not self.bare:
            plotting.write_below(figure, caption)
        figure.savefig(self.out / name, dpi=120, bbox_inches="tight", pad_inches=0.12)
        self.figures.append({"file": name, "caption": caption})

    def draw(self, drawing, stem, caption):
        """Write a graph as SVG, or as DOT where Graphviz is not to be had."""
        self.out.mkdir(parents=True, exist_ok=True)
        try:
            path = drawing.write(self.out / f"{stem}.svg")
        except tc.viz.RenderError as error:
            path = drawing.write(self.out / f"{stem}.dot")
            print(error)
        self.figures.append({"file": Path(path).name, "caption": caption})

    def derive(self, derivation, caption):
        """Keep a derivation's equations, each with its shape and range, for the report of all chapters."""
        steps = []
        for step in derivation.steps:
            value = " × ".join(map(str, step.shape)) or "scalar"
            if step.value is not None:
                low, high = step.value.min(), step.value.max()
                value += f": {low:.4g}" + (f" … {high:.4g}" if high > low else "")
            which = "backward" if step.backward else "forward"
            steps.append({"pass": which, "latex": step.latex, "text": step.text, "value": value})
        self.derivations.append({"caption": caption, "steps": steps})

    def claim(self, name, text, measured, holds):
        """State a claim of the lecture with the number that this run measured, for or against it.

        Args:
            name: a short name for `claims.json`.
            text: the claim, as a sentence without its full stop.
            measured: a number, or a dict of named numbers.
            holds: whether the numbers bear it out.
        """
        numbers = measured if isinstance(measured, dict) else {"": measured}
        told = ", ".join(f"{key} {value:.4g}".strip() for key, value in numbers.items())
        if not self.claims:
            print()
        self.claims.append({"name": name, "claim": text, "measured": measured, "holds": bool(holds)})
        print(f"Claim: {text}. Measured: {told}: {'holds' if holds else 'DOES NOT HOLD on this run'}.")

    def close(self):
        """Add this chapter to `claims.json` in the folder of the figures; return the script's exit code."""
        path = self.out / "claims.json"
        self.out.mkdir(parents=True, exist_ok=True)
        known = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        known[self.chapter] = {
            "quick": self.quick,
            "seed": self.seed,
            "seconds": round(time.perf_counter() - self.started, 2),
            "claims": self.claims,
            "figures": self.figures,
            "derivations": self.derivations,
        }
        fresh = path.with_name(f"claims.json.{os.getpid()}")
        fresh.write_text(json.dumps(known, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        fresh.replace(path)
        print(f"wrote {', '.join(f['file'] for f in self.figures)} and claims.json to {self.out}")
        return 0
