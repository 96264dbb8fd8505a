"""jacobian, hessian, hvp: test problems of optimisation by complex steps, random programs, trees, nesting, mistakes.

The problems are those of J. J. Moré, B. S. Garbow and K. E. Hillstrom, Testing unconstrained optimization software,
ACM Trans. Math. Softw. 7 (1981) 17, written anew from the formulas there: each is a vector of residuals and a start.
"""

import numpy as np
import pytest
from hypothesis import given, settings
from messages import assert_message
from programs import Program, programs

import chainrule as cr
from chainrule.errors import DTypeError, GradientError, ShapeError
from chainrule.testing import numeric_derivative


def rosenbrock(xp, x):
    return [10 * (x[1] - x[0] ** 2), 1 - x[0]]


def freudenstein_roth(xp, x):
    return [
        -13 + x[0] + ((5 - x[1]) * x[1] - 2) * x[1],
        -29 + x[0] + ((x[1] + 1) * x[1] - 14) * x[1],
    ]  # fmt: skip


def powell_badly_scaled(xp, x):
    return [1e4 * x[0] * x[1] - 1, xp.exp(-x[0]) + xp.exp(-x[1]) - 1.0001]


def brown_badly_scaled(xp, x):
    return [x[0] - 1e6, x[1] - 2e-6, x[0] * x[1] - 2]


def beale(xp, x):
    return [y - x[0] * (1 - x[1] ** i) for i, y in enumerate((1.5, 2.25, 2.625), start=1)]


def jennrich_sampson(xp, x):
    return [2 + 2 * i - (xp.exp(i * x[0]) + xp.exp(i * x[1])) for i in range(1, 11)]


def helical_valley(xp, x):
    angle = xp.atan(x[1] / x[0]) / (2 * np.pi) + 0.5  # where x[0] < 0
    return [10 * (x[2] - 10 * angle), 10 * (xp.sqrt(x[0] ** 2 + x[1] ** 2) - 1), x[2]]


def gaussian(xp, x):
    measured = (0.0009, 0.0044, 0.0175, 0.0540, 0.1295, 0.2420, 0.3521, 0.3989)
    y = (*measured, *measured[-2::-1])
    return [x[0] * xp.exp(-x[1] * ((8 - i) / 2 - x[2]) ** 2 / 2) - y[i - 1] for i in range(1, 16)]


def box_three_dimensional(xp, x):
    t = [0.1 * i for i in range(1, 11)]
    return [xp.exp(-s * x[0]) - xp.exp(-s * x[1]) - x[2] * (np.exp(-s) - np.exp(-10 * s)) for s in t]


def powell_singular(xp, x):
    return [x[0] + 10 * x[1], 5**0.5 * (x[2] - x[3]), (x[1] - 2 * x[2]) ** 2, 10**0.5 * (x[0] - x[3]) ** 2]


def wood(xp, x):
    return [
        10 * (x[1] - x[0] ** 2), 1 - x[0], 90**0.5 * (x[3] - x[2] ** 2), 1 - x[2], 10**0.5 * (x[1] + x[3] - 2),
        (x[1] - x[3]) / 10**0.5,
    ]  # fmt: skip


def kowalik_osborne(xp, x):
    y = (0.1957, 0.1947, 0.1735, 0.1600, 0.0844, 0.0627, 0.0456, 0.0342, 0.0323, 0.0235, 0.0246)
    u = (4.0, 2.0, 1.0, 0.5, 0.25, 0.167, 0.125, 0.1, 0.0833, 0.0714, 0.0625)
    return [b - x[0] * (a**2 + a * x[1]) / (a**2 + a * x[2] + x[3]) for a, b in zip(u, y, strict=True)]


def brown_dennis(xp, x):
    t = [i / 5 for i in range(1, 21)]
    return [(x[0] + s * x[1] - np.exp(s)) ** 2 + (x[2] + x[3] * np.sin(s) - np.cos(s)) ** 2 for s in t]


