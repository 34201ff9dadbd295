"""Questions in SQL over the shops' fresh copies, as a client asks them: what comes back, and what is said beside it."""

from __future__ import annotations

import json
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from mcp_server_tiktok_shop.mirror.tables import TableCatalog
from mcp_server_tiktok_shop.sandbox import Sandbox
from mcp_server_tiktok_shop.tools.query_shop import QUESTION_RESERVE_S
from tests.keys import reply

if TYPE_CHECKING:
    from mcp import Client

    from tests.conftest import Connect

TABLES = TableCatalog().tables
SALES = "SELECT shop, currency, count(*) AS orders, sum(total_amount) AS paid FROM orders GROUP BY ALL ORDER BY shop"
MAX_DESCRIPTION_BYTES = 2_600  # about 700 tokens


async def ask(client: Client, sql: str, **more: Any) -> Any:
    return reply(await client.call_tool("query_shop", {"sql": sql, **more}))


async def refuse(client: Client, tool: str, arguments: dict[str, Any]) -> Any:
    result = await client.call_tool(tool, arguments)
    assert result.is_error
    return reply(result)


async def read_orders(client: Client, shop: str) -> list[dict[str, Any]]:
    arguments = {"pages": "all", "shop": shop, "fields": ["orders.id", "orders.status", "orders.payment.total_amount"]}
    answer = reply(await client.call_tool("get_order_list", arguments))
    table = answer["data"]["orders"]
    return [dict(zip(table["columns"], row, strict=True)) for row in table["rows"]]


async def test_a_sum_equals_that_of_the_platforms_own_answers(connect: Connect) -> None:
    async with connect(sandbox="1", sandbox_object=Sandbox(orders=80)) as client:
        orders = await read_orders(client, "GB")
        answer = await ask(
            client, "SELECT status, sum(total_amount), avg(total_amount) FROM orders GROUP BY 1 ORDER BY 1"
        )
    groups: dict[str, list[Decimal]] = defaultdict(list)
    for order in orders:
        groups[order["status"]].append(Decimal(order["payment.total_amount"]))
    cent = Decimal("0.01")
    expected = [
        [status, str(sum(amounts)), str((Decimal(sum(amounts)) / len(amounts)).quantize(cent, "ROUND_HALF_UP"))]
        for status, amounts in sorted(groups.items())
    ]
    assert answer["data"]["result"]["rows"] == expected
    # What has no type there is text.
    assert answer["data"]["types"] == {"sum(total_amount)": "DECIMAL", "avg(total_amount)": "DECIMAL"}
    assert answer["data"]["as_of"]
    assert answer["data"]["history_from"]["orders"] < answer["data"]["as_of"]


async def test_every_result_can_be_read_again_and_saved_however_small(connect: Connect) -> None:
    async with connect(sandbox="1", sandbox_object=Sandbox(orders=40)) as client:
        small = await ask(client, "SELECT count(*) AS orders FROM orders")
        assert small["data"]["result"] == {"columns": ["orders"], "rows": [[40]]}
        again = reply(await client.call_tool("read_result", {"id": small["result_id"]}))["data"]
        assert (again["columns"], again["rows"]) == (["orders"], [[40]])
        saved = reply(await client.call_tool("save_result", {"id": small["result_id"]}))["data"]
        assert saved["rows"] == 1
        empty = await ask(client, "SELECT id FROM orders WHERE id = 'none'")
        assert empty["data"]["result"] == {"columns": ["id"], "rows": []}
        assert empty["data"]["note"].startswith("No row matches in what the copy holds: orders since 20")


