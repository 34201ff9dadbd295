"""The words a model chooses and fills by: there, short, true, and more than the name said again."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING, get_args

import click
import pytest

from mcp_server_tiktok_shop.catalog.loader import CATALOG_FOLDER, Catalog, _load_json
from mcp_server_tiktok_shop.catalog.operation import is_time
from mcp_server_tiktok_shop.catalog.schemas import build_tool_schema
from mcp_server_tiktok_shop.catalog.toolsets import ALWAYS_LISTED_TOOLS, DEFAULT_TOOLS
from mcp_server_tiktok_shop.cli.main import main
from mcp_server_tiktok_shop.errors import ErrorKind
from mcp_server_tiktok_shop.mirror.report_files import load_reports
from mcp_server_tiktok_shop.mirror.tables import TableCatalog
from mcp_server_tiktok_shop.mirror.worklist_kinds import load_worklist_kinds
from mcp_server_tiktok_shop.protocol.instructions import BASE_TEXT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mcp_server_tiktok_shop.catalog.operation import Json, Operation

CATALOG = Catalog()
OPERATIONS = list(CATALOG.operations.values())
WORDED = [operation for operation in OPERATIONS if operation.record.get("summary")]
ERRORS = _load_json(CATALOG_FOLDER / "errors.json")

TABLE_DETAILS = 2_400
SUMMARY, DETAILS, DESCRIPTION, FILE_DESCRIPTION = 140, 250, 100, 220
NEW_WORDS = 3


def words_of(text: str) -> set[str]:
    return set(re.findall(r"[a-z]+", text.casefold()))


# Words that tell nothing of what an operation is for.
STOP = words_of("""
    a about according active all allow also an and any api are as at be been between both but by call called can
    certain check create creates data delete deletes detail details do does each endpoint fetch fetches following for
    from get gets give given gives has have how if in information into is it its list lists may more need of on one
    only operation or other out per provide provides request retrieve retrieves return returns search searches seller
    sellers set shop shops show shows some specific specified tell tells than that the their them then there these
    they this those through tiktok to tool under update updates use used uses using value via want what when where
    whether which who with you your
""")
VERBS = words_of("""
    add apply approve assign batch bind cancel check combine complete confirm create creator deactivate deauthorize
    delete edit exchange export fulfill generate get import list manage mark optimize post publish query read recommend
    refresh reject remove renew resize respond search send ship split submit sync uncombine update upload validate
