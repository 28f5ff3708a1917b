"""Callbacks that need nothing done, each with its reason. They are stored, answered 200 and counted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

# By kind as docs/callbacks.md names it.
IGNORED: Final[Mapping[str, str]] = {
    "change_external_chat.update (change_notice)": "a group's notice is kept and used nowhere",
    "change_contact.create_party": "departments decide nothing here: personas and roles are bound to members",
    "change_contact.update_party": "as create_party",
    "change_contact.delete_party": "as create_party; its members come with events of their own",
    "change_contact.update_tag": "tags of members (not of patients) decide nothing here",
    "view": "the entry has opened its page already; there is nothing to answer",
    "upload_media_job_finish": "we upload files directly and start no such job",
    "batch_job_result": "we start no jobs in the contacts book",
    "LOCATION": "where staff are is none of our business; do not switch it on",
    "living_status_change": "live streams are not planned or watched here yet",
    "sys_approval_change": "content is approved on our own cards and pages, not in OA approvals",
}