def biggs_exp6(xp, x):
    t = [0.1 * i for i in range(1, 14)]
    y = [np.exp(-s) - 5 * np.exp(-10 * s) + 3 * np.exp(-4 * s) for s in t]
    return [
        x[2] * xp.exp(-s * x[0]) - x[3] * xp.exp(-s * x[1]) + x[5] * xp.exp(-s * x[4]) - b
        for s, b in zip(t, y, strict=True)
    ]


def trigonometric(xp, x):
    n = len(x)
    return [n - sum(xp.cos(y) for y in x) + i * (1 - xp.cos(x[i - 1])) - xp.sin(x[i - 1]) for i in range(1, n + 1)]


def broyden_tridiagonal(xp, x):
    padded = [0.0, *x, 0.0]
    return [(3 - 2 * b) * b - a - 2 * c + 1 for a, b, c in zip(padded, padded[1:], padded[2:], strict=False)]


def variably_dimensioned(xp, x):
    whole = sum(i * (y - 1) for i, y in enumerate(x, start=1))
    return [*(y - 1 for y in x), whole, whole**2]


def bard(xp, x):
    y = (0.14, 0.18, 0.22, 0.25, 0.29, 0.32, 0.35, 0.39, 0.37, 0.58, 0.73, 0.96, 1.34, 2.10, 4.39)
    rows = [(i, 16 - i, min(i, 16 - i), b) for i, b in enumerate(y, start=1)]
    return [b - (x[0] + u / (v * x[1] + w * x[2])) for u, v, w, b in rows]


def meyer(xp, x):
    y = (34780, 28610, 23650, 19630, 16370, 13720, 11540, 9744, 8261, 7030, 6005, 5147, 4427, 3820, 3307, 2872)
    return [x[0] * xp.exp(x[1] / (45 + 5 * i + x[2])) - b for i, b in enumerate(y, start=1)]


def penalty_1(xp, x):
    return [*(1e-5**0.5 * (y - 1) for y in x), sum(y * y for y in x) - 0.25]


def penalty_2(xp, x):
    n, a = len(x), 1e-5**0.5
    pairs = [(i, x[i - 1], x[i - 2]) for i in range(2, n + 1)]
    near = [a * (xp.exp(y / 10) + xp.exp(z / 10) - np.exp(i / 10) - np.exp((i - 1) / 10)) for i, y, z in pairs]
    far = [a * (xp.exp(y / 10) - np.exp(-0.1)) for _, y, _ in pairs]
    return [x[0] - 0.2, *near, *far, sum((n - i) * x[i] ** 2 for i in range(n)) - 1]


def brown_almost_linear(xp, x):
    product = x[0]
    for y in x[1:]:
        product = product * y
    return [*(y + sum(x) - (len(x) + 1) for y in x[:-1]), product - 1]


def discrete_boundary_value(xp, x):
    h, padded = 1 / (len(x) + 1), [0.0, *x, 0.0]
    triples = enumerate(zip(padded, padded[1:], padded[2:], strict=False), start=1)
    return [2 * b - a - c + h * h * (b + i * h + 1) ** 3 / 2 for i, (a, b, c) in triples]


def discrete_integral_equation(xp, x):
    n = len(x)
    h = 1 / (n + 1)
    cubes = [(y + j * h + 1) ** 3 for j, y in enumerate(x, start=1)]
    return [
        x[i - 1]
        + h / 2 * (1 - i * h) * sum(j * h * cubes[j - 1] for j in range(1, i + 1))
        + h / 2 * i * h * sum((1 - j * h) * cubes[j - 1] for j in range(i + 1, n + 1))
        for i in range(1, n + 1)
    ]


def broyden_banded(xp, x):
    n = len(x)
    bands = [[j for j in range(max(0, i - 5), min(n, i + 2)) if j != i] for i in range(n)]
    return [x[i] * (2 + 5 * x[i] ** 2) + 1 - sum(x[j] * (1 + x[j]) for j in band) for i, band in enumerate(bands)]


def linear_full_rank(xp, x):
    m = len(x) + 2
    return [*(y - 2 / m * sum(x) - 1 for y in x), *(-2 / m * sum(x) - 1 for _ in range(2))]


