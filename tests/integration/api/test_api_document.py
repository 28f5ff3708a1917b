"""The OpenAPI document: whole, consistent, and about exactly the routes that exist."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web

from console.api import setup_api
from tests.support.schema_check import faults, refs, resolve

if TYPE_CHECKING:
    from tests.support.api_driver import ApiClinic

CONTRACT = {
    ("get", "/api/v1/posts"),
    ("patch", "/api/v1/posts/{id}"),
    ("post", "/api/v1/posts/{id}/approve"),
    ("post", "/api/v1/posts/{id}/reject"),
    ("post", "/api/v1/posts/{id}/cancel"),
    ("post", "/api/v1/plans/week"),
    ("get", "/api/v1/patients/{external_userid}"),
}


@pytest.fixture
def document(clinic: ApiClinic) -> dict[str, Any]:
    return clinic.document


def described(document: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    return {(m, path): op for path, methods in document["paths"].items() for m, op in methods.items()}


def operations(document: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    return {place: op for place, op in described(document).items() if place[1].startswith("/api/v1/")}


def test_every_reference_leads_to_a_schema_and_every_schema_is_used(document: dict[str, Any]) -> None:
    used = refs(document)

    assert all(isinstance(resolve(ref, document), dict) for ref in used)
    assert used == {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}


def test_every_route_is_described_and_nothing_else(document: dict[str, Any]) -> None:
    app = web.Application()
    setup_api(app)
    routes = {
        (route.method.lower(), route.resource.canonical) for route in app.router.routes() if route.resource
    }

    assert described(document).keys() == routes
    assert described(document).keys() >= CONTRACT


def test_every_operation_names_its_parameters_answers_and_errors(document: dict[str, Any]) -> None:
    for (_, path), operation in operations(document).items():
        named = {p["name"] for p in operation.get("parameters", []) if p["in"] == "path"}
        assert named == set(re.findall(r"\{(\w+)\}", path))
        assert all(p["required"] for p in operation.get("parameters", []) if p["in"] == "path")
        statuses = set(operation["responses"])
        assert {"401", "403", "422", "500", "503", "default"} < statuses
        assert statuses & {"200", "201"}
        for status, response in operation["responses"].items():
            kinds = {"application/json"} if status in {"200", "201"} else {"application/problem+json"}
            assert set(response["content"]) == kinds
            assert response["description"]
    names = [operation["operationId"] for operation in described(document).values()]
    assert len(names) == len(set(names))


def test_decisions_and_edits_state_conflicts_and_bodies(document: dict[str, Any]) -> None:
    for (method, _), operation in operations(document).items():
        assert ("requestBody" in operation) == (method not in ("get", "delete"))
    for verb in ("approve", "reject", "cancel"):
        operation = document["paths"][f"/api/v1/posts/{{id}}/{verb}"]["post"]
        assert {"400", "404", "409", "413", "415"} < set(operation["responses"])


def test_the_key_is_asked_for_everywhere_but_for_the_document(document: dict[str, Any]) -> None:
    ((name, scheme),) = document["components"]["securitySchemes"].items()

    assert document["security"] == [{name: []}]
    assert (scheme["type"], scheme["scheme"]) == ("http", "bearer")
    assert [place for place, op in described(document).items() if "security" in op] == [
        ("get", "/api/openapi.json")
    ]


def test_parameters_are_described_as_they_are_written(document: dict[str, Any]) -> None:
    parameters = {p["name"]: p for p in document["paths"]["/api/v1/posts"]["get"]["parameters"]}

    assert set(parameters) == {"state", "from", "to", "persona", "batch", "cursor", "limit"}
    assert not any(p["required"] for p in parameters.values())
    assert parameters["state"]["schema"]["type"] == "array"
    assert {kind["format"] for kind in parameters["from"]["schema"]["anyOf"]} == {"date", "date-time"}
    assert (parameters["limit"]["schema"]["default"], parameters["limit"]["schema"]["maximum"]) == (50, 200)


@pytest.mark.parametrize(
    ("body", "fits"),
    [
        pytest.param({"text": "好"}, True, id="a text"),
        pytest.param({"attachments": [{"asset": "brush-card"}]}, True, id="a card of the library"),
        pytest.param(
            {"attachments": [{"kind": "link", "title": "x", "url": "https://a.b"}]}, True, id="a link"
        ),
        pytest.param({"digest": "0" * 64}, False, id="nothing to change"),
        pytest.param({"text": None}, False, id="null"),
        pytest.param({"state": "approved"}, False, id="a field that cannot be set"),
        pytest.param({"digest": "x"}, False, id="no digest"),
    ],
)
def test_bodies_fit_the_document_as_the_api_takes_them(
    document: dict[str, Any], body: dict[str, Any], fits: bool
) -> None:
    schema = document["paths"]["/api/v1/posts/{id}"]["patch"]["requestBody"]["content"]["application/json"]

    assert (faults(body, schema["schema"], document) == []) is fits
