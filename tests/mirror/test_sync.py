"""The copy follows the shop: changes arrive, what is deleted goes, what fails is told, and nothing is read twice."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import duckdb
import pytest

from mcp_server_tiktok_shop.errors import ShopError
from mcp_server_tiktok_shop.mirror.batches import BatchKey
from mcp_server_tiktok_shop.mirror.spool import Spool
from mcp_server_tiktok_shop.mirror.tables import TableCatalog
from mcp_server_tiktok_shop.platform.client import CALL_TIMEOUT_S
from mcp_server_tiktok_shop.sandbox import Sandbox
from tests.mirror.shops import only_target, open_app, refreshed, rows_of
from tests.sandbox.client import NOW, Clock
from tests.waits import until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

DAY_S = 86400
ORDERS = "get_order_list"


@pytest.fixture
def clock() -> Clock:
    """Towards noon, within a second: minutes before midnight a statement would be added meanwhile."""
    return Clock(NOW + 0.5)


@pytest.fixture
def sandbox(clock: Clock) -> Sandbox:
    return Sandbox(orders=400, clock=clock)


def ids_of(rows: list[dict[str, Any]]) -> set[str]:
    return {row["id"] for row in rows}


def left_out(*ids: str) -> Callable[[Any], Any]:
    """An edit of answers in which these orders were never there."""

    def edit(data: Any) -> Any:
        kept = [order for order in data["orders"] if order["id"] not in ids]
        gone = len(data["orders"]) - len(kept)
        return {**data, "orders": kept, "total_count": data["total_count"] - gone}

    return edit


def touch(sandbox: Sandbox, count: int, now: float) -> list[str]:
    """Change the seller's note of some orders, as an edit at the shop would."""
    orders = sorted(sandbox.state.main.orders.values(), key=lambda order: order.create_time)[-200 : -200 + count]
    for order in orders:
        order.seller_note, order.touched_time = "changed", int(now)
    return [order.id for order in orders]


async def test_what_changed_arrives_and_the_rest_is_not_read_again(sandbox: Sandbox, clock: Clock, home: Path) -> None:
    async with sandbox.serve() as url, open_app(home, sandbox, url, clock) as app:
        first = await refreshed(app, ["orders"])
        assert len(rows_of(first, "orders")) == len(sandbox.state.main.orders)
        clock.now += 600
        changed = touch(sandbox, 7, clock.now)
        sandbox.log.clear()
        second = await refreshed(app, ["order_lines"])
        assert len(sandbox.log.list_entries(ORDERS)) == 1
        assert ids_of(rows_of(second, "orders", where="seller_note = 'changed'")) == set(changed)
        lines = {line.id for order in sandbox.state.main.orders.values() for line in order.lines}
        assert ids_of(rows_of(second, "order_lines")) == lines
        assert first.path != second.path
        assert rows_of(first, "orders", where="seller_note = 'changed'") == []


async def test_a_copy_that_is_fresh_enough_asks_nobody(sandbox: Sandbox, clock: Clock, home: Path) -> None:
    async with sandbox.serve() as url, open_app(home, sandbox, url, clock) as app:
        first = await refreshed(app, ["orders", "inventory"])
        sandbox.log.clear()
        clock.now += 59
        assert await refreshed(app, ["orders", "skus"], max_age_s=60) == first
        assert sandbox.log.list_entries(ORDERS) == []
        clock.now += 2
        again = await refreshed(app, ["orders"], max_age_s=60)
        assert len(sandbox.log.list_entries(ORDERS)) == 1
        # Orders of a simulated shop change with its clock, too: only where one did is there a new snapshot.
        is_same = rows_of(again, "orders", "*") == rows_of(first, "orders", "*")
        assert (again.path == first.path) == is_same
        assert again.tables["orders"].as_of == int(clock.now)


