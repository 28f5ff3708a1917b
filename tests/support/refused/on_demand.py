"""Refusals that no rule of the sandbox can bring about: what WeCom may say to any call, and what only it knows.

A fault on demand says them, so these cases show that the client understands, not that the sandbox enforces.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast

from tests.support.refusal_checks import ANYWHERE, said
from tests.support.refusal_stage import Case, Stage, drain
from tests.support.refused import kf_knowledge
from tests.support.refused.kf_desk import HELLO, WITH_ACCOUNT, asked
from tests.support.refused.kf_sessions import welcome_code
from tests.support.refused.moments import OF_A_MEMBER
from tests.support.sandbox_driver import picture
from wecom.api.mass import MassSend
from wecom.api.moments import MomentTask
from wecom.errors import NeedsAdmin, Refused
from wecom.messages import Message, Text

if TYPE_CHECKING:
    from tests.support.refusal_stage import Act, Given


def nothing(_: Stage) -> None:
    """Nothing needs to be there."""


async def day_job(s: Stage) -> str:
    return await s.client.moments.create(MomentTask(text="护牙两分钟"))


async def fetch_job(s: Stage) -> str:
    jobid = s.tenant.remote.start(kind="file", filename="a", url="http://127.0.0.1:9/a", md5="0").jobid
    await s.tenant.remote.fetch_waiting()
    return jobid


def published(s: Stage) -> Any:
    return s.moment(published=True)


# A call of every method that would be answered.
USUAL: dict[str, tuple[Given, Act]] = {
    "mass.create": (
        nothing,
        lambda s, _: s.client.mass.create(MassSend(chat_type="single", sender="xiaohu", text="周六义诊")),
    ),
    "mass.remind": (Stage.mass, lambda s, msgid: s.client.mass.remind(msgid)),
    "mass.cancel": (Stage.mass, lambda s, msgid: s.client.mass.cancel(msgid)),
    "mass.tasks": (Stage.mass, lambda s, msgid: drain(s.client.mass.tasks(msgid))),
    "mass.results": (Stage.mass, lambda s, msgid: drain(s.client.mass.results(msgid, "xiaohu"))),
    "mass.list": (
        nothing,
        lambda s, _: drain(s.client.mass.list("single", s.now - timedelta(days=1), s.now)),
    ),
    "moments.create": (nothing, lambda s, _: s.client.moments.create(MomentTask(text="护牙两分钟"))),
    "moments.job_result": (day_job, lambda s, jobid: s.client.moments.job_result(jobid)),
    "moments.cancel": (Stage.moment, lambda s, moment_id: s.client.moments.cancel(moment_id)),
    "moments.tasks": (Stage.moment, lambda s, moment_id: drain(s.client.moments.tasks(moment_id))),
    **{f"moments.{name}": (cast("Given", published), cast("Act", act)) for name, act in OF_A_MEMBER.items()},
    "moments.list": (nothing, lambda s, _: drain(s.client.moments.list(s.now - timedelta(days=1), s.now))),
    "messages.send": (
        nothing,
        lambda s, _: s.client.messages.send(Message(content=Text(content="早"), to_users=("chen.jing",))),
    ),
    "messages.recall": (Stage.message, lambda s, msgid: s.client.messages.recall(msgid)),
    "messages.update_card": (
        Stage.card,
        lambda s, code: s.client.messages.update_card(code, userids=["chen.jing"], replace_name="已通过"),
    ),
    "media.upload": (nothing, lambda s, _: s.client.media.upload("image", "a.png", picture(), "image/png")),
    "media.upload_attachment": (
        nothing,
        lambda s, _: s.client.media.upload_attachment("image", "a.png", picture(), "image/png"),
    ),
    "media.upload_image": (
        nothing,
        lambda s, _: s.client.media.upload_image("a.png", picture(), "image/png"),
    ),
    "media.upload_by_url": (
        nothing,
        lambda s, _: s.client.media.upload_by_url("file", "a.pdf", "http://127.0.0.1:9/a", "0" * 32),
    ),
    "media.upload_result": (fetch_job, lambda s, jobid: s.client.media.upload_result(jobid)),
    "media.get": (Stage.image, lambda s, media_id: s.client.media.get(media_id)),
    "statistics.behaviour": (
        nothing,
        lambda s, _: s.client.statistics.behaviour(s.day(2), s.day(1), userids=["xiaohu"]),
    ),
    "statistics.groups_by_owner": (
        nothing,
        lambda s, _: drain(s.client.statistics.groups_by_owner(s.day(2), s.day(1), ["xiaohu"])),
    ),
    "statistics.groups_by_day": (
        nothing,
        lambda s, _: s.client.statistics.groups_by_day(s.day(2), s.day(1), ["xiaohu"]),
    ),
    **{name: (cast("Given", asked), cast("Act", act)) for name, act in WITH_ACCOUNT.items()},
    "kf.send_on_event": (welcome_code, lambda s, code: s.client.kf.send_on_event(code, HELLO)),
    "kf_accounts.add": (Stage.image, lambda s, media_id: s.client.kf_accounts.add("微笑口腔", media_id)),
    "kf_accounts.list": (nothing, lambda s, _: drain(s.client.kf_accounts.list())),
    "kf_customers.get": (nothing, lambda s, _: s.client.kf_customers.get([s.patient])),
    "kf_customers.upgrade_config": (nothing, lambda s, _: s.client.kf_customers.upgrade_config()),
    **kf_knowledge.USUAL,
}

CARD_FIELDS = range(42_027, 42_052)
# Which customers, groups or contents these are is WeCom's secret.
ONLY_WECOM_KNOWS: dict[str, dict[int, type[Exception]]] = {
    "mass.create": {40096: Refused, 40204: Refused, 45002: Refused, 41064: Refused, 41065: Refused},
    "moments.create": {
        40204: Refused,
        41064: Refused,
        41065: Refused,
        41080: Refused,
        41081: Refused,
        41082: Refused,
        41089: Refused,
        45002: Refused,
    },
    "messages.send": {
        40056: Refused,
        50002: NeedsAdmin,
        60011: NeedsAdmin,
        82001: Refused,
        40032: Refused,
        44004: Refused,
        45002: Refused,
        45008: Refused,
        82002: Refused,
        82003: Refused,
        40031: Refused,
        81012: Refused,
        **dict.fromkeys(range(42_015, 42_021), Refused),
        **dict.fromkeys(CARD_FIELDS, Refused),
        **dict.fromkeys((*range(90_200, 90_206), 90_208), NeedsAdmin),
    },
    "messages.update_card": {
        **dict.fromkeys((40_031, 40_032, 40_056, 42_017, 42_018, 82_101), Refused),
        **dict.fromkeys(CARD_FIELDS, Refused),
    },
    "media.upload": {
        40004: Refused,
        40006: Refused,
        40009: Refused,
        40011: Refused,
        44001: Refused,
        45001: Refused,
    },
    "media.upload_attachment": {40004: Refused, 40006: Refused, 41080: Refused, 44001: Refused},
    "media.upload_image": {40009: Refused, 44001: Refused},
    "media.upload_by_url": {301019: Refused},
    "media.get": {41006: Refused},
    "statistics.behaviour": {60111: Refused},
    "kf.send": {
        95003: NeedsAdmin,
        95008: Refused,
        95009: Refused,
        95011: NeedsAdmin,
        95012: NeedsAdmin,
        95013: Refused,
        95017: NeedsAdmin,
        95022: Refused,
        95023: NeedsAdmin,
        95030: NeedsAdmin,
        95032: NeedsAdmin,
        44004: Refused,
        60252: Refused,
    },
    "kf.send_on_event": {95008: Refused, 95009: Refused, 95011: NeedsAdmin, 95017: NeedsAdmin},
    "kf_accounts.add": {
        95006: Refused,
        95011: NeedsAdmin,
        95012: NeedsAdmin,
        95017: NeedsAdmin,
        95023: NeedsAdmin,
        95026: NeedsAdmin,
    },
    "kf_knowledge.groups": {50100: Refused},
    "kf_knowledge.list": {50100: Refused},
    "kf_accounts.update": {95006: Refused, 48007: NeedsAdmin},
    "kf_accounts.delete": {48007: NeedsAdmin},
    "kf_accounts.link": {48007: NeedsAdmin},
    "kf_accounts.add_servicers": {60030: NeedsAdmin, 60011: NeedsAdmin, 48007: NeedsAdmin},
}


CASES: list[Case] = [
    *(
        said(method, USUAL[method], errcode, when, error)
        for method in USUAL
        for errcode, (when, error) in ANYWHERE.items()
        if (method, errcode) != ("kf_accounts.add", 48002)
    ),
    *(
        said(method, USUAL[method], errcode, "WeCom says so", error)
        for method, codes in ONLY_WECOM_KNOWS.items()
        for errcode, error in codes.items()
    ),
]
