"""Derivatives by hand in C: what a compiler of derivatives is measured against where that is the honest bar."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

FLAGS = ("-O3", "-march=native", "-fopenmp", "-shared", "-fPIC")


def loaded(name: str, fast: bool = False, folder: Path = Path(__file__).parent) -> Any:
    """The function ``name`` of ``name.c`` in this folder or another, compiled by gcc on the spot."""
    compiler = shutil.which("gcc")
    if compiler is None:
        raise ModuleNotFoundError("gcc")
    with tempfile.TemporaryDirectory() as temporary:
        target = Path(temporary) / f"{name}.so"
        source = folder / f"{name}.c"
        flags = [*FLAGS, "-ffast-math"] if fast else FLAGS
        subprocess.run([compiler, *flags, str(source), "-o", str(target), "-lm"], check=True)
        function = getattr(ctypes.CDLL(str(target)), name)
    function.restype = None
    return function
