"""Random Tensors: seeded, shared by threads, distributed as they say, differentiable in location and scale."""

import threading

import numpy as np
import pytest
from scipy import stats

import chainrule as cr
from chainrule import random
from chainrule.errors import AxisError, DomainError, DTypeError, GradientError, ShapeError, SymbolError
from chainrule.ops import raw
from chainrule.stream import STANDARD

MOVED = {
    "normal": (stats.norm, "standard_normal"),
    "laplace": (stats.laplace, "laplace"),
    "gumbel": (stats.gumbel_r, "gumbel"),
    "logistic": (stats.logistic, "logistic"),
    "uniform": (stats.uniform, "random"),
}


def test_equal_seeds_give_equal_streams():
    draws = [
        lambda r: r.rand(2, 3), lambda r: r.randn((4,)), lambda r: r.normal(1, 2, 3), lambda r: r.integers(9, size=5),
        lambda r: r.permutation(6), lambda r: r.choice(5, 3), lambda r: r.bernoulli(0.5, 8),
        lambda r: r.exponential(2.0, 2), lambda r: r.lognormal(size=2),
    ]  # fmt: skip
    for draw in draws:
        random.seed(7)
        first, second = draw(random), draw(random)
        random.seed(7)
        assert draw(random).tolist() == first.tolist() == draw(random.generator(7)).tolist()
        assert first.tolist() != second.tolist() or first.size < 9


