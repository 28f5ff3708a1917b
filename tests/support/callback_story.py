"""One clinic's morning in which every kind of callback comes once, and what must follow from each.

Read it as a table. ``rows`` is all that changes in the rows (in the words of ``callback_picture``; None: gone),
``calls`` all that is called in WeCom, ``told`` all that comes into patients' timelines; where nothing does,
``silent`` says why. What is not listed must not happen.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from tests.support.every_callback import EVERY

NOBODY: Final = "about no patient"
STAFF: Final = "about a colleague"
ANSWER: Final = ("message/send",)
APP: Final = "about the app"
UNNAMED: Final = "WeCom does not say whose it was"

CONTACT, CHAT, TAG = "change_external_contact", "change_external_chat", "change_external_tag"
LINK: Final = "customer_acquisition"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A kind of callback; ``{names}`` in ``body`` are what the story knows by then.

    Args:
        act: what somebody does in WeCom, which calls back; empty: the callback alone, as the table of every
            callback has it, with ``body`` instead of its own fields.
        meet: what the story calls the patient who is met here.
    """

    kind: str
    act: str = ""
    body: dict[str, Any] = field(default_factory=dict)
    meet: str = ""
    rows: dict[str, Any] = field(default_factory=dict)
    calls: tuple[str, ...] = ()
    told: tuple[str, ...] = ()
    silent: str = ""

    def callback(self) -> tuple[str, dict[str, Any]]:
        """Return what is done and with what."""
        if self.act:
            return self.act, self.body
        sender, fields = EVERY[self.kind]
        return "emit-callback", {"sender": sender, "fields": fields | self.body}