@pytest.mark.parametrize("table", ["orders", "unsettled_transactions", "inventory", "payments"])
async def test_a_question_of_the_same_second_reads_anew(sandbox: Sandbox, clock: Clock, home: Path, table: str) -> None:
    """However a table is read: by its changes, whole, for each row of another, or a span of its history again."""
    clock.now = int(clock.now) + 0.2
    async with sandbox.serve() as url, open_app(home, sandbox, url, clock) as app:
        operation = app.mirror.table_catalog.find_sources([table])[-1].operation
        await refreshed(app, [table])
        sandbox.log.clear()
        await refreshed(app, [table])
        assert sandbox.log.list_entries(operation) == [], "of this very moment"
        clock.now += 0.3
        await refreshed(app, [table], max_age_s=0.5)
        assert sandbox.log.list_entries(operation) == []
        found = await refreshed(app, [table])
        requests = len(sandbox.log.list_entries(operation))
        assert requests
        assert found.tables[table].as_of == int(clock.now)
        await refreshed(app, [table])
        assert len(sandbox.log.list_entries(operation)) == requests


async def test_a_change_of_the_same_second_arrives(sandbox: Sandbox, clock: Clock, home: Path) -> None:
    clock.now = int(clock.now) + 0.2
    async with sandbox.serve() as url, open_app(home, sandbox, url, clock) as app:
        await refreshed(app, ["orders"])
        clock.now += 0.1
        changed = touch(sandbox, 7, clock.now)
        clock.now += 0.1
        found = await refreshed(app, ["orders"])
        assert ids_of(rows_of(found, "orders", where="seller_note = 'changed'")) == set(changed)


async def test_a_state_of_whole_seconds_is_still_read(sandbox: Sandbox, clock: Clock, home: Path) -> None:
    async with sandbox.serve() as url:
        async with open_app(home, sandbox, url, clock) as app:
            first = await refreshed(app, ["orders"])
        path = first.path.parent / "current.json"
        state = json.loads(path.read_text())
        for source in state["sources"].values():
            source["as_of"], source["problem_at"] = int(source["as_of"]), int(source["problem_at"])
        path.write_text(json.dumps(state))
        sandbox.log.clear()
        async with open_app(home, sandbox, url, clock) as app:
            assert await refreshed(app, ["orders"], max_age_s=60) == first
            assert sandbox.log.list_entries(ORDERS) == []
            await refreshed(app, ["orders"])
            assert len(sandbox.log.list_entries(ORDERS)) == 1


async def test_what_the_platform_deleted_disappears(sandbox: Sandbox, clock: Clock, home: Path) -> None:
    async with sandbox.serve() as url, open_app(home, sandbox, url, clock) as app:
        first = await refreshed(app, ["products", "inventory", "orders"])
        gone_product, gone_order = rows_of(first, "products")[0]["id"], rows_of(first, "orders")[50]["id"]
        clock.now += 2 * DAY_S
        sandbox.faults.add(
            "search_products",
            times=None,
            edit=lambda data: {**data, "products": [p for p in data["products"] if p["id"] != gone_product]},
        )
        del sandbox.state.main.orders[gone_order]
        second = await refreshed(app, ["products", "skus", "inventory", "orders"])
        assert rows_of(second, "products", where=f"id = '{gone_product}'") == []
        assert rows_of(second, "skus", where=f"product_id = '{gone_product}'") == []
        assert rows_of(second, "inventory", where=f"product_id = '{gone_product}'") == []
        assert ids_of(rows_of(first, "products")) - ids_of(rows_of(second, "products")) == {gone_product}
        assert ids_of(rows_of(first, "orders")) - ids_of(rows_of(second, "orders")) == {gone_order}
        assert rows_of(second, "order_lines", where=f"order_id = '{gone_order}'") == []