def chebyquad(xp, x):
    n, residuals = len(x), []
    before, now = [1.0] * n, [2 * y - 1 for y in x]  # Chebyshev polynomials, shifted to [0, 1]
    for i in range(1, n + 1):
        residuals.append(sum(now) / n + (1 / (i * i - 1) if i % 2 == 0 else 0.0))
        before, now = now, [2 * (2 * y - 1) * b - a for y, a, b in zip(x, before, now, strict=True)]
    return residuals


PROBLEMS = {
    rosenbrock: (-1.2, 1.0),
    freudenstein_roth: (0.5, -2.0),
    powell_badly_scaled: (0.1, 1.0),
    brown_badly_scaled: (1.0, 1.0),
    beale: (1.0, 1.1),
    jennrich_sampson: (0.3, 0.4),
    helical_valley: (-1.0, 0.2, 0.3),
    gaussian: (0.4, 1.0, 0.1),
    box_three_dimensional: (0.5, 10.0, 20.0),
    powell_singular: (3.0, -1.0, 0.5, 1.0),
    wood: (-3.0, -1.0, -3.0, -1.0),
    kowalik_osborne: (0.25, 0.39, 0.415, 0.39),
    brown_dennis: (2.5, 0.5, -0.5, -0.1),
    biggs_exp6: (1.0, 2.0, 1.1, 0.9, 1.2, 0.8),
    trigonometric: (0.2, 0.25, 0.1, 0.3, 0.4),
    broyden_tridiagonal: (-1.0, -0.9, -1.1, -0.8),
    variably_dimensioned: (0.75, 0.5, 0.25, 0.1),
    bard: (1.0, 1.1, 0.9),
    meyer: (0.02, 4000.0, 250.0),
    penalty_1: (1.0, 2.0, 3.0, 4.0),
    penalty_2: (0.5, 0.4, 0.6, 0.5),
    brown_almost_linear: (0.5, 0.6, 0.4, 0.5),
    discrete_boundary_value: (-0.16, -0.24, -0.24, -0.16),
    discrete_integral_equation: (-0.16, -0.24, -0.24, -0.16),
    broyden_banded: (-1.0, -0.9, -1.1, -0.8, -1.0, -0.7, -1.2),
    linear_full_rank: (1.0, 0.9, 1.1),
    chebyquad: (0.2, 0.4, 0.6, 0.8),
}


def squares(xp, residuals, x):
    return sum(r * r for r in residuals(xp, x))


def complex_step(f, x, i):
    z = np.array(x, complex)
    z[i] += 1e-30j
    return np.imag(f(z)) / 1e-30


@pytest.mark.parametrize("residuals", PROBLEMS, ids=lambda f: f.__name__)
def test_problems_of_optimisation(residuals):
    x = np.array(PROBLEMS[residuals])
    n = range(len(x))
    columns = np.stack([complex_step(lambda z: np.array(residuals(np, z)), x, i) for i in n], axis=-1)
    for mode in ("forward", "reverse", "auto"):
        found = cr.jacobian(lambda x: cr.stack(residuals(cr, x)), mode=mode)(x).numpy()
        np.testing.assert_allclose(found, columns, 1e-12, 1e-13 * np.abs(columns).max())

    def gradient(x):
        return np.array([complex_step(lambda z: squares(np, residuals, z), x, i) for i in n])

    def f(x):
        return squares(cr, residuals, x)

    expected = gradient(x)
    np.testing.assert_allclose(cr.grad(f)(x).numpy(), expected, 1e-11, 1e-13 * np.abs(expected).max())
    rows = np.stack([numeric_derivative(lambda h, e=e: gradient(x + h * e), 2.0**-7) for e in np.eye(len(x))])
    found = cr.hessian(f)(x).numpy()
    np.testing.assert_allclose(found, rows, 1e-8, 1e-9 * np.abs(rows).max())
    np.testing.assert_allclose(found, found.T, 1e-12, 1e-13 * np.abs(found).max())
    v = np.cos(np.arange(len(x)))
    np.testing.assert_allclose(cr.hvp(f, x, v).numpy(), found @ v, 1e-11, 1e-12 * np.abs(found).max())


