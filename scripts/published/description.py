"""Opens an unpacked package of the platform and reads each operation of its OpenAPI documents into facts."""

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

from scripts.published import wording

if TYPE_CHECKING:
    from pathlib import Path

PACKAGE = "@tts-open-toolkit/cli"
METHODS = ("get", "post", "put", "patch", "delete")
# Filled by the server on every call, never by a caller.
OURS = {"app_key", "timestamp", "sign", "shop_cipher", "category_asset_cipher", "shop_id", "version", "access_token"}
KEYWORDS = ("enum", "minItems", "maxItems", "minLength", "maxLength", "minimum", "maximum", "default", "deprecated")

Json = dict[str, Any]


class UnreadableError(Exception):
    """The package can't be had, or holds no description of operations."""


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
        found = re.search(r"/(\d{6})(/preview|/beta)?(?=/|$)", self.path)
        stage = ("/preview", "/beta", None).index(found[2]) if found else 0
        return (found[1] if found else "", stage)


@dataclass(frozen=True)
class Published:
    """One operation: facts as `import_facts` lays them; texts stand under `x-hint`, which is never laid."""

    address: Address
    title: str
    facts: Json
    says_required: bool  # whether its body tells at all which fields it needs
    digest: str  # of all it says, to see that something was reworded


@dataclass(frozen=True)
class Description:
    version: str
    operations: dict[str, Published]


def fetch(into: Path) -> Path:
    """The package as the user's own npm gives it, unpacked."""
    npm = shutil.which("npm")
    if npm is None:
        raise UnreadableError("npm is needed to fetch the package; or give the folder of an unpacked one")
    command = [npm, "pack", "--silent", PACKAGE]
    packed = subprocess.run(command, cwd=into, check=False, capture_output=True, text=True)  # noqa: S603 all of it ours
    archives = list(into.glob("*.tgz"))
    if packed.returncode or not archives:
        raise UnreadableError(f"npm could not fetch {PACKAGE}: {packed.stderr.strip() or packed.returncode}")
    with tarfile.open(archives[0]) as archive:
        archive.extractall(into, filter="data")
    return into / "package"


def read(folder: Path) -> Description:
    """All operations of all OpenAPI documents below the folder, wherever the package keeps them."""
    if not folder.is_dir():
        raise UnreadableError(f"{folder} is not a folder")
    operations: dict[str, Published] = {}
    for path in sorted(folder.rglob("*.json")):
        document = _document(path)
        for place, item in document.get("paths", {}).items():
            shared = item.get("parameters", [])
            for method in METHODS:
                if method in item:
                    published = _operation(Address(method.upper(), place), item[method], shared, document)
                    operations[str(published.address)] = published
    if not operations:
        raise UnreadableError(f"{folder} holds no OpenAPI document with operations")
    return Description(_version(folder), operations)


def _document(path: Path) -> Json:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UnreadableError(f"{path} is not readable as JSON: {error}") from error
    return data if isinstance(data, dict) and "openapi" in data and isinstance(data.get("paths"), dict) else {}


def _version(folder: Path) -> str:
    try:
        return str(json.loads((folder / "package.json").read_text(encoding="utf-8"))["version"])
    except (OSError, ValueError, KeyError):
        return "unknown"


def _operation(address: Address, said: Json, shared: list[Json], document: Json) -> Published:
    parameters = [_resolved(parameter, document) for parameter in [*shared, *said.get("parameters", [])]]
    names = {parameter["name"] for parameter in parameters}
    content_type, body = _body(said, document)
    placed = [p for p in parameters if p.get("in") in ("path", "query") and p["name"] not in OURS]
    facts: Json = {
        "method": address.method,
        "path": address.path,
        "shop_cipher": "required" if "shop_cipher" in names else "never",
        "other_cipher": "category_asset_cipher" if "category_asset_cipher" in names else None,
        "content_type": content_type,
        "path_params": {p["name"]: _parameter(p, document) for p in placed if p["in"] == "path"},
        "query": {p["name"]: _parameter(p, document) for p in placed if p["in"] == "query"},
        "required": [p["name"] for p in placed if p.get("required") or p["in"] == "path"],
        "body": body,
        "response": _answer(said, document),
    }
    told = json.dumps([parameters, said.get("requestBody"), said.get("deprecated")], sort_keys=True)
    return Published(
        address=address,
        title=str(said.get("operationId") or said.get("summary") or ""),
        facts=facts,
        says_required=_says_required(body),
        digest=hashlib.sha256(told.encode()).hexdigest()[:12],
    )


