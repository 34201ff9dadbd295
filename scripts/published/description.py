"""Reads an unpacked package of the platform, and extracts facts from each operation of its OpenAPI documents."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import tarfile
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from scripts.published import prose

if TYPE_CHECKING:
    from pathlib import Path

NPM_PACKAGE = "@tts-open-toolkit/cli"
HTTP_METHODS = ("get", "post", "put", "patch", "delete")
# Filled by the server on every call, never by a caller.
SERVER_PARAMETERS = {
    "app_key",
    "timestamp",
    "sign",
    "shop_cipher",
    "category_asset_cipher",
    "shop_id",
    "version",
    "access_token",
}
SCHEMA_KEYWORDS = (
    "enum",
    "minItems",
    "maxItems",
    "minLength",
    "maxLength",
    "minimum",
    "maximum",
    "default",
    "deprecated",
)

Json = dict[str, Any]


class DescriptionError(Exception):
    """The package can't be fetched, or has no description of operations."""


@dataclass(frozen=True)
class Address:
    """Method and path, and what of them stays when the platform publishes the next version."""

    method: str
    path: str

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    @cached_property
    def family(self) -> str:
        plain = re.sub(r"/\d{6}(?=/|$)", "/*", self.path, count=1)
        plain = re.sub(r"(?<=/\*)/(beta|preview)(?=/)", "", plain)
        return f"{self.method} {re.sub(r'{[^}]*}', '{}', plain)}"

    @cached_property
    def version(self) -> tuple[str, int]:
        match = re.search(r"/(\d{6})(/preview|/beta)?(?=/|$)", self.path)
        stage = ("/preview", "/beta", None).index(match[2]) if match else 0
        return (match[1] if match else "", stage)


@dataclass(frozen=True)
class PublishedOperation:
    """One operation: facts as `import_facts` merges them; texts stand under `x-hint`, which it leaves out."""

    address: Address
    title: str
    facts: Json
    has_required_lists: bool  # whether its body says of any field that it is required
    digest: str  # of all it says, to see that something was reworded


@dataclass(frozen=True)
class Description:
    """One version of the description, with its operations by address."""

    version: str
    operations: dict[str, PublishedOperation]


def fetch_package(folder: Path) -> Path:
    """Fetch the newest package with the user's own npm, and unpack it below the folder.

    Raises:
        DescriptionError: There is no npm, or it could not fetch the package.

    """
    npm = shutil.which("npm")
    if npm is None:
        raise DescriptionError("npm is needed to fetch the package; or give the folder of an unpacked one")
    command = [npm, "pack", "--silent", NPM_PACKAGE]
    completed = subprocess.run(command, cwd=folder, check=False, capture_output=True, text=True)  # noqa: S603 all of it ours
    archives = list(folder.glob("*.tgz"))
    if completed.returncode or not archives:
        raise DescriptionError(f"npm could not fetch {NPM_PACKAGE}: {completed.stderr.strip() or completed.returncode}")
    with tarfile.open(archives[0]) as archive:
        archive.extractall(folder, filter="data")
    return folder / "package"


def read_description(folder: Path) -> Description:
    """Read all operations of all OpenAPI documents below the folder, wherever they stand in the package.

    Raises:
        DescriptionError: There is no folder, no document with operations, or one that is no JSON.

    """
    if not folder.is_dir():
        raise DescriptionError(f"{folder} is not a folder")
    operations: dict[str, PublishedOperation] = {}
    for path in sorted(folder.rglob("*.json")):
        document = _read_document(path)
        for place, item in document.get("paths", {}).items():
            shared = item.get("parameters", [])
            for method in HTTP_METHODS:
                if method in item:
                    published = _extract_operation(Address(method.upper(), place), item[method], shared, document)
                    operations[str(published.address)] = published
    if not operations:
        raise DescriptionError(f"{folder} holds no OpenAPI document with operations")
    return Description(_read_version(folder), operations)


def _read_document(path: Path) -> Json:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DescriptionError(f"{path} is not readable as JSON: {error}") from error
    return data if isinstance(data, dict) and "openapi" in data and isinstance(data.get("paths"), dict) else {}


def _read_version(folder: Path) -> str:
    try:
        return str(json.loads((folder / "package.json").read_text(encoding="utf-8"))["version"])
    except (OSError, ValueError, KeyError):
        return "unknown"


def _extract_operation(address: Address, node: Json, shared: list[Json], document: Json) -> PublishedOperation:
    parameters = [_resolve_reference(parameter, document) for parameter in [*shared, *node.get("parameters", [])]]
    names = {parameter["name"] for parameter in parameters}
    content_type, body = _extract_body(node, document)
    caller_parameters = [
        p for p in parameters if p.get("in") in ("path", "query") and p["name"] not in SERVER_PARAMETERS
    ]
    facts: Json = {
        "method": address.method,
        "path": address.path,
        "shop_cipher": "required" if "shop_cipher" in names else "never",
        "other_cipher": "category_asset_cipher" if "category_asset_cipher" in names else None,
        "content_type": content_type,
        "path_params": {p["name"]: _extract_parameter(p, document) for p in caller_parameters if p["in"] == "path"},
        "query": {p["name"]: _extract_parameter(p, document) for p in caller_parameters if p["in"] == "query"},
        "required": [p["name"] for p in caller_parameters if p.get("required") or p["in"] == "path"],
        "body": body,
        "response": _extract_response(node, document),
    }
    digest_source = json.dumps([parameters, node.get("requestBody"), node.get("deprecated")], sort_keys=True)
    return PublishedOperation(
        address=address,
        title=str(node.get("operationId") or node.get("summary") or ""),
        facts=facts,
        has_required_lists=_has_required_lists(body),
        digest=hashlib.sha256(digest_source.encode()).hexdigest()[:12],
    )


