"""Views: what PyTorch lets share memory with the Tensor it was taken from.

Here a view has a value of its own, so a write through it would not reach the whole, nor a write to the whole the view.
A write through a view whose whole somebody can still see is refused rather than lost.
"""

from __future__ import annotations

import functools
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule.box import Box
from chainrule.dialects.torch.storage import Storage
from chainrule.errors import ChainruleError

# Functions and methods whose results PyTorch takes as views.
VIEWS = frozenset((
    "reshape", "flatten", "ravel", "unflatten", "permute", "transpose", "t", "movedim", "moveaxis", "swapaxes",
    "swapdims", "unsqueeze", "squeeze", "broadcast_to", "split", "chunk", "tensor_split", "vsplit", "hsplit", "unbind",
    "diagonal", "view_as_real", "view_as_complex", "view", "view_as", "reshape_as", "expand", "expand_as", "select",
    "narrow",
))  # fmt: skip


class ViewError(ChainruleError, RuntimeError):
    """A write through a view, which would not reach what the view was taken from."""


def mark(whole: Any, view: Any) -> Any:
    """Let ``view`` remember what it was taken from; returns the view."""
    if view is not whole:
        # The whole is known weakly, unless it shares a Storage or is a view itself: then by its root, since an alias,
        # or a view between, may die before its Tensor does.
        view._root = view._origin = getattr(whole, "_root", None) or weakref.ref(whole)
    return view


def viewing(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, whose results remember that they are views."""

    @functools.wraps(function)
    def wrapper(whole: Any, *args: Any, **params: Any) -> Any:
        made = function(whole, *args, **params)
        if not isinstance(whole, Box):
            return made
        for view in made if isinstance(made, (tuple, list)) else (made,):
            value = view._value
            if not isinstance(value, np.ndarray) or value.base is not None:  # otherwise it is a copy
                mark(whole, view)
        return made

    return wrapper


def refuse_view(function: str, tensor: Any) -> None:
    """Raise if ``tensor`` is a view of something that is still to be seen."""
    origin = getattr(tensor, "_origin", None)
    if origin is None:
        return
    if isinstance(origin, Storage):
        seen = any(member.tensor() is not None for member in origin.members)
    else:
        seen = origin() is not None
    if seen:
        raise ViewError(
            f"[{function}] this Tensor is a view, and a write through it does not reach the Tensor it was taken from; "
            f"expected a Tensor of its own; write to the whole by index, x[0] = value, or take a copy with x.clone()."
        )