STORY: Final = (
    # -- patients ---------------------------------------------------------------------------------------
    Row(
        kind=f"{CONTACT}.add_external_contact",
        act="patient-adds-member",
        body={"userid": "xiaohu", "state": "douyin", "name": "晓晴"},
        meet="her",
        rows={
            "her name": "晓晴",
            "her stage": "added",
            "her & xiaohu": "standing",
            "her wears 抖音 (xiaohu)": "rule",
            "tag 来源/抖音": "in WeCom",
        },
        calls=("add_corp_tag", "get", "get_corp_tag_list", "mark_tag", "send_welcome_msg"),
        told=(
            "her: 阶段 → 新添加：添加了成员 小护",
            "her: 用小助理类角色的渠道「抖音」、营业时间外欢迎语",
            "her: 添加了成员 小护，渠道：抖音",
            "her: 欢迎语已发出",
            "her: 标签 来源/抖音：渠道“抖音”的来源标签",
        ),
    ),
    Row(
        kind=f"{CONTACT}.add_half_external_contact",  # greeted; tags wait, details may not be read yet
        act="patient-adds-member",
        body={"userid": "xiaohu", "state": "front-desk", "name": "阿远", "half": True},
        meet="him",
        rows={"him name": "", "him stage": "added", "him & xiaohu": "half"},
        calls=("get", "get", "send_welcome_msg"),
        told=(
            "him: 阶段 → 新添加：添加了成员 小护",
            "him: 用小助理类角色的渠道「前台扫码」、营业时间外欢迎语",
            "him: 添加了成员 小护，渠道：前台扫码",
            "him: 欢迎语已发出",
        ),
    ),
    # -- corp tags, and one of them on her --------------------------------------------------------------
    Row(
        kind=f"{TAG}.create",
        act="edit-tags",
        body={"change": "create", "group_name": "口味", "names": ["甜", "咸"]},
        rows={"tag 口味/咸": "in WeCom", "tag 口味/甜": "in WeCom"},
        calls=("get_corp_tag_list",),
        silent="nobody wears it yet",
    ),
    Row(
        kind=f"{TAG}.update",
        act="edit-tags",
        body={"change": "rename", "id": "{tag}", "name": "辣"},
        rows={"tag 口味/甜": None, "tag 口味/辣": "in WeCom", "audit corp_tags.changed": 1},
        calls=("get_corp_tag_list",),
        silent="whoever wears it goes on wearing it",
    ),
    Row(
        kind=f"{TAG}.shuffle",
        act="edit-tags",
        body={"change": "shuffle"},
        calls=("get_corp_tag_list",),
        silent="the order of tags is nobody's matter",
    ),
    Row(
        kind=f"{CONTACT}.edit_external_contact",
        act="member-edits-patient",
        body={
            "userid": "xiaohu",
            "external_userid": "{her}",
            "remark": "种植回头客",
            "add_tags": ["{tag}"],
        },
        rows={"her & xiaohu": "standing 种植回头客", "her wears 辣 (xiaohu)": "staff"},
        calls=("get",),
        told=("her: 成员 小护 在手机上改了标签：加上 口味/辣",),
    ),
    Row(
        kind=f"{TAG}.delete",
        act="edit-tags",
        body={"change": "delete", "id": "{tag}"},
        rows={"her wears 辣 (xiaohu)": None, "tag 口味/辣": None, "audit corp_tags.changed": 2},
        calls=("get_corp_tag_list",),
        told=("her: 去掉标签 口味/辣：企业微信里删除了这个标签",),
    ),
    Row(
        kind=f"{CONTACT}.msg_audit_approved",
        body={"ExternalUserID": "{her}", "WelcomeCode": "{withheld}"},
        calls=("get", "send_welcome_msg"),
        told=(
            "her: 同意了企业存档与成员 小护 的聊天（小护不保存聊天内容）",
            "her: 用小助理类角色的渠道「抖音」、再次添加欢迎语",
            "her: 欢迎语已发出",
        ),
    ),
    # -- customer groups ------------------------------------------------------------------------------
    Row(
        kind=f"{CHAT}.create",
        act="create-group",
        body={"name": "儿牙成长营 1 群", "owner": "li.na", "people": ["{her}"]},
        rows={
            "儿牙成长营 1 群": "群主 li.na，2 人",
            "her in 儿牙成长营 1 群": True,
            "moves": 2,
            "her wears 儿牙成长 (xiaohu)": "rule",
            "her wears 儿童口腔 (xiaohu)": "rule",
            "tag 兴趣科普/儿牙成长": "in WeCom",
            "tag 需求/儿童口腔": "in WeCom",
            "audit group.created": 1,
        },
        calls=(
            "add_corp_tag",
            "add_corp_tag",
            "get_corp_tag_list",
            "groupchat/get",
            "mark_tag",
        ),
        told=(
            "her: 进入客户群“儿牙成长营 1 群”（被邀请，成员 李娜 邀请）",
            "her: 标签 兴趣科普/儿牙成长、需求/儿童口腔：规则 need.kids-group（进了儿牙成长营）",
        ),
    ),
    Row(
        kind=f"{CHAT}.update (add_member)",  # continues our version: the group is not read; he is half: no tags
        act="join-group",
        body={"chat_id": "{chat_id}", "people": ["{him}"], "scene": 3},
        rows={"儿牙成长营 1 群": "群主 li.na，3 人", "him in 儿牙成长营 1 群": True, "moves": 3},
        told=("him: 进入客户群“儿牙成长营 1 群”（扫群二维码）",),
    ),
    Row(
        kind=f"{CHAT}.update (del_member)",
        act="leave-group",
        body={"chat_id": "{chat_id}", "people": ["{her}"]},
        rows={"儿牙成长营 1 群": "群主 li.na，2 人", "her in 儿牙成长营 1 群": None, "moves": 4},
        told=("her: 离开客户群“儿牙成长营 1 群”（自己退出）",),
    ),
    Row(
        kind=f"{CHAT}.update (change_name)",
        act="change-group",
        body={"chat_id": "{chat_id}", "name": "种植VIP 1 群"},
        rows={
            "儿牙成长营 1 群": None,
            "种植VIP 1 群": "群主 li.na，2 人",
            "him in 儿牙成长营 1 群": None,
            "him in 种植VIP 1 群": True,
            "audit group.changed": 1,
        },
        calls=("groupchat/get",),
        silent="what was told of the group is shown under its new name",
    ),
    Row(
        kind=f"{CHAT}.update (change_owner)",  # the new owner comes into the group by it
        act="change-group",
        body={"chat_id": "{chat_id}", "owner": "zhang.wei"},
        rows={"种植VIP 1 群": "群主 zhang.wei，3 人", "moves": 5, "audit group.changed": 2},
        calls=("groupchat/get",),
        silent="her place in it is the same",
    ),
    Row(
        kind=f"{CHAT}.update (change_notice)",
        act="change-group",
        body={"chat_id": "{chat_id}", "notice": "周三停诊"},
        silent="notices are kept and used nowhere",
    ),
    Row(
        kind=f"{CHAT}.dismiss",
        act="dismiss-group",
        body={"chat_id": "{chat_id}"},
        rows={"种植VIP 1 群": "解散", "him in 种植VIP 1 群": None, "audit group.dismissed": 1},
        silent="nobody left it: the group's own page tells of its end",
    ),
    # -- acquisition links ------------------------------------------------------------------------------
    Row(kind=f"{LINK}.balance_low", rows={"open to-do quota": 1}, calls=ANSWER, silent=NOBODY),
    Row(kind=f"{LINK}.balance_exhausted", rows={"open to-do quota": 2}, calls=ANSWER, silent=NOBODY),
    Row(kind=f"{LINK}.quota_expire_soon", rows={"open to-do quota": 3}, calls=ANSWER, silent=NOBODY),
    Row(
        kind=f"{LINK}.balance_increased",
        rows={"open to-do quota": None, "audit acquisition.quota_back": 1},
        silent=NOBODY,
    ),
    Row(kind=f"{LINK}.link_unavailable", rows={"open to-do link": 1}, calls=ANSWER, silent=NOBODY),
    Row(kind=f"{LINK}.delete_link", rows={"open to-do link": 2}, calls=ANSWER, silent=NOBODY),
    Row(kind=f"{LINK}.open_profile", rows={"count douyin opened": 1}, silent=UNNAMED),
    Row(kind=f"{LINK}.friend_request", rows={"count douyin requested": 1}, silent=UNNAMED),
    Row(
        kind=f"{LINK}.customer_start_chat",
        body={"ExternalUserID": "{her}"},
        rows={"count douyin chatted xiaohu": 1},
        told=("her: 从获客链接来，给成员 小护 发了第一条消息",),
    ),
    Row(kind=f"{LINK}.message_from_customer", rows={"count link:caLINK0000000001 talked": 1}, silent=UNNAMED),
    # -- 微信客服 ---------------------------------------------------------------------------------------
    Row(
        kind="kf_account_auth_change",
        act="create-kf-account",
        body={"name": "前台客服"},
        rows={"kf account": "ours", "audit kf.granted": 1},
        calls=("kf/account/list", "kf/sync_msg"),
        silent=NOBODY,
    ),
    Row(
        kind="kf_msg_or_event",
        act="kf-write",
        body={"open_kfid": "{open_kfid}", "external_userid": "{her}", "text": "请问种植牙多少钱"},
        rows={
            "her stage": "consulted",
            "her wears 种植 (xiaohu)": "rule",
            "tag 需求/种植": "in WeCom",
            "open to-do handoff": 1,
        },
        calls=("add_corp_tag", "get_corp_tag_list", "kf/sync_msg", "mark_tag", "message/send"),
        told=(
            "her: 微信客服 客户：请问种植牙多少钱",
            "her: 阶段 → 已咨询：规则 stage.consulted：在微信客服里问起了治疗",
            "her: 标签 需求/种植：规则 need.implant（主动问起种植）",
            "her: 待办：有顾客来咨询，请接着聊",
        ),
    ),
    # -- cards, and members who use the app ---------------------------------------------------------------
    Row(
        kind="template_card_menu_event",
        act="tap-card",
        body={"userid": "{reviewer}", "task_id": "{card}", "key": "approve", "menu": True},
        rows={"audit card.menu": 1},
        calls=ANSWER,
        silent=STAFF,
    ),
    Row(
        kind="template_card_event",  # decides the batch, and says so on both reviewers' copies
        act="tap-card",
        body={"userid": "{reviewer}", "task_id": "{card}", "key": "approve"},
        rows={"audit card.tap": 1, "posts": "approved，in_review"},
        calls=("message/update_template_card", "message/update_template_card"),
        silent=STAFF,
    ),
    Row(kind="message.text", calls=ANSWER, silent=STAFF),
    Row(kind="message.image", body={"MsgId": "2"}, calls=ANSWER, silent=STAFF),
    Row(kind="message.voice", body={"MsgId": "3"}, calls=ANSWER, silent=STAFF),
    Row(kind="message.video", body={"MsgId": "4"}, calls=ANSWER, silent=STAFF),
    Row(kind="message.location", body={"MsgId": "5"}, calls=ANSWER, silent=STAFF),
    Row(kind="message.link", body={"MsgId": "6"}, calls=ANSWER, silent=STAFF),
    Row(kind="enter_agent", calls=ANSWER, silent=STAFF),
    Row(kind="click", calls=ANSWER, silent=STAFF),
    Row(kind="view", silent=STAFF),
    Row(kind="LOCATION", silent=STAFF),
    Row(
        kind="unsubscribe",
        rows={"audit agent.unseen": 1, "open to-do agent_unseen": 1},
        calls=ANSWER,
        silent=STAFF,
    ),
    Row(
        kind="subscribe",
        act="emit-callback",
        body={"sender": "chen.jing", "fields": EVERY["subscribe"][1]},
        rows={"audit agent.visible": 1, "open to-do agent_unseen": None},
        silent=STAFF,
    ),
    # -- warnings about the app -------------------------------------------------------------------------
    Row(kind="inactive_alert", rows={"open to-do agent_inactive": 1}, calls=ANSWER, silent=APP),
    Row(kind="close_inactive_agent", rows={"open to-do agent_inactive": 2}, calls=ANSWER, silent=APP),
    Row(
        kind="reopen_inactive_agent",
        rows={"open to-do agent_inactive": None, "audit agent.recovered": 1},
        silent=APP,
    ),
    Row(kind="low_active_alert", rows={"open to-do agent_low_active": 1}, calls=ANSWER, silent=APP),
    Row(kind="low_active", rows={"open to-do agent_low_active": 2}, calls=ANSWER, silent=APP),
    Row(
        kind="active_restored",
        rows={"open to-do agent_low_active": None, "audit agent.recovered": 2},
        silent=APP,
    ),
    # -- partings: by now she has three members --------------------------------------------------------------
    Row(
        kind=f"{CONTACT}.transfer_fail",
        body={"ExternalUserID": "{her}", "UserID": "zhang.wei"},
        rows={"open to-do transfer": 1},
        calls=ANSWER,
        told=(
            "her: 没有交接给成员 张伟：顾客不同意更换，请由原来的同事说明",
            "her: 待办：一位顾客没有交接成",
        ),
    ),
    Row(
        kind=f"{CONTACT}.del_external_contact (DELETE_BY_TRANSFER)",  # nobody is alarmed
        body={"ExternalUserID": "{her}", "UserID": "zhang.wei"},
        rows={"her & zhang.wei": "lost: transfer"},
        told=("her: 从成员 张伟 转给了别人",),
    ),
    Row(
        kind=f"{CONTACT}.del_external_contact",
        act="member-deletes-patient",
        body={"userid": "li.na", "external_userid": "{her}"},
        rows={"her & li.na": "lost: member", "open to-do lost": 1},
        calls=ANSWER,
        told=("her: 被成员 李娜 删除", "her: 待办：成员删除了一位顾客"),
    ),
    Row(
        kind=f"{CONTACT}.del_follow_user",  # the last: she is lost, member and manager are told
        act="patient-deletes-member",
        body={"userid": "xiaohu", "external_userid": "{her}"},
        rows={
            "her & xiaohu": "lost: patient 种植回头客",
            "her stage": "lost",
            "open to-do lost": 3,
        },
        calls=("message/send", "message/send"),
        told=(
            "her: 删除了成员 小护",
            "her: 阶段 → 流失：她删除了成员 小护",
            "her: 停掉所有旅程：与我们都断开了联系",
            "her: 待办：一位顾客删除了你",
            "her: 待办：一位顾客流失了",
        ),
    ),
    # -- members ------------------------------------------------------------------------------------------
    Row(
        kind="change_contact.create_user",
        act="member-joins",
        body={"userid": "he.yan", "name": "何燕"},
        rows={"member he.yan": "何燕 here", "audit member.joined": 1},
        silent=STAFF,
    ),
    Row(
        kind="change_contact.update_user",
        act="member-changes",
        body={"userid": "he.yan", "position": "前台"},
        rows={"member he.yan": "何燕 前台 here"},
        silent=STAFF,
    ),
    Row(
        kind="change_contact.delete_user",  # nobody's patients: no manager is asked
        act="member-leaves",
        body={"userid": "he.yan"},
        rows={"member he.yan": "何燕 前台 left", "audit member.left": 1},
        silent=STAFF,
    ),
    Row(kind="change_contact.create_party", silent=STAFF),
    Row(kind="change_contact.update_party", silent=STAFF),
    Row(kind="change_contact.delete_party", silent=STAFF),
    Row(kind="change_contact.update_tag", silent=STAFF),
    # -- others -------------------------------------------------------------------------------------------
    Row(kind="upload_media_job_finish", silent=NOBODY),
    Row(kind="batch_job_result", silent=NOBODY),
    Row(kind="living_status_change", silent=NOBODY),
    Row(kind="sys_approval_change", silent=NOBODY),
)
