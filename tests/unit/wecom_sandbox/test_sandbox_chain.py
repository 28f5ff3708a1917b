"""The scene ``chain``: people computed when asked for, and what happens to them laid over it."""

from __future__ import annotations

import tracemalloc
from collections import Counter
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.sandbox_driver import FrozenClock
from wecom.sandbox import Mistake, Tenant
from wecom.sandbox.population import HISTORY
from wecom.sandbox.views import CHATS_AT_MOST, Views


def chain(patients: int | None = None, *, seed: int = 1) -> Tenant:
    return Tenant(scene="chain", seed=seed, now=FrozenClock(), patients=patients)


@pytest.fixture(scope="module")
def small_chain() -> Tenant:
    """1 200 patients, never changed by a test."""
    return chain(1200)


def everybody(tenant: Tenant, limit: int = 97) -> list[tuple[str, str]]:
    """List every (member, customer) page by page, as batch/get_by_user does."""
    pairs, start = [], 0
    while True:
        page, following = tenant.corp.follow_page(list(tenant.corp.members), start, limit)
        pairs += [(follow.userid, follow.external_userid) for follow in page]
        if following is None:
            return pairs
        start = following


def test_a_chain_has_twelve_clinics_two_hundred_members_and_its_patients_without_making_them() -> None:
    tracemalloc.start()
    tenant = chain()
    used = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    corp = tenant.corp
    assert (len(corp.members), len(corp.customers), len(corp.groups)) == (200, 300_000, 400)
    assert len([d for d in corp.departments.values() if d.parent_id == 1]) == 12
    assert used < 10_000_000, "the patients were made in advance"
    assert {"xiaohu", "zhang.wei", "li.na", "zhao.min", "sun.yue", "chen.jing"} < set(corp.members)