def flat(tree, shape):
    return np.asarray(tree.numpy()).reshape(shape)


@settings(max_examples=20)
@given(programs())
def test_identities_on_random_programs(program: Program):
    inputs = program.inputs()
    every = range(len(inputs))

    def run(*x):
        return program.run(cr, *x)

    def parts(*x):
        y = run(*x)
        return {"y": cr.stack([y, y * y]), "x": x[0] * y}

    forward = cr.jacobian(parts, every, "forward")(*inputs)
    backward = cr.jacobian(parts, every, "reverse")(*inputs)
    for name, shape in (("y", (2,)), ("x", program.shapes[0])):
        for one, other, own in zip(forward[name], backward[name], program.shapes, strict=True):
            assert one.shape == other.shape == (*shape, *own)
            np.testing.assert_allclose(one.numpy(), other.numpy(), 1e-10, 1e-11)
    gradient = cr.grad(run, every)(*inputs)
    for one, g in zip(cr.jacobian(run, every)(*inputs), gradient, strict=True):
        np.testing.assert_allclose(one.numpy(), g.numpy(), 1e-10, 1e-11)

    # The whole Hessian, in one matrix.
    hessian = cr.hessian(run, every)(*inputs)
    sizes = [x.size for x in inputs]

    def whole(blocks):
        rows = zip(blocks, sizes, strict=True)
        return np.block([[flat(h, (n, m)) for h, m in zip(row, sizes, strict=True)] for row, n in rows])

    matrix = whole(hessian)
    np.testing.assert_allclose(matrix, matrix.T, 1e-10, 1e-10)
    other = cr.jacobian(cr.grad(run, every), every, "reverse")(*inputs)
    np.testing.assert_allclose(whole(other), matrix, 1e-10, 1e-10)
    v = [np.cos(np.arange(x.size)).reshape(x.shape) for x in inputs]
    moved = cr.hvp(lambda x: run(*x), inputs, v)
    product = matrix @ np.concatenate([t.reshape(-1) for t in v])
    np.testing.assert_allclose(np.concatenate([t.numpy().reshape(-1) for t in moved]), product, 1e-10, 1e-10)


# ------------------------------------------------------------------------------------------ forms and nesting


def test_trees():
    p = {"w": np.array([1.0, 2.0]), "b": 3.0}

    def f(p, scale):
        return [cr.sum(p["w"] ** 2) * scale, (p["w"] * p["b"],)]

    j = cr.jacobian(f)(p, 10.0)
    assert j[0]["w"].tolist() == [20.0, 40.0]
    assert j[0]["b"].tolist() == 0.0
    assert j[1][0]["w"].tolist() == [[3.0, 0.0], [0.0, 3.0]]
    assert j[1][0]["b"].tolist() == [1.0, 2.0]
    both = cr.jacobian(f, (0, 1), "reverse")(p, 10.0)
    assert both[0][1].item() == 5.0
    h = cr.hessian(lambda p: cr.sum(p["w"] ** 2) * p["b"])(p)
    assert h["w"]["w"].tolist() == [[6.0, 0.0], [0.0, 6.0]]
    assert h["w"]["b"].tolist() == h["b"]["w"].tolist() == [2.0, 4.0]
    assert h["b"]["b"].item() == 0.0
    moved = cr.hvp(lambda p: cr.sum(p["w"] ** 2) * p["b"], p, {"w": np.array([1.0, 0.0]), "b": 1.0})
    assert moved["w"].tolist() == [8.0, 4.0]


def test_empty_and_aux():
    assert cr.jacobian(cr.sin)(np.zeros((0, 2))).shape == (0, 2, 0, 2)
    for mode in ("forward", "reverse"):
        assert cr.jacobian(lambda x: x[:0], mode=mode)(np.ones(3)).shape == (0, 3)
        assert cr.jacobian(lambda x: cr.concat([x, cr.ones(2)]), mode=mode)(np.zeros(0)).shape == (2, 0)
        j, aux = cr.jacobian(lambda x: (x**2, {"n": 3, "y": x}), mode=mode, has_aux=True)(np.ones(1))
        assert (j.tolist(), aux["n"], aux["y"].tolist()) == ([[2.0]], 3, [1.0])
        single = cr.jacobian(lambda x: x**2, mode=mode)(np.ones(2, np.float32))
        assert single.dtype == np.float32
    h, aux = cr.hessian(lambda x: (x**3, "aux"), has_aux=True)(2.0)
    assert (h.item(), aux) == (12.0, "aux")