""")


def stem(word: str) -> str:
    """Near enough: listing and lists, categories and category, shipped and shipping are one."""
    for ending, put in (("ies", "y"), ("ing", ""), ("ed", ""), ("es", ""), ("s", ""), ("e", "")):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            word = word.removesuffix(ending) + put
            break
    word = word.removesuffix("e") if len(word) > 4 else word
    return word[:-1] if len(word) > 4 and word[-1] == word[-2] else word


def content_words(text: str) -> set[str]:
    return {stem(word) for word in re.findall(r"[a-z]+", text.casefold()) if word not in STOP and len(word) > 1}


def beyond_the_name(summary: str, name: str, title: str) -> set[str]:
    """The words of a summary that neither the name nor the title says."""
    return content_words(summary) - {stem(word) for word in re.findall(r"[a-z]+", f"{name} {title}".casefold())}


def schemas(fields: Json, path: str = "") -> Iterator[tuple[str, Json]]:
    for name, schema in fields.items():
        at = f"{path}.{name}" if path else name
        yield at, schema
        yield from schemas(schema.get("properties", {}), at)
        inner = schema
        while "items" in inner:
            inner = inner["items"]
            yield from schemas(inner.get("properties", {}), f"{at}[]")


@pytest.mark.parametrize(
    ("summary", "name", "title"),
    [
        ("Gets the order list.", "get_order_list", "Get order list"),
        ("Returns a list of the orders of a shop.", "get_order_list", "Orders"),
        ("Use this API to retrieve the details of specified products.", "get_product", "Product details"),
        ("Creates packages for the seller.", "create_packages", "Create packages"),
        ("Updating shipping information for packages.", "update_package_shipping_info", "Update package shipping info"),
    ],
)
def test_the_measure_sees_through_a_summary_that_says_the_name_again(summary: str, name: str, title: str) -> None:
    assert len(beyond_the_name(summary, name, title)) < NEW_WORDS


@pytest.mark.parametrize(
    ("summary", "name", "title"),
    [
        ("Finds orders by status, date or buyer, newest first, with items and money.", "get_order_list", "Find orders"),
        ("Explains what the buyer paid: discounts, shipping and tax.", "get_price_detail", "Explain an order's price"),
    ],
)
def test_the_measure_lets_a_summary_through_that_says_something(summary: str, name: str, title: str) -> None:
    assert len(beyond_the_name(summary, name, title)) >= NEW_WORDS


@pytest.mark.parametrize("name", [*ALWAYS_LISTED_TOOLS, *DEFAULT_TOOLS])
def test_every_tool_offered_by_default_has_words(name: str) -> None:
    record = CATALOG.operations[name].record
    assert record.get("title")
    assert record.get("summary")


def test_no_record_is_without_words() -> None:
    assert [op.name for op in OPERATIONS if not op.record.get("summary") or not op.record.get("title")] == []


def test_no_summary_only_says_its_name_again() -> None:
    poor = {
        op.name: op.record["summary"]
        for op in WORDED
        if len(beyond_the_name(op.record["summary"], op.name, op.title)) < NEW_WORDS
    }
    assert poor == {}


def test_no_two_operations_have_the_same_words() -> None:
    seen: dict[str, str] = {}
    for op in WORDED:
        assert op.record["summary"] not in seen, (op.name, seen.get(op.record["summary"]))
        seen[op.record["summary"]] = op.name


def test_no_two_titles_are_the_same() -> None:
    seen: dict[str, list[str]] = {}
    for op in WORDED:
        seen.setdefault(op.title.casefold(), []).append(op.name)
    assert {title: names for title, names in seen.items() if len(names) > 1} == {}


def test_words_are_short() -> None:
    long: list[tuple[str, str, int]] = []
    for op in WORDED:
        long += [(op.name, "title", len(op.title))] * (len(op.title) > 40)
        long += [(op.name, "summary", len(op.record["summary"]))] * (len(op.record["summary"]) > SUMMARY)
        details = op.record.get("details", "")
        longest = TABLE_DETAILS if op.name == "query_shop" else DETAILS  # which names the columns of all tables
        long += [(op.name, "details", len(details))] * (len(details) > longest)
        for path, schema in schemas(op.record["arguments"]):
            words = schema.get("description", "")
            long += [(op.name, path, len(words))] * (len(words) > DESCRIPTION)
    assert long == []


def test_words_made_for_a_file_are_short_too() -> None:
    for op in OPERATIONS:
        for name, schema in op.arguments.items():
            assert len(schema.get("description", "")) <= FILE_DESCRIPTION, (op.name, name)


def test_summaries_and_details_are_sentences() -> None:
    for op in WORDED:
        for words in (op.record["summary"], op.record.get("details", "")):
            assert not words or words[-1] in ".?", op.name
            assert words == " ".join(words.split()), op.name
            assert "  " not in words, op.name


def test_words_hold_nothing_left_over() -> None:
    """No markup, no entity, no placeholder, no word of another language's documentation."""
    for op in WORDED:
        texts = [op.title, op.description, *(s.get("description", "") for _, s in schemas(op.arguments))]
        for text in texts:
            assert not re.search(r"</?(?!img)[a-z]+>|&[a-z]+;|\bTODO\b|\bTBD\b|\bXXX\b|https?://|\*\*|\\n", text), (
                op.name,
                text,
            )
            assert not re.search(
                r"[^\x20-\x7e\u2013\u2014\u2019\u201c\u201d\u00a3\u20ac\u2026\u00d7\u2264\u2265\u00b0]", text
            ), (op.name, text)


# ---- what the words name exists


