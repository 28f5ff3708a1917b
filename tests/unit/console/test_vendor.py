"""Fetching what pages load is repeated only when the lock changed."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from console import vendor

if TYPE_CHECKING:
    from pathlib import Path


def test_copies_belong_to_one_lock(tmp_path: Path) -> None:
    here, target = tmp_path / "here", tmp_path / "vendor"
    here.mkdir()
    target.mkdir()
    (here / "package-lock.json").write_text("{}")
    assert not vendor.up_to_date(here, target)

    for name in vendor.FILES:
        (target / name).write_text("x")
    (target / vendor.STAMP).write_text(vendor.digest_of_lock(here))
    assert vendor.up_to_date(here, target)

    (here / "package-lock.json").write_text('{"changed": true}')
    assert not vendor.up_to_date(here, target)


def test_the_lock_names_no_registry_and_pins_every_package() -> None:
    lock = json.loads((vendor.HERE / "package-lock.json").read_text())

    packages = {name: package for name, package in lock["packages"].items() if name}
    assert set(packages) == {"node_modules/@picocss/pico", "node_modules/htmx.org"}
    assert all(package["integrity"].startswith("sha512-") for package in packages.values())
    assert "resolved" not in json.dumps(lock)


def test_npm_is_found_on_the_machine_or_beside_python() -> None:
    assert re.search(r"npm(\.cmd)?$", vendor.npm())
