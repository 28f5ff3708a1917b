"""Reading back what an unanswered call may have made (:mod:`wecom.lost_answers`, remedy ``find``).

The match functions are pure; the finders read WeCom's lists with them and change nothing. None, or what is
missing, means "not there now": only a second look a minute later makes it certain. The tasks that members
tap are found by ``bot.deliveries.task_search``, which knows which ones belong to other posts.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from wecom.errors import Refused

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection, Iterable, Sequence
    from datetime import datetime

    from wecom.api.acquisition import AcquisitionLink, LinkDetail
    from wecom.api.contact_ways import ContactWay, ContactWayDetail
    from wecom.api.intercepts import InterceptRule, RuleDetail
    from wecom.api.kf import State
    from wecom.api.kf_accounts import KfAccount
    from wecom.api.tags import TagGroup
    from wecom.api.transfers import TransferResult
    from wecom.client import WeComClient

SKEW: Final = timedelta(minutes=2)  # between WeCom's clock and ours
NO_RECORD: Final = 5  # transfer_result.status
NO_SUCH_WAY: Final = 41044


def same_contact_way(way: ContactWay, kept: ContactWayDetail) -> bool:
    """Tell whether a contact way that WeCom keeps is the one that was asked for."""
    asked = way.to_wecom()
    return (
        (kept.type, kept.scene, kept.state, kept.remark)
        == (asked["type"], asked["scene"], way.state, way.remark)
        and (set(kept.user), set(kept.party)) == (set(way.userids), set(way.department_ids))
        and (kept.skip_verify, kept.is_exclusive) == (way.skip_verify, way.is_exclusive)
    )


def same_link(link: AcquisitionLink, kept: LinkDetail, *, since: datetime) -> bool:
    """Tell whether an acquisition link is the one that was asked for, not an older one of that name."""
    return (
        (kept.link.link_name, kept.link.skip_verify) == (link.name, link.skip_verify)
        and set(kept.range.user_list) == set(link.userids)
        and set(kept.range.department_list) == set(link.department_ids)
        and made_since(kept.link.create_time, since)
    )


def same_rule(rule: InterceptRule, kept: RuleDetail) -> bool:
    """Tell whether an intercept rule is the one that was asked for."""
    return (
        (kept.rule_name, kept.intercept_type) == (rule.name, 1 if rule.blocks else 2)
        and set(kept.word_list) == set(rule.words)
        and set(kept.extra_rule.semantics_list) == {int(one) for one in rule.semantics}
        and set(kept.applicable_range.user_list) == set(rule.userids)
        and set(kept.applicable_range.department_list) == set(rule.department_ids)
    )


def same_account(name: str, kept: KfAccount, *, before: Collection[str]) -> bool:
    """Tell whether a kf account is a new one of that name; ``before``: the ids that were there."""
    return kept.name == name and kept.open_kfid not in before


def tag_ids(groups: Iterable[TagGroup], group_name: str, names: Collection[str]) -> dict[str, str]:
    """Return the ids of those tags of a group that are there, by name."""
    return {
        tag.name: tag.id
        for group in groups
        if group.group_name == group_name and not group.deleted
        for tag in group.tag
        if tag.name in names and not tag.deleted
    }


def under_way(results: Iterable[TransferResult], external_userids: Collection[str]) -> set[str]:
    """Return those customers whose hand-over WeCom has a record of, whatever came of it."""
    return {
        result.external_userid
        for result in results
        if result.external_userid in external_userids and result.status != NO_RECORD
    }


def made_since(created: datetime | None, since: datetime) -> bool:
    """Tell whether something was made after a call left; without a time it may have been."""
    return created is None or created >= since - SKEW


class Finders:
    """Looks in WeCom's lists. ``since`` is when the unanswered call left; ``known`` are ids that belong to
    something else already. Every method may raise ``WeComError``: then nothing was learned.
    """

    def __init__(self, client: WeComClient) -> None:
        self._client = client

    async def tags(self, group_name: str, names: Collection[str]) -> dict[str, str]:
        """Return the ids of the tags that are there, by name (doc 92117)."""
        return tag_ids(await self._client.tags.list(), group_name, names)

    async def contact_way(
        self, way: ContactWay, *, since: datetime, now: datetime, known: Collection[str] = ()
    ) -> str | None:
        """Return the ``config_id`` of a contact way (doc 92572).

        Raises:
            ValueError: a temporary one, which no list has; it ends by itself, so another may be made.
        """
        if way.is_temp:
            raise ValueError("way: WeCom lists no temporary contact ways")
        async for config_id in self._client.contact_ways.list(since - SKEW, now + SKEW):
            if config_id in known:
                continue
            try:
                kept = await self._client.contact_ways.get(config_id)
            except Refused as exc:
                if exc.errcode != NO_SUCH_WAY:
                    raise  # what could not be read may be the one
                continue  # deleted since the list was read
            if same_contact_way(way, kept):
                return config_id
        return None

    async def acquisition_link(
        self, link: AcquisitionLink, *, since: datetime, known: Collection[str] = ()
    ) -> str | None:
        """Return the ``link_id`` of an acquisition link (doc 97297)."""
        async for link_id in self._client.acquisition.list():
            if link_id in known:
                continue
            if same_link(link, await self._client.acquisition.get(link_id), since=since):
                return link_id
        return None

    async def intercept_rule(
        self, rule: InterceptRule, *, since: datetime, known: Collection[str] = ()
    ) -> str | None:
        """Return the ``rule_id`` of an intercept rule (doc 95097)."""
        for ref in await self._client.intercepts.list():
            if ref.rule_name != rule.name or ref.rule_id in known or not made_since(ref.create_time, since):
                continue
            if same_rule(rule, await self._client.intercepts.get(ref.rule_id)):
                return ref.rule_id
        return None

    async def kf_account(self, name: str, *, before: Collection[str]) -> str | None:
        """Return the ``open_kfid`` of a new account (doc 94661); ``before``: the ids there were."""
        async for account in self._client.kf_accounts.list():
            if same_account(name, account, before=before):
                return account.open_kfid
        return None

    async def knowledge_group(self, name: str) -> str | None:
        """Return the ``group_id`` of a group of the bot's knowledge (doc 95971)."""
        async for group in self._client.kf_knowledge.groups():
            if group.name == name:
                return group.group_id
        return None

    async def knowledge(self, group_id: str, question: str) -> str | None:
        """Return the ``intent_id`` of a question that was taught (doc 95972)."""
        async for entry in self._client.kf_knowledge.list(group_id=group_id):
            if entry.asked == question:
                return entry.intent_id
        return None

    async def kf_moved(self, open_kfid: str, external_userid: str, to: State, *, servicer: str = "") -> bool:
        """Tell whether a session stands where it was to be moved (doc 94669)."""
        state = await self._client.kf.state(open_kfid, external_userid)
        return (state.service_state, state.servicer_userid) == (to, servicer)

    async def transferred(
        self, handover: str, takeover: str, external_userids: Collection[str], *, resigned: bool = False
    ) -> set[str]:
        """Return those customers whose hand-over has begun (doc 94088, 94082); offer only the others again.

        An earlier hand-over between the two counts as well: WeCom does not say when one began.
        """
        transfers = self._client.transfers
        listed: AsyncIterator[TransferResult] = (
            transfers.resigned_result(handover, takeover)
            if resigned
            else transfers.result(handover, takeover)
        )
        return under_way([result async for result in listed], external_userids)

    async def groups_of(self, new_owner: str, chat_ids: Sequence[str]) -> set[str]:
        """Return those groups that the new owner has by now (doc 92122)."""
        return {
            chat_id for chat_id in chat_ids if (await self._client.groups.get(chat_id)).owner == new_owner
        }
