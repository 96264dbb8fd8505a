"""chainrule: automatic differentiation in Python. One graph, one rule per op."""

from chainrule import fft, linalg, nn, passes, protocols, random, special, stats
from chainrule.associative import associative_scan
from chainrule.bound import bind
from chainrule.branches import cond, switch
from chainrule.config import enable_grad, is_grad_enabled, no_grad, set_grad_enabled
from chainrule.control import fori_loop, map, scan, while_loop
from chainrule.coverage import coverage
from chainrule.creation import (
    arange,
    asarray,
    empty,
    empty_like,
    eye,
    from_dlpack,
    full,
    full_like,
    linspace,
    ones,
    ones_like,
    tensor,
    zeros,
    zeros_like,
)
from chainrule.custom import custom_rule
from chainrule.dtypes import API_VERSIONS as _versions
from chainrule.dtypes import (
    __array_namespace_info__,
    bool,
    broadcast_shapes,
    can_cast,
    complex64,
    complex128,
    e,
    finfo,
    float32,
    float64,
    iinfo,
    inf,
    int8,
    int16,
    int32,
    int64,
    isdtype,
    nan,
    newaxis,
    pi,
    result_type,
    uint8,
    uint16,
    uint32,
    uint64,
)
from chainrule.errors import (
    AxisError,
    ChainruleError,
    DomainError,
    DTypeError,
    ExpressionError,
    GradientError,
    GraphFileError,
    MatrixError,
    MatrixShapeError,
    RangeError,
    ShapeError,
    SymbolError,
)
from chainrule.graph import source as _source
from chainrule.graph import store as _store
from chainrule.graph.function import Function
from chainrule.graph.gradients import gradients
from chainrule.graph.graph import Graph
from chainrule.jacobians import hessian, hvp, jacobian
from chainrule.jit import jit
from chainrule.native.threads.threads import get_num_threads, set_num_threads
from chainrule.ops import public as _public
from chainrule.recompute import checkpoint
from chainrule.series import taylor
from chainrule.spec import Spec
from chainrule.substitution import substitute
from chainrule.symbolic import function, state, symbol
from chainrule.tensor import Tensor
from chainrule.trace import trace
from chainrule.transforms import grad, jvp, linearize, stop_gradient, value_and_grad, vjp
from chainrule.transposition import linear_transpose
from chainrule.unknown import UnknownError
from chainrule.vectorize import all_gather, axis_index, per_sample, pmax, pmean, pmin, psum, vmap

__version__ = "0.1.0"
__array_api_version__ = _versions[-1]
globals().update(_public())

_DOORS = ("fft", "linalg", "nn", "passes", "random", "special", "stats", "testing", "torch")


def __dir__() -> list[str]:
    """What is for users: functions, classes, constants, and the modules that hold more of them."""
    return sorted(
        name
        for name, what in globals().items()
        if not name.startswith("_") and (type(what).__name__ != "module" or name in _DOORS)
    )