async def test_what_is_found_by_a_masked_column_is_said_not_to_be_so(connect: Connect) -> None:
    named = "WITH c AS (SELECT buyer_nickname AS who FROM conversations)"
    questions = {
        "SELECT id FROM orders WHERE recipient_postal_code LIKE 'EH%'": "recipient_postal_code",
        "SELECT count(DISTINCT recipient_name) FROM orders": "recipient_name",
        "SELECT buyer_nickname AS who, count(*) FROM conversations GROUP BY ALL": "buyer_nickname",
        f"{named} SELECT 1 FROM c WHERE who = 'a'": "buyer_nickname",
        "SELECT o.id FROM orders o JOIN conversations c USING (shop, buyer_nickname)": "buyer_nickname",
        "SELECT id FROM orders ORDER BY coalesce(recipient_name, ''), id LIMIT 1": "recipient_name",
        "SELECT coalesce(recipient_name, '') AS who FROM orders WHERE who LIKE 'Zz%'": "recipient_name",
        "SELECT any_value(recipient_name) AS who FROM orders GROUP BY status HAVING who = 'a'": "recipient_name",
        "WITH c(who) AS (SELECT buyer_nickname FROM conversations) SELECT 1 FROM c WHERE who = 'a'": "buyer_nickname",
        "SELECT 1 FROM (SELECT buyer_nickname FROM conversations) c(who) WHERE who = 'a'": "buyer_nickname",
        f"{named}, d AS (SELECT who AS whom FROM c) SELECT whom AS w FROM d WHERE w = 'a'": "buyer_nickname",
        "SELECT recipient_name FROM orders UNION SELECT 'a'": "recipient_name",
        "SELECT count(*) FROM orders WHERE recipient_name = 'Ann'": "recipient_name",
    }
    async with connect(sandbox="1") as client:
        for sql, masked in questions.items():
            note = (await ask(client, sql))["data"]["note"]
            assert note.startswith(f"MASKED (***): {masked}. "), sql
            assert "No row matches" not in note
            assert "Nothing was counted" not in note
            assert "user_id" in note


@pytest.mark.parametrize(
    ("sql", "column"),
    [
        ("SELECT text FROM messages WHERE text LIKE '%@%'", "text"),
        ("SELECT count(*) FROM messages WHERE text ILIKE '%@gmail%'", "text"),
        ("SELECT lower(text) AS words FROM messages WHERE words LIKE '%@%'", "text"),
        ("SELECT id FROM orders WHERE regexp_matches(buyer_message, '\\d{9}')", "buyer_message"),
        ("SELECT id FROM orders WHERE contains(buyer_message || seller_note, '0171')", "buyer_message, seller_note"),
    ],
)
@pytest.mark.parametrize("buyer_data", ["masked", "none"])
async def test_a_search_for_what_is_masked_in_texts_is_not_told_as_nothing_written(
    connect: Connect, sql: str, column: str, buyer_data: str
) -> None:
    async with connect(sandbox="1", buyer_data=buyer_data, sandbox_object=Sandbox(orders=20)) as client:
        told = (await ask(client, sql))["data"]
    assert told["note"].startswith(f"MASKED (***) in {column}: e-mail addresses, phone numbers, addresses.")
    assert "No row matches" not in told["note"]
    assert "Nothing was counted" not in told["note"]


async def test_words_that_are_not_found_in_texts_may_be_masked_there_and_found_ones_are_not(connect: Connect) -> None:
    name = "SELECT text FROM messages WHERE text ILIKE '%Zzyzx%'"
    async with connect(sandbox="1", sandbox_object=Sandbox(orders=40)) as client:
        unfound = (await ask(client, name))["data"]
        found = (await ask(client, "SELECT text FROM messages WHERE text ILIKE '%ship to ireland%'"))["data"]
        status = (await ask(client, "SELECT id FROM orders WHERE status LIKE 'NONE%'"))["data"]
    assert unfound["result"]["rows"] == []
    assert "No row matches" in unfound["note"]
    assert "MASKED (***) in text: names, numbers and addresses, which no search finds." in unfound["note"]
    assert found["result"]["rows"]
    assert "MASKED" not in found["note"]
    assert "MASKED" not in status["note"]
    async with connect(sandbox="1", buyer_data="full", sandbox_object=Sandbox(orders=40)) as client:
        assert "MASKED" not in (await ask(client, name))["data"]["note"]


async def test_a_mask_that_changes_nothing_is_not_spoken_of(connect: Connect) -> None:
    questions = [
        "SELECT id, recipient_name FROM orders LIMIT 1",
        "SELECT buyer_user_id, buyer_nickname, count(*) FROM conversations GROUP BY ALL",
        "SELECT status, any_value(recipient_name) FROM orders GROUP BY 1",
        "SELECT count(recipient_name) FROM orders",
        "SELECT id FROM orders WHERE recipient_name IS NOT NULL",
        "SELECT DISTINCT status FROM orders ORDER BY recipient_region_code, status",
        "SELECT count(recipient_name) AS named FROM orders HAVING named > 3",
        "SELECT id, recipient_name AS who FROM orders ORDER BY id LIMIT 1",
        "SELECT recipient_name FROM orders UNION ALL SELECT 'a'",
        "SELECT length(text) AS size FROM messages WHERE size > 10",
    ]
    async with connect(sandbox="1") as client:
        for sql in questions:
            assert "MASKED" not in (await ask(client, sql))["data"].get("note", ""), sql


