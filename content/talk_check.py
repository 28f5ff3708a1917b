"""Checks scripts and answers: each text as it will be used, and that what people ask finds its answer."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from content import limits
from content.limits import size
from content.render import TemplateProblem
from content.talk_specs import ALL_OF, answer_of, best_answer

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from content.draft import Draft, Entry
    from content.problems import FieldPath, Problem
    from content.render import Renderer
    from content.schema_talk import AnswerModel, ScriptModel

_REMEDY = "只用变量 {{ … }} 和 {% if %}…{% endif %}"
_TALK_NAMES = ("patient.name", "member.alias")  # a script is said to one person, by one of us


def check_answers(draft: Draft) -> Iterator[Problem]:
    """Find words that lead to two answers, and questions that lead to another answer than their own."""
    owners: dict[frozenset[str], str] = {}
    for entry in draft.answers:
        for index, word in enumerate(entry.model.words):
            parts = word.casefold().split(ALL_OF)
            if not all(part.strip() for part in parts):
                remedy = "写成 拔牙+吃 的样子，+ 前后都要有字"
                yield entry.problem("words", index, says=f"“{word}”少了一半", remedy=remedy)
            owner = owners.setdefault(frozenset(parts), entry.model.key)
            if owner != entry.model.key or word in entry.model.words[:index]:
                remedy = "一个说法只能找到一条回答，从其中一处删掉"
                yield entry.problem("words", index, says=f"“{word}”已经指 {owner}", remedy=remedy)
    answers = [answer_of(entry) for entry in draft.answers]
    for entry in draft.answers:
        for index, ask in enumerate(entry.model.asks):
            found = best_answer(answers, ask)
            if found is None or found.key != entry.model.key:
                says = f"问“{ask}”找到的是 {found.key}" if found else f"问“{ask}”找不到回答"
                remedy = "在 words 里补上这句话里有的字，更长的词优先；或用 without 让另一条让开"
                yield entry.problem("asks", index, says=says, remedy=remedy)


def check_talk(draft: Draft, renderer: Renderer) -> Iterator[Problem]:
    """Find templates of scripts and answers that fail, and answers that 微信客服 would refuse."""
    clinic = {f"clinic.{name}" for name in draft.clinic_names or ()}
    for script in draft.scripts:
        for index, template in enumerate(script.model.say):
            for name in ("", "王女士"):
                said = {"patient": {"name": name}, "member": {"alias": "小护"}}
                path = ("say", index)
                problems = list(_text(draft, script, path, template, renderer, clinic | {*_TALK_NAMES}, said))
                yield from problems
                if problems:
                    break
    for answer in draft.answers:
        yield from _text(draft, answer, ("text",), answer.model.text, renderer, clinic, {})


def _text(
    draft: Draft,
    entry: Entry[ScriptModel] | Entry[AnswerModel],
    path: FieldPath,
    template: str,
    renderer: Renderer,
    known: set[str],
    variables: Mapping[str, Mapping[str, str]],
) -> Iterator[Problem]:
    try:
        uses = renderer.check(template)
        wrong = [use for use in uses if draft.clinic_names is not None and use.name not in known]
        for use in wrong:
            close = difflib.get_close_matches(use.name, sorted(known), n=1)
            remedy = f"是不是想写 {close[0]}？" if close else f"可用的变量：{'、'.join(sorted(known))}"
            says = f"没有变量 {use.name}"
            yield entry.problem(*path, says=says, remedy=remedy, text_line=use.line)
        if wrong or draft.pack is None:
            return
        text = renderer.render(template, clinic=draft.pack.model.clinic, **variables)
    except TemplateProblem as exc:
        yield entry.problem(*path, says=exc.message, remedy=_REMEDY, text_line=exc.line)
        return
    if not text:
        yield entry.problem(*path, says="填好变量以后是空的", remedy="写一段任何情况下都有的文字")
    elif size(text) > limits.KF_BYTES:
        says = f"{size(text)} 字节，微信客服最多 {limits.KF_BYTES} 字节"
        yield entry.problem(*path, says=says, remedy=f"缩短到 {limits.KF_BYTES // 3} 个汉字以内")
