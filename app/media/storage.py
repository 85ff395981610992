"""Where the bytes of photos lie: a folder, or a bucket of any S3 store.

A key is written once and never again: every arrival makes its own (:func:`make_key`), so that removing
what nobody names can never hit what has just come. Nothing here may run inside a transaction.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Protocol

from config import PhotoSettings

SHARDS = 256


class StoreError(Exception):
    """The store could not do it now; trying later may help. The text names no secret."""


class GoneError(Exception):
    """The store works, and holds nothing under this key."""


@dataclass(frozen=True, slots=True)
class Kept:
    """One thing in the store."""

    key: str
    modified_at: datetime


class Store(Protocol):
    """What a store can do. Every method but ``get`` may be repeated without harm."""

    def put(self, key: str, data: bytes) -> None:
        """Keep *data* under *key*, durably, wholly or not at all.

        Raises:
            StoreError: where it is not certain to be kept.
        """
        ...

    def get(self, key: str) -> bytes:
        """The bytes under *key*.

        Raises:
            GoneError: where there are none.
            StoreError: where that cannot be said.
        """
        ...

    def delete(self, key: str) -> None:
        """Remove *key* if it is there.

        Raises:
            StoreError: where that cannot be said.
        """
        ...

    def exists(self, key: str) -> bool:
        """True where something is kept under *key*.

        Raises:
            StoreError: where that cannot be said.
        """
        ...

    def shard(self, number: int) -> Iterator[Kept]:
        """All that is kept in one of the :data:`SHARDS`, in any order.

        Raises:
            StoreError: where it cannot be listed.
        """
        ...


def make_key(street_code: str, sha256: str) -> str:
    """A new key for an original: the shard first, then the street, then hash and a random part."""
    return f"{sha256[:2]}/{street_code}/{sha256}-{secrets.token_hex(6)}"


def size_key(key: str, size: str) -> str:
    """Where the served picture of *size* lies that was drawn from the original at *key*."""
    return f"{key}.{size}.jpg"


def get_original(store: Store, key: str) -> bytes:
    """The original under *key*, checked against the hash that it was stored under.

    Raises:
        GoneError: where it is not there, or no longer what it was: not every store checks what it is sent.
        StoreError: where that cannot be said.
    """
    data = store.get(key)
    if hashlib.sha256(data).hexdigest() != key.rpartition("/")[2].partition("-")[0]:
        raise GoneError(key)
    return data


def original_key(key: str) -> str:
    """The original that a key belongs to: itself, or what a served size was drawn from."""
    return key.partition(".")[0]


class Folder:
    """A folder on a local disk or a network file system that keeps fsync's word."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def put(self, key: str, data: bytes) -> None:
        """See :class:`Store`. A reader sees the whole file or none, also after a power cut."""
        path = self._root / key
        try:
            self._make_folder(path.parent)
            number, made = tempfile.mkstemp(prefix=".", suffix=".part", dir=path.parent)
            try:
                with os.fdopen(number, "wb") as file:
                    file.write(data)
                    file.flush()
                    os.fsync(file.fileno())
                Path(made).replace(path)
            except BaseException:
                Path(made).unlink(missing_ok=True)
                raise
            _sync_folder(path.parent)
        except OSError as error:
            raise StoreError(f"the folder of photos cannot be written: {error.strerror}") from error

    def get(self, key: str) -> bytes:
        """See :class:`Store`."""
        try:
            return (self._root / key).read_bytes()
        except (FileNotFoundError, NotADirectoryError) as error:
            raise GoneError(key) from error
        except OSError as error:
            raise StoreError(f"the folder of photos cannot be read: {error.strerror}") from error

    def delete(self, key: str) -> None:
        """See :class:`Store`."""
        try:
            (self._root / key).unlink(missing_ok=True)
        except OSError as error:
            raise StoreError(f"the folder of photos cannot be written: {error.strerror}") from error

    def exists(self, key: str) -> bool:
        """See :class:`Store`."""
        return (self._root / key).is_file()

    def shard(self, number: int) -> Iterator[Kept]:
        """See :class:`Store`. Files that a killed process left half written are listed, too."""
        shard = self._root / f"{number:02x}"
        try:
            for street in shard.iterdir() if shard.is_dir() else ():
                for file in street.iterdir():
                    with contextlib.suppress(FileNotFoundError):  # removed meanwhile
                        at = datetime.fromtimestamp(file.stat().st_mtime, UTC)
                        yield Kept(f"{shard.name}/{street.name}/{file.name}", at)
        except OSError as error:
            raise StoreError(f"the folder of photos cannot be read: {error.strerror}") from error

    def _make_folder(self, folder: Path) -> None:
        """Make *folder* so that it survives a power cut, with those above it."""
        if folder.is_dir():
            return
        missing = [part for part in (folder, *folder.parents) if not part.is_dir()]
        folder.mkdir(parents=True, exist_ok=True)
        for part in missing:
            _sync_folder(part.parent)


def _sync_folder(folder: Path) -> None:
    number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


@lru_cache(maxsize=4)
def open_store(settings: PhotoSettings) -> Store:
    """The store that *settings* describe; one for all threads of the process."""
    if not settings.s3_endpoint:
        return Folder(Path(settings.folder).resolve())
    from app.media.bucket import Bucket  # noqa: PLC0415 - a client that most installations never need

    return Bucket(settings)