async def test_a_deadline_brings_what_is_there_and_reading_goes_on(sandbox: Sandbox, clock: Clock, home: Path) -> None:
    gate = sandbox.faults.hold(ORDERS, times=None)
    async with sandbox.serve() as url, open_app(home, sandbox, url, clock) as app:
        await refreshed(app, ["warehouses"])
        early = await refreshed(app, ["orders"], patience_s=0.05)
        assert not early.tables["orders"].is_complete
        assert rows_of(early, "orders") == []
        target = await only_target(app)
        gate.open()

        async def is_complete() -> bool:
            found = await app.mirror.look(target)
            return found is not None and found.tables["orders"].is_complete

        await until(is_complete)
        found = await app.mirror.look(target)
        assert found is not None
        assert len(rows_of(found, "orders")) == len(sandbox.state.main.orders)


async def test_closing_ends_what_goes_on_and_another_process_goes_on_with_it(
    sandbox: Sandbox, clock: Clock, home: Path
) -> None:
    async with sandbox.serve() as url:
        sandbox.faults.add(ORDERS, delay=0.001)
        gate = sandbox.faults.hold(ORDERS, times=None)
        async with open_app(home, sandbox, url, clock) as app:
            with pytest.raises(ShopError, match="nothing of it is there yet"):
                await refreshed(app, ["orders"], patience_s=0.3)
            await until(lambda: gate.waiting)
            async with asyncio.timeout(CALL_TIMEOUT_S / 2):  # the requests under way are held for longer
                await app.close()
        assert sandbox.log.list_entries(ORDERS)
        sandbox.faults.clear()
        async with open_app(home, sandbox, url, clock) as app:
            whole = await refreshed(app, ["orders"])
            assert len(rows_of(whole, "orders")) == len(sandbox.state.main.orders)


async def test_a_table_that_is_refused_is_told_and_the_others_go_on(sandbox: Sandbox, clock: Clock, home: Path) -> None:
    sandbox.faults.add("get_statements", times=None, status=403, code=105005, message="Access denied: no scope.")
    async with sandbox.serve() as url, open_app(home, sandbox, url, clock, exclude_tools="get_conversations") as app:
        found = await refreshed(app, ["orders", "statements", "statement_transactions", "conversations"])
        assert found.tables["orders"].is_complete
        assert found.tables["orders"].problem == ""
        assert found.tables["statements"].problem != ""
        assert "switched off" in found.tables["conversations"].problem
        assert not found.tables["statement_transactions"].is_complete
        sandbox.faults.clear()
        clock.now += 1
        mended = await refreshed(app, ["statements", "statement_transactions"])
        assert (mended.tables["statements"].problem, mended.tables["statements"].is_complete) == ("", True)
        assert rows_of(mended, "statement_transactions")


async def test_where_nothing_can_be_read_the_reason_is_told(sandbox: Sandbox, clock: Clock, home: Path) -> None:
    sandbox.faults.add(ORDERS, times=None, status=403, code=105005, message="Access denied: no scope.")
    async with sandbox.serve() as url, open_app(home, sandbox, url, clock) as app:
        with pytest.raises(ShopError) as caught:
            await refreshed(app, ["orders"])
        assert "can't be read" in caught.value.message


async def test_odd_rows_are_passed_over_and_counted(sandbox: Sandbox, clock: Clock, home: Path) -> None:
    def edit(data: Any) -> Any:
        orders = [dict(order) for order in data["orders"]]
        orders[0]["payment"] = {**orders[0]["payment"], "total_amount": "1,200.50"}
        orders[1]["update_time"] = "soon"
        orders[2]["id"] = ""
        orders[3]["create_time"] = orders[3]["create_time"] * 1000
        orders[4]["payment"] = "none"
        orders[5]["line_items"] = {"id": "577400000000000001"}
        return {**data, "orders": [*orders, None, "x", 7]}

    async with sandbox.serve() as url, open_app(home, sandbox, url, clock, mirror_days="365") as app:
        sandbox.faults.add(ORDERS, edit=edit)
        found = await refreshed(app, ["orders", "order_lines"])
        assert found.tables["orders"].unreadable_count == 3
        rows = {row["id"]: row for row in rows_of(found, "orders")}
        newest = sorted(sandbox.state.main.orders.values(), key=lambda order: (-order.create_time, order.id))
        assert len(rows) == len(newest) - 1
        assert len([row for row in rows.values() if row["total_amount"] is None]) == 2
        times = {row["create_time"] for row in rows.values()}
        assert None not in times
        assert max(times) == datetime.fromtimestamp(newest[0].create_time, UTC)


