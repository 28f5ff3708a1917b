"""What customers, servicers and administrators do in 微信客服."""

from typing import Literal

from pydantic import Field

from .action import Action, Json
from .people import Mistake
from .tenant import Tenant


class _Chat(Action):
    open_kfid: str
    external_userid: str


class CreateKfAccount(Action):
    """An administrator opens an account in the console and grants it to the app (or does not)."""

    name: str = Field(min_length=1, max_length=16)
    granted: bool = True

    def apply(self, tenant: Tenant) -> Json:
        account = tenant.kf.open(self.name, "", granted=self.granted)
        if self.granted:
            tenant.kf.announce_grants([account.open_kfid], [])
        return {"open_kfid": account.open_kfid}


class GrantKfAccount(Action):
    """An administrator grants an account to the app, or takes it away: kf_account_auth_change."""

    open_kfid: str
    granted: bool = True

    def apply(self, tenant: Tenant) -> Json:
        account = tenant.desk.account(self.open_kfid)
        if account.granted != self.granted:
            account.granted = self.granted
            ids = [self.open_kfid]
            tenant.kf.announce_grants(ids if self.granted else [], [] if self.granted else ids)
        return {}


class KfEnter(Action):
    """A patient (a new one unless named) enters through a kf link; ``url`` or ``open_kfid`` and scene."""

    url: str | None = None
    open_kfid: str = ""
    scene: str = Field("", max_length=32)
    scene_param: str = Field("", max_length=128)
    external_userid: str | None = None
    name: str = Field("微信用户", min_length=1, max_length=64)

    def apply(self, tenant: Tenant) -> Json:
        scene, param = self.scene, self.scene_param
        if self.url is not None:
            account, scene, param = tenant.desk.find_link(self.url)
        else:
            account = tenant.desk.account(self.open_kfid)
        patient = self.external_userid or tenant.people.create_patient(self.name).external_userid
        code = tenant.desk.enter(account.open_kfid, patient, scene=scene, scene_param=param)
        return {"open_kfid": account.open_kfid, "external_userid": patient, "welcome_code": code}


class KfWrite(_Chat):
    """A patient writes a text, or sends anything else as WeCom shows it in msg_list."""

    text: str = Field("", max_length=4000)
    kind: Literal[
        "text", "image", "voice", "video", "file", "location", "link", "business_card", "miniprogram"
    ] = "text"
    payload: Json = Field(default_factory=dict)

    def apply(self, tenant: Tenant) -> Json:
        payload = {"content": self.text} if self.kind == "text" else self.payload
        if not self.text and not self.payload:
            raise Mistake("write a text, or give the payload of another kind")
        return {"msgid": tenant.desk.write(self.open_kfid, self.external_userid, self.kind, payload)}


class KfClick(_Chat):
    """A patient taps an item of the last menu, such as a rating."""

    menu_id: str

    def apply(self, tenant: Tenant) -> Json:
        return {"msgid": tenant.desk.click(self.open_kfid, self.external_userid, self.menu_id)}


class KfRecall(_Chat):
    """A patient takes a message back."""

    msgid: str

    def apply(self, tenant: Tenant) -> Json:
        tenant.desk.recall(self.open_kfid, self.external_userid, self.msgid)
        return {}


class KfTake(_Chat):
    """A servicer takes a chat from the pool."""

    userid: str

    def apply(self, tenant: Tenant) -> Json:
        return {"msg_code": tenant.desk.take(self.open_kfid, self.external_userid, self.userid)}


class KfHandOn(_Chat):
    """A servicer gives a chat to another servicer."""

    userid: str
    to: str

    def apply(self, tenant: Tenant) -> Json:
        tenant.desk.hand_on(self.open_kfid, self.external_userid, self.userid, self.to)
        return {}


class KfEnd(_Chat):
    """A servicer ends a chat."""

    userid: str

    def apply(self, tenant: Tenant) -> Json:
        return {"msg_code": tenant.desk.end(self.open_kfid, self.external_userid, self.userid)}


class KfAnswer(_Chat):
    """A servicer writes to a patient."""

    userid: str
    text: str = Field(min_length=1, max_length=4000)

    def apply(self, tenant: Tenant) -> Json:
        return {"msgid": tenant.desk.answer(self.open_kfid, self.external_userid, self.userid, self.text)}


class KfReceive(Action):
    """A servicer starts or stops receiving."""

    open_kfid: str
    userid: str
    receiving: bool
    suspended: bool = False

    def apply(self, tenant: Tenant) -> Json:
        tenant.desk.set_receiving(
            self.open_kfid, self.userid, receiving=self.receiving, suspended=self.suspended
        )
        return {}


class KfReject(_Chat):
    """A servicer blocks a patient, or takes it back."""

    userid: str
    rejected: bool = True

    def apply(self, tenant: Tenant) -> Json:
        tenant.desk.reject(self.open_kfid, self.external_userid, self.userid, rejected=self.rejected)
        return {}


class KfFail(_Chat):
    """A message of the program turns out not to have arrived: msg_send_fail."""

    msgid: str
    fail_type: int = Field(0, ge=0, le=13)

    def apply(self, tenant: Tenant) -> Json:
        account = tenant.desk.account(self.open_kfid)
        tenant.kf.fail(account, self.external_userid, self.msgid, self.fail_type)
        return {}


KF_ACTIONS: dict[str, type[Action]] = {
    "create-kf-account": CreateKfAccount,
    "grant-kf-account": GrantKfAccount,
    "kf-enter": KfEnter,
    "kf-write": KfWrite,
    "kf-click": KfClick,
    "kf-recall": KfRecall,
    "kf-take": KfTake,
    "kf-hand-on": KfHandOn,
    "kf-end": KfEnd,
    "kf-answer": KfAnswer,
    "kf-receive": KfReceive,
    "kf-reject": KfReject,
    "kf-fail": KfFail,
}
