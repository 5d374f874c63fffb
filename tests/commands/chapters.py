"""Small chapters for the tests of the command: they need nothing but Python."""

import base64
import textwrap

# One red pixel.
PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg=="
)
GRAPH = '<svg xmlns="http://www.w3.org/2000/svg" width="9pt" height="9pt"><script>alert(1)</script></svg>'

HELPER = f"""
import argparse, json, pathlib, sys

parser = argparse.ArgumentParser()
parser.add_argument("--out", type=pathlib.Path)
parser.add_argument("--seed", type=int)
for flag in ("--quick", "--bare"):
    parser.add_argument(flag, action="store_true")
args = parser.parse_args()
name = pathlib.Path(sys.argv[0]).stem
runs = pathlib.Path(sys.argv[0]).parent / f"{{name}}.runs"
runs.write_text((runs.read_text() if runs.exists() else "") + "x")
assert args.bare


def leave(claims=(), figures=(), derivations=()):
    for figure in figures:
        png = {PIXEL!r}
        (args.out / figure["file"]).write_bytes(png if figure["file"].endswith("png") else {GRAPH.encode()!r})
    entry = {{"quick": args.quick, "seed": args.seed, "claims": claims, "figures": figures, "derivations": derivations}}
    (args.out / "claims.json").write_text(json.dumps({{name: entry}}))
"""

PLAIN = """
    '''Chapter 1: first: the plain one.

        python 01_plain.py

    About the first.
    '''
    from common import leave
    leave([{"claim": "one is one", "measured": 1.0, "holds": True}])
"""
WORDS = r"""
    '''Chapter 2: a < b & c.

    With <b>markup</b> in it.
    '''
    from common import leave
    print("\x1b[31mred\x1b[0m <script>alert(2)</script> & é \x00")
    leave(
        [{"claim": "<i>a</i> & b", "measured": {"<u>": 0.123456, "inf": float("inf"), "n": 3}, "holds": False}],
        [{"file": "a.png", "caption": 'A "pixel" <i>'}, {"file": "b.svg", "caption": "A graph."}],
        [{"caption": "Derived.", "steps": [
            {"pass": "forward", "latex": "y = {W}^{(1)} \\odot x", "text": "y", "value": "2 < 3"},
            {"pass": "backward", "latex": "\\frac{\\partial E}{\\partial W}", "text": "dE", "value": "2"}]}],
    )
"""
FAILS = """
    '''Chapter 4: it fails.'''
    import common
    print("so far, so good")
    raise ValueError("no <good>")
"""
SILENT = """
    '''Chapter 5: it leaves nothing.'''
    import common
"""


def write(folder, **sources):
    """Write chapters, `_01_plain="..."`, and the helper that they share, into a folder; give its path."""
    folder.mkdir(exist_ok=True)
    (folder / "common.py").write_text(HELPER, encoding="utf-8")
    for name, source in sources.items():
        (folder / f"{name.lstrip('_')}.py").write_text(textwrap.dedent(source), encoding="utf-8")
    return folder


def runs(folder, name):
    """How often a chapter was run."""
    path = folder / f"{name}.runs"
    return len(path.read_text()) if path.exists() else 0
