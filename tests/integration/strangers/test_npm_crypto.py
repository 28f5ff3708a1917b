"""WeCom's own npm package @wecom/crypto seals callbacks for our door, and opens what we seal."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select

from store.inbox import InboxEvent
from tests.support.webhook import CORP, KEY, NONCE, PLAIN, TOKEN, envelope

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.support.webhook import Endpoint

HERE = Path(__file__).parent
FILES = ("package.json", "package-lock.json", ".npmrc", "seal.mjs")
INSTALL_S = 120


def program(name: str) -> str:
    found = shutil.which(name) or shutil.which(name, path=str(Path(sys.executable).parent))
    if found is None:
        pytest.skip(f"no {name} on this machine: install Node.js, or the development dependencies")
    return found


@pytest.fixture(scope="module")
def node(
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[[Sequence[dict[str, Any]]], list[dict[str, Any]]]:
    """The script beside this file, with its package installed by the lock."""
    npm, binary = program("npm"), program("node")
    folder = tmp_path_factory.mktemp("npm")
    for name in FILES:
        shutil.copy(HERE / name, folder)
    command = [npm, "ci", "--ignore-scripts", "--prefer-offline"]
    done = subprocess.run(command, check=False, cwd=folder, capture_output=True, text=True, timeout=INSTALL_S)
    assert done.returncode == 0, done.stderr

    def ask(questions: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        lines = "".join(
            json.dumps({"token": TOKEN, "key": KEY, "nonce": NONCE, **q}) + "\n" for q in questions
        )
        answer = subprocess.run(
            [binary, "seal.mjs"],
            check=False,
            cwd=folder,
            input=lines,
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=60,
        )
        assert answer.returncode == 0, answer.stderr
        return [json.loads(line) for line in answer.stdout.splitlines()]

    return ask


def plaintexts() -> list[str]:
    """Return events of every length modulo WeCom's 32-byte blocks, some of them with Chinese and emoji."""
    texts = [PLAIN.format(n="x" * extra) for extra in range(33)]
    return [*texts, PLAIN.format(n="患者😀"), PLAIN.format(n="长" * 20_000), "<xml/>"]


async def test_what_the_npm_package_sealed_is_stored_byte_for_byte(endpoint: Endpoint, node: Any) -> None:
    stamp = endpoint.stamp()
    texts = plaintexts()
    questions = [{"do": "seal", "corp": CORP, "plain": text, "timestamp": stamp} for text in texts]

    answers = []
    for sealed in await asyncio.to_thread(node, questions):
        query = {"msg_signature": sealed["signature"], "timestamp": stamp, "nonce": NONCE}
        answers.append(await endpoint.post(query, envelope(sealed["encrypt"])))

    assert set(answers) == {200}
    async with endpoint.runtime.database.read() as session:
        stored = await session.scalars(select(InboxEvent.body).order_by(InboxEvent.id))
    assert [body.decode() for body in stored] == texts


async def test_the_url_check_of_the_npm_package_gets_its_echo(endpoint: Endpoint, node: Any) -> None:
    stamp = endpoint.stamp()
    question = {"do": "seal", "corp": CORP, "plain": "1616140317555161061", "timestamp": stamp}
    [sealed] = await asyncio.to_thread(node, [question])
    query = {
        "msg_signature": sealed["signature"],
        "timestamp": stamp,
        "nonce": NONCE,
        "echostr": sealed["encrypt"],
    }

    async with endpoint.http.get(endpoint.url, params=query) as response:
        answer = (response.status, await response.text())

    assert answer == (200, "1616140317555161061")


async def test_what_the_npm_package_sealed_for_another_corp_is_refused(endpoint: Endpoint, node: Any) -> None:
    stamp = endpoint.stamp()
    question = {"do": "seal", "corp": "wwsomebodyelse", "plain": PLAIN, "timestamp": stamp}
    [sealed] = await asyncio.to_thread(node, [question])
    query = {"msg_signature": sealed["signature"], "timestamp": stamp, "nonce": NONCE}

    assert await endpoint.post(query, envelope(sealed["encrypt"])) == 403
    assert await endpoint.stored() == 0


async def test_the_npm_package_opens_what_we_seal(endpoint: Endpoint, node: Any) -> None:
    texts = plaintexts()
    sealed = [endpoint.crypto.encrypt(text) for text in texts]
    stamp = endpoint.stamp()

    opened = await asyncio.to_thread(
        node, [{"do": "open", "encrypt": encrypt, "timestamp": stamp} for encrypt in sealed]
    )

    assert [(one["message"], one["id"]) for one in opened] == [(text, CORP) for text in texts]
    assert [one["signature"] for one in opened] == [
        endpoint.crypto.sign(stamp, NONCE, encrypt) for encrypt in sealed
    ]
