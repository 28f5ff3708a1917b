"""The treatment catalogue: whatever the clinic's system calls it leads to one treatment, or to none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from content.loader import load_pack
from content.problems import PackError
from content.treatment_specs import Catalogue
from tests.support.pack_factory import PackFolder

if TYPE_CHECKING:
    from pathlib import Path

NEEDED = {
    "scaling", "fluoride", "filling", "root-canal", "extraction", "implant", "implant.surgery", "implant.crown",
    "orthodontics", "orthodontics.start", "orthodontics.finish", "whitening", "sealant", "periodontal", "crown",
    "denture", "check-up", "child.first",
}  # fmt: skip
TREATMENTS = """\
treatments:
  - { key: scaling, title: 洁牙, category: 预防, codes: [洗牙, XJ01] }
  - key: implant
    title: 种植
    category: 种植
    milestones:
      - { key: implant.surgery, title: 种植一期, codes: [植入] }
"""


@pytest.fixture(scope="module")
def catalogue(pack) -> Catalogue:
    return Catalogue(pack.treatments)


def test_the_dental_catalogue_has_what_a_dental_clinic_does(catalogue: Catalogue) -> None:
    assert catalogue.by_key.keys() >= NEEDED


@pytest.mark.parametrize(
    ("code", "key"),
    [
        pytest.param("洗牙", "scaling", id="another word"),
        pytest.param("  超声 洁治 ", "scaling", id="spaces"),
        pytest.param("ct", "check-up", id="capitals"),
        pytest.param("ＣＴ", "check-up", id="full-width letters"),
        pytest.param("implant.second", "implant.second", id="a milestone by its key"),
        pytest.param("种植戴牙", "implant.crown", id="a milestone by its title"),
    ],
)
def test_a_treatment_is_found_by_whatever_it_is_called(catalogue: Catalogue, code: str, key: str) -> None:
    found = catalogue.find(code)

    assert found is not None
    assert found.key == key


@pytest.mark.parametrize("code", ["", "   ", "全瓷", "洁牙和补牙"])
def test_a_code_that_is_no_treatments_own_leads_nowhere(catalogue: Catalogue, code: str) -> None:
    assert catalogue.find(code) is None


def test_a_milestone_knows_its_course_and_its_place_in_it(catalogue: Catalogue) -> None:
    step = catalogue.by_key["implant.crown"]

    assert (step.course, step.step, step.category) == ("implant", 4, "种植")


def test_a_pack_without_a_catalogue_loads(tmp_path: Path) -> None:
    pack = load_pack(PackFolder(tmp_path).root)

    assert pack.treatments == ()
    assert Catalogue(pack.treatments).find("洗牙") is None


@pytest.mark.parametrize(
    ("old", "new", "line", "says"),
    [
        pytest.param("key: implant.surgery", "key: scaling", 7, "治疗项目 scaling 重复", id="a key twice"),
        pytest.param("codes: [植入]", "codes: [ＸＪ01]", 7, "“ＸＪ01”已经指 scaling", id="a code twice"),
        pytest.param(
            "codes: [植入]", "codes: [洁 牙]", 7, "“洁 牙”已经指 scaling", id="a code that is a title"
        ),
    ],
)
def test_what_means_two_things_is_refused_with_its_line(
    tmp_path: Path, old: str, new: str, line: int, says: str
) -> None:
    assert TREATMENTS.count(old) == 1
    folder = PackFolder(tmp_path).write("treatments.yaml", TREATMENTS.replace(old, new))

    with pytest.raises(PackError) as refused:
        load_pack(folder.root)

    (problem,) = refused.value.problems
    assert (problem.file, problem.line, problem.message) == ("treatments.yaml", line, says)
