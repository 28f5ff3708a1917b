"""What an action is: a pydantic model of its body that can be applied to a tenant."""

from typing import Any

from pydantic import BaseModel, ConfigDict

from .tenant import Tenant

Json = dict[str, Any]


class Action(BaseModel):
    """The body of an action; an unknown field is a typing error and is refused."""

    model_config = ConfigDict(extra="forbid")

    def apply(self, tenant: Tenant) -> Json:
        raise NotImplementedError


class Pair(Action):
    """A member and a patient."""

    userid: str
    external_userid: str
