"""Patients as WeCom knows them: external contacts and who follows them (external-contact.md §2, §3, §7)."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

from pydantic import Field

from wecom.answers import Answer, Instant, Page
from wecom.attachments import Attachment, message_content
from wecom.errors import Refused
from wecom.exchange import Endpoint
from wecom.limits import check_chars, check_count, check_present
from wecom.transport import Transport

NO_RELATION = 84061
SERVED_PAGE = 1000
BATCH = 100  # members per call, and contacts per page

FOLLOW_USERS = Endpoint(path="externalcontact/get_follow_user_list", method="GET")
LIST = Endpoint(path="externalcontact/list", method="GET")
GET = Endpoint(path="externalcontact/get", method="GET")
BATCH_BY_USER = Endpoint(path="externalcontact/batch/get_by_user")
SERVED = Endpoint(path="externalcontact/contact_list")
REMARK = Endpoint(path="externalcontact/remark")
# 41051 protects a second try, but only the caller knows whether the code's 20 s are over.
SEND_WELCOME = Endpoint(path="externalcontact/send_welcome_msg", creates=True)


class ExternalContact(Answer):
    """A person outside the corp. ``unionid`` needs a developer account bound to the corp."""

    external_userid: str
    name: str = ""
    avatar: str = ""
    type: int = 1  # 1 WeChat, 2 WeCom user of another corp
    gender: int = 0  # 0 unknown, 1 male, 2 female
    unionid: str = ""
    position: str = ""
    corp_name: str = ""


class FollowTag(Answer):
    """A tag one member put on the contact. Personal tags (type 2) have no id."""

    tag_id: str = ""
    tag_name: str = ""
    group_name: str = ""
    type: int = 1  # 1 corp, 2 personal, 3 strategy


class Follow(Answer):
    """The relation of one member to the contact."""

    userid: str
    remark: str = ""
    description: str = ""
    created_at: Instant = Field(None, alias="createtime")
    tags: tuple[FollowTag, ...] = ()
    batch_tag_ids: tuple[str, ...] = Field((), alias="tag_id")  # what a batch says instead of ``tags``
    remark_mobiles: tuple[str, ...] = ()
    remark_corp_name: str = ""
    add_way: int = 0
    oper_userid: str = ""
    state: str = ""

    @property
    def tag_ids(self) -> tuple[str, ...]:
        """Ids of the corp (and strategy) tags, in whichever form they came."""
        return self.batch_tag_ids or tuple(tag.tag_id for tag in self.tags if tag.tag_id)


class ContactDetail(Answer):
    """A contact with all the members of the app's visible range who follow them."""

    external_contact: ExternalContact
    follow_user: tuple[Follow, ...] = ()


class BatchContact(Answer):
    """A contact with the one follow of the member who was asked for."""

    external_contact: ExternalContact
    follow: Follow = Field(alias="follow_info")


class Served(Answer):
    """Somebody served by a member. ``tmp_openid`` lives 4 h; customers have an external_userid besides."""

    is_customer: bool = False
    tmp_openid: str = ""
    external_userid: str = ""
    name: str = Field("", repr=False)
    follow_userid: str = ""
    chat_id: str = ""
    chat_name: str = ""
    add_time: Instant = None


class _FollowUsers(Answer):
    follow_user: tuple[str, ...] = ()


class _Ids(Answer):
    external_userid: tuple[str, ...] = ()


class _DetailPage(ContactDetail, Page):
    pass


class _ServedPage(Page):
    info_list: tuple[Served, ...] = ()


class _BatchPage(Page):
    external_contact_list: tuple[BatchContact, ...] = ()


