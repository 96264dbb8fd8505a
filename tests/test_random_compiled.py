"""Random numbers in compiled functions: those that are drawn without compiling, and new ones at each call."""

import ctypes
import subprocess
import threading

import numpy as np
import pytest
from samples.philox import block

import chainrule as cr
import chainrule.torch as torch
from chainrule import jit, random
from chainrule.errors import SymbolError
from chainrule.nn import functional as F
from chainrule.ops import ops, raw
from chainrule.stream import Stream

X = np.array([1.0, 2.0, 3.0])
WORD = 2**64

# Counter, key, and words of the block: the vectors that come with Random123 (kat_vectors, philox4x64 10).
KNOWN = [
    ((0, 0, 0, 0), (0, 0), (0x16554D9ECA36314C, 0xDB20FE9D672D0FDC, 0xD7E772CEE186176B, 0x7E68B68AEC7BA23B)),
    (
        (WORD - 1,) * 4, (WORD - 1,) * 2,
        (0x87B092C3013FE90B, 0x438C3C67BE8D0224, 0x9CC7D7C69CD777B6, 0xA09CAEBF594F0BA0),
    ),
    (
        (0x243F6A8885A308D3, 0x13198A2E03707344, 0xA4093822299F31D0, 0x082EFA98EC4E6C89),
        (0x452821E638D01377, 0xBE5466CF34E90C6C),
        (0xA528F45403E61D95, 0x38C72DBD566E9788, 0xA5A1610E72FD18B5, 0x57BD43B5E52B7FE6),
    ),
]  # fmt: skip


@pytest.mark.parametrize(("counter", "key", "words"), KNOWN)
def test_known_answers(counter, key, words):
    assert block(key, counter) == words
    before = (sum(c << 64 * i for i, c in enumerate(counter)) - 1) % 2**256  # NumPy counts, and then makes a block
    assert np.random.Philox(key=np.array(key, np.uint64), counter=before).random_raw(4).tolist() == list(words)


def test_known_answers_of_compiled_code():
    (_, key, words), x = KNOWN[0], cr.symbol("state", shape=(3,), dtype="uint64")
    state = np.array([*key, WORD - 1], np.uint64)
    compiled = cr.function([x], ops.philox(x, offset=0, blocks=1), compile=True)
    assert compiled(state).tolist() == raw.philox(state, offset=0, blocks=1).tolist() == [list(words)]


