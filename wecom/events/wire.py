"""From a decrypted callback to its fields: the XML and its validation, which trust nobody.

``wechatpy.work``'s parser is not used for this step: its xmltodict lets a bare DOCTYPE pass, loses a lone
list item's listness, and fails in many ways on bytes that are not such XML. Here every failure is
``UnparseableEvent``.
"""

import math
import xml.etree.ElementTree as ET
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

MAX_DEPTH = 16  # WeCom nests five deep at most (approvals)
LAST_SECOND = (
    4_102_444_800  # 2100-01-01Z; with far later times nothing that is reckoned from them is an instant
)


class UnparseableEvent(ValueError):
    """The plaintext is not an event. The message names what is wrong and holds no value of it."""


class _Builder(ET.TreeBuilder):
    # What makes the stdlib's parser safe here: without a DOCTYPE nobody can declare an entity, and expat then
    # refuses every reference but XML's own five.
    def __init__(self) -> None:
        super().__init__()
        self._depth = 0

    def doctype(self, _name: str, _public_id: str | None, _system: str | None) -> None:
        raise UnparseableEvent("the callback has a DOCTYPE, which WeCom never sends")

    def start(self, tag: Any, attrs: Any, /) -> Any:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise UnparseableEvent(f"the callback nests deeper than {MAX_DEPTH} elements")
        return super().start(tag, attrs)

    def end(self, tag: Any, /) -> Any:
        self._depth -= 1
        return super().end(tag)


def _text(value: Any) -> str | None:
    """Missing, empty and not-a-text are alike; of a repeated element the first counts."""
    if isinstance(value, list):
        value = value[0]
    return value.strip() or None if isinstance(value, str) else None


def _int(value: Any) -> int | None:
    text = _text(value)
    try:
        number = int(text) if text is not None else None
    except ValueError:
        return None
    return number if number is None or abs(number) < 2**63 else None


def _float(value: Any) -> float | None:
    text = _text(value)
    try:
        number = float(text) if text is not None else None
    except ValueError:
        return None
    return number if number is not None and math.isfinite(number) else None


def _texts(value: Any) -> tuple[str, ...]:
    """All texts at any depth below: ``<Item>`` children, repeated elements, or one comma-joined text."""
    if isinstance(value, str):
        return tuple(part for part in (piece.strip() for piece in value.split(",")) if part)
    children: list[Any] = []
    if isinstance(value, list):
        children = value
    elif isinstance(value, dict):
        children = list(value.values())
    return tuple(text for child in children for text in _texts(child))


def _ints(value: Any) -> tuple[int, ...]:
    return tuple(number for text in _texts(value) if (number := _int(text)) is not None)


def _instant(value: Any) -> datetime | None:
    seconds = _int(value)
    return (
        datetime.fromtimestamp(seconds, UTC) if seconds is not None and 0 < seconds <= LAST_SECOND else None
    )


def _selections(value: Any) -> dict[str, tuple[str, ...]]:
    """``<SelectedItem>`` children as question key → option ids; WeCom's old spelling ``OpitonIds`` counts
    too.
    """
    items = value.get("SelectedItem") if isinstance(value, dict) else None
    chosen: dict[str, tuple[str, ...]] = {}
    for item in items if isinstance(items, list) else [items]:
        if isinstance(item, dict) and (question := _text(item.get("QuestionKey"))):
            chosen[question] = _texts(item.get("OptionIds")) + _texts(item.get("OpitonIds"))
    return chosen


# Strict about the few fields every event must have, lenient about all others: an odd <Scale> must not make
# a dead event.
Text = Annotated[str | None, BeforeValidator(_text)]
Int = Annotated[int | None, BeforeValidator(_int)]
Float = Annotated[float | None, BeforeValidator(_float)]
Texts = Annotated[tuple[str, ...], BeforeValidator(_texts)]
Ints = Annotated[tuple[int, ...], BeforeValidator(_ints)]
Instant = Annotated[datetime | None, BeforeValidator(_instant)]


