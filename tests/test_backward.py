"""The life of a gradient: leaves, backward, accumulation, hooks, modes; every mistake has its full text."""

import asyncio
import gc
import inspect
import sys
import threading
import time
import weakref

import numpy as np
import pytest
from messages import assert_message

import chainrule as cr
from chainrule.errors import DTypeError, GradientError, ShapeError, SymbolError


def leaf(value, **kwargs):
    return cr.tensor(value, requires_grad=True, **kwargs)


# ------------------------------------------------------------------------------------------------ who is a leaf


def test_requires_grad():
    x = cr.tensor([1.0, 2.0])
    assert (x.requires_grad, x.is_leaf, x.grad, x.grad_fn) == (False, True, None, None)
    assert x.requires_grad_() is x
    y = x * 2
    assert (x.requires_grad, x.is_leaf, y.requires_grad, y.is_leaf) == (True, True, True, False)
    x.requires_grad = False
    assert not x.requires_grad
    assert not (x * 2).requires_grad
    assert cr.gradients(cr.sum(y), leaf(1.0), allow_unused=True) is None
    z = cr.zeros(2, requires_grad=True) + x
    assert z.requires_grad and not (z > 0).requires_grad and not cr.argmax(z).requires_grad
    assert leaf([1j]).requires_grad


def test_detach_and_constants_carry_no_gradient():
    x = leaf([1.0, 2.0])
    y = x * x.detach()
    assert not x.detach().requires_grad
    assert cr.gradients(cr.sum(y), x).tolist() == [1.0, 2.0]
    assert cr.tensor(x * 3).requires_grad is False
    assert cr.tensor(x, requires_grad=True) is not x


def test_requires_grad_errors():
    ints, y = cr.tensor([1, 2]), leaf([1.0]) * 2
    assert_message(
        DTypeError,
        "[requires_grad_] the Tensor has dtype int64; only floating-point and complex values have derivatives; "
        "convert it first: x.astype('float64').",
        lambda: ints.requires_grad_(),
    )
    assert_message(
        DTypeError,
        "[requires_grad_] the Tensor has dtype bool; only floating-point and complex values have derivatives; "
        "convert it first: x.astype('float64').",
        lambda: cr.tensor([True], requires_grad=True),
    )
    assert_message(
        GradientError,
        "[requires_grad_] this Tensor is the result of multiply, and only a leaf can stop requiring its gradient; "
        "expected a leaf; use x.detach().",
        lambda: y.requires_grad_(False),
    )


def test_grad_fn():
    x = leaf([1.0, 2.0])
    y = cr.sum(cr.sin(x) * 3)
    assert y.grad_fn.name() == "sum"
    ((multiply, output),) = y.grad_fn.next_functions
    assert (multiply.name(), output) == ("multiply", 0)
    assert multiply.next_functions[1] == (None, 0)
    sin = multiply.next_functions[0][0]
    assert (sin.name(), repr(sin)) == ("sin", "<sin>")
    assert sin.next_functions[0][0].name() == "leaf"
    assert sin.next_functions[0][0].next_functions == ()
    assert y.grad_fn is y.grad_fn and x.grad_fn is None


# --------------------------------------------------------------------------------------- backward, accumulation


def test_backward_accumulates_and_zero_clears():
    x = leaf([0.0, 1.0, 2.0, 3.0])
    y = 2 * x @ x
    y.backward()
    assert x.grad.tolist() == [0.0, 4.0, 8.0, 12.0] and cr.all(x.grad == 4 * x)
    kept = x.grad
    x.sum().backward()
    assert x.grad is kept and x.grad.tolist() == [1.0, 5.0, 9.0, 13.0]
    x.grad.zero_()
    x.sum().backward()
    assert x.grad.tolist() == [1.0] * 4
    x.grad = None
    (x * x).sum().backward()
    assert x.grad.tolist() == [0.0, 2.0, 4.0, 6.0]
    assert not x.grad.requires_grad and x.grad.is_leaf


def test_backward_with_a_cotangent():
    x, seed = leaf([1.0, 2.0]), np.array([1.0, 10.0])
    (x * x).backward(seed)
    seed[:] = 0.0
    assert x.grad.tolist() == [2.0, 40.0]
    y = x * 3
    y.backward(gradient=cr.tensor([1, 2]), retain_graph=True)
    y.backward([1.0, 1.0])
    assert x.grad.tolist() == [8.0, 49.0]
    z = leaf(2.0, dtype="float32")
    (z * z).backward(np.float64(1))
    assert z.grad.dtype == np.float32
    one = leaf([[3.0]])
    (one * one).backward()
    assert one.grad.tolist() == [[6.0]]


