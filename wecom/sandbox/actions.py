"""What people do on their phones, as JSON: POST /sandbox/api/actions/{name}.

Every action is a pydantic model of its body; ``apply`` does it and returns the JSON answer.
"""

from typing import Literal

from pydantic import Field

from .action import Action, Json, Pair
from .corp_actions import CORP_ACTIONS
from .kf_actions import KF_ACTIONS
from .people import Mistake
from .staff_actions import STAFF_ACTIONS
from .tenant import Tenant

TEXT = Field(min_length=1, max_length=4000)


class CreatePatient(Action):
    """A WeChat user appears who knows nobody yet."""

    name: str = Field(min_length=1, max_length=64)
    gender: Literal[0, 1, 2] = 0

    def apply(self, tenant: Tenant) -> Json:
        return {
            "external_userid": tenant.people.create_patient(self.name, gender=self.gender).external_userid
        }


class PatientAddsMember(Action):
    """A patient (a new one unless ``external_userid`` is given) adds a member or scans a contact way."""

    userid: str | None = None
    config_id: str | None = None
    external_userid: str | None = None
    name: str = "新朋友"
    state: str = Field("", max_length=30)
    add_way: int = 1
    half: bool = False

    def apply(self, tenant: Tenant) -> Json:
        patient, code = tenant.patient_scans(**self.model_dump())
        return {
            "external_userid": patient.external_userid,
            "name": patient.name,
            "welcome_code": code.code if code else None,
        }


class MemberConfirmsPatient(Pair):
    """A member confirms a patient who was added half."""

    def apply(self, tenant: Tenant) -> Json:
        tenant.people.member_confirms_patient(self.userid, self.external_userid)
        return {}


class PatientDeletesMember(Pair):
    """A patient deletes a member. ``silent``: WeCom loses the callback."""

    silent: bool = False

    def apply(self, tenant: Tenant) -> Json:
        tenant.people.patient_deletes_member(self.external_userid, self.userid, silent=self.silent)
        return {}


class MemberDeletesPatient(Pair):
    """A member deletes a patient. ``silent``: WeCom loses the callback."""

    silent: bool = False

    def apply(self, tenant: Tenant) -> Json:
        tenant.people.member_deletes_patient(self.userid, self.external_userid, silent=self.silent)
        return {}


class MemberEditsPatient(Pair):
    """A member changes remark, description, phone numbers or tags (by id) on the phone."""

    remark: str | None = None
    description: str | None = None
    mobiles: list[str] | None = None
    add_tags: list[str] = Field(default_factory=list)
    remove_tags: list[str] = Field(default_factory=list)

    def apply(self, tenant: Tenant) -> Json:
        tenant.people.member_edits_patient(**self.model_dump())
        return {}


class PatientWrites(Pair):
    """A patient writes to a member in their chat."""

    text: str = TEXT

    def apply(self, tenant: Tenant) -> Json:
        bubble = tenant.people.write(self.userid, self.external_userid, self.text, from_patient=True)
        return {"message_id": bubble.id}


class MemberWritesPatient(Pair):
    """A member writes to a patient by hand."""

    text: str = TEXT

    def apply(self, tenant: Tenant) -> Json:
        bubble = tenant.people.write(self.userid, self.external_userid, self.text, from_patient=False)
        return {"message_id": bubble.id}


class CreateGroup(Action):
    """A member opens a customer group with colleagues and patients."""

    name: str = Field(min_length=1, max_length=40)
    owner: str
    people: list[str] = Field(default_factory=list)

    def apply(self, tenant: Tenant) -> Json:
        return {"chat_id": tenant.groups.create(self.name, self.owner, self.people).chat_id}


class JoinGroup(Action):
    """People join a group: scene 1 invited, 2 invite link, 3 group QR."""

    chat_id: str
    people: list[str] = Field(min_length=1)
    scene: Literal[1, 2, 3] = 3
    invitor: str = ""
    state: str = ""

    def apply(self, tenant: Tenant) -> Json:
        tenant.groups.join(
            self.chat_id, self.people, scene=self.scene, invitor=self.invitor, state=self.state
        )
        return {}


class LeaveGroup(Action):
    """People leave a group, or are removed by its owner."""

    chat_id: str
    people: list[str] = Field(min_length=1)
    removed: bool = False

    def apply(self, tenant: Tenant) -> Json:
        tenant.groups.leave(self.chat_id, self.people, removed=self.removed)
        return {}


class ChangeGroup(Action):
    """Staff rename a group, change its notice or hand it over."""

    chat_id: str
    name: str | None = None
    notice: str | None = None
    owner: str | None = None

    def apply(self, tenant: Tenant) -> Json:
        tenant.groups.change(self.chat_id, name=self.name, notice=self.notice, owner=self.owner)
        return {}


class DismissGroup(Action):
    """The owner dismisses a group."""

    chat_id: str

    def apply(self, tenant: Tenant) -> Json:
        tenant.groups.dismiss(self.chat_id)
        return {}


