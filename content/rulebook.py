"""Reads the compliance rules: data under ``content/compliance/``, judged as strictly as a content pack.

A pattern is a regular expression over the *folded* text (see `content.folding`: half-width, lower case, no
spaces, simplified) in a small dialect without unbounded repetition, so that every rule runs in linear time:

- ``~`` stands for up to eight characters of the same sentence, ``#`` for a number in digits or Chinese,
  ``<名字>`` for the expression of that name under ``words`` in ``language.yaml``;
- ``*``, ``+``, ``{n,}``, a bare ``.``, back-references and repeated groups with a range are refused.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from content.heads import alternatives, core, heads, longest, needs
from content.problems import PackError, Problem
from content.sources import Document, read_document

RULES = Path(__file__).parent / "compliance"

Level = Literal["block", "warn", "hint"]
PersonaKind = Literal["assistant", "doctor"]
Channel = Literal["moment", "group", "direct"]
Context = Literal["negated", "denied", "asked", "quoted", "hedged", "staff"]

_GAP = r"[^。!?;…\n]{0,8}"
_NUMBER = "[0-9一二三四五六七八九十百千万两几]{1,6}"
_CLASS = re.compile(r"\[\^?\]?(?:\\.|[^\]\\])*\]")
_WORD = re.compile(r"<([\u4e00-\u9fff]+)>")
_ESCAPE = re.compile(r"\\[.?()\[\]{}|$^\\~#*+-]")
_REFUSED = re.compile(r"[*+.]|\\|\{\d*,\}|\)\{\d+,|\(\?P|\{\d{3,}|\{\d+,\d{3,}")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, coerce_numbers_to_str=True)


Words = Annotated[list[Annotated[str, Field(min_length=1)]], Field(min_length=1)]


class RuleModel(_Strict):
    """One rule as it is written."""

    id: Annotated[str, Field(pattern=r"^[a-z]+(\.[a-z-]+)+$")]
    level: Level
    ground: Annotated[str, Field(min_length=8, description="法律依据，一句话")]
    advice: Annotated[str, Field(min_length=4, description="怎么改更好")]
    personas: list[PersonaKind] = ["assistant", "doctor"]
    channels: list[Channel] = ["moment", "group", "direct"]
    patterns: Words
    exceptions: list[str] = Field(default=[], description="完全落在例外里的命中不算")
    unless: list[Context] = Field(default=[], description="否定或提问的语境里不算")
    unless_text: list[str] = Field(default=[], description="全文有这些字样时整条规则不算")
    own_numbers: bool = Field(default=False, description="诊所自己的号码不算")
    spare: bool = Field(default=False, description="同一大类的规则已经说了同一处，就不再说一遍")
    must_match: Words
    must_not_match: Words


class RulesFile(_Strict):
    """compliance/<law>.yaml"""

    rules: list[RuleModel]


class ContextModel(_Strict):
    before: list[str] = Field(default=[], description="命中之前、同一分句里")
    right_before: list[str] = Field(default=[], description="紧挨在命中之前")
    inside: list[str] = Field(default=[], description="在命中的文字里面")
    after: list[str] = Field(default=[], description="命中之后、同一分句里")


class LanguageFile(_Strict):
    """compliance/language.yaml"""

    alike: dict[str, str] = Field(description="标准字: 它的繁体、形近和谐音写法")
    words: dict[str, str] = Field(default={}, description="名字: 规则里写 <名字> 时代表的表达式")
    contexts: dict[Context, ContextModel]


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One of the ways a rule is broken; where several begin at one place, the first that matches counts."""

    pattern: re.Pattern[str]
    heads: frozenset[str] | None  # how a match begins, see `content.heads`; None: in any way
    needs: frozenset[str] | None  # one of these stands further on in every match; None: not known
    longest: int  # the most characters of a match


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rule:
    """One rule, compiled. Told apart by identity: it is a dictionary key in the checker's inner loop."""

    id: str
    family: str
    level: Level
    ground: str
    advice: str
    personas: frozenset[PersonaKind]
    channels: frozenset[Channel]
    parts: tuple[Part, ...]
    exception: re.Pattern[str] | None
    exception_core: re.Pattern[str] | None  # is in every exception: quick to look for
    unless: tuple[Context, ...]
    unless_text: re.Pattern[str] | None
    own_numbers: bool
    spare: bool  # silent where a rule of the same family already objects
    must_match: tuple[str, ...]
    must_not_match: tuple[str, ...]

    @property
    def pattern(self) -> re.Pattern[str]:
        """All parts in one expression: it finds what they find."""
        return re.compile("|".join(part.pattern.pattern for part in self.parts))


@dataclass(frozen=True, slots=True, kw_only=True)
class ContextRule:
    """What around a match makes it harmless, e.g. 没有医生能…, …吗？"""

    before: re.Pattern[str] | None  # searched in what precedes the match, its end included
    words: re.Pattern[str] | None  # is in every ``before``: quick to look for
    inside: re.Pattern[str] | None  # searched in the match itself
    after: re.Pattern[str] | None  # matched right after it


@dataclass(frozen=True, slots=True, kw_only=True)
class Rulebook:
    """All rules, with what they share."""

    rules: tuple[Rule, ...]
    contexts: dict[Context, ContextRule]
    alike: dict[str, str]  # character → what it stands for


class RulesError(PackError):
    """The rule files are broken; every problem is listed."""


