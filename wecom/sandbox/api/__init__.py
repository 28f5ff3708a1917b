"""WeCom's API under /cgi-bin/, one module per chapter; ``ENDPOINTS`` is all of it.

A new endpoint is a function of a ``Call`` and a line in its module's ``ENDPOINTS``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import app

if TYPE_CHECKING:
    from .endpoint import Endpoint

ENDPOINTS: tuple[Endpoint, ...] = (*app.ENDPOINTS,)