def test_backward_into_chosen_inputs():
    x, w = leaf([1.0, 2.0]), leaf([3.0, 4.0])
    y = x * w
    z = cr.sum(y * y)
    z.backward(inputs=[w, y], retain_graph=True)
    assert (x.grad, w.grad.tolist(), y.grad.tolist()) == (None, [6.0, 32.0], [6.0, 16.0])
    z.backward(inputs=x)
    assert x.grad.tolist() == [18.0, 64.0] and w.grad.tolist() == [6.0, 32.0]


def test_gradients_of_several_outputs():
    x, w, unused = leaf([1.0, 2.0]), leaf(3.0), leaf(1.0)
    y, z = cr.sum(x * w), x * x
    to_x, to_w = cr.gradients([y, z], [x, w], [None, [1.0, 10.0]])
    assert (to_x.tolist(), to_w.item()) == ([5.0, 43.0], 3.0)
    assert (x.grad, w.grad) == (None, None)
    assert cr.gradients(cr.sum(x * w), [x, unused], allow_unused=True)[1] is None
    assert cr.gradients(cr.sum(x), x).tolist() == [1.0, 1.0]
    assert cr.gradients(cr.floor(x).sum(), x).tolist() == [0.0, 0.0]
    assert cr.gradients([x.sum(), x.sum()], x).tolist() == [2.0, 2.0]
    assert cr.gradients(y, y, retain_graph=True).item() == 1.0


def test_create_graph_gives_higher_orders():
    x = leaf([1.0, 2.0])
    cr.sum(x**3).backward(create_graph=True)
    first = x.grad
    assert first.requires_grad
    second = cr.gradients(cr.sum(first), x, create_graph=True)
    third = cr.gradients(cr.sum(second), x)
    assert (first.tolist(), second.tolist(), third.tolist()) == ([3.0, 12.0], [6.0, 12.0], [6.0, 6.0])
    x.grad = None
    y = x[0] ** 4
    for expected in (4.0, 12.0, 24.0, 24.0):
        (y,) = cr.gradients(y, [x], create_graph=True)
        y = y[0]
        assert y.item() == expected


def test_an_update_under_no_grad_keeps_the_leaf():
    x, kept = leaf([11.0, 2.0]), None
    for _ in range(200):
        y = 2 * x[0] ** 2 + 4 * x[1] ** 2
        y.backward()
        kept = x if kept is None else kept
        with cr.no_grad():
            x -= 0.1 * x.grad
            x.grad.zero_()
    assert x is kept and x.requires_grad and x.is_leaf
    np.testing.assert_allclose(x.detach().numpy(), 0.0, atol=1e-15)


def test_an_update_under_no_grad_keeps_the_place_of_a_result():
    x = leaf([1.0, 2.0])
    y = x * 3
    with cr.no_grad():
        y += 10
        y[0] = 7.0
    (y * y).sum().backward()
    assert (y.tolist(), x.grad.tolist()) == ([7.0, 16.0], [42.0, 96.0])  # as in PyTorch


def test_gradients_are_nobody_elses():
    a, b = leaf([1.0, 2.0]), leaf([3.0, 4.0])
    (a + b).sum().backward(create_graph=True)
    a.grad.zero_()
    assert (a.grad.tolist(), b.grad.tolist()) == ([0.0, 0.0], [1.0, 1.0])
    first, second = cr.gradients((a + b).sum(), [a, b], create_graph=True)
    first += 1
    assert second.tolist() == [1.0, 1.0]
    seed = cr.ones(2)
    (found,) = cr.gradients([a], [a], [seed], create_graph=True)
    found += 1
    assert seed.tolist() == [1.0, 1.0]
    _, (one, two) = cr.jvp(lambda x: (x, x), (a,), (seed,))
    one += 1
    assert two.tolist() == seed.tolist() == [1.0, 1.0]


def test_an_input_twice_accumulates_once():
    x = leaf(3.0)
    (x**3).backward(inputs=[x, x])
    assert x.grad.item() == 27.0
    assert [g.item() for g in cr.gradients(x**3, [x, x])] == [27.0, 27.0]


