"""From text to code in memory: what is kept on disk, what is refused, and for how long code lives."""

import ctypes
import gc
import os
import subprocess
import sys
import threading

import numpy as np
import pytest

import tinygrad_course as tc
from tinygrad_course.native import cache, jit
from tinygrad_course.native.emit import Module
from tinygrad_course.native.host import AARCH64, BASELINE, host
from tinygrad_course.native.image import Image, link


def _scaling(factor, target=None):
    """A kernel y = factor * x, and a table in it that needs an address of its own place."""
    target = target or host()
    lanes = target.lanes(4)
    module = Module()
    module.constants.append("@table = internal constant [2 x ptr] [ptr @one, ptr @one]")
    module.constants.append("@one = internal constant float 1.0")
    module.constants.append("@calls = internal global i64 0")
    f = module.function("scale", x="ptr", y="ptr", n="i64", which="i64")

    def body(i, mask):
        f.store(f.load(f"<{lanes} x float>", f.x, i, mask) * float(factor), f.y, i, mask)

    f.vectors(f.n, lanes, body, unroll=2)
    entry = f.op(f"getelementptr [2 x ptr], ptr @table, i64 0, i64 {f.which.text}", "ptr")
    one = f.load("float", f.load("ptr", entry))
    f.store(f.load("float", f.y) * one, f.y)
    f.line("%before = load i64, ptr @calls")
    f.line("%after = add i64 %before, 1")
    f.line("store i64 %after, ptr @calls")
    count = module.function("count", out="ptr")
    count.line("%n = load i64, ptr @calls")
    count.line("store i64 %n, ptr %out")
    return module.text()


def _run(library, n=37):
    scale = library.function("scale", ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64)
    x = np.arange(1, n + 1, dtype=np.float32)
    y = np.full(n + 16, -1, np.float32)
    scale(x.ctypes.data, y.ctypes.data, n, 1)
    assert (y[n:] == -1).all()
    return y[:n] / x


@pytest.mark.parametrize("target", [host(), BASELINE, host()._replace(features="+avx2,+fma", cpu="x86-64-v3")])
def test_code_runs_with_every_set_of_features(target, empty_cache):
    assert (_run(jit.load(_scaling(3, target), ["scale"], target=target)) == 3).all()


def test_vectors_are_as_wide_as_the_features_say():
    assert BASELINE.lanes(4) == 4 and not BASELINE.fused
    wide = BASELINE._replace(features="+avx2,+fma")
    assert wide.lanes(4) == 8 and wide.lanes(8) == 4 and wide.fused
    assert wide._replace(features="+avx2,+avx512f,+avx512vl,+avx512dq").lanes(4) == 16
    assert "ymm" not in jit.assembly(_scaling(3, BASELINE), BASELINE)
    assert "ymm" in jit.assembly(_scaling(3, wide), wide)


def test_assembly_for_arm():
    text = jit.assembly(_scaling(3, AARCH64), AARCH64)
    assert "fmul\tv" in text and "ret" in text and "ymm" not in text


def test_state_of_a_library_is_its_own():
    library = jit.load(_scaling(5))
    count = library.function("count", ctypes.c_void_p)
    out = np.zeros(1, np.int64)
    count(out.ctypes.data)
    before = out[0]
    _run(library)
    count(out.ctypes.data)
    assert out[0] == before + 1


def test_the_same_text_is_compiled_once(empty_cache):
    a, b = jit.load(_scaling(7.5)), jit.load(_scaling(7.5))
    assert a is b and not a.cached
    del a, b
    gc.collect()
    assert jit.load(_scaling(7.5)).cached


def test_a_missing_function_is_an_error():
    with pytest.raises(KeyError, match="no function 'other'; there are"):
        jit.load(_scaling(3), ["other"])


def test_text_that_is_not_valid_is_an_error():
    with pytest.raises(RuntimeError, match="expected"):
        jit.load("define void @f() { nonsense }")


def test_functions_from_outside_must_be_known():
    text = "declare void @system(ptr)\ndefine void @f() nounwind { call void @system(ptr null)\n ret void }"
    with pytest.raises(RuntimeError, match="'system', which nobody gave an address of"):
        jit.load(text)


def test_objects_of_other_processors_are_refused():
    with pytest.raises(RuntimeError, match="ELF object for x86-64"):
        link(b"\x7fELF\x02\x01" + bytes(100))
    arm = jit._compile("define void @f() { ret void }", AARCH64, (), 0, assembly=False)
    with pytest.raises(RuntimeError, match="ELF object for x86-64"):
        link(bytes(arm))


def test_an_image_is_kept_as_it_was():
    image = link(jit._compile(_scaling(3), host(), jit.PASSES, 2, assembly=False))
    assert Image.parse(image.dump()) == image
    assert image.bases and image.data and set(image.entries) >= {"scale", "count"}


# --- The cache --------------------------------------------------------------------------------------------------------


def _only(folder):
    (file,) = folder.glob("*.kernel")
    return file


def _loaded_again(factor):
    gc.collect()
    library = jit.load(_scaling(factor))
    assert (_run(library) == factor).all()
    return library.cached


