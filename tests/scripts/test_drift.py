"""Drift between a published description and the catalog: each kind found once, facts laid, words left alone."""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from scripts.import_facts import write_json
from scripts.published import prose

from scripts import drift

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

Json = dict[str, Any]

SEARCH, UPDATE, CANCEL = "/parcel/202401/parcels", "/parcel/202401/parcels/{parcel_id}", "/parcel/202401/parcels/cancel"
OURS_ALONE = "/parcel/202605/insurances"

RECORDS: Json = {
    "search_parcels": {
        "title": "Search parcels",
        "summary": "Finds parcels by state.",
        "keywords": "box",
        "method": "GET",
        "path": SEARCH,
        "effect": "read",
        "asks": False,
        "cipher": "required",
        "required": ["page_size"],
        "arguments": {
            "page_size": {"in": "query", "type": "integer", "minimum": 1, "maximum": 50, "description": "how many"},
            "state": {"in": "query", "type": "string", "enum": ["OPEN", "SENT"], "description": "where it is"},
            "tag": {"in": "query", "type": "string", "unlisted": True},
        },
    },
    "update_parcel": {
        "title": "Change a parcel",
        "summary": "Changes what is in a parcel.",
        "details": "Only before it is sent.",
        "keywords": "edit",
        "method": "PUT",
        "path": UPDATE,
        "effect": "destructive",
        "asks": True,
        "cipher": "required",
        "required": ["parcel_id"],
        "arguments": {
            "parcel_id": {"in": "path", "type": "string"},
            "items": {
                "in": "body",
                "type": "array",
                "maxItems": 20,
                "description": "what is in it",
                "items": {
                    "type": "object",
                    "properties": {
                        "sku_id": {"type": "string", "description": "from a listing"},
                        "quantity": {"type": "integer"},
                    },
                },
            },
        },
    },
    "insure_parcel": {
        "title": "Insure a parcel",
        "summary": "Known from another source.",
        "keywords": "cover",
        "method": "POST",
        "path": OURS_ALONE,
        "effect": "destructive",
        "asks": True,
        "cipher": "required",
        "required": [],
        "arguments": {},
    },
}
ANSWERS: Json = {
    "search_parcels": {"type": "object", "properties": {"parcels": {"type": "array", "items": {"type": "string"}}}}
}


def parameter(name: str, kind: str = "string", text: str = "", *, place: str = "query", needed: bool = False) -> Json:
    return {"name": name, "in": place, "required": needed, "description": text, "schema": {"type": kind}}


def answer(fields: Json) -> Json:
    envelope = {"properties": {"code": {"type": "integer"}, "data": {"properties": fields}}}
    return {"200": {"content": {"application/json": {"schema": envelope}}}}


PATHS: Json = {
    SEARCH: {
        "get": {
            "summary": "SearchParcels",
            "parameters": [
                parameter("page_size", "integer", "How many. Valid range: [1-50].", needed=True),
                parameter("state", text="Where it is. Possible values:\n- `OPEN`: packed\n- `SENT`: handed over"),
                parameter("tag"),
                parameter("shop_cipher"),
            ],
            "responses": answer({"parcels": {"type": "array", "items": {"type": "string"}}}),
        }
    },
    UPDATE: {
        "put": {
            "summary": "UpdateParcel",
            "parameters": [parameter("parcel_id", place="path", needed=True), parameter("shop_cipher")],
            "requestBody": {
                "content": {
                    "application/json": {
                        "schema": {
                            "properties": {
                                "items": {
                                    "type": "array",
                                    "description": "What is in it.\nMax count: 20",
                                    "items": {
                                        "type": "object",
                                        "properties": {"sku_id": {"type": "string"}, "quantity": {"type": "integer"}},
                                    },
                                }
                            }
                        }
                    }
                }
            },
            "responses": {},
        }
    },
}
NEW: Json = {
    "post": {
        "summary": "CancelParcels",
        "parameters": [parameter("shop_cipher")],
        "requestBody": {
            "content": {
                "application/json": {
                    "schema": {
                        "required": ["parcel_ids"],
                        "properties": {
                            "parcel_ids": {"type": "array", "description": "Max count: 5", "items": {"type": "string"}},
                            "reason": {"type": "string", "description": "Possible values: LATE, LOST"},
                        },
                    }
                }
            }
        },
        "responses": answer({"cancelled": {"type": "boolean"}}),
    }
}


