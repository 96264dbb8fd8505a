"""What a Tensor holds in place of its value after it was donated, and the value has become a result."""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.errors import SymbolError
from chainrule.node import SymbolicNode, record
from chainrule.spec import Spec


class Donated(SymbolicNode):
    """The node of a Tensor without a value: whatever it is asked, it raises."""

    __slots__ = ()

    def _refuse(self) -> Any:
        raise SymbolError(
            f"[jit] this Tensor was donated to {self.params['name']}, and its memory holds the result now; expected a "
            f"Tensor that is not used again; use the result, or leave the argument out of donate."
        )

    shape = property(_refuse)  # type: ignore[assignment]  # a slot of Node, which keeps no Spec here
    dtype = property(_refuse)
    spec = property(_refuse)
    ndim = property(_refuse)
    size = property(_refuse)

    def name(self) -> str:
        return self._refuse()


def donated_to(name: str) -> Donated:
    """The node of Tensors that are donated to the function of this name."""
    node: Any = record(None, (), (None,), {"name": name}, Spec((), np.dtype(np.float64)), SymbolicNode)
    node.__class__ = Donated
    return node