def test_the_stream_is_that_of_numpys_philox():
    ours, theirs = random.generator([1, 2]), np.random.Generator(np.random.Philox([1, 2]))
    assert ours.rand(8).tolist() == theirs.random(8).tolist()
    assert ours.rand(3).tolist() == theirs.random(4)[:3].tolist()  # whole blocks of four words
    assert ours.rand(2, dtype="float32").tolist() == theirs.random(8, np.float32)[:2].tolist()
    assert ours.uniform(1.0, 3.0, (3, 40)).tolist() == (theirs.random(120).reshape(3, 40) * 2 + 1).tolist()
    words = [int(w) for w in theirs.bit_generator.random_raw(16)]
    assert (
        ours.integers(-3, 9, (2, 8)).tolist() == np.array([w * 12 // 2**64 - 3 for w in words]).reshape(2, 8).tolist()
    )
    p = [0.1] * 2 + [0.8 / 3] * 3
    assert ours.choice(5, 4, p=p).tolist() == theirs.choice(5, 4, p=p).tolist()


@pytest.mark.parametrize("name", MOVED)
def test_distributions(name):
    distribution, _ = MOVED[name]
    loc, scale = -1.0, 2.5
    other = loc + scale if name == "uniform" else scale
    drawn = getattr(random.generator(0), name)(loc, other, 4000).numpy()
    assert stats.kstest(drawn, distribution(loc, scale).cdf).pvalue > 0.01


def test_more_distributions():
    g = random.generator(3)
    assert stats.kstest(g.exponential(2.0, 4000).numpy(), stats.expon(scale=2.0).cdf).pvalue > 0.01
    assert stats.kstest(g.lognormal(0.5, 0.7, 4000).numpy(), stats.lognorm(0.7, scale=np.exp(0.5)).cdf).pvalue > 0.01
    assert abs(g.bernoulli(0.3, 4000).numpy().mean() - 0.3) < 0.03
    counts = np.bincount(g.choice(3, 4000, p=[0.2, 0.5, 0.3]).numpy()) / 4000
    np.testing.assert_allclose(counts, [0.2, 0.5, 0.3], atol=0.03)
    rolls = g.integers(1, 6, 500, endpoint=True).numpy()
    assert set(rolls.tolist()) == {1, 2, 3, 4, 5, 6}


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("n", [40_000, 40_001])  # in more than one piece
def test_normal_numbers_in_pairs(n, dtype):
    z = random.generator(8).randn(n, dtype=dtype).numpy().astype(float)
    assert stats.kstest(z, stats.norm.cdf).pvalue > 0.01
    for power, moment in ((1, 0), (2, 1), (3, 0), (4, 3)):
        spread = np.sqrt(stats.norm.moment(2 * power) / n)
        assert abs((z**power).mean() - moment) < 4 * spread, power
    even, odd = z[: n // 2 * 2].reshape(-1, 2).T  # cosine and sine of one angle
    assert abs(np.corrcoef(even, odd)[0, 1]) < 4 / np.sqrt(n / 2)
    assert stats.pearsonr(even**2, odd**2).pvalue > 0.01
    assert stats.kstest(even**2 + odd**2, stats.chi2(2).cdf).pvalue > 0.01


def test_tails_of_normal_numbers():
    z = random.generator(9).randn(2_000_000).numpy()
    for t in (3.0, 4.0):
        expected = 2 * stats.norm.sf(t) * len(z)
        assert abs((abs(z) > t).sum() - expected) < 4 * np.sqrt(expected)


def test_whatever_is_drawn_is_finite():
    zero = np.zeros((1, 2))
    most = np.full((1, 2), 1 - 2.0**-53)
    for name, make in STANDARD.items():
        for u in (zero, most, zero.astype("float32"), np.full((1, 2), 1 - 2.0**-24, np.float32)):
            with np.errstate(all="raise"):
                made = np.asarray(make(raw, u))
            assert np.isfinite(made).all(), name
            assert made.dtype == u.dtype, name


def test_draws_are_independent():
    def table(x, y):
        return np.histogram2d(x, y, 10, [[0, 1], [0, 1]])[0].ravel()

    g, n = random.generator(10), 50_000
    one, two = g.rand(n).numpy(), g.rand(n).numpy()
    other = random.generator(11).rand(n).numpy()
    for x, y in ((one[:-1], one[1:]), (one, two), (one, other), (one[:-4], one[4:])):
        assert stats.chisquare(table(x, y)).pvalue > 0.001


@pytest.mark.parametrize(("low", "high"), [(0, 7), (-3, 250), (5, 5 + 2**40), (-(2**63), 2**63)])
def test_integers_are_uniform(low, high):
    drawn = random.generator(12).integers(low, high, 40_000).numpy()
    assert drawn.min() >= low
    assert drawn.max() < high
    size = high - low
    cells = np.array([(int(x) - low) * min(size, 100) // size for x in drawn])
    width = [
        len(range(-(-i * size // min(size, 100)), -(-(i + 1) * size // min(size, 100)))) for i in range(min(size, 100))
    ]
    expected = np.array(width, float) / size * len(drawn)
    assert stats.chisquare(np.bincount(cells, minlength=len(expected)), expected).pvalue > 0.001


def test_permutations_and_choices_are_fair():
    g = random.generator(13)
    orders = np.array([g.permutation(4).tolist() for _ in range(4800)]) @ [64, 16, 4, 1]
    assert stats.chisquare(np.unique(orders, return_counts=True)[1]).pvalue > 0.001
    assert len(set(orders)) == 24
    assert sorted(g.permutation(100_000).tolist()) == list(range(100_000))
    p = np.array([0.1, 0.2, 0.3, 0.4, 0.0])
    pairs = [tuple(g.choice(5, 2, replace=False, p=p).tolist()) for _ in range(6000)]
    chances = {(i, j): p[i] * p[j] / (1 - p[i]) for i in range(4) for j in range(4) if i != j}
    counts = [pairs.count(pair) for pair in chances]
    assert sum(counts) == 6000
    assert stats.chisquare(counts, [6000 * c for c in chances.values()]).pvalue > 0.001


@pytest.mark.parametrize("name", ["normal", "laplace", "gumbel", "logistic"])
def test_gradients_flow_to_location_and_scale(name):
    loc, scale = cr.tensor([1.0, -2.0], requires_grad=True), cr.tensor([[0.5], [3.0]], requires_grad=True)
    x = getattr(random.generator(5), name)(loc, scale, (4, 2, 2))
    noise = getattr(random.generator(5), name)(0.0, 1.0, (4, 2, 2)).numpy()
    np.testing.assert_allclose(x.detach().numpy(), loc.tolist() + np.array(scale.tolist()) * noise, rtol=1e-14)
    weights = np.arange(16.0).reshape(4, 2, 2)
    to_loc, to_scale = cr.gradients(cr.sum(x * weights), [loc, scale])
    np.testing.assert_allclose(to_loc.numpy(), weights.sum((0, 1)), rtol=1e-14)
    np.testing.assert_allclose(to_scale.numpy(), (weights * noise).sum((0, 2))[:, None], rtol=1e-13)


def test_gradients_flow_to_bounds_and_data():
    low, high = cr.tensor(1.0, requires_grad=True), cr.tensor([2.0, 5.0], requires_grad=True)
    u = random.generator(0).rand(2).numpy()
    to_low, to_high = cr.gradients(cr.sum(random.generator(0).uniform(low, high)), [low, high])
    np.testing.assert_allclose(to_low.numpy(), (1 - u).sum(), rtol=1e-14)
    np.testing.assert_allclose(to_high.numpy(), u, rtol=1e-14)
    scale = cr.tensor(2.0, requires_grad=True)
    x = random.generator(0).exponential(scale, 3)
    np.testing.assert_allclose(cr.gradients(x.sum(), scale).numpy(), x.detach().numpy().sum() / 2, rtol=1e-14)
    data = cr.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    picked = random.generator(0).choice(data, 5, p=[0.0, 1.0], axis=1)
    assert cr.gradients(cr.sum(picked), data).tolist() == [[0.0, 5.0], [0.0, 5.0]]
    shuffled = random.generator(0).permutation(data, axis=1)
    assert sorted(shuffled.tolist()[0]) == [1.0, 2.0]
    assert cr.gradients(cr.sum(shuffled * 3), data).tolist() == [[3.0, 3.0], [3.0, 3.0]]


def test_dtypes_and_shapes():
    g = random.generator(0)
    assert g.rand().spec == ((), "float64")
    assert g.rand(2, 0, dtype="float32").spec == ((2, 0), "float32")
    assert g.normal(cr.zeros(3, dtype="float32"), 1.0).spec == ((3,), "float32")
    assert g.normal(cr.zeros(3, dtype="float32"), cr.ones((2, 1), dtype="float64")).spec == ((2, 3), "float64")
    assert g.uniform(0, 1, 3, dtype="float32").spec == ((3,), "float32")
    assert g.laplace(np.zeros(2), 1, (3, 2), "float16").spec == ((3, 2), "float16")
    assert g.integers(5, size=2, dtype="uint8").spec == ((2,), "uint8")
    assert g.bernoulli(np.full(3, 0.5)).spec == ((3,), "bool")
    assert g.choice([1.5, 2.5]).spec == ((), "float64")
    assert not g.normal().requires_grad


def test_threads_share_the_generator():
    random.seed(0)
    compiled = cr.jit(lambda: random.rand(8))
    parts = [[] for _ in range(4)]

    def work(i):
        for _ in range(200):
            parts[i].append((random.rand(8) if i % 2 else compiled()).tolist())

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    drawn = sorted(number for part in parts for row in part for number in row)
    assert drawn == sorted(random.generator(0).rand(6400).tolist())


def message(error, call):
    with pytest.raises(error) as caught:
        call()
    return caught.value.message


def test_errors():
    x = cr.tensor(0.5, requires_grad=True)
    assert message(GradientError, lambda: random.bernoulli(x)) == (
        "[bernoulli] p requires a gradient, and a discrete sample has none with respect to it; expected a Tensor "
        "without one; call p.detach() first."
    )
    assert message(DomainError, lambda: random.bernoulli(1.5)) == (
        "[bernoulli] p has elements outside [0, 1]; expected probabilities; clip p, or rescale it."
    )
    assert message(SymbolError, lambda: random.normal(cr.symbol("m"))) == (
        "[normal] a parameter is symbolic, and noise drawn now would be the same in every evaluation; expected "
        "parameters with values; give the noise as a symbol of its own: loc + scale * z."
    )
    assert message(ShapeError, lambda: random.normal(cr.zeros(3), 1.0, 2)) == (
        "[normal] size is (2,), but the parameters have shape (3,); expected a size they broadcast to; leave size out, "
        "or reshape the parameters."
    )
    assert message(DTypeError, lambda: random.rand(3, dtype="int64")) == (
        "[rand] dtype is int64; expected a real floating-point dtype; use e.g. 'float32'."
    )
    assert message(DTypeError, lambda: random.normal(1j)) == (
        "[normal] dtype is complex128; expected a real floating-point dtype; use e.g. 'float32'."
    )
    assert message(DomainError, lambda: random.seed(-1)) == (
        "[seed] the seed is -1; expected a non-negative integer, a sequence of them, or None; give e.g. seed(0)."
    )
    assert message(DomainError, lambda: random.integers(5, 5)) == (
        "[integers] low is 5 and high 5, for int64: low >= high; expected low < high, both within the dtype; "
        "change the bounds."
    )
    for call, told in (
        (lambda: random.integers(1.5), "low is 1.5 and high None, for int64: these are not integers"),
        (
            lambda: random.integers(0, 9, dtype="float32"),
            "low is 0 and high 9, for float32: this is no dtype of integers",
        ),
        (
            lambda: random.integers(-1, 9, dtype="uint8"),
            "low is -1 and high 9, for uint8: low is out of bounds for uint8",
        ),
        (
            lambda: random.integers(0, 257, dtype="uint8"),
            "low is 0 and high 257, for uint8: high is out of bounds for uint8",
        ),
        (lambda: random.integers(3, 2, endpoint=True), "low is 3 and high 2, for int64: low > high"),
    ):
        assert message(DomainError, call) == (
            f"[integers] {told}; expected low < high, both within the dtype; change the bounds."
        )
    for call, told in (
        (lambda: random.choice(2, 3, replace=False), "2 entries: 3 are wanted without replacement, and 2 can be had"),
        (
            lambda: random.choice(2, 2, replace=False, p=[1.0, 0.0]),
            "2 entries: 2 are wanted without replacement, and 1 can be had",
        ),
        (lambda: random.choice(0, 1), "0 entries: there is nothing to choose"),
        (lambda: random.choice(2, 1, p=[1.0]), "2 entries: p has shape (1,)"),
        (lambda: random.choice(2, 1, p=[2.0, -1.0]), "2 entries: p has elements that are negative or NaN"),
        (lambda: random.choice(2, 1, p=[0.5, 0.25]), "2 entries: p sums to 0.75, not to 1"),
    ):
        assert message(DomainError, call) == f"[choice] from {told}; change size, replace or p."
    assert message(AxisError, lambda: random.permutation(cr.ones(2), axis=1)).startswith("[permutation] axis 1 is out")
