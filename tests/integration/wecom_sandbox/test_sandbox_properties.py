"""Random JSON to every endpoint: a documented answer, never an HTTP 500."""

from __future__ import annotations

import asyncio
import json
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.sandbox_driver import Program, program_of
from wecom.sandbox import Rules, running_sandbox
from wecom.sandbox.actions import ACTIONS
from wecom.sandbox.api import ENDPOINTS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wecom.sandbox.api.endpoint import Endpoint

# The words of the API, so that random bodies reach past the first missing field.
KEYS = sorted(
    {
        "userid", "external_userid", "remark", "description", "remark_company", "remark_mobiles",
        "remark_pic_mediaid", "tag_id", "group_id", "group_name", "order", "tag", "name", "id", "add_tag",
        "remove_tag", "welcome_code", "text", "content", "attachments", "msgtype", "image", "media_id",
        "pic_url", "link", "title", "url", "picurl", "desc", "miniprogram", "pic_media_id", "appid", "page",
        "video", "file", "chat_type", "sender", "allow_select", "chat_id_list", "tag_filter", "group_list",
        "tag_list", "msgid", "limit", "cursor", "start_time", "end_time", "creator", "filter_type",
        "visible_range", "sender_list", "user_list", "department_list", "external_contact_list", "jobid",
        "moment_id", "type", "scene", "style", "state", "skip_verify", "user", "party", "is_temp",
        "expires_in", "conclusions", "config_id", "touser", "toparty", "totag", "agentid", "template_card",
        "card_type", "main_title", "task_id", "button_list", "key", "checkbox", "question_key",
        "option_list", "select_list", "submit_button", "source", "action_menu", "action_list", "quote_area",
        "emphasis_content", "horizontal_content_list", "jump_list", "card_action", "card_image",
        "vertical_content_list", "image_text_area", "button_selection", "userids", "partyids", "tagids",
        "atall", "response_code", "button", "replace_name", "enable_duplicate_check",
        "duplicate_check_interval", "markdown", "textcard", "news", "articles", "mpnews", "thumb_media_id",
        "userid_list", "owner_filter", "status_filter", "chat_id", "need_name", "mode", "new_owner",
        "handover_userid", "takeover_userid", "transfer_success_msg", "page_id", "page_size", "link_id",
        "link_name", "range", "priority_option", "priority_type", "priority_userid_list", "chat_key",
        "auto_create_room", "room_base_name", "room_base_id", "template_id", "notify", "opengid",
        "open_kfid", "servicer_userid", "service_state", "token", "msgmenu", "list", "click", "view",
        "head_content", "location", "latitude", "longitude", "ca_link", "link_url", "business_card", "code",
        "department_id_list", "external_userid_list", "offset", "rule_id", "rule_name", "word_list",
        "semantics_list", "intercept_type", "applicable_range", "extra_rule", "user_ticket",
        "day_begin_time", "day_end_time", "order_by", "order_asc", "partyid", "md5", "filename", "member",
        "groupchat", "wording",
    }
)  # fmt: skip
WORDS = [
    "", "xiaohu", "zhang.wei", "nobody", "single", "group", "image", "link", "miniprogram", "text", "markdown",
    "textcard", "news", "template_card", "button_interaction", "vote_interaction", "multiple_interaction",
    "text_notice", "news_notice", "https://a.b/c", "wx0000000000example", "@all", "a|b", "t-1", "长" * 1400,
]  # fmt: skip
NUMBERS = [0, 1, 2, 3, -1, 100, 1000002, 1795230000, 2**31, 2**63, 2**64, 10**30, 0.5, 1e308]


def bodies(known: list[str]) -> st.SearchStrategy[Any]:
    """Random JSON that likes the API's own words and ids."""
    leaf = st.one_of(
        st.none(),
        st.booleans(),
        st.sampled_from(NUMBERS),
        st.sampled_from(WORDS + known),
        st.text(max_size=12).filter(lambda text: text.isprintable()),
    )
    return st.recursive(
        leaf,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=8),
        max_leaves=24,
    )


