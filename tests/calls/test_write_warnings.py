"""What is wrong with a write is refused where the platform's facts say so, and warned of where the state does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from mcp_server_tiktok_shop.sandbox import Sandbox
from tests.calls.test_previews import find_activity, list_orders, list_products, read, run
from tests.calls.test_writes import Person, told

if TYPE_CHECKING:
    from mcp import Client

    from tests.conftest import Connect

PENDING = "RETURN_OR_REFUND_REQUEST_PENDING"


@pytest.fixture
def sandbox() -> Sandbox:
    return Sandbox(shops=1)


@pytest.fixture
def era() -> str:
    return "auto"


async def preview(client: Client, name: str, /, **arguments: Any) -> dict[str, Any]:
    answer = await run(client, name, arguments, dry_run=True)
    assert "data" in answer, answer
    data: dict[str, Any] = answer["data"]
    return data


async def warn(client: Client, name: str, /, **arguments: Any) -> str:
    return " | ".join((await preview(client, name, **arguments)).get("warnings", ()))


async def refuse(client: Client, name: str, /, **arguments: Any) -> str:
    answer = await run(client, name, arguments, dry_run=True)
    assert answer["error"] == "invalid_arguments", answer
    return str(answer["message"])


@pytest.mark.parametrize(
    ("amount", "currency", "said"),
    [
        ("1.00", "GBP", ""),
        ("99.00", "EUR", "The partial refund is given in EUR, and is in GBP now"),
        ("1.00", "EUR", "The partial refund is given in EUR, and is in GBP now"),
        ("9900.00", "GBP", "The partial refund of 9900.00 is more than return "),
    ],
)
async def test_a_refund_in_another_currency_or_of_more_than_was_asked_is_warned_of(
    connect: Connect, sandbox: Sandbox, amount: str, currency: str, said: str
) -> None:
    async with connect(sandbox="1", sandbox_object=sandbox) as client:
        request = (await read(client, "search_returns", return_status=[PENDING]))["return_orders"][0]
        refund = {"amount": amount, "currency": currency}
        arguments = {"return_id": request["return_id"], "decision": "OFFER_PARTIAL_REFUND", "partial_refund": refund}
        warnings = await warn(client, "approve_return", **arguments)
    assert said in warnings
    assert bool(said) == ("partial refund" in warnings)


async def test_every_amount_is_held_to_the_currency_of_what_it_is_about(connect: Connect, sandbox: Sandbox) -> None:
    async with connect(sandbox="1", sandbox_object=sandbox) as client:
        order = (await list_orders(client))[0]
        asked = {"order_id": order["id"], "return_type": "REFUND", "return_reason": "any", "refund_total": "1.00"}
        assert "The refund total is given in USD" in await warn(client, "create_return", **asked, currency="USD")
        more = asked | {"refund_total": "5000.00"}
        assert "The refund total of 5000.00 is more than order" in await warn(client, "create_return", **more)
        product = (await list_products(client))[0]
        skus = [{"id": product["skus"][0]["id"], "list_price": {"amount": "9.00", "currency": "EUR"}}]
        said = await warn(client, "partial_edit_product", product_id=product["id"], skus=skus)
        assert "The list price of SKU" in said
        price = {"amount": "9.00", "currency": "EUR", "source": "SHOPIFY_COMPARE_AT_PRICE"}
        external = [{"id": product["skus"][0]["id"], "external_list_prices": [price]}]
        assert "given in" not in await warn(client, "partial_edit_product", product_id=product["id"], skus=external)


async def test_a_write_that_gives_nothing_to_change_is_refused(connect: Connect, sandbox: Sandbox) -> None:
    async with connect(sandbox="1", sandbox_object=sandbox) as client:
        product_id = (await list_products(client))[0]["id"]
        activity_id = (await find_activity(client))["activity_id"]
        assert "auto_add_product is missing" in await refuse(client, "edit_open_collaboration_settings")
        assert "warehouse is missing" in await refuse(client, "create_warehouse")
        assert "warehouse is missing" in await refuse(client, "update_warehouse", warehouse_id="1", warehouse={})
        assert "replicate_target is missing" in await refuse(
            client, "replicate_product", product_id=product_id, inventory_mode="SHARED"
        )
        nothing: list[dict[str, Any]] = [{}, {"products": []}]
        for empty in nothing:
            said = await refuse(client, "update_promotion_activity_products", activity_id=activity_id, **empty)
            assert "products is missing" in said
        # To take a parcel's orders apart, or ship it, an id is enough; an empty list takes away what is there.
        assert "error" not in await preview(client, "ship_package", package_id="1")
        assert "error" not in await preview(client, "partial_edit_product", product_id=product_id, certifications=[])


async def test_an_empty_object_is_no_contact(connect: Connect, sandbox: Sandbox) -> None:
    rule = {"has_free_sample": True, "is_sample_approval_exempt": True}
    arguments: dict[str, Any] = {"name": "x", "end_time": "2099-01-01", "free_sample_rule": rule}
    arguments |= {"products": [{"id": "1", "target_commission_rate": 1000}], "creator_user_open_ids": ["1"]}
    async with connect(sandbox="1", sandbox_object=sandbox) as client:
        said = await refuse(client, "create_target_collaboration", **arguments, seller_contact_info={})
    assert said == "seller_contact_info must not be empty"


def plan_discount(begin_h: float, end_h: float) -> dict[str, Any]:
    """A promotion so many hours from now, by the clock."""
    now = datetime.now(UTC)
    begin, end = (now + timedelta(hours=hours) for hours in (begin_h, end_h))
    times = {"begin_time": begin.isoformat(), "end_time": end.isoformat()}
    return times | {"title": "Tea week", "activity_type": "DIRECT_DISCOUNT", "product_level": "PRODUCT"}


async def test_times_are_in_order_ahead_and_shown_in_the_shops_zone(connect: Connect, sandbox: Sandbox) -> None:
    person = Person("decline")
    async with connect(sandbox="1", sandbox_object=sandbox, confirm="all", asked=person) as client:
        assert "end_time lies before begin_time" in await refuse(
            client, "create_promotion_activity", **plan_discount(5, 3)
        )
        past = await warn(client, "create_promotion_activity", **plan_discount(-5, 30))
        assert past.startswith("In the past: begin_time 20")
        plan = plan_discount(2, 30) | {"begin_time": "2099-07-01T09:00", "end_time": "2099-07-02T09:00"}
        shown = await preview(client, "create_promotion_activity", **plan)
        await run(client, "create_promotion_activity", plan)
    assert "warnings" not in shown
    assert shown["body"]["begin_time"] == "2099-07-01T09:00:00+01:00"
    assert "2099-07-01T09:00" in person.questions[0]


async def test_a_discount_shows_what_prices_become_and_is_no_more_than_all(connect: Connect, sandbox: Sandbox) -> None:
    async with connect(sandbox="1", sandbox_object=sandbox) as client:
        product, activity = (await list_products(client))[0], await find_activity(client)

        def discount(percent: str, product_id: str = product["id"]) -> dict[str, Any]:
            row = {"id": product_id, "quantity_limit": -1, "quantity_per_user": -1, "discount": percent}
            return {"activity_id": activity["activity_id"], "products": [row]}

        said = await refuse(client, "update_promotion_activity_products", **discount("150"))
        assert "discount is 150, out of range" in said
        shown = await preview(client, "update_promotion_activity_products", **discount("20"))
        (frozen, *_) = await list_products(client, "FREEZE")
        cold = await warn(client, "update_promotion_activity_products", **discount("20", frozen["id"]))
    sku = product["skus"][0]
    old = float(sku["price"]["sale_price"])
    assert shown["prices_then"][0] == f"{sku['seller_sku']}: {old:.2f} -> {old * 0.8:.2f} GBP"
    assert "is FREEZE, not on sale: TikTok will refuse it" in cold


async def test_who_is_in_a_promotion_of_the_same_time_is_warned_of_by_its_name(
    connect: Connect, sandbox: Sandbox
) -> None:
    """TikTok would refuse it, and an empty promotion would be left."""
    async with connect(sandbox="1", sandbox_object=sandbox, confirm="none") as client:
        listed = (await read(client, "search_promotion_activities", status="NOT_START"))["activities"]
        details = [await read(client, "get_activity", activity_id=row["id"]) for row in listed]
        planned = next(each for each in details if each.get("products"))
        taken = planned["products"][0]["id"]
        held = [str(each.get("products")) for each in details]
        free = next(each for each in await list_products(client) if not any(each["id"] in text for text in held))
        begin = datetime.fromisoformat(planned["begin_time"])
        warnings = []
        for hours in (1, 2000):
            plan = plan_discount(0, 0) | {"title": f"Week {hours}"}
            plan |= {"begin_time": (begin + timedelta(hours=hours)).isoformat()}
            plan |= {"end_time": (begin + timedelta(hours=hours + 5)).isoformat()}
            activity_id = (await run(client, "create_promotion_activity", plan))["data"]["activity_id"]
            rows = [
                {"id": product_id, "quantity_limit": -1, "quantity_per_user": -1, "discount": "10"}
                for product_id in (taken, free["id"])
            ]
            asked = {"activity_id": activity_id, "products": rows}
            warnings.append(await warn(client, "update_promotion_activity_products", **asked))
    beside, apart = warnings
    assert f'takes part in the promotion "{planned["title"]}", {planned["begin_time"]} to' in beside
    assert free["title"] not in beside
    assert "two at a time" not in apart


async def test_steps_of_percent_off_are_no_more_than_all(connect: Connect, sandbox: Sandbox) -> None:
    step = {"tier": 1, "threshold_type": "MINIMAL_ITEM_QUANTITY", "threshold_value": "2"}
    step |= {"type": "PERCENTAGE_OFF", "value": "150"}
    plan = plan_discount(2, 30) | {"activity_type": "BUY_MORE_SAVE_MORE"}
    plan |= {"discount": {"bmsm_discount": {"details": [step]}}, "participation_limit": [{"type": "BUYER_NO_LIMIT"}]}
    async with connect(sandbox="1", sandbox_object=sandbox) as client:
        assert "value is 150, out of range" in await refuse(client, "create_promotion_activity", **plan)
        step |= {"type": "AMOUNT_OFF"}
        assert "body" in await preview(client, "create_promotion_activity", **plan)


async def test_what_changes_nothing_says_so(connect: Connect, sandbox: Sandbox) -> None:
    async with connect(sandbox="1", sandbox_object=sandbox) as client:
        product = (await list_products(client))[0]
        price = {"amount": product["skus"][0]["price"]["sale_price"], "currency": "GBP"}
        same = {"product_id": product["id"], "skus": [{"id": product["skus"][0]["id"], "price": price}]}
        other = {
            "product_id": product["id"],
            "skus": [{"id": product["skus"][0]["id"], "price": price | {"amount": "9"}}],
        }
        activity = await find_activity(client)
        kept = {name: activity[name] for name in ("activity_id", "title", "begin_time", "end_time")}
        nothing = "This changes nothing: all of it is so already"
        assert nothing in await warn(client, "update_agent_settings", can_accept_chat=True)
        assert nothing not in await warn(client, "update_agent_settings", can_accept_chat=False)
        assert nothing in await warn(client, "update_price", **same)
        assert nothing not in await warn(client, "update_price", **other)
        assert await warn(client, "update_promotion_activity", **kept) == nothing  # it began before, and that stays
        assert nothing not in await warn(client, "update_promotion_activity", **kept | {"title": "New"})


async def test_an_order_is_divided_into_all_its_lines_once(connect: Connect, sandbox: Sandbox) -> None:
    async with connect(sandbox="1", sandbox_object=sandbox) as client:
        order = next(order for order in await list_orders(client) if len(order["line_items"]) > 1)
        waiting = (await list_orders(client, "ON_HOLD"))[0]
        lines = [line["id"] for line in order["line_items"]]

        async def split(order_id: str, *groups: list[str]) -> str:
            rows = [{"id": str(place), "order_line_item_ids": group} for place, group in enumerate(groups)]
            return await warn(client, "confirm_order_split", order_id=order_id, splittable_groups=rows)

        assert await split(order["id"], lines[:1], lines[1:]) == ""
        assert f"Not a line of order {order['id']}: 999" in await split(order["id"], [*lines[:1], "999"], lines[1:])
        assert f"In several groups: {lines[0]}" in await split(order["id"], lines[:1], lines)
        one = await split(order["id"], lines[:1])
        assert "There is one group alone" in one
        assert f"In no group, but a line of the order: {lines[1]}" in one
        assert "is ON_HOLD: TikTok will refuse to divide it" in await split(waiting["id"], ["1"], ["2"])


async def test_what_a_collaboration_is_about_is_named(connect: Connect, sandbox: Sandbox) -> None:
    async with connect(sandbox="1", sandbox_object=sandbox) as client:
        product = (await list_products(client))[0]
        shown = await preview(client, "create_open_collaboration", product_id=product["id"], commission_rate=1000)
    assert shown["now"][0]["title"] == product["title"]
    assert shown["undo"] == "No ready way back: remove_open_collaboration takes it back."


async def test_what_is_for_other_markets_is_warned_of_and_refused_with_its_markets(connect: Connect) -> None:
    async with connect(sandbox="1", sandbox_object=Sandbox(shops=1)) as client:
        delivery = [{"id": "1", "delivery_type": "DELIVERY_SUCCESS"}]
        said = await warn(client, "update_package_delivery_status", packages=delivery)
        refused = await told(client, "run_read_operation", name="get_sps_overview", arguments={})
    assert said.startswith("TikTok offers update_package_delivery_status to shops in SEA; this one is in GB")
    assert refused["error"] == "platform"
    assert "TikTok offers it to shops in US alone" in refused["hint"]
    assert "Correct the argument that the message names" in refused["hint"], (
        "the code says no more than that something is wrong"
    )


async def test_a_listing_that_is_sold_in_the_other_country_already_or_goes_there_in_part_is_warned_of(
    connect: Connect,
) -> None:
    sandbox = Sandbox(shops=3)
    home, abroad = sandbox.accounts[0].shops
    product = next(p for p in home.products.values() if p.status == "ACTIVATE" and len(p.skus) > 1)
    going, *staying = product.skus
    other = next(p for p in abroad.products.values() if going.seller_sku in [sku.seller_sku for sku in p.skus])
    sold = next(sku for sku in other.skus if sku.seller_sku == going.seller_sku)
    copy = {"source_sku_id": going.id, "price": {"sale_price": "9.90", "currency": "GBP"}}
    given: dict[str, Any] = {"product_id": product.id, "shop": home.name}
    async with connect(sandbox="1", sandbox_object=sandbox) as client:
        part = await warn(client, "replicate_product", **given, replicate_target=[{"region": "DE", "skus": [copy]}])
        whole = await warn(client, "replicate_product", **given, replicate_target=[{"region": "DE"}, {"region": "FR"}])
        renamed = copy | {"seller_sku": "SOLD-NOWHERE"}
        new = await warn(client, "replicate_product", **given, replicate_target=[{"region": "DE", "skus": [renamed]}])
    assert "is given in GBP, and prices in DE are in EUR" in part
    rest = ", ".join(sku.seller_sku for sku in staying)
    assert f"1 of the listing's {len(product.skus)} SKUs go to DE; left out: {rest}" in part
    assert f"Listed in DE already, as product {other.id} ({other.status}): {going.seller_sku} at " in part
    assert f"{sold.price} EUR" in part
    assert "left out" not in whole
    assert f"as product {other.id}" in whole
    assert all(sku.seller_sku in whole for sku in other.skus if sku.seller_sku in {s.seller_sku for s in product.skus})
    assert "What is listed in FR already could not be looked up: no shop there can be asked" in whole
    assert "Listed in DE already" not in new


async def test_a_shop_of_another_account_is_looked_up_and_called_one(connect: Connect) -> None:
    sandbox = Sandbox(shops=3)
    home, far = sandbox.accounts[0].shops[0], sandbox.accounts[1].shops[0]
    far_codes = {sku.seller_sku: product for product in far.products.values() for sku in product.skus}
    product = next(p for p in home.products.values() if p.status == "ACTIVATE" and p.skus[0].seller_sku in far_codes)
    given: dict[str, Any] = {"product_id": product.id, "shop": home.name, "replicate_target": [{"region": "US"}]}
    async with connect(sandbox="1", sandbox_object=sandbox) as client:
        said = await warn(client, "replicate_product", **given)
    assert f"The shop in US, {far.name}, belongs to another account (" in said
    assert f"Listed in US already, as product {far_codes[product.skus[0].seller_sku].id} " in said
    assert "could not be looked up" not in said
