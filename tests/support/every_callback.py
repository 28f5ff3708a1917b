"""One callback of every kind that callbacks.md knows, as fields behind the envelope's own."""

from __future__ import annotations

from typing import Any, Final

PATIENT: Final = "wm" + "P" * 30
STRANGER: Final = "wm" + "S" * 30
CHAT: Final = "wr" + "G" * 30
LINK: Final = "caLINK0000000001"
KF: Final = "wk" + "K" * 30
AGENT: Final = 1000002


def _event(name: str, **fields: Any) -> dict[str, Any]:
    return {"MsgType": "event", "Event": name, **fields}


def _contact(change: str, **fields: Any) -> dict[str, Any]:
    pair = {"UserID": "xiaohu", "ExternalUserID": PATIENT}
    return _event("change_external_contact", ChangeType=change, **(pair | fields))


def _chat(change: str, **fields: Any) -> dict[str, Any]:
    return _event("change_external_chat", ChatId=CHAT, ChangeType=change, **fields)


def _people(detail: str, **fields: Any) -> dict[str, Any]:
    return _chat(
        "update",
        UpdateDetail=detail,
        MemChangeCnt=1,
        MemChangeList={"Item": [STRANGER]},
        LastMemVer="a" * 32,
        CurMemVer="b" * 32,
        **fields,
    )


def _tag(change: str, **fields: Any) -> dict[str, Any]:
    return _event("change_external_tag", ChangeType=change, Id="et" + "T" * 30, **fields)


def _link(change: str, **fields: Any) -> dict[str, Any]:
    return _event("customer_acquisition", ChangeType=change, **fields)


def _member(change: str, **fields: Any) -> dict[str, Any]:
    return _event("change_contact", ChangeType=change, **fields)


def _message(kind: str, **fields: Any) -> dict[str, Any]:
    return {"MsgType": kind, "MsgId": "7390000000000000001", "AgentID": AGENT, **fields}


def _app(name: str, **fields: Any) -> dict[str, Any]:
    return _event(name, AgentID=AGENT, **fields)


_CARD = {
    "TaskId": "batch-77@1",
    "EventKey": "approve",
    "CardType": "button_interaction",
    "ResponseCode": "RESPONSE_CODE_01",
    "AgentID": AGENT,
}

