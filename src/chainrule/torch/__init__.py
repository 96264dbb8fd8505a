"""PyTorch's names, defaults, printing and errors on chainrule's graph: ``import chainrule.torch as torch``."""

import math
from typing import Any

import numpy as np

from chainrule.config import enable_grad as enable_grad
from chainrule.config import is_grad_enabled as is_grad_enabled
from chainrule.config import no_grad as no_grad
from chainrule.config import set_grad_enabled as set_grad_enabled
from chainrule.dialects.torch import creation, dtypes, methods, recurrent
from chainrule.dialects.torch.creation import Generator as Generator
from chainrule.dialects.torch.creation import default_generator as default_generator
from chainrule.dialects.torch.device import device as device
from chainrule.dialects.torch.dtypes import Size as Size
from chainrule.dialects.torch.dtypes import dtype as dtype
from chainrule.dialects.torch.dtypes import get_default_dtype as get_default_dtype
from chainrule.dialects.torch.dtypes import set_default_dtype as set_default_dtype
from chainrule.dialects.torch.printing import get_printoptions as get_printoptions
from chainrule.dialects.torch.printing import printoptions as printoptions
from chainrule.dialects.torch.printing import set_printoptions as set_printoptions
from chainrule.dialects.torch.tensor import Tensor as Tensor
from chainrule.torch import autograd as autograd
from chainrule.torch import linalg as linalg
from chainrule.torch import nn as nn
from chainrule.torch import random as random

inference_mode = no_grad
pi, e, inf, nan = math.pi, math.e, math.inf, math.nan
newaxis = None


def is_tensor(obj: Any) -> bool:
    """Whether ``obj`` is a Tensor."""
    return isinstance(obj, Tensor)


def numel(input: Tensor) -> int:
    """The number of elements."""
    return input.numel()


def is_floating_point(input: Tensor) -> bool:
    """Whether the elements are real floating-point numbers."""
    return input.is_floating_point()


def is_complex(input: Tensor) -> bool:
    """Whether the elements are complex numbers."""
    return input.is_complex()


def result_type(tensor1: Any, tensor2: Any) -> dtype:
    """The dtype of arithmetic on these two."""
    return dtypes.of(
        dtypes.result_dtype(
            tuple(x.__class__ if not isinstance(x, Tensor) else (x._value.dtype, x.ndim) for x in (tensor1, tensor2))
        )
    )


def promote_types(type1: dtype, type2: dtype) -> dtype:
    """The smallest dtype that both convert to."""
    return dtypes.of(dtypes.wider(type1.dtype, type2.dtype))


def finfo(type: dtype | None = None) -> Any:
    """The limits of a floating-point dtype."""
    return np.finfo((type or get_default_dtype()).dtype)


def iinfo(type: dtype) -> Any:
    """The limits of an integer dtype."""
    return np.iinfo(type.dtype)


globals().update(dtypes.BY_NAME)
globals().update(methods.FUNCTIONS)
globals().update(creation.FUNCTIONS)
globals().update(recurrent.FUNCTIONS)
