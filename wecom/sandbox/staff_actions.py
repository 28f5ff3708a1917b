"""What an administrator does with members and with the app, and any callback whatever."""

from typing import Any

from pydantic import Field, field_validator

from .action import Action, Json
from .books import MemberFollows
from .events import CallbackEvent, Value, to_xml
from .people import Mistake
from .state import Member
from .tenant import Tenant

USERID = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.@-]{0,63}$")
DEPTH, FIELDS = 5, 100


class MemberJoins(Action):
    """An administrator adds a member, who may serve customers: create_user."""

    userid: str = USERID
    name: str = Field(min_length=1, max_length=64)
    position: str = Field("", max_length=64)

    def apply(self, tenant: Tenant) -> Json:
        corp = tenant.corp
        if self.userid in corp.members:
            raise Mistake(f"{self.userid!r} is a member already")
        corp.members[self.userid] = Member(userid=self.userid, name=self.name, position=self.position)
        corp.emit(
            "change_contact",
            ChangeType="create_user",
            UserID=self.userid,
            Name=self.name,
            Department="1",
            MainDepartment=1,
            Position=self.position,
            Status=1,
        )
        corp.changed("member.joined", members=[self.userid])
        return {}


class MemberChanges(Action):
    """An administrator renames a member, or gives another position or userid: update_user.

    A new userid takes the member's customers, groups and chats along; only members whose customers are not
    computed can have one.
    """

    userid: str
    name: str | None = Field(None, min_length=1, max_length=64)
    position: str | None = Field(None, max_length=64)
    new_userid: str | None = Field(None, pattern=r"^[A-Za-z0-9][A-Za-z0-9_.@-]{0,63}$")

    def apply(self, tenant: Tenant) -> Json:
        corp = tenant.corp
        member = corp.members.get(self.userid)
        if member is None or member.left_at is not None:
            raise Mistake(f"no member has the userid {self.userid!r}")
        fields: dict[str, Value] = {"ChangeType": "update_user", "UserID": self.userid}
        if self.new_userid is not None:
            _move(tenant, member, self.new_userid)
            fields["NewUserID"] = self.new_userid
        if self.name is not None:
            member.name = fields["Name"] = self.name
        if self.position is not None:
            member.position = fields["Position"] = self.position
        corp.emit("change_contact", **fields)
        corp.changed("member.changed", members=[member.userid])
        return {}


def _move(tenant: Tenant, member: Member, userid: str) -> None:
    corp, old = tenant.corp, member.userid
    if userid in corp.members:
        raise Mistake(f"{userid!r} is a member already")
    book = corp.follows_of_member.get(old, MemberFollows())
    if tenant.scene != "small":
        raise Mistake("in a computed scene nobody changes the userid")
    follows = list(book.values())
    corp.follows_of_member[old] = MemberFollows()
    corp.members[userid] = corp.members.pop(old)
    member.userid = userid
    for follow in follows:
        follow.userid = userid
        corp.add_follow(follow)
    for group in corp.groups.values():
        group.owner = userid if group.owner == old else group.owner
        if (seat := group.members.pop(old, None)) is not None:
            seat.userid = userid
            group.members[userid] = seat
    for pair in [pair for pair in corp.chats if pair[0] == old]:
        corp.chats[userid, pair[1]] = corp.chats.pop(pair)
    for chats in (corp.app_chats, corp.assistant_chats):
        if old in chats:
            chats[userid] = chats.pop(old)


class EmitCallback(Action):
    """Send any callback: ``fields`` are its elements behind ToUserName, FromUserName and CreateTime.

    For what no other action can cause, such as warnings about the app: nothing in the tenant changes.
    """

    fields: dict[str, Any] = Field(min_length=1, max_length=FIELDS)
    sender: str = Field("sys", min_length=1, max_length=64)

    @field_validator("fields")
    @classmethod
    def can_be_written(cls, fields: dict[str, Any]) -> dict[str, Any]:
        _check(fields, 0)
        return fields

    def apply(self, tenant: Tenant) -> Json:
        head: dict[str, Value] = {
            "ToUserName": tenant.corp.credentials.corp_id,
            "FromUserName": self.sender,
            "CreateTime": tenant.corp.clock.timestamp(),
        }
        event, change = self.fields.get("Event"), self.fields.get("ChangeType")
        name = ".".join(part for part in (event, change) if isinstance(part, str) and part)
        if not name:
            name = str(self.fields.get("MsgType", "callback"))
        tenant.corp.emit_event(CallbackEvent(name=name, xml=to_xml(head | self.fields)))
        return {}


def _check(value: Any, depth: int) -> None:
    """Refuse what has no place in WeCom's XML: deep nesting, odd names, anything but texts and numbers."""
    if depth > DEPTH:
        raise ValueError("nested too deep")
    if isinstance(value, dict):
        for name, child in value.items():
            if not (isinstance(name, str) and name.isascii() and name.isidentifier()):
                raise ValueError("element names are letters, digits and _")
            _check(child, depth + 1)
    elif isinstance(value, list):
        for child in value:
            _check(child, depth + 1)
    elif isinstance(value, bool) or not isinstance(value, str | int):
        raise ValueError("elements hold texts, whole numbers, lists or elements")  # noqa: TRY004  (pydantic hears ValueError only)


STAFF_ACTIONS: dict[str, type[Action]] = {
    "member-joins": MemberJoins,
    "member-changes": MemberChanges,
    "emit-callback": EmitCallback,
}
