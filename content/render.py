"""Fills in the texts of a pack. Whoever writes a template can make it wrong, never dangerous.

Templates are a small part of Jinja: variables, ``{% if %}``, comparisons and a few filters. No loops, calls,
arithmetic, macros or includes: so a text costs no more than its length, and its length is bounded.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from jinja2 import StrictUndefined, Template, TemplateSyntaxError, UndefinedError, nodes
from jinja2.exceptions import SecurityError, TemplateError
from jinja2.sandbox import SandboxedEnvironment

if TYPE_CHECKING:
    from types import TracebackType

MAX_TEMPLATE_CHARS = 20_000
MAX_OUTPUT_CHARS = 20_000
MAX_DEPTH = 30
FILTERS = ("default", "d", "trim", "upper", "lower", "length")
TESTS = ("defined", "undefined", "none")

_NEWLINE = re.compile(r"\r\n|\r|\n")  # as Jinja reads line ends
_PLAIN = (
    nodes.Output,
    nodes.TemplateData,
    nodes.Name,
    nodes.Getattr,
    nodes.Const,
    nodes.If,
    nodes.CondExpr,
    nodes.Filter,
    nodes.Test,
    nodes.Compare,
    nodes.Operand,
    nodes.And,
    nodes.Or,
    nodes.Not,
    nodes.Concat,
    nodes.List,
    nodes.Tuple,
    nodes.Keyword,
)
_SAYS = {
    nodes.For: "话术里不能用循环（for）",
    nodes.Call: "话术里不能调用函数",
    nodes.Macro: "话术里不能定义宏",
    nodes.Include: "话术里不能引用别的文件",
    nodes.Import: "话术里不能引用别的文件",
    nodes.Extends: "话术里不能引用别的文件",
    nodes.Assign: "话术里不能赋值（set）",
    nodes.Getitem: "变量请写成 patient.name 的样子，不用方括号",
}


class TemplateProblem(ValueError):
    """A template that cannot be used; ``message`` is Chinese, ``line`` 1-based within the template."""

    def __init__(self, message: str, *, line: int) -> None:
        self.message = message
        self.line = line
        super().__init__(f"第 {line} 行：{message}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """A variable as a template uses it, e.g. ``patient.name`` in line 2."""

    name: str
    line: int


class Renderer:
    """Fills in templates. One instance may serve the whole program: it only keeps compiled texts."""

    def __init__(self) -> None:
        # Plain text, so nothing to escape; the sandbox is the second fence behind `_refuse_danger`.
        self._env = SandboxedEnvironment(
            autoescape=False,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            finalize=lambda value: "" if value is None else value,
        )
        self._env.filters = {name: self._env.filters[name] for name in FILTERS}
        self._env.tests = {name: self._env.tests[name] for name in TESTS}
        self._env.globals = {}
        self._compiled = lru_cache(maxsize=2048)(self._compile)

    def render(self, template: str, **variables: object) -> str:
        """Return the filled-in text, whitespace at its ends and at line ends removed.

        Raises:
            TemplateProblem: a mistake in the template, an unknown variable, or more than
                ``MAX_OUTPUT_CHARS`` characters of output.
        """
        if _is_plain(template):
            return _tidy(_NEWLINE.sub("\n", template))
        compiled = self._compiled(template)
        text = ""
        try:
            for part in compiled.generate(**variables):
                text += part
                if len(text) > MAX_OUTPUT_CHARS:
                    break
        except UndefinedError as exc:
            message = f"没有这个变量（{exc.message}）"
            raise TemplateProblem(message, line=_template_line(exc.__traceback__)) from None
        except SecurityError as exc:
            message = "话术里不能这样写（沙箱拒绝）"
            raise TemplateProblem(message, line=_template_line(exc.__traceback__)) from None
        except (TemplateError, TypeError, ValueError, ArithmeticError, AttributeError, LookupError) as exc:
            # e.g. {{ patient.name > 3 }}: the template's fault, whatever Python calls it
            message = f"这里算不出来（{type(exc).__name__}）"
            raise TemplateProblem(message, line=_template_line(exc.__traceback__)) from None
        if len(text) > MAX_OUTPUT_CHARS:
            raise TemplateProblem(f"文字超过 {MAX_OUTPUT_CHARS} 字", line=1)
        return _tidy(text)

    def check(self, template: str) -> tuple[Use, ...]:
        """Return the variables that a template uses, in the order of the text, branches not taken included.

        Raises:
            TemplateProblem: the template cannot be used at all.
        """
        if _is_plain(template):
            return ()
        tree = self._parse(template)
        inner = {id(n.node) for n in tree.find_all(nodes.Getattr)}
        uses = []
        for node in tree.find_all((nodes.Getattr, nodes.Name)):
            dotted = _dotted(node)
            if id(node) not in inner and dotted is not None:
                uses.append(Use(name=dotted, line=node.lineno))
        return tuple(sorted(uses, key=lambda use: use.line))

    def _compile(self, template: str) -> Template:
        tree = self._parse(template)
        try:
            return self._env.from_string(tree)
        except TemplateSyntaxError as exc:
            raise TemplateProblem(_syntax_message(exc), line=exc.lineno) from None
        except (TemplateError, SyntaxError, ValueError, RecursionError, MemoryError, OverflowError):
            raise TemplateProblem("这段模板太复杂", line=1) from None

    def _parse(self, template: str) -> nodes.Template:
        if len(template) > MAX_TEMPLATE_CHARS:
            raise TemplateProblem(f"模板超过 {MAX_TEMPLATE_CHARS} 字", line=1)
        try:
            tree = self._env.parse(template)
        except TemplateSyntaxError as exc:
            raise TemplateProblem(_syntax_message(exc), line=exc.lineno) from None
        except (TemplateError, ValueError, RecursionError, MemoryError, OverflowError):
            # 5 000-digit numbers and ten thousand brackets; Python has a limit for both
            raise TemplateProblem("这段模板太复杂", line=1) from None
        _refuse_danger(tree)
        return tree


def _is_plain(template: str) -> bool:
    """Tell whether there is nothing to fill in, as in most texts: parsing costs more than all the rest."""
    return "{" not in template and len(template) <= MAX_TEMPLATE_CHARS


def _refuse_danger(tree: nodes.Template) -> None:
    """Allow only what is known to be harmless; what Jinja may add one day is refused until looked at."""
    todo: list[tuple[nodes.Node, int]] = [(child, 1) for child in tree.body]
    while todo:
        node, depth = todo.pop()
        if depth > MAX_DEPTH:
            raise TemplateProblem("条件或括号套得太深", line=node.lineno)
        if not isinstance(node, _PLAIN):
            says = next((text for kind, text in _SAYS.items() if isinstance(node, kind)), None)
            raise TemplateProblem(says or "话术里只能用变量、if 和少数过滤器", line=node.lineno)
        if isinstance(node, nodes.Filter) and node.name not in FILTERS:
            raise TemplateProblem(f"不支持过滤器 {node.name}，可用：{'、'.join(FILTERS)}", line=node.lineno)
        if isinstance(node, nodes.Test) and node.name not in TESTS:
            raise TemplateProblem(f"不支持 is {node.name}，可用：{'、'.join(TESTS)}", line=node.lineno)
        if isinstance(node, nodes.Getattr) and node.attr.startswith("_"):
            raise TemplateProblem(f"不能使用 {node.attr}", line=node.lineno)
        if isinstance(node, nodes.Getattr) and _dotted(node) is None:
            raise TemplateProblem("点号前面只能是变量名，如 patient.name", line=node.lineno)
        todo.extend((child, depth + 1) for child in node.iter_child_nodes())


def _dotted(node: nodes.Node) -> str | None:
    """Write ``Getattr(Name("patient"), "name")`` as ``patient.name``; None for anything else."""
    parts: list[str] = []
    while isinstance(node, nodes.Getattr):
        parts.append(node.attr)
        node = node.node
    return ".".join((node.name, *reversed(parts))) if isinstance(node, nodes.Name) else None


def _syntax_message(exc: TemplateSyntaxError) -> str:
    said = exc.message or ""
    if "Encountered unknown tag" in said:
        return "不认识的标签；只支持 if / elif / else / endif"
    if "unexpected end of template" in said.lower() or "end of template" in said:
        return "模板没有写完：{% if %} 要有 {% endif %}，括号要成对"
    if "No filter named" in said or "No test named" in said:
        return f"不支持的过滤器，可用：{'、'.join(FILTERS)}"
    return f"模板写法有误（{said}）"


def _template_line(trace: TracebackType | None) -> int:
    """Return the template's line of the innermost frame; Jinja rewrites tracebacks to show it."""
    line = 1
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == "<template>":
            line = trace.tb_lineno
        trace = trace.tb_next
    return line


def _tidy(text: str) -> str:
    """Trim line ends and both ends of the text, and keep at most one empty line in a row."""
    lines: list[str] = []
    for line in text.split("\n"):
        stripped = line.rstrip()
        if stripped or (lines and lines[-1]):
            lines.append(stripped)
    return "\n".join(lines).strip()
