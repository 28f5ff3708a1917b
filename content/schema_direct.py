"""direct/*.yaml as staff write it: 1-to-1 texts that the steps of plans refer to by their key."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from content.schema import Attachments, Key, Keys, Months, Strict, Text

DirectCategory = Literal["关怀", "科普", "活动", "节日"]


class DirectModel(Strict):
    """One text; with a key that ends in ``.todo`` staff send it by hand, so that it may name the patient."""

    key: Key
    category: DirectCategory
    audience: Keys = Field(
        default=[], alias="for", description="谁说：角色 key，或 assistant / doctor；不写 = 都可以"
    )
    text: Text
    attachments: Attachments = Field(default=[])
    months: Months = Field(default=[])


class DirectFile(Strict):
    """direct/*.yaml"""

    items: list[DirectModel]
