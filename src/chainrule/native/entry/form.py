"""Forms: what a call may look like, which kernel runs then, and what its result is made of, as words in memory."""

from __future__ import annotations

import ctypes
import importlib
import operator
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np

from chainrule.errors import ShapeError
from chainrule.native.entry import guard
from chainrule.native.entry import python as py
from chainrule.native.libraries import host
from chainrule.native.program import Program
from chainrule.spec import Spec


class Words:
    """Words in memory, and what must live as long as they do."""

    def __init__(self) -> None:
        self._kept: list[Any] = []

    def keep(self, x: Any) -> int:
        """The address of an object, which is kept."""
        self._kept.append(x)
        return id(x)

    def put(self, words: Sequence[int]) -> int:
        memory = (ctypes.c_int64 * max(len(words), 1))(*words)
        self._kept.append(memory)
        return ctypes.addressof(memory)

    def records(self, names: tuple[str, ...], records: Sequence[dict[str, int]]) -> int:
        return self.put([record.get(name, 0) for record in records for name in names])


class Form(Words):
    """A form. ``found`` has a record for each object among the arguments, breadth first; ``recipe`` builds the result.

    Inputs and outputs are those of the program, and numbered as there. The memory of those in ``donated`` may become
    that of outputs; a Tensor that held it gets the node ``gone`` for its value.
    """

    def __init__(
        self,
        program: Program,
        positional: int,
        names: Sequence[str],
        found: Sequence[dict[str, int]],
        recipe: Sequence[dict[str, int]],
        classes: Sequence[Any],
        words: Words,
        donated: Collection[int] = (),
        gone: Any = None,
    ):
        super().__init__()
        self._kept += [words, program]
        self.program = program
        inputs, outputs = len(program.inputs), len(program.outputs)
        sizes = {
            "objects": 8 * len(found), "inputs": 8 * inputs, "outputs": 8 * outputs, "held": 8 * inputs,
            "made": 8 * outputs, "stack": 8 * (len(recipe) + 1), "numbers": 16 * inputs, "scalars": 16 * outputs,
        }  # fmt: skip
        at, need = {}, 0
        for name, size in sizes.items():
            at[f"at_{name}"] = need
            need = (need + size + 15) // 16 * 16
        at["at_arena"] = need = (need + 63) // 64 * 64
        made = [self._made(spec, cls) for spec, cls in zip(program.outputs, classes, strict=True)]
        leaves = {x["input"]: (i, x) for i, x in enumerate(found) if x["kind"] == guard.KINDS.index("leaf")}
        for output, given in program.over:
            # Arrays become arrays, and Tensors Tensors: nobody else writes to the array of a Tensor.
            place, record = leaves.get(given, (0, {}))
            if (
                given in donated
                and record
                and "over" not in made[output]
                and bool(record["cls"]) == bool(made[output]["cls"])
            ):
                made[output] |= {"over": given + 1, "tensor": place + 1 if record["cls"] else 0}
                del leaves[given]
        record = {
            "facts": ctypes.addressof(py.facts()),
            "kernel": program.address,
            "need": need + program.arena,
            "positional": positional,
            "named": len(names),
            "names": self.put([self.keep(name) for name in names]),
            "objects": len(found),
            "found": self.records(guard.FOUND, found),
            "inputs": inputs,
            "outputs": outputs,
            "made": self.records(guard.MADE, made),
            "steps": len(recipe),
            "recipe": self.records(guard.STEP, recipe),
            "long": int(program.long),
            "failed": self.keep(host.raise_kept),
            "sizes": self.put([spec.size * spec.dtype.itemsize for spec in program.inputs]),
            "gone": self.keep(gone),
            **at,
        }
        self.address = self.records(guard.FORM, [record])

    def _made(self, spec: Any, cls: Any) -> dict[str, int]:
        return {
            "array": int(spec.shape != ()),
            "ndim": len(spec.shape),
            "dims": self.put(spec.shape),
            "descr": self.keep(native_dtype(spec.dtype)),
            "cls": 0 if cls is None else self.keep(cls),
            "bytes": spec.size * spec.dtype.itemsize,
        }


def native_dtype(dtype: Any) -> Any:
    """The one object that NumPy has for this dtype, which nearly all arrays of it point to."""
    return np.dtype(dtype.str)


# ------------------------------------------------------------------------------------ records of what is found


def leaf(words: Words, spec: Any, number: int, cls: Any = None) -> dict[str, int]:
    """An array of this Spec (or, of 0 axes, a scalar of NumPy's), in a Tensor of class ``cls`` where one is given."""
    return {
        "kind": guard.KINDS.index("leaf"),
        "count": len(spec.shape),
        "pointer": words.put(spec.shape),
        "cls": 0 if cls is None else words.keep(cls),
        "descr": words.keep(native_dtype(spec.dtype)),
        "scalar": 0 if spec.shape else words.keep(spec.dtype.type),
        "input": number,
    }


# Numbers of Python's that machine code hands to kernels, by their type and the dtype that the kernel wants.
NUMBERS = {
    (float, "float64"): "float",
    (float, "float32"): "float_to_float32",
    (int, "int64"): "int",
    (int, "float64"): "int_to_float64",
    (int, "float32"): "int_to_float32",
    (bool, "bool"): "bool",
    (complex, "complex128"): "complex",
    (complex, "complex64"): "complex_to_complex64",
}


