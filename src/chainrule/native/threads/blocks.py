"""Memory of large results: a handler of NumPy's (NEP 49) that keeps a few blocks which arrays have given back.

Pages that are new to the process are cleared when they are first written to, which takes as long as a simple loop over
them. So a loop that makes one large array after the other gets its blocks again. They come from NumPy's own handler.
All of this is called with the GIL held.
"""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np

from chainrule.native.entry.text import Text

LARGE = 1 << 22  # bytes from which results are allocated here
LIMIT = 1 << 28  # bytes that are kept in all
SLOTS = 8
NAME = b"mem_handler"  # of capsules that hold handlers
CONTEXT = 128  # of a handler: 127 bytes of name and one of version come before its context and its functions
MALLOC, CALLOC, REALLOC, FREE = 8, 16, 24, 32  # from there


def functions() -> list[Text]:
    """``blocks.malloc`` and ``blocks.free``, whose context is that of NumPy's handler; and what they share."""
    return [
        _inner("malloc", MALLOC),
        _take(),
        _evict(),
        _keep(),
        _pass_on("calloc", CALLOC),
        _pass_on("realloc", REALLOC),
    ]


GLOBALS = f"""@blocks.sizes = internal global [{SLOTS} x i64] zeroinitializer
@blocks.memory = internal global [{SLOTS} x ptr] zeroinitializer
@blocks.total = internal global i64 0
@blocks.next = internal global i64 0"""


def _inner(name: str, place: int) -> Text:
    t = Text(f"internal ptr @blocks.{name}.new(ptr %handler, i64 %size)")
    function = t.load("ptr", "%handler", place)
    t.put(f"%made = call ptr {function}(ptr {t.load('ptr', '%handler')}, i64 %size)")
    t.put("ret ptr %made")
    return t


def _take() -> Text:
    """A block that was kept, of just this size, or a new one."""
    t = Text("ptr @blocks.malloc(ptr %handler, i64 %size)")
    with t.count(SLOTS) as i, t.when(t.is_("eq", "i64", t.load("i64", "@blocks.sizes", i, "i64"), "%size")):
        t.store("i64", 0, "@blocks.sizes", i, "i64")
        t.store("i64", t.let(f"sub i64 {t.load('i64', '@blocks.total')}, %size"), "@blocks.total")
        t.put(f"ret ptr {t.load('ptr', '@blocks.memory', i, 'ptr')}")
        t.block(t.label())
    t.put("%made = call ptr @blocks.malloc.new(ptr %handler, i64 %size)")
    t.put("ret ptr %made")
    return t


def _evict() -> Text:
    t = Text("internal void @blocks.evict(ptr %handler, i64 %slot)")
    size = t.load("i64", "@blocks.sizes", "%slot", "i64")
    with t.when(t.is_("ne", "i64", size, 0)):
        t.store("i64", 0, "@blocks.sizes", "%slot", "i64")
        t.store("i64", t.let(f"sub i64 {t.load('i64', '@blocks.total')}, {size}"), "@blocks.total")
        free, memory = t.load("ptr", "%handler", FREE), t.load("ptr", "@blocks.memory", "%slot", "ptr")
        t.put(f"call void {free}(ptr {t.load('ptr', '%handler')}, ptr {memory}, i64 {size})")
    t.put("ret void")
    return t


def _keep() -> Text:
    """Keep a block in place of those that are kept for longest."""
    t = Text("void @blocks.free(ptr %handler, ptr %memory, i64 %size)")
    drop = t.label()
    t.require(t.is_("uge", "i64", "%size", LARGE), drop)
    t.require(t.is_("ule", "i64", "%size", LIMIT), drop)
    t.require(t.is_("ne", "ptr", "%memory", "null"), drop)
    first = t.load("i64", "@blocks.next")
    t.store("i64", t.let(f"and i64 {t.let(f'add i64 {first}, 1')}, {SLOTS - 1}"), "@blocks.next")
    t.put(f"call void @blocks.evict(ptr %handler, i64 {first})")
    with t.count(SLOTS) as i:
        whole = t.let(f"add i64 {t.load('i64', '@blocks.total')}, %size")
        with t.when(t.is_("ugt", "i64", whole, LIMIT)):
            slot = t.let(f"and i64 {t.let(f'add i64 {first}, {i}')}, {SLOTS - 1}")
            t.put(f"call void @blocks.evict(ptr %handler, i64 {slot})")
    t.store("i64", "%size", "@blocks.sizes", first, "i64")
    t.store("ptr", "%memory", "@blocks.memory", first, "ptr")
    t.store("i64", t.let(f"add i64 {t.load('i64', '@blocks.total')}, %size"), "@blocks.total")
    t.put("ret void")
    t.block(drop)
    free = t.load("ptr", "%handler", FREE)
    t.put(f"call void {free}(ptr {t.load('ptr', '%handler')}, ptr %memory, i64 %size)")
    t.put("ret void")
    return t


def _pass_on(name: str, place: int) -> Text:
    """Both take two words beside the context."""
    t = Text(f"ptr @blocks.{name}(ptr %handler, i64 %a, i64 %b)")
    function = t.load("ptr", "%handler", place)
    t.put(f"%made = call ptr {function}(ptr {t.load('ptr', '%handler')}, i64 %a, i64 %b)")
    t.put("ret ptr %made")
    return t


_kept: list[Any] = []  # arrays free their memory by these for as long as the process lives


def handler(code: Any, default: Any) -> Any:
    """The capsule of a handler with the functions of ``code``, before the handler in the capsule ``default``."""
    get, new = ctypes.pythonapi.PyCapsule_GetPointer, ctypes.pythonapi.PyCapsule_New
    get.restype, get.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    new.restype, new.argtypes = ctypes.py_object, [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]
    inner = get(default, NAME)
    memory = (ctypes.c_uint8 * (CONTEXT + 40))(*b"chainrule")
    memory[CONTEXT - 1] = ctypes.c_uint8.from_address(inner + CONTEXT - 1).value
    words = (ctypes.c_uint64 * 5).from_buffer(memory, CONTEXT)
    words[:] = [inner + CONTEXT, *(code.address(f"blocks.{name}") for name in ("malloc", "calloc", "realloc", "free"))]
    _kept.append(memory)
    made = new(ctypes.addressof(memory), NAME, None)
    # Neither may go before the last array does, which may be after all modules.
    for x in (made, code, memory):
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(x))
    return made


def default_handler(table: int) -> Any:
    """NumPy's own handler, from the table of its C functions; None where it is not as it is described here."""
    place = ctypes.c_uint64.from_address(table + 8 * 306).value
    capsule = ctypes.py_object.from_address(place).value
    if type(capsule).__name__ != "PyCapsule" or np.lib.NumpyVersion(np.__version__) < "2.0.0":
        return None
    valid = ctypes.pythonapi.PyCapsule_IsValid
    valid.restype, valid.argtypes = ctypes.c_int, [ctypes.py_object, ctypes.c_char_p]
    return capsule if valid(capsule, NAME) else None
