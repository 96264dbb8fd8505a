"""How each library makes a fast call of a program ``f(xp, *arrays)``, in the idiom its own documentation recommends.

``what`` is "value_and_grad" (with respect to ``wrt``), "jacobian", "hessian", or "itself": nothing is derived.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

THREADS = int(os.environ.get("BENCH_THREADS", "1"))

Program = Callable[..., Any]
Arrays = Sequence[Any]


@dataclass
class Call:
    """``function(*arguments)`` is what is timed; ``answer`` of what it returned is what libraries must agree on."""

    function: Callable[..., Any]
    arguments: Arrays = ()
    answer: Callable[[Any], Any] = lambda returned: returned


class Names:
    """A library's array functions, and next to them what it calls by other names or lacks."""

    def __init__(self, library: Any, **others: Any):
        self._library = library
        vars(self).update(others)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._library, name)


def scan_of(stack: Callable[[list[Any]], Any]) -> Callable[..., Any]:
    """scan as a loop of Python, for libraries that run or record one."""

    def scan(f: Any, init: Any, xs: Any = None, length: int | None = None) -> tuple[Any, Any]:
        carry, ys = init, []
        for i in range(len(xs) if length is None else length):
            carry, y = f(carry, None if xs is None else xs[i])
            ys.append(y)
        return carry, None if not ys or ys[0] is None else stack(ys)

    return scan


def fori_loop(lower: int, upper: int, body: Any, init: Any) -> Any:
    """The loop itself, in Python."""
    for i in range(lower, upper):
        init = body(i, init)
    return init


# ------------------------------------------------------------------------------------------------- names


def our_names() -> Names:
    import chainrule as cr

    return Names(cr, erf=cr.special.erf)


def jax_names() -> Names:
    jax = jax_module()
    return Names(
        jax.numpy,
        scan=jax.lax.scan,
        fori_loop=jax.lax.fori_loop,
        grad=jax.grad,
        value_and_grad=jax.value_and_grad,
        erf=jax.scipy.special.erf,
        logsumexp=jax.nn.logsumexp,
        sigmoid=jax.nn.sigmoid,
        relu=jax.nn.relu,
        softplus=jax.nn.softplus,
    )


def torch_names() -> Names:
    torch = torch_module()

    def value_and_grad(f: Program, argnums: Any = 0) -> Program:
        def both(*args: Any) -> Any:
            slopes, value = torch.func.grad_and_value(f, argnums)(*args)
            return value, slopes

        return both

    return Names(
        torch,
        scan=scan_of(torch.stack),
        fori_loop=fori_loop,
        grad=torch.func.grad,
        value_and_grad=value_and_grad,
        softplus=torch.nn.functional.softplus,
    )


def autograd_names() -> Names:
    import autograd
    import autograd.numpy as np
    import autograd.scipy.special as special

    return Names(
        np,
        scan=scan_of(np.stack),
        fori_loop=fori_loop,
        grad=autograd.grad,
        value_and_grad=autograd.value_and_grad,
        erf=special.erf,
        logsumexp=special.logsumexp,
        relu=lambda x: np.maximum(x, 0),
        sigmoid=lambda x: 1 / (1 + np.exp(-x)),
        softplus=lambda x: np.logaddexp(0, x),
    )


def numpy_names() -> Names:
    """NumPy and SciPy alone: the values, also of complex arguments, which the tests step along."""
    import scipy.special as special

    return Names(
        np,
        scan=scan_of(np.stack),
        fori_loop=fori_loop,
        erf=special.erf,
        logsumexp=special.logsumexp,
        relu=lambda x: np.where(np.real(x) > 0, x, 0),
        sigmoid=lambda x: 1 / (1 + np.exp(-x)),
        softplus=lambda x: np.log1p(np.exp(x)),
    )


def pytensor_names() -> Names:
    import pytensor
    import pytensor.tensor as pt

    def scan(f: Any, init: Any, xs: Any) -> tuple[Any, Any]:
        states = pytensor.scan(lambda x, carry: f(carry, x)[0], [xs], [init], return_updates=False)
        return states[-1], None

    return Names(pt, scan=scan, relu=lambda x: pt.maximum(x, 0))


def jax_module() -> Any:
    import jax

    jax.config.update("jax_enable_x64", True)
    return jax


def torch_module() -> Any:
    import torch

    torch.set_num_threads(THREADS)
    return torch


# ------------------------------------------------------------------------------------------------- calls


def ours(program: Program, arrays: Arrays, wrt: Any = 0, what: str = "value_and_grad") -> Call:
    import chainrule as cr

    f = partial(program, our_names())
    derived = {
        "value_and_grad": partial(cr.value_and_grad, argnums=wrt),
        "jacobian": cr.jacobian,
        "hessian": cr.hessian,
        "itself": lambda f: f,
    }
    return Call(compiled_by_us(derived[what](f)), arrays)


def compiled_by_us(f: Program) -> Program:
    import chainrule as cr

    cr.set_num_threads(THREADS)
    return cr.jit(f)


