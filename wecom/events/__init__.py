"""What WeCom tells us: every decrypted callback as one typed, frozen event.

``parse_event`` is the only way in; ``lane_of`` and ``is_urgent`` look at the raw bytes without parsing
them, for the inbox that must answer WeCom first and think later. Facts: callbacks.md §5-§11 (doc 92130,
90240, 94670, 97299).
"""

from wecom.events.contacts import (
    AcquisitionEvent,
    ArchiveApproved,
    ContactAdded,
    ContactEdited,
    ContactEvent,
    ContactRemovedByMember,
    GroupCreated,
    GroupDismissed,
    GroupEvent,
    GroupUpdated,
    MemberRemovedByContact,
    TagChanged,
    TransferFailed,
)
from wecom.events.kinds import (
    AgentEntered,
    AgentVisibilityChanged,
    AgentWarned,
    CardTapped,
    Event,
    JobFinished,
    KfAuthChanged,
    KfBell,
    MemberChanged,
    MenuClicked,
    MessageReceived,
    UnknownEvent,
)
from wecom.events.lanes import is_urgent, lane_of
from wecom.events.parse import UnparseableEvent, parse_event

__all__ = [
    "AcquisitionEvent",
    "AgentEntered",
    "AgentVisibilityChanged",
    "AgentWarned",
    "ArchiveApproved",
    "CardTapped",
    "ContactAdded",
    "ContactEdited",
    "ContactEvent",
    "ContactRemovedByMember",
    "Event",
    "GroupCreated",
    "GroupDismissed",
    "GroupEvent",
    "GroupUpdated",
    "JobFinished",
    "KfAuthChanged",
    "KfBell",
    "MemberChanged",
    "MemberRemovedByContact",
    "MenuClicked",
    "MessageReceived",
    "TagChanged",
    "TransferFailed",
    "UnknownEvent",
    "UnparseableEvent",
    "is_urgent",
    "lane_of",
    "parse_event",
]
