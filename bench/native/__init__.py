"""Workloads of compiled derivatives: a file each, with a function for every library that returns a call to be timed.

``program`` is written once, in the names that array libraries share; :mod:`bench.native.libraries` adds what one lacks.
"""

WORKLOADS = (
    "tiny",
    "descent",
    "fused",
    "rk4",
    "rnn",
    "rosenbrock",
    "blackscholes",
    "logistic",
    "softmax",
    "mlp",
    "kalman",
    "hmm",
    "arm",
    "compile",
    "ratio",
)
