"""What the steps of a plan say: that it exists, fits who says it, and can be sent that way."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Final

from content import limits
from content.limits import size
from content.plans.known import FOLLOW
from content.render import Renderer, TemplateProblem

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from content.plans.known import Known, Said, Speaker
    from content.plans.models import StepModel, VariantModel
    from content.plans.spots import Spot
    from content.problems import Problem

_KINDS: Final = {"moment": "朋友圈内容", "group": "群内容", "direct": "一对一内容"}
_PERSONA: Final = ("name", "title", "intro", "kind")
_OF_PATIENTS: Final = ("patient.name", "member.alias")
# A patient may have no name, a short one, or the longest nickname WeChat allows.
_NAMES: Final = ("", "王女士", "名" * limits.NICKNAME_CHARS)
SPEAKING: Final = ("mass", "todo", "kf", "survey", "invite_group")


def by_mass(step: StepModel) -> bool:
    """Tell whether a step may go out as one text for many (as `content.plans.wordings.by_mass`)."""
    way = step.via if step.channel == "survey" else step.channel
    return way == "mass" or (way == "kf" and step.fallback == "mass")


def check_words(
    spot: Spot, step: StepModel, *, persona: str, known: Known, renderer: Renderer
) -> Iterator[Problem]:
    """Check what a step says; ``persona`` is the plan's."""
    yield from _one_source(spot, step)
    # What staff other than the follow's own member send by hand is said in their own name.
    speakers = () if step.channel in ("todo", "card") and step.to else known.speaking(persona)
    wordings: list[tuple[Spot, StepModel | VariantModel]] = [(spot, step)]
    wordings += [(spot.at("variants", index), variant) for index, variant in enumerate(step.variants)]
    for here, said in wordings:
        if said.content is not None:
            yield from _content(here, said.content, step, persona, speakers, known)
        if said.text:
            yield from _text(here, said.text, step, speakers or known.speakers, known, renderer)
    yield from spot.missing("attachments", step.attachments, known.assets, "素材")
    yield from spot.twice("attachments", step.attachments)


def _one_source(spot: Spot, step: StepModel) -> Iterator[Problem]:
    yield from _variants(spot, step)
    if step.variants:
        if step.content is not None or step.text:
            field = "text" if step.text else "content"
            remedy = "把它也写成 variants 里的一种"
            yield spot.fault(field, says=f"写了 variants，就不再用 {field}", remedy=remedy)
    elif step.content is not None and step.text:
        yield spot.fault("text", says="content 和 text 只能写一个", remedy="删掉一个")
    elif step.content is None and not step.text:
        if step.channel in SPEAKING:
            remedy = "加上 content: 一条内容的 key，或 text: 要说的话"
            yield spot.fault(says="没有写说什么", remedy=remedy)
        elif not step.title:
            yield spot.fault(says="卡片没有内容", remedy="加上 title 或 text")
    if step.attachments and (step.content is not None or any(v.content for v in step.variants)):
        remedy = "附件写在那条内容里，这里删掉"
        yield spot.fault("attachments", says="content 用的是那条内容自己的附件", remedy=remedy)


def _variants(spot: Spot, step: StepModel) -> Iterator[Problem]:
    keys: set[str] = set()
    for index, variant in enumerate(step.variants):
        if (variant.content is None) == (not variant.text):
            says = f"写法 {variant.key} 要有 content 或 text，只写一个"
            yield spot.fault("variants", index, says=says, remedy="留一个")
        if variant.key in keys:
            says = f"写法 {variant.key} 重复"
            yield spot.fault("variants", index, "key", says=says, remedy="换一个名字")
        keys.add(variant.key)
    if step.variants and sum(variant.share for variant in step.variants) == 0:
        yield spot.fault("variants", says="各种写法的份数加起来是 0", remedy="至少给一种写上 share: 1")


