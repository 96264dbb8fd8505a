"""The table of conventions, executed in every mode, and the page made of it."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

import chainrule as cr
from chainrule import conventions
from chainrule.conventions import Convention

LINES = [row for section in conventions.TABLE for row in section.rows]
ERRORS = [row for row in LINES if any(isinstance(found, type) for found in row.derivative.values())]
ROWS = [row for row in LINES if row not in ERRORS]
# Their second derivative is an error, tested in test_decompositions.py, except forward over reverse.
REPEATED = [row for row in ROWS if re.search(r"vals|matrix_norm\(x, ord=(2|-2|'nuc')", row.code)]
DTYPES = ("float64", "float32")
PAGE = Path(__file__).parents[1] / "docs" / "conventions.md"

each_row = pytest.mark.parametrize("row", ROWS, ids=str)
each_dtype = pytest.mark.parametrize("dtype", DTYPES)


@pytest.fixture(autouse=True)
def silent():
    """NumPy warns of √−1 and 1/0, which these points are about."""
    with np.errstate(all="ignore"):
        yield


def units(shape, dtype):
    """Every array of this shape with a single 1 in it."""
    return np.eye(int(np.prod(shape)), dtype=dtype).reshape(-1, *shape)


def point(row: Convention, dtype):
    return [cr.tensor(value, dtype) for value in row.point.values()]


def check(row: Convention, dtype, jacobians) -> None:
    """Agreement with the table, in dtype and value: zeros and infinities exactly, other numbers to rounding."""
    rounding = 16 * np.finfo(dtype).eps
    for (name, expected), found in zip(row.derivative.items(), jacobians, strict=True):
        np.testing.assert_allclose(found, np.asarray(expected, dtype), rounding, 0.0, err_msg=name, strict=True)


def by_rows(rows, shape):
    """The Jacobian of each argument; row i holds the arguments' gradients of element i of a result of this shape."""
    return [np.stack([g.numpy() for g in parts]).reshape(shape + parts[0].shape) for parts in zip(*rows, strict=True)]


@each_row
@each_dtype
def test_reverse(row, dtype):
    if row.order == 2:
        return check(row, dtype, [cr.grad(cr.grad(row.function))(*point(row, dtype)).numpy()])
    y, pullback = cr.vjp(row.function, *point(row, dtype))
    check(row, dtype, by_rows([pullback(cr.asarray(unit)) for unit in units(y.shape, dtype)], y.shape))


@each_row
@each_dtype
def test_backward(row, dtype):
    shape = row.function(*point(row, dtype)).shape
    rows = []
    for unit in units(shape, dtype):
        leaves = [x.requires_grad_() for x in point(row, dtype)]
        y = row.function(*leaves)
        if row.order == 2:
            y = cr.gradients(y, leaves[0], create_graph=True)
        y.backward(cr.asarray(unit))
        rows.append([x.grad for x in leaves])
    check(row, dtype, by_rows(rows, shape))


@each_row
@each_dtype
def test_forward(row, dtype):
    primals = point(row, dtype)
    if row.order == 2:
        one = cr.ones((), dtype)
        return check(row, dtype, [cr.jvp(lambda x: cr.jvp(row.function, (x,), (one,))[1], primals, (one,))[1].numpy()])
    jacobians = []
    for i, x in enumerate(primals):
        columns = []
        for unit in units(x.shape, dtype):
            tangents = [cr.asarray(unit) if j == i else cr.zeros_like(other) for j, other in enumerate(primals)]
            y, moved = cr.jvp(row.function, primals, tangents)
            columns.append(moved.numpy())
        jacobians.append(np.stack(columns, axis=-1).reshape(y.shape + x.shape))
    check(row, dtype, jacobians)


@pytest.mark.parametrize("row", [row for row in ROWS if row.order == 2], ids=str)
@each_dtype
def test_forward_and_reverse_mixed(row, dtype):
    (x,), one = point(row, dtype), cr.ones((), dtype)
    check(row, dtype, [cr.jvp(cr.grad(row.function), (x,), (one,))[1].numpy()])
    check(row, dtype, [cr.grad(lambda x: cr.jvp(row.function, (x,), (one,))[1])(x).numpy()])


