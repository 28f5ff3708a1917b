"""The sandbox's own HTTP API under /sandbox/api: no token, JSON in and out, 400 with a reason on mistakes.

| call | what |
| --- | --- |
| GET  /connection | api_base, corp_id, agent_id, secret, token, aes_key, callback_url |
| GET, PUT /callback ``{"url", "verify"?}`` | where callbacks go; ``verify`` asks for the encrypted echo |
| POST /callback/verify | ask for the echo now |
| GET, DELETE /callbacks ``?event=&limit=`` | the newest deliveries with their attempts |
| POST /callbacks/redeliver ``{"id"?}`` | the last (or that) request again, byte by byte |
| POST /actions/{name} | what people do; see ``actions.py`` for the bodies |
| GET  /clock, POST /clock/advance ``{"seconds"}`` | the tenant's time |
| GET, PUT /rules | what is particular to this corp |
| GET, POST, DELETE /faults, DELETE /faults/{id} | what goes wrong |
| GET, DELETE /journal ``?api=&since=`` | API calls received, without tokens |
| POST /reset ``{"scene"?, "seed"?, "patients"?}`` | begin again; ``patients`` of the scene ``chain`` |
| GET  /state ``?limit=&search=`` | members, patients, groups |
| GET  /phones/members/{userid} ``?search=&chat=`` | the phone of a member |
| GET  /phones/patients/{external_userid}, /phones/groups/{chat_id} | phones |
| GET  /phones/members/{userid}/kf, /phones/patients/{external_userid}/kf, /kf, /kf/{open_kfid} | 微信客服 |
| GET  /events | Server-Sent Events: ``event: change``, ``data: {"what", "who"}`` |
"""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from .actions import ACTIONS
from .api import ENDPOINTS
from .callbacks import KEPT, CallbackSender, check_url
from .faults import API_KINDS, Fault, FaultKind
from .kf_views import KfViews
from .people import Mistake, Unknown
from .views import Views, iso

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from .live import LiveChanges
    from .state import Json
    from .tenant import Tenant


LONGEST_WAIT_S = 366 * 86_400


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class CallbackBody(_Strict):
    url: str | None
    verify: bool = False


class RedeliverBody(_Strict):
    id: int | None = None


class AdvanceBody(_Strict):
    seconds: float = Field(ge=0, allow_inf_nan=False)


class ResetBody(_Strict):
    scene: str | None = None
    seed: int | str | None = None
    patients: int | None = None


class RulesBody(_Strict):
    """Every number of ``Rules``; those left out stay as they are."""

    mass_cap: str | None = Field(None, pattern="^(month_days|week_7|day_1)$")
    moment_cap_per_day: int | None = Field(None, ge=0)
    moment_cap_per_month: int | None = Field(None, ge=0)
    dispatch_s: float | None = Field(None, ge=0, le=LONGEST_WAIT_S)
    moment_job_s: float | None = Field(None, ge=0, le=LONGEST_WAIT_S)
    moment_dispatch_s: float | None = Field(None, ge=0, le=LONGEST_WAIT_S)
    moment_jobs_running: int | None = Field(None, ge=0)
    list_lag_s: float | None = Field(None, ge=0, le=LONGEST_WAIT_S)
    corp_tag_quota: int | None = Field(None, ge=0)
    contact_way_quota: int | None = Field(None, ge=0)
    temporary_ways_per_day: int | None = Field(None, ge=0)
    group_size: int | None = Field(None, ge=2)
    customers_per_member: int | None = Field(None, ge=0)
    acquisition_quota: int | None = Field(None, ge=0)
    link_id_in_add: bool | None = None
    trusted_domains: frozenset[str] | None = None
    kf_end_from_any: bool | None = None
    kf_untokened_per_minute: int | None = Field(None, ge=0)
    kf_verified: bool | None = None
    kf_offers_in_console: bool | None = None
    kf_granted: bool | None = None
    latency_s: float | None = Field(None, ge=0, le=60)
    rate_limits: bool | None = None
    callbacks_configured: bool | None = None
    blocked_words: frozenset[str] | None = None
    linked_appids: frozenset[str] | None = None


_NULLABLE = frozenset({"moment_cap_per_day", "moment_cap_per_month", "linked_appids", "trusted_domains"})


class FaultBody(_Strict):
    kind: FaultKind
    target: str = "*"
    times: int | None = Field(1, ge=1)
    probability: float = Field(1.0, ge=0, le=1)
    errcode: int = -1
    errmsg: str = ""
    delay_s: float = Field(0.0, ge=0, le=120)


