"""NumPy's protocols: plain NumPy calls on Tensors are recorded, and what would lose a gradient refuses.

Which NumPy function an op stands for is read from the registry (``numpy=``, by default the op's own name); the tables
of this folder hold only what the registry cannot say. A call that has no counterpart runs in NumPy, on plain arrays and
with a plain result, when no gradient is at stake, and is an error when one is.
"""

from chainrule.protocols.dlpack import dlpack, dlpack_device
from chainrule.protocols.functions import array_function
from chainrule.protocols.ufuncs import array_ufunc
from chainrule.tensor import Tensor

for _name, _method in {
    "__dlpack__": dlpack,
    "__dlpack_device__": dlpack_device,
    "__array_ufunc__": array_ufunc,
    "__array_function__": array_function,
}.items():
    setattr(Tensor, _name, _method)
