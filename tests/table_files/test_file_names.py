"""A name that a model gives to a file can't lead anywhere, and is one that every desktop system takes."""

from __future__ import annotations

import unicodedata
from pathlib import Path, PureWindowsPath

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mcp_server_tiktok_shop.errors import ShopError
from mcp_server_tiktok_shop.table_files.file_names import parse_file_name, suggest_file_name

GOOD = ["october.xlsx", "Oktober 2026 (neu).csv", "ยอดขาย.xlsx", "đơn hàng.json", "a.b.csv", "SALES.XLSX", " x.csv "]
BAD = [
    "../x.csv",
    "/etc/x.csv",
    "C:\\x.csv",
    "x/y.csv",
    "x:y.csv",
    ".csv",
    "x",
    "x.txt",
    "x.xlsx.exe",
    "x.csv\0",
    "con.csv",
    "COM1.xlsx",
    "nul.tar.csv",
    ".hidden.csv",
    "-rf.csv",
    "x .csv",
    "a\u202excod.csv",
    "a\nb.csv",
    "a*.csv",
    "",
    " ",
    "x" * 101 + ".csv",
    "\U00010348" * 60 + ".csv",
]


@pytest.mark.parametrize("text", GOOD)
def test_a_plain_name_of_any_script_is_taken(text: str) -> None:
    name = parse_file_name(text)
    assert str(name).casefold() == unicodedata.normalize("NFC", text).strip().casefold()


@pytest.mark.parametrize("text", BAD)
def test_what_is_no_plain_name_is_refused_with_one_that_is(text: str) -> None:
    with pytest.raises(ShopError) as refused:
        parse_file_name(text)
    assert refused.value.kind == "invalid_arguments"
    (problem,) = refused.value.problems
    assert problem.allowed is not None
    assert parse_file_name(problem.allowed.removeprefix("a name such as "))


@given(st.text(max_size=30), st.sampled_from(["", ".csv", ".xlsx", ".json", ".CSV", "/..", ".csv/"]))
def test_whatever_is_taken_stays_in_its_folder(text: str, ending: str) -> None:
    try:
        name = parse_file_name(text + ending)
    except ShopError:
        return
    folder = Path("/exports")
    assert (folder / str(name)).parent == folder
    assert PureWindowsPath("C:/exports", str(name)).parent == PureWindowsPath("C:/exports")
    assert not PureWindowsPath(str(name)).is_reserved()
    assert len(str(name.add_number(999)).encode()) < 255
    assert parse_file_name(str(name)) == name


@given(st.text(max_size=300))
@example("\ufa10")  # a sign that has a plainer form, in which names are kept
def test_what_is_suggested_would_be_taken(text: str) -> None:
    suggestion = suggest_file_name(text)
    assert parse_file_name(str(suggestion)) == suggestion