def read_rulebook(folder: Path = RULES) -> Rulebook:
    """Read every rule file of a folder.

    Raises:
        RulesError: with all problems of all files.
    """
    problems: list[Problem] = []
    rules: list[Rule] = []
    language: LanguageFile | None = None
    # language.yaml comes first: the rules use its words.
    for path in sorted(folder.glob("*.yaml"), key=lambda path: (path.name != "language.yaml", path.name)):
        document, found = read_document(path, root=folder)
        problems.extend(found)
        if document is None:
            continue
        try:
            if path.name == "language.yaml":
                language = LanguageFile.model_validate(document.data)
                continue
            file = RulesFile.model_validate(document.data)
        except ValidationError as exc:
            problems.extend(_say(document, error) for error in exc.errors(include_url=False))
            continue
        for index, model in enumerate(file.rules):
            try:
                rules.append(_compile(model, language.words if language else {}))
            except ValueError as exc:
                remedy = "只用有界的写法，见 content/rulebook.py 的说明"
                problems.append(document.problem(("rules", index), str(exc), remedy))
    ids = [rule.id for rule in rules]
    problems.extend(
        Problem(file=str(folder), line=1, field=rule_id, message="规则编号重复", remedy="换一个编号")
        for rule_id in sorted({i for i in ids if ids.count(i) > 1})
    )
    if language is None and not problems:
        problems.append(
            Problem(file="language.yaml", line=1, field="", message="找不到这个文件", remedy="补上它")
        )
    if problems or language is None:
        raise RulesError(problems)
    alike = {other: char for char, others in language.alike.items() for other in others}
    contexts = {
        name: ContextRule(
            before=either(
                _joined(context.before, "(?:", r")[^,。!?;:…\n]{0,8}\Z"),
                _joined(context.right_before, "(?:", r")\Z"),
            ),
            words=_joined([*context.before, *context.right_before]),
            inside=_joined(context.inside),
            after=_joined(context.after, r"[^,。!;:…\n]{0,6}(?:", ")"),
        )
        for name, context in language.contexts.items()
    }
    return Rulebook(rules=tuple(rules), contexts=contexts, alike=alike)


def _say(document: Document, error: object) -> Problem:
    assert isinstance(error, dict)
    return document.problem(tuple(error["loc"]), str(error["msg"]), "对照 content/rulebook.py 修改")


def _compile(model: RuleModel, words: dict[str, str]) -> Rule:
    parts = [part for pattern in model.patterns for part in alternatives(_spelled(pattern, words))]
    exceptions = [_spelled(pattern, words) for pattern in model.exceptions]
    compiled = [one for one in (_joined([part]) for part in parts) if one is not None]
    return Rule(
        id=model.id,
        family=model.id.partition(".")[0],
        level=model.level,
        ground=model.ground,
        advice=model.advice,
        personas=frozenset(model.personas),
        channels=frozenset(model.channels),
        parts=tuple(_part(pattern) for pattern in compiled),
        exception=_joined(exceptions),
        exception_core=_joined([core(part) for one in exceptions for part in alternatives(one)]),
        unless=tuple(model.unless),
        unless_text=_joined(model.unless_text),
        own_numbers=model.own_numbers,
        spare=model.spare,
        must_match=tuple(model.must_match),
        must_not_match=tuple(model.must_not_match),
    )


def _part(pattern: re.Pattern[str]) -> Part:
    text = pattern.pattern
    return Part(pattern=pattern, heads=heads(text), needs=needs(text), longest=longest(text))


def _spelled(pattern: str, words: dict[str, str]) -> str:
    """Write out the ``<名字>`` of a pattern; a word may use others.

    Raises:
        ValueError: no such word, or words that use each other in a circle.
    """
    for _ in range(len(words) + 1):
        found = _WORD.search(pattern)
        if found is None:
            return pattern
        if found[1] not in words:
            raise ValueError(f"language.yaml 的 words 里没有 {found[0]}")
        pattern = _WORD.sub(lambda word: _grouped(words.get(word[1], word[0])), pattern)
    raise ValueError(f"language.yaml 的 words 里有互相引用的词，见 {pattern[:40]!r}")


def _grouped(word: str) -> str:
    """Keep a word's alternatives together; a single class needs no group and may be repeated."""
    return word if _CLASS.fullmatch(word) else f"(?:{word})"


def _joined(patterns: list[str], before: str = "", after: str = "") -> re.Pattern[str] | None:
    """Compile alternatives into one expression; it looks through a text once instead of once per word."""
    if not patterns:
        return None
    for pattern in patterns:
        refuse_unbounded(pattern)
    alternatives = "|".join(_expand(pattern) for pattern in patterns)
    try:
        return re.compile(before + alternatives + after)
    except re.error as exc:
        raise ValueError(f"正则表达式写错了（{exc}）") from exc


def either(*patterns: re.Pattern[str] | None) -> re.Pattern[str] | None:
    """Return one expression for several."""
    wanted = [pattern.pattern for pattern in patterns if pattern is not None]
    return re.compile("|".join(wanted)) if wanted else None


def refuse_unbounded(pattern: str) -> None:
    """Refuse what could make a match slow.

    Raises:
        ValueError: the pattern is outside the dialect.
    """
    bare = _CLASS.sub("x", _ESCAPE.sub("x", pattern))
    found = _REFUSED.search(bare)
    if found:
        raise ValueError(f"模式 {pattern!r} 里不能用 {found[0]!r}")


def _expand(pattern: str) -> str:
    """Replace the two abbreviations outside of character classes and escapes."""
    out = []
    position = 0
    while position < len(pattern):
        special = _ESCAPE.match(pattern, position) or _CLASS.match(pattern, position)
        if special:
            out.append(special[0])
            position = special.end()
            continue
        if pattern.startswith("#?", position):
            out.append(f"(?:{_NUMBER})?")  # a bare ``?`` would make it lazy, not optional
            position += 2
            continue
        out.append({"~": _GAP, "#": _NUMBER}.get(pattern[position], pattern[position]))
        position += 1
    return "".join(out)
