"""Every callback of the platform's own samples, and what strange bytes do to them."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from wecom import events
from wecom.events import UnparseableEvent, is_urgent, lane_of, parse_event

SAMPLES = {
    path.stem: path.read_bytes()
    for path in sorted((Path(__file__).parents[2] / "support" / "callbacks").glob("*.xml"))
}
CORP = "ww0exampleCorp01"
PATIENT = "wmEXAMPLE0000000000000000000001"


def at(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def event_xml(body: str, *, msg_type: str = "event", sender: str = "sys") -> bytes:
    return (
        f"<xml><ToUserName><![CDATA[{CORP}]]></ToUserName><FromUserName><![CDATA[{sender}]]></FromUserName>"
        f"<CreateTime>1795230000</CreateTime><MsgType><![CDATA[{msg_type}]]></MsgType>{body}</xml>"
    ).encode()


EXPECTED = {
    "change_external_contact.add_external_contact": events.ContactAdded(
        corp_id=CORP,
        happened_at=at(1795230000),
        kind="change_external_contact.add_external_contact",
        userid="lin.mei",
        external_userid=PATIENT,
        state="qr_store_12",
        welcome_code="WELCOME_CODE_01",
        half=False,
    ),
    "change_external_contact.add_half_external_contact": events.ContactAdded(
        corp_id=CORP,
        happened_at=at(1795230010),
        kind="change_external_contact.add_half_external_contact",
        userid="lin.mei",
        external_userid="wmEXAMPLE0000000000000000000002",
        state="qr_store_12",
        welcome_code="WELCOME_CODE_02",
        half=True,
    ),
    "change_external_contact.edit_external_contact": events.ContactEdited(
        corp_id=CORP,
        happened_at=at(1795230020),
        kind="change_external_contact.edit_external_contact",
        userid="lin.mei",
        external_userid=PATIENT,
    ),
    "change_external_contact.del_external_contact": events.ContactRemovedByMember(
        corp_id=CORP,
        happened_at=at(1795230030),
        kind="change_external_contact.del_external_contact",
        userid="lin.mei",
        external_userid=PATIENT,
        source="DELETE_BY_TRANSFER",
    ),
    "change_external_contact.del_follow_user": events.MemberRemovedByContact(
        corp_id=CORP,
        happened_at=at(1795230040),
        kind="change_external_contact.del_follow_user",
        userid="lin.mei",
        external_userid=PATIENT,
    ),
    "change_external_contact.transfer_fail": events.TransferFailed(
        corp_id=CORP,
        happened_at=at(1795230050),
        kind="change_external_contact.transfer_fail",
        userid="wang.lei",
        external_userid=PATIENT,
        reason="customer_refused",
    ),
    "change_external_contact.msg_audit_approved": events.ArchiveApproved(
        corp_id=CORP,
        happened_at=at(1795230060),
        kind="change_external_contact.msg_audit_approved",
        userid="lin.mei",
        external_userid=PATIENT,
        welcome_code="WELCOME_CODE_03",
    ),
    "change_external_chat.create": events.GroupCreated(
        corp_id=CORP,
        happened_at=at(1795230110),
        kind="change_external_chat.create",
        chat_id="wrEXAMPLE0000000000000000000002",
    ),
    "change_external_chat.update": events.GroupUpdated(
        corp_id=CORP,
        happened_at=at(1795230100),
        kind="change_external_chat.update",
        chat_id="wrEXAMPLE0000000000000000000001",
        update_detail="add_member",
        members=("wmEXAMPLE0000000000000000000003", "lin.mei"),
        join_scene=3,
        quit_scene=0,
        last_version="0f3c97c2ada667dfb5f6d03308d96aaa",
        current_version="7a217227bbd112ecfe3a49c482195bbb",
    ),
    "change_external_tag.update": events.TagChanged(
        corp_id=CORP,
        happened_at=at(1795230120),
        kind="change_external_tag.update",
        change_type="update",
        tag_id="etEXAMPLE00000000000000000000001",
        tag_type="tag",
        strategy_id=1,
    ),
    "change_external_tag.shuffle": events.TagChanged(
        corp_id=CORP,
        happened_at=at(1795230130),
        kind="change_external_tag.shuffle",
        change_type="shuffle",
        tag_id="etGRPEXAMPLE000000000000000001",
        tag_type=None,
        strategy_id=1,
    ),
    "customer_acquisition.customer_start_chat": events.AcquisitionEvent(
        corp_id=CORP,
        happened_at=at(1795230140),
        kind="customer_acquisition.customer_start_chat",
        change_type="customer_start_chat",
        link_id="caEXAMPLE00000001",
        userid="lin.mei",
        external_userid=PATIENT,
    ),
    "kf_msg_or_event": events.KfBell(
        corp_id=CORP,
        happened_at=at(1795230150),
        kind="kf_msg_or_event",
        open_kfid="wkEXAMPLE0000000000000000000001",
        token="ENCEXAMPLETOKEN0001",
    ),
    "kf_account_auth_change": events.KfAuthChanged(
        corp_id=CORP,
        happened_at=at(1795230151),
        kind="kf_account_auth_change",
        added=("wkEXAMPLE0000000000000000000001",),
        removed=("wkEXAMPLE0000000000000000000002",),
    ),
    "template_card_event": events.CardTapped(
        corp_id=CORP,
        happened_at=at(1795230200),
        kind="template_card_event",
        userid="lin.mei",
        event_key="approve",
        task_id="moment-77-approve@1",
        card_type="multiple_interaction",
        response_code="RESPONSE_CODE_01",
        agent_id=1000007,
        menu=False,
        selected={"reason": ("r1", "r3")},
    ),
    "template_card_menu_event": events.CardTapped(
        corp_id=CORP,
        happened_at=at(1795230210),
        kind="template_card_menu_event",
        userid="lin.mei",
        event_key="mute",
        task_id="digest-20261121",
        card_type="text_notice",
        response_code="RESPONSE_CODE_02",
        agent_id=1000007,
        menu=True,
    ),
    "message.text": events.MessageReceived(
        corp_id=CORP,
        happened_at=at(1795230300),
        kind="message.text",
        userid="lin.mei",
        msg_type="text",
        message_id="7390000000000000001",
        agent_id=1000007,
        text="查一下今天的待办",
    ),
    "click": events.MenuClicked(
        corp_id=CORP,
        happened_at=at(1795230310),
        kind="click",
        userid="lin.mei",
        agent_id=1000007,
        event_key="MENU_TODO",
        opened_url=False,
    ),
    "change_contact.update_user": events.MemberChanged(
        corp_id=CORP,
        happened_at=at(1795230400),
        kind="change_contact.update_user",
        change_type="update_user",
        userid="lin.mei",
        new_userid="lin.mei2",
        name="林梅",
        position="店长",
        status=1,
        department_ids=(2, 5),
        main_department=2,
    ),
    "sys_approval_change": events.UnknownEvent(
        corp_id=CORP,
        happened_at=at(1795230500),
        kind="sys_approval_change",
        from_user="sys",
        names=(
            "ToUserName",
            "FromUserName",
            "CreateTime",
            "MsgType",
            "Event",
            "AgentID",
            "ApprovalInfo",
        ),
    ),
}


@pytest.mark.parametrize("name", SAMPLES)
def test_every_sample_of_the_platform_becomes_its_event(name: str) -> None:
    assert parse_event(SAMPLES[name]) == EXPECTED[name]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param(
            "<Event>enter_agent</Event><EventKey></EventKey><AgentID>7</AgentID>",
            events.AgentEntered,
            id="entered",
        ),
        pytest.param(
            "<Event>view</Event><EventKey>https://h5.example/</EventKey>", events.MenuClicked, id="view"
        ),
        pytest.param("<Event>subscribe</Event>", events.AgentVisibilityChanged, id="subscribe"),
        pytest.param(
            "<Event>low_active_alert</Event><EffectTime>1795230999</EffectTime>",
            events.AgentWarned,
            id="warned",
        ),
        pytest.param(
            "<Event>batch_job_result</Event><JobId>j1</JobId><ErrCode>0</ErrCode>",
            events.JobFinished,
            id="job",
        ),
        pytest.param(
            "<Event>change_external_chat</Event><ChangeType>dismiss</ChangeType><ChatId>wr1</ChatId>",
            events.GroupDismissed,
            id="dismiss",
        ),
        pytest.param(
            "<Event>change_contact</Event><ChangeType>delete_party</ChangeType><Id>2</Id>",
            events.MemberChanged,
            id="party",
        ),
        pytest.param("<Event>LOCATION</Event><Latitude>1.0</Latitude>", events.UnknownEvent, id="location"),
        pytest.param(
            "<Event>change_external_contact</Event><ChangeType>new_in_2027</ChangeType>",
            events.UnknownEvent,
            id="unknown-change",
        ),
        pytest.param("", events.UnknownEvent, id="no-event-name"),
    ],
)
def test_rarer_events_have_their_class_and_unknown_ones_are_kept(
    body: str, expected: type[events.Event]
) -> None:
    assert type(parse_event(event_xml(body, sender="lin.mei"))) is expected


def test_missing_and_empty_elements_are_alike() -> None:
    pair = (
        "<Event>change_external_contact</Event><ChangeType>add_external_contact</ChangeType>"
        "<UserID>lin.mei</UserID><ExternalUserID>wm1</ExternalUserID>"
    )
    absent = parse_event(event_xml(pair))
    empty = parse_event(event_xml(pair + "<State><![CDATA[]]></State><WelcomeCode> </WelcomeCode><LinkId/>"))
    assert absent == empty
    assert isinstance(absent, events.ContactAdded)
    assert absent.welcome_code is None
    assert absent.state is None


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        pytest.param("<Item>wm3</Item>", ("wm3",), id="a lone item is a list of one"),
        pytest.param("<Item>wm3</Item><Item>lin.mei</Item>", ("wm3", "lin.mei"), id="two items"),
        pytest.param("wm3,lin.mei, ", ("wm3", "lin.mei"), id="comma-joined text"),
        pytest.param("", (), id="empty"),
    ],
)
def test_changed_group_members_are_a_list_in_every_form(changed: str, expected: tuple[str, ...]) -> None:
    event = parse_event(
        event_xml(
            "<Event>change_external_chat</Event><ChangeType>update</ChangeType><ChatId>wr1</ChatId>"
            f"<UpdateDetail>add_member</UpdateDetail><MemChangeList>{changed}</MemChangeList>"
        )
    )
    assert isinstance(event, events.GroupUpdated)
    assert event.members == expected


def test_the_misspelt_option_ids_of_older_payloads_are_read_too() -> None:
    xml = SAMPLES["template_card_event"].replace(b"OptionId", b"OpitonId")
    event = parse_event(xml)
    assert isinstance(event, events.CardTapped)
    assert event.selected == {"reason": ("r1", "r3")}


def test_several_kf_accounts_of_one_change_are_all_kept() -> None:
    event = parse_event(
        event_xml(
            "<Event>kf_account_auth_change</Event><AuthAddOpenKfId>wk1</AuthAddOpenKfId>"
            "<AuthAddOpenKfId>wk2</AuthAddOpenKfId>"
        )
    )
    assert isinstance(event, events.KfAuthChanged)
    assert (event.added, event.removed) == (("wk1", "wk2"), ())


def test_a_location_message_keeps_its_coordinates() -> None:
    body = "<Location_X>31.2</Location_X><Location_Y>121.4</Location_Y><Scale>odd</Scale><MsgId>1</MsgId>"
    event = parse_event(event_xml(body, msg_type="location", sender="lin.mei"))
    assert isinstance(event, events.MessageReceived)
    assert (event.latitude, event.longitude, event.scale, event.message_id) == (31.2, 121.4, None, "1")


@pytest.mark.parametrize(
    "plaintext",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"hello", id="text"),
        pytest.param(b"{}", id="JSON"),
        pytest.param(SAMPLES["click"][:200], id="truncated"),
        pytest.param(SAMPLES["click"].replace(b"xml>", b"html>"), id="another root"),
        pytest.param(b"<!DOCTYPE xml>" + SAMPLES["click"], id="a bare DOCTYPE"),
        pytest.param(
            b'<!DOCTYPE xml [<!ENTITY a SYSTEM "file:///etc/hostname">]>' + event_xml("<Event>&a;</Event>"),
            id="an external entity",
        ),
        pytest.param(event_xml("<Event>&undeclared;</Event>"), id="an undeclared entity"),
        pytest.param(b"<xml>" * 100_000, id="endless nesting"),
        pytest.param(
            event_xml("").replace(b"1795230000", b"99999999999999999999"), id="a time that is no instant"
        ),
        pytest.param(event_xml("").replace(b"1795230000", b"253402300799"), id="the last second of 9999"),
        pytest.param(event_xml("").replace(b"1795230000", b""), id="no time"),
        pytest.param(
            event_xml("<Event>change_external_contact</Event><ChangeType>add_external_contact</ChangeType>"),
            id="a contact event without contact",
        ),
        pytest.param('<?xml version="1.0" encoding="utf-16"?><xml/>'.encode("utf-16"), id="UTF-16"),
    ],
)
def test_what_is_not_an_event_is_unparseable(plaintext: bytes) -> None:
    with pytest.raises(UnparseableEvent):
        parse_event(plaintext)


def test_the_word_doctype_inside_a_message_is_only_a_word() -> None:
    event = parse_event(
        event_xml("<Content><![CDATA[<!DOCTYPE html>]]></Content>", msg_type="text", sender="lin.mei")
    )
    assert isinstance(event, events.MessageReceived)
    assert event.text == "<!DOCTYPE html>"


def test_codes_and_words_do_not_show_in_an_events_repr() -> None:
    shown = "".join(repr(parse_event(xml)) for xml in SAMPLES.values())
    assert not re.search(r"WELCOME_CODE|RESPONSE_CODE|TOKEN0001|待办", shown)


def test_an_unparseable_event_says_what_is_missing_and_no_value() -> None:
    xml = event_xml(
        "<Event>change_external_contact</Event><ChangeType>edit_external_contact</ChangeType>"
        "<UserID>secret.person</UserID>"
    )
    with pytest.raises(UnparseableEvent, match=r"edit_external_contact lacks <ExternalUserID>") as caught:
        parse_event(xml)
    assert "secret.person" not in str(caught.value)


PIECES = st.one_of(
    st.binary(max_size=40),
    st.sampled_from(
        [
            *sorted({piece for xml in SAMPLES.values() for piece in re.findall(rb"<[^>]*>|[^<>]+", xml)}),
            *(b"<Item>", b"]]>", b"<![CDATA[", b"&amp;", b"\x00", b"<!DOCTYPE x>", b"9" * 30),
        ]
    ),
)


@given(st.one_of(st.binary(max_size=300), st.lists(PIECES, max_size=40).map(b"".join)))
@example(b"<xml><ToUserName>a</ToUserName><CreateTime>" + b"9" * 5000 + b"</CreateTime></xml>")
def test_no_bytes_make_the_readers_raise_anything_else(plaintext: bytes) -> None:
    assert isinstance(lane_of(plaintext), str)
    assert isinstance(is_urgent(plaintext), bool)
    try:
        event = parse_event(plaintext)
    except UnparseableEvent:
        return
    assert event.happened_at.tzinfo is UTC


@given(st.sampled_from(sorted(SAMPLES)), st.integers(0, 2000), st.binary(max_size=3))
def test_a_damaged_sample_is_an_event_or_unparseable(name: str, position: int, noise: bytes) -> None:
    xml = SAMPLES[name]
    damaged = xml[: position % len(xml)] + noise + xml[position % len(xml) + 1 :]
    try:
        assert parse_event(damaged).corp_id
    except UnparseableEvent:
        assert damaged != xml


@pytest.mark.parametrize(
    ("name", "lane"),
    [
        ("change_external_contact.add_external_contact", "p:" + PATIENT),
        ("customer_acquisition.customer_start_chat", "p:" + PATIENT),
        ("change_external_chat.update", "g:wrEXAMPLE0000000000000000000001"),
        ("kf_msg_or_event", "k:wkEXAMPLE0000000000000000000001"),
        ("template_card_event", "m:lin.mei"),
        ("message.text", "m:lin.mei"),
        ("change_external_tag.update", ""),
        ("change_contact.update_user", ""),
    ],
)
def test_an_event_waits_behind_the_others_of_its_patient_group_or_member(name: str, lane: str) -> None:
    assert lane_of(SAMPLES[name]) == lane


def test_an_empty_patient_id_does_not_make_a_lane() -> None:
    assert lane_of(event_xml("<ExternalUserID><![CDATA[]]></ExternalUserID><ChatId>wr1</ChatId>")) == "g:wr1"


def test_only_an_event_with_a_welcome_code_is_urgent() -> None:
    urgent = {name for name, xml in SAMPLES.items() if is_urgent(xml)}
    assert urgent == {
        "change_external_contact.add_external_contact",
        "change_external_contact.add_half_external_contact",
        "change_external_contact.msg_audit_approved",
    }
    assert not is_urgent(event_xml("<WelcomeCode><![CDATA[]]></WelcomeCode>"))
