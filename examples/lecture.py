"""Automatic differentiation in twelve steps: run it, or ``chainrule demo``, to see each step's code and output.

Every step below is a function. The program prints the body of a step, runs it, and prints what it printed.
"""

import contextlib
import inspect
import io
import textwrap

import numpy as np

import chainrule as cr
from chainrule.show.draw import draw
from chainrule.show.steps import steps

LECTURE = []


def step(title):
    """Put a function into the lecture."""

    def add(function):
        LECTURE.append((title, function))
        return function

    return add


@step("The chain rule for scalars")
def scalars():
    """With y = f(u) and u = g(x), a small move of x moves u by du/dx, and that moves y by dy/du:

    dy/dx = dy/du · du/dx
    """
    x = 0.5
    u = x**2
    dy_du = cr.grad(cr.sin)(u)
    du_dx = cr.grad(lambda x: x**2)(x)
    print("dy/du · du/dx =", float(dy_du * du_dx))
    print("dy/dx         =", float(cr.grad(lambda x: cr.sin(x**2))(x)))


@step("The chain rule for vectors")
def vectors():
    """For vectors the derivatives are matrices, the Jacobians, and the product is theirs:

    ∂y/∂x = ∂y/∂u · ∂u/∂x

    One pull of a unit cotangent back through the graph gives one row.
    """

    def jacobian(f, x):
        y, pull = cr.vjp(f, x)
        return np.array([pull(unit)[0] for unit in np.eye(y.size)])

    A = np.array([[1.0, 2.0], [0.0, 1.0], [-1.0, 3.0]])
    B = np.array([[1.0, 0.0, 2.0], [0.5, 1.0, 0.0]])
    x = np.array([0.3, 0.1])

    u = cr.sin(A @ x)
    product = jacobian(lambda u: B @ u**2, u) @ jacobian(lambda x: cr.sin(A @ x), x)
    whole = jacobian(lambda x: B @ cr.sin(A @ x) ** 2, x)
    print(product)
    print("equal to the Jacobian of the whole:", np.allclose(product, whole, rtol=1e-14))


@step("Automatic against numerical differentiation")
def numerical():
    """A difference quotient is an approximation: a large step h is wrong because f is curved, a small one because
    f(x + h) − f(x) has few digits left. A step in the imaginary direction subtracts nothing, but f must be analytic.
    Automatic differentiation has no step: it applies the chain rule to numbers, to the last digit. (Nor does it
    rewrite formulas, as symbolic differentiation does.) Here are the errors at f(x) = exp(sin(x)).
    """

    def f(x):
        return np.exp(np.sin(x))

    x = 0.7
    exact = np.cos(np.longdouble(x)) * f(np.longdouble(x))
    ours = abs(float(cr.grad(f)(x)) - exact)
    print("     h  forward  central  complex     ours")
    for h in 10.0 ** -np.arange(1, 16, 2):
        forward = abs((f(x + h) - f(x)) / h - exact)
        central = abs((f(x + h) - f(x - h)) / (2 * h) - exact)
        complex_step = abs(f(x + 1j * h).imag / h - exact)
        print(f"{h:6.0e}  {forward:7.1e}  {central:7.1e}  {complex_step:7.1e}  {ours:7.1e}")


@step("A graph, built explicitly")
def explicit():
    """A computation is a graph without cycles: its nodes are operations (● in the drawing), and values flow down along
    its edges. It can be built before there are any values, from symbols. So can its derivative, here 2 everywhere.
    """
    a = cr.symbol("a", shape=(2, 1))
    b = cr.symbol("b", shape=(2, 1))
    c = 2 * a + b
    print(draw(c))
    print()
    print(c.graph())
    print()
    print(c.eval(a=np.ones((2, 1)), b=[[3.0], [4.0]]))
    print(cr.gradients(c.sum(), a).eval())


@step("A graph, built implicitly")
def implicit():
    """Or values flow at once, and the graph is recorded behind them. The nodes are the same; what was a symbol is now
    a leaf: a Tensor that was not computed, and whose gradient will be wanted (requires_grad).
    """
    a = cr.ones((2, 1), requires_grad=True)
    b = cr.ones((2, 1), requires_grad=True)
    c = 2 * a + b
    print(c)
    print(draw(c, a=a, b=b))


