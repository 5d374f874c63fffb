"""`viz.explore`: the page, without a browser and in a real one (skipped where Chromium or selenium is missing)."""

import json
import re

import numpy as np
import pytest

import tinygrad_course as tc
import tinygrad_course.nn.functional as F
from tinygrad_course.viz.layout import layered
from tinygrad_course.viz.mathml import mathml

# Names of languages, which nobody fetches.
NAMESPACES = {"http://www.w3.org/2000/svg", "http://www.w3.org/1998/Math/MathML"}
PARENTHESIZED_ONE = ["mrow", ["mo", "("], ["mn", "1"], ["mo", ")"]]


def lecture():
    """The lecture's network in float64: the loss, the leaves by name, and the values between that have names."""
    rng = np.random.default_rng(0)
    x, t = tc.tensor(rng.normal(size=(5, 2))), tc.tensor(rng.normal(size=(5, 1)))
    W1, b1, W2, b2 = (tc.tensor(rng.normal(size=s), requires_grad=True) for s in ((3, 2), (3,), (1, 3), (1,)))
    a1 = x @ W1.T + b1
    z1 = tc.tanh(a1)
    y = z1 @ W2.T + b2
    loss = ((y - t) ** 2).sum() / 2
    return loss, {"W1": W1, "b1": b1, "W2": W2, "b2": b2, "a1": a1, "z1": z1, "y": y}, {"x": x, "t": t}


def written(tmp_path, loss, **options):
    path = tc.viz.explore(loss, tmp_path / "page.html", **options)
    page = path.read_text(encoding="utf-8")
    return page, json.loads(re.search(r'<script type="application/json" id="facts">(.*?)</script>', page, re.S)[1])


def test_the_page_is_one_file_without_addresses(tmp_path):
    loss, values, inputs = lecture()
    page, facts = written(tmp_path, loss, names={**values, **inputs})
    assert not re.search(r"""(src|href)\s*=|@import|url\(|fetch\(""", page)
    assert set(re.findall(r"https?://[^\"'\s]*", page)) <= NAMESPACES
    assert [phase for phase, _ in facts["steps"]] == sorted((p for p, _ in facts["steps"]), reverse=True)


def test_every_value_and_cotangent_is_there(tmp_path):
    loss, values, inputs = lecture()
    _, facts = written(tmp_path, loss, names={**values, **inputs})
    grads = dict(zip(values, tc.autograd.grad(loss, list(values.values()))))
    found = {v["name"]: v for v in facts["vertices"]}
    for name, value in {**values, **inputs}.items():
        np.testing.assert_array_equal(np.reshape(found[name]["value"]["rows"], value.shape), value.numpy(force=True))
    for name, grad in grads.items():
        np.testing.assert_allclose(np.reshape(found[name]["bar"]["value"]["rows"], grad.shape), grad.array, rtol=1e-12)
    assert "bar" not in found["x"]
    assert found["z1"]["formula"]["text"] == "z1 = np.tanh(a1)"
    assert [(part["to"], part["text"]) for part in found["z1"]["local"]] == [("a1", "(1 - z1**2) * z1_bar")]


def test_names_are_data_not_markup(tmp_path):
    w = tc.tensor([1.0, 2.0], requires_grad=True)
    page, facts = written(tmp_path, (w * w).sum(), names={"</script><script>alert(1)</script>": w})
    assert "<script>alert" not in page
    assert facts["vertices"][0]["name"].isidentifier()


def test_values_that_json_has_no_word_for(tmp_path):
    w = tc.tensor([0.0, -1.0], requires_grad=True)
    with np.errstate(all="ignore"):
        _, facts = written(tmp_path, tc.log(w).sum())
    shown = [v["value"]["rows"] for v in facts["vertices"] if v.get("op") == "log"]
    assert shown == [[["-inf", "nan"]]]


