"""Holds statements against their transactions and transactions against orders: values in, disagreements out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.money import ZERO, sum_amounts
from mcp_server_tiktok_shop.tools.payouts.findings import Finding, Place, find_unreadable
from mcp_server_tiktok_shop.tools.payouts.records import PARTS

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator, Mapping
    from decimal import Decimal

    from mcp_server_tiktok_shop.tools.payouts.records import Statement, StatementTransactions, Transaction

CANCELLED = "CANCELLED"
CheckedStatement = tuple["Statement", "StatementTransactions"]


def deduplicate(contents: StatementTransactions) -> list[Transaction]:
    """A statement's transactions, each id once."""
    return list({row.id or place: row for place, row in enumerate(contents.transactions)}.values())


def sum_transactions(contents: StatementTransactions, part: str = "settlement") -> Decimal | None:
    """What the transactions add up to in one part; None where one of them can't be read.

    What is held in reserve is not part of the settlement: it stands beside it.
    """
    rows = [row for row in deduplicate(contents) if row.is_reserve == (part == "reserve")]
    if not all(row.amounts.is_certain(part) for row in rows):
        return None
    return sum_amounts(row.amounts.get(part) for row in rows)


def check_statement(statement: Statement, contents: StatementTransactions) -> list[Finding]:
    """Where a statement and its transactions disagree, and a transaction within itself."""
    place = Place(statement.id, currency=statement.currency)
    return [
        *find_unreadable(statement.amounts, "the statement", place),
        *find_unreadable(contents.amounts, "the statement's transactions in all", place),
        *(finding for row in deduplicate(contents) for finding in _check_transaction(row, _locate(statement, row))),
        *_check_settlement(statement, contents, place),
        *_check_parts(statement, contents, place),
        *_check_reserve(contents, place),
        *_check_count(contents, place),
    ]


def _locate(statement: Statement, row: Transaction) -> Place:
    return Place(statement.id, row.id, row.order_id, currency=statement.currency)


def _check_transaction(row: Transaction, place: Place) -> Iterator[Finding]:
    """A transaction settles what its parts add up to: fees and shipping bear their sign, so nothing is subtracted."""
    yield from find_unreadable(row.amounts, "a transaction", place)
    settled = row.amounts.get("settlement")
    if row.is_reserve or row.amounts.unreadable:
        return
    if settled is None:
        yield Finding("missing", "A transaction does not tell its settlement.", place)
        return
    expected = sum_amounts(row.amounts.get(part) for part in PARTS)
    if settled != expected and any(row.amounts.get(part) is not None for part in PARTS):
        told = "A transaction's revenue, shipping, fees and adjustment add up to something else than its settlement."
        yield Finding("wrong_amount", told, place, expected, settled)


def _check_settlement(statement: Statement, contents: StatementTransactions, place: Place) -> Iterator[Finding]:
    said, found, summed = (
        statement.amounts.get("settlement"),
        sum_transactions(contents),
        contents.amounts.get("settlement"),
    )
    if contents.currency and contents.currency != statement.currency:
        told = "The transactions are in another currency than the statement."
        yield Finding("wrong_currency", told, place, statement.currency, contents.currency)
    if said is None:
        if statement.amounts.is_certain("settlement"):
            yield Finding("missing", "The statement does not tell its settlement.", place, actual=found)
    elif found is not None and found != said:
        told = "The transactions add up to something else than the statement's settlement."
        yield Finding("wrong_amount", told, place, said, found)
    elif summed is not None and summed != said:
        told = "get_transactions_by_statement tells another settlement than get_statements."
        yield Finding("wrong_amount", told, place, said, summed)


def _check_parts(statement: Statement, contents: StatementTransactions, place: Place) -> Iterator[Finding]:
    """Revenue, fees, shipping and adjustments, where statement and transactions both tell them."""
    for part in PARTS:
        said, found = statement.amounts.get(part), sum_transactions(contents, part)
        told_by_rows = any(row.amounts.get(part) is not None for row in contents.transactions)
        if said is None or found is None or not told_by_rows or found == said:
            continue
        if part == "revenue" and found == statement.amounts.get("net_sales"):
            continue  # in some markets revenue is from before the seller's discounts, net sales from after them
        if part == "fees" and statement.amounts.get("shipping") is None:
            shipping = sum_transactions(contents, "shipping")
            if shipping is not None and found + shipping == said:
                continue  # in South-East Asia a statement's fees hold its shipping
        told = f"The transactions' {part} add up to something else than the statement's."
        yield Finding("wrong_amount", told, place, said, found)


def _check_reserve(contents: StatementTransactions, place: Place) -> Iterator[Finding]:
    """What is paid out is the settlement with the reserve: negative where held back, positive where released."""
    settled, reserve, payable = (contents.amounts.get(name) for name in ("settlement", "reserve", "payable"))
    if settled is not None and payable is not None and contents.amounts.is_certain("reserve"):
        expected = settled + (reserve or ZERO)
        if payable != expected:
            yield Finding("wrong_amount", "What is payable is not settlement and reserve.", place, expected, payable)
    found = sum_transactions(contents, "reserve")
    if reserve is not None and found is not None and found != reserve:
        told = "The reserve transactions add up to something else than the statement's reserve."
        yield Finding("wrong_amount", told, place, reserve, found)


def _check_count(contents: StatementTransactions, place: Place) -> Iterator[Finding]:
    there = len(contents.transactions)
    if contents.count is None or contents.count in (there, len(deduplicate(contents))):
        return
    told = "The platform counts other transactions than it lists."
    yield Finding("missing" if there < contents.count else "doubled", told, place, str(contents.count), str(there))


def find_duplicates(checked: Iterable[CheckedStatement]) -> list[Finding]:
    """Transactions that come twice, in one statement or in two.

    An order may rightly be settled again for another amount, as after a refund; for the same amount it is told.
    """
    found: list[Finding] = []
    ids: dict[str, str] = {}
    same: dict[tuple[str, str, Decimal], str] = {}
    for statement, contents in checked:
        for row in contents.transactions:
            amount = row.amounts.get("reserve" if row.is_reserve else "settlement")
            subject = (row.type, row.subject, amount) if row.subject and amount else None
            first = ids.get(row.id) or (same.get(subject) if subject else None)
            if row.id:
                ids.setdefault(row.id, statement.id)
            if subject:
                same.setdefault(subject, statement.id)
            if first is not None:
                told = f"The same transaction is already in statement {first}."
                found.append(Finding("doubled", told, _locate(statement, row), ZERO, amount))
    return found


def check_orders(
    checked: Iterable[CheckedStatement], statuses: Mapping[str, str], asked: Container[str]
) -> list[Finding]:
    """Transactions for orders that the shop does not have, or that were cancelled and yet earned something.

    `statuses` are those of the orders that were found, `asked` the ids of all that were looked for.
    """
    found: list[Finding] = []
    for statement, contents in checked:
        for row in deduplicate(contents):
            if not row.order_id or row.order_id not in asked:
                continue
            amount, place = row.amounts.get("settlement"), _locate(statement, row)
            if row.order_id not in statuses:
                told = "The shop has no order of this id, or no longer."
                found.append(Finding("unknown_order", told, place, actual=amount))
            elif statuses[row.order_id] == CANCELLED and amount and amount > 0:
                told = "The order is cancelled, and yet it was settled."
                found.append(Finding("cancelled_order", told, place, ZERO, amount))
    return found