# ------------------------------------------------------------------------------------------- graphs that are freed


def test_a_second_backward_names_the_first():
    x = leaf([1.0, 2.0])
    y = cr.sum(cr.exp(x))
    line = inspect.currentframe().f_lineno + 1
    y.backward()
    message = (
        f"[backward] the values that exp kept were freed by the backward at {__file__}:{line}: y.backward(); expected "
        f"a graph that was not walked before; pass retain_graph=True to that first backward, or compute the outputs "
        f"again."
    )
    assert_message(GradientError, message, lambda: y.backward())
    assert_message(GradientError, message, lambda: cr.gradients(y, x))
    assert x.grad.tolist() == np.exp([1.0, 2.0]).tolist()


def test_retained_graphs_walk_again():
    x = leaf(2.0)
    y = cr.exp(x) * x
    for _ in range(3):
        y.backward(retain_graph=True)
    assert x.grad.item() == pytest.approx(3 * 3 * np.exp(2.0), rel=1e-15)
    y.backward(create_graph=True)
    y.backward()
    with pytest.raises(GradientError, match="were freed"):
        y.backward()


def test_backward_frees_what_the_graph_kept():
    array = cr.tensor(np.ones(1000))
    x = leaf(np.ones(1000))
    y = cr.sum(x * array)
    kept = weakref.ref(y._node.parents[0].kept[2])
    del array
    assert kept() is not None
    y.backward()
    assert kept() is None


def test_what_was_not_walked_is_not_freed():
    x, w = leaf(3.0), leaf(2.0)
    h = w * w
    y = h * x
    cr.gradients(y, x)
    (h * 2).backward()
    assert w.grad.item() == 8.0
    h = w * w
    (h * x).backward(inputs=[h])
    h.backward()
    assert w.grad.item() == 12.0


def test_what_keeps_nothing_may_be_walked_again():
    x = leaf([1.0, 2.0])
    y = cr.sum(x + 1)
    y.backward()
    y.backward()
    assert x.grad.tolist() == [2.0, 2.0]


# ---------------------------------------------------------------------------------------------------- errors


def test_a_scalar_is_needed():
    x, z = leaf([1.0, 2.0]), leaf([1 + 2j])
    assert_message(
        GradientError,
        "[backward] the output has shape (2,), and a gradient can be implied for one number only; expected a scalar; "
        "reduce it first, e.g. y.sum(), or give its cotangent: gradient=ones_like(y).",
        lambda: (x * x).backward(),
    )
    assert_message(
        GradientError,
        "[backward] the output is complex (complex128), and a gradient can be implied for a real number only; expected "
        "a real scalar; use abs(y), y.real, or give its cotangent: gradient=...",
        lambda: (z * z).backward(),
    )
    assert_message(
        ShapeError,
        "[backward] the cotangent has shape (3,) and its output (2,); expected equal shapes; broadcast it with "
        "broadcast_to(g, (2,)).",
        lambda: (x * x).backward(np.ones(3)),
    )
    assert_message(
        ShapeError,
        "[gradients] 1 cotangents were given for 2 outputs; expected one for each; use None for a scalar output whose "
        "cotangent is 1.",
        lambda: cr.gradients([x, x], [x], [1.0]),
    )
    assert_message(
        DTypeError,
        "[backward] the cotangent is complex128 and its output float64; expected a real cotangent for a real output; "
        "take g.real.",
        lambda: x.sum().backward(1j),
    )


def test_outputs_without_a_graph():
    x = leaf([1.0, 2.0])
    none = "none of its operands does, or it was computed under no_grad() or detached"
    expected = (
        "expected a Tensor computed from one with requires_grad=True; call x.requires_grad_() before computing it."
    )
    with cr.no_grad():
        y = x.sum()
    assert_message(
        GradientError,
        f"[backward] output 0 does not require a gradient: {none}; {expected}",
        lambda: y.backward(),
    )
    assert_message(
        GradientError,
        f"[gradients] output 1 does not require a gradient: {none}; {expected}",
        lambda: cr.gradients([x.sum(), x.detach().sum()], x),
    )
    assert_message(
        GradientError,
        "[backward] output 0 does not require a gradient: it has dtype int64, and only floating-point and complex "
        f"values have derivatives; {expected}",
        lambda: cr.argmax(x).backward(),
    )
    assert_message(
        DTypeError,
        "[gradients] output 0 is a float; expected a Tensor; float(), .item() and numpy() leave the graph, so keep the "
        "Tensor.",
        lambda: cr.gradients([x.sum().item()], x),
    )
    assert_message(
        SymbolError,
        "[backward] the output is symbolic, so there is no value to differentiate at; expected a Tensor with a value; "
        "use gradients(y, [x]) for its symbolic gradient, or evaluate it with .eval(...).",
        lambda: cr.symbol("s").backward(),
    )


