"""Sums and the like across samples, inside loops and choices: as written out without them, with all derivatives."""

import numpy as np
import pytest

import chainrule as cr

X = cr.tensor([0.3, 1.1, -0.7])
M = cr.tensor([[0.2, -0.4, 0.9], [1.3, 0.5, -0.8]])


def looped(step, x):
    return cr.fori_loop(0, 3, lambda _, c: step(c), x)


def until(step, x):
    return cr.while_loop(lambda c: c[0] < 3, lambda c: (c[0] + 1, step(c[1])), (0, x))[1]


def written_out(step, x):
    for _ in range(3):
        x = step(x)
    return x


def either(c):
    return cr.cond(c > 0, lambda v: v / (1 + cr.psum(v * v, "i")), lambda v: v * v + cr.psum(v, "i"), c)


def either_as_where(c):
    return cr.where(c > 0, c / (1 + cr.psum(c * c, "i")), c * c + cr.psum(c, "i"))


def together(c):
    yes, no = lambda v: v / (1 + cr.psum(v * v, "i")), lambda v: v * v + cr.psum(v, "i")
    return cr.cond(cr.psum(c, "i") > 0, yes, no, c)


def together_as_where(c):
    return cr.where(cr.psum(c, "i") > 0, c / (1 + cr.psum(c * c, "i")), c * c + cr.psum(c, "i"))


def one_of_three(c):
    each = [lambda v: v * cr.psum(v, "i"), cr.sin, lambda v: cr.psum(v, "i") ** 2 / (1 + v * v)]
    return cr.switch(cr.axis_index("i"), each, c)


def one_of_three_as_where(c):
    i, total = cr.axis_index("i"), cr.psum(c, "i")
    return cr.where(i == 0, c * total, cr.where(i == 1, cr.sin(c), total**2 / (1 + c * c)))


def scanned(c):
    return cr.scan(lambda a, _: (a * 0.5 + cr.psum(cr.sin(a), "i"), None), c, length=2)[0]


def scanned_written_out(c):
    for _ in range(2):
        c = c * 0.5 + cr.psum(cr.sin(c), "i")
    return c


def summed(c):
    return cr.sin(c) / (2 + cr.psum(c * c, "i"))


def gathered(c):
    return (cr.all_gather(c, "i") ** 2).sum() * c * 0.3


def largest(c):
    return c * cr.pmax(c * 2, "i") + cr.axis_index("i") * cr.pmean(c, "i")


def of_constants(c):
    return c * cr.psum(2.0, "i") * 0.1


def mapped(c):
    return cr.vmap(lambda v: cr.psum(v * c, "i") * v)(cr.tensor([1.0, 2.0])).sum()


def differentiated(c):
    return cr.grad(lambda v: cr.psum(v * v, "i") * v)(c)


STEPS = {
    "sum": (summed, summed),
    "gather": (gathered, gathered),
    "largest": (largest, largest),
    "constants": (of_constants, of_constants),
    "cond of each": (either, either_as_where),
    "cond of all": (together, together_as_where),
    "switch": (one_of_three, one_of_three_as_where),
    "scan": (scanned, scanned_written_out),
    "vmap": (mapped, mapped),
    "grad": (differentiated, differentiated),
}
WHOLE = {
    "value": lambda f: cr.vmap(f, axis_name="i")(X),
    "grad around": lambda f: cr.grad(lambda x: (cr.vmap(f, axis_name="i")(x) ** 2).sum())(X),
    "hessian around": lambda f: cr.hessian(lambda x: (cr.vmap(f, axis_name="i")(x) ** 2).sum())(X),
    "forward around": lambda f: cr.jacobian(cr.vmap(f, axis_name="i"), mode="forward")(X),
    "grad inside": lambda f: cr.vmap(cr.grad(lambda x: f(x) ** 2), axis_name="i")(X),
    "jvp inside": lambda f: cr.vmap(lambda x: cr.jvp(f, (x,), (1.5,))[1], axis_name="i")(X),
    "two axes": lambda f: cr.vmap(cr.vmap(f, axis_name="i"))(M),
    "two axes, the outer": lambda f: cr.grad(lambda m: (cr.vmap(cr.vmap(f), axis_name="i")(m) ** 2).sum())(M),
}


@pytest.mark.parametrize("loop", [looped, until])
@pytest.mark.parametrize("name", STEPS)
@pytest.mark.parametrize("whole", WHOLE)
def test_samples_meet_in_loops_and_choices(whole, name, loop):
    step, plain = STEPS[name]
    found = WHOLE[whole](lambda x: loop(step, x))
    np.testing.assert_allclose(found.numpy(), WHOLE[whole](lambda x: written_out(plain, x)).numpy(), rtol=1e-10)


@pytest.mark.parametrize("name", ["cond of each", "cond of all", "switch"])
@pytest.mark.parametrize("whole", WHOLE)
def test_samples_meet_in_choices_alone(whole, name):
    choice, plain = STEPS[name]
    np.testing.assert_allclose(WHOLE[whole](choice).numpy(), WHOLE[whole](plain).numpy(), rtol=1e-12)


def test_samples_that_are_done_stay_and_are_counted_still():
    doubled = cr.vmap(lambda x: cr.while_loop(lambda c: c < 5, lambda c: c + cr.psum(c, "i"), x), axis_name="i")
    assert doubled(cr.tensor([1.0, 2.0, 6.0])).tolist() == [10.0, 11.0, 6.0]
    assert cr.jacobian(doubled)(cr.tensor([1.0, 2.0, 6.0])).tolist() == [[2, 1, 1], [1, 2, 1], [0, 0, 1]]


def test_a_body_that_no_sample_enters_meets_them_all():
    across = cr.vmap(lambda x: x + cr.fori_loop(0, 2, lambda _, c: cr.psum(c, "i"), 1.0), axis_name="i")
    assert across(cr.tensor([0.0, 10.0, 20.0])).tolist() == [9.0, 19.0, 29.0]


def test_the_same_body_serves_axes_of_any_name_and_size():
    def f(x, name):
        return cr.fori_loop(0, 2, lambda _, c: c + cr.psum(c, name), x)

    for name, n in (("i", 2), ("i", 3), ("j", 2), ("i", 2)):
        assert cr.vmap(lambda x, name=name: f(x, name), axis_name=name)(np.ones(n)).tolist() == [(1.0 + n) ** 2] * n
