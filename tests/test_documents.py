"""The documents: what they name exists, what they tell to type is understood, and their links lead somewhere."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import get_args

import click
import pytest
from scripts.docs import list_pages, make_documents, read_documents
from scripts.documents.links import find_anchors, find_broken_links, find_unlinked_pages
from scripts.documents.tables import PlaceError, fill_places

from mcp_server_tiktok_shop.catalog.loader import Catalog
from mcp_server_tiktok_shop.catalog.server_arguments import SERVER_ARGUMENTS
from mcp_server_tiktok_shop.catalog.toolsets import ALWAYS_LISTED_TOOLS, DEFAULT_TOOLS
from mcp_server_tiktok_shop.cli.main import main
from mcp_server_tiktok_shop.errors import ErrorKind
from mcp_server_tiktok_shop.mirror.report_files import load_reports
from mcp_server_tiktok_shop.mirror.tables import TableCatalog
from mcp_server_tiktok_shop.settings import SETTINGS, read_settings

PROJECT = Path(__file__).parent.parent
PROGRAM = "mcp-server-tiktok-shop"
DOCUMENTS = read_documents()
# Written by hand, for people who use it.
PAGES = {page: text for page, text in DOCUMENTS.items() if re.fullmatch(r"README\.md|docs/[^/]+\.md", page)}
BLOCKS = [(page, block) for page, text in PAGES.items() for block in re.findall(r"```sh\n(.*?)```", text, re.DOTALL)]
LINES = [
    (page, line.partition("  #")[0].strip())
    for page, block in BLOCKS
    for line in block.replace("\\\n", "").splitlines()
]
COMMANDS = [(page, line) for page, line in LINES if PROGRAM in line]


def test_the_pages_that_a_seller_begins_with_are_there() -> None:
    assert {"README.md", "docs/README.md", "docs/clients.md", "docs/settings.md", "docs/tools.md"} <= PAGES.keys()
    said = {line for page, line in LINES if page == "README.md"}
    assert {"make demo", f"{PROGRAM} login", f"{PROGRAM} check"} <= said
    assert "`make test`" in PAGES["README.md"]


@pytest.mark.parametrize(("page", "line"), COMMANDS)
def test_what_a_document_tells_to_type_is_understood(page: str, line: str) -> None:
    del page  # tells a failure apart
    _, *arguments = shlex.split(line)
    context = main.make_context(PROGRAM, arguments)
    flags = {name: value for name, value in context.params.items() if value is not None}
    read_settings({}, flags)
    name, command, rest = main.resolve_command(context, [*context._protected_args, *context.args])
    assert command is not None
    with command.make_context(name, rest, parent=context):
        pass


def test_what_is_not_understood_is_noticed() -> None:
    context = main.make_context(PROGRAM, ["config", "--client", "emacs"])
    with pytest.raises(click.BadParameter):
        main.commands["config"].make_context("config", context.args, parent=context)


@pytest.mark.parametrize("page", PAGES)
def test_the_commands_and_flags_that_a_document_names_exist(page: str) -> None:
    assert set(re.findall(rf"`{PROGRAM} ([a-z]+)", PAGES[page])) <= set(main.commands)
    groups = [command for command in main.commands.values() if isinstance(command, click.Group)]
    commands = [main, *main.commands.values(), *(inner for group in groups for inner in group.commands.values())]
    known = {o for c in commands for p in c.params for o in p.opts} | {"--help"}
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", PAGES[page])) <= known


@pytest.mark.parametrize("page", PAGES)
def test_the_settings_that_a_document_names_exist(page: str) -> None:
    known = {setting.variable for setting in SETTINGS} | {f"{s.variable}_FILE" for s in SETTINGS if s.is_secret}
    assert set(re.findall(r"TIKTOK_SHOP_[A-Z_]*[A-Z]", PAGES[page])) <= known


@pytest.mark.parametrize("page", PAGES)
def test_the_make_targets_that_a_document_names_exist(page: str) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (PROJECT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = set(re.findall(r"`make (?:\w+=\S+ )?([a-z-]+)", PAGES[page]))
    assert named <= targets


@pytest.mark.parametrize("page", PAGES)
def test_the_tools_that_a_document_names_exist(page: str) -> None:
    """A word in code that begins like a tool's name is one, an argument, an error or a column."""
    verbs = {name.partition("_")[0] for name in (*ALWAYS_LISTED_TOOLS, *DEFAULT_TOOLS)}
    named = {name for name in re.findall(r"`([a-z]+_[a-z_]+)`", PAGES[page]) if name.partition("_")[0] in verbs}
    columns = {column for table in TableCatalog().tables.values() for column in table.columns}
    columns |= {column for report in load_reports().values() for column in report.columns}
    operations = Catalog().operations
    arguments = {*SERVER_ARGUMENTS, *(name for operation in operations.values() for name in operation.arguments)}
    assert named <= {*operations, *arguments, *columns, *get_args(ErrorKind)}