def test_inputs_that_are_not_reached():
    x, other, plain = leaf([1.0, 2.0]), leaf(1.0), cr.tensor(1.0)
    assert_message(
        GradientError,
        "[gradients] input 1 (float64[]) is not reached from the outputs; expected outputs that depend on it; pass "
        "allow_unused=True to get None for it.",
        lambda: cr.gradients(x.sum(), [x, other]),
    )
    assert_message(
        GradientError,
        "[gradients] input 0 does not require a gradient; expected a Tensor of the graph; call x.requires_grad_() "
        "before computing the outputs, or use a symbol.",
        lambda: cr.gradients(x.sum(), [plain]),
    )
    assert_message(
        GradientError,
        "[backward] input 0 does not require a gradient; expected a Tensor of the graph; call x.requires_grad_() "
        "before computing the outputs.",
        lambda: x.sum().backward(inputs=[plain]),
    )
    assert_message(
        GradientError,
        "[backward] input 1 (float64[]) is not reached from the outputs; expected outputs that depend on it; leave it "
        "out of inputs.",
        lambda: x.sum().backward(inputs=[x, other]),
    )
    assert_message(
        GradientError,
        "[backward] input 0 is a int; expected a Tensor of the graph; call x.requires_grad_() before computing the "
        "outputs.",
        lambda: x.sum().backward(inputs=0),
    )
    assert_message(
        GradientError,
        "[backward] inputs is empty, so that no gradient would be accumulated; expected at least one Tensor; leave it "
        "out for all leaves.",
        lambda: x.sum().backward(inputs=[]),
    )
    assert_message(
        DTypeError,
        "[gradients] output 0 is a float; expected a Tensor; float(), .item() and numpy() leave the graph, so keep the "
        "Tensor.",
        lambda: cr.gradients(3.0, x),
    )


def test_assigning_grad():
    x = leaf([1.0, 2.0])
    x.grad = cr.tensor([5.0, 6.0])
    x.sum().backward()
    assert x.grad.tolist() == [6.0, 7.0]
    assert_message(
        DTypeError,
        "[grad] a ndarray was assigned; expected a Tensor or None.",
        lambda: setattr(x, "grad", np.zeros(2)),
    )
    assert_message(
        ShapeError,
        "[grad] a gradient of shape (3,) was assigned to a Tensor of shape (2,); expected equal shapes.",
        lambda: setattr(x, "grad", cr.zeros(3)),
    )
    assert_message(
        DTypeError,
        "[grad] a gradient of float32 was assigned to a Tensor of float64; expected equal dtypes; convert it with "
        "g.astype('float64').",
        lambda: setattr(x, "grad", cr.zeros(2, dtype="float32")),
    )
    assert x.grad.tolist() == [6.0, 7.0]


# ------------------------------------------------------------------------------------------- retain_grad, hooks


def test_retain_grad():
    x = leaf([1.0, 2.0])
    y, z = x * 2, x * 3
    y.retain_grad()
    cr.sum(y * z).backward()
    assert (y.grad.tolist(), z.grad, x.grad.tolist()) == ([3.0, 6.0], None, [12.0, 24.0])
    plain = cr.tensor(1.0)
    assert_message(
        GradientError,
        "[retain_grad] this Tensor does not require a gradient; expected one that does; call x.requires_grad_() first.",
        lambda: plain.retain_grad(),
    )


def test_retain_grad_follows_the_tensor_through_a_write():
    x = leaf([1.0, 2.0])
    y = x * 1
    y.retain_grad()
    y *= 3
    cr.sum(y * y).backward()
    assert (y.grad.tolist(), x.grad.tolist()) == ([6.0, 12.0], [18.0, 36.0])