async def test_what_whole_listings_alone_tell_is_asked_of_all_at_once_and_is_new_after_an_edit(
    connect: Connect,
) -> None:
    sql = "SELECT DISTINCT product_id, description, package_weight, package_weight_unit FROM product_details"
    async with connect(sandbox="1", confirm="none", sandbox_object=Sandbox(orders=20)) as client:
        first = (await ask(client, f"{sql} ORDER BY ALL"))["data"]["result"]["rows"]
        listed = reply(await client.call_tool("search_products", {"pages": "all", "fields": ["products.id"]}))
        ids = sorted(row[0] for row in listed["data"]["products"]["rows"])
        whole = [
            reply(await client.call_tool("get_product", {"product_id": each, "fields": ["*"]}))["data"] for each in ids
        ]
        edit = {"product_id": ids[0], "package_weight": {"value": "0.775", "unit": "KILOGRAM"}}
        reply(await client.call_tool("run_write_operation", {"name": "partial_edit_product", "arguments": edit}))
        changed = (await ask(client, f"{sql} WHERE package_weight = 0.775", max_age=3600))["data"]["result"]["rows"]
    expected = [
        [p["id"], p["description"], Decimal(p["package_weight"]["value"]), p["package_weight"]["unit"]]
        for p in whole
        if p["status"] != "DELETED"
    ]
    assert [[*row[:2], Decimal(row[2]), row[3]] for row in first] == expected
    assert [row[0] for row in changed] == [ids[0]]


async def test_what_is_taken_out_is_told_from_what_is_not_there_and_what_is_shown_can_be_asked_by(
    connect: Connect,
) -> None:
    sql = "SELECT buyer_nickname FROM conversations WHERE buyer_nickname LIKE '%a%'"
    async with connect(sandbox="1", buyer_data="none") as client:
        assert (await ask(client, sql))["data"]["note"].startswith("TAKEN OUT (NULL): buyer_nickname. ")
    async with connect(sandbox="1", buyer_data="full") as client:
        answer = await ask(client, sql)
    assert answer["data"]["row_count"] > 0
    assert "buyer_nickname" not in answer["data"].get("note", "")


async def test_a_large_result_stays_within_its_budget_and_is_read_to_its_end(connect: Connect) -> None:
    async with connect(sandbox="1", sandbox_object=Sandbox(orders=400)) as client:
        answer = await ask(client, "SELECT * FROM orders ORDER BY id")
        assert len(json.dumps(answer, separators=(",", ":"))) < 42_000
        rows = answer["data"]["result"]["rows"]
        assert answer["left_out"] == 400 - len(rows)
        assert answer["data"]["row_count"] == 400
        while len(rows) < 400:
            arguments = {"id": answer["result_id"], "path": "result", "offset": len(rows)}
            rows += reply(await client.call_tool("read_result", arguments))["data"]["rows"]
        place = answer["data"]["result"]["columns"].index("id")
        assert len({row[place] for row in rows}) == 400


async def test_several_shops_are_asked_at_once_by_the_names_they_go_by(connect: Connect) -> None:
    async with connect(sandbox="1", sandbox_shops=3, sandbox_object=None) as client:
        shops = reply(await client.call_tool("list_shops", {}))["data"]["shops"]
        names = [shop["name"] for shop in shops]
        everything = await ask(client, SALES, shop="all")
        rows = everything["data"]["result"]["rows"]
        assert [row[0] for row in rows] == sorted(names)
        assert {row[0]: row[1] for row in rows} == {shop["name"]: shop["currency"] for shop in shops}
        two = [row for row in rows if row[0] in names[:2]]
        for chosen in (", ".join(names[:2]), json.dumps(names[:2]), f"{shops[0]['id']},{names[1]},{names[0]}"):
            assert (await ask(client, SALES, shop=chosen))["data"]["result"]["rows"] == two
        one = await ask(client, SALES, shop=names[2])
        assert one["data"]["result"]["rows"] == [row for row in rows if row[0] == names[2]]
        unnamed = await refuse(client, "query_shop", {"sql": SALES})
        assert unnamed["error"] == "shop_required"
        assert "all" in unnamed["hint"]
        unknown = await refuse(client, "query_shop", {"sql": SALES, "shop": f"{names[0]}, Nobody"})
        assert unknown["error"] == "shop_required"
        assert [shop["name"] for shop in unknown["shops"]] == names


