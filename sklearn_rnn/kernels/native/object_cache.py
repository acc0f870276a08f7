"""Compiled code on disk: a folder that may be absent, full, shared or damaged, and stays small."""

from __future__ import annotations

import hashlib
import os
import secrets
import sys
import time
from contextlib import suppress
from pathlib import Path

__all__ = ["FOLDER", "ObjectCache", "cache_folder"]

#: The environment variable that says where compiled code is kept.
FOLDER = "SKLEARN_RNN_CACHE"

MOST_BYTES = 32 * 2**20
#: Code of another version is kept for a week after its last use: two may take turns.
KEPT_SECONDS = 7 * 24 * 3600
SUFFIX = ".code"
UNFINISHED = ".part"


def cache_folder() -> Path | None:
    """Answer where compiled code is kept; None if this user has no such place.

    `SKLEARN_RNN_CACHE`, else a folder of this package in the user's cache. Code is run from
    there, so it must be writable only for those who may write to the package itself.

    Returns
    -------
    Path or None
        The folder, which need not exist.
    """
    chosen = os.environ.get(FOLDER)
    if chosen:
        return Path(chosen)
    with suppress(RuntimeError):  # a user without a home
        return _user_cache() / "sklearn_rnn"
    return None


def _user_cache() -> Path:
    if sys.platform == "win32":
        local = os.environ.get("LOCALAPPDATA")
        return Path(local) if local else Path.home() / "AppData" / "Local"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    chosen = os.environ.get("XDG_CACHE_HOME", "")
    return Path(chosen) if os.path.isabs(chosen) else Path.home() / ".cache"


class ObjectCache:
    """Pieces of compiled code by name, each with a checksum.

    Reading answers None, and writing does nothing, where the folder does not allow it.

    Parameters
    ----------
    folder : Path or None
        Where they lie; created when the first is written. None keeps nothing.
    generation : str
        What the code was made by. Only code of the same generation is read.
    """

    def __init__(self, folder: Path | None, generation: str):
        self.folder = folder
        self.generation = generation

    def read(self, name: str) -> bytes | None:
        """Answer the code of that name; None if there is none, or it is damaged.

        Parameters
        ----------
        name : str
            What it was written under.

        Returns
        -------
        bytes or None
            The code.
        """
        if self.folder is None:
            return None
        path = self._path(self.folder, name)
        try:
            content = path.read_bytes()
        except OSError:
            return None
        checksum, code = content[:32], content[32:]
        if hashlib.sha256(code).digest() != checksum:
            return None
        with suppress(OSError):  # a folder that can only be read serves as well
            os.utime(path)
        return code

    def write(self, name: str, code: bytes) -> None:
        """Keep code under a name, in place of what was there, and clear out what is old.

        Parameters
        ----------
        name : str
            Letters, digits, "_" and "-".
        code : bytes
            What to keep.
        """
        if self.folder is None:
            return
        with suppress(OSError):
            self.folder.mkdir(parents=True, exist_ok=True)
            # Others see the whole file or none: it gets its name when it is complete.
            unfinished = self.folder / f"{secrets.token_hex(8)}{UNFINISHED}"
            try:
                unfinished.write_bytes(hashlib.sha256(code).digest() + code)
                os.replace(unfinished, self._path(self.folder, name))
            finally:
                unfinished.unlink(missing_ok=True)
            self._clear_out(self.folder)

    def _path(self, folder: Path, name: str) -> Path:
        return folder / f"{self.generation}-{name}{SUFFIX}"

    def _clear_out(self, folder: Path) -> None:
        """Remove what other generations no longer use, and the least used beyond the bound."""
        entries = []
        for path in folder.iterdir():
            if path.suffix in (SUFFIX, UNFINISHED):
                with suppress(OSError):  # another process has just removed it
                    status = path.stat()
                    entries.append((status.st_mtime, status.st_size, path))
        size, oldest = 0, time.time() - KEPT_SECONDS
        for used, length, path in sorted(entries, reverse=True):
            size += length
            ours = path.name.startswith(self.generation)
            if size > MOST_BYTES or (used < oldest and not ours):
                with suppress(OSError):
                    path.unlink()