def _extract_parameter(parameter: Json, document: Json) -> Json:
    return extract_schema(parameter.get("schema", {}), document, str(parameter.get("description", "")))


def _extract_body(node: Json, document: Json) -> tuple[str | None, Json | None]:
    content = _resolve_reference(node.get("requestBody", {}), document).get("content", {})
    for content_type, body in content.items():
        facts = extract_schema(body.get("schema", {}), document)
        fields = {
            name: field
            for name, field in facts.get("properties", {}).items()
            if name not in SERVER_PARAMETERS - {"version"}
        }
        return ("multipart" if "multipart" in content_type else "json"), facts | {"properties": fields}
    return None, None


def _extract_response(node: Json, document: Json) -> Json:
    """The shape of `data`, as far as it is described."""
    response = _resolve_reference(node.get("responses", {}).get("200", {}), document)
    for body in response.get("content", {}).values():
        envelope = extract_schema(body.get("schema", {}), document)
        data: Json = envelope.get("properties", {}).get("data", {})
        return data or {"type": "object"}
    return {"type": "object"}


def extract_schema(node: Json, document: Json, text: str = "", visited_refs: tuple[str, ...] = ()) -> Json:
    """Extract a schema's facts, those in its text included; `text` is what stands beside the schema.

    `visited_refs` are the references on the way to it: a schema within itself becomes a plain object.
    """
    if "$ref" in node:
        if node["$ref"] in visited_refs:
            return {"type": "object"}
        return extract_schema(_resolve_reference(node, document), document, text, (*visited_refs, node["$ref"]))
    node = _merge_subschemas(node, document)
    full_text = "\n".join(filter(None, (text, str(node.get("description", "")))))
    kind = _detect_type(node)
    facts: Json = {"type": kind, "x-hint": full_text}
    facts |= {"x-unit": unit} if (unit := _detect_unit(node, full_text, kind)) else {}
    facts |= prose.extract_limits(full_text, kind) | (
        {"enum": enum_values} if (enum_values := prose.extract_values(full_text, kind)) else {}
    )
    facts |= {keyword: node[keyword] for keyword in SCHEMA_KEYWORDS if keyword in node}
    if kind == "array":
        facts["items"] = _extract_items(node, full_text, document, visited_refs)
    if "properties" in node:
        facts["properties"] = {n: extract_schema(f, document, "", visited_refs) for n, f in node["properties"].items()}
        facts |= {"required": node["required"]} if node.get("required") else {}
    return facts


def _merge_subschemas(node: Json, document: Json) -> Json:
    """Merge the schemas of an `allOf` into one."""
    subschemas = [_merge_subschemas(_resolve_reference(each, document), document) for each in node.get("allOf", [])]
    for subschema in subschemas:
        fields = subschema.get("properties", {}) | node.get("properties", {})
        node = subschema | node | ({"properties": fields} if fields else {})
    return node


def _extract_items(node: Json, text: str, document: Json, visited_refs: tuple[str, ...]) -> Json:
    """Extract the facts of a list's items: the values that the list's text names are theirs."""
    items = extract_schema(node.get("items", {}), document, "", visited_refs)
    if "enum" not in items and (enum_values := prose.extract_values(text, items["type"])):
        items["enum"] = enum_values
    return items | {"x-hint": f"{items['x-hint']}\n{text}"}


def _detect_type(node: Json) -> str:
    kind = node.get("type")
    if isinstance(kind, list):
        kind = next((each for each in kind if each != "null"), None)
    return str(kind or ("object" if "properties" in node else "array" if "items" in node else "string"))


def _detect_unit(node: Json, text: str, kind: str) -> str | None:
    return "binary" if node.get("format") == "binary" else prose.detect_unit(text, kind)


def _has_required_lists(facts: Json | None) -> bool:
    if not facts:
        return False
    inner = [*facts.get("properties", {}).values(), facts.get("items")]
    return bool(facts.get("required")) or any(_has_required_lists(each) for each in inner)


def _resolve_reference(node: Json, document: Json) -> Json:
    """The node itself, or what its reference within the document names."""
    while "$ref" in node:
        target: Any = document
        for step in str(node["$ref"]).removeprefix("#/").split("/"):
            target = target.get(step.replace("~1", "/"), {}) if isinstance(target, dict) else {}
        node = target if isinstance(target, dict) else {}
    return node