async def test_the_shops_of_a_product_are_a_list(connect: Connect) -> None:
    sql = "SELECT title, list(DISTINCT shop ORDER BY shop) AS shops FROM products GROUP BY title ORDER BY title"
    async with connect(sandbox="1", sandbox_shops=3) as client:
        answer = await ask(client, sql, shop="all")
        names = {shop["name"] for shop in reply(await client.call_tool("list_shops", {}))["data"]["shops"]}
    rows = answer["data"]["result"]["rows"]
    assert {name for _, shops in rows for name in shops} == names


async def test_days_and_times_of_all_shops_are_those_of_each_alone(connect: Connect) -> None:
    since = (datetime.now(UTC) - timedelta(30)).date()
    days = "SELECT shop, {} AS day, count(*) AS orders FROM orders WHERE {} >= "
    days += f"'{since}' GROUP BY ALL ORDER BY ALL"
    local = "timezone(zone, create_time)"
    times = "SELECT shop, zone, id, create_time FROM orders ORDER BY shop, id"
    async with connect(sandbox="1", sandbox_shops=3) as client:
        shops = sorted(reply(await client.call_tool("list_shops", {}))["data"]["shops"], key=lambda shop: shop["name"])
        assert len({shop["time_zone"] for shop in shops}) > 1
        alone_days, alone_times = [], []
        for shop in shops:
            own = await ask(client, days.format("create_time::DATE", "create_time"), shop=shop["name"], max_age=3600)
            alone_days += own["data"]["result"]["rows"]
            own = await ask(client, times, shop=shop["name"], max_age=3600)
            alone_times += own["data"]["result"]["rows"]
        together = await ask(client, days.format(f"{local}::DATE", local), shop="all", max_age=3600)
        assert together["data"]["result"]["rows"] == alone_days
        assert "note" not in together["data"]
        everything = await ask(client, times, shop="all", max_age=3600, save_as="times.json")
        saved = everything["data"]["saved"]
        assert json.loads(Path(saved["path"]).read_text(encoding="utf-8")) == [  # noqa: ASYNC240
            dict(zip(("shop", "zone", "id", "create_time"), row, strict=True)) for row in alone_times
        ]
        assert {row[0]: row[1] for row in alone_times} == {shop["name"]: shop["time_zone"] for shop in shops}
        foreign = await ask(client, days.format("create_time::DATE", "create_time"), shop="all", max_age=3600)
        for word in ("UTC", "timezone(zone, create_time)::DATE", *(shop["time_zone"] for shop in shops)):
            assert word in foreign["data"]["note"]


async def test_amounts_of_several_currencies_in_one_sum_are_noted(connect: Connect) -> None:
    async with connect(sandbox="1", sandbox_shops=3) as client:
        shops = reply(await client.call_tool("list_shops", {}))["data"]["shops"]
        assert len({shop["currency"] for shop in shops}) > 1
        mixed = await ask(client, "SELECT sum(total_amount) AS paid FROM orders", shop="all")
        assert "several currencies" in mixed["data"]["note"]
        apart = await ask(client, SALES, shop="all")
        assert "several currencies" not in apart["data"].get("note", "")
        assert "converted" not in apart["data"].get("note", "")
        saved = await ask(client, "SELECT shop, id, currency, total_amount FROM orders", shop="all", save_as="all.csv")
        for shop in shops:
            assert shop["currency"] in saved["data"]["note"]
        assert "none was converted" in saved["data"]["note"]
        ids = await ask(client, "SELECT shop, id FROM orders", shop="all", save_as="ids.csv")
        assert "converted" not in ids["data"].get("note", "")


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ("promotions", ("oupons are not in", "search_coupon_list", "Seller Center")),
        ("statement_fees", ("djustments are not in", "statement_transactions.adjustment_amount")),
    ],
)
async def test_what_a_table_does_not_hold_is_told_with_it_and_with_answers_from_it(
    connect: Connect, table: str, words: tuple[str, ...]
) -> None:
    async with connect(sandbox="1", sandbox_object=Sandbox(orders=12)) as client:
        answer = await ask(client, f"SELECT count(*) AS n FROM {table}")
        other = await ask(client, "SELECT count(*) AS n FROM orders")
        described = reply(await client.call_tool("describe_tables", {"tables": [table]}))["data"]["tables"][table]
        parcels = reply(await client.call_tool("describe_tables", {"tables": ["packages"]}))["data"]["tables"]
    for word in words:
        assert word in answer["data"]["note"]
        assert word in described["meaning"]
        assert word not in other["data"].get("note", "")
    assert "orders.rts_time" in parcels["packages"]["meaning"]


