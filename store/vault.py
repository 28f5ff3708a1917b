"""Personal data at rest: sealed with a key that is not in the database."""

from __future__ import annotations

import hmac
import secrets
from hashlib import sha256

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

VERSION = b"\x01"
NONCE_BYTES = 12


class SealBroken(ValueError):
    """A sealed value cannot be opened: it was changed, or XIAOHU_SECRET_KEY is not the one that sealed it."""


class Vault:
    """Seals names and phone numbers (AES-256-GCM) and makes blind indexes to find them (HMAC-SHA-256).

    Args:
        secret_key: ``XIAOHU_SECRET_KEY``; losing it loses what was sealed with it.
    """

    def __init__(self, secret_key: str) -> None:
        self._aead = AESGCM(_derive(secret_key, b"xiaohu.vault.seal"))
        self._index_key = _derive(secret_key, b"xiaohu.vault.index")

    def seal(self, text: str, *, about: str) -> bytes:
        """Encrypt ``text``; ``about`` (e.g. ``patient.name``) is bound to it: columns cannot be swapped."""
        return self.seal_bytes(text.encode(), about=about)

    def seal_bytes(self, data: bytes, *, about: str) -> bytes:
        """Encrypt bytes, e.g. a file; see :meth:`seal`."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        return VERSION + nonce + self._aead.encrypt(nonce, data, about.encode())

    def open(self, sealed: bytes, *, about: str) -> str:
        """Decrypt what :meth:`seal` returned.

        Raises:
            SealBroken: another key, another column, or damaged bytes.
        """
        try:
            return self.open_bytes(sealed, about=about).decode()
        except UnicodeDecodeError as exc:
            raise SealBroken(f"{about}: sealed bytes, not a text") from exc

    def open_bytes(self, sealed: bytes, *, about: str) -> bytes:
        """Decrypt what :meth:`seal_bytes` returned; see :meth:`open`."""
        nonce, ciphertext = sealed[1 : 1 + NONCE_BYTES], sealed[1 + NONCE_BYTES :]
        if sealed[:1] != VERSION:
            raise SealBroken(f"{about}: unknown seal version")
        try:
            return self._aead.decrypt(nonce, ciphertext, about.encode())
        except (InvalidTag, ValueError) as exc:
            raise SealBroken(f"{about}: sealed with another key or damaged") from exc

    def blind_index(self, text: str, *, about: str) -> str:
        """Return a keyed digest by which an exact value can be found without storing it."""
        return hmac.new(self._index_key, f"{about}\0{text}".encode(), sha256).hexdigest()


def _derive(secret_key: str, purpose: bytes) -> bytes:
    return HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=purpose).derive(secret_key.encode())
