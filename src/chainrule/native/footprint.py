"""What memory a program takes: for its results, and between them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from chainrule.native.nests.arena import Place
from chainrule.native.program import Program
from chainrule.spec import Spec


@dataclass(frozen=True)
class Footprint:
    """Bytes that a program takes; as text when printed.

    ``arrays`` are those in the arena, in the order in which they are made: ``name``, ``shape``, ``dtype``, ``offset``,
    ``bytes``, and ``over``, the name of the array that was there, where it is overwritten number by number. ``wanted``
    is the arena if nothing were used again, ``over`` the pairs (output, input) that may share memory if donated.
    """

    inputs: int
    outputs: int
    constants: int
    arena: int
    wanted: int
    over: tuple[tuple[int, int], ...]
    arrays: tuple[Place, ...]

    @property
    def peak(self) -> int:
        """The bytes of a call beside its inputs and constants: outputs and arena."""
        return self.outputs + self.arena

    def __str__(self) -> str:
        lines = [
            f"inputs {self.inputs} B, outputs {self.outputs} B, constants {self.constants} B",
            f"arena {self.arena} B; {self.wanted} B if nothing were used again",
        ]
        for place in self.arrays:
            over = f", over {place.over}" if place.over else ""
            spec = f"{place.dtype}[{', '.join(map(str, place.shape))}]"
            lines.append(f"  {place.offset:>8}: {place.name} {spec}, {place.bytes} B{over}")
        lines += [f"output {output} may be written over input {given}, if donated" for output, given in self.over]
        return "\n".join(lines)

    __repr__ = __str__


def footprint(program: Program) -> Footprint:
    """What memory a program takes.

    >>> x = cr.symbol("x", shape=(100,))
    >>> y = cr.cumsum(cr.cumsum(cr.exp(x)))
    >>> cr.native.compile((y / cr.sum(y) + x).graph()).memory()
    inputs 800 B, outputs 800 B, constants 0 B
    arena 1664 B; 2496 B if nothing were used again
             0: exp float64[100], 832 B
           832: cumsum float64[100], 832 B
             0: cumsum float64[100], 832 B
    output 0 may be written over input 0, if donated
    """
    given, made = _bytes(program.inputs), _bytes(program.outputs)
    if not hasattr(program.owner, "code"):  # it is run by NumPy
        return Footprint(given, made, 0, 0, 0, (), ())
    arena = program.owner.lowering.arena
    constants = sum(x.nbytes for x in program.owner.data.values())
    return Footprint(given, made, constants, program.arena, arena.wanted, program.over, tuple(arena.log))


def _bytes(specs: Iterable[Spec]) -> int:
    return sum(spec.size * spec.dtype.itemsize for spec in specs)
