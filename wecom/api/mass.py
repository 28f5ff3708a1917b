"""Mass sends (企业群发): tasks that members tap, and their results (mass-send-and-moments.md §1, §2)."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, TypeAlias

from pydantic import Field

from wecom.answers import Answer, Instant, Page
from wecom.api.posted import PostedAttachment, PostedText, window
from wecom.attachments import Attachment, check_message, message_content
from wecom.exchange import Endpoint
from wecom.limits import check_count
from wecom.transport import Transport

ChatType: TypeAlias = Literal["single", "group"]

MONTH = timedelta(days=31)
LIST_PAGE = 100
RESULT_PAGE = 1000

CREATE = Endpoint(path="externalcontact/add_msg_template", creates=True)
REMIND = Endpoint(path="externalcontact/remind_groupmsg_send", creates=True)  # 3 per day: a lost one counts
CANCEL = Endpoint(path="externalcontact/cancel_groupmsg_send")
LIST = Endpoint(path="externalcontact/get_groupmsg_list_v2")
TASKS = Endpoint(path="externalcontact/get_groupmsg_task")
RESULTS = Endpoint(path="externalcontact/get_groupmsg_send_result")


@dataclass(frozen=True, slots=True, kw_only=True)
class MassSend:
    """One task: content, recipients and the member who will tap.

    ``single`` needs one of ``sender``, ``external_userids``, ``tags``; only a sender means all of that
    member's customers. ``group`` needs a sender; without ``chat_ids`` the owner picks the groups.

    Raises:
        ValueError: WeCom would refuse it; the message names the field.
    """

    chat_type: ChatType
    sender: str = ""
    external_userids: tuple[str, ...] = ()  # single only, at most 10 000; they override ``tags``
    chat_ids: tuple[str, ...] = ()  # group only, at most 2000
    tags: tuple[tuple[str, ...], ...] = ()  # single only; inside one tuple OR (at most 100), between them AND
    allow_select: bool = False  # single only: the member may take recipients out
    text: str = ""  # at most 4000 bytes of UTF-8
    attachments: tuple[Attachment, ...] = ()  # at most 9, ids of ``media.upload``

    def __post_init__(self) -> None:
        check_message(self.text, self.attachments)
        check_count("external_userids", self.external_userids, 10_000)
        check_count("chat_ids", self.chat_ids, 2000)
        for alternatives in self.tags:
            check_count("tags", alternatives, 100, least=1)
        if self.chat_type == "group":
            if not self.sender:
                raise ValueError("sender: is required for a group send")
            if self.external_userids or self.tags or self.allow_select:
                raise ValueError("external_userids, tags, allow_select: only for a single send")
        elif self.chat_ids:
            raise ValueError("chat_ids: only for a group send")
        elif not (self.sender or self.external_userids or self.tags):
            raise ValueError("sender: is required when there are neither external_userids nor tags")

    def to_wecom(self) -> dict[str, Any]:
        body: dict[str, Any] = {"chat_type": self.chat_type}
        if self.sender:
            body["sender"] = self.sender
        if self.external_userids:
            body["external_userid"] = [*self.external_userids]
        if self.chat_ids:
            body["chat_id_list"] = [*self.chat_ids]
        if self.tags:
            body["tag_filter"] = {"group_list": [{"tag_list": [*any_of]} for any_of in self.tags]}
        if self.allow_select:
            body["allow_select"] = True
        return body | message_content(self.text, self.attachments)


class MassCreated(Answer):
    """A created task. ``fail_list``: external_userids or chat_ids that WeCom leaves out; that is normal."""

    msgid: str = Field(min_length=1)
    fail_list: tuple[str, ...] = ()


class MassRecord(Answer):
    """A task in the list. ``creator`` is empty for tasks made through the API."""

    msgid: str
    creator: str = ""
    create_time: Instant = None
    create_type: int = 0  # 0 corp, 1 personal
    text: PostedText = PostedText()
    attachments: tuple[PostedAttachment, ...] = ()

    @property
    def content(self) -> str:
        return self.text.content

    @property
    def attachment_kinds(self) -> tuple[str, ...]:
        return tuple(attachment.msgtype for attachment in self.attachments)


class MassTask(Answer):
    """One member's part of a task: ``status`` 0 not tapped, 2 tapped."""

    userid: str
    status: int = 0
    send_time: Instant = None

    @property
    def is_sent(self) -> bool:
        return self.status == 2