async def test_an_amount_that_the_platform_tells_twice_has_one_row(sandbox: Sandbox, clock: Clock, home: Path) -> None:
    def edit(data: Any) -> Any:
        orders = [row for row in data["transactions"] if row["type"] == "ORDER"]
        for place, row in enumerate(orders):
            fees = row["fee_tax_breakdown"]["fee"]
            fees["affiliate_commission_amount"] = "-1.50" if place % 2 else "0.00"
            fees["affiliate_commission_amount_before_pit"] = "-1.50"
            row["shipping_cost_breakdown"]["shipping_fee_discount_amount"] = "2.00"
            row["shipping_cost_breakdown"]["tiktok_shop_shipping_incentive_amount"] = "2.00"
        return data

    async with sandbox.serve() as url, open_app(home, sandbox, url, clock) as app:
        sandbox.faults.add("get_transactions_by_statement", times=None, edit=edit)
        found = await refreshed(app, ["statement_fees"])
    rows = rows_of(found, "statement_fees")
    amounts: dict[str, list[tuple[str, Decimal]]] = {row["transaction_id"]: [] for row in rows}
    for row in rows:
        if "affiliate" in row["kind"] or row["kind"] in ("shipping_fee_discount", "tiktok_shop_shipping_incentive"):
            amounts[row["transaction_id"]].append((row["kind"], row["amount"]))
    # What stands under its second name alone keeps it.
    assert {tuple(sorted(each)) for each in amounts.values()} == {
        ((name, Decimal("-1.50")), ("shipping_fee_discount", Decimal(2)))
        for name in ("affiliate_commission", "affiliate_commission_amount_before_pit")
    }


async def test_buyers_are_masked_before_they_are_stored_and_modes_stand_apart(
    sandbox: Sandbox, clock: Clock, home: Path
) -> None:
    tables = TableCatalog().list_eager_tables()
    async with sandbox.serve() as url:
        async with open_app(home, sandbox, url, clock, buyer_data="full") as app:
            full = await refreshed(app, tables)
        async with open_app(home, sandbox, url, clock, buyer_data="masked") as app:
            assert await app.mirror.look(await only_target(app)) is None
            masked = await refreshed(app, tables)
        async with open_app(home, sandbox, url, clock, buyer_data="none") as app:
            none = await refreshed(app, tables)
    named = [row for row in rows_of(full, "orders") if row["recipient_name"]]
    assert named
    for row in named:
        (same,) = rows_of(masked, "orders", where=f"id = '{row['id']}'")
        assert same["recipient_name"] == row["recipient_name"][0] + "***"
        assert same["total_amount"] == row["total_amount"]
        assert "***" in same["recipient_postal_code"]
    assert {row["recipient_name"] for row in rows_of(none, "orders")} == {None}
    secrets = {row["recipient_name"] for row in named} | {row["recipient_postal_code"] for row in named}
    names = {name for name in secrets if name and len(name) > 4}
    for snapshot in (masked, none):
        with duckdb.connect(str(snapshot.path), read_only=True) as connection:
            for table in tables:
                text = json.dumps(connection.execute(f"SELECT * FROM {table}").fetchall(), default=str)
                assert not [name for name in names if name in text], table
        folder = snapshot.path.parent
        assert folder.stat().st_mode & 0o077 == 0
        for path in folder.rglob("*"):
            assert path.stat().st_mode & 0o077 == 0, path
        everything = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
        assert sandbox.accounts[0].access_token.encode() not in everything


