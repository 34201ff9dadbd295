"""Makes the result of a preview: everything that is sent, and as much of the current state as fits."""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING

from msgspec.structs import replace

from mcp_server_tiktok_shop.calls.question_limits import make_split_error
from mcp_server_tiktok_shop.calls.results.builder import Projection
from mcp_server_tiktok_shop.calls.results.json_sizes import to_json_text
from mcp_server_tiktok_shop.calls.results.truncation import Cut, TruncatedResult

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.calls.preview import Preview
    from mcp_server_tiktok_shop.calls.results.builder import ResultBuilder
    from mcp_server_tiktok_shop.catalog.operation import Json
    from mcp_server_tiktok_shop.state.accounts import Shop

MIN_PREVIEW_BYTES = 16_000  # that a preview may have, however small results are to be
PREVIEW_OVERHEAD_BYTES = 2_000  # for what stands beside it


async def show_preview(
    result_builder: ResultBuilder, preview: Preview, note: str, *, is_whole: bool, shop: Shop | None = None
) -> Json:
    """The preview as a result; where `is_whole`, a token is to be given out, and nothing that is sent may be left out.

    Of its state the first things are shown where not all fit: then the result says how many there are, and all of them
    are within reach by its `result_id`.

    Raises:
        ShopError: `batch_limit`.

    """
    max_bytes = max(result_builder.max_bytes, MIN_PREVIEW_BYTES) if is_whole else result_builder.max_bytes
    data = preview.to_json()
    name = preview.state_name
    state = data.pop(name, [])
    room_bytes = max_bytes - PREVIEW_OVERHEAD_BYTES - _measure(data) - len(note.encode())
    shown_state, cuts = _cut_state(name, state, room_bytes)
    data = data if cuts else preview.name_shown_ids(data)
    untrusted = data.pop("untrusted", [])
    shown_data = data | ({name: shown_state} if shown_state else {})
    shown: Json = shown_data | ({"untrusted": untrusted} if untrusted else {})
    result = await replace(result_builder, max_bytes=max_bytes).to_local_result(dict(shown), note, shop)
    if is_whole and result["data"] != shown_data:
        excess_bytes = _measure(data) - _measure(preview.values)
        value_bytes = max_bytes - PREVIEW_OVERHEAD_BYTES - excess_bytes
        raise make_split_error(preview, lambda smaller: _measure(smaller.values) <= value_bytes)
    if not cuts:
        return result
    left_out = result.get("left_out", 0) + sum(cut.total_count - cut.shown_count for cut in cuts)
    cut = TruncatedResult(result, left_out, tuple(cuts))
    content = to_json_text({"data": data | {name: state}, "untrusted": untrusted})
    result = await result_builder.store_truncated(cut, Projection({}, [], []), content.encode(), preview.shop)
    return result | {"note": f"{note} {result['note']}"}


def _cut_state(list_name: str, state: list[Json] | Json, room_bytes: int) -> tuple[list[Json] | Json, list[Cut]]:
    """The first things that there is room for, of the last one maybe only its first rows; and what was cut."""
    if isinstance(state, dict):  # a table
        ends = accumulate((_measure(row) + 1 for row in state["rows"]), initial=_measure(state | {"rows": []}))
        count = sum(end <= room_bytes for end in ends) - 1
        total = len(state["rows"])
        cuts = [Cut(list_name, max(count, 0), total)] if count < total else []
        return (state | {"rows": state["rows"][: max(count, 0)]} if cuts else state), cuts
    shown_state: list[Json] = []
    for index, item in enumerate(state):
        size = _measure(item) + 1
        if size <= room_bytes:
            shown_state.append(item)
            room_bytes -= size
            continue
        cuts = [Cut(list_name, index, len(state))]
        name, rows = max(
            ((name, value) for name, value in item.items() if isinstance(value, list)),
            key=lambda pair: len(pair[1]),
            default=("", []),
        )
        room_bytes -= _measure(item | {name: []}) if name else size
        ends = accumulate(_measure(row) + 1 for row in rows)
        shown_rows = [row for row, end in zip(rows, ends, strict=True) if end <= room_bytes]
        if shown_rows:
            shown_state.append(item | {name: shown_rows})
            cuts = [Cut(f"{list_name}[{index}].{name}", len(shown_rows), len(rows))]
            cuts += [Cut(list_name, index + 1, len(state))] if index + 1 < len(state) else []
        return shown_state, cuts
    return shown_state, []


def _measure(value: object) -> int:
    return len(to_json_text(value).encode())
