"""Instructions of a loop program as text of LLVM: arithmetic, lanes, memory and calls."""

from __future__ import annotations

import functools
import struct
from typing import Any

import numpy as np

from chainrule.native.language.loops import Pointer, Program, Variable
from chainrule.native.language.values import Value

FLOAT_OPS = {"add": "fadd", "sub": "fsub", "mul": "fmul", "div": "fdiv", "rem": "frem"}
INTEGER_OPS = {"add": "add", "sub": "sub", "mul": "mul", "and": "and", "or": "or", "xor": "xor", "shl": "shl"}
INTRINSICS = {
    "sqrt": "sqrt", "abs": "fabs", "floor": "floor", "ceil": "ceil", "trunc": "trunc", "rint": "rint", "fma": "fma",
    "copysign": "copysign",
}  # fmt: skip
ACROSS = {"add": "fadd", "and": "and", "or": "or"}
FLOAT_COMPARE = {"eq": "oeq", "ne": "une", "lt": "olt", "le": "ole", "gt": "ogt", "ge": "oge"}
INTEGER_COMPARE = {"eq": "eq", "ne": "ne", "lt": "lt", "le": "le", "gt": "gt", "ge": "ge"}


@functools.cache
def type_of(dtype: np.dtype, lanes: int = 1) -> str:
    kind = dtype.kind
    base = (
        {2: "half", 4: "float", 8: "double"}[dtype.itemsize]
        if kind == "f"
        else "i1"
        if kind == "b"
        else f"i{8 * dtype.itemsize}"
    )
    return base if lanes == 1 else f"<{lanes} x {base}>"


@functools.cache
def _suffix(dtype: np.dtype, lanes: int) -> str:
    """How a type is spelled in the name of an intrinsic."""
    base = f"f{8 * dtype.itemsize}" if dtype.kind == "f" else "i1" if dtype.kind == "b" else f"i{8 * dtype.itemsize}"
    return base if lanes == 1 else f"v{lanes}{base}"


def _literal(value: Value) -> str:
    number = value.constant
    if value.dtype == np.float16:
        text = f"0xH{struct.unpack('<H', struct.pack('<e', float(number)))[0]:04X}"
    elif value.dtype.kind == "f":
        text = f"0x{struct.unpack('<Q', struct.pack('<d', float(number)))[0]:016X}"
    elif value.dtype.kind == "b":
        text = "true" if number else "false"
    else:
        text = str(int(number))
    return text if value.lanes == 1 else f"splat ({type_of(value.dtype)} {text})"