@dataclass
class Workshop:
    """A catalog, a package and what was settled, in a folder of their own."""

    folder: Path

    @property
    def areas(self) -> Path:
        return self.folder / "catalog" / "areas" / "parcels.json"

    @property
    def answers(self) -> Path:
        return self.folder / "catalog" / "responses" / "parcels.json"

    @property
    def records(self) -> Json:
        records: Json = json.loads(self.areas.read_text(encoding="utf-8"))
        return records

    def publish(self, paths: Json, version: str = "1.0.0") -> None:
        package = self.folder / "package"
        (package / "oas").mkdir(parents=True, exist_ok=True)
        (package / "package.json").write_text(json.dumps({"version": version}), encoding="utf-8")
        (package / "oas" / "index.json").write_text('{"openapi": "3.0.0", "modules": []}', encoding="utf-8")
        document = {"openapi": "3.0.0", "paths": paths}
        (package / "oas" / "parcel.json").write_text(json.dumps(document), encoding="utf-8")

    def run(self, *flags: str) -> int:
        places = ["--catalog", str(self.folder / "catalog"), "--settled", str(self.folder / "settled.json")]
        return drift.main([str(self.folder / "package"), *places, "--json", str(self.folder / "out.json"), *flags])

    def found(self, *flags: str) -> list[tuple[str, str, str]]:
        self.run(*flags)
        told = json.loads((self.folder / "out.json").read_text(encoding="utf-8"))
        return [(each["kind"], each["operation"], each["place"]) for each in told["differences"]]


@pytest.fixture
def workshop(tmp_path: Path) -> Workshop:
    made = Workshop(tmp_path)
    for path, data in ((made.areas, RECORDS), (made.answers, ANSWERS)):
        path.parent.mkdir(parents=True)
        write_json(path, data)
    made.publish(PATHS)
    return made


def search(paths: Json) -> list[Json]:
    parameters: list[Json] = paths[SEARCH]["get"]["parameters"]
    return parameters


def body(paths: Json) -> Json:
    schema: Json = paths[UPDATE]["put"]["requestBody"]["content"]["application/json"]["schema"]
    return schema


def item(paths: Json) -> Json:
    fields: Json = body(paths)["properties"]["items"]["items"]["properties"]
    return fields


def changed(change: Callable[[Json], Any]) -> Json:
    paths = copy.deepcopy(PATHS)
    change(paths)
    return paths