def test_the_tools_listed_by_default_are_those_told_in_the_documents() -> None:
    table = PAGES["docs/tools.md"].partition("<!-- tools")[2].partition("<!-- /tools")[0]
    assert set(re.findall(r"^\| \w+ \| `(\w+)`", table, re.MULTILINE)) == {*ALWAYS_LISTED_TOOLS, *DEFAULT_TOOLS}


def test_every_word_for_an_error_is_told() -> None:
    table = PAGES["docs/answers.md"].partition("## Errors")[2]
    assert set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)) == set(get_args(ErrorKind))


def test_every_client_setting_and_command_has_its_place_in_the_reference() -> None:
    assert all(f"| `{setting.variable}` |" in PAGES["docs/settings.md"] for setting in SETTINGS)
    assert {f"## {name}" for name in main.commands} <= set(PAGES["docs/commands.md"].splitlines())


def test_the_index_names_every_page_of_the_reference() -> None:
    index = list_pages(DOCUMENTS)
    assert {f"docs/{name}" for name in re.findall(r"\]\(([^)]+)\)", index)} == PAGES.keys() - {
        "README.md",
        "docs/README.md",
    }
    assert index in PAGES["docs/README.md"]


# ---- links


def test_every_link_leads_somewhere_and_every_document_is_led_to() -> None:
    assert find_broken_links(DOCUMENTS, lambda path: (PROJECT / path).exists()) == []
    assert find_unlinked_pages(DOCUMENTS, "README.md") == []


def test_a_link_to_nowhere_is_named_with_its_page() -> None:
    texts = {
        "README.md": "[a](docs/a.md) [b](docs/a.md#there) [c](docs/a.md#gone) [d](docs/b.md) [e](LICENSE) [f](lost)",
        "docs/a.md": "# A\n\n## There\n\n[up](../README.md) [self](#there) [away](https://example.com/#x) [no](#nope)",
    }
    assert find_broken_links(texts, lambda path: path == "LICENSE") == [
        "README.md links docs/a.md#gone, which has no such heading",
        "README.md links docs/b.md, which is not there",
        "README.md links lost, which is not there",
        "docs/a.md links docs/a.md#nope, which has no such heading",
    ]


def test_what_stands_in_a_block_of_code_is_neither_link_nor_heading() -> None:
    text = "# A\n\n```sh\n# not a heading\n[not](a-link)\n```\n"
    assert find_anchors(text) == {"a"}
    assert find_broken_links({"README.md": text}, lambda _path: False) == []


def test_anchors_are_those_that_a_reader_s_browser_follows() -> None:
    text = "# It's *here*: a `list_shops`\n## Same\n## Same\n### [A link](x.md) inside\n"
    assert find_anchors(text) == {"its-here-a-list_shops", "same", "same-1", "a-link-inside"}


def test_a_document_that_no_link_leads_to_is_named() -> None:
    texts = {"README.md": "[a](docs/a.md)", "docs/a.md": "[b](b.md)", "docs/b.md": "", "docs/lost.md": "[b](b.md)"}
    assert find_unlinked_pages(texts, "README.md") == ["docs/lost.md"]


# ---- what is written from the code


def test_the_documents_stand_as_the_code_writes_them() -> None:
    assert make_documents(DOCUMENTS) == DOCUMENTS


def test_a_table_is_put_where_its_name_stands_and_nothing_else_is_touched() -> None:
    page = "before\n<!-- fruit: written by `make docs` -->\nold\n<!-- /fruit -->\nafter\n"
    assert fill_places({"a.md": page}, {"fruit": "new"}) == {"a.md": page.replace("old", "new")}


@pytest.mark.parametrize(("tables", "named"), [({}, "fruit"), ({"fruit": "x", "nuts": "y"}, "nuts")])
def test_a_place_without_table_and_a_table_without_place_are_refused(tables: dict[str, str], named: str) -> None:
    page = "<!-- fruit: written by `make docs` -->\n<!-- /fruit -->\n"
    with pytest.raises(PlaceError, match=named):
        fill_places({"a.md": page}, tables)