def test_auto_takes_the_smaller_side(monkeypatch):
    from chainrule.run import Run

    walks = []
    for name in ("push", "pull"):
        original = getattr(Run, name)
        monkeypatch.setattr(Run, name, lambda self, g, n=name, f=original: walks.append(n) or f(self, g))
    cr.jacobian(lambda x: x[0] * np.ones(5))(np.ones(2))
    cr.jacobian(lambda x: cr.sum(x) * np.ones(2))(np.ones(5))
    assert walks == ["push", "pull"]


@pytest.mark.parametrize("mode", ["forward", "reverse"])
def test_jacobians_nest_with_everything(mode):
    def j(f):
        return cr.jacobian(f, mode=mode)

    def f(x):
        return cr.stack([x[0] ** 2 * x[1], cr.sin(x[0] * x[1])])

    x = np.array([0.7, -1.3])
    second = np.array([
        [[2 * x[1], 2 * x[0]], [2 * x[0], 0.0]],
        [[-(x[1] ** 2) * np.sin(x[0] * x[1]), np.cos(x[0] * x[1]) - x[0] * x[1] * np.sin(x[0] * x[1])],
         [np.cos(x[0] * x[1]) - x[0] * x[1] * np.sin(x[0] * x[1]), -(x[0] ** 2) * np.sin(x[0] * x[1])]],
    ])  # fmt: skip
    np.testing.assert_allclose(j(j(f))(x).numpy(), second, 1e-13)
    total = cr.grad(lambda x: cr.sum(j(f)(x) * np.array([[1.0, 2.0], [3.0, 4.0]])))(x)
    np.testing.assert_allclose(total.numpy(), np.einsum("ij,ijk", [[1.0, 2.0], [3.0, 4.0]], second), 1e-13)
    moved = cr.jvp(j(f), (x,), (np.array([1.0, -2.0]),))[1]
    np.testing.assert_allclose(moved.numpy(), second @ [1.0, -2.0], 1e-13)
    mapped = cr.vmap(j(f))(np.stack([x, x + 1, x - 1]))
    np.testing.assert_allclose(mapped.numpy()[0], j(f)(x).numpy(), 1e-13)
    np.testing.assert_allclose(mapped.numpy()[2], j(f)(x - 1).numpy(), 1e-13)
    inner = j(lambda x: cr.vmap(lambda y: cr.sum(f(x * y)))(cr.asarray([1.0, 2.0])))(x)
    np.testing.assert_allclose(inner.numpy()[1], 2 * j(lambda x: cr.sum(f(x)))(2 * x).numpy(), 1e-13)
    s = cr.symbol("s", shape=(2,))
    np.testing.assert_allclose(j(f)(s).eval(s=x).numpy(), j(f)(x).numpy(), 1e-13)
    leaf = cr.tensor(x, requires_grad=True)
    j(lambda y: f(y) * leaf[0])(x).sum().backward()
    np.testing.assert_allclose(leaf.grad.numpy(), [j(f)(x).numpy().sum(), 0.0], 1e-13)
    assert not j(f)(x).requires_grad
    with cr.no_grad():
        np.testing.assert_allclose(j(f)(leaf).numpy(), j(f)(x).numpy(), 1e-13)


@pytest.mark.parametrize("mode", ["forward", "reverse"])
def test_complex_derivatives(mode):
    z = np.array([0.3 + 0.4j, -1.0 + 0.2j])
    j = cr.jacobian(lambda z: z**2 * cr.sum(z), mode=mode, holomorphic=True)(z).numpy()
    np.testing.assert_allclose(j, np.diag(2 * z * z.sum()) + (z**2)[:, None], 1e-13)
    assert j.dtype == np.complex128


