"""Memory between pages that nobody may touch: where kernels are run, to fail where they read or write beyond it."""

from __future__ import annotations

import ctypes
import mmap
import os
import threading
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from chainrule.native.threads.threads import get_num_threads, set_num_threads

PAGE = mmap.PAGESIZE
NONE, READ, WRITE = 0, 1, 2
_libc = ctypes.CDLL(None, use_errno=True)
_libc.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]


def protect(address: int, size: int, rights: int) -> None:
    if _libc.mprotect(address, size, rights):
        raise OSError(ctypes.get_errno(), "mprotect")


class Guarded:
    """``size`` bytes, flush with the page behind (``end``) or before them, which nobody may touch."""

    def __init__(self, size: int, end: bool, align: int = 1, fill: int = 0xFF):
        self.size = size
        pages = max(1, -(-size // PAGE))
        self.memory = mmap.mmap(-1, (pages + 2) * PAGE)
        start = ctypes.addressof(ctypes.c_char.from_buffer(self.memory))
        self.first, self.span = start + PAGE, pages * PAGE
        ctypes.memset(self.first, fill, self.span)
        place = (self.span - size) // align * align if end else 0
        self.address, self.fill = self.first + place, fill
        self.before, self.behind = place, self.span - place - size
        protect(start, PAGE, NONE)
        protect(self.first + self.span, PAGE, NONE)

    def read_only(self) -> None:
        protect(self.first, self.span, READ)

    def untouched_around(self) -> bool:
        """Whether the bytes of the first and the last page that are not ours are as they were."""
        expected = bytes([self.fill])
        before = ctypes.string_at(self.first, self.before)
        behind = ctypes.string_at(self.address + self.size, self.behind)
        return before == expected * self.before and behind == expected * self.behind

    def array(self, shape: Sequence[int], dtype: Any) -> np.ndarray[Any, Any]:
        """A copy of what is there."""
        return np.frombuffer(ctypes.string_at(self.address, self.size), dtype).reshape(tuple(shape))


class Left(RuntimeError):
    """A kernel gave up: its graph is to be run by NumPy, which raises, or knows better."""


class Run:
    """One call of a program's kernel: its inputs read only, its outputs and its arena full of garbage."""

    def __init__(self, program: Any, inputs: Sequence[Guarded], end: bool, fill: int):
        self.program, self.inputs, self.end, self.fill = program, inputs, end, fill

    def __call__(self) -> list[np.ndarray[Any, Any]]:
        p, end = self.program, self.end
        outs = [Guarded(s.size * s.dtype.itemsize, end, s.dtype.itemsize, self.fill) for s in p.outputs]
        arena = Guarded(p.arena, end, 64, self.fill)
        table = _table([x.address for x in self.inputs], end)
        made = _table([x.address for x in outs], end)
        kernel = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p)(p.address)
        status = kernel(table.address, made.address, arena.address if p.arena else None)
        if status:
            raise Left(f"the kernel returned {status}")
        if not (arena.untouched_around() and all(x.untouched_around() for x in outs)):
            raise MemoryError("the kernel wrote beside its memory")
        return [x.array(s.shape, s.dtype) for x, s in zip(outs, p.outputs, strict=True)]


def _table(addresses: Sequence[int], end: bool) -> Guarded:
    guarded = Guarded(8 * len(addresses), end, 8)
    (ctypes.c_void_p * len(addresses)).from_address(guarded.address)[:] = addresses
    guarded.read_only()
    return guarded


def placed(arrays: Sequence[Any], specs: Sequence[Any], end: bool) -> list[Guarded]:
    """Inputs in memory that can be read alone."""
    found: dict[Any, Guarded] = {}
    keys = [(np.ascontiguousarray(x, s.dtype).tobytes(), s.shape, s.dtype) for x, s in zip(arrays, specs, strict=True)]
    for data, shape, dtype in keys:
        if (data, shape, dtype) in found:
            continue  # one array may be given twice
        found[data, shape, dtype] = guarded = Guarded(len(data), end, dtype.itemsize)
        ctypes.memmove(guarded.address, data, len(data))
        guarded.read_only()
    return [found[key] for key in keys]


def bits(arrays: Sequence[Any]) -> list[bytes]:
    return [x.tobytes() for x in arrays]


def run_everywhere(program: Any, arrays: Sequence[Any], *, threads: int = 0, fork: bool = False) -> list[Any]:
    """The outputs; an error if they depend on where memory is, on what was in it, on other threads, or on a fork."""
    at_end, at_start = (placed(arrays, program.inputs, end) for end in (True, False))
    found = Run(program, at_end, True, 0xFF)()
    expected = bits(found)
    ways = {"at the start": Run(program, at_start, False, 0x7F), "again": Run(program, at_end, True, 0xA5)}
    for way, run in ways.items():
        _same(bits(run()), expected, way)
    if threads:
        _with_pools(program, at_end, expected)
        _in_threads(program, at_end, expected, threads)
    if fork:
        _in_child(Run(program, at_end, True, 0x5A), expected)
    return found


def _same(found: list[bytes], expected: list[bytes], way: str) -> None:
    for i, (one, other) in enumerate(zip(found, expected, strict=True)):
        if one != other:
            raise AssertionError(f"output {i} has other bits when the kernel is run {way}")


def _with_pools(program: Any, inputs: Sequence[Guarded], expected: list[bytes]) -> None:
    """With other numbers of threads that share the loops of a kernel."""
    usual = get_num_threads()
    try:
        for count in (1, 3):
            set_num_threads(count)
            _same(bits(Run(program, inputs, True, 0x3C)()), expected, f"by {count} threads of its own")
    finally:
        set_num_threads(usual)


def _in_threads(program: Any, inputs: Sequence[Guarded], expected: list[bytes], count: int) -> None:
    errors: list[BaseException] = []
    together = threading.Barrier(count)

    def work(fill: int) -> None:
        try:
            run = Run(program, inputs, True, fill)
            together.wait()
            for _ in range(3):
                _same(bits(run()), expected, "by several threads")
        except BaseException as error:
            errors.append(error)

    workers = [threading.Thread(target=work, args=(0x11 * i,)) for i in range(count)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    if errors:
        raise errors[0]


def forked() -> int:
    """``os.fork``, without Python's warning that threads may hold locks: that it goes well is what is tested."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return os.fork()


def _in_child(run: Run, expected: list[bytes]) -> None:
    child = forked()
    if not child:
        code = 1
        try:
            code = 0 if bits(run()) == expected else 2
        finally:
            os._exit(code)
    status = os.waitpid(child, 0)[1]
    if status:
        raise AssertionError(f"in a forked child the kernel ended with status {status}")