Kind = tuple[str, str, str]
CHANGES: list[tuple[Callable[[Json], Any], Kind]] = [
    (lambda paths: paths.update({CANCEL: NEW}), ("operation added", f"POST {CANCEL}", "")),
    (lambda paths: paths.pop(SEARCH), ("operation gone", "search_parcels", "")),
    (
        lambda paths: paths.update({SEARCH.replace("202401", "202607"): paths[SEARCH]}),
        ("operation superseded", "search_parcels", ""),
    ),
    (lambda paths: search(paths).pop(), ("cipher changed", "search_parcels", "")),
    (lambda paths: search(paths).append(parameter("carrier")), ("argument added", "search_parcels", "carrier")),
    (
        lambda paths: item(paths).update(gift={"type": "boolean"}),
        ("argument added", "update_parcel", "items.gift"),
    ),
    (lambda paths: search(paths).pop(2), ("argument not described", "search_parcels", "tag")),
    (lambda paths: item(paths).pop("quantity"), ("argument not described", "update_parcel", "items.quantity")),
    (
        lambda paths: paths[UPDATE]["put"]["parameters"].append(parameter("items", "array")),
        ("argument moved", "update_parcel", "items"),
    ),
    (lambda paths: search(paths)[2].update(required=True), ("required changed", "search_parcels", "tag")),
    (lambda paths: search(paths)[0].update(required=False), ("required changed", "search_parcels", "page_size")),
    (lambda paths: body(paths).update(required=["items"]), ("required changed", "update_parcel", "items")),
    (
        lambda paths: item(paths)["quantity"].update(type="string"),
        ("type changed", "update_parcel", "items.quantity"),
    ),
    (
        lambda paths: search(paths)[1].update(description="Possible values: OPEN, SENT, LOST"),
        ("value added", "search_parcels", "state"),
    ),
    (
        lambda paths: search(paths)[1].update(description="Possible values: OPEN"),
        ("value not described", "search_parcels", "state"),
    ),
    (
        lambda paths: search(paths)[0].update(description="Valid range: [1-100]"),
        ("limit changed", "search_parcels", "page_size maximum"),
    ),
    (
        lambda paths: body(paths)["properties"]["items"].update(description="Max count: 30"),
        ("limit changed", "update_parcel", "items maxItems"),
    ),
    (
        lambda paths: paths[SEARCH]["get"].update(
            responses=answer({"parcels": {"type": "array"}, "total": {"type": "integer"}})
        ),
        ("answer field added", "search_parcels", "total"),
    ),
    (
        lambda paths: paths[SEARCH]["get"].update(responses=answer({"parcels": {"type": "string"}})),
        ("answer type changed", "search_parcels", "parcels"),
    ),
    (
        lambda paths: search(paths)[2].update(description="Now case matters."),
        ("reworded", "search_parcels", ""),
    ),
]
FOR_THE_READER = ("operation gone", "argument not described", "value not described", "reworded")


def name_of(case: Any) -> str | None:
    return "-".join(filter(None, case)).replace("/", "") if isinstance(case, tuple) else None


def test_nothing_is_found_where_nothing_changed(workshop: Workshop, capsys: pytest.CaptureFixture[str]) -> None:
    assert workshop.run() == 0
    assert "in step" in capsys.readouterr().out
    assert workshop.found() == []


@pytest.mark.parametrize(("change", "kind"), CHANGES, ids=name_of)
def test_each_kind_is_found_once(workshop: Workshop, change: Callable[[Json], Any], kind: Kind) -> None:
    workshop.run("--settle")
    workshop.publish(changed(change))
    assert workshop.run() == 1
    assert workshop.found() == [kind]


@pytest.mark.parametrize(("change", "kind"), CHANGES, ids=name_of)
def test_what_was_written_is_not_found_again(workshop: Workshop, change: Callable[[Json], Any], kind: Kind) -> None:
    workshop.run("--settle")
    workshop.publish(changed(change))
    workshop.run("--write")
    once = (workshop.areas.read_bytes(), workshop.answers.read_bytes())
    workshop.run("--write")
    assert (workshop.areas.read_bytes(), workshop.answers.read_bytes()) == once
    kinds = [found[0] for found in workshop.found()]
    assert kinds == ([kind[0]] if kind[0] in FOR_THE_READER else []) or kinds == ["reworded"]


@pytest.mark.parametrize(("change", "kind"), CHANGES, ids=name_of)
def test_words_stay_as_they_are(workshop: Workshop, change: Callable[[Json], Any], kind: Kind) -> None:
    assert kind
    workshop.publish(changed(change))
    workshop.run("--write")
    for name, before in RECORDS.items():
        after = workshop.records[name]
        for word in ("title", "summary", "details", "keywords", "effect", "asks"):
            assert after.get(word) == before.get(word)
        for argument, schema in before["arguments"].items():
            for word in ("description", "unlisted"):
                assert after["arguments"][argument].get(word) == schema.get(word)
    fields = workshop.records["update_parcel"]["arguments"]["items"]["items"]["properties"]
    assert fields["sku_id"]["description"] == "from a listing"