async def test_a_name_that_a_buyer_wrote_on_the_order_is_masked_there_too(
    sandbox: Sandbox, clock: Clock, home: Path
) -> None:
    """The name stands in a column that is stored, the message in another; each is masked by what the other tells."""

    def edit(data: Any) -> Any:
        orders = [dict(order) for order in data["orders"]]
        for order in orders:
            order["recipient_address"] = {"name": "Rowan Specimen", "full_address": "7 Sample Lane, Testham"}
            order["buyer_message"] = "For Rowan Specimen, 7 Sample Lane"
        return {**data, "orders": orders}

    sandbox.faults.add(ORDERS, times=None, edit=edit)
    async with sandbox.serve() as url, open_app(home, sandbox, url, clock) as app:
        found = await refreshed(app, ["orders"])
    messages = {row["buyer_message"] for row in rows_of(found, "orders")}
    assert messages
    assert not [text for text in messages if "Rowan" in text or "Specimen" in text or "Lane" in text]


async def test_damage_and_records_of_another_version_lead_to_a_new_copy(
    sandbox: Sandbox, clock: Clock, home: Path
) -> None:
    async with sandbox.serve() as url:
        async with open_app(home, sandbox, url, clock) as app:
            first = await refreshed(app, ["orders"])
        count = len(rows_of(first, "orders"))

        def newest_snapshot() -> Path:
            return max(first.path.parent.glob("snapshot-*.duckdb"))

        def cut_short() -> None:
            newest_snapshot().write_bytes(newest_snapshot().read_bytes()[:50_000])

        def garble() -> None:
            path = newest_snapshot()
            content = bytearray(path.read_bytes())
            content[12_288:-1] = bytes(len(content) - 12_289)
            path.write_bytes(content)

        def forget_state() -> None:
            (first.path.parent / "current.json").unlink()

        def garble_state() -> None:
            (first.path.parent / "current.json").write_text('{"fingerprint": 5')

        def change_version() -> None:
            path = first.path.parent / "current.json"
            path.write_text(json.dumps(json.loads(path.read_text()) | {"fingerprint": "of other records"}))

        for harm in (cut_short, garble, forget_state, garble_state, change_version):
            harm()
            clock.now += 1000
            touch(sandbox, 1, clock.now)
            async with open_app(home, sandbox, url, clock) as app:
                found = await refreshed(app, ["orders"])
            assert len(rows_of(found, "orders")) == count, harm.__name__
            assert found.tables["orders"].is_complete


async def test_who_finds_a_snapshot_damaged_has_it_made_anew(sandbox: Sandbox, clock: Clock, home: Path) -> None:
    async with sandbox.serve() as url, open_app(home, sandbox, url, clock) as app:
        first = await refreshed(app, ["orders"])
        await app.mirror.discard(await only_target(app), first)
        assert await app.mirror.look(await only_target(app)) is None
        again = await refreshed(app, ["orders"], max_age_s=1e6)
        assert len(rows_of(again, "orders")) == len(sandbox.state.main.orders)


async def test_history_reaches_as_far_as_set_and_further_back_when_that_grows(
    sandbox: Sandbox, clock: Clock, home: Path
) -> None:
    def made_since(days: int) -> set[str]:
        return {o.id for o in sandbox.state.main.orders.values() if o.create_time >= int(began) - days * DAY_S}

    margin = 3  # so many days more are read: a clock that is set back, or an hour later, makes no gap

    began = clock.now
    async with sandbox.serve() as url:
        async with open_app(home, sandbox, url, clock, mirror_days="10") as app:
            short = await refreshed(app, ["orders"])
            assert short.tables["orders"].history_from == int(began) - (10 + margin) * DAY_S
            assert ids_of(rows_of(short, "orders")) == made_since(10 + margin)
            old = min(sandbox.state.main.orders.values(), key=lambda order: order.create_time)
            clock.now += 600
            old.touched_time = int(clock.now)
            same = await refreshed(app, ["orders"])
            assert ids_of(rows_of(same, "orders")) == made_since(10 + margin), (
                "an order older than the edge was taken in"
            )
        async with open_app(home, sandbox, url, clock, mirror_days="60") as app:
            longer = await refreshed(app, ["orders"])
            assert ids_of(rows_of(longer, "orders")) >= made_since(59)
            assert longer.tables["orders"].history_from == int(clock.now) - (60 + margin) * DAY_S


