"""Settings: whatever stands in the environment, a complaint names variables and never quotes a value."""

from __future__ import annotations

import os
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.settings import SettingsProblem, load_settings

GOOD = {
    "XIAOHU_SECRET_KEY": "0123456789abcdef",
    "XIAOHU_ADMIN_PASSWORD": "a-password",
    "XIAOHU_WECOM_CORP_ID": "wwsettingscorp",
    "XIAOHU_WECOM_AGENT_ID": "1000002",
    "XIAOHU_WECOM_SECRET": "a-secret",
    "XIAOHU_WECOM_TOKEN": "aToken",
    "XIAOHU_WECOM_AES_KEY": "qWERtyUI0pasDFghJKLzxcVBNM1234567890abcDEFg",
}
CHECKED = [
    "XIAOHU_DATABASE_URL",
    "XIAOHU_REDIS_URL",
    "XIAOHU_PORT",
    "XIAOHU_PUBLIC_URL",
    "XIAOHU_WECOM_API_BASE",
    "XIAOHU_WECOM_AGENT_ID",
    "XIAOHU_WECOM_CORP_ID",
    "XIAOHU_WECOM_TOKEN",
    "XIAOHU_WECOM_AES_KEY",
]


def loaded(**values: str) -> object:
    with mock.patch.dict(os.environ, GOOD | values, clear=True):
        return load_settings(env_file=None)


@given(
    names=st.sets(st.sampled_from(CHECKED), min_size=1),
    value=st.text(st.characters(codec="ascii", categories=("Lu",)), min_size=12, max_size=20).map(
        lambda text: f"%{text}%"
    ),
)
def test_every_malformed_variable_is_named_once_and_its_value_never(names: set[str], value: str) -> None:
    with pytest.raises(SettingsProblem) as problem:
        loaded(**dict.fromkeys(names, value))

    lines = str(problem.value).splitlines()[1:]
    assert [line.split("：")[0].strip() for line in lines] == sorted(names)
    assert value not in str(problem.value)
    assert problem.value.__cause__ is None


def test_settings_do_not_print_their_secrets() -> None:
    shown = repr(loaded())

    for name in ("SECRET_KEY", "ADMIN_PASSWORD", "WECOM_SECRET", "WECOM_TOKEN", "WECOM_AES_KEY"):
        assert GOOD[f"XIAOHU_{name}"] not in shown


@pytest.mark.parametrize("name", ["XIAOHU_REDIS_URL", "XIAOHU_API_KEY"])
def test_an_optional_variable_left_empty_is_unset(name: str) -> None:
    assert getattr(loaded(**{name: ""}), name.removeprefix("XIAOHU_").lower()) is None


def test_addresses_lose_their_trailing_slash() -> None:
    assert loaded(XIAOHU_PUBLIC_URL="https://clinic.example/x/").public_url == "https://clinic.example/x"
