"""The first half of a form as machine code: memory for the call, and whether the arguments are what the form says."""

from __future__ import annotations

from chainrule.box import Box
from chainrule.native.entry import python as py
from chainrule.native.entry.text import Text

STACK = 2048  # bytes of a frame; what a call needs beyond them comes from the pool

# The words of a form, of what it says of one object among the arguments, of one output, and of one step of building.
FORM = (
    "facts", "kernel", "need", "positional", "named", "names", "objects", "found", "inputs", "outputs", "made", "steps",
    "recipe", "long", "failed", "at_inputs", "at_outputs", "at_held", "at_made", "at_stack", "at_numbers", "at_scalars",
    "at_arena", "sizes", "gone",
)  # fmt: skip
FOUND = ("kind", "count", "pointer", "cls", "descr", "scalar", "input")
MADE = ("array", "ndim", "dims", "descr", "cls", "over", "tensor", "bytes")
STEP = ("kind", "count", "pointer")

# What an object is, and how a number reaches the kernel: as it is, or in another dtype.
KINDS = (
    "leaf", "tuple", "list", "dict", "same", "float", "float_to_float32", "int", "int_to_float64", "int_to_float32",
    "bool", "complex", "complex_to_complex64", "float_or_leaf", "int_or_leaf", "bool_or_leaf", "complex_or_leaf",
)  # fmt: skip
STEPS = ("output", "tuple", "list", "dict", "constant", "call")


class Function(Text):
    """A function that calls those of CPython and NumPy, at the addresses that its table of facts has."""

    facts = "%facts"

    def fact(self, name: str) -> str:
        return self.load("ptr", self.facts, 8 * py.FACTS.index(name))

    def call(self, name: str, *arguments: str) -> str:
        return self.let(f"call ptr {self.fact(name)}({', '.join(arguments)})")

    def number(self, name: str, *arguments: str, kind: str = "i32") -> str:
        return self.let(f"call {kind} {self.fact(name)}({', '.join(arguments)})")

    def do(self, name: str, *arguments: str) -> None:
        self.put(f"call void {self.fact(name)}({', '.join(arguments)})")

    def word(self, record: str, names: tuple[str, ...], name: str, kind: str = "i64") -> str:
        return self.load(kind, record, 8 * names.index(name))

    def record(self, records: str, names: tuple[str, ...], index: str) -> str:
        return self.at(records, self.let(f"mul i64 {index}, {8 * len(names)}"))


