"""What a template card must look like (messages-and-cards.md §2): pure checks, one errcode per field.

WeCom documents that 42027-42051 each name a field but not which is which in a form we could re-check,
so the assignment inside that range is ours; a program must branch on the range, not on the number.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable

    from .state import Json

CARD_TYPE = 42027
MAIN_TITLE = 42028
CARD_ACTION = 42029
CARD_IMAGE = 42030
BUTTON_LIST = 42031
BUTTON = 42032
CHECKBOX = 42033
SUBMIT_BUTTON = 42034
SELECT_LIST = 42035
SOURCE = 42036
ACTION_MENU = 42037
QUOTE_AREA = 42038
EMPHASIS = 42039
SUB_TITLE = 42040
HORIZONTAL = 42041
JUMP_LIST = 42042
VERTICAL = 42043
IMAGE_TEXT = 42044
BUTTON_SELECTION = 42045
OPTION = 42046
NOT_ALLOWED = 42051
TASK_ID = 42014

_TASK_ID = re.compile(r"[0-9A-Za-z_\-@]{1,128}", re.ASCII)
INTERACTIVE = frozenset({"button_interaction", "vote_interaction", "multiple_interaction"})
NOTICES = frozenset({"text_notice", "news_notice"})
_ALWAYS = frozenset({"card_type", "task_id", "main_title", "source", "replace_text"})
_ALLOWED = {
    "text_notice": _ALWAYS
    | {"action_menu", "quote_area", "emphasis_content", "sub_title_text", "horizontal_content_list"}
    | {"jump_list", "card_action"},
    "news_notice": _ALWAYS
    | {"action_menu", "quote_area", "vertical_content_list", "horizontal_content_list", "jump_list"}
    | {"card_action", "card_image", "image_text_area"},
    "button_interaction": _ALWAYS
    | {"action_menu", "quote_area", "sub_title_text", "horizontal_content_list", "card_action"}
    | {"button_selection", "button_list"},
    "vote_interaction": _ALWAYS | {"checkbox", "submit_button"},
    "multiple_interaction": _ALWAYS | {"select_list", "submit_button"},
}


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads one part of a card; every complaint carries the errcode of that part."""

    value: dict[str, Any]
    name: str
    errcode: int
    _path: str = field(default="")

    def fail(self, why: str) -> Refusal:
        return Refusal(self.errcode, f"invalid template_card.{self.name}: {why}")

    def text(self, key: str, *, required: bool = False, max_bytes: int = 4096) -> str:
        value = self.value.get(key, "")
        if not isinstance(value, str):
            raise self.fail(f"{key} is no string")
        if required and not value:
            raise self.fail(f"{key} is empty")
        if len(value.encode()) > max_bytes:
            raise self.fail(f"{key} is longer than {max_bytes} bytes")
        return value

    def number(self, key: str, allowed: range, *, default: int = 0) -> int:
        value = self.value.get(key, default)
        if isinstance(value, bool) or not isinstance(value, int) or value not in allowed:
            raise self.fail(f"{key} must be {allowed.start}..{allowed.stop - 1}")
        return value

    def ratio(self, key: str, low: float, high: float) -> None:
        value = self.value.get(key, low)
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            raise self.fail(f"{key} must be {low} to {high}")

    def target(self, kinds: range) -> int:
        """Check where a tap leads: ``type`` 1 needs a url, 2 (a mini-program) an appid."""
        kind = self.number("type", kinds)
        if kind in {1, 2}:
            self.text("url" if kind == 1 else "appid", required=True)
        return kind

    def many(self, key: str, *, at_least: int, at_most: int) -> list[Reader]:
        return readers(self.value.get(key), self.name, self.errcode, at_least=at_least, at_most=at_most)