@pytest.mark.parametrize("blocks", [0, 1, 2, 3, 7, 8, 9, 64, 1001])
@pytest.mark.parametrize("state", [(1, 2, 3), (WORD - 1, WORD // 2, WORD - 4), (0, 0, 0)])
def test_blocks_side_by_side(blocks, state):
    x = cr.symbol("state", shape=(3,), dtype="uint64")
    compiled = cr.function([x], ops.philox(x, offset=2, blocks=blocks), compile=True)
    state = np.array(state, np.uint64)
    assert np.array_equal(compiled(state).numpy(), raw.philox(state, offset=2, blocks=blocks))


def array(x):
    return x.detach().numpy() if hasattr(x, "detach") else np.asarray(x)


def assert_same_stream(f, *args, exact=False, rtol=1e-13, calls=3):
    """Compiled, the function gives what it gives otherwise, call by call, and leaves the stream where that does."""
    random.seed(11)
    expected = [array(f(*args)) for _ in range(calls)]
    after = random.rand(3).tolist()
    random.seed(11)
    compiled = jit(f)
    found = [array(compiled(*args)) for _ in range(calls)]
    assert random.rand(3).tolist() == after
    for one, other in zip(found, expected, strict=True):
        assert (one.shape, one.dtype) == (other.shape, other.dtype)
        np.testing.assert_allclose(one, other, 0 if exact else rtol, 0 if exact else 5 * rtol)


EXACT = {
    "rand": lambda x: random.rand(5),
    "rand of 0 axes": lambda x: random.rand(),
    "rand of nothing": lambda x: random.rand(0, 3),
    "rand float32": lambda x: random.rand(2, 3, dtype="float32"),
    "rand many": lambda x: random.rand(33, 41),
    "rand twice": lambda x: random.rand(3) + x * random.rand(3),
    "uniform": lambda x: random.uniform(0.0, x, (4, 3)),
    "integers": lambda x: random.integers(0, 10, 17),
    "integers int8": lambda x: random.integers(-5, 7, (3, 4), dtype="int8"),
    "integers wide": lambda x: random.integers(0, 2**40, 9),
    "integers of all": lambda x: random.integers(-(2**63), 2**63 - 1, 9, endpoint=True),
    "integers from afar": lambda x: random.integers(-(2**62), 2**62 + 5, 9),
    "integers uint64": lambda x: random.integers(3, 2**32 + 3, 9, dtype="uint64"),
    "integers bool": lambda x: random.integers(0, 2, 9, dtype=bool),
    "bernoulli": lambda x: random.bernoulli(0.3, 9),
    "bernoulli of many": lambda x: random.bernoulli(np.linspace(0, 1, 5)),
    "permutation": lambda x: random.permutation(10),
    "permutation of one": lambda x: random.permutation(1),
    "permutation of x": lambda x: random.permutation(x),
    "choice": lambda x: random.choice(x, (2, 2)),
    "choice by p": lambda x: random.choice(10, 5, p=np.arange(10) / 45),
    "choice of each once": lambda x: random.choice(10, 4, replace=False),
    "choice of each once by p": lambda x: random.choice(10, 4, replace=False, p=np.arange(10) / 45),
    "dropout": lambda x: F.dropout(x, 0.5),
    "dropout2d": lambda x: F.dropout2d(cr.ones((2, 5, 2, 2)) * x[0], 0.5),
    "gradient of dropout": lambda x: cr.grad(lambda x: cr.sum(F.dropout(x * x, 0.5)))(x),
    "one draw of all samples": lambda x: cr.vmap(lambda y: y * random.rand())(x),
    "compiled inside": lambda x: jit(lambda x: x * random.rand(3))(x) + random.rand(3),
    "in the branches of a choice": lambda x: cr.cond(x[0] > 0, lambda x: x * random.rand(3), lambda x: x, x),
}
ROUNDED = {
    "alpha dropout": lambda x: F.alpha_dropout(x, 0.5, True),
    "randn": lambda x: random.randn(7),
    "randn many": lambda x: random.randn(1001),
    "normal": lambda x: random.normal(x, 2 * x, (4, 3)),
    "lognormal": lambda x: random.lognormal(x, 0.3),
    "exponential": lambda x: random.exponential(x, (40, 3)),
    "laplace": lambda x: random.laplace(x, 2.0, (40, 3)),
    "gumbel": lambda x: random.gumbel(x, 2.0, (40, 3)),
    "logistic": lambda x: random.logistic(x, 2.0, (40, 3)),
    "gradient to location and scale": lambda x: cr.grad(lambda x: cr.sum(random.normal(x, x) ** 3))(x),
    "hessian": lambda x: cr.hessian(lambda x: cr.sum(random.normal(x, x) ** 3))(x),
    "gradient of what is compiled": lambda x: cr.grad(jit(lambda x: cr.sum(random.normal(x, x) ** 3)))(x),
    "checkpoint": lambda x: cr.checkpoint(lambda x: random.normal(x, x))(x) + random.rand(),
    "gradient of checkpoint": lambda x: (
        cr.grad(cr.checkpoint(lambda x: cr.sum(random.normal(x, x) ** 3)))(x) + random.rand()
    ),
    "checkpoint of constants": lambda x: x + cr.checkpoint(lambda y: y * random.rand())(cr.tensor(2.0)) + random.rand(),
    "attention": lambda x: F.scaled_dot_product_attention(
        cr.ones((4, 3)) * x, cr.ones((5, 3)), cr.ones((5, 2)), dropout_p=0.5
    ),
    "recurrent": lambda x: F.rnn(
        cr.ones((3, 2, 3)) * x, None, [cr.ones((2, 3)), cr.ones((2, 2)), cr.ones((2, 2)), cr.ones((2, 2))],
        num_layers=2, dropout=0.5,
    )[0],
}  # fmt: skip


@pytest.mark.parametrize("name", EXACT)
def test_the_same_bits(name):
    assert_same_stream(EXACT[name], X, exact=True)


@pytest.mark.parametrize("name", ROUNDED)
def test_the_same_to_rounding(name):
    assert_same_stream(ROUNDED[name], X, rtol=1e-11 if name == "hessian" else 1e-13)


def test_single_precision():
    assert_same_stream(lambda: random.randn(101, dtype="float32"), rtol=3e-6)
    assert_same_stream(lambda: random.gumbel(0.0, 1.0, 101, dtype="float32"), rtol=3e-6)
    assert jit(lambda: random.randn(3, dtype="float16"))().dtype == np.float16


def test_calls_draw_anew_and_nested_calls_in_turn():
    inner = jit(lambda x: cr.sum(x * random.rand(3)))
    assert_same_stream(lambda x: inner(x) + inner(2 * x) + random.rand(), X)
    gradient = jit(cr.grad(inner))
    random.seed(1)
    found = [gradient(X).tolist() for _ in range(2)]
    random.seed(1)
    assert found == [random.rand(3).tolist() for _ in range(2)]
    assert found[0] != found[1]


def test_generators_that_were_made_outside():
    def f(x, own):
        return x * first.rand(3) + second.rand(3) + random.rand(3) + own.rand(3)

    first, second, third = (random.generator(i) for i in (1, 2, 3))
    random.seed(0)
    expected = [f(X, third).numpy() for _ in range(3)]
    for i, g in enumerate((random, first, second, third)):
        g.seed(i)
    compiled = jit(f, static_argnames="own")
    np.testing.assert_allclose([compiled(X, own=third) for _ in range(3)], expected, 1e-15)
    first.seed(7)
    second.seed(7)
    assert jit(lambda: first.rand(3) - second.rand(3))().tolist() == [0.0] * 3


def test_methods_draw_from_generators_of_their_object():
    class Model:
        def __init__(self):
            self.scale, self.generator = np.array([2.0, 3.0]), random.generator(4)

        @jit
        def sample(self, x):
            return x + self.scale * self.generator.rand(2)

    model, g = Model(), random.generator(4)
    for _ in range(2):
        np.testing.assert_allclose(model.sample(np.ones(2)), 1 + np.array([2.0, 3.0]) * g.rand(2).numpy(), 1e-15)


def test_a_step_of_training_drops_other_elements_at_each_call():
    @jit
    def step(w, x):
        value, g = cr.value_and_grad(lambda w: cr.sum(F.dropout(x @ w, 0.5) ** 2))(w)
        return w - 0.01 * g, value

    random.seed(5)
    x, w = np.random.default_rng(0).normal(size=(64, 3)), np.ones(3)
    values = [float(step(w, x)[1]) for _ in range(4)]
    assert len(set(values)) == 4
    random.seed(5)
    for value in values:
        kept = random.rand(64).numpy() >= 0.5
        assert value == pytest.approx((np.where(kept, 2 * (x @ w), 0) ** 2).sum(), rel=1e-13)


def test_numbers_forms_and_errors_leave_the_stream_in_order():
    def f(x):
        if cr.asarray(x).ndim == 2:
            random.rand(5)
            raise ValueError("two axes")
        return x * random.rand(2)

    compiled, g = jit(f), random.generator(3)
    random.seed(3)
    for x in (2.0, 3, np.float32(2), np.ones(2), 4.0, np.ones((1, 2)), 5.0):
        if np.ndim(x) == 2:
            with pytest.raises(ValueError, match="two axes"):
                compiled(x)
        else:
            np.testing.assert_allclose(compiled(x), x * g.rand(2).numpy(), 1e-6)
    assert random.rand().item() == g.rand().item()


def test_closing_over_what_requires_a_gradient():
    w = cr.tensor([1.0, 2.0], requires_grad=True)
    compiled = jit(lambda x: cr.sum(w * x * random.rand(2)))
    random.seed(2)
    for _ in range(2):
        compiled(np.ones(2)).backward()
    random.seed(2)
    np.testing.assert_allclose(w.grad.numpy(), random.rand(2).numpy() + random.rand(2).numpy(), 1e-15)


def test_threads_take_blocks_of_their_own():
    compiled, parts = jit(lambda: random.rand(6)), [[] for _ in range(4)]
    random.seed(0)

    def work(part):
        for _ in range(300):
            part.append(tuple(compiled().tolist()))

    threads = [threading.Thread(target=work, args=(part,)) for part in parts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    rows = random.generator(0).rand(1200, 8).numpy()[:, :6]
    assert sorted(row for part in parts for row in part) == sorted(map(tuple, rows.tolist()))


def test_looking_inside_draws_nothing():
    compiled = jit(lambda x: x + random.rand(3))
    random.seed(0)
    compiled.explain(X)
    compiled.profile(X)
    assert random.rand(3).tolist() == random.generator(0).rand(3).tolist()


@pytest.mark.parametrize("n", [2**18 + 5, 2**20])
def test_long_draws_are_the_same_by_machine_code(n):
    jit(lambda x: x + 1)(X)  # from now on
    assert Stream.by_machine_code is not None
    ours, theirs = random.generator(9), np.random.Generator(np.random.Philox(9))

    def whole(count):
        return -(-count // 4) * 4

    assert np.array_equal(ours.rand(n).numpy(), theirs.random(whole(n))[:n])
    assert np.array_equal(ours.rand(2 * n, dtype="float32").numpy(), theirs.random(2 * whole(n), np.float32)[: 2 * n])
    words = theirs.bit_generator.random_raw(whole(n))[:n]
    assert np.array_equal(ours.integers(0, 2**64, n, dtype="uint64").numpy(), words)
    assert ours.rand(4).tolist() == theirs.random(4).tolist()
    found = []
    thread = threading.Thread(target=lambda: found.append(ours.rand(n).numpy()))
    thread.start()
    mine = ours.rand(n).numpy()
    thread.join()
    both = theirs.random(2 * whole(n)).reshape(2, -1)[:, :n]
    assert sorted([mine[0], found[0][0]]) == sorted(both[:, 0])


def test_c_that_draws(tmp_path):
    inner = jit(lambda: random.rand(6))

    @jit
    def noisy(x, random_state):
        return x * random.rand(3) + random_state * random.randn(3) + inner()[3:] + random.rand()

    random.seed(6)
    made = noisy.export(tmp_path, X, 2.0)
    assert made.prototype == (
        "void noisy(const double *x, const double *random_state, const uint64_t *random_state1, double *out)"
    )
    header = (tmp_path / "noisy.h").read_text()
    assert (
        "   random_state1 is where a stream of random numbers stands: a key of two words, a count.\n"
        "   Add 5 to the count after each call, so that the next one draws other numbers.\n"
    ) in header
    built = subprocess.run(
        ["cc", "-O1", "-std=c11", "-shared", "-fPIC", "noisy.c", "-o", "own.so", "-lm"], cwd=tmp_path
    )
    assert built.returncode == 0
    out, number, state = np.zeros(3), np.array(2.0), random.rand.__self__._stream.take(0)
    noise = ctypes.CDLL(str(tmp_path / "own.so")).noisy
    for _ in range(2):
        noise(*(ctypes.c_void_p(x.ctypes.data) for x in (X, number, state, out)))
        np.testing.assert_allclose(out, noisy(X, 2.0), 1e-13)
        state[2] += 5


def test_chainrule_torch_draws_in_compiled_functions():
    def f(x):
        drawn = torch.rand(3) * 2 + torch.randn(3), torch.randperm(4), torch.randint(0, 9, (2,))
        more = torch.bernoulli(torch.full((5,), 0.5)), torch.multinomial(torch.ones(2, 3), 2)
        return (*drawn, *more, torch.nn.functional.dropout(torch.ones(6), 0.5))

    compiled = jit(f)
    torch.manual_seed(0)
    expected = [f(X) for _ in range(2)]
    torch.manual_seed(0)
    found = [compiled(X) for _ in range(2)]
    for ones, others in zip(found, expected, strict=True):
        for one, other in zip(ones, others, strict=True):
            np.testing.assert_allclose(one, other.numpy(), 1e-5, 1e-6)
            assert one.dtype == other.numpy().dtype
    assert found[0][0].tolist() != found[1][0].tolist()


def refused(f, *args):
    with pytest.raises(SymbolError) as caught:
        f(*args)
    return caught.value.message


def test_what_is_refused():
    def sample(x):
        return x * random.rand()

    told = (
        "[sample] the operand is one sample of a vmap, or an argument of a loop's body, and noise drawn now would be "
        "the same for all; expected an operand with a value; draw noise for all outside, map over it, and multiply: "
        "x * mask."
    )
    assert refused(cr.vmap(jit(sample)), X) == told
    assert refused(jit(cr.vmap(jit(sample))), X) == told
    assert refused(jit(sample), cr.symbol("x")) == (
        "[sample] the operand is symbolic, and noise drawn now would be the same in every evaluation; expected an "
        "operand with a value; give the noise as a symbol of its own: x * mask."
    )
    assert refused(jit(lambda x: random.bernoulli(x)), 0.5) == (
        "[bernoulli] p is symbolic, and a discrete sample would lose its gradient; expected numbers; name it in "
        "static_argnames, or compare with uniform noise: chainrule.random.rand(*shape) < p."
    )
    loop = jit(lambda x: cr.scan(lambda c, _: (c + jit(lambda: random.rand())(), c), x, None, length=3))
    assert refused(loop, 1.0) == (
        "[random] the body of a scan is traced once, and what it draws now would be the same in every step; expected "
        "noise that is drawn outside; draw that of all steps before, and give it as xs."
    )
    assert refused(jit(lambda: torch.ones(3).uniform_())) == (
        "[uniform_] a function is traced to be compiled, and what is drawn in it has no value yet; expected a result "
        "that is a new Tensor; write rand(...) or randn(...), or draw outside."
    )
    ruled = cr.custom_rule(sample, vjp=lambda x: (sample(x), lambda g: (g,)))
    told = (
        "[random] sample has a derivative rule of its own, and what it draws is no argument, so that no rule knows of "
        "it; expected noise that is drawn outside; draw it before, and give it as an argument."
    )
    assert refused(jit(ruled), X) == refused(jit(cr.grad(lambda x: cr.sum(ruled(x)))), X) == told