def _parameter(parameter: Json, document: Json) -> Json:
    return schema(parameter.get("schema", {}), document, str(parameter.get("description", "")))


def _body(said: Json, document: Json) -> tuple[str | None, Json | None]:
    content = _resolved(said.get("requestBody", {}), document).get("content", {})
    for content_type, body in content.items():
        facts = schema(body.get("schema", {}), document)
        kept = {name: field for name, field in facts.get("properties", {}).items() if name not in OURS - {"version"}}
        return ("multipart" if "multipart" in content_type else "json"), facts | {"properties": kept}
    return None, None


def _answer(said: Json, document: Json) -> Json:
    """The shape of `data`, as far as the description tells."""
    answer = _resolved(said.get("responses", {}).get("200", {}), document)
    for body in answer.get("content", {}).values():
        envelope = schema(body.get("schema", {}), document)
        data: Json = envelope.get("properties", {}).get("data", {})
        return data or {"type": "object"}
    return {"type": "object"}


def schema(node: Json, document: Json, text: str = "", seen: tuple[str, ...] = ()) -> Json:
    """A schema's facts, those in its text included, whichever way the description writes them."""
    if "$ref" in node:
        if node["$ref"] in seen:
            return {"type": "object"}
        return schema(_resolved(node, document), document, text, (*seen, node["$ref"]))
    node = _joined(node, document)
    told = "\n".join(filter(None, (text, str(node.get("description", "")))))
    kind = _type(node)
    made: Json = {"type": kind, "x-hint": told}
    made |= {"x-unit": unit} if (unit := _unit(node, told, kind)) else {}
    made |= wording.limits(told, kind) | ({"enum": found} if (found := wording.values(told, kind)) else {})
    made |= {keyword: node[keyword] for keyword in KEYWORDS if keyword in node}
    if kind == "array":
        made["items"] = _items(node, told, document, seen)
    if "properties" in node:
        made["properties"] = {n: schema(f, document, "", seen) for n, f in node["properties"].items()}
        made |= {"required": node["required"]} if node.get("required") else {}
    return made


def _joined(node: Json, document: Json) -> Json:
    """All parts of an `allOf` as one schema."""
    parts = [_joined(_resolved(part, document), document) for part in node.get("allOf", [])]
    for part in parts:
        fields = part.get("properties", {}) | node.get("properties", {})
        node = part | node | ({"properties": fields} if fields else {})
    return node


def _items(node: Json, told: str, document: Json, seen: tuple[str, ...]) -> Json:
    """The values that the text of a list names are those of its items."""
    items = schema(node.get("items", {}), document, "", seen)
    if "enum" not in items and (found := wording.values(told, items["type"])):
        items["enum"] = found
    return items | {"x-hint": f"{items['x-hint']}\n{told}"}


def _type(node: Json) -> str:
    kind = node.get("type")
    if isinstance(kind, list):
        kind = next((each for each in kind if each != "null"), None)
    return str(kind or ("object" if "properties" in node else "array" if "items" in node else "string"))


def _unit(node: Json, told: str, kind: str) -> str | None:
    return "binary" if node.get("format") == "binary" else wording.unit(told, kind)


def _says_required(facts: Json | None) -> bool:
    if not facts:
        return False
    inner = [*facts.get("properties", {}).values(), facts.get("items")]
    return bool(facts.get("required")) or any(_says_required(each) for each in inner)


def _resolved(node: Json, document: Json) -> Json:
    """The node itself, or what its reference within the document names."""
    while "$ref" in node:
        target: Any = document
        for step in str(node["$ref"]).removeprefix("#/").split("/"):
            target = target.get(step.replace("~1", "/"), {}) if isinstance(target, dict) else {}
        node = target if isinstance(target, dict) else {}
    return node
