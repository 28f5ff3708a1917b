"""Every method of the client has rows in the tables of refusals, and every row is run."""

from __future__ import annotations

from tests.integration.wecom import test_refusals_messages, test_refusals_people, test_refusals_ways
from tests.support.refusal_checks import ANYWHERE, methods_of
from tests.support.refused.proven import CASES, USUAL
from wecom.client import Credentials, WeComClient, open_session
from wecom.errcodes import RULES

RUN_BY = (test_refusals_messages, test_refusals_people, test_refusals_ways)
# Codes that are no refusal of one method, and where they are proven: all of them are besides told to a call
# (test_refusals_of_any_call).
ELSEWHERE: dict[str, set[int]] = {
    "of the token or the app, so of any call": {
        *(40001, 40013, 40014, 40091, 41001, 41002, 41004, 42001, 6000, 81026),
        *(48001, 48003, 48004, 48005, 48006, 50003, 50006, 60031),
    },
    "of a request that this client cannot send (test_sandbox_frame)": {40033, 40035, 40039, 40063},
    "of an empty welcome code, which the client refuses itself": {41049},
    "of one patient or group in a good answer (test_refusals_people)": {
        *(40099, 40100, 40128, 40129, 40131),
        *range(90500, 90511),
    },
    "of a file that is fetched later, in its job (test_refusals_messages)": {830003},
    "of pages and signatures in a browser, never said to a server": {
        *(40093, 42012, 80001, 85111),
        *range(85004, 85009),
    },
    "of a ticket of a kind that the client does not ask for (test_sandbox_identity_api)": {91040},
    "of APIs that are not covered: openid, unionid, albums, appchat, webhooks, service persons": {
        *(40073, 41057, 86008, 84083, 84084),
        *(41073, 41074, 41075, 41085, 41086, 41087, 41088),
        *(93000, 93004, 93006, 93008),
    },
}


async def methods() -> set[str]:
    """Return ``group.method`` for every public method of every group of APIs that a client has."""
    async with open_session() as session:
        credentials = Credentials(corp_id="ww0", secret="s", agent_id=1)
        client = WeComClient(session, api_base="http://127.0.0.1:9", credentials=credentials)
    groups = {
        name: type(part)
        for name, part in vars(client).items()
        if type(part).__module__.startswith("wecom.api")
    }
    assert len(groups) > 15
    return set(methods_of(groups))


async def test_every_method_of_the_client_has_its_refusals_and_no_other_has() -> None:
    assert {case.method for case in CASES} == await methods()


def test_every_documented_code_is_proven_on_a_method_or_has_its_place() -> None:
    proven = {case.errcode for case in CASES if case.errcode}
    elsewhere = set().union(*ELSEWHERE.values())
    assert set(RULES) - proven == elsewhere - {90501}  # also a method's own


async def test_every_method_of_the_client_has_a_call_that_is_answered() -> None:
    assert set(USUAL) == await methods()


async def test_every_method_hears_what_wecom_may_say_to_any_call() -> None:
    heard: dict[str, set[int | None]] = {}
    for case in CASES:
        heard.setdefault(case.method, set()).add(case.errcode)
    assert {method for method in await methods() if not ANYWHERE.keys() <= heard[method]} == set()


def test_every_row_of_the_tables_is_run_once() -> None:
    run = [id(case) for module in RUN_BY for case in module.CASES]
    assert len(run) == len(set(run))
    assert set(run) == {id(case) for case in CASES}
