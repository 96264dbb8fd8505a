"""Connectionist temporal classification: how likely a network's outputs over time spell a sequence of labels.

Source: Graves et al., Connectionist temporal classification, 2006, sections 4 and 4.1; here in logarithms. Labels are
interleaved with blanks. α[s], at each time, is the logarithm of the probability that what was spelled so far ends with
the s-th of these.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.box import operand_spec
from chainrule.errors import AxisError, DTypeError, ShapeError
from chainrule.known import value_of
from chainrule.op import composite
from chainrule.operands import reals, reduce_losses, steps

NAME = "ctc_loss"


def _lengths(word: str, given: Any, n: int, least: int, most: int) -> Any:
    lengths = np.asarray(value_of(NAME, given)).reshape(-1)
    if lengths.shape != (n,) or lengths.dtype.kind not in "iu":
        raise ShapeError(
            f"[{NAME}] {word} has {lengths.size} elements of {lengths.dtype}; expected {n} integers, one for each "
            f"sequence of log_probs; check the axis of the batch, the second."
        )
    wrong = (lengths < least) | (lengths > most)
    if np.any(wrong):
        raise AxisError(
            f"[{NAME}] {word} holds {lengths[wrong][0]}; expected lengths from {least} to {most}; check the shapes of "
            f"log_probs and targets."
        )
    return lengths


def _labels(targets: Any, target_lengths: Any, n: int, classes: int, blank: int) -> tuple[Any, Any]:
    """(the labels of each sequence in rows of equal length, their numbers): what is beyond them is blank."""
    labels = np.asarray(value_of(NAME, targets))
    if labels.dtype.kind not in "iu" and labels.size:
        raise DTypeError(
            f"[{NAME}] targets is {labels.dtype}; expected integers, the numbers of classes; "
            f"convert it with astype('int64')."
        )
    joined = labels.ndim == 1 and n != 1
    if labels.ndim not in (1, 2) or (labels.ndim == 2 and len(labels) != n):
        raise ShapeError(
            f"[{NAME}] targets has shape {labels.shape}, and log_probs has {n} sequences; expected ({n}, longest), or "
            f"all labels joined in one axis; reshape targets."
        )
    labels = labels if joined else labels.reshape(n, -1)
    lengths = _lengths("target_lengths", target_lengths, n, 0, labels.shape[-1])
    if joined and lengths.sum() != labels.size:
        raise ShapeError(
            f"[{NAME}] targets joins {labels.size} labels, and target_lengths add up to {lengths.sum()}; expected "
            f"equal numbers; check target_lengths."
        )
    inside = np.arange(lengths.max(initial=0)) < lengths[:, None]
    rows = np.full(inside.shape, blank)
    rows[inside] = labels if joined else labels[:, : inside.shape[1]][inside]
    wrong = inside & ((rows < 0) | (rows >= classes) | (rows == blank))
    if np.any(wrong):
        raise AxisError(
            f"[{NAME}] targets holds {rows[wrong][0]}, with {classes} classes of which {blank} is the blank; expected "
            f"other numbers from 0 to {classes - 1}; number the labels around the blank."
        )
    return rows, lengths


def _alphas(xp: Any, emissions: list[Any], skips: Any, input_lengths: Any) -> Any:
    """α when each sequence ends: the forward recursion (eq. 6 and 7), for all sequences and places at once."""
    shape, dtype = emissions[0].shape, emissions[0].dtype
    edge = np.full((shape[0], 2), -np.inf, dtype)
    alpha = xp.where(np.arange(shape[1]) < 2, emissions[0], -np.inf)
    shortest = input_lengths.min(initial=len(emissions))
    for time, emission in enumerate(emissions[1:], start=1):
        behind = xp.concat([edge, alpha], axis=1)
        moved = xp.getitem(behind, (slice(None), slice(1, -1)))
        skipped = xp.where(skips, xp.getitem(behind, (slice(None), slice(0, -2))), -np.inf)
        after = xp.add(xp.logaddexp(xp.logaddexp(alpha, moved), skipped), emission)
        alpha = after if time < shortest else xp.where((time < input_lengths)[:, None], after, alpha)
    return alpha


def _ctc_loss(
    xp: Any,
    log_probs: Any,
    targets: Any,
    input_lengths: Any,
    target_lengths: Any,
    blank: int = 0,
    reduction: str = "mean",
    zero_infinity: bool = False,
) -> Any:
    (log_probs,) = reals(xp, NAME, log_probs)
    shape = operand_spec(NAME, log_probs).shape
    if len(shape) not in (2, 3) or not shape[0]:
        raise ShapeError(
            f"[{NAME}] log_probs has shape {shape}; expected (time, n, classes) or (time, classes), of at least one "
            f"step; reshape it."
        )
    single = len(shape) == 2
    log_probs = xp.expand_dims(log_probs, axis=1) if single else log_probs
    time, n, classes = log_probs.shape
    if not 0 <= blank < classes:
        raise AxisError(
            f"[{NAME}] blank is {blank}, and log_probs has {classes} classes; expected a number from 0 to "
            f"{classes - 1}; say which class is the blank."
        )
    input_lengths = _lengths("input_lengths", input_lengths, n, 1, time)
    labels, lengths = _labels(targets, target_lengths, n, classes, blank)
    spelled = np.full((n, 2 * labels.shape[1] + 1), blank)
    spelled[:, 1::2] = labels
    skips = np.zeros(spelled.shape, bool)  # from a label to a different one, over the blank between
    skips[:, 2:] = (spelled[:, 2:] != blank) & (spelled[:, 2:] != spelled[:, :-2])
    rows = np.arange(n)
    emissions = xp.getitem(log_probs, (np.arange(time)[:, None, None], rows[:, None], spelled))
    alpha = _alphas(xp, steps(xp, emissions), skips, input_lengths)
    on_blank = xp.getitem(alpha, (rows, 2 * lengths))
    on_label = xp.where(lengths > 0, xp.getitem(alpha, (rows, np.maximum(2 * lengths - 1, 0))), -np.inf)
    losses = xp.negative(xp.logaddexp(on_blank, on_label))
    losses = xp.where(xp.equal(losses, np.inf), 0, losses) if zero_infinity else losses
    if reduction == "mean":
        losses = xp.divide(losses, np.maximum(lengths, 1).astype(losses.dtype))
    losses = xp.reshape(losses, ()) if single else losses
    return reduce_losses(xp, NAME, losses, reduction)


composite(
    NAME,
    _ctc_loss,
    public=(f"nn.functional.{NAME}",),
    doc="""The mean of −log p(targets), each divided by its number of labels: the sum over all ways to spell them.

    ``log_probs`` holds logarithms of probabilities, of shape (time, n, classes) or (time, classes); a way to spell
    labels repeats each any number of times, with any number of class ``blank`` between. ``targets`` has shape
    (n, longest), or joins all labels in one axis. Labels that a sequence is too short for have the loss ∞, or 0 with
    ``zero_infinity``, and the derivative 0. The sum, and each loss, is not divided by the number of labels.

    >>> log_probs = cr.log(cr.tensor([[0.5, 0.5], [0.25, 0.75]]))
    >>> cr.nn.functional.ctc_loss(log_probs, np.array([1]), 2, 1, reduction="sum")  # −log(1 − 0.5 · 0.25)
    tensor(0.13353139)
    """,
)
