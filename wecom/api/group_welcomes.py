"""Group-welcome templates (入群欢迎语素材): material that a group's owner applies (external-contact.md §9,
doc 92366).
"""

from dataclasses import dataclass
from typing import Any

from pydantic import Field

from wecom.answers import Answer
from wecom.attachments import Attachment
from wecom.exchange import Endpoint
from wecom.limits import check_bytes, check_present
from wecom.transport import Transport

TEXT_BYTES = 3000

ADD = Endpoint(path="externalcontact/group_welcome_template/add", creates=True)
EDIT = Endpoint(path="externalcontact/group_welcome_template/edit")
GET = Endpoint(path="externalcontact/group_welcome_template/get")
DELETE = Endpoint(path="externalcontact/group_welcome_template/del")


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupWelcome:
    """What newcomers of a group read: a text, in which ``%NICKNAME%`` becomes their name, and one thing more.

    Raises:
        ValueError: WeCom would refuse it; the message names the field.
    """

    text: str = ""  # at most 3000 bytes of UTF-8
    attachment: Attachment | None = None  # ids of ``media.upload``; for large ones of ``media.upload_by_url``

    def __post_init__(self) -> None:
        check_bytes("text", self.text, TEXT_BYTES)
        if not self.text.strip() and self.attachment is None:
            raise ValueError("text: is required when there is no attachment")

    def to_wecom(self) -> dict[str, Any]:
        body: dict[str, Any] = {"text": {"content": self.text}} if self.text.strip() else {}
        if self.attachment is not None:
            kind = self.attachment.kind
            body[kind] = self.attachment.to_wecom()[kind]
        return body


class TemplateText(Answer):
    """The text of a template."""

    content: str = ""


class GroupWelcomeDetail(Answer):
    """A template as WeCom keeps it; at most one of the objects is there."""

    text: TemplateText = TemplateText()
    image: dict[str, Any] | None = None
    link: dict[str, Any] | None = None
    miniprogram: dict[str, Any] | None = None
    file: dict[str, Any] | None = None
    video: dict[str, Any] | None = None

    @property
    def attachment_kind(self) -> str | None:
        """One word, as in ``Attachment.kind``."""
        kinds = ("image", "link", "miniprogram", "file", "video")
        return next((kind for kind in kinds if getattr(self, kind)), None)


class _Created(Answer):
    template_id: str = Field(min_length=1)


class GroupWelcomes:
    """Templates: at most 100 per corp. There is no list: store the ids."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def add(self, welcome: GroupWelcome, *, notify: bool = True) -> str:
        """Create a template and return its id (doc 92366); owners apply it to their groups by hand.

        ``notify``: members are told that there is a new one.

        Raises:
            OutcomeUnknown: no usable answer; there is no list to look in.
            Refused: 40007, 41072 media too old or of the wrong upload; 40201, 40204 blocked content; 45002
                text too long; 40058 a field of the attachment.
            NeedsAdmin: 41055 there are 100 already; 90206, 90207 the mini-program is not linked to the corp.
        """
        body = {**welcome.to_wecom(), "notify": 1 if notify else 0}
        return (await self._transport.ask(ADD, _Created, body=body)).template_id

    async def edit(self, template_id: str, welcome: GroupWelcome) -> None:
        """Replace what a template of this app says (doc 92366), wherever it is applied.

        Raises:
            Refused: 40058 no such template; 40007, 41072, 40201, 40204, 45002 as ``add``.
            NeedsAdmin: 41058 another app made it; 90206, 90207 as ``add``.
        """
        check_present("template_id", template_id)
        await self._transport.call(EDIT, body={"template_id": template_id, **welcome.to_wecom()})

    async def get(self, template_id: str) -> GroupWelcomeDetail:
        """Return one template (doc 92366).

        Raises:
            Refused: 40058 no such template.
        """
        check_present("template_id", template_id)
        return await self._transport.ask(GET, GroupWelcomeDetail, body={"template_id": template_id})

    async def delete(self, template_id: str) -> None:
        """Delete a template of this app (doc 92366).

        Raises:
            Refused: 40058 no such template.
            NeedsAdmin: 41058 another app made it.
        """
        check_present("template_id", template_id)
        await self._transport.call(DELETE, body={"template_id": template_id})
