"""Customer moments (客户朋友圈): tasks that members tap, and who saw them (mass-send-and-moments.md §3)."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pydantic import Field

from wecom.answers import Answer, Instant, Page
from wecom.api.posted import PostedText, window
from wecom.attachments import Attachment, moment_content
from wecom.exchange import Endpoint
from wecom.limits import check_count
from wecom.transport import Transport

MONTH = timedelta(days=30)
LIST_PAGE = 20  # WeCom's maximum here; older SDKs say 100
PAGE = 1000
RESULT_PAGE = 5000
FINISHED = 3

CREATE = Endpoint(path="externalcontact/add_moment_task", creates=True)
JOB_RESULT = Endpoint(path="externalcontact/get_moment_task_result", method="GET")
CANCEL = Endpoint(path="externalcontact/cancel_moment_task")
LIST = Endpoint(path="externalcontact/get_moment_list")
TASKS = Endpoint(path="externalcontact/get_moment_task")
CUSTOMERS = Endpoint(path="externalcontact/get_moment_customer_list")
SEND_RESULT = Endpoint(path="externalcontact/get_moment_send_result")
COMMENTS = Endpoint(path="externalcontact/get_moment_comments")


@dataclass(frozen=True, slots=True, kw_only=True)
class MomentTask:
    """One moment for some members to publish.

    With ``tag_ids`` (corp tags, any of them) only those customers see it; single customers cannot be named.
    Without members and departments WeCom takes every member of the app's visible range.

    Raises:
        ValueError: WeCom would refuse it; the message names the field.
    """

    text: str = ""  # at most 2000 characters and 4000 bytes
    attachments: tuple[Attachment, ...] = ()  # one kind; ids of ``media.upload_attachment``
    userids: tuple[str, ...] = ()  # at most 100 000
    department_ids: tuple[int, ...] = ()
    tag_ids: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        moment_content(self.text, self.attachments)
        check_count("userids", self.userids, 100_000)

    def to_wecom(self) -> dict[str, Any]:
        body = moment_content(self.text, self.attachments)
        visible: dict[str, Any] = {}
        senders = {"user_list": [*self.userids], "department_list": [*self.department_ids]}
        if any(senders.values()):
            visible["sender_list"] = {name: ids for name, ids in senders.items() if ids}
        if self.tag_ids:
            visible["external_contact_list"] = {"tag_list": [*self.tag_ids]}
        return body | ({"visible_range": visible} if visible else {})


class InvalidSenders(Answer):
    """Members and departments that WeCom left out."""

    user_list: tuple[str, ...] = ()
    department_list: tuple[int, ...] = ()


class InvalidTags(Answer):
    """Tags that WeCom left out."""

    tag_list: tuple[str, ...] = ()


class MomentJobResult(Answer):
    """How a finished job ended: its own ``errcode`` counts, not only the call's."""

    errcode: int = 0
    errmsg: str = ""
    moment_id: str = ""
    invalid_senders: InvalidSenders = Field(InvalidSenders(), alias="invalid_sender_list")
    invalid_tags: InvalidTags = Field(InvalidTags(), alias="invalid_external_contact_list")


class MomentJob(Answer):
    """A job: ``status`` 1 started, 2 running, 3 finished; ``result`` only when finished."""

    status: int
    type: str = ""
    result: MomentJobResult | None = None

    @property
    def is_finished(self) -> bool:
        return self.status == FINISHED


class MomentMedia(Answer):
    """A picture or video of a listed moment; its id can be downloaded."""

    media_id: str = ""
    thumb_media_id: str = ""


class MomentLink(Answer):
    """The link of a listed moment."""

    title: str = ""
    url: str = ""


class MomentRecord(Answer):
    """A moment in the list; deleted ones are not there. ``creator`` is empty for tasks made through the
    API.
    """

    moment_id: str
    creator: str = ""
    create_time: Instant = None
    create_type: int = 0  # 0 corp, 1 personal
    visible_type: int = 1  # 0 some customers, 1 public
    text: PostedText = PostedText()
    image: tuple[MomentMedia, ...] = ()
    video: MomentMedia | None = None
    link: MomentLink | None = None

    @property
    def content(self) -> str:
        return self.text.content

    @property
    def attachment_kinds(self) -> tuple[str, ...]:
        """One word per attachment, as in ``Attachment.kind``."""
        video = ("video",) if self.video and self.video.media_id else ()
        link = ("link",) if self.link and self.link.url else ()
        return ("image",) * len(self.image) + video + link


class MomentMember(Answer):
    """One member's part: whether it was published."""

    userid: str
    publish_status: int = 0  # 0 not yet, 1 published

    @property
    def is_published(self) -> bool:
        return self.publish_status == 1


class MomentCustomer(Answer):
    """A customer whom the member chose, or who can see the moment."""

    external_userid: str
    userid: str = ""


class Reaction(Answer):
    """A like or a comment by a customer or a member. WeCom does not tell the comment's text."""

    external_userid: str | None = None
    userid: str | None = None
    create_time: Instant = None


class MomentComments(Answer):
    """All reactions to one member's publication."""

    comment_list: tuple[Reaction, ...] = ()
    like_list: tuple[Reaction, ...] = ()


