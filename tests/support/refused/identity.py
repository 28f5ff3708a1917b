"""What logins and page signatures refuse: one row per method and errcode or limit."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from tests.support.refusal_stage import Case, Stage, forbids, refuses
from wecom.errors import NeedsAdmin, RateLimited
from wecom.identity import authorize_url

if TYPE_CHECKING:
    from tests.support.refusal_stage import Act, Given

PAGE = "https://h5.example/side/index.html"


def code(s: Stage) -> str:
    """Log chen.jing in with consent; return the code of the way back."""
    connection = s.sandbox.connection
    url = authorize_url(
        corp_id=connection["corp_id"],
        agent_id=int(connection["agent_id"]),
        redirect_uri=PAGE,
        state="n0nce",
        asks_consent=True,
    )
    query = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
    back = s.tenant.identity.authorize(query, "chen.jing")
    return parse_qs(urlsplit(back).query)["code"][0]


def old_code(s: Stage) -> str:
    some = code(s)
    s.later(minutes=5, seconds=1)
    return some


async def used_code(s: Stage) -> str:
    some = code(s)
    await s.client.identity.visitor(some)
    return some


def code_of_a_strange_page(s: Stage) -> str:
    s.rules.trusted_domains = frozenset({"other.example"})
    return code(s)


async def ticket(s: Stage) -> str:
    return (await s.client.identity.visitor(code(s))).user_ticket


async def old_ticket(s: Stage) -> str:
    some = await ticket(s)
    s.later(seconds=1801)
    return some


def fetched(api: str, times: int) -> Given:
    def count(s: Stage) -> None:
        for _ in range(times):
            s.tenant.limits.count(api)

    return count


def redeem(s: Stage, some: str) -> object:
    return s.client.identity.visitor(some or "CODE")


def detail(user_ticket: str = "") -> Act:
    return lambda s, there: s.client.identity.detail(there or user_ticket)


CASES: list[Case] = [
    refuses("identity.visitor", 40029, "the code is none", redeem),
    refuses("identity.visitor", 40029, "the code is used", redeem, given=used_code),
    refuses("identity.visitor", 42003, "the code is five minutes old", redeem, given=old_code),
    refuses(
        "identity.visitor",
        50001,
        "the page is a stranger's",
        redeem,
        given=code_of_a_strange_page,
        error=NeedsAdmin,
    ),
    forbids("identity.visitor", "code", "none", lambda s, _: s.client.identity.visitor(" ")),
    refuses("identity.detail", 84015, "the ticket is none", detail("TICKET")),
    refuses("identity.detail", 84014, "the ticket is half an hour old", detail(), given=old_ticket),
    forbids("identity.detail", "user_ticket", "none", detail(" ")),
    refuses(
        "identity.sign",
        45009,
        "the app's ticket number 101 in an hour",
        lambda s, _: s.client.identity.sign(PAGE),
        given=fetched("ticket/get", 100),
        error=RateLimited,
    ),
]
