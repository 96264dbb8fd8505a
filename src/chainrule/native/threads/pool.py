"""Threads for kernels: a pool that runs the chunks of a loop.

A loop is divided into chunks, as many as its size says, however many threads there are: so results do not depend on
their number. Threads take chunks one after the other from one word of memory, ``generation | chunks | next``, by
compare-and-swap; the thread that called takes part. One loop runs in the pool at a time: whoever finds it taken,
another thread of Python or a loop inside a loop, runs its chunks alone.

Workers are threads of Python that wait in machine code without the GIL, first turning, then asleep. A child of ``fork``
has none of them, and works alone until it asks for threads again.
"""

from __future__ import annotations

import ctypes
import functools
import os
import sys
import threading

from chainrule.native.machine.code import Code, machine
from chainrule.native.threads.threads import get_num_threads, told

TURNS = 500  # how often a thread looks for work before it sleeps: some twenty microseconds
POOL = 512  # bytes: word, done, taken, workers, wanted, function, context; the mutex; the condition
WORD, DONE, TAKEN, WORKERS, WANTED, FUNCTION, CONTEXT, MUTEX, CONDITION = 0, 64, 128, 136, 144, 152, 160, 192, 320

# Where there is one thread.
ALONE = """
define internal void @alone(ptr %function, ptr %context, i64 %chunks) {
entry:
  br label %next
next:
  %i = phi i64 [ 0, %entry ], [ %i.next, %run ]
  %more = icmp ult i64 %i, %chunks
  br i1 %more, label %run, label %leave
run:
  call void %function(ptr %context, i64 %i)
  %i.next = add i64 %i, 1
  br label %next
leave:
  ret void
}
"""

# Chunks and numbers of chunks have 20 bits each, generations the rest.
TEXT = f"""
declare i32 @pthread_mutex_lock(ptr)
declare i32 @pthread_mutex_unlock(ptr)
declare i32 @pthread_cond_wait(ptr, ptr)
declare i32 @pthread_cond_broadcast(ptr)
declare i32 @pthread_mutex_init(ptr, ptr)
declare i32 @pthread_cond_init(ptr, ptr)

define void @initialise(ptr %pool) {{
  %mutex = getelementptr i8, ptr %pool, i64 {MUTEX}
  %condition = getelementptr i8, ptr %pool, i64 {CONDITION}
  %a = call i32 @pthread_mutex_init(ptr %mutex, ptr null)
  %b = call i32 @pthread_cond_init(ptr %condition, ptr null)
  ret void
}}

; Takes chunks of this generation until there are none.
define internal void @work(ptr %pool, i64 %generation) {{
entry:
  %done = getelementptr i8, ptr %pool, i64 {DONE}
  %function.at = getelementptr i8, ptr %pool, i64 {FUNCTION}
  %context.at = getelementptr i8, ptr %pool, i64 {CONTEXT}
  br label %look
look:
  %word = load atomic i64, ptr %pool acquire, align 8
  %own = lshr i64 %word, 40
  %same = icmp eq i64 %own, %generation
  br i1 %same, label %any, label %leave
any:
  %next = and i64 %word, 1048575
  %shifted = lshr i64 %word, 20
  %chunks = and i64 %shifted, 1048575
  %left = icmp ult i64 %next, %chunks
  br i1 %left, label %take, label %leave
take:
  %following = add i64 %word, 1
  %swap = cmpxchg ptr %pool, i64 %word, i64 %following acq_rel acquire
  %mine = extractvalue {{ i64, i1 }} %swap, 1
  br i1 %mine, label %run, label %look
run:
  %function = load ptr, ptr %function.at
  %context = load ptr, ptr %context.at
  call void %function(ptr %context, i64 %next)
  %before = atomicrmw add ptr %done, i64 1 acq_rel
  br label %look
leave:
  ret void
}}

; Waits for generations and works on each, until fewer workers are wanted than its number.
define void @worker(ptr %pool, i64 %number) {{
entry:
  %wanted.at = getelementptr i8, ptr %pool, i64 {WANTED}
  %workers = getelementptr i8, ptr %pool, i64 {WORKERS}
  %mutex = getelementptr i8, ptr %pool, i64 {MUTEX}
  %condition = getelementptr i8, ptr %pool, i64 {CONDITION}
  %first = load atomic i64, ptr %pool acquire, align 8
  %first.generation = lshr i64 %first, 40
  br label %wait
wait:
  %seen = phi i64 [ %first.generation, %entry ], [ %generation, %work ]
  br label %turn
turn:
  %turns = phi i64 [ 0, %wait ], [ %more, %again ]
  %word = load atomic i64, ptr %pool acquire, align 8
  %generation = lshr i64 %word, 40
  %new = icmp ne i64 %generation, %seen
  br i1 %new, label %work, label %idle
idle:
  %wanted = load atomic i64, ptr %wanted.at acquire, align 8
  %surplus = icmp uge i64 %number, %wanted
  br i1 %surplus, label %leave, label %still
still:
  %patient = icmp ult i64 %turns, {TURNS}
  br i1 %patient, label %pause, label %sleep
pause:
  PAUSE
  br label %again
sleep:
  %locked = call i32 @pthread_mutex_lock(ptr %mutex)
  %word.now = load atomic i64, ptr %pool acquire, align 8
  %generation.now = lshr i64 %word.now, 40
  %quiet = icmp eq i64 %generation.now, %seen
  %wanted.now = load atomic i64, ptr %wanted.at acquire, align 8
  %kept = icmp ult i64 %number, %wanted.now
  %stay = and i1 %quiet, %kept
  br i1 %stay, label %doze, label %wake
doze:
  %slept = call i32 @pthread_cond_wait(ptr %condition, ptr %mutex)
  br label %wake
wake:
  %unlocked = call i32 @pthread_mutex_unlock(ptr %mutex)
  br label %again
again:
  %step = phi i64 [ 1, %pause ], [ 0, %wake ]
  %more = add i64 %turns, %step
  br label %turn
work:
  call void @work(ptr %pool, i64 %generation)
  br label %wait
leave:
  %fewer = atomicrmw sub ptr %workers, i64 1 acq_rel
  ret void
}}

; Runs function(context, chunk) for every chunk.
define void @parallel(ptr %pool, ptr %function, ptr %context, i64 %chunks) {{
entry:
  %done = getelementptr i8, ptr %pool, i64 {DONE}
  %taken = getelementptr i8, ptr %pool, i64 {TAKEN}
  %workers.at = getelementptr i8, ptr %pool, i64 {WORKERS}
  %function.at = getelementptr i8, ptr %pool, i64 {FUNCTION}
  %context.at = getelementptr i8, ptr %pool, i64 {CONTEXT}
  %mutex = getelementptr i8, ptr %pool, i64 {MUTEX}
  %condition = getelementptr i8, ptr %pool, i64 {CONDITION}
  %workers = load atomic i64, ptr %workers.at acquire, align 8
  %none = icmp eq i64 %workers, 0
  br i1 %none, label %alone, label %try
try:
  %swap = cmpxchg ptr %taken, i64 0, i64 1 acq_rel acquire
  %mine = extractvalue {{ i64, i1 }} %swap, 1
  br i1 %mine, label %start, label %alone
start:
  store ptr %function, ptr %function.at
  store ptr %context, ptr %context.at
  store atomic i64 0, ptr %done release, align 8
  %old = load atomic i64, ptr %pool acquire, align 8
  %old.generation = lshr i64 %old, 40
  %generation.wide = add i64 %old.generation, 1
  %generation = and i64 %generation.wide, 16777215
  %high = shl i64 %generation, 40
  %middle = shl i64 %chunks, 20
  %word = or i64 %high, %middle
  %locked = call i32 @pthread_mutex_lock(ptr %mutex)
  store atomic i64 %word, ptr %pool release, align 8
  %woken = call i32 @pthread_cond_broadcast(ptr %condition)
  %unlocked = call i32 @pthread_mutex_unlock(ptr %mutex)
  call void @work(ptr %pool, i64 %generation)
  br label %finish
finish:
  %count = load atomic i64, ptr %done acquire, align 8
  %all = icmp eq i64 %count, %chunks
  br i1 %all, label %end, label %linger
linger:
  PAUSE
  br label %finish
end:
  store atomic i64 0, ptr %taken release, align 8
  ret void
alone:
  call void @alone(ptr %function, ptr %context, i64 %chunks)
  ret void
}}
"""