class _Created(Answer):
    jobid: str = Field(min_length=1)


class _Records(Page):
    moment_list: tuple[MomentRecord, ...] = ()


class _Members(Page):
    task_list: tuple[MomentMember, ...] = ()


class _Customers(Page):
    customer_list: tuple[MomentCustomer, ...] = ()


class Moments:
    """Customer moments. Nothing is published by the API itself: each member taps."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def create(self, task: MomentTask) -> str:
        """Start a job and return its id, good for 24 h (doc 95094). 10 per minute, 100 000 per month.

        No idempotency key: after a lost answer look with ``list`` first.

        Raises:
            OutcomeUnknown: no usable answer.
            NotYet: 41078 too many running jobs.
            RateLimited: 45009 more than ten in a minute.
            Refused: 40007, 41072 media too old or of the wrong upload; 40201, 40204 blocked content.
        """
        return (await self._transport.ask(CREATE, _Created, body=task.to_wecom())).jobid

    async def job_result(self, jobid: str) -> MomentJob:
        """Return how far a job is; store the moment id before the 24 h are over (doc 95094).

        A job for nobody is no error of the call: ``result.errcode`` says so, such as 60011.

        Raises:
            Refused: 40058 no such job, or it is older than 24 h.
        """
        return await self._transport.ask(JOB_RESULT, MomentJob, params={"jobid": jobid})

    async def cancel(self, moment_id: str) -> None:
        """Take the task from members who have not published (doc 97612); what is published stays.

        Again is as good as once.

        Raises:
            Busy: 41079 still being dispatched, try again in a minute.
            Refused: 41059, 41060 bad id, or its job still runs.
        """
        await self._transport.call(CANCEL, body={"moment_id": moment_id})

    async def tasks(self, moment_id: str) -> AsyncIterator[MomentMember]:
        """Yield each visible member's part of a corp moment (doc 93333).

        Raises:
            Busy: 41079 still being dispatched, ask again in a minute.
            Refused: 41059, 41060 bad id, or its job still runs; 41067 a personal moment.
        """
        body = {"moment_id": moment_id, "limit": PAGE}
        async for page in self._transport.pages(TASKS, _Members, body):
            for member in page.task_list:
                yield member

    async def customers(self, moment_id: str, userid: str) -> AsyncIterator[MomentCustomer]:
        """Yield the customers a member chose when publishing; not who received it (doc 93333).

        Raises:
            Busy: 41079 still being dispatched, ask again in a minute.
            NotYet: 41062 the member has not published yet.
            Refused: 41059, 41060 bad id, or its job still runs; 41061 not this member's; 40003 no such
                member.
            NeedsAdmin: 60011 the member is outside the visible range.
        """
        body = {"moment_id": moment_id, "userid": userid, "limit": PAGE}
        async for page in self._transport.pages(CUSTOMERS, _Customers, body):
            for customer in page.customer_list:
                yield customer

    async def send_result(self, moment_id: str, userid: str) -> AsyncIterator[MomentCustomer]:
        """Yield the customers who can see a member's publication: the delivered ones (doc 93333).

        Raises:
            Busy: 41079 still being dispatched, ask again in a minute.
            NotYet: 41062 the member has not published yet.
            Refused: 41059, 41060 bad id, or its job still runs; 41061 not this member's; 40003 no such
                member.
            NeedsAdmin: 60011 the member is outside the visible range.
        """
        body = {"moment_id": moment_id, "userid": userid, "limit": RESULT_PAGE}
        async for page in self._transport.pages(SEND_RESULT, _Customers, body):
            for customer in page.customer_list:
                yield customer

    async def comments(self, moment_id: str, userid: str) -> MomentComments:
        """Return who liked and who commented on a member's publication (doc 93333).

        Raises:
            Busy: 41079 still being dispatched, ask again in a minute.
            NotYet: 41062 the member has not published yet.
            Refused: 41059, 41060 bad id, or its job still runs; 41061 not this member's; 40003 no such
                member.
            NeedsAdmin: 60011 the member is outside the visible range.
        """
        body = {"moment_id": moment_id, "userid": userid}
        return await self._transport.ask(COMMENTS, MomentComments, body=body)

    async def list(
        self, start: datetime, end: datetime, *, creator: str | None = None, filter_type: int = 2
    ) -> AsyncIterator[MomentRecord]:
        """Yield moments created from ``start`` to ``end``, at most 30 days apart (doc 93333); the list lags.

        ``filter_type``: 0 corp, 1 personal, 2 all. Pages hold 20.

        Raises:
            ValueError: a window of no zone, reversed or longer than 30 days.
            Refused: 40003 no such ``creator``; 40058 bad ``filter_type``.
            NeedsAdmin: 60011 the creator is outside the visible range.
        """
        body: dict[str, Any] = {
            "filter_type": filter_type,
            "limit": LIST_PAGE,
            **window(start, end, longest=MONTH),
        }
        if creator:
            body["creator"] = creator
        async for page in self._transport.pages(LIST, _Records, body):
            for record in page.moment_list:
                yield record
