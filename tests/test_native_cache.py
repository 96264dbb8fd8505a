"""Machine code that was compiled before: found again, in this process and the next, and never believed blindly."""

import gc
import os
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from scipy.special import spence, zeta

import chainrule as cr
from chainrule import native
from chainrule.native.digest import spelled
from chainrule.native.language import pure
from chainrule.native.libraries import gemm
from chainrule.native.machine import cache
from chainrule.native.machine import code as machine
from chainrule.native.machine.cache import Folder
from chainrule.spec import content_of, copied, unchangeable

KEY, OTHER = cache.digest(b"key"), cache.digest(b"other")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("CHAINRULE_CACHE", str(tmp_path / "cache"))
    cache.forget()
    yield tmp_path / "cache"
    cache.forget()


def graph(function=lambda x: cr.sum(cr.exp(x) * x), shape=(5,)):
    return cr.trace(function, np.ones(shape))


def files(folder):
    return sorted(folder.glob("*")) if folder.exists() else []


@pytest.fixture
def compiled(monkeypatch):
    """Counts how often LLVM makes machine code."""
    count = []
    true = machine.optimised
    spy = lambda *args: count.append(1) or true(*args)
    monkeypatch.setattr(machine, "optimised", spy)
    return count


x = np.linspace(-1, 2, 5)
VALUE = float(np.sum(np.exp(x) * x))


# ------------------------------------------------------------------------------------------------ contents


def test_what_was_saved_is_loaded(tmp_path):
    kept = Folder(tmp_path / "new" / "one")
    assert kept.load(KEY) is None
    kept.save(KEY, b"content")
    assert kept.load(KEY) == b"content"
    assert kept.load(OTHER) is None
    kept.save(KEY, b"")
    assert kept.load(KEY) == b""


@pytest.mark.parametrize("damage", ["cut off", "empty", "a bit", "the key", "text", "another format", "longer"])
def test_what_is_damaged_is_not_loaded(tmp_path, damage):
    kept = Folder(tmp_path)
    kept.save(KEY, b"content" * 100)
    (path,) = tmp_path.glob("*.bin")
    whole = path.read_bytes()
    other = Folder(tmp_path)
    other.save(OTHER, b"other")
    path.write_bytes(
        {
            "cut off": whole[:-1],
            "empty": b"",
            "a bit": whole[:-9] + bytes([whole[-9] ^ 1]) + whole[-8:],
            "the key": other._file(OTHER).read_bytes(),
            "text": b"machine code",
            "another format": whole.replace(b"code 1", b"code 2"),
            "longer": whole + b"\0",
        }[damage]
    )
    assert kept.load(KEY) is None
    assert not path.exists()
    kept.save(KEY, b"again")
    assert kept.load(KEY) == b"again"


def test_what_others_may_write_is_not_loaded(tmp_path):
    kept = Folder(tmp_path)
    kept.save(KEY, b"content")
    path = kept._file(KEY)
    path.chmod(0o666)
    if os.name == "posix":
        assert kept.load(KEY) is None
        tmp_path.chmod(0o777)
        kept.save(KEY, b"content")
        assert files(tmp_path) == []


def test_what_was_used_longest_ago_goes_first(tmp_path):
    kept = Folder(tmp_path, limit=10_000)
    keys = [cache.digest(bytes([i])) for i in range(12)]
    for i, key in enumerate(keys[:6]):
        kept.save(key, bytes(1500))
        os.utime(kept._file(key), (time.time() - 10_000 + i,) * 2)
    assert kept.load(keys[0]) is not None  # which marks it as used
    kept.save(keys[6], bytes(1500))
    assert [kept.load(key) is not None for key in keys[:7]] == [True, False, False, False, True, True, True]
    for key in keys[7:]:
        kept.save(key, bytes(1500))
        assert sum(path.stat().st_size for path in files(tmp_path)) <= 10_000
    assert kept.load(keys[11]) is not None
    kept.save(OTHER, bytes(20_000))  # larger than all that is kept
    assert kept.load(OTHER) is None and kept.load(keys[11]) is not None


def test_what_was_not_written_to_its_end_is_deleted(tmp_path):
    kept = Folder(tmp_path, limit=1000)
    old, new = tmp_path / "old.part", tmp_path / "new.part"
    for path in (old, new):
        path.write_bytes(b"half")
    os.utime(old, (time.time() - 2 * cache.ABANDONED,) * 2)
    kept.save(KEY, b"content")
    assert not old.exists() and new.exists()


