"""The numbers of WeCom that differ between corps or are not certain: every one can be set."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal
from zoneinfo import ZoneInfo

WELCOME_LIFE = timedelta(seconds=20)
MEDIA_LIFE = timedelta(days=3)
RESPONSE_CODE_LIFE = timedelta(hours=72)
RECALL_WINDOW = timedelta(hours=24)
JOB_LIFE = timedelta(hours=24)
TOKEN_LIFE = timedelta(seconds=7200)
CHINA = ZoneInfo("Asia/Shanghai")  # WeCom counts days, weeks and months on China's calendar

MassCap = Literal["month_days", "week_7", "day_1"]


@dataclass(slots=True, kw_only=True)
class Rules:
    """What an administrator set for this corp, and how slow WeCom is today. Seconds are the tenant's."""

    mass_cap: MassCap = "month_days"  # 群发助手 → 设置群发规则 (mass-send-and-moments.md §1.1)
    moment_cap_per_day: int | None = None  # per customer; uncertain in WeCom's docs, so off unless set
    moment_cap_per_month: int | None = None
    dispatch_s: float = 1.0  # a fresh mass-send task answers 41063 for so long
    moment_job_s: float = 1.0  # an add_moment_task job takes so long
    moment_dispatch_s: float = 0.0  # a fresh moment answers 41079 for so long
    moment_jobs_running: int = 100  # more at once: 41078
    list_lag_s: float = 0.0  # created tasks show up in WeCom's lists so much later
    corp_tag_quota: int = 10_000
    contact_way_quota: int = 500_000  # contact ways and join ways together
    temporary_ways_per_day: int = 100_000  # contact ways that do not count against it
    group_size: int = 200  # people in a customer group; more join a new one where a join way may open it
    customers_per_member: int = 20_000  # a taker over it ends a transfer with status 4
    acquisition_quota: int = 1_000  # patients the acquisition links may add; read when the scene begins
    link_id_in_add: bool = True  # LinkId in add_external_contact: seen in SDKs, absent from WeCom's page
    trusted_domains: frozenset[str] | None = None  # OAuth's 可信域名 as host or host:port; None: any
    template_edit_keeps: bool = False  # 入群欢迎语: what an edit does not name stays; not documented
    kf_end_from_any: bool = True  # service_state/trans may end 0, 1 and 2 too: WeCom's text ends only 3
    kf_untokened_per_minute: int = 60  # sync_msg without a token; WeCom publishes no number
    kf_verified: bool = True  # the corp is; else the eleventh kf account is refused (95027)
    kf_offers_in_console: bool = False  # 专属服务 is set up in the console: the API may not offer (95015)
    kf_granted: bool = True  # kf accounts are placed under 通过API管理微信客服账号, else 48007
    latency_s: float = 0.0  # real seconds every API call takes; needed to see 45033
    rate_limits: bool = True  # 45009 as published (errors-and-limits.md §7)
    blocked_words: frozenset[str] = frozenset()  # in mass sends, welcomes (a group's too), moments: 40201
    linked_appids: frozenset[str] | None = None  # None: every well-formed mini-program appid is linked
    callbacks_configured: bool = True  # without a callback URL interactive cards are refused (43012)