class WriteInGroup(Action):
    """Somebody in a group writes; ``person`` is a userid or an external_userid."""

    chat_id: str
    person: str
    text: str = TEXT

    def apply(self, tenant: Tenant) -> Json:
        return {"message_id": tenant.groups.write(self.chat_id, self.person, self.text).id}


class EditTags(Action):
    """An administrator changes corp tags in the console: create, rename, delete or shuffle."""

    change: Literal["create", "rename", "delete", "shuffle"]
    group_name: str = ""
    names: list[str] = Field(default_factory=list)
    id: str = ""
    name: str = ""

    def apply(self, tenant: Tenant) -> Json:
        if self.change == "create":
            if not self.group_name or not self.names:
                raise Mistake("create needs group_name and names")
            group, tags = tenant.tags.staff_creates(self.group_name, self.names)
            return {"group_id": group.group_id, "tag_ids": [tag.id for tag in tags]}
        if self.change == "rename":
            tenant.tags.staff_renames(self.id, self.name)
        elif self.change == "delete":
            tenant.tags.staff_deletes(self.id)
        else:
            tenant.tags.staff_shuffles(self.id)
        return {}


class TapMass(Action):
    """A member taps send on a mass-send task; ``only`` chooses groups (or patients where allowed)."""

    userid: str
    msgid: str
    only: list[str] | None = None

    def apply(self, tenant: Tenant) -> Json:
        part = tenant.mass.tap(self.userid, self.msgid, only=self.only)
        return {"results": {some_id: delivery.status for some_id, delivery in part.recipients.items()}}


class PublishMoment(Action):
    """A member taps publish on a moment."""

    userid: str
    moment_id: str

    def apply(self, tenant: Tenant) -> Json:
        return {"seen_by": list(tenant.moments.publish(self.userid, self.moment_id).delivered)}


class LikeMoment(Pair):
    """A patient likes what ``userid`` published, or takes the like back."""

    moment_id: str
    liked: bool = True

    def apply(self, tenant: Tenant) -> Json:
        tenant.moments.like(self.external_userid, self.moment_id, self.userid, liked=self.liked)
        return {}


class CommentMoment(Pair):
    """A patient comments what ``userid`` published."""

    moment_id: str
    text: str = TEXT

    def apply(self, tenant: Tenant) -> Json:
        tenant.moments.comment(self.external_userid, self.moment_id, self.userid, self.text)
        return {}


class TapCard(Action):
    """A member taps a card's button; anybody, any key, any task id, any response code."""

    userid: str
    task_id: str
    key: str
    response_code: str | None = None
    selected: dict[str, list[str]] = Field(default_factory=dict)
    card_type: str | None = None
    menu: bool = False
    copy_for_stranger: bool = True

    def apply(self, tenant: Tenant) -> Json:
        return {"response_code": tenant.messages.tap(**self.model_dump())}


class MemberWritesApp(Action):
    """A member writes to the app."""

    userid: str
    text: str = Field(min_length=1, max_length=2048)

    def apply(self, tenant: Tenant) -> Json:
        return {"msg_id": str(tenant.messages.member_writes(self.userid, self.text))}


class MemberEntersApp(Action):
    """A member opens the app's conversation."""

    userid: str

    def apply(self, tenant: Tenant) -> Json:
        tenant.messages.member_enters(self.userid)
        return {}


class FillCap(Action):
    """A customer or group has already received so many mass messages today (all that fit when null)."""

    id: str
    times: int | None = Field(None, ge=1, le=100)

    def apply(self, tenant: Tenant) -> Json:
        tenant.mass.fill_cap(self.id, self.times)
        return {}


class RevokeToken(Action):
    """The platform revokes the access token early."""

    def apply(self, tenant: Tenant) -> Json:
        tenant.tokens.revoke()
        return {}


ACTIONS: dict[str, type[Action]] = {
    "create-patient": CreatePatient,
    "patient-adds-member": PatientAddsMember,
    "member-confirms-patient": MemberConfirmsPatient,
    "patient-deletes-member": PatientDeletesMember,
    "member-deletes-patient": MemberDeletesPatient,
    "member-edits-patient": MemberEditsPatient,
    "patient-writes": PatientWrites,
    "member-writes-patient": MemberWritesPatient,
    "create-group": CreateGroup,
    "join-group": JoinGroup,
    "leave-group": LeaveGroup,
    "change-group": ChangeGroup,
    "dismiss-group": DismissGroup,
    "write-in-group": WriteInGroup,
    "edit-tags": EditTags,
    "tap-mass": TapMass,
    "publish-moment": PublishMoment,
    "like-moment": LikeMoment,
    "comment-moment": CommentMoment,
    "tap-card": TapCard,
    "member-writes-app": MemberWritesApp,
    "member-enters-app": MemberEntersApp,
    "fill-cap": FillCap,
    "revoke-token": RevokeToken,
    **CORP_ACTIONS,
    **KF_ACTIONS,
    **STAFF_ACTIONS,
}