def test_where_nothing_can_be_written_nothing_fails(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_bytes(b"")
    for path in (blocked, blocked / "below"):
        kept = Folder(path)
        kept.save(KEY, b"content")
        assert kept.load(KEY) is None
    Folder(tmp_path)._file(KEY).mkdir()
    Folder(tmp_path).save(KEY, b"content")
    assert Folder(tmp_path).load(KEY) is None
    assert not list(tmp_path.glob("*.part"))


def test_threads_and_processes_save_at_once(tmp_path):
    code = f"""
from pathlib import Path
from chainrule.native.machine.cache import Folder, digest
kept = Folder(Path({str(tmp_path)!r}), 20_000)
for i in range(200):
    key = digest(bytes([i % 20]))
    found = kept.load(key)
    assert found in (None, bytes([i % 20]) * 1500)
    kept.save(key, bytes([i % 20]) * 1500)
"""
    processes = [subprocess.Popen([sys.executable, "-c", code]) for _ in range(2)]
    failures = []

    def work():
        try:
            exec(code, {})
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert [process.wait() for process in processes] == [0, 0]
    assert not list(tmp_path.glob("*.part"))


# ------------------------------------------------------------------------------------------------ programs


def test_a_program_is_compiled_once(folder, compiled):
    for _ in range(2):
        assert native.run(native.compile(graph()), x)[0] == pytest.approx(VALUE)
    assert len(compiled) == 1 and len(files(folder)) == 1
    cache.forget()
    assert native.run(native.compile(graph()), x)[0] == pytest.approx(VALUE)
    assert len(compiled) == 1


def test_another_process_finds_it(folder):
    code = """
import numpy as np, chainrule as cr
from chainrule import native
from chainrule.native import compiler
from chainrule.native.machine import cache
from chainrule.native.machine import code as machine
if {found}:
    machine.optimised = compiler.Lowered = None
f = cr.native.compile(cr.trace(lambda x: (cr.sum(cr.exp(x) * x), x[::-1] * np.arange(5.0)), np.ones(5)))
value, row = native.run(f, np.linspace(-1, 2, 5))
print(repr(float(value)), *map(float, row))
"""
    printed = [
        subprocess.run([sys.executable, "-c", code.format(found=found)], capture_output=True, text=True, check=True)
        for found in (False, True)
    ]
    assert printed[0].stdout == printed[1].stdout
    assert float(printed[0].stdout.split()[0]) == pytest.approx(VALUE)


def test_a_damaged_program_is_compiled_again(folder, compiled):
    native.compile(graph())
    (path,) = files(folder)
    whole = path.read_bytes()
    path.write_bytes(whole[:-100] + bytes(100))
    cache.forget()
    assert native.run(native.compile(graph()), x)[0] == pytest.approx(VALUE)
    assert len(compiled) == 2
    assert path.read_bytes() == whole


@pytest.mark.parametrize("off", ["0", "off", "OFF"])
def test_the_variable_switches_files_off(folder, monkeypatch, compiled, off):
    monkeypatch.setenv("CHAINRULE_CACHE", off)
    monkeypatch.chdir(folder.parent)
    monkeypatch.setenv("HOME", str(folder.parent))
    native.compile(graph())
    native.compile(graph())
    assert len(compiled) == 1  # in memory
    cache.forget()
    native.compile(graph())
    assert len(compiled) == 2 and files(folder.parent) == []


def nowhere():
    raise RuntimeError("Could not determine home directory.")


@pytest.mark.parametrize(
    ("system", "variable", "below"),
    [
        ("linux", "XDG_CACHE_HOME", ".cache"),
        ("darwin", "", "Library/Caches"),
        ("win32", "LOCALAPPDATA", "AppData/Local"),
    ],
)
def test_the_place_is_the_folder_for_caches(tmp_path, monkeypatch, system, variable, below):
    monkeypatch.setattr(cache.sys, "platform", system)
    monkeypatch.delenv("CHAINRULE_CACHE")
    monkeypatch.setattr(cache.Path, "home", lambda: tmp_path)
    if variable:
        monkeypatch.setenv(variable, str(tmp_path / "asked"))
        assert cache._place() == tmp_path / "asked" / "chainrule"
        monkeypatch.delenv(variable)
    assert cache._place() == tmp_path / below / "chainrule"
    monkeypatch.setattr(cache.Path, "home", nowhere)
    assert cache._place() is None


def test_a_cache_that_cannot_be_used_breaks_no_compilation(tmp_path, monkeypatch):
    blocked = tmp_path / "file"
    blocked.write_bytes(b"")
    monkeypatch.setenv("CHAINRULE_CACHE", str(blocked))
    cache.forget()
    assert native.run(native.compile(graph()), x)[0] == pytest.approx(VALUE)


def test_constants_are_kept_beside_the_code(folder, compiled):
    weights = np.arange(5.0)
    for scale in (1.0, 2.0):
        for _ in range(2):
            program = native.compile(graph(lambda x, w=scale * weights: x * w + cr.tensor(w[::-1].copy())))
            np.testing.assert_allclose(native.run(program, x)[0], scale * (x * weights + weights[::-1]))
            cache.forget()
    assert len(compiled) == 2


def test_large_constants_are_not_kept(folder):
    weights = np.random.default_rng(0).normal(size=200_000)
    for _ in range(2):
        program = native.compile(graph(lambda x: x + weights, weights.shape))
        np.testing.assert_array_equal(native.run(program, np.zeros(weights.shape))[0], weights)
        cache.forget()
    assert sum(path.stat().st_size for path in files(folder)) < 100_000


def test_functions_of_other_libraries_are_found_by_name(folder, compiled):
    for _ in range(2):
        program = native.compile(graph(lambda x: cr.special.spence(x * x)))
        np.testing.assert_allclose(native.run(program, x)[0], spence(x * x))
        cache.forget()
    assert len(compiled) == 1


def test_callbacks_are_those_of_this_process(folder):
    for _ in range(2):
        program = native.compile(graph(lambda x: cr.special.zeta(2.0, x)))
        np.testing.assert_allclose(native.run(program, x + 2)[0], zeta(2.0, x + 2))
        cache.forget()


def test_programs_with_constants_of_one_name_keep_theirs():
    programs = [(w, native.compile(graph(lambda x, w=w: x[::-1] * w))) for w in np.eye(5) + 1]
    for w, program in programs:
        np.testing.assert_array_equal(native.run(program, x)[0], x[::-1] * w)


def test_threads_compile_at_once(folder):
    wrong = []

    def work(n):
        for i in range(5):
            w = np.arange(5.0) + n % 2 + i
            found = native.run(native.compile(graph(lambda x, w=w: cr.exp(x) * w)), x)[0]
            if not np.allclose(found, np.exp(x) * w):
                wrong.append((n, i))

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_what_stands_behind_a_program_that_was_found_is_made_again(folder):
    first, second = (native.compile(graph()) for _ in range(2))
    assert first.owner.text == second.owner.text
    assert second.owner.graph.run([x])[0] == pytest.approx(VALUE)


def test_what_prepares_a_graph_is_asked_when_nothing_is_found(folder):
    asked = []

    def prepared(graph):
        asked.append(graph)
        return graph

    for _ in range(2):
        assert native.run(native.compile(graph(), prepared), x)[0] == pytest.approx(VALUE)
    assert len(asked) == 1


# ------------------------------------------------------------------------------------------- long programs


def unrolled(x):
    for _ in range(40):
        x = cr.sin(x) * x + 1.0
    return cr.sum(x)


@pytest.mark.parametrize("lines", [10, 10**6])
def test_long_programs_are_compiled_with_less_care(monkeypatch, lines):
    monkeypatch.setattr(machine, "LONG", lines)
    cache.forget()
    given = graph(unrolled)
    assert native.run(native.compile(given), x)[0] == pytest.approx(given.run([x])[0], rel=1e-12)
    cache.forget()


def test_programs_that_are_too_long_are_run_by_numpy(monkeypatch, compiled):
    monkeypatch.setattr(pure, "LONGEST", 100)
    cache.forget()
    given = graph(unrolled)
    program = native.compile(given)
    assert native.run(program, x)[0] == given.run([x])[0]
    assert program.owner.graph is given
    assert not compiled
    f = cr.jit(unrolled)
    assert float(f(x)) == float(f(x)) == given.run([x])[0]
    assert f(cr.tensor(x)).item() == given.run([x])[0]


def test_the_collector_is_as_it_was(folder):
    for on in (True, False):
        (gc.enable if on else gc.disable)()
        native.compile(graph(lambda x, on=on: x * on))
        assert gc.isenabled() == on
    gc.enable()
    with pytest.raises(AttributeError):
        native.compile(graph(), lambda graph: graph.nothing)
    assert gc.isenabled()


# ------------------------------------------------------------------------------------------------ keys

DIFFERENT = [
    lambda x: x * 2,
    lambda x: x * 2.0,
    lambda x: x * -2.0,
    lambda x: x * np.float32(2),
    lambda x: x * np.full(5, 2.0),
    lambda x: x * np.full(1, 2.0),
    lambda x: x + 0.0,
    lambda x: x + -0.0,
    lambda x: x + np.nan,
    lambda x: x + np.arange(5.0),
    lambda x: x + np.arange(5),
    lambda x: x + np.arange(5.0)[::-1],
    lambda x: x[1:],
    lambda x: x[:-1],
    lambda x: x[::2],
    lambda x: x[None],
    lambda x: x[..., None],
    lambda x: x[np.array([0, 1])],
    lambda x: cr.sum(x),
    lambda x: cr.sum(x, axis=0),
    lambda x: cr.sum(x, keepdims=True),
    lambda x: (x, x + 1),
    lambda x: (x + 1, x),
    lambda x: cr.astype(x, np.float32),
    lambda x: cr.astype(x, np.int64),
    lambda x: x - 1,
    lambda x: 1 - x,
    lambda x: cr.scan(lambda c, _: (c * 2, None), x, None, length=3)[0],
    lambda x: cr.scan(lambda c, _: (c * 3, None), x, None, length=3)[0],
    lambda x: cr.scan(lambda c, _: (c * 2, None), x, None, length=4)[0],
]


def test_graphs_that_compute_something_else_have_other_keys():
    spellings = [spelled(graph(f)) for f in DIFFERENT]
    assert None not in spellings
    assert len(set(spellings)) == len(DIFFERENT) - 1  # a sum over all axes is one over the only axis
    assert spellings == [spelled(graph(f)) for f in DIFFERENT]
    assert len({spelled(graph(shape=shape)) for shape in [(5,), (6,), (5, 1), ()]}) == 4


def test_a_function_of_the_users_has_no_key():
    double = cr.custom_rule(lambda x: 2 * x, jvp=lambda x, t: (2 * x[0], 2 * t[0]))
    assert spelled(graph(double)) is None
    program = native.compile(graph(double))
    np.testing.assert_array_equal(native.run(program, x)[0], 2 * x)


def test_the_key_says_what_compiled(monkeypatch):
    before = machine.key_of("text", b"content")
    assert before == machine.key_of("text", b"content")
    assert before != machine.key_of("other", b"content") != machine.key_of("text", b"other")
    machine._maker.cache_clear()
    monkeypatch.setattr(machine, "processor", lambda: ("another", "+features"))
    assert machine.key_of("text", b"content") != before
    machine._maker.cache_clear()


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.complex128, np.int64, np.int8, bool])
def test_contents_tell_arrays_apart(dtype):
    """Arrays that are mostly 0 are told by where they are not, −0 being none."""
    found = [np.zeros(4096, dtype) for _ in range(4)]
    found[1][4095] = 1
    found[2][4094] = 1
    found[3][:] = 1
    if np.dtype(dtype).kind in "fc":
        found += [-found[0], -found[1], np.where(found[1] == 1, np.nan, found[0])]
    assert len({content_of(x) for x in found}) == len(found)
    assert all(content_of(x) == content_of(x.copy()) == content_of(x.reshape(64, 64)[:, :]) for x in found)
    assert content_of(found[1].reshape(64, 64).T) != content_of(found[1].reshape(64, 64)[::-1])
    assert len(content_of(np.eye(64, dtype=dtype))) <= 64 * 64 * np.dtype(dtype).itemsize