def test_every_patient_follows_one_to_three_members_of_one_clinic_and_is_found_from_both_sides(
    small_chain: Tenant,
) -> None:
    corp = small_chain.corp
    pairs = everybody(small_chain)
    assert len(pairs) == len(set(pairs)) == sum(len(book) for book in corp.follows_of_member.values())
    assert len({customer for _, customer in pairs}) == 1200
    assert set(Counter(customer for _, customer in pairs).values()) <= {1, 2, 3}
    for external_userid in list(corp.customers)[::17]:
        follows = corp.follows_of_customer[external_userid]
        assert {(userid, external_userid) for userid in follows} == {
            p for p in pairs if p[1] == external_userid
        }
        assert len({corp.members[userid].departments[0] // 10 for userid in follows}) == 1


def test_the_patients_are_of_all_kinds(small_chain: Tenant) -> None:
    corp = small_chain.corp
    follows = [follow for book in corp.follows_of_member.values() for follow in book.values()]
    lost = sum(follow.lost_at is not None for follow in follows)
    assert 0.01 < lost / len(follows) < 0.1
    assert {follow.state for follow in follows} >= {"front-desk", "douyin", ""}
    assert len({follow.add_way for follow in follows}) > 4
    assert {customer.gender for customer in corp.customers.values()} == {0, 1, 2}
    assert {len(follow.tags) for follow in follows} >= {0, 1, 2, 3}
    assert all(small_chain.tags.find(tag) for follow in follows[:50] for tag in follow.tags)
    spread = max(f.createtime for f in follows) - min(f.createtime for f in follows)
    assert timedelta(days=700) < spread <= HISTORY
    assert all(f.createtime <= (f.lost_at or corp.now) <= corp.now for f in follows)


def test_the_same_seed_gives_the_same_people_and_another_seed_others() -> None:
    one, same, other = chain(240), chain(240), chain(240, seed=2)
    assert everybody(one) == everybody(same)
    first = next(iter(one.corp.customers))
    assert one.corp.customers[first] == same.corp.customers[first]
    assert not set(one.corp.customers) & set(other.corp.customers)
    assert list(one.corp.groups) == list(same.corp.groups)


@given(st.integers(0, 299_999))
def test_an_id_gives_its_number_back(number: int) -> None:
    population = _BIG.corp.customers._population
    external_userid = population.id_of(number)
    assert len(external_userid) == 32
    assert population.number_of(external_userid) == number
    for userid in population.followers(number):
        follow = _BIG.corp.follow(userid, external_userid)
        assert follow is not None
        assert (follow.userid, follow.external_userid) == (userid, external_userid)


@given(st.text(max_size=40))
def test_an_id_that_nobody_has_is_nobodys(text: str) -> None:
    assert text not in _BIG.corp.customers
    assert not _BIG.corp.follows_of_customer.get(text)


_BIG = chain()


def test_what_happens_to_a_computed_patient_is_remembered() -> None:
    tenant = chain(600)
    corp = tenant.corp
    external_userid = next(one for one in corp.follows_of_member["xiaohu"] if _standing(tenant, one))
    tag = next(iter(next(iter(tenant.tags.groups.values())).tags))
    tenant.people.member_edits_patient("xiaohu", external_userid, remark="怕疼的那位", add_tags=[tag])
    tenant.people.patient_deletes_member(external_userid, "xiaohu")
    follow = corp.follow("xiaohu", external_userid)
    assert follow is not None
    assert (follow.remark, tag in follow.tags, follow.lost_at) == ("怕疼的那位", True, corp.now)
    tenant.people.patient_adds_member(external_userid, "xiaohu", state="old-friend")
    again = corp.follow("xiaohu", external_userid)
    assert again is not None
    assert (again.state, again.lost_at) == ("old-friend", None)
    assert corp.follows_of_customer[external_userid]["xiaohu"] is again
    tenant.people.member_deletes_patient("xiaohu", external_userid)
    assert corp.follow("xiaohu", external_userid) is None
    assert external_userid not in corp.follows_of_member["xiaohu"].confirmed_ids()


def _standing(tenant: Tenant, external_userid: str) -> bool:
    follow = tenant.corp.follow("xiaohu", external_userid)
    return follow is not None and follow.lost_at is None


def test_a_listing_neither_skips_nor_repeats_anybody_while_people_come_and_go() -> None:
    tenant = chain(6000)
    corp = tenant.corp
    before = list(corp.follows_of_member["xiaohu"])
    page, following = corp.follow_page(["xiaohu"], 0, 20)
    listed = [follow.external_userid for follow in page]
    tenant.people.member_deletes_patient("xiaohu", before[3])  # already listed
    tenant.people.member_deletes_patient("xiaohu", before[30])  # not yet
    newcomer, _ = tenant.patient_scans("xiaohu", name="新来的")
    while following is not None:
        page, following = corp.follow_page(["xiaohu"], following, 20)
        listed += [follow.external_userid for follow in page]
    assert listed == [one for one in before if one != before[30]] + [newcomer.external_userid]


def test_a_deleted_tag_is_gone_from_patients_nobody_has_seen_yet() -> None:
    tenant = chain(6000)
    group = next(iter(tenant.tags.groups.values()))
    doomed, kept = list(group.tags)[:2]
    book = tenant.corp.follows_of_member["xiaohu"]
    held = next(iter(book.tagged([[doomed]])))
    tenant.tags.delete([doomed], [])
    assert doomed not in held.tags
    assert not list(book.tagged([[doomed]]))
    assert all(doomed not in follow.tags for follow in book.values())
    assert {f.external_userid for f in book.tagged([[kept]])} == {
        f.external_userid for f in book.values() if kept in f.tags
    }


def test_groups_know_who_sits_in_them_before_anybody_is_computed() -> None:
    tenant = chain(3000)
    corp = tenant.corp
    for group in list(corp.groups.values())[::40]:
        size = len(group.members)
        outsider = next(one for one in corp.customers if one not in group.members)
        patients = [one for one in corp.customers if one in group.members]
        assert size == len(group.members) == len(dict(group.members)) == len(patients) + 3
        assert outsider not in group.members
        assert all(seat.join_time >= group.create_time for seat in group.members.values())
    tenant.groups.join(group.chat_id, [outsider])
    tenant.groups.leave(group.chat_id, [patients[0]])
    assert (outsider in group.members, patients[0] in group.members) == (True, False)
    assert len(group.members) == size


def test_a_phone_lists_recent_chats_and_finds_the_others_by_name() -> None:
    tenant = chain()
    corp, views = tenant.corp, Views(tenant)
    oldest = next(follow for follow in corp.follows_of_member["xiaohu"].values() if follow.lost_at is None)
    phone = views.member_phone("xiaohu")
    assert (len(phone["chats"]), phone["chats_total"]) == (CHATS_AT_MOST, 6250)
    assert oldest.external_userid not in {chat["external_userid"] for chat in phone["chats"]}
    opened = views.member_phone("xiaohu", with_chat=oldest.external_userid)
    assert opened["chats"][-1]["external_userid"] == oldest.external_userid
    name = corp.customers[oldest.external_userid].name
    found = views.member_phone("xiaohu", search=name)["chats"]
    assert oldest.external_userid in {chat["external_userid"] for chat in found}
    assert all(name in chat["name"] for chat in found)
    tenant.people.write("xiaohu", oldest.external_userid, "牙有点疼", from_patient=True)
    assert views.member_phone("xiaohu")["chats"][0]["external_userid"] == oldest.external_userid
    assert views.patient_phone(oldest.external_userid)["chats"][0]["messages"][-1]["text"] == "牙有点疼"


def test_the_overview_never_lists_more_than_a_thousand_patients() -> None:
    views = Views(_BIG)
    state = views.state(limit=999_999)
    assert (len(state["patients"]), state["patients_total"]) == (1000, 300_000)
    found = views.state(search="乐乐妈")["patients"]
    assert len(found) == 100
    assert all("乐乐妈" in one["name"] for one in found)
    last = _BIG.corp.customers._population.id_of(299_999)
    assert [one["external_userid"] for one in views.state(search=last)["patients"]] == [last]


def test_how_many_patients_there_are_can_be_said_within_reason() -> None:
    assert len(chain(0).corp.customers) == 0
    assert Views(chain(5)).state()["patients_total"] == 5
    with pytest.raises(Mistake, match="patients"):
        chain(-1)