def number(kind: type, dtype: Any, position: int) -> dict[str, int] | None:
    """A number of Python's, or None where that conversion is left to Python."""
    name = NUMBERS.get((kind, dtype.name))
    return None if name is None else {"kind": guard.KINDS.index(name), "input": position}


def either(words: Words, kind: type, spec: Any, position: int) -> dict[str, int]:
    """A number of Python's of this type, or one of NumPy's of this Spec."""
    return leaf(words, spec, position) | {"kind": guard.KINDS.index(f"{kind.__name__}_or_leaf")}


def sequence(kind: type, count: int) -> dict[str, int]:
    return {"kind": guard.KINDS.index(kind.__name__), "count": count}


def mapping(words: Words, keys: Sequence[Any]) -> dict[str, int]:
    pointers = words.put([words.keep(key) for key in keys])
    return {"kind": guard.KINDS.index("dict"), "count": len(keys), "pointer": pointers}


def same(words: Words, x: Any) -> dict[str, int]:
    """This very object: None, or a static argument."""
    return {"kind": guard.KINDS.index("same"), "pointer": words.keep(x)}


def step(kind: str, count: int = 0, pointer: int = 0) -> dict[str, int]:
    return {"kind": guard.STEPS.index(kind), "count": count, "pointer": pointer}


# ------------------------------------------------------------------------------------------- objects with forms


def _entry() -> int:
    """The address of the builtin; LLVM is loaded when it is first asked for."""
    return importlib.import_module("chainrule.native.entry.call").address()


class Table:
    """The forms of one object. A change makes new words; the old ones were left before Python code could run."""

    def __init__(self) -> None:
        self.forms: list[Form] = []
        self._memory: Any = None

    def add(self, callable_: Any, form: Form) -> None:
        self.forms.append(form)
        addresses = [form.address for form in self.forms]
        memory = (ctypes.c_int64 * (2 + len(addresses)))(ctypes.addressof(py.facts()), len(addresses), *addresses)
        own = ctypes.c_int64.from_address
        own(id(callable_) + py.TABLE).value = ctypes.addressof(memory)
        own(id(callable_) + py.OWNER).value = id(type(callable_).__call__)
        own(id(callable_) + py.VECTORCALL).value = _entry()
        self._memory = memory


@py.called_fast
class Launch(py.Callable):
    """A Program as a function from flat arrays, as it wants them, to the tuple of its outputs."""

    def __init__(self, program: Program):
        self.program = program
        self._table = Table()
        if fast(self):
            words = Words()
            found = [leaf(words, spec, i) for i, spec in enumerate(program.inputs)]
            outputs = len(program.outputs)
            recipe = [*(step("output", i) for i in range(outputs)), step("tuple", outputs)]
            form = Form(program, len(found), (), found, recipe, [None] * outputs, words)
            self._table.add(self, form)

    def __call__(self, *arrays: Any) -> tuple[Any, ...]:
        # Without the builtin, or with arrays that it does not take: with copies of these, as the kernel wants them.
        ready = [_ready(x, spec) for x, spec in zip(arrays, self.program.inputs, strict=True)]
        as_wanted = all(x.dtype is spec.dtype for x, spec in zip(ready, self.program.inputs, strict=True))
        if self._table.forms and as_wanted and any(map(operator.is_not, ready, arrays)):
            return self(*ready)
        return launched(self.program, ready)


def _ready(x: Any, spec: Spec) -> np.ndarray[Any, Any]:
    """An array as kernels read it."""
    array = np.asarray(x)
    if array.shape != spec.shape:
        raise ShapeError(
            f"[jit] an array of shape {array.shape} was given to a program for {spec!r}; expected that shape; "
            f"call the function that was compiled."
        )
    if array.dtype is spec.dtype and array.flags.c_contiguous and array.flags.aligned:
        return array
    return np.array(array, spec.dtype, order="C")


def fast(callable_: Any) -> bool:
    """Whether calls of this object may run as machine code."""
    return enabled() and py.is_called_fast(type(callable_)) and py.reliable()


_switch = [True]


def enabled() -> bool:
    return _switch[0]


def enable(flag: bool) -> None:
    """Whether objects that are made from now on are called as machine code; otherwise kernels are called by ctypes."""
    _switch[0] = flag


def launched(program: Program, arrays: Sequence[Any]) -> tuple[Any, ...]:
    """The outputs of a Program, called by ctypes."""
    made = [np.empty(spec.shape, spec.dtype) for spec in program.outputs]
    arena = np.empty(program.arena + 64, np.uint8)
    start = arena.ctypes.data + (-arena.ctypes.data) % 64
    kernel = (ctypes.CFUNCTYPE if program.long else ctypes.PYFUNCTYPE)(
        ctypes.c_int32, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p
    )(program.address)
    inputs = (ctypes.c_void_p * max(len(arrays), 1))(*(x.ctypes.data for x in arrays))
    outputs = (ctypes.c_void_p * max(len(made), 1))(*(y.ctypes.data for y in made))
    if kernel(ctypes.addressof(inputs), ctypes.addressof(outputs), start):
        return host.instead(program, arrays)
    return tuple(y[()] for y in made)
