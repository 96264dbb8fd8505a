"""Why an op is called back in Python, where it is: what ``explain`` says of it."""

from __future__ import annotations

from collections.abc import Iterable

from chainrule.native.listing import LOWERINGS
from chainrule.op import REGISTRY

# Ops on whole arrays.
ON_HOST = {
    "a transform of SciPy's": "fft fftn ifft ifftn irfft rfft",
    "a function of SciPy's with several outputs": "airy_stack ellipj_stack",
    "the order of what is not asked for is NumPy's own": "partition argpartition",
    "an iteration of LAPACK, or several calls of it": """aligned_eigh spectral left_vectors cofactor cofactor_change
        matrix_rank constant_rank expm logm sqrtm solve_sylvester roots""",
    "it raises where a derivative does not exist": "gauge_quotient",
    "a product of masks": "convolution convolution_input convolution_weight",
}
_KNOWN = {name: reason for reason, names in ON_HOST.items() for name in names.split()}


def reason(name: str) -> str:
    """Why this op is called back."""
    op = REGISTRY.get(name)
    if name in _KNOWN:
        return _KNOWN[name]
    if op is None or op.kind == "program":
        return "a part of the graph that is run by NumPy"
    if op.emit is not None or name in LOWERINGS:
        return "there is machine code of it, but not for these shapes, dtypes and parameters"
    if op.kind == "elementwise":
        return "NumPy or SciPy computes it in several steps"
    return "there is no machine code of it"


def with_reasons(names: Iterable[str]) -> str:
    """The names, those with the same reason together."""
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(reason(name), []).append(name)
    return "; ".join(f"{', '.join(group)} ({why})" for why, group in groups.items())
