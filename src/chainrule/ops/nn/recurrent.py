"""Recurrent layers: cells, and whole sequences run through stacks of them, one or both ways.

Weights are laid out as in PyTorch: the gates of a cell are stacked along axis 0 of ``w_ih`` (gates · hidden, features),
``w_hh`` (gates · hidden, hidden) and the biases (gates · hidden,), in the order r z n for GRU and i f g o for LSTM.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule import noise
from chainrule.box import operand_spec
from chainrule.errors import DTypeError, ShapeError
from chainrule.op import composite
from chainrule.operands import reals, steps, unknown

# A cell's step is given the part of the gates that depends on the input, computed for all times at once, the state, and
# the transposed weights ``across`` steps with their bias; it returns the new state, of which the first is the output.
State = tuple[Any, ...]
Step = Callable[..., State]
GATES = {"rnn": 1, "gru": 3, "lstm": 4}


def _affine(xp: Any, x: Any, transposed: Any, bias: Any) -> Any:
    product = xp.matmul(x, transposed)
    return product if bias is None else xp.add(product, bias)


def _gates(xp: Any, x: Any, count: int) -> list[Any]:
    size = x.shape[-1] // count
    return [xp.getitem(x, (Ellipsis, slice(i * size, (i + 1) * size))) for i in range(count)]


def _rnn_step(name: str, nonlinearity: str) -> Step:
    if nonlinearity not in ("tanh", "relu"):
        raise unknown(name, "nonlinearity", nonlinearity, ("tanh", "relu"))

    def step(xp: Any, inner: Any, state: State, across: Any, b_hh: Any) -> State:
        return (getattr(xp, nonlinearity)(xp.add(inner, _affine(xp, state[0], across, b_hh))),)

    return step


def _gru_step(xp: Any, inner: Any, state: State, across: Any, b_hh: Any) -> State:
    (h,) = state
    own_reset, own_update, own_new = _gates(xp, inner, 3)
    reset, update, new = _gates(xp, _affine(xp, h, across, b_hh), 3)
    update = xp.sigmoid(xp.add(own_update, update))
    new = xp.tanh(xp.add(own_new, xp.multiply(xp.sigmoid(xp.add(own_reset, reset)), new)))
    return (xp.add(new, xp.multiply(update, xp.subtract(h, new))),)


def _lstm_step(xp: Any, inner: Any, state: State, across: Any, b_hh: Any) -> State:
    h, c = state
    entry, forget, cell, out = _gates(xp, xp.add(inner, _affine(xp, h, across, b_hh)), 4)
    c = xp.add(xp.multiply(xp.sigmoid(forget), c), xp.multiply(xp.sigmoid(entry), xp.tanh(cell)))
    return xp.multiply(xp.sigmoid(out), xp.tanh(c)), c


GATED: dict[str, Step] = {"gru": _gru_step, "lstm": _lstm_step}


def _check(name: str, kind: str, features: int, w_ih: Any, w_hh: Any, *biases: Any) -> int:
    """The size of the hidden state, by the shapes of the weights."""
    gates, (outer, inner) = GATES[kind], (operand_spec(name, w).shape for w in (w_ih, w_hh))
    hidden = inner[-1] if inner else 0
    wanted = ((gates * hidden, features), (gates * hidden, hidden))
    if (outer, inner) != wanted or any(operand_spec(name, b).shape != (gates * hidden,) for b in biases):
        shapes = [operand_spec(name, b).shape for b in biases]
        told = f" and biases {shapes[0]}, {shapes[1]}" if shapes else ""
        rows = f"{gates}·hidden" if gates > 1 else "hidden"
        raise ShapeError(
            f"[{name}] the input has {features} features, and the weights have shapes {outer}, {inner}{told}; expected "
            f"({rows}, features), ({rows}, hidden)"
            + (f" and ({rows},) twice" if shapes else "")
            + "; transpose the weights, or reshape the input."
        )
    return hidden


def _check_state(name: str, state: State, shape: tuple[int, ...]) -> None:
    for x in state:
        if operand_spec(name, x).shape != shape:
            raise ShapeError(
                f"[{name}] the state has shape {operand_spec(name, x).shape}; expected {shape}, by the input and the "
                f"weights; reshape it, or leave it out to begin with zeros."
            )


# -------------------------------------------------------------------------------------------------- cells


def _cell(xp: Any, kind: str, step: Step, input: Any, hx: Any, weights: Any) -> Any:
    name = f"{kind}_cell"
    w_ih, w_hh, b_ih, b_hh = weights
    (input,) = reals(xp, name, input)
    spec = operand_spec(name, input)
    if spec.ndim not in (1, 2):
        raise ShapeError(
            f"[{name}] input has shape {spec.shape}; expected (features,) or (n, features); use {kind} for a sequence."
        )
    biases = [b for b in (b_ih, b_hh) if b is not None]
    if len(biases) == 1:
        raise DTypeError(f"[{name}] one of b_ih and b_hh is missing; expected both or none; give zeros for the other.")
    hidden = _check(name, kind, spec.shape[-1], w_ih, w_hh, *biases)
    if hx is None:
        zeros = np.zeros((*spec.shape[:-1], hidden), spec.dtype)
        state: State = (zeros, zeros) if kind == "lstm" else (zeros,)
    else:
        state = tuple(hx) if kind == "lstm" else (hx,)
    _check_state(name, state, (*spec.shape[:-1], hidden))
    inner = _affine(xp, input, xp.matrix_transpose(w_ih), b_ih)
    state = step(xp, inner, state, xp.matrix_transpose(w_hh), b_hh)
    return state if kind == "lstm" else state[0]


def _rnn_cell(
    xp: Any,
    input: Any,
    hx: Any,
    w_ih: Any,
    w_hh: Any,
    b_ih: Any = None,
    b_hh: Any = None,
    nonlinearity: str = "tanh",
) -> Any:
    return _cell(xp, "rnn", _rnn_step("rnn_cell", nonlinearity), input, hx, (w_ih, w_hh, b_ih, b_hh))


def _gated_cell(
    kind: str, xp: Any, input: Any, hx: Any, w_ih: Any, w_hh: Any, b_ih: Any = None, b_hh: Any = None
) -> Any:
    return _cell(xp, kind, GATED[kind], input, hx, (w_ih, w_hh, b_ih, b_hh))


composite(
    "rnn_cell",
    _rnn_cell,
    public=("nn.functional.rnn_cell",),
    doc="""tanh(w_ih x + b_ih + w_hh h + b_hh), or ``nonlinearity="relu"``: the state after one step from ``hx``.

    x has shape (n, features) or (features,), and the state (n, hidden) or (hidden,); None is a state of zeros.

    >>> cr.nn.functional.rnn_cell(cr.ones(2), cr.ones(1), cr.ones((1, 2)), cr.ones((1, 1)))
    tensor([0.99505475])
    """,
)
composite(
    "gru_cell",
    functools.partial(_gated_cell, "gru"),
    public=("nn.functional.gru_cell",),
    doc="""One step of a gated recurrent unit (Cho et al., 2014): n + z ⊙ (h − n), with gates r and z.

    r = σ(w_ir x + b_ir + w_hr h + b_hr), z alike, n = tanh(w_in x + b_in + r ⊙ (w_hn h + b_hn)).

    >>> cr.nn.functional.gru_cell(cr.ones(2), cr.ones(1), cr.zeros((3, 2)), cr.zeros((3, 1)))
    tensor([0.5])
    """,
)
composite(
    "lstm_cell",
    functools.partial(_gated_cell, "lstm"),
    public=("nn.functional.lstm_cell",),
    doc="""(h, c) after one step of a long short-term memory from ``hx`` = (h, c) (Gers et al., 1999).

    c = σ(f) ⊙ c + σ(i) ⊙ tanh g and h = σ(o) ⊙ tanh c, with i f g o = w_ih x + b_ih + w_hh h + b_hh.

    >>> h, c = cr.nn.functional.lstm_cell(cr.ones(2), (cr.ones(1), cr.ones(1)), cr.zeros((4, 2)), cr.zeros((4, 1)))
    >>> h, c
    (tensor([0.23105858]), tensor([0.5]))
    """,
)


# ---------------------------------------------------------------------------------------------- sequences


def _run(xp: Any, step: Step, x: Any, state: State, weights: Any, backwards: bool) -> tuple[Any, State]:
    """(the outputs of one direction of one layer, its last state) for x of shape (time, n, features)."""
    w_ih, w_hh, b_ih, b_hh = weights
    inner = steps(xp, _affine(xp, x, xp.matrix_transpose(w_ih), b_ih))
    across = xp.matrix_transpose(w_hh)
    outputs = []
    for one in reversed(inner) if backwards else inner:
        state = step(xp, one, state, across, b_hh)
        outputs.append(state[0])
    return xp.stack(outputs[::-1] if backwards else outputs, axis=0), state


def _layers(name: str, params: Any, count: int) -> list[Any]:
    """The four weights of each direction of each layer."""
    params = list(params)
    for size in (4, 2):
        if len(params) == size * count:
            groups = [params[i : i + size] for i in range(0, len(params), size)]
            return [(*group, None, None)[:4] for group in groups]
    raise ShapeError(
        f"[{name}] {len(params)} weights were given for {count} layers and directions; expected "
        f"{4 * count} (w_ih, w_hh, b_ih, b_hh of each), or {2 * count} without biases; check num_layers and "
        f"bidirectional."
    )


def _layout(name: str, input: Any, batch_first: bool) -> tuple[Any, Any, bool]:
    """(how to make (time, n, features) of the input, how to make its layout of that, whether it is one sequence)."""
    spec = operand_spec(name, input)
    if spec.ndim not in (2, 3) or not spec.shape[1 if spec.ndim == 3 and batch_first else 0]:
        raise ShapeError(
            f"[{name}] input has shape {spec.shape}; expected (time, features), (time, n, features), or with "
            f"batch_first (n, time, features), of at least one step; reshape it."
        )
    if spec.ndim == 2:
        return (lambda xp, x: xp.expand_dims(x, axis=1)), (lambda xp, x: xp.squeeze(x, axis=1)), True
    if batch_first:
        return (lambda xp, x: xp.moveaxis(x, 0, 1)), (lambda xp, x: xp.moveaxis(x, 0, 1)), False
    return (lambda _xp, x: x), (lambda _xp, x: x), False


def _states(xp: Any, kind: str, hx: Any, shape: tuple[int, ...], single: bool, dtype: Any) -> list[Any]:
    """The parts of the first state, (layers · directions, n, hidden) each."""
    if hx is None:
        return [np.zeros(shape, dtype)] * (2 if kind == "lstm" else 1)
    given = tuple(hx) if kind == "lstm" else (hx,)
    _check_state(kind, given, (shape[0], shape[2]) if single else shape)
    return [xp.reshape(part, shape) for part in given]


def _stack(
    xp: Any,
    kind: str,
    step: Step,
    input: Any,
    hx: Any,
    params: Any,
    num_layers: int,
    bidirectional: bool,
    batch_first: bool,
    drop: Callable[[Any], Any],
) -> Any:
    directions = 2 if bidirectional else 1
    layers = _layers(kind, params, num_layers * directions)
    (input,) = reals(xp, kind, input)
    enter, leave, single = _layout(kind, input, batch_first)
    x = enter(xp, input)
    hidden = _check(kind, kind, x.shape[-1], *(w for w in layers[0] if w is not None))
    starts = _states(xp, kind, hx, (len(layers), x.shape[1], hidden), single, x.dtype)
    last: list[State] = []
    for depth in range(num_layers):
        x = drop(x) if depth else x
        outputs = []
        for way in range(directions):
            weights = layers[len(last)]
            _check(kind, kind, x.shape[-1], *(w for w in weights if w is not None))
            state = tuple(xp.getitem(part, len(last)) for part in starts)
            out, state = _run(xp, step, x, state, weights, bool(way))
            outputs.append(out)
            last.append(state)
        x = outputs[0] if directions == 1 else xp.concat(outputs, axis=-1)
    ends = [xp.stack([state[i] for state in last], axis=0) for i in range(len(starts))]
    ends = [xp.squeeze(part, axis=1) for part in ends] if single else ends
    return leave(xp, x), (tuple(ends) if kind == "lstm" else ends[0])


def _dropping(xp: Any, name: str, p: Any, training: bool, generator: Any) -> Callable[[Any], Any]:
    p = noise.probability(name, p)
    return lambda x: xp.dropout(x, p, training, generator=generator)


def _rnn(
    xp: Any,
    input: Any,
    hx: Any,
    params: Any,
    nonlinearity: str = "tanh",
    *,
    num_layers: int = 1,
    bidirectional: bool = False,
    batch_first: bool = False,
    dropout: float = 0.0,
    training: bool = True,
    generator: Any = None,
) -> Any:
    drop = _dropping(xp, "rnn", dropout, training, generator)
    step = _rnn_step("rnn", nonlinearity)
    return _stack(xp, "rnn", step, input, hx, params, num_layers, bidirectional, batch_first, drop)


def _gated(
    kind: str,
    xp: Any,
    input: Any,
    hx: Any,
    params: Any,
    *,
    num_layers: int = 1,
    bidirectional: bool = False,
    batch_first: bool = False,
    dropout: float = 0.0,
    training: bool = True,
    generator: Any = None,
) -> Any:
    drop = _dropping(xp, kind, dropout, training, generator)
    step = GATED[kind]
    return _stack(xp, kind, step, input, hx, params, num_layers, bidirectional, batch_first, drop)


_SHARED = """
    ``input`` has shape (time, n, features), (n, time, features) with ``batch_first``, or (time, features). ``params``
    is a flat list: w_ih, w_hh, b_ih, b_hh of each layer (forwards, then backwards with ``bidirectional``), or without
    the biases. The result is (outputs of the last layer, last states of all layers); states have shape
    (layers · directions, n, hidden), and None begins with zeros. Between layers, elements are dropped with probability
    ``dropout`` while ``training``, by noise from ``generator``.
