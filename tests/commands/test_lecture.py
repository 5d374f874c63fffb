"""The command `lecture`: what it runs and runs again, how it ends, and what it does when it is stopped."""

import importlib.util
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinygrad_course.cli import main
from tinygrad_course.lecture import chapters

from .chapters import FAILS, PLAIN, SILENT, WORDS, runs, write

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _figures(request):
    if "without_matplotlib" not in request.node.name:
        pytest.importorskip("matplotlib")


@pytest.fixture
def lecture(tmp_path, monkeypatch):
    """Call the command on fake chapters in `scripts`; give its exit code."""
    monkeypatch.chdir(tmp_path)

    def call(*options):
        return main(["lecture", "--examples", str(tmp_path / "scripts"), *options])

    return call


def test_it_goes_on_past_failures(lecture, tmp_path, capsys):
    scripts = write(tmp_path / "scripts", _01_plain=PLAIN, _04_fails=FAILS, _05_silent=SILENT, _06_plain=PLAIN)
    assert lecture("--quick") == 1
    told = capsys.readouterr().out.splitlines()
    assert "1 of 1 claims hold" in told[0]
    assert "FAILED: ValueError: no <good>" in told[1]
    assert "FAILED: The script ended without an error, but left no claims.json." in told[2]
    assert "1 of 1 claims hold" in told[3]
    page = (tmp_path / "report" / "index.html").read_text(encoding="utf-8")
    assert "Traceback (most recent call last):" in page
    assert "raise ValueError(&quot;no &lt;good&gt;&quot;)" in page
    assert [runs(scripts, name) for name in ("01_plain", "04_fails", "06_plain")] == [1, 1, 1]
    # What finished is kept, what failed is tried again.
    assert lecture("--quick") == 1
    assert [runs(scripts, name) for name in ("01_plain", "04_fails", "06_plain")] == [1, 2, 1]
    write(scripts, _04_fails=PLAIN, _05_silent=PLAIN)
    assert lecture("--quick") == 0
    assert [runs(scripts, name) for name in ("01_plain", "04_fails", "06_plain")] == [1, 3, 1]
    assert "failed after" not in (tmp_path / "report" / "index.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("change", ["settings", "seed", "script", "helper", "data", "figure", "fresh", "place"])
def test_what_makes_a_finished_chapter_run_again(lecture, tmp_path, change, monkeypatch):
    scripts = write(tmp_path / "scripts", _02_words=WORDS)
    assert lecture("--quick") == lecture("--quick") == 0
    assert runs(scripts, "02_words") == 1
    options = ["--quick"]
    if change == "settings":
        options = []
    elif change == "seed":
        options += ["--seed", "1"]
    elif change == "script":
        write(scripts, _02_words=WORDS + "\n    print('more')\n")
    elif change == "helper":
        (scripts / "common.py").write_text((scripts / "common.py").read_text() + "\n# more\n")
    elif change == "data":
        monkeypatch.setenv("TINYGRAD_COURSE_DATA", str(tmp_path))
    elif change == "figure":
        (tmp_path / "report" / "chapters" / "02_words" / "a.png").unlink()
    elif change == "fresh":
        options += ["--fresh"]
    else:
        options += ["-o", "elsewhere"]
    assert lecture(*options) == 0
    assert runs(scripts, "02_words") == 2


def test_a_chapter_that_did_not_change_is_not_run_because_another_did(lecture, tmp_path):
    scripts = write(tmp_path / "scripts", _01_plain=PLAIN, _02_words=WORDS)
    assert lecture("--chapters", "1") == 0
    assert (runs(scripts, "01_plain"), runs(scripts, "02_words")) == (1, 0)
    write(scripts, _02_words=WORDS + "\n    print('more')\n")
    assert lecture() == 0
    assert (runs(scripts, "01_plain"), runs(scripts, "02_words")) == (1, 1)


def test_jobs_run_at_the_same_time(lecture, tmp_path):
    # Each waits for the other: one after the other, the first would give up.
    waits = """
        '''Chapter: it waits for the other one.'''
        import os, time
        from common import args, leave, name
        (args.out.parent / f"{name}.here").touch()
        end = time.monotonic() + 20
        while len(list(args.out.parent.glob("*.here"))) < 2:
            assert time.monotonic() < end
            time.sleep(0.01)
        leave([{"claim": "threads", "measured": int(os.environ["OMP_NUM_THREADS"]), "holds": True}])
    """
    write(tmp_path / "scripts", _01_a=waits, _02_b=waits)
    assert lecture("--jobs", "2") == 0


@pytest.mark.skipif(os.name != "posix", reason="signals are POSIX's")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_ends_all_processes_and_can_be_resumed(lecture, tmp_path, number):
    # The chapter starts a process of its own, which must not survive either.
    waits = """
        '''Chapter 2: it never ends.'''
        import common, subprocess, sys, time
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        note = common.args.out / "pid.part"
        note.write_text(str(child.pid))
        note.rename(common.args.out / "pid")
        time.sleep(600)
    """
    scripts = write(tmp_path / "scripts", _01_plain=PLAIN, _02_waits=waits, _03_plain=PLAIN)
    command = [sys.executable, "-m", "tinygrad_course", "lecture", "--examples", str(scripts), "-o", "report"]
    search = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")]))
    with subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": search}
    ) as running:
        note = tmp_path / "report" / "chapters" / "02_waits" / "pid"
        end = time.monotonic() + 60
        while not note.exists():
            assert running.poll() is None
            assert time.monotonic() < end
            time.sleep(0.05)
        running.send_signal(number)
        try:
            out, _ = running.communicate(timeout=60)
        finally:
            running.kill()
    assert running.returncode == 130
    assert out.splitlines()[-1] == "stopped; the same command goes on from here"
    assert _has_ended(int(note.read_text()))
    page = (tmp_path / "report" / "index.html").read_text(encoding="utf-8")
    assert page.count("Not run: the command was stopped before.") == 2
    write(scripts, _02_waits=PLAIN)
    assert lecture() == 0
    assert [runs(scripts, name) for name in ("01_plain", "02_waits", "03_plain")] == [1, 2, 1]


