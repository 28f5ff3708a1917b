from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from content import sources
from content.sources import MAX_DEPTH, MAX_NODES, parse_document, read_document


def data_of(text: str) -> object:
    document, problems = parse_document(text, file="a.yaml")
    assert problems == []
    assert document is not None
    return document.data


def faults_of(text: str) -> list[str]:
    _, problems = parse_document(text, file="a.yaml")
    return [str(problem) for problem in problems]


@pytest.mark.parametrize(
    ("written", "read"),
    [
        pytest.param("12:10", "12:10", id="a time is not the number 730"),
        pytest.param("2026-11-22", "2026-11-22", id="a date stays as it is written"),
        pytest.param("1.10", "1.10", id="a version keeps its zero"),
        pytest.param("yes", "yes", id="yes is a word"),
        pytest.param("no", "no", id="no is a word"),
        pytest.param("007", "007", id="leading zeros are kept"),
        pytest.param("0x1f", "0x1f", id="hexadecimal is text"),
        pytest.param("1_000", "1_000", id="underscores are text"),
        pytest.param("42", 42, id="whole number"),
        pytest.param("-1", -1, id="negative number"),
        pytest.param('"42"', "42", id="quoted number"),
        pytest.param("!!str 42", "42", id="text by tag"),
        pytest.param("true", True, id="true"),
        pytest.param("~", None, id="null"),
        pytest.param("", None, id="nothing"),
        pytest.param(".inf", ".inf", id="infinity is text"),
    ],
)
def test_values_are_read_without_surprises(written, read):
    assert data_of(f"a: {written}") == {"a": read}


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        pytest.param("a: 1\nb: 2\na: 3\n", "a.yaml:3 a: 字段 'a' 重复 → 第 1 行已经写过，删掉一处",
            id="duplicate key"),
        pytest.param("x:\n  - {b: 1, b: 2}\n", "a.yaml:2 x[0].b: 字段 'b' 重复 → 第 2 行已经写过，删掉一处",
            id="duplicate key in a list"),
        pytest.param("a: &x {b: 1}\nc:\n  <<: *x\n", "a.yaml:3 c: 不支持 << 合并 → 把要合并的字段直接写出来",
            id="merge key"),
        pytest.param("a: !!python/object/apply:os.system [ls]\n",
            "a.yaml:1 a: 不支持 YAML 标签 tag:yaml.org,2002:python/object/apply:os.system → 去掉 ! 开头的标签",
            id="python tag"),
        pytest.param("a: !mine 1\n", "a.yaml:1 a: 不支持 YAML 标签 !mine → 去掉 ! 开头的标签", id="own tag"),
        pytest.param("a: !!binary aGk=\n",
            "a.yaml:1 a: 不支持 YAML 标签 tag:yaml.org,2002:binary → 去掉 ! 开头的标签", id="binary"),
        pytest.param("text: {{ clinic.name }}\n",
            "a.yaml:1 text: 字段名不是文字 → 写成“字段: 值”；以 {{ 开头的文字要加引号", id="unquoted variable"),
        pytest.param("a: 1\nb: c: d\n", "a.yaml:2: 这里不该有冒号 → 文字里有冒号时给整段加引号，或检查缩进",
            id="colon in a text"),
        pytest.param("a:\n\tb: 1\n", "a.yaml:2: 有不能开头的符号（多半是 Tab 或 @ %） → 缩进用空格；以符号开头的文字加引号",
            id="tab"),
        pytest.param("a: 'b\n", "a.yaml:2: 引号或括号没有结束 → 检查引号和括号是否成对", id="open quote"),
        pytest.param("a: *b\n", "a.yaml:1: 引用了没有定义的锚点（*） → 以 * 开头的文字要加引号", id="unknown alias"),
        pytest.param("a: 1\n---\nb: 2\n", "a.yaml:2: 一个文件里只能有一份内容 → 去掉多余的 --- 行", id="two documents"),
        pytest.param("", "a.yaml:1: 文件是空的 → 按格式写上内容，或删除这个文件", id="empty"),
        pytest.param("# nothing\n", "a.yaml:1: 文件是空的 → 按格式写上内容，或删除这个文件", id="only a comment"),
        pytest.param("a: 1\nb: \x07\n", "a.yaml:2: 有看不见的控制字符 → 删掉这个字符，重新输入这一行",
            id="control character"),
        pytest.param('a: "\\0"\n', "a.yaml:1 a: 文字里有控制字符 → 删掉这个字符，重新输入", id="escaped NUL"),
    ],
)  # fmt: skip
def test_a_fault_of_the_file_is_told_with_its_line(text, fault):
    assert faults_of(text) == [fault]


