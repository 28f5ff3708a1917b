"""How WeCom says no: an errcode, a sentence, and a hint for its support."""

from __future__ import annotations

import hashlib

# The sentence WeCom gives with a code when the place that refuses has nothing more precise to say.
USUAL = {
    -1: "system error",
    40001: "invalid credential",
    40003: "invalid userid",
    40004: "invalid media type",
    40005: "invalid file type",
    40007: "invalid media_id",
    40008: "invalid message type",
    40013: "invalid corpid",
    40014: "invalid access_token",
    40032: "invalid userid list size",
    40033: "invalid request character, \\uxxxx escapes are not allowed",
    40035: "invalid parameter",
    40056: "invalid agentid",
    40058: "invalid Request Parameter",
    40063: "some parameters are empty",
    40066: "invalid department list",
    40068: "invalid tagid",
    40071: "duplicate tag name",
    40072: "invalid tag name size",
    40096: "invalid external userid",
    40126: "corp tag quota exceeded",
    40097: "user has not left",
    40098: "user not real-name verified",
    40099: "customer quota of the user exceeded",
    40130: "handover and takeover are the same user",
    41001: "access_token missing",
    41002: "corpid missing",
    41004: "corpsecret missing",
    41006: "media_id missing",
    41035: "external_userid missing",
    41044: "invalid config_id",
    41045: "contact way quota exceeded",
    41046: "msgid missing",
    41047: "invalid msgid",
    41048: "no customer to send",
    41049: "welcome_code missing",
    41050: "invalid welcome_code",
    41051: "chat started or welcome message already sent",
    41054: "user not activated or not real-name verified",
    41055: "group welcome template quota exceeded",
    41058: "not the creator of the template",
    41059: "moment_id missing",
    41060: "invalid moment_id",
    41061: "moment is not from this user",
    41062: "moment not published by this user yet",
    41063: "msg is being dispatched, retry later",
    41064: "invalid attachments size",
    41065: "invalid attachments msgtype",
    41067: "invalid moment type",
    41072: "media uploaded for another scene",
    41078: "too many running moment tasks",
    41079: "moment is being dispatched, retry later",
    41080: "invalid attachment size",
    41081: "invalid picture resolution",
    41089: "text and attachments are both empty",
    41090: "invalid video format",
    41091: "too many groups in a join way",
    41093: "msg already cancelled",
    41094: "remind limit exceeded",
    41095: "acquisition link quota exceeded",
    42001: "access_token expired",
    42014: "invalid task_id",
    42052: "message recall timeout",
    43001: "require GET method",
    43012: "callback url required",
    44001: "empty media data",
    44004: "empty content",
    45001: "media size out of limit",
    45002: "content size out of limit",
    45008: "article size out of limit",
    45009: "api freq out of limit",
    45033: "api concurrent out of limit",
    48002: "api forbidden for this app",
    48007: "kf account not granted to this app",
    50100: "invalid cursor",
    60011: "no privilege to access/modify contact/party/agent",
    60020: "not allow to access from your ip",
    60111: "userid not found",
    60123: "invalid department id",
    60140: "invalid response_code",
    60030: "servicer out of the app's visible range",
    60251: "open_kfid missing",
    60253: "servicer not in the list",
    81012: "no receiver",
    81013: "all receivers are invalid or without permission",
    81017: "request too large",
    82001: "no receiver given",
    82002: "too many parties",
    82003: "too many tags",
    82101: "update target empty",
    82102: "update target not in the message",
    84061: "not external contact",
    84074: "no external contact permission",
    86214: "invalid chat_type",
    95000: "invalid open_kfid",
    95001: "reply limit of the session",
    95002: "out of the 48 hours reply window",
    95004: "open_kfid not found",
    95005: "too many kf accounts",
    95006: "invalid kf account name",
    95007: "invalid msg token or code",
    95008: "too many menu items",
    95009: "invalid menu item type",
    95013: "session ended",
    95014: "not a servicer or not activated",
    95016: "session state transition not allowed",
    95018: "session state does not allow sending",
    95019: "servicer stopped receiving",
    95022: "invalid location",
    95031: "customer did not inquire in 48 hours",
    301002: "agent not allowed for this token",
    830002: "range required",
}


class Refusal(Exception):
    """WeCom understood the call and will not do it."""

    def __init__(self, errcode: int, why: str = "") -> None:
        self.errcode = errcode
        self.why = why or USUAL.get(errcode, "refused")
        super().__init__(f"{errcode} {self.why}")


def errmsg(errcode: int, why: str, *, stamp: int, ip: str = "127.0.0.1") -> str:
    """Word a refusal as WeCom does, with a hint id that is the same for the same refusal and second."""
    mark = f"{stamp}_{hashlib.md5(f'{errcode}:{why}:{stamp}'.encode(), usedforsecurity=False).hexdigest()}"
    return (
        f"{why}, hint: [{mark}], from ip: {ip}, "
        f"more info at https://open.work.weixin.qq.com/devtool/query?e={errcode}"
    )
