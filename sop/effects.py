"""What the queue asks WeCom to do: documents in the outbox, made by the courier."""

from __future__ import annotations

from typing import ClassVar

from pydantic import BaseModel, ConfigDict

from sop.cards import BatchSummary


class _Effect(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class CreateTask(_Effect):
    """Create the WeCom task of an approved post: add_moment_task or add_msg_template.

    Only ids travel; the courier reads the post again and refuses when ``digest`` is not its digest any more.
    """

    kind: ClassVar[str] = "create_task"
    post_id: int
    digest: str


class CancelTask(_Effect):
    """Stop members who have not tapped yet: cancel_groupmsg_send or cancel_moment_task."""

    kind: ClassVar[str] = "cancel_task"
    push_id: int
    post_kind: str
    remote_id: str


class RemindSender(_Effect):
    """Let WeCom remind the members of a mass task: remind_groupmsg_send (at most 3 in 24 h)."""

    kind: ClassVar[str] = "remind_sender"
    push_id: int
    remote_id: str


class NotifyStaff(_Effect):
    """A text card to members through the app's chat."""

    kind: ClassVar[str] = "notify_staff"
    to: list[str]
    title: str
    body: str
    url: str


class SendReviewCard(_Effect):
    """Offer a batch for review: one button card to all its reviewers. Built when it is sent."""

    kind: ClassVar[str] = "send_review_card"
    card_id: int


class UpdateReviewCard(_Effect):
    """Tell on a card what happened to its batch, for the members named; the code works once."""

    kind: ClassVar[str] = "update_review_card"
    summary: BatchSummary
    outcome: str
    detail: str
    task_id: str
    userids: list[str]
    response_code: str


class SendKf(_Effect):
    """Say a step of a journey to a patient in 微信客服: kf/send_msg, while her window is open.

    What it says is made when it is sent, so her name is not here. ``msgid`` is ours: WeCom refuses a second
    message with it.
    """

    kind: ClassVar[str] = "kf_send"
    enrolment_id: int
    step: str
    open_kfid: str
    external_userid: str
    msgid: str


class LookAgain(_Effect):
    """Draw the consequences of a step that changed what we know of her; no call to WeCom is made.

    ``stage``: move her there first; ``at``: when the step was carried out (seconds since the epoch).
    """

    kind: ClassVar[str] = "look_again"
    patient_id: int
    key: str
    at: int
    reason: str
    stage: str = ""


class AnswerStaff(_Effect):
    """A plain text to one member in the app's conversation: the answer to what he wrote or opened."""

    kind: ClassVar[str] = "answer_staff"
    to: str
    text: str
