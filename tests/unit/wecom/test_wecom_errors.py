"""Each documented return code has one remedy, and no error shows what must stay private."""

from __future__ import annotations

import pytest

from wecom.errcodes import _ROWS, RULES, Action
from wecom.errors import (
    Busy,
    NeedsAdmin,
    NotDone,
    NotYet,
    OutcomeUnknown,
    RateLimited,
    Refused,
    TokenRejected,
    Unlisted,
    WeComError,
    WelcomeSpent,
    error_for,
)

# errors-and-limits.md §1-§6, with the first word of its "Do" column; where it offers two, the one we chose.
DOCUMENTED = """
-1 retry          | 6000 retry        | 40001 admin       | 40013 fix         | 40014 refresh     | 40056 fix
40091 fix         | 41001 refresh     | 41002 fix         | 41004 fix         | 42001 refresh     | 45009 later
45033 retry       | 48001 admin       | 48002 admin       | 48003-48004 admin | 48005 fix         | 48006-48007 admin
50001-50002 admin | 50003 admin       | 50006 admin       | 60020 admin       | 60030-60031 admin | 301002 fix
43012 admin
40003 drop        | 40031-40033 fix   | 40035 fix         | 40039 fix         | 40058 fix         | 40063 fix
40066 fix         | 40068 fix         | 40071-40072 drop  | 44004 fix         | 45002 fix         | 45029 fix
50100 drop        | 60011 admin       | 60021 admin       | 60111 drop        | 60123 drop        | 60003 drop
81012 fix         | 82001 fix         | 81013 drop        | 81017 fix         | 81026 later       | 86001 fix
86003 fix         | 86008 fix         | 86214 fix
40096 drop        | 40097 fix         | 40098-40099 admin | 40100 later       | 40129 later       | 40126 admin
40128 drop        | 40130-40131 fix   | 40143 admin       | 40201 drop        | 40204 drop        | 41035 fix
41037-41044 fix   | 41045 admin       | 41046-41047 fix   | 41048 drop        | 41049-41051 drop  | 41053 drop
41054-41055 admin | 41056 drop        | 41057-41058 admin | 41059-41061 fix   | 41062 later       | 41063 retry
41064-41065 fix   | 41067 fix         | 41068-41071 fix   | 41076-41077 fix   | 41083-41084 fix   | 41072 fix
41073-41075 fix   | 41085-41088 fix   | 41078 later       | 41079 retry       | 41080-41082 fix   | 41089-41091 fix
41093 drop        | 41094 later       | 41095 admin       | 41096 retry       | 84061 drop        | 84074 admin
84083-84084 drop  | 90500-90511 drop
40004-40009 fix   | 40011 fix         | 40123 drop        | 41006 fix         | 44001 fix         | 45001 fix
45007-45008 fix   | 42014-42020 fix   | 42027-42051 fix   | 42052 drop        | 60140 drop        | 82002-82003 fix
82101-82102 fix   | 90200-90208 admin | 93000 admin       | 93004 admin       | 93006 admin       | 93008 admin
301019 fix        | 830001-830003 fix
40029 drop        | 42003 drop        | 42022 drop        | 40073 drop        | 40093 fix         | 42012 fix
91040 fix         | 80001 admin       | 85004-85008 admin | 85111 admin       | 84014-84015 drop
95000 fix         | 95001-95002 drop  | 95003 admin       | 95004 fix         | 95005 admin       | 95006 fix
95007 drop        | 95008-95009 fix   | 95011-95012 admin | 95013-95014 drop  | 95015 admin       | 95016 drop
95017 admin       | 95018-95019 drop  | 95022 fix         | 95023 admin       | 95026-95027 admin | 95030 admin
95031 drop        | 95032 admin       | 60251-60252 fix   | 60253 drop
"""


def codes_of(span: str) -> range:
    first, _, last = (
        span.rpartition("-") if span.count("-") and not span.startswith("-") else (span, "", span)
    )
    return range(int(first), int(last) + 1)