def test_nothing_is_taken_away(workshop: Workshop) -> None:
    workshop.run("--settle")
    workshop.publish({UPDATE: {"put": {"parameters": [], "responses": {}}}})
    before = workshop.areas.read_bytes()
    found = workshop.found("--write")
    assert ("operation gone", "search_parcels", "") in found
    assert ("argument not described", "update_parcel", "items") in found
    assert workshop.records["search_parcels"] == RECORDS["search_parcels"]
    assert workshop.records["update_parcel"]["arguments"] == RECORDS["update_parcel"]["arguments"]
    assert workshop.areas.read_bytes() != before  # the cipher, which the description no longer has


def test_an_operation_of_another_source_is_not_gone(workshop: Workshop) -> None:
    workshop.run("--settle")
    assert workshop.found("--all") == []


def test_a_new_argument_waits_for_its_description(workshop: Workshop) -> None:
    workshop.publish(changed(lambda paths: search(paths).append(parameter("carrier", text="Possible values: A1, B2"))))
    workshop.run("--write")
    made = workshop.records["search_parcels"]["arguments"]["carrier"]
    assert made == {"in": "query", "type": "string", "enum": ["A1", "B2"], "description": "", "x-enum-open": True}


def test_a_new_operation_waits_for_its_words_and_counts_as_destructive(workshop: Workshop) -> None:
    workshop.publish(PATHS | {CANCEL: NEW})
    workshop.run("--write")
    made = workshop.records["cancel_parcels"]
    assert (made["title"], made["summary"]) == ("", "")
    assert (made["method"], made["path"]) == ("POST", CANCEL)
    assert (made["effect"], made["asks"], made["cipher"]) == ("destructive", True, "required")
    assert made["required"] == ["parcel_ids"]
    assert made["arguments"]["parcel_ids"]["maxItems"] == 5
    assert made["arguments"]["reason"]["x-enum-open"] is True
    assert json.loads(workshop.answers.read_text(encoding="utf-8"))["cancel_parcels"]["properties"] == {
        "cancelled": {"type": "boolean"}
    }


def test_a_newer_version_keeps_the_name_and_remembers_the_old_path(workshop: Workshop) -> None:
    newer = SEARCH.replace("202401", "202607")
    workshop.publish(PATHS | {newer: PATHS[SEARCH]})
    workshop.run("--write")
    assert workshop.records["search_parcels"]["path"] == newer
    assert workshop.records["search_parcels"]["replaces"] == [SEARCH]
    workshop.publish(PATHS | {newer: PATHS[SEARCH]})
    assert workshop.found() == []


def test_an_older_version_of_ours_is_no_news(workshop: Workshop) -> None:
    workshop.publish(PATHS | {SEARCH.replace("202401", "202311"): PATHS[SEARCH]})
    assert workshop.found() == []


def test_what_was_settled_is_told_again_only_when_it_changes(workshop: Workshop) -> None:
    def limited(most: int) -> Json:
        return changed(lambda paths: search(paths)[0].update(description=f"Valid range: [1-{most}]"))

    told = [("limit changed", "search_parcels", "page_size maximum")]
    workshop.publish(limited(40))
    assert workshop.found() == told
    workshop.run("--settle")
    assert workshop.found() == []
    assert workshop.found("--all") == told
    workshop.run("--write")
    assert workshop.records["search_parcels"]["arguments"]["page_size"]["maximum"] == 50
    workshop.publish(limited(30))
    assert workshop.found() == told


def test_schemas_by_reference_and_by_parts_read_the_same(workshop: Workshop) -> None:
    def rearranged(paths: Json) -> None:
        items = body(paths)["properties"].pop("items")
        items["items"]["properties"]["quantity"]["type"] = ["integer", "null"]
        body(paths)["allOf"] = [{"type": "object"}, {"properties": {"items": items}}]

    workshop.publish(changed(rearranged))
    assert workshop.found() == []