def test_what_cannot_change_is_not_copied():
    given = np.arange(6.0).reshape(2, 3)
    fixed = unchangeable(given)
    given[:] = 0
    np.testing.assert_array_equal(fixed, np.arange(6.0).reshape(2, 3))
    for view in (fixed, fixed[1:], fixed.T, np.broadcast_to(fixed, (4, 2, 3))):
        assert copied(view) is view
        with pytest.raises(ValueError):
            view.flags.writeable = True
    closed = given.copy()
    closed.flags.writeable = False  # which its owner can undo
    for array in (given, closed, closed[1:], np.frombuffer(bytearray(16))):
        assert not np.shares_memory(copied(array), array)
    large = np.arange(10_000.0)
    once = copied(large)
    assert not np.shares_memory(once, large) and copied(once) is once


def test_long_blocks_are_compiled_as_they_are_written():
    def long(x, y):
        for i in range(700):
            x, y = x * y - i, x + y / (i + 2)
            x = x / (1 + cr.abs(x))
        return x, y

    x, y = np.random.default_rng(0).normal(size=(2, 2))
    graph = cr.passes.optimize(cr.trace(long, x, y))
    program = native.compile(graph)
    assert machine.longest_block(program.llvm()) > machine.UNORDERED
    assert machine.longest_block("a:\n  b\n  c\nd:\n  e\n") == 2
    for got, want in zip(native.run(program, x, y), graph.run([x, y]), strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-9)


def test_tiles_are_found_without_being_written(folder, monkeypatch):
    """Their names say what they are."""
    name = "tile_f8_4_8"
    first = gemm.function.__wrapped__(name)
    assert first.address(name)
    cache.forget()
    monkeypatch.setattr(gemm, "program", None)
    assert gemm.function.__wrapped__(name).address(name)