async def test_a_deadline_that_is_shown_says_what_must_have_happened_by_then(connect: Connect) -> None:
    async with connect(sandbox="1", sandbox_object=Sandbox(orders=12)) as client:
        both = await ask(client, "SELECT id, rts_sla_time AS soon, max(tts_sla_time) FROM orders GROUP BY ALL")
        none = await ask(client, "SELECT id FROM orders WHERE rts_sla_time IS NOT NULL")
    assert "rts_sla_time: until when it must be announced" in both["data"]["note"]
    assert "tts_sla_time: until when the carrier must have it" in both["data"]["note"]
    assert "sla_time" not in none["data"].get("note", "")


async def test_a_pinned_server_asks_its_own_shop_alone(connect: Connect) -> None:
    async with connect(sandbox="1", sandbox_shops=3) as client:
        names = [shop["name"] for shop in reply(await client.call_tool("list_shops", {}))["data"]["shops"]]
    async with connect(sandbox="1", sandbox_shops=3, shop=names[1]) as client:
        for more in ({}, {"shop": "all"}, {"shop": names[1]}):
            answer = await ask(client, SALES, **more)
            assert [row[0] for row in answer["data"]["result"]["rows"]] == [names[1]]
        refusal = await refuse(client, "query_shop", {"sql": SALES, "shop": names[0]})
        assert refusal["error"] == "shop_required"
        assert [shop["name"] for shop in refusal["shops"]] == [names[1]]


async def test_texts_by_others_are_named_whatever_their_columns_are_called(connect: Connect) -> None:
    async with connect(sandbox="1", sandbox_object=Sandbox(orders=40)) as client:
        answer = await ask(
            client,
            "SELECT o.id, upper(product_name) AS a, o.buyer_nickname AS b, count(*) AS c, o.status AS d"
            " FROM orders o JOIN order_lines l ON l.order_id = o.id GROUP BY ALL",
        )
        assert answer["untrusted"] == ["result.a", "result.b"]
        chats = await ask(client, "SELECT id, last_message AS words FROM conversations")
        assert chats["untrusted"] == ["result.words"]
        plain = await ask(client, "SELECT id, status FROM orders")
        assert "untrusted" not in plain


async def test_what_a_buyer_once_wrote_is_found_and_a_chat_is_read_again_only_when_someone_wrote(
    connect: Connect,
) -> None:
    """The words of a chat that went on since, which no list of chats has."""
    sandbox = Sandbox(orders=40)
    asked = "SELECT conversation_id, text FROM messages WHERE sender_role = 'BUYER' AND text ILIKE '%ship to ireland%'"
    said = "SELECT text FROM messages WHERE sender_role <> 'BUYER' AND text ILIKE '%by tomorrow noon%'"
    async with connect(sandbox="1", confirm="none", sandbox_object=sandbox) as client:
        found = await ask(client, asked)
        ((chat, words),) = found["data"]["result"]["rows"]
        assert words == "Do you ship to Ireland?"
        assert found["untrusted"] == ["result.text"]
        masked = await ask(client, "SELECT text FROM messages WHERE text ILIKE '%call me%'")
        assert all("***" in text for (text,) in masked["data"]["result"]["rows"])
        assert masked["data"]["row_count"]
        sandbox.log.clear()
        again = await ask(client, asked, max_age=0)
        assert again["data"]["result"] == found["data"]["result"]
        assert sandbox.log.list_entries("get_conversations")
        assert not sandbox.log.list_entries("get_conversation_messages")
        await client.call_tool("reply_to_buyer", {"conversation_ids": [chat], "text": "We answer by tomorrow noon."})
        sandbox.log.clear()
        answered = await ask(client, said, max_age=0)
    assert answered["data"]["result"]["rows"] == [["We answer by tomorrow noon."]]
    assert {entry.path.split("/")[4] for entry in sandbox.log.list_entries("get_conversation_messages")} == {chat}