class ControlApi:
    """The handlers of /sandbox/api on one tenant."""

    def __init__(self, tenant: Tenant, sender: CallbackSender, live: LiveChanges) -> None:
        self._tenant = tenant
        self._sender = sender
        self._live = live
        self._views = Views(tenant)
        self._kf_views = KfViews(tenant)

    def routes(self) -> list[web.RouteDef]:
        base = "/sandbox/api"
        table: list[tuple[str, str, Callable[[web.Request], Awaitable[Any]]]] = [
            ("GET", "/connection", self._get_connection),
            ("GET", "/callback", self._get_callback),
            ("PUT", "/callback", self._put_callback),
            ("POST", "/callback/verify", self._verify),
            ("GET", "/callbacks", self._get_callbacks),
            ("DELETE", "/callbacks", self._clear_callbacks),
            ("POST", "/callbacks/redeliver", self._redeliver),
            ("POST", "/actions/{name}", self._act),
            ("GET", "/clock", self._get_clock),
            ("POST", "/clock/advance", self._advance),
            ("GET", "/rules", self._get_rules),
            ("PUT", "/rules", self._put_rules),
            ("GET", "/faults", self._get_faults),
            ("POST", "/faults", self._add_fault),
            ("DELETE", "/faults", self._clear_faults),
            ("DELETE", "/faults/{id:[0-9]{1,9}}", self._remove_fault),
            ("GET", "/journal", self._get_journal),
            ("DELETE", "/journal", self._clear_journal),
            ("POST", "/reset", self._reset),
            ("GET", "/state", self._state),
            ("GET", "/phones/members/{id}", self._member_phone),
            ("GET", "/phones/patients/{id}", self._patient_phone),
            ("GET", "/phones/groups/{id}", self._group_chat),
            ("GET", "/phones/members/{id}/kf", self._member_kf),
            ("GET", "/phones/patients/{id}/kf", self._patient_kf),
            ("GET", "/kf", self._kf_accounts),
            ("GET", "/kf/{id}", self._kf_account),
        ]
        routes = [web.route(method, base + path, self._answering(handler)) for method, path, handler in table]
        return [*routes, web.get(base + "/events", self._live.stream)]

    def _answering(
        self, handler: Callable[[web.Request], Awaitable[Any]]
    ) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def answer(request: web.Request) -> web.StreamResponse:
            self._tenant.settle()
            try:
                body = await handler(request)
            except ValidationError as exc:
                faults = [f"{'.'.join(map(str, e['loc'])) or 'body'}: {e['msg']}" for e in exc.errors()]
                return _json({"error": "; ".join(faults)}, status=400)
            except Mistake as exc:
                return _json({"error": str(exc)}, status=404 if isinstance(exc, Unknown) else 400)
            return _json(body)

        return answer

    # -- connection and callbacks ---------------------------------------------------------------------

    async def _get_connection(self, request: web.Request) -> Json:
        connection = connection_of(self._tenant, str(request.url.origin()))
        return {**connection, "callback_url": self._sender.url}

    async def _get_callback(self, _: web.Request) -> Json:
        return {"url": self._sender.url}

    async def _put_callback(self, request: web.Request) -> Json:
        body = CallbackBody.model_validate_json(await request.read())
        self._sender.url = None if body.url is None else check_url(body.url)
        self._tenant.rules.callbacks_configured = self._sender.url is not None
        answer: Json = {"url": self._sender.url}
        if body.verify:
            answer["verified"], answer["message"] = await self._sender.verify()
        return answer

    async def _verify(self, _: web.Request) -> Json:
        verified, message = await self._sender.verify()
        return {"url": self._sender.url, "verified": verified, "message": message}

    async def _get_callbacks(self, request: web.Request) -> Json:
        wanted, limit = request.query.get("event"), request.query.get("limit", str(KEPT))
        if not limit.isdecimal() or len(limit) > 6:
            raise Mistake("limit must be a number")
        found = [delivery for delivery in self._sender.log() if wanted in {None, delivery.event}]
        newest = found[-int(limit) :] if int(limit) else []
        return {
            "items": [
                {
                    "id": delivery.id,
                    "event": delivery.event,
                    "state": delivery.state,
                    "created_at": iso(delivery.created_at),
                    "plaintext": delivery.plaintext,
                    "attempts": [
                        {
                            "at": iso(attempt.at),
                            "status": attempt.status,
                            "error": attempt.error,
                            "took_ms": round(attempt.took_ms, 1),
                        }
                        for attempt in delivery.attempts
                    ],
                }
                for delivery in newest
            ]
        }

    async def _clear_callbacks(self, _: web.Request) -> Json:
        self._sender.clear()
        return {}

    async def _redeliver(self, request: web.Request) -> Json:
        body = RedeliverBody.model_validate_json(await request.read() or b"{}")
        attempt = await self._sender.redeliver(body.id)
        return {"status": attempt.status, "error": attempt.error}

    # -- people, time, rules, faults --------------------------------------------------------------------

    async def _act(self, request: web.Request) -> Json:
        name = request.match_info["name"]
        action = ACTIONS.get(name)
        if action is None:
            raise Mistake(f"no action {name!r}; there are {', '.join(sorted(ACTIONS))}")
        return action.model_validate_json(await request.read() or b"{}").apply(self._tenant)

    async def _get_clock(self, _: web.Request) -> Json:
        return {"now": iso(self._tenant.clock.now()), "outside_now": iso(self._tenant.clock.outside_now())}

    async def _advance(self, request: web.Request) -> Json:
        body = AdvanceBody.model_validate_json(await request.read())
        return {"now": iso(self._tenant.advance(body.seconds))}

    async def _get_rules(self, _: web.Request) -> Json:
        rules = dataclasses.asdict(self._tenant.rules)
        # Sets have no JSON; a sorted list reads best.
        return {key: sorted(value) if isinstance(value, frozenset) else value for key, value in rules.items()}

    async def _put_rules(self, request: web.Request) -> Json:
        body = RulesBody.model_validate_json(await request.read())
        for name in sorted(body.model_fields_set):
            if getattr(body, name) is None and name not in _NULLABLE:
                raise Mistake(f"{name} cannot be null")
            setattr(self._tenant.rules, name, getattr(body, name))
        return await self._get_rules(request)

    @staticmethod
    def _fault(fault: Fault) -> Json:
        return dataclasses.asdict(fault)

    async def _get_faults(self, _: web.Request) -> Json:
        waiting = [self._fault(fault) for fault in self._tenant.faults.waiting()]
        return {"items": waiting, "apis": sorted({endpoint.path for endpoint in ENDPOINTS})}

    async def _add_fault(self, request: web.Request) -> Json:
        body = FaultBody.model_validate_json(await request.read())
        known = {"*", *(endpoint.path for endpoint in ENDPOINTS)}
        if body.kind in API_KINDS and body.target.removeprefix("/cgi-bin/") not in known:
            raise Mistake(f"the sandbox has no API {body.target!r}, so the fault would never strike")
        return self._fault(self._tenant.faults.add(**body.model_dump()))

    async def _clear_faults(self, _: web.Request) -> Json:
        self._tenant.faults.clear()
        return {}

    async def _remove_fault(self, request: web.Request) -> Json:
        self._tenant.faults.remove(int(request.match_info["id"]))
        return {}

    async def _get_journal(self, request: web.Request) -> Json:
        since = request.query.get("since", "0")
        if not since.isdecimal() or len(since) > 18:
            raise Mistake("since must be a sequence number")
        calls = self._tenant.journal.calls(request.query.get("api"), since=int(since))
        return {"items": [{**dataclasses.asdict(call), "at": iso(call.at)} for call in calls]}

    async def _clear_journal(self, _: web.Request) -> Json:
        self._tenant.journal.clear()
        return {}

    async def _reset(self, request: web.Request) -> Json:
        body = ResetBody.model_validate_json(await request.read() or b"{}")
        self._tenant.reset(scene=body.scene, seed=body.seed, patients=body.patients)
        self._sender.clear()
        return self._views.state()

    # -- views ------------------------------------------------------------------------------------------

    async def _state(self, request: web.Request) -> Json:
        limit = request.query.get("limit", "200")
        if not limit.isdecimal() or len(limit) > 6:
            raise Mistake("limit must be a number")
        return self._views.state(limit=int(limit), search=request.query.get("search", ""))

    async def _member_phone(self, request: web.Request) -> Json:
        return self._views.member_phone(
            request.match_info["id"],
            search=request.query.get("search", ""),
            with_chat=request.query.get("chat", ""),
        )

    async def _patient_phone(self, request: web.Request) -> Json:
        return self._views.patient_phone(request.match_info["id"])

    async def _group_chat(self, request: web.Request) -> Json:
        return self._views.group_chat(request.match_info["id"])

    async def _member_kf(self, request: web.Request) -> Json:
        return self._kf_views.of_member(request.match_info["id"])

    async def _patient_kf(self, request: web.Request) -> Json:
        return self._kf_views.of_patient(request.match_info["id"])

    async def _kf_accounts(self, _: web.Request) -> Json:
        return self._kf_views.accounts()

    async def _kf_account(self, request: web.Request) -> Json:
        return self._kf_views.account(request.match_info["id"])


def connection_of(tenant: Tenant, api_base: str) -> Json:
    """Return what a program needs to know to work for this tenant."""
    credentials = tenant.credentials
    return {
        "api_base": api_base,
        "corp_id": credentials.corp_id,
        "agent_id": credentials.agent_id,
        "secret": credentials.secret,
        "token": credentials.token,
        "aes_key": credentials.aes_key,
    }


def _json(body: Any, *, status: int = 200) -> web.Response:
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return web.json_response(text=text, status=status, headers={"Cache-Control": "no-store"})
