"""Which API each method of the client reaches, read out of its code."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TypeGuard

from wecom.sandbox.api import ENDPOINTS

ROOT = Path(__file__).resolve().parents[2]
_DOC = re.compile(r"\bdoc\s+(\d{5})")
_FIRST = re.compile(r"(.+?[.;:])(\s|$)", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One API as one method of the client reaches it."""

    group: str
    method: str
    http: str
    path: str
    in_sandbox: bool
    doc: str
    promise: str

    @property
    def call(self) -> str:
        return f"`{self.group}.{self.method}`"


def rows() -> list[Row]:
    """Return all APIs of the client, in the order of its attributes."""
    served = {(endpoint.method, endpoint.path) for endpoint in ENDPOINTS}
    modules = [ast.parse(path.read_text()) for path in sorted((ROOT / "wecom" / "api").glob("*.py"))]
    classes = {
        node.name: (node, _endpoints(module))
        for module in modules
        for node in module.body
        if isinstance(node, ast.ClassDef)
    }
    found: list[Row] = []
    for group, class_name in _groups().items():
        class_, endpoints = classes[class_name]
        for name, method in _methods(class_).items():
            if name.startswith("_"):
                continue
            doc = ast.get_docstring(method) or ""
            for http, path in _reached(method, _methods(class_), endpoints):
                found.append(
                    Row(
                        group=group,
                        method=name,
                        http=http,
                        path=path,
                        in_sandbox=(http, path) in served,
                        doc=(number[1] if (number := _DOC.search(doc)) else ""),
                        promise=_promise(doc),
                    )
                )
    return found


def _groups() -> dict[str, str]:
    """The client's attributes and their classes."""
    tree = ast.parse((ROOT / "wecom" / "client.py").read_text())
    return {
        node.targets[0].attr: node.value.func.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Attribute)
        and isinstance(node.value, ast.Call)
        and isinstance(node.value.func, ast.Name)
        and node.value.func.id != "Transport"
    }


def _endpoints(module: ast.Module) -> dict[str, tuple[str, str]]:
    """The module's constants that are endpoints: name to (HTTP method, path)."""
    found = {}
    for node in module.body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call):
            given = {
                word.arg: word.value.value
                for word in node.value.keywords
                if isinstance(word.value, ast.Constant)
            }
            if getattr(node.value.func, "id", "") == "Endpoint":
                found[node.targets[0].id] = (given.get("method", "POST"), given["path"])  # type: ignore[attr-defined]
    return found


def _methods(class_: ast.ClassDef) -> dict[str, ast.AsyncFunctionDef]:
    return {node.name: node for node in class_.body if isinstance(node, ast.AsyncFunctionDef)}


def _reached(
    method: ast.AsyncFunctionDef,
    methods: dict[str, ast.AsyncFunctionDef],
    endpoints: dict[str, tuple[str, str]],
) -> list[tuple[str, str]]:
    """The endpoints a method names, itself or through the private methods it calls."""
    found: dict[tuple[str, str], None] = {}
    for node in ast.walk(method):
        if isinstance(node, ast.Name) and node.id in endpoints:
            found[endpoints[node.id]] = None
        elif _is_own(node) and node.attr in methods.keys() - {method.name}:
            found |= dict.fromkeys(_reached(methods[node.attr], methods, endpoints))
    return list(found)


def _is_own(node: ast.AST) -> TypeGuard[ast.Attribute]:
    """Tell whether a node reads something of ``self``: a dict's ``get`` is no method of ours."""
    return isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "self"


def _promise(doc: str) -> str:
    text = " ".join(doc.partition("\n\n")[0].split())
    first = _FIRST.match(text)
    sentence = re.sub(r"\s*\(doc[^)]*\)", "", first[1] if first else text)
    return sentence.rstrip(".;:").replace("|", "\\|").replace("``", "`")