async def test_a_buyer_who_only_opened_a_chat_is_told_apart_from_one_who_wrote(connect: Connect) -> None:
    sandbox = Sandbox(orders=40)
    shop = sandbox.accounts[0].shops[0]
    expected = set()
    for chat in shop.chats.conversations.values():
        roles = [message.role for message in chat.messages if not message.kind.startswith("BUYER_ENTER")]
        last_answer = max((place for place, role in enumerate(roles) if role != "BUYER"), default=-1)
        expected |= {chat.id} if len(roles) - 1 - last_answer >= 2 else set()
    unanswered = (
        "SELECT conversation_id FROM messages AS m WHERE sender_role = 'BUYER'{written} AND create_time > coalesce(("
        "SELECT max(create_time) FROM messages AS own WHERE own.conversation_id = m.conversation_id"
        " AND sender_role <> 'BUYER'), TIMESTAMP '2000-01-01') GROUP BY 1 HAVING count(*) >= 2"
    )
    async with connect(sandbox="1", sandbox_object=sandbox) as client:
        naive = await ask(client, unanswered.format(written=""))
        written = await ask(client, unanswered.format(written=" AND type NOT LIKE 'BUYER_ENTER%'"))
    assert expected
    assert {chat for (chat,) in written["data"]["result"]["rows"]} == expected
    assert {chat for (chat,) in naive["data"]["result"]["rows"]} > expected
    assert "what was written has type NOT LIKE 'BUYER_ENTER%'" in naive["data"]["note"], "who asks so is told"


async def test_buyers_stay_masked_whatever_is_asked(connect: Connect) -> None:
    async with connect(sandbox="1", sandbox_object=Sandbox(orders=60), buyer_data="masked") as client:
        answer = await ask(client, "SELECT DISTINCT recipient_name, buyer_nickname, recipient_postal_code FROM orders")
        for name, nickname, code in answer["data"]["result"]["rows"]:
            assert all(text is None or "*" in text for text in (name, nickname, code))


async def test_what_is_wrong_with_a_statement_is_told_before_anything_is_read(connect: Connect) -> None:
    async with connect(sandbox="1", sandbox_object=Sandbox(orders=10)) as client:
        wrong = await refuse(client, "query_shop", {"sql": "SELECT id,\n totl_amount\nFROM orders"})
        assert wrong["error"] == "invalid_arguments"
        assert wrong["problems"][0]["argument"] == "sql"
        assert "total_amount" in wrong["message"]
        assert "line 2" in wrong["message"]
        for sql in (
            "DELETE FROM orders",
            "SELECT * FROM 'x.csv'",
            "SELECT * FROM duckdb_settings()",
            "SELECT 1; SELECT 2",
        ):
            assert (await refuse(client, "query_shop", {"sql": sql}))["error"] == "invalid_arguments"


async def test_a_change_at_the_shop_is_seen_by_the_next_question(connect: Connect) -> None:
    async with connect(sandbox="1", sandbox_object=Sandbox(orders=40)) as client:
        sql = "SELECT count(*) AS waiting FROM orders WHERE status = 'AWAITING_SHIPMENT'"
        before = (await ask(client, sql))["data"]["result"]["rows"][0][0]
        assert before
        order = await ask(
            client, "SELECT id FROM orders WHERE status = 'AWAITING_SHIPMENT' AND NOT is_on_hold_order LIMIT 1"
        )
        arguments = {
            "order_id": order["data"]["result"]["rows"][0][0],
            "cancel_reason": "seller_cancel_reason_out_of_stock",
        }
        reply(await client.call_tool("run_write_operation", {"name": "cancel_order", "arguments": arguments}))
        after = (await ask(client, sql, max_age=0))["data"]["result"]["rows"][0][0]
        assert after == before - 1


# ---- describe_tables, and what is listed


