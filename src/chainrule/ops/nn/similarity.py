"""How near two points are, and losses made of that."""

from __future__ import annotations

from typing import Any

from chainrule.box import operand_spec
from chainrule.errors import ShapeError
from chainrule.op import composite
from chainrule.operands import reals, reduce_losses, signs
from chainrule.spec import Spec, broadcast_shapes, normalize_axis, shape_of


def _cosine_similarity(xp: Any, x1: Any, x2: Any, axis: int = 1, eps: float = 1e-8) -> Any:
    x1, x2 = reals(xp, "cosine_similarity", x1, x2)
    ndim = len(broadcast_shapes("cosine_similarity", [shape_of(x1), shape_of(x2)]))
    axis = normalize_axis("cosine_similarity", axis, ndim) - ndim
    units = []
    for x in (x1, x2):
        own = operand_spec("cosine_similarity", x).ndim
        at = axis if -axis <= own else None
        length = xp.abs(x) if at is None else xp.vector_norm(x, axis=at, keepdims=True)
        units.append(xp.divide(x, xp.maximum(length, eps)))
    return xp.sum(xp.multiply(*units), axis=axis)


composite(
    "cosine_similarity",
    _cosine_similarity,
    public=("nn.functional.cosine_similarity",),
    doc="""x1 · x2 / (‖x1‖ ‖x2‖) along ``axis``, where a norm below ``eps`` counts as eps; the other axes broadcast.

    >>> cr.nn.functional.cosine_similarity(cr.tensor([[1.0, 0.0]]), cr.tensor([[3.0, 4.0]]))
    tensor([0.6])
    """,
)


def _pairwise_distance(xp: Any, x1: Any, x2: Any, p: float = 2.0, eps: float = 1e-6, keepdims: bool = False) -> Any:
    x1, x2 = reals(xp, "pairwise_distance", x1, x2)
    return xp.vector_norm(xp.add(xp.subtract(x1, x2), eps), ord=p, axis=-1, keepdims=keepdims)


composite(
    "pairwise_distance",
    _pairwise_distance,
    public=("nn.functional.pairwise_distance",),
    doc="""(Σ |x1 − x2 + eps|ᵖ)^(1/p) over the last axis.

    >>> cr.nn.functional.pairwise_distance(cr.tensor([[3.0, 0.0]]), cr.tensor([[0.0, 4.0]]), eps=0.0)
    tensor([5.])
    """,
)


def _triplet_margin_loss(
    xp: Any,
    anchor: Any,
    positive: Any,
    negative: Any,
    margin: float = 1.0,
    p: float = 2.0,
    eps: float = 1e-6,
    swap: bool = False,
    reduction: str = "mean",
) -> Any:
    anchor, positive, negative = reals(xp, "triplet_margin_loss", anchor, positive, negative)
    near = xp.pairwise_distance(anchor, positive, p, eps)
    far = xp.pairwise_distance(anchor, negative, p, eps)
    if swap:
        far = xp.minimum(far, xp.pairwise_distance(positive, negative, p, eps))
    losses = xp.relu(xp.add(xp.subtract(near, far), margin))
    return reduce_losses(xp, "triplet_margin_loss", losses, reduction)


composite(
    "triplet_margin_loss",
    _triplet_margin_loss,
    public=("nn.functional.triplet_margin_loss",),
    doc="""The mean of max(0, d(anchor, positive) − d(anchor, negative) + margin), d being ``pairwise_distance``.

    With ``swap`` the negative's distance is the smaller of those from the anchor and from the positive (Balntas et
    al., Learning shallow convolutional feature descriptors with triplet losses, 2016, section 3.3).

    >>> a, p, n = cr.tensor([[0.0, 0.0]]), cr.tensor([[3.0, 4.0]]), cr.tensor([[0.0, 2.0]])
    >>> cr.nn.functional.triplet_margin_loss(a, p, n, eps=0.0)
    tensor(4.)
    """,
)


def _cosine_embedding_loss(
    xp: Any, input1: Any, input2: Any, target: Any, margin: float = 0.0, reduction: str = "mean"
) -> Any:
    name = "cosine_embedding_loss"
    input1, input2, target = reals(xp, name, input1, input2, target)
    signs(name, target)
    _check_labels(name, *(operand_spec(name, x) for x in (input1, input2, target)))
    cosine = xp.cosine_similarity(input1, input2, axis=-1, eps=1e-6)
    apart = xp.relu(xp.subtract(cosine, margin))
    return reduce_losses(xp, name, xp.where(xp.greater(target, 0), xp.subtract(1, cosine), apart), reduction)


def _check_labels(name: str, input1: Spec, input2: Spec, target: Spec) -> None:
    if input1.shape != input2.shape or not input1.shape or target.shape != input1.shape[:-1]:
        raise ShapeError(
            f"[{name}] input1 has shape {input1.shape}, input2 {input2.shape} and target {target.shape}; expected "
            f"two equal shapes, (n, features) or (features,), and a target of shape (n,) or (); reshape them."
        )


composite(
    "cosine_embedding_loss",
    _cosine_embedding_loss,
    public=("nn.functional.cosine_embedding_loss",),
    doc="""The mean of 1 − cos where the target is 1, and of max(0, cos − margin) where it is −1.

    cos is the cosine similarity of the rows of ``input1`` and ``input2``; norms below 1e-6 count as 1e-6.

    >>> x, y = cr.tensor([[1.0, 0.0], [1.0, 0.0]]), cr.tensor([[3.0, 4.0], [3.0, 4.0]])
    >>> cr.nn.functional.cosine_embedding_loss(x, y, cr.tensor([1, -1]), reduction="none")
    tensor([0.4, 0.6])
    """,
)
