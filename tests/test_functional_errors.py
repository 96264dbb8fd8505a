"""What the functions of networks say when they are called wrongly: one row a message."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from messages import assert_message

import chainrule as cr
from chainrule.errors import AxisError, DomainError, DTypeError, ShapeError, SymbolError

F = cr.nn.functional
x, v, y = cr.ones((2, 3)), cr.ones(3), np.array([0, 1])
# A weight whose features are as many as those of x, for each kind of cell with two hidden numbers.
W6, W8, U6, U8 = (cr.ones((n, k)) for k in (3, 2) for n in (6, 8))
attend, s = F.scaled_dot_product_attention, cr.symbol(shape=(2, 3))
ROWS: list[tuple[type[Exception], str, Callable[[], Any]]] = [
    (
        DTypeError,
        "[silu] an operand is complex128, and complex numbers have no order; expected real numbers; use its real "
        "or imaginary part, or abs(x).",
        lambda: F.silu(cr.ones(2) * 1j),
    ),
    (
        DTypeError,
        "[elu] an operand is complex128, and complex numbers have no order; expected real numbers; use its real or"
        " imaginary part, or abs(x).",
        lambda: F.elu(x, 1j),
    ),
    (
        DTypeError,
        "[hardtanh] an operand is complex128, and complex numbers have no order; expected real numbers; use its "
        "real or imaginary part, or abs(x).",
        lambda: F.hardtanh(cr.ones(2) * 1j),
    ),
    (
        DomainError,
        "[gelu] approximate is 'fast'; expected 'none' or 'tanh'; choose one of these.",
        lambda: F.gelu(x, approximate="fast"),
    ),
    (
        ShapeError,
        "[prelu] weight has shape (2,), and the operand of shape (2, 3) has 3 channels; expected one slope, or one"
        " for each channel, the axis 1; reshape the weight.",
        lambda: F.prelu(x, cr.ones(2)),
    ),
    (
        ShapeError,
        "[glu] the operand of shape (3,) has size 3 along axis 0; expected an even size, as one half is the gate "
        "of the other; choose another axis.",
        lambda: F.glu(v),
    ),
    (
        ShapeError,
        "[mse_loss] target has shape (3,) and input (2, 3); expected equal shapes; reshape one of them, or write "
        "broadcast_to(x, shape) if it is meant to repeat.",
        lambda: F.mse_loss(x, v),
    ),
    (
        DomainError,
        "[mse_loss] reduction is 'avg'; expected 'mean', 'sum' or 'none'; choose one of these.",
        lambda: F.mse_loss(x, x, reduction="avg"),
    ),
    (
        DTypeError,
        "[mse_loss] an operand is complex128, and complex numbers have no order; expected real numbers; use its "
        "real or imaginary part, or abs(x).",
        lambda: F.mse_loss(x * 1j, x),
    ),
    (
        DomainError,
        "[huber_loss] delta is 0.0; expected a positive number; write e.g. delta=1.0.",
        lambda: F.huber_loss(x, x, delta=0.0),
    ),
    (
        DomainError,
        "[smooth_l1_loss] beta is -1.0; expected 0 or more; write e.g. beta=1.0.",
        lambda: F.smooth_l1_loss(x, x, beta=-1.0),
    ),
    (
        DomainError,
        "[kl_div] reduction is 'avg'; expected 'batchmean', 'mean', 'sum' or 'none'; choose one of these.",
        lambda: F.kl_div(x, x, reduction="avg"),
    ),
    (
        ShapeError,
        "[gaussian_nll_loss] var has shape (5,) and input (2, 3); expected the shape of input, that without its "
        "last axis, or one number; reshape var.",
        lambda: F.gaussian_nll_loss(x, x, cr.ones(5)),
    ),
    (
        DomainError,
        "[gaussian_nll_loss] var holds -1; expected variances, which are not negative; write exp(x) or softplus(x)"
        " for a network's output x.",
        lambda: F.gaussian_nll_loss(x, x, -x),
    ),
    (
        DomainError,
        "[binary_cross_entropy] input holds 2; expected probabilities, from 0 to 1; use "
        "binary_cross_entropy_with_logits for a network's output before the sigmoid.",
        lambda: F.binary_cross_entropy(2 * x, x),
    ),
    (
        DomainError,
        "[soft_margin_loss] target holds 0; expected labels 1 and −1; write 2 * target - 1 for labels 1 and 0.",
        lambda: F.soft_margin_loss(v, cr.tensor([0, 1, 1])),
    ),
    (
        ShapeError,
        "[cosine_embedding_loss] input1 has shape (2, 3), input2 (2, 3) and target (3,); expected two equal "
        "shapes, (n, features) or (features,), and a target of shape (n,) or (); reshape them.",
        lambda: F.cosine_embedding_loss(x, x, cr.ones(3)),
    ),
    (
        AxisError,
        "[cross_entropy] target holds 3, and there are 3 classes; expected numbers from 0 to 2; number the classes"
        " from 0, or give more of them.",
        lambda: F.cross_entropy(x, np.array([0, 3])),
    ),
    (
        AxisError,
        "[cross_entropy] target holds -1, and there are 3 classes; expected numbers from 0 to 2; number the "
        "classes from 0, or give more of them.",
        lambda: F.cross_entropy(x, np.array([0, -1])),
    ),
    (
        DTypeError,
        "[cross_entropy] target is bool; expected integers, each the number of a class; convert it with "
        "astype('int64').",
        lambda: F.cross_entropy(x, np.array([True, False])),
    ),
    (
        ShapeError,
        "[cross_entropy] target has shape (3,), and input (2, 3) has 3 classes along axis 1; expected a target of "
        "shape (2,), one number for each sample; reshape the target.",
        lambda: F.cross_entropy(x, np.array([0, 1, 2])),
    ),
    (
        ShapeError,
        "[cross_entropy] target has shape (3,) and input (2, 3); expected equal shapes; reshape one of them, or "
        "write broadcast_to(x, shape) if it is meant to repeat.",
        lambda: F.cross_entropy(x, v),
    ),
    (
        ShapeError,
        "[cross_entropy] weight has shape (2,), and input has 3 classes; expected shape (3,), one weight for each "
        "class; reshape the weight.",
        lambda: F.cross_entropy(x, y, weight=cr.ones(2)),
    ),
    (
        DomainError,
        "[cross_entropy] reduction is 'batchmean'; expected 'mean', 'sum' or 'none'; choose one of these.",
        lambda: F.cross_entropy(x, y, reduction="batchmean"),
    ),
    (
        DomainError,
        "[cross_entropy] label_smoothing is 2; expected a share from 0 to 1; write e.g. 0.1.",
        lambda: F.cross_entropy(x, y, label_smoothing=2),
    ),
    (
        ShapeError,
        "[cross_entropy] input is 0-d, without axes; expected the scores of classes, of shape (classes,) or (n, "
        "classes); write reshape(x, (1, -1)).",
        lambda: F.cross_entropy(1.0, y),
    ),
    (
        DTypeError,
        "[nll_loss] target is float64; expected integers, each the number of a class; convert it with astype('int64').",
        lambda: F.nll_loss(x, cr.ones(2)),
    ),
    (
        DomainError,
        "[multi_margin_loss] p is 3; expected 1 or 2; choose one of these powers.",
        lambda: F.multi_margin_loss(x, y, p=3),
    ),
    (
        ShapeError,
        "[multi_margin_loss] input has shape (2, 3, 1); expected (classes,) or (n, classes); reshape it to two axes.",
        lambda: F.multi_margin_loss(cr.ones((2, 3, 1)), y),
    ),
    (
        ShapeError,
        "[linear] input of shape (2, 3) has 3 features, its last axis, and weight of shape (4, 2) takes 2; "
        "expected equal numbers of features; transpose the weight, or reshape the input.",
        lambda: F.linear(x, cr.ones((4, 2))),
    ),
    (
        ShapeError,
        "[linear] input of shape () has no axis of features, and weight of shape (2, 3) takes 3; expected equal "
        "numbers of features; transpose the weight, or reshape the input.",
        lambda: F.linear(1.0, x),
    ),
    (
        ShapeError,
        "[linear] input of shape (2, 3) has 3 features, its last axis, and weight of shape (4, 2, 3) has no shape "
        "(outputs, features) or (features,); expected equal numbers of features; transpose the weight, or reshape "
        "the input.",
        lambda: F.linear(x, cr.ones((4, 2, 3))),
    ),
    (
        ShapeError,
        "[bilinear] input1 has shape (2, 3), input2 (2, 3) and weight (4, 3, 2); expected (…, m), (…, n) and "
        "(outputs, m, n); transpose the weight, or reshape the inputs.",
        lambda: F.bilinear(x, x, cr.ones((4, 3, 2))),
    ),
    (
        AxisError,
        "[one_hot] the operand holds 5, and there are 3 classes; expected numbers from 0 to 2; number the classes "
        "from 0, or give more of them.",
        lambda: F.one_hot(np.array([0, 5]), 3),
    ),
    (
        AxisError,
        "[one_hot] the operand holds -1, and there are 3 classes; expected numbers from 0 to 2; number the classes"
        " from 0, or give more of them.",
        lambda: F.one_hot(np.array([-1, 2])),
    ),
    (
        ShapeError,
        "[one_hot] the operand of shape (0,) has no elements to count classes from; expected at least one; give "
        "num_classes.",
        lambda: F.one_hot(np.zeros(0, int)),
    ),
    (
        DTypeError,
        "[one_hot] the operand is float64; expected integers, each the number of a class; convert it with "
        "astype('int64').",
        lambda: F.one_hot(v),
    ),
    (
        SymbolError,
        "[one_hot] an operand is symbolic (int64[2]), and the shape of the result depends on its values; expected "
        "a Tensor with a value; call it outside of the symbolic function.",
        lambda: F.one_hot(cr.symbol(shape=(2,), dtype="int64")),
    ),
    (
        ShapeError,
        "[embedding] weight has shape (3,); expected (rows, features); reshape it to two axes.",
        lambda: F.embedding(y, v),
    ),
    (
        DTypeError,
        "[embedding] input is float64; expected integers, the numbers of rows of the weight; convert it with "
        "astype('int64'), and mind the order: embedding(input, weight).",
        lambda: F.embedding(v, x),
    ),
    (
        AxisError,
        "[embedding] input holds 2, and the weight has 2 rows; expected numbers from 0 to 1; give the weight more "
        "rows.",
        lambda: F.embedding(np.array([2, 0]), x),
    ),
    (
        AxisError,
        "[embedding] padding_idx is 2, and the weight has 2 rows; expected a number from -2 to 1; name one of its "
        "rows.",
        lambda: F.embedding(y, x, padding_idx=2),
    ),
    (
        ShapeError,
        "[embedding_bag] input has shape (2,), and offsets are missing; expected (bags, elements) without offsets,"
        " or (elements,) with the offset of each bag.",
        lambda: F.embedding_bag(y, x),
    ),
    (
        AxisError,
        "[embedding_bag] offsets are [1] for 2 elements; expected integers from 0, which do not decrease, to at "
        "most 2; give the position where each bag begins.",
        lambda: F.embedding_bag(y, x, np.array([1])),
    ),
    (
        DomainError,
        "[embedding_bag] mode is 'min'; expected 'mean', 'sum' or 'max'; choose one of these.",
        lambda: F.embedding_bag(y[None], x, mode="min"),
    ),
    (
        DTypeError,
        "[embedding_bag] per_sample_weights were given with mode 'mean'; expected mode='sum'; change it.",
        lambda: F.embedding_bag(y[None], x, per_sample_weights=cr.ones((1, 2))),
    ),
    (
        ShapeError,
        "[embedding_bag] per_sample_weights has shape (2,) and input (1, 2); expected equal shapes; reshape the "
        "weights.",
        lambda: F.embedding_bag(y[None], x, mode="sum", per_sample_weights=cr.ones(2)),
    ),
    (
        DomainError,
        "[dropout] p is 1.5; expected a probability from 0 to 1; write e.g. p=0.5.",
        lambda: F.dropout(x, p=1.5),
    ),
    (
        SymbolError,
        "[dropout] the operand is symbolic, and noise drawn now would be the same in every evaluation; expected an"
        " operand with a value; give the noise as a symbol of its own: x * mask.",
        lambda: F.dropout(cr.symbol(shape=(2,))),
    ),
    (
        ShapeError,
        "[dropout2d] the operand has shape (2, 3); expected (n, channels, height, width); give the axes of a batch"
        " and of channels, or use dropout.",
        lambda: F.dropout2d(x),
    ),
    (
        ShapeError,
        "[scaled_dot_product_attention] query has shape (2, 3), key (4, 2) and value (2, 3); expected (…, queries,"
        " features), (…, keys, features) and (…, keys, outputs); transpose or reshape them.",
        lambda: attend(x, cr.ones((4, 2)), x),
    ),
    (
        DTypeError,
        "[scaled_dot_product_attention] attn_mask is int64; expected booleans, True where a query may look, or "
        "floating numbers that are added to the scores; write mask != 0.",
        lambda: attend(x, x, x, np.ones((2, 2), int)),
    ),
    (
        DTypeError,
        "[scaled_dot_product_attention] attn_mask and is_causal were both given; expected one of them; combine "
        "them into one mask.",
        lambda: attend(x, x, x, np.ones((2, 2), bool), is_causal=True),
    ),
    (
        ShapeError,
        "[scaled_dot_product_attention] query has shape (2, 3) and key or value (2, 3); enable_gqa expected (…, "
        "heads, n, features), with a number of query heads that the other's divides; reshape them.",
        lambda: attend(x, x, x, enable_gqa=True),
    ),
    (
        ShapeError,
        "[scaled_dot_product_attention] attn_mask has shape (2, 3), and the scores (2, 2); expected a shape that "
        "broadcasts to (…, queries, keys); reshape the mask.",
        lambda: attend(x, x, x, np.ones((2, 3), bool)),
    ),
    (
        ShapeError,
        "[rnn_cell] the input has 3 features, and the weights have shapes (4, 2), (4, 4); expected (hidden, "
        "features), (hidden, hidden); transpose the weights, or reshape the input.",
        lambda: F.rnn_cell(x, None, cr.ones((4, 2)), cr.ones((4, 4))),
    ),
    (
        DomainError,
        "[rnn_cell] nonlinearity is 'sigmoid'; expected 'tanh' or 'relu'; choose one of these.",
        lambda: F.rnn_cell(x, None, cr.ones((4, 3)), cr.ones((4, 4)), nonlinearity="sigmoid"),
    ),
    (
        ShapeError,
        "[gru_cell] the state has shape (2, 3); expected (2, 2), by the input and the weights; reshape it, or "
        "leave it out to begin with zeros.",
        lambda: F.gru_cell(x, x, W6, U6),
    ),
    (
        DTypeError,
        "[lstm_cell] one of b_ih and b_hh is missing; expected both or none; give zeros for the other.",
        lambda: F.lstm_cell(x, None, W8, U8, cr.ones(8)),
    ),
    (
        ShapeError,
        "[gru_cell] input has shape (1, 2, 3); expected (features,) or (n, features); use gru for a sequence.",
        lambda: F.gru_cell(cr.ones((1, 2, 3)), None, W6, U6),
    ),
    (
        ShapeError,
        "[lstm] 1 weights were given for 1 layers and directions; expected 4 (w_ih, w_hh, b_ih, b_hh of each), or "
        "2 without biases; check num_layers and bidirectional.",
        lambda: F.lstm(x, None, [W8]),
    ),
    (
        ShapeError,
        "[gru] input has shape (0, 3); expected (time, features), (time, n, features), or with batch_first (n, "
        "time, features), of at least one step; reshape it.",
        lambda: F.gru(cr.ones((0, 3)), None, [W6, U6]),
    ),
    (
        ShapeError,
        "[gru] the state has shape (2, 3); expected (1, 2), by the input and the weights; reshape it, or leave it "
        "out to begin with zeros.",
        lambda: F.gru(x, x, [W6, U6, cr.ones(6), cr.ones(6)]),
    ),
    (
        ShapeError,
        "[gru] the input has 3 features, and the weights have shapes (6, 3), (6, 2) and biases (6,), (5,); "
        "expected (3·hidden, features), (3·hidden, hidden) and (3·hidden,) twice; transpose the weights, or "
        "reshape the input.",
        lambda: F.gru(x, None, [W6, U6, cr.ones(6), cr.ones(5)]),
    ),
    (
        ShapeError,
        "[logcumsumexp] the operand is 0-d, without axes; expected at least one axis; write reshape(x, 1).",
        lambda: F.logcumsumexp(cr.tensor(1.0)),
    ),
    (
        DTypeError,
        "[logcumsumexp] an operand is complex128, and complex numbers have no order; expected real numbers; use "
        "its real or imaginary part, or abs(x).",
        lambda: F.logcumsumexp(v * 1j),
    ),
    (
        ShapeError,
        "[ctc_loss] log_probs has shape (3,); expected (time, n, classes) or (time, classes), of at least one "
        "step; reshape it.",
        lambda: F.ctc_loss(v, y, 2, 1),
    ),
    (
        AxisError,
        "[ctc_loss] input_lengths holds 3; expected lengths from 1 to 2; check the shapes of log_probs and targets.",
        lambda: F.ctc_loss(x, y, 3, 2),
    ),
    (
        AxisError,
        "[ctc_loss] targets holds 0, with 3 classes of which 0 is the blank; expected other numbers from 0 to 2; "
        "number the labels around the blank.",
        lambda: F.ctc_loss(x, y, 2, 2),
    ),
    (
        AxisError,
        "[ctc_loss] targets holds 4, with 3 classes of which 0 is the blank; expected other numbers from 0 to 2; "
        "number the labels around the blank.",
        lambda: F.ctc_loss(x, np.array([1, 4]), 2, 2),
    ),
    (
        DTypeError,
        "[ctc_loss] targets is float64; expected integers, the numbers of classes; convert it with astype('int64').",
        lambda: F.ctc_loss(x, np.array([1.0, 2.0]), 2, 2),
    ),
    (
        ShapeError,
        "[ctc_loss] targets has shape (2, 2), and log_probs has 1 sequences; expected (1, longest), or all labels "
        "joined in one axis; reshape targets.",
        lambda: F.ctc_loss(x, np.ones((2, 2), int), 2, 2),
    ),
    (
        ShapeError,
        "[ctc_loss] targets joins 2 labels, and target_lengths add up to 3; expected equal numbers; check "
        "target_lengths.",
        lambda: F.ctc_loss(cr.ones((2, 2, 3)), y, np.array([2, 2]), np.array([1, 2])),
    ),
    (
        ShapeError,
        "[ctc_loss] input_lengths has 1 elements of int64; expected 2 integers, one for each sequence of "
        "log_probs; check the axis of the batch, the second.",
        lambda: F.ctc_loss(cr.ones((2, 2, 3)), y, np.array([2]), np.array([1, 1])),
    ),
    (
        AxisError,
        "[ctc_loss] blank is 3, and log_probs has 3 classes; expected a number from 0 to 2; say which class is the"
        " blank.",
        lambda: F.ctc_loss(x, y, 2, 2, blank=3),
    ),
    (
        DTypeError,
        "[softplus] an operand is complex128, and complex numbers have no order; expected real numbers; use its "
        "real or imaginary part, or abs(x).",
        lambda: F.softplus(x * 1j),
    ),
    (
        ShapeError,
        "[binary_cross_entropy_with_logits] target has shape (3,) and input (2, 3); expected equal shapes; reshape"
        " one of them, or write broadcast_to(x, shape) if it is meant to repeat.",
        lambda: F.binary_cross_entropy_with_logits(x, v),
    ),
]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[1].split("]")[0][1:])
def test_message(row):
    assert_message(*row)