def _content(
    spot: Spot, key: str, step: StepModel, persona: str, speakers: Sequence[Speaker], known: Known
) -> Iterator[Problem]:
    said = known.contents.get(key)
    if said is None or said.kind != "direct":
        yield from content_fault(spot, key, "direct", known)
        return
    if said.by_hand and by_mass(step):
        remedy = "换一条不称呼人的内容，或把 channel 改成 todo"
        yield spot.fault("content", says=f"{key} 要写给某一位，群发不能称呼人", remedy=remedy)
    yield from suits(spot, "content", said, persona, speakers)


def content_fault(spot: Spot, key: str, kind: str, known: Known) -> Iterator[Problem]:
    """Say that no content of this kind has the key; nothing when its own entry is faulty."""
    said = known.contents.get(key)
    if said is not None:
        says = f"{key} 是{_KINDS[said.kind]}，这里要{_KINDS[kind]}"
        yield spot.fault("content", says=says, remedy=f"换成一条{_KINDS[kind]}")
    elif key not in known.written:
        names = (one.key for one in known.contents.values() if one.kind == kind)
        yield spot.unknown("content", what="内容", key=key, known=names)


def suits(spot: Spot, field: str, said: Said, persona: str, speakers: Iterable[Speaker]) -> Iterator[Problem]:
    """Check that everybody who may speak may say this."""
    strangers = [speaker for speaker in speakers if not said.suits(speaker)]
    if not strangers:
        return
    who = "、".join(speaker.key for speaker in strangers)
    if persona == FOLLOW:
        remedy = f"把计划的 persona 改成 {said.audience[0] if said.audience else 'assistant'}，或换一条内容"
    else:
        remedy = "换一条内容，或改那条内容的 for"
    yield spot.fault(field, says=f"{said.key}（{said.category}）不能由 {who} 说", remedy=remedy)


def _text(
    spot: Spot,
    text: str,
    step: StepModel,
    speakers: Iterable[Speaker],
    known: Known,
    renderer: Renderer,
) -> Iterator[Problem]:
    if known.clinic is None:  # pack.yaml cannot be read, which is reported already
        return
    many = by_mass(step)
    names = {*(f"clinic.{name}" for name in known.clinic), *(f"persona.{name}" for name in _PERSONA)}
    names |= set() if many else set(_OF_PATIENTS)
    try:
        uses = renderer.check(text)
    except TemplateProblem as exc:
        yield spot.fault("text", says=exc.message, remedy="只用变量 {{ … }} 和 {% if %}…{% endif %}")
        return
    strange = [use.name for use in uses if use.name not in names]
    for name in dict.fromkeys(strange):
        close = difflib.get_close_matches(name, sorted(names), n=1)
        remedy = f"是不是想写 {close[0]}？" if close else f"可用的变量：{'、'.join(sorted(names))}"
        says = f"没有变量 {name}"
        if name in _OF_PATIENTS:
            says = f"群发的文字不能称呼某一位（{name}）"
            remedy = "删掉这个变量，或把 channel 改成 todo，由同事一对一发"
        yield spot.fault("text", says=says, remedy=remedy)
    if not strange:
        yield from _filled_in(spot, text, speakers, known.clinic, renderer, names=("",) if many else _NAMES)


def _filled_in(
    spot: Spot,
    text: str,
    speakers: Iterable[Speaker],
    clinic: Mapping[str, str],
    renderer: Renderer,
    *,
    names: Iterable[str],
) -> Iterator[Problem]:
    longest = 0
    for speaker in speakers:
        for name in names:
            try:
                filled = renderer.render(
                    text,
                    clinic=clinic,
                    persona={field: getattr(speaker, field) for field in _PERSONA},
                    patient={"name": name},
                    member={"alias": speaker.name},
                )
            except TemplateProblem as exc:
                yield spot.fault("text", says=exc.message, remedy="改写这一处")
                return
            if not filled:
                remedy = "写一段任何情况下都有的文字"
                yield spot.fault("text", says="填好变量以后是空的", remedy=remedy)
                return
            longest = max(longest, size(filled))
    if longest > limits.MESSAGE_BYTES:
        says = f"{longest} 字节，企业微信最多 {limits.MESSAGE_BYTES} 字节"
        yield spot.fault("text", says=says, remedy="缩短；一个汉字 3 字节")