def test_hooks_see_and_replace_gradients():
    x = leaf([1.0, 2.0])
    seen = []
    y = x * 2
    first = y.register_hook(lambda g: seen.append(g.tolist()))
    second = y.register_hook(lambda g: g * 10)
    third = x.register_hook(lambda g: seen.append(g.tolist()))
    (y.sum() + (y * y).sum()).backward(retain_graph=True)
    assert seen == [[5.0, 9.0], [100.0, 180.0]]
    assert x.grad.tolist() == [100.0, 180.0]
    for handle in (first, second, third, second):
        handle.remove()
    x.grad, seen[:] = None, []
    y.sum().backward()
    assert (x.grad.tolist(), seen) == ([2.0, 2.0], [])


def test_hooks_in_order_each_once():
    x = leaf(3.0)
    calls = []
    for name in "abc":
        x.register_hook(lambda g, name=name: calls.append((name, g.item())))
    x.register_hook(lambda g: cr.tensor(7.0))
    y = x + 1
    (y * y * x).backward()
    assert calls == [(name, 16.0 + 2 * 4 * 3) for name in "abc"]
    assert x.grad.item() == 7.0


def test_hooks_may_return_any_array_in_the_right_shape():
    x = leaf([1.0, 2.0], dtype="float32")
    handle = x.register_hook(lambda g: np.array([3, 4]))
    x.sum().backward()
    assert (x.grad.dtype, x.grad.tolist()) == (np.float32, [3.0, 4.0])
    handle.remove()
    x.register_hook(lambda g: g[0])
    assert_message(
        ShapeError,
        "[register_hook] a hook returned shape () for a gradient of shape (2,); expected an equal shape, or None to "
        "leave the gradient as it is.",
        lambda: x.sum().backward(),
    )
    assert_message(
        GradientError,
        "[register_hook] this Tensor does not require a gradient; expected one that does; call "
        "x.requires_grad_() first.",
        lambda: cr.tensor(1.0).register_hook(print),
    )


def test_hooks_of_recorded_gradients():
    x = leaf(2.0)
    y = x * x
    y.register_hook(lambda g: g * x)
    first = cr.gradients(y, x, create_graph=True)
    assert first.item() == 8.0
    assert cr.gradients(first, x).item() == 8.0


def test_a_hook_cannot_write_to_the_gradient():
    a, b = leaf([1.0, 2.0]), leaf([3.0, 4.0])

    def write(g):
        g.zero_()

    for create_graph in (False, True):
        y = a * 1.0
        y.register_hook(write)
        a.grad = b.grad = None
        (y + b).sum().backward(create_graph=create_graph)
        assert a.grad.tolist() == b.grad.tolist() == [1.0, 1.0]


def test_a_hook_may_differentiate():
    x = leaf([1.0, 2.0])
    y = x * 3
    y.register_hook(lambda g: (x * x).sum().backward())
    y.sum().backward()
    assert x.grad.tolist() == [5.0, 7.0]


def test_hooks_must_be_functions_of_real_gradients():
    x = leaf([1.0, 2.0])
    assert_message(
        DTypeError,
        "[register_hook] the hook is a int; expected a function of the gradient; write e.g. "
        "x.register_hook(lambda g: 2 * g).",
        lambda: x.register_hook(3),
    )
    x.register_hook(lambda g: g * 1j)
    assert_message(
        DTypeError,
        "[register_hook] a hook returned complex128 for a gradient of float64; expected a real gradient of a real "
        "Tensor; take g.real.",
        lambda: x.sum().backward(),
    )