@step("Reverse accumulation")
def accumulation():
    """The derivative of one output with respect to all inputs is a walk against the arrows. Each node takes the sum of
    what arrives (its cotangent), multiplies it by its local partial derivatives, and sends the products on.
    """
    x1 = cr.tensor(2.0, requires_grad=True)
    x2 = cr.tensor(5.0, requires_grad=True)
    y = cr.log(x1) + x1 * x2 - cr.sin(x2)
    print(draw(y, x1=x1, x2=x2))
    print()
    print(steps(y, x1=x1, x2=x2))
    y.backward()
    print()
    print("∂y/∂x1 =", x1.grad, "  ∂y/∂x2 =", x2.grad)


@step("y = 2 xᵀx, whose gradient is 4x")
def quadratic():
    """The gradient needs a place where it is kept: x.grad."""
    x = cr.arange(4.0)
    x.requires_grad_(True)
    print(x.grad)
    y = 2 * x.T @ x
    print(y)
    y.backward()
    print(x.grad)
    print(x.grad == 4 * x)


@step("Gradients accumulate until they are cleared")
def accumulate():
    """Another backward adds to x.grad; zero_ clears it."""
    x = cr.arange(4.0, requires_grad=True)
    x.sum().backward()
    x.sum().backward()
    print(x.grad)
    x.grad.zero_()
    x.sum().backward()
    print(x.grad)


@step("A batch: the sum of the samples' gradients")
def batch():
    """Of a vector y the derivative is a matrix, but that is rarely wanted. What learning wants is the sum, over the
    samples of a batch, of each one's gradient: the gradient of y.sum(), or backward with a cotangent of ones.
    """
    samples = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    w = cr.tensor([0.5, -1.0], requires_grad=True)
    losses = (samples @ w) ** 2
    print(losses)
    losses.sum().backward()
    print(w.grad)

    w.grad.zero_()
    losses = (samples @ w) ** 2
    losses.backward(cr.ones(3))
    print(w.grad)

    of_one_sample = cr.grad(lambda w, sample: (sample @ w) ** 2)
    print(sum(of_one_sample(w.detach(), sample) for sample in samples))


@step("y = 2 x₀³ + 3 x₀x₁ + 4 x₁")
def polynomial():
    """By hand: ∂y/∂x₀ = 6 x₀² + 3 x₁ = 12 and ∂y/∂x₁ = 3 x₀ + 4 = 7 at (1, 2)."""
    x = cr.tensor([1.0, 2.0], requires_grad=True)
    y = 2 * x[0] ** 3 + 3 * x[0] * x[1] + 4 * x[1]
    y.backward()
    print(y, x.grad)


@step("The same, as functions of functions")
def functional():
    """grad turns a function into the function of its gradient, and so again for higher derivatives."""

    def f(x):
        return 2 * x[0] ** 3 + 3 * x[0] * x[1] + 4 * x[1]

    x = np.array([1.0, 2.0])
    print(cr.grad(f)(x))
    print(cr.jvp(cr.grad(f), (x,), (np.array([1.0, 0.0]),))[1], "is the first column of the Hessian")


@step("Gradient descent")
def descent():
    """Walk from (11, 2) downhill on 2 x₀² + 4 x₁², a tenth of the gradient at a time, until it falls no further."""
    learning_rate = 0.1
    x = cr.tensor([11.0, 2.0], requires_grad=True)
    lines, lowest = [], float("inf")
    for i in range(10_000):
        y = 2 * x[0] ** 2 + 4 * x[1] ** 2
        y.backward()
        if float(y) >= lowest:
            break
        lowest = float(y)
        lines.append(f"{i:4d}  y = {lowest:10.4g}  gradient = [{x.grad[0]:9.3g}, {x.grad[1]:9.3g}]")
        with cr.no_grad():
            x -= learning_rate * x.grad
        x.grad.zero_()
    print(*lines[:5], "   …", *lines[-3:], sep="\n")
    print(f"{len(lines)} steps, to", x.detach())


def body(function):
    """The source of a step, without its first line and its docstring."""
    source = textwrap.dedent(inspect.getsource(function))
    return textwrap.dedent(source.split('"""', 2)[2].strip("\n"))


def main():
    """Print every step: title, words, code, output."""
    for number, (title, function) in enumerate(LECTURE, start=1):
        print(f"━━ {number}  {title} ".ljust(88, "━"), end="\n\n")
        print(inspect.getdoc(function), end="\n\n")
        print(textwrap.indent(body(function), "    "), end="\n\n")
        with contextlib.redirect_stdout(io.StringIO()) as output:
            function()
        print(textwrap.indent(output.getvalue(), "  │ ", lambda _: True))


if __name__ == "__main__":
    main()
