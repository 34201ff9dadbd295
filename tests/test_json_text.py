"""JSON that others wrote is read however it is made up, but no deeper than what can be gone through."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mcp_server_tiktok_shop.errors import NestingError
from mcp_server_tiktok_shop.json_text import MAX_COUNTED_CHARS, MAX_DEPTH, parse_json

TEXTS = st.text(st.sampled_from('[]{}",:\\a\u2028é'), max_size=200)
VALUES = st.recursive(
    TEXTS | st.integers() | st.none() | st.booleans() | st.floats(allow_nan=False),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=20,
)


def measure_depth(value: Any) -> int:
    if not isinstance(value, dict | list):
        return 0
    return 1 + max(map(measure_depth, value.values() if isinstance(value, dict) else value), default=0)


def wrap(value: Any, levels: int, *, in_lists: bool) -> Any:
    for _ in range(levels):
        value = [value, "]"] if in_lists else {"}": value, "b": "{"}
    return value


@example(value=[], levels=MAX_DEPTH, in_lists=True, is_bytes=True, is_long=True)
@example(value={}, levels=MAX_DEPTH, in_lists=False, is_bytes=False, is_long=True)
@example(value=[], levels=MAX_DEPTH, in_lists=False, is_bytes=True, is_long=False)
@given(
    value=VALUES,
    levels=st.integers(0, MAX_DEPTH + 3),
    in_lists=st.booleans(),
    is_bytes=st.booleans(),
    is_long=st.booleans(),
)
def test_what_is_nested_too_deep_is_refused_whatever_brackets_its_texts_hold(
    value: Any, levels: int, in_lists: bool, is_bytes: bool, is_long: bool
) -> None:
    value = wrap(value, levels, in_lists=in_lists)
    value = {"value": value, "text": "x" * MAX_COUNTED_CHARS} if is_long else value
    text = json.dumps(value, ensure_ascii=False)
    given_text = text.encode() if is_bytes else text
    if measure_depth(value) > MAX_DEPTH:
        with pytest.raises(NestingError):
            parse_json(given_text)
    else:
        assert parse_json(given_text) == value


@pytest.mark.parametrize(
    "text",
    [
        '{"a":"\\ud83d"}',
        '{"a":1,"a":2}',
        '{"id":123456789012345678901234567890}',
        '{"a":NaN,"b":-Infinity}',
        '{"a":1e400}',
        '{"a":0.1,"b":1.10,"c":-0.0}',
        '{"a":"\\u0000\\u001f\\/"}',
        '\t{"a" : [ ] }\n',
    ],
)
def test_odd_json_means_what_it_means_to_the_standard_library(text: str) -> None:
    for given_text in (text, text.encode()):
        assert repr(parse_json(given_text)) == repr(json.loads(text))
