"""What an endpoint is: a method, a path, and a function of the call."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from wecom.sandbox.state import Json, Media
    from wecom.sandbox.tenant import Tenant

    from .fields import Fields


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """The ``media`` part of a multipart request."""

    filename: str
    content_type: str
    blob: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One API call with a good token. ``body`` is empty for GET, ``upload`` only set for uploads."""

    tenant: Tenant
    query: Mapping[str, str]
    body: Fields
    base_url: str
    upload: Upload | None = None
    ranged: bool = False  # the request asks for a part of a file


Handler: TypeAlias = "Callable[[Call], Json | Media] | Callable[[Call], Awaitable[Json]]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """An API of WeCom. ``path`` is without /cgi-bin/. A handler that is no coroutine runs alone.

    It returns the fields beside errcode and errmsg, or a file to download, or raises ``Refusal``.
    """

    method: Literal["GET", "POST"]
    path: str
    handler: Handler
    takes: Literal["json", "file"] = "json"
    needs_token: bool = True


def get(path: str, handler: Handler, *, needs_token: bool = True) -> Endpoint:
    return Endpoint(method="GET", path=path, handler=handler, needs_token=needs_token)


def post(path: str, handler: Handler) -> Endpoint:
    return Endpoint(method="POST", path=path, handler=handler)


def upload(path: str, handler: Handler) -> Endpoint:
    return Endpoint(method="POST", path=path, handler=handler, takes="file")