class MassResult(Answer):
    """What became of one recipient: ``status`` 0 not sent, 1 sent, 2 no longer a friend, 3 monthly cap
    reached.
    """

    external_userid: str | None = None
    chat_id: str | None = None
    userid: str = ""
    status: int = 0
    send_time: Instant = None  # only with status 1


class _Records(Page):
    group_msg_list: tuple[MassRecord, ...] = ()


class _Tasks(Page):
    task_list: tuple[MassTask, ...] = ()


class _Results(Page):
    send_list: tuple[MassResult, ...] = ()


class Mass:
    """Mass sends. Nothing is sent by the API itself: each member taps, and may do so late or never."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def create(self, send: MassSend) -> MassCreated:
        """Create a task (doc 92135). No idempotency key: after a lost answer look with ``list`` first.

        Raises:
            OutcomeUnknown: no usable answer.
            Refused: 41048 nobody can be sent to; 40007 media too old or of the wrong upload, 41072 an
                album's; 40201, 40204 blocked content; 40003, 40096 bad ids; 40068 no such tag; 40058 a
                ``pic_url`` that is not of ``media.upload_image``; 86214 bad ``chat_type``.
            NeedsAdmin: 60011 the sender is outside the visible range, 84074 outside 客户联系's 使用范围;
                90206, 90207 a mini-program that is not linked, or none.
        """
        return await self._transport.ask(CREATE, MassCreated, body=send.to_wecom())

    async def remind(self, msgid: str) -> None:
        """Notify the members who have not tapped (doc 97610); at most 3 per task in 24 h.

        Raises:
            Busy: 41063 still being dispatched, try again in a minute.
            NotYet: 41094 the three are used.
            Refused: 41046, 41047 bad msgid; 41093 cancelled.
        """
        await self._transport.call(REMIND, body={"msgid": msgid})

    async def cancel(self, msgid: str) -> None:
        """Take the task from members who have not tapped (doc 97611); what was sent stays sent.

        Raises:
            Busy: 41063 still being dispatched, try again in a minute.
            Refused: 41046, 41047 bad msgid; 41093 cancelled before.
        """
        await self._transport.call(CANCEL, body={"msgid": msgid})

    async def tasks(self, msgid: str) -> AsyncIterator[MassTask]:
        """Yield each visible member's part (doc 93338).

        Raises:
            Busy: 41063 still being dispatched, ask again in a minute.
            Refused: 41046, 41047 bad msgid.
        """
        async for page in self._transport.pages(TASKS, _Tasks, {"msgid": msgid, "limit": RESULT_PAGE}):
            for task in page.task_list:
                yield task

    async def results(self, msgid: str, userid: str) -> AsyncIterator[MassResult]:
        """Yield what became of one member's recipients (doc 93338).

        Of a group send only the groups that were sent to are listed.

        Raises:
            Busy: 41063 still being dispatched, ask again in a minute.
            Refused: 41046, 41047 bad msgid; 40003 no such member.
            NeedsAdmin: 60011 the member is outside the visible range.
        """
        body = {"msgid": msgid, "userid": userid, "limit": RESULT_PAGE}
        async for page in self._transport.pages(RESULTS, _Results, body):
            for result in page.send_list:
                yield result

    async def list(
        self,
        chat_type: ChatType,
        start: datetime,
        end: datetime,
        *,
        creator: str | None = None,
        filter_type: int = 2,
    ) -> AsyncIterator[MassRecord]:
        """Yield tasks created from ``start`` to ``end``, at most a month apart (doc 93338); the list lags.

        ``filter_type``: 0 corp, 1 personal, 2 all.

        Raises:
            ValueError: a window of no zone, reversed or longer than a month.
            Refused: 40003 no such ``creator``; 86214, 40058 bad ``chat_type`` or ``filter_type``.
            NeedsAdmin: 60011 the creator is outside the visible range.
        """
        body: dict[str, Any] = {
            "chat_type": chat_type,
            "filter_type": filter_type,
            "limit": LIST_PAGE,
            **window(start, end, longest=MONTH),
        }
        if creator:
            body["creator"] = creator
        async for page in self._transport.pages(LIST, _Records, body):
            for record in page.group_msg_list:
                yield record
