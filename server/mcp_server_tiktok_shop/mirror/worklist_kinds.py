"""Reads the kinds of work in the worklist: each an `.sql` file that finds them in a shop's copy."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from mcp_server_tiktok_shop.mirror.sql_files import split_sql_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

WORKLIST_FOLDER = Path(__file__).parent / "worklist"


class WorklistKind(Struct, frozen=True):
    """A kind of work: what it is, what happens `otherwise`, the tool that does it, and the column of the `id` it takes.

    `see_also` is another kind that who asks for this one means, too; empty where there is none.

    `sql` finds the work of one shop. Its columns are `deadline`, the id, where there is one `order_id`, `detail` in
    words, and where it helps `product_name`, `buyer`, the `words` of a buyer, `rank`, by which what has no deadline is
    sorted, and `is_waiting`, false of what stands behind the others and in no count. Its parameters are `$now` and
    `$authorizations`, JSON text of the accounts by which the shop is reached.
    """

    name: str
    title: str
    otherwise: str
    tool: str
    id: str
    sql: str
    see_also: str = ""


@cache
def load_worklist_kinds(folder: Path = WORKLIST_FOLDER) -> Mapping[str, WorklistKind]:
    """Every kind by its name, which is its file's."""
    return {path.stem: _read_kind(path) for path in sorted(folder.glob("*.sql"))}


def _read_kind(path: Path) -> WorklistKind:
    facts, sql = split_sql_file(path.read_text(encoding="utf-8"))
    return WorklistKind(path.stem, sql=sql, **facts)


def compose_worklist_sql(kinds: Iterable[WorklistKind]) -> str:
    """One SELECT that finds the work of all kinds, each row with its `kind`."""
    return "\nUNION ALL BY NAME\n".join(f"SELECT '{kind.name}' AS kind, * FROM (\n{kind.sql}\n)" for kind in kinds)