def jax(program: Program, arrays: Arrays, wrt: Any = 0, what: str = "value_and_grad") -> Call:
    library = jax_module()
    f = partial(program, jax_names())
    derived = {
        "value_and_grad": partial(library.value_and_grad, argnums=wrt),
        "jacobian": library.jacfwd,
        "hessian": library.hessian,
        "itself": lambda f: f,
    }
    compiled = library.jit(derived[what](f))
    wait = library.block_until_ready
    return Call(lambda *args: wait(compiled(*args)), [library.numpy.asarray(a) for a in arrays])


def torch(program: Program, arrays: Arrays, wrt: Any = 0, what: str = "value_and_grad") -> Call:
    """Eager PyTorch: the tape for gradients."""
    library = torch_module()
    if what != "value_and_grad":
        return Call(_by_func(library, program, wrt, what), [library.tensor(a) for a in arrays])
    tensors = [library.tensor(a) for a in arrays]
    wanted = [tensors[i].requires_grad_() for i in ((wrt,) if isinstance(wrt, int) else wrt)]
    names = torch_names()

    def run(*tensors: Any) -> Any:
        y = program(names, *tensors)
        return y, library.autograd.grad(y, wanted)

    return Call(run, tensors, lambda returned: (returned[0].detach(), returned[1]))


def torch_compile(program: Program, arrays: Arrays, wrt: Any = 0, what: str = "value_and_grad") -> Call:
    """The whole derivative as one graph of torch.compile."""
    library = torch_module()
    library.compiler.reset()  # it refuses to compile the same function again and again
    compiled = library.compile(_by_func(library, program, wrt, what), fullgraph=True, dynamic=False)
    return Call(compiled, [library.tensor(a) for a in arrays])


def _by_func(library: Any, program: Program, wrt: Any, what: str) -> Program:
    f = partial(program, names := torch_names())
    derived = {
        "value_and_grad": lambda f: names.value_and_grad(f, wrt),
        "jacobian": library.func.jacfwd,
        "hessian": library.func.hessian,
        "itself": lambda f: f,
    }
    return derived[what](f)


def autograd(program: Program, arrays: Arrays, wrt: Any = 0, what: str = "value_and_grad") -> Call:
    import autograd as library

    f = partial(program, autograd_names())
    derived = {
        "value_and_grad": lambda f: library.value_and_grad(f, wrt),
        "jacobian": library.jacobian,
        "hessian": library.hessian,
        "itself": lambda f: f,
    }
    return Call(derived[what](f), arrays)


def pytensor(program: Program, arrays: Arrays, wrt: Any = 0) -> Call:
    """Value and gradient as one function of PyTensor."""
    import pytensor as library
    import pytensor.tensor as pt

    arrays = [np.asarray(a) for a in arrays]
    inputs = [pt.tensor(f"x{i}", dtype=str(a.dtype), shape=a.shape) for i, a in enumerate(arrays)]
    y = program(pytensor_names(), *inputs)
    wanted = [inputs[i] for i in ((wrt,) if isinstance(wrt, int) else wrt)]
    function = library.function(inputs, [y, *pt.grad(y, wanted)], on_unused_input="ignore")
    function.trust_input = True
    return Call(function, arrays)


def casadi(inputs: Sequence[Any], outputs: Sequence[Any], arrays: Arrays) -> Call:
    """A CasADi function called on the caller's buffers, which is its fastest call. Matrices are stored by columns."""
    import casadi as library

    function = library.Function("f", list(inputs), [library.densify(y) for y in outputs])
    buffer, trigger = function.buffer()
    taken = [np.array(np.ravel(a, order="F"), "float64") for a in arrays]
    given = [np.zeros(y.shape, order="F") for y in outputs]
    for i, a in enumerate(taken):
        buffer.set_arg(i, memoryview(a))
    for i, a in enumerate(given):
        buffer.set_res(i, memoryview(a.reshape(-1, order="F")))
    return Call(_keeping(trigger, buffer, taken), (), lambda _: [np.squeeze(a) for a in given])


def _keeping(trigger: Callable[[], Any], *alive: Any) -> Callable[[], Any]:
    """The trigger alone; what it reads and writes through bare pointers is kept for the life of the process."""
    _ALIVE.append(alive)
    return trigger


_ALIVE: list[Any] = []


def in_c(name: str, arguments: Arrays, given: Arrays, scratch: Arrays = (), fast: bool = False, **where: Any) -> Call:
    """The function ``name`` of ``c/name.c``, on integers, numbers and arrays; it writes into ``given`` and ``scratch``.

    ``fast`` allows gcc what vector mathematics needs: -ffast-math. The file may stand in another ``folder``.
    """
    import ctypes

    function, converted = importlib.import_module("bench.native.c").loaded(name, fast, **where), []
    for x in (*arguments, *given, *scratch):
        if isinstance(x, np.ndarray):
            converted.append(ctypes.c_void_p(x.ctypes.data))
        else:
            converted.append(ctypes.c_int64(x) if isinstance(x, int) else ctypes.c_double(x))
    _ALIVE.append((arguments, given, scratch))
    return Call(function, converted, lambda _: list(given))
