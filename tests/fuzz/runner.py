"""Programs in processes of their own: what dies, or does not end, is a failure with a program like any other."""

from __future__ import annotations

import faulthandler
import gc
import os
import resource
import select
import signal
import time
import traceback

from chainrule import native
from fuzz.generate import generated
from fuzz.memory import forked
from fuzz.programs import Program
from fuzz.run import graph_of, outcome
from fuzz.shrink import shrunk

SECONDS, COMPUTED = 300, 60  # after which a program counts as endless: on the clock, or of the processor
FINE = ("passed", "no derivative", "left to NumPy")


def warm() -> None:
    """Compile a little before forking: what the compiler keeps need not be made again in each child."""
    for seed in range(40):
        program = generated(seed)
        graph = graph_of(program, program.values())
        if graph is not None and seed < 8:
            native.compile(graph)
    gc.collect()
    gc.freeze()  # else the collector would copy the pages of all that is old


def tried(program: Program, *, threads: int = 0, fork: bool = False) -> str:
    """The outcome of a program, in a forked child."""
    receive, send = os.pipe()
    child = forked()
    if not child:
        os.close(receive)
        _answer(program, send, threads, fork)
    os.close(send)
    text, deadline = b"", time.monotonic() + SECONDS
    while True:
        if not select.select([receive], [], [], max(0.0, deadline - time.monotonic()))[0]:
            os.kill(child, signal.SIGKILL)
            break
        part = os.read(receive, 65536)
        if not part:
            break
        text += part
    os.close(receive)
    status = os.waitpid(child, 0)[1]
    if status:
        died = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
        return f"died: {signal.Signals(died).name if died else f'exit {status >> 8}'}; {text.decode()}"
    return text.decode()


def _answer(program: Program, send: int, threads: int, fork: bool) -> None:
    """Write the outcome, and end."""
    code = 1
    try:
        faulthandler.disable()  # the parent tells
        resource.setrlimit(resource.RLIMIT_CPU, (COMPUTED, COMPUTED))
        try:
            text = outcome(program, threads=threads, fork=fork)
        except Exception as error:
            where = traceback.extract_tb(error.__traceback__)[-1]
            text = f"{type(error).__name__}: {error} ({os.path.basename(where.filename)}:{where.lineno})"
        os.write(send, text.encode())
        code = 0
    finally:
        os._exit(code)


def kind_of(text: str) -> str:
    """What two failures of one kind have in common."""
    return text.split(" ")[0].rstrip(":")


def smallest(program: Program, text: str) -> Program:
    def fails(smaller: Program) -> bool:
        try:
            found = tried(smaller)
        except Exception:
            return False
        return found not in FINE and kind_of(found) == kind_of(text)

    return shrunk(program, fails)