# Kind as docs/callbacks.md names it -> (who sends, fields).
EVERY: Final[dict[str, tuple[str, dict[str, Any]]]] = {
    "change_external_contact.add_external_contact": (
        "sys",
        _contact("add_external_contact", State="douyin", WelcomeCode="WELCOME_CODE_01"),
    ),
    "change_external_contact.add_half_external_contact": (
        "sys",
        _contact(
            "add_half_external_contact",
            ExternalUserID=STRANGER,
            State="douyin",
            WelcomeCode="WELCOME_CODE_02",
        ),
    ),
    "change_external_contact.edit_external_contact": ("sys", _contact("edit_external_contact")),
    "change_external_contact.del_external_contact": ("sys", _contact("del_external_contact")),
    "change_external_contact.del_external_contact (DELETE_BY_TRANSFER)": (
        "sys",
        _contact("del_external_contact", Source="DELETE_BY_TRANSFER"),
    ),
    "change_external_contact.del_follow_user": ("sys", _contact("del_follow_user")),
    "change_external_contact.transfer_fail": (
        "sys",
        _contact("transfer_fail", FailReason="customer_refused"),
    ),
    "change_external_contact.msg_audit_approved": (
        "sys",
        _contact("msg_audit_approved", WelcomeCode="WELCOME_CODE_03"),
    ),
    "change_external_chat.create": ("sys", _chat("create")),
    "change_external_chat.update (add_member)": ("sys", _people("add_member", JoinScene=3)),
    "change_external_chat.update (del_member)": ("sys", _people("del_member", QuitScene=0)),
    "change_external_chat.update (change_owner)": ("sys", _chat("update", UpdateDetail="change_owner")),
    "change_external_chat.update (change_name)": ("sys", _chat("update", UpdateDetail="change_name")),
    "change_external_chat.update (change_notice)": ("sys", _chat("update", UpdateDetail="change_notice")),
    "change_external_chat.dismiss": ("sys", _chat("dismiss")),
    "change_external_tag.create": ("sys", _tag("create", TagType="tag")),
    "change_external_tag.update": ("sys", _tag("update", TagType="tag")),
    "change_external_tag.delete": ("sys", _tag("delete", TagType="tag")),
    "change_external_tag.shuffle": ("sys", _tag("shuffle")),
    "customer_acquisition.balance_low": ("sys", _link("balance_low")),
    "customer_acquisition.balance_exhausted": ("sys", _link("balance_exhausted")),
    "customer_acquisition.balance_increased": ("sys", _link("balance_increased")),
    "customer_acquisition.quota_expire_soon": (
        "sys",
        _link("quota_expire_soon", ExpireTime=1795835000, ExpireQuotaNum=30),
    ),
    "customer_acquisition.link_unavailable": ("sys", _link("link_unavailable", LinkId=LINK)),
    "customer_acquisition.delete_link": ("sys", _link("delete_link", LinkId=LINK)),
    "customer_acquisition.open_profile": ("sys", _link("open_profile", LinkId=LINK, State="douyin")),
    "customer_acquisition.friend_request": ("sys", _link("friend_request", LinkId=LINK, State="douyin")),
    "customer_acquisition.customer_start_chat": (
        "sys",
        _link("customer_start_chat", LinkId=LINK, UserID="xiaohu", ExternalUserID=PATIENT),
    ),
    "customer_acquisition.message_from_customer": (
        "sys",
        _link("message_from_customer", LinkId=LINK, ChatKey="CHATKEY01"),
    ),
    "kf_msg_or_event": ("sys", _event("kf_msg_or_event", Token="KFTOKEN01", OpenKfId=KF)),
    "kf_account_auth_change": ("sys", _event("kf_account_auth_change", AuthAddOpenKfId=[KF])),
    "template_card_event": ("chen.jing", _event("template_card_event", **_CARD)),
    "template_card_menu_event": ("chen.jing", _event("template_card_menu_event", **_CARD)),
    "message.text": ("chen.jing", _message("text", Content="今日")),
    "message.image": ("chen.jing", _message("image", PicUrl="https://pic.example/1", MediaId="M1")),
    "message.voice": ("chen.jing", _message("voice", MediaId="M1", Format="amr")),
    "message.video": ("chen.jing", _message("video", MediaId="M1", ThumbMediaId="M2")),
    "message.location": (
        "chen.jing",
        _message("location", Location_X="23.1", Location_Y="113.3", Scale=15, Label="青禾路"),
    ),
    "message.link": (
        "chen.jing",
        _message("link", Title="t", Description="d", Url="https://page.example", PicUrl=""),
    ),
    "enter_agent": ("chen.jing", _app("enter_agent", EventKey="")),
    "click": ("chen.jing", _app("click", EventKey="MENU_TODO")),
    "view": ("chen.jing", _app("view", EventKey="https://page.example")),
    "LOCATION": ("chen.jing", _app("LOCATION", Latitude="23.1", Longitude="113.3", Precision="10")),
    "subscribe": ("he.yan", _app("subscribe")),
    "unsubscribe": ("chen.jing", _app("unsubscribe")),
    "inactive_alert": ("sys", _app("inactive_alert", EffectTime=1795835000)),
    "close_inactive_agent": ("sys", _app("close_inactive_agent")),
    "reopen_inactive_agent": ("sys", _app("reopen_inactive_agent")),
    "low_active_alert": ("sys", _app("low_active_alert", EffectTime=1795835000)),
    "low_active": ("sys", _app("low_active")),
    "active_restored": ("sys", _app("active_restored")),
    "change_contact.create_user": ("sys", _member("create_user", UserID="he.yan", Name="何燕", Status=1)),
    "change_contact.update_user": ("sys", _member("update_user", UserID="chen.jing", Position="店长")),
    "change_contact.delete_user": ("sys", _member("delete_user", UserID="sun.yue")),
    "change_contact.create_party": ("sys", _member("create_party", Id=8, Name="二门诊", ParentId=1)),
    "change_contact.update_party": ("sys", _member("update_party", Id=8, Name="二门诊部")),
    "change_contact.delete_party": ("sys", _member("delete_party", Id=8)),
    "change_contact.update_tag": ("sys", _member("update_tag", TagId=3, AddUserItems="chen.jing")),
    "upload_media_job_finish": ("sys", _event("upload_media_job_finish", JobId="job1")),
    "batch_job_result": (
        "sys",
        _event("batch_job_result", BatchJob={"JobId": "job1"}, JobId="job1", JobType="sync_user"),
    ),
    "living_status_change": ("sys", _app("living_status_change", LivingId="lv1", Status=1)),
    "sys_approval_change": (
        "sys",
        _event("sys_approval_change", AgentID=3010040, ApprovalInfo={"SpNo": "202611210003", "SpStatus": 2}),
    ),
}