@each_row
def test_second_derivatives_are_one_symmetric_matrix(row):
    """In every mode, the same, wherever they are numbers: mixed partials are exchanged also where slopes jump."""
    if row.order == 2 or row in REPEATED:
        return
    x = np.concatenate([np.ravel(value) for value in row.point.values()]).astype("float64")
    shapes = [np.shape(value) for value in row.point.values()]
    ends = np.cumsum([int(np.prod(shape)) for shape in shapes])

    def scalar(flat):
        parts = [flat[end - int(np.prod(shape)) : end] for shape, end in zip(shapes, ends, strict=True)]
        y = row.function(*(cr.reshape(part, shape) for part, shape in zip(parts, shapes, strict=True)))
        return cr.sum(y * cr.arange(1.0, y.size + 1).reshape(y.shape))

    gradient = cr.grad(scalar)
    back = np.stack([cr.grad(lambda z, u=u: cr.sum(gradient(z) * u))(x).numpy() for u in np.eye(x.size)])
    forth = np.stack([cr.jvp(gradient, (x,), (u,))[1].numpy() for u in np.eye(x.size)])
    mixed = np.stack([cr.grad(lambda z, u=u: cr.jvp(scalar, (z,), (u,))[1])(x).numpy() for u in np.eye(x.size)])
    numbers = np.isfinite(back) & np.isfinite(back.T) & np.isfinite(forth) & np.isfinite(mixed)
    for found in (forth, mixed, back.T):
        np.testing.assert_allclose(found[numbers], back[numbers], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("zero", [0.0, 0, -0.0, np.zeros(()), np.float32(0)])
def test_slopes_of_a_quotient_by_zero(zero):
    expected = np.copysign(np.inf, zero)
    x = cr.tensor(2.0, requires_grad=True)
    (x / zero).backward()
    assert x.grad.item() == expected
    assert cr.jvp(lambda x: x / zero, (2.0,), (1.0,))[1].item() == expected
    s = cr.symbol("s")
    assert cr.gradients(s / zero, s).eval(s=2.0).item() == expected


@pytest.mark.parametrize("scale", [1e-200, 1e-160, 1.0, 1e160, 1e200])
def test_angles_and_radii_stay_in_range(scale):
    """∂atan2/∂y = x/r², ∂hypot/∂x = x/r, at (x, y) = scale·(2, 1), whose squares may not be numbers."""
    by_y, by_x = cr.grad(cr.atan2, (0, 1))(scale, 2 * scale)
    np.testing.assert_allclose([by_y * scale, by_x * scale], [0.4, -0.2], rtol=1e-14)
    np.testing.assert_allclose(cr.grad(cr.hypot, (0, 1))(2 * scale, scale), np.array([2, 1]) / np.sqrt(5), rtol=1e-14)


@pytest.mark.parametrize(("x", "y"), [(2.0, 0.0), (0.5, 0.0), (2.0, 1.0), (3.0, 2.0), (0.5, -1.0)])
def test_second_derivatives_of_powers(x, y):
    """∂²(xʸ)/∂x∂y = xʸ⁻¹ (1 + y log x), in either order, also where xʸ is constant in x."""
    by_x, by_y = cr.grad(cr.power, 0), cr.grad(cr.power, 1)
    mixed = x ** (y - 1) * (1 + y * np.log(x))
    np.testing.assert_allclose([cr.grad(by_x, 1)(x, y), cr.grad(by_y, 0)(x, y)], [mixed, mixed], rtol=1e-14)
    np.testing.assert_allclose(cr.grad(by_x, 0)(x, y), y * (y - 1) * x ** (y - 2), rtol=1e-14)
    assert by_x(np.inf, 0.0).item() == 0.0


@each_row
@each_dtype
def test_symbolic(row, dtype):
    values = point(row, dtype)
    symbols = [cr.symbol(name, x.shape, dtype) for name, x in zip(row.point, values, strict=True)]
    y = row.function(*symbols)
    if row.order == 2:
        y = cr.gradients(y, symbols[0])
    derivatives = [cr.function(symbols, cr.gradients([y], symbols, [unit])) for unit in units(y.shape, dtype)]
    check(row, dtype, by_rows([derivative(*values) for derivative in derivatives], y.shape))


@pytest.mark.parametrize("row", ERRORS, ids=str)
@each_dtype
def test_errors_where_no_derivative_exists(row, dtype):
    (x,), (error,) = point(row, dtype), row.derivative.values()

    def total(x):
        return cr.sum(row.function(x) * cr.arange(1.0, row.function(x).size + 1).reshape(row.function(x).shape))

    with pytest.raises(error):
        cr.grad(total)(x)
    with pytest.raises(error):
        cr.jvp(total, (x,), (cr.asarray(np.array([[1.0, 2.0], [2.0, 4.0]], dtype)),))
    symbol = cr.symbol("x", x.shape, dtype)
    with pytest.raises((error, cr.MatrixError)):  # of an inverse, that the graph of the derivative has in it
        cr.gradients(total(symbol), symbol).eval(x=x)


@each_row
def test_lies_between_the_slopes_on_both_sides(row):
    """Where the function is continuous, no convention may lie outside its one-sided difference quotients."""
    if row.order == 2:
        return
    h = 1e-7
    start = {name: np.asarray(value, "float64") for name, value in row.point.items()}

    def value(name, step):
        moved = {**start, name: start[name] + step}
        return np.asarray(row.function(*map(cr.asarray, moved.values())).numpy())

    for name, x in start.items():
        columns = np.moveaxis(np.asarray(row.derivative[name], "float64").reshape(-1, x.size), 1, 0)
        for unit, column in zip(units(x.shape, "float64"), columns, strict=True):
            below, at, above = (value(name, step * unit).ravel() for step in (-h, 0, h))
            slopes = np.stack([(at - below) / h, (above - at) / h])
            if (np.abs(slopes) < 1e3).all():
                assert (slopes.min(axis=0) - 1e-6 <= column).all(), (name, slopes)
                assert (column <= slopes.max(axis=0) + 1e-6).all(), (name, slopes)


def test_the_page_is_made_of_the_table():
    assert PAGE.read_text(encoding="utf-8") == conventions.page()
