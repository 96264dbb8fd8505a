"""The way from a call in Python to a kernel and back, as machine code: ``jitted(x)`` runs no Python at all.

An object that is called fast (``Callable`` in ``python``) holds the address of ``call``, and a table of
*forms*, each made of words in memory (``form``). ``call`` tries them in order. A form says what the arguments must be,
object by object; where they are, it runs its kernel and builds the result.
Where no form fits, the object's own ``__call__`` runs, in Python.

Nothing that runs before the kernel can run Python code, so what was found right is right when it is used; and what the
kernel reads is held until it returns. What is written into is new, or was donated. So a form is code of its own only in
what its words say: this module is compiled once in a process.
"""

from __future__ import annotations

import ctypes
import functools

from chainrule.box import Box
from chainrule.native.entry import python as py
from chainrule.native.entry.guard import MADE, STEP, STEPS, Function, Guard
from chainrule.native.entry.text import Text
from chainrule.native.machine.code import Code
from chainrule.native.threads import blocks

POOLED = 1 << 28  # the largest block that the pool keeps between calls


# -------------------------------------------------------------------------------------------------- the pool


def _take() -> Text:
    """``take(facts, size)``: aligned memory of that size or more. One block is kept, guarded by the GIL."""
    t = Function("internal ptr @take(ptr %facts, i64 %size)")
    kept, fresh, none = t.label(), t.label(), t.label()
    pool = t.load("ptr", "@pool")
    t.require(t.is_("ne", "ptr", pool, "null"), fresh)
    t.branch(t.is_("uge", "i64", t.load("i64", pool, -8), "%size"), kept, fresh)
    t.block(kept)
    t.store("ptr", "null", "@pool")
    t.put(f"ret ptr {pool}")
    t.block(fresh)
    raw = t.call("PyMem_RawMalloc", f"i64 {t.let('add i64 %size, 128')}")
    t.require(t.is_("ne", "ptr", raw, "null"), none)
    number = t.let(f"ptrtoint ptr {raw} to i64")
    up = t.let(f"add i64 {number}, 127")
    down = t.let(f"and i64 {up}, -64")
    block = t.let(f"inttoptr i64 {down} to ptr")
    t.store("ptr", raw, block, -16)
    t.store("i64", "%size", block, -8)
    t.put(f"ret ptr {block}")
    t.block(none)
    t.call("PyErr_NoMemory")
    t.put("ret ptr null")
    return t


def _give() -> Text:
    """``give(facts, block)``: back to the pool, which keeps the larger of two."""
    t = Function("internal void @give(ptr %facts, ptr %block)")
    drop = t.label()
    size = t.load("i64", "%block", -8)
    t.require(t.is_("ule", "i64", size, POOLED), drop)
    pool = t.load("ptr", "@pool")
    with t.when(t.is_("ne", "ptr", pool, "null")):
        t.require(t.is_("ult", "i64", t.load("i64", pool, -8), size), drop)
        t.do("PyMem_RawFree", f"ptr {t.load('ptr', pool, -16)}")
    t.store("ptr", "%block", "@pool")
    t.put("ret void")
    t.block(drop)
    t.do("PyMem_RawFree", f"ptr {t.load('ptr', '%block', -16)}")
    t.put("ret void")
    return t


# ------------------------------------------------------------------------------------------------- one form