def test_a_hook_that_raises_leaves_things_as_they_were():
    x = leaf(2.0)
    handle = x.register_hook(lambda g: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        (x * x).backward()
    handle.remove()
    assert x.grad is None and cr.is_grad_enabled()
    (x * x).backward()
    assert x.grad.item() == 4.0


# ------------------------------------------------------------------------------------------------------- modes


def records():
    return (leaf(1.0) * 2).requires_grad


def test_modes_nest_and_end():
    assert records()
    with cr.no_grad():
        assert not records()
        with cr.enable_grad():
            assert records()
            with cr.set_grad_enabled(False):
                assert not records()
            assert records()
        assert not records()
    assert records()
    mode = cr.no_grad()
    with mode, mode:
        assert not records()
    assert records()


def test_modes_end_with_an_exception():
    with pytest.raises(KeyError), cr.no_grad():
        raise KeyError
    assert records()


def test_set_grad_enabled_at_once():
    cr.set_grad_enabled(False)
    try:
        assert not cr.is_grad_enabled() and not records()
    finally:
        cr.set_grad_enabled(True)
    assert records()
    with cr.set_grad_enabled(False):
        assert not records()
    assert records()


@pytest.mark.parametrize("decorate", [cr.no_grad, cr.no_grad(), lambda f: cr.set_grad_enabled(False)(f)])
def test_modes_decorate(decorate):
    @decorate
    def function(x, *, y):
        """Says what it does."""
        return records(), x, y

    @decorate
    def failing():
        raise KeyError

    assert function(1, y=2) == (False, 1, 2)
    assert (function.__name__, function.__doc__) == ("function", "Says what it does.")
    with pytest.raises(KeyError):
        failing()
    assert records()
    recursive = decorate(lambda n: records() if n == 0 else recursive(n - 1))
    assert not recursive(3)
    with cr.no_grad():
        assert cr.enable_grad(records)()


def test_modes_decorate_generators():
    @cr.no_grad()
    def generate():
        sent = yield records()
        try:
            yield sent, records()
        except KeyError:
            yield "caught", records()
        return "done"

    generator = generate()
    assert next(generator) is False
    assert records()
    assert generator.send("word") == ("word", False)
    assert records()
    assert generator.throw(KeyError) == ("caught", False)
    with pytest.raises(StopIteration) as end:
        next(generator)
    assert end.value.value == "done"
    closed = []

    @cr.no_grad
    def closing():
        try:
            yield 1
        finally:
            closed.append(records())

    generator = closing()
    next(generator)
    generator.close()
    assert closed == [False] and records()


def test_modes_belong_to_their_thread():
    seen, inside, done = {}, threading.Event(), threading.Event()

    def other():
        inside.wait()
        seen["other"] = records()
        done.set()

    thread = threading.Thread(target=other)
    thread.start()
    with cr.no_grad():
        inside.set()
        done.wait()
        seen["main"] = records()
    thread.join()
    assert seen == {"other": True, "main": False}


def test_modes_belong_to_their_task():
    async def recording(log):
        for _ in range(3):
            log.append(records())
            await asyncio.sleep(0)

    @cr.no_grad()
    async def silent(log):
        await recording(log)

    @cr.no_grad
    async def stream():
        for _ in range(3):
            yield records()
            await asyncio.sleep(0)

    async def both():
        loud, quiet, streamed, between = [], [], [], []
        await asyncio.gather(recording(loud), silent(quiet), recording(loud))
        async for flag in stream():
            streamed.append(flag)
            between.append(records())
        return loud, quiet, streamed, between

    assert asyncio.run(both()) == ([True] * 6, [False] * 3, [False] * 3, [True] * 3)


def test_threads_may_share_a_mode():
    silent, seen = cr.no_grad(), []

    def work():
        for _ in range(100):
            with silent:
                time.sleep(0)
                seen.append(records())
            seen.append(not records())

    run_in_threads(work)
    assert seen == [False] * 800


def test_an_async_generator_may_end_in_another_task():
    async def stream():
        with cr.no_grad():
            yield records()
            yield records()

    async def main():
        found = []
        generator = stream()
        # Each step in a task of its own, which is what asyncio.wait_for makes of it.
        for _ in range(2):
            found.append(await asyncio.create_task(anext(generator)))
            found.append(records())
        await asyncio.create_task(generator.aclose())
        return found, records()

    assert asyncio.run(main())[1] is True
    assert cr.is_grad_enabled()


def run_in_threads(work, count=4):
    threads = [threading.Thread(target=work) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_threads_may_share_a_leaf():
    x = leaf(np.zeros(3))

    def work():
        for _ in range(100):
            (x * 2).sum().backward()

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        run_in_threads(work)
    finally:
        sys.setswitchinterval(interval)
    assert x.grad.tolist() == [800.0] * 3


def test_backward_runs_in_any_mode_and_thread():
    x = leaf([1.0, 2.0])
    y = cr.sum(x * x)
    with cr.no_grad():
        y.backward(retain_graph=True)
    threads = [threading.Thread(target=lambda: cr.gradients(y, x, retain_graph=True)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert x.grad.tolist() == [2.0, 4.0]


def test_a_recorded_gradient_makes_no_cycle():
    gc.disable()
    try:
        x = leaf([1.0, 2.0])
        cr.sum(x**3).backward(create_graph=True)
        tensor, node = weakref.ref(x), weakref.ref(x.grad._node)
        del x
        assert tensor() is None and node() is None
    finally:
        gc.enable()