def readers(value: object, name: str, errcode: int, *, at_least: int, at_most: int) -> list[Reader]:
    """Read a list of objects of a bounded length."""
    if not isinstance(value, list) or not at_least <= len(value) <= at_most:
        raise Refusal(errcode, f"invalid template_card.{name}: {at_least} to {at_most} items are needed")
    return [one(item, name, errcode) for item in value]


def one(value: object, name: str, errcode: int) -> Reader:
    """Read an object."""
    if not isinstance(value, dict):
        raise Refusal(errcode, f"invalid template_card.{name}: an object is needed")
    return Reader(value, name, errcode)


def without_nulls(value: Any) -> Any:
    """Return JSON without its nulls: they count as absent, as in WeCom."""
    if isinstance(value, dict):
        return {key: without_nulls(inner) for key, inner in value.items() if inner is not None}
    return [without_nulls(inner) for inner in value] if isinstance(value, list) else value


def check_card(card: Json, *, update: bool = False) -> None:
    """Refuse a card that WeCom would refuse; a card that passes can be shown.

    An ``update`` of a card that was sent needs no task_id of its own.

    Raises:
        Refusal: 42014 task_id, 42027-42051 the part that is wrong.
    """
    kind = card.get("card_type")
    if not isinstance(kind, str) or kind not in _ALLOWED:
        raise Refusal(CARD_TYPE, "invalid template_card.card_type")
    extra = set(card) - _ALLOWED[kind]
    if extra:
        raise Refusal(NOT_ALLOWED, f"template_card of {kind} does not allow {', '.join(sorted(extra))[:200]}")
    title = _title(card)
    _check_task_id(card, needed=not update and (kind in INTERACTIVE or "action_menu" in card))
    _check_extras(card)
    if kind != "text_notice" and not title:
        raise Refusal(MAIN_TITLE, f"{kind} needs main_title.title")
    _CHECKS[kind](card)


def _title(card: Json) -> str:
    if "main_title" not in card:
        return ""
    main = one(card["main_title"], "main_title", MAIN_TITLE)
    main.text("desc")
    return main.text("title")


def _check_text_notice(card: Json) -> None:
    if not _title(card) and not card.get("sub_title_text"):
        raise Refusal(MAIN_TITLE, "text_notice needs main_title.title or sub_title_text")
    _check_action(card.get("card_action"), kinds=range(1, 3))


def _check_news_notice(card: Json) -> None:
    if "card_image" not in card and "image_text_area" not in card:
        raise Refusal(CARD_IMAGE, "news_notice needs card_image or image_text_area")
    _check_action(card.get("card_action"), kinds=range(1, 3))


def _check_vote(card: Json) -> None:
    _check_options(one(card.get("checkbox"), "checkbox", CHECKBOX), at_most=20).number("mode", range(2))
    _check_submit(card)


def _check_multiple(card: Json) -> None:
    selects = readers(card.get("select_list"), "select_list", SELECT_LIST, at_least=1, at_most=3)
    questions = [_check_options(select, at_most=10).text("question_key") for select in selects]
    if len(set(questions)) < len(questions):
        raise Refusal(SELECT_LIST, "question_keys of one card must differ")
    _check_submit(card)


def _check_task_id(card: Json, *, needed: bool) -> None:
    task_id = card.get("task_id", "")
    if not task_id and not needed:
        return
    if not isinstance(task_id, str) or not _TASK_ID.fullmatch(task_id):
        raise Refusal(TASK_ID, "invalid task_id: 1 to 128 of digits, letters, _-@")


def _check_action(value: object, *, kinds: range) -> None:
    one(value, "card_action", CARD_ACTION).target(kinds)


def _check_buttons(card: Json) -> None:
    buttons = readers(card.get("button_list"), "button_list", BUTTON_LIST, at_least=1, at_most=6)
    keys = []
    for item in buttons:
        button = Reader(item.value, "button_list", BUTTON)
        button.text("text", required=True)
        button.number("style", range(1, 5), default=1)
        if button.number("type", range(2)) == 1:
            button.text("url", required=True)
        else:
            keys.append(button.text("key", required=True, max_bytes=1024))
    if len(set(keys)) < len(keys):
        raise Refusal(42018, "button keys of one card must differ")
    if "card_action" in card:
        _check_action(card["card_action"], kinds=range(3))


