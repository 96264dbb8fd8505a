"""How the operands and outputs of a scan follow each other: constants, carries, sequences; carries, sequences."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from chainrule.graph.body import Body, is_floating
from chainrule.spec import Spec

Arrays = Sequence[Any]


class Layout:
    """How the operands and outputs of a scan follow each other."""

    def __init__(self, body: Body, consts: int, carries: int):
        self.body, self.consts, self.carries = body, consts, carries
        self.inputs = [node.spec for node in body.inputs]
        self.outputs = body.specs
        self.first_x = consts + carries

    def split(self, operands: Arrays) -> tuple[list[Any], list[Any], list[Any]]:
        """Constants, carries, sequences."""
        return list(operands[: self.consts]), list(operands[self.consts : self.first_x]), list(operands[self.first_x :])

    @property
    def carry_specs(self) -> list[Spec]:
        return self.inputs[self.consts : self.first_x]

    @property
    def floating(self) -> list[int]:
        """The carries that have cotangents."""
        return [i for i, spec in enumerate(self.carry_specs) if is_floating(spec)]


def zeros_of(spec: Any) -> Any:
    """The array of zeros of this Spec."""
    return np.zeros(spec.shape, spec.dtype)[()]