def names_of_fields() -> set[str]:
    """Every name that is an argument or a field of an answer somewhere."""
    known: set[str] = set()
    for op in OPERATIONS:
        known |= set(re.findall(r"[A-Za-z_0-9]+", " ".join(path for path, _ in schemas(op.record["arguments"]))))
        known |= set(op.arguments)
        known |= {str(m) for _, s in schemas(op.record["arguments"]) for m in (s | s.get("items", {})).get("enum", ())}
        shape = CATALOG.get_response_shape(op)
        known |= set(re.findall(r"[A-Za-z_0-9]+", " ".join(path for path, _ in schemas({"": shape}))))
    return known


OURS = {
    "shop",
    "fields",
    "pages",
    "dry_run",
    "confirm",
    "repeat",
    "category_asset",
    "doc_urls",
    "result_id",
    "next_offset",
    "left_out",
}
IN_JSON_TEXT = {"apply_id"}  # a key inside the `content` of send_im_message
TABLES = TableCatalog().tables
TABLE_WORDS = {*TABLES, *(column for table in TABLES.values() for column in table.columns)}
REPORT_WORDS = {
    name
    for report in load_reports().values()
    for name in (*report.parameters, *report.filters, *report.columns, *report.group_by)
}
FIELDS = names_of_fields() | OURS | IN_JSON_TEXT | TABLE_WORDS | REPORT_WORDS | set(get_args(ErrorKind))


def unknown_names(text: str) -> list[str]:
    """Tokens that look like the name of an operation, and are none."""
    return [
        token
        for token in re.findall(r"(?<![A-Za-z0-9_/.{-])[a-z]+(?:_[a-z0-9]+)+(?![A-Za-z0-9_/}*-])", text)
        if token.split("_")[0] in VERBS and token not in CATALOG.operations and token not in FIELDS
    ]


def named_somewhere() -> Iterator[tuple[str, str]]:
    for op in WORDED:
        yield op.name, op.description
        for path, schema in schemas(op.arguments):
            yield f"{op.name}.{path}", schema.get("description", "")
    for code, meaning in ERRORS.items():
        yield code, f"{meaning.get('meaning', '')} {meaning.get('hint', '')}"
    yield "instructions", BASE_TEXT


def test_every_tool_that_is_named_exists() -> None:
    assert {place: names for place, text in named_somewhere() if (names := unknown_names(text))} == {}


def test_every_tool_named_in_the_code_exists() -> None:
    """Hints in the code send a model to tools as well; docstrings, which speak of functions, do not."""
    wrong: dict[str, list[str]] = {}
    for path in CATALOG_FOLDER.parent.rglob("*.py"):
        if {"sandbox", "mirror"} & {*path.relative_to(CATALOG_FOLDER.parent).parts}:
            continue  # SQL speaks of functions
        nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
        statements = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
        constants = [node for node in nodes if isinstance(node, ast.Constant) and id(node) not in statements]
        texts = [node.value for node in constants if isinstance(node.value, str)]
        if names := [name for text in texts if " " in text for name in unknown_names(text)]:
            wrong[path.name] = names
    assert wrong == {}


def test_every_command_and_flag_that_is_named_exists() -> None:
    context = click.Context(main)
    commands = {name: main.get_command(context, name) for name in main.list_commands(context)}
    options = {opt for command in (main, *commands.values()) if command for p in command.params for opt in p.opts}
    wrong: list[tuple[str, str]] = []
    for place, text in named_somewhere():
        names = re.findall(r"mcp-server-tiktok-shop ([a-z]+)", text)
        flags = re.findall(r"(?<![\w-])--[a-z][a-z-]+", text)
        wrong += [(place, name) for name in names if name not in commands]
        wrong += [(place, flag) for flag in flags if flag not in options]
    assert wrong == []


def test_fields_named_in_an_operations_words_are_its_own_or_somebodys() -> None:
    """A snake_case word in a text is a field or a tool: anything else was misspelt or is gone."""
    wrong: dict[str, list[str]] = {}
    for place, text in named_somewhere():
        tokens = re.findall(r"(?<![A-Za-z0-9_/.{-])[a-z]+(?:_[a-z0-9]+)+(?![A-Za-z0-9_/}*-])", text)
        strange = [t for t in tokens if t not in FIELDS and t not in CATALOG.operations]
        if strange and not place.isdigit():  # the platform's codes speak of fields of its own
            wrong[place] = strange
    assert wrong == {}


