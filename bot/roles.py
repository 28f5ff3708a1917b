"""What a process does."""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    """What a process does; one clinic runs ``all`` in one."""

    ALL = "all"
    WEB = "web"
    WORKER = "worker"
    SCHEDULER = "scheduler"

    def does(self, role: Role) -> bool:
        return self in (Role.ALL, role)