async def test_statements_that_are_paid_are_read_once(sandbox: Sandbox, clock: Clock, home: Path) -> None:
    operation = "get_transactions_by_statement"
    async with sandbox.serve() as url, open_app(home, sandbox, url, clock) as app:
        first = await refreshed(app, ["statement_transactions"])
        unpaid = rows_of(first, "statements", where="payment_status <> 'PAID'")
        assert rows_of(first, "statements", where="payment_status = 'PAID'")
        sandbox.log.clear()
        clock.now += 300
        await refreshed(app, ["statement_transactions"])
        assert len(sandbox.log.list_entries(operation)) == len(unpaid)


async def test_shops_are_copied_side_by_side_and_apart(clock: Clock, home: Path) -> None:
    sandbox = Sandbox(shops=3, orders=400, clock=clock)
    async with sandbox.serve() as url, open_app(home, sandbox, url, clock) as app:
        targets = await app.platform.shops.list_targets()
        assert len(targets) > 1
        deadline = time.monotonic() + 60
        found = await asyncio.gather(
            *(app.mirror.refresh(target, ["orders"], max_age_s=0, deadline=deadline) for target in targets)
        )
        orders_by_shop = {shop.id: set(shop.orders) for shop in sandbox.state.shops}
        for snapshot in found:
            assert ids_of(rows_of(snapshot, "orders")) == orders_by_shop[snapshot.shop.id]
            currencies = {row["currency"] for row in rows_of(snapshot, "orders")}
            assert currencies <= {snapshot.shop.currency}
            assert snapshot.zone.key != "UTC"


async def test_days_are_those_of_the_shop_when_clocks_change(home: Path) -> None:
    """25 October 2026 has 25 hours in London: an order of each hour is on its own day, as Python counts them."""
    clock = Clock(datetime(2026, 10, 28, 12, tzinfo=UTC).timestamp())
    sandbox = Sandbox(orders=400, clock=clock)
    async with sandbox.serve() as url, open_app(home, sandbox, url, clock) as app:
        found = await refreshed(app, ["orders"])
    zone = found.zone
    assert zone.key == "Europe/London"
    with duckdb.connect(str(found.path), read_only=True) as connection:
        connection.execute(f"SET TimeZone='{zone.key}'")
        days = connection.execute("SELECT create_time::DATE, count(*) FROM orders GROUP BY ALL").fetchall()
    orders = sandbox.state.main.orders.values()
    assert dict(days) == Counter(datetime.fromtimestamp(order.create_time, zone).date() for order in orders)


async def test_a_server_that_is_pinned_holds_its_shop_alone(clock: Clock, home: Path) -> None:
    sandbox = Sandbox(shops=3, orders=50, clock=clock)
    async with sandbox.serve() as url, open_app(home, sandbox, url, clock, shop="DE") as app:
        (target,) = await app.platform.shops.list_targets()
        assert target.shop is not None
        found = await refreshed(app, ["orders"], shop=None)
        assert found.shop.id == target.shop.id
        assert [folder.name for folder in (home / "mirror" / "masked").iterdir()] == [target.shop.id]


