"""What is passed over at a glance, because nearly all answers are such, has nothing in it to mask, strip or count."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from hypothesis import given
from hypothesis import strategies as st

from mcp_server_tiktok_shop.calls.redaction import free_text, pii_patterns
from mcp_server_tiktok_shop.calls.redaction.known_values import KnownValues
from mcp_server_tiktok_shop.calls.redaction.redactor import strip_invisible_values
from mcp_server_tiktok_shop.calls.results.projection import project_view
from mcp_server_tiktok_shop.catalog.sensitive_fields import SensitiveFields

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.catalog.operation import Json

ADDRESS = SensitiveFields().get_root("get_order_list").get_child("orders").get_child("recipient_address")
# Letters that change their length in small ones, and scripts that put no space between words.
WORDS = st.text("aAbß İıſéÉ日本語ไทย0-'", min_size=1, max_size=8)  # noqa: RUF001
PHRASES = st.lists(
    WORDS | st.sampled_from(["my name is", "MY NAME IS", "Regards,", "Mr", "van", "Robin", ", ", "\n"]), max_size=6
).map(" ".join)
HIDING = st.text("a9\u200b\u200d\ufe0f\u2028\u202e\u00ad\u0085\r\x00\x7f\u20e3é👩", max_size=12)
ROWS = st.lists(
    st.dictionaries(
        st.sampled_from("ab"),
        st.sampled_from(["x", "y", "", 1, 1.0, True, 0, False, None, ["x"], {"x": 1}]),
        max_size=2,
    ),
    max_size=6,
)


class ThoroughValues(KnownValues):
    """Looks for every value in every text."""

    def _is_free_of_words(self, text: str) -> bool:
        super()._is_free_of_words(text)
        return False


@given(st.lists(PHRASES, max_size=4), st.sampled_from(["name", "full_address", "phone_number"]), st.data())
def test_a_text_without_a_word_of_a_buyers_has_no_value_of_theirs(values: list[str], field: str, data: Any) -> None:
    pieces = [value[data.draw(st.integers(0, len(value))) :] for value in values]
    text = data.draw(PHRASES) + " ".join(pieces)
    quick, thorough = KnownValues(), ThoroughValues()
    for value in values:
        quick.add(value, ADDRESS.get_child(field))
        thorough.add(value, ADDRESS.get_child(field))
    assert quick.mask_occurrences(text) == thorough.mask_occurrences(text)


@given(PHRASES)
def test_a_text_without_a_word_that_introduces_a_name_introduces_none(text: str) -> None:
    if not pii_patterns.may_name_someone(text):
        assert pii_patterns.compile_name_pattern().search(text) is None


@given(HIDING)
def test_a_text_that_looks_plain_is_what_stripping_leaves(text: str) -> None:
    stripped = re.sub(free_text.INVISIBLE_CHARS, "", free_text.LINE_BREAK.sub("\n", text))
    assert free_text.strip_invisible(text) == stripped


@given(st.dictionaries(HIDING, HIDING | st.lists(HIDING, max_size=2), max_size=3), st.booleans())
def test_json_that_looks_plain_has_nothing_to_strip(value: Json, is_ascii: bool) -> None:
    if not free_text.has_suspect_characters(json.dumps(value, ensure_ascii=is_ascii)):
        assert strip_invisible_values(value) == value


@given(ROWS)
def test_rows_are_counted_as_one_where_json_writes_them_alike(rows: list[Json]) -> None:
    shown = project_view({"rows": rows}, {"fields": ["rows.*"], "merges": ["rows"]}).data["rows"]
    counts: dict[str, int] = {}
    for row in rows:
        text = json.dumps(row, sort_keys=True)
        counts[text] = counts.get(text, 0) + 1
    told = [
        (json.dumps({n: v for n, v in row.items() if n != "quantity"}, sort_keys=True), row["quantity"])
        for row in shown
    ]
    assert told == list(counts.items())
