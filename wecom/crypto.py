"""The envelope of WeCom's callbacks: signature, AES, and what can be wrong with either.

``wechatpy.work`` brings the cipher; the checks around it are ours, because its own compare the signature
in variable time and take any padding, any length field and any base64 that Python tolerates.

Source: documents 90930 (URL verification and delivery) and 90968 (encryption scheme).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import struct
import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING

from wechatpy.work.crypto import PrpCrypto

if TYPE_CHECKING:
    from typing import Final

BLOCK: Final = 32  # WeCom pads to 32 bytes although AES blocks have 16: pads of 17…32 are normal
AES_BLOCK: Final = 16
RANDOM_PREFIX: Final = 16
KEY_CHARS: Final = 43
MOST_ELEMENTS: Final = 32  # WeCom's envelopes have four
DEEPEST: Final = 4
ENCRYPT: Final = ["xml", "Encrypt"]


class BadCallback(ValueError):
    """The request is not a callback that WeCom sent to us; answered with 4xx and never stored."""

    reason = "bad_callback"


class BadEnvelope(BadCallback):
    """The body is not the XML envelope: no XML, no ``Encrypt``, or a document type with entities."""

    reason = "bad_envelope"


class BadSignature(BadCallback):
    """``msg_signature`` does not belong to token, timestamp, nonce and ciphertext."""

    reason = "bad_signature"


class BadCiphertext(BadCallback):
    """Signed, but not decryptable: broken base64, length, padding or layout."""

    reason = "bad_ciphertext"


class WrongReceiver(BadCallback):
    """Decrypted, but written for another corp."""

    reason = "wrong_receiver"


class CallbackCrypto:
    """Signs, encrypts and decrypts callbacks of one self-built app.

    Args:
        token: the Token of the app's 接收消息 settings (letters and digits, at most 32).
        aes_key: the EncodingAESKey, 43 letters and digits.
        corp_id: the receiveid every plaintext must end with.

    Raises:
        ValueError: ``aes_key`` is not 43 letters and digits.
    """

    def __init__(self, *, token: str, aes_key: str, corp_id: str) -> None:
        if len(aes_key) != KEY_CHARS or not (aes_key.isascii() and aes_key.isalnum()):
            raise ValueError("EncodingAESKey must be exactly 43 letters and digits")
        self._token = token
        self._receiver = corp_id.encode()
        self._corp_id = corp_id
        # Non-strict on purpose: the 43rd character may carry trailing bits that strict decoders refuse.
        self._aes = PrpCrypto(base64.b64decode(aes_key + "="))

    def sign(self, timestamp: str, nonce: str, encrypt: str) -> str:
        """Return the lower-case hex ``msg_signature`` over the four parts in byte order."""
        parts = sorted(part.encode() for part in (self._token, timestamp, nonce, encrypt))
        # SHA-1 is WeCom's choice, not ours; the token inside makes it a keyed digest.
        return hashlib.sha1(b"".join(parts), usedforsecurity=False).hexdigest()

    def encrypt(self, plaintext: str | bytes) -> str:
        """Return the base64 ciphertext of ``plaintext`` for this corp."""
        ciphertext: bytes = self._aes.encrypt(plaintext, self._corp_id)
        return ciphertext.decode()

    def decrypt(self, encrypt: str, *, signature: str, timestamp: str, nonce: str) -> bytes:
        """Verify and decrypt one ciphertext; return the plaintext message.

        Raises:
            BadSignature: the signature is not ours; nothing was decrypted.
            BadCiphertext: base64, block length, padding or layout is broken.
            WrongReceiver: the message was encrypted for another corp.
        """
        expected = self.sign(timestamp, nonce, encrypt).encode()
        # Bytes, because compare_digest refuses non-ASCII text, which anybody may send.
        if not hmac.compare_digest(expected, signature.encode("utf-8", "surrogatepass")):
            raise BadSignature("msg_signature does not match")
        return self._open(encrypt)

    def envelope(
        self, plaintext: str | bytes, *, timestamp: str, nonce: str, agent_id: int | None = None
    ) -> tuple[str, str]:
        """Return ``(xml body, msg_signature)`` as WeCom would POST them."""
        encrypt = self.encrypt(plaintext)
        agent = "" if agent_id is None else f"<AgentID><![CDATA[{agent_id}]]></AgentID>"
        body = (
            f"<xml><ToUserName><![CDATA[{self._corp_id}]]></ToUserName>{agent}"
            f"<Encrypt><![CDATA[{encrypt}]]></Encrypt></xml>"
        )
        return body, self.sign(timestamp, nonce, encrypt)

    def _open(self, encrypt: str) -> bytes:
        try:
            # validate=True: silently skipped characters would make two texts one message.
            ciphertext = base64.b64decode(encrypt.encode("ascii"), validate=True)
        except (UnicodeEncodeError, binascii.Error) as exc:
            raise BadCiphertext("ciphertext is not base64") from exc
        if not ciphertext or len(ciphertext) % AES_BLOCK:
            # WeCom fills 32-byte blocks; an encryptor that pads to AES's own 16 is understood as well.
            raise BadCiphertext("ciphertext is not a whole number of blocks")
        padded: bytes = self._aes.cipher.decrypt(ciphertext)
        pad = padded[-1]
        if not 1 <= pad <= BLOCK or padded[-pad:] != bytes([pad]) * pad:
            raise BadCiphertext("padding is broken")
        content = padded[RANDOM_PREFIX:-pad]
        if len(content) < 4:
            raise BadCiphertext("no length field")
        (length,) = struct.unpack("!I", content[:4])
        message, receiver = content[4 : 4 + length], content[4 + length :]
        if len(message) != length:
            raise BadCiphertext("length field points outside the message")
        if not hmac.compare_digest(receiver, self._receiver):
            raise WrongReceiver("receiveid is not our corp id")
        return message


def read_envelope(body: bytes) -> str:
    """Return the ``Encrypt`` element of a POSTed envelope.

    Anybody may send one, so reading stops at the first thing that WeCom's envelopes never have.

    Raises:
        BadEnvelope: the body is not XML in UTF-8, has a document type, nests or repeats more than an
            envelope does, or has no single ``Encrypt`` text.
    """
    # The encoding is stated by us: a declaration could name one that is none of text, and Python would raise
    # what nobody expects.
    reader = _Envelope()
    parser = ET.XMLParser(target=reader, encoding="utf-8")  # noqa: S314 - without a DOCTYPE nothing expands
    try:
        parser.feed(body)
        parser.close()
    except ET.ParseError as exc:
        raise BadEnvelope("body is not a plain XML envelope") from exc
    encrypt = "".join(reader.text)
    if reader.encrypts != 1 or not encrypt:
        raise BadEnvelope("envelope has no Encrypt element, or more than one")
    return encrypt


class _Envelope:
    """What the parser tells of an envelope: the text of ``/xml/Encrypt``, and how many there are."""

    def __init__(self) -> None:
        self.text: list[str] = []
        self.encrypts = 0
        self._path: list[str] = []
        self._elements = 0

    def doctype(self, _name: str, _public_id: str | None, _system: str | None) -> None:
        raise BadEnvelope("envelope has a document type, which WeCom never sends")

    def start(self, tag: str, _attributes: dict[str, str]) -> None:
        self._path.append(tag)
        self._elements += 1
        if self._elements > MOST_ELEMENTS or len(self._path) > DEEPEST:
            raise BadEnvelope("envelope has more elements than WeCom sends")
        self.encrypts += self._path == ENCRYPT

    def end(self, _tag: str) -> None:
        self._path.pop()

    def data(self, text: str) -> None:
        if self._path == ENCRYPT:
            self.text.append(text)