def _has_ended(pid):
    """Whether a process is gone, or about to be (nobody may be there to collect it)."""
    end = time.monotonic() + 10
    while time.monotonic() < end:
        try:
            os.kill(pid, 0)
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except (ProcessLookupError, FileNotFoundError):
            return True
        time.sleep(0.05)
    return False


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--chapters", "x"], "expected numbers of chapters like 1,4-6, got 'x'"),
        (["--chapters", ""], "expected numbers"),
        (["--chapters", "1-"], "expected numbers"),
        (["--chapters", "7"], "there is no chapter 7; there are 1-2"),
        (["--chapters", "2-1"], "2-1 runs backwards; write 1-2"),
        (["--jobs", "0"], "--jobs expects an integer of at least 1, got '0'"),
        (["--jobs", "many"], "--jobs expects an integer"),
        (["--seed", "-1"], "--seed expects an integer of at least 0"),
        (["-o", "file"], "cannot write the report"),
        (["--examples", "nowhere"], "there are no chapters in nowhere"),
    ],
)
def test_a_wrong_call_gets_one_line(lecture, tmp_path, capsys, options, told):
    scripts = write(tmp_path / "scripts", _01_plain=PLAIN, _02_words=WORDS)
    (tmp_path / "file").touch()
    assert lecture(*options) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: ")
    assert told in said
    assert said.count("\n") == 1
    assert runs(scripts, "01_plain") == 0


def test_without_matplotlib_it_says_what_to_install(lecture, tmp_path, capsys, monkeypatch):
    write(tmp_path / "scripts", _01_plain=PLAIN)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert lecture() == 2
    assert capsys.readouterr().err.endswith('pip install "tinygrad_course[plot]"\n')


@given(st.sets(st.integers(1, 99), min_size=1))
def test_ranges_of_chapters_are_read_as_they_are_written(numbers):
    known = [chapters.Chapter(Path(f"{number:02d}_x.py")) for number in sorted(numbers)]
    text = chapters._ranges(sorted(numbers))
    assert chapters.select(text, known) == known
    assert chapters.select(f"{min(numbers)} - {max(numbers)}", known) == known
    assert chapters.select(str(min(numbers)), known) == known[:1]


def test_the_lectures_own_chapters_are_found():
    found = chapters.find(chapters.folder())
    assert {chapter.number for chapter in found} >= {1, 2, 3, 4, 5, 6, 8, 9, 10, 13, 14}
    for chapter in found:
        assert chapter.source.startswith('"""Chapter'), chapter.name
        assert 3 < len(chapter.short_title) <= len(chapter.title) < 150
        assert chapter.about, chapter.name
        assert not any("python examples/" in paragraph for paragraph in chapter.about)
