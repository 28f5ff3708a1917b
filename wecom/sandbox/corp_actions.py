"""What happens around links, group codes and handovers, and what members send on their own account."""

from pydantic import Field

from .action import Action, Json, Pair
from .people import Mistake
from .tenant import Tenant


class _Newcomer(Action):
    """A patient: a known one, or a new one with this name."""

    external_userid: str | None = None
    name: str = Field("新朋友", min_length=1, max_length=64)

    def patient(self, tenant: Tenant) -> str:
        if self.external_userid is not None:
            return tenant.people.patient(self.external_userid).external_userid
        return tenant.people.create_patient(self.name).external_userid


class PatientScansJoinWay(_Newcomer):
    """A patient scans the code of a join way and is in one of its groups."""

    config_id: str

    def apply(self, tenant: Tenant) -> Json:
        tenant_has = {way.config_id for way in tenant.joins.everyone()}
        if self.config_id not in tenant_has:
            raise Mistake(f"no join way has the config_id {self.config_id!r}")
        patient = self.patient(tenant)
        return {"external_userid": patient, "chat_id": tenant.joins.scan(self.config_id, patient)}


class PatientOpensLink(_Newcomer):
    """A patient opens an acquisition link (its URL or id) and adds the member it offers."""

    link: str
    customer_channel: str = Field("", max_length=64)
    only_look: bool = False

    def apply(self, tenant: Tenant) -> Json:
        link = tenant.links.find(self.link)
        if self.only_look:
            tenant.links.click(link)
            return {}
        patient = self.patient(tenant)
        userid, code = tenant.links.add_through(link, patient, channel=self.customer_channel)
        return {
            "external_userid": patient,
            "userid": userid,
            "welcome_code": code.code if code else None,
        }


class BuyAcquisitionQuota(Action):
    """The corp buys quota for its acquisition links."""

    amount: int = Field(ge=1, le=1_000_000)

    def apply(self, tenant: Tenant) -> Json:
        tenant.links.buy(self.amount)
        return {"balance": tenant.links.balance}


class DeleteLink(Action):
    """An administrator deletes an acquisition link in the console."""

    link_id: str

    def apply(self, tenant: Tenant) -> Json:
        tenant.links.delete_by_admin(self.link_id)
        return {}


class ApplyTemplate(Action):
    """A group's owner applies group-welcome material to the group."""

    template_id: str
    chat_id: str

    def apply(self, tenant: Tenant) -> Json:
        tenant.templates.apply(self.template_id, self.chat_id)
        return {}


class MemberLeaves(Action):
    """A member leaves the corp; customers and groups wait to be handed over."""

    userid: str

    def apply(self, tenant: Tenant) -> Json:
        tenant.transfers.leave(self.userid)
        return {}


class PatientRefusesTransfer(Action):
    """A patient refuses the new member within the 24 hours."""

    external_userid: str

    def apply(self, tenant: Tenant) -> Json:
        tenant.transfers.refuse(self.external_userid)
        return {}


class MemberSendsMass(Action):
    """A member sends a mass message of their own to patients, or to their groups: nobody is asked."""

    userid: str
    text: str = Field(min_length=1, max_length=4000)
    external_userids: list[str] | None = None
    chat_ids: list[str] | None = None

    def apply(self, tenant: Tenant) -> Json:
        task = tenant.mass.send_personal(
            self.userid, self.text, customers=self.external_userids, chats=self.chat_ids
        )
        delivered = task.tasks[self.userid].recipients
        return {"msgid": task.msgid, "results": {some_id: d.status for some_id, d in delivered.items()}}


class MemberPostsMoment(Action):
    """A member posts a moment of their own."""

    userid: str
    text: str = Field(min_length=1, max_length=2000)
    tags: list[str] = Field(default_factory=list)

    def apply(self, tenant: Tenant) -> Json:
        moment = tenant.moments.post_personal(self.userid, self.text, tags=self.tags)
        return {"moment_id": moment.moment_id, "seen_by": list(moment.publications[self.userid].delivered)}


class EndTemporaryChat(Pair):
    """The time of a temporary session is over: closing words, and the pair is parted."""

    def apply(self, tenant: Tenant) -> Json:
        follow = tenant.corp.follow(self.userid, self.external_userid)
        if follow is None:
            raise Mistake(f"{self.external_userid} is no contact of {self.userid}")
        tenant.ways.end_temp_chat(follow)
        return {}


CORP_ACTIONS: dict[str, type[Action]] = {
    "patient-scans-join-way": PatientScansJoinWay,
    "patient-opens-link": PatientOpensLink,
    "buy-acquisition-quota": BuyAcquisitionQuota,
    "delete-link": DeleteLink,
    "apply-template": ApplyTemplate,
    "member-leaves": MemberLeaves,
    "patient-refuses-transfer": PatientRefusesTransfer,
    "member-sends-mass": MemberSendsMass,
    "member-posts-moment": MemberPostsMoment,
    "end-temporary-chat": EndTemporaryChat,
}
