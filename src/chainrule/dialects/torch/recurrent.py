"""Recurrent layers in PyTorch's spelling: ``torch.lstm`` and its like, and their cells."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from chainrule.dialects.torch.activations import Noise
from chainrule.ops import ops


def rnn_tanh_cell(input: Any, hx: Any, w_ih: Any, w_hh: Any, b_ih: Any = None, b_hh: Any = None) -> Any:
    """tanh(w_ih x + b_ih + w_hh h + b_hh)."""
    return ops.rnn_cell(input, hx, w_ih, w_hh, b_ih, b_hh)


def rnn_relu_cell(input: Any, hx: Any, w_ih: Any, w_hh: Any, b_ih: Any = None, b_hh: Any = None) -> Any:
    """max(0, w_ih x + b_ih + w_hh h + b_hh)."""
    return ops.rnn_cell(input, hx, w_ih, w_hh, b_ih, b_hh, "relu")


def gru_cell(input: Any, hx: Any, w_ih: Any, w_hh: Any, b_ih: Any = None, b_hh: Any = None) -> Any:
    """One step of a gated recurrent unit."""
    return ops.gru_cell(input, hx, w_ih, w_hh, b_ih, b_hh)


def lstm_cell(input: Any, hx: Sequence[Any], w_ih: Any, w_hh: Any, b_ih: Any = None, b_hh: Any = None) -> Any:
    """(h, c) after one step of a long short-term memory."""
    return ops.lstm_cell(input, hx, w_ih, w_hh, b_ih, b_hh)


def _options(num_layers: int, dropout: float, train: bool, bidirectional: bool, batch_first: bool) -> dict[str, Any]:
    return {
        "num_layers": num_layers,
        "bidirectional": bidirectional,
        "batch_first": batch_first,
        "dropout": dropout,
        "training": train,
        "generator": Noise(),
    }


def rnn_tanh(
    input: Any,
    hx: Any,
    params: Sequence[Any],
    has_biases: bool,
    num_layers: int,
    dropout: float,
    train: bool,
    bidirectional: bool,
    batch_first: bool,
) -> Any:
    """(outputs, last states) of layers of :func:`rnn_tanh_cell` over a sequence."""
    del has_biases  # the number of params tells
    return ops.rnn(input, hx, params, **_options(num_layers, dropout, train, bidirectional, batch_first))


def rnn_relu(
    input: Any,
    hx: Any,
    params: Sequence[Any],
    has_biases: bool,
    num_layers: int,
    dropout: float,
    train: bool,
    bidirectional: bool,
    batch_first: bool,
) -> Any:
    """(outputs, last states) of layers of :func:`rnn_relu_cell` over a sequence."""
    del has_biases
    return ops.rnn(input, hx, params, "relu", **_options(num_layers, dropout, train, bidirectional, batch_first))


def gru(
    input: Any,
    hx: Any,
    params: Sequence[Any],
    has_biases: bool,
    num_layers: int,
    dropout: float,
    train: bool,
    bidirectional: bool,
    batch_first: bool,
) -> Any:
    """(outputs, last states) of layers of :func:`gru_cell` over a sequence."""
    del has_biases
    return ops.gru(input, hx, params, **_options(num_layers, dropout, train, bidirectional, batch_first))


def lstm(
    input: Any,
    hx: Sequence[Any],
    params: Sequence[Any],
    has_biases: bool,
    num_layers: int,
    dropout: float,
    train: bool,
    bidirectional: bool,
    batch_first: bool,
) -> Any:
    """(outputs, last h, last c) of layers of :func:`lstm_cell` over a sequence."""
    del has_biases
    options = _options(num_layers, dropout, train, bidirectional, batch_first)
    outputs, (h, c) = ops.lstm(input, hx, params, **options)
    return outputs, h, c


FUNCTIONS = {f.__name__: f for f in (rnn_tanh_cell, rnn_relu_cell, gru_cell, lstm_cell, rnn_tanh, rnn_relu, gru, lstm)}
