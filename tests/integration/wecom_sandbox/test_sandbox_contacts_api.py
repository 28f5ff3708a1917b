"""Members, customers, tags, groups and contact ways over the API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.support.sandbox_driver import FrozenClock, Program

XIAOHU = "xiaohu"


async def a_patient(program: Program, userid: str = XIAOHU) -> str:
    answer = await program.get("externalcontact/list", userid=userid)
    return answer["external_userid"][0]


async def a_tag(program: Program, name: str = "前台扫码") -> str:
    answer = await program.post(
        "externalcontact/add_corp_tag", {"group_name": "来源", "tag": [{"name": name}]}
    )
    return answer["tag_group"]["tag"][0]["id"]


async def test_members_and_departments_can_be_read(program: Program) -> None:
    assert (await program.get("user/get", userid="zhang.wei"))["name"] == "张伟"
    assert (await program.get("user/get", userid="nobody"))["errcode"] == 60111
    people = (await program.get("user/simplelist", department_id="1", fetch_child="1"))["userlist"]
    assert {person["userid"] for person in people} == {
        "xiaohu", "zhang.wei", "li.na", "zhao.min", "sun.yue", "chen.jing",
    }  # fmt: skip
    doctors = (await program.get("user/list", department_id="3"))["userlist"]
    assert [person["userid"] for person in doctors] == ["zhang.wei", "li.na", "zhao.min", "sun.yue"]
    assert len((await program.get("department/list"))["department"]) == 4
    assert (await program.get("user/list", department_id="99"))["errcode"] == 60123
    assert (await program.get("user/simplelist", department_id="x"))["errcode"] == 60123


async def test_an_invisible_member_is_out_of_reach(program: Program) -> None:
    program.sandbox.tenant.corp.members["li.na"].visible = False
    assert (await program.get("user/get", userid="li.na"))["errcode"] == 60011
    assert "li.na" not in (await program.get("externalcontact/get_follow_user_list"))["follow_user"]
    assert (await program.get("externalcontact/list", userid="li.na"))["errcode"] == 60011


async def test_a_member_outside_customer_contact_has_no_customers(program: Program) -> None:
    program.sandbox.tenant.corp.members["li.na"].contact_enabled = False
    assert (await program.get("externalcontact/list", userid="li.na"))["errcode"] == 84074


async def test_a_patient_is_listed_and_shown_with_her_followers(program: Program) -> None:
    external_userid = await a_patient(program, "li.na")
    shown = await program.get("externalcontact/get", external_userid=external_userid)
    assert shown["external_contact"]["type"] == 1
    assert {follow["userid"]: follow["state"] for follow in shown["follow_user"]} == {
        "xiaohu": "front-desk",
        "li.na": "dr-li-card",
    }
    assert (await program.get("externalcontact/list", userid="chen.jing"))["errcode"] == 84061
    assert (await program.get("externalcontact/get", external_userid="wmNOBODY"))["errcode"] == 40096
    assert (await program.get("externalcontact/get"))["errcode"] == 41035


async def test_patients_of_several_members_are_paged(program: Program) -> None:
    body: dict[str, Any] = {"userid_list": ["xiaohu", "li.na", "zhang.wei"], "limit": 15}
    pairs, cursor = [], ""
    for _ in range(3):
        answer = await program.post("externalcontact/batch/get_by_user", body | {"cursor": cursor})
        pairs += [
            (c["external_contact"]["external_userid"], c["follow_info"]["userid"])
            for c in answer["external_contact_list"]
        ]
        cursor = answer["next_cursor"]
    assert cursor == ""
    assert len(pairs) == len(set(pairs)) == 39
    bad = await program.post("externalcontact/batch/get_by_user", body | {"cursor": "made up"})
    assert bad["errcode"] == 50100
    many = await program.post("externalcontact/batch/get_by_user", {"userid_list": ["xiaohu"] * 101})
    assert many["errcode"] == 40058


async def test_a_remark_is_kept_and_calls_nobody_back(program: Program) -> None:
    who = {"userid": XIAOHU, "external_userid": await a_patient(program)}
    changes = {"remark": "小鱼儿-复查", "remark_mobiles": ["13900000000"]}
    assert (await program.post("externalcontact/remark", who | changes))["errcode"] == 0
    follow = (await program.get("externalcontact/get", external_userid=who["external_userid"]))["follow_user"]
    assert (follow[0]["remark"], follow[0]["remark_mobiles"]) == ("小鱼儿-复查", ["13900000000"])
    assert (await program.post("externalcontact/remark", who | {"remark_mobiles": [""]}))["errcode"] == 0
    assert (await program.control("GET", "/callbacks"))["items"] == []


@pytest.mark.parametrize(
    ("change", "errcode"),
    [
        pytest.param({"remark": "长" * 21}, 40058, id="21 characters"),
        pytest.param({"description": "长" * 151}, 40058, id="151 characters"),
        pytest.param({"remark_mobiles": "139"}, 40035, id="no array"),
        pytest.param({}, 40058, id="nothing to change"),
        pytest.param({"remark": "好", "userid": "nobody"}, 40003, id="nobody"),
        pytest.param({"remark": "好", "userid": "chen.jing"}, 84061, id="no relation"),
        pytest.param({"remark": "好", "external_userid": "wmX"}, 40096, id="no customer"),
    ],
)
async def test_a_bad_remark_is_refused(program: Program, change: dict[str, Any], errcode: int) -> None:
    who = {"userid": XIAOHU, "external_userid": await a_patient(program)}
    assert (await program.post("externalcontact/remark", who | change))["errcode"] == errcode


async def test_tags_live_and_die_with_their_group(program: Program) -> None:
    first = await a_tag(program)
    second = await a_tag(program, "抖音")
    (group,) = (await program.post("externalcontact/get_corp_tag_list"))["tag_group"]
    assert [tag["name"] for tag in group["tag"]] == ["前台扫码", "抖音"]
    again = {"group_id": group["group_id"], "tag": [{"name": "抖音"}]}
    assert (await program.post("externalcontact/add_corp_tag", again))["errcode"] == 40071
    renamed = await program.post("externalcontact/edit_corp_tag", {"id": second, "name": "抖音团购"})
    assert renamed["errcode"] == 0
    only = await program.post("externalcontact/get_corp_tag_list", {"tag_id": [second]})
    assert [tag["name"] for tag in only["tag_group"][0]["tag"]] == ["抖音团购"]
    assert (await program.post("externalcontact/del_corp_tag", {"tag_id": [first, "etX"]}))[
        "errcode"
    ] == 40068
    assert (await program.post("externalcontact/del_corp_tag", {"tag_id": [first, second]}))["errcode"] == 0
    assert (await program.post("externalcontact/get_corp_tag_list"))["tag_group"] == []


@pytest.mark.parametrize(
    ("body", "errcode"),
    [
        pytest.param({"group_name": "来源", "tag": []}, 40058, id="an empty group"),
        pytest.param({"group_name": "长" * 31, "tag": [{"name": "a"}]}, 40072, id="group name of 31"),
        pytest.param({"group_name": "来源", "tag": [{"name": "长" * 31}]}, 40072, id="tag name of 31"),
        pytest.param({"group_name": "来源", "tag": [{"name": ""}]}, 40072, id="no tag name"),
        pytest.param({"group_name": "来源", "tag": [{"name": "a"}, {"name": "a"}]}, 40071, id="twice"),
        pytest.param({"group_id": "etX", "tag": [{"name": "a"}]}, 40068, id="unknown group"),
        pytest.param({"group_name": "来源", "tag": [{"name": "a", "order": 2**32}]}, 40058, id="order"),
        pytest.param({"group_name": "来源", "tag": {"name": "a"}}, 40035, id="no array"),
    ],
)
async def test_a_bad_tag_is_refused(program: Program, body: dict[str, Any], errcode: int) -> None:
    assert (await program.post("externalcontact/add_corp_tag", body))["errcode"] == errcode


async def test_the_tag_quota_ends_at_its_number(program: Program) -> None:
    await program.control("PUT", "/rules", {"corp_tag_quota": 1})
    await a_tag(program)
    body = {"group_name": "来源", "tag": [{"name": "二"}]}
    assert (await program.post("externalcontact/add_corp_tag", body))["errcode"] == 40126


async def test_a_tag_is_put_on_one_members_relation_only(program: Program) -> None:
    external_userid = await a_patient(program, "li.na")
    tag = await a_tag(program)
    body = {"userid": "li.na", "external_userid": external_userid, "add_tag": [tag]}
    assert (await program.post("externalcontact/mark_tag", body))["errcode"] == 0
    shown = await program.get("externalcontact/get", external_userid=external_userid)
    tagged = {follow["userid"]: [t["tag_name"] for t in follow["tags"]] for follow in shown["follow_user"]}
    assert tagged == {"xiaohu": [], "li.na": ["前台扫码"]}
    assert shown["follow_user"][1]["tags"][0]["group_name"] == "来源"
    unknown = await program.post("externalcontact/mark_tag", body | {"add_tag": ["etX"]})
    assert unknown["errcode"] == 40068
    nothing = await program.post("externalcontact/mark_tag", body | {"add_tag": []})
    assert nothing["errcode"] == 40058
    assert (await program.control("GET", "/callbacks"))["items"] == []


async def test_groups_are_listed_and_shown(program: Program) -> None:
    listed = await program.post("externalcontact/groupchat/list", {"limit": 2})
    assert len(listed["group_chat_list"]) == 2
    rest = await program.post("externalcontact/groupchat/list", {"limit": 2, "cursor": listed["next_cursor"]})
    assert len(rest["group_chat_list"]) == 1
    assert "next_cursor" not in rest
    of_zhang = await program.post(
        "externalcontact/groupchat/list", {"limit": 9, "owner_filter": {"userid_list": ["zhang.wei"]}}
    )
    (line,) = of_zhang["group_chat_list"]
    shown = await program.post("externalcontact/groupchat/get", {"chat_id": line["chat_id"], "need_name": 1})
    group = shown["group_chat"]
    assert (group["name"], group["owner"]) == ("张医生种植VIP服务群", "zhang.wei")
    assert [seat["name"] for seat in group["member_list"][:3]] == ["张伟", "赵敏", "老周"]
    assert (await program.post("externalcontact/groupchat/list", {}))["errcode"] == 40058
    assert (await program.post("externalcontact/groupchat/get", {"chat_id": "wrX"}))["errcode"] == 86001


async def test_a_contact_way_leads_to_its_members(program: Program, clock: FrozenClock) -> None:
    body = {"type": 2, "scene": 2, "remark": "前台", "state": "front-desk", "user": ["xiaohu", "chen.jing"]}
    made = await program.post("externalcontact/add_contact_way", body)
    way = await program.post("externalcontact/get_contact_way", {"config_id": made["config_id"]})
    assert way["contact_way"]["state"] == "front-desk"
    assert way["contact_way"]["qr_code"] == made["qr_code"]
    async with program.http.get(made["qr_code"]) as answer:
        assert answer.content_type == "image/png"
    scanned = await program.act("patient-adds-member", config_id=made["config_id"], name="小李")
    shown = await program.get("externalcontact/get", external_userid=scanned["external_userid"])
    assert (shown["follow_user"][0]["userid"], shown["follow_user"][0]["state"]) == ("xiaohu", "front-desk")
    assert (await program.post("externalcontact/list_contact_way", {}))["contact_way"] == [
        {"config_id": made["config_id"]}
    ]
    config = {"config_id": made["config_id"]}
    assert (await program.post("externalcontact/update_contact_way", config | {"user": ["li.na"]}))[
        "errcode"
    ] == 0
    way = await program.post("externalcontact/get_contact_way", config)
    assert (way["contact_way"]["user"], way["contact_way"]["state"]) == (["li.na"], "front-desk")
    assert (await program.post("externalcontact/del_contact_way", config))["errcode"] == 0
    assert (await program.post("externalcontact/get_contact_way", config))["errcode"] == 41044


@pytest.mark.parametrize(
    ("change", "errcode"),
    [
        pytest.param({"type": 3}, 41037, id="type"),
        pytest.param({"scene": None}, 41038, id="scene"),
        pytest.param({"user": ["xiaohu", "li.na"]}, 41041, id="two members for type 1"),
        pytest.param({"user": []}, 41042, id="nobody"),
        pytest.param({"user": ["nobody"]}, 40003, id="unknown member"),
        pytest.param({"state": "s" * 31}, 40058, id="state of 31"),
        pytest.param({"party": [77]}, 60123, id="unknown department"),
    ],
)
async def test_a_bad_contact_way_is_refused(program: Program, change: dict[str, Any], errcode: int) -> None:
    body = {"type": 1, "scene": 2, "user": ["xiaohu"]} | change
    assert (await program.post("externalcontact/add_contact_way", body))["errcode"] == errcode
