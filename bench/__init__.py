"""Workloads measured against other libraries: ``python -m bench [--threads N] [workload …]``."""

import os
import sys


def _threads(arguments: list[str]) -> int:
    """N of ``--threads N`` or ``--threads=N``; 1 where it is not given."""
    for word, following in zip(arguments, [*arguments[1:], ""], strict=False):
        name, _, value = word.partition("=")
        if name == "--threads":
            return int(value or following)
    return int(os.environ.get("BENCH_THREADS", "1"))


# So many threads for every library, decided before any of them is imported; processes started from here inherit it.
THREADS = _threads(sys.argv[1:])
for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS", "NPROC"):
    os.environ[_variable] = str(THREADS)  # NPROC is what XLA sizes its pools by
os.environ["BENCH_THREADS"] = str(THREADS)
os.environ["XLA_FLAGS"] = (
    f"--xla_cpu_multi_thread_eigen={'false' if THREADS == 1 else 'true'} intra_op_parallelism_threads={THREADS}"
)