def test_large_values_are_cut_and_large_graphs_warn(tmp_path):
    w = tc.ones(100, 50, requires_grad=True)
    _, facts = written(tmp_path, (w * 2).sum())
    (vertex,) = (v for v in facts["vertices"] if v["name"] == "w")
    assert np.shape(vertex["value"]["rows"]) == (8, 8)
    assert vertex["value"]["more"] == "5000 values from 1 to 1; the first are"
    x = tc.tensor([0.5], requires_grad=True)
    y = x
    for _ in range(450):
        y = tc.sin(y)
    with pytest.warns(UserWarning, match=r"the graph has 45\d vertices; the page is made for up to 400"):
        _, facts = written(tmp_path, y.sum())
    assert "slow" in facts["note"]


def test_errors(tmp_path):
    with pytest.raises(TypeError, match="explore: expected a Tensor"):
        tc.viz.explore(1.0, tmp_path / "a.html")
    with pytest.raises(RuntimeError, match="explore: nothing was recorded"):
        tc.viz.explore(tc.tensor(1.0), tmp_path / "a.html")
    assert not list(tmp_path.iterdir())


def test_formulas_become_mathml():
    assert mathml(r"\frac{\partial E}{\partial W^{(1)}} = {\delta^{(1)}}^{\top} x") == [
        "math",
        [
            "mrow",
            [
                "mfrac",
                ["mrow", ["mo", "∂"], ["mi", "E"]],
                ["mrow", ["mo", "∂"], ["msup", ["mi", "W"], PARENTHESIZED_ONE]],
            ],
            ["mo", "="],
            ["msup", ["mi", "δ"], ["mrow", PARENTHESIZED_ONE, ["mo", "⊤"]]],
            ["mi", "x"],
        ],
    ]
    assert mathml(r"\bar{v} - \sum_{\mathrm{axis}\,0} \left|\mathrm{my\_w}\right|")[1][1:] == [
        ["mover", ["mi", "v"], ["mo", "‾"]],
        ["mo", "−"],
        ["munder", ["mo", "∑"], ["mrow", ["mi", "axis"], ["mspace"], ["mn", "0"]]],
        ["mo", "|"],
        ["mi", "my_w"],
        ["mo", "|"],
    ]


def test_layout_keeps_boxes_apart_and_edges_downwards():
    rng = np.random.default_rng(0)
    for count in (1, 2, 30, 120):
        edges = [(int(rng.integers(0, b)), b) for b in range(1, count) for _ in range(rng.integers(1, 3))]
        places, bends = layered(count, edges, 190, 100)
        assert all(places[a][1] < places[b][1] for a, b in edges)
        for i, (x, y) in enumerate(places):
            assert x >= 95 - 1e-6
            assert all(abs(x - u) >= 190 - 1e-6 for u, v in places[:i] if v == y)
        for (a, b), path in zip(edges, bends):
            heights = [places[a][1], *(y for _, y in path), places[b][1]]
            np.testing.assert_allclose(np.diff(heights), 100)


# --- in a browser ---------------------------------------------------------------------------------------------------


def numbers(browser, label):
    """The numbers of the table with this accessible name, as displayed and in full; None if it is not there."""
    cells = browser.execute_script(
        "const table = document.querySelector(`table[aria-label='${arguments[0]}']`);"
        "return table && [...table.querySelectorAll('td')].map(c => [c.textContent, c.dataset.value])",
        label,
    )
    return None if cells is None else np.array(cells, dtype=float).T


def press(browser, *keys):
    from selenium.webdriver.common.action_chains import ActionChains

    ActionChains(browser).send_keys(*keys).perform()


