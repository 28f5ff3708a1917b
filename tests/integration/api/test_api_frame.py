"""What surrounds every operation: the key, the shape of errors, bodies that cannot be read."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING

import pytest
import structlog

from clinic.tables import Patient
from store.vault import Vault
from tests.support.api_driver import KEY, api_clinic, copied

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.api_driver import ApiClinic, Scene

WEEK = "/api/v1/plans/week"


class TestKey:
    @pytest.mark.parametrize(
        "shown",
        [
            pytest.param(None, id="none"),
            pytest.param("Bearer", id="a scheme alone"),
            pytest.param("Bearer wrong", id="another key"),
            pytest.param(f"Basic {KEY}", id="another scheme"),
            pytest.param(KEY, id="a key alone"),
            pytest.param(f"Bearer {KEY}x", id="a longer key"),
            pytest.param("Bearer 密钥", id="a key that is not ASCII"),
        ],
    )
    async def test_without_the_key_nothing_is_told(self, clinic: ApiClinic, shown: str | None) -> None:
        reply = await clinic.get("/api/v1/posts", headers={"Authorization": shown})

        assert reply.status == 401
        assert reply.headers["WWW-Authenticate"].startswith("Bearer ")
        assert KEY not in str(reply.json)

    @pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
    async def test_the_scheme_may_be_written_in_any_case(self, clinic: ApiClinic, scheme: str) -> None:
        reply = await clinic.get("/api/v1/posts", headers={"Authorization": f"{scheme} {KEY}"})

        assert reply.status == 200

    @pytest.mark.parametrize(
        "path", ["/api/v1/nothing", "/api/v1/posts/1/approve", "/api/v1/posts/1/publish"]
    )
    async def test_strangers_do_not_learn_which_addresses_exist(self, clinic: ApiClinic, path: str) -> None:
        assert (await clinic.get(path, headers={"Authorization": None})).status == 401

    @pytest.mark.parametrize("key", [None, ""])
    async def test_without_a_key_in_the_settings_the_api_is_closed(
        self, scene: Scene, tmp_path: Path, key: str | None
    ) -> None:
        async with api_clinic(scene, copied(scene, tmp_path), api_key=key) as closed:
            reply = await closed.get("/api/v1/posts", headers={"Authorization": "Bearer "})

            assert (reply.status, "XIAOHU_API_KEY" in reply.json["detail"]) == (403, True)
            assert (await closed.get("/api/openapi.json")).status == 200

    async def test_the_description_is_open_and_answers_are_not_kept(self, clinic: ApiClinic) -> None:
        opened = await clinic.get("/api/openapi.json", headers={"Authorization": None})
        kept = await clinic.get("/api/v1/posts")

        assert opened.json["openapi"] == "3.1.0"
        assert kept.headers["Cache-Control"] == "no-store"


class TestAddresses:
    @pytest.mark.parametrize(
        "path",
        ["/api", "/api/", "/api/v1", "/api/v1/", "/api/v2/posts", "/api/v1/posts/", "/api/v1/posts/1/2/3"],
    )
    async def test_an_unknown_address_is_a_problem(self, clinic: ApiClinic, path: str) -> None:
        reply = await clinic.get(path)

        assert (reply.status, reply.json["type"]) == (404, "urn:xiaohu:problem:not-found")

    @pytest.mark.parametrize(
        ("method", "path", "allow"),
        [
            pytest.param("DELETE", "/api/v1/posts/1", {"GET", "PATCH"}, id="delete"),
            pytest.param("GET", WEEK, {"POST"}, id="get"),
            pytest.param("PUT", "/api/openapi.json", {"GET"}, id="put"),
            pytest.param("PROPFIND", "/api/v1/posts", {"GET"}, id="a method of others"),
        ],
    )
    async def test_a_wrong_method_names_the_right_ones(
        self, clinic: ApiClinic, method: str, path: str, allow: set[str]
    ) -> None:
        reply = await clinic.ask(method, path)

        assert (reply.status, set(reply.headers["Allow"].split(","))) == (405, allow)

    async def test_an_unknown_parameter_is_refused_where_none_is_taken(self, clinic: ApiClinic) -> None:
        reply = await clinic.get("/api/v1/personas?x=1")

        assert (reply.status, reply.fields) == (422, ["x"])


class TestBodies:
    @pytest.mark.parametrize(
        "body",
        [
            pytest.param(b"{", id="half an object"),
            pytest.param(b"{'start': 1}", id="quotes of Python"),
            pytest.param(b'{"start": NaN}', id="NaN"),
            pytest.param(b'{"start": -Infinity}', id="infinity"),
            pytest.param(b'{"start": "\\ud800"}', id="half a surrogate pair"),
            pytest.param('{"start": "今天"}'.encode("gbk"), id="GBK"),
            pytest.param(b"\xef\xbb\xbf{}", id="a byte order mark"),
            pytest.param(b'{"start": "\x00"}', id="a bare zero byte"),
            pytest.param(b"[" * 100_000, id="endless nesting"),
            pytest.param(b'{"start": ' + b"[" * 500 + b"]" * 500 + b"}", id="deep nesting"),
            pytest.param(b'{"start": ' + b"9" * 10_000 + b"}", id="an endless number"),
        ],
    )
    async def test_what_is_not_json_is_400(self, clinic: ApiClinic, body: bytes) -> None:
        reply = await clinic.ask("POST", WEEK, data=body, headers={"Content-Type": "application/json"})

        assert (reply.status, reply.json["type"]) == (400, "urn:xiaohu:problem:not-json")

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            pytest.param(b'{"start": "2025-06-02", "start": "2025-06-09"}', "start", id="twice"),
            pytest.param(b'{"x": {"y": 1, "y": 2}}', "y", id="twice below"),
            pytest.param(b'{"\\ud800": 1, "\\ud800": 2}', "?", id="twice, unprintable"),
        ],
    )
    async def test_a_field_written_twice_is_refused(self, clinic: ApiClinic, body: bytes, field: str) -> None:
        reply = await clinic.ask("POST", WEEK, data=body, headers={"Content-Type": "application/json"})

        assert (reply.status, reply.fields) == (422, [field])

    @pytest.mark.parametrize(
        "kind",
        [
            "text/plain",
            "application/x-www-form-urlencoded",
            "application/json; charset=gbk",
            "application/jsonx",
            "application/octet-stream",
        ],
    )
    async def test_another_content_type_is_415(self, clinic: ApiClinic, kind: str) -> None:
        reply = await clinic.ask("POST", WEEK, data=b"{}", headers={"Content-Type": kind})

        assert (reply.status, reply.headers["Accept"]) == (415, "application/json")

    async def test_json_says_its_charset_as_it_likes(self, clinic: ApiClinic) -> None:
        kind = "Application/JSON; charset=UTF-8"

        assert (await clinic.ask("POST", WEEK, data=b"{}", headers={"Content-Type": kind})).status == 201

    @pytest.mark.parametrize("packed", [False, True], ids=["plain", "compressed"])
    async def test_a_huge_body_is_413(self, clinic: ApiClinic, packed: bool) -> None:
        body = json.dumps({"start": "x" * 600_000}).encode()
        headers = {"Content-Type": "application/json"} | ({"Content-Encoding": "gzip"} if packed else {})

        reply = await clinic.ask("POST", WEEK, data=gzip.compress(body) if packed else body, headers=headers)

        assert reply.status == 413

    async def test_a_body_that_is_not_compressed_as_it_says_is_400(self, clinic: ApiClinic) -> None:
        headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}

        reply = await clinic.ask("POST", WEEK, data=b"{}", headers=headers)

        assert reply.status == 400

    async def test_an_empty_body_is_refused_where_one_is_needed(self, clinic: ApiClinic) -> None:
        reply = await clinic.ask(
            "POST", "/api/v1/posts/1/approve", headers={"Content-Type": "application/json"}
        )

        assert reply.status == 400


class TestFaultsOfOurs:
    async def test_a_name_sealed_with_another_key_tells_the_remedy_and_no_insides(
        self, clinic: ApiClinic
    ) -> None:
        sealed = Vault("another secret").seal("王小明", about="patient.name")
        async with clinic.database.write() as session:
            session.add(
                Patient(
                    external_userid="wm-1",
                    name_sealed=sealed,
                    first_seen_at=clinic.clock.now(),
                    updated_at=clinic.clock.now(),
                )
            )

        with structlog.testing.capture_logs() as logs:
            reply = await clinic.get("/api/v1/patients/wm-1")

        assert (reply.status, "XIAOHU_SECRET_KEY" in reply.json["detail"]) == (500, True)
        assert [entry["route"] for entry in logs] == ["/api/v1/patients/{external_userid}"]
        assert "wm-1" not in str(logs)

    async def test_a_database_that_fails_is_told_without_its_words(self, clinic: ApiClinic) -> None:
        async with clinic.database.connect() as connection:
            await connection.exec_driver_sql("ALTER TABLE posts RENAME TO lost")

        reply = await clinic.get("/api/v1/posts")

        assert (reply.status, reply.headers["Retry-After"]) == (503, "5")
        assert "lost" not in str(reply.json)
        assert "posts" not in str(reply.json)
