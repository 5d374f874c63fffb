"""Every case of every suite runs with tiny sizes, and its systems compute the same; what is measured is reported."""

import gc
import importlib
import importlib.util
import json
import math
from pathlib import Path

import pytest

from benchmarks import __main__ as command
from benchmarks import measure, table
from benchmarks.case import SUITES, Case, Limit, Run, load
from benchmarks.limits import Speed, bandwidth
from benchmarks.processes import Places, Process, There
from benchmarks.report import duration, markdown, plot
from benchmarks.results import Results
from benchmarks.sides import Here
from benchmarks.systems import OURS, SYSTEMS

# JAX and the compilers of the peers take minutes here, and do in CI nothing that a run would not.
HERE = [name for name in (*OURS, "torch", "autograd", "numpy") if not SYSTEMS[name].missing()]


@pytest.fixture(scope="module", autouse=True)
def _frozen():
    """What the suite has loaded need not be searched for garbage by every measurement."""
    for system in HERE:
        importlib.import_module(SYSTEMS[system].package)
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
    settings = {"seconds": 1e-3, "places": Places(1, True), "speed": Speed()} | options
    return measure.measure(case, systems, **settings)


@pytest.mark.parametrize("suite", [s for s in SUITES if s != "startup"])
def test_systems_agree(suite):
    for case in load(suite, quick=True):
        if "first call" in case.name:  # a process for each call
            continue
        case.fresh = False  # here it is about what is computed
        row = _measure(case, HERE, seconds=1e-4)
        assert row["failed"] == {}
        assert row["systems"].keys() == set(HERE) & case.systems.keys()
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
        assert all(case.suite == suite and case.systems.keys() & set(OURS) for case in cases)
        assert all(case.systems.keys() <= SYSTEMS.keys() for case in cases)
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
    assert row["failed"] == {"numpy": "RuntimeError: no device"}


def test_kernels_are_switched_by_the_system():
    import tinygrad_course as tc

    seen = []
    before = tc.config.kernels

    def make():
        seen.append(tc.config.kernels)
        return Run(lambda: seen.append(tc.config.kernels), lambda: 1.0)

    case = _case(**{"tc": make, "tc+kernels": make})
    for system, setting in (("tc", "off"), ("tc+kernels", "auto")):
        seen.clear()
        side = Here(case, system, 1)
        side.losses()
        side.block(2)
        assert set(seen) == {setting}
    assert tc.config.kernels == before


def test_in_a_process_of_its_own():
    case = next(case for case in load("autograd", quick=True) if case.fresh)
    places = Places(2, True)
    side = places.open(case, "tc")
    try:
        assert isinstance(side, There)
        losses = side.losses()
        assert losses == Here(case, "tc", 1).losses()
        assert side.block(2) > 0
        assert side.facts()["peak_bytes"] >= 0
    finally:
        side.close()
        places.close()


def test_a_process_tells_what_failed_and_goes_on():
    process = Process("tc", 1)
    try:
        with pytest.raises(RuntimeError, match="ValueError"):
            process.ask("open", "mlp", "no such case", True)
        process.ask("open", "rbm", load("rbm", quick=True)[0].name, True)
        assert len(process.ask("losses")) == 2
        process._process.kill()
        with pytest.raises(RuntimeError, match="its process ended"):
            process.ask("losses")
        assert not process.alive
    finally:
        process.close()


def test_limits_grow_with_the_work():
    speed = Speed(1, {"bytes_per_second": 1e9, "flops_per_second": 1e10})
    assert speed.seconds(Limit(bytes=10**9)) == 1
    assert speed.seconds(Limit(bytes=10**9, flops=2e10)) == 2
    assert speed.seconds(Limit(products=[(200, 200, 200)])) > speed.seconds(Limit(products=[(2, 2, 2)])) > 0


def test_bandwidth_of_two_threads():
    assert bandwidth(2, megabytes=1) > 1e6


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
    arguments = ["mlp", "rbm", "--quick", "--only", "batch 1", "--peers", "torch,numpy", "--json", str(path)]
    code = command.main(arguments)
    assert code == 0
    return json.loads(path.read_text())


def test_result_file(result):
    assert result["rows"]
    for row in result["rows"]:
        for name, entry in row["systems"].items():
            assert entry["low"] <= entry["median"] <= entry["high"]
            assert ("speedup" in entry) == (name != "torch" and "torch" in row["systems"])
    assert result["machine"]["versions"]["numpy"]
    assert {text.rpartition(" (")[0] for text in result["missing"]} == {
        SYSTEMS[name].title for name in (*OURS, "torch") if SYSTEMS[name].missing()
    }