# ---- arguments that need words


def needs_words(name: str, schema: Json) -> bool:
    """Whether a name leaves open where its value comes from, or in which unit it is.

    Ids need a place to be found in, but for those in the operation's own family whose name says the thing that
    a list of the same area gives; tokens need to be told what they are, but for `page_token`; a bare measure needs
    its unit. A time says its form by itself (every time is listed as ISO 8601).
    """
    if name == "page_token" or is_time(schema) or schema.get("enum"):
        return False
    if name in ("id", "ids") or name.endswith(("_id", "_ids")):
        return True
    if name.endswith(("_token", "_code", "_key", "_uri", "_uris")):
        return True
    measure = re.search(r"(?:^|_)(weight|height|width|length|duration|size|rate|percentage|discount|volume)$", name)
    return bool(measure) and name != "page_size" and schema.get("type") != "object"


def without_words(operations: list[Operation]) -> list[str]:
    return [
        f"{op.name}.{name}"
        for op in operations
        for name, schema in op.arguments.items()
        if not schema.get("unlisted") and needs_words(name, schema) and not schema.get("description")
    ]


def test_arguments_of_the_default_tools_say_what_their_names_do_not() -> None:
    assert without_words([CATALOG.operations[name] for name in (*ALWAYS_LISTED_TOOLS, *DEFAULT_TOOLS)]) == []


def test_arguments_of_all_operations_say_what_their_names_do_not() -> None:
    assert without_words(WORDED) == []


def test_no_description_only_says_its_argument_again() -> None:
    poor: list[tuple[str, str]] = []
    for op in WORDED:
        for path, schema in schemas(op.arguments):
            words = re.findall(r"[a-z0-9]+", schema.get("description", "").casefold())
            said = {stem(w) for w in re.findall(r"[a-z]+", path.rstrip("[]").casefold())}
            if words and not {stem(word) for word in words} - said - {"the", "a", "an", "of", "thi", "its"}:
                poor.append((f"{op.name}.{path}", " ".join(words)))
    assert poor == []


def test_times_are_told_as_times() -> None:
    for op in OPERATIONS:
        for name, schema in build_tool_schema(op, hidden_arguments=("shop",))["properties"].items():
            if is_time(op.arguments.get(name, {})):
                assert schema["type"] == "string"
                assert "ISO 8601" in schema["description"]


def test_every_error_that_can_be_mended_says_what_it_means_and_how() -> None:
    for code, known in ERRORS.items():
        if known.get("retry") in (None, "after_fix", "refresh_token", "no"):
            assert known.get("meaning"), code
        if known.get("retry") == "after_fix":
            assert known.get("hint"), code


def test_codes_and_their_classes_are_ones_that_the_client_knows() -> None:
    assert all(re.fullmatch(r"\d+", code) for code in ERRORS)
    known = {"after_fix", "refresh_token", "backoff", "quota", "transient", "poll", "no", None}
    assert {meaning.get("retry") for meaning in ERRORS.values()} <= known


def test_overdue_is_what_is_not_announced_and_a_late_dispatch_what_the_carrier_has_not() -> None:
    """Two deadlines, a word for each, in whatever tells of them."""
    deadlines = _load_json(CATALOG_FOLDER / "deadlines.json")
    columns = TABLES["orders"].columns
    for text in (deadlines["rts_sla_time"], columns["rts_sla_time"].meaning):
        assert "announce" in text
        assert "overdue" in text
        assert not re.search(r"\blate\b", text)
    for text in (deadlines["tts_sla_time"], deadlines["pick_up_cut_off_time"], columns["tts_sla_time"].meaning):
        assert "the carrier must have it" in text
        assert "late dispatch" in text
    kinds = load_worklist_kinds()
    to_ship, not_collected = kinds["parcels_to_ship"], kinds["parcels_not_collected"]
    assert "overdue" in to_ship.title
    assert "tts_sla_time" in to_ship.otherwise
    assert "late dispatch" in not_collected.otherwise
