"""No cell of a saved file becomes a formula, wherever a spreadsheet splits the file; numbers and plain text stay."""

from __future__ import annotations

import csv
import random
import time
import unicodedata
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mcp_server_tiktok_shop.table_files.spreadsheet_cells import defuse_formulas
from tests.keys import reply
from tests.wire.recorder import Recorder

if TYPE_CHECKING:
    from tests.conftest import Connect

SIGNS = ["=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20", "\ufe66", "\ufe62", "\ufe63", "\ufe6b", "\u2212"]
SEPARATORS = [",", ";", "|", "\t", "\n", "\r", "\r\n", "\x0b", "\x0c", "\x85", "\u2028", "\u2029"]
BEFORE = ["", " ", "\u00a0", '"', '" ', "\u200b", "\ufeff", "\x00", " " * 300]
PLAIN = [
    "12",
    "-12.50",
    "-3,10",
    "a-b",
    "2-in-1",
    "mail@example.com",
    "a + b = c",
    "Tea",
    "",
    "it's",
    "1.5e3",
    "08:30",
    "#1",
    "\u8336",
]


@pytest.mark.parametrize("sign", SIGNS)
@pytest.mark.parametrize("separator", ["", *SEPARATORS])
def test_a_sign_that_begins_a_cell_is_marked_as_text(sign: str, separator: str) -> None:
    for before in BEFORE:
        start = f"tea{separator}" if separator else ""
        text = f"{start}{before}{sign}HYPERLINK(1)"
        defused = defuse_formulas(text)
        assert f"'{sign}HYPERLINK" in defused, (text, defused)
        assert defused.replace("'", "") == text  # nothing else is changed
        assert defuse_formulas(defused) == defused


@pytest.mark.parametrize("text", PLAIN)
def test_plain_texts_and_numbers_stay_as_they_are(text: str) -> None:
    assert defuse_formulas(text) == text


def is_formula(cell: str) -> bool:
    """Whether a spreadsheet might take a cell for a formula, as broadly as any does."""
    seen = unicodedata.normalize("NFKC", cell).replace("\u2212", "-")
    seen = "".join(c for c in seen if unicodedata.category(c) not in ("Cc", "Cf", "Zs", "Zl", "Zp")).strip('" ')
    return seen[:1] in ("=", "+", "-", "@") and not seen[1:].replace(".", "").isdigit()


async def test_a_saved_file_holds_no_formula_however_it_is_read(connect: Connect) -> None:
    """Read with each separator, with quotes minded and not: column names are texts by others, too."""
    drawn = random.Random(8)
    pieces = [*SIGNS, *SEPARATORS[:6], *BEFORE[:6], "tea", "1", "cmd|' /C calc'!A0", '""', "'"]
    texts = ["".join(drawn.choice(pieces) for _ in range(drawn.randint(1, 8))) for _ in range(1_500)]
    orders = [
        {"id": str(10**14 + n), "buyer_message": text, "=cmd": text, "odd;=name": [text]}
        for n, text in enumerate(texts)
    ]
    async with Recorder() as recorder, connect(api_url=recorder.url, auth_url=recorder.url) as client:
        recorder.answer("/order/", data={"orders": orders, "total_count": len(orders)})
        large = reply(await client.call_tool("get_order_list", {"fields": ["*"]}))
        told = reply(await client.call_tool("save_result", {"id": large["result_id"], "path": "orders"}))
    content = Path(told["data"]["path"]).read_text(encoding="utf-8-sig")  # noqa: ASYNC240
    assert told["data"]["rows"] == len(texts)
    for separator in (",", ";", "\t", "|"):
        lines = content.splitlines(keepends=True)
        for rows in (csv.reader(lines, delimiter=separator), (line.split(separator) for line in lines)):
            for row in rows:
                assert not [cell for cell in row if is_formula(cell)], row


def test_long_texts_are_defused_in_time_in_proportion() -> None:
    for unit in (" ", ";", "; ", '"', "=", ";=", "\t", "\ta", ',"" ', "\u200b"):
        began = time.thread_time()
        defuse_formulas(unit * (1_000_000 // len(unit)))
        assert time.thread_time() - began < 5
