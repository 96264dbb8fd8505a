"""The identity, of which the derivative alone is something else."""

import numpy as np

ELEMENTWISE = {"stop_gradient": np.array}