def test_complex_results_of_real_arguments():
    found = cr.jacobian(lambda x: cr.exp(1j * x))(np.array([0.3, 0.5])).numpy()
    np.testing.assert_allclose(found, np.diag(1j * np.exp([0.3j, 0.5j])), 1e-14)


def test_linearize():
    calls = []

    def f(x, p):
        calls.append(1)
        return {"y": cr.sin(x) * p[0]}

    y, push = cr.linearize(f, 0.5, [2.0])
    assert y["y"].item() == 2 * np.sin(0.5)
    np.testing.assert_allclose(push(1.0, [0.0])["y"].item(), 2 * np.cos(0.5))
    np.testing.assert_allclose(push(0.0, [1.0])["y"].item(), np.sin(0.5))
    assert len(calls) == 1
    np.testing.assert_allclose(
        cr.vmap(lambda t: push(t, [t])["y"])(np.array([1.0, 2.0])).numpy(),
        (2 * np.cos(0.5) + np.sin(0.5)) * np.array([1.0, 2.0]),
    )
    np.testing.assert_allclose(cr.vjp(lambda t: push(t, [0.0])["y"], 3.0)[1](1.0)[0].item(), 2 * np.cos(0.5))
    assert cr.linearize(lambda x: (x, "aux"), 1.0, has_aux=True)[2] == "aux"
    slope = cr.grad(lambda x: cr.linearize(cr.sin, x)[1](1.0))(0.5)
    np.testing.assert_allclose(slope.item(), -np.sin(0.5))


# ------------------------------------------------------------------------------------------------------ mistakes


@pytest.mark.parametrize(
    ("error", "message", "call"),
    [
        pytest.param(
            DTypeError,
            "[jacobian] mode is 'backward'; expected one of 'auto', 'forward', 'reverse'; leave it out.",
            lambda: cr.jacobian(cr.sin, mode="backward"),
            id="mode",
        ),
        pytest.param(
            GradientError,
            "[jacobian] output 0 is int64[2]; only floating-point and complex values have derivatives; return it "
            "beside the output, with has_aux=True.",
            lambda: cr.jacobian(lambda x: cr.argsort(x))(np.ones(2)),
            id="integers",
        ),
        pytest.param(
            DTypeError,
            "[jacobian] an argument is complex128[2]; its real and imaginary parts have derivatives of their own; "
            "expected a real argument, or holomorphic=True for the complex derivative of a holomorphic function.",
            lambda: cr.jacobian(cr.sin)(np.ones(2) * 1j),
            id="complex",
        ),
        pytest.param(
            DTypeError,
            "[jacobian] an argument is float64[2]; expected complex arguments with holomorphic=True; leave it out.",
            lambda: cr.jacobian(cr.sin, holomorphic=True)(np.ones(2)),
            id="not complex",
        ),
        pytest.param(
            DTypeError,
            "[jacobian] an output is real, which no holomorphic function of a complex number is, but for constants; "
            "expected complex outputs; leave holomorphic out, and differentiate with grad.",
            lambda: cr.jacobian(cr.abs, holomorphic=True)(np.ones(2) * 1j),
            id="not holomorphic",
        ),
        pytest.param(
            DTypeError,
            "[jacobian] an output is complex and the argument real, so that one cotangent an element does not tell "
            "both parts; expected real outputs in reverse mode; use mode='forward'.",
            lambda: cr.jacobian(lambda x: x * 1j, mode="reverse")(np.ones(2)),
            id="reverse of complex",
        ),
        pytest.param(
            ShapeError,
            "[hvp] v is a tree (*, *), and x *; expected the same tree; give one array for each *.",
            lambda: cr.hvp(cr.sum, np.ones(2), (1.0, 2.0)),
            id="hvp",
        ),
        pytest.param(
            ShapeError,
            "[linearize] the tangents are a tree [*, *], and the primals [*]; expected the same tree; give one array "
            "for each *.",
            lambda: cr.linearize(cr.sin, 1.0)[1](1.0, 2.0),
            id="linearize",
        ),
    ],
)
def test_mistakes(error, message, call):
    assert_message(error, message, call)
