"""Every method of the client has rows in the tables of refusals, and every row is run."""

from __future__ import annotations

from tests.integration.wecom import test_refusals_messages, test_refusals_people, test_refusals_ways
from tests.support.refusal_checks import ANYWHERE, methods_of
from tests.support.refused.proven import CASES, USUAL
from wecom.client import Credentials, WeComClient, open_session

RUN_BY = (test_refusals_messages, test_refusals_people, test_refusals_ways)


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
