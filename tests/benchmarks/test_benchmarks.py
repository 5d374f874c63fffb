"""Every case of every suite runs with tiny sizes, and its systems compute the same; what is measured is reported."""

import gc
import importlib
import importlib.util
import json
import math

import pytest

from benchmarks import __main__ as command
from benchmarks import measure, table
from benchmarks.case import PACKAGES, SUITES, Case, Limit, Run, load
from benchmarks.report import duration, markdown, plot
from benchmarks.sides import Here, There

HERE = [name for name in ("torch", "autograd", "numpy") if importlib.util.find_spec(PACKAGES[name])]


@pytest.fixture(scope="module", autouse=True)
def _frozen():
    """What the suite has loaded need not be searched for garbage by every measurement."""
    for system in HERE:
        importlib.import_module(PACKAGES[system])
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


def _sleepless(loss=1.0, calls=None):
    def step():
        if calls is not None:
            calls.append(1)

    return Run(step, lambda: loss)


def _case(**systems):
    return Case("overhead", "made up", systems)


def _measure(case, systems=("tc", "numpy"), **options):
    settings = {"seconds": 1e-3, "threads": 1, "quick": True, "speed": measure.Speed()} | options
    return measure.measure(case, systems, **settings)


@pytest.mark.parametrize("suite", [s for s in SUITES if s != "startup"])
def test_systems_agree(suite):
    for case in load(suite, quick=True):
        case.apart = False  # here it is about what is computed
        row = _measure(case, ["tc", *HERE], seconds=1e-4)
        assert row["failed"] == {}
        assert row["systems"].keys() == {"tc", *HERE} & case.systems.keys()
        assert all(entry["median"] > 0 for entry in row["systems"].values())
        finite = [loss for entry in row["systems"].values() for loss in entry["losses"]]
        assert all(map(math.isfinite, finite))


@pytest.mark.parametrize("suite", SUITES)
def test_full_and_quick_cases_correspond(suite):
    full, quick = load(suite), load(suite, quick=True)
    assert len(quick) <= len(full)
    for cases in (full, quick):
        names = [case.name for case in cases]
        assert len(set(names)) == len(names)
        assert all(case.suite == suite and "tc" in case.systems for case in cases)
    assert any(case.headline for case in full)


def test_training_changes_the_loss():
    """Or agreement after some steps would say nothing."""
    for suite in ("mlp", "autoencoder", "conv", "rbm"):
        for case in load(suite, quick=True):
            if case.steps:
                first, after = Here(case, "tc", 1).losses()
                assert abs(first - after) > 1e-7 * abs(first), case.name


def test_disagreement_is_told_before_anything_is_timed():
    calls = []
    case = _case(tc=lambda: _sleepless(1.0, calls), numpy=lambda: _sleepless(1.01, calls))
    with pytest.raises(measure.Disagreement, match=r"at first is 1 in tc and 1\.01 in numpy"):
        _measure(case)
    assert len(calls) == 2 * case.steps


def test_nan_is_no_agreement():
    case = _case(tc=lambda: _sleepless(math.nan), numpy=lambda: _sleepless(math.nan))
    with pytest.raises(measure.Disagreement):
        _measure(case)


def test_a_peer_that_fails_is_named():
    def broken():
        raise RuntimeError("no device")

    row = _measure(_case(tc=_sleepless, numpy=broken))
    assert row["systems"].keys() == {"tc"}
    assert "numpy: RuntimeError: no device" in row["failed"]["numpy"]


def test_own_failure_is_raised():
    def broken():
        raise RuntimeError("no device")

    with pytest.raises(RuntimeError, match="no device"):
        _measure(_case(tc=broken, numpy=_sleepless))


def test_in_a_process_of_its_own():
    case = next(case for case in load("autograd", quick=True) if case.apart)
    side = There(case, "tc", 1, True)
    try:
        losses = side.losses()
        assert losses == Here(case, "tc", 1).losses()
        assert side.block(2) > 0
        assert side.facts()["peak_bytes"] >= 0
    finally:
        side.close()


