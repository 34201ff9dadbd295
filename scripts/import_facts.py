"""Lay facts about the platform's operations into the catalog's records, leaving our words where they are.

    python scripts/import_facts.py FACTS_FOLDER [OPERATION ...]

FACTS_FOLDER holds `catalog/<area>.json` and `errors.json` (names, types, limits, enums; CONTRIBUTING.md names their
sources). Without operations named, every record already in the catalog is brought up to date. A new record arrives
without words, and the tests then ask for them.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

CATALOG_FOLDER = Path(__file__).parents[1] / "server" / "mcp_server_tiktok_shop" / "catalog"
RECORD_WORDS = ("title", "summary", "details", "keywords")
RECORD_RULES = ("takes_shop", "shows_shops", "refused", "answers_each", "shows")
ARGUMENT_WORDS = ("x-text-as", "description", "unlisted", "given_as")
# Filled by the server on the two token calls, never by a caller.
CREDENTIAL_ARGUMENTS = {"app_key", "app_secret", "grant_type", "refresh_token"}
MAX_LINE_CHARS = 118

Json = dict[str, Any]


def merge_schema(facts: Json, words: Json) -> Json:
    """A schema's facts with the words that the record already holds at the same place."""
    merged: Json = {k: v for k, v in facts.items() if k not in ("x-hint", "items", "properties", "example")}
    if not merged.get("required", True):
        del merged["required"]
    merged |= {k: words[k] for k in ARGUMENT_WORDS if k in words}
    if "items" in facts:
        merged["items"] = merge_schema(facts["items"], words.get("items", {}))
    if "properties" in facts:
        property_words = words.get("properties", {})
        merged["properties"] = {n: merge_schema(f, property_words.get(n, {})) for n, f in facts["properties"].items()}
    return merged


def merge_record(facts: Json, words: Json) -> Json:
    """One operation: words first, then how it is called, then its arguments side by side."""
    merged: Json = {k: words.get(k, "") for k in RECORD_WORDS if k in ("title", "summary") or k in words}
    merged |= {k: facts[k] for k in ("method", "path")}
    merged |= {"host": "auth"} if facts.get("host") == "auth" else {}
    # What an operation does to a shop was judged one by one: a judgement made here stands.
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
    required = [*facts["required"], *(facts["body"] or {}).get("required", [])]
    merged["required"] = list(dict.fromkeys(name for name in required if name in merged["arguments"]))
    return merged


def merge_arguments(facts: Json, words: Json) -> Json:
    """Path, query and body fields side by side, each with its place; one that stands in two is one argument."""
    merged: Json = {}
    places = {
        "path": facts["path_params"],
        "query": facts["query"],
        "body": (facts["body"] or {}).get("properties", {}),
    }
    for place, fields in places.items():
        for name, field in fields.items():
            if facts.get("host") == "auth" and name in CREDENTIAL_ARGUMENTS:
                continue
            if name in merged:
                merged[name]["in"] = [merged[name]["in"], place]
            else:
                merged[name] = {"in": place} | merge_schema(field, words.get(name, {}))
    return merged


def extract_shape(facts: Json) -> Json:
    """An answer's shape: types, units and enums, and the examples that the simulated shop answers from."""
    outline: Json = {k: v for k, v in facts.items() if k not in ("x-hint", "items", "properties")}
    if "items" in facts:
        outline["items"] = extract_shape(facts["items"])
    if "properties" in facts:
        outline["properties"] = {n: extract_shape(f) for n, f in facts["properties"].items()}
    return outline


def read_json(path: Path) -> Json:
    data: Json = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return data


def format_json(value: Any, indent: str = "", used: int = 0) -> str:
    """JSON for people: what fits a line stands on one, the rest is broken one level down."""
    line = json.dumps(value, ensure_ascii=False)
    if not value or not isinstance(value, dict | list) or len(indent) + used + len(line) <= MAX_LINE_CHARS:
        return line
    inner = indent + " "
    if isinstance(value, dict):
        names = {name: json.dumps(name, ensure_ascii=False) for name in value}
        parts = [f"{names[name]}: {format_json(v, inner, len(names[name]) + 2)}" for name, v in value.items()]
        return "{\n" + ",\n".join(inner + part for part in parts) + f"\n{indent}}}"
    return "[\n" + ",\n".join(inner + format_json(v, inner) for v in value) + f"\n{indent}]"


def write_json(path: Path, data: Json) -> None:
    """Put the whole file in place at once: a server or a test may be reading it."""
    new = path.with_suffix(".new")
    new.write_text(format_json(data) + "\n", encoding="utf-8")
    new.replace(path)


def main(folder: Path, selected: set[str]) -> None:
    for source in sorted((folder / "catalog").glob("*.json")):
        area, facts = source.stem, read_json(source)
        records, answers = (
            read_json(CATALOG_FOLDER / "areas" / f"{area}.json"),
            read_json(CATALOG_FOLDER / "responses" / f"{area}.json"),
        )
        names = [name for name in facts if name in selected or (not selected and name in records)]
        for name in names:
            records[name] = merge_record(facts[name], records.get(name, {}))
            answers[name] = extract_shape(facts[name]["response"])
        if names:
            order = {name: place for place, name in enumerate(facts)}
            records = dict(sorted(records.items(), key=lambda item: order.get(item[0], len(order))))
            write_json(CATALOG_FOLDER / "areas" / f"{area}.json", records)
            write_json(CATALOG_FOLDER / "responses" / f"{area}.json", answers)
            print(f"{area}: {len(names)}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), set(sys.argv[2:]))