class Instructions:
    """Prints instructions: their numbers are ``%x1``, ``%x2``, …; what they need besides, ``%t1``, ``%t2``, …"""

    def __init__(self, program: Program):
        self.program = program
        self.lines: list[str] = []
        self.declared: dict[str, str] = {}
        self.labels = 0
        self.temporaries = 0
        self.block = "entry"
        self.leaving = ["ret i32 1"]
        self.functions: list[str] = []  # of the chunks of loops
        self.outer: list[str] = []  # places on the stack

    # ------------------------------------------------------------------------------------------ words

    def ref(self, x: Any) -> str:
        if isinstance(x, Value):
            return _literal(x) if x.constant is not None else f"%x{x.name}"
        return f"@{x.name}" if x.name in self.program.data else f"%{x.name}"

    def typed(self, x: Any) -> str:
        return f"{type_of(x.dtype, x.lanes)} {self.ref(x)}" if isinstance(x, Value) else f"ptr {self.ref(x)}"

    def temporary(self) -> str:
        self.temporaries += 1
        return f"%t{self.temporaries}"

    def label(self, name: str) -> str:
        self.labels += 1
        return f"{name}{self.labels}"

    def emit(self, line: str) -> None:
        self.lines.append(f"  {line}")

    def start(self, label: str) -> None:
        self.lines.append(f"{label}:")
        self.block = label

    def intrinsic(self, made: Value | str, name: str, out: str, *operands: str) -> None:
        """Call an intrinsic, whose operands are written with their types."""
        types = ", ".join(x.rsplit(" ", 1)[0] if not x.endswith(")") else x[: x.index(" splat")] for x in operands)
        self.declared[name] = f"declare {out} @{name}({types})"
        target = made if isinstance(made, str) else f"%x{made.name}"
        self.emit(f"{target} = call {out} @{name}({', '.join(operands)})")

    # ------------------------------------------------------------------------------------------ arithmetic

    def arithmetic(self, kind: str, made: Value, *operands: Any) -> None:
        x = operands[0]
        floating = x.dtype.kind == "f"
        out = type_of(made.dtype, made.lanes)
        if kind in INTRINSICS and floating:
            self.intrinsic(
                made, f"llvm.{INTRINSICS[kind]}.{_suffix(made.dtype, made.lanes)}", out, *map(self.typed, operands)
            )
        elif kind in FLOAT_COMPARE:
            sign = "u" if x.dtype.kind in "ub" and kind not in ("eq", "ne") else "s"
            word = FLOAT_COMPARE[kind] if floating else INTEGER_COMPARE[kind]
            word = word if floating or kind in ("eq", "ne") else sign + word
            self.emit(f"%x{made.name} = {'f' if floating else 'i'}cmp {word} {self.typed(x)}, {self.ref(operands[1])}")
        elif kind.startswith("rounded_"):
            self.emit(f"%x{made.name} = {FLOAT_OPS[kind[8:]]} {self.typed(x)}, {self.ref(operands[1])}")
        elif floating and kind in FLOAT_OPS:
            flag = "contract " if kind in ("add", "sub", "mul") else ""
            self.emit(f"%x{made.name} = {FLOAT_OPS[kind]} {flag}{self.typed(x)}, {self.ref(operands[1])}")
        elif kind in ("div", "rem", "shr"):
            unsigned = x.dtype.kind in "ub"
            word = (
                {"div": "udiv", "rem": "urem", "shr": "lshr"}
                if unsigned
                else {"div": "sdiv", "rem": "srem", "shr": "ashr"}
            )
            self.emit(f"%x{made.name} = {word[kind]} {self.typed(x)}, {self.ref(operands[1])}")
        else:
            self.emit(f"%x{made.name} = {INTEGER_OPS[kind]} {self.typed(x)}, {self.ref(operands[1])}")

    def _neg(self, _kind: str, made: Value, x: Value) -> None:
        word = "fneg" if x.dtype.kind == "f" else f"sub {type_of(x.dtype, x.lanes)} zeroinitializer,"
        shown = self.typed(x) if x.dtype.kind == "f" else self.ref(x)
        if x.dtype.kind != "f" and x.lanes == 1:
            word = f"sub {type_of(x.dtype)} 0,"
        self.emit(f"%x{made.name} = {word} {shown}")

    def _abs(self, kind: str, made: Value, x: Value) -> None:
        if x.dtype.kind == "f":
            self.arithmetic(kind, made, x)
        else:
            suffix = _suffix(x.dtype, x.lanes)
            self.declared[f"llvm.abs.{suffix}"] = (
                f"declare {type_of(x.dtype, x.lanes)} @llvm.abs.{suffix}({type_of(x.dtype, x.lanes)}, i1)"
            )
            self.emit(f"%x{made.name} = call {type_of(x.dtype, x.lanes)} @llvm.abs.{suffix}({self.typed(x)}, i1 false)")

    def _not(self, _kind: str, made: Value, x: Value) -> None:
        ones = "true" if x.dtype.kind == "b" else "-1"
        ones = ones if x.lanes == 1 else f"splat ({type_of(x.dtype)} {ones})"
        self.emit(f"%x{made.name} = xor {self.typed(x)}, {ones}")

    def _select(self, _kind: str, made: Value, condition: Value, x: Value, y: Value) -> None:
        self.emit(f"%x{made.name} = select {self.typed(condition)}, {self.typed(x)}, {self.typed(y)}")

    def _cast(self, _kind: str, made: Value, x: Value) -> None:
        a, b = x.dtype, made.dtype
        if a.kind == "f" and b.kind == "f":
            word = "fpext" if b.itemsize > a.itemsize else "fptrunc"
        elif a.kind == "f":
            # Out of range, the instruction of LLVM has no meaning; this one has.
            word = "fptosi" if b.kind == "i" else "fptoui"
            name = f"llvm.{word}.sat.{_suffix(b, x.lanes)}.{_suffix(a, x.lanes)}"
            self.intrinsic(made, name, type_of(b, x.lanes), self.typed(x))
            return
        elif b.kind == "f":
            word = "sitofp" if a.kind == "i" else "uitofp"
        elif a.kind != "b" and b.itemsize == a.itemsize:
            word = "bitcast"
        elif a.kind != "b" and b.itemsize < a.itemsize:
            word = "trunc"
        else:
            word = "sext" if a.kind == "i" else "zext"
        self.emit(f"%x{made.name} = {word} {self.typed(x)} to {type_of(b, x.lanes)}")

    def _truncate(self, _kind: str, made: Value, x: Value) -> None:
        """A float that fits as an integer: of others this says nothing, so that one instruction does it."""
        self.emit(f"%x{made.name} = fptosi {self.typed(x)} to {type_of(made.dtype, x.lanes)}")

    def _bitcast(self, _kind: str, made: Value, x: Value) -> None:
        self.emit(f"%x{made.name} = bitcast {self.typed(x)} to {type_of(made.dtype, made.lanes)}")

    def _splat(self, _kind: str, made: Value, x: Value) -> None:
        wide = type_of(x.dtype, made.lanes)
        first = self.temporary()
        self.emit(f"{first} = insertelement {wide} poison, {self.typed(x)}, i32 0")
        self.emit(f"%x{made.name} = shufflevector {wide} {first}, {wide} poison, <{made.lanes} x i32> zeroinitializer")

    def _lane_numbers(self, _kind: str, made: Value) -> None:
        wide = type_of(made.dtype, made.lanes)
        numbers = ", ".join(f"i64 {i}" for i in range(made.lanes))
        self.emit(f"%x{made.name} = add {wide} <{numbers}>, zeroinitializer")

    def _lane(self, _kind: str, made: Value, x: Value, i: int) -> None:
        self.emit(f"%x{made.name} = extractelement {self.typed(x)}, i32 {i}")

    def _scale(self, _kind: str, made: Value, x: Value, n: Value) -> None:
        wide, word, mask = type_of(x.dtype, x.lanes), "pd" if x.dtype.itemsize == 8 else "ps", f"i{x.lanes}"
        name = f"llvm.x86.avx512.mask.scalef.{word}.512"
        self.declared[name] = f"declare {wide} @{name}({wide}, {wide}, {wide}, {mask}, i32)"
        operands = f"{self.typed(x)}, {self.typed(n)}, {wide} zeroinitializer, {mask} -1, i32 4"
        self.emit(f"%x{made.name} = call {wide} @{name}({operands})")

    def _row(self, _kind: str, made: Value, *values: Value) -> None:
        wide, whole = type_of(made.dtype, made.lanes), "poison"
        for i, x in enumerate(values):
            more = f"%x{made.name}" if i == made.lanes - 1 else self.temporary()
            self.emit(f"{more} = insertelement {wide} {whole}, {self.typed(x)}, i32 {i}")
            whole = more

    def _across(self, _kind: str, made: Value, kind: str, x: Value) -> None:
        base, suffix = type_of(x.dtype), _suffix(x.dtype, x.lanes)
        if kind == "add" and x.dtype.kind == "f":
            name = f"llvm.vector.reduce.fadd.{suffix}"
            self.declared[name] = f"declare {base} @{name}({base}, {type_of(x.dtype, x.lanes)})"
            self.emit(f"%x{made.name} = call reassoc {base} @{name}({base} -0.0, {self.typed(x)})")
        else:
            self.intrinsic(made, f"llvm.vector.reduce.{kind}.{suffix}", base, self.typed(x))

    # ------------------------------------------------------------------------------------------ memory

    def address(self, pointer: Pointer, dtype: np.dtype, index: Value) -> str:
        if index.constant is not None and index.constant == 0:
            return self.ref(pointer)
        at = self.temporary()
        memory = "i8" if dtype.kind == "b" else type_of(dtype)
        self.emit(f"{at} = getelementptr inbounds {memory}, ptr {self.ref(pointer)}, {self.typed(index)}")
        return at

    def _load(self, _kind: str, made: Value, pointer: Pointer, index: Value, step: int) -> None:
        dtype, lanes = made.dtype, made.lanes
        if lanes > 1 and step != 1:
            self.strided_load(made, pointer, index, step)
            return
        at = self.address(pointer, dtype, index)
        if dtype.kind == "b":
            byte, wide = self.temporary(), "i8" if lanes == 1 else f"<{lanes} x i8>"
            self.emit(f"{byte} = load {wide}, ptr {at}, align 1")
            self.emit(f"%x{made.name} = icmp ne {wide} {byte}, {'0' if lanes == 1 else 'zeroinitializer'}")
        else:
            self.emit(f"%x{made.name} = load {type_of(dtype, lanes)}, ptr {at}, align {dtype.itemsize}")

    def strided_load(self, made: Value, pointer: Pointer, index: Value, step: int) -> None:
        dtype, lanes = made.dtype, made.lanes
        memory = "i8" if dtype.kind == "b" else type_of(dtype)
        wide = memory if lanes == 1 else f"<{lanes} x {memory}>"
        first, whole = self.address(pointer, dtype, index), "poison"
        for i in range(lanes):
            at, one, more = self.temporary(), self.temporary(), self.temporary()
            self.emit(f"{at} = getelementptr inbounds {memory}, ptr {first}, i64 {i * step}")
            self.emit(f"{one} = load {memory}, ptr {at}, align {dtype.itemsize}")
            last = i == lanes - 1 and dtype.kind != "b"
            more = f"%x{made.name}" if last else more
            self.emit(f"{more} = insertelement {wide} {whole}, {memory} {one}, i32 {i}")
            whole = more
        if dtype.kind == "b":
            self.emit(f"%x{made.name} = icmp ne {wide} {whole}, zeroinitializer")

    def _store(self, _kind: str, x: Value, pointer: Pointer, index: Value, step: int) -> None:
        dtype, lanes, shown = x.dtype, x.lanes, self.typed(x)
        if dtype.kind == "b":
            byte, wide = self.temporary(), "i8" if lanes == 1 else f"<{lanes} x i8>"
            self.emit(f"{byte} = zext {shown} to {wide}")
            shown = f"{wide} {byte}"
        if lanes == 1 or step == 1:
            at = self.address(pointer, dtype, index)
            self.emit(f"store {shown}, ptr {at}, align {dtype.itemsize}")
            return
        memory, first = "i8" if dtype.kind == "b" else type_of(dtype), self.address(pointer, dtype, index)
        for i in range(lanes):
            at, one = self.temporary(), self.temporary()
            self.emit(f"{one} = extractelement {shown}, i32 {i}")
            self.emit(f"{at} = getelementptr inbounds {memory}, ptr {first}, i64 {i * step}")
            self.emit(f"store {memory} {one}, ptr {at}, align {dtype.itemsize}")

    def _gather(self, _kind: str, made: Value, pointer: Pointer, index: Value) -> None:
        dtype, lanes = made.dtype, made.lanes
        memory, whole = "i8" if dtype.kind == "b" else type_of(dtype), "poison"
        wide = memory if lanes == 1 else f"<{lanes} x {memory}>"
        for i in range(lanes):
            number = self.ref(index)
            if lanes > 1:
                number = self.temporary()
                self.emit(f"{number} = extractelement {self.typed(index)}, i32 {i}")
            at, one = self.temporary(), self.temporary()
            self.emit(f"{at} = getelementptr inbounds {memory}, ptr {self.ref(pointer)}, i64 {number}")
            self.emit(f"{one} = load {memory}, ptr {at}, align {dtype.itemsize}")
            if lanes == 1:
                whole = one
                break
            more = self.temporary()
            self.emit(f"{more} = insertelement {wide} {whole}, {memory} {one}, i32 {i}")
            whole = more
        if dtype.kind == "b":
            self.emit(f"%x{made.name} = icmp ne {wide} {whole}, {'0' if lanes == 1 else 'zeroinitializer'}")
        else:
            self.emit(f"%x{made.name} = bitcast {wide} {whole} to {wide}")

    def _get(self, _kind: str, made: Value, variable: Variable) -> None:
        self.emit(f"%x{made.name} = load {type_of(made.dtype, made.lanes)}, ptr %{variable.name}")

    def _set(self, _kind: str, variable: Variable, x: Value) -> None:
        self.emit(f"store {self.typed(x)}, ptr %{variable.name}")

    def _call(self, _kind: str, made: Value | None, name: str, arguments: Any) -> None:
        shown = ", ".join(self.typed(x) for x in arguments)
        if made is None:
            self.emit(f"call void @{name}({shown})")
        else:
            self.emit(f"%x{made.name} = call {type_of(made.dtype)} @{name}({shown})")

    def _at(self, _kind: str, made: Pointer, pointer: Pointer, dtype: np.dtype, index: Value) -> None:
        memory = "i8" if dtype.kind == "b" else type_of(dtype)
        self.emit(f"%{made.name} = getelementptr inbounds {memory}, ptr {self.ref(pointer)}, {self.typed(index)}")

    def _set_pointer(self, _kind: str, table: Pointer, index: int, pointer: Pointer) -> None:
        at = self.temporary()
        self.emit(f"{at} = getelementptr inbounds ptr, ptr {self.ref(table)}, i64 {index}")
        self.emit(f"store ptr {self.ref(pointer)}, ptr {at}")

    def _leave_if(self, _kind: str, condition: Value) -> None:
        leave, stay = self.label("leave"), self.label("stay")
        self.emit(f"br i1 {self.ref(condition)}, label %{leave}, label %{stay}")
        self.start(leave)
        for line in self.leaving:
            self.emit(line)
        self.start(stay)

    def _pointer(self, _kind: str, made: Pointer, table: Pointer, index: int) -> None:
        at = self.temporary()
        self.emit(f"{at} = getelementptr inbounds ptr, ptr {self.ref(table)}, i64 {index}")
        self.emit(f"%{made.name} = load ptr, ptr {at}")