@pytest.mark.parametrize("harm", ["flip", "cut", "empty", "other"])
def test_a_damaged_file_is_not_run(empty_cache, harm):
    assert not _loaded_again(11)
    file = _only(empty_cache)
    raw = bytearray(file.read_bytes())
    if harm == "flip":
        raw[len(raw) // 2] ^= 1
    elif harm == "cut":
        raw = raw[:-1]
    elif harm == "empty":
        raw = b""
    file.write_bytes(raw)
    if harm == "other":  # a whole file, of another key
        cache.write("other", b"x" * 600)
        os.replace(empty_cache / "other.kernel", file)
    assert not _loaded_again(11)
    assert _loaded_again(11)


def test_what_others_may_write_is_not_run(empty_cache):
    assert not _loaded_again(13)
    _only(empty_cache).chmod(0o622)
    assert not _loaded_again(13)
    assert _loaded_again(13)  # written anew


def test_a_link_is_not_followed(empty_cache, tmp_path):
    assert not _loaded_again(17)
    file = _only(empty_cache)
    os.replace(file, tmp_path / "elsewhere")
    file.symlink_to(tmp_path / "elsewhere")
    assert not _loaded_again(17)


def test_a_folder_that_others_may_write_is_not_used(tmp_path):
    folder = tmp_path / "open"
    folder.mkdir()
    folder.chmod(0o777)
    with tc.config.set(cache_dir=str(folder)):
        assert not _loaded_again(19)
        assert not list(folder.iterdir())
        assert "writable by others" in cache.refusal(folder)
    inside = folder / "inside"
    inside.mkdir(mode=0o700)
    assert "writable by others" in cache.refusal(inside)
    folder.chmod(0o1777)  # as /tmp: nobody can put another folder in its place
    assert cache.refusal(inside) is None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_folder_of_somebody_else_is_not_used(tmp_path):
    folder = tmp_path / "theirs"
    folder.mkdir(mode=0o700)
    os.chown(folder, 12345, -1)
    assert "belongs to another user" in cache.refusal(folder)


def test_without_a_place_on_disk_kernels_still_run(tmp_path):
    (tmp_path / "file").write_text("")
    for place in ("", str(tmp_path / "file" / "below")):
        with tc.config.set(cache_dir=place):
            assert not _loaded_again(23)


def test_the_cache_can_be_removed(empty_cache):
    assert not _loaded_again(29)
    (empty_cache / "note.txt").write_text("not ours")
    assert tc.native.clear_cache() >= 1
    assert [f.name for f in empty_cache.iterdir()] == ["note.txt"]
    assert tc.native.clear_cache() == 0
    assert not _loaded_again(29)


# --- Many at once, and long lives -------------------------------------------------------------------------------------

_CHILD = """
import sys, numpy as np, tinygrad_course as tc
sys.path.insert(0, {root!r})
from tests.native.test_jit import _run, _scaling
from tinygrad_course.native import jit
for factor in range(2, 10):
    assert (_run(jit.load(_scaling(factor))) == factor).all()
x = tc.linspace(-3, 3, 100_000)
assert np.allclose(tc.nn.functional.gelu(x).numpy()[[0, -1]], [-0.00405, 2.99595], atol=1e-4)
print("done", "llvmlite.binding" in sys.modules)
"""


def _child(folder, **environment):
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    environment = {**os.environ, "TINYGRAD_COURSE_CACHE": str(folder), "OMP_NUM_THREADS": "2", **environment}
    return subprocess.Popen([sys.executable, "-c", _CHILD.format(root=root)], env=environment, cwd=root,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)  # fmt: skip


def test_processes_share_a_cache_and_exit_cleanly(empty_cache):
    for round_ in range(2):
        children = [_child(empty_cache) for _ in range(4)]
        for child in children:
            out, errors = child.communicate(timeout=120)
            assert child.returncode == 0, errors
            assert out.split()[0] == "done"
            if round_:  # all came from the disk: LLVM was not even loaded
                assert out.split()[1] == "False"
    assert not list(empty_cache.glob("*.part"))


def test_a_thousand_libraries_come_and_go():
    with tc.config.set(cache_dir=""):
        kept = []
        for i in range(1000):
            text = f"define void @f(ptr %x) nounwind {{ store i64 {i}, ptr %x\n ret void }}"
            f = jit.load(text, passes=(), level=0).function("f", ctypes.c_void_p)
            if i % 100 == 0:
                kept.append((i, f))
                gc.collect()
        out = np.zeros(1, np.int64)
        for i, f in kept:  # the function keeps its library
            f(out.ctypes.data)
            assert out[0] == i


def test_memory_of_a_library_is_given_back():
    import weakref

    with tc.config.set(cache_dir=""):
        library = jit.load(_scaling(31))
        gone = weakref.ref(library._mapped)
        f = library.function("count", ctypes.c_void_p)
        del library
        gc.collect()
        assert gone() is not None
        del f
        gc.collect()
        assert gone() is None


def test_threads_compile_and_call_at_once():
    failures = []

    def work(k):
        try:
            for factor in (2, 3, 4, 100 + k):
                assert (_run(jit.load(_scaling(factor))) == factor).all()
        except Exception as error:  # reported below
            failures.append(error)

    workers = [threading.Thread(target=work, args=(k,)) for k in range(6)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert not failures