# How a processor is told that a thread only waits.
PAUSES = (
    ("x86_64", "declare void @llvm.x86.sse2.pause()\n", "call void @llvm.x86.sse2.pause()"),
    ("aarch64", "declare void @llvm.aarch64.hint(i32)\n", "call void @llvm.aarch64.hint(i32 1)"),
    ("arm64", "declare void @llvm.aarch64.hint(i32)\n", "call void @llvm.aarch64.hint(i32 1)"),
)


class Pool:
    """The threads of this process."""

    def __init__(self) -> None:
        declared, pause = next((rest for name, *rest in PAUSES if machine().triple.startswith(name)), ("", ""))
        self.code = Code(declared + ALONE + TEXT.replace("PAUSE", pause))
        self.memory = ctypes.create_string_buffer(POOL + 64)
        self.address = -(-ctypes.addressof(self.memory) // 64) * 64
        self.run_worker = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64)(self.code.address("worker"))
        self.parallel = self.code.address("parallel")
        ctypes.CFUNCTYPE(None, ctypes.c_void_p)(self.code.address("initialise"))(self.address)
        self.lock = threading.Lock()
        self.wanted = 0

    def word(self, at: int) -> ctypes.c_int64:
        return ctypes.c_int64.from_address(self.address + at)

    def start(self, threads: int) -> None:
        """Have ``threads`` threads in all, that which calls included."""
        with self.lock:
            before, self.wanted = self.wanted, threads - 1
            self.word(WANTED).value = self.wanted
            for number in range(before, self.wanted):
                worker = threading.Thread(
                    target=self.run_worker, args=(self.address, number), name=f"chainrule-{number}", daemon=True
                )
                self.word(WORKERS).value += 1
                worker.start()

    def forget(self) -> None:
        """In a child of fork, where no thread but this one is left."""
        ctypes.memset(self.address, 0, POOL)
        ctypes.CFUNCTYPE(None, ctypes.c_void_p)(self.code.address("initialise"))(self.address)
        self.lock = threading.Lock()
        self.wanted = 0


@functools.cache
def pool() -> Pool | None:
    """The pool of this process; None where there are no POSIX threads."""
    if sys.platform == "win32":
        return None
    made = Pool()
    os.register_at_fork(after_in_child=made.forget)
    told.append(made.start)
    return made


def started() -> Pool | None:
    """The pool with as many threads as are wanted."""
    found = pool()
    if found is not None and found.wanted != get_num_threads() - 1:
        found.start(get_num_threads())
    return found