async def cut_off(sandbox: Sandbox, clock: Clock, home: Path, url: str) -> Path:
    """A page of orders that was read and not laid in yet, as a server that was ended leaves it."""
    sandbox.faults.add(ORDERS, delay=0.001)
    sandbox.faults.hold(ORDERS, times=None)
    async with open_app(home, sandbox, url, clock) as app:
        await refreshed(app, ["warehouses"])
        await refreshed(app, ["orders"], patience_s=0.1)
        await until(lambda: list((home / "mirror").glob("*/*/spool/*.ndjson")))
    sandbox.faults.clear()
    return next((home / "mirror").glob("*/*/spool/*.ndjson"))


async def test_a_page_that_can_not_be_read_back_is_read_anew(sandbox: Sandbox, clock: Clock, home: Path) -> None:
    async with sandbox.serve() as url:
        path = await cut_off(sandbox, clock, home, url)
        *lines, mark = path.read_bytes().splitlines(keepends=True)
        odd = b'{"table": "orders", "moment": 1, "place": 1, "cells": "odd"}\n'
        path.write_bytes(b"".join([*lines, odd, mark]))
        async with open_app(home, sandbox, url, clock) as app:
            await refreshed(app, ["orders"])
            clock.now += 1
            found = await refreshed(app, ["orders"])
        assert len(rows_of(found, "orders")) == len(sandbox.state.main.orders)
        assert found.tables["orders"].problem == ""


def test_a_page_of_an_earlier_version_counts_for_nothing(tmp_path: Path) -> None:
    spool, key = Spool(tmp_path, str), BatchKey("orders", "history", 1, 2)
    path = spool.open_batch(key, 7.0).path
    path.write_bytes(b'{"moment": 1, "rows": {"orders": [["1"]]}, "read_at": 5, "resume": {}, "is_complete": true}\n')
    batch = spool.open_batch(key, 7.0)
    assert (batch.read_at, batch.page_count, batch.is_complete) == (7.0, 0, False)
    assert not path.exists()


@pytest.mark.parametrize("older", [{"moment": 1.0}, {"place": 0}], ids=["an earlier page", "an earlier place"])
async def test_of_a_row_that_came_twice_the_last_counts(
    older: dict[str, float], sandbox: Sandbox, clock: Clock, home: Path
) -> None:
    async with sandbox.serve() as url:
        path = await cut_off(sandbox, clock, home, url)
        lines = path.read_bytes().splitlines(keepends=True)
        rows = [line for line in map(json.loads, lines) if line.get("table") == "orders"]
        assert "WRONG" not in {row["cells"][1] for row in rows}
        twins = [row | older | {"cells": [row["cells"][0], "WRONG", *row["cells"][2:]]} for row in rows]
        path.write_bytes(b"".join([*lines[:-1], *(json.dumps(twin).encode() + b"\n" for twin in twins), lines[-1]]))
        async with open_app(home, sandbox, url, clock) as app:
            found = await refreshed(app, ["orders"])
    statuses = [row["status"] for row in rows_of(found, "orders")]
    assert len(statuses) == len(sandbox.state.main.orders)
    assert "WRONG" not in statuses


async def test_a_platform_that_takes_few_requests_is_read_at_its_pace(home: Path) -> None:
    sandbox = Sandbox(orders=1_500, requests_per_second=8)
    async with sandbox.serve() as url, open_app(home, sandbox, url) as app:
        found = await refreshed(app, ["orders", "packages"])
    for table in ("orders", "packages"):
        assert (found.tables[table].problem, found.tables[table].is_complete) == ("", True)
    assert ids_of(rows_of(found, "orders")) == set(sandbox.state.main.orders)


async def test_many_who_ask_at_once_read_once(sandbox: Sandbox, clock: Clock, home: Path) -> None:
    async with sandbox.serve() as url, open_app(home, sandbox, url, clock) as app:
        found = await asyncio.gather(*(refreshed(app, ["orders"]) for _ in range(10)))
        assert len({snapshot.path for snapshot in found}) == 1
        assert len(rows_of(found[0], "orders")) == len(sandbox.state.main.orders)
        assert len(sandbox.log.list_entries(ORDERS)) <= 12


