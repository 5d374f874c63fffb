"""The report: one valid page that holds everything, with all text escaped, in a browser too."""

import base64
import re
import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinygrad_course.cli import main
from tinygrad_course.lecture.markup import Markup, formula, tag
from tinygrad_course.lecture.page import _figure
from tinygrad_course.viz.mathml import mathml

from .chapters import FAILS, GRAPH, PIXEL, PLAIN, WORDS, write


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """A report on three chapters, one of which fails: its path."""
    pytest.importorskip("matplotlib")
    folder = tmp_path_factory.mktemp("report")
    write(folder / "scripts", _01_plain=PLAIN, _02_words=WORDS, _04_fails=FAILS)
    assert main(["lecture", "--examples", str(folder / "scripts"), "-o", str(folder / "out")]) == 1
    return folder / "out" / "index.html"


@pytest.fixture(scope="module")
def page(report):
    """The report's text, and its elements: it is well-formed."""
    text = report.read_text(encoding="utf-8")
    start = "<!doctype html>\n"
    assert text.startswith(start)
    return text, ET.fromstring(text[len(start) :])


def said(element):
    return " ".join("".join(element.itertext()).split())


def test_it_is_one_file_without_addresses(page):
    text, root = page
    assert not re.findall(r"https?:", text.replace(base64.b64encode(GRAPH.encode()).decode(), ""))
    assert all(e.get("src").startswith("data:image/") for e in root.iter() if e.get("src"))
    assert not list(root.iter("link"))
    assert "@import" not in text
    assert "url(" not in text


def test_names_are_unique_and_links_lead_somewhere(page):
    _, root = page
    names = [e.get("id") for e in root.iter() if e.get("id")]
    assert len(names) == len(set(names))
    links = [a.get("href") for a in root.iter("a")]
    assert {link.removeprefix("#") for link in links} <= set(names)
    contents = root.find("body/nav/ol")
    assert [said(li.find("a/span")) for li in contents] == ["First", "A < b & c", "It fails"]
    assert [said(li.find("a/i")) for li in contents] == ["1/1", "0/1", "failed"]


def test_figures_are_inside_with_their_captions(page):
    _, root = page
    section = root.find(".//section[@id='02_words']")
    pictures = list(section.iter("img"))
    data = [base64.b64decode(p.get("src").partition("base64,")[2]) for p in pictures]
    assert data == [PIXEL, GRAPH.encode()]
    assert [p.get("src")[:15] for p in pictures] == ["data:image/png;", "data:image/svg+"]
    assert [p.get("alt") for p in pictures] == ['A "pixel" <i>', "A graph."]
    assert [said(c) for c in section.iter("figcaption")] == ["Derived.", 'A "pixel" <i>', "A graph."]


def test_a_graph_that_nothing_drew_is_shown_as_text(tmp_path):
    (tmp_path / "g.dot").write_text("digraph { a -> b }", encoding="utf-8")
    shown = ET.fromstring(_figure({"file": "g.dot", "caption": "A graph."}, tmp_path))
    assert said(shown.find(".//pre")) == "digraph { a -> b }"
    assert "Graphviz" in said(shown.find(".//p"))
    assert shown.find(".//img") is None


def test_claims_formulas_and_output_are_told_as_text(page):
    text, root = page
    section = root.find(".//section[@id='02_words']")
    assert "With <b>markup</b> in it." in said(section)
    cells = [said(td) for td in section.find(".//table[@class='claims']/tbody/tr")]
    assert cells[0] == "<i>a</i> & b."
    assert cells[1] == "<u>0.1235infinfn3"
    assert cells[2] == "does not hold"
    assert [said(m) for m in section.iter("math")] == ["y=W(1)⊙x", "∂E∂W"]
    assert section.find(".//math//msup") is not None
    assert "red <script>alert(2)</script> & é" in said(section)
    assert len(list(root.iter("script"))) == 1
    assert "alert(2)</script>" not in text
    failed = root.find(".//section[@id='04_fails']/div[@class='failure']")
    assert "ValueError: no <good>" in said(failed)


@given(st.text(), st.text())
def test_any_text_is_told_as_it_is(words, value):
    element = ET.fromstring(tag("p", words, Markup("<br/>"), title=value, hidden=False, id=None))
    kept = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", words)
    kept = "".join(c for c in kept if c in "\t\n\r" or (ord(c) > 31 and not 127 <= ord(c) < 160))
    kept = "".join(c for c in kept if not 0xD800 <= ord(c) < 0xE000 and c not in "\ufffe\uffff")
    assert (element.text or "") == kept.replace("\r\n", "\n").replace("\r", "\n")
    assert set(element.attrib) == {"title"}


def test_a_formula_is_nested_elements():
    assert formula(mathml(r"a < b \, c")) == (
        '<math><mrow><mi>a</mi><mo>&lt;</mo><mi>b</mi><mspace width="0.2em"></mspace><mi>c</mi></mrow></math>'
    )


# --- in a browser -----------------------------------------------------------------------------------------------------


def test_light_and_dark_and_the_switch_between(browser, report):
    def colour():
        return browser.execute_script("return getComputedStyle(document.body).backgroundColor")

    def prefer(scheme):
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})

    browser.get_log("browser")
    prefer("light")
    browser.get(report.as_uri())
    browser.execute_script("try { localStorage.clear() } catch {}")
    browser.refresh()
    light = colour()
    prefer("dark")
    dark = colour()
    assert light != dark
    button = browser.find_element("id", "theme")
    assert button.text == "auto"
    seen = []
    for _ in range(3):
        button.click()
        seen.append((button.text, colour()))
    assert seen == [("light", light), ("dark", dark), ("auto", dark)]
    prefer("light")
    assert not browser.get_log("browser")
    assert browser.execute_script("return [...document.images].map(i => i.decode && i.complete)") == [True, True]


@pytest.mark.parametrize("width", [320, 700, 1400])
def test_nothing_sticks_out_of_the_page(browser, report, width):
    size = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    try:
        browser.get(report.as_uri())
        browser.execute_script("for (const d of document.querySelectorAll('details')) d.open = true")
        wide = browser.execute_script(
            "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        assert wide == 0
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