def test_a_schema_that_holds_itself_ends(workshop: Workshop) -> None:
    def looped(paths: Json) -> None:
        item(paths)["quantity"] = {"$ref": "#/paths/~1parcel~1202401~1parcels/get/loop"}
        paths[SEARCH]["get"]["loop"] = {"type": "integer", "properties": {"more": {"$ref": "#/paths/~1x"}}}

    workshop.publish(changed(looped))
    assert ("type changed", "update_parcel", "items.quantity") not in workshop.found()


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda folder: folder.write_text("{}"), "is not a folder"),
        (lambda folder: folder.mkdir(), "holds no OpenAPI document"),
        (lambda folder: (folder.mkdir(), (folder / "a.json").write_text("{")), "is not readable as JSON"),
    ],
)
def test_what_is_no_description_is_a_plain_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], make: Callable[[Path], Any], words: str
) -> None:
    folder = tmp_path / "unpacked"
    make(folder)
    assert drift.main([str(folder)]) == 2
    told = capsys.readouterr()
    assert words in told.err
    assert told.err.count("\n") == 1
    assert told.out == ""


def test_without_npm_and_folder_it_says_what_is_needed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", "")
    assert drift.main([]) == 2
    assert "npm is needed" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("How it travels.\nPossible values:\n- `AIR`: by plane\n- `SEA` (default)\nDefault: SEA", ["AIR", "SEA"]),
        ("Available values: ASC, DESC", ["ASC", "DESC"]),
        ("Accepted values are red, green or blue.", ["red", "green", "blue"]),
        ("The mode. Possible enumerations are:\n1. BY_HAND\n2. BY_MAIL", ["BY_HAND", "BY_MAIL"]),
        ("Possible values based on region:\n- US: `v2`, the new tree\n- Others: `v1`", ["v2", "v1"]),
        ("Language.\nPossible values:\n- de-DE\n- en-GB", ["de-DE", "en-GB"]),
        ("What it is:\n- BOX: cardboard\n- BAG: paper", ["BOX", "BAG"]),
        ("Only used in the following regions:\n- ID\n- MX", []),
        ("**Format**:\n- EAN: 13 digits\n- UPC: 12 digits", []),
        ("Any name you like.", []),
    ],
)
def test_values_are_read_where_they_are_plainly_listed(text: str, values: list[str]) -> None:
    assert prose.extract_values(text, "string") == values


@pytest.mark.parametrize(
    ("text", "kind", "limits"),
    [
        ("Max count: 50", "array", {"maxItems": 50}),
        ("At most few: up to 20.", "array", {"maxItems": 20}),
        ("- Max SKUs for US: 300\n- Max SKUs for others: 100", "array", {"maxItems": 300}),
        ("If it is a film, up to 3.", "array", {}),
        ("Max length: 10,000 characters", "string", {"maxLength": 10000}),
        ("Valid length: [2, 30]", "string", {"minLength": 2, "maxLength": 30}),
        ("The length range of the length is (0, 100].", "string", {"minLength": 1, "maxLength": 100}),
        ("Must be shorter than 30 characters.", "string", {"maxLength": 29}),
        ("Valid range: [0.01, 7,600]", "string", {"minimum": 0.01, "maximum": 7600}),
        ("A price with up to 2 decimal places", "string", {}),
        ("Valid range: 1-100", "integer", {"minimum": 1, "maximum": 100}),
        ("It must be greater than 0 and less than or equal to 20.", "integer", {"minimum": 1, "maximum": 20}),
        ("Max video size: 100 MB", "integer", {}),
        ("Within 3 - 60 days", "integer", {}),
    ],
)
def test_limits_are_read_where_they_are_plainly_set(text: str, kind: str, limits: Json) -> None:
    assert prose.extract_limits(text, kind) == limits
