"""WeCom's API under /cgi-bin/, one module per chapter; ``ENDPOINTS`` is all of it.

A new endpoint is a function of a ``Call`` and a line in its module's ``ENDPOINTS``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import (
    acquisition,
    app,
    app_messages,
    contact_ways,
    contacts,
    corp_tags,
    groupchats,
    handovers,
    identity,
    intercepts,
    join_ways,
    kf_accounts,
    kf_knowledge,
    kf_messages,
    mass_sends,
    media,
    members,
    moments,
    statistics,
)

if TYPE_CHECKING:
    from .endpoint import Endpoint

ENDPOINTS: tuple[Endpoint, ...] = (
    *app.ENDPOINTS,
    *members.ENDPOINTS,
    *contacts.ENDPOINTS,
    *corp_tags.ENDPOINTS,
    *contact_ways.ENDPOINTS,
    *acquisition.ENDPOINTS,
    *join_ways.ENDPOINTS,
    *groupchats.ENDPOINTS,
    *handovers.ENDPOINTS,
    *mass_sends.ENDPOINTS,
    *moments.ENDPOINTS,
    *app_messages.ENDPOINTS,
    *media.ENDPOINTS,
    *identity.ENDPOINTS,
    *statistics.ENDPOINTS,
    *intercepts.ENDPOINTS,
    *kf_accounts.ENDPOINTS,
    *kf_messages.ENDPOINTS,
    *kf_knowledge.ENDPOINTS,
)
