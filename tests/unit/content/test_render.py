from __future__ import annotations

import time
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from content.render import MAX_OUTPUT_CHARS, Renderer, TemplateProblem, Use

RENDERER = Renderer()


def render(template: str, **variables: object) -> str:
    return RENDERER.render(template, **variables)


def test_variables_and_conditions_are_filled_in():
    template = "{% if patient.name %}{{ patient.name }}，{% endif %}你好"

    assert render(template, patient={"name": "王女士"}) == "王女士，你好"
    assert render(template, patient={"name": ""}) == "你好"


def test_nothing_is_escaped_because_a_chat_is_not_html():
    assert render("{{ name }}", name="<b>A&B</b>") == "<b>A&B</b>"


def test_none_is_nothing():
    assert render("a{{ name }}b", name=None) == "ab"


def test_white_space_that_nobody_sees_is_removed():
    template = "\n  你好  \n\n\n\n{% if a %}\n再见\n{% endif %}\n\n"

    assert render(template, a=True) == "你好\n\n再见"
    assert render(template, a=False) == "你好"


def test_a_filled_in_value_is_never_read_as_a_template():
    assert render("{{ name }}", name="{{ 7 * 7 }}{% for x in y %}") == "{{ 7 * 7 }}{% for x in y %}"


@pytest.mark.parametrize("template", ["{{ name | upper }}", "{{ name | default('x') }}", "{{ name ~ 'b' }}"])
def test_a_few_filters_are_there(template):
    assert render(template, name="a")


@pytest.mark.parametrize(
    ("template", "line", "message"),
    [
        pytest.param("一\n{{ gone }}", 2, "没有这个变量", id="unknown variable"),
        pytest.param("一\n二\n{{ patient.gone }}", 3, "没有这个变量", id="unknown field"),
        pytest.param("一\n{% if a %}", 2, "模板没有写完", id="if without an end"),
        pytest.param("一\n{{ a", 2, "模板没有写完", id="open bracket"),
        pytest.param("{% shout %}", 1, "不认识的标签", id="unknown tag"),
        pytest.param("{{ a | shout }}", 1, "不支持过滤器 shout", id="unknown filter"),
        pytest.param("{{ a b }}", 1, "模板写法有误", id="no grammar"),
        pytest.param("\n{{ patient.name > 3 }}", 2, "这里算不出来", id="text and number compared"),
    ],
)
def test_a_mistake_is_told_with_its_line(template, line, message):
    with pytest.raises(TemplateProblem) as caught:
        render(template, patient={"name": "王"}, a=1)

    assert caught.value.line == line
    assert message in caught.value.message


HOSTILE = [
    "{{ 9**9**9**9 }}",
    "{{ 'a' * 1000000000 }}",
    "{{ [0] * 1000000000 }}",
    "{% for i in range(10**12) %}x{% endfor %}",
    "{% for i in 'abc' %}{% for j in 'abc' %}x{% endfor %}{% endfor %}",
    "{% set a = 'x' %}",
    "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
    "{% include 'secrets' %}",
    "{% import 'os' as os %}",
    "{% extends 'base' %}",
    "{% block a %}{% endblock %}",
    "{% raw %}{% endraw %}{{ a.__class__.__mro__ }}",
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ a._private }}",
    "{{ a['__class__'] }}",
    "{{ a | attr('__class__') }}",
    "{{ self }}{{ self._TemplateReference__context }}",
    "{{ lipsum(n=100000) }}",
    "{{ cycler.__init__.__globals__ }}",
    "{{ a.replace('a', 'b') }}",
    "{{ 'x' | center(1000000000) }}",
    "{{ '%1000000000d' | format(1) }}",
    "{{ a | map('upper') | list }}",
    "{{ 'abc' | batch(1) }}",
    "{{ " + "9" * 5000 + " }}",
    "{{ " + "(" * 3000 + "1" + ")" * 3000 + " }}",
    "{{ " + "not " * 5000 + "1 }}",
    "{% if a %}" * 200 + "{% endif %}" * 200,
    "{{ " + "-" * 5000 + "1 }}",
    "x" * 20_001,
    "{{ a " + "+ a " * 3000 + "}}",
    "{% filter upper %}x{% endfilter %}",
    "{% with a=1 %}{% endwith %}",
    "{% call m() %}{% endcall %}",
    "{% do a.append(1) %}",
    "{% autoescape true %}{% endautoescape %}",
]


@pytest.mark.parametrize("template", HOSTILE, ids=lambda template: template[:40])
def test_a_hostile_template_is_refused_at_once(template):
    started = time.process_time()

    with pytest.raises(TemplateProblem):
        render(template, a="abc")

    assert time.process_time() - started < 1


def test_a_long_text_is_refused_before_it_is_built():
    template = "{{ a }}" * 100

    with pytest.raises(TemplateProblem, match=f"超过 {MAX_OUTPUT_CHARS} 字"):
        render(template, a="x" * 1000)


def test_the_variables_of_branches_not_taken_are_known_too():
    uses = RENDERER.check("{% if patient.name %}{{ clinic.name }}\n{% else %}{{ x }}{% endif %}")

    assert uses == (
        Use(name="patient.name", line=1),
        Use(name="clinic.name", line=1),
        Use(name="x", line=2),
    )


jinja_like = st.lists(
    st.sampled_from(
        [
            "{{",
            "}}",
            "{%",
            "%}",
            "if",
            "endif",
            "a",
            ".b",
            " ",
            "'",
            "(",
            ")",
            "|",
            "upper",
            "[",
            "0",
            "\n",
            "#}",
        ]
    ),
    max_size=25,
).map("".join)


@given(
    st.text(max_size=60)
    | st.lists(st.sampled_from(["你好", " ", "\n", "\r\n", "\r", "}", "%", "#", "\t", "\x0b"])).map("".join)
)
def test_a_text_without_anything_to_fill_in_comes_out_as_through_the_whole_machine(text):
    plain = text.replace("{", "")

    assert render(plain) == render("{# nothing #}" + plain)


@given(st.text(max_size=100) | jinja_like)
def test_any_template_is_filled_in_or_told(template):
    text = ""
    with suppress(TemplateProblem):
        text = render(template, a={"b": "值"})

    assert len(text) <= MAX_OUTPUT_CHARS