class Wire(BaseModel):
    """Every element of callbacks.md, optional but for the three that all callbacks have; others are
    ignored.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    corp_id: Annotated[str, BeforeValidator(_text)] = Field(alias="ToUserName")
    happened_at: Annotated[datetime, BeforeValidator(_instant)] = Field(alias="CreateTime")
    msg_type: Annotated[str, BeforeValidator(_text)] = Field(alias="MsgType")
    from_user: Text = Field(None, alias="FromUserName")
    event: Text = Field(None, alias="Event")
    change_type: Text = Field(None, alias="ChangeType")
    agent_id: Int = Field(None, alias="AgentID")

    userid: Text = Field(None, alias="UserID")
    external_userid: Text = Field(None, alias="ExternalUserID")
    state: Text = Field(None, alias="State")
    welcome_code: Text = Field(None, alias="WelcomeCode")
    link_id: Text = Field(None, alias="LinkId")
    source: Text = Field(None, alias="Source")
    fail_reason: Text = Field(None, alias="FailReason")
    chat_key: Text = Field(None, alias="ChatKey")
    expire_time: Instant = Field(None, alias="ExpireTime")
    expire_quota: Int = Field(None, alias="ExpireQuotaNum")

    chat_id: Text = Field(None, alias="ChatId")
    update_detail: Text = Field(None, alias="UpdateDetail")
    join_scene: Int = Field(None, alias="JoinScene")
    quit_scene: Int = Field(None, alias="QuitScene")
    changed_members: Texts = Field((), alias="MemChangeList")
    last_version: Text = Field(None, alias="LastMemVer")
    current_version: Text = Field(None, alias="CurMemVer")

    id: Text = Field(None, alias="Id")
    tag_type: Text = Field(None, alias="TagType")
    strategy_id: Int = Field(None, alias="StrategyId")

    event_key: Text = Field(None, alias="EventKey")
    task_id: Text = Field(None, alias="TaskId")
    card_type: Text = Field(None, alias="CardType")
    response_code: Text = Field(None, alias="ResponseCode")
    selected: Annotated[dict[str, tuple[str, ...]], BeforeValidator(_selections)] = Field(
        default_factory=dict, alias="SelectedItems"
    )

    content: Text = Field(None, alias="Content")
    message_id: Text = Field(None, alias="MsgId")
    media_id: Text = Field(None, alias="MediaId")
    thumb_media_id: Text = Field(None, alias="ThumbMediaId")
    picture_url: Text = Field(None, alias="PicUrl")
    audio_format: Text = Field(None, alias="Format")
    latitude: Float = Field(None, alias="Location_X")
    longitude: Float = Field(None, alias="Location_Y")
    scale: Int = Field(None, alias="Scale")
    label: Text = Field(None, alias="Label")
    title: Text = Field(None, alias="Title")
    description: Text = Field(None, alias="Description")
    url: Text = Field(None, alias="Url")

    new_userid: Text = Field(None, alias="NewUserID")
    name: Text = Field(None, alias="Name")
    position: Text = Field(None, alias="Position")
    status: Int = Field(None, alias="Status")
    departments: Ints = Field((), alias="Department")
    main_department: Int = Field(None, alias="MainDepartment")
    parent_id: Int = Field(None, alias="ParentId")
    contact_tag_id: Int = Field(None, alias="TagId")
    added_users: Texts = Field((), alias="AddUserItems")
    removed_users: Texts = Field((), alias="DelUserItems")

    effect_time: Instant = Field(None, alias="EffectTime")
    job_id: Text = Field(None, alias="JobId")
    job_type: Text = Field(None, alias="JobType")
    errcode: Int = Field(None, alias="ErrCode")
    token: Text = Field(None, alias="Token")
    open_kfid: Text = Field(None, alias="OpenKfId")
    auth_added: Texts = Field((), alias="AuthAddOpenKfId")
    auth_removed: Texts = Field((), alias="AuthDelOpenKfId")


def read(plaintext: bytes) -> tuple[Wire, tuple[str, ...]]:
    """Return the validated fields and the names of all top-level elements.

    Raises:
        UnparseableEvent: not XML, not WeCom's XML, or without ``ToUserName``, ``CreateTime`` or ``MsgType``.
    """
    # The encoding is stated by us: a declaration could name one that expat asks Python for, or none at all.
    parser = ET.XMLParser(target=_Builder(), encoding="utf-8")  # noqa: S314 - see the import
    try:
        parser.feed(plaintext)
        root: ET.Element = parser.close()
    except ET.ParseError as exc:
        # expat's sentence and position are safe to show; the exception itself may hold names from the input.
        raise UnparseableEvent(
            f"the callback is not XML (line {exc.position[0]}, column {exc.position[1]})"
        ) from None
    if root.tag != "xml":
        raise UnparseableEvent("the callback's outermost element is not <xml>")
    fields = _children(root)
    try:
        return Wire.model_validate(fields), tuple(fields)
    except ValidationError as exc:
        names = ", ".join(sorted({str(error["loc"][0]) for error in exc.errors(include_input=False)}))
        raise UnparseableEvent(f"the callback lacks a usable {names}") from None


def _children(element: ET.Element) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for child in element:
        value: Any = _children(child) if len(child) else child.text or ""
        if child.tag not in fields:
            fields[child.tag] = value
        elif isinstance(fields[child.tag], list):
            fields[child.tag].append(value)
        else:
            fields[child.tag] = [fields[child.tag], value]
    return fields
