"""Merges facts about the platform's operations into the catalog's records, and leaves the words there as they are.

    python scripts/import_facts.py FACTS_FOLDER [OPERATION ...]

FACTS_FOLDER holds `catalog/<area>.json` and `errors.json` (names, types, limits, enums; CONTRIBUTING.md names their
sources). Without operations named, every record already in the catalog is brought up to date. A new record arrives
without words, and the tests then ask for them.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

CATALOG_FOLDER = Path(__file__).parents[1] / "server" / "mcp_server_tiktok_shop" / "catalog"
# What only the catalog knows of an operation and of an argument.
RECORD_WORDS = ("title", "summary", "details", "hint", "keywords")
RECORD_RULES = ("takes_shop", "shows_shops", "adds_account", "caller_scope", "refused", "answers_each", "shows")
ARGUMENT_WORDS = ("x-text-as", "description", "unlisted", "given_as")
# Filled by the server on the two token calls, never by a caller.
CREDENTIAL_ARGUMENTS = {"app_key", "app_secret", "grant_type", "refresh_token"}
MAX_LINE_CHARS = 118

Json = dict[str, Any]


def merge_schema(facts: Json, words: Json) -> Json:
    """A schema's facts, at every depth with the words that the record's schema has there."""
    merged: Json = {k: v for k, v in facts.items() if k not in ("x-hint", "items", "properties", "example")}
    if not merged.get("required", True):
        del merged["required"]
    merged |= {k: words[k] for k in ARGUMENT_WORDS if k in words}
    if "x-limits-when" in words:  # limits that the sources tell in prose were laid in by hand
        merged.setdefault("x-limits-when", words["x-limits-when"])
    if "items" in facts:
        merged["items"] = merge_schema(facts["items"], words.get("items", {}))
    if "properties" in facts:
        property_words = words.get("properties", {})
        merged["properties"] = {n: merge_schema(f, property_words.get(n, {})) for n, f in facts["properties"].items()}
    return merged


def merge_record(facts: Json, words: Json) -> Json:
    """The record of one operation: words first, then how it is called, then its arguments side by side.

    `words` is the record as it is now, or `{}` for a new one.
    """
    merged: Json = {k: words.get(k, "") for k in RECORD_WORDS if k in ("title", "summary") or k in words}
    merged |= {k: facts[k] for k in ("method", "path")}
    merged |= {"host": "auth"} if facts.get("host") == "auth" else {}
    # What an operation does to a shop was judged one by one: the record's judgement stays.
    merged |= {key: words.get(key, facts[key]) for key in ("effect", "asks")}
    merged |= {"cipher": facts["shop_cipher"]}
    optional = {
        "other_cipher": facts["other_cipher"],
        "multipart": facts["content_type"] == "multipart",
        "paging": (facts["paging"] or {}).get("in"),
        "scope": facts["scope"],
        "regions": facts["regions"],
        "superseded_by": facts["superseded_by"],
        "replaces": facts["older_versions"],
        **{rule: words.get(rule) for rule in RECORD_RULES},
    }
    merged |= {key: value for key, value in optional.items() if value}
    merged["arguments"] = merge_arguments(facts, words.get("arguments", {}))
    required_names = get_required_names(facts)
    merged["required"] = list(dict.fromkeys(name for name in required_names if name in merged["arguments"]))
    return merged


def merge_arguments(facts: Json, words: Json) -> Json:
    """Path, query and body fields side by side, each with its location; one that stands in two is one argument."""
    merged: Json = {}
    for location, name, field in iter_fields(facts):
        if facts.get("host") == "auth" and name in CREDENTIAL_ARGUMENTS:
            continue
        if name in merged:
            merged[name]["in"] = [merged[name]["in"], location]
        else:
            merged[name] = {"in": location} | merge_schema(field, words.get(name, {}))
    return merged


def iter_fields(facts: Json) -> Iterator[tuple[str, str, Json]]:
    """The fields of path, query and body in turn: location, name, schema."""
    body_fields = (facts["body"] or {}).get("properties", {})
    for location, fields in (("path", facts["path_params"]), ("query", facts["query"]), ("body", body_fields)):
        yield from ((location, name, field) for name, field in fields.items())


def get_required_names(facts: Json) -> list[str]:
    """The names of the required fields, those of the body last."""
    return [*facts["required"], *(facts["body"] or {}).get("required", [])]


def extract_shape(facts: Json) -> Json:
    """A response's shape: types, units and enums, and the examples that the simulated shop answers from."""
    shape: Json = {k: v for k, v in facts.items() if k not in ("x-hint", "items", "properties")}
    if "items" in facts:
        shape["items"] = extract_shape(facts["items"])
    if "properties" in facts:
        shape["properties"] = {n: extract_shape(f) for n, f in facts["properties"].items()}
    return shape


def read_json(path: Path) -> Json:
    """The JSON object in a file; `{}` where there is no file."""
    data: Json = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return data


def format_json(value: Any, indent: str = "", prefix_chars: int = 0) -> str:
    """JSON for people: what fits a line stands on one, the rest is broken one level down.

    `prefix_chars` are those that stand before the value on its first line, after the indent.
    """
    line = json.dumps(value, ensure_ascii=False)
    if not value or not isinstance(value, dict | list) or len(indent) + prefix_chars + len(line) <= MAX_LINE_CHARS:
        return line
    inner_indent = indent + " "
    if isinstance(value, dict):
        keys = {name: f"{json.dumps(name, ensure_ascii=False)}: " for name in value}
        lines = [keys[name] + format_json(inner, inner_indent, len(keys[name])) for name, inner in value.items()]
        return "{\n" + ",\n".join(inner_indent + line for line in lines) + f"\n{indent}}}"
    return "[\n" + ",\n".join(inner_indent + format_json(item, inner_indent) for item in value) + f"\n{indent}]"


def write_json(path: Path, data: Json) -> None:
    """Put the whole file in place at once: a server or a test may be reading it."""
    temporary_file = path.with_suffix(".new")
    temporary_file.write_text(format_json(data) + "\n", encoding="utf-8")
    temporary_file.replace(path)


def main(folder: Path, selected_names: set[str]) -> None:
    for source in sorted((folder / "catalog").glob("*.json")):
        area, facts = source.stem, read_json(source)
        records_file = CATALOG_FOLDER / "areas" / f"{area}.json"
        shapes_file = CATALOG_FOLDER / "responses" / f"{area}.json"
        records, shapes = read_json(records_file), read_json(shapes_file)
        names = [name for name in facts if name in selected_names or (not selected_names and name in records)]
        for name in names:
            records[name] = merge_record(facts[name], records.get(name, {}))
            shapes[name] = extract_shape(facts[name]["response"])
        if names:
            order = {name: index for index, name in enumerate(facts)}
            records = dict(sorted(records.items(), key=lambda item: order.get(item[0], len(order))))
            write_json(records_file, records)
            write_json(shapes_file, shapes)
            print(f"{area}: {len(names)}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), set(sys.argv[2:]))
