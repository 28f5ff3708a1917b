"""The callback envelope: WeCom's scheme to the letter, and nothing that merely resembles it."""

import base64
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wechatpy.work.crypto import WeChatCrypto

from wecom.crypto import (
    BadCallback,
    BadCiphertext,
    BadEnvelope,
    BadSignature,
    CallbackCrypto,
    WrongReceiver,
    read_envelope,
)

TOKEN = "tk7QpLm2Zr"
KEY = "qWERtyUI0pasDFghJKLzxcVBNM1234567890abcDEFg"
CORP = "ww0exampleCorp01"
STAMP, NONCE = "1795230000", "884201"
VECTOR = "SedizN1EO90urNbf3tcamqZrG6YF+bOyRCXMOyLFxXQDtlUp7yHqX4nwpGYK3qE84ZjJ//onC0gxFmCiYQKRSA=="


@pytest.fixture
def crypto() -> CallbackCrypto:
    return CallbackCrypto(token=TOKEN, aes_key=KEY, corp_id=CORP)


def seal(crypto: CallbackCrypto, padded: bytes) -> dict[str, str]:
    """Encrypt raw padded bytes, signed correctly: what is wrong is then only inside."""
    encrypt = base64.b64encode(crypto._aes.cipher.encrypt(padded)).decode()
    return {
        "encrypt": encrypt,
        "signature": crypto.sign(STAMP, NONCE, encrypt),
        "timestamp": STAMP,
        "nonce": NONCE,
    }


def test_the_published_vector_decrypts_and_its_signature_is_ours(crypto: CallbackCrypto) -> None:
    signature = "45c14c3e72805b46b51b207a304356cdc4ace3eb"

    assert crypto.sign(STAMP, NONCE, VECTOR) == signature
    assert crypto.decrypt(VECTOR, signature=signature, timestamp=STAMP, nonce=NONCE) == b"4930217765120"


@given(
    message=st.binary(max_size=300).map(lambda raw: raw.hex().encode())
    | st.text(max_size=300).map(str.encode)
)
def test_every_length_round_trips_with_pads_up_to_thirty_two(message: bytes) -> None:
    crypto = CallbackCrypto(token=TOKEN, aes_key=KEY, corp_id=CORP)
    body, signature = crypto.envelope(message, timestamp=STAMP, nonce=NONCE)

    assert (
        crypto.decrypt(read_envelope(body.encode()), signature=signature, timestamp=STAMP, nonce=NONCE)
        == message
    )


def test_another_encryptor_and_we_understand_each_other(crypto: CallbackCrypto) -> None:
    theirs = WeChatCrypto(TOKEN, KEY, CORP)
    body, signature = crypto.envelope("<xml>你好</xml>", timestamp=STAMP, nonce=NONCE)

    assert theirs.decrypt_message(body, signature, STAMP, NONCE) == "<xml>你好</xml>"

    answer = theirs.encrypt_message("<xml>好</xml>", NONCE, STAMP)
    encrypt = read_envelope(answer.encode())
    assert (
        crypto.decrypt(encrypt, signature=crypto.sign(STAMP, NONCE, encrypt), timestamp=STAMP, nonce=NONCE)
        == "<xml>好</xml>".encode()
    )


@pytest.mark.parametrize(
    "signature",
    [
        pytest.param("", id="empty"),
        pytest.param("0" * 40, id="another digest"),
        pytest.param("45C14C3E72805B46B51B207A304356CDC4ACE3EB", id="upper case"),
        pytest.param("签名", id="not ASCII"),
        pytest.param("\udcff", id="a lone surrogate"),
    ],
)
def test_a_wrong_signature_is_refused_before_decryption(crypto: CallbackCrypto, signature: str) -> None:
    with pytest.raises(BadSignature):
        crypto.decrypt(VECTOR, signature=signature, timestamp=STAMP, nonce=NONCE)


def test_a_message_for_another_corp_is_refused(crypto: CallbackCrypto) -> None:
    other = CallbackCrypto(token=TOKEN, aes_key=KEY, corp_id="wwSomebodyElse")
    encrypt = other.encrypt("hello")

    with pytest.raises(WrongReceiver):
        crypto.decrypt(encrypt, signature=crypto.sign(STAMP, NONCE, encrypt), timestamp=STAMP, nonce=NONCE)


