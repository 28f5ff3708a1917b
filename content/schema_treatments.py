"""treatments.yaml as staff write it: what the clinic does, and by which codes its own system calls it."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from content.schema import Key, Line, Strict, one_or_many

Codes = Annotated[
    list[Annotated[Line, Field(max_length=64)]],
    one_or_many(Line),
    Field(max_length=60, description="诊所系统里的代码和叫法；不分大小写、全角半角和空格"),
]


class MilestoneModel(Strict):
    key: Key
    title: Line
    codes: Codes = Field(default=[])


class TreatmentModel(Strict):
    key: Key
    title: Line
    category: Annotated[Line, Field(max_length=20, description="大类，如 预防、修复、种植、正畸、儿牙")]
    codes: Codes = Field(default=[])
    milestones: list[MilestoneModel] = Field(
        default=[], max_length=20, description="分几步做的项目，按先后写，如种植的一期、二期、戴牙"
    )


class TreatmentsFile(Strict):
    """treatments.yaml"""

    treatments: list[TreatmentModel]
