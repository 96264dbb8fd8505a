"""What was compiled before: machine code, in memory and in files, under keys that say all that it depends on.

The files are in the user's folder for caches (``~/.cache/chainrule`` on Linux). The variable ``CHAINRULE_CACHE`` moves
them to another folder, and ``0`` or ``off`` does without. About 1 GiB is kept; what was not used for longest goes
first. A file is written beside its place and moved there as a whole; one that is cut off, altered, made for another
key, or another user's, is not used, and written again. Where the folder cannot be used, nothing is kept: no compilation
fails for that.
"""

from __future__ import annotations

import contextlib
import functools
import os
import stat
import sys
import tempfile
import threading
import time
from collections import OrderedDict
from hashlib import blake2b
from pathlib import Path

FORMAT = b"chainrule machine code 1\n"
DIGEST = 32  # bytes
LIMIT = 1 << 30  # bytes of all files
RECENT = 1 << 26  # bytes in memory
OLD = 3600.0  # seconds after which a file that is used is marked as used again
ABANDONED = 86_400.0  # seconds after which a file that nobody moved to its place is deleted


def digest(*parts: bytes) -> bytes:
    """32 bytes that tell these parts from all others."""
    found = blake2b(digest_size=DIGEST)
    for part in parts:
        found.update(len(part).to_bytes(8, "little"))
        found.update(part)
    return found.digest()


# ------------------------------------------------------------------------------------------------ in files


class Folder:
    """Contents under keys, a file each."""

    def __init__(self, path: Path, limit: int = LIMIT):
        self.path, self.limit = path, limit
        # What may still be written before all files are looked at. Few processes write much: each looks by chance.
        self._room = int.from_bytes(os.urandom(4), "little") * (limit // 16) >> 32

    def _file(self, key: bytes) -> Path:
        return self.path / f"{key.hex()}.bin"

    def load(self, key: bytes) -> bytes | None:
        """What was saved under the key; None if nothing was, or it cannot be trusted."""
        path = self._file(key)
        try:
            with open(path, "rb") as file:
                status = os.fstat(file.fileno())
                whole = file.read() if _own(status) else b""
            head = FORMAT + key
            content = whole[len(head) + DIGEST :]
            if whole[: len(head)] != head or whole[len(head) : len(head) + DIGEST] != digest(key, content):
                path.unlink()
                return None
            if time.time() - status.st_mtime > OLD:
                os.utime(path)
        except OSError:
            return None
        return content

    def save(self, key: bytes, content: bytes) -> None:
        """Keep the content under the key, if that is possible."""
        whole = b"".join([FORMAT, key, digest(key, content), content])
        if len(whole) > self.limit:
            return
        with contextlib.suppress(OSError):
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not _own(self.path.stat()):
                return
            self._make_room(len(whole))
            handle, name = tempfile.mkstemp(dir=self.path, suffix=".part")
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(whole)
                os.replace(name, self._file(key))
            except BaseException:
                os.unlink(name)
                raise

    def _make_room(self, size: int) -> None:
        """Delete what was not used for longest, down to three quarters of the limit, if it would be exceeded."""
        self._room -= size
        if self._room > 0:
            return
        files, now = [], time.time()
        for entry in os.scandir(self.path):
            with contextlib.suppress(OSError):
                status = entry.stat(follow_symlinks=False)
                if entry.name.endswith(".part") and now - status.st_mtime > ABANDONED:
                    os.unlink(entry.path)
                elif entry.name.endswith(".bin"):
                    files.append((status.st_mtime, status.st_size, entry.path))
        total = size + sum(one for _, one, _ in files)
        wanted = self.limit - self.limit // 4 if total > self.limit else self.limit
        for _, one, path in sorted(files):
            if total <= wanted:
                break
            with contextlib.suppress(OSError):
                os.unlink(path)
                total -= one
        # Other processes write too: look again long before all of what is left is filled.
        self._room = (self.limit - total) // 16


def _own(status: os.stat_result) -> bool:
    """Whether nobody else can have written a file, or can write to a folder: it holds what will be executed."""
    if not hasattr(os, "getuid"):
        return True
    return status.st_uid == os.getuid() and not status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def _place() -> Path | None:
    """The folder that is asked for."""
    asked = os.environ.get("CHAINRULE_CACHE", "")
    if asked.lower() in ("0", "off"):
        return None
    if asked:
        return Path(asked)
    try:
        if sys.platform == "win32":
            base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
        elif sys.platform == "darwin":
            base = Path.home() / "Library" / "Caches"
        else:
            base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    except RuntimeError:  # there is no home
        return None
    return base / "chainrule"


@functools.lru_cache(8)
def _folder(path: Path) -> Folder:
    return Folder(path)


# ----------------------------------------------------------------------------------------------- in memory

_recent: OrderedDict[bytes, bytes] = OrderedDict()
_recent_size = 0
_lock = threading.Lock()


def load(key: bytes) -> bytes | None:
    """What was saved under the key, if it still is anywhere."""
    with _lock:
        found = _recent.get(key)
        if found is not None:
            _recent.move_to_end(key)
            return found
    path = _place()
    found = None if path is None else _folder(path).load(key)
    if found is not None:
        _remember(key, found)
    return found


def save(key: bytes, content: bytes) -> None:
    """Keep the content under the key, in memory and in a file."""
    _remember(key, content)
    path = _place()
    if path is not None:
        _folder(path).save(key, content)


def _remember(key: bytes, content: bytes) -> None:
    global _recent_size
    with _lock:
        _recent_size += len(content) - len(_recent.pop(key, b""))
        _recent[key] = content
        while _recent_size > RECENT:
            _recent_size -= len(_recent.popitem(last=False)[1])


def forget() -> None:
    """Forget what is in memory."""
    global _recent_size
    with _lock:
        _recent.clear()
        _recent_size = 0