@pytest.mark.parametrize(
    "padded",
    [
        pytest.param(b"r" * 16 + b"\x00" * 16, id="pad of zero"),
        pytest.param(b"r" * 31 + bytes([33]), id="pad longer than a block"),
        pytest.param(b"r" * 30 + bytes([1, 3]), id="pad bytes differ"),
        pytest.param(bytes([32]) * 32, id="nothing but padding"),
        pytest.param(
            b"r" * 16 + struct.pack("!I", 4_000_000_000) + b"x" * 5 + bytes([7]) * 7,
            id="length beyond the message",
        ),
    ],
)
def test_broken_insides_are_refused_although_signed(crypto: CallbackCrypto, padded: bytes) -> None:
    with pytest.raises(BadCiphertext):
        crypto.decrypt(**seal(crypto, padded))


@pytest.mark.parametrize(
    "encrypt",
    [
        pytest.param("", id="empty"),
        pytest.param(VECTOR[:-3], id="truncated base64"),
        pytest.param(VECTOR[:24], id="truncated block"),
        pytest.param("####" + VECTOR, id="foreign characters"),
        pytest.param("密文", id="not ASCII"),
    ],
)
def test_broken_ciphertexts_are_refused_although_signed(crypto: CallbackCrypto, encrypt: str) -> None:
    signature = crypto.sign(STAMP, NONCE, encrypt)

    with pytest.raises(BadCiphertext):
        crypto.decrypt(encrypt, signature=signature, timestamp=STAMP, nonce=NONCE)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"{}", id="JSON"),
        pytest.param(b"<xml><Encrypt></Encrypt></xml>", id="empty Encrypt"),
        pytest.param(b"<xml><Encrypt>a</Encrypt><Encrypt>b</Encrypt></xml>", id="two Encrypts"),
        pytest.param(b"<other><Encrypt>a</Encrypt></other>", id="another root"),
        pytest.param(
            b'<!DOCTYPE xml [<!ENTITY a "aaaa">]><xml><Encrypt>&a;</Encrypt></xml>', id="an entity of its own"
        ),
        pytest.param(
            b'<!DOCTYPE xml [<!ENTITY a SYSTEM "file:///etc/passwd">]><xml><Encrypt>&a;</Encrypt></xml>',
            id="an external entity",
        ),
        pytest.param(b"<!DOCTYPE xml><xml><Encrypt>a</Encrypt></xml>", id="a bare DOCTYPE"),
        pytest.param(b"<a>" * 5000, id="deep nesting"),
        pytest.param(b"<xml>" + b"<a/>" * 100_000 + b"<Encrypt>a</Encrypt></xml>", id="endless breadth"),
        pytest.param(b"<xml><Encrypt>a</Encrypt></xml><xml/>", id="two roots"),
        pytest.param(b"<xml><Encrypt>\x00</Encrypt></xml>", id="a NUL"),
        *(
            pytest.param(
                f'<?xml version="1.0" encoding="{name}"?><xml><Encrypt>\xff</Encrypt></xml>'.encode(
                    "latin-1"
                ),
                id=f"in {name}",
            )
            for name in ("base64", "rot13", "zlib", "idna", "undefined", "ansi", "utf-7", "gbk")
        ),
    ],
)
def test_what_is_not_an_envelope_is_refused(body: bytes) -> None:
    with pytest.raises(BadEnvelope):
        read_envelope(body)


@given(body=st.binary(max_size=400))
def test_no_body_can_raise_anything_but_a_bad_callback(body: bytes) -> None:
    crypto = CallbackCrypto(token=TOKEN, aes_key=KEY, corp_id=CORP)

    def attempt() -> bytes:
        encrypt = read_envelope(body)
        return crypto.decrypt(
            encrypt, signature=crypto.sign(STAMP, NONCE, encrypt), timestamp=STAMP, nonce=NONCE
        )

    with pytest.raises(BadCallback):
        attempt()


@pytest.mark.parametrize("key", [KEY[:-1], KEY + "A", KEY[:-1] + "+", KEY[:-1] + "中"])
def test_a_malformed_key_is_refused_at_once(key: str) -> None:
    with pytest.raises(ValueError, match="43"):
        CallbackCrypto(token=TOKEN, aes_key=key, corp_id=CORP)