def test_a_whole_backward_pass_with_the_mouse(browser, tmp_path):
    loss, values, inputs = lecture()
    path = tc.viz.explore(loss, tmp_path / "page.html", names={**values, **inputs})
    grads = dict(zip(values, tc.autograd.grad(loss, list(values.values()))))
    browser.get(path.as_uri())
    facts = json.loads(browser.find_element("id", "facts").get_attribute("textContent"))
    named = [v["name"] for v in facts["vertices"]]
    checked = {"forward": set(), "backward": set()}
    for i, (phase, v) in enumerate(facts["steps"], 1):
        name = named[v]
        browser.find_element("id", "next").click()
        assert browser.find_element("id", "count").text == f"{i} / {len(facts['steps'])}"
        assert browser.find_element("css selector", "#panel h2").text == name
        told = browser.find_element("id", "told").text
        assert told.lower().startswith(phase)
        if phase == "forward":
            assert numbers(browser, f"cotangent of {name}") is None
        expected = {"forward": values, "backward": grads}[phase].get(name)
        if expected is not None:
            label = f"{'value' if phase == 'forward' else 'cotangent'} of {name}"
            shown, full = numbers(browser, label)
            np.testing.assert_allclose(full, expected.numpy(force=True).ravel(), rtol=1e-12)
            np.testing.assert_allclose(shown, expected.numpy(force=True).ravel(), rtol=1e-3)
            checked[phase].add(name)
    assert checked == {"forward": {"a1", "z1", "y"}, "backward": set(values)}
    assert not browser.find_element("id", "next").is_enabled()
    box = browser.find_element("css selector", "[data-name=W1]")
    browser.execute_script("arguments[0].scrollIntoView()", box)
    box.click()
    assert browser.find_element("css selector", "#panel h2").text == "W1"
    assert browser.get_log("browser") == []


def test_the_keyboard_alone_and_what_is_read_out(browser, tmp_path):
    from selenium.webdriver.common.keys import Keys

    loss, values, inputs = lecture()
    path = tc.viz.explore(loss, tmp_path / "page.html", names={**values, **inputs})
    browser.get(path.as_uri())

    def count():
        return browser.find_element("id", "count").text.split(" / ")

    total = count()[1]
    press(browser, Keys.ARROW_RIGHT, Keys.ARROW_RIGHT, Keys.ARROW_LEFT)
    assert count() == ["1", total]
    press(browser, Keys.END)
    assert count() == [total, total]
    press(browser, Keys.HOME)
    assert count() == ["0", total]
    for box in browser.find_elements("css selector", "g.vertex"):
        label = box.get_attribute("aria-label")
        assert box.get_attribute("role") == "button"
        assert label.startswith(box.get_attribute("data-name"))
        assert ("not computed yet" in label) == (", input," not in label and ", parameter," not in label)
    press(browser, " ")
    assert browser.find_element("id", "play").text == "Pause"
    press(browser, " ")
    assert browser.find_element("id", "play").text == "Play"
    for element in browser.find_elements("css selector", "button, input"):
        assert element.get_attribute("aria-label")
    assert browser.find_element("id", "told").get_attribute("aria-live") == "polite"
    assert len(browser.find_elements("css selector", "g.vertex[tabindex='0']")) == 1
    assert browser.get_log("browser") == []


def test_it_can_be_read_in_light_and_dark(browser, tmp_path):
    W = tc.tensor([[0.1, 0.2], [0.3, -0.4]], requires_grad=True)
    path = tc.viz.explore(F.cross_entropy(tc.tensor([[1.0, 2.0]]) @ W, tc.tensor([1])), tmp_path / "page.html")
    browser.get(path.as_uri())
    script = """
        const linear = x => x <= .03928 ? x / 12.92 : ((x + .055) / 1.055) ** 2.4;
        const lum = c => { const [r, g, b] = c.match(/[0-9.]+/g).map(x => linear(x / 255));
            return .2126 * r + .7152 * g + .0722 * b; };
        const style = s => getComputedStyle(document.querySelector(s));
        const ratio = (a, b) => { const [h, l] = [lum(a), lum(b)].sort((x, y) => y - x);
            return (h + .05) / (l + .05); };
        const box = kind => style(`.${kind} rect`).fill;
        return [ratio(style('body').color, style('body').backgroundColor),
            ratio(style('.faint').color, style('header').backgroundColor),
            ...['op', 'parameter'].flatMap(kind => ['text', '.what', '.seen', '.flown']
                .map(t => ratio(style(`.${kind} ${t}`).fill, box(kind))))];
    """
    press(browser, "\ue010")  # End
    for theme in ("light", "dark"):
        features = [{"name": "prefers-color-scheme", "value": theme}]
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
        ratios = browser.execute_script(script)
        assert min(ratios) >= 4.5, (theme, ratios)  # WCAG 2, level AA
