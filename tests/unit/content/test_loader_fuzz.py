"""Whatever stands in the files, loading a pack answers with a pack or with problems that name a place."""

from __future__ import annotations

import copy

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from content.loader import load_pack
from content.problems import PackError, Problem
from tests.support.pack_factory import FILES, PackFolder

slow = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

values = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 10**20) | st.floats(allow_nan=False) | st.text(max_size=8)
    | st.sampled_from(["assistant", "doctor", "活动", "../x", "{{ x }}", "{% if", "booking", "12:10", "\0", "来源/抖音"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> PackFolder:
    return PackFolder(tmp_path_factory.mktemp("fuzz") / "tiny")


def faults(folder: PackFolder) -> tuple[Problem, ...]:
    try:
        load_pack(folder.root)
    except PackError as exc:
        return exc.problems
    return ()


def check(folder: PackFolder) -> None:
    for problem in faults(folder):
        assert problem.file in str(problem)
        assert problem.line >= 1
        assert problem.message
        assert problem.remedy


def paths(value: object, path: tuple = ()) -> list[tuple]:
    """List the path of every value inside a nested one."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(deeper for key, child in inside for deeper in paths(child, (*path, key)))]


def replaced(data: object, path: tuple, value: object) -> object:
    if not path:
        return value
    data = copy.copy(data)
    data[path[0]] = replaced(data[path[0]], path[1:], value)
    return data


@slow
@given(
    name=st.sampled_from(sorted(FILES)), text=st.binary(max_size=60) | st.text(max_size=60).map(str.encode)
)
def test_any_bytes_in_any_file_are_a_pack_or_a_pack_error(folder, name, text):
    folder.write_bytes(name, text)
    check(folder)
    folder.write(name, FILES[name])


@slow
@given(data=st.data(), name=st.sampled_from(sorted(FILES)), value=values)
def test_any_value_in_any_field_is_a_pack_or_a_pack_error(folder, data, name, value):
    content = yaml.safe_load(FILES[name])
    path = data.draw(st.sampled_from(paths(content)))

    folder.write(name, yaml.safe_dump(replaced(content, path, value), allow_unicode=True))
    check(folder)
    folder.write(name, FILES[name])
