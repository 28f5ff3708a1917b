"""Reads one YAML file of a pack into plain data and remembers the line of every field.

Only a small, safe part of YAML is understood: mappings with text keys, lists, text, whole numbers, true/false
and null. Everything that makes YAML surprising or dangerous (tags, merge keys, yes/no, 12:10 as a number,
aliases that multiply, endless nesting) is refused or read as text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import yaml

from content.problems import FieldPath, Problem, field_name

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

MAX_FILE_BYTES = 1024 * 1024
MAX_DEPTH = 24
MAX_NODES = 50_000  # after aliases are expanded

# libyaml reads about ten times faster; a PyYAML built without it reads the same.
_Loader: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_STANDARD = "tag:yaml.org,2002:"
_WHOLE_NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,17})\Z")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff\ufeff\ufffe\uffff]")

# What the YAML library says, said again for the clinic's staff. The first fragment found wins.
_SYNTAX = (
    ("mapping values are not allowed", "这里不该有冒号", "文字里有冒号时给整段加引号，或检查缩进"),
    ("cannot start any token", "有不能开头的符号（多半是 Tab 或 @ %）", "缩进用空格；以符号开头的文字加引号"),
    ("expected ':'", "少了冒号，或缩进不对", "写成“字段: 值”，冒号后有一个空格"),
    ("expected key", "缩进不对，或引号没有配对", "同一层的字段左边对齐，检查引号"),
    ("block end", "缩进不对，或引号没有配对", "同一层的字段左边对齐，检查引号"),
    ("'-' indicator", "列表的缩进不对", "同一个列表的每个“-”左边对齐"),
    ("',' or ']'", "方括号没有配对", "检查 [ ] 和逗号"),
    ("',' or '}'", "花括号没有配对", "检查 { } 和逗号；以 {{ 开头的文字要加引号"),
    ("end of stream", "引号或括号没有结束", "检查引号和括号是否成对"),
    ("undefined alias", "引用了没有定义的锚点（*）", "以 * 开头的文字要加引号"),
    ("duplicate anchor", "同名的锚点（&）写了两次", "以 & 开头的文字要加引号"),
    ("single document", "一个文件里只能有一份内容", "去掉多余的 --- 行"),
    ("another document", "一个文件里只能有一份内容", "去掉多余的 --- 行"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """Where a value stands. In a ``|`` block the text's own first line is the line after the mark."""

    line: int
    literal: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A YAML file as plain data, with the place of every value and key."""

    file: str
    data: object
    marks: Mapping[FieldPath, Mark]

    def line(self, path: FieldPath = (), *, text_line: int = 1) -> int:
        """Return the 1-based line of a field, of its nearest parent when the field is not written.

        ``text_line`` is a line inside a multi-line text; it is exact for ``|`` blocks.
        """
        for length in range(len(path), -1, -1):
            mark = self.marks.get(path[:length])
            if mark is not None:
                return mark.line + text_line if mark.literal and length == len(path) else mark.line
        return 1

    def problem(self, path: FieldPath, message: str, remedy: str, *, text_line: int = 1) -> Problem:
        line = self.line(path, text_line=text_line)
        return Problem(file=self.file, line=line, field=field_name(path), message=message, remedy=remedy)


def leaves(path: Path, root: Path) -> bool:
    """Tell whether a path, symlinks followed, lies outside the folder ``root``."""
    try:
        return not path.resolve().is_relative_to(root.resolve())
    except (OSError, RuntimeError):  # a loop of symlinks leads nowhere
        return True


def read_document(path: Path, *, root: Path) -> tuple[Document | None, list[Problem]]:
    """Read one YAML file; never raises for what the file contains."""
    file = path.relative_to(root).as_posix()

    def fault(message: str, remedy: str, line: int = 1) -> tuple[None, list[Problem]]:
        return None, [Problem(file=file, line=line, field="", message=message, remedy=remedy)]

    if leaves(path, root):
        return fault("文件是通向内容包外面的链接", "把文件本身放进内容包")
    try:
        if not path.is_file():
            return fault("找不到这个文件", f"在内容包里建立 {file}")
        if path.stat().st_size > MAX_FILE_BYTES:
            return fault("文件超过 1 MB", "拆成几个小文件")
        raw = path.read_bytes()
    except OSError as exc:
        return fault(f"文件读不了（{exc.strerror}）", "检查文件的权限")
    try:
        text = raw.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as exc:
        line = raw.count(b"\n", 0, exc.start) + 1
        return fault("文件不是 UTF-8 编码", "用编辑器另存为 UTF-8", line)
    return parse_document(text, file=file)


def parse_document(text: str, *, file: str) -> tuple[Document | None, list[Problem]]:
    """Parse YAML; answers the document, or None and what is wrong, or both when only details are wrong."""

    def fault(line: int, message: str, remedy: str) -> tuple[None, list[Problem]]:
        return None, [Problem(file=file, line=line, field="", message=message, remedy=remedy)]

    try:
        deep = _too_deep_at(text)
        if deep is not None:
            return fault(deep, f"嵌套超过 {MAX_DEPTH} 层", "减少层级")
        node = yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as exc:
        mark = exc.problem_mark or exc.context_mark
        said = exc.problem or ""
        message, remedy = next(
            ((m, r) for part, m, r in _SYNTAX if part in said),
            (f"YAML 写法有误（{said}）", "检查缩进、冒号和引号"),
        )
        return fault(mark.line + 1 if mark else 1, message, remedy)
    except yaml.YAMLError:  # the reader's: a character that may not stand in YAML
        found = _CONTROL.search(text)
        line = text.count("\n", 0, found.start()) + 1 if found else 1
        return fault(line, "有看不见的控制字符", "删掉这个字符，重新输入这一行")
    if node is None:
        return fault(1, "文件是空的", "按格式写上内容，或删除这个文件")
    reading = _Reading(file=file)
    data = reading.value(node, ())
    return Document(file=file, data=data, marks=reading.marks), reading.problems


def _too_deep_at(text: str) -> int | None:
    """Return the line where the nesting becomes too deep; composing recurses, parsing events does not."""
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                mark = event.start_mark
                return mark.line + 1 if mark else 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
    return None


class _TooMuchError(Exception):
    """More nodes than `MAX_NODES`: an alias bomb, or no content pack."""


@dataclass(slots=True)
class _Reading:
    """One walk through a node tree."""

    file: str
    marks: dict[FieldPath, Mark] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    _nodes: int = 0

    def value(self, node: yaml.Node, path: FieldPath) -> object:
        try:
            return self._value(node, path)
        except _TooMuchError:
            remedy = "去掉 & 和 * 的层层引用，或拆成几个文件"
            self._refuse(node, (), f"内容展开后超过 {MAX_NODES} 项", remedy)
            return None

    def _value(self, node: yaml.Node, path: FieldPath) -> object:
        self._nodes += 1
        # An alias may point to its own parent: such a tree has no end, only a depth.
        if self._nodes > MAX_NODES or len(path) > MAX_DEPTH:
            raise _TooMuchError
        literal = isinstance(node, yaml.ScalarNode) and node.style == "|"
        self.marks[path] = Mark(line=node.start_mark.line + 1, literal=literal)
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            self._check_tag(node, path, ("seq",))
            return [self._value(child, (*path, index)) for index, child in enumerate(node.value)]
        assert isinstance(node, yaml.ScalarNode)
        return self._scalar(node, path)

    def _mapping(self, node: yaml.MappingNode, path: FieldPath) -> dict[str, object]:
        self._check_tag(node, path, ("map",))
        found: dict[str, object] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                self._refuse(key_node, path, "字段名不是文字", "写成“字段: 值”；以 {{ 开头的文字要加引号")
                continue
            key: str = key_node.value
            if key_node.tag == _STANDARD + "merge":
                self._refuse(key_node, path, "不支持 << 合并", "把要合并的字段直接写出来")
                continue
            if key in found:
                first = self.marks[(*path, key)].line
                remedy = f"第 {first} 行已经写过，删掉一处"
                self._refuse(key_node, (*path, key), f"字段 {key!r} 重复", remedy)
                continue
            found[key] = self._value(value_node, (*path, key))
            if isinstance(value_node, yaml.CollectionNode):  # people look for the field's name
                self.marks[(*path, key)] = Mark(line=key_node.start_mark.line + 1)
        return found

    def _scalar(self, node: yaml.ScalarNode, path: FieldPath) -> object:
        text: str = node.value
        self._check_tag(node, path, ("str", "int", "float", "bool", "null", "timestamp", "value", "merge"))
        if _CONTROL.search(text):
            self._refuse(node, path, "文字里有控制字符", "删掉这个字符，重新输入")
            return _CONTROL.sub("", text)
        if node.style not in (None, "") or node.tag == _STANDARD + "str":
            return text  # quoted, or a block: text, whatever it looks like
        if text in ("", "~", "null", "Null", "NULL"):
            return None
        if text in ("true", "True", "TRUE"):
            return True
        if text in ("false", "False", "FALSE"):
            return False
        # Dates, 12:10 (YAML 1.1 reads 730), yes/no and 1.10 stay as they are written.
        return int(text) if _WHOLE_NUMBER.match(text) else text

    def _check_tag(self, node: yaml.Node, path: FieldPath, allowed: tuple[str, ...]) -> None:
        if node.tag not in {_STANDARD + name for name in allowed}:
            self._refuse(node, path, f"不支持 YAML 标签 {node.tag}", "去掉 ! 开头的标签")

    def _refuse(self, node: yaml.Node, path: FieldPath, message: str, remedy: str) -> None:
        line = node.start_mark.line + 1
        name = field_name(path)
        self.problems.append(Problem(file=self.file, line=line, field=name, message=message, remedy=remedy))
