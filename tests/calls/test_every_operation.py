"""Every operation of the catalog is within reach, and wrong arguments never leave the computer."""

from __future__ import annotations

import base64
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
from mcp import Client

from mcp_server_tiktok_shop.app import build_app
from mcp_server_tiktok_shop.sandbox import Sandbox
from mcp_server_tiktok_shop.settings import read_settings
from tests.calls.arguments import accepted, spoilt
from tests.conftest import CATALOG
from tests.keys import reply
from tests.sandbox.client import move_to_market
from tests.wire.pictures import png

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from mcp_server_tiktok_shop.catalog.operation import Operation

OPERATIONS = [o for o in CATALOG.operations.values() if o.uses_platform and "refused" not in o.record]
# What the simulated gateway answers to a request that is not the platform's.
MALFORMED = {106001, 106013, 101000, 36009004, 36009009, 36009010, 36009014, 36009021, 36009022, 36009023, 105005}
PDF = base64.b64decode("JVBERi0xLjQKJSVFT0YK")
MP4 = b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom"


@pytest.fixture(scope="module")
def sandbox() -> Sandbox:
    return Sandbox(shops=1)


@asynccontextmanager
async def connected(sandbox: Sandbox, tmp_path: Path) -> AsyncIterator[Client]:
    parts = build_app(
        read_settings({"TIKTOK_SHOP_SANDBOX": "1", "TIKTOK_SHOP_HOME": str(tmp_path), "TIKTOK_SHOP_CONFIRM": "none"}),
        sandbox=sandbox,
        catalog=CATALOG,
    )
    server = parts.build_server()
    async with Client(server) as client:
        yield client


def write_files(home: Path) -> dict[str, str]:
    """A file of each kind that is uploaded, in the folder of a home; their paths by what the arguments call them."""
    folder = home / "sandbox" / "files"
    folder.mkdir(parents=True)
    contents = {"image": png(400, 400), "video": MP4, "file": PDF, "label": PDF, "qrcode": png(120, 120)}
    for noun, content in contents.items():
        (folder / noun).write_bytes(content)
    return {noun: str(folder / noun) for noun in contents}


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    return write_files(tmp_path)


def is_write(name: str) -> bool:
    """Whether it is no look before or after a write."""
    return name in CATALOG.operations and CATALOG.operations[name].effect != "read"


def runner(operation: Operation) -> str:
    return "run_read_operation" if operation.effect == "read" else "run_write_operation"


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
async def test_an_operation_is_reached_with_what_its_schema_asks_for(
    operation: Operation, sandbox: Sandbox, files: dict[str, str], tmp_path: Path
) -> None:
    given = accepted(operation, files)
    move_to_market(sandbox, operation.record.get("regions", ()))
    if operation.record.get("other_cipher"):
        given["category_asset"] = "GB/3"
    async with connected(sandbox, tmp_path) as client:
        told = reply(await client.call_tool(runner(operation), {"name": operation.name, "arguments": given}))
    assert told.get("code") not in MALFORMED, told
    assert told.get("error") in (None, "platform", "not_found"), told
    entries = [entry for entry in sandbox.log if operation.effect == "read" or is_write(entry.operation)]
    assert entries[-1].operation == operation.name


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
async def test_wrong_arguments_of_an_operation_are_not_sent(
    operation: Operation, sandbox: Sandbox, files: dict[str, str], tmp_path: Path
) -> None:
    good = accepted(operation, files)
    before = len(sandbox.log)
    async with connected(sandbox, tmp_path) as client:
        for fault, arguments in spoilt(operation, good):
            result = await client.call_tool(runner(operation), {"name": operation.name, "arguments": arguments})
            assert result.is_error, (fault, reply(result))
            assert reply(result)["error"] in ("invalid_arguments", "batch_limit"), (fault, reply(result))
    assert len(sandbox.log) == before


LISTS = [operation for operation in OPERATIONS if "pages" in operation.server_arguments]


@pytest.mark.parametrize("asked", [{"pages": "all"}, {"save_as": "rows.json"}])
@pytest.mark.parametrize("operation", LISTS, ids=lambda operation: operation.name)
async def test_a_list_is_read_to_its_end_whatever_type_its_page_size_has(
    operation: Operation, asked: dict[str, str], sandbox: Sandbox, files: dict[str, str], tmp_path: Path
) -> None:
    given = {name: value for name, value in accepted(operation, files).items() if name != "page_size"} | asked
    if operation.record.get("other_cipher"):
        given["category_asset"] = "GB/3"
    async with connected(sandbox, tmp_path) as client:
        told = reply(await client.call_tool("run_read_operation", {"name": operation.name, "arguments": given}))
    assert told.get("error") not in ("invalid_arguments", "internal"), told
