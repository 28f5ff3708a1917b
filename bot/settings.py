"""Settings from the environment (DESIGN §5): read once, frozen, and never printed."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

PREFIX = "XIAOHU_"
_DATABASES = ("sqlite+aiosqlite://", "postgresql+asyncpg://")


class SettingsProblem(Exception):
    """The environment is not usable; the message names every variable and no value."""


def _http_url(value: str) -> str:
    if not re.fullmatch(r"https?://[^\s/?#]+[^\s?#]*", value):
        raise ValueError("需要以 http:// 或 https:// 开头的网址")
    return value.rstrip("/")


HttpUrl = Annotated[str, AfterValidator(_http_url)]


class Settings(BaseSettings):
    """Everything that differs between two installations."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_file=".env", extra="ignore", frozen=True, hide_input_in_errors=True
    )

    database_url: SecretStr = SecretStr("sqlite+aiosqlite:///var/xiaohu.db")
    redis_url: SecretStr | None = None
    host: str = "127.0.0.1"
    port: int = Field(default=8080, ge=0, le=65535)
    public_url: HttpUrl = "http://127.0.0.1:8080"
    secret_key: SecretStr
    admin_password: SecretStr
    api_key: SecretStr | None = None
    content_pack: str = "dental"
    wecom_api_base: HttpUrl = "https://qyapi.weixin.qq.com"
    wecom_corp_id: str = Field(pattern=r"^[A-Za-z0-9_-]{2,64}$")
    wecom_agent_id: int = Field(ge=0)
    wecom_secret: SecretStr
    wecom_token: SecretStr
    wecom_aes_key: SecretStr

    @field_validator("*", mode="before")
    @classmethod
    def _empty_is_missing(cls, value: Any, info: Any) -> Any:
        if value == "" and cls.model_fields[info.field_name].is_required():
            raise ValueError("没有填写")
        return value

    @field_validator("redis_url", "api_key", mode="before")
    @classmethod
    def _empty_is_unset(cls, value: Any) -> Any:
        return value or None

    @field_validator("database_url")
    @classmethod
    def _known_database(cls, value: SecretStr) -> SecretStr:
        if not value.get_secret_value().startswith(_DATABASES):
            raise ValueError("需要 sqlite+aiosqlite:///路径 或 postgresql+asyncpg://…")
        return value

    @field_validator("redis_url")
    @classmethod
    def _known_redis(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not value.get_secret_value().startswith(
            ("redis://", "rediss://", "unix://")
        ):
            raise ValueError("需要 redis://… 或 rediss://…")
        return value

    @field_validator("secret_key")
    @classmethod
    def _long_enough(cls, value: SecretStr) -> SecretStr:
        if len(value.get_secret_value()) < 8:
            raise ValueError("至少 8 个字符；建议用 openssl rand -hex 32 生成")
        return value

    @field_validator("wecom_token")
    @classmethod
    def _token(cls, value: SecretStr) -> SecretStr:
        if not re.fullmatch(r"[A-Za-z0-9]{1,32}", value.get_secret_value()):
            raise ValueError("应是企业微信“接收消息”里的 Token：字母数字，最多 32 位")
        return value

    @field_validator("wecom_aes_key")
    @classmethod
    def _aes_key(cls, value: SecretStr) -> SecretStr:
        if not re.fullmatch(r"[A-Za-z0-9]{43}", value.get_secret_value()):
            raise ValueError("应是企业微信“接收消息”里的 EncodingAESKey：正好 43 位字母数字")
        return value


class PackChoice(BaseSettings):
    """The one setting that checking a pack needs."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_file=".env", extra="ignore", frozen=True)

    content_pack: str = "dental"


class DatabaseChoice(BaseSettings):
    """The one setting that looking up what staff stored needs; None: no clinic is configured here."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_file=".env", extra="ignore", frozen=True)

    database_url: SecretStr | None = None


_WHAT = {
    "missing": "没有设置",
    "int_parsing": "应是整数",
    "greater_than_equal": "数值太小",
    "less_than_equal": "数值太大",
    "string_pattern_mismatch": "格式不对",
}


def load_settings(*, env_file: Path | None = Path(".env")) -> Settings:
    """Read the environment.

    Raises:
        SettingsProblem: every missing or malformed variable, one per line, without its value.
    """
    try:
        return Settings(_env_file=env_file)
    except ValidationError as exc:
        lines = []
        for error in exc.errors(include_input=False, include_url=False):
            name = PREFIX + str(error["loc"][0]).upper()
            what = _WHAT.get(error["type"]) or str(error["msg"]).removeprefix("Value error, ")
            lines.append(f"  {name}：{what}")
        raise SettingsProblem("以下设置有问题：\n" + "\n".join(sorted(lines))) from None
