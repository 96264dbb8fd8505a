"""DLPack: the memory of a Tensor, lent to other libraries."""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.tensor import Tensor


def dlpack(
    self: Tensor, *, stream: Any = None, max_version: Any = None, dl_device: Any = None, copy: Any = None
) -> Any:
    value = self.numpy()
    if max_version is None or max_version[0] < 1:
        # Without a flag for read-only memory in the old protocol, the consumer gets a copy it may write to.
        value = value.copy()
    return value.__dlpack__(stream=stream, max_version=max_version, dl_device=dl_device, copy=copy)


def dlpack_device(_self: Tensor) -> tuple[int, int]:
    return np.empty(0).__dlpack_device__()