async def test_who_asks_for_another_table_than_the_one_that_is_being_read_need_not_wait_for_it(
    sandbox: Sandbox, clock: Clock, home: Path
) -> None:
    sandbox.faults.add(ORDERS, delay=0.001)
    gate = sandbox.faults.hold(ORDERS, times=None)
    async with (
        sandbox.serve() as url,
        open_app(home, sandbox, url, clock) as one,
        open_app(home, sandbox, url, clock) as other,
    ):
        reading = asyncio.create_task(refreshed(one, ["orders"]))
        await until(lambda: gate.waiting)
        found = await refreshed(other, ["warehouses", "inventory"])
        assert not reading.done()
        for table in ("warehouses", "inventory"):
            assert found.tables[table].is_complete
            assert rows_of(found, table)
        gate.open()
        assert len(rows_of(await reading, "orders")) == len(sandbox.state.main.orders)


async def test_a_copy_is_forgotten_whole(sandbox: Sandbox, clock: Clock, home: Path) -> None:
    async with sandbox.serve() as url, open_app(home, sandbox, url, clock) as app:
        target = await only_target(app)
        assert target.shop is not None
        found = await refreshed(app, ["orders"])
        await app.mirror.forget(target.shop.id)
        assert [path.name for path in found.path.parent.rglob("*")] == ["writer.lock"]
        assert await app.mirror.look(target) is None
        assert rows_of(await refreshed(app, ["orders"]), "orders")


async def test_a_home_that_can_not_be_written_is_told(sandbox: Sandbox, clock: Clock, home: Path) -> None:
    async with sandbox.serve() as url, open_app(home, sandbox, url, clock) as app:
        (home / "mirror").parent.mkdir(parents=True, exist_ok=True)
        (home / "mirror").write_text("a file in the folder's place")
        with pytest.raises(ShopError, match="can't be written") as caught:
            await refreshed(app, ["orders"])
        assert caught.value.kind == "not_configured"


async def test_a_change_while_it_is_read_is_not_lost(sandbox: Sandbox, clock: Clock, home: Path) -> None:
    """Orders that change between two pages of changes move to the end: none is skipped."""
    async with sandbox.serve() as url, open_app(home, sandbox, url, clock) as app:
        await refreshed(app, ["orders"])
        clock.now += 1000
        touch(sandbox, 150, clock.now)
        moved = sorted(o.id for o in sandbox.state.main.orders.values() if o.seller_note == "changed")[:60]

        def edit(data: Any) -> Any:
            clock.now += 5
            for order_id in moved:
                order = sandbox.state.main.orders[order_id]
                order.seller_note, order.touched_time = "changed again", int(clock.now)
            return data

        sandbox.faults.add(ORDERS, edit=edit)
        clock.now += 1
        await refreshed(app, ["orders"])
        clock.now += 1
        found = await refreshed(app, ["orders"])
        notes = {row["id"]: row["seller_note"] for row in rows_of(found, "orders", where="seller_note IS NOT NULL")}
        said = {o.id: o.seller_note for o in sandbox.state.main.orders.values() if o.seller_note}
        assert notes == said


async def test_who_waited_for_another_and_found_nothing_left_to_read_lets_others_read(home: Path) -> None:
    sandbox = Sandbox(orders=4)
    async with sandbox.serve() as url, open_app(home, sandbox, url) as one, open_app(home, sandbox, url) as other:
        for _ in range(5):
            sandbox.faults.add("search_products", times=None, delay=0.15)
            await asyncio.gather(*(refreshed(app, ["products"], max_age_s=60) for app in (one, other)))
            sandbox.faults.clear()
            sandbox.log.clear()
            await refreshed(one, ["products"])
            assert sandbox.log.list_entries("search_products")
            await one.mirror.forget(None)