class Enter(Guard):
    """``enter(form, args, count, names)``: the result, or NULL: with an error set, or without where the form misses."""

    def __init__(self) -> None:
        super().__init__("internal ptr @enter(ptr %form, ptr %args, i64 %count, ptr %names) #0 noinline")
        self.facts = self.form("facts", "ptr")
        away, self.miss, self.fail = self.label(), self.label(), self.label()
        self.frame(away)
        self.arguments()
        self.prepare()
        self.run()
        self.build()
        self.leave(self.load("ptr", self.stack))
        self.block(self.fail)
        for at, count in ((self.made, self.form("outputs")), (self.stack, self.load("i64", self.height))):
            with self.count(count) as i:
                self.do("Py_DecRef", f"ptr {self.load('ptr', at, i, 'ptr')}")
        self.goto(self.miss)
        self.block(self.miss)
        self.leave("null")
        self.block(away)
        self.put("ret ptr null")

    # ------------------------------------------------------------------------------------------- the kernel

    def prepare(self) -> None:
        """Hold what is read, and make the arrays that are written to."""
        with self.count(self.form("inputs")) as i:
            self.do("Py_IncRef", f"ptr {self.load('ptr', self.held, i, 'ptr')}")
        self.height = self.place("i64")
        self.store("i64", 0, self.height)
        count, records = self.form("outputs"), self.form("made", "ptr")
        with self.count(count) as i:
            self.store("ptr", "null", self.made, i, "ptr")
        status = self.place("i32")
        self.store("i32", -1, status)
        unheld = self.label()
        with self.count(count) as i:
            it = self.record(records, MADE, i)
            scalar, done = self.label(), self.label()
            self.require(self.is_("ne", "i64", self.word(it, MADE, "array"), 0), scalar)
            fresh = self.label()
            self.take_donated(it, i, done, fresh)
            self.block(fresh)
            descr = self.word(it, MADE, "descr", "ptr")
            self.do("Py_IncRef", f"ptr {descr}")
            ndim = self.let(f"trunc i64 {self.word(it, MADE, 'ndim')} to i32")
            dims = self.word(it, MADE, "dims", "ptr")
            large = self.is_("uge", "i64", self.word(it, MADE, "bytes"), blocks.LARGE)
            before = self.place("ptr")
            self.store("ptr", "null", before)
            own = self.load("ptr", "@handler")
            with self.when(self.let(f"and i1 {large}, {self.is_('ne', 'ptr', own, 'null')}")):
                self.store("ptr", self.call("PyDataMem_SetHandler", f"ptr {own}"), before)
            array = self.call(
                "PyArray_NewFromDescr", f"ptr {self.fact('ndarray')}", f"ptr {descr}", f"i32 {ndim}", f"ptr {dims}",
                "ptr null", "ptr null", "i32 0", "ptr null",
            )  # fmt: skip
            self.handed_back(before)
            self.require(self.is_("ne", "ptr", array, "null"), unheld)
            self.store("ptr", array, self.made, i, "ptr")
            self.store("ptr", self.load("ptr", array, py.DATA), self.outputs, i, "ptr")
            self.goto(done)
            self.block(scalar)
            self.store("ptr", self.at(self.scalars, i, "[16 x i8]"), self.outputs, i, "ptr")
            self.goto(done)
            self.block(done)
        self.status, self.unheld = status, unheld

    def handed_back(self, before: str) -> None:
        """Make the handler of memory again what it was."""
        old = self.load("ptr", before)
        with self.when(self.is_("ne", "ptr", old, "null")):
            ours = self.call("PyDataMem_SetHandler", f"ptr {old}")
            self.do("Py_DecRef", f"ptr {old}")
            with self.when(self.is_("ne", "ptr", ours, "null")):
                self.do("Py_DecRef", f"ptr {ours}")

    def take_donated(self, it: str, i: str, done: str, fresh: str) -> None:
        """Let an output be the array that was donated for it, if that is nobody else's memory; else go to ``fresh``."""
        over = self.word(it, MADE, "over")
        self.require(self.is_("ne", "i64", over, 0), fresh)
        given = self.let(f"sub i64 {over}, 1")
        array = self.load("ptr", self.held, given, "ptr")
        self.require(self.is_("eq", "ptr", self.load("ptr", array, py.TYPE), self.fact("ndarray")), fresh)
        flags = self.let(f"and i32 {self.load('i32', array, py.FLAGS)}, {py.OWN}")
        self.require(self.is_("eq", "i32", flags, py.OWN), fresh)
        self.require(self.is_("eq", "ptr", self.load("ptr", array, py.BASE), "null"), fresh)
        with self.when(self.is_("ne", "i64", self.word(it, MADE, "tensor"), 0)):
            # The array of a Tensor is held by it, and by this call: a third would see it change.
            self.require(self.is_("eq", "i32", self.load("i32", array), 2), fresh)
        sizes = self.form("sizes", "ptr")
        start = self.let(f"ptrtoint ptr {self.load('ptr', array, py.DATA)} to i64")
        end = self.let(f"add i64 {start}, {self.load('i64', sizes, given, 'i64')}")
        with self.count(self.form("inputs")) as k:
            other = self.let(f"ptrtoint ptr {self.load('ptr', self.inputs, k, 'ptr')} to i64")
            last = self.let(f"add i64 {other}, {self.load('i64', sizes, k, 'i64')}")
            apart = self.let(f"or i1 {self.is_('ule', 'i64', last, start)}, {self.is_('uge', 'i64', other, end)}")
            itself = self.is_("eq", "i64", k, given)
            self.require(self.let(f"or i1 {apart}, {itself}"), fresh)
        self.do("Py_IncRef", f"ptr {array}")
        self.store("ptr", array, self.made, i, "ptr")
        self.store("ptr", self.load("ptr", array, py.DATA), self.outputs, i, "ptr")
        self.goto(done)

    def mark_donated(self) -> None:
        """Tensors whose memory has become a result have no value any more."""
        records, gone = self.form("made", "ptr"), self.form("gone", "ptr")
        with self.count(self.form("outputs")) as i:
            it = self.record(records, MADE, i)
            place = self.word(it, MADE, "tensor")
            with self.when(self.is_("ne", "i64", place, 0)):
                tensor = self.load("ptr", self.base, self.let(f"sub i64 {place}, 1"), "ptr")
                value, made = self.load("ptr", tensor, py.slot(Box, "_value")), self.load("ptr", self.made, i, "ptr")
                with self.when(self.is_("eq", "ptr", value, made)):
                    node = self.load("ptr", tensor, py.slot(Box, "_node"))
                    for name, new in (("_value", self.fact("None")), ("_node", gone)):
                        self.do("Py_IncRef", f"ptr {new}")
                        self.store("ptr", new, tensor, py.slot(Box, name))
                    self.do("Py_DecRef", f"ptr {value}")
                    self.do("Py_DecRef", f"ptr {node}")

    def run(self) -> None:
        kernel, long = self.form("kernel", "ptr"), self.is_("ne", "i64", self.form("long"), 0)
        call = f"call i32 {kernel}(ptr {self.inputs}, ptr {self.outputs}, ptr {self.arena})"
        alone, shared = self.label(), self.label()
        self.branch(long, shared, alone)
        self.block(shared)
        thread = self.call("PyEval_SaveThread")
        self.store("i32", self.let(call), self.status)
        self.do("PyEval_RestoreThread", f"ptr {thread}")
        self.goto(self.unheld)
        self.block(alone)
        self.store("i32", self.let(call), self.status)
        self.goto(self.unheld)
        self.block(self.unheld)
        with self.count(self.form("inputs")) as i:
            self.do("Py_DecRef", f"ptr {self.load('ptr', self.held, i, 'ptr')}")
        good = self.label()
        status = self.load("i32", self.status)
        self.branch(self.is_("eq", "i32", status, 0), good, bad := self.label())
        self.block(bad)
        self.require(self.is_("eq", "ptr", self.call("PyErr_Occurred"), "null"), self.fail)
        # Where no callback raised, the form misses: the way through Python runs the graph by NumPy.
        nothing = self.call("PyObject_CallNoArgs", f"ptr {self.form('failed', 'ptr')}")
        self.require(self.is_("ne", "ptr", nothing, "null"), self.fail)
        self.do("Py_DecRef", f"ptr {nothing}")
        self.goto(self.fail)
        self.block(good)
        self.mark_donated()

    # ------------------------------------------------------------------------------------------- the result

    def build(self) -> None:
        """Build the result in postfix order: outputs and constants are pushed, containers take what is on top."""
        recipe = self.form("recipe", "ptr")
        with self.count(self.form("steps")) as i:
            it = self.record(recipe, STEP, i)
            self.taken, self.extra = self.word(it, STEP, "count"), self.word(it, STEP, "pointer", "ptr")
            done, labels = self.label(), [self.label() for _ in STEPS]
            self.switch(self.word(it, STEP, "kind"), labels, done)
            for step, label in zip(STEPS, labels, strict=True):
                self.block(label)
                getattr(self, f"push_{step}")()
                self.goto(done)
            self.block(done)

    def push(self, x: str) -> None:
        self.require(self.is_("ne", "ptr", x, "null"), self.fail)
        height = self.load("i64", self.height)
        self.store("ptr", x, self.stack, height, "ptr")
        self.store("i64", self.let(f"add i64 {height}, 1"), self.height)

    def push_constant(self) -> None:
        self.do("Py_IncRef", f"ptr {self.extra}")
        self.push(self.extra)

    def push_output(self) -> None:
        it = self.record(self.form("made", "ptr"), MADE, self.taken)
        value = self.place("ptr")
        self.store("ptr", self.load("ptr", self.made, self.taken, "ptr"), value)
        with self.when(self.is_("eq", "i64", self.word(it, MADE, "array"), 0)):
            number = self.at(self.scalars, self.taken, "[16 x i8]")
            scalar = self.call(
                "PyArray_Scalar", f"ptr {number}", f"ptr {self.word(it, MADE, 'descr', 'ptr')}", "ptr null"
            )
            self.require(self.is_("ne", "ptr", scalar, "null"), self.fail)
            self.store("ptr", scalar, value)
            self.store("ptr", scalar, self.made, self.taken, "ptr")  # so that it is given up if there is an error
        cls = self.word(it, MADE, "cls", "ptr")
        with self.when(self.is_("ne", "ptr", cls, "null")):
            made = self.call("PyType_GenericAlloc", f"ptr {cls}", "i64 0")
            self.require(self.is_("ne", "ptr", made, "null"), self.fail)
            none = self.fact("None")
            for name in ("_node", "_grad"):
                self.do("Py_IncRef", f"ptr {none}")
                self.store("ptr", none, made, py.slot(Box, name))
            self.store("ptr", self.load("ptr", value), made, py.slot(Box, "_value"))
            self.store("ptr", made, value)
        self.store("ptr", "null", self.made, self.taken, "ptr")
        self.push(self.load("ptr", value))

    def top(self) -> str:
        """Where the things that this step takes stand."""
        height = self.let(f"sub i64 {self.load('i64', self.height)}, {self.taken}")
        return self.at(self.stack, height, "ptr")

    def moved(self, container: str, setter: str) -> None:
        """Move what is on top of the stack into a new tuple or list."""
        self.require(self.is_("ne", "ptr", container, "null"), self.fail)
        top = self.top()
        with self.count(self.taken) as i:
            self.number(setter, f"ptr {container}", f"i64 {i}", f"ptr {self.load('ptr', top, i, 'ptr')}")
        self.drop()

    def drop(self) -> None:
        self.store("i64", self.let(f"sub i64 {self.load('i64', self.height)}, {self.taken}"), self.height)

    def push_tuple(self) -> None:
        made = self.call("PyTuple_New", f"i64 {self.taken}")
        self.moved(made, "PyTuple_SetItem")
        self.push(made)

    def push_list(self) -> None:
        made = self.call("PyList_New", f"i64 {self.taken}")
        self.moved(made, "PyList_SetItem")
        self.push(made)

    def push_dict(self) -> None:
        made = self.call("PyDict_New")
        self.require(self.is_("ne", "ptr", made, "null"), self.fail)
        top, wrong = self.top(), self.label()
        with self.count(self.taken) as i:
            key, value = self.load("ptr", self.extra, i, "ptr"), self.load("ptr", top, i, "ptr")
            status = self.number("PyDict_SetItem", f"ptr {made}", f"ptr {key}", f"ptr {value}")
            self.require(self.is_("eq", "i32", status, 0), wrong)
        with self.count(self.taken) as i:
            self.do("Py_DecRef", f"ptr {self.load('ptr', top, i, 'ptr')}")
        self.drop()
        self.push(made)
        done = self.label()
        self.goto(done)
        self.block(wrong)
        self.do("Py_DecRef", f"ptr {made}")
        self.goto(self.fail)
        self.block(done)

    def push_call(self) -> None:
        """What a function of Python's makes of a list of the things on top."""
        made = self.call("PyList_New", f"i64 {self.taken}")
        self.moved(made, "PyList_SetItem")
        result = self.call("PyObject_CallOneArg", f"ptr {self.extra}", f"ptr {made}")
        self.do("Py_DecRef", f"ptr {made}")
        self.push(result)


