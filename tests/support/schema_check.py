"""Holds a JSON document to a JSON Schema: the part of 2020-12 that our OpenAPI document uses, and no other.

A keyword that is not known here is an error, so that the check never passes by not looking.
"""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import Any

NOTES = {"title", "description", "default", "format", "discriminator"}
TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "null": (type(None),),
}


def faults(  # noqa: C901, PLR0912 - a table of keywords
    value: Any, schema: dict[str, Any], document: dict[str, Any], place: str = "$"
) -> list[str]:
    """Return where and how ``value`` is not what ``schema`` says."""
    found: list[str] = []
    for keyword, rule in schema.items():
        match keyword:
            case "$ref":
                found += faults(value, resolve(rule, document), document, place)
            case "type":
                kinds = TYPES[rule]
                if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
                    found.append(f"{place}: {value!r} is not {rule}")
            case "properties" if isinstance(value, dict):
                for name in rule.keys() & value.keys():
                    found += faults(value[name], rule[name], document, f"{place}.{name}")
            case "required" if isinstance(value, dict):
                found += [f"{place}: {name} is missing" for name in rule if name not in value]
            case "additionalProperties" if isinstance(value, dict):
                extra = value.keys() - schema.get("properties", {}).keys()
                if rule is False:
                    found += [f"{place}: {name} is not described" for name in extra]
                elif isinstance(rule, dict):
                    for name in extra:
                        found += faults(value[name], rule, document, f"{place}.{name}")
            case "items" if isinstance(value, list):
                for index, item in enumerate(value):
                    found += faults(item, rule, document, f"{place}[{index}]")
            case "anyOf" | "oneOf":
                tries = [faults(value, option, document, place) for option in rule]
                if all(tries):
                    found += min(tries, key=len)
            case "enum":
                found += [] if value in rule else [f"{place}: {value!r} is none of {rule}"]
            case "const":
                found += [] if value == rule else [f"{place}: {value!r} is not {rule!r}"]
            case "pattern" if isinstance(value, str):
                found += [] if re.search(rule, value) else [f"{place}: {value!r} does not match {rule}"]
            case "maxLength" | "maxItems" if isinstance(value, str | list):
                found += [] if len(value) <= rule else [f"{place}: longer than {rule}"]
            case "minLength" | "minItems" if isinstance(value, str | list):
                found += [] if len(value) >= rule else [f"{place}: shorter than {rule}"]
            case "minimum" if isinstance(value, int):
                found += [] if value >= rule else [f"{place}: below {rule}"]
            case "maximum" if isinstance(value, int):
                found += [] if value <= rule else [f"{place}: above {rule}"]
            case _ if keyword not in KNOWN:
                raise AssertionError(f"{place}: no check for the keyword {keyword}")
    if isinstance(value, str) and schema.get("format") == "date-time":
        at = datetime.fromisoformat(value)
        found += [] if at.utcoffset() is not None else [f"{place}: {value} has no offset"]
    if isinstance(value, str) and schema.get("format") == "date":
        date.fromisoformat(value)
    return found


KNOWN = NOTES | {
    "properties",
    "required",
    "additionalProperties",
    "items",
    "pattern",
    "maxLength",
    "maxItems",
    "minLength",
    "minItems",
    "minimum",
    "maximum",
}


def resolve(ref: str, document: dict[str, Any]) -> dict[str, Any]:
    """Return what ``#/a/b/c`` points to."""
    head, *parts = ref.split("/")
    assert head == "#", ref
    found: Any = document
    for part in parts:
        found = found[part.replace("~1", "/").replace("~0", "~")]
    assert isinstance(found, dict)
    return found


def refs(node: Any) -> set[str]:
    """Return every ``$ref`` in a document."""
    if isinstance(node, list):
        return set().union(*map(refs, node))
    if isinstance(node, dict):
        own = {node["$ref"]} if isinstance(node.get("$ref"), str) else set()
        return own.union(*map(refs, node.values()))
    return set()
