"""Kernels that call back to Python: a whole graph run by NumPy, and how an exception finds its way out."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from chainrule.graph.body import tensor_spec
from chainrule.graph.graph import Graph
from chainrule.graph.plan import compiled
from chainrule.native.program import Program
from chainrule.spec import Spec

KERNEL = ctypes.PYFUNCTYPE(ctypes.c_int32, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p)

_raised = threading.local()  # a C function between two Python frames cannot pass an exception on


def keep(error: BaseException) -> None:
    """Keep what a callback raised until the kernel that called it has returned."""
    _raised.error = error


def raise_kept() -> None:
    """Raise what a callback of the kernel that has just failed in this thread raised, if one did."""
    error = vars(_raised).pop("error", None)
    if error is not None:
        raise error


def instead(program: Program, arrays: Sequence[Any]) -> tuple[Any, ...]:
    """In place of a kernel that has failed: what a callback raised, or NumPy, which raises the error, or computes.

    The graph is run as it was given, so that errors are those of the user's own lines.
    """
    raise_kept()
    given = getattr(program.owner, "given", None)
    if given is None:
        raise RuntimeError("the kernel failed, and no callback said why")
    with np.errstate(all="ignore"):
        results = compiled(given.inline())(*(x[()] for x in arrays))
    return tuple(np.array(y, spec.dtype)[()] for y, spec in zip(results, program.outputs, strict=True))


def pointers(address: int, count: int) -> Any:
    return (ctypes.c_void_p * count).from_address(address) if count else ()


def array_at(address: int, spec: Spec) -> np.ndarray[Any, Any]:
    """The memory at an address as an array of this Spec, which does not own it."""
    size = spec.size * spec.dtype.itemsize
    memory = (ctypes.c_char * size).from_address(address) if size else None
    return np.ndarray(spec.shape, spec.dtype, memory)


def hosted(graph: Graph) -> Program:
    """The Program that runs ``graph`` by NumPy, op by op."""
    inputs = tuple(node.spec for node in graph.inputs)
    outputs = tuple(map(tensor_spec, graph.outputs))
    address, owner = callback(compiled(graph), inputs, outputs)
    return Program(address, inputs, outputs, owner=owner)


def callback(function: Callable[..., Any], inputs: Sequence[Spec], outputs: Sequence[Spec]) -> tuple[int, Any]:
    """A kernel that calls a function of arrays, which returns a tuple of them or one: its address and owner."""

    def run(given: int, made: int, _arena: int) -> int:
        try:
            # A function may return what it was given, and keep it: hence the copies.
            found = [array_at(at, spec).copy() for at, spec in zip(pointers(given, len(inputs)), inputs, strict=True)]
            with np.errstate(all="ignore"):
                results = function(*(x[()] for x in found))
            results = results if isinstance(results, (tuple, list)) else (results,)
            for at, spec, y in zip(pointers(made, len(outputs)), outputs, results, strict=True):
                array_at(at, spec)[...] = y
        except BaseException as error:
            keep(error)
            return 1
        return 0

    owner = KERNEL(run)
    address = ctypes.cast(owner, ctypes.c_void_p).value
    assert address is not None
    return address, owner