async def test_the_description_names_every_table_within_seven_hundred_tokens(connect: Connect) -> None:
    async with connect(sandbox="1") as client:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        description = tools["query_shop"].description or ""
    assert len(description.encode()) <= MAX_DESCRIPTION_BYTES
    for table in TABLES.values():
        main_columns = [column.name for column in table.columns.values() if column.is_main]
        assert main_columns, table.name
        assert f"{table.name}({','.join(main_columns)})" in description


async def test_tables_are_described_as_their_records_say(connect: Connect) -> None:
    async with connect(sandbox="1") as client:
        short = reply(await client.call_tool("run_read_operation", {"name": "describe_tables"}))["data"]["tables"]
        assert list(short) == list(TABLES)
        arguments = {"name": "describe_tables", "arguments": {"tables": ["Orders", "inventory"]}}
        whole = reply(await client.call_tool("run_read_operation", arguments))["data"]["tables"]
        assert list(whole) == ["orders", "inventory"]
        for name, described in whole.items():
            rows = {row[0]: row[1:] for row in described["columns"]["rows"]}
            assert {*rows} == {"shop", "region", "zone", *TABLES[name].columns}
            for column in TABLES[name].columns.values():
                assert rows[column.name][0] == column.sql_type
                assert column.meaning in rows[column.name][1]
        wrong = await refuse(client, "describe_tables", {"tables": ["order"]})
        assert "orders" in wrong["message"]


async def test_every_example_answers_on_the_simulated_shop(connect: Connect) -> None:
    async with connect(sandbox="1", sandbox_object=Sandbox(orders=12)) as client:
        for table in TABLES.values():
            answer = await ask(client, table.example, max_age=3600)
            assert answer["data"]["result"]["columns"], table.name


async def test_what_is_not_read_yet_is_said_before_the_numbers(connect: Connect) -> None:
    """A sum over a copy that is still being read is told to be of a part, until it is whole; of a file, too."""
    seen: list[int] = []
    async with connect(
        sandbox="1", sandbox_object=Sandbox(orders=3_000), call_timeout_s=QUESTION_RESERVE_S + 0.2
    ) as client:
        while seen[-1:] != [3_000]:
            arguments = {"sql": "SELECT count(*) AS orders FROM orders", "save_as": "orders.csv"}
            answer = await client.call_tool("query_shop", arguments)
            data = reply(answer)
            if answer.is_error:
                assert (data["error"], data["retryable"]) == ("network", True)
                continue
            seen.append(data["data"]["result"]["rows"][0][0])
            assert seen[-1] == 3_000 or data["data"]["note"].startswith("PART ONLY: orders")
            assert seen == sorted(seen)


@pytest.mark.parametrize(
    ("condition", "is_before"),
    [
        ("create_time >= '2024-01-01' AND create_time < '2024-02-01'", True),
        ("create_time >= DATE '2024-03-05'", True),
        ("year(create_time) = 2024", True),
        ("strftime(create_time, '%Y-%m') = '2024-05'", True),
        ("create_time >= now() - INTERVAL 3 YEAR", True),
        ("create_time >= now() - INTERVAL '900 days'", True),
        ("create_time >= now() - INTERVAL 2 DAY", False),
        ("status = '20240'", False),
    ],
)
async def test_a_period_before_the_copy_is_told_as_a_part(connect: Connect, condition: str, is_before: bool) -> None:
    async with connect(sandbox="1", sandbox_object=Sandbox(orders=40)) as client:
        answer = await ask(client, f"SELECT count(*) AS orders FROM orders WHERE {condition}")
        report = reply(await client.call_tool("get_report", {"report": "sales", "period": "2024-01"}))
    note, reach = answer["data"].get("note", ""), answer["data"]["history_from"]["orders"]
    assert ("PART ONLY: orders reaches back to " in note) is is_before
    assert (reach[:10] in note) is (is_before or answer["data"]["result"]["rows"] == [[0]])
    assert "reaches back to " in report["data"]["part_only"]


async def test_a_sum_over_nothing_says_since_when_the_copy_was_looked_through(connect: Connect) -> None:
    async with connect(sandbox="1", sandbox_object=Sandbox(orders=40)) as client:
        answer = await ask(client, "SELECT sum(total_amount) FROM orders WHERE status = 'NONE'")
        whole = await ask(client, "SELECT count(*) FROM orders")
    assert answer["data"]["note"].startswith("Nothing was counted in what the copy holds: orders since 20")
    assert "copy holds" not in str(whole["data"].get("note"))