# -------------------------------------------------------------------------------------------------- all forms


def _dispatch() -> Text:
    """``call(self, args, flags, names)``, as CPython calls objects: the forms in order, else ``self.__call__``."""
    t = Function("ptr @call(ptr %self, ptr %args, i64 %flagged, ptr %names) #0")
    own, failed = t.label(), t.label()
    count = t.let("and i64 %flagged, 9223372036854775807")  # without the flag that the slot before is free
    table = t.load("ptr", "%self", py.TABLE)
    with t.count(t.load("i64", table, 8)) as i:
        form = t.load("ptr", t.at(table, 16), i, "ptr")
        result = t.let(f"call ptr @enter(ptr {form}, ptr %args, i64 {count}, ptr %names)")
        with t.when(t.is_("ne", "ptr", result, "null")):
            t.put(f"ret ptr {result}")
            t.block(t.label())
        t.facts = t.load("ptr", form)
        t.require(t.is_("eq", "ptr", t.call("PyErr_Occurred"), "null"), failed)
    t.facts = t.load("ptr", table)
    t.goto(own)
    t.block(own)
    t.put(f"%slow = call ptr @slow(ptr {t.facts}, ptr %self, ptr %args, i64 {count}, ptr %names)")
    t.put("ret ptr %slow")
    t.block(failed)
    t.put("ret ptr null")
    return t


