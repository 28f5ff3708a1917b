"""``xiaohu sandbox``: the simulated tenant by itself, for this program or any other bot."""

from __future__ import annotations

import json
import sys
from typing import Any

from bot.server import Stopper
from wecom.sandbox.server import DEFAULT_CALLBACK_URL, running_sandbox


async def run_sandbox(
    *, host: str, port: int, scene: str, seed: int, callback: str | None, patients: int | None = None
) -> int:
    """Serve the tenant until stopped; print one JSON line when it is ready."""
    stopper = Stopper()
    keywords: dict[str, Any] = {
        "host": host,
        "port": port,
        "scene": scene,
        "seed": seed,
        "patients": patients,
    }
    try:
        async with running_sandbox(**keywords, callback_url=callback or DEFAULT_CALLBACK_URL) as sandbox:
            sys.stdout.write(json.dumps(sandbox.connection, ensure_ascii=False) + "\n")
            sys.stdout.flush()
            await stopper.wait()
    except OSError as exc:
        sys.stderr.write(f"不能在 {host}:{port} 上监听：{exc.strerror or exc}\n")
        return 2
    except ValueError as exc:
        sys.stderr.write(f"{exc}\n")
        return 2
    return 0
