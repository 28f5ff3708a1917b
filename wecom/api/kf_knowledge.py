"""微信客服: the knowledge that WeCom's own bot answers from (customer-service-kf.md §7; doc 95971, 95972).

A program that answers by itself has no use for it; a clinic that lets WeCom's bot speak at night has.
"""

import builtins
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from pydantic import Field

from wecom.answers import Answer, Page
from wecom.attachments import Image, Link, Video
from wecom.exchange import Endpoint
from wecom.kf_messages import KfMiniProgram
from wecom.limits import check_chars, check_count, check_present
from wecom.transport import Transport

NAME_CHARS = 12
QUESTION_CHARS = 200
SIMILAR = 100
ANSWER_CHARS = 500
ATTACHMENTS = 4
PAGE = 1000

ADD_GROUP = Endpoint(path="kf/knowledge/add_group", creates=True)
RENAME_GROUP = Endpoint(path="kf/knowledge/mod_group")
DELETE_GROUP = Endpoint(path="kf/knowledge/del_group")
GROUPS = Endpoint(path="kf/knowledge/list_group")
ADD = Endpoint(path="kf/knowledge/add_intent", creates=True)
UPDATE = Endpoint(path="kf/knowledge/mod_intent")
DELETE = Endpoint(path="kf/knowledge/del_intent")
LIST = Endpoint(path="kf/knowledge/list_intent")

KnowledgeAttachment: TypeAlias = Image | Video | Link | KfMiniProgram


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What the bot answers: a text of at most 500 characters and up to four attachments.

    Raises:
        ValueError: WeCom would refuse it; the message names the field.
    """

    text: str
    attachments: tuple[KnowledgeAttachment, ...] = ()  # ids of ``media.upload``

    def __post_init__(self) -> None:
        check_present("reply.text", self.text)
        check_chars("reply.text", self.text, ANSWER_CHARS)
        check_count("reply.attachments", self.attachments, ATTACHMENTS)

    def to_wecom(self) -> dict[str, Any]:
        answer: dict[str, Any] = {"text": {"content": self.text}}
        if self.attachments:
            answer["attachments"] = [_attached(one) for one in self.attachments]
        return answer


class KnowledgeGroup(Answer):
    """A group of questions; WeCom's own default group can neither be renamed nor deleted."""

    group_id: str
    name: str = ""
    is_default: bool = False


class _Text(Answer):
    content: str = ""


class _Said(Answer):
    text: _Text = _Text()


class _Similar(Answer):
    items: tuple[_Said, ...] = ()


class _Attached(Answer):
    msgtype: str = ""


class _Reply(_Said):
    attachments: tuple[_Attached, ...] = ()


class Knowledge(Answer):
    """A question with others like it, and what the bot answers. Of attachments WeCom tells names only."""

    intent_id: str
    group_id: str = ""
    question: _Said = _Said()
    similar_questions: _Similar = _Similar()
    answers: tuple[_Reply, ...] = ()

    @property
    def asked(self) -> str:
        return self.question.text.content

    @property
    def also_asked(self) -> tuple[str, ...]:
        return tuple(one.text.content for one in self.similar_questions.items)

    @property
    def answered(self) -> str:
        return self.answers[0].text.content if self.answers else ""

    @property
    def attachment_kinds(self) -> tuple[str, ...]:
        return tuple(one.msgtype for one in self.answers[0].attachments) if self.answers else ()


class _GroupCreated(Answer):
    group_id: str = Field(min_length=1)


class _Created(Answer):
    intent_id: str = Field(min_length=1)


class _More(Page):
    has_more: bool = False


class _Groups(_More):
    group_list: tuple[KnowledgeGroup, ...] = ()


class _Entries(_More):
    intent_list: tuple[Knowledge, ...] = ()


