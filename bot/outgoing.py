"""Which effects there are, and what delivers each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.corp_tags import CorpTags
from bot.deliveries.answers import AnswerDelivery
from bot.deliveries.cards import CardUpdateDelivery, NoticeDelivery, ReviewCardDelivery
from bot.deliveries.channels import CodeCreation, CodePicture, CodeRemoval, CodeShaping
from bot.deliveries.groups import GroupFetch, GroupWelcomeDelivery, GroupWelcomeRemoval
from bot.deliveries.kf import KfFetch
from bot.deliveries.kf_send import KfSendDelivery
from bot.deliveries.look_again import LookAgainDelivery
from bot.deliveries.people import ContactFetch
from bot.deliveries.tags import CorpTagsFetch, TagDelivery
from bot.deliveries.tasks import CancelDelivery, ReminderDelivery, TaskDelivery
from bot.deliveries.transfers import GroupTransferDelivery, PatientTransferDelivery
from bot.deliveries.welcome import WelcomeDelivery

if TYPE_CHECKING:
    from aiohttp import ClientSession

    from bot.deliveries.base import Delivery
    from bot.media import MediaLibrary
    from content.library.view import Library
    from content.pack import Pack
    from content.render import Renderer
    from store.clock import Clock
    from store.database import Database
    from store.vault import Vault
    from wecom.client import WeComClient


def deliveries(
    client: WeComClient,
    database: Database,
    web: ClientSession | None,
    *,
    pack: Pack,
    library: Library,
    renderer: Renderer,
    media: MediaLibrary,
    vault: Vault,
    clock: Clock,
    public_url: str,
) -> list[Delivery]:
    """Build the deliveries of all kinds of effects; ``web`` is for what is not WeCom's API: pictures
    of live codes; without it they are not fetched.
    """
    corp_tags = CorpTags(client)
    return [
        WelcomeDelivery(
            client,
            database,
            pack=pack,
            renderer=renderer,
            media=media,
            vault=vault,
            public_url=public_url,
            clock=clock,
        ),
        TagDelivery(client, corp_tags),
        CorpTagsFetch(corp_tags),
        ContactFetch(client, vault, pack=pack, public_url=public_url),
        GroupFetch(client, database, pack=pack, public_url=public_url, clock=clock),
        GroupWelcomeDelivery(client, database, renderer=renderer, media=media, clock=clock),
        GroupWelcomeRemoval(client),
        PatientTransferDelivery(client, pack=pack, public_url=public_url),
        GroupTransferDelivery(client, pack=pack, public_url=public_url),
        CodeCreation(client, database, pack=pack, public_url=public_url, clock=clock),
        CodeShaping(client, database, pack=pack, public_url=public_url, clock=clock),
        CodeRemoval(client, database, pack=pack, public_url=public_url, clock=clock),
        *([CodePicture(web)] if web is not None else []),
        TaskDelivery(client, database, media=media, corp_tags=corp_tags, pack=pack, clock=clock),
        ReminderDelivery(client, database),
        CancelDelivery(client),
        ReviewCardDelivery(client, database, pack=pack, public_url=public_url),
        CardUpdateDelivery(client),
        NoticeDelivery(client),
        AnswerDelivery(client),
        KfSendDelivery(
            client,
            database,
            library=library,
            renderer=renderer,
            vault=vault,
            public_url=public_url,
            clock=clock,
        ),
        LookAgainDelivery(pack=pack, public_url=public_url),
        KfFetch(
            client,
            database,
            pack=pack,
            vault=vault,
            public_url=public_url,
            clock=clock,
        ),
    ]
