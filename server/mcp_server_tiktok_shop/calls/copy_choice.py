"""Filters that people mean and the platform's lists do not have: the local copy chooses, the platform is read by id."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from msgspec import Struct
from msgspec.structs import replace

from mcp_server_tiktok_shop.catalog.binding import encode_times
from mcp_server_tiktok_shop.catalog.server_arguments import ALL_PAGES
from mcp_server_tiktok_shop.errors import Problem, ShopError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from zoneinfo import ZoneInfo

    from mcp_server_tiktok_shop.calls.shared_progress import ReportProgress
    from mcp_server_tiktok_shop.catalog.operation import CopyChoice, Json, Operation
    from mcp_server_tiktok_shop.platform.shops import Target

TOKEN_PREFIX = "copy:"  # noqa: S105 - of a page, not of a person
DEFAULT_ROWS = 20
MAX_ROWS = 500  # of several pages that one call reads, a batch a request
SORT_ARGUMENTS = ("sort_field", "sort_order")
KEPT_ARGUMENTS = frozenset(("page_size", "page_token", *SORT_ARGUMENTS, "locale"))  # that choose nothing


class ChosenIds(Struct, frozen=True):
    """Ids that the copy chose, each with what the platform is asked by, and what the copy lacks.

    `as_of` is in ISO 8601, `note` sentences or empty.
    """

    ids: Sequence[str]
    sent_ids: Sequence[str]
    total_count: int
    as_of: str
    note: str


class CopyChooser(Protocol):
    """Chooses rows of a shop's local copy, which it brings up to date first."""

    async def choose(
        self,
        choice: CopyChoice,
        parameters: Mapping[str, Any],
        offset: int,
        limit: int,
        target: Target,
        report_progress: ReportProgress,
    ) -> ChosenIds:
        """The ids of the rows for which the filters of all `parameters` hold.

        Raises:
            ShopError: Why the copy can't be asked.

        """


class CopyRequest(Struct, frozen=True):
    """What of a list is asked of the copy: the values of its filters, and which rows of those it finds."""

    choice: CopyChoice
    parameters: Mapping[str, Any]
    offset: int
    limit: int

    @classmethod
    def read(cls, operation: Operation, values: Json, server_arguments: Json, zone: ZoneInfo) -> CopyRequest | None:
        """The request that checked arguments make; None where the platform itself has every filter of theirs.

        Raises:
            ShopError: `invalid_arguments` of what can't be asked together with such a filter.

        """
        choice = operation.copy_choice
        if choice is None or not values.keys() & operation.copy_arguments:
            return None
        asked = sorted(values.keys() & operation.copy_arguments)
        for name in (*values, *(name for name in ("save_as",) if name in server_arguments)):
            if name not in choice.filters and name not in KEPT_ARGUMENTS:
                message = f"can't be asked together with {', '.join(asked)}, by which the local copy chooses"
                hint = (
                    f"Leave {name} away, or ask query_shop for {choice.table}: it takes any condition, and `save_as`."
                )
                problem = Problem(name, message, f"beside {asked[0]}: {', '.join(_list_companions(choice, asked))}")
                raise ShopError("invalid_arguments", f"{name}: {message}", hint=hint, problems=(problem,))
        for name, value in values.items():
            _check_values(operation, name, value)
        parameters = {
            name: encode_times(operation.arguments[name], value, zone)
            for name, value in values.items()
            if name in choice.filters
        }
        limit = int(values.get("page_size", DEFAULT_ROWS))
        if (pages := server_arguments.get("pages")) is not None:
            limit = MAX_ROWS if pages == ALL_PAGES else min(limit * int(pages), MAX_ROWS)
        choice = replace(choice, order=_find_order(operation, values) or choice.order)
        return cls(choice, parameters, _read_offset(values.get("page_token")), limit)

    def find_next_token(self, chosen: ChosenIds) -> str | None:
        end = self.offset + len(chosen.ids)
        return f"{TOKEN_PREFIX}{end}" if chosen.ids and end < chosen.total_count else None

    def build_note(self, chosen: ChosenIds) -> str:
        found = f"{chosen.total_count} match by the local copy, as_of {chosen.as_of}"
        found += "; these are read live." if chosen.total_count else ": none was read live."
        return chosen.note + found


def _find_order(operation: Operation, values: Json) -> str:
    """The SQL order that the platform's own arguments ask for; empty where they ask for none.

    They name fields, and the columns of a copy bear the fields' names.
    """
    if not values.keys() & {*SORT_ARGUMENTS}:
        return ""
    field, direction = (values.get(name, operation.arguments[name].get("default")) for name in SORT_ARGUMENTS)
    return f"{field} {direction} NULLS LAST, id"


def _list_companions(choice: CopyChoice, asked: Sequence[str]) -> list[str]:
    """What may stand beside the filters that were asked for."""
    return [name for name in choice.filters if name not in asked] + ["page_size", "pages", "page_token"]


def _check_values(operation: Operation, name: str, value: Any) -> None:
    """Refuse values that the argument named by `x-values-of` does not have: nothing would match them."""
    source = operation.arguments[name].get("x-values-of")
    allowed = operation.arguments[source]["enum"] if source else ()
    for item in value if source else ():
        if item not in allowed:
            message = f"{item[:40]!r} is none of the values of {source}"
            problem = Problem(name, message, ", ".join(allowed))
            raise ShopError("invalid_arguments", f"{name}: {message}", problems=(problem,))


def _read_offset(token: Any) -> int:
    if not token:
        return 0
    digits = str(token).removeprefix(TOKEN_PREFIX)
    if digits == token or not digits.isdecimal() or len(digits) > 9:  # noqa: PLR2004 - more rows than there are
        problem = Problem("page_token", "is none of these filters", "the last next_page_token")
        raise ShopError("invalid_arguments", "page_token: it is none of these filters", problems=(problem,))
    return int(digits)


def sort_rows(data: Json, choice: CopyChoice, ids: Sequence[str]) -> Json:
    """The data with its rows in the order of their ids, and none that was not chosen."""
    places = {row_id: place for place, row_id in enumerate(ids)}
    rows = [row for row in data.get(choice.rows, ()) if row.get(choice.id) in places]
    return data | {choice.rows: sorted(rows, key=lambda row: places[row[choice.id]])}