class KfKnowledge:
    """At most 100 groups of 200 questions each; a question stands in one group only.

    WeCom publishes no errcodes of its own for these: 40058 is what its usual answer to a bad parameter is.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def add_group(self, name: str) -> str:
        """Create a group, its name at most 12 characters, and return its id (doc 95971).

        Raises:
            OutcomeUnknown: no usable answer; look with ``groups``, names are unique.
            Refused: 40058 the name is taken, or there are 100 groups.
        """
        return (await self._transport.ask(ADD_GROUP, _GroupCreated, body={"name": _name(name)})).group_id

    async def rename_group(self, group_id: str, name: str) -> None:
        """Rename a group (doc 95971).

        Raises:
            Refused: 40058 no such group, the default one, or the name is taken.
        """
        check_present("group_id", group_id)
        await self._transport.call(RENAME_GROUP, body={"group_id": group_id, "name": _name(name)})

    async def delete_group(self, group_id: str) -> None:
        """Delete a group with its questions (doc 95971).

        Raises:
            Refused: 40058 no such group, or the default one.
        """
        check_present("group_id", group_id)
        await self._transport.call(DELETE_GROUP, body={"group_id": group_id})

    async def groups(self, *, group_id: str = "") -> AsyncIterator[KnowledgeGroup]:
        """Yield all groups, or the one asked for, 1000 a page (doc 95971).

        Raises:
            Refused: 50100 the cursor is forgotten.
        """
        body = _only(group_id=group_id)
        async for page in self._transport.pages(GROUPS, _Groups, body):
            for group in page.group_list:
                yield group
            if not page.has_more:
                return

    async def add(self, group_id: str, question: str, reply: Reply, *, similar: Sequence[str] = ()) -> str:
        """Teach a question, with up to 100 similar ones, 200 characters each, and return its id (doc 95972).

        Raises:
            OutcomeUnknown: no usable answer; look with ``list``, a question stands in one group only.
            Refused: 40058 no such group, it has 200 questions, or one of these is taught already; 40007,
                41072 media too old or of the wrong upload.
            NeedsAdmin: 90206, 90207 the mini-program is not linked to the corp.
        """
        check_present("group_id", group_id)
        body = {"group_id": group_id, "question": _question(question), "answers": [reply.to_wecom()]}
        if similar:
            body["similar_questions"] = _similar(similar)
        return (await self._transport.ask(ADD, _Created, body=body)).intent_id

    async def update(
        self,
        intent_id: str,
        *,
        question: str | None = None,
        similar: Sequence[str] | None = None,
        reply: Reply | None = None,
    ) -> None:
        """Replace what is given of a question, its similar ones and its answer (doc 95972).

        Raises:
            Refused: 40058 no such question, or one of these is taught already; 40007, 41072 as ``add``.
            NeedsAdmin: 90206, 90207 as ``add``.
        """
        check_present("intent_id", intent_id)
        body: dict[str, Any] = {"intent_id": intent_id}
        if question is not None:
            body["question"] = _question(question)
        if similar is not None:
            body["similar_questions"] = _similar(similar)
        if reply is not None:
            body["answers"] = [reply.to_wecom()]
        check_count("question, similar, reply", body, 4, least=2)
        await self._transport.call(UPDATE, body=body)

    async def delete(self, intent_id: str) -> None:
        """Forget a question (doc 95972).

        Raises:
            Refused: 40058 no such question.
        """
        check_present("intent_id", intent_id)
        await self._transport.call(DELETE, body={"intent_id": intent_id})

    async def list(self, *, group_id: str = "", intent_id: str = "") -> AsyncIterator[Knowledge]:
        """Yield all questions, those of a group or the one asked for, 1000 a page (doc 95972).

        Raises:
            Refused: 50100 the cursor is forgotten.
        """
        body = _only(group_id=group_id, intent_id=intent_id)
        async for page in self._transport.pages(LIST, _Entries, body):
            for entry in page.intent_list:
                yield entry
            if not page.has_more:
                return


def _name(name: str) -> str:
    check_present("name", name)
    check_chars("name", name, NAME_CHARS)
    return name


def _question(question: str, field: str = "question") -> dict[str, Any]:
    check_present(field, question)
    check_chars(field, question, QUESTION_CHARS)
    return {"text": {"content": question}}


def _similar(questions: Sequence[str]) -> dict[str, builtins.list[dict[str, Any]]]:
    check_count("similar", questions, SIMILAR)
    return {"items": [_question(one, "similar") for one in questions]}


def _attached(one: KnowledgeAttachment) -> dict[str, Any]:
    if isinstance(one, KfMiniProgram):
        return {"msgtype": one.kind, one.kind: one.to_wecom()}
    return one.to_wecom()


def _only(**ids: str) -> dict[str, Any]:
    return {"limit": PAGE} | {name: value for name, value in ids.items() if value}
