"""From the fields of a callback to the event they mean: one small builder per kind."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

from wecom.events import contacts, kinds
from wecom.events.wire import UnparseableEvent, Wire, read

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

__all__ = ["UnparseableEvent", "parse_event"]

APP_WARNINGS = frozenset(
    {
        "inactive_alert",
        "close_inactive_agent",
        "reopen_inactive_agent",
        "low_active_alert",
        "low_active",
        "active_restored",
    }
)


def parse_event(plaintext: bytes) -> kinds.Event:
    """Return the event that a decrypted callback means; ``UnknownEvent`` for a kind this program does not
    know.

    Raises:
        UnparseableEvent: not an event, or one without an element its kind cannot do without. Nothing else
        is raised,
            whatever the bytes.
    """
    wire, names = read(plaintext)
    build = _builder(wire)
    if build is None:
        return kinds.UnknownEvent(**_common(wire), from_user=wire.from_user, names=names)
    return build(wire)


class _Common(TypedDict):
    corp_id: str
    happened_at: datetime
    kind: str


class _Pair(_Common):
    userid: str
    external_userid: str


def _common(wire: Wire) -> _Common:
    if wire.msg_type.lower() != "event":
        kind = f"message.{wire.msg_type}"
    else:
        kind = ".".join(part for part in (wire.event, wire.change_type) if part) or "event"
    return _Common(corp_id=wire.corp_id, happened_at=wire.happened_at, kind=kind)


def _need(value: str | None, element: str, wire: Wire) -> str:
    if value is None:
        raise UnparseableEvent(f"the callback {_common(wire)['kind'][:64]} lacks <{element}>")
    return value


def _pair(wire: Wire) -> _Pair:
    return _Pair(
        **_common(wire),
        userid=_need(wire.userid, "UserID", wire),
        external_userid=_need(wire.external_userid, "ExternalUserID", wire),
    )


def _sender(wire: Wire) -> str:
    return _need(wire.from_user, "FromUserName", wire)


def _added(wire: Wire) -> kinds.Event:
    return contacts.ContactAdded(
        **_pair(wire),
        state=wire.state,
        welcome_code=wire.welcome_code,
        half=wire.change_type == "add_half_external_contact",
        link_id=wire.link_id,
    )


def _edited(wire: Wire) -> kinds.Event:
    return contacts.ContactEdited(**_pair(wire))


def _removed_by_member(wire: Wire) -> kinds.Event:
    return contacts.ContactRemovedByMember(**_pair(wire), source=wire.source)


def _removed_by_contact(wire: Wire) -> kinds.Event:
    return contacts.MemberRemovedByContact(**_pair(wire))


def _transfer_failed(wire: Wire) -> kinds.Event:
    return contacts.TransferFailed(**_pair(wire), reason=_need(wire.fail_reason, "FailReason", wire))


def _archive_approved(wire: Wire) -> kinds.Event:
    return contacts.ArchiveApproved(**_pair(wire), welcome_code=wire.welcome_code)


def _group_created(wire: Wire) -> kinds.Event:
    return contacts.GroupCreated(**_common(wire), chat_id=_need(wire.chat_id, "ChatId", wire))


def _group_dismissed(wire: Wire) -> kinds.Event:
    return contacts.GroupDismissed(**_common(wire), chat_id=_need(wire.chat_id, "ChatId", wire))


def _group_updated(wire: Wire) -> kinds.Event:
    return contacts.GroupUpdated(
        **_common(wire),
        chat_id=_need(wire.chat_id, "ChatId", wire),
        update_detail=_need(wire.update_detail, "UpdateDetail", wire),
        members=wire.changed_members,
        join_scene=wire.join_scene,
        quit_scene=wire.quit_scene,
        last_version=wire.last_version,
        current_version=wire.current_version,
    )


def _tag_changed(wire: Wire) -> kinds.Event:
    shuffled = wire.change_type == "shuffle"  # its Id is empty when the groups themselves were reordered
    return contacts.TagChanged(
        **_common(wire),
        change_type=wire.change_type or "",
        tag_id=wire.id if shuffled else _need(wire.id, "Id", wire),
        tag_type=wire.tag_type,
        strategy_id=wire.strategy_id,
    )


def _acquisition(wire: Wire) -> kinds.Event:
    return contacts.AcquisitionEvent(
        **_common(wire),
        change_type=_need(wire.change_type, "ChangeType", wire),
        link_id=wire.link_id,
        state=wire.state,
        userid=wire.userid,
        external_userid=wire.external_userid,
        chat_key=wire.chat_key,
        expires_at=wire.expire_time,
        expiring_quota=wire.expire_quota,
    )


def _card_tapped(wire: Wire) -> kinds.Event:
    return kinds.CardTapped(
        **_common(wire),
        userid=_sender(wire),
        event_key=_need(wire.event_key, "EventKey", wire),
        task_id=_need(wire.task_id, "TaskId", wire),
        card_type=wire.card_type,
        response_code=wire.response_code,
        agent_id=wire.agent_id,
        menu=(wire.event or "").lower() == "template_card_menu_event",
        selected=wire.selected,
    )


def _message(wire: Wire) -> kinds.Event:
    return kinds.MessageReceived(
        **_common(wire),
        userid=_sender(wire),
        msg_type=wire.msg_type,
        message_id=wire.message_id,
        agent_id=wire.agent_id,
        text=wire.content,
        media_id=wire.media_id,
        thumb_media_id=wire.thumb_media_id,
        picture_url=wire.picture_url,
        audio_format=wire.audio_format,
        latitude=wire.latitude,
        longitude=wire.longitude,
        scale=wire.scale,
        label=wire.label,
        title=wire.title,
        description=wire.description,
        url=wire.url,
    )


def _entered(wire: Wire) -> kinds.Event:
    return kinds.AgentEntered(**_common(wire), userid=_sender(wire), agent_id=wire.agent_id)


def _menu(wire: Wire) -> kinds.Event:
    return kinds.MenuClicked(
        **_common(wire),
        userid=_sender(wire),
        agent_id=wire.agent_id,
        event_key=_need(wire.event_key, "EventKey", wire),
        opened_url=(wire.event or "").lower() == "view",
    )


def _visibility(wire: Wire) -> kinds.Event:
    return kinds.AgentVisibilityChanged(
        **_common(wire),
        userid=_sender(wire),
        agent_id=wire.agent_id,
        visible=(wire.event or "").lower() == "subscribe",
    )


def _warned(wire: Wire) -> kinds.Event:
    return kinds.AgentWarned(
        **_common(wire),
        warning=(wire.event or "").lower(),
        agent_id=wire.agent_id,
        effective_at=wire.effect_time,
    )


def _member_changed(wire: Wire) -> kinds.Event:
    change_type = _need(wire.change_type, "ChangeType", wire)
    about_party = change_type.endswith("_party")
    return kinds.MemberChanged(
        **_common(wire),
        change_type=change_type,
        userid=_need(wire.userid, "UserID", wire) if change_type.endswith("_user") else wire.userid,
        new_userid=wire.new_userid,
        name=wire.name,
        position=wire.position,
        status=wire.status,
        department_ids=wire.departments,
        main_department=wire.main_department,
        party_id=int(wire.id)
        if about_party and wire.id and wire.id.isdecimal() and len(wire.id) < 19
        else None,
        parent_party_id=wire.parent_id,
        tag_id=wire.contact_tag_id,
        added_userids=wire.added_users,
        removed_userids=wire.removed_users,
    )


def _job_finished(wire: Wire) -> kinds.Event:
    return kinds.JobFinished(
        **_common(wire),
        job_id=_need(wire.job_id, "JobId", wire),
        job_type=wire.job_type,
        errcode=wire.errcode,
    )


def _kf_bell(wire: Wire) -> kinds.Event:
    return kinds.KfBell(**_common(wire), open_kfid=_need(wire.open_kfid, "OpenKfId", wire), token=wire.token)


def _kf_auth_changed(wire: Wire) -> kinds.Event:
    return kinds.KfAuthChanged(**_common(wire), added=wire.auth_added, removed=wire.auth_removed)


_BY_CHANGE: dict[tuple[str, str], Callable[[Wire], kinds.Event]] = {
    ("change_external_contact", "add_external_contact"): _added,
    ("change_external_contact", "add_half_external_contact"): _added,
    ("change_external_contact", "edit_external_contact"): _edited,
    ("change_external_contact", "del_external_contact"): _removed_by_member,
    ("change_external_contact", "del_follow_user"): _removed_by_contact,
    ("change_external_contact", "transfer_fail"): _transfer_failed,
    ("change_external_contact", "msg_audit_approved"): _archive_approved,
    ("change_external_chat", "create"): _group_created,
    ("change_external_chat", "update"): _group_updated,
    ("change_external_chat", "dismiss"): _group_dismissed,
    ("change_external_tag", "create"): _tag_changed,
    ("change_external_tag", "update"): _tag_changed,
    ("change_external_tag", "delete"): _tag_changed,
    ("change_external_tag", "shuffle"): _tag_changed,
}
_BY_EVENT: dict[str, Callable[[Wire], kinds.Event]] = {
    "customer_acquisition": _acquisition,
    "template_card_event": _card_tapped,
    "template_card_menu_event": _card_tapped,
    "enter_agent": _entered,
    "click": _menu,
    "view": _menu,
    "subscribe": _visibility,
    "unsubscribe": _visibility,
    "change_contact": _member_changed,
    "upload_media_job_finish": _job_finished,
    "batch_job_result": _job_finished,
    "kf_msg_or_event": _kf_bell,
    "kf_account_auth_change": _kf_auth_changed,
    **dict.fromkeys(APP_WARNINGS, _warned),
}


KNOWN_KINDS = frozenset({*(f"{event}.{change}" for event, change in _BY_CHANGE), *_BY_EVENT}) - {
    "customer_acquisition",  # these two are told apart by their ChangeType, whatever WeCom adds
    "change_contact",
}


def _builder(wire: Wire) -> Callable[[Wire], kinds.Event] | None:
    if wire.msg_type.lower() != "event":
        return _message
    event, change = (wire.event or "").lower(), (wire.change_type or "").lower()
    return _BY_CHANGE.get((event, change)) or _BY_EVENT.get(event)