class Guard(Function):
    """The arguments of ``enter(form, args, count, names)``, one by one; it goes to ``miss`` at the first misfit."""

    miss: str

    def form(self, name: str, kind: str = "i64") -> str:
        return self.word("%form", FORM, name, kind)

    def leave(self, result: str) -> None:
        with self.when(self.large):
            self.put(f"call void @give(ptr {self.facts}, ptr {self.base})")
        self.put(f"ret ptr {result}")

    def frame(self, away: str) -> None:
        """The number and the names of the arguments, and memory for the call."""
        self.require(self.is_("eq", "i64", "%count", self.form("positional")), away)
        named, given = self.form("named"), self.place("i64")
        self.store("i64", 0, given)
        with self.when(self.is_("ne", "ptr", "%names", "null")):
            self.store("i64", self.load("i64", "%names", py.SIZE), given)
        self.require(self.is_("eq", "i64", self.load("i64", given), named), away)
        names = self.form("names", "ptr")
        with self.count(named) as i:
            name = self.load("ptr", self.at("%names", py.ITEMS), i, "ptr")
            self.require(self.is_("eq", "ptr", name, self.load("ptr", names, i, "ptr")), away)
        stack, base = self.place(f"[{STACK} x i8]", 64), self.place("ptr")
        self.store("ptr", stack, base)
        need = self.form("need")
        self.large = self.is_("ugt", "i64", need, STACK)
        with self.when(self.large):
            block = self.let(f"call ptr @take(ptr {self.facts}, i64 {need})")
            self.require(self.is_("ne", "ptr", block, "null"), away)
            self.store("ptr", block, base)
        self.base = self.load("ptr", base)
        self.inputs, self.outputs, self.held, self.made, self.stack, self.numbers, self.scalars, self.arena = (
            self.at(self.base, self.form(name)) for name in FORM if name.startswith("at_")
        )
        total = self.let(f"add i64 {self.form('positional')}, {named}")
        with self.count(total) as i:
            self.store("ptr", self.load("ptr", "%args", i, "ptr"), self.base, i, "ptr")
        self.fill = self.place("i64")
        self.store("i64", total, self.fill)

    # ------------------------------------------------------------------------------ what arguments must be

    def arguments(self) -> None:
        """Look at every object. Containers put what they hold behind the objects that are there already."""
        found = self.form("found", "ptr")
        with self.count(self.form("objects")) as i:
            self.x = self.load("ptr", self.base, i, "ptr")
            self.it = self.record(found, FOUND, i)
            self.next = self.label()
            labels = [self.label() for _ in KINDS]
            self.switch(self.said("kind"), labels, self.miss)
            for kind, label in zip(KINDS, labels, strict=True):
                self.block(label)
                name, _, dtype = kind.partition("_to_")
                if kind.endswith("_or_leaf"):
                    self.either_(kind.removesuffix("_or_leaf"))
                elif name in ("float", "int", "bool", "complex"):
                    getattr(self, f"{name}_")(dtype)
                else:
                    getattr(self, f"{name}_")()
                self.goto(self.next)
            self.block(self.next)

    def said(self, name: str, kind: str = "i64") -> str:
        return self.word(self.it, FOUND, name, kind)

    def type_of(self, x: str) -> str:
        return self.load("ptr", x, py.TYPE)

    def must_be(self, kind: str, a: str, b: str) -> None:
        self.require(self.is_("eq", kind, a, b), self.miss)

    def must_have_type(self, name: str) -> None:
        self.must_be("ptr", self.type_of(self.x), self.fact(name))

    def put_child(self, child: str) -> None:
        fill = self.load("i64", self.fill)
        self.store("ptr", child, self.base, fill, "ptr")
        self.store("i64", self.let(f"add i64 {fill}, 1"), self.fill)

    def tuple_(self) -> None:
        self.must_have_type("tuple")
        self.sequence(self.at(self.x, py.ITEMS))

    def list_(self) -> None:
        self.must_have_type("list")
        self.sequence(self.load("ptr", self.x, py.ITEMS))

    def sequence(self, items: str) -> None:
        count = self.said("count")
        self.must_be("i64", self.load("i64", self.x, py.SIZE), count)
        with self.count(count) as i:
            self.put_child(self.load("ptr", items, i, "ptr"))

    def dict_(self) -> None:
        """The same keys in the same order: the same objects, or equal strings, whose comparison runs no Python."""
        self.must_have_type("dict")
        count, keys = self.said("count"), self.said("pointer", "ptr")
        self.must_be("i64", self.number("PyDict_Size", f"ptr {self.x}", kind="i64"), count)
        position, key, value = self.place("i64"), self.place("ptr"), self.place("ptr")
        self.store("i64", 0, position)
        with self.count(count) as i:
            places = f"ptr {self.x}, ptr {position}, ptr {key}, ptr {value}"
            self.require(self.is_("ne", "i32", self.number("PyDict_Next", places), 0), self.miss)
            given, wanted = self.load("ptr", key), self.load("ptr", keys, i, "ptr")
            with self.when(self.is_("ne", "ptr", given, wanted)):
                for one in (given, wanted):
                    self.must_be("ptr", self.type_of(one), self.fact("str"))
                order = self.number("PyUnicode_Compare", f"ptr {given}, ptr {wanted}")
                self.require(self.is_("eq", "i32", order, 0), self.miss)
            self.put_child(self.load("ptr", value))

    def same_(self) -> None:
        self.must_be("ptr", self.x, self.said("pointer", "ptr"))

    def leaf_(self) -> None:
        """An array or a scalar of NumPy's, or a Tensor of one that nothing is recorded of."""
        held, scalar, done = self.place("ptr"), self.label(), self.label()
        self.store("ptr", self.x, held)
        cls = self.said("cls", "ptr")
        with self.when(self.is_("ne", "ptr", cls, "null")):
            self.must_be("ptr", self.type_of(self.x), cls)
            self.must_be("ptr", self.load("ptr", self.x, py.slot(Box, "_node")), self.fact("None"))
            value = self.load("ptr", self.x, py.slot(Box, "_value"))
            self.require(self.is_("ne", "ptr", value, "null"), self.miss)
            self.store("ptr", value, held)
        value = self.load("ptr", held)
        self.require(self.is_("eq", "ptr", self.type_of(value), self.fact("ndarray")), scalar)
        self.must_be("ptr", self.load("ptr", value, py.DESCR), self.said("descr", "ptr"))
        flags = self.let(f"and i32 {self.load('i32', value, py.FLAGS)}, {py.READY}")
        self.must_be("i32", flags, str(py.READY))
        ndim = self.said("count")
        self.must_be("i64", self.let(f"sext i32 {self.load('i32', value, py.NDIM)} to i64"), ndim)
        given, wanted = self.load("ptr", value, py.DIMS), self.said("pointer", "ptr")
        with self.count(ndim) as i:
            self.must_be("i64", self.load("i64", given, i, "i64"), self.load("i64", wanted, i, "i64"))
        self.reads(self.load("ptr", value, py.DATA), value)
        self.goto(done)
        self.block(scalar)
        self.must_be("ptr", self.type_of(value), self.said("scalar", "ptr"))
        self.reads(self.at(value, py.NUMBER), value)
        self.goto(done)
        self.block(done)

    def either_(self, name: str) -> None:
        """A number of Python's, or one of NumPy's that the kernel takes in the same way."""
        other, done = self.label(), self.label()
        self.require(self.is_("eq", "ptr", self.type_of(self.x), self.fact(name)), other)
        getattr(self, f"{name}_")("")
        self.goto(done)
        self.block(other)
        self.leaf_()
        self.goto(done)
        self.block(done)

    def reads(self, data: str, held: str) -> None:
        """The kernel reads this input there, in memory that this object owns."""
        position = self.said("input")
        self.store("ptr", data, self.inputs, position, "ptr")
        self.store("ptr", held, self.held, position, "ptr")

    def converted(self, kind: str, value: str) -> None:
        """The kernel reads this number, which stands in no object as it needs it."""
        place = self.at(self.numbers, self.said("input"), "[16 x i8]")
        self.store(kind, value, place)
        self.reads(place, self.x)

    def float_(self, dtype: str) -> None:
        self.must_have_type("float")
        if not dtype:
            self.reads(self.at(self.x, py.NUMBER), self.x)
            return
        number = self.load("double", self.x, py.NUMBER)
        self.converted("float", self.let(f"fptrunc double {number} to float"))

    def complex_(self, dtype: str) -> None:
        self.must_have_type("complex")
        if not dtype:
            self.reads(self.at(self.x, py.NUMBER), self.x)
            return
        place = self.at(self.numbers, self.said("input"), "[16 x i8]")
        for part in range(2):
            number = self.load("double", self.x, py.NUMBER + 8 * part)
            self.store("float", self.let(f"fptrunc double {number} to float"), place, 4 * part)
        self.reads(place, self.x)

    def int_(self, dtype: str) -> None:
        self.must_have_type("int")
        overflow = self.place("i32")
        number = self.number("PyLong_AsLongLongAndOverflow", f"ptr {self.x}, ptr {overflow}", kind="i64")
        self.must_be("i32", self.load("i32", overflow), "0")
        if not dtype:
            self.converted("i64", number)
            return
        # Beyond these bounds rounding would come in, which is left to Python.
        kind, bound = ("double", 2**53) if dtype == "float64" else ("float", 2**24)
        self.require(self.is_("ule", "i64", self.let(f"add i64 {number}, {bound}"), 2 * bound), self.miss)
        self.converted(kind, self.let(f"sitofp i64 {number} to {kind}"))

    def bool_(self, _dtype: str) -> None:
        true = self.is_("eq", "ptr", self.x, self.fact("True"))
        false = self.is_("eq", "ptr", self.x, self.fact("False"))
        self.require(self.let(f"or i1 {true}, {false}"), self.miss)
        self.converted("i8", self.let(f"zext i1 {true} to i8"))