def _check_submit(card: Json) -> None:
    submit = one(card.get("submit_button"), "submit_button", SUBMIT_BUTTON)
    submit.text("text", required=True)
    submit.text("key", required=True, max_bytes=1024)


def _check_options(part: Reader, *, at_most: int) -> Reader:
    part.text("question_key", required=True, max_bytes=1024)
    ids = []
    for option in part.many("option_list", at_least=1, at_most=at_most):
        ids.append(option.text("id", required=True, max_bytes=128))
        option.text("text", required=True)
        if not isinstance(option.value.get("is_checked", False), bool):
            raise option.fail("is_checked must be a boolean")
    if len(set(ids)) < len(ids):
        raise Refusal(OPTION, f"option ids of {part.name} must differ")
    return part


def _check_extras(card: Json) -> None:
    if "sub_title_text" in card and not isinstance(card["sub_title_text"], str):
        raise Refusal(SUB_TITLE, "invalid template_card.sub_title_text")
    for name, errcode, most in (
        ("horizontal_content_list", HORIZONTAL, 6),
        ("jump_list", JUMP_LIST, 3),
        ("vertical_content_list", VERTICAL, 4),
    ):
        if name in card:
            _check_rows(readers(card[name], name, errcode, at_least=0, at_most=most))
    for name, (errcode, check) in _PARTS.items():
        if name in card:
            check(one(card[name], name, errcode))


def _check_source(source: Reader) -> None:
    source.text("desc")
    source.text("icon_url")
    source.number("desc_color", range(4))


def _check_menu(menu: Reader) -> None:
    keys = []
    for action in menu.many("action_list", at_least=1, at_most=3):
        action.text("text", required=True)
        keys.append(action.text("key", required=True, max_bytes=1024))
    if len(set(keys)) < len(keys):
        raise menu.fail("keys must differ")


def _check_quote(quote: Reader) -> None:
    quote.target(range(3))
    quote.text("quote_text")


def _check_emphasis(emphasis: Reader) -> None:
    emphasis.text("title")
    emphasis.text("desc")


def _check_image(image: Reader) -> None:
    image.text("url", required=True)
    image.ratio("aspect_ratio", 1.3, 2.25)


def _check_image_text(area: Reader) -> None:
    area.text("image_url", required=True)
    area.target(range(3))


def _check_selection(selection: Reader) -> None:
    _check_options(selection, at_most=10)


def _check_rows(rows: list[Reader]) -> None:
    for row in rows:
        if row.name != "horizontal_content_list":
            row.text("title", required=True)
            row.target(range(3))
            continue
        row.text("keyname", required=True)
        row.text("value")
        needed = {1: "url", 2: "media_id", 3: "userid"}.get(row.number("type", range(4)))
        if needed:
            row.text(needed, required=True)


_PARTS: dict[str, tuple[int, Callable[[Reader], None]]] = {
    "source": (SOURCE, _check_source),
    "action_menu": (ACTION_MENU, _check_menu),
    "quote_area": (QUOTE_AREA, _check_quote),
    "emphasis_content": (EMPHASIS, _check_emphasis),
    "card_image": (CARD_IMAGE, _check_image),
    "image_text_area": (IMAGE_TEXT, _check_image_text),
    "button_selection": (BUTTON_SELECTION, _check_selection),
}
_CHECKS: dict[str, Callable[[Json], None]] = {
    "text_notice": _check_text_notice,
    "news_notice": _check_news_notice,
    "button_interaction": _check_buttons,
    "vote_interaction": _check_vote,
    "multiple_interaction": _check_multiple,
}
