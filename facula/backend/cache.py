"""The kernel cache on disk: object files under the user's cache folder, one a kernel.

A file holds a digest of its key and payload before the payload: a damaged, truncated or misplaced
entry is noticed, removed and built again. Writes go to a temporary name and are renamed, so readers
never see half an entry. Whatever the disk does, a program runs on: it compiles.
Note [kernel cache].
"""

import hashlib
import os
import tempfile
from pathlib import Path

DIGEST_BYTES = 32


class KernelCache:
    """Object files by key. `compiled` and `found` count what happened in this process."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.found = 0
        self.compiled = 0
        self.writable = True

    def path(self, key: str) -> Path:
        return self.folder / key[:2] / f"{key}.o"

    def read(self, key: str) -> bytes | None:
        """The object file stored under `key`, or None; a damaged entry is removed."""
        path = self.path(key)
        try:
            data = path.read_bytes()
        except OSError:
            return None
        payload = data[DIGEST_BYTES:]
        if _digest(key, payload) != data[:DIGEST_BYTES]:
            try:
                path.unlink(missing_ok=True)
            except OSError:  # a folder that may only be read: the entry stays, and is passed over
                self.writable = False
            return None
        self.found += 1
        return payload

    def write(self, key: str, payload: bytes) -> None:
        """Stores an object file; a folder that cannot be written turns the disk cache off."""
        if not self.writable:
            return
        path = self.path(key)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            handle, temporary = tempfile.mkstemp(dir=path.parent, suffix=".part")
        except OSError:
            # A read-only home must not stop a program; `facula info` shows that nothing is kept.
            self.writable = False
            return
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(_digest(key, payload) + payload)
            os.replace(temporary, path)
        except OSError:
            self.writable = False
            Path(temporary).unlink(missing_ok=True)  # the disk is full, or the entry is a folder

    def usage(self) -> tuple[int, int]:
        """Number of entries and their bytes on disk."""
        sizes = []
        for entry in self.folder.glob("*/*.o"):
            try:
                sizes.append(entry.stat().st_size)
            except OSError:  # removed by another process meanwhile
                continue
        return len(sizes), sum(sizes)


def _digest(key: str, payload: bytes) -> bytes:
    return hashlib.sha256(key.encode() + b"\n" + payload).digest()