"""
composite(
    "rnn",
    _rnn,
    public=("nn.functional.rnn",),
    doc=f"""``rnn_cell`` over a sequence, in layers.
{_SHARED}
    >>> out, h = cr.nn.functional.rnn(cr.ones((5, 2)), None, [cr.ones((3, 2)), cr.ones((3, 3))])
    >>> out.shape, h.shape
    ((5, 3), (1, 3))
    """,
)
composite(
    "gru",
    functools.partial(_gated, "gru"),
    public=("nn.functional.gru",),
    doc=f"""``gru_cell`` over a sequence, in layers.
{_SHARED}
    >>> out, h = cr.nn.functional.gru(cr.ones((5, 2)), None, [cr.ones((9, 2)), cr.ones((9, 3))])
    >>> out.shape, h.shape
    ((5, 3), (1, 3))
    """,
)
composite(
    "lstm",
    functools.partial(_gated, "lstm"),
    public=("nn.functional.lstm",),
    doc=f"""``lstm_cell`` over a sequence, in layers; states are pairs (h, c).
{_SHARED}
    >>> out, (h, c) = cr.nn.functional.lstm(cr.ones((5, 2)), None, [cr.ones((12, 2)), cr.ones((12, 3))])
    >>> out.shape, h.shape
    ((5, 3), (1, 3))
    """,
)