def test_limits_grow_with_the_work():
    speed = measure.Speed({"bytes_per_second": 1e9, "flops_per_second": 1e10})
    assert speed.seconds(Limit(bytes=10**9)) == 1
    assert speed.seconds(Limit(bytes=10**9, flops=2e10)) == 2
    assert speed.seconds(Limit(products=[(200, 200, 200)])) > speed.seconds(Limit(products=[(2, 2, 2)])) > 0


def test_exponents():
    rows = [
        {"suite": "s", "series": "n", "size": n,
         "systems": {"tc": {"median": 3e-6 * n**1.5, "facts": {"peak_bytes": 40 * n}}}}
        for n in (10, 100, 1000)
    ]  # fmt: skip
    (fit,) = measure.fits(rows)
    assert fit["time"] == pytest.approx(1.5)
    assert fit["memory"] == pytest.approx(1)
    assert measure.fits(rows[:1])[0]["time"] is None


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(1.5, "1.50 s"), (0.0123, "12.3 ms"), (123e-6, "123 µs"), (4e-8, "40 ns"), (None, "")],
)
def test_duration(seconds, text):
    assert duration(seconds) == text


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    path = tmp_path_factory.mktemp("results") / "result.json"
    peers = "tinygrad,numpy" if not importlib.util.find_spec("tinygrad") else "numpy"
    code = command.main(["mlp", "rbm", "--quick", "--only", "batch 1", "--peers", peers, "--json", str(path)])
    assert code == 0
    return json.loads(path.read_text())


def test_result_file(result):
    assert result["rows"]
    for row in result["rows"]:
        for name, entry in row["systems"].items():
            assert entry["low"] <= entry["median"] <= entry["high"]
            assert ("ratio" in entry) == (name != "tc")
    assert result["machine"]["versions"]["numpy"]
    if not importlib.util.find_spec("tinygrad"):
        assert result["missing"] == ["tinygrad"]


def test_table_keeps_every_headline_row(result):
    result = result | {"quick": False}
    text = table.section(result)
    for row in result["rows"]:
        assert (f"{row['suite']}: {row['name']} " in text) == row["headline"]
    assert "numpy" in text
    for name in result["missing"]:
        assert f"not installed, so not measured: {name}" in text


def test_table_shows_rows_that_lose():
    entry = {"median": 2.0, "low": 2.0, "high": 2.0, "facts": {}}
    row = {"suite": "mlp", "name": "slow", "headline": True, "work": 0, "unit": "", "limit": None,
           "systems": {"tc": entry, "torch": entry | {"median": 1.0, "ratio": 0.5}}}  # fmt: skip
    text = markdown({"rows": [row], "fits": [], "failed": []}, headline=True, spread=False)
    assert "| mlp: slow | 2.00 s | 1.00 s (**0.50×**) |" in text


def test_readme_has_the_marks():
    readme = (command.__file__.rpartition("benchmarks")[0]) + "README.md"
    with open(readme, encoding="utf-8") as file:
        text = file.read()
    changed = table.insert(text, "a table")
    assert f"{table.BEGIN}\na table\n{table.END}" in changed
    assert table.insert(changed, "b") == table.insert(text, "b")
    with pytest.raises(ValueError, match="marks"):
        table.insert("nothing", "a table")


def test_tiny_results_are_no_table(result):
    with pytest.raises(ValueError, match="--quick"):
        table.section(result)


def test_plot(result, tmp_path):
    pytest.importorskip("matplotlib")
    plot(result, str(tmp_path / "plot.svg"))
    assert "tinygrad_course" in (tmp_path / "plot.svg").read_text()


@pytest.mark.parametrize("arguments", [["nonsense"], ["mlp", "--peers", "nonsense"], ["mlp", "--threads", "0"]])
def test_wrong_arguments(arguments, capsys):
    with pytest.raises(SystemExit):
        command.main(arguments)
    assert "error" in capsys.readouterr().err