class Contacts:
    """External contacts. A member counts only inside both 客户联系's 使用范围 and the app's visible range."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def follow_users(self) -> list[str]:
        """Return the userids that may have customers (doc 92571)."""
        return [*(await self._transport.ask(FOLLOW_USERS, _FollowUsers)).follow_user]

    async def get(self, external_userid: str, *, urgent: bool = False) -> ContactDetail:
        """Return a contact and everybody who follows them, all pages read (doc 92114).

        ``urgent``: wait for a turn before ordinary calls do, since somebody is waiting to be greeted.

        Raises:
            Refused: 41035 no id; 40096 bad id or no visible follower; 84061 no relation; 50100 the cursor is
                forgotten: begin again.
        """
        params = {"external_userid": external_userid}
        page = await self._transport.ask(GET, _DetailPage, params=params, urgent=urgent)
        follows, cursor = list(page.follow_user), page.next_cursor
        while cursor:  # only with more than 500 followers
            params["cursor"] = cursor
            page = await self._transport.ask(GET, _DetailPage, params=params, urgent=urgent)
            follows += page.follow_user
            cursor = page.next_cursor if page.next_cursor != cursor else ""
        return ContactDetail(external_contact=page.external_contact, follow_user=tuple(follows))

    async def list_of(self, userid: str) -> list[str]:
        """Return the ids of a member's contacts, in one answer (doc 92113). No contact is no error.

        Raises:
            Refused: 40003, 60111 no such member.
            NeedsAdmin: 60011 outside the visible range; 84074 outside 客户联系's 使用范围.
        """
        try:
            answer = await self._transport.ask(LIST, _Ids, params={"userid": userid})
        except Refused as exc:
            if exc.errcode == NO_RELATION:
                return []
            raise
        return [*answer.external_userid]

    async def batch_by_user(self, userids: Sequence[str]) -> AsyncIterator[BatchContact]:
        """Yield the contacts of the members, each with that member's follow, 100 per call (doc 92994).

        The bulk tool for a sync; a contact followed by two of the members comes twice. Personal tags are
        dropped.

        Raises:
            Refused: 40003, 60111 one of them is no member; 50100 the cursor is forgotten: begin again.
            NeedsAdmin: 60011 one is outside the visible range; 84074 outside 客户联系's 使用范围.
        """
        for start in range(0, len(userids), BATCH):
            async for contact in self._batch(list(userids[start : start + BATCH])):
                yield contact

    async def _batch(self, userids: list[str]) -> AsyncIterator[BatchContact]:
        body: dict[str, Any] = {"userid_list": userids, "limit": BATCH}
        try:
            async for page in self._transport.pages(BATCH_BY_USER, _BatchPage, body):
                for contact in page.external_contact_list:
                    yield contact
        except Refused as exc:
            if exc.errcode != NO_RELATION:
                raise
            if len(userids) == 1:
                return
        else:
            return
        # One member without contacts must not hide the contacts of the others.
        for userid in userids:
            async for contact in self._batch([userid]):
                yield contact

    async def served(self) -> AsyncIterator[Served]:
        """Yield everybody whom members serve, customers or not, 1000 a page: for counting (doc 99434).

        Raises:
            Refused: 50100 the cursor is forgotten: begin again.
        """
        async for page in self._transport.pages(SERVED, _ServedPage, {"limit": SERVED_PAGE}):
            for one in page.info_list:
                yield one

    async def send_welcome(
        self,
        welcome_code: str,
        text: str,
        attachments: Sequence[Attachment] = (),
        *,
        timeout_s: float | None = None,
    ) -> None:
        """Spend a one-time welcome code, within 20 s of its event (doc 92137). No tap is needed.

        ``text`` at most 4000 bytes of UTF-8, at most 9 attachments with ids of ``media.upload``, not both
        empty.

        Raises:
            WelcomeSpent: 41050 bad or old code; 41051 delivered already or chat begun.
            Busy: 41096 another app is sending now: try again within the 20 s.
            Refused: 41053 the contact has not agreed to archiving; 40201, 40204 blocked content; 40007 media
                old or not of ``media.upload``, 41072 of an album; 40058 ``pic_url`` not of
                ``media.upload_image``; 41064, 41065 bad attachments; 45002 too long.
            NeedsAdmin: 90206, 90207 the mini-program is not linked, or none.
            OutcomeUnknown: no answer; inside the 20 s a second try is harmless (41051).
        """
        check_present("welcome_code", welcome_code)
        body = {"welcome_code": welcome_code, **message_content(text, attachments)}
        await self._transport.call(SEND_WELCOME, body=body, timeout_s=timeout_s)

    async def remark(
        self,
        userid: str,
        external_userid: str,
        *,
        remark: str | None = None,
        description: str | None = None,
        company: str | None = None,
        mobiles: Sequence[str] | None = None,
        picture_media_id: str | None = None,
    ) -> None:
        """Set what one member notes about a contact (doc 92115); ``None`` leaves a field as it is.

        ``remark`` and ``company`` at most 20 characters, ``description`` 150. ``mobiles`` overwrites; empty
        clears.

        Raises:
            Refused: 41035, 40096 bad contact; 84061 no relation; 40003, 60111 no such member; 40058 more than
                10 mobiles; 40007, 41072 the picture is old or of no ``media.upload``; 41056 a company's name
                for somebody of another corp, who has one.
            NeedsAdmin: 60011 the member is outside the visible range; 84074 outside 客户联系's 使用范围.
        """
        check_chars("remark", remark or "", 20)
        check_chars("description", description or "", 150)
        check_chars("company", company or "", 20)
        fields = {
            "remark": remark,
            "description": description,
            "remark_company": company,
            "remark_mobiles": None if mobiles is None else list(mobiles) or [""],
            "remark_pic_mediaid": picture_media_id,
        }
        given = {name: value for name, value in fields.items() if value is not None}
        check_count("remark fields", given, len(fields), least=1)
        await self._transport.call(
            REMARK, body={"userid": userid, "external_userid": external_userid, **given}
        )
