"""Which handlers there are, in the order they are called."""

from __future__ import annotations

from typing import TYPE_CHECKING

from handlers.acquisition import acquisition_router
from handlers.agent import agent_router
from handlers.agent_health import agent_health_router
from handlers.archive import archive_router
from handlers.cards import card_router
from handlers.channels import channel_router
from handlers.contacts import contact_router
from handlers.groups import group_router
from handlers.handovers import handover_router
from handlers.kf import kf_router
from handlers.router import Router
from handlers.staff import staff_router
from handlers.tags import tag_router
from handlers.welcomes import welcome_router

if TYPE_CHECKING:
    from content.pack import Pack
    from store.vault import Vault


def root_router(pack: Pack, *, vault: Vault, public_url: str) -> Router:
    """Build the router of all callbacks."""
    router = Router("root")
    router.include(
        welcome_router(pack),
        contact_router(pack, public_url=public_url),
        tag_router(),
        channel_router(pack),
        archive_router(),
        group_router(pack, public_url=public_url),
        staff_router(pack, public_url=public_url),
        handover_router(pack, public_url=public_url),
        card_router(pack, public_url=public_url),
        kf_router(pack, vault=vault, public_url=public_url),
        acquisition_router(pack, public_url=public_url),
        agent_router(pack, public_url=public_url),
        agent_health_router(pack, public_url=public_url),
    )
    return router
