"""Uploaded papers: proofs of payment, letters, invoices. Kept under random names, never under a name that was given."""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
from pathlib import Path

LARGEST = 5 * 1024 * 1024
"""Bytes of one document."""
_NAME = re.compile(r"[0-9a-f]{32}\.(png|jpg|pdf)")
TYPES = {".png": "image/png", ".jpg": "image/jpeg", ".pdf": "application/pdf"}


class Documents:
    """The folder of one installation."""

    def __init__(self, data_dir: Path) -> None:
        self._folder = data_dir / "documents"
        self._key = data_dir / "identity.key"

    def save(self, content: bytes, ending: str) -> str:
        """Keeps a document and returns the name under which it is found again; `ending` is one of `TYPES`.

        What it really is was found out before, outside the product (`callcenter.intake`).
        """
        if ending not in TYPES:
            raise ValueError(f"no kind of document: {ending!r}")
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        name = secrets.token_hex(16) + ending
        (self._folder / name).write_bytes(content)
        return name

    def path(self, name: str) -> Path | None:
        """Where a kept document is; None when there is none of that name."""
        if not _NAME.fullmatch(name):
            return None
        path = self._folder / name
        return path if path.is_file() else None

    def drop(self, name: str) -> None:
        """Forgets a document whose row was not written after all."""
        path = self.path(name)
        if path is not None:
            path.unlink(missing_ok=True)

    def identity_key(self, identity: str) -> str:
        """A keyed hash of an identity number: equal for equal numbers of this installation, and it leads nowhere."""
        return hmac.new(self._secret(), identity.encode(), hashlib.sha256).hexdigest()

    def _secret(self) -> bytes:
        """The installation's key for such hashes, made when it is first needed."""
        try:
            return self._key.read_bytes()
        except FileNotFoundError:
            made = secrets.token_bytes(32)
            handle = os.open(self._key, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "wb") as file:
                file.write(made)
            return made
