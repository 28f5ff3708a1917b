"""Callbacks sealed by programs that never saw WeCom's library: cryptography, and the openssl command."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import random
import shutil
import struct
import subprocess
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from sqlalchemy import select

from store.inbox import InboxEvent
from tests.support.webhook import CORP, KEY, NONCE, PLAIN, TOKEN, envelope

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.webhook import Endpoint

AES_KEY = base64.b64decode(KEY + "=")
LENGTHS = random.Random(29).sample(range(1, 4000), 12)


def frame(text: str) -> bytes:
    body = text.encode()
    return bytes(range(65, 81)) + struct.pack("!I", len(body)) + body + CORP.encode()


def padded(data: bytes, block: int) -> bytes:
    count = block - len(data) % block
    return data + bytes([count]) * count


def by_cryptography(text: str, block: int) -> str:
    sealer = Cipher(algorithms.AES(AES_KEY), modes.CBC(AES_KEY[:16])).encryptor()
    return base64.b64encode(sealer.update(padded(frame(text), block)) + sealer.finalize()).decode()


def by_openssl(text: str) -> str:
    """Seal with the command line, which pads as AES does: to 16 bytes."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("no openssl command on this machine")
    command = [openssl, "enc", "-aes-256-cbc", "-K", AES_KEY.hex(), "-iv", AES_KEY[:16].hex()]
    sealed = subprocess.run(command, input=frame(text), capture_output=True, check=True, timeout=20).stdout
    return base64.b64encode(sealed).decode()


ENCRYPTORS = [
    pytest.param(lambda text: by_cryptography(text, 32), id="cryptography, 32-byte blocks as WeCom"),
    pytest.param(lambda text: by_cryptography(text, 16), id="cryptography, 16-byte blocks"),
    pytest.param(by_openssl, id="openssl enc, 16-byte blocks"),
]


@pytest.mark.parametrize("seal", ENCRYPTORS)
async def test_callbacks_of_any_length_are_stored_byte_for_byte(
    endpoint: Endpoint, seal: Callable[[str], str]
) -> None:
    texts = [PLAIN.format(n="客" * (length % 7) + "x" * length) for length in LENGTHS]
    stamp = endpoint.stamp()

    answers = []
    for text in texts:
        encrypt = await asyncio.to_thread(seal, text)
        parts = "".join(sorted([TOKEN, stamp, NONCE, encrypt]))
        query = {
            "msg_signature": hashlib.sha1(parts.encode()).hexdigest(),
            "timestamp": stamp,
            "nonce": NONCE,
        }
        answers.append(await endpoint.post(query, envelope(encrypt)))

    assert set(answers) == {200}
    async with endpoint.runtime.database.read() as session:
        stored = await session.scalars(select(InboxEvent.body).order_by(InboxEvent.id))
    assert [body.decode() for body in stored] == texts