@pytest.fixture(scope="module")
def tenant() -> Iterator[tuple[asyncio.AbstractEventLoop, Program, list[str]]]:
    """One tenant for all examples: its state growing odd is part of the test."""
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()

        async def start() -> Program:
            rules = Rules(dispatch_s=0, moment_job_s=0, rate_limits=False)
            sandbox = await stack.enter_async_context(running_sandbox(callback_url=None, rules=rules))
            program = await stack.enter_async_context(program_of(sandbox))
            await program.post("externalcontact/add_corp_tag", {"group_name": "来源", "tag": [{"name": "a"}]})
            await program.post(
                "externalcontact/add_msg_template", {"sender": "xiaohu", "text": {"content": "a"}}
            )
            await program.post("externalcontact/add_moment_task", {"text": {"content": "a"}})
            await program.act("create-kf-account", name="客服")
            return program

        program = runner.run(start())
        corp = program.sandbox.tenant
        known = [
            next(iter(corp.corp.customers)),
            next(iter(corp.corp.groups)),
            next(iter(corp.mass.tasks)),
            next(iter(corp.tags.groups)),
            next(iter(corp.kf.accounts)),
            corp.moments.of_member("xiaohu")[0].moment_id,
            runner.run(program.image()),
            runner.run(program.moment_image()),
        ]
        yield runner.get_loop(), program, known
        runner.run(stack.aclose())


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: endpoint.path)
def test_random_json_never_gives_a_500(
    endpoint: Endpoint, tenant: tuple[asyncio.AbstractEventLoop, Program, list[str]]
) -> None:
    loop, program, known = tenant
    body = bodies(known)
    flat = st.dictionaries(st.sampled_from(KEYS), body, max_size=10)

    @settings(max_examples=15, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])
    @given(value=flat | body)
    def ask(value: Any) -> None:
        raw = json.dumps(value, ensure_ascii=False).encode()
        if endpoint.method == "POST":
            answer = loop.run_until_complete(program.post_raw(endpoint.path, raw))
        else:
            fields = value if isinstance(value, dict) else {}
            query = {key: str(item)[:200] for key, item in fields.items()}
            answer = loop.run_until_complete(program.get(endpoint.path, **query))
        assert isinstance(answer["errcode"], int)

    ask()


CONTROL_PATHS = (
    *(("POST", f"/actions/{name}", sorted(action.model_fields)) for name, action in ACTIONS.items()),
    ("PUT", "/rules", ["mass_cap", "moment_cap_per_day", "dispatch_s", "linked_appids", "trusted_domains"]),
    ("POST", "/faults", ["kind", "target", "times", "probability", "errcode"]),
    ("POST", "/callbacks/redeliver", ["id"]),
    ("POST", "/clock/advance", ["seconds"]),
    ("POST", "/reset", ["scene"]),
)


@pytest.mark.parametrize(
    ("method", "path", "keys"), CONTROL_PATHS, ids=[path for _, path, _ in CONTROL_PATHS]
)
def test_random_actions_are_done_or_refused_with_a_reason(
    method: str, path: str, keys: list[str], tenant: tuple[asyncio.AbstractEventLoop, Program, list[str]]
) -> None:
    loop, program, known = tenant
    url = f"{program.sandbox.api_base}/sandbox/api{path}"

    async def send(value: Any) -> tuple[int, str]:
        async with program.http.request(method, url, json=value) as answer:
            return answer.status, await answer.text()

    @settings(max_examples=10, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])
    @given(value=st.dictionaries(st.sampled_from([*keys, "nonsense"]), bodies(known), max_size=6))
    def ask(value: Any) -> None:
        status, text = loop.run_until_complete(send(value))
        assert status in {200, 400, 404}, text

    ask()