def _slow() -> Text:
    """``slow(facts, self, args, count, names)``: the call of ``owner``, a Python function, with self before all."""
    t = Function("internal ptr @slow(ptr %facts, ptr %self, ptr %args, i64 %count, ptr %names) noinline")
    none, named = t.label(), t.place("i64")
    t.store("i64", 0, named)
    with t.when(t.is_("ne", "ptr", "%names", "null")):
        t.store("i64", t.load("i64", "%names", py.SIZE), named)
    total = t.let(f"add i64 %count, {t.load('i64', named)}")
    whole = t.let(f"add i64 {total}, 1")
    size = t.let(f"shl i64 {whole}, 3")
    all_ = t.call("PyMem_RawMalloc", f"i64 {size}")
    t.require(t.is_("ne", "ptr", all_, "null"), none)
    t.store("ptr", "%self", all_)
    with t.count(total) as i:
        t.store("ptr", t.load("ptr", "%args", i, "ptr"), t.at(all_, 8), i, "ptr")
    function, count = t.load("ptr", "%self", py.OWNER), t.let("add i64 %count, 1")
    result = t.call("PyObject_Vectorcall", f"ptr {function}", f"ptr {all_}", f"i64 {count}", "ptr %names")
    t.do("PyMem_RawFree", f"ptr {all_}")
    t.put(f"ret ptr {result}")
    t.block(none)
    t.call("PyErr_NoMemory")
    t.put("ret ptr null")
    return t


def text() -> str:
    """The module, the same in every process."""
    functions = [_take(), _give(), Enter(), _slow(), _dispatch(), *blocks.functions(), _install()]
    # Frames are smaller than a page of the stack, so that Windows needs no probe, which machine code has none of.
    attributes = 'attributes #0 = { nounwind "no-stack-arg-probe" }'
    data = ["@pool = internal global ptr null", "@handler = internal global ptr null", blocks.GLOBALS]
    return "\n\n".join([*data, *map(str, functions), attributes, ""])


def _install() -> Text:
    """``install(capsule)``: the handler that large results are allocated by."""
    t = Text("void @install(ptr %capsule)")
    t.store("ptr", "%capsule", "@handler")
    t.put("ret void")
    return t


@functools.cache
def code() -> Code:
    made = Code(text(), thorough=True)
    default = blocks.default_handler(py.table())
    if default is not None:
        handler = blocks.handler(made, default)
        ctypes.CFUNCTYPE(None, ctypes.c_void_p)(made.address("install"))(id(handler))
    return made


@functools.cache
def address() -> int:
    """Where ``call`` is."""
    return code().address("call")
