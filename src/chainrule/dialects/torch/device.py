"""Where Tensors live."""

from __future__ import annotations

from typing import Any

from chainrule.errors import DTypeError


class device:
    """Where a Tensor lives: the CPU, the only place there is.

    >>> import chainrule.torch as torch
    >>> torch.ones(2).device
    device(type='cpu')
    """

    __slots__ = ("index", "type")

    def __init__(self, type: Any = "cpu", index: int | None = None):
        name = str(type)
        if name.partition(":")[0] != "cpu":
            raise DTypeError(f"[device] {name!r} is not here; expected 'cpu', the only device; leave device out.")
        self.type = "cpu"
        self.index = index

    def __eq__(self, other: object) -> bool:
        return isinstance(other, device) and other.type == self.type

    def __hash__(self) -> int:
        return hash(self.type)

    def __str__(self) -> str:
        return self.type

    def __repr__(self) -> str:
        return f"device(type='{self.type}')"


CPU = device()