class _Stopped(Exception):
    pass


def test_a_stopped_run_goes_on(tmp_path, monkeypatch):
    """What was measured before is there, and is not measured again."""
    path = tmp_path / "result.json"
    arguments = ["rbm", "autoencoder", "--quick", "--peers", "numpy", "--ours", "tc", "--json", str(path)]
    measured = []

    def counted(case, *args, **kwargs):
        if len(measured) == 2:
            raise _Stopped
        measured.append(case.name)
        return measure.measure(case, *args, **kwargs)

    monkeypatch.setattr(command, "measure", counted)
    with pytest.raises(_Stopped):
        command.main(arguments)
    kept = json.loads(path.read_text())["rows"]
    assert [row["name"] for row in kept] == measured and len(kept) == 2
    monkeypatch.setattr(command, "measure", measure.measure)
    assert command.main(arguments) == 0
    rows = json.loads(path.read_text())["rows"]
    assert len(rows) == 4 and all(row in rows for row in kept)
    assert [row["suite"] for row in rows] == ["autoencoder"] * 3 + ["rbm"]  # in the order of the suites
    assert command.main([*arguments, "--only", "CD-1", "--again"]) == 0
    again = json.loads(path.read_text())["rows"]
    assert again[:3] == rows[:3] and again[3] != rows[3]
    assert command.main([*arguments, "--seconds", "3"]) == 2  # not to be mixed


def test_what_failed_is_kept_and_tried_again(tmp_path):
    about = {"machine": {}, "threads": 1, "seconds": 1, "quick": True, "missing": []}
    results = Results(str(tmp_path / "r.json"), about)
    results.fail("mlp", "a", "different losses")
    again = Results(str(tmp_path / "r.json"), about)
    assert again.failures() == ["mlp: a: different losses"] and not again.has("mlp", "a")
    again.add({"suite": "mlp", "name": "a", "failed": {"jax": "no"}})
    assert again.failures() == ["mlp: a: jax: no"] and again.has("mlp", "a")


def test_table_keeps_every_headline_row(result):
    result = result | {"quick": False}
    text = table.section(result)
    for row in result["rows"]:
        assert (f"{row['suite']}: {row['name']} " in text) == row["headline"]
        assert row["name"] in table.document(result)
    assert "PyTorch" in text or not importlib.util.find_spec("torch")
    assert all(name in text for name in result["missing"])


def test_table_shows_rows_that_lose():
    entry = {"median": 2.0, "low": 2.0, "high": 2.0, "facts": {}}
    row = {"suite": "mlp", "name": "slow", "headline": True, "work": 0, "unit": "", "limit": None, "note": "",
           "systems": {"tc": entry | {"speedup": 0.5}, "torch": entry | {"median": 1.0}},
           "failed": {"jax": "no device"}}  # fmt: skip
    text = markdown({"rows": [row]}, headline=True, columns=["tc", "torch"])
    assert "| mlp: slow | 2.00 s (**0.50×**) | 1.00 s |" in text


def test_the_readme_shows_the_committed_result():
    """Made by `python -m benchmarks.table`, never by hand."""
    root = Path(command.__file__).parent.parent
    readme = (root / "README.md").read_text(encoding="utf-8")
    file = root / table.RESULT
    if not file.exists():
        shown = readme.split(table.BEGIN)[1].split(table.END)[0].strip()
        assert not shown, "the README has a table, but there is no result that it comes from"
        pytest.skip("no result is committed")
    result = json.loads(file.read_text(encoding="utf-8"))
    assert table.insert(readme, table.section(result)) == readme, "run python -m benchmarks.table"
    assert table.document(result) == file.with_suffix(".md").read_text(encoding="utf-8")


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
    pytest.importorskip("torch", reason="speeds are drawn relative to PyTorch's")
    plot(result, str(tmp_path / "plot.svg"))
    assert "tinygrad_course" in (tmp_path / "plot.svg").read_text()


@pytest.mark.parametrize(
    "arguments", [["nonsense"], ["mlp", "--peers", "nonsense"], ["mlp", "--threads", "0"], ["--ours", "no"]]
)
def test_wrong_arguments(arguments, capsys):
    with pytest.raises(SystemExit):
        command.main(arguments)
    assert "error" in capsys.readouterr().err
