"""WeCom's return codes: what each asks for. Source: errors-and-limits.md §1-§6 (official list, doc 90313).

Every documented code stands here exactly once; a code that does not is treated as permanent for its item and
raises an alarm (``Unlisted``). Branch on the number, never on ``errmsg``.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Action(StrEnum):
    """Who must do what before the same call can succeed."""

    REFRESH = "refresh"  # this program: a new access_token, then replay once
    RETRY = "retry"  # this program: again after a short pause
    LATER = "later"  # this program: again when a window has passed
    DROP = "drop"  # nobody: permanent for this item
    FIX = "fix"  # the maintainers: what we sent is wrong
    ADMIN = "admin"  # the clinic's WeCom administrator: a setting, a permission, a quota


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What to do about one code; ``remedy`` is shown to clinic staff."""

    action: Action
    remedy: str
    retry_after_s: float | None = None  # only RETRY and LATER


def _rule(
    action: Action, remedy: str, *codes: int, after: float | None = None
) -> tuple[Rule, tuple[int, ...]]:
    return Rule(action=action, remedy=remedy, retry_after_s=after), codes


_ROWS = (
    _rule(
        Action.REFRESH,
        "系统会自动重新获取 access_token；若反复出现，请检查是否有另一套程序在使用同一应用的 Secret。",
        40014,
        42001,
        41001,
    ),
    _rule(Action.RETRY, "企业微信暂时繁忙，系统会自动重试。", -1, 6000, after=0.5),
    _rule(Action.RETRY, "该接口并发过高，系统会降低并发后自动重试。", 45033, after=1),
    _rule(Action.RETRY, "另一个应用正在给这位客户发欢迎语，系统会在 20 秒内重试。", 41096, after=1),
    _rule(Action.RETRY, "任务还在下发中，系统会在一分钟后再查。", 41063, 41079, after=60),
    _rule(Action.LATER, "接口调用过于频繁被企业微信限流，系统会等限流窗口结束后继续。", 45009, after=60),
    _rule(Action.LATER, "企业微信正在维护该功能，系统稍后会自动重试。", 81026, after=600),
    _rule(Action.LATER, "正在执行的朋友圈任务过多，系统稍后会自动重试。", 41078, after=60),
    _rule(Action.LATER, "该客户正在转接中，请等转接结束。", 40100, 40129, after=3600),
    _rule(
        Action.LATER, "提醒次数已达上限（每个任务 24 小时内 3 次），24 小时后可再提醒。", 41094, after=86_400
    ),
    _rule(Action.LATER, "成员还没有发表这条朋友圈，发表后才能查询。", 41062, after=600),
    # §1 Tokens, app, network
    _rule(
        Action.ADMIN,
        "Secret 不正确、与企业 ID 不匹配，或应用已停用。请在 应用管理 → 本应用 核对 Secret 并确认应用已启用；"
        "改好前不要反复尝试（会封 IP 一小时）。",
        40001,
    ),
    _rule(Action.ADMIN, "应用没有该接口的权限。请在 企业微信管理后台 为本应用开通对应的 API 权限。", 48001),
    _rule(
        Action.ADMIN,
        "应用没有该接口的权限。请在 客户联系 → API → 可调用接口的应用 中勾选本应用，并检查可见范围。",
        48002,
    ),
    _rule(Action.ADMIN, "应用授权不匹配或已失效，请在企业微信管理后台重新授权本应用。", 48003, 48004),
    _rule(Action.ADMIN, "应用长期未使用，权限已被收回，请在企业微信管理后台重新开通。", 48006),
    _rule(
        Action.ADMIN,
        "该客服账号没有授权给本应用。请在 企业微信管理后台 → 微信客服 → 通过API管理微信客服账号 中分配。",
        48007,
    ),
    _rule(
        Action.ADMIN,
        "网页域名不是应用的可信域名（含端口须完全一致）。请在 应用管理 → 本应用 → 网页授权及JS-SDK 中设置。",
        50001,
    ),
    _rule(Action.ADMIN, "该成员不在应用的权限范围内。请在 应用管理 → 本应用 → 可见范围 中加入。", 50002),
    _rule(Action.ADMIN, "应用已被停用，请在 应用管理 中启用本应用。", 50003, 50006),
    _rule(
        Action.ADMIN,
        "调用方 IP 不在可信名单内。请在 应用管理 → 本应用 → 企业可信IP 中加入{ip}，约 1 分钟后生效。",
        60020,
    ),
    _rule(Action.ADMIN, "应用可见范围过小，请把相关成员加入 应用管理 → 本应用 → 可见范围。", 60030),
    _rule(Action.ADMIN, "应用被禁止调用该接口，请联系企业微信管理员。", 60031),
    _rule(
        Action.ADMIN,
        "发送可交互卡片的应用必须设置接收消息的回调 URL。请在 应用管理 → 本应用 → 接收消息 中设置。",
        43012,
    ),
    _rule(Action.FIX, "企业 ID 不正确，请检查配置中的 corp id。", 40013, 41002),
    _rule(Action.FIX, "应用 agentid 不正确或与 Secret 不属于同一应用，请检查配置。", 40056, 301002),
    _rule(Action.FIX, "Secret 属于另一家企业或缺失，请检查配置。", 40091, 41004),
    _rule(Action.FIX, "企业微信已下线该接口，请升级程序。", 48005),
    # §2 Parameters
    _rule(Action.DROP, "成员账号不存在、已离职或不在应用可见范围内，请同步通讯录后再试。", 40003, 60111),
    _rule(
        Action.ADMIN, "没有该成员、部门或标签的权限。请在 应用管理 → 本应用 → 可见范围 中加入。", 60011, 60021
    ),
    _rule(Action.DROP, "部门不存在，请同步通讯录后再试。", 60123, 60003),
    _rule(Action.DROP, "所有接收人都无效或不在应用可见范围内，请同步通讯录并检查可见范围。", 81013),
    _rule(Action.DROP, "翻页游标已失效，请从头重新读取列表。", 50100),
    _rule(Action.DROP, "标签名重复或长度不合规，请先同步企业标签。", 40071, 40072),
    _rule(Action.FIX, "标签或部门 ID 无效，请先同步企业标签与通讯录。", 40066, 40068),
    _rule(Action.FIX, "成员列表有误或过长（消息接收人最多 1000 个）。", 40031, 40032),
    _rule(Action.FIX, "请求的编码有误（不能含 \\u 转义），请联系维护人员。", 40033),
    _rule(Action.FIX, "请求参数不合规，请联系维护人员。", 40035, 40058, 40063),
    _rule(Action.FIX, "请求地址过长，请联系维护人员。", 40039),
    _rule(Action.FIX, "文字内容为空。", 44004),
    _rule(Action.FIX, "内容过长，请缩短后再发。", 45002),
    _rule(Action.FIX, "一次读取的数据过多，需要分页，请联系维护人员。", 45029, 81017),
    _rule(Action.FIX, "没有指定接收人。", 81012, 82001),
    _rule(Action.FIX, "应用群聊的 chatid 缺失、有误或不是由本应用创建。", 86001, 86003, 86008),
    _rule(Action.FIX, "群发的会话类型有误，请联系维护人员。", 86214),
    # §3 Customer contact
    _rule(Action.DROP, "客户 ID 无效，或跟进这位客户的成员不在应用可见范围内。", 40096),
    _rule(Action.FIX, "原跟进成员尚未离职，不能做离职继承。", 40097),
    _rule(Action.ADMIN, "成员未完成实名认证，请让成员在企业微信客户端完成实名。", 40098),
    _rule(Action.ADMIN, "成员的客户数已达上限，请扩容或换一位成员。", 40099),
    _rule(Action.ADMIN, "企业标签数量已达上限，请在管理后台清理不用的标签。", 40126),
    _rule(Action.DROP, "该客户 90 天内已转接 2 次，不能再转接。", 40128),
    _rule(Action.FIX, "转接的双方成员相同，或原成员不是这位客户的跟进人。", 40130, 40131),
    _rule(Action.ADMIN, "接替成员被封禁，请换一位成员。", 40143),
    _rule(Action.DROP, "内容被企业微信判为敏感或违规，请修改后重新提交审核。", 40201, 40204),
    _rule(Action.FIX, "缺少客户 ID，请联系维护人员。", 41035),
    _rule(Action.FIX, "渠道活码参数有误（成员最多 100 个）。", *range(41037, 41045)),
    _rule(Action.ADMIN, "渠道活码数量已达上限，请删除不用的活码。", 41045),
    _rule(Action.FIX, "群发任务 ID 缺失或有误，请联系维护人员。", 41046, 41047),
    _rule(Action.DROP, "没有可以送达的客户（都已达接收上限、已删除或不可见）。", 41048),
    _rule(Action.DROP, "欢迎语凭证缺失、无效或已超过 20 秒，无法再发欢迎语。", 41049, 41050),
    _rule(Action.DROP, "双方已开始聊天或欢迎语已送达，无需再发。", 41051),
    _rule(Action.DROP, "客户尚未同意会话存档，同意后企业微信会给出新的欢迎语凭证。", 41053),
    _rule(Action.ADMIN, "成员未激活或未实名，请让成员登录企业微信并完成实名。", 41054),
    _rule(Action.ADMIN, "入群欢迎语素材已达 100 个上限，或不是由本应用创建。", 41055, 41058),
    _rule(Action.DROP, "该外部联系人的类型不支持此操作。", 41056),
    _rule(Action.ADMIN, "企业没有绑定微信开发者账号。请在 客户联系 → 客户 → API 中绑定。", 41057),
    _rule(Action.FIX, "朋友圈 ID 缺失或有误，或不属于该成员。", 41059, 41060, 41061),
    _rule(Action.FIX, "附件数量或类型不合规。", 41064, 41065),
    _rule(Action.FIX, "朋友圈类型不符（个人与企业朋友圈不能混用）。", 41067),
    _rule(Action.FIX, "敏感词规则参数有误。", *range(41068, 41072), 41076, 41077, 41083, 41084),
    _rule(Action.FIX, "素材的上传方式与用途不符，请重新上传。", 41072),
    _rule(Action.FIX, "商品图册参数有误。", *range(41073, 41076), *range(41085, 41089)),
    _rule(Action.FIX, "图片大小、分辨率或视频时长超出限制，请更换素材。", 41080, 41081, 41082),
    _rule(Action.FIX, "朋友圈的文字和附件不能都为空。", 41089),
    _rule(Action.FIX, "视频必须是有效的 MP4 文件。", 41090),
    _rule(Action.FIX, "一个入群活码最多关联 5 个群。", 41091),
    _rule(Action.DROP, "这次群发已被取消。", 41093),
    _rule(Action.ADMIN, "获客链接数量或额度已达上限，请在 获客助手 中处理。", 41095),
    _rule(Action.DROP, "成员与客户没有好友关系（成员已删除客户，或尚未通过好友申请）。", 84061),
    _rule(Action.ADMIN, "成员没有客户联系权限。请在 客户联系 → 权限配置 → 使用范围 中加入。", 84074),
    _rule(Action.DROP, "该成员不是客户的服务人员或跟进人。", 84083, 84084),
    _rule(
        Action.DROP,
        "客户群无法转接或群 ID 无效（群主未离职、不是客户群、接替人超限或已在处理中）。",
        *range(90500, 90512),
    ),
    # §4 Messages, cards, media
    _rule(
        Action.FIX, "素材失效（超过 3 天）、类型不符或大小超限，请重新上传素材。", *range(40004, 40010), 40011
    ),
    _rule(Action.DROP, "图片已损坏或不是图片，请更换。", 40123),
    _rule(Action.FIX, "素材为空或缺少 media_id。", 41006, 44001),
    _rule(Action.FIX, "文件过大、语音过长或图文超过 8 条。", 45001, 45007, 45008),
    _rule(Action.FIX, "卡片的任务 ID 或按钮 key 有误，请联系维护人员。", *range(42014, 42021)),
    _rule(Action.FIX, "模板卡片字段不合规，请联系维护人员。", *range(42027, 42052)),
    _rule(Action.DROP, "消息已超过 24 小时，不能撤回。", 42052),
    _rule(Action.DROP, "卡片更新凭证无效、已用过或超过 72 小时，需要重新发一张卡片。", 60140),
    _rule(Action.FIX, "一次指定的部门或标签超过 100 个。", 82002, 82003),
    _rule(Action.FIX, "卡片更新的对象为空或不是原接收人。", 82101, 82102),
    _rule(Action.ADMIN, "小程序未关联到企业或消息内容不合规，请在管理后台关联小程序。", *range(90200, 90209)),
    _rule(Action.ADMIN, "群机器人的地址无效、已停用或已被移出群。", 93000, 93004, 93006, 93008),
    _rule(Action.FIX, "通过链接上传素材失败（地址、校验值或下载有误）。", 301019, *range(830001, 830004)),
    # §5 Identity
    _rule(
        Action.DROP, "登录凭证无效、已使用或已过期，请重新打开页面登录。", 40029, 42003, 42022, 84014, 84015
    ),
    _rule(Action.DROP, "openid 无效。", 40073),
    _rule(Action.FIX, "JS-SDK 签名或 ticket 有误，请联系维护人员。", 40093, 42012, 91040),
    _rule(
        Action.ADMIN,
        "可信域名设置有误。请在 应用管理 → 本应用 → 网页授权及JS-SDK 中检查域名归属与备案。",
        80001,
        *range(85004, 85009),
        85111,
    ),
    # §6 微信客服
    _rule(Action.FIX, "客服账号 ID 无效或不存在，请检查配置。", 95000, 95004, 60251, 60252),
    _rule(
        Action.DROP,
        "本轮已发满 5 条、超过 48 小时或会话已结束，等客户再次发来消息后才能回复。",
        95001,
        95002,
        95013,
        95018,
    ),
    _rule(Action.ADMIN, "企业未认证，客服咨询人数已达上限。", 95003),
    _rule(Action.ADMIN, "客服账号数量已达上限。", 95005, 95026, 95027),
    _rule(Action.FIX, "客服账号名称不合规。", 95006),
    _rule(Action.DROP, "客服消息凭证无效或已过期。", 95007),
    _rule(Action.FIX, "客服菜单消息的条目过多或类型有误。", 95008, 95009),
    _rule(
        Action.ADMIN,
        "微信客服的使用模式不一致（独立版与企业微信内不能混用），请在管理后台统一。",
        95011,
        95012,
    ),
    _rule(Action.DROP, "该接待人员未激活、已停止接待或不在列表中，请换一位。", 95014, 95019, 60253),
    _rule(Action.ADMIN, "该客服已在管理后台配置专属服务，接口不能再配置。", 95015),
    _rule(Action.DROP, "会话状态已变化，不能这样转接，请刷新会话状态。", 95016),
    _rule(
        Action.ADMIN, "微信客服的 API 开关未开启或已给其他应用。请在 微信客服 → API 中检查。", 95017, 95023
    ),
    _rule(Action.FIX, "位置类型有误，请联系维护人员。", 95022),
    _rule(Action.ADMIN, "客服组件数量受限，请在管理后台检查。", 95030, 95032),
    _rule(Action.DROP, "客户 48 小时内没有咨询，不能推送升级服务。", 95031),
)


RULES: dict[int, Rule] = {code: rule for rule, codes in _ROWS for code in codes}
UNKNOWN = Rule(
    action=Action.DROP,
    remedy="企业微信返回了未收录的错误码，此项不会再重试。请把错误码与提示发给维护人员。",
)