def test_an_alias_may_save_typing():
    assert data_of("a: &at '12:10'\nb: *at\n") == {"a": "12:10", "b": "12:10"}


def test_aliases_that_multiply_are_refused():
    bomb = 'a0: &a0 ["x","x","x","x","x","x","x","x","x"]\n' + "".join(
        f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 10)
    )

    assert faults_of(bomb) == [
        f"a.yaml:1: 内容展开后超过 {MAX_NODES} 项 → 去掉 & 和 * 的层层引用，或拆成几个文件"
    ]


def test_an_alias_to_its_own_parent_is_refused():
    assert faults_of("&a [*a]\n") == [
        f"a.yaml:1: 内容展开后超过 {MAX_NODES} 项 → 去掉 & 和 * 的层层引用，或拆成几个文件"
    ]


@pytest.mark.parametrize("deep", ["[" * 5000, "{a: " * 5000, "- " * 5000 + "a", "? " * 3000])
def test_endless_nesting_is_refused_without_a_crash(deep):
    (fault,) = faults_of(deep)

    assert fault == f"a.yaml:1: 嵌套超过 {MAX_DEPTH} 层 → 减少层级"


def test_python_without_libyaml_reads_the_same(monkeypatch):
    text = "items:\n  - key: a\n    text: |-\n      一\n      二\n    at: 12:10\n"
    fast, _ = parse_document(text, file="a.yaml")

    monkeypatch.setattr(sources, "_Loader", yaml.SafeLoader)
    slow, _ = parse_document(text, file="a.yaml")

    assert slow == fast


def test_a_line_inside_a_block_is_found():
    document, _ = parse_document("items:\n  - text: |-\n      一\n      二\n    at: x\n", file="a.yaml")

    assert document.line(("items", 0, "text"), text_line=2) == 4
    assert document.line(("items", 0, "at")) == 5
    assert document.line(("items", 0, "missing")) == 2


def test_a_file_that_is_not_utf8_is_told_with_the_line(tmp_path):
    (tmp_path / "a.yaml").write_bytes("a: 好\nb: 坏\n".encode("gbk"))

    _, (problem,) = read_document(tmp_path / "a.yaml", root=tmp_path)

    assert str(problem) == "a.yaml:1: 文件不是 UTF-8 编码 → 用编辑器另存为 UTF-8"


def test_a_byte_order_mark_does_no_harm(tmp_path):
    (tmp_path / "a.yaml").write_bytes(b"\xef\xbb\xbfa: 1\n")

    document, problems = read_document(tmp_path / "a.yaml", root=tmp_path)

    assert (document.data, problems) == ({"a": 1}, [])


def test_a_file_of_more_than_a_megabyte_is_refused(tmp_path):
    (tmp_path / "a.yaml").write_bytes(b"a: " + b"x" * 1024 * 1024)

    _, (problem,) = read_document(tmp_path / "a.yaml", root=tmp_path)

    assert str(problem) == "a.yaml:1: 文件超过 1 MB → 拆成几个小文件"


@pytest.mark.parametrize("name", ["folder.yaml", "loop.yaml"])
def test_what_is_no_file_is_told(tmp_path, name):
    (tmp_path / "folder.yaml").mkdir()
    (tmp_path / "loop.yaml").symlink_to(tmp_path / "loop.yaml")

    document, problems = read_document(tmp_path / name, root=tmp_path)

    assert document is None
    assert len(problems) == 1


yaml_like = st.text(alphabet="ab:-[]{},&*!|>'\"#? \n\t%@`~.0189你", max_size=80)


@given(st.text(max_size=200) | yaml_like)
def test_any_text_is_read_or_told(text):
    document, problems = parse_document(text, file="a.yaml")

    assert document is not None or problems
