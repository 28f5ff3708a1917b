"""A Chromium for the browser tests: an installed one, else Debian's package, else Playwright's own.

``python -m tests.support.browser`` prepares one before the tests run; only where none can be had do the
browser tests skip, and the run's last lines say so.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
INSTALL_S = 300
# Quiet in a closed network, and usable as root in a container.
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def find() -> str | None:
    """Return the path of a Chromium, or None."""
    for name in NAMES:
        if path := shutil.which(name):
            return path
    return _playwrights_own()


def prepare() -> str | None:
    """Return a Chromium, installing one if need be and possible."""
    if path := find():
        return path
    if os.geteuid() == 0 and shutil.which("apt-get"):
        _run(["apt-get", "update", "-qq"])
        _run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium", "fonts-noto-cjk"])
        if path := find():
            return path
    _run([sys.executable, "-m", "playwright", "install", "chromium"])
    return find()


def _playwrights_own() -> str | None:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    return path if Path(path).exists() else None


def _run(command: list[str]) -> None:
    try:
        subprocess.run(
            command,
            check=False,
            timeout=INSTALL_S,
            capture_output=True,
            env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
        )
    except (OSError, subprocess.TimeoutExpired) as exc:
        sys.stderr.write(f"{command[0]}: {exc}\n")  # the next way is tried


if __name__ == "__main__":
    found = prepare()
    sys.stderr.write(f"Chromium: {found or 'none to be had; the browser tests will be skipped'}\n")