EXPECTED = {
    code: Action(action)
    for cell in DOCUMENTED.replace("\n", "|").split("|")
    if cell.strip()
    for span, action in [cell.split()]
    for code in codes_of(span)
}
EXPECTED_KINDS: dict[Action, type[WeComError]] = {
    Action.REFRESH: TokenRejected,
    Action.RETRY: Busy,
    Action.LATER: NotYet,
    Action.DROP: Refused,
    Action.FIX: Refused,
    Action.ADMIN: NeedsAdmin,
}
SPECIAL: dict[int, type[WeComError]] = {
    45009: RateLimited,
    45033: RateLimited,
    41049: WelcomeSpent,
    41050: WelcomeSpent,
    41051: WelcomeSpent,
}


@pytest.mark.parametrize("code", EXPECTED)
def test_each_documented_code_asks_for_its_remedy(code: int) -> None:
    error = error_for("externalcontact/some", code, "some text")
    assert RULES[code].action is EXPECTED[code]
    assert type(error) is SPECIAL.get(code, EXPECTED_KINDS[EXPECTED[code]])
    assert error.errcode == code
    assert error.remedy.endswith("。")
    assert str(code) in str(error)


def test_the_table_holds_the_documented_codes_and_each_once() -> None:
    assert set(RULES) == set(EXPECTED)
    assert sum(len(codes) for _, codes in _ROWS) == len(RULES)


def test_a_pause_is_told_with_everything_that_may_be_tried_again() -> None:
    pauses = {code for code, rule in RULES.items() if rule.retry_after_s is not None}
    assert pauses == {code for code, action in EXPECTED.items() if action in {Action.RETRY, Action.LATER}}


@pytest.mark.parametrize("code", [846601, 1, -2, 842001])
def test_an_unknown_code_is_permanent_and_flagged(code: int) -> None:
    error = error_for("message/send", code, "new in 2027")
    assert type(error) is Unlisted
    assert error.outcome == "unlisted"


def test_the_tree_has_one_branch_per_remedy() -> None:
    assert {kind.__base__ for kind in (Busy, RateLimited, NotYet, TokenRejected)} == {NotDone}
    assert {kind.__base__ for kind in (NeedsAdmin, Unlisted, WelcomeSpent)} == {Refused}
    assert {kind.__base__ for kind in (NotDone, OutcomeUnknown, Refused)} == {WeComError}


@pytest.mark.parametrize(
    ("errmsg", "ip"),
    [
        pytest.param(
            "not allow to access from your ip, hint: [1795230000_12_ab], from ip: 203.0.113.9, more info at https://x",
            "中加入 203.0.113.9，",
            id="IPv4",
        ),
        pytest.param("not allow, from ip: 2001:db8::7, more info", "中加入 2001:db8::7，", id="IPv6"),
        pytest.param("not allow to access", "中加入本服务器的出口 IP，", id="no IP told"),
    ],
)
def test_60020_names_the_ip_and_where_to_allow_it(errmsg: str, ip: str) -> None:
    error = error_for("message/send", 60020, errmsg)
    assert isinstance(error, NeedsAdmin)
    assert "企业可信IP" in error.remedy
    assert ip in error.remedy


def test_no_error_shows_a_token_a_phone_number_or_a_persons_words() -> None:
    error = error_for(
        "externalcontact/get",
        40014,
        "bad https://x/get?access_token=AT_SECRET_1&x=1 牙疼怎么办 13900000000\nhint: [1795230000_12_ab]"
        + "x" * 999,
    )
    assert "AT_SECRET_1" not in str(error)
    assert "牙疼" not in str(error)
    assert "13900000000" not in str(error)
    assert "hint: [1795230000_12_ab]" in error.errmsg
    assert len(error.errmsg) <= 300
    assert "\n" not in str(error)
